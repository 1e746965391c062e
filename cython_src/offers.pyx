# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Offers of copies to members with phases of their own: who gets one, whose, and what the partners' values are.

A block's ids stand bucketed by beable, and beside each id what else the member has: `values` (W, M), e^{i phi} at the last
refresh, re and im, and where there is one a momentum. Spectators stand first in their bucket and are offered nothing:
`pinned` (U, P) says how many they are.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need, need_blocks, need_room, need_units
from copympi.kernels.predictor cimport HEAD, Couplings, System
from copympi.kernels.streams cimport Stream, draw_leavers, stream_below, stream_below64, stream_double, stream_open

cdef extern from *:
    """
    #define prefetch(address) __builtin_prefetch(address)
    """
    void prefetch(const void *address) noexcept nogil


cdef int need_buckets(const System *s, Py_ssize_t R, const int64_t[::1] step, const int64_t[:, ::1] unit,
                      const int32_t[:, ::1] counts, const int32_t[:, ::1] pinned,
                      const int64_t[:, ::1] offers) except -1:
    """Buckets of U units of R replicas, and the offers to each: counts, pinned (U, P), offers (U, nnz)."""
    cdef Py_ssize_t U = unit.shape[0]
    need(step.shape[0] == R, "step: must be (R,)")
    need(counts.shape[0] == U and pinned.shape[0] == U and offers.shape[0] == U and counts.shape[1] == s.P
         and pinned.shape[1] == s.P and offers.shape[1] == s.nnz, "counts, pinned: must be (U, P); offers: (U, nnz)")
    return need_units(unit, R)


def draw_numbers(Couplings couplings not None, double[:, ::1] rows not None, uint8_t[::1] active not None,
                 uint64_t seed, uint64_t purpose, int64_t[::1] step not None, int64_t[:, ::1] unit not None,
                 int32_t[:, ::1] counts not None, int32_t[:, ::1] pinned not None,
                 int64_t[:, ::1] offers not None):
    """How many members of each bucket are offered a copy by each channel: offers (U, nnz). Returns their sum."""
    cdef const System *s = &couplings.system
    cdef Stream stream
    cdef Py_ssize_t u, r, b, e
    cdef int64_t total = 0
    need_buckets(s, rows.shape[0], step, unit, counts, pinned, offers)
    need(active.shape[0] == rows.shape[0] and rows.shape[1] >= HEAD + s.nnz, "active, rows: one a replica")
    with nogil:
        for u in range(unit.shape[0]):
            r = unit[u, 0]
            for e in range(s.nnz):
                offers[u, e] = 0
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, r, unit[u, 1], 2 * step[r])
            for b in range(s.P):
                if counts[u, b] > pinned[u, b]:
                    draw_leavers(&stream, counts[u, b] - pinned[u, b], s.indptr[b], s.indptr[b + 1], &rows[r, HEAD],
                                 &offers[u, 0])
                    for e in range(s.indptr[b], s.indptr[b + 1]):
                        total += offers[u, e]
    return total


cdef inline void exchange(uint32_t *ids, double *values, Py_ssize_t width, int64_t size, int64_t i,
                          int64_t j) noexcept nogil:
    """Members i and j change places."""
    cdef uint32_t id = ids[i]
    cdef double value
    cdef Py_ssize_t k
    ids[i] = ids[j]
    ids[j] = id
    for k in range(width):
        value = values[k * size + i]
        values[k * size + i] = values[k * size + j]
        values[k * size + j] = value


def draw_offers(Couplings couplings not None, uint8_t[::1] active not None, uint64_t seed, uint64_t purpose,
                int64_t[::1] step not None, uint32_t[::1] ids not None, double[:, ::1] values not None,
                int64_t[::1] offset not None, int64_t[:, ::1] unit not None, int32_t[:, ::1] counts not None,
                int32_t[:, ::1] pinned not None, const int64_t[:, ::1] n not None,
                const int64_t[:, ::1] offers not None, int64_t[::1] partner not None, int32_t[::1] group not None,
                double[::1] luck not None):
    """Draw who is offered a copy, bring them to the end of their buckets, and draw whose: offers in stream order.

    partner: place of the partner among all n_a members; group: r P + a of the partner; luck: uniform in [0, 1).
    """
    cdef const System *s = &couplings.system
    cdef Stream stream
    cdef Py_ssize_t u, r, b, e, P = s.P
    cdef int64_t k, j, out = 0, begin, last, gone, free
    cdef Py_ssize_t width = values.shape[0], R = n.shape[0]
    need_buckets(s, R, step, unit, counts, pinned, offers)
    need(active.shape[0] == R and n.shape[1] == P and values.shape[1] == ids.shape[0],
         "active, n: of R replicas; values: of each id")
    need_blocks(offset, unit, counts, ids.shape[0])
    need_room(offers, s.indptr, counts, pinned)
    k = int(np.sum(offers))
    need(partner.shape[0] >= k and group.shape[0] >= k and luck.shape[0] >= k, "partner, group, luck: one an offer")
    cdef uint32_t[::1] place_memory = np.empty(int(np.max(np.diff(offset), initial=1)), np.uint32)
    cdef uint32_t *places = &place_memory[0]
    with nogil:
        for u in range(unit.shape[0]):
            r = unit[u, 0]
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, r, unit[u, 1], 2 * step[r] + 1)
            begin = offset[u]
            for b in range(P):
                gone = 0
                for e in range(s.indptr[b], s.indptr[b + 1]):
                    gone += offers[u, e]
                last = begin + counts[u, b]
                free = counts[u, b] - pinned[u, b]
                begin += pinned[u, b]
                for k in range(gone):  # a partial Fisher-Yates shuffle; memory is asked for ahead
                    places[k] = stream_below(&stream, <uint32_t> (free - k))
                    prefetch(&ids[begin + places[k]])
                    for j in range(width):
                        prefetch(&values[j, begin + places[k]])
                for k in range(gone):
                    exchange(&ids[0], &values[0, 0], width, values.shape[1], begin + places[k], last - 1 - k)
                for e in range(s.indptr[b], s.indptr[b + 1]):
                    for k in range(offers[u, e]):
                        partner[out] = stream_below64(&stream, n[r, s.indices[e]])
                        group[out] = <int32_t> (r * P + s.indices[e])
                        luck[out] = stream_double(&stream)
                        out += 1
                begin = last


def route(const int64_t[:, ::1] first not None, const int64_t[:, ::1] base not None,
          const int64_t[::1] partner not None, const int32_t[::1] group not None, int64_t[::1] place not None,
          int64_t[::1] order not None, int64_t[::1] asked not None):
    """Sort offers by the rank that has the partner, in stream order for each rank.

    first (G, size + 1): members of a group (replica, beable) before those of each rank; base (size, G): where a
    group starts on a rank, all its members being counted group by group. place (K,): where the partners are in their
    rank's order of members, rank by rank; order (K,): which offer each is; asked (size,): how many a rank gets.
    """
    cdef Py_ssize_t i, low, high, middle, g, q, K = partner.shape[0], size = asked.shape[0]
    need(group.shape[0] == K and place.shape[0] == K and order.shape[0] == K, "partner, group, place, order: (K,)")
    need(size > 0 and first.shape[1] == size + 1 and base.shape[0] == size and base.shape[1] == first.shape[0],
         "first: must be (G, size + 1); base: (size, G); asked: (size,)")
    for i in range(K):
        need(0 <= group[i] < first.shape[0], "group: there is no such group")
    cdef int32_t[::1] owner = np.empty(K, np.int32)
    cdef int64_t[::1] cursor = np.zeros(asked.shape[0] + 1, np.int64)
    with nogil:
        for i in range(K):
            g = group[i]
            low = 0
            high = first.shape[1] - 1
            while high - low > 1:
                middle = (low + high) // 2
                if first[g, middle] <= partner[i]:
                    low = middle
                else:
                    high = middle
            owner[i] = <int32_t> low
            cursor[low + 1] += 1
        for q in range(asked.shape[0]):
            asked[q] = cursor[q + 1]
            cursor[q + 1] += cursor[q]
        for i in range(K):
            q = owner[i]
            order[cursor[q]] = i
            place[cursor[q]] = base[q, group[i]] + partner[i] - first[group[i], q]
            cursor[q] += 1


def in_stream_order(const int64_t[::1] order not None, const double[:, ::1] answers not None,
                    double[:, ::1] value not None):
    """Undo the sorting of `route`: value[order[i]] = answers[i]."""
    cdef Py_ssize_t i, j
    need(answers.shape[0] >= order.shape[0] and answers.shape[1] == value.shape[1], "answers, value: must be (K, W)")
    for i in range(order.shape[0]):
        need(0 <= order[i] < value.shape[0], "order: there is no such offer")
    with nogil:
        for i in range(order.shape[0]):
            for j in range(answers.shape[1]):
                value[order[i], j] = answers[i, j]


def answer(const int64_t[::1] begin not None, const int64_t[::1] where not None, const int64_t[::1] place not None,
           const double[:, ::1] values not None, double[:, ::1] value not None):
    """Values (K, W) of this rank's members at `place`; bucket j holds places begin[j] .. and stands at where[j]."""
    cdef Py_ssize_t i, j, low, high, middle, k, ahead = 16
    cdef int64_t[::1] at = np.empty(place.shape[0], np.int64)
    cdef bint lost = begin.shape[0] == 0 and place.shape[0] > 0
    need(not lost and where.shape[0] == begin.shape[0], "begin, where: one a bucket, and one at least")
    need(value.shape[0] == place.shape[0] and value.shape[1] == values.shape[0], "value: must be (K, W)")
    with nogil:
        for i in range(place.shape[0]):
            low = 0
            high = begin.shape[0]
            while high - low > 1:
                middle = (low + high) // 2
                if begin[middle] <= place[i]:
                    low = middle
                else:
                    high = middle
            at[i] = where[low] + place[i] - begin[low]
            lost = lost or not 0 <= at[i] < values.shape[1]
    need(not lost, "place: there is no such member")
    with nogil:
        for i in range(place.shape[0]):
            k = i + ahead if i + ahead < place.shape[0] else i
            for j in range(values.shape[0]):
                prefetch(&values[j, at[k]])
                value[i, j] = values[j, at[i]]
