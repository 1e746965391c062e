# cython: language_level=3, cdivision=True
from libc.stdint cimport int64_t

cdef extern from "wide.h":
    enum:
        POWERS

cdef void add_powers(double x, double y, double scale, int64_t sign, int64_t *powers, Py_ssize_t P) noexcept nogil


cdef inline void mapped(const double *m, Py_ssize_t P, double x, double y, double *w) noexcept nogil:
    """w = e^{i phi} of the value x + i y by the map m, whose numbers stand P apart."""
    cdef double nr = m[0] * x - m[P] * y + m[2 * P], ni = m[0] * y + m[P] * x + m[3 * P]
    cdef double dr = m[2 * P] * x + m[3 * P] * y + m[0], di = m[2 * P] * y - m[3 * P] * x - m[P]
    cdef double over = 1.0 / (dr * dr + di * di)
    w[0] = (nr * dr + ni * di) * over
    w[1] = (ni * dr - nr * di) * over
