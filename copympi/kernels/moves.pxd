# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.streams cimport Stream


cdef inline double rate_of(double re, double im, double xb, double yb, double xc, double yc) noexcept nogil:
    """Members from b to c in unit time, with re + i im = H_bc/hbar; negative: from c to b."""
    return -2.0 * (re * (xb * yc - yb * xc) + im * (xb * xc + yb * yc))

cdef inline double part(int64_t pinned, double n) noexcept nogil:
    """Share of n members that are no spectators."""
    if pinned == 0:
        return 1.0
    return 1.0 - pinned / n if n > pinned else 0.0

cdef int64_t draw_leavers_of(Stream *stream, int64_t n, int64_t pinned, double flow, int64_t *gone,
                             double *taken) noexcept nogil
cdef void draw_kicks(const Diagonals *d, Replica *x, Work *w) noexcept nogil
cdef void draw_first(const Diagonals *d, Replica *x, Work *w) noexcept nogil
cdef void draw_second(const Diagonals *d, Replica *x, Work *w) noexcept nogil
cdef bint withhold_much(Py_ssize_t P, const Work *w) noexcept nogil
