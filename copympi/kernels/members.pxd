# cython: language_level=3
from libc.stdint cimport int64_t, uint32_t

from copympi.kernels.couplings cimport System
from copympi.kernels.crowd cimport Block
from copympi.kernels.streams cimport Stream
from copympi.kernels.targets cimport Half

cdef struct Room:              # work space for one block
    int64_t *leave             # (nnz,)
    int64_t *work              # (5P,)
    uint32_t *places           # (members of a block,)
    uint32_t *travellers       # the same

cdef int64_t move_block(const System *s, Stream *stream, const double *chance, Block *block, Room *room,
                        const Half *half, int64_t *n, int64_t *out) noexcept nogil
