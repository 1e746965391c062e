# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.flows cimport Scratch
from copympi.kernels.step_control cimport StepControl

cdef enum:
    GROWTH = 10                # so many times what it may lose can a beable gain in a step: after a node it fills up fast


cdef inline double leap_error_of(double part, double n) noexcept nogil:
    """Error of a leap as a part of a beable's mean occupation n, of which `part` leaves, or comes, in the step.

    What it lacks is in the covariance: 0.07 of it times the square of the chance (docs/theory.md, "Few members").
    """
    return 0.07 * part * part / n


cdef double predictor_step(const System *s, StepControl control, Scratch w, double time_left) noexcept nogil
cdef bint few_copies(StepControl control, const int64_t *n, Scratch w, Py_ssize_t limiting) noexcept nogil
cdef double choose_step(const System *s, StepControl control, const int64_t *n, double time_left, Scratch w,
                        double *chance, Py_ssize_t *limiting) noexcept nogil
