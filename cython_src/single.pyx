# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Copies one by one, for ensembles that one process has whole: the jump process of (39) at phases that stand still.

Proposals come one after the other, at the rate 2 R_ab sqrt(n_a/n_b) to each member of b that can move, n as it is at
that instant: a wait, a pair of beables, a member and its partner, each drawn uniformly; the proposal is taken with
probability sin+(phi_J - phi_I + delta_ab). Nothing is expanded in the step, so the law is exact for any N and chance.
"""
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.class_tracks cimport Classed, copy_at, set_out
from copympi.kernels.classes cimport Classes
from copympi.kernels.copies cimport POWERS, add_powers
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.crowd cimport Block, Crowd, block_of
from copympi.kernels.marked_phases cimport mark_copier
from copympi.kernels.marks cimport is_marked
from copympi.kernels.one_by_one cimport Rates, add_up, begin_rates, change_n, class_of, make_room, next_proposal, taken
from copympi.kernels.pair cimport mapped
from copympi.kernels.plans cimport FieldPlan, FieldPlans, field_plan_at, head_of, need_plans, row_of
from copympi.kernels.streams cimport Stream, stream_below64, stream_double, stream_open
from copympi.kernels.tracker cimport tracker_open


cdef struct Taking:        # what copies change beside the block
    FieldPlan *plan        # of this replica
    int64_t *start         # (P,) where buckets begin
    int64_t *powers        # (NUMBERS, P) of this replica, or NULL
    double scale
    bint inherit


cdef int64_t copy_block(const System *s, Rates *k, Block *block, Taking *taking, Stream *stream,
                        double time_left) noexcept nogil:
    """The copies of one block within `time_left`; returns how many there were."""
    cdef Py_ssize_t P = s.P, e, j, a, b = 0
    cdef double w[2]
    cdef double v[2]
    cdef double new[3]
    cdef int64_t i, place, copies = 0
    cdef uint32_t name
    begin_rates(s, k)
    while True:
        e = next_proposal(s, k, stream, &time_left, &b)
        if e < 0:
            return copies
        a = s.indices[e]
        i = taking.start[b] + block.spectators[b] + <int64_t> stream_below64(stream, k.free[b])
        place = taking.start[a] + <int64_t> stream_below64(stream, k.n[a])
        for j in range(block.width):
            new[j] = block.values[j * block.size + place]
        mapped(taking.plan.map + b, P, block.values[i], block.values[block.size + i], w)
        mapped(taking.plan.map + a, P, new[0], new[1], v)
        if not taken(s, k, e, w, v, stream_double(stream)):
            continue
        name = block.ids[i]
        if block.marked != NULL and is_marked(block.marked, block.unit, name):
            mark_copier(s, taking.plan, block, name, b, e, time_left, v, new[2] if block.width > 2 else 0.0)
        if not taking.inherit:
            new[2] = 0.0
        if taking.powers != NULL:
            add_powers(block.values[i], block.values[block.size + i], taking.scale, -1, taking.powers + b, P)
            add_powers(new[0], new[1], taking.scale, 1, taking.powers + a, P)
        place = make_room(block, taking.start, k.n, b, a, i)
        block.ids[place] = name
        for j in range(block.width):
            block.values[j * block.size + place] = new[j]
        change_n(s, k, b, -1)
        change_n(s, k, a, 1)
        add_up(s, k)
        copies += 1


def copy_members(Couplings couplings not None, FieldPlans plans not None, Crowd crowd not None, *, double copying,
                 const uint8_t[::1] active not None, uint64_t seed, uint64_t purpose,
                 const int64_t[::1] step not None, bint inherit, double scale, int64_t[:, :, ::1] powers not None,
                 int64_t[::1] copies not None):
    """The copies of one step, of ensembles of one block each (a unit is all of a replica); it is mid-step.

    The crowd's values: re, im of e^{i phi}, taken over bit by bit, and a momentum, which who copies takes over
    (`inherit`) or has 0 of. powers (R, NUMBERS, P), or (0, ..), and copies (R,) change with them.
    """
    cdef const System *s = &couplings.system
    cdef Py_ssize_t P = s.P, R = active.shape[0], u, r, e, a
    need_plans(plans, couplings, R)
    crowd.need_whole(R, P, 2)
    need(step.shape[0] == R and copies.shape[0] == R, "active, step, copies: must be (R,)")
    need(powers.shape[0] == 0 or (powers.shape[0] == R and powers.shape[1] == 2 * POWERS and powers.shape[2] == P),
         "powers: must be (R, NUMBERS, P), or of no replica")
    cdef double[::1] numbers = np.empty(s.nnz + 3 * P)
    cdef int64_t[::1] sizes = np.empty(3 * P, np.int64)
    cdef Rates k = Rates(copying, 0.0, &numbers[0], &numbers[0] + s.nnz, &numbers[0] + s.nnz + P,
                         &numbers[0] + s.nnz + 2 * P, &sizes[0], &sizes[P])
    cdef Taking taking = Taking(NULL, &sizes[2 * P], NULL, scale, inherit)
    cdef Block block
    cdef FieldPlan plan
    cdef int64_t place
    cdef Stream stream
    for e in range(s.nnz):
        k.strength[e] = sqrt(s.re[e] * s.re[e] + s.im[e] * s.im[e])
    with nogil:
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, r, crowd.unit[2 * u + 1], 2 * step[r])
            block = block_of(crowd, u)
            plan = field_plan_at(s, row_of(plans, r))
            taking.plan = &plan
            taking.powers = &powers[r, 0, 0] if powers.shape[0] else NULL
            place = 0
            for a in range(P):
                taking.start[a] = place
                k.n[a] = block.counts[a]
                k.free[a] = block.counts[a] - block.spectators[a]
                place += block.counts[a]
            copies[r] += copy_block(s, &k, &block, &taking, &stream, plan.head.step)
            for a in range(P):
                block.counts[a] = <int32_t> k.n[a]


def copy_classes(Couplings couplings not None, FieldPlans plans not None, Classes classes not None, *, double copying,
                 const uint8_t[::1] active not None, uint64_t seed, uint64_t purpose, int64_t first_replica,
                 const int64_t[::1] step not None, double[::1] events not None):
    """The copies of one step between phase classes, whose counts are integers; it is mid-step. Adds to events (R,)."""
    cdef const System *s = &couplings.system
    cdef Py_ssize_t P = s.P, R = active.shape[0], r, e, a, i, j, b = 0
    need_plans(plans, couplings, R)
    classes.need_whole(R, P)
    need(classes.whole, "classes: counts must be int64")
    need(step.shape[0] == R and events.shape[0] == R, "active, step, events: must be (R,)")
    cdef double[::1] numbers = np.empty(s.nnz + 3 * P)
    cdef int64_t[::1] free = np.empty(P, np.int64)
    cdef int64_t[::1] spectators = np.sum(classes.spectators, axis=1)
    cdef Rates k = Rates(copying, 0.0, &numbers[0], &numbers[0] + s.nnz, &numbers[0] + s.nnz + P,
                         &numbers[0] + s.nnz + 2 * P, NULL, &free[0])
    cdef double time_left
    cdef double[:, :, :, ::1] z = classes.z
    cdef int64_t[:, :, ::1] count = classes.count
    cdef Classed classed
    cdef FieldPlan plan
    cdef double w[2]
    cdef double v[2]
    cdef Stream stream
    for e in range(s.nnz):
        k.strength[e] = sqrt(s.re[e] * s.re[e] + s.im[e] * s.im[e])
    with nogil:
        for r in range(R):
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, first_replica + r, 0, step[r])
            plan = field_plan_at(s, row_of(plans, r))
            classed = set_out(classes.followed, s, &plan, &z[r, 0, 0, 0], classes.K)
            if classed.followed != NULL:
                tracker_open(classed.followed.tracks, r, 0, step[r])
            k.n = &classes.n[r, 0]
            for a in range(P):
                free[a] = k.n[a] - spectators[a]
            begin_rates(s, &k)
            time_left = head_of(plans, r).step
            while True:
                e = next_proposal(s, &k, &stream, &time_left, &b)
                if e < 0:
                    break
                a = s.indices[e]
                i = class_of(&count[r, b, 0], &classes.spectators[b, 0], <int64_t> stream_below64(&stream, free[b]))
                j = class_of(&count[r, a, 0], NULL, <int64_t> stream_below64(&stream, k.n[a]))
                w[0] = z[r, 0, b, i]
                w[1] = z[r, 1, b, i]
                v[0] = z[r, 0, a, j]
                v[1] = z[r, 1, a, j]
                if taken(s, &k, e, w, v, stream_double(&stream)):
                    if classed.followed != NULL:
                        copy_at(&classed, b * classes.K + i, a * classes.K + j,
                                count[r, b, i] - classes.spectators[b, i], time_left)
                    count[r, b, i] -= 1
                    count[r, a, j] += 1
                    change_n(s, &k, b, -1)
                    change_n(s, &k, a, 1)
                    add_up(s, &k)
                    events[r] += 1.0
