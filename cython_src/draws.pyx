# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Draws from a stream: how many leave by which channel, and thin entries in Python to what draws.h and normals.h draw.

All bits come from +, -, *, /, square roots and integers (see elementary.h): they are the same on every machine.
"""
import numpy as np
from libc.math cimport fmax, fmin, rint, sqrt
from libc.stdint cimport int64_t, uint64_t

from copympi.kernels.streams cimport Stream, stream_double, stream_open

cdef int64_t FEW = 8
cdef double COUNTABLE = 4611686018427387904.0  # 2^62: below, numbers of members are counted
cdef double RARE = 1073741824.0  # 2^30: a mean below which few of so many are Poisson


cdef void draw_leavers(Stream *s, int64_t n, Py_ssize_t first, Py_ssize_t last,
                       const double *chance, int64_t *leave) noexcept nogil:
    """How many of `n` members leave by each channel first..last-1: one binomial for all, then a multinomial.

    chance[e] is a member's chance to leave by channel e, their sum at most 1. The multinomial is drawn leaver by
    leaver where they are few for each channel, by conditional binomials (0.1 to 0.2 us each) where they are many.
    """
    cdef Py_ssize_t e, final = first - 1
    cdef int64_t open_channels = 0
    cdef double total = 0.0
    cdef int64_t rest
    for e in range(first, last):
        leave[e] = 0
        if chance[e] > 0.0:
            total += chance[e]
            final = e
            open_channels += 1
    rest = draw_binomial(s, n, total)
    if rest == 0:
        return
    if open_channels == 1:
        leave[final] = rest
    elif rest <= FEW * open_channels:
        sort_one_by_one(s, rest, total, first, final, chance, leave)
    else:
        sort_by_binomials(s, rest, total, first, final, chance, leave)


cdef void sort_one_by_one(Stream *s, int64_t rest, double total, Py_ssize_t first, Py_ssize_t final,
                          const double *chance, int64_t *leave) noexcept nogil:
    cdef double x
    cdef Py_ssize_t e
    cdef int64_t k
    for k in range(rest):
        x = stream_double(s) * total
        e = first
        while e < final and x >= chance[e]:
            x -= chance[e]
            e += 1
        while chance[e] <= 0.0:  # x fell on a channel's edge by rounding: closed channels take no one
            e += 1
        leave[e] += 1


cdef void sort_by_binomials(Stream *s, int64_t rest, double total, Py_ssize_t first, Py_ssize_t final,
                            const double *chance, int64_t *leave) noexcept nogil:
    cdef Py_ssize_t e
    cdef int64_t taken
    for e in range(first, final):
        if rest == 0:
            return
        if chance[e] > 0.0:
            taken = draw_binomial(s, rest, chance[e] / total)
            leave[e] = taken
            rest -= taken
            total -= chance[e]
    leave[final] = rest


cdef double draw_many(Stream *s, double n, double p) noexcept nogil:
    """Binomial(n, p) of a whole number n of any size, as a double.

    Exact below 2^53. From there on, where few are drawn Poisson (p < 2^-33), else Gaussian, with the binomial's mean
    and variance; rounded to whole numbers, or what a double resolves. Skewness, below 1e-3, is lost.
    """
    cdef double mean, drawn
    if n <= 0.0 or p <= 0.0:
        return 0.0
    if p >= 1.0:
        return n
    if n < COUNTABLE:
        return <double> draw_binomial(s, <int64_t> n, p)
    if p > 0.5:
        return n - draw_many(s, n, 1.0 - p)
    mean = n * p
    if mean < RARE:
        return <double> draw_poisson(s, mean)
    drawn = rint(mean + sqrt(mean * (1.0 - p)) * draw_normal(s))
    return fmin(fmax(drawn, 0.0), n)


cdef void draw_many_leavers(Stream *s, double n, Py_ssize_t last, const double *chance,
                            double *leave) noexcept nogil:
    """As draw_leavers for any n, by channels 0 .. last - 1.

    Channel by channel among those who stay so far: the chance of a rare channel is never a difference of large ones.
    """
    cdef Py_ssize_t e
    cdef double stay = 1.0
    for e in range(last):
        leave[e] = 0.0
        if chance[e] > 0.0 and n > 0.0:
            leave[e] = draw_many(s, n, chance[e] / stay if chance[e] < stay else 1.0)
            n -= leave[e]
            stay -= chance[e]


def many_leavers(uint64_t seed, double n, chance, Py_ssize_t count):
    """As leavers, of any n: (count, channels) doubles."""
    cdef const double[::1] p = np.ascontiguousarray(chance, np.float64)
    cdef double[:, ::1] out = np.empty((count, p.shape[0]))
    cdef Stream s
    cdef Py_ssize_t i
    for i in range(count):
        stream_open(&s, seed, 0, 0, 0, i)
        draw_many_leavers(&s, n, p.shape[0], &p[0], &out[i, 0])
    return np.asarray(out)


def leavers(uint64_t seed, int64_t n, chance, Py_ssize_t count):
    """`count` draws of how many of n members leave by each channel, (count, channels) int64: for tests."""
    cdef const double[::1] p = np.ascontiguousarray(chance, np.float64)
    cdef int64_t[:, ::1] out = np.empty((count, p.shape[0]), np.int64)
    cdef Stream s
    cdef Py_ssize_t i
    for i in range(count):
        stream_open(&s, seed, 0, 0, 0, i)
        draw_leavers(&s, n, 0, p.shape[0], &p[0], &out[i, 0])
    return np.asarray(out)
