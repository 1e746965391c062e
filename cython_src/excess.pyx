# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Exact paths of aligned members, and what copying adds to means along them: excess.h. The copies are exact.pyx's."""
from libc.math cimport rint
from libc.stdint cimport int64_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.marks cimport Names
from copympi.kernels.streams cimport Stream, stream_open

cdef extern from "turned.h" nogil:
    const double TWO_PI
    double turned(double rate, double t)

cdef extern from "exact.h" nogil:
    enum:
        ORDERS
    ctypedef struct Exact:
        int64_t P, all, spectators, bound, pairs
        const int64_t *pair
        const double *re
        const double *im
        const double *level
        int64_t *place
        int64_t *who
        int64_t *row
        int64_t *first
        int64_t *second
        double *wr
        double *wi
        double *strength
        double *omega
        double *cx
        double *cy
        double *root
        double *over
        double *free
        double *turn
        double *stiff
        double *size
        double *zx
        double *zy
        double *g
        double *v
        double shift
    void exact_bind(Exact *k, const int64_t *n)
    void exact_fill(Exact *k, const int64_t *n, const double *phase)
    double exact_look(Exact *k, double time_left)
    double exact_expand(Exact *k, double ahead)
    double exact_draw(const Exact *k, Stream *s, double ahead, int64_t *source, int64_t *target)
    void exact_turn(Exact *k, double t)

cdef extern from "exact_copies.h" nogil:
    ctypedef struct Path:
        int64_t *n
        double *phase
        double *time_left
        double *events
        int64_t *step
        double *death
        int64_t *smallest
        const int64_t *floor
        Names names
        bint stopped
    bint exact_copy(Exact *k, Path *r, int64_t source, int64_t target)

cdef extern from "excess.h" nogil:
    ctypedef struct Excess:
        int64_t P, forms
        double fastest
        const double *energy
        const double *vr
        const double *vi
        const double *mr
        const double *mi
        const double *end
        double *jumps
        double *held
        double *cx
        double *cy
        double *kx
        double *ky
        double *er
        double *ei
        double *gr
        double *gi
        double *dr
        double *di
        double *cosine
        double *sine
    void excess_copy(const Exact *k, Excess *x, const int64_t *n, const double *phase, double past, double t,
                     int64_t first, int64_t source, int64_t target)
    bint excess_holds(const Exact *k, const int64_t *n)
    void excess_hold(const Exact *k, Excess *x, const int64_t *n, const double *phase, double past, double t,
                     double ahead, int64_t first)

FINE, UNRESOLVED = 0, 1
cdef int _FINE = 0, _UNRESOLVED = 1
cdef int64_t CHUNK = 64            # steps after which amplitudes are made anew from counts and phases


cdef class Forms:
    """The quadratic forms that are measured, in the eigenstates of H/hbar: energy (P,), vectors as re, im (P, P), M as
    re, im (forms, P, P), end (forms,): the times at which they are asked for, from 0, ascending.

    ValueError (or TypeError) where something does not fit.
    """

    cdef object keep
    cdef Excess excess

    def __cinit__(self, *, const double[::1] energy not None, const double[:, ::1] vr not None,
                  const double[:, ::1] vi not None, const double[:, :, ::1] mr not None,
                  const double[:, :, ::1] mi not None, const double[::1] end not None):
        cdef Py_ssize_t P = energy.shape[0], K = end.shape[0], k
        need(P > 0 and K > 0, "energy, end: must not be empty")
        need(vr.shape[0] == vr.shape[1] == vi.shape[0] == vi.shape[1] == P, "vr, vi: must be (P, P)")
        need(mr.shape[0] == mi.shape[0] == K, "mr, mi: must be (forms, P, P)")
        need(mr.shape[1] == mr.shape[2] == mi.shape[1] == mi.shape[2] == P, "mr, mi: must be (forms, P, P)")
        for k in range(K):
            need(end[k] >= (end[k - 1] if k else 0.0), "end: must ascend from 0 or later")
        cdef double[::1] room = np.zeros(12 * P)
        cdef double *at = &room[0]
        cdef Excess *x = &self.excess
        self.keep = (energy, vr, vi, mr, mi, end, room)
        x.P, x.forms, x.energy, x.end = P, K, &energy[0], &end[0]
        x.vr, x.vi, x.mr, x.mi = &vr[0, 0], &vi[0, 0], &mr[0, 0, 0], &mi[0, 0, 0]
        x.fastest = np.ptp(energy)
        x.cx, x.cy, x.kx, x.ky, x.er, x.ei = at, at + P, at + 2 * P, at + 3 * P, at + 4 * P, at + 5 * P
        x.gr, x.gi, x.dr, x.di = at + 6 * P, at + 7 * P, at + 8 * P, at + 9 * P
        x.cosine, x.sine = at + 10 * P, at + 11 * P


cdef class Paths:
    """R replicas of one system on their way to the last of the forms' ends.

    n (R, P) int64, phase (R, P) rad, time_left (R,), step (R,) int64, events (R,), death (R, P): how much time was left
    when a beable lost its last member, jumps, held (R, forms): sums over copies, and integrals over what cannot follow:
    all of them the caller's, changed in place. keys (R,) uint64: draws of replica r are a function of the seed, the
    purpose and keys[r]. spectators: members of every beable who never copy.

    ValueError (or TypeError) where something does not fit.
    """

    cdef Couplings couplings
    cdef Forms forms
    cdef object keep
    cdef int64_t[:, ::1] n
    cdef double[:, ::1] phase
    cdef double[::1] time_left
    cdef int64_t[::1] step
    cdef double[::1] events
    cdef double[:, ::1] death
    cdef double[:, ::1] jumps
    cdef double[:, ::1] held
    cdef const uint64_t[::1] keys
    cdef Exact exact

    def __cinit__(self, Couplings couplings not None, Forms forms not None, *, int64_t[:, ::1] n not None,
                  double[:, ::1] phase not None, double[::1] time_left not None, int64_t[::1] step not None,
                  double[::1] events not None, double[:, ::1] death not None, double[:, ::1] jumps not None,
                  double[:, ::1] held not None, const uint64_t[::1] keys not None, int64_t spectators=0):
        cdef const System *s = &couplings.system
        cdef Py_ssize_t R = n.shape[0], P = s.P, K = forms.excess.forms, pairs = max(s.pairs, 1), r, a
        need(forms.excess.P == P, "forms: are those of another number of beables")
        need(n.shape[1] == phase.shape[1] == death.shape[1] == P, "n, phase, death: must be (R, P)")
        need(phase.shape[0] == death.shape[0] == R, "n, phase, death: must be (R, P)")
        need(time_left.shape[0] == step.shape[0] == events.shape[0] == keys.shape[0] == R,
             "time_left, step, events, keys: must be (R,)")
        need(jumps.shape[0] == held.shape[0] == R and jumps.shape[1] == held.shape[1] == K,
             "jumps, held: must be (R, forms)")
        need(spectators >= 0, "spectators: must not be negative")
        for r in range(R):
            for a in range(P):
                need(n[r, a] >= spectators, "n: must not be below the spectators")
        self.couplings, self.forms, self.n, self.phase, self.time_left = couplings, forms, n, phase, time_left
        self.step, self.events, self.death, self.jumps, self.held, self.keys = step, events, death, jumps, held, keys
        cdef int64_t[::1] places = np.zeros(3 * P + 1 + 2 * pairs, np.int64)
        cdef double[::1] numbers = np.zeros((8 + ORDERS) * P + (4 + 3 * ORDERS) * pairs)
        self.keep = (places, numbers)
        cdef Exact *k = &self.exact
        cdef double *x = &numbers[0]
        k.P, k.all, k.pair, k.re, k.im = P, s.pairs, s.pair, s.re, s.im
        k.level, k.spectators = s.level, spectators
        k.place, k.who, k.row = &places[0], &places[P], &places[2 * P]
        k.first, k.second = &places[3 * P + 1], &places[3 * P + 1] + pairs
        k.omega, k.cx, k.cy, k.root = x, x + P, x + 2 * P, x + 3 * P
        k.over, k.free, k.turn, k.stiff = x + 4 * P, x + 5 * P, x + 6 * P, x + 7 * P
        k.v = x + 8 * P
        x += (8 + ORDERS) * P
        k.wr, k.wi, k.strength, k.size = x, x + pairs, x + 2 * pairs, x + 3 * pairs
        k.zx, k.zy, k.g = x + 4 * pairs, x + (4 + ORDERS) * pairs, x + (4 + 2 * ORDERS) * pairs

    def advance(self, *, uint64_t seed, uint64_t purpose, double smallest, int64_t max_steps):
        """Carry replicas to the end of their time, or about `max_steps` further, all together.

        smallest: the shortest stretch that time can resolve. Returns (steps done, FINE or UNRESOLVED, replica).
        """
        cdef Py_ssize_t R = self.n.shape[0], r = 0
        cdef int64_t done = 0, before
        cdef int status = _FINE
        cdef Stream stream
        cdef Path path
        cdef Excess *x = &self.forms.excess
        with nogil:
            path.smallest, path.floor, path.names = NULL, NULL, Names(NULL, NULL, NULL, 0)
            path.stopped = False
            for r in range(R):
                path.n, path.phase, path.time_left = &self.n[r, 0], &self.phase[r, 0], &self.time_left[r]
                path.step, path.events, path.death = &self.step[r], &self.events[r], &self.death[r, 0]
                x.jumps, x.held = &self.jumps[r, 0], &self.held[r, 0]
                while self.time_left[r] > 0.0 and done < max_steps and status == _FINE:
                    before = path.step[0]
                    stream_open(&stream, seed, purpose, self.keys[r], 0, before)
                    status = go_on(&self.exact, x, &path, &stream, smallest)
                    done += path.step[0] - before
                if status != _FINE:
                    break
        return done, status, r


cdef int go_on(Exact *k, Excess *x, Path *r, Stream *stream, double smallest) noexcept nogil:
    """Some steps of a replica, the same ones wherever it was interrupted before; it dies a beable at most."""
    cdef double duration = x.end[x.forms - 1], began = r.time_left[0], ahead, limit, past, shift
    cdef int64_t _i, i, a, b = -1, form = 0
    cdef int status = _FINE
    exact_bind(k, r.n)
    exact_fill(k, r.n, r.phase)
    for _i in range(CHUNK):
        past = began - r.time_left[0]
        while form < x.forms - 1 and duration - x.end[form] >= r.time_left[0]:
            form += 1
        # a step ends where a form does; of forms that are over, nothing is added any more
        limit = r.time_left[0] - (duration - x.end[form])
        ahead = limit
        b = -1
        if k.pairs:
            ahead = exact_look(k, limit)
            if not ahead >= smallest and ahead < limit:
                status = _UNRESOLVED
                break
            ahead = exact_expand(k, ahead)
            ahead = exact_draw(k, stream, ahead, &b, &a)
        if excess_holds(k, r.n):
            excess_hold(k, x, r.n, r.phase, past, duration - r.time_left[0], ahead, form)
        if k.pairs:
            exact_turn(k, ahead)
        r.time_left[0] = duration - x.end[form] if ahead == limit else r.time_left[0] - ahead
        r.step[0] += 1
        if b >= 0:
            excess_copy(k, x, r.n, r.phase, began - r.time_left[0], duration - r.time_left[0], form, b, a)
            if exact_copy(k, r, b, a):
                break
        if not r.time_left[0] > 0.0:
            break
    past = began - r.time_left[0]
    shift = turned(k.shift, past)
    for a in range(k.P):
        i = k.place[a]
        if i >= 0:
            elapsed_phase(&r.phase[a], k.turn[i] + shift)
        elif r.n[a] > 0:
            elapsed_phase(&r.phase[a], turned(k.level[a], past))
    return status


cdef inline void elapsed_phase(double *phase, double turn) noexcept nogil:
    phase[0] += turn
    phase[0] -= TWO_PI * rint(phase[0] / TWO_PI)
