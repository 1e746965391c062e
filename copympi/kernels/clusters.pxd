# cython: language_level=3
from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.couplings cimport System

cdef void run_stiff(const Diagonals *d, const System *s, Replica *x, Work *w) noexcept nogil
