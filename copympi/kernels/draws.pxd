# cython: language_level=3
from libc.stdint cimport int64_t, uint64_t

from copympi.kernels.streams cimport Stream

cdef extern from "draws.h" nogil:
    int64_t draw_binomial(Stream *s, int64_t n, double p)  # quick where most draws are 0
    int64_t draw_poisson(Stream *s, double mean)

cdef extern from "hypergeometric.h" nogil:
    # how many of `good` are among `sample` drawn without putting back; drawn[i] of there[i] for several kinds
    int64_t draw_hypergeometric(Stream *s, int64_t good, int64_t bad, int64_t sample)
    void draw_hypergeometrics(Stream *s, int64_t kinds, const int64_t *there, int64_t sample, int64_t *drawn)

cdef extern from "normals.h" nogil:
    double draw_normal(Stream *s)
    void draw_normals(Stream *s, int64_t count, double *out)  # many, 2 ns each

cdef void draw_leavers(Stream *s, int64_t n, Py_ssize_t first, Py_ssize_t last,
                       const double *chance, int64_t *leave) noexcept nogil
cdef struct Keys:              # of a stream, but for the block
    uint64_t seed
    uint64_t purpose
    uint64_t replica
    uint64_t step

cdef void draw_rows(const Keys *keys, Py_ssize_t P, const int64_t *n, int64_t spectators, const double *total,
                    const double *chance, int64_t *leave) noexcept nogil
cdef double draw_huge_binomial(Stream *s, double n, double p) noexcept nogil
cdef void draw_many_leavers(Stream *s, double n, Py_ssize_t last, const double *chance,
                            double *leave) noexcept nogil
