# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Proposals of copies to members with phases of their own: who gets one, whose, and what the partners' values are.

Who is proposed a copy comes to stand at the end of its bucket; spectators, who stand first, are proposed nothing.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.crowd cimport Block, Crowd, block_of, need_proposals
from copympi.kernels.draws cimport draw_leavers
from copympi.kernels.plans cimport FieldPlan, FieldPlans, field_plan_at, need_plans, row_of
from copympi.kernels.streams cimport Stream, stream_below, stream_below64, stream_double, stream_open

cdef extern from *:
    """
    #define prefetch(address) __builtin_prefetch(address)
    """
    void prefetch(const void *address) noexcept nogil


def draw_numbers(Couplings couplings not None, FieldPlans plans not None, Crowd crowd not None, *,
                 const uint8_t[::1] active not None, uint64_t seed, uint64_t purpose,
                 const int64_t[::1] step not None, int64_t[:, ::1] proposals not None):
    """How many members of each bucket are proposed a copy by each channel: proposals (U, nnz). Returns their sum."""
    cdef const System *s = &couplings.system
    cdef FieldPlan plan
    cdef Stream stream
    cdef Py_ssize_t u, r, b, e
    cdef int64_t total = 0, free
    need_plans(plans, couplings, active.shape[0])
    crowd.need_whole(active.shape[0], s.P, 0)
    need(step.shape[0] == active.shape[0], "step: must be (R,)")
    need(proposals.shape[0] == crowd.U and proposals.shape[1] == s.nnz, "proposals: must be (U, nnz)")
    with nogil:
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            for e in range(s.nnz):
                proposals[u, e] = 0
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, r, crowd.unit[2 * u + 1], 2 * step[r])
            plan = field_plan_at(s, row_of(plans, r))
            for b in range(s.P):
                free = crowd.counts[u * s.P + b] - crowd.spectators[u * s.P + b]
                if free > 0:
                    draw_leavers(&stream, free, s.indptr[b], s.indptr[b + 1], plan.chance, &proposals[u, 0])
                    for e in range(s.indptr[b], s.indptr[b + 1]):
                        total += proposals[u, e]
    return total


cdef inline void exchange(Block *block, int64_t i, int64_t j) noexcept nogil:
    """Members i and j change places."""
    cdef uint32_t id = block.ids[i]
    cdef double value
    cdef double *row = block.values
    cdef Py_ssize_t _k
    block.ids[i] = block.ids[j]
    block.ids[j] = id
    for _k in range(block.width):
        value = row[i]
        row[i] = row[j]
        row[j] = value
        row += block.size


def draw_proposals(Couplings couplings not None, Crowd crowd not None, *, const uint8_t[::1] active not None,
                   uint64_t seed, uint64_t purpose, const int64_t[::1] step not None,
                   const int64_t[:, ::1] n not None, const int64_t[:, ::1] proposals not None,
                   int64_t[::1] partner not None, int32_t[::1] group not None, double[::1] luck not None):
    """Draw who is proposed a copy, bring them to the end of their buckets, and draw whose: in stream order.

    partner: place of the partner among all n_a members; group: r P + a of the partner; luck: uniform in [0, 1).
    """
    cdef const System *s = &couplings.system
    cdef Stream stream
    cdef Block block
    cdef Py_ssize_t u, r, b, e, P = s.P, R = n.shape[0]
    cdef int64_t k, _k, j, out = 0, begin, last, gone, free
    need(active.shape[0] == R and step.shape[0] == R and n.shape[1] == P, "active, step: must be (R,); n: (R, P)")
    crowd.need_whole(R, P, 0)
    need_proposals(crowd, s, proposals)
    k = int(np.sum(proposals))
    need(partner.shape[0] >= k and group.shape[0] >= k and luck.shape[0] >= k, "partner, group, luck: one a proposal")
    cdef uint32_t[::1] place_memory = np.empty(crowd.largest(), np.uint32)
    cdef uint32_t *places = &place_memory[0]
    with nogil:
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, r, crowd.unit[2 * u + 1], 2 * step[r] + 1)
            block = block_of(crowd, u)
            begin = 0
            for b in range(P):
                gone = 0
                for e in range(s.indptr[b], s.indptr[b + 1]):
                    gone += proposals[u, e]
                last = begin + block.counts[b]
                free = block.counts[b] - block.spectators[b]
                begin += block.spectators[b]
                for k in range(gone):  # a partial Fisher-Yates shuffle; memory is asked for ahead
                    places[k] = stream_below(&stream, <uint32_t> (free - k))
                    prefetch(block.ids + begin + places[k])
                    for j in range(block.width):
                        prefetch(block.values + j * block.size + begin + places[k])
                for k in range(gone):
                    exchange(&block, begin + places[k], last - 1 - k)
                for e in range(s.indptr[b], s.indptr[b + 1]):
                    for _k in range(proposals[u, e]):
                        partner[out] = stream_below64(&stream, n[r, s.indices[e]])
                        group[out] = <int32_t> (r * P + s.indices[e])
                        luck[out] = stream_double(&stream)
                        out += 1
                begin = last


def route(*, const int64_t[:, ::1] first not None, const int64_t[:, ::1] base not None,
          const int64_t[::1] partner not None, const int32_t[::1] group not None, const int64_t[::1] cuts not None,
          int64_t[::1] place not None, int64_t[::1] at not None, int64_t[:, ::1] asked not None):
    """Sort proposals by the rank that has the partner, in stream order for each rank.

    first (G, size + 1): members of a group (replica, beable) before those of each rank; base (size, G): where a
    group starts on a rank, all its members being counted group by group. cuts (B + 1,): where batches of proposals
    begin, in stream order, and the last ends. place (K,): where the partners are in their rank's order of members, rank
    by rank; at (K,): which of these is each proposal's; asked (size, B): how many a rank gets of each batch.
    """
    cdef Py_ssize_t i, k, low, high, middle, g, q, K = partner.shape[0], size = asked.shape[0], B = asked.shape[1]
    cdef int64_t begin, end = 0
    need(group.shape[0] == K and place.shape[0] == K and at.shape[0] == K, "partner, group, place, at: (K,)")
    need(size > 0 and first.shape[1] == size + 1 and base.shape[0] == size and base.shape[1] == first.shape[0],
         "first: must be (G, size + 1); base: (size, G); asked: (size, B)")
    need(cuts.shape[0] == B + 1 and cuts[0] == 0 and cuts[B] == K and bool(np.all(np.diff(cuts) >= 0)),
         "cuts: must go from 0 to K, (B + 1,)")
    for i in range(K):
        need(0 <= group[i] < first.shape[0], "group: there is no such group")
    cdef int32_t[::1] owner = np.empty(K, np.int32)
    cdef int64_t[::1] cursor = np.zeros(size, np.int64)
    with nogil:
        for q in range(size):
            for k in range(B):
                asked[q, k] = 0
        for k in range(B):
            for i in range(cuts[k], cuts[k + 1]):
                g = group[i]
                low = 0
                high = size
                while high - low > 1:
                    middle = (low + high) // 2
                    if first[g, middle] <= partner[i]:
                        low = middle
                    else:
                        high = middle
                owner[i] = <int32_t> low
                asked[low, k] += 1
        for q in range(size):
            begin = end
            cursor[q] = begin
            for k in range(B):
                end += asked[q, k]
        for i in range(K):
            q = owner[i]
            at[i] = cursor[q]
            place[cursor[q]] = base[q, group[i]] + partner[i] - first[group[i], q]
            cursor[q] += 1


def in_stream_order(*, const int64_t[::1] at not None, const double[:, ::1] answers not None,
                    double[:, ::1] value not None):
    """Undo the sorting of `route`: value[i] = answers[at[i]]."""
    cdef Py_ssize_t i, j
    need(value.shape[0] == at.shape[0] and answers.shape[1] == value.shape[1],
         "value: must be (k, W), answers: (K, W), at: (k,)")
    for i in range(at.shape[0]):
        need(0 <= at[i] < answers.shape[0], "at: there is no such answer")
    with nogil:
        for i in range(at.shape[0]):
            for j in range(answers.shape[1]):
                value[i, j] = answers[at[i], j]


def answer(*, const int64_t[::1] begin not None, const int64_t[::1] where not None, const int64_t[::1] place not None,
           const int64_t[::1] first not None, const int64_t[::1] count not None, const double[:, ::1] values not None,
           double[:, ::1] value not None):
    """Values (K, W) of this rank's members at `place` (K,); bucket j holds places begin[j] .. and stands at where[j].

    first, count (Q,): runs of the K; of others nothing is looked up.
    """
    cdef Py_ssize_t i, j, q, low, high, middle, k, ahead = 16
    cdef int64_t asked = 0, done = 0
    cdef bint lost = begin.shape[0] == 0 and place.shape[0] > 0
    need(not lost and where.shape[0] == begin.shape[0], "begin, where: one a bucket, and one at least")
    need(value.shape[0] == place.shape[0] and value.shape[1] == values.shape[0], "value: must be (K, W)")
    need(first.shape[0] == count.shape[0], "first, count: must be (Q,)")
    for q in range(first.shape[0]):
        need(0 <= first[q] and 0 <= count[q] <= place.shape[0] - first[q], "first, count: runs of the K places")
        asked += count[q]
    cdef int64_t[::1] at = np.empty(asked, np.int64)
    with nogil:
        for q in range(first.shape[0]):
            for i in range(first[q], first[q] + count[q]):
                low = 0
                high = begin.shape[0]
                while high - low > 1:
                    middle = (low + high) // 2
                    if begin[middle] <= place[i]:
                        low = middle
                    else:
                        high = middle
                at[done] = where[low] + place[i] - begin[low]
                lost = lost or not 0 <= at[done] < values.shape[1]
                done += 1
    need(not lost, "place: there is no such member")
    done = 0
    with nogil:
        for q in range(first.shape[0]):
            for i in range(first[q], first[q] + count[q]):
                k = done + ahead if done + ahead < asked else done
                for j in range(values.shape[0]):
                    prefetch(&values[j, at[k]])
                    value[i, j] = values[j, at[done]]
                done += 1
