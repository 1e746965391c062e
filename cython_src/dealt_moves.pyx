# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Members in blocks take the moves of a lattice's step (lattice_members.pyx): halves are drawn by each block itself,
those of stiff clusters are drawn for all of a beable and dealt.

Of which blocks those are that go in a half substep is dealt (deals.pyx); who they are of a block's is uniform, among
those who were there when it began, and the block's own stream says who.

A block's ids stand bucketed by beable. Who moves from bucket b to bucket a leaves a hole that goes through the buckets
between them (hands.h): cheap on a lattice whose neighbours are near in memory, and few members move so.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.crowd cimport Block, Crowd, block_of
from copympi.kernels.marks cimport is_marked, mark_copy, number_of
from copympi.kernels.members cimport Room, move_block
from copympi.kernels.move_log cimport mark_luck_of
from copympi.kernels.profiles cimport profile_moment
from copympi.kernels.streams cimport Stream, stream_below64, stream_open
from copympi.kernels.targets cimport Half
from copympi.kernels.ways cimport Ways

cdef extern from "hands.h" nogil:
    int64_t ANYWHERE       # of a row that is the block's
    ctypedef struct Bucket:
        uint32_t *ids
        int64_t room
        int64_t start
        int64_t old
        int64_t come
        int64_t beable
    uint32_t hand_over(Bucket *k, int64_t b, int64_t a, int64_t number)
    void put_together(uint32_t *ids, int64_t P, int32_t *counts, const int32_t *which, const Bucket *bucket,
                      int64_t end)


def move_half(Ways ways not None, Crowd crowd not None, *, const double[:, ::1] chance not None,
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
    cdef const System *s = &ways.system
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


cdef enum:
    FINE = 0
    TOO_MANY = 1           # members of a block are to go than there are
    NO_ROOM = 2

cdef struct Hands:         # the block whose turn it is
    Block members
    int64_t size           # its members
    Bucket *bucket         # buckets that give, take or make room for others, in order of beables
    int64_t buckets, room
    int32_t *which         # (P,) which of these a beable has, from 1; 0: none
    bint apart             # whether each has a row of its own
    uint32_t *row
    int64_t ids


cdef bint ask_room(Hands *h, int64_t buckets, int64_t ids) noexcept nogil:
    """Room for so many buckets, and ids in rows of their own; False where there is no memory."""
    cdef void *more
    if buckets > h.room:
        more = realloc(h.bucket, <size_t> buckets * sizeof(Bucket))
        if more == NULL:
            return False
        h.bucket, h.room = <Bucket *> more, buckets
    if ids > h.ids:
        more = realloc(h.row, <size_t> ids * sizeof(uint32_t))
        if more == NULL:
            return False
        h.row, h.ids = <uint32_t *> more, ids
    return True


cdef bint take_up(Hands *h, Py_ssize_t P, const int64_t[:, ::1] own, const int64_t[:, ::1] moves, Py_ssize_t begin,
                  Py_ssize_t end) noexcept nogil:
    """The buckets that rows begin .. end - 1 of `own` need; False where there is no memory.

    Apart, where that is cheaper: who goes far makes all buckets between move on, by one each time.
    """
    cdef int64_t far = 0, near = P, ids = 0, place = 0, b, a, x, i = 0
    cdef const int32_t *counts = h.members.counts
    cdef Py_ssize_t j
    for j in range(begin, end):
        b, a = moves[own[j, 1], 0], moves[own[j, 1], 1]
        far += own[j, 2] * (max(a, b) - min(a, b))
        near += counts[b] + counts[a]
    h.apart = far > near
    h.buckets = 0
    for j in range(begin, end):
        b, a = min(moves[own[j, 1], 0], moves[own[j, 1], 1]), max(moves[own[j, 1], 0], moves[own[j, 1], 1])
        x = b
        while x <= a:
            if h.which[x] == 0:
                h.which[x] = 1
                h.buckets += 1
                ids += counts[x] + 1
            x += a - b if h.apart else 1
        ids += own[j, 2]
    if not ask_room(h, h.buckets, ids if h.apart else 0):
        return False
    for a in range(P):
        if h.which[a] != 0:
            h.bucket[i] = Bucket(h.members.ids, ANYWHERE, place, counts[a], 0, a)
            i += 1
            h.which[a] = <int32_t> i
        place += counts[a]
    if h.apart:
        give_rows(h, own, moves, begin, end)
    return True


cdef void give_rows(Hands *h, const int64_t[:, ::1] own, const int64_t[:, ::1] moves, Py_ssize_t begin,
                    Py_ssize_t end) noexcept nogil:
    """Each bucket gets a row of its own, with room for all who come, and a hole."""
    cdef Py_ssize_t j
    cdef int64_t i, ids = 0
    cdef Bucket *k
    for i in range(h.buckets):
        h.bucket[i].room = h.bucket[i].old + 1
    for j in range(begin, end):
        h.bucket[h.which[moves[own[j, 1], 1]] - 1].room += own[j, 2]
    for i in range(h.buckets):
        k = h.bucket + i
        memcpy(h.row + ids, h.members.ids + k.start, <size_t> k.old * sizeof(uint32_t))
        k.ids, k.start = h.row + ids, 0
        ids += k.room


cdef void put_back(Hands *h, Py_ssize_t P) noexcept nogil:
    """The block is as its buckets are."""
    cdef int64_t i
    if h.apart:
        put_together(h.members.ids, P, h.members.counts, h.which, h.bucket, h.size)
    for i in range(h.buckets):
        h.members.counts[h.bucket[i].beable] = <int32_t> (h.bucket[i].old + h.bucket[i].come)
        h.which[h.bucket[i].beable] = 0


cdef struct When:          # of the step, for those who are tracked
    double left            # to the stop, from its start
    double length
    double *last           # (tracked,) time left when each jumped last in it
    int64_t replica
    int64_t block


cdef int hand_out(Hands *h, Stream *stream, const int64_t[:, ::1] own, const int64_t[:, ::1] moves,
                  const double[:, ::1] course, Py_ssize_t begin, Py_ssize_t end, const When *when) noexcept nogil:
    """The block makes the moves of rows begin .. end - 1 of `own`."""
    cdef Py_ssize_t j, k, window = begin
    cdef Bucket *target
    cdef int64_t b, a, _i
    cdef uint32_t who
    for j in range(begin, end):
        k = own[j, 1]
        if moves[k, 3] != moves[own[window, 1], 3]:  # who came in the half substep before is one of the old ones now
            while window < j:
                target = h.bucket + h.which[moves[own[window, 1], 1]] - 1
                target.old += target.come
                target.come = 0
                window += 1
        b, a = h.which[moves[k, 0]] - 1, h.which[moves[k, 1]] - 1
        if own[j, 2] > h.bucket[b].old:
            return TOO_MANY
        for _i in range(own[j, 2]):
            who = hand_over(h.bucket, b, a, <int64_t> stream_below64(stream, h.bucket[b].old))
            if h.members.marked != NULL and is_marked(h.members.marked, h.members.unit, who):
                note(&h.members, who, &moves[k, 0], &course[k, 0], when)
    return FINE


def carry_out(Crowd crowd not None, const int64_t[:, ::1] own not None, const int64_t[:, ::1] moves not None,
              const double[:, ::1] course not None, *, Py_ssize_t unit, keys, double left, double length,
              double[::1] last not None, int64_t[::1] n not None):
    """Members of this rank's blocks of one replica make the moves that `deal` (deals.pyx) gave them.

    own (J, 3), moves (K, 4) : as there; course (K, 5) : the moves' times and flows, as LatticeStep.moves has them.
    unit : the crowd's unit that is block 0 of the replica, negative where that is another rank's. keys : seed, purpose
    and step of the streams, a block's own each. left : to the stop, from the step's start; length : of the step. last
    (tracked,) : as in `move_half`. n (P,) : this rank's occupations. Raises ValueError where a block has not so many
    members; MemoryError.
    """
    cdef Py_ssize_t J = own.shape[0], P = crowd.P, K = moves.shape[0], begin = 0, end, j, u
    cdef uint64_t seed = keys[0], purpose = keys[1], step = keys[2]
    cdef int problem = FINE
    cdef Stream stream
    cdef When when = When(left, length, NULL, 0, 0)
    need(own.shape[1] == 3 and moves.shape[1] == 4 and course.shape[0] == K and course.shape[1] == 5
         and n.shape[0] == P, "own: must be (J, 3), moves (K, 4), course (K, 5), n (P,)")
    need(crowd.marks is None or last.shape[0] >= len(crowd.marks.beable), "last: must be (tracked,)")
    for j in range(K):
        need(0 <= moves[j, 0] < P and 0 <= moves[j, 1] < P and moves[j, 0] != moves[j, 1],
             "moves: there is no such beable")
    for j in range(J):
        need(0 <= own[j, 1] < K and 0 <= unit + own[j, 0] < crowd.U and own[j, 2] >= 0,
             "own: there is no such move, or block")
    if J == 0:
        return
    cdef int32_t[::1] which = np.zeros(P, np.int32)
    cdef Hands hands
    memset(&hands, 0, sizeof(Hands))
    hands.which = &which[0]
    when.last = &last[0] if last.shape[0] else NULL
    with nogil:
        while begin < J and problem == FINE:
            end = begin
            while end < J and own[end, 0] == own[begin, 0]:
                end += 1
            u = unit + own[begin, 0]
            hands.members = block_of(crowd, u)
            hands.size = crowd.starts[u + 1] - crowd.starts[u]
            when.replica, when.block = crowd.unit[2 * u], own[begin, 0]
            stream_open(&stream, seed, purpose, when.replica, when.block, step)
            if not take_up(&hands, P, own, moves, begin, end):
                problem = NO_ROOM
                break
            problem = hand_out(&hands, &stream, own, moves, course, begin, end, &when)
            if problem == FINE:
                put_back(&hands, P)
            for j in range(begin, end):
                n[moves[own[j, 1], 0]] -= own[j, 2]
                n[moves[own[j, 1], 1]] += own[j, 2]
            begin = end
        free(hands.bucket)
        free(hands.row)
    need(problem != TOO_MANY, "own: a block has not so many members")
    if problem == NO_ROOM:
        raise MemoryError("no room for the moves of stiff clusters")


cdef void note(const Block *members, uint32_t who, const int64_t *move, const double *course,
               const When *when) noexcept nogil:
    """A tracked member makes a move, at a time drawn from how its flow goes, and after it came to where it was."""
    cdef double *before = when.last + number_of(members.marked, members.unit, who)
    cdef double luck = mark_luck_of(members.marked, when.replica, when.block, move[3], who)
    cdef double part = profile_moment(course[2], course[3], course[4], luck)
    cdef double then = when.left - course[0] - part * (course[1] - course[0]), over = when.left - course[1]
    if then >= before[0]:  # it came later than this: between then and the end, of the window or else of the step
        then = before[0] + ((over if over < before[0] else when.left - when.length) - before[0]) * luck
    before[0] = then
    mark_copy(members.marked, members.unit, who, move[0], move[1], then, 0.0)
