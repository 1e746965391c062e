# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Individual systems among phase classes: a place is a class, a K + i of beable a, and who copies goes to a class whose
phase, as it is at that time, is taken over.

What leaves a class for each other one in a step is drawn anyway, out of those of the class that can move; tracker.h
says who is followed of them. Within the step the flow between two classes goes as the pull of their phases does, times
both their weights, which grow at the rates of the mean field.
"""
from libc.math cimport M_PI, rint
from libc.stdint cimport int64_t

import numpy as np

from copympi.kernels.elementary cimport atan2
from copympi.kernels.marked_phases cimport value_later
from copympi.kernels.pair cimport pair_pull
from copympi.kernels.tracker cimport (
    tracker_land, tracker_leave, tracker_leave_by_chance, tracker_one, tracker_size, tracker_times,
)

cdef double COUNTABLE = 4611686018427387904.0  # 2^62 members, below which they are drawn without putting back


cdef double phase_of(const FollowedClasses *followed, double x, double y, double time) noexcept nogil:
    """The phase, rad in (-pi, pi], of z = x + i y at a time."""
    cdef double phase = atan2(y, x) + followed.turn + followed.shift * (time - followed.since)
    phase -= 2.0 * M_PI * rint(phase / (2.0 * M_PI))
    return phase if phase > -M_PI else phase + 2.0 * M_PI


cdef inline void value_at(const Classed *c, int64_t k, double later, double *w) noexcept nogil:
    """e^{i phi} of class k some time after mid-step."""
    cdef double z[2]
    z[0] = c.z[k]
    z[1] = c.z[c.system.P * c.K + k]
    value_later(c.system, c.plan, k // c.K, 0.0, later, z, w)


cdef inline double phase_at(const Classed *c, int64_t k, double time) noexcept nogil:
    """The phase of class k at a time of the step."""
    cdef double w[2]
    value_at(c, k, time - c.begin - 0.5 * c.plan.head.step, w)
    return phase_of(c.followed, w[0], w[1], time)


cdef inline double growth_of(const Classed *c, int64_t k) noexcept nogil:
    """At which rate the weight of class k grows, d ln w/dt at mid-step."""
    cdef Py_ssize_t P = c.system.P, a = k // c.K
    return 2.0 * (c.plan.field[a] * c.z[P * c.K + k] + c.plan.field[P + a] * c.z[k])


cdef void flow_between(void *of, int64_t source, int64_t target, double *ends) noexcept nogil:
    """The flow between two classes at a step's begin and end, in some unit."""
    cdef const Classed *c = <const Classed *> of
    cdef const System *s = c.system
    cdef Py_ssize_t e = s.indptr[source // c.K], a = target // c.K, k
    cdef double half = 0.5 * c.plan.head.step, grown = half * (growth_of(c, source) + growth_of(c, target))
    cdef double w[2]
    cdef double v[2]
    while s.indices[e] != a:
        e += 1
    for k in range(2):
        value_at(c, source, half if k else -half, w)
        value_at(c, target, half if k else -half, v)
        ends[k] = pair_pull(s.re[e], s.im[e], w[0], w[1], v[0], v[1]) * max(0.0, 1.0 + (grown if k else -grown))


cdef Classed set_out(FollowedClasses *followed, const System *s, const FieldPlan *plan, const double *z,
                     Py_ssize_t K) noexcept nogil:
    """A step that is at its middle; z (2, P, K) there."""
    cdef Classed c = Classed(followed, s, plan, z, K, 0.0)
    if followed != NULL:
        c.begin = followed.stop - plan.head.time_left - plan.head.step
    return c


cdef inline int64_t ways_of(Classed *c, int64_t k) noexcept nogil:
    """Fill in the classes that a member of class k may copy; returns how many there are."""
    cdef const System *s = c.system
    cdef Py_ssize_t b = k // c.K, e, i, j = 0
    for e in range(s.indptr[b], s.indptr[b + 1]):
        for i in range(c.K):
            c.followed.targets[j] = s.indices[e] * c.K + i
            j += 1
    return j


cdef void leave_class(Classed *c, int64_t k, int64_t movable, const int64_t *leave) noexcept nogil:
    """Of `movable` members of class k leave[0], leave[1], .. go to the classes of the beables it is coupled to."""
    if tracker_size(c.followed.tracks, k):
        tracker_leave(c.followed.tracks, k, movable, leave, c.followed.targets, ways_of(c, k))


cdef void leave_large_class(Classed *c, int64_t k, double movable, double *leave) noexcept nogil:
    """The same where numbers are doubles; `leave` is used up."""
    cdef int64_t *whole = <int64_t *> leave
    cdef int64_t i, ways
    if not tracker_size(c.followed.tracks, k):
        return
    ways = ways_of(c, k)
    if movable < COUNTABLE:
        for i in range(ways):
            whole[i] = <int64_t> leave[i]
        tracker_leave(c.followed.tracks, k, <int64_t> movable, whole, c.followed.targets, ways)
    else:
        for i in range(ways):
            leave[i] /= movable
        tracker_leave_by_chance(c.followed.tracks, k, leave, c.followed.targets, ways)


cdef void arrive(Classed *c) noexcept nogil:
    """All have left who leave in the step: when, and with which phases they arrive."""
    cdef Tracks *t = c.followed.tracks
    cdef double end = c.begin + c.plan.head.step
    cdef int64_t i
    tracker_times(t, flow_between, c, c.begin, end)
    for i in range(t.flying, t.jumps):
        t.jump[i].phase = phase_at(c, t.jump[i].target, t.jump[i].time)
    tracker_land(t, c.begin, end)


cdef void copy_at(Classed *c, int64_t k, int64_t target, int64_t movable, double left) noexcept nogil:
    """A single copy, `left` before the step's end, by one of `movable` members of class k."""
    cdef Tracks *t = c.followed.tracks
    cdef double time = c.begin + (c.plan.head.step - left)
    if tracker_one(t, k, target, movable, time):
        t.jump[t.jumps - 1].phase = phase_at(c, target, time)


cdef void copy_of_value(FollowedClasses *followed, int64_t k, int64_t target, int64_t movable, double left,
                        const double *v) noexcept nogil:
    """A single copy, `left` before the stop, by one of `movable` members of class k, of value v at that time."""
    cdef Tracks *t = followed.tracks
    cdef double time = followed.stop - left
    if tracker_one(t, k, target, movable, time):
        t.jump[t.jumps - 1].phase = phase_of(followed, v[0], v[1], time)


cdef class ClassTracks:
    """Members who are followed among phase classes: what `tracker` knows of them. most : classes that one may copy, at
    the most."""

    def __cinit__(self, Tracker tracker not None, Py_ssize_t most):
        self.tracker = tracker
        self.targets = np.zeros(max(1, most), np.int64)
        self.followed.tracks = &tracker.tracks
        self.followed.targets = &self.targets[0]

    def at(self, double stop, *, double shift, double since, double turn):
        """Set out for a stop at that time. All phases turn besides, by `turn` up to time `since`, then by `shift`
        radians in unit time."""
        self.followed.stop, self.followed.shift = stop, shift
        self.followed.since, self.followed.turn = since, turn
