# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The plan of a step of aligned members: every member's chance to copy, the phases at its end.

A step is a trapezoidal leap (docs/theory.md, "The step"). First half: flows F1 predicted, K1 drawn with that mean.
Second half: drawn with mean 2 F2(n after K1) - F2(n predicted) + F2/n_b (noise of what left b), which makes the
covariance second order, for binomial draws and for few members too.

Unbound beables, those without a coupling to any beable that has members, exchange nothing with anybody. They are left
out of all that: they ask for no step, however large their H_aa, and their phases turn by (H_aa/hbar) h, to rounding.
"""
from libc.math cimport INFINITY, fabs, rint, sqrt
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.dense cimport Dense, Second, Span, dense_first, dense_flows, dense_of, dense_second
from copympi.kernels.elementary cimport atan2, fmax, fmin, sin_cos_of
from copympi.kernels.flows cimport Scratch, carry, expand, flows_of_half, hold_back, span_of_half
from copympi.kernels.plans cimport FINE, STEP_TOO_SMALL, UNBOUND, UNDECIDED, Plan, fill_head, plan_at
from copympi.kernels.step_control cimport StepControl
from copympi.kernels.step_lengths cimport choose_step, few_copies

cdef extern from "turned.h" nogil:
    const double TWO_PI
    double turned(double rate, double t)


cdef double find_unbound(const System *s, const int64_t *n, Scratch w, double *out) noexcept nogil:
    """Mark unbound beables in `out` (0 for others), and see to it that they do not matter to the step.

    Sets w.omega and w.norm; returns the shift. Where no beable is unbound these are the system's.
    """
    cdef Py_ssize_t P = s.P, a, e
    cdef bint some = s.lonely
    cdef double low = 0.0, high = 0.0, shift, size
    w.omega = s.omega
    w.norm = s.norm
    for a in range(P):
        out[a] = 0.0
        some = some or n[a] == 0
    if not some:
        return s.shift
    some = False
    for a in range(P):
        if n[a] > 0:
            out[a] = UNBOUND
            for e in range(s.indptr[a], s.indptr[a + 1]):
                if n[s.indices[e]] > 0:
                    out[a] = 0.0
                    break
            some = some or out[a] == UNBOUND
    if not some:
        return s.shift
    some = False
    for a in range(P):
        if n[a] > 0 and out[a] == 0.0:
            low = fmin(low, s.level[a]) if some else s.level[a]
            high = fmax(high, s.level[a]) if some else s.level[a]
            some = True
    shift = 0.5 * (low + high)
    w.norm = 0.0
    for a in range(P):
        if n[a] > 0 and out[a] == 0.0:
            size = fabs(s.level[a] - shift)
            for e in range(s.indptr[a], s.indptr[a + 1]):
                size += sqrt(s.re[e] * s.re[e] + s.im[e] * s.im[e])
            w.norm = fmax(w.norm, size)
    shift_levels(s, shift, w)
    return shift


cdef void shift_levels(const System *s, double shift, Scratch w) noexcept nogil:
    """Have w.omega taken off another shift than the system's."""
    cdef Py_ssize_t a
    for a in range(s.P):
        w.own[a] = s.level[a] - shift
    w.omega = w.own


cdef void first_flows(const System *s, int64_t spectators, const int64_t *n, double half, Scratch w,
                      Plan *plan) noexcept nogil:
    """Flows of the first half, chances of its draw, and what they do to mid_n and out."""
    cdef Py_ssize_t a, b, p, e, f
    cdef double r
    cdef double *mid_n = plan.mid_n
    cdef Dense dense
    cdef Span span
    if s.dense:
        span = span_of_half(s, spectators, mid_n, half, w)
        dense = dense_of(s, w.forth, w.back)
        for a in range(s.P):
            w.room[a] = <double> (n[a] - spectators) if n[a] > spectators else INFINITY
        dense_first(&dense, &span, w.room, mid_n, plan.out, plan.chance)
        return
    flows_of_half(s, spectators, mid_n, half, w)
    for p in range(s.pairs):
        b = s.pair[4 * p]
        a = s.pair[4 * p + 1]
        e = s.pair[4 * p + 2]
        f = s.pair[4 * p + 3]
        r = w.forth[p] - w.back[p]
        mid_n[b] -= r
        mid_n[a] += r
        plan.out[b] += w.forth[p]
        plan.out[a] += w.back[p]
        plan.chance[e] = w.forth[p] / (n[b] - spectators) if n[b] > spectators else 0.0
        plan.chance[f] = w.back[p] / (n[a] - spectators) if n[a] > spectators else 0.0


cdef void predict_first_half(const System *s, int64_t spectators, const int64_t *n, double half, Scratch w,
                             Plan *plan) noexcept nogil:
    """Chances of the first draw, and where it leads: mid, mid_n, out, turn."""
    cdef Py_ssize_t P = s.P, a
    cdef double r, total
    cdef double *mid = plan.mid
    cdef double *mid_n = plan.mid_n
    cdef double *c = w.c
    for a in range(P):
        mid_n[a] = <double> n[a]
    if spectators:
        hold_back(s, spectators, mid_n, half, c, w)
        expand(s, w.omega, c, w.v)
    first_flows(s, spectators, n, half, w, plan)
    carry(P, w.v, half, mid)
    for a in range(P):
        # phases turn by the amplitudes' own turn; occupations follow the integrated flows
        plan.turn[a] = mid[a] * c[a] + mid[P + a] * c[P + a]
        plan.turn[P + a] = mid[P + a] * c[a] - mid[a] * c[P + a]
        mid_n[a] = fmax(mid_n[a], 0.0)
        total = sqrt(mid[a] * mid[a] + mid[P + a] * mid[P + a])
        r = sqrt(mid_n[a]) / total if total > 0.0 else 0.0
        mid[a] *= r
        mid[P + a] *= r


cdef void predict_second_half(const System *s, int64_t spectators, double half, Scratch w, Plan *plan) noexcept nogil:
    """What the second draw is expected to move, had the first gone as predicted; `turn` goes on."""
    cdef Py_ssize_t P = s.P, a, p
    cdef double re, im, x
    cdef double *mid = plan.mid
    cdef double *turn = plan.turn
    cdef Dense dense
    cdef Span span
    for a in range(2 * P):
        w.c[a] = mid[a]
    if spectators:
        hold_back(s, spectators, plan.mid_n, half, w.c, w)
    expand(s, w.omega, w.c, w.v)
    if s.dense:  # by pairs, as flows_of_half has them, not by entries
        span = span_of_half(s, spectators, plan.mid_n, half, w)
        dense = dense_of(s, plan.flow, plan.flow + s.pairs)
        dense_flows(&dense, &span)
    else:
        flows_of_half(s, spectators, plan.mid_n, half, w)
        for p in range(s.pairs):
            plan.flow[s.pair[4 * p + 2]] = w.forth[p]
            plan.flow[s.pair[4 * p + 3]] = w.back[p]
    carry(P, w.v, half, w.d)
    for a in range(P):
        # times conj(end conj(mid)): the predicted second half is taken off once, the true one added twice
        if w.d[a] != 0.0 or w.d[P + a] != 0.0:
            re = w.d[a] * mid[a] + w.d[P + a] * mid[P + a]
            im = w.d[a] * mid[P + a] - w.d[P + a] * mid[a]
            x = turn[a] * re - turn[P + a] * im
            turn[P + a] = turn[a] * im + turn[P + a] * re
            turn[a] = x


cdef void predict_halves(const System *s, int64_t spectators, const int64_t *n, Scratch w, Plan *plan) noexcept nogil:
    """Chances of the first draw, and what is expected of the second, in a step of the length in the plan's head."""
    predict_first_half(s, spectators, n, 0.5 * plan.head.step, w, plan)
    predict_second_half(s, spectators, 0.5 * plan.head.step, w, plan)


cdef int plan_first(const System *s, StepControl control, const int64_t *n, const double *phase,
                    double time_left, Scratch w, double *row) noexcept nogil:
    """Fill `row` with the first half of a step from (n, phase), `time_left` before the next record.

    UNDECIDED where the step may be better made event by event (hybrid.pyx): then w.v holds the amplitudes' Taylor
    coefficients, w.leaving and w.coming what `choose_step` left there.
    """
    cdef Py_ssize_t P = s.P, a, limiting = 0
    cdef double h, r, sine, cosine, chance = 0.0
    cdef int status
    cdef Plan plan = plan_at(s, row)
    plan.shift[0] = find_unbound(s, n, w, plan.out)
    for a in range(P):
        r = sqrt(<double> n[a]) if plan.out[a] != UNBOUND else 0.0
        sin_cos_of(phase[a], &sine, &cosine)
        w.c[a] = r * cosine
        w.c[P + a] = -r * sine
        plan.phase[a] = phase[a]
    expand(s, w.omega, w.c, w.v)
    h = choose_step(s, control, n, time_left, w, &chance, &limiting)
    status = fill_head(plan.head, h, time_left, control.smallest, chance, 0.0, limiting)
    if control.tolerance > 0.0 and (status == STEP_TOO_SMALL or few_copies(control, n, w, limiting)):
        return UNDECIDED
    if status == FINE:
        predict_halves(s, control.spectators, n, w, &plan)
    return status


cdef void turn_phases(const System *s, const double *end, double shift, Plan *plan) noexcept nogil:
    """Phases at the step's end, from the amplitudes `end` (2, P) that the true second half leads to."""
    cdef Py_ssize_t P = s.P, a
    cdef double r, x, y, z
    cdef double *mid = plan.mid
    cdef double *turn = plan.turn
    for a in range(P):
        if end[a] != 0.0 or end[P + a] != 0.0:
            x = end[a] * mid[a] + end[P + a] * mid[P + a]
            y = end[P + a] * mid[a] - end[a] * mid[P + a]
            z = x * x - y * y
            y = 2.0 * x * y
            x = turn[a] * z - turn[P + a] * y
            y = turn[a] * y + turn[P + a] * z
        else:
            x = turn[a]
            y = turn[P + a]
        r = turned(s.level[a], plan.head.step) if plan.out[a] == UNBOUND else shift * plan.head.step
        r = plan.phase[a] + r
        if x != 0.0 or y != 0.0:
            r -= atan2(y, x)
        plan.phase[a] = r - TWO_PI * rint(r / TWO_PI)


cdef void second_chances(const System *s, int64_t spectators, const int64_t *n, const int64_t *out, Scratch w,
                         Plan *plan) noexcept nogil:
    """Chances of the second draw; see the module's docstring for its mean."""
    cdef Py_ssize_t a, b, p, e, f
    cdef double r, x, y, total
    cdef double *mid_n = plan.mid_n
    cdef double *chance = plan.chance
    cdef double *flow = plan.flow
    for p in range(s.pairs):
        b = s.pair[4 * p]
        a = s.pair[4 * p + 1]
        e = s.pair[4 * p + 2]
        f = s.pair[4 * p + 3]
        chance[e] = 0.0
        chance[f] = 0.0
        if n[b] > spectators and n[a] > 0:
            r = flow[e] / (mid_n[b] - spectators) if mid_n[b] > spectators else 0.0
            x = 2.0 * w.forth[p] - flow[e] + r * (out[b] - plan.out[b])
            if x > 0.0:
                chance[e] = x / (n[b] - spectators)
        if n[a] > spectators and n[b] > 0:
            r = flow[f] / (mid_n[a] - spectators) if mid_n[a] > spectators else 0.0
            y = 2.0 * w.back[p] - flow[f] + r * (out[a] - plan.out[a])
            if y > 0.0:
                chance[f] = y / (n[a] - spectators)
    for b in range(s.P):
        total = 0.0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            total += chance[e]
        if total > 1.0:  # a handful of members and a long fixed step
            for e in range(s.indptr[b], s.indptr[b + 1]):
                chance[e] /= total


cdef void dense_second_chances(const System *s, const Span *span, int64_t spectators, const int64_t *n,
                               const int64_t *out, Scratch w, Plan *plan) noexcept nogil:
    """The same where H is dense, with the flows of the half step."""
    cdef Py_ssize_t P = s.P, a
    cdef double *free = w.room
    cdef double *mid = w.room + P
    cdef double *more = w.room + 2 * P
    cdef double *there = w.room + 3 * P
    cdef Dense dense = dense_of(s, w.forth, w.back)
    cdef Second x = Second(free, mid, more, there, plan.flow, plan.flow + s.pairs)
    for a in range(P):
        free[a] = <double> (n[a] - spectators) if n[a] > spectators else INFINITY
        mid[a] = plan.mid_n[a] - spectators if plan.mid_n[a] > spectators else INFINITY
        more[a] = out[a] - plan.out[a]
        there[a] = 1.0 if n[a] > 0 else 0.0
    dense_second(&dense, span, &x, plan.chance)


cdef int plan_second(const System *s, StepControl control, const int64_t *n, const int64_t *out, Scratch w,
                     double *row) noexcept nogil:
    """Replace the chances in `row` by those of the second half, and its phases by those at the step's end.

    n are the occupations after the first draw, out[b] how many it took from b.
    """
    cdef Py_ssize_t P = s.P, a
    cdef Plan plan = plan_at(s, row)
    cdef double r, shift = plan.shift[0]
    cdef double *c = w.c
    w.omega = s.omega
    for a in range(P):
        if plan.out[a] == UNBOUND:
            shift_levels(s, shift, w)
            break
    for a in range(P):
        r = sqrt(n[a] / plan.mid_n[a]) if plan.mid_n[a] > 0.0 else 0.0
        c[a] = r * plan.mid[a]
        c[P + a] = r * plan.mid[P + a]
    plan_second_from(s, control.spectators, n, out, w, &plan)
    return FINE


cdef void plan_second_from(const System *s, int64_t spectators, const int64_t *n, const int64_t *out, Scratch w,
                           Plan *plan) noexcept nogil:
    """The same from amplitudes w.c in the middle of the step, and w.omega."""
    cdef Py_ssize_t P = s.P, a
    cdef double half = 0.5 * plan.head.step
    cdef double *c = w.c
    cdef double *now = w.coming
    cdef Span span
    for a in range(P):
        now[a] = <double> n[a]
    if spectators:
        hold_back(s, spectators, now, half, c, w)
    expand(s, w.omega, c, w.v)
    if s.dense:
        span = span_of_half(s, spectators, now, half, w)
        dense_second_chances(s, &span, spectators, n, out, w, plan)
    else:
        flows_of_half(s, spectators, now, half, w)
        second_chances(s, spectators, n, out, w, plan)
    carry(P, w.v, half, w.d)
    turn_phases(s, w.d, plan.shift[0], plan)


cdef void new_phase(const System *s, double *row, double *phase) noexcept nogil:
    """Read the phases at the step's end out of a plan that plan_second has completed."""
    cdef Plan plan = plan_at(s, row)
    cdef Py_ssize_t a
    for a in range(s.P):
        phase[a] = plan.phase[a]
