# cython: language_level=3
from copympi.kernels.bonds cimport Replica, Room
from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.streams cimport Stream

cdef void half_kick(const Diagonals *d, Replica *x, Stream *stream, Room w) noexcept nogil
cdef void draw(const Diagonals *d, Replica *x, Stream *stream, double weight, Room w) noexcept nogil
cdef void draw_apart(const Diagonals *d, Replica *x, Stream *stream, double weight, Room w) noexcept nogil
cdef void settle_apart(const Diagonals *d, Replica *x, Room w) noexcept nogil
