# cython: language_level=3, cdivision=True
from libc.math cimport sqrt
from libc.stdint cimport int64_t

from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals


# Beables that have a whole number of members at a step's end: how many members, and who has most.
cdef struct Whole:
    int64_t members
    Py_ssize_t most


cdef void measure_end(const Diagonals *d, Replica *x, Work *w, bint counted) noexcept nogil
cdef void sum_up_end(const Diagonals *d, const Replica *x, Work *w) noexcept nogil
cdef bint are_few(bint counted, double smallest) noexcept nogil
cdef void settle_few(const Diagonals *d, Replica *x, Work *w, bint counted, Whole *whole) noexcept nogil
cdef void keep_members(const Diagonals *d, Replica *x, const Work *w, bint few, const Whole *whole) noexcept nogil
cdef void count_whole(const Diagonals *d, const Replica *x, int64_t *beables, int64_t *movable) noexcept nogil
cdef double without_whole(const Replica *x, int64_t beables, int64_t movable) noexcept nogil
cdef void settle_both(const Diagonals *d, Replica *x, Work *w, double rest) noexcept nogil
cdef void settle(const Diagonals *d, Replica *x, Work *w, bint counted) noexcept nogil
cdef void settle_large_n(const Diagonals *d, Replica *x, Work *w) noexcept nogil


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
