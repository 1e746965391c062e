# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What the step of many beables stands on: H by its diagonals, and work space for a replica."""
import numpy as np
from libc.stdint cimport int32_t, int64_t

from copympi.kernels.diagonals cimport Run
from copympi.kernels.predictor cimport Couplings, System


cdef class Bonds:
    """H/hbar by diagonals: runs (K, 4) of pairs, their weights re, im, the diagonal less the energy `shift`."""

    def __cinit__(self, Couplings couplings, const int64_t[:, ::1] runs, const double[::1] re, const double[::1] im,
                  const double[::1] omega, double shift, double norm, bint complex_weights):
        self.keep = (runs, re, im, omega)
        self.couplings = couplings
        self.shift = shift
        self.d.P = omega.shape[0]
        self.d.runs = runs.shape[0]
        self.d.bonds = re.shape[0]
        if runs.shape[0]:
            self.d.run = <const Run *> &runs[0, 0]
            self.d.re = &re[0]
            self.d.im = &im[0]
        self.d.omega = &omega[0]
        self.d.has_im = complex_weights
        self.d.norm = self.norm = norm


cdef class Room:
    """Work space for one replica at a time."""

    def __cinit__(self, Bonds bonds, bint apart):
        cdef Py_ssize_t P = bonds.d.P, B = max(1, bonds.d.bonds), degree
        cdef const System *s = &bonds.couplings.system
        degree = max(1, int(np.max(np.diff(bonds.couplings.keep[0]), initial=1)))
        cdef double[::1] numbers = np.zeros((42 if apart else 18) * P + 4 * B + 11 * P + degree + 6 * s.nnz)
        cdef int64_t[::1] whole = np.zeros(B + P + degree, np.int64)
        cdef int32_t[::1] places = np.full(2 * P, -1, np.int32)
        cdef unsigned char[::1] busy = np.zeros(P, np.uint8)
        self.keep = (numbers, whole, places, busy, bonds)
        cdef double *at = &numbers[0]
        self.v = at
        self.mid = at + 10 * P
        self.end = at + 12 * P
        self.alive = at + 14 * P
        self.out = at + 15 * P
        self.taken = at + 16 * P
        self.change = at + 17 * P
        at += 18 * P
        if apart:
            self.deviation = at
            self.mean = at + 10 * P
            self.end_deviation = at + 20 * P
            self.end_mean = at + 22 * P
            at += 24 * P
        self.start_rate = at
        self.end_rate = at + B
        self.gross = at + 2 * B
        self.net = at + 3 * B
        at += 4 * B
        self.rapids.room = at
        self.rapids.chance = at + 11 * P
        self.rapids.outside = self.rapids.chance + degree  # memory that is never touched is never there
        self.moved = &whole[0]
        self.gone = self.moved + B
        self.rapids.leave = self.gone + P
        self.busy = &busy[0]
        self.rapids.place = &places[0]
        self.rapids.queue = self.rapids.place + P
        self.rapids.s = s
        self.rapids.shift = bonds.shift - bonds.couplings.system.shift
        self.rapids.v = self.v
        self.rapids.busy = self.busy
        self.rapids.gone = self.gone
        self.rapids.change = self.change
        self.rapids.taken = self.taken
        self.rapids.end = self.end
        self.rapids.substeps = 0
