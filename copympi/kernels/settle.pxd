# cython: language_level=3
from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals

cdef void settle(const Diagonals *d, Replica *x, Work *w, bint counted) noexcept nogil
cdef void settle_apart(const Diagonals *d, Replica *x, Work *w, bint counted) noexcept nogil
