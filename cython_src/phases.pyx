# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Phases of members' own: e^{i phi} from angles, maps of values, sums of their powers.

A member's value x + i y is its e^{i phi} when maps were last refreshed; all members of a beable share a map
z -> (alpha z + beta)/(conj(beta) z + conj(alpha)) since then. With gamma = beta/alpha, |gamma| small, a mapped value is
a power series in the value, so sums of the first POWERS powers of the values give every sum of mapped values, and no
step touches all members.
"""
from libc.math cimport rint
from libc.stdint cimport int64_t, uint8_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.crowd cimport Block, Crowd, block_of

cdef extern from *:
    """
    #include "pair.h"
    #include "wide.h"

    enum { CHUNK = 512 };

    /* Sums of z^1 .. z^POWERS (re, im in turn) of n values, as integers: a value times `scale`, with 1.5 2^52 added,
       has its nearest integer in its low bits. Integers add up to the same bits in any order, and no instruction set
       changes a bit: IEEE operations only, none contracted. */
    COPYMPI_WIDE
    static void power_sums(const double *x, const double *y, int64_t n, double scale, int64_t *sums)
    {
        const double magic = 6755399441055744.0;
        double pr[CHUNK], pi[CHUNK];
        uint64_t offset;
        memcpy(&offset, &magic, 8);
        for (int64_t first = 0; first < n; first += CHUNK) {
            const double *u = x + first, *v = y + first;
            int m = n - first < CHUNK ? (int) (n - first) : CHUNK;
            memcpy(pr, u, m * 8);
            memcpy(pi, v, m * 8);
            for (int k = 0; k < POWERS; k++) {
                uint64_t s = 0, t = 0;
                for (int i = 0; i < m; i++) {
                    double a = pr[i] * scale + magic, b = pi[i] * scale + magic, r = pr[i] * u[i] - pi[i] * v[i];
                    uint64_t c, d;
                    memcpy(&c, &a, 8);
                    memcpy(&d, &b, 8);
                    s += c;
                    t += d;
                    pi[i] = pr[i] * v[i] + pi[i] * u[i];
                    pr[i] = r;
                }
                sums[2 * k] += (int64_t) (s - offset * (uint64_t) m);
                sums[2 * k + 1] += (int64_t) (t - offset * (uint64_t) m);
            }
        }
    }

    /* The values themselves mapped, and put back on the unit circle. */
    COPYMPI_WIDE
    static void map_values(double *x, double *y, int64_t n, double ar, double ai, double br, double bi)
    {
        for (int64_t i = 0; i < n; i++) {
            double wr, wi, over;
            mapped_by(ar, ai, br, bi, x[i], y[i], &wr, &wi);
            over = 1.0 / sqrt(wr * wr + wi * wi);
            x[i] = wr * over; y[i] = wi * over;
        }
    }
    """
    enum:
        POWERS
    void power_sums(const double *x, const double *y, int64_t n, double scale, int64_t *sums) noexcept nogil
    void map_values(double *x, double *y, int64_t n, double ar, double ai, double br, double bi) noexcept nogil


cdef void circle(double angle, double *x, double *y) noexcept nogil:
    """cos and sin to 2e-16, of the same bits on every machine: Taylor polynomials on an eighth of the circle."""
    cdef double k = rint(angle * 0.6366197723675814)
    cdef double r = (angle - k * 1.5707963267341256) - k * 6.077100506506192e-11, q = r * r, c, s
    s = r + r * q * (-1.0 / 6.0 + q * (1.0 / 120.0 + q * (-1.0 / 5040.0 + q * (1.0 / 362880.0 + q * (
        -1.0 / 39916800.0 + q * (1.0 / 6227020800.0 - q / 1307674368000.0))))))
    c = 1.0 + q * (-0.5 + q * (1.0 / 24.0 + q * (-1.0 / 720.0 + q * (1.0 / 40320.0 + q * (-1.0 / 3628800.0 + q * (
        1.0 / 479001600.0 + q * (-1.0 / 87178291200.0 + q / 20922789888000.0)))))))
    cdef int64_t quarter = (<int64_t> k) & 3
    x[0] = c if quarter == 0 else -s if quarter == 1 else -c if quarter == 2 else s
    y[0] = s if quarter == 0 else c if quarter == 1 else -s if quarter == 2 else -c


def unit_circle(const double[::1] angle not None):
    """cos and sin (K,) of angles below 10^6 in size."""
    cdef Py_ssize_t i
    cdef double[::1] x = np.empty(angle.shape[0])
    cdef double[::1] y = np.empty(angle.shape[0])
    for i in range(angle.shape[0]):
        circle(angle[i], &x[i], &y[i])
    return np.asarray(x), np.asarray(y)


NUMBERS = 2 * POWERS
"""Integers that a beable's power sums are."""


def map_members(Crowd crowd not None, *, const double[:, ::1] maps not None, const uint8_t[:, ::1] due not None):
    """Map the values of this rank's members of every beable (R, P) that is `due`.

    maps (R, 4P): alpha re, im, beta re, im.
    """
    cdef Py_ssize_t R = due.shape[0], P = due.shape[1], u, r, a
    cdef int64_t place
    cdef Block block
    crowd.need_whole(R, P, 2)
    need(maps.shape[0] == R and maps.shape[1] == 4 * P, "maps: must be (R, 4P)")
    with nogil:
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            block = block_of(crowd, u)
            place = 0
            for a in range(P):
                if block.counts[a] and due[r, a]:
                    map_values(block.values + place, block.values + block.size + place, block.counts[a], maps[r, a],
                               maps[r, P + a], maps[r, 2 * P + a], maps[r, 3 * P + a])
                place += block.counts[a]


def sum_powers(Crowd crowd not None, *, double scale, const uint8_t[:, ::1] due not None,
               int64_t[:, :, ::1] powers not None):
    """Add up anew the powers of this rank's values, of every beable (R, P) that is `due`.

    powers (R, NUMBERS, P): sums of z re, im, z^2 re, im, .. times `scale`.
    """
    cdef Py_ssize_t R = due.shape[0], P = due.shape[1], u, r, a, k
    cdef int64_t place
    cdef int64_t part[2 * POWERS]
    cdef Block block
    crowd.need_whole(R, P, 2)
    need(powers.shape[0] == R and powers.shape[1] == 2 * POWERS and powers.shape[2] == P,
         "powers: must be (R, NUMBERS, P)")
    with nogil:
        for r in range(R):
            for a in range(P):
                if due[r, a]:
                    for k in range(2 * POWERS):
                        powers[r, k, a] = 0
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            block = block_of(crowd, u)
            place = 0
            for a in range(P):
                if block.counts[a] and due[r, a]:
                    for k in range(2 * POWERS):
                        part[k] = 0
                    power_sums(block.values + place, block.values + block.size + place, block.counts[a], scale, part)
                    for k in range(2 * POWERS):
                        powers[r, k, a] += part[k]
                place += block.counts[a]


def sums_of_mapped(*, const uint8_t[::1] active not None, const int64_t[:, ::1] n not None,
                   const int64_t[:, :, ::1] powers not None, double scale, const double[:, ::1] maps not None,
                   double[:, ::1] sums not None):
    """Sums (R, 4P) of z and z^2 mapped by `maps` (R, 4P), from sums of powers (R, 2K, P) in units of 1/scale.

    M(z) = u (z + g)/(1 - q z), u = alpha/conj(alpha), g = beta/alpha, q = -conj(g). Truncated at |g|^K.
    """
    cdef Py_ssize_t P = n.shape[1], K = powers.shape[1] // 2, r, a, j
    cdef double complex alpha, g, q, u, power, S, Z, Z2
    cdef double size, over = 1.0 / scale
    cdef Py_ssize_t R = powers.shape[0]
    need(active.shape[0] >= R and n.shape[0] >= R and powers.shape[2] == P, "active, n: of the R replicas of powers")
    need(maps.shape[0] >= R and maps.shape[1] == 4 * P and sums.shape[0] >= R and sums.shape[1] == 4 * P,
         "maps, sums: must be (R, 4P)")
    for r in range(powers.shape[0]):
        if not active[r]:
            continue
        for a in range(P):
            alpha = maps[r, a] + 1j * maps[r, P + a]
            size = maps[r, a] * maps[r, a] + maps[r, P + a] * maps[r, P + a]
            g = (maps[r, 2 * P + a] + 1j * maps[r, 3 * P + a]) * (maps[r, a] - 1j * maps[r, P + a]) / size
            q = -g.real + 1j * g.imag
            u = alpha * alpha / size
            power = 1.0                    # q^(j - 1)
            Z = g * <double> n[r, a]
            Z2 = g * g * <double> n[r, a]
            for j in range(1, K + 1):
                S = over * (<double> powers[r, 2 * j - 2, a] + 1j * <double> powers[r, 2 * j - 1, a])
                Z = Z + (1.0 - (g.real * g.real + g.imag * g.imag)) * power * S
                Z2 = Z2 + (2.0 * <double> j * g + <double> (j + 1) * g * g * q) * power * S
                if j < K:                  # (j' - 1) q^(j' - 2) of the next j'
                    Z2 = Z2 + <double> j * power * over * (<double> powers[r, 2 * j, a]
                                                           + 1j * <double> powers[r, 2 * j + 1, a])
                power = power * q
            Z = u * Z
            Z2 = u * u * Z2
            sums[r, a] = Z.real
            sums[r, P + a] = Z.imag
            sums[r, 2 * P + a] = Z2.real
            sums[r, 3 * P + a] = Z2.imag
