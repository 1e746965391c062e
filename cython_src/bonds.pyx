# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What the lattice's step works on: H by its diagonals, and work space."""
import numpy as np
from libc.stdint cimport int32_t, int64_t

from copympi.kernels.cluster cimport EDGE_BYTES
from copympi.kernels.diagonals cimport TILE, Run, Side
from copympi.kernels.couplings cimport Couplings
from copympi.kernels.streams cimport Stream, stream_open

TILE_SIZE = int(TILE)
"""Beables of a tile."""


cdef void open_stream(Stream *stream, const Replica *x, int which, int64_t piece) noexcept nogil:
    """The random numbers of this step and piece."""
    stream_open(stream, x.seed, x.purpose, x.number, piece, 4 * x.step + which)


cdef class Bonds:
    """H/hbar by diagonals.

    runs (K, 4) first beable, offset, length, first bond, tile after tile, tile t's from run_at[t] on; sides (M, 5)
    beable, partner, length, first bond, sign (1 or -1), tile after tile of the beable likewise; re, im (bonds,); omega
    (P,) the diagonal less the energy `shift`. Raises ValueError where they do not fit each other.
    """

    def __cinit__(self, Couplings couplings, const int64_t[:, ::1] runs, const int64_t[::1] run_at,
                  const int64_t[:, ::1] sides, const int64_t[::1] side_at, const double[::1] re, const double[::1] im,
                  const double[::1] omega, double shift, double norm):
        cdef Py_ssize_t P = omega.shape[0], tiles = run_at.shape[0] - 1
        if couplings.system.P != P or re.shape[0] != im.shape[0] or side_at.shape[0] != tiles + 1:
            raise ValueError("bonds: shapes do not fit")
        if runs.shape[1] != 4 or sides.shape[1] != 5 or tiles != (P + TILE - 1) // TILE:
            raise ValueError("bonds: shapes do not fit")
        found_runs, found_sides = np.asarray(runs), np.asarray(sides)
        if run_at[0] != 0 or run_at[tiles] != runs.shape[0] or np.any(np.diff(run_at) < 0):
            raise ValueError("bonds: run_at does not fit the runs")
        if side_at[0] != 0 or side_at[tiles] != sides.shape[0] or np.any(np.diff(side_at) < 0):
            raise ValueError("bonds: side_at does not fit the sides")
        for table in (np.column_stack([found_runs[:, 0], found_runs[:, 0] + found_runs[:, 1], found_runs[:, 2:]]),
                      found_sides):
            if table.size and (table[:, :4].min() < 0 or (table[:, :2] + table[:, 2:3]).max() > P
                               or (table[:, 2] + table[:, 3]).max() > re.shape[0]):
                raise ValueError("bonds: a bond leads outside")
        for table, at in ((found_runs, run_at), (found_sides, side_at)):
            tile = np.repeat(np.arange(tiles), np.diff(at))
            if np.any(table[:, 0] // TILE != tile) or np.any((table[:, 0] + table[:, 2] - 1) // TILE != tile):
                raise ValueError("bonds: a run lies in more than one tile")
        self.keep = (runs, run_at, sides, side_at, re, im, omega)
        self.couplings = couplings
        self.shift = shift
        self.d.P = P
        self.d.tiles = tiles
        self.d.bonds = re.shape[0]
        self.d.run_at = &run_at[0]
        self.d.side_at = &side_at[0]
        if runs.shape[0]:
            self.d.run = <const Run *> &runs[0, 0]
            self.d.side = <const Side *> &sides[0, 0]
            self.d.re = &re[0]
            self.d.im = &im[0]
        self.d.omega = &omega[0]
        self.d.has_im = bool(np.any(np.asarray(im)))
        self.d.norm = self.norm = norm

    @property
    def most_bonds(self):
        """Of a tile."""
        runs, run_at = np.asarray(self.keep[0]), np.asarray(self.keep[1])
        bonds = np.concatenate([[0], np.cumsum(runs[:, 2])])
        return int(np.diff(bonds[run_at]).max(initial=0))


cdef class Room:
    """Work space for one replica at a time. apart: mean and deviation are kept apart."""

    def __cinit__(self, Bonds bonds, bint apart):
        cdef Py_ssize_t P = bonds.d.P, B = max(1, bonds.d.bonds), z = max(1, bonds.most_bonds)
        cdef double[::1] numbers = np.zeros((60 if apart else 36) * P + 3 * B + 2 * z)
        cdef double[::1] rare = np.zeros(49 * P)  # memory that is never touched is never there
        cdef int64_t[::1] whole = np.zeros(3 * P, np.int64)
        cdef int32_t[::1] places = np.full(2 * P, -1, np.int32)
        cdef unsigned char[::1] kind = np.zeros(P, np.uint8)
        cdef unsigned char[::1] edges = np.zeros((bonds.couplings.system.nnz + 1) * EDGE_BYTES, np.uint8)
        cdef Work *w = &self.w
        cdef double *at = &numbers[0]
        self.keep = (numbers, rare, whole, places, kind, edges, bonds)
        w.v = at
        w.early = at + 10 * P
        w.late = at + 12 * P
        w.end = at + 14 * P
        w.D0 = at + 16 * P
        w.D1 = at + 18 * P
        w.D2 = at + 20 * P
        w.E = at + 22 * P
        w.alive = at + 24 * P
        w.calm = at + 25 * P
        w.out = at + 26 * P
        w.change = at + 27 * P
        w.last = at + 28 * P
        w.spared = at + 29 * P
        w.share0 = at + 30 * P
        w.share1 = at + 31 * P
        w.share2 = at + 32 * P
        w.taken = at + 33 * P
        w.lead = at + 34 * P
        at += 36 * P
        if apart:
            w.deviation = at
            w.mean = at + 10 * P
            w.end_mean = at + 20 * P
            w.end_deviation = at + 22 * P
            at += 24 * P
        w.early_rate = at
        w.late_rate = at + B
        w.kick = at + 2 * B
        w.normal = at + 3 * B
        w.local = &rare[0]
        w.stiff_end = w.local + 45 * P
        w.gone = &whole[0]
        w.moved = w.gone + P
        w.stiff = w.moved + P
        w.kind = &kind[0]
        w.place = &places[0]
        w.queue = w.place + P
        w.edge = &edges[0]
