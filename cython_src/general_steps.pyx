# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The plan of a step under any rule: as predictor.pyx has it for that of quantum mechanics, and into the same rows.

The trapezoidal leap is the same (docs/theory.md, "The step"); what differs is the predictor, as no amplitude moves
linearly. A half step is one of Runge and Kutta's, of fourth order, in n and phi; flows of both directions of a pair are
integrated by the same rule (Simpson's), so that they add up to the change of n. At q other than 1/2 a pair's net flow
bends where it turns round, (n_a/n_b)^q one way and (n_b/n_a)^q the other. There the half step is cut in two: the line
through the sine's values at both ends is 0 off by h^2, a second one off by h^3; at h off, that errs by h^4.
"""
from libc.math cimport INFINITY, NAN, ceil, isfinite, rint, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from copympi.kernels.couplings cimport System
from copympi.kernels.elementary cimport fmax, fmin
from copympi.kernels.flows cimport Scratch
from copympi.kernels.general cimport Law, Room, add_flows, fastest_turn, rates
from copympi.kernels.plans cimport FINE, STEP_TOO_SMALL, UNBOUND, Plan, fill_head, plan_at
from copympi.kernels.predictor cimport second_chances
from copympi.kernels.step_control cimport StepControl
from copympi.kernels.step_lengths cimport GROWTH

cdef extern from "turned.h" nogil:
    const double TWO_PI
    double turned(double rate, double t)

cdef int CUTS = 16             # of a half step, at most
cdef double TURN = 1.0         # radians that the fastest harmonic of a pair may turn in a step, at its start's rate
cdef double SHY = 0.95         # part of what is allowed that a step is planned for
cdef double ROUNDING = 1e-14   # error in rho that no shorter step would mend
cdef double FEW_SHARE = 0.1    # part of all members, at most, that may move faster than time can resolve
cdef double FEW = 16.0         # members that may in any case
cdef double SLOW = 0.01        # part of the chance allowed below which flows are no reason for a shorter step


cdef struct Limit:
    double chance              # the largest of any member to leave in the step
    Py_ssize_t beable          # that sets the step's length


cdef void runge_kutta(const Law *l, int64_t spectators, const double *state, const double *first, double t, Room w,
                      double *end) noexcept nogil:
    """From `state`, where rates are `first`, over t: the state at the end. What flowed stands in w.sum behind the
    changes of the state, the last stage's rates in w.slope."""
    cdef Py_ssize_t i, K = 2 * w.P, all_flows = 2 * w.pairs
    cdef double *stage = w.stage
    cdef double *slope = w.slope
    cdef double *total = w.sum
    for i in range(K):
        stage[i] = state[i] + 0.5 * t * first[i]
    rates(l, spectators, stage, w, total)
    for i in range(K):
        stage[i] = state[i] + 0.5 * t * total[i]
    rates(l, spectators, stage, w, slope)
    for i in range(K):
        stage[i] = state[i] + t * slope[i]
    for i in range(K + all_flows):
        total[i] += slope[i]
    rates(l, spectators, stage, w, slope)
    for i in range(K + all_flows):
        total[i] = t / 6.0 * (first[i] + 2.0 * total[i] + slope[i])
    for i in range(K):
        end[i] = state[i] + total[i]
    for i in range(w.P):
        end[i] = fmax(end[i], 0.0)


cdef double turning(const Law *l, const double *state, const double *begin, const double *end, Room w,
                    Py_ssize_t *which) noexcept nogil:
    """Where, as a part of the stretch, the first harmonic of a pair turns round between two rows of rates; 1: none."""
    cdef Py_ssize_t p, k, i
    cdef double part, first = 1.0
    cdef const double *before = begin + 2 * w.P + 2 * w.pairs
    cdef const double *after = end + 2 * w.P + 2 * w.pairs
    for p in range(w.pairs):
        if state[l.s.pair[4 * p]] > 0.0 and state[l.s.pair[4 * p + 1]] > 0.0:
            for k in range(l.K):
                i = p * l.K + k
                if before[i] * after[i] < 0.0 and not w.passed[i]:
                    part = before[i] / (before[i] - after[i])
                    if part < first:
                        first = part
                        which[0] = i
    return first


cdef inline double nearer(double part, double before, double there, double after) noexcept nogil:
    """A better guess at where a sine is 0, from its values at the ends and at `part` of a stretch."""
    if there == 0.0:
        return part
    if there * before < 0.0:
        return part * before / (before - there)
    return part + (1.0 - part) * there / (there - after)


cdef int half_step(const Law *l, int64_t spectators, double *state, const double *first, double t, Room w,
                   double *end, double *last) noexcept nogil:
    """Over t from `state`, where rates are `first`: the end, rates `last` there, and w.flows. Returns the cuts.

    w.first and w.crude are changed, `state` too where there are cuts: w.crude grows by what an embedded rule of third
    order is off, with sign, as n, phi (2P,).
    """
    cdef Py_ssize_t P = w.P, i, which = 0, sine
    cdef double part, after, rest = t
    cdef int cuts = 0
    memset(w.flows, 0, 2 * w.pairs * sizeof(double))
    if l.bent:
        memset(w.passed, 0, w.pairs * l.K)
    while True:
        runge_kutta(l, spectators, state, first, rest, w, end)
        rates(l, spectators, end, w, last)
        part = turning(l, state, first, last, w, &which) if l.bent and cuts < CUTS else 1.0
        if part < 1.0:
            w.passed[which] = 1
            cuts += 1
            sine = 2 * P + 2 * w.pairs + which
            after = last[sine]
            runge_kutta(l, spectators, state, first, part * rest, w, end)
            rates(l, spectators, end, w, last)
            part = nearer(part, first[sine], last[sine], after)
            runge_kutta(l, spectators, state, first, part * rest, w, end)
            rates(l, spectators, end, w, last)
        for i in range(2 * P):
            w.crude[i] += part * rest / 6.0 * (w.slope[i] - last[i])
        for i in range(2 * w.pairs):
            w.flows[i] += w.sum[2 * P + i]
        if part >= 1.0:
            return cuts
        rest *= 1.0 - part
        memcpy(state, end, 2 * P * sizeof(double))
        memcpy(w.first, last, w.width * sizeof(double))
        first = w.first


cdef double mark_unbound(const System *s, const int64_t *n, Room w, double *out) noexcept nogil:
    """Mark in `out` (0 for others) beables without a coupling to any that has members, and set w.omega.

    Returns the shift, the middle of the others' H_aa/hbar, which turns all their phases alike.
    """
    cdef Py_ssize_t P = s.P, a, e
    cdef double low = INFINITY, high = -INFINITY, shift
    for a in range(P):
        out[a] = UNBOUND
        if n[a] > 0:
            for e in range(s.indptr[a], s.indptr[a + 1]):
                if n[s.indices[e]] > 0:
                    out[a] = 0.0
                    low = fmin(low, s.level[a])
                    high = fmax(high, s.level[a])
                    break
    shift = 0.5 * (low + high) if low <= high else 0.0
    for a in range(P):
        w.omega[a] = s.level[a] - shift if out[a] != UNBOUND else 0.0
    return shift


cdef double overdrawn(const Law *l, StepControl control, const double *state, const double *leaving,
                      const double *coming, Limit *limit) noexcept nogil:
    """By what factor flows exceed what may leave, or come, in a step; and the largest chance, and whose it is."""
    cdef Py_ssize_t a
    cdef double over, worst = 0.0
    limit.chance = 0.0
    for a in range(l.s.P):
        if state[a] > 0.0:
            over = leaving[a] / state[a]
            limit.chance = fmax(limit.chance, over)
            over = fmax(over, coming[a] / (GROWTH * state[a]))
            if not over <= worst:
                worst = over
                limit.beable = a
    return worst / control.leaving_chance


cdef double error_of(StepControl control, const double *start, double h, Room w, int cuts) noexcept nogil:
    """Error in rho of a predicted step: what Simpson's rule makes of the rates at its start, middle and end differs so
    much from the two half steps; where these were cut, of what an embedded rule of third order is off."""
    cdef Py_ssize_t i, a, P = w.P
    cdef double total = 0.0, members = control.members
    cdef double *off = w.crude
    if members == 0.0:  # as many as there are
        for a in range(P):
            members += start[a]
    if not cuts:
        for i in range(2 * P):
            off[i] = w.end[i] - start[i] - h / 6.0 * (w.at_begin[i] + 4.0 * w.at_between[i] + w.at_end[i])
    for a in range(P):
        if start[a] > 0.0:
            total += 0.25 * off[a] * off[a] / fmax(start[a], 1.0) + start[a] * off[P + a] * off[P + a]
    return 2.0 * sqrt(total / members)


cdef double predict(const Law *l, StepControl control, const double *start, double h, Room w, Plan *plan,
                    Limit *limit) noexcept nogil:
    """Both halves of a step h from `start`, where rates are w.at_begin, into the plan: flows stand where chances will.

    Returns by how much the step must be shorter, a factor above 1 where it must, and sets `limit`.
    """
    cdef const System *s = l.s
    cdef Py_ssize_t P = s.P, a, p
    cdef double *leaving = w.leaving
    cdef double *coming = w.leaving + P
    cdef int cuts
    cdef double over, error
    memset(leaving, 0, 2 * P * sizeof(double))
    memset(w.crude, 0, 2 * P * sizeof(double))
    memcpy(w.begin, start, 2 * P * sizeof(double))
    cuts = half_step(l, control.spectators, w.begin, w.at_begin, 0.5 * h, w, w.between, w.at_between)
    add_flows(s, w.flows, leaving, coming)
    for a in range(P):
        plan.mid_n[a] = w.between[a]
        plan.mid[a] = w.between[P + a]
        plan.turn[a] = w.between[P + a] - start[P + a]
        if plan.out[a] != UNBOUND:
            plan.out[a] = leaving[a]
    for p in range(s.pairs):
        plan.chance[s.pair[4 * p + 2]] = w.flows[p]
        plan.chance[s.pair[4 * p + 3]] = w.flows[s.pairs + p]
    cuts += half_step(l, control.spectators, w.between, w.at_between, 0.5 * h, w, w.end, w.at_end)
    add_flows(s, w.flows, leaving, coming)
    for a in range(P):
        plan.turn[P + a] = w.end[P + a] - plan.mid[a]
    for p in range(s.pairs):
        plan.flow[s.pair[4 * p + 2]] = w.flows[p]
        plan.flow[s.pair[4 * p + 3]] = w.flows[s.pairs + p]
    over = overdrawn(l, control, start, leaving, coming, limit)
    error = error_of(control, start, h, w, cuts)
    if not (isfinite(error) and isfinite(over)):
        limit.chance = NAN
        return INFINITY
    if error > fmax(control.error_rate * h, ROUNDING):
        over = fmax(over, sqrt(sqrt(error / fmax(control.error_rate * h, ROUNDING))))
    return over


cdef double longest(const Law *l, StepControl control, const double *start, double time_left, Room w,
                    Limit *limit) noexcept nogil:
    """How long a step may be by the rates at its start alone."""
    cdef double h = time_left, turn = fastest_turn(l, start, w.at_begin), over
    memset(w.leaving, 0, 2 * w.P * sizeof(double))
    add_flows(l.s, w.at_begin + 2 * w.P, w.leaving, w.leaving + w.P)
    over = overdrawn(l, control, start, w.leaving, w.leaving + w.P, limit)
    if turn * h > TURN:
        h = TURN / turn
    if over * h > SHY:
        h = SHY / over
    return h


cdef double choose_step(const Law *l, StepControl control, const double *start, double time_left, Room w, Plan *plan,
                        Limit *limit) noexcept nogil:
    """The length of the next step, by the state at its start and the time left to the next record; its plan is made.

    At q above 1/2 beables die out, the last members ever faster. Where that is faster than time can resolve, all of
    them leave in the shortest step there is. Whatever else wants a shorter one gets a length below it: a failure.
    """
    cdef double h, over
    if control.step > 0.0:
        h = time_left / fmax(rint(time_left / control.step), 1.0)
        predict(l, control, start, h, w, plan, limit)
        return h
    h = longest(l, control, start, time_left, w, limit)
    while True:
        h = time_left / fmax(ceil(time_left / h * (1.0 - 1e-12)), 1.0)
        if not h >= 2.0 * control.smallest:
            h = fmin(time_left, 2.0 * control.smallest)
            over = predict(l, control, start, h, w, plan, limit)
            if over <= 1.0 or few_are_fast(l, control, start, h, over, w, limit):
                limit.chance = fmin(limit.chance, 1.0)
                return h
            return 0.25 * h
        over = predict(l, control, start, h, w, plan, limit)
        if over <= 1.0:
            return h
        h *= fmax(0.1, SHY / over)


cdef bint few_are_fast(const Law *l, StepControl control, const double *start, double h, double over, Room w,
                       const Limit *limit) noexcept nogil:
    """Whether a step wants to be shorter for the flows of few members alone, who leave before phases have turned."""
    cdef Py_ssize_t a
    cdef double everybody = 0.0, fast = 0.0
    memset(w.leaving, 0, 2 * w.P * sizeof(double))
    add_flows(l.s, w.at_begin + 2 * w.P, w.leaving, w.leaving + w.P)
    for a in range(w.P):
        everybody += start[a]
        if not fmax(w.leaving[a], w.leaving[w.P + a] / GROWTH) * h <= SLOW * control.leaving_chance * start[a]:
            fast += start[a]
    return (isfinite(over) and 0.0 < fast <= fmax(FEW, FEW_SHARE * everybody)
            and fastest_turn(l, start, w.at_begin) * h <= TURN * fmax(1.0, limit.chance))


cdef int plan_first(const Law *l, StepControl control, const int64_t *n, const double *phase, double time_left,
                    Room w, double *row) noexcept nogil:
    """Fill `row` with the first half of a step from (n, phase), `time_left` before the next record."""
    cdef const System *s = l.s
    cdef Py_ssize_t P = s.P, a, p, b
    cdef int64_t free
    cdef double h, total
    cdef Limit limit
    cdef Plan plan = plan_at(s, row)
    limit.beable = 0
    plan.shift[0] = mark_unbound(s, n, w, plan.out)
    for a in range(P):
        w.start[a] = <double> n[a]
        w.start[P + a] = phase[a]
        plan.phase[a] = phase[a]
    rates(l, control.spectators, w.start, w, w.at_begin)
    h = choose_step(l, control, w.start, time_left, w, &plan, &limit)
    for b in range(P):
        free = n[b] - control.spectators
        total = 0.0
        for p in range(s.indptr[b], s.indptr[b + 1]):
            plan.chance[p] = plan.chance[p] / free if free > 0 else 0.0
            total += plan.chance[p]
        if total > 1.0:
            for p in range(s.indptr[b], s.indptr[b + 1]):
                plan.chance[p] /= total
    return fill_head(plan.head, h, time_left, control.smallest, limit.chance, 0.0, limit.beable)


cdef int plan_second(const Law *l, StepControl control, const int64_t *n, const int64_t *out, Room w, Scratch scratch,
                     double *row) noexcept nogil:
    """Replace the chances in `row` by those of the second half, and its phases by those at the step's end.

    n are the occupations after the first draw, out[b] how many it took from b. STEP_TOO_SMALL where a function failed.
    """
    cdef const System *s = l.s
    cdef Py_ssize_t P = s.P, a
    cdef Plan plan = plan_at(s, row)
    cdef double h = plan.head.step, turn
    for a in range(P):
        w.begin[a] = <double> n[a]
        w.begin[P + a] = plan.mid[a]
        w.omega[a] = s.level[a] - plan.shift[0] if plan.out[a] != UNBOUND else 0.0
    rates(l, control.spectators, w.begin, w, w.at_begin)
    half_step(l, control.spectators, w.begin, w.at_begin, 0.5 * h, w, w.end, w.at_end)
    for a in range(P):
        turn = turned(s.level[a] if plan.out[a] == UNBOUND else plan.shift[0], h)
        turn += plan.phase[a] + plan.turn[a] + 2.0 * (w.end[P + a] - plan.mid[a]) - plan.turn[P + a]
        plan.phase[a] = turn - TWO_PI * rint(turn / TWO_PI)
    memcpy(scratch.forth, w.flows, s.pairs * sizeof(double))
    memcpy(scratch.back, w.flows + s.pairs, s.pairs * sizeof(double))
    if w.failed:
        plan.head.status = STEP_TOO_SMALL
        return STEP_TOO_SMALL
    second_chances(s, control.spectators, n, out, scratch, &plan)
    return FINE
