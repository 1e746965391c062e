# cython: language_level=3
from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals

# What is done in one tile: the pass of this number over it. d : as for all, but that it passes over this tile alone.
ctypedef void (*Pass)(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil

cdef void pass_over(const Diagonals *d, Replica *x, Work *w, Pass act, int last) noexcept nogil
cdef void pass_inside(const Diagonals *d, Replica *x, Work *w, Pass act, int last) noexcept nogil
cdef void pass_rest(const Diagonals *d, Replica *x, Work *w, Pass act, int number) noexcept nogil
