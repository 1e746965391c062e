# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""A rank's members: blocks of them, each bucketed by beable, as all kernels that move members are given them."""
import numpy as np
from libc.stdint cimport int32_t, int64_t, uint32_t

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.marks cimport Marks, marked_of


cdef class Crowd:
    """The M members of one rank, in U units, each a block of one of R replicas of a system of P beables.

    ids (M,) uint32 : unit after unit, bucketed by beable. unit (U, 2) int64 : replica and block of each;
    offset (U + 1,) int64 : where its ids stand; counts (U, P) int32 : its buckets. values (2, M) or (3, M) : what each
    member has beside its id, if anything: e^{i phi} at the last refresh, re and im, and where there is one a momentum.
    spectators (U, P) int32 : how many of a bucket never move; they stand first in it.

    ids, values and counts are the caller's arrays, and kernels change them in place; offset and unit are copied.
    ValueError (or TypeError) where something does not fit; what may have changed since is looked at again whenever a
    kernel is called.
    """

    def __cinit__(self, *, Py_ssize_t replicas, uint32_t[::1] ids not None, const int64_t[::1] offset not None,
                  const int64_t[:, ::1] unit not None, int32_t[:, ::1] counts not None, double[:, ::1] values=None,
                  const int32_t[:, ::1] spectators=None):
        cdef Py_ssize_t u
        cdef const int64_t[::1] starts = np.array(offset)
        cdef const int64_t[:, ::1] units = np.array(unit)
        self.U = unit.shape[0]
        self.P = counts.shape[1]
        self.M = ids.shape[0]
        self.replicas = replicas
        need(unit.shape[1] == 2, "unit: must be (U, 2)")
        for u in range(self.U):
            if not 0 <= unit[u, 0] < replicas:
                raise ValueError(f"unit[{u}]: there is no replica {unit[u, 0]}")
        need(offset.shape[0] == self.U + 1 and counts.shape[0] == self.U, "offset, counts: one a unit")
        need(offset[0] == 0 and offset[self.U] == self.M, "offset: must go from 0 to the number of members")
        if values is None:
            values = np.empty((0, self.M))
        if spectators is None:
            spectators = np.zeros((self.U, self.P), np.int32)
        self.width = values.shape[0]
        need(values.shape[1] == self.M and self.width in (0, 2, 3), "values: must be (2, M) or (3, M)")
        need(spectators.shape[0] == self.U and spectators.shape[1] == self.P, "spectators: must be (U, P)")
        self.ids = &ids[0]
        self.values = &values[0, 0]
        self.starts = &starts[0]
        self.unit = &units[0, 0]
        self.counts = &counts[0, 0]
        self.spectators = &spectators[0, 0]
        self.keep = (ids, values, starts, units, counts, spectators)
        self.marked = NULL
        self.need_whole(replicas, self.P, self.width)

    def mark(self, Marks marks):
        """Have copies of these tracked members, of the same units, noted there; None: of nobody."""
        self.marks = marks
        self.marked = marked_of(marks)
        need(marks is None or marks.units == self.U, "marks: must be of the same units")

    cdef int64_t largest(self):
        """Members of the largest unit, 1 at least."""
        cdef Py_ssize_t u
        cdef int64_t most = 1
        for u in range(self.U):
            most = max(most, self.starts[u + 1] - self.starts[u])
        return most

    cdef int need_whole(self, Py_ssize_t replicas, Py_ssize_t P, Py_ssize_t width) except -1:
        """ValueError where it is not of so many replicas and beables, has no values, or buckets do not fill it."""
        cdef Py_ssize_t u, a
        cdef int64_t place
        cdef const int32_t *counts
        cdef const int32_t *spectators
        if self.replicas != replicas or self.P != P:
            raise ValueError("crowd: of another number of replicas, or of another system")
        if self.width < width:
            raise ValueError(f"crowd: needs values ({width}, M)")
        for u in range(self.U):
            place = self.starts[u]
            counts = self.counts + u * P
            spectators = self.spectators + u * P
            for a in range(P):
                if counts[a] < 0:
                    raise ValueError(f"counts[{u}, {a}] = {counts[a]}: must not be negative")
                if not 0 <= spectators[a] <= counts[a]:
                    raise ValueError(f"spectators[{u}, {a}]: must be from 0 to the bucket's members")
                place += counts[a]
            if place != self.starts[u + 1]:
                raise ValueError(f"counts[{u}]: must add up to what offset leaves the unit")
        return 0


cdef int need_proposals(Crowd crowd, const System *s, const int64_t[:, ::1] proposals) except -1:
    """proposals (U, nnz) by channel: no bucket gets more of them than it has members who are no spectators."""
    cdef Py_ssize_t u, b, e
    cdef int64_t free
    need(proposals.shape[0] == crowd.U and proposals.shape[1] == s.nnz, "proposals: must be (U, nnz)")
    for u in range(crowd.U):
        for b in range(s.P):
            free = crowd.counts[u * s.P + b] - crowd.spectators[u * s.P + b]
            for e in range(s.indptr[b], s.indptr[b + 1]):
                free -= proposals[u, e]
                if proposals[u, e] < 0 or free < 0:
                    raise ValueError(f"proposals[{u}]: beable {b} has not so many members")
    return 0
