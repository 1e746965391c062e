# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Copies one by one, for ensembles that one process has whole: the jump process of (39) at phases that stand still.

Offers come one after the other, at the rate 2 R_ab sqrt(n_a/n_b) to each member of b that can move, n as it is at that
instant: a wait, a pair of beables, a member and its partner, each drawn uniformly; the offer is taken with
probability sin+(phi_J - phi_I + delta_ab). Nothing is expanded in the step, so the law is exact for any N and chance.
"""
from libc.math cimport log1p, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

import numpy as np

from copympi.kernels.copies cimport add_powers
from copympi.kernels.pair cimport mapped, pair_pull
from copympi.kernels.predictor cimport HEAD, STEP, Couplings, System
from copympi.kernels.streams cimport Stream, stream_below64, stream_double, stream_open


cdef struct Rates:
    double copying         # a factor on all rates
    double total           # of offers, all members together
    double *strength       # (nnz,) R_ab
    double *root           # (P,) sqrt(n_a)
    double *reach          # (P,) sum over a of 2 R_ab sqrt(n_a)
    double *out            # (P,) rate of offers to all members of b
    int64_t *n             # (P,)
    int64_t *free          # (P,) those of them who can move


cdef void add_up(const System *s, Rates *k) noexcept nogil:
    """The rates of offers, from n, roots and reaches."""
    cdef Py_ssize_t b
    k.total = 0.0
    for b in range(s.P):
        k.out[b] = k.copying * k.free[b] * k.reach[b] / k.root[b] if k.free[b] > 0 and k.reach[b] > 0.0 else 0.0
        k.total += k.out[b]


cdef void begin(const System *s, Rates *k) noexcept nogil:
    """Everything from n and `free` alone: no rounding of earlier steps is carried on."""
    cdef Py_ssize_t b, e
    for b in range(s.P):
        k.root[b] = sqrt(<double> k.n[b])
    for b in range(s.P):
        k.reach[b] = 0.0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            k.reach[b] += 2.0 * k.strength[e] * k.root[s.indices[e]]
    add_up(s, k)


cdef void change(const System *s, Rates *k, Py_ssize_t a, int64_t by) noexcept nogil:
    """n_a changes; who is coupled to a feels its root."""
    cdef Py_ssize_t e
    cdef double old = k.root[a]
    k.n[a] += by
    k.free[a] += by
    k.root[a] = sqrt(<double> k.n[a])
    for e in range(s.indptr[a], s.indptr[a + 1]):
        k.reach[s.indices[e]] += 2.0 * k.strength[e] * (k.root[a] - old)


cdef Py_ssize_t next_offer(const System *s, const Rates *k, Stream *stream, double *left, Py_ssize_t *b) noexcept nogil:
    """Wait for the next offer and draw its beables: returns the entry (b, a) of H, or -1 where `left` is over first."""
    cdef double x
    cdef Py_ssize_t e, found = -1
    while True:
        if k.total <= 0.0:
            return -1
        left[0] += log1p(-stream_double(stream)) / k.total
        if left[0] <= 0.0:
            return -1
        x = k.total * stream_double(stream)
        b[0] = 0
        while b[0] < s.P - 1 and x >= k.out[b[0]]:
            x -= k.out[b[0]]
            b[0] += 1
        x = k.reach[b[0]] * stream_double(stream)
        for e in range(s.indptr[b[0]], s.indptr[b[0] + 1]):
            found = e
            x -= 2.0 * k.strength[e] * k.root[s.indices[e]]
            if x < 0.0:
                break
        if found >= 0 and k.free[b[0]] > 0 and k.n[s.indices[found]] > 0:  # else it fell off an edge by rounding
            return found


cdef inline bint taken(const System *s, const Rates *k, Py_ssize_t e, const double *w, const double *v,
                       double luck) noexcept nogil:
    """Whether who has w = e^{i phi_I} takes the offer of v = e^{i phi_J}; entry e = (b, a)."""
    return luck * k.strength[e] < pair_pull(s.re[e], s.im[e], w[0], w[1], v[0], v[1])


cdef struct Crowd:
    uint32_t *ids
    double *values         # (width, size), from the block's first member on
    Py_ssize_t width
    int64_t size
    const int32_t *pinned  # (P,) spectators, first in each bucket
    int64_t *start         # (P,) where the buckets begin


cdef inline void put(Crowd *k, int64_t source, int64_t target) noexcept nogil:
    """Member `source` moves to the gap at `target`."""
    cdef Py_ssize_t j
    if source != target:
        k.ids[target] = k.ids[source]
        for j in range(k.width):
            k.values[j * k.size + target] = k.values[j * k.size + source]


cdef int64_t make_room(Crowd *k, const int64_t *n, Py_ssize_t b, Py_ssize_t a, int64_t gap) noexcept nogil:
    """Close the gap in bucket b and open one in bucket a, a move or two for each bucket between: returns where.

    n (P,): sizes before. A bucket's spectators stay its first.
    """
    cdef Py_ssize_t c
    cdef int64_t free
    if b < a:
        put(k, k.start[b] + n[b] - 1, gap)
        gap = k.start[b] + n[b] - 1
        for c in range(b + 1, a + 1):  # to the left: a spectator and the last of the others go to the front
            k.start[c] -= 1
            free = k.start[c] + k.pinned[c]
            put(k, free, gap)
            gap = free
            if c < a:
                put(k, k.start[c] + n[c], gap)
                gap = k.start[c] + n[c]
        return gap
    for c in range(b, a, -1):  # to the right: the first of the others and a spectator go to the back
        if c < b:
            gap = k.start[c] + n[c]
        free = k.start[c] + k.pinned[c]
        put(k, free, gap)
        put(k, k.start[c], free)
        k.start[c] += 1
    return k.start[a] + n[a]


def copy_members(Couplings couplings, double copying, double[:, ::1] rows, uint8_t[::1] active, uint64_t seed,
                 uint64_t purpose, int64_t[::1] step, uint32_t[::1] ids, double[:, ::1] values, int64_t[::1] offset,
                 int64_t[:, ::1] unit, int32_t[:, ::1] counts, int32_t[:, ::1] pinned, bint inherit, double scale,
                 int64_t[:, :, ::1] powers, int64_t[::1] copies):
    """The copies of one step, of ensembles of one block each (a unit is all of a replica); it is mid-step.

    values (W, M): re, im of e^{i phi}, taken over bit by bit, and a momentum, which who copies takes over (`inherit`)
    or has 0 of. powers (R, NUMBERS, P), or (0, ..), and copies (R,) change with them.
    """
    cdef const System *s = &couplings.system
    cdef Py_ssize_t P = s.P, u, r, e, j, a, b = 0
    cdef double[::1] numbers = np.empty(s.nnz + 3 * P)
    cdef int64_t[::1] sizes = np.empty(3 * P, np.int64)
    cdef Rates k = Rates(copying, 0.0, &numbers[0], &numbers[s.nnz], &numbers[s.nnz + P], &numbers[s.nnz + 2 * P],
                         &sizes[0], &sizes[P])
    cdef Crowd crowd = Crowd(NULL, NULL, values.shape[0], values.shape[1], NULL, &sizes[2 * P])
    cdef double left
    cdef const double *m
    cdef double w[2]
    cdef double v[2]
    cdef double new[3]
    cdef int64_t i, place
    cdef uint32_t name
    cdef Stream stream
    for e in range(s.nnz):
        k.strength[e] = sqrt(s.re[e] * s.re[e] + s.im[e] * s.im[e])
    with nogil:
        for u in range(unit.shape[0]):
            r = unit[u, 0]
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, r, unit[u, 1], 2 * step[r])
            crowd.ids = &ids[offset[u]]
            crowd.values = &values[0, offset[u]]
            crowd.pinned = &pinned[u, 0]
            place = 0
            for a in range(P):
                crowd.start[a] = place
                k.n[a] = counts[u, a]
                k.free[a] = counts[u, a] - pinned[u, a]
                place += counts[u, a]
            begin(s, &k)
            left = rows[r, STEP]
            m = &rows[r, HEAD + 2 * s.nnz + 2 * P]
            while True:
                e = next_offer(s, &k, &stream, &left, &b)
                if e < 0:
                    break
                a = s.indices[e]
                i = crowd.start[b] + crowd.pinned[b] + <int64_t> stream_below64(&stream, k.free[b])
                place = crowd.start[a] + <int64_t> stream_below64(&stream, k.n[a])
                for j in range(crowd.width):
                    new[j] = crowd.values[j * crowd.size + place]
                mapped(m + b, P, crowd.values[i], crowd.values[crowd.size + i], w)
                mapped(m + a, P, new[0], new[1], v)
                if not taken(s, &k, e, w, v, stream_double(&stream)):
                    continue
                if not inherit:
                    new[2] = 0.0
                if powers.shape[0]:
                    add_powers(crowd.values[i], crowd.values[crowd.size + i], scale, -1, &powers[r, 0, b], P)
                    add_powers(new[0], new[1], scale, 1, &powers[r, 0, a], P)
                name = crowd.ids[i]
                place = make_room(&crowd, k.n, b, a, i)
                crowd.ids[place] = name
                for j in range(crowd.width):
                    crowd.values[j * crowd.size + place] = new[j]
                change(s, &k, b, -1)
                change(s, &k, a, 1)
                add_up(s, &k)
                copies[r] += 1
            for a in range(P):
                counts[u, a] = <int32_t> k.n[a]


cdef inline Py_ssize_t kind_of(const int64_t *count, const int64_t *held, int64_t member) noexcept nogil:
    """The kind that has the member of this number, of those that are not held (NULL: none is)."""
    cdef Py_ssize_t i = 0
    cdef int64_t size = count[0] - (held[0] if held != NULL else 0)
    while member >= size:
        member -= size
        i += 1
        size = count[i] - (held[i] if held != NULL else 0)
    return i


def copy_kinds(Couplings couplings, double copying, double[:, ::1] rows, const uint8_t[::1] active, uint64_t seed,
               uint64_t purpose, int64_t first_replica, int64_t[::1] step, int64_t[:, ::1] n, double[:, :, :, ::1] z,
               int64_t[:, :, ::1] count, const int64_t[:, ::1] pinned, double[::1] events):
    """The copies of one step between kinds of members: count (R, P, K), n (R, P); it is mid-step.

    z (R, 2, P, K): e^{i phi} of the kinds; pinned (P, K): spectators among the members of each.
    """
    cdef const System *s = &couplings.system
    cdef Py_ssize_t P = s.P, K = z.shape[3], r, e, a, i, j, b = 0
    cdef double[::1] numbers = np.empty(s.nnz + 3 * P)
    cdef int64_t[::1] free = np.empty(P, np.int64)
    cdef int64_t[::1] held = np.sum(pinned, axis=1)
    cdef Rates k = Rates(copying, 0.0, &numbers[0], &numbers[s.nnz], &numbers[s.nnz + P], &numbers[s.nnz + 2 * P],
                         NULL, &free[0])
    cdef double left
    cdef double w[2]
    cdef double v[2]
    cdef Stream stream
    for e in range(s.nnz):
        k.strength[e] = sqrt(s.re[e] * s.re[e] + s.im[e] * s.im[e])
    with nogil:
        for r in range(n.shape[0]):
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, first_replica + r, 0, step[r])
            k.n = &n[r, 0]
            for a in range(P):
                free[a] = n[r, a] - held[a]
            begin(s, &k)
            left = rows[r, STEP]
            while True:
                e = next_offer(s, &k, &stream, &left, &b)
                if e < 0:
                    break
                a = s.indices[e]
                i = kind_of(&count[r, b, 0], &pinned[b, 0], <int64_t> stream_below64(&stream, free[b]))
                j = kind_of(&count[r, a, 0], NULL, <int64_t> stream_below64(&stream, n[r, a]))
                w[0] = z[r, 0, b, i]
                w[1] = z[r, 1, b, i]
                v[0] = z[r, 0, a, j]
                v[1] = z[r, 1, a, j]
                if taken(s, &k, e, w, v, stream_double(&stream)):
                    count[r, b, i] -= 1
                    count[r, a, j] += 1
                    change(s, &k, b, -1)
                    change(s, &k, a, 1)
                    add_up(s, &k)
                    events[r] += 1.0
