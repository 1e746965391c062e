# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.flows cimport Scratch
from copympi.kernels.plans cimport Plan
from copympi.kernels.tracker cimport Tracks

cdef Py_ssize_t entry_of(const System *s, Py_ssize_t b, Py_ssize_t a) noexcept nogil
cdef void leave_all(const System *s, Tracks *tracks, const int64_t *n, int64_t spectators,
                    const int64_t *leave) noexcept nogil
cdef void time_first_half(const System *s, int64_t spectators, Tracks *tracks, const int64_t *leave, const int64_t *out,
                          const int64_t *n, const double *phase, const Plan *plan, double begin,
                          double end) noexcept nogil
cdef void time_second_half(const System *s, int64_t spectators, Tracks *tracks, Scratch w, double begin,
                           double end) noexcept nogil
