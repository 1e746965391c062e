# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.events cimport Events
from copympi.kernels.flows cimport Scratch
from copympi.kernels.step_control cimport StepControl

# How a step is made.
cdef enum:
    LEAP = 0                   # all copies drawn at once
    ALL = 1                    # one by one, of all beables
    SOME = 2                   # one by one, of some; the others' at once

cdef int choose_way(const System *s, StepControl control, const int64_t *n, const double *out, double time_left,
                    Py_ssize_t limiting, Scratch w, Events g, double *h, double *chance) noexcept nogil
