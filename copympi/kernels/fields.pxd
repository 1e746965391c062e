# cython: language_level=3
from copympi.kernels.predictor cimport System

cdef void fields(const System *s, const double *n, const double *Z, double *h) noexcept nogil
