# cython: language_level=3
# Tracked members of blocks: see cython_src/marks.h.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from copympi.kernels.streams cimport Stream

cdef extern from "marks.h" nogil:
    ctypedef struct Copied:
        double time
        double phase
        int64_t who
        int32_t source
        int32_t target
    ctypedef struct Marked:
        const uint64_t *bits
        const int64_t *before
        const int64_t *first
        int32_t *beable
        Copied *copied
        int64_t copies
        int64_t room
        int lost
        double stop
        double shift
        double turn
        double since
        uint64_t seed
        uint64_t purpose
        const int64_t *step
    ctypedef struct Names:
        uint32_t *ids
        int64_t *start
        Marked *marked
        int64_t unit
    void move_named(const Names *names, const int64_t *n, int64_t spectators, Stream *s, int64_t b, int64_t a,
                    double left)
    bint is_marked(const Marked *m, int64_t unit, uint32_t id)
    int64_t number_of(const Marked *m, int64_t unit, uint32_t id)
    void mark_copy(Marked *m, int64_t unit, uint32_t id, int64_t source, int64_t target, double left, double phase)
    double mark_luck(const Marked *m, int64_t replica, int64_t block, int half, uint32_t id)
    double mark_phase(const Marked *m, double x, double y, double left)

cdef class Marks:
    cdef Marked marked
    cdef readonly Py_ssize_t units
    cdef object keep
    cdef readonly object beable


cdef inline Marked *marked_of(Marks marks) noexcept:
    """What kernels are given: NULL where nobody is tracked."""
    return &marks.marked if marks is not None else NULL
