# cython: language_level=3
from libc.stdint cimport int64_t, uint32_t, uint64_t
from numpy.random cimport bitgen_t
from numpy.random.c_distributions cimport binomial_t

cdef extern from *:
    """
    typedef unsigned __int128 copympi_u128;
    """
    ctypedef unsigned long long copympi_u128  # 128 bits wide in C; Cython need not know

cdef struct Stream:
    uint64_t key[2]
    uint64_t counter[4]
    uint64_t word[4]
    int place
    int has_half
    uint32_t half
    bitgen_t bitgen

cdef void stream_open(Stream *s, uint64_t seed, uint64_t purpose, uint64_t replica,
                      uint64_t block, uint64_t step) noexcept nogil
cdef int64_t draw_binomial(Stream *s, int64_t n, double p) noexcept nogil
cdef void draw_leavers(Stream *s, int64_t n, Py_ssize_t first, Py_ssize_t last,
                       const double *chance, int64_t *leave) noexcept nogil
cdef void draw_many_leavers(Stream *s, double n, Py_ssize_t last, const double *chance,
                            double *leave) noexcept nogil


cdef inline void philox(Stream *s) noexcept nogil:
    """Fill s.word with the next four words (ten rounds)."""
    cdef uint64_t c0, c1, c2, c3, k0, k1, lo0, lo1
    cdef copympi_u128 p0, p1
    cdef int r
    s.counter[0] += 1
    c0 = s.counter[0]
    c1 = s.counter[1]
    c2 = s.counter[2]
    c3 = s.counter[3]
    k0 = s.key[0]
    k1 = s.key[1]
    for r in range(10):
        p0 = <copympi_u128> 0xD2E7470EE14C6C93ULL * c0
        p1 = <copympi_u128> 0xCA5A826395121157ULL * c2
        lo0 = <uint64_t> p0
        lo1 = <uint64_t> p1
        c0 = <uint64_t> (p1 >> 64) ^ c1 ^ k0
        c1 = lo1
        c2 = <uint64_t> (p0 >> 64) ^ c3 ^ k1
        c3 = lo0
        k0 += 0x9E3779B97F4A7C15ULL
        k1 += 0xBB67AE8584CAA73BULL
    s.word[0] = c0
    s.word[1] = c1
    s.word[2] = c2
    s.word[3] = c3
    s.place = 0


cdef inline uint64_t stream_next64(Stream *s) noexcept nogil:
    cdef uint64_t w
    if s.place == 4:
        philox(s)
    w = s.word[s.place]
    s.place += 1
    return w


cdef inline uint32_t stream_next32(Stream *s) noexcept nogil:
    cdef uint64_t w
    if s.has_half:
        s.has_half = 0
        return s.half
    w = stream_next64(s)
    s.has_half = 1
    s.half = <uint32_t> (w >> 32)
    return <uint32_t> w


cdef inline double stream_double(Stream *s) noexcept nogil:
    """Uniform in [0, 1)."""
    return (stream_next64(s) >> 11) * (1.0 / 9007199254740992.0)


cdef inline uint64_t stream_below64(Stream *s, uint64_t bound) noexcept nogil:
    """Uniform in 0..bound-1 without bias, for any bound."""
    cdef copympi_u128 m = <copympi_u128> stream_next64(s) * bound
    cdef uint64_t low = <uint64_t> m
    cdef uint64_t threshold
    if low < bound:
        threshold = (<uint64_t> 0 - bound) % bound
        while low < threshold:
            m = <copympi_u128> stream_next64(s) * bound
            low = <uint64_t> m
    return <uint64_t> (m >> 64)


cdef inline uint32_t stream_below(Stream *s, uint32_t bound) noexcept nogil:
    """Uniform in 0..bound-1 without bias (Lemire, ACM TOMACS 29, 2019)."""
    cdef uint64_t m = <uint64_t> stream_next32(s) * bound
    cdef uint32_t low = <uint32_t> m
    cdef uint32_t threshold
    if low < bound:
        threshold = (<uint32_t> (0 - bound)) % bound
        while low < threshold:
            m = <uint64_t> stream_next32(s) * bound
            low = <uint32_t> m
    return <uint32_t> (m >> 32)
