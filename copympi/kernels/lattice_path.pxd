# cython: language_level=3
from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.step_control cimport StepControl

cdef void find_alive(const Diagonals *d, const Replica *x, Work *w) noexcept nogil
cdef void begin_path(const Diagonals *d, const Replica *x, Work *w) noexcept nogil
cdef void expand(const Diagonals *d, const Replica *x, Work *w, int k) noexcept nogil
cdef void measure_start(const Diagonals *d, const Replica *x, Work *w) noexcept nogil
cdef double choose_step(const Diagonals *d, StepControl control, const Replica *x, double time_left,
                        const Work *w) noexcept nogil
cdef void follow_path(const Diagonals *d, const Replica *x, Work *w) noexcept nogil
cdef void measure_flows(const Diagonals *d, Work *w) noexcept nogil
cdef bint shorten(const Diagonals *d, StepControl control, Replica *x, double time_left, const Work *w) noexcept nogil
cdef void lay_path(const Diagonals *d, StepControl control, Replica *x, double time_left, Work *w) noexcept nogil
