# cython: language_level=3
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.crowd cimport Block
from copympi.kernels.streams cimport Stream

cdef extern from "aliases.h" nogil:
    ctypedef struct Column:
        uint64_t keep
        int32_t own
        int32_t other

cdef enum:
    MANY_COUPLINGS = 16        # of a beable, on average: where there are more, who leaves draws a target from a table

cdef struct Tables:            # where one goes who leaves a beable in a half step
    const double *chance       # (nnz,) of a member to leave by each coupling
    double *total              # (P,) sum of each row
    int64_t *open              # (P,) how many of a row are above 0; -1: its table is not made yet
    Column *column             # (nnz,) tables of all rows, each from where its row begins
    double *share              # work space of one row
    int32_t *order

cdef struct Half:              # what a half step is like for those who are tracked
    const double *profile      # (3, nnz); NULL: nobody is
    double length
    double left                # to the stop, after it
    Py_ssize_t replica
    Py_ssize_t block
    int which
    double *last               # (tracked,) time left when each jumped last in this step; NULL: in none has anybody yet

cdef class Targets:
    cdef Tables tables
    cdef object keep           # the arrays themselves
    cdef int64_t *work         # (5P,)
    cdef uint32_t *names       # (2, members of a block)
    cdef uint64_t *words       # (members of a block,)
    cdef Py_ssize_t most       # members that a block may have

cdef bint has_many(const System *s) noexcept nogil
cdef void set_out(const System *s, const double *chance, Tables *t) noexcept nogil
cdef void mark_mover(const System *s, const Block *block, const Half *half, Py_ssize_t b, Py_ssize_t e,
                     uint32_t name) noexcept nogil
cdef int64_t move_by_targets(const System *s, Stream *stream, Targets targets, Block *block, const Half *half,
                             int64_t *n, int64_t *out) noexcept nogil
