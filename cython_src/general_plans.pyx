# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Members with phases of their own under any rule: a step's length, and chances of its copies, all drawn at once.

As in field_plans.pyx, rates are those of mid-step, so each kind's weight is to be taken there, (1 + h/2 G) of what it
is, with G its growth by copies. Off q = 1/2 growth is no function of a few sums, and of members it is a sum over all
pairs: so it is worked out for the members in each of PARTS parts of the circle, at their mean phase.
"""
from libc.math cimport ceil, fabs, rint, sqrt
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memset

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.crowd cimport Block, Crowd, block_of
from copympi.kernels.elementary cimport fmax
from copympi.kernels.general_phases cimport (
    CUTS, PhaseRule, fields_at, need_rule, part_of_circle, pulls, set_fields, set_powers,
)
from copympi.kernels.plans cimport FINE, FieldPlan, FieldPlans, field_plan_at, fill_head, need_plans, row_of
from copympi.kernels.step_control cimport StepControl

PARTS = CUTS
"""Of the circle, among which growth is told apart."""

cdef double FASTEST = 1e300    # turns in unit time that are no faster than others


cdef double choose_step(PhaseRule k, StepControl control, double angle, const double *n, double since,
                        double time_left, double *chance, double *turn, Py_ssize_t *limiting) noexcept nogil:
    """As in field_plans.pyx; the angle is that of the fastest harmonic. Fields are set."""
    cdef const System *s = k.law.s
    cdef Py_ssize_t b, e, j
    cdef double rate, speed, most = 0.0, fast = 0.0, worst = 0.0, step, parts
    limiting[0] = 0
    for b in range(s.P):
        if n[b] > 0.0:
            rate = 0.0
            for e in range(s.indptr[b], s.indptr[b + 1]):
                rate += k.copies[k.pair[e]] * k.power[s.indices[e]].to
            rate *= k.power[b].out / n[b]
            fields_at(&k.shape, k.h + b * (k.shape.degree + 1) * k.law.K * 2, since, k.c)
            speed = fabs(s.omega[b])
            for j in range(k.shape.top + 1):
                speed += sqrt(k.c[2 * j] * k.c[2 * j] + k.c[2 * j + 1] * k.c[2 * j + 1])
            speed *= fmax(1.0, k.shape.top)
            if not speed <= FASTEST:  # nor a number, perhaps
                speed = FASTEST
            most = fmax(most, rate)
            fast = fmax(fast, speed)
            step = fmax(rate / control.leaving_chance, speed / angle)
            if step > worst:
                worst = step
                limiting[0] = b
    turn[0] = 0.0
    if control.step > 0.0:
        step = time_left / fmax(rint(time_left / control.step), 1.0)
        turn[0] = step * fast
    else:
        step = time_left
        if worst * time_left > 1.0:
            step = 1.0 / worst
        parts = ceil(time_left / step * (1.0 - 1e-12))
        step = time_left / fmax(parts, 1.0)
    chance[0] = most * step
    return step


def choose(PhaseRule rule not None, FieldPlans plans not None, StepControl control not None, double angle, *,
           const uint8_t[::1] active not None, const double[:, ::1] n not None, const double[:, :, ::1] sums not None,
           const double[::1] since not None, const double[::1] time_left not None):
    """Choose the next step of every active replica: no chance to be offered a copy above the control's leaving_chance,
    no harmonic turns by over `angle`.

    n (R, P); sums (R, 2 rule.sums, P) as they were since (R,) before; time_left (R,) to the stop. What is wrong with a
    step stands in its plan.
    """
    cdef Py_ssize_t R = n.shape[0], r, limiting
    cdef double step, chance, turn
    cdef FieldPlan plan
    need_rule(rule, n, sums)
    need_plans(plans, rule.rule.couplings, R)
    need(active.shape[0] == R and since.shape[0] == R and time_left.shape[0] == R,
         "active, since, time_left: must be (R,)")
    for r in range(R):
        if active[r]:
            set_fields(rule, &n[r, 0], &sums[r, 0, 0])
            step = choose_step(rule, control, angle, &n[r, 0], since[r], time_left[r], &chance, &turn, &limiting)
            plan = field_plan_at(rule.law.s, row_of(plans, r))
            if fill_head(plan.head, step, time_left[r], control.smallest, chance, turn, limiting) != FINE:
                return


def part(PhaseRule rule not None, Crowd crowd not None, *, const uint8_t[::1] active not None, double scale,
         int64_t[:, :, :, ::1] parts not None):
    """This rank's members in each part of the circle, of active replicas, into parts (R, 4, P, PARTS): how many there
    are, and of them no spectators, and the sum of e^{i phi}, re and im, in units of 1/scale."""
    cdef Py_ssize_t R = active.shape[0], P = rule.law.s.P, u, r, a
    cdef int64_t i, place, still
    cdef int where
    cdef Block block
    crowd.need_whole(R, P, 2)
    need(parts.shape[0] == R and parts.shape[1] == 4 and parts.shape[2] == P and parts.shape[3] == CUTS,
         "parts: must be (R, 4, P, PARTS)")
    with nogil:
        for r in range(R):
            if active[r]:
                memset(&parts[r, 0, 0, 0], 0, 4 * P * CUTS * sizeof(int64_t))
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            if not active[r]:
                continue
            block = block_of(crowd, u)
            place = 0
            for a in range(P):
                still = place + block.spectators[a]
                for i in range(place, place + block.counts[a]):
                    where = part_of_circle(block.values[i], block.values[block.size + i], CUTS)
                    parts[r, 0, a, where] += 1
                    parts[r, 1, a, where] += i >= still
                    parts[r, 2, a, where] += <int64_t> rint(block.values[i] * scale)
                    parts[r, 3, a, where] += <int64_t> rint(block.values[block.size + i] * scale)
                place += block.counts[a]


cdef void centres(const int64_t *parts, Py_ssize_t P, double *z) noexcept nogil:
    """The mean phase of the members in each part, as z (2, P, CUTS) on the unit circle."""
    cdef Py_ssize_t i, size = P * CUTS
    cdef double x, y, over
    for i in range(size):
        x = <double> parts[2 * size + i]
        y = <double> parts[3 * size + i]
        over = sqrt(x * x + y * y)
        z[i] = x / over if over > 0.0 else 1.0
        z[size + i] = y / over if over > 0.0 else 0.0


cdef void grow(PhaseRule k, const double *n, const int64_t *parts, double *z, double *growth) noexcept nogil:
    """Growth in unit time, (2, P, CUTS), of those who copy, and of those who are copied; powers are set.

    z (2, P, CUTS) is work space. A pair in which I may copy J does so at n_a^(q-1) n_b^(-q) sum_k R'^k sin+.
    """
    cdef const System *s = k.law.s
    cdef Py_ssize_t size = s.P * CUTS, p, a, b, i, j
    cdef double up, down, forth, back, gain, loss
    cdef double w[2]
    cdef double v[2]
    cdef double *lost = growth          # a member who may copy, and
    cdef double *gained = growth + size  # a member of any kind
    centres(parts, s.P, z)
    memset(growth, 0, 2 * size * sizeof(double))
    for p in range(s.pairs):
        b = s.pair[4 * p]
        a = s.pair[4 * p + 1]
        if n[a] <= 0.0 or n[b] <= 0.0:
            continue
        forth = k.power[a].to / n[a] * k.power[b].out / n[b]
        back = k.power[b].to / n[b] * k.power[a].out / n[a]
        for i in range(b * CUTS, (b + 1) * CUTS):
            if parts[i] == 0:
                continue
            w[0] = z[i]
            w[1] = z[size + i]
            for j in range(a * CUTS, (a + 1) * CUTS):
                if parts[j] == 0:
                    continue
                v[0] = z[j]
                v[1] = z[size + j]
                pulls(k.law, p, w, v, &up, &down)
                lost[i] += forth * parts[j] * up
                gained[j] += forth * parts[size + i] * up
                lost[j] += back * parts[i] * down
                gained[i] += back * parts[size + j] * down
    for i in range(size):
        if parts[i]:
            gain, loss = gained[i], lost[i]
            lost[i] = gain * parts[i] / parts[size + i] - loss if parts[size + i] else 0.0
            gained[i] = gain - loss * parts[size + i] / parts[i]


cdef void chances_one(PhaseRule k, const double *n, const int64_t *parts, const double *growth, double *work,
                      FieldPlan *plan) noexcept nogil:
    """Chances to be offered a copy: rates at n as predicted for mid-step, whose powers are set here. work (3, P)."""
    cdef const System *s = k.law.s
    cdef Py_ssize_t P = s.P, size = P * CUTS, a, b, e, i
    cdef double speed, total, most, step = plan.head.step
    cdef double *mid = work
    cdef double *out = work + P         # the fastest growth of who copies, and
    cdef double *into = work + 2 * P    # of who is copied
    for a in range(P):
        mid[a] = n[a]
        out[a] = 0.0
        into[a] = 0.0
        for i in range(a * CUTS, (a + 1) * CUTS):
            mid[a] += 0.5 * step * parts[i] * growth[size + i]
            out[a] = fmax(out[a], fabs(growth[i]))
            into[a] = fmax(into[a], fabs(growth[size + i]))
        mid[a] = fmax(mid[a], 0.5 * n[a])
    set_powers(k, mid)
    for b in range(P):
        total = 0.0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            a = s.indices[e]
            most = k.copies[k.pair[e]]
            plan.chance[e] = 0.0
            plan.bound[e] = 0.0
            if n[b] > 0.0 and n[a] > 0.0 and most > 0.0:
                speed = 1.0 + 0.5 * step * (out[b] + into[a])
                plan.chance[e] = step * speed * most * n[a] * k.power[a].to / mid[a] * k.power[b].out / mid[b]
                plan.bound[e] = 1.0 / (speed * most)
                total += plan.chance[e]
        if total > 1.0:  # a long fixed step
            for e in range(s.indptr[b], s.indptr[b + 1]):
                plan.chance[e] /= total


def chances(PhaseRule rule not None, FieldPlans plans not None, *, const uint8_t[::1] active not None,
            const double[:, ::1] n not None, const int64_t[:, :, :, ::1] parts not None,
            double[:, :, :, ::1] growth not None):
    """Chances of the copies at mid-step by all ranks' parts (R, 4, P, PARTS); growth (R, 2, P, PARTS) is filled."""
    cdef Py_ssize_t R = n.shape[0], P = rule.law.s.P, r
    cdef FieldPlan plan
    need_plans(plans, rule.rule.couplings, R)
    need(active.shape[0] == R and n.shape[1] == P, "active: must be (R,); n: (R, P)")
    need(parts.shape[0] == R and parts.shape[1] == 4 and parts.shape[2] == P and parts.shape[3] == CUTS,
         "parts: must be (R, 4, P, PARTS)")
    need(growth.shape[0] == R and growth.shape[1] == 2 and growth.shape[2] == P and growth.shape[3] == CUTS,
         "growth: must be (R, 2, P, PARTS)")
    cdef double[::1] work = np.empty(2 * P * CUTS + 3 * P)
    with nogil:
        for r in range(R):
            if active[r]:
                plan = field_plan_at(rule.law.s, row_of(plans, r))
                set_powers(rule, &n[r, 0])
                grow(rule, &n[r, 0], &parts[r, 0, 0, 0], &work[0], &growth[r, 0, 0, 0])
                chances_one(rule, &n[r, 0], &parts[r, 0, 0, 0], &growth[r, 0, 0, 0], &work[2 * P * CUTS], &plan)
