# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The alignment model (42) to (53): phases and momenta of each member's own, by the implicit midpoint rule.

H = sum_I [pi_I^2/2 + pi_I Omega_I + potential] is not separable; the implicit midpoint rule is symplectic for it.
Every sum over members reduces to a beable's Z = sum z, Z2 = sum z^2, Q = sum pi z with z = e^{i phi}, so a step is
found by passes over the members: midpoints from the sums, sums from the midpoints, until these do not change.
"""
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.crowd cimport Block, Crowd, block_of
from copympi.kernels.pair cimport pair_field

cdef extern from *:
    """
    #include "wide.h"

    /* Sums of z, z^2, p z, p and p^2 as integers, as in phases.pyx. */
    COPYMPI_WIDE
    static void add_up(const double *x, const double *y, const double *p, int64_t n, double scale, double p_scale,
                       double p2_scale, int64_t *sums)
    {
        const double magic = 6755399441055744.0;
        uint64_t s[8] = {0}, offset;
        memcpy(&offset, &magic, 8);
        for (int64_t i = 0; i < n; i++) {
            double t[8];
            uint64_t b[8];
            t[0] = x[i] * scale + magic;
            t[1] = y[i] * scale + magic;
            t[2] = (x[i] * x[i] - y[i] * y[i]) * scale + magic;
            t[3] = 2.0 * x[i] * y[i] * scale + magic;
            t[4] = p[i] * x[i] * p_scale + magic;
            t[5] = p[i] * y[i] * p_scale + magic;
            t[6] = p[i] * p_scale + magic;
            t[7] = p[i] * p[i] * p2_scale + magic;
            memcpy(b, t, 64);
            for (int k = 0; k < 8; k++) s[k] += b[k];
        }
        for (int k = 0; k < 8; k++) sums[k] += (int64_t) (s[k] - offset * (uint64_t) n);
    }

    typedef struct {           /* what the members of a beable feel, see `felt` */
        double omega, hx, hy, kx, ky, fx, fy;
    } Feeling;

    /* Midpoints (x, y, p), `size` apart, from the starts and the midpoints before: half a step t at the rates
       dphi/dt = p + omega + Re(h z), dp/dt = -f + p Im(h z) - Im(k conj z); f = Im(z^m conj F), m = 1 or 2.
       The turn e^{i theta} is a Taylor polynomial: theta is small, and IEEE operations give the same bits anywhere. */
    COPYMPI_WIDE
    static void relax(const double *start, double *mid, int64_t size, int64_t n, double t, Feeling g, int twice)
    {
        const double *x0 = start, *y0 = start + size, *p0 = start + 2 * size;
        double *x = mid, *y = mid + size, *p = mid + 2 * size;
        for (int64_t i = 0; i < n; i++) {
            double u = x[i], v = y[i], r = p[i];
            double mx = twice ? u * u - v * v : u, my = twice ? 2.0 * u * v : v;
            double theta = t * (r + g.omega + g.hx * u - g.hy * v), q = theta * theta;
            double force = mx * g.fy - my * g.fx + r * (g.hx * v + g.hy * u) - (g.ky * u - g.kx * v);
            double s = theta * (1.0 + q * (-1.0 / 6 + q * (1.0 / 120 + q * (-1.0 / 5040 + q * (1.0 / 362880
                       - q / 39916800.0)))));
            double c = 1.0 + q * (-0.5 + q * (1.0 / 24 + q * (-1.0 / 720 + q * (1.0 / 40320 + q * (-1.0 / 3628800
                       + q / 479001600.0)))));
            x[i] = x0[i] * c - y0[i] * s;
            y[i] = x0[i] * s + y0[i] * c;
            p[i] = p0[i] + t * force;
        }
    }

    /* The ends of the step from starts and midpoints; on the unit circle. `keep`: what damping leaves of p. */
    COPYMPI_WIDE
    static void end_step(double *x0, double *y0, double *p0, const double *x, const double *y, const double *p,
                         int64_t n, double keep)
    {
        for (int64_t i = 0; i < n; i++) {
            double a = x[i] * x[i] - y[i] * y[i], b = 2.0 * x[i] * y[i];
            double u = a * x0[i] + b * y0[i], v = b * x0[i] - a * y0[i];
            double over = 1.0 / sqrt(u * u + v * v);
            x0[i] = u * over;
            y0[i] = v * over;
            p0[i] = keep * (2.0 * p[i] - p0[i]);
        }
    }
    """
    void add_up(const double *x, const double *y, const double *p, int64_t n, double scale, double p_scale,
                double p2_scale, int64_t *sums) noexcept nogil
    ctypedef struct Feeling:
        double omega, hx, hy, kx, ky, fx, fy
    void relax(const double *start, double *mid, int64_t size, int64_t n, double t, Feeling g, int twice) noexcept nogil
    void end_step(double *x0, double *y0, double *p0, const double *x, const double *y, const double *p, int64_t n,
                  double keep) noexcept nogil

SUMS = 8
"""Sums of a beable: Z re, im, Z2 re, im, Q re, im, sum of p, of p^2."""
NUMBERS = 7
"""Numbers of a beable that its members feel: omega, h re, im, k re, im, F re, im."""


def felt(Couplings couplings not None, *, const int64_t[:, ::1] n not None, const double[:, :, ::1] sums not None,
         double strength, bint mean, bint twice):
    """What the members of each beable feel, (R, NUMBERS, P), from the sums (R, SUMS, P)."""
    cdef const System *s = &couplings.system
    cdef Py_ssize_t P = s.P, r, a, b, e
    need(n.shape[1] == P and sums.shape[0] == n.shape[0] and sums.shape[1] == 8 and sums.shape[2] == P,
         "n: must be (R, P); sums: (R, SUMS, P)")
    cdef double[:, :, ::1] out = np.zeros((n.shape[0], 7, P))
    cdef double over, f
    for r in range(n.shape[0]):
        for a in range(P):
            if n[r, a] == 0:
                continue
            out[r, 0, a] = s.omega[a]
            for e in range(s.indptr[a], s.indptr[a + 1]):
                b = s.indices[e]
                if n[r, b] > 0:
                    over = 1.0 / sqrt(<double> n[r, a] * <double> n[r, b])
                    pair_field(over, s.re[e], s.im[e], sums[r, 0, b], sums[r, 1, b], &out[r, 1, a], &out[r, 2, a])
                    # k = conj(w) Q, with Q = sum pi z
                    pair_field(over, s.re[e], -s.im[e], sums[r, 4, b], -sums[r, 5, b], &out[r, 3, a], &out[r, 4, a])
            f = strength / n[r, a] if mean else strength
            out[r, 5, a] = f * sums[r, 2 if twice else 0, a]
            out[r, 6, a] = f * sums[r, 3 if twice else 1, a]
    return np.asarray(out)


def midpoints(Crowd crowd not None, *, double[:, ::1] mid not None, const double[:, :, ::1] numbers not None,
              const double[::1] half not None, int twice, const uint8_t[::1] active not None):
    """Better midpoints `mid` (3, M) of the step from the crowd's values, in place. half (R,): half its length."""
    cdef Py_ssize_t P = crowd.P, u, r, a, R = active.shape[0]
    cdef int64_t place
    cdef Block block
    cdef Feeling g
    crowd.need_whole(R, P, 3)
    need(numbers.shape[0] == R and numbers.shape[1] == 7 and numbers.shape[2] == P and half.shape[0] == R,
         "numbers: must be (R, NUMBERS, P); half: (R,)")
    need(mid.shape[0] == 3 and mid.shape[1] == crowd.M, "mid: must be (3, M), as the crowd's values")
    if crowd.M == 0:
        return
    with nogil:
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            if active[r]:
                block = block_of(crowd, u)
                place = 0
                for a in range(P):
                    g = Feeling(numbers[r, 0, a], numbers[r, 1, a], numbers[r, 2, a], numbers[r, 3, a],
                                numbers[r, 4, a], numbers[r, 5, a], numbers[r, 6, a])
                    relax(block.values + place, &mid[0, 0] + crowd.starts[u] + place, crowd.M, block.counts[a],
                          half[r], g, twice)
                    place += block.counts[a]


def sum_up(Crowd crowd not None, *, const double[:, ::1] values not None, const uint8_t[::1] active not None,
           double scale, const double[:, ::1] p_scale not None):
    """This rank's sums over `values` (3, M), the crowd's or midpoints, in units of 1/scale; p_scale (R, 2) for those
    of p and of p^2.

    Returns (R, SUMS, P) int64.
    """
    cdef Py_ssize_t P = crowd.P, R = active.shape[0], u, r, a, j
    cdef int64_t k
    cdef int64_t part[8]
    cdef const int32_t *counts
    crowd.need_whole(R, P, 0)
    need(values.shape[0] == 3 and values.shape[1] == crowd.M, "values: must be (3, M)")
    need(p_scale.shape[0] == R and p_scale.shape[1] == 2, "p_scale: must be (R, 2)")
    cdef int64_t[:, :, ::1] sums = np.zeros((R, 8, P), np.int64)
    with nogil:
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            if active[r]:
                k = crowd.starts[u]
                counts = crowd.counts + u * P
                for a in range(P):
                    for j in range(8):
                        part[j] = 0
                    if counts[a]:
                        add_up(&values[0, k], &values[1, k], &values[2, k], counts[a], scale, p_scale[r, 0],
                               p_scale[r, 1], part)
                    for j in range(8):
                        sums[r, j, a] += part[j]
                    k += counts[a]
    return np.asarray(sums)


def end(Crowd crowd not None, *, const double[:, ::1] mid not None, const double[::1] keep not None,
        const uint8_t[::1] active not None):
    """Go from the starts, the crowd's values, to the ends of the step, in place. keep (R,): factor on p for damping."""
    cdef Py_ssize_t u, r
    cdef int64_t k
    cdef double *values
    crowd.need_whole(active.shape[0], crowd.P, 3)
    need(mid.shape[0] == 3 and mid.shape[1] == crowd.M, "mid: must be (3, M), as the crowd's values")
    need(keep.shape[0] == active.shape[0], "keep: must be (R,)")
    with nogil:
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            k = crowd.starts[u]
            if active[r] and crowd.starts[u + 1] > k:
                values = crowd.values + k
                end_step(values, values + crowd.M, values + 2 * crowd.M, &mid[0, k], &mid[1, k], &mid[2, k],
                         crowd.starts[u + 1] - k, keep[r])
