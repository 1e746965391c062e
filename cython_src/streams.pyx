# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Random numbers as a function of (seed, purpose, replica, block, step): Philox4x64-10.

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC11). Nothing is stored between steps: a
stream is opened where it is needed and forgotten. The same words as numpy.random.Philox with
key = [seed, purpose] and counter = [draw, step, block, replica] (tests/unit/test_streams.py), but opened in
nanoseconds and inlined (streams.h).
"""
import numpy as np
from libc.stdint cimport uint32_t, uint64_t

from copympi.kernels.checks cimport need


def uniforms(uint64_t seed, uint64_t purpose, uint64_t replica, uint64_t block, uint64_t step, Py_ssize_t count,
             bint fine=False):
    """The first `count` doubles of a stream, uniform in [0, 1), (count,); fine: by stream_fine, else stream_double."""
    cdef Stream s
    cdef Py_ssize_t i
    cdef double[::1] out = np.empty(count)
    stream_open(&s, seed, purpose, replica, block, step)
    for i in range(count):
        out[i] = stream_fine(&s) if fine else stream_double(&s)
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
