# cython: language_level=3, cdivision=True
from libc.stdint cimport int64_t

cdef extern from "wide.h":
    enum:
        POWERS

cdef void add_powers(double x, double y, double scale, int64_t sign, int64_t *powers, Py_ssize_t P) noexcept nogil
