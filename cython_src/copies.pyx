# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Copies by members with phases of their own: which proposals are taken (39), and who then stands where.

A copy takes its partner's values (see proposals.pyx) as they stand, bit by bit; sums of powers change with it.
"""
from libc.math cimport rint
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.crowd cimport Block, Crowd, block_of, need_proposals
from copympi.kernels.marked_phases cimport left_when, mark_copier
from copympi.kernels.marks cimport is_marked, mark_luck
from copympi.kernels.pair cimport mapped, pair_pull
from copympi.kernels.plans cimport FieldPlan, FieldPlans, field_plan_at, need_plans, row_of


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


cdef int accepted(const System *s, const FieldPlan *plan, Py_ssize_t b, Py_ssize_t e, double x, double y,
                  const double *value, double luck) noexcept nogil:
    """Whether member (x, y) of b copies its partner: sin+(phi_J - phi_I + delta_ab), weights grown to mid-step (39)."""
    cdef Py_ssize_t P = s.P, a = s.indices[e]
    cdef const double *h = plan.field
    cdef double w[2]
    cdef double v[2]
    cdef double d, growth
    mapped(plan.map + b, P, x, y, w)
    mapped(plan.map + a, P, value[0], value[1], v)
    d = pair_pull(s.re[e], s.im[e], w[0], w[1], v[0], v[1])
    if d <= 0.0:
        return 0
    growth = h[b] * w[1] + h[P + b] * w[0] + h[a] * v[1] + h[P + a] * v[0]  # (G_I + G_J)/2
    return luck < plan.bound[e] * d * (1.0 + plan.head.step * growth)


cdef void shift(Block *k, int64_t start, int64_t stay, int64_t target) noexcept nogil:
    """Move `stay` members of a block from `start` to `target`; only the overhang moves."""
    cdef int64_t by = target - start, count, source
    cdef Py_ssize_t j
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
    memcpy(k.ids + target, k.ids + source, count * sizeof(uint32_t))
    for j in range(k.width):
        memcpy(k.values + j * k.size + target, k.values + j * k.size + source, count * sizeof(double))


cdef struct Who:           # whose block it is, and which
    Py_ssize_t replica
    Py_ssize_t block


cdef struct Room:
    uint32_t *moved_ids    # room for those who change their bucket
    double *moved          # (width, size)
    int64_t size
    int32_t *yes           # answers to the proposals
    int64_t *work          # (5P,)
    int64_t *powers        # of this block's replica, or NULL
    double scale
    Who who


cdef int64_t decide(const System *s, const FieldPlan *plan, const Block *k, Room *room, const int64_t *proposals,
                    const double *value, const double *luck) noexcept nogil:
    """Decide on one block's proposals: how many leave and enter each bucket. Returns the copies."""
    cdef Py_ssize_t P = s.P, b, e
    cdef int64_t *gone = room.work
    cdef int64_t *come = room.work + P
    cdef int64_t _i, tail, place = 0, number = 0, copies = 0
    for b in range(P):
        come[b] = 0
    for b in range(P):
        gone[b] = 0
        place += k.counts[b]
        tail = place
        for e in range(s.indptr[b], s.indptr[b + 1]):
            tail -= proposals[e]
        for e in range(s.indptr[b], s.indptr[b + 1]):
            for _i in range(proposals[e]):
                room.yes[number] = accepted(s, plan, b, e, k.values[tail], k.values[k.size + tail],
                                            value + k.width * number, luck[number])
                if room.yes[number]:
                    gone[b] += 1
                    come[s.indices[e]] += 1
                number += 1
                tail += 1
        copies += gone[b]
    return copies


cdef void mark_one(const System *s, const FieldPlan *plan, const Block *k, int64_t i, const Who *who, Py_ssize_t b,
                   Py_ssize_t e, const double *value) noexcept nogil:
    """Note that member i of the block, who is tracked, copies along entry e, from b."""
    cdef double w[2]
    cdef double v[2]
    cdef double own = k.values[2 * k.size + i] if k.width > 2 else 0.0, pi = value[2] if k.width > 2 else 0.0, left
    mapped(plan.map + b, s.P, k.values[i], k.values[k.size + i], w)
    mapped(plan.map + s.indices[e], s.P, value[0], value[1], v)
    left = left_when(s, plan, b, e, w, own, v, pi, mark_luck(k.marked, who.replica, who.block, 0, k.ids[i]))
    mark_copier(s, plan, k, k.ids[i], b, e, left, v, pi)


cdef void take_out(const System *s, const FieldPlan *plan, Block *k, Room *room, const int64_t *proposals,
                   const double *value) noexcept nogil:
    """Put those who copy, with their partners' values, into the room, by target; close the gaps they leave."""
    cdef Py_ssize_t P = s.P, a, b, e, j
    cdef int64_t *come = room.work + P
    cdef int64_t *cursor = room.work + 4 * P
    cdef int64_t i, keep, _n, place = 0, number = 0
    for a in range(P):
        cursor[a] = place
        place += come[a]
    place = 0
    for b in range(P):
        place += k.counts[b]
        i = place
        for e in range(s.indptr[b], s.indptr[b + 1]):
            i -= proposals[e]
        keep = i
        for e in range(s.indptr[b], s.indptr[b + 1]):
            a = s.indices[e]
            for _n in range(proposals[e]):
                if room.yes[number]:
                    if k.marked != NULL and is_marked(k.marked, k.unit, k.ids[i]):
                        mark_one(s, plan, k, i, &room.who, b, e, value + k.width * number)
                    if room.powers != NULL:
                        add_powers(k.values[i], k.values[k.size + i], room.scale, -1, room.powers + b, P)
                        add_powers(value[k.width * number], value[k.width * number + 1], room.scale, 1,
                                   room.powers + a, P)
                    room.moved_ids[cursor[a]] = k.ids[i]
                    for j in range(k.width):
                        room.moved[j * room.size + cursor[a]] = value[k.width * number + j]
                    cursor[a] += 1
                else:
                    k.ids[keep] = k.ids[i]
                    for j in range(k.width):
                        k.values[j * k.size + keep] = k.values[j * k.size + i]
                    keep += 1
                number += 1
                i += 1


cdef void shift_bucket(Block *k, int64_t spectators, int64_t start, int64_t stay, int64_t target) noexcept nogil:
    """Move a bucket, spectators and others each among themselves."""
    if target > start:
        shift(k, start + spectators, stay - spectators, target + spectators)
    if spectators > 0:
        shift(k, start, spectators, target)
    if target < start:
        shift(k, start + spectators, stay - spectators, target + spectators)


cdef void rearrange(Py_ssize_t P, Block *k, Room *room) noexcept nogil:
    """Make the buckets stand side by side again, with those who came at their ends."""
    cdef int64_t *gone = room.work
    cdef int64_t *come = room.work + P
    cdef int64_t *start = room.work + 2 * P
    cdef int64_t *target = room.work + 3 * P
    cdef int64_t *cursor = room.work + 4 * P
    cdef Py_ssize_t b, j
    cdef int64_t old = 0, new = 0
    for b in range(P):
        start[b] = old
        target[b] = new
        old += k.counts[b]
        new += k.counts[b] - gone[b] + come[b]
    for b in range(P - 1, -1, -1):  # to the right, last first; then to the left, first first
        if target[b] > start[b]:
            shift_bucket(k, k.spectators[b], start[b], k.counts[b] - gone[b], target[b])
    for b in range(P):
        if target[b] < start[b]:
            shift_bucket(k, k.spectators[b], start[b], k.counts[b] - gone[b], target[b])
    for b in range(P):
        new = target[b] + k.counts[b] - gone[b]
        old = cursor[b] - come[b]
        memcpy(k.ids + new, room.moved_ids + old, come[b] * sizeof(uint32_t))
        for j in range(k.width):
            memcpy(k.values + j * k.size + new, room.moved + j * room.size + old, come[b] * sizeof(double))
        k.counts[b] += <int32_t> (come[b] - gone[b])


def copy(Couplings couplings not None, FieldPlans plans not None, Crowd crowd not None, *,
         const uint8_t[::1] active not None, const int64_t[:, ::1] proposals not None,
         const double[:, ::1] value not None, const double[::1] luck not None, double scale,
         int64_t[:, :, ::1] powers not None, int64_t[::1] copies not None):
    """Carry out the copies that are accepted, from the partners' values (K, W); adds to copies (R,).

    powers (R, NUMBERS, P) change with them; (0, ..): there are none.
    """
    cdef const System *s = &couplings.system
    cdef Py_ssize_t u, r, e, R = active.shape[0]
    need_plans(plans, couplings, R)
    crowd.need_whole(R, s.P, 2)
    need_proposals(crowd, s, proposals)
    cdef Py_ssize_t K = int(np.sum(proposals))
    need(value.shape[0] >= K and value.shape[1] == crowd.width and luck.shape[0] >= K, "value, luck: one a proposal")
    need(copies.shape[0] == R and (powers.shape[0] == 0 or (
        powers.shape[0] == R and powers.shape[1] == 2 * POWERS and powers.shape[2] == s.P)),
        "copies: must be (R,); powers: (R, NUMBERS, P), or of no replica")
    cdef int64_t room = int(np.max(np.sum(proposals, axis=1), initial=1)), first = 0, done
    cdef int32_t[::1] yes = np.empty(room, np.int32)
    cdef int64_t[::1] work = np.empty(5 * s.P, np.int64)
    cdef uint32_t[::1] moved_ids = np.empty(room, np.uint32)
    cdef double[:, ::1] moved = np.empty((crowd.width, room))
    cdef Room k = Room(&moved_ids[0], &moved[0, 0], room, &yes[0], &work[0], NULL, scale, Who(0, 0))
    cdef Block block
    cdef FieldPlan plan
    with nogil:
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            if active[r] and first < value.shape[0]:
                block = block_of(crowd, u)
                plan = field_plan_at(s, row_of(plans, r))
                k.who = Who(r, crowd.unit[2 * u + 1])
                k.powers = &powers[r, 0, 0] if powers.shape[0] else NULL
                done = decide(s, &plan, &block, &k, &proposals[u, 0], &value[first, 0], &luck[first])
                if done:
                    take_out(s, &plan, &block, &k, &proposals[u, 0], &value[first, 0])
                    rearrange(s.P, &block, &k)
                copies[r] += done
                for e in range(s.nnz):
                    first += proposals[u, e]
