# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The plan of a step of members with phases of their own: its length, and the chances to be proposed a copy.

A step (docs/theory.md, "Phases of their own"): half a step of phases (fields.pyx), the copies, half a step of phases.
Copies have rates at n as predicted for mid-step.
"""
from libc.math cimport ceil, fabs, rint, sqrt
from libc.stdint cimport int64_t, uint8_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.elementary cimport fmax
from copympi.kernels.fields cimport fields_at, need_sums
from copympi.kernels.plans cimport FINE, FieldPlan, FieldPlans, field_plan_at, fill_head, head_of, row_of
from copympi.kernels.step_control cimport StepControl


cdef double choose_step(const System *s, StepControl control, double angle, const double *n, const double *h,
                        const double *besides, double time_left, double *chance, double *turn,
                        Py_ssize_t *limiting) noexcept nogil:
    """Length of the next step: no chance to be proposed a copy above `leaving_chance`, no phase turns by over `angle`.

    besides (P,): what else turns phases, 1/time.
    """
    cdef Py_ssize_t b, e
    cdef double rate, most = 0.0, fastest = 0.0, step, parts, worst = 0.0
    limiting[0] = 0
    for b in range(s.P):
        if n[b] > 0.0:
            rate = 0.0
            for e in range(s.indptr[b], s.indptr[b + 1]):
                rate += 2.0 * sqrt((s.re[e] * s.re[e] + s.im[e] * s.im[e]) * n[s.indices[e]] / n[b])
            most = fmax(most, rate)
            step = fabs(s.omega[b]) + sqrt(h[b] * h[b] + h[s.P + b] * h[s.P + b]) + besides[b]
            fastest = fmax(fastest, step)
            step = fmax(rate / control.leaving_chance, step / angle)
            if step > worst:
                worst = step
                limiting[0] = b
    turn[0] = 0.0
    if control.step > 0.0:
        step = time_left / fmax(rint(time_left / control.step), 1.0)
        turn[0] = step * fastest
    else:
        step = time_left
        if worst * time_left > 1.0:
            step = 1.0 / worst
        parts = ceil(time_left / step * (1.0 - 1e-12))
        step = time_left / fmax(parts, 1.0)
    chance[0] = most * step
    return step


def choose(Couplings couplings not None, FieldPlans plans not None, StepControl control not None, double angle, *,
           const uint8_t[::1] active not None, const double[:, ::1] n not None, const double[:, ::1] sums not None,
           const double[::1] since not None, const double[:, ::1] besides not None,
           const double[::1] time_left not None):
    """Choose the next step of every active replica.

    n (R, P); sums (R, 4P): Z re, im, Z2 re, im, `since` (R,) ago; besides (R, P): see choose_step; time_left (R,) to
    the record. What is wrong with a step stands in its plan.
    """
    cdef const System *s = &couplings.system
    need_sums(couplings, active, n, sums, since, plans)
    need(besides.shape[0] == n.shape[0] and besides.shape[1] == s.P and time_left.shape[0] == n.shape[0],
         "besides: must be (R, P); time_left: (R,)")
    cdef double[::1] work = np.empty(4 * s.P)
    cdef double *h = &work[2 * s.P]
    cdef double step, chance, turn
    cdef FieldPlan plan
    cdef Py_ssize_t r, limiting
    for r in range(n.shape[0]):
        if active[r]:
            fields_at(s, &n[r, 0], &sums[r, 0], since[r], &work[0], h)
            step = choose_step(s, control, angle, &n[r, 0], h, &besides[r, 0], time_left[r], &chance, &turn, &limiting)
            plan = field_plan_at(s, row_of(plans, r))
            if fill_head(plan.head, step, time_left[r], control.smallest, chance, turn, limiting) != FINE:
                return


cdef void chances_one(const System *s, double copying, const double *n, const double *sums, double since,
                      double *work, FieldPlan *plan) noexcept nogil:
    """Chances of the copies at mid-step, from sums `since` before it; the fields there."""
    cdef Py_ssize_t P = s.P, a, b, e
    cdef double r, speed, step = plan.head.step
    cdef double *Z = work
    cdef double *mid_n = work + 2 * P
    cdef double *size = work + 3 * P
    cdef double *chance = plan.chance
    cdef double *bound = plan.bound
    cdef double *mid = plan.field
    fields_at(s, n, sums, since, Z, mid)
    for a in range(P):  # dn_a/dt = 2 Im(h_a Z_a)
        mid_n[a] = fmax(n[a] + step * (mid[a] * Z[P + a] + mid[P + a] * Z[a]), 0.5 * n[a])
        size[a] = sqrt(mid[a] * mid[a] + mid[P + a] * mid[P + a])
    for b in range(P):
        for e in range(s.indptr[b], s.indptr[b + 1]):
            a = s.indices[e]
            chance[e] = 0.0
            bound[e] = 0.0
            if n[b] > 0.0 and n[a] > 0.0:
                r = sqrt(s.re[e] * s.re[e] + s.im[e] * s.im[e])
                speed = 1.0 + step * (size[a] + size[b])
                chance[e] = copying * step * speed * 2.0 * r * n[a] / sqrt(mid_n[a] * mid_n[b])
                bound[e] = 1.0 / (speed * r)
    for b in range(P):
        r = 0.0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            r += chance[e]
        if r > 1.0:  # a long fixed step
            for e in range(s.indptr[b], s.indptr[b + 1]):
                chance[e] /= r


def chances(Couplings couplings not None, FieldPlans plans not None, *, double copying,
            const uint8_t[::1] active not None, const double[:, ::1] n not None, const double[:, ::1] sums not None,
            const double[::1] since not None):
    """Put the chances of the copies into the plans; it is mid-step. `copying`: a factor on all rates of (39)."""
    need_sums(couplings, active, n, sums, since, plans)
    cdef double[::1] work = np.empty(4 * couplings.system.P)
    cdef FieldPlan plan
    cdef Py_ssize_t r
    for r in range(n.shape[0]):
        if active[r]:
            plan = field_plan_at(&couplings.system, row_of(plans, r))
            chances_one(&couplings.system, copying, &n[r, 0], &sums[r, 0], since[r], &work[0], &plan)


def finish(FieldPlans plans not None, *, uint8_t[::1] active not None, double[::1] time_left not None,
           int64_t[::1] step not None, double[::1] largest not None):
    """Clocks go on; `active` loses who is at the record."""
    cdef Py_ssize_t r, R = time_left.shape[0]
    need(active.shape[0] == R and step.shape[0] == R and largest.shape[0] == R,
         "active, time_left, step, largest: (R,)")
    need(plans.R == R, "plans: of another number of replicas")
    for r in range(R):
        if active[r]:
            time_left[r] = head_of(plans, r).time_left
            step[r] += 1
            largest[r] = max(largest[r], head_of(plans, r).largest)
            active[r] = time_left[r] > 0.0
