# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Unaligned phases at any N: kinds (a, phi) of members with counts, as copying makes no new phase.

A beable has K kinds, each a value z = e^{i phi}; beables move theirs by a map each, as in phases.pyx, here at once. A
copy takes a member from one kind to another. Between two kinds the chance is that of (39) with the weights grown to
mid-step; how many leave a kind is one binomial and one multinomial draw, whatever N is.

One draw for all copies of a step lacks what its noise does in the rest of it, on average half the step. That is the mean
field's answer to the noise, known from the fields before and after; `answer` adds it, so covariances are of second order.

Counts are integers, or beyond 2^63 whole numbers in doubles; see draw_many in draws.pyx for what is drawn then.
"""
from libc.math cimport floor, fmax, fmin
from libc.stdint cimport int64_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.draws cimport draw_leavers, draw_many_leavers
from copympi.kernels.fields cimport fields
from copympi.kernels.pair cimport mapped_on_circle, pair_pull
from copympi.kernels.predictor cimport HEAD, STEP, Couplings, System
from copympi.kernels.streams cimport Stream, stream_double, stream_open

cdef double RARE = 64.0  # kinds of fewer members that can move have their first draw and no more

ctypedef fused Count:
    int64_t
    double


def map_kinds(const unsigned char[::1] active not None, double[:, ::1] maps not None, double[:, :, :, ::1] z not None,
              Count[:, :, ::1] count not None, double[:, ::1] sums not None):
    """Move the values z (R, 2, P, K) of active replicas by maps (R, 4P), which become the identity.

    Adds up z and z^2: sums (R, 4P).
    """
    cdef Py_ssize_t P = z.shape[2], K = z.shape[3], r, a, k
    cdef double w[2]
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
                    mapped_on_circle(m, P, z[r, 0, a, k], z[r, 1, a, k], w)
                    z[r, 0, a, k] = w[0]
                    z[r, 1, a, k] = w[1]
                    sums[r, a] += count[r, a, k] * w[0]
                    sums[r, P + a] += count[r, a, k] * w[1]
                    sums[r, 2 * P + a] += count[r, a, k] * (w[0] * w[0] - w[1] * w[1])
                    sums[r, 3 * P + a] += count[r, a, k] * 2.0 * w[0] * w[1]
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
    cdef double x = z[b * K + i], y = z[(P + b) * K + i], own, d, u, v, total = 0.0
    own = h[b] * y + h[P + b] * x
    for e in range(s.indptr[b], s.indptr[b + 1]):
        a = s.indices[e]
        for j in range(K):
            chance[place] = 0.0
            if count[a * K + j] > 0:
                u = z[a * K + j]
                v = z[(P + a) * K + j]
                d = pair_pull(s.re[e], s.im[e], x, y, u, v)
                if d > 0.0:
                    d *= row[HEAD + e] * bound[e] * (1.0 + row[STEP] * (own + h[a] * v + h[P + a] * u))
                    chance[place] = d * count[a * K + j] / n[a]
                    total += chance[place]
            place += 1
    return total


cdef void expect(const System *s, Py_ssize_t K, Py_ssize_t b, Py_ssize_t i, double free, double total, double left,
                 const double *chance, double *mean, double *more) noexcept nogil:
    """Note what kind (b, i) was to lose, and give half of what its own noise withholds from later leavers.

    Of `free` members `left` left. Who left cannot leave again, so leavers by two channels are anticorrelated,
    -free chance chance', as they are in truth only by the end of the step, and half as much on average.
    """
    cdef Py_ssize_t e, j, k, place = 0
    cdef double noise = 0.5 * (left - free * total)
    mean[b * K + i] -= free * total
    more[b * K + i] -= noise * total
    for e in range(s.indptr[b], s.indptr[b + 1]):
        k = s.indices[e] * K
        for j in range(K):
            mean[k + j] += free * chance[place]
            more[k + j] += noise * chance[place]
            place += 1


cdef void growth(const System *s, Py_ssize_t K, const double *z, const double *w, double factor, double *work,
                 double *more) noexcept nogil:
    """Add `factor` times the rate at which the mean field changes the weights w (P, K) by copies. work (5P,)"""
    cdef Py_ssize_t P = s.P, a, i
    cdef double *n = work
    cdef double *Z = work + P
    cdef double *h = work + 3 * P
    for a in range(P):
        n[a] = 0.0
        Z[a] = 0.0
        Z[P + a] = 0.0
        for i in range(K):
            n[a] += w[a * K + i]
            Z[a] += w[a * K + i] * z[a * K + i]
            Z[P + a] += w[a * K + i] * z[(P + a) * K + i]
    fields(s, n, Z, h)
    for a in range(P):
        for i in range(K):
            more[a * K + i] += 2.0 * factor * w[a * K + i] * (h[a] * z[(P + a) * K + i] + h[P + a] * z[a * K + i])


cdef void answer(const System *s, Py_ssize_t K, double step, const double *z, const int64_t *pinned, double luck,
                 const double *mean, double *more, double *work, Count *count) noexcept nogil:
    """The mean field's answer to the noise of the draw, over half a step; whole numbers, without a change of N.

    count (P, K) after the draw, mean (P, K) as it was expected, more (P, K) what else is to come. Sums over kinds are
    rounded with one and the same `luck`, so each change is right on average and N stays.
    """
    cdef Py_ssize_t P = s.P, k
    cdef double *w = work + 5 * P
    cdef double off = 0.0, all_ = 0.0, before, total = 0.0
    for k in range(P * K):
        w[k] = <double> count[k]
    growth(s, K, z, w, 0.5 * step, work, more)
    growth(s, K, z, mean, -0.5 * step, work, more)
    for k in range(P * K):
        if w[k] - pinned[k] < RARE:
            w[k] = 0.0
            more[k] = 0.0
        else:
            more[k] = fmax(more[k], -0.25 * (w[k] - pinned[k]))
        off += more[k]
        all_ += w[k]
    if all_ <= 0.0:
        return
    for k in range(P * K):
        if w[k] > 0.0:
            before = floor(total + luck)
            total += more[k] - off / all_ * w[k]
            count[k] += <Count> (floor(total + luck) - before)


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
    cdef double[:, ::1] mean = np.empty((P, K))
    cdef double[:, ::1] more = np.empty((P, K))
    cdef double[::1] work = np.empty(P * (K + 5))
    cdef Count gone
    cdef double total
    cdef Stream stream
    with nogil:
        for r in range(n.shape[0]):
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, first_replica + r, 0, step[r])
            for a in range(P):
                for i in range(K):
                    mean[a, i] = <double> count[r, a, i]
                    more[a, i] = 0.0
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
                    gone = 0
                    j = 0
                    for e in range(s.indptr[b], s.indptr[b + 1]):
                        for a in range(K):
                            if leave[j] > 0:
                                gain[s.indices[e], a] += leave[j]
                                gone += leave[j]
                                events[r] += leave[j]
                            j += 1
                    gain[b, i] -= gone
                    expect(s, K, b, i, count[r, b, i] - pinned[b, i], fmin(total, 1.0), gone, &chance[0], &mean[0, 0],
                           &more[0, 0])
            for a in range(P):
                for i in range(K):
                    count[r, a, i] += gain[a, i]
                    gain[a, i] = 0
            answer(s, K, rows[r, STEP], &z[r, 0, 0, 0], &pinned[0, 0], stream_double(&stream), &mean[0, 0],
                   &more[0, 0], &work[0], &count[r, 0, 0])
            for a in range(P):
                n[r, a] = 0
                for i in range(K):
                    if Count is double:  # by an ulp
                        count[r, a, i] = fmax(count[r, a, i], <double> pinned[a, i])
                    n[r, a] += count[r, a, i]
