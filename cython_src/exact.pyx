# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Aligned members that copy one by one: replicas on clocks of their own, each up to its next stop."""
from libc.math cimport rint
from libc.stdint cimport int64_t, uint32_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.marks cimport Marks, Names, marked_of, move_named
from copympi.kernels.streams cimport Stream, stream_open
from copympi.kernels.tracker cimport Tracker, Tracks, tracker_one, tracker_open, tracks_of

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
    int64_t exact_movable(const Exact *k, int64_t n)
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

cdef extern from "exact_two.h" nogil:
    double exact_two(Exact *k, Stream *s, double time_left, double smallest, int64_t *source, int64_t *target)

FINE, UNRESOLVED = 0, 1
cdef int _FINE = 0, _UNRESOLVED = 1
cdef int64_t CHUNK = 64            # steps after which amplitudes are made anew from counts and phases
cdef int64_t CHUNK_OF_PAIRS = 1 << 18  # fewer where so many pairs were looked at


cdef class Paths:
    """R replicas of one system, each a path of counts and phases that goes on from copy to copy.

    n (R, P) int64, phase (R, P) rad, time_left (R,), step (R,) int64, events (R,) double, are the caller's arrays, and
    change in place: step counts stretches of a path, each up to a copy or to where phases must be worked out anew.
    keys (R,) uint64: draws of replica r are a function of the seed, the purpose and keys[r]. spectators: members of
    every beable who never copy; one with no members has none of them either, as a filter leaves it.

    ValueError (or TypeError) where something does not fit.
    """

    cdef Couplings couplings
    cdef object keep
    cdef int64_t[:, ::1] n
    cdef double[:, ::1] phase
    cdef double[::1] time_left
    cdef int64_t[::1] step
    cdef double[::1] events
    cdef const uint64_t[::1] keys
    cdef double[:, ::1] death
    cdef int64_t[:, ::1] smallest
    cdef const int64_t[:, ::1] floor
    cdef const int64_t[::1] offset
    cdef uint32_t[::1] ids
    cdef bint watched, named     # memoryviews that were never set are not None
    cdef Marks marks
    cdef Exact exact

    def __cinit__(self, Couplings couplings not None, *, int64_t[:, ::1] n not None, double[:, ::1] phase not None,
                  double[::1] time_left not None, int64_t[::1] step not None, double[::1] events not None,
                  const uint64_t[::1] keys not None, int64_t spectators=0):
        cdef const System *s = &couplings.system
        cdef Py_ssize_t R = n.shape[0], P = s.P, pairs = max(s.pairs, 1)
        need(n.shape[1] == P and phase.shape[0] == R and phase.shape[1] == P, "n, phase: must be (R, P)")
        need(time_left.shape[0] == R and step.shape[0] == R and events.shape[0] == R and keys.shape[0] == R,
             "time_left, step, events, keys: must be (R,)")
        need(spectators >= 0, "spectators: must not be negative")
        self.couplings, self.n, self.phase, self.time_left, self.step = couplings, n, phase, time_left, step
        self.events, self.keys = events, keys
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
        self.need_whole()

    cdef int need_whole(self) except -1:
        """ValueError where counts do not fit: they are the caller's, and may have changed since."""
        cdef Py_ssize_t r, a
        cdef int64_t members
        for r in range(self.n.shape[0]):
            members = 0
            for a in range(self.exact.P):
                if self.n[r, a] < self.exact.spectators and self.n[r, a] != 0:
                    raise ValueError(f"n[{r}, {a}] = {self.n[r, a]}: must be at least {self.exact.spectators}, or 0")
                members += exact_movable(&self.exact, self.n[r, a])
            if self.named and members != self.offset[r + 1] - self.offset[r]:
                raise ValueError(f"offset: must leave replica {r} as many members as n has, {members}")
        return 0

    def watch(self, double[:, ::1] death not None, int64_t[:, ::1] smallest not None,
              const int64_t[:, ::1] floor not None):
        """Note in death (R, P) how much time was left when a beable lost its last member, and in smallest (R, P) the
        fewest members it had; stop a replica, with what time it has left negative, as soon as some n_a <= floor (R, P).
        """
        cdef Py_ssize_t R = self.n.shape[0], P = self.exact.P
        need(death.shape[0] == smallest.shape[0] == floor.shape[0] == R, "death, smallest, floor: must be (R, P)")
        need(death.shape[1] == smallest.shape[1] == floor.shape[1] == P, "death, smallest, floor: must be (R, P)")
        self.death, self.smallest, self.floor, self.watched = death, smallest, floor, True

    def name(self, uint32_t[::1] ids not None, const int64_t[::1] offset not None):
        """Give members names: ids (M,), replica after replica from offset (R + 1,) on, bucketed by beable, without
        spectators. Who copies is drawn among the members of its beable, and moves to another bucket."""
        cdef Py_ssize_t R = self.n.shape[0]
        need(offset.shape[0] == R + 1 and offset[0] == 0 and offset[R] == ids.shape[0],
             "offset: must go from 0 to the number of members")
        cdef const int64_t[::1] starts = np.array(offset)
        self.ids, self.offset, self.named = ids, starts, True
        self.need_whole()

    def mark(self, Marks marks):
        """Have copies of these tracked members, of units that are the replicas, noted there; None: of nobody."""
        need(marks is None or marks.units == self.n.shape[0], "marks: must be of one unit a replica")
        self.marks = marks

    def advance(self, *, uint64_t seed, uint64_t purpose, uint64_t names, double smallest, int64_t max_steps,
                Tracker tracker=None, double stop=0.0, double pause=0.0):
        """Carry replicas to the end of their time, or about `max_steps` further, all together.

        names: the purpose of draws of who copies. smallest: the shortest stretch that time can resolve. tracker:
        members that are followed, or None; stop: the time at which the replicas' time ends. pause: replicas wait that
        have no more time left than this.
        Returns (steps done, FINE or UNRESOLVED, replica).
        """
        cdef Py_ssize_t R = self.n.shape[0], r = 0, P = self.exact.P, a
        cdef int64_t done = 0, place, before
        cdef int status = _FINE
        cdef Stream stream
        cdef Stream luck
        cdef Path path
        cdef int64_t[::1] start = np.zeros(P, np.int64)
        cdef Tracks *tracks = tracks_of(tracker)
        path.names = Names(NULL, &start[0], marked_of(self.marks), 0)
        self.need_whole()
        with nogil:
            for r in range(R):
                path.n, path.phase, path.time_left = &self.n[r, 0], &self.phase[r, 0], &self.time_left[r]
                path.step, path.events = &self.step[r], &self.events[r]
                path.death = &self.death[r, 0] if self.watched else NULL
                path.smallest = &self.smallest[r, 0] if self.watched else NULL
                path.floor = &self.floor[r, 0] if self.watched else NULL
                path.names.ids = NULL
                path.names.unit = r
                path.stopped = False
                if self.named and self.ids.shape[0]:
                    path.names.ids = &self.ids[self.offset[r]]
                    place = 0
                    for a in range(P):
                        start[a] = place
                        place += exact_movable(&self.exact, path.n[a])
                while self.time_left[r] > pause and done < max_steps and status == _FINE:
                    before = path.step[0]
                    stream_open(&stream, seed, purpose, self.keys[r], 0, before)
                    stream_open(&luck, seed, names, self.keys[r], 0, before)
                    if tracks != NULL:
                        tracker_open(tracks, r, 0, before)
                    status = go_on(&self.exact, &path, &stream, &luck, smallest, tracks, stop)
                    done += path.step[0] - before
                if status != _FINE:
                    break
        return done, status, r


cdef int go_on(Exact *k, Path *r, Stream *stream, Stream *luck, double smallest, Tracks *tracks,
               double stop) noexcept nogil:
    """Some steps of a replica, the same ones wherever it was interrupted before; it dies a beable at most."""
    cdef double began = r.time_left[0], ahead, elapsed, shift
    cdef int64_t _i, i, a, b = -1, steps = CHUNK
    cdef int status = _FINE
    exact_bind(k, r.n)
    exact_fill(k, r.n, r.phase)
    if k.pairs > CHUNK_OF_PAIRS // CHUNK:
        steps = 1 + CHUNK_OF_PAIRS // k.pairs
    for _i in range(steps):
        ahead = r.time_left[0]
        if k.pairs == 1:
            ahead = exact_two(k, stream, ahead, smallest, &b, &a)
            if ahead < 0.0:
                status = _UNRESOLVED
                break
        elif k.pairs:
            ahead = exact_look(k, ahead)
            if not ahead >= smallest and ahead < r.time_left[0]:
                status = _UNRESOLVED
                break
            ahead = exact_expand(k, ahead)
            ahead = exact_draw(k, stream, ahead, &b, &a)
            exact_turn(k, ahead)
        r.time_left[0] -= ahead
        r.step[0] += 1
        if b >= 0:
            move_named(&r.names, r.n, k.spectators, luck, k.who[b], k.who[a], r.time_left[0])
            if tracks != NULL:
                tracker_one(tracks, k.who[b], k.who[a], exact_movable(k, r.n[k.who[b]]), stop - r.time_left[0])
            if exact_copy(k, r, b, a):
                break
        if not r.time_left[0] > 0.0:
            break
    elapsed = began - r.time_left[0]
    shift = turned(k.shift, elapsed)
    for a in range(k.P):
        i = k.place[a]
        if i >= 0:
            elapsed_phase(&r.phase[a], k.turn[i] + shift)
        elif r.n[a] > 0:
            elapsed_phase(&r.phase[a], turned(k.level[a], elapsed))
    if r.stopped:
        r.time_left[0] = -r.time_left[0]
    return status


cdef inline void elapsed_phase(double *phase, double turn) noexcept nogil:
    phase[0] += turn
    phase[0] -= TWO_PI * rint(phase[0] / TWO_PI)
