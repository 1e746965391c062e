# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.flows cimport Scratch
from copympi.kernels.plans cimport Plan
from copympi.kernels.step_control cimport StepControl

cdef int plan_first(const System *s, StepControl control, const int64_t *n, const double *phase,
                    double time_left, Scratch w, double *row) noexcept nogil
cdef void predict_first_half(const System *s, int64_t spectators, const int64_t *n, double half, Scratch w,
                             Plan *plan) noexcept nogil
cdef void predict_second_half(const System *s, int64_t spectators, double half, Scratch w, Plan *plan) noexcept nogil
cdef void predict_halves(const System *s, int64_t spectators, const int64_t *n, Scratch w, Plan *plan) noexcept nogil
cdef double turned(double rate, double t) noexcept nogil
cdef void plan_second_from(const System *s, int64_t spectators, const int64_t *n, const int64_t *out, Scratch w,
                           Plan *plan) noexcept nogil
cdef void second_chances(const System *s, int64_t spectators, const int64_t *n, const int64_t *out, Scratch w,
                         Plan *plan) noexcept nogil
cdef int plan_second(const System *s, StepControl control, const int64_t *n, const int64_t *out, Scratch w,
                     double *row) noexcept nogil
cdef void new_phase(const System *s, double *row, double *phase) noexcept nogil
