# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Leaps of members of beables with many couplings: a block costs its beables and leavers, whatever the couplings.

How many leave a beable is drawn first, then who, and for each of them where to, from a table of the half step that all
blocks share (aliases.h). The law is that of members.pyx: given their number, leavers go independently. A table is made
when the first one leaves its beable.
"""
import numpy as np
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from copympi.kernels.checks cimport need
from copympi.kernels.draws cimport draw_binomial
from copympi.kernels.followed cimport entry_of
from copympi.kernels.marks cimport is_marked, mark_copy, mark_luck, number_of
from copympi.kernels.profiles cimport profile_moment
from copympi.kernels.streams cimport stream_fill, stream_next64, stream_open

cdef extern from "aliases.h" nogil:
    int64_t make_columns(const double *weight, const int64_t *number, int64_t count, double total, Column *column,
                         double *share, int32_t *order)
    int64_t column_of(uint64_t word, int64_t K)
    int32_t pick(const Column *column, int64_t K, uint64_t word)

cdef extern from "shuffle.h" nogil:
    void prefetch(const void *address)
    void draw_places(Stream *s, const uint32_t *ids, uint32_t n, int64_t leavers, uint32_t *place)
    void bring_to_end(uint32_t *ids, uint32_t n, int64_t leavers, const uint32_t *place)
    void settle_buckets(uint32_t *ids, int64_t P, int32_t *counts, const int64_t *start, const int64_t *gone,
                        const int64_t *come, const int64_t *cursor, const uint32_t *travellers, int64_t *target,
                        int64_t *n, int64_t *out)


cdef bint has_many(const System *s) noexcept nogil:
    return s.nnz > MANY_COUPLINGS * s.P


cdef class Targets:
    """Tables of one half step of a system, and work space for blocks of up to `most` members."""

    def __cinit__(self, Couplings couplings not None, Py_ssize_t most):
        cdef const System *s = &couplings.system
        cdef Py_ssize_t b, widest = 1
        for b in range(s.P):
            widest = max(widest, s.indptr[b + 1] - s.indptr[b])
        cdef double[::1] numbers = np.empty(s.P + widest)
        cdef int64_t[::1] whole = np.empty(6 * s.P, np.int64)
        cdef int32_t[::1] order = np.empty(widest, np.int32)
        cdef unsigned char[::1] columns = np.empty(max(1, s.nnz) * sizeof(Column), np.uint8)
        cdef uint32_t[::1] names = np.empty(2 * most, np.uint32)
        cdef uint64_t[::1] words = np.empty(most, np.uint64)
        self.keep = (couplings, numbers, whole, order, columns, names, words)
        self.tables = Tables(NULL, &numbers[0], &whole[0], <Column *> &columns[0], &numbers[s.P], &order[0])
        self.work = &whole[s.P]
        self.names = &names[0]
        self.words = &words[0]
        self.most = most


cdef void set_out(const System *s, const double *chance, Tables *t) noexcept nogil:
    """The tables of a half step with these chances (nnz,)."""
    cdef Py_ssize_t b, e
    cdef double total
    t.chance = chance
    for b in range(s.P):
        total = 0.0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            total += chance[e]
        t.total[b] = total
        t.open[b] = -1


cdef void draw_words(const System *s, Stream *stream, Tables *t, Py_ssize_t b, int64_t leavers,
                     uint64_t *words) noexcept nogil:
    """A word for each who leaves b, and its table; what the words point at is on its way from memory."""
    cdef Py_ssize_t first = s.indptr[b]
    cdef int64_t k
    if t.open[b] < 0:
        t.open[b] = make_columns(t.chance + first, s.indices + first, s.indptr[b + 1] - first, t.total[b],
                                 t.column + first, t.share, t.order)
    stream_fill(stream, leavers, words)
    for k in range(leavers):
        prefetch(t.column + first + column_of(words[k], t.open[b]))


cdef void mark_mover(const System *s, const Block *block, const Half *half, Py_ssize_t b, Py_ssize_t e,
                     uint32_t name) noexcept nogil:
    """Note when a tracked member goes from b along entry e."""
    cdef const double *flow = half.profile + e
    cdef double luck = mark_luck(block.marked, half.replica, half.block, half.which, name)
    cdef double part = profile_moment(flow[0], flow[s.nnz], flow[2 * s.nnz], luck)
    cdef double left = half.left + (1.0 - part) * half.length
    cdef double *last
    if half.last != NULL:
        last = half.last + number_of(block.marked, block.unit, name)
        if left >= last[0]:  # in this step it has jumped later than that: after it
            left = last[0] + (half.left - last[0]) * luck
        last[0] = left
    mark_copy(block.marked, block.unit, name, b, s.indices[e], left, 0.0)


cdef int64_t move_by_targets(const System *s, Stream *stream, Targets targets, Block *block, const Half *half,
                             int64_t *n, int64_t *out) noexcept nogil:
    """Draw one half step's copies in one block and move its ids. Adds to the rank's n and out; returns the copies."""
    cdef Py_ssize_t P = s.P, b, a
    cdef Tables *t = &targets.tables
    cdef uint32_t *ids = block.ids
    cdef int32_t *counts = block.counts
    cdef uint64_t *words = targets.words
    cdef uint32_t *places = targets.names
    cdef uint32_t *travellers = targets.names + targets.most
    cdef int64_t *gone = targets.work            # leavers of each beable
    cdef int64_t *come = targets.work + P        # arrivals
    cdef int64_t *start = targets.work + 2 * P   # old and new places of the buckets
    cdef int64_t *target = targets.work + 3 * P
    cdef int64_t *cursor = targets.work + 4 * P
    cdef int64_t copies = 0, place = 0, k
    for b in range(P):
        come[b] = 0
        start[b] = place
        gone[b] = draw_binomial(stream, counts[b], t.total[b])
        if gone[b] > 0:
            draw_places(stream, ids + place, counts[b], gone[b], places + copies)
            draw_words(s, stream, t, b, gone[b], words + copies)
        copies += gone[b]
        place += counts[b]
    if copies == 0:
        return 0
    place = 0
    for b in range(P):
        bring_to_end(ids + start[b], counts[b], gone[b], places + place)
        for k in range(place, place + gone[b]):
            a = pick(t.column + s.indptr[b], t.open[b], words[k])
            words[k] = a
            come[a] += 1
        place += gone[b]
    place = 0
    for a in range(P):
        cursor[a] = place
        place += come[a]
    copies = 0
    for b in range(P):
        place = start[b] + counts[b] - gone[b]
        for k in range(gone[b]):
            a = words[copies + k]
            if block.marked != NULL and is_marked(block.marked, block.unit, ids[place + k]):
                mark_mover(s, block, half, b, entry_of(s, b, a), ids[place + k])
            travellers[cursor[a]] = ids[place + k]
            cursor[a] += 1
        copies += gone[b]
    settle_buckets(ids, P, counts, start, gone, come, cursor, travellers, target, n, out)
    return copies


def picks(uint64_t seed, weight, Py_ssize_t count):
    """`count` numbers drawn with these weights (K,) by a table, (count,) int64: for tests. -1 where nothing is open."""
    cdef const double[::1] weights = np.ascontiguousarray(weight, np.float64)
    cdef Py_ssize_t K = weights.shape[0], i
    need(K > 0, "weight: at least one")
    cdef const int64_t[::1] number = np.arange(K)
    cdef double[::1] share = np.empty(K)
    cdef int32_t[::1] order = np.empty(K, np.int32)
    cdef unsigned char[::1] columns = np.empty(K * sizeof(Column), np.uint8)
    cdef Column *column = <Column *> &columns[0]
    cdef int64_t[::1] out = np.full(count, -1)
    cdef Stream s
    cdef int64_t open_ = make_columns(&weights[0], &number[0], K, np.sum(weights), column, &share[0], &order[0])
    stream_open(&s, seed, 0, 0, 0, 0)
    if open_ > 0:
        for i in range(count):
            out[i] = pick(column, open_, stream_next64(&s))
    return np.asarray(out)
