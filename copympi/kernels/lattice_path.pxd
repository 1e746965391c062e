# cython: language_level=3
from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.step_control cimport StepControl

cdef void find_alive(const Diagonals *d, const Replica *x, Work *w) noexcept nogil
cdef void expand(const Diagonals *d, const Replica *x, Work *w) noexcept nogil
cdef void lay_path(const Diagonals *d, StepControl control, Replica *x, double time_left, Work *w) noexcept nogil
