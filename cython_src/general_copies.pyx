# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Copies by members with phases of their own under any rule, in a step in which phases stand still.

All at once (see copies.pyx and general_plans.pyx), or one by one where one process has all of an ensemble: the jump
process itself, exact for any N and chance. A copy takes its partner's value as it stands, bit by bit.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.crowd cimport Block, Crowd, block_of, need_proposals
from copympi.kernels.general_offers cimport Offers, add_offers, begin_offers, change_offers, next_offer, offer_taken
from copympi.kernels.general_phases cimport CUTS, PhaseRule, need_rule, part_of_circle, pull, set_fields
from copympi.kernels.marked_general cimport Moment, mark_at_once, mark_then
from copympi.kernels.marks cimport is_marked
from copympi.kernels.one_by_one cimport make_room
from copympi.kernels.plans cimport FieldPlan, FieldPlans, field_plan_at, head_of, need_plans, row_of
from copympi.kernels.streams cimport Stream, stream_below64, stream_double, stream_open


cdef struct Room:          # what one block becomes
    uint32_t *ids
    double *values         # (2, size)
    int64_t size
    uint8_t *yes           # answers to the offers
    int64_t *gone          # (P,)
    int64_t *come          # (P,)
    int64_t *place         # (P,) where newcomers stand
    Moment moment          # for those who are tracked


cdef int need_fields(PhaseRule k, Crowd crowd, const double[:, ::1] n, const double[:, :, ::1] sums,
                     const double[::1] since) except -1:
    """What fields of mid-step follow from, where members are tracked."""
    if crowd.marked != NULL:
        need(n is not None and sums is not None and since is not None,
             "n, sums, since: must be given, as members are tracked")
        need(n.shape[0] == crowd.replicas and since.shape[0] == crowd.replicas, "n: must be (R, P); since: (R,)")
        need_rule(k, n, sums)
    return 0


cdef int64_t decide(PhaseRule k, const FieldPlan *plan, const Block *block, Room *room, const int64_t *proposals,
                    const double *value, const double *luck, const double *growth) noexcept nogil:
    """Decide on one block's offers: how many leave and enter each bucket. Returns the copies."""
    cdef const System *s = k.law.s
    cdef Py_ssize_t size = s.P * CUTS, a, b, e
    cdef int64_t _i, tail, place = 0, number = 0, copies = 0
    cdef double w[2]
    cdef double d
    for b in range(s.P):
        room.gone[b] = 0
        room.come[b] = 0
    for b in range(s.P):
        place += block.counts[b]
        tail = place
        for e in range(s.indptr[b], s.indptr[b + 1]):
            tail -= proposals[e]
        for e in range(s.indptr[b], s.indptr[b + 1]):
            a = s.indices[e]
            for _i in range(proposals[e]):
                w[0] = block.values[tail]
                w[1] = block.values[block.size + tail]
                d = pull(k, e, b, w, value + 2 * number)
                if d > 0.0:  # weights grown to mid-step
                    d *= 1.0 + 0.5 * plan.head.step * (
                        growth[b * CUTS + part_of_circle(w[0], w[1], CUTS)]
                        + growth[size + a * CUTS + part_of_circle(value[2 * number], value[2 * number + 1], CUTS)])
                room.yes[number] = luck[number] < plan.bound[e] * d
                if room.yes[number]:
                    room.gone[b] += 1
                    room.come[a] += 1
                    copies += 1
                number += 1
                tail += 1
    return copies


cdef inline void put(Room *room, int64_t target, uint32_t name, double x, double y) noexcept nogil:
    room.ids[target] = name
    room.values[target] = x
    room.values[room.size + target] = y


cdef void rebuild(PhaseRule k, Block *block, Room *room, const int64_t *proposals, const double *value) noexcept nogil:
    """Who stays keeps their order in the bucket; who copies goes to the end of another, with the partner's value."""
    cdef const System *s = k.law.s
    cdef Py_ssize_t a, b, e
    cdef int64_t _i, i = 0, here = 0, still, number = 0, size
    for a in range(s.P):
        here += block.counts[a] - room.gone[a]
        room.place[a] = here
        here += room.come[a]
    size = here
    here = 0
    for b in range(s.P):
        still = block.counts[b]
        for e in range(s.indptr[b], s.indptr[b + 1]):
            still -= proposals[e]
        memcpy(room.ids + here, block.ids + i, still * sizeof(uint32_t))
        memcpy(room.values + here, block.values + i, still * sizeof(double))
        memcpy(room.values + room.size + here, block.values + block.size + i, still * sizeof(double))
        here += still
        i += still
        for e in range(s.indptr[b], s.indptr[b + 1]):
            a = s.indices[e]
            for _i in range(proposals[e]):
                if room.yes[number]:
                    if block.marked != NULL and is_marked(block.marked, block.unit, block.ids[i]):
                        mark_at_once(k, block, &room.moment, i, b, e, value + 2 * number)
                    put(room, room.place[a], block.ids[i], value[2 * number], value[2 * number + 1])
                    room.place[a] += 1
                else:
                    put(room, here, block.ids[i], block.values[i], block.values[block.size + i])
                    here += 1
                number += 1
                i += 1
        here += room.come[b]
        block.counts[b] += <int32_t> (room.come[b] - room.gone[b])
    memcpy(block.ids, room.ids, size * sizeof(uint32_t))
    memcpy(block.values, room.values, size * sizeof(double))
    memcpy(block.values + block.size, room.values + room.size, size * sizeof(double))


def copy(PhaseRule rule not None, FieldPlans plans not None, Crowd crowd not None, *,
         const uint8_t[::1] active not None, const int64_t[:, ::1] proposals not None,
         const double[:, ::1] value not None, const double[::1] luck not None,
         const double[:, :, :, ::1] growth not None, int64_t[::1] copies not None, const double[:, ::1] n=None,
         const double[:, :, ::1] sums=None, const double[::1] since=None):
    """Carry out the copies that are accepted, from the partners' values (K, 2); adds to copies (R,).

    proposals (U, nnz) : offers by channel, made to those who stand at the ends of their buckets. growth
    (R, 2, P, PARTS) as `general_plans.chances` fills it. n, sums, since: as `move` has them, where members are tracked.
    """
    cdef const System *s = rule.law.s
    cdef Py_ssize_t u, r, e, R = active.shape[0], P = s.P
    need_plans(plans, rule.rule.couplings, R)
    crowd.need_whole(R, P, 2)
    need(crowd.width == 2, "crowd: must have values (2, M)")
    need_proposals(crowd, s, proposals)
    cdef Py_ssize_t K = int(np.sum(proposals))
    need(value.shape[0] >= K and value.shape[1] == 2 and luck.shape[0] >= K, "value, luck: one a proposal")
    need(growth.shape[0] == R and growth.shape[1] == 2 and growth.shape[2] == P and growth.shape[3] == CUTS,
         "growth: must be (R, 2, P, PARTS)")
    need(copies.shape[0] == R, "copies: must be (R,)")
    need_fields(rule, crowd, n, sums, since)
    cdef int64_t size = crowd.largest(), first = 0, done
    cdef uint8_t[::1] yes = np.empty(int(np.max(np.sum(proposals, axis=1), initial=1)), np.uint8)
    cdef int64_t[::1] work = np.empty(3 * P, np.int64)
    cdef uint32_t[::1] ids = np.empty(size, np.uint32)
    cdef double[::1] values = np.empty(2 * size)
    cdef Room room = Room(&ids[0], &values[0], size, &yes[0], &work[0], &work[P], &work[2 * P],
                          Moment(0.0, 0.0, 0.0, 0, 0))
    cdef Block block
    cdef FieldPlan plan
    with nogil:
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            if active[r] and first < value.shape[0]:
                block = block_of(crowd, u)
                plan = field_plan_at(s, row_of(plans, r))
                if block.marked != NULL:
                    set_fields(rule, &n[r, 0], &sums[r, 0, 0])
                    room.moment = Moment(plan.head.step, plan.head.time_left, since[r], r, crowd.unit[2 * u + 1])
                done = decide(rule, &plan, &block, &room, &proposals[u, 0], &value[first, 0], &luck[first],
                              &growth[r, 0, 0, 0])
                if done:
                    rebuild(rule, &block, &room, &proposals[u, 0], &value[first, 0])
                copies[r] += done
                for e in range(s.nnz):
                    first += proposals[u, e]


cdef int64_t copy_block(PhaseRule k, Offers *o, Block *block, int64_t *start, Stream *stream,
                        const Moment *moment) noexcept nogil:
    """The copies of one block within a step; returns how many there were. start (P,): where buckets begin."""
    cdef Py_ssize_t e, a, b = 0
    cdef double w[2]
    cdef double v[2]
    cdef double time_left = moment.step
    cdef int64_t i, place, copies = 0
    cdef uint32_t name
    begin_offers(k, o)
    while True:
        e = next_offer(k, o, stream, &time_left, &b)
        if e < 0:
            return copies
        a = k.law.s.indices[e]
        i = start[b] + block.spectators[b] + <int64_t> stream_below64(stream, o.free[b])
        place = start[a] + <int64_t> stream_below64(stream, o.n[a])
        w[0] = block.values[i]
        w[1] = block.values[block.size + i]
        v[0] = block.values[place]
        v[1] = block.values[block.size + place]
        if not offer_taken(k, e, b, w, v, stream_double(stream)):
            continue
        name = block.ids[i]
        if block.marked != NULL and is_marked(block.marked, block.unit, name):
            mark_then(k, block, moment, name, b, e, v, time_left)
        place = make_room(block, start, o.n, b, a, i)
        block.ids[place] = name
        block.values[place] = v[0]
        block.values[block.size + place] = v[1]
        change_offers(k, o, b, -1)
        change_offers(k, o, a, 1)
        add_offers(k, o)
        copies += 1


def copy_members(PhaseRule rule not None, FieldPlans plans not None, Crowd crowd not None, *,
                 const uint8_t[::1] active not None, uint64_t seed, uint64_t purpose, const int64_t[::1] step not None,
                 int64_t[::1] copies not None, const double[:, ::1] n=None, const double[:, :, ::1] sums=None,
                 const double[::1] since=None):
    """The copies of one step, of ensembles of one block each (a unit is all of a replica); adds to copies (R,).

    n, sums, since: as `move` has them, where members are tracked.
    """
    cdef Py_ssize_t P = rule.law.s.P, R = active.shape[0], u, r, a
    need_plans(plans, rule.rule.couplings, R)
    crowd.need_whole(R, P, 2)
    need(crowd.width == 2, "crowd: must have values (2, M)")
    need(step.shape[0] == R and copies.shape[0] == R, "active, step, copies: must be (R,)")
    need_fields(rule, crowd, n, sums, since)
    cdef double[::1] numbers = np.empty(2 * P)
    cdef int64_t[::1] sizes = np.empty(3 * P, np.int64)
    cdef Offers o = Offers(0.0, &numbers[0], &numbers[P], &sizes[0], &sizes[P])
    cdef int64_t *start = &sizes[2 * P]
    cdef int64_t place
    cdef Block block
    cdef Stream stream
    cdef Moment moment
    with nogil:
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, r, crowd.unit[2 * u + 1], 2 * step[r])
            block = block_of(crowd, u)
            place = 0
            for a in range(P):
                start[a] = place
                o.n[a] = block.counts[a]
                o.free[a] = block.counts[a] - block.spectators[a]
                place += block.counts[a]
            moment = Moment(head_of(plans, r).step, head_of(plans, r).time_left, 0.0, r, crowd.unit[2 * u + 1])
            if block.marked != NULL:
                set_fields(rule, &n[r, 0], &sums[r, 0, 0])
                moment.since = since[r]
            copies[r] += copy_block(rule, &o, &block, start, &stream, &moment)
            for a in range(P):
                block.counts[a] = <int32_t> o.n[a]
