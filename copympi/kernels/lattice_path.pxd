# cython: language_level=3
from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.passes cimport Pass
from copympi.kernels.step_control cimport StepControl

cdef enum:
    LAST_LAID = 4              # pass of lay_pass
    LAST_FOLLOWED = 1          # of follow_pass

cdef void lay_pass(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil
cdef double choose_step(const Diagonals *d, StepControl control, const Replica *x, double time_left,
                        const Work *w) noexcept nogil
cdef void follow_pass(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil
cdef void forget_look(Work *w) noexcept nogil
cdef bint shorten(const Diagonals *d, StepControl control, Replica *x, double time_left, const Work *w) noexcept nogil
cdef void lay_path(const Diagonals *d, StepControl control, Replica *x, double time_left, Work *w, Pass follow,
                   int last) noexcept nogil
