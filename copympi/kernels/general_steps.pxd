# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.flows cimport Scratch
from copympi.kernels.general cimport Law, Room
from copympi.kernels.step_control cimport StepControl

cdef double mark_unbound(const System *s, const int64_t *n, Room w, double *out) noexcept nogil
cdef int plan_first(const Law *l, StepControl control, const int64_t *n, const double *phase, double time_left,
                    Room w, double *row) noexcept nogil
cdef int plan_second(const Law *l, StepControl control, const int64_t *n, const int64_t *out, Room w, Scratch scratch,
                     double *row) noexcept nogil
