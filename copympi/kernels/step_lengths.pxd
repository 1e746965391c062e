# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.flows cimport Scratch
from copympi.kernels.step_control cimport StepControl

cdef double choose_step(const System *s, StepControl control, const int64_t *n, double time_left, Scratch w,
                        double *chance, Py_ssize_t *limiting) noexcept nogil
