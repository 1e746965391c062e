# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Leaps of members with an identity: each block's ids stand bucketed by beable, and a step costs what it moves.

A block holds at most 2^18 members, so that it fits the second-level cache, at four bytes an id; more only where there
are more than 2^16 beables.
Members of a beable are exchangeable: how many leave is drawn first, then which (a partial Fisher-Yates shuffle).
Where beables have many couplings targets.pyx does that.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.crowd cimport Block, Crowd, block_of
from copympi.kernels.draws cimport draw_leavers
from copympi.kernels.flows cimport Scratch
from copympi.kernels.plans cimport FINE, Plan, StepPlans, head_of, need_plans, plan_at, profile_of, row_of
from copympi.kernels.predictor cimport new_phase, plan_first, plan_second
from copympi.kernels.profiles cimport profile_flows
from copympi.kernels.step_control cimport StepControl
from copympi.kernels.streams cimport Stream, stream_open
from copympi.kernels.targets cimport Half, Targets, has_many, mark_mover, move_by_targets, set_out

cdef extern from "shuffle.h" nogil:
    void draw_places(Stream *s, const uint32_t *ids, uint32_t n, int64_t leavers, uint32_t *place)
    void bring_to_end(uint32_t *ids, uint32_t n, int64_t leavers, const uint32_t *place)
    void settle_buckets(uint32_t *ids, int64_t P, int32_t *counts, const int64_t *start, const int64_t *gone,
                        const int64_t *come, const int64_t *cursor, const uint32_t *travellers, int64_t *target,
                        int64_t *n, int64_t *out)

BLOCK = 262144
"""Members that a block holds at most, but for very many beables."""


def plan_half(Couplings couplings not None, StepPlans plans not None, StepControl control not None,
              Scratch scratch not None, int half, *, const uint8_t[::1] active not None,
              const int64_t[:, ::1] n not None, const int64_t[:, ::1] out not None,
              const double[:, ::1] phase not None, const double[::1] time_left not None):
    """Plan the first (half = 0) or second (half = 1) draw of a step of every active replica.

    n, out (R, P): occupations, and how many the first draw took. Returns (status, replica, beable).
    """
    cdef const System *s = &couplings.system
    cdef Py_ssize_t R = n.shape[0]
    need_plans(plans, couplings, R)
    need(R > 0 and n.shape[1] == s.P and out.shape[0] == R and out.shape[1] == s.P and phase.shape[0] == R
         and phase.shape[1] == s.P and time_left.shape[0] == R and active.shape[0] == R,
         "n, out, phase: must be (R, P); time_left, active: (R,); R at least 1")
    need(scratch.P == s.P and scratch.pairs == s.pairs, "scratch: of another system")
    cdef Py_ssize_t r = 0
    cdef int status = FINE
    cdef Plan plan
    with nogil:
        for r in range(R):
            if not active[r]:
                continue
            if half == 0:
                status = plan_first(s, control, &n[r, 0], &phase[r, 0], time_left[r], scratch, row_of(plans, r))
            else:
                status = plan_second(s, control, &n[r, 0], &out[r, 0], scratch, row_of(plans, r))
            if status != FINE:
                break
            if plans.profiled:
                plan = plan_at(s, row_of(plans, r))
                profile_flows(s, &n[r, 0], &plan, half, scratch, profile_of(plans, r))
    return status, r, int(head_of(plans, r).limiting)


def finish_step(Couplings couplings not None, StepPlans plans not None, *, uint8_t[::1] active not None,
                double[:, ::1] phase not None, double[::1] time_left not None, int64_t[::1] step not None,
                double[::1] largest not None):
    """Take phases and clocks of the active replicas from their completed plans; `active` loses who is at the record."""
    cdef Py_ssize_t r, R = phase.shape[0]
    need_plans(plans, couplings, R)
    need(phase.shape[1] == couplings.system.P, "phase: must be (R, P)")
    need(time_left.shape[0] == R and step.shape[0] == R and largest.shape[0] == R and active.shape[0] == R,
         "active, time_left, step, largest: must be (R,)")
    for r in range(R):
        if active[r]:
            new_phase(&couplings.system, row_of(plans, r), &phase[r, 0])
            time_left[r] = head_of(plans, r).time_left
            step[r] += 1
            largest[r] = max(largest[r], head_of(plans, r).largest)
            active[r] = time_left[r] > 0.0


cdef void mark_movers(const System *s, const Block *block, const Half *half, Py_ssize_t b, Py_ssize_t e,
                      const uint32_t *ids, int64_t count) noexcept nogil:
    """Note the tracked ones among `count` members who go from b along entry e."""
    cdef int64_t i
    cdef const uint64_t *bits = block.marked.bits + block.marked.first[block.unit]
    for i in range(count):
        if (bits[ids[i] >> 6] >> (ids[i] & 63)) & 1:
            mark_mover(s, block, half, b, e, ids[i])


cdef int64_t move_block(const System *s, Stream *stream, const double *chance, Block *block, Room *room,
                        const Half *half, int64_t *n, int64_t *out) noexcept nogil:
    """Draw one half step's copies in one block and move its ids. Adds to the rank's n and out; returns the copies."""
    cdef Py_ssize_t P = s.P, a, b, e
    cdef uint32_t *ids = block.ids
    cdef int32_t *counts = block.counts
    cdef int64_t *leave = room.leave
    cdef uint32_t *places = room.places
    cdef uint32_t *travellers = room.travellers
    cdef int64_t *gone = room.work            # leavers of each beable
    cdef int64_t *come = room.work + P        # arrivals
    cdef int64_t *start = room.work + 2 * P   # old and new places of the buckets
    cdef int64_t *target = room.work + 3 * P
    cdef int64_t *cursor = room.work + 4 * P
    cdef int64_t copies = 0, place = 0
    for b in range(P):
        come[b] = 0
    for b in range(P):
        start[b] = place
        gone[b] = 0
        if counts[b] > 0:
            draw_leavers(stream, counts[b], s.indptr[b], s.indptr[b + 1], chance, leave)
            for e in range(s.indptr[b], s.indptr[b + 1]):
                gone[b] += leave[e]
                come[s.indices[e]] += leave[e]
            draw_places(stream, ids + place, counts[b], gone[b], places + copies)
        copies += gone[b]
        place += counts[b]
    if copies == 0:
        return 0
    place = 0
    for b in range(P):
        bring_to_end(ids + start[b], counts[b], gone[b], places + place)
        place += gone[b]
    place = 0
    for a in range(P):
        cursor[a] = place
        place += come[a]
    for b in range(P):
        if gone[b] > 0:
            place = start[b] + counts[b] - gone[b]
            for e in range(s.indptr[b], s.indptr[b + 1]):
                if leave[e] > 0:
                    if block.marked != NULL:
                        mark_movers(s, block, half, b, e, ids + place, leave[e])
                    memcpy(travellers + cursor[s.indices[e]], ids + place, leave[e] * sizeof(uint32_t))
                    cursor[s.indices[e]] += leave[e]
                    place += leave[e]
    settle_buckets(ids, P, counts, start, gone, come, cursor, travellers, target, n, out)
    return copies


def move(Couplings couplings not None, StepPlans plans not None, Crowd crowd not None, *,
         const uint8_t[::1] active not None, uint64_t seed, uint64_t purpose, const int64_t[::1] step not None,
         int half, int64_t[:, ::1] n not None, int64_t[:, ::1] out not None):
    """Draw and move one half step in all blocks of this rank; the crowd holds no spectators.

    n, out (R, P): this rank's occupations and, set anew, what left each beable.
    """
    cdef const System *s = &couplings.system
    cdef Py_ssize_t R = n.shape[0]
    need_plans(plans, couplings, R)
    need(n.shape[1] == s.P and out.shape[0] == R and out.shape[1] == s.P and step.shape[0] == R
         and active.shape[0] == R, "n, out: must be (R, P); active, step: (R,)")
    crowd.need_whole(R, s.P, 0)
    cdef Py_ssize_t largest = crowd.largest()
    cdef bint many = has_many(s)
    cdef Targets targets = Targets(couplings, largest) if many else None
    cdef int64_t[::1] numbers = np.empty(max(s.nnz, 1) + 5 * s.P, np.int64)
    cdef uint32_t[::1] names = np.empty(2 * largest, np.uint32)
    cdef Room room = Room(&numbers[0], &numbers[0] + s.nnz, &names[0], &names[0] + largest)
    need(crowd.marked == NULL or plans.profiled, "plans: must have profiles, where members are tracked")
    cdef Plan plan
    cdef Block block
    cdef Stream stream
    cdef Half part = Half(NULL, 0.0, 0.0, 0, 0, half, NULL)
    cdef Py_ssize_t u, r, before = -1
    with nogil:
        for r in range(R):
            for u in range(s.P):
                out[r, u] = 0
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            if active[r]:
                stream_open(&stream, seed, purpose, r, crowd.unit[2 * u + 1], 2 * step[r] + half)
                plan = plan_at(s, row_of(plans, r))
                block = block_of(crowd, u)
                if block.marked != NULL:
                    part = Half(profile_of(plans, r), 0.5 * plan.head.step, plan.head.time_left, r,
                                crowd.unit[2 * u + 1], half, NULL)
                    part.left += 0.0 if half else part.length
                if not many:
                    move_block(s, &stream, plan.chance, &block, &room, &part, &n[r, 0], &out[r, 0])
                    continue
                if r != before:
                    set_out(s, plan.chance, &targets.tables)
                    before = r
                move_by_targets(s, &stream, targets, &block, &part, &n[r, 0], &out[r, 0])
