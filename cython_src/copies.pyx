# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Copies by members with phases of their own: which offers are taken (39), and who then stands where.

A copy takes its partner's values (see offers.pyx) as they stand, bit by bit; sums of powers change with it.
"""
from libc.math cimport rint
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

import numpy as np

from copympi.kernels.checks cimport need, need_blocks, need_room, need_units
from copympi.kernels.pair cimport mapped, pair_pull
from copympi.kernels.predictor cimport HEAD, STEP, Couplings, System

cdef void add_powers(double x, double y, double scale, int64_t sign, int64_t *powers, Py_ssize_t P) noexcept nogil:
    """Add one member's part to the power sums of a beable, or take it off: the same integers as in power_sums."""
    cdef double u = x, v = y, r
    cdef Py_ssize_t k
    for k in range(POWERS):
        powers[2 * k * P] += sign * <int64_t> rint(u * scale)
        powers[(2 * k + 1) * P] += sign * <int64_t> rint(v * scale)
        r = u * x - v * y
        v = u * y + v * x
        u = r


cdef int accepted(const System *s, const double *row, Py_ssize_t b, Py_ssize_t e, double x, double y,
                  const double *value, double luck) noexcept nogil:
    """Whether member (x, y) of b copies its partner: sin+(phi_J - phi_I + delta_ab), weights grown to mid-step (39)."""
    cdef Py_ssize_t P = s.P, a = s.indices[e]
    cdef const double *h = row + HEAD + 2 * s.nnz
    cdef const double *m = h + 2 * P
    cdef double w[2]
    cdef double v[2]
    cdef double d, growth
    mapped(m + b, P, x, y, w)
    mapped(m + a, P, value[0], value[1], v)
    d = pair_pull(s.re[e], s.im[e], w[0], w[1], v[0], v[1])
    if d <= 0.0:
        return 0
    growth = h[b] * w[1] + h[P + b] * w[0] + h[a] * v[1] + h[P + a] * v[0]  # (G_I + G_J)/2
    return luck < row[HEAD + s.nnz + e] * d * (1.0 + row[STEP] * growth)


cdef void shift(uint32_t *ids, double *values, Py_ssize_t width, int64_t size, int64_t start, int64_t stay,
                int64_t target) noexcept nogil:
    """Move a bucket's `stay` members from `start` to `target`; only the overhang moves."""
    cdef int64_t by = target - start, count, source
    cdef Py_ssize_t k
    if by == 0:
        return
    count = by if by > 0 else -by
    if count >= stay:
        count = stay
        source = start
    elif by > 0:
        source = start
        target = start + stay
    else:
        source = start + stay - count
    memcpy(ids + target, ids + source, count * sizeof(uint32_t))
    for k in range(width):
        memcpy(values + k * size + target, values + k * size + source, count * sizeof(double))


cdef struct Block:
    uint32_t *ids
    double *values         # (width, size), from this block's first member on
    int32_t *counts
    const int32_t *pinned  # spectators, first in each bucket: they stay there
    Py_ssize_t width
    int64_t size
    uint32_t *moved_ids    # room for those who change their bucket
    double *moved          # (width, room)
    int64_t room
    int32_t *yes           # answers to the offers
    int64_t *work          # (5P,)
    int64_t *powers        # of this block's replica, or NULL
    double scale


cdef int64_t decide(const System *s, const double *row, Block *k, const int64_t *offers, const double *value,
                    const double *luck) noexcept nogil:
    """Decide on one block's offers: how many leave and enter each bucket. Returns the copies."""
    cdef Py_ssize_t P = s.P, b, e
    cdef int64_t *gone = k.work
    cdef int64_t *come = k.work + P
    cdef int64_t i, tail, place = 0, offer = 0, copies = 0
    for b in range(P):
        come[b] = 0
    for b in range(P):
        gone[b] = 0
        place += k.counts[b]
        tail = place
        for e in range(s.indptr[b], s.indptr[b + 1]):
            tail -= offers[e]
        for e in range(s.indptr[b], s.indptr[b + 1]):
            for i in range(offers[e]):
                k.yes[offer] = accepted(s, row, b, e, k.values[tail], k.values[k.size + tail],
                                        value + k.width * offer, luck[offer])
                if k.yes[offer]:
                    gone[b] += 1
                    come[s.indices[e]] += 1
                offer += 1
                tail += 1
        copies += gone[b]
    return copies


cdef void take_out(const System *s, Block *k, const int64_t *offers, const double *value) noexcept nogil:
    """Put those who copy, with their partners' values, into the room, by target; close the gaps they leave."""
    cdef Py_ssize_t P = s.P, a, b, e, j
    cdef int64_t *come = k.work + P
    cdef int64_t *cursor = k.work + 4 * P
    cdef int64_t i, keep, n, place = 0, offer = 0
    for a in range(P):
        cursor[a] = place
        place += come[a]
    place = 0
    for b in range(P):
        place += k.counts[b]
        i = place
        for e in range(s.indptr[b], s.indptr[b + 1]):
            i -= offers[e]
        keep = i
        for e in range(s.indptr[b], s.indptr[b + 1]):
            a = s.indices[e]
            for n in range(offers[e]):
                if k.yes[offer]:
                    if k.powers != NULL:
                        add_powers(k.values[i], k.values[k.size + i], k.scale, -1, k.powers + b, P)
                        add_powers(value[k.width * offer], value[k.width * offer + 1], k.scale, 1, k.powers + a, P)
                    k.moved_ids[cursor[a]] = k.ids[i]
                    for j in range(k.width):
                        k.moved[j * k.room + cursor[a]] = value[k.width * offer + j]
                    cursor[a] += 1
                else:
                    k.ids[keep] = k.ids[i]
                    for j in range(k.width):
                        k.values[j * k.size + keep] = k.values[j * k.size + i]
                    keep += 1
                offer += 1
                i += 1


cdef void shift_bucket(Block *k, int64_t pinned, int64_t start, int64_t stay, int64_t target) noexcept nogil:
    """Move a bucket, spectators and others each among themselves."""
    if target > start:
        shift(k.ids, k.values, k.width, k.size, start + pinned, stay - pinned, target + pinned)
    if pinned > 0:
        shift(k.ids, k.values, k.width, k.size, start, pinned, target)
    if target < start:
        shift(k.ids, k.values, k.width, k.size, start + pinned, stay - pinned, target + pinned)


cdef void rearrange(Py_ssize_t P, Block *k) noexcept nogil:
    """Make the buckets stand side by side again, with those who came at their ends."""
    cdef int64_t *gone = k.work
    cdef int64_t *come = k.work + P
    cdef int64_t *start = k.work + 2 * P
    cdef int64_t *target = k.work + 3 * P
    cdef int64_t *cursor = k.work + 4 * P
    cdef Py_ssize_t b, j
    cdef int64_t old = 0, new = 0
    for b in range(P):
        start[b] = old
        target[b] = new
        old += k.counts[b]
        new += k.counts[b] - gone[b] + come[b]
    for b in range(P - 1, -1, -1):  # to the right, last first; then to the left, first first
        if target[b] > start[b]:
            shift_bucket(k, k.pinned[b], start[b], k.counts[b] - gone[b], target[b])
    for b in range(P):
        if target[b] < start[b]:
            shift_bucket(k, k.pinned[b], start[b], k.counts[b] - gone[b], target[b])
    for b in range(P):
        new = target[b] + k.counts[b] - gone[b]
        old = cursor[b] - come[b]
        memcpy(k.ids + new, k.moved_ids + old, come[b] * sizeof(uint32_t))
        for j in range(k.width):
            memcpy(k.values + j * k.size + new, k.moved + j * k.room + old, come[b] * sizeof(double))
        k.counts[b] += <int32_t> (come[b] - gone[b])


cdef int need_all(const System *s, const double[:, ::1] rows, const uint8_t[::1] active, Py_ssize_t members,
                  const double[:, ::1] values, const int64_t[::1] offset, const int64_t[:, ::1] unit,
                  const int32_t[:, ::1] counts, const int32_t[:, ::1] pinned, const int64_t[:, ::1] offers) except -1:
    """The members of R replicas, and the offers to them."""
    cdef Py_ssize_t U = unit.shape[0], P = s.P
    need(active.shape[0] == rows.shape[0] and rows.shape[1] == HEAD + 2 * s.nnz + 6 * P, "active, rows: one a replica")
    need(values.shape[0] >= 2 and values.shape[1] == members, "values: x and y of each id")
    need(counts.shape[1] == P and pinned.shape[0] == U and pinned.shape[1] == P and offers.shape[0] == U
         and offers.shape[1] == s.nnz, "counts, pinned: must be (U, P); offers: (U, nnz)")
    need_units(unit, rows.shape[0])
    need_blocks(offset, unit, counts, members)
    return need_room(offers, s.indptr, counts, pinned)


def copy(Couplings couplings not None, double[:, ::1] rows not None, uint8_t[::1] active not None,
         uint32_t[::1] ids not None, double[:, ::1] values not None, int64_t[::1] offset not None,
         int64_t[:, ::1] unit not None, int32_t[:, ::1] counts not None, int32_t[:, ::1] pinned not None,
         int64_t[:, ::1] offers not None, double[:, ::1] value not None, double[::1] luck not None, double scale,
         int64_t[:, :, ::1] powers not None, int64_t[::1] copies not None):
    """Carry out the copies that are accepted, from the partners' values (K, W); adds to copies (R,).

    powers (R, NUMBERS, P) change with them; (0, ..): there are none.
    """
    cdef const System *s = &couplings.system
    cdef Py_ssize_t u, r, e, R = rows.shape[0]
    need_all(s, rows, active, ids.shape[0], values, offset, unit, counts, pinned, offers)
    cdef Py_ssize_t K = int(np.sum(offers))
    need(value.shape[0] >= K and value.shape[1] == values.shape[0] and luck.shape[0] >= K, "value, luck: one an offer")
    need(copies.shape[0] == R and (powers.shape[0] == 0 or (
        powers.shape[0] == R and powers.shape[1] == 2 * POWERS and powers.shape[2] == s.P)),
        "copies: must be (R,); powers: (R, NUMBERS, P), or of no replica")
    cdef int64_t room = int(np.max(np.sum(offers, axis=1), initial=1)), first = 0, done
    cdef int32_t[::1] yes = np.empty(room, np.int32)
    cdef int64_t[::1] work = np.empty(5 * s.P, np.int64)
    cdef uint32_t[::1] moved_ids = np.empty(room, np.uint32)
    cdef double[:, ::1] moved = np.empty((values.shape[0], room))
    cdef Block k = Block(NULL, NULL, NULL, NULL, values.shape[0], values.shape[1], &moved_ids[0], &moved[0, 0], room,
                         &yes[0], &work[0], NULL, scale)
    with nogil:
        for u in range(unit.shape[0]):
            r = unit[u, 0]
            if active[r] and first < value.shape[0]:
                k.ids = &ids[offset[u]]
                k.values = &values[0, offset[u]]
                k.counts = &counts[u, 0]
                k.pinned = &pinned[u, 0]
                k.powers = &powers[r, 0, 0] if powers.shape[0] else NULL
                done = decide(s, &rows[r, 0], &k, &offers[u, 0], &value[first, 0], &luck[first])
                if done:
                    take_out(s, &k, &offers[u, 0], &value[first, 0])
                    rearrange(s.P, &k)
                copies[r] += done
                for e in range(s.nnz):
                    first += offers[u, e]
