# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Where members of each beable can go: rows of H without its elements, as members on lattices move by chances alone."""
import numpy as np
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport Bonds
from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.neighbours cimport Row, row_of


cdef class Ways:
    """The ways of all beables, one beable after the other, to where H couples it to, ascending; and which bond each is.

    Raises ValueError where there are 2^31 of them or more.
    """

    def __cinit__(self, Bonds bonds not None):
        cdef const Diagonals *d = &bonds.d
        cdef Py_ssize_t P = d.P, a, k, r, e
        cdef Row row
        cdef int64_t[::1] indptr = np.zeros(P + 1, np.int64)
        for a in range(P):
            row_of(d, &bonds.system, a, &row)
            indptr[a + 1] = indptr[a] + row.count
        need(indptr[P] < 0x80000000, "bonds: there are too many")
        cdef int64_t[::1] indices = np.empty(max(1, indptr[P]), np.int64)
        for a in range(P):
            row_of(d, &bonds.system, a, &row)
            for k in range(row.count):
                indices[indptr[a] + k] = row.other[k]
        memset(&self.system, 0, sizeof(System))
        self.system.P, self.system.nnz = P, indptr[P]
        self.system.indptr, self.system.indices = &indptr[0], &indices[0]
        self.keep = (indptr, indices)
        cdef int32_t[:, ::1] entry = np.empty((max(1, d.bonds), 2), np.int32)
        entry[0, 0] = entry[0, 1] = -1
        for r in range(d.run_at[d.tiles]):
            for k in range(d.run[r].length):
                a, e = d.run[r].first + k, d.run[r].start + k
                entry[e, 0] = entry_of(&self.system, a, a + d.run[r].offset)
                entry[e, 1] = entry_of(&self.system, a + d.run[r].offset, a)
        self.entry = entry

    @property
    def number(self):
        """How many there are, each direction of a pair counted."""
        return self.system.nnz


cdef int32_t entry_of(const System *s, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    """The way from a to b; -1: there is none, as H is 0 there."""
    cdef Py_ssize_t e
    for e in range(s.indptr[a], s.indptr[a + 1]):
        if s.indices[e] == b:
            return <int32_t> e
    return -1
