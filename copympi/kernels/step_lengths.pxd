# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.flows cimport Scratch
from copympi.kernels.step_control cimport StepControl

cdef enum:
    GROWTH = 10                # so many times what it may lose can a beable gain in a step: after a node it fills fast
    FEW_COPIES = 40            # of the limiting beable in a step: with fewer it may pay to draw them one by one


cdef extern from *:
    """
    #define LEAP_ERROR 0.07 /* of a leap's covariance, relative, in units of the square of a member's chance */
    """
    const double LEAP_ERROR


cdef inline double leap_error_of(double part, double n) noexcept nogil:
    """Error of a leap as a part of a beable's mean occupation n, of which `part` leaves, or comes, in the step.

    What it lacks is in the covariance: 0.07 of it times the square of the chance (docs/theory.md, "Few members").
    """
    return LEAP_ERROR * part * part / n


cdef inline bint few_copies(StepControl control, const int64_t *n, Scratch w, Py_ssize_t limiting) noexcept nogil:
    """Whether a step may be better made event by event: a first look, at the beable that sets its length.

    After `choose_step`. Few copies of it, with which it may pay, or so few members that a leap errs too much.
    """
    cdef double copies = w.leaving[limiting] + w.coming[limiting], members = <double> n[limiting]
    return copies < FEW_COPIES and copies > 0.0 or (
        LEAP_ERROR * copies * copies > control.tolerance * members * members * members)


cdef double predictor_step(const System *s, StepControl control, const int64_t *n, Scratch w,
                           double time_left) noexcept nogil
cdef double choose_step(const System *s, StepControl control, const int64_t *n, double time_left, Scratch w,
                        double *chance, Py_ssize_t *limiting) noexcept nogil
