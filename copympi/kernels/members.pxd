# cython: language_level=3
from libc.stdint cimport int64_t, uint32_t

from copympi.kernels.couplings cimport System
from copympi.kernels.crowd cimport Block
from copympi.kernels.streams cimport Stream

cdef struct Room:              # work space for one block
    int64_t *leave             # (nnz,)
    int64_t *work              # (5P,)
    uint32_t *places           # (members of a block,)
    uint32_t *travellers       # the same

cdef struct Half:              # what a half step is like for those who are tracked
    const double *profile      # (3, nnz)
    double length
    double left                # to the stop, after it
    Py_ssize_t replica
    Py_ssize_t block
    int which
    double *last               # (tracked,) time left when each jumped last in this step; NULL: in none has anybody yet

cdef int64_t move_block(const System *s, Stream *stream, const double *chance, Block *block, Room *room,
                        const Half *half, int64_t *n, int64_t *out) noexcept nogil
