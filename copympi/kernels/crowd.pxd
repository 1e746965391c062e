# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
from libc.stdint cimport int32_t, int64_t, uint32_t

from copympi.kernels.couplings cimport System
from copympi.kernels.marks cimport Marked

cdef class Crowd:
    cdef uint32_t *ids                 # (M,)
    cdef double *values                # (width, M)
    cdef const int64_t *starts         # (U + 1,) where units stand
    cdef const int64_t *unit           # (U, 2): replica and block
    cdef int32_t *counts               # (U, P)
    cdef const int32_t *spectators     # (U, P)
    cdef object keep                   # the arrays themselves
    cdef Marked *marked                # who is tracked; NULL: nobody
    cdef object marks
    cdef Py_ssize_t replicas
    cdef Py_ssize_t U
    cdef Py_ssize_t P
    cdef Py_ssize_t M
    cdef Py_ssize_t width
    cdef int64_t largest(self)
    cdef int need_whole(self, Py_ssize_t replicas, Py_ssize_t P, Py_ssize_t width) except -1

# One block of a crowd.
cdef struct Block:
    uint32_t *ids
    double *values                     # (width, size), from this block's first member on
    int32_t *counts                    # (P,) members in each bucket,
    const int32_t *spectators          # (P,) and those of them who stand first in it, and stay
    Py_ssize_t width
    int64_t size
    Marked *marked                     # who is tracked, by `unit` and id; NULL: nobody
    Py_ssize_t unit


cdef inline Block block_of(Crowd crowd, Py_ssize_t u) noexcept nogil:
    """Block u; values only where the crowd has some."""
    cdef Block block
    block.ids = crowd.ids + crowd.starts[u]
    block.values = crowd.values + crowd.starts[u]
    block.counts = crowd.counts + u * crowd.P
    block.spectators = crowd.spectators + u * crowd.P
    block.width = crowd.width
    block.size = crowd.M
    block.marked = crowd.marked
    block.unit = u
    return block


cdef int need_proposals(Crowd crowd, const System *s, const int64_t[:, ::1] proposals) except -1
