# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Random numbers as a function of (seed, purpose, replica, block, step): Philox4x64-10.

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC11). Nothing is stored between steps: a
stream is opened where it is needed and forgotten. The same words as numpy.random.Philox with
key = [seed, purpose] and counter = [draw, step, block, replica] (tests/unit/test_streams.py), but opened in
nanoseconds and inlined. NumPy's C distributions draw from it through `Stream.bitgen`.
"""
import numpy as np
from libc.math cimport fmax, fmin, rint, sqrt
from numpy.random.c_distributions cimport random_binomial, random_poisson, random_standard_normal

from copympi.kernels.checks cimport need


cdef int64_t LARGEST_BINOMIAL = 1 << 60
cdef int64_t FEW = 8
cdef double WHOLE = 9007199254740992.0  # 2^53: below, doubles hold every whole number
cdef double RARE = 1048576.0            # 2^20: a mean below which few of so many are Poisson


cdef uint64_t next64(void *state) noexcept nogil:
    return stream_next64(<Stream *> state)


cdef uint32_t next32(void *state) noexcept nogil:
    return stream_next32(<Stream *> state)


cdef double next_double(void *state) noexcept nogil:
    return stream_double(<Stream *> state)


cdef void stream_open(Stream *s, uint64_t seed, uint64_t purpose, uint64_t replica,
                      uint64_t block, uint64_t step) noexcept nogil:
    s.key[0] = seed
    s.key[1] = purpose
    s.counter[0] = 0
    s.counter[1] = step
    s.counter[2] = block
    s.counter[3] = replica
    s.place = 4
    s.has_half = 0
    s.bitgen.state = s
    s.bitgen.next_uint64 = next64
    s.bitgen.next_uint32 = next32
    s.bitgen.next_double = next_double
    s.bitgen.next_raw = next64


cdef int64_t draw_binomial(Stream *s, int64_t n, double p) noexcept nogil:
    """Binomial(n, p). NumPy's is off by 5% in variance beyond n = 4e18: split such draws."""
    cdef binomial_t setup
    cdef int64_t part, drawn = 0
    if n <= 0 or not p > 0.0:  # nor NaN, with which NumPy's would never end
        return 0
    if p >= 1.0:
        return n
    while n > 0:
        part = n if n < LARGEST_BINOMIAL else LARGEST_BINOMIAL
        setup.has_binomial = 0
        drawn += random_binomial(&s.bitgen, p, part, &setup)
        n -= part
    return drawn


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
        x = next_double(s) * total
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
    if not n > 0.0 or not p > 0.0:
        return 0.0
    if p >= 1.0:
        return n
    if n < WHOLE:
        return <double> draw_binomial(s, <int64_t> n, p)
    if p > 0.5:
        return n - draw_many(s, n, 1.0 - p)
    mean = n * p
    if mean < RARE:
        return <double> random_poisson(&s.bitgen, mean)
    drawn = rint(mean + sqrt(mean * (1.0 - p)) * random_standard_normal(&s.bitgen))
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


def uniforms(uint64_t seed, uint64_t purpose, uint64_t replica, uint64_t block, uint64_t step, Py_ssize_t count):
    """The first `count` doubles of a stream, uniform in [0, 1), (count,)."""
    cdef Stream s
    cdef Py_ssize_t i
    cdef double[::1] out = np.empty(count)
    stream_open(&s, seed, purpose, replica, block, step)
    for i in range(count):
        out[i] = stream_double(&s)
    return np.asarray(out)


def words(uint64_t seed, uint64_t purpose, uint64_t replica, uint64_t block, uint64_t step, Py_ssize_t count):
    """The first `count` 64-bit words of a stream, (count,) uint64."""
    cdef Stream s
    cdef Py_ssize_t i
    cdef uint64_t[::1] out = np.empty(count, np.uint64)
    stream_open(&s, seed, purpose, replica, block, step)
    for i in range(count):
        out[i] = stream_next64(&s)
    return np.asarray(out)


def below(uint64_t seed, uint32_t bound, Py_ssize_t count):
    """`count` integers uniform in 0..bound-1, (count,) uint32: for tests of the bounded draw."""
    need(bound > 0, "bound: must be at least 1")
    cdef Stream s
    cdef Py_ssize_t i
    cdef uint32_t[::1] out = np.empty(count, np.uint32)
    stream_open(&s, seed, 0, 0, 0, 0)
    for i in range(count):
        out[i] = stream_below(&s, bound)
    return np.asarray(out)


def below64(uint64_t seed, uint64_t bound, Py_ssize_t count):
    """`count` integers uniform in 0..bound-1, (count,) uint64: for tests of the bounded draw."""
    need(bound > 0, "bound: must be at least 1")
    cdef Stream s
    cdef Py_ssize_t i
    cdef uint64_t[::1] out = np.empty(count, np.uint64)
    stream_open(&s, seed, 0, 0, 0, 0)
    for i in range(count):
        out[i] = stream_below64(&s, bound)
    return np.asarray(out)


def many_leavers(uint64_t seed, double n, chance, Py_ssize_t count):
    """As leavers, of any n: (count, channels) doubles."""
    cdef const double[::1] p = np.ascontiguousarray(chance, np.float64)
    need(p.shape[0] > 0 and n == n, "chance, n: at least one channel, and a number")
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
    need(p.shape[0] > 0, "chance: at least one channel")
    cdef int64_t[:, ::1] out = np.empty((count, p.shape[0]), np.int64)
    cdef Stream s
    cdef Py_ssize_t i
    for i in range(count):
        stream_open(&s, seed, 0, 0, 0, i)
        draw_leavers(&s, n, 0, p.shape[0], &p[0], &out[i, 0])
    return np.asarray(out)
