# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""When within a half step the tracked ones among those who left did so: how each flow goes, at three moments.

All of a half step's copies are drawn at once, from the integral of the flow. Given that a member moved from b to a, the
moment has the density of the flow b->a along the predicted path, which a parabola through the flow's values at start,
middle and end is, to the third order. Where the net flow of a pair turns round, each direction has its own part.
"""
import numpy as np
from libc.math cimport sqrt
from libc.stdint cimport int64_t

from copympi.kernels.checks cimport need
from copympi.kernels.elementary cimport sin_cos_of
from copympi.kernels.flows cimport carry, expand
from copympi.kernels.general cimport rates
from copympi.kernels.pair cimport pair_flow
from copympi.kernels.plans cimport UNBOUND


def moments(double start, double middle, double end, const double[::1] luck not None):
    """Moments of the density through these values (see profile.h), of each luck in (0, 1]: for tests."""
    cdef Py_ssize_t i
    cdef double[::1] out = np.empty(luck.shape[0])
    need(start == start and middle == middle and end == end, "start, middle, end: must be numbers")
    for i in range(luck.shape[0]):
        out[i] = profile_moment(start, middle, end, luck[i])
    return np.asarray(out)


cdef void profile_flows(const System *s, const int64_t *n, const Plan *plan, int half, Scratch w,
                        double *profile) noexcept nogil:
    """Flows (3, nnz) of a half step just planned by the rule of quantum mechanics, at its start, middle and end.

    n (P,) : at its start. Of the second half (half = 1) w.v has the path; that of the first is made anew here.
    """
    cdef Py_ssize_t P = s.P, a, b, p, e, k
    cdef double h = 0.5 * plan.head.step, r, x, y
    cdef double *c = w.v
    if half == 0:
        for a in range(P):
            r = sqrt(<double> n[a]) if plan.out[a] != UNBOUND else 0.0
            sin_cos_of(plan.phase[a], &y, &x)
            w.c[a] = r * x
            w.c[P + a] = -r * y
        expand(s, w.omega, w.c, w.v)
    for k in range(3):
        if k > 0:
            c = w.d
            carry(P, w.v, 0.5 * k * h, c)
        for p in range(s.pairs):
            b = s.pair[4 * p]
            a = s.pair[4 * p + 1]
            e = s.pair[4 * p + 2]
            r = pair_flow(s.re[e], s.im[e], c[b], c[P + b], c[a], c[P + a])
            profile[k * s.nnz + e] = r
            profile[k * s.nnz + s.pair[4 * p + 3]] = -r


cdef void profile_rates(const Law *l, int64_t spectators, const int64_t *n, const Plan *plan, int half, Room w,
                        double *profile) noexcept nogil:
    """The same under any rule: where a direction is shut, less the other one, so that values pass through 0.

    The path between start and end is Hermite's polynomial, of third degree.
    """
    cdef const System *s = l.s
    cdef Py_ssize_t P = s.P, a, p, k
    cdef double h = 0.5 * plan.head.step, forth, back, begin, end
    cdef const double *before = w.at_begin
    cdef const double *after = w.at_end if half else w.at_between
    cdef const double *row = w.sum
    for a in range(P):
        begin = <double> n[a]
        end = w.end[a] if half else plan.mid_n[a]
        w.stage[a] = max(0.0, 0.5 * (begin + end) + 0.125 * h * (before[a] - after[a]))
        begin = plan.mid[a] if half else plan.phase[a]
        end = w.end[P + a] if half else plan.mid[a]
        w.stage[P + a] = 0.5 * (begin + end) + 0.125 * h * (before[P + a] - after[P + a])
    rates(l, spectators, w.stage, w, w.sum)
    for k in range(3):
        if k != 1:
            row = before if k == 0 else after
        else:
            row = w.sum
        for p in range(s.pairs):
            forth = row[2 * P + p]
            back = row[2 * P + s.pairs + p]
            profile[k * s.nnz + s.pair[4 * p + 2]] = forth if forth > 0.0 else -back
            profile[k * s.nnz + s.pair[4 * p + 3]] = back if back > 0.0 else -forth
