# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Tracked members: who they are, so that a copy of one is noticed at the price of a bit, and what they have copied."""
import numpy as np
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free

from copympi.kernels.checks cimport need


cdef class Marks:
    """The K tracked members of one rank, who stand in U units.

    sizes (U,) int64 : ids of each unit go from 0 to sizes - 1, whoever has left. unit, ids (K,) int64 : unit and id of
    each, in order of unit and id. beable (K,) int32 : of each, kept up to date, at first -1. step (R,) int64 : steps of
    the replicas since t = 0, the caller's. seed, purpose : of the draws of times.

    ValueError where something does not fit.
    """

    def __cinit__(self, *, const int64_t[::1] sizes not None, const int64_t[::1] unit not None,
                  const int64_t[::1] ids not None, const int64_t[::1] step not None, uint64_t seed, uint64_t purpose):
        cdef Py_ssize_t K = ids.shape[0], U = sizes.shape[0], k, u
        need(unit.shape[0] == K, "unit, ids: must be (K,)")
        cdef int32_t[::1] beable = np.full(K, -1, np.int32)
        cdef int64_t[::1] first = np.zeros(U + 1, np.int64)
        for u in range(U):
            need(sizes[u] >= 0, "sizes: must not be negative")
            first[u + 1] = first[u] + (sizes[u] + 63) // 64
        cdef uint64_t[::1] bits = np.zeros(first[U] + 1, np.uint64)
        cdef int64_t[::1] before = np.zeros(first[U] + 1, np.int64)
        for k in range(K):
            u = unit[k]
            need(0 <= u < U, "unit: there is no such unit")
            need(0 <= ids[k] < sizes[u], "ids: there is no such member")
            need(k == 0 or unit[k - 1] < u or (unit[k - 1] == u and ids[k - 1] < ids[k]),
                 "unit, ids: must be in order, each once")
            bits[first[u] + (ids[k] >> 6)] |= (<uint64_t> 1) << (ids[k] & 63)
            before[first[u] + (ids[k] >> 6) + 1] += 1  # words that follow
        for k in range(1, before.shape[0]):
            before[k] += before[k - 1]
        self.units = U
        self.beable = np.asarray(beable)
        self.keep = (bits, before, first, beable, step)
        self.marked = Marked(&bits[0], &before[0], &first[0], &beable[0], NULL, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, seed,
                             purpose, &step[0])

    def __dealloc__(self):
        free(self.marked.copied)

    def at(self, double stop, *, double shift=0.0, double turn=0.0, double since=0.0):
        """Set out for a stop at that time. All phases turn besides, by `turn` up to time `since`, then by `shift`
        radians in unit time."""
        self.marked.stop, self.marked.shift, self.marked.turn, self.marked.since = stop, shift, turn, since

    def look_up(self, const uint32_t[::1] ids not None, const int64_t[::1] offset not None,
                const int64_t[:, ::1] counts not None):
        """Find the beables of all: of unit u the ids stand from offset[u] on, counts[u, a] of beable a after each
        other; -1 of who is not there."""
        cdef Py_ssize_t u, a
        cdef int64_t i, place
        need(offset.shape[0] == self.units + 1 and counts.shape[0] == self.units, "offset, counts: one a unit")
        need(offset[self.units] <= ids.shape[0], "ids: fewer than offset says")
        self.beable[:] = -1
        with nogil:
            for u in range(self.units):
                place = offset[u]
                for a in range(counts.shape[1]):
                    for i in range(place, place + counts[u, a]):
                        if is_marked(&self.marked, u, ids[i]):
                            self.marked.beable[number_of(&self.marked, u, ids[i])] = <int32_t> a
                    place += counts[u, a]

    def copies(self):
        """Copies since they were last forgotten: time (C,), who (C,) int64 of the K, source, target (C,) int32, phase
        (C,); those of one member in order of time. MemoryError where some were lost for want of memory."""
        cdef Py_ssize_t C = self.marked.copies, c
        cdef double[::1] time = np.empty(C)
        cdef double[::1] phase = np.empty(C)
        cdef int64_t[::1] who = np.empty(C, np.int64)
        cdef int32_t[::1] source = np.empty(C, np.int32)
        cdef int32_t[::1] target = np.empty(C, np.int32)
        if self.marked.lost:
            raise MemoryError("no room for the copies of tracked members: track fewer")
        for c in range(C):
            time[c] = self.marked.copied[c].time
            phase[c] = self.marked.copied[c].phase
            who[c] = self.marked.copied[c].who
            source[c] = self.marked.copied[c].source
            target[c] = self.marked.copied[c].target
        return np.asarray(time), np.asarray(who), np.asarray(source), np.asarray(target), np.asarray(phase)

    @property
    def waiting(self):
        """How many copies have not been forgotten; some where memory was lacking, so that `copies` says so."""
        return self.marked.copies or self.marked.lost

    def forget(self):
        """Forget the copies."""
        self.marked.copies = 0
