# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""How many distinct phases there are: values compared bit by bit through a hash table."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need

cdef extern from *:
    """
    #define prefetch(address) __builtin_prefetch(address)
    """
    void prefetch(const void *address) noexcept nogil

cdef enum:
    AHEAD = 16


cdef inline uint64_t mixed(int32_t group, int64_t x, int64_t y) noexcept nogil:
    cdef uint64_t h = <uint64_t> x * 0x9E3779B97F4A7C15ULL
    h = (h ^ (h >> 32) ^ <uint64_t> y) * 0xBF58476D1CE4E5B9ULL
    h = (h ^ (h >> 29) ^ <uint64_t> group) * 0x94D049BB133111EBULL
    return h ^ (h >> 32)


def first_of_each(const int32_t[::1] group not None, const int64_t[::1] x not None, const int64_t[::1] y not None):
    """Places of the first of each distinct (group, x, y), (K,) int64 in order; arrays (M,), M below 2^31."""
    need(x.shape[0] == group.shape[0] and y.shape[0] == group.shape[0], "group, x, y: must be (M,)")
    if group.shape[0] >= 2**31:
        raise ValueError("more than 2^31 members on one rank: take more ranks")
    cdef int64_t M = group.shape[0], i, k
    cdef uint64_t size = 1 << int(2 * M + 1).bit_length(), place, ahead
    cdef int32_t[::1] table = np.full(size, -1, np.int32)
    cdef uint8_t[::1] new = np.zeros(M, np.uint8)
    with nogil:
        for i in range(M):
            k = i + AHEAD if i + AHEAD < M else i
            ahead = mixed(group[k], x[k], y[k]) & (size - 1)
            prefetch(&table[ahead])
            place = mixed(group[i], x[i], y[i]) & (size - 1)
            while True:
                k = table[place]
                if k < 0:
                    table[place] = <int32_t> i
                    new[i] = 1
                    break
                if x[k] == x[i] and y[k] == y[i] and group[k] == group[i]:
                    break
                place = (place + 1) & (size - 1)
    return np.flatnonzero(np.asarray(new))
