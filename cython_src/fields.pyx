# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Members with phases of their own: the fields they feel, and the Moebius maps that these make.

All members of a beable a feel one field, dphi/dt = omega_a + Re(h_a e^{i phi}) (40), with
h_a = sum_b (H_ab/hbar) conj(Z_b)/sqrt(n_a n_b), Z_b = sum e^{i phi}. So z = e^{i phi} moves by one map
z -> (alpha z + beta)/(conj(beta) z + conj(alpha)) a beable. Between two draws fields are extrapolated from the sums of
z and z^2 taken right after the draw, by the exact derivative
dZ_a/dt = i (omega_a Z_a + h_a Z2_a/2 + conj(h_a) n_a/2).
"""
from libc.math cimport fabs, sqrt
from libc.stdint cimport uint8_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.elementary cimport exp_of, fmin, sin_cos_of
from copympi.kernels.pair cimport pair_field
from copympi.kernels.plans cimport FieldPlan, FieldPlans, field_plan_at, head_of, need_plans, row_of

cdef double SERIES = 1e-3
# Occupations n (R, P) come as doubles: where they are counts of phase classes they may be beyond 2^63.


cdef void fields(const System *s, const double *n, const double *Z, double *h) noexcept nogil:
    """h_a from the sums Z (2P: re, im); zero at an empty beable."""
    cdef Py_ssize_t P = s.P, a, e, b
    cdef double x, y, r
    for a in range(P):
        x = 0.0
        y = 0.0
        if n[a] > 0.0:
            for e in range(s.indptr[a], s.indptr[a + 1]):
                b = s.indices[e]
                if n[b] > 0.0:
                    r = 1.0 / sqrt(n[a] * n[b])
                    pair_field(r, s.re[e], s.im[e], Z[b], Z[P + b], &x, &y)
        h[a] = x
        h[P + a] = y


cdef void fields_at(const System *s, const double *n, const double *sums, double t, double *Z,
                    double *h) noexcept nogil:
    """Sums Z and fields h a time t after `sums` (4P: Z re, im, Z2 re, im) were taken, to first order."""
    cdef Py_ssize_t P = s.P, a
    cdef double x, y
    fields(s, n, sums, h)
    for a in range(P):
        x = s.omega[a] * sums[a] + 0.5 * (h[a] * sums[2 * P + a] - h[P + a] * sums[3 * P + a] + h[a] * n[a])
        y = s.omega[a] * sums[P + a] + 0.5 * (h[a] * sums[3 * P + a] + h[P + a] * sums[2 * P + a] - h[P + a] * n[a])
        Z[a] = sums[a] - t * y
        Z[P + a] = sums[P + a] + t * x
    fields(s, n, Z, h)


cdef void carry_map(double omega, double x, double y, double t, double *m, Py_ssize_t P) noexcept nogil:
    """Compose m with the flow of dz/dt = i (omega z + h z^2/2 + conj(h)/2), h = x + i y constant over t."""
    cdef double k = 0.25 * t * t * (x * x + y * y - omega * omega)
    cdef double c, d, r, ar, ai, br, bi, cr, ci, dr, di
    if fabs(k) < SERIES:
        c = 1.0 + k * (0.5 + k * (1.0 / 24.0 + k / 720.0))
        d = 1.0 + k * (1.0 / 6.0 + k * (1.0 / 120.0 + k / 5040.0))
    elif k > 0.0:
        r = sqrt(k)
        exp_of(fmin(r, 699.0), &c, &d)  # exp(r), 1 - exp(r)
        d = 0.5 * (-d / c - d) / r
        c = 0.5 * (c + 1.0 / c)
    else:
        r = sqrt(-k)
        sin_cos_of(r, &d, &c)
        d /= r
    ar = c                       # alpha = c + i d t omega/2, beta = i d t conj(h)/2
    ai = 0.5 * d * t * omega
    br = 0.5 * d * t * y
    bi = 0.5 * d * t * x
    # (alpha, beta) of the flow times (alpha, beta) of m: alpha A + beta conj(B), alpha B + beta conj(A)
    cr = ar * m[0] - ai * m[P] + br * m[2 * P] + bi * m[3 * P]
    ci = ar * m[P] + ai * m[0] + bi * m[2 * P] - br * m[3 * P]
    dr = ar * m[2 * P] - ai * m[3 * P] + br * m[0] + bi * m[P]
    di = ar * m[3 * P] + ai * m[2 * P] + bi * m[0] - br * m[P]
    r = 1.0 / sqrt(cr * cr + ci * ci - dr * dr - di * di)
    m[0] = r * cr
    m[P] = r * ci
    m[2 * P] = r * dr
    m[3 * P] = r * di


cdef void drift_one(const System *s, const double *n, const double *sums, double since, double *work,
                    double *row) noexcept nogil:
    """Carry the maps half a step on, by the fields in the middle of it, taken from sums `since` ago."""
    cdef Py_ssize_t P = s.P, a
    cdef FieldPlan plan = field_plan_at(s, row)
    cdef double *Z = work
    cdef double *h = work + 2 * P
    fields_at(s, n, sums, since + 0.25 * plan.head.step, Z, h)
    for a in range(P):
        carry_map(s.omega[a], h[a], h[P + a], 0.5 * plan.head.step, plan.map + a, P)


cdef int need_sums(Couplings couplings, const uint8_t[::1] active, const double[:, ::1] n, const double[:, ::1] sums,
                   const double[::1] since, FieldPlans plans) except -1:
    """Arrays of R replicas of a system, as the planning of their steps wants them."""
    cdef Py_ssize_t R = n.shape[0], P = couplings.system.P
    need(active.shape[0] == R and since.shape[0] == R and n.shape[1] == P, "n: must be (R, P); active, since: (R,)")
    need(sums.shape[0] == R and sums.shape[1] == 4 * P, "sums: must be (R, 4P)")
    return need_plans(plans, couplings, R)


def drift(Couplings couplings not None, FieldPlans plans not None, *, const uint8_t[::1] active not None,
          const double[:, ::1] n not None, const double[:, ::1] sums not None, double[::1] since not None):
    """Carry the maps of every active replica half a step on; `since` (R,) goes on with them."""
    need_sums(couplings, active, n, sums, since, plans)
    cdef double[::1] work = np.empty(4 * couplings.system.P)
    cdef Py_ssize_t r
    for r in range(n.shape[0]):
        if active[r]:
            drift_one(&couplings.system, &n[r, 0], &sums[r, 0], since[r], &work[0], row_of(plans, r))
            since[r] += 0.5 * head_of(plans, r).step
