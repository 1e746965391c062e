# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Aligned members that copy one by one by any rule: replicas on clocks of their own, each up to its next stop.

Thinning: between copies n stands still, and between a and b no more than max(n_a^q n_b^(1-q), n_b^q n_a^(1-q)) times
sum_k R'^k copies take place in unit time, whatever the phases. Proposals come at the sum of these bounds; one is taken
with the ratio of the two directions' flows to it, in the one or the other direction. So the law of the copies is exact.
Phases move by Runge and Kutta's rule of fourth order, in steps in which none can turn further than ANGLE: 5e-8 rad off
a radian.
"""
from libc.math cimport fabs, rint, sqrt
from libc.stdint cimport int64_t, uint32_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.elementary cimport fmax, fmin, log1p, sin_cos_of
from copympi.kernels.general cimport CopyRule, Harmonic, Law, Powers, powers_of
from copympi.kernels.marks cimport Marks, Names, marked_of, move_named
from copympi.kernels.streams cimport Stream, stream_double, stream_fine, stream_open
from copympi.kernels.tracker cimport Followed, Tracker, follow_copy, tracker_open, tracks_of

cdef extern from "turned.h" nogil:
    const double TWO_PI
    double turned(double rate, double t)

cdef extern from "buckets.h" nogil:
    int64_t movable(int64_t n, int64_t spectators)

cdef int FINE = 0, UNRESOLVED = 1
cdef int64_t CHUNK = 64        # steps after which all is made anew from counts and phases
cdef double ANGLE = 0.05       # radians, the fastest harmonic's, that a step of phases may be
cdef double SHORT = 3e-4       # and below which a rule of second order errs less than that


cdef struct Pair:              # b < a
    double copies              # sum_k R'^k
    double turns               # sum_k |R^k|
    double forth               # what the flow b->a has before its sines, and
    double back                # that of a->b
    double bound               # of both flows together
    double on_a                # what the turn of a has before its cosines, and
    double on_b                # that of b


cdef class Paths:
    """R replicas of one system, each a path of counts and phases that goes on from copy to copy.

    n (R, P) int64, phase (R, P) rad, time_left (R,), step (R,) int64, events (R,) double, are the caller's arrays, and
    change in place: step counts proposals, and steps of phases. keys (R,) uint64: draws of replica r are a function of
    the seed, the purpose and keys[r]. spectators: members of every beable who never copy; one that has no members has
    none of them either, as a filter leaves it.

    ValueError (or TypeError) where something does not fit.
    """

    cdef CopyRule rule
    cdef int64_t[:, ::1] n
    cdef double[:, ::1] phase
    cdef double[::1] time_left
    cdef int64_t[::1] step
    cdef double[::1] events
    cdef const uint64_t[::1] keys
    cdef const int64_t[::1] offset
    cdef uint32_t[::1] ids
    cdef bint named
    cdef Marks marks
    cdef int64_t[::1] start
    cdef double[::1] memory
    cdef double[::1] pair_memory
    cdef int64_t spectators
    cdef Pair *pair
    cdef Powers *power
    cdef double *z             # (2, P)
    cdef double *bound         # (P,), as the rest: 1 for beables with a neighbour with members, at a chunk's start
    cdef double *omega
    cdef double *phi
    cdef double *stage
    cdef double *rate
    cdef double *total
    cdef double all            # proposals in unit time
    cdef double fastest        # radians in unit time, at most
    cdef double shift

    def __cinit__(self, CopyRule rule not None, *, int64_t[:, ::1] n not None, double[:, ::1] phase not None,
                  double[::1] time_left not None, int64_t[::1] step not None, double[::1] events not None,
                  const uint64_t[::1] keys not None, int64_t spectators=0):
        cdef const Law *law = &rule.law
        cdef Py_ssize_t R = n.shape[0], P = law.s.P, p, k
        cdef const Harmonic *h
        need(law.function == NULL, "rule: a function has no bound")
        need(n.shape[1] == P and phase.shape[0] == R and phase.shape[1] == P, "n, phase: must be (R, P)")
        need(time_left.shape[0] == R and step.shape[0] == R and events.shape[0] == R and keys.shape[0] == R,
             "time_left, step, events, keys: must be (R,)")
        need(spectators >= 0, "spectators: must not be negative")
        self.rule, self.n, self.phase, self.time_left, self.step = rule, n, phase, time_left, step
        self.events, self.keys, self.spectators = events, keys, spectators
        self.start = np.zeros(P, np.int64)
        self.memory = np.zeros(12 * P)
        self.pair_memory = np.zeros(max(1, law.s.pairs) * (sizeof(Pair) // sizeof(double)))
        self.pair = <Pair *> &self.pair_memory[0]
        self.power = <Powers *> &self.memory[0]
        self.z = &self.memory[4 * P]
        self.bound = self.z + 2 * P
        self.omega = self.bound + P
        self.phi = self.omega + P
        self.stage = self.phi + P
        self.rate = self.stage + P
        self.total = self.rate + P
        for p in range(law.s.pairs):
            h = law.harmonic + p * law.K
            for k in range(law.K):
                self.pair[p].copies += sqrt(h[k].copy_re * h[k].copy_re + h[k].copy_im * h[k].copy_im)
                self.pair[p].turns += sqrt(h[k].turn_re * h[k].turn_re + h[k].turn_im * h[k].turn_im)
        self.need_whole()

    cdef int need_whole(self) except -1:
        """ValueError where counts do not fit: they are the caller's, and may have changed since."""
        cdef Py_ssize_t r, a
        cdef int64_t members
        for r in range(self.n.shape[0]):
            members = 0
            for a in range(self.n.shape[1]):
                need(self.n[r, a] >= self.spectators or self.n[r, a] == 0, "n: must be at least the spectators, or 0")
                members += movable(self.n[r, a], self.spectators)
            if self.named:
                need(members == self.offset[r + 1] - self.offset[r], "offset: must leave each its members")
        return 0

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
        Returns (steps done, 0 or 1 where time cannot resolve the dynamics, replica).
        """
        cdef Py_ssize_t R = self.n.shape[0], P = self.n.shape[1], r = 0, a
        cdef int64_t done = 0, place, before
        cdef int status = FINE
        cdef Stream stream, luck
        cdef Names member = Names(NULL, &self.start[0], marked_of(self.marks), 0)
        cdef Followed followed = Followed(tracks_of(tracker), stop, 0.0, False)
        self.need_whole()
        with nogil:
            for r in range(R):
                member.ids, member.unit = NULL, r
                if self.named and self.ids.shape[0]:
                    member.ids = &self.ids[self.offset[r]]
                    place = 0
                    for a in range(P):
                        self.start[a] = place
                        place += movable(self.n[r, a], self.spectators)
                while self.time_left[r] > pause and done < max_steps and status == FINE:
                    before = self.step[r]
                    stream_open(&stream, seed, purpose, self.keys[r], 0, before)
                    stream_open(&luck, seed, names, self.keys[r], 0, before)
                    if followed.tracks != NULL:
                        tracker_open(followed.tracks, r, 0, before)
                    status = go_on(self, r, &member, &stream, &luck, smallest, &followed)
                    done += self.step[r] - before
                if status != FINE:
                    break
        return done, status, r


cdef void bind(Paths w, const int64_t *n, const double *phase) noexcept nogil:
    """Beables that can exchange members and the middle of their H_aa/hbar, phases, and what stands before all sums."""
    cdef const System *s = w.rule.law.s
    cdef Py_ssize_t P = s.P, a, b, e
    cdef double low = 0.0, high = 0.0
    cdef bint some = False
    for a in range(P):
        w.bound[a] = 0.0
        w.phi[a] = phase[a]
        powers_of(&w.rule.law, w.spectators, <double> n[a], &w.power[a])
        for e in range(s.indptr[a], s.indptr[a + 1]):
            b = s.indices[e]
            if n[a] > 0 and n[b] > 0:
                w.bound[a] = 1.0
        if w.bound[a] > 0.0:
            low = fmin(low, s.level[a]) if some else s.level[a]
            high = fmax(high, s.level[a]) if some else s.level[a]
            some = True
    w.shift = 0.5 * (low + high)
    for a in range(P):
        w.omega[a] = s.level[a] - w.shift if w.bound[a] > 0.0 else 0.0
    weigh(w)


cdef void weigh(Paths w) noexcept nogil:
    """What stands before the sums of all pairs, from powers; bounds on copies and on the turn of phases."""
    cdef const Law *law = &w.rule.law
    cdef Py_ssize_t p, a
    cdef const Powers *nb
    cdef const Powers *na
    cdef Pair *pair
    for a in range(law.s.P):
        w.rate[a] = fabs(w.omega[a])
    w.all = 0.0
    for p in range(law.s.pairs):
        nb = &w.power[law.s.pair[4 * p]]
        na = &w.power[law.s.pair[4 * p + 1]]
        pair = &w.pair[p]
        pair.forth = na.to * nb.out
        pair.back = nb.to * na.out
        pair.bound = pair.copies * fmax(pair.forth, pair.back)
        pair.on_a = na.up * nb.down
        pair.on_b = nb.up * na.down
        w.all += pair.bound
        w.rate[law.s.pair[4 * p]] += pair.turns * pair.on_b
        w.rate[law.s.pair[4 * p + 1]] += pair.turns * pair.on_a
    w.fastest = 0.0
    for a in range(law.s.P):
        w.fastest = fmax(w.fastest, w.rate[a])
    if law.K > 0:
        w.fastest *= fmax(1.0, <double> law.order[law.K - 1])


cdef void turn_rates(Paths w, const double *phi, double *out) noexcept nogil:
    """dphi/dt of all, less the shift."""
    cdef const Law *law = &w.rule.law
    cdef Py_ssize_t P = law.s.P, p, a, b, k
    cdef int64_t power
    cdef double x, y, re, im, t, angle
    cdef const Harmonic *h
    for a in range(P):
        sin_cos_of(phi[a], &w.z[P + a], &w.z[a])
        out[a] = w.omega[a]
    for p in range(law.s.pairs):
        b = law.s.pair[4 * p]
        a = law.s.pair[4 * p + 1]
        h = law.harmonic + p * law.K
        x = w.z[a] * w.z[b] + w.z[P + a] * w.z[P + b]
        y = w.z[P + a] * w.z[b] - w.z[a] * w.z[P + b]
        re, im, angle, power = 1.0, 0.0, 0.0, 0
        for k in range(law.K):
            while power < law.order[k]:
                t = re * x - im * y
                im = re * y + im * x
                re = t
                power += 1
            angle += h[k].turn_re * re - h[k].turn_im * im
        out[a] += angle * w.pair[p].on_a
        out[b] += angle * w.pair[p].on_b


cdef void turn(Paths w, double t) noexcept nogil:
    """Phases over a time t in which n stands still."""
    cdef Py_ssize_t P = w.rule.law.s.P, a
    turn_rates(w, w.phi, w.total)
    for a in range(P):
        w.stage[a] = w.phi[a] + 0.5 * t * w.total[a]
    turn_rates(w, w.stage, w.rate)
    if t * w.fastest > SHORT:
        for a in range(P):
            w.stage[a] = w.phi[a] + 0.5 * t * w.rate[a]
            w.total[a] += 2.0 * w.rate[a]
        turn_rates(w, w.stage, w.rate)
        for a in range(P):
            w.stage[a] = w.phi[a] + t * w.rate[a]
            w.total[a] += 2.0 * w.rate[a]
        turn_rates(w, w.stage, w.rate)
        for a in range(P):
            w.rate[a] = (w.total[a] + w.rate[a]) / 6.0
    for a in range(P):
        w.phi[a] += t * w.rate[a]


cdef Py_ssize_t propose(Paths w, Stream *stream, bint *forth) noexcept nogil:
    """The pair that a proposal is for where it is taken, and in which direction; -1 where it is not."""
    cdef const Law *law = &w.rule.law
    cdef double x = stream_double(stream) * w.all, D, t, sine, cosine, up = 0.0, down = 0.0
    cdef Py_ssize_t p = 0, k
    cdef const Harmonic *h
    while p < law.s.pairs - 1 and x >= w.pair[p].bound:
        x -= w.pair[p].bound
        p += 1
    D = w.phi[law.s.pair[4 * p + 1]] - w.phi[law.s.pair[4 * p]]
    h = law.harmonic + p * law.K
    for k in range(law.K):
        sin_cos_of(law.order[k] * D, &sine, &cosine)
        t = h[k].copy_re * sine + h[k].copy_im * cosine
        up += fmax(t, 0.0)
        down += fmax(-t, 0.0)
    x = stream_double(stream) * w.pair[p].bound - up * w.pair[p].forth
    forth[0] = x < 0.0
    return p if x < down * w.pair[p].back else -1


cdef int go_on(Paths w, Py_ssize_t r, const Names *names, Stream *stream, Stream *luck, double smallest,
               Followed *followed) noexcept nogil:
    """Some steps of a replica, the same ones wherever it was interrupted before; a beable at most dies in them."""
    cdef const System *s = w.rule.law.s
    cdef double began = w.time_left[r], left = began, wait, ahead
    cdef Py_ssize_t a, b, p
    cdef int64_t _i
    cdef int status = FINE
    cdef bint forth = False
    cdef int64_t *n = &w.n[r, 0]
    bind(w, n, &w.phase[r, 0])
    for _i in range(CHUNK):
        wait = -log1p(-stream_fine(stream)) / w.all if w.all > 0.0 else 2.0 * left
        ahead = fmin(fmin(wait, left), ANGLE / w.fastest if w.fastest > 0.0 else left)
        if smallest * fmax(w.all, w.fastest / ANGLE) > 1.0 and ahead < left:
            status = UNRESOLVED
            break
        turn(w, ahead)
        left -= ahead
        w.step[r] += 1
        if ahead == wait and left > 0.0:
            p = propose(w, stream, &forth)
            if p >= 0:
                b, a = s.pair[4 * p + (1 - forth)], s.pair[4 * p + forth]
                move_named(names, n, w.spectators, luck, b, a, left)
                if followed.tracks != NULL:
                    followed.span = left
                    follow_copy(followed, 0.0, b, a, movable(n[b], w.spectators))
                n[b] -= 1
                n[a] += 1
                w.events[r] += 1.0
                if n[b] == 0:
                    break
                powers_of(&w.rule.law, w.spectators, <double> n[a], &w.power[a])
                powers_of(&w.rule.law, w.spectators, <double> n[b], &w.power[b])
                weigh(w)
        if not left > 0.0:
            break
    w.time_left[r] = fmax(left, 0.0)
    for a in range(s.P):
        wait = turned(w.shift if w.bound[a] > 0.0 else s.level[a], began - left)
        w.phase[r, a] = w.phi[a] + wait
        w.phase[r, a] -= TWO_PI * rint(w.phase[r, a] / TWO_PI)
    return status
