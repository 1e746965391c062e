# cython: language_level=3
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from "streams.h" nogil:
    ctypedef struct Stream:
        pass
    void stream_open(Stream *s, uint64_t seed, uint64_t purpose, uint64_t replica, uint64_t block, uint64_t step)
    uint64_t stream_next64(Stream *s)
    uint32_t stream_next32(Stream *s)
    void stream_fill(Stream *s, int64_t count, uint64_t *out)
    double stream_double(Stream *s)    # uniform in [0, 1)
    double stream_fine(Stream *s)      # the same, with 53 significant bits also near 0
    uint64_t stream_below64(Stream *s, uint64_t bound)  # uniform in 0..bound-1 without bias
    uint32_t stream_below(Stream *s, uint32_t bound)
