# cython: language_level=3, cdivision=True
from libc.math cimport sqrt

from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals

cdef void settle(const Diagonals *d, Replica *x, Work *w, bint counted) noexcept nogil
cdef void settle_large_n(const Diagonals *d, Replica *x, Work *w, bint counted) noexcept nogil


cdef inline void amplitude_of(double n, double x, double y, double before_x, double before_y, double *re,
                              double *im) noexcept nogil:
    """The amplitude of n members with the phase of x + i y; where that is 0, of the amplitude before."""
    cdef double m = x * x + y * y
    if m == 0.0:
        x = before_x
        y = before_y
        m = x * x + y * y
    m = sqrt(n / m) if m > 0.0 else 0.0
    re[0] = m * x
    im[0] = m * y
