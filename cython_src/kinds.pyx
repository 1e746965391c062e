# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Unaligned phases at any N: kinds (a, phi) of members with counts, as copying makes no new phase.

A beable has K kinds, each a value z = e^{i phi}; beables move theirs by a map each, as in phases.pyx, here at once. A
copy takes a member from one kind to another. Between two kinds the chance is that of (39) with the weights grown to
mid-step; how many leave a kind is one binomial and one multinomial draw, whatever N is.

Counts are integers, or beyond 2^63 whole numbers in doubles; see draw_many in streams.pyx for what is drawn then.
"""
from libc.math cimport fmax, sqrt
from libc.stdint cimport int64_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.predictor cimport HEAD, STEP, Couplings, System
from copympi.kernels.streams cimport Stream, draw_leavers, draw_many_leavers, stream_open

ctypedef fused Count:
    int64_t
    double


def map_kinds(const unsigned char[::1] active not None, double[:, ::1] maps not None, double[:, :, :, ::1] z not None,
              Count[:, :, ::1] count not None, double[:, ::1] sums not None):
    """Move the values z (R, 2, P, K) of active replicas by maps (R, 4P), which become the identity.

    Adds up z and z^2: sums (R, 4P).
    """
    cdef Py_ssize_t P = z.shape[2], K = z.shape[3], r, a, k
    cdef double x, y, nr, ni, dr, di, wr, wi, over
    cdef double *m
    cdef Py_ssize_t R = z.shape[0]
    need(active.shape[0] == R and z.shape[1] == 2, "active: must be (R,); z: (R, 2, P, K)")
    need(count.shape[0] == R and count.shape[1] == P and count.shape[2] == K, "count: must be (R, P, K)")
    need(maps.shape[0] == R and maps.shape[1] == 4 * P and sums.shape[0] == R and sums.shape[1] == 4 * P,
         "maps, sums: must be (R, 4P)")
    with nogil:
        for r in range(z.shape[0]):
            if not active[r]:
                continue
            for a in range(P):
                m = &maps[r, a]
                for k in range(4):
                    sums[r, k * P + a] = 0.0
                for k in range(K):
                    x = z[r, 0, a, k]
                    y = z[r, 1, a, k]
                    nr = m[0] * x - m[P] * y + m[2 * P]
                    ni = m[0] * y + m[P] * x + m[3 * P]
                    dr = m[2 * P] * x + m[3 * P] * y + m[0]
                    di = m[2 * P] * y - m[3 * P] * x - m[P]
                    wr = nr * dr + ni * di
                    wi = ni * dr - nr * di
                    over = 1.0 / sqrt(wr * wr + wi * wi)
                    wr *= over
                    wi *= over
                    z[r, 0, a, k] = wr
                    z[r, 1, a, k] = wi
                    sums[r, a] += count[r, a, k] * wr
                    sums[r, P + a] += count[r, a, k] * wi
                    sums[r, 2 * P + a] += count[r, a, k] * (wr * wr - wi * wi)
                    sums[r, 3 * P + a] += count[r, a, k] * 2.0 * wr * wi
                m[0] = 1.0
                m[P] = 0.0
                m[2 * P] = 0.0
                m[3 * P] = 0.0


cdef double chances_of(const System *s, const double *row, const Count *n, Py_ssize_t K, const double *z,
                       const Count *count, Py_ssize_t b, Py_ssize_t i, double *chance) noexcept nogil:
    """A member's chances to leave kind (b, i) for each kind of each beable it is coupled to; returns their sum."""
    cdef Py_ssize_t P = s.P, e, a, j, place = 0
    cdef const double *bound = row + HEAD + s.nnz
    cdef const double *h = bound + s.nnz
    cdef double x = z[b * K + i], y = z[(P + b) * K + i], own, c, d, u, v, total = 0.0
    own = h[b] * y + h[P + b] * x
    for e in range(s.indptr[b], s.indptr[b + 1]):
        a = s.indices[e]
        for j in range(K):
            chance[place] = 0.0
            if count[a * K + j] > 0:
                u = z[a * K + j]
                v = z[(P + a) * K + j]
                c = u * x + v * y
                d = v * x - u * y
                d = d * s.re[e] - c * s.im[e]
                if d > 0.0:
                    d *= row[HEAD + e] * bound[e] * (1.0 + row[STEP] * (own + h[a] * v + h[P + a] * u))
                    chance[place] = d * count[a * K + j] / n[a]
                    total += chance[place]
            place += 1
    return total


def copy(Couplings couplings not None, double[:, ::1] rows not None, const unsigned char[::1] active not None,
         uint64_t seed, uint64_t purpose, int64_t first_replica, int64_t[::1] step not None,
         Count[:, ::1] n not None, double[:, :, :, ::1] z not None, Count[:, :, ::1] count not None,
         const int64_t[:, ::1] pinned not None, double[::1] events not None):
    """Draw the copies of one step of every active replica and carry them out: count (R, P, K), n (R, P).

    pinned (P, K): spectators among the members of each kind.
    """
    cdef const System *s = &couplings.system
    cdef Py_ssize_t P = s.P, K = z.shape[3], r, a, b, i, e, j, width
    cdef Py_ssize_t R = n.shape[0]
    need(active.shape[0] == R and step.shape[0] == R and events.shape[0] == R and n.shape[1] == P,
         "n: must be (R, P); active, step, events: (R,)")
    need(rows.shape[0] == R and rows.shape[1] == HEAD + 2 * s.nnz + 6 * P, "rows: must be plans of R replicas")
    need(z.shape[0] == R and z.shape[1] == 2 and z.shape[2] == P and pinned.shape[0] == P and pinned.shape[1] == K,
         "z: must be (R, 2, P, K); pinned: (P, K)")
    need(count.shape[0] == R and count.shape[1] == P and count.shape[2] == K, "count: must be (R, P, K)")
    cdef double[::1] chance = np.empty(max(1, P * K))
    cdef Count[::1] leave = np.empty(max(1, P * K), np.asarray(n).dtype)
    cdef Count[:, ::1] gain = np.zeros((P, K), np.asarray(n).dtype)
    cdef double total
    cdef Stream stream
    with nogil:
        for r in range(n.shape[0]):
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, first_replica + r, 0, step[r])
            for b in range(P):
                width = K * (s.indptr[b + 1] - s.indptr[b])
                for i in range(K):
                    if count[r, b, i] <= pinned[b, i]:
                        continue
                    total = chances_of(s, &rows[r, 0], &n[r, 0], K, &z[r, 0, 0, 0], &count[r, 0, 0], b, i, &chance[0])
                    if total <= 0.0:
                        continue
                    if total > 1.0:
                        for j in range(width):
                            chance[j] /= total
                    if Count is int64_t:
                        draw_leavers(&stream, count[r, b, i] - pinned[b, i], 0, width, &chance[0], &leave[0])
                    else:
                        draw_many_leavers(&stream, count[r, b, i] - pinned[b, i], width, &chance[0], &leave[0])
                    j = 0
                    for e in range(s.indptr[b], s.indptr[b + 1]):
                        for a in range(K):
                            if leave[j] > 0:
                                gain[s.indices[e], a] += leave[j]
                                gain[b, i] -= leave[j]
                                events[r] += leave[j]
                            j += 1
            for a in range(P):
                n[r, a] = 0
                for i in range(K):
                    count[r, a, i] += gain[a, i]
                    if Count is double:  # by an ulp
                        count[r, a, i] = fmax(count[r, a, i], <double> pinned[a, i])
                    n[r, a] += count[r, a, i]
                    gain[a, i] = 0
