# cython: language_level=3
from libc.stdint cimport uint8_t

from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.plans cimport FieldPlans

cdef void fields(const System *s, const double *n, const double *Z, double *h) noexcept nogil
cdef void fields_at(const System *s, const double *n, const double *sums, double t, double *Z, double *h) noexcept nogil
cdef void carry_map(double omega, double x, double y, double t, double *m, Py_ssize_t P) noexcept nogil
cdef int need_sums(Couplings couplings, const uint8_t[::1] active, const double[:, ::1] n, const double[:, ::1] sums,
                   const double[::1] since, FieldPlans plans) except -1
