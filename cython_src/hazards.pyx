# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Aligned members that copy one by one by a rule without known bounds, a Python function: replicas on own clocks.

Between copies n stands still. Phases, and the hazard of a copy by anybody, are integrated by steps of a Runge-Kutta
method, each within ERROR, until the hazard has come to a number drawn from the exponential distribution; where in a
step is said by the method's polynomial. Which pair copies, and in which direction, goes by the flows of that moment. So
the law of the copies is exact but for these errors.
"""
from libc.math cimport fabs, isfinite, rint
from libc.stdint cimport int64_t, uint32_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.elementary cimport fine_exp, fine_log, fmax, fmin, log1p
from copympi.kernels.general cimport CopyRule, Room, raise_problem, rates
from copympi.kernels.general_steps cimport mark_unbound
from copympi.kernels.marks cimport Marks, Names, marked_of, move_named
from copympi.kernels.plans cimport UNBOUND
from copympi.kernels.streams cimport Stream, stream_double, stream_fine, stream_open
from copympi.kernels.tracker cimport Followed, Tracker, follow_copy, tracker_open, tracks_of

cdef extern from "turned.h" nogil:
    const double TWO_PI
    double turned(double rate, double t)

cdef extern from "buckets.h" nogil:
    int64_t movable(int64_t n, int64_t spectators)

cdef extern from *:
    """
    typedef struct {
        int stages;           /* but the first, which is known; the last is the step's end */
        double slope[6][6];   /* what each is made of */
        double off[7];        /* the error */
        double within[7][4];  /* a polynomial for what lies between */
    } Method;
    static const Method METHODS[2] = {
        {6, {{1. / 5},
             {3. / 40, 9. / 40},
             {44. / 45, -56. / 15, 32. / 9},
             {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
             {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
             {35. / 384, 0., 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}},
         {-71. / 57600, 0., 71. / 16695, -71. / 1920, 17253. / 339200, -22. / 525, 1. / 40},
         {{1., -8048581381. / 2820520608, 8663915743. / 2820520608, -12715105075. / 11282082432},
          {0., 0., 0., 0.},
          {0., 131558114200. / 32700410799, -68118460800. / 10900136933, 87487479700. / 32700410799},
          {0., -1754552775. / 470086768, 14199869525. / 1410260304, -10690763975. / 1880347072},
          {0., 127303824393. / 49829197408, -318862633887. / 49829197408, 701980252875. / 199316789632},
          {0., -282668133. / 205662961, 2019193451. / 616988883, -1453857185. / 822651844},
          {0., 40617522. / 29380423, -110615467. / 29380423, 69997945. / 29380423}}},
        {3, {{1. / 2}, {0., 3. / 4}, {2. / 9, 1. / 3, 4. / 9}},
         {5. / 72, -1. / 12, -1. / 9, 1. / 8},
         {{1., -4. / 3, 5. / 9}, {0., 1., -2. / 3}, {0., 4. / 3, -8. / 9}, {0., -1., 1.}}}};
    """
    ctypedef struct Method:
        int stages
        double slope[6][6]
        double off[7]
        double within[7][4]
    const Method METHODS[2]    # Dormand and Prince's, of fifth order; Bogacki and Shampine's, of third

cdef int FINE = 0, UNRESOLVED = 1
cdef double ERROR = 1e-8       # of a step, in phases (rad) and in the hazard
cdef double ANGLE = 0.1        # radians that a phase may turn in a step by the rates at its start
cdef double SHORT = 1e-3       # and below which the method of third order takes fewer looks
cdef double BEYOND = 1.25      # how far a step goes beyond the copy that is expected in it


cdef class Paths:
    """R replicas of one system, each a path of counts and phases that goes on from copy to copy.

    Arguments, `name` and `advance` are those of general_exact.Paths, and any rule will do. A step goes to a copy, or to
    the next stop. Errors of a rule's function come out of `advance`.
    """

    cdef CopyRule rule
    cdef Room room
    cdef int64_t[:, ::1] n
    cdef double[:, ::1] phase
    cdef double[::1] time_left
    cdef int64_t[::1] step
    cdef double[::1] events
    cdef const uint64_t[::1] keys
    cdef const int64_t[::1] offset
    cdef uint32_t[::1] ids
    cdef Marks marks
    cdef bint named
    cdef int64_t[::1] start
    cdef double[::1] unbound   # (P,) UNBOUND where a beable has no neighbour with members
    cdef double[:, ::1] row    # rates (7, .) at the stages of a step
    cdef double[:, ::1] slope  # (7, P + 1) of phases and the hazard
    cdef double[::1] at        # (2P,) n and phases at a stage
    cdef double[::1] phi       # (P,)
    cdef int64_t spectators
    cdef const Method *method

    def __cinit__(self, CopyRule rule not None, *, int64_t[:, ::1] n not None, double[:, ::1] phase not None,
                  double[::1] time_left not None, int64_t[::1] step not None, double[::1] events not None,
                  const uint64_t[::1] keys not None, int64_t spectators=0):
        cdef Py_ssize_t R = n.shape[0], P = rule.law.s.P
        need(n.shape[1] == P and phase.shape[0] == R and phase.shape[1] == P, "n, phase: must be (R, P)")
        need(time_left.shape[0] == R and step.shape[0] == R and events.shape[0] == R and keys.shape[0] == R,
             "time_left, step, events, keys: must be (R,)")
        need(spectators >= 0, "spectators: must not be negative")
        self.rule, self.room, self.n, self.phase, self.time_left = rule, Room(rule), n, phase, time_left
        self.step, self.events, self.keys, self.spectators = step, events, keys, spectators
        self.start, self.unbound, self.phi = np.zeros(P, np.int64), np.zeros(P), np.zeros(P)
        self.row, self.slope, self.at = np.zeros((7, self.room.width)), np.zeros((7, P + 1)), np.zeros(2 * P)
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
        """Carry replicas to the end of their time, or `max_steps` further, all together.

        names: the purpose of draws of who copies. smallest: the shortest stretch that time can resolve. tracker:
        members that are followed, or None; stop: the time at which the replicas' time ends. pause: replicas wait that
        have no more time left than this.
        Returns (steps done, 0 or 1 where time cannot resolve the dynamics, replica).
        """
        cdef Py_ssize_t R = self.n.shape[0], P = self.n.shape[1], r = 0, a
        cdef int64_t done = 0, place
        cdef int status = FINE
        cdef Stream stream
        cdef Stream luck
        cdef Names member = Names(NULL, &self.start[0], marked_of(self.marks), 0)
        cdef Followed followed = Followed(tracks_of(tracker), stop, 0.0, False)
        self.need_whole()
        for r in range(R):
            member.ids, member.unit = NULL, r
            if self.named and self.ids.shape[0]:
                member.ids = &self.ids[self.offset[r]]
                place = 0
                for a in range(P):
                    self.start[a] = place
                    place += movable(self.n[r, a], self.spectators)
            while self.time_left[r] > pause and done < max_steps and status == FINE:
                stream_open(&stream, seed, purpose, self.keys[r], 0, self.step[r])
                stream_open(&luck, seed, names, self.keys[r], 0, self.step[r])
                if followed.tracks != NULL:
                    tracker_open(followed.tracks, r, 0, self.step[r])
                status = go_on(self, r, &member, &stream, &luck, smallest, &followed)
                if status == FINE:
                    self.step[r] += 1
                    done += 1
            if status != FINE:
                break
        return done, status, r


cdef void look(Paths w, Py_ssize_t k) noexcept:
    """Rates in the state `at`, into row and slope k."""
    cdef Py_ssize_t P = w.phi.shape[0], a, p
    cdef double *row = &w.row[k, 0]
    rates(&w.rule.law, w.spectators, &w.at[0], w.room, row)
    for a in range(P):
        w.slope[k, a] = row[P + a]
    w.slope[k, P] = 0.0
    for p in range(2 * w.room.pairs):
        w.slope[k, P] += row[2 * P + p]


cdef double attempt(Paths w, double h) noexcept:
    """A step h from phi, where slope 0 is known: all slopes, `at` its end, and its error."""
    cdef Py_ssize_t P = w.phi.shape[0], a, i, k
    cdef double total, off = 0.0
    for k in range(1, w.method.stages + 1):
        for a in range(P):
            total = 0.0
            for i in range(k):
                total += w.method.slope[k - 1][i] * w.slope[i, a]
            w.at[P + a] = w.phi[a] + h * total
        look(w, k)
    for a in range(P + 1):
        total = 0.0
        for i in range(w.method.stages + 1):
            total += w.method.off[i] * w.slope[i, a]
        off = fmax(off, fabs(h * total)) if isfinite(total) else total
        if not isfinite(off):
            break
    return off


cdef double gained(Paths w, double h, double part, Py_ssize_t a) noexcept:
    """By how much a phase, or for a = P the hazard, has grown at a part of a step."""
    cdef double total = 0.0
    cdef Py_ssize_t i
    cdef const double *c
    for i in range(w.method.stages + 1):
        c = w.method.within[i]
        total += w.slope[i, a] * part * (c[0] + part * (c[1] + part * (c[2] + part * c[3])))
    return h * total


cdef double when(Paths w, double h, double wanted) noexcept:
    """The part of a step at which the hazard has grown by `wanted`, which at its end it has, or more."""
    cdef double low = 0.0, high = 1.0, middle
    cdef int _i
    for _i in range(60):
        middle = 0.5 * (low + high)
        if gained(w, h, middle, w.phi.shape[0]) < wanted:
            low = middle
        else:
            high = middle
        if high - low <= 1e-15:
            break
    return high


cdef int copy_one(Paths w, Py_ssize_t r, const Names *names, Stream *stream, Stream *luck, double left,
                  Followed *followed) except -1:
    """Who copies in the state `at`, by its flows; nobody where these are 0, which is as rare as an error in them."""
    cdef const System *s = w.rule.law.s
    cdef Py_ssize_t p = 0, pairs = s.pairs, P = s.P, b, a
    cdef double *flow
    look(w, 0)
    raise_problem(w.room)
    flow = &w.row[0, 2 * P]
    cdef double x = stream_double(stream) * w.slope[0, P]
    while p < 2 * pairs and not x < flow[p]:
        x -= flow[p]
        p += 1
    if p == 2 * pairs:  # rounding
        p -= 1
        while p >= 0 and not flow[p] > 0.0:
            p -= 1
        if p < 0:
            return 0
    b, a = s.pair[4 * (p % pairs)], s.pair[4 * (p % pairs) + 1]
    if p >= pairs:
        b, a = a, b
    move_named(names, &w.n[r, 0], w.spectators, luck, b, a, left)
    if followed.tracks != NULL:
        followed.span = left
        follow_copy(followed, 0.0, b, a, movable(w.n[r, b], w.spectators))
    w.n[r, b] -= 1
    w.n[r, a] += 1
    w.events[r] += 1.0
    return 0


cdef int go_on(Paths w, Py_ssize_t r, const Names *names, Stream *stream, Stream *luck, double smallest,
               Followed *followed) except -1:
    """A step of a replica: up to a copy, or to its stop."""
    cdef Py_ssize_t P = w.phi.shape[0], a
    cdef const System *s = w.rule.law.s
    cdef double began = w.time_left[r], left = began, wanted = -log1p(-stream_fine(stream)), off, part, turn
    cdef double shift = mark_unbound(s, &w.n[r, 0], w.room, &w.unbound[0]), h, ahead = began
    cdef bint again = False
    for a in range(P):
        w.at[a] = <double> w.n[r, a]
        w.at[P + a] = w.phi[a] = w.phase[r, a]
    look(w, 0)
    while left > 0.0:
        raise_problem(w.room)
        turn = 0.0
        for a in range(P):
            turn = fmax(turn, fabs(w.slope[0, a]))
        h = fmin(left, ahead)
        if turn * h > ANGLE:
            h = ANGLE / turn
        if w.slope[0, P] * h > BEYOND * wanted:
            h = BEYOND * wanted / w.slope[0, P]
        if not (h >= smallest or h == left):
            return UNRESOLVED
        w.method = &METHODS[turn * h <= SHORT and not again]
        off = attempt(w, h)
        raise_problem(w.room)
        part = fine_exp(0.2 * fine_log(ERROR / fmax(off, 1e-300)))  # its fifth root
        ahead = h * (fmin(5.0, fmax(0.2, 0.9 * part)) if isfinite(off) else 0.2)
        again = not off <= ERROR
        if again:
            continue
        if gained(w, h, 1.0, P) >= wanted:
            part = when(w, h, wanted)
            left -= part * h
            for a in range(P):
                w.phi[a] += gained(w, h, part, a)
                w.at[P + a] = w.phi[a]
            if left > 0.0:
                copy_one(w, r, names, stream, luck, left, followed)
            break
        wanted -= gained(w, h, 1.0, P)
        left = left - h if h < left else 0.0
        for a in range(P):
            w.phi[a] = w.at[P + a]
        w.slope[0, :] = w.slope[w.method.stages, :]
    w.time_left[r] = fmax(left, 0.0)
    for a in range(P):
        turn = w.phi[a] + turned(s.level[a] if w.unbound[a] == UNBOUND else shift, began - w.time_left[r])
        w.phase[r, a] = turn - TWO_PI * rint(turn / TWO_PI)
    return FINE
