# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Members in blocks take the moves of a lattice's step (lattice_members.pyx): halves are drawn by each block itself,
those of stiff clusters are drawn for all of a beable and dealt.

Dealing: `count` of the members of b who were there when a half substep began go to a. Which blocks they are of is
multivariate hypergeometric, drawn member by member where they are few, else block by block; who they are of a block's
is uniform. All ranks deal alike and keep what is their own; a block's own stream says who.

A block's ids stand bucketed by beable. Who moves from bucket b to bucket a leaves a hole that goes through the buckets
between them, two ids each: cheap on a lattice whose neighbours are near in memory, and few members move so.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.crowd cimport Block, Crowd, block_of
from copympi.kernels.draws cimport draw_hypergeometrics
from copympi.kernels.marks cimport is_marked, mark_copy, number_of
from copympi.kernels.members cimport Room, move_block
from copympi.kernels.move_log cimport mark_luck_of
from copympi.kernels.profiles cimport profile_moment
from copympi.kernels.streams cimport Stream, stream_below64, stream_open
from copympi.kernels.targets cimport Half

cdef int64_t FEW = 8       # blocks, to each member of a move, from which on it is dealt member by member


def move_half(Couplings couplings not None, Crowd crowd not None, *, const double[:, ::1] chance not None,
              const double[:, ::1] profile, const double[:, ::1] window not None, double[::1] last not None,
              const int64_t[::1] row not None, keys, int half, int64_t[:, ::1] n not None,
              int64_t[:, ::1] out not None):
    """Draw and move one half step in this rank's blocks of some replicas; the crowd holds no spectators.

    row (R,) : of chance and profile, for each replica; -1: it does not move. chance (K, nnz) : a member's to go along
    each coupling. keys : seed, purpose, and steps (R,) int64 of the replicas, of which random numbers are a function.
    n, out (R, P): this rank's occupations and, set anew where somebody may move, what left each beable. Where members
    are tracked, profile (K, 3 nnz): flows at the begin, middle and end of the half; window (R, 2): its length, and the
    time left to the stop after it; last (tracked,): the time left when each jumped last in this step.
    """
    cdef const System *s = &couplings.system
    cdef uint64_t seed = keys[0], purpose = keys[1]
    cdef const int64_t[::1] step = keys[2]
    cdef Py_ssize_t R = n.shape[0], u, r, a, widest
    need(n.shape[1] == s.P and out.shape[0] == R and out.shape[1] == s.P and step.shape[0] == R
         and row.shape[0] == R, "n, out: must be (R, P); row, steps: (R,)")
    need(chance.shape[1] == s.nnz, "chance: must be (K, nnz)")
    for r in range(R):
        need(-1 <= row[r] < chance.shape[0], "row: there is no such row of chance")
    need(crowd.marked == NULL or (profile is not None and profile.shape[0] == chance.shape[0]
                                  and profile.shape[1] == 3 * s.nnz and window.shape[0] == R and window.shape[1] == 2),
         "profile: must be (K, 3 nnz), window (R, 2), where members are tracked")
    need(crowd.marks is None or last.shape[0] >= len(crowd.marks.beable), "last: must be (tracked,)")
    need(crowd.replicas == R and crowd.P == s.P, "crowd: of another number of replicas, or of another system")
    widest = crowd.largest()
    cdef int64_t[::1] numbers = np.empty(max(s.nnz, 1) + 5 * s.P, np.int64)
    cdef uint32_t[::1] names = np.empty(2 * widest, np.uint32)
    cdef Room room = Room(&numbers[0], &numbers[0] + s.nnz, &names[0], &names[0] + widest)
    cdef Half part = Half(NULL, 0.0, 0.0, 0, 0, half, NULL)
    cdef Block block
    cdef Stream stream
    with nogil:
        for r in range(R):
            if row[r] >= 0:
                for a in range(s.P):
                    out[r, a] = 0
        for u in range(crowd.U if s.nnz else 0):
            r = crowd.unit[2 * u]
            if row[r] >= 0:
                stream_open(&stream, seed, purpose, r, crowd.unit[2 * u + 1], 2 * step[r] + half)
                block = block_of(crowd, u)
                if block.marked != NULL:
                    part = Half(&profile[row[r], 0], window[r, 0], window[r, 1], r, crowd.unit[2 * u + 1], half,
                                &last[0])
                move_block(s, &stream, &chance[row[r], 0], &block, &room, &part, &n[r, 0], &out[r, 0])


def deal(const int64_t[:, ::1] moves not None, const int64_t[::1] sources not None, int64_t[:, ::1] there not None, *,
         Py_ssize_t first, Py_ssize_t last, keys):
    """Deal the moves of a replica's stiff clusters to its blocks.

    moves (K, 4) : source, target, count, group, as LatticeStep.moves has them. sources (S,) : beables that somebody
    leaves, ascending; there (blocks, S) : members of each block in each of them, at first; kept up to date. keys : the
    five numbers of the stream (seed, purpose, replica, block, step) of these draws. Returns of blocks first .. last - 1
    (J, 3) int64: block, number of the move, how many of its members, in order of block, then move.

    Raises ValueError where a beable has not so many members.
    """
    cdef Py_ssize_t K = moves.shape[0], B = there.shape[0], S = sources.shape[0], k, place, target, p, _j
    cdef int64_t group = -1, left, u, i
    cdef Stream stream
    need(moves.shape[1] == 4 and there.shape[1] == S, "moves: must be (K, 4), there (blocks, S)")
    seed, purpose, replica, block, step = keys
    stream_open(&stream, seed, purpose, replica, block, step)
    where = np.searchsorted(sources, np.asarray(moves)[:, :2]).clip(max=max(0, S - 1))
    where = np.where(np.asarray(sources)[where] == np.asarray(moves)[:, :2], where, -1) if S else np.empty((0, 2))
    cdef const int64_t[:, ::1] at = np.ascontiguousarray(where, np.int64)
    all_there = np.asarray(there)
    cdef int64_t[::1] sums = all_there.sum(axis=0, dtype=np.int64)
    cdef int64_t[::1] kinds = np.empty(B, np.int64)
    cdef int64_t[::1] drawn = np.zeros(B, np.int64)
    arrivals, own = [], []
    for k in range(K):
        if moves[k, 3] != group:
            group = moves[k, 3]
            for u, p, left in arrivals:
                there[u, p] += left
                sums[p] += left
            arrivals.clear()
        place, target, left = at[k, 0], at[k, 1], moves[k, 2]
        need(place >= 0 and 0 <= left <= sums[place], "moves: a beable has not so many members")
        if left * FEW < B:
            for _j in range(left):
                u = block_of_number(there, place, <int64_t> stream_below64(&stream, sums[place]))
                there[u, place] -= 1
                sums[place] -= 1
                if target >= 0:
                    arrivals.append((u, target, 1))
                if first <= u < last:
                    own.append((u, k, 1))
            continue
        for u in range(B):
            kinds[u] = there[u, place]
        draw_hypergeometrics(&stream, B, &kinds[0], left, &drawn[0])
        sums[place] -= left
        for u in range(B):
            i = drawn[u]
            there[u, place] -= i
            if i and target >= 0:
                arrivals.append((u, target, i))
            if i and first <= u < last:
                own.append((u, k, i))
    found = np.array(own, np.int64).reshape(-1, 3)
    return found[np.argsort(found[:, 0], kind="stable")]


cdef int64_t block_of_number(const int64_t[:, ::1] there, Py_ssize_t place, int64_t number) noexcept nogil:
    """Which block has number 0, 1, ... of a beable's members."""
    cdef int64_t u = 0
    while number >= there[u, place]:
        number -= there[u, place]
        u += 1
    return u


cdef struct Buckets:       # of one block
    uint32_t *ids
    int64_t *start         # (P,)
    int64_t *old           # (P,) members who were there when the half substep began, first in each bucket,
    int64_t *new           # (P,) and who have come since


cdef inline void shift_left(Buckets *k, int64_t b) noexcept nogil:
    """The hole before bucket b comes to stand behind it."""
    cdef uint32_t *ids = k.ids + k.start[b]
    (ids - 1)[0] = ids[k.old[b] - 1]
    ids[k.old[b] - 1] = ids[k.old[b] + k.new[b] - 1]
    k.start[b] -= 1


cdef inline void shift_right(Buckets *k, int64_t b) noexcept nogil:
    """The hole behind bucket b comes to stand before it."""
    cdef uint32_t *ids = k.ids + k.start[b]
    ids[k.old[b] + k.new[b]] = ids[k.old[b]]
    ids[k.old[b]] = ids[0]
    k.start[b] += 1


cdef uint32_t hand_over(Buckets *k, int64_t b, int64_t a, int64_t number) noexcept nogil:
    """Old member `number` of bucket b goes to bucket a; returns its id."""
    cdef uint32_t *ids = k.ids + k.start[b]
    cdef uint32_t who = ids[number]
    cdef int64_t j
    if a > b:
        ids[number] = ids[k.old[b] - 1]
        ids[k.old[b] - 1] = ids[k.old[b] + k.new[b] - 1]
        k.old[b] -= 1
        for j in range(b + 1, a + 1):
            shift_left(k, j)
    else:
        ids[number] = ids[0]
        k.start[b] += 1
        k.old[b] -= 1
        for j in range(b - 1, a, -1):
            shift_right(k, j)
    k.ids[k.start[a] + k.old[a] + k.new[a]] = who
    k.new[a] += 1
    return who


def carry_out(Crowd crowd not None, const int64_t[:, ::1] own not None, const int64_t[:, ::1] moves not None,
              const double[:, ::1] course not None, *, Py_ssize_t unit, keys, double left, double length,
              double[::1] last not None, int64_t[::1] n not None):
    """Members of this rank's blocks of one replica make the moves that `deal` gave them.

    own (J, 3), moves (K, 4) : as there; course (K, 5) : the moves' times and flows, as LatticeStep.moves has them.
    unit : the crowd's unit that is block 0 of the replica, negative where that is another rank's. keys : seed, purpose
    and step of the streams, a block's own each. left : to the stop, from the step's start; length : of the step. last
    (tracked,) : as in `move_half`. n (P,) : this rank's occupations. Raises ValueError where a block has not so many
    members.
    """
    cdef Py_ssize_t J = own.shape[0], P = crowd.P, K = moves.shape[0], j, u = 0, k, i, _i, b, a
    cdef int64_t block = -1, group = -1, place
    cdef uint64_t seed = keys[0], purpose = keys[1], step = keys[2]
    cdef Stream stream
    cdef Block members
    cdef int64_t[:, ::1] numbers = np.zeros((3, P), np.int64)
    cdef Buckets buckets = Buckets(NULL, &numbers[0, 0], &numbers[1, 0], &numbers[2, 0])
    cdef uint32_t who
    need(own.shape[1] == 3 and moves.shape[1] == 4 and course.shape[0] == K and course.shape[1] == 5
         and n.shape[0] == P, "own: must be (J, 3), moves (K, 4), course (K, 5), n (P,)")
    need(crowd.marks is None or last.shape[0] >= len(crowd.marks.beable), "last: must be (tracked,)")
    stream_open(&stream, seed, purpose, 0, 0, step)
    for j in range(J):
        k = own[j, 1]
        need(0 <= k < K and 0 <= unit + own[j, 0] < crowd.U, "own: there is no such move, or block")
        b, a = moves[k, 0], moves[k, 1]
        need(0 <= b < P and 0 <= a < P and a != b, "moves: there is no such beable")
        if own[j, 0] != block:
            if block >= 0:
                put_back(&members, &buckets, P)
            block, group = own[j, 0], -1
            u = unit + block
            members = block_of(crowd, u)
            stream_open(&stream, seed, purpose, crowd.unit[2 * u], block, step)
            buckets.ids = members.ids
            place = 0
            for i in range(P):
                buckets.start[i] = place
                buckets.old[i], buckets.new[i] = members.counts[i], 0
                place += members.counts[i]
        if moves[k, 3] != group:
            group = moves[k, 3]
            for i in range(j - 1, -1, -1):  # who came in the half substep before is one of the old ones now
                if own[i, 0] != block or moves[own[i, 1], 3] != moves[own[j - 1, 1], 3]:
                    break
                buckets.old[moves[own[i, 1], 1]] += buckets.new[moves[own[i, 1], 1]]
                buckets.new[moves[own[i, 1], 1]] = 0
        need(0 <= own[j, 2] <= buckets.old[b], "own: a block has not so many members")
        for _i in range(own[j, 2]):
            who = hand_over(&buckets, b, a, <int64_t> stream_below64(&stream, buckets.old[b]))
            if members.marked != NULL and is_marked(members.marked, u, who):
                note(&members, who, &moves[k, 0], &course[k, 0], left, length, &last[0], crowd.unit[2 * u], block)
        n[b] -= own[j, 2]
        n[a] += own[j, 2]
    if block >= 0:
        put_back(&members, &buckets, P)


cdef void put_back(Block *members, const Buckets *buckets, Py_ssize_t P) noexcept nogil:
    """The block's counts are those of its buckets."""
    cdef Py_ssize_t a
    for a in range(P):
        members.counts[a] = <int32_t> (buckets.old[a] + buckets.new[a])


cdef void note(Block *members, uint32_t who, const int64_t *move, const double *course, double left, double length,
               double *last, int64_t replica, int64_t block) noexcept nogil:
    """A tracked member makes a move, at a time drawn from how its flow goes, and after it came to where it was."""
    cdef double *before = last + number_of(members.marked, members.unit, who)
    cdef double luck = mark_luck_of(members.marked, replica, block, move[3], who)
    cdef double part = profile_moment(course[2], course[3], course[4], luck)
    cdef double then = left - course[0] - part * (course[1] - course[0]), over = left - course[1]
    if then >= before[0]:  # it came later than this: between then and the end, of the window or else of the step
        then = before[0] + ((over if over < before[0] else left - length) - before[0]) * luck
    before[0] = then
    mark_copy(members.marked, members.unit, who, move[0], move[1], then, 0.0)
