# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Draws from a stream: how many leave by which channel, and thin entries in Python to what draws.h and normals.h draw.

All bits come from +, -, *, /, square roots and integers (see elementary.h): they are the same on every machine.
"""
import numpy as np
from libc.math cimport rint, sqrt
from libc.stdint cimport int64_t, uint64_t

from copympi.kernels.checks cimport need
from copympi.kernels.elementary cimport fmax, fmin
from copympi.kernels.streams cimport Stream, stream_double, stream_open

cdef extern from "hypergeometric.h" nogil:
    ctypedef struct Binomial:
        pass
    ctypedef struct Table:
        pass
    ctypedef struct Hat:
        pass
    ctypedef double (*Exponent)(const void *law, int64_t k, double x, double scale)
    Binomial binomial_of(int64_t n, double p)
    Table table_of(int64_t g, int64_t b, int64_t m)
    Hat hat_of_poisson(const double *mean)
    Hat hat_of_binomial(const Binomial *law, double p)
    Hat hat_of_table(const Table *law)
    double poisson_exponent(const void *law, int64_t k, double x, double scale)
    double binomial_exponent(const void *law, int64_t k, double x, double scale)
    double table_exponent(const void *law, int64_t k, double x, double scale)
    int64_t mistakes(Stream *s, const Hat *hat, Exponent exponent, int64_t count)
    double log_of(double x)
    double log_rest(double p)
    void exp_of(double x, double *value, double *rest)

cdef extern from "lanes.h" nogil:
    enum: LANES
    ctypedef struct Lane:
        Stream stream
    bint set_lane(Lane *l, const double *chance, int64_t channels, double total, int64_t leavers, int64_t *leave)
    void run_lanes(Lane *lane, int lanes)

cdef enum:
    CHUNK = 64
cdef int64_t ONE_BY_ONE = 1  # leavers for each open channel, up to which they are sorted one by one
cdef double COUNTABLE = 4611686018427387904.0  # 2^62: below, numbers of members are counted
cdef double RARE = 1073741824.0  # 2^30: a mean below which few of so many are Poisson


cdef void draw_leavers(Stream *s, int64_t n, Py_ssize_t first, Py_ssize_t last,
                       const double *chance, int64_t *leave) noexcept nogil:
    """How many of `n` members leave by each channel first..last-1: one binomial for all, then a multinomial.

    chance[e] is a member's chance to leave by channel e, their sum at most 1. The multinomial is drawn leaver by
    leaver where they are fewer than channels, by conditional binomials (15 to 25 ns each) where they are more.
    """
    cdef Py_ssize_t e, final = first - 1
    cdef int64_t open_channels = 0
    cdef double total = 0.0
    for e in range(first, last):
        leave[e] = 0
        if chance[e] > 0.0:
            total += chance[e]
            final = e
            open_channels += 1
    deal_leavers(s, draw_binomial(s, n, total), total, open_channels, first, final, chance, leave)


cdef void sort_leavers(Stream *s, int64_t rest, double total, Py_ssize_t first, Py_ssize_t last,
                       const double *chance, int64_t *leave) noexcept nogil:
    """How many of `rest` leavers leave by each channel; total: the sum of the chances."""
    cdef Py_ssize_t e, final = first - 1
    cdef int64_t open_channels = 0
    for e in range(first, last):  # without a branch, as it would be guessed wrong at every other channel
        leave[e] = 0
        final = e if chance[e] > 0.0 else final
        open_channels += chance[e] > 0.0
    deal_leavers(s, rest, total, open_channels, first, final, chance, leave)


cdef inline void deal_leavers(Stream *s, int64_t rest, double total, int64_t open_channels, Py_ssize_t first,
                              Py_ssize_t final, const double *chance, int64_t *leave) noexcept nogil:
    """The same where `final`, the last open channel, and the number of the open ones are known; leave is 0 so far."""
    if rest == 0:
        return
    if open_channels == 1:
        leave[final] = rest
    elif rest <= ONE_BY_ONE * open_channels:
        sort_one_by_one(s, rest, total, first, final, chance, leave)
    else:
        sort_by_binomials(s, rest, total, first, final, chance, leave)


cdef void draw_rows(const Keys *keys, Py_ssize_t P, const int64_t *n, int64_t spectators, const double *total,
                    const double *chance, int64_t *leave) noexcept nogil:
    """As draw_leavers of P sources, n[b] - spectators members each, whose P - 1 channels stand one row after the other.

    total (P,): sums of the rows. Sources of many leavers are sorted side by side, each from a stream of its own, block
    1 + b (lanes.h).
    """
    cdef Py_ssize_t b, first
    cdef int64_t rest
    cdef int lanes = 0
    cdef Lane lane[LANES]
    cdef Stream s
    stream_open(&s, keys.seed, keys.purpose, keys.replica, 0, keys.step)
    for b in range(P):
        first = b * (P - 1)
        rest = draw_binomial(&s, n[b] - spectators, total[b])
        if not set_lane(&lane[lanes], chance + first, P - 1, total[b], rest, leave + first):
            sort_leavers(&s, rest, total[b], first, first + P - 1, chance, leave)
            continue
        stream_open(&lane[lanes].stream, keys.seed, keys.purpose, keys.replica, 1 + b, keys.step)
        lanes += 1
        if lanes == LANES:
            run_lanes(lane, lanes)
            lanes = 0
    run_lanes(lane, lanes)


cdef void sort_one_by_one(Stream *s, int64_t rest, double total, Py_ssize_t first, Py_ssize_t final,
                          const double *chance, int64_t *leave) noexcept nogil:
    cdef double x
    cdef Py_ssize_t e
    cdef int64_t _k
    for _k in range(rest):
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
    cdef Py_ssize_t next_ = first, e, k, count
    cdef int64_t taken
    cdef Py_ssize_t place[CHUNK]  # of the open channels among the next ones
    while next_ < final:
        count = 0
        for e in range(next_, min(next_ + CHUNK, final)):
            place[count] = e
            count += chance[e] > 0.0
        next_ += CHUNK
        for k in range(count):
            if rest == 0:
                return
            e = place[k]
            taken = draw_binomial(s, rest, chance[e] / total)
            leave[e] = taken
            rest -= taken
            total -= chance[e]
    leave[final] = rest


cdef double draw_huge_binomial(Stream *s, double n, double p) noexcept nogil:
    """Binomial(n, p) of a whole number n of any size, as a double.

    Exact below 2^53. From there on, where few are drawn Poisson (p < 2^-33), else Gaussian, with the binomial's mean
    and variance; rounded to whole numbers, or what a double resolves. Skewness, below 1e-3, is lost.
    """
    cdef double mean, drawn
    if not n > 0.0 or not p > 0.0:
        return 0.0
    if p >= 1.0:
        return n
    if n < COUNTABLE:
        return <double> draw_binomial(s, <int64_t> n, p)
    if p > 0.5:
        return n - draw_huge_binomial(s, n, 1.0 - p)
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
            leave[e] = draw_huge_binomial(s, n, chance[e] / stay if chance[e] < stay else 1.0)
            n -= leave[e]
            stay -= chance[e]


def binomials(uint64_t seed, n, p, Py_ssize_t count):
    """`count` binomials one after the other, (count,) int64; n, p (K,) are gone through in turn."""
    cdef const int64_t[::1] size = np.ascontiguousarray(n, np.int64)
    cdef const double[::1] chance = np.ascontiguousarray(p, np.float64)
    need(size.shape[0] > 0 and chance.shape[0] == size.shape[0], "n, p: must be (K,), K at least 1")
    cdef int64_t[::1] out = np.empty(count, np.int64)
    cdef Stream s
    cdef Py_ssize_t i, j = 0
    stream_open(&s, seed, 0, 0, 0, 0)
    with nogil:
        for i in range(count):
            out[i] = draw_binomial(&s, size[j], chance[j])
            j = j + 1 if j + 1 < size.shape[0] else 0
    return np.asarray(out)


def poissons(uint64_t seed, mean, Py_ssize_t count):
    """`count` Poisson numbers, (count,) int64; means, an array, are gone through in turn."""
    cdef const double[::1] means = np.ascontiguousarray(mean, np.float64)
    need(means.shape[0] > 0, "mean: at least one")
    cdef int64_t[::1] out = np.empty(count, np.int64)
    cdef Stream s
    cdef Py_ssize_t i, j = 0
    stream_open(&s, seed, 0, 0, 0, 0)
    with nogil:
        for i in range(count):
            out[i] = draw_poisson(&s, means[j])
            j = j + 1 if j + 1 < means.shape[0] else 0
    return np.asarray(out)


def hypergeometrics(uint64_t seed, int64_t good, int64_t bad, int64_t sample, Py_ssize_t count):
    """`count` hypergeometric numbers, (count,) int64."""
    cdef int64_t[::1] out = np.empty(count, np.int64)
    cdef Stream s
    cdef Py_ssize_t i
    stream_open(&s, seed, 0, 0, 0, 0)
    with nogil:
        for i in range(count):
            out[i] = draw_hypergeometric(&s, good, bad, sample)
    return np.asarray(out)


def samples(uint64_t seed, there, int64_t sample, Py_ssize_t count):
    """How many of each kind, there (K,), are among `sample` drawn without putting back: (count, K) int64."""
    cdef const int64_t[::1] kinds = np.ascontiguousarray(there, np.int64)
    need(kinds.shape[0] > 0, "there: at least one kind")
    cdef int64_t[:, ::1] out = np.empty((count, kinds.shape[0]), np.int64)
    cdef Stream s
    cdef Py_ssize_t i
    stream_open(&s, seed, 0, 0, 0, 0)
    for i in range(count):
        draw_hypergeometrics(&s, kinds.shape[0], &kinds[0], sample, &out[i, 0])
    return np.asarray(out)


def normals(uint64_t seed, Py_ssize_t count, bint one_by_one=False):
    """`count` standard normals, (count,), at once or one by one."""
    cdef double[::1] out = np.empty(count)
    cdef Stream s
    cdef Py_ssize_t i
    stream_open(&s, seed, 0, 0, 0, 0)
    with nogil:
        if one_by_one:
            for i in range(count):
                out[i] = draw_normal(&s)
        else:
            draw_normals(&s, count, &out[0])
    return np.asarray(out)


def mistakes_of_hat(uint64_t seed, law, Py_ssize_t count):
    """At how many of `count` words the hat (hat.h) is not above the law, or its bounds on what is kept are wrong.

    law: (mean,) of a Poisson number, (n, p) of a binomial, (good, bad, sample) of a hypergeometric; means from 20 on.
    """
    cdef Stream s
    cdef double mean
    cdef Binomial binomial
    cdef Table table
    cdef Hat hat
    stream_open(&s, seed, 0, 0, 0, 0)
    if len(law) == 1:
        mean = law[0]
        hat = hat_of_poisson(&mean)
        return mistakes(&s, &hat, poisson_exponent, count)
    if len(law) == 2:
        binomial = binomial_of(law[0], law[1])
        hat = hat_of_binomial(&binomial, law[1])
        return mistakes(&s, &hat, binomial_exponent, count)
    table = table_of(law[0], law[1], law[2])
    hat = hat_of_table(&table)
    return mistakes(&s, &hat, table_exponent, count)


def elementary(x):
    """(log x, log(1 - x) where x < 1, exp -x, 1 - exp -x) by elementary.h, each (K,), of x (K,) in (0, 700)."""
    cdef const double[::1] values = np.ascontiguousarray(x, np.float64)
    cdef double[:, ::1] out = np.zeros((4, values.shape[0]))
    cdef Py_ssize_t i
    for i in range(values.shape[0]):
        out[0, i] = log_of(values[i])
        if values[i] < 1.0:
            out[1, i] = log_rest(values[i])
        exp_of(-values[i], &out[2, i], &out[3, i])
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


def rows(uint64_t seed, n, chance, Py_ssize_t count):
    """`count` draws of how many of n (P,) members leave by each channel, (count, P, P - 1) int64, chance (P, P - 1)."""
    cdef const int64_t[::1] members = np.ascontiguousarray(n, np.int64)
    cdef const double[:, ::1] p = np.ascontiguousarray(chance, np.float64)
    cdef Py_ssize_t P = members.shape[0], i
    need(P > 1 and p.shape[0] == P and p.shape[1] == P - 1, "n, chance: must be (P,) and (P, P - 1), P at least 2")
    cdef const double[::1] total = np.sum(p, axis=1)
    cdef int64_t[:, :, ::1] out = np.empty((count, P, P - 1), np.int64)
    cdef Keys keys = Keys(seed, 0, 0, 0)
    for i in range(count):
        keys.step = i
        draw_rows(&keys, P, &members[0], 0, &total[0], &p[0, 0], &out[i, 0, 0])
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
