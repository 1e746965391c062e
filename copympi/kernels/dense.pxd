# cython: language_level=3
# Passes over an H without zeros off its diagonal: see cython_src/dense.h.
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System

cdef extern from "dense.h" nogil:
    ctypedef struct Dense:
        int64_t P
        const double *re
        const double *im
        double *forth
        double *back
    ctypedef struct Span:
        double t
        const double *early
        const double *late
        const double *part
    ctypedef struct Second:
        const double *free
        const double *mid
        const double *more
        const double *there
        const double *forth
        const double *back
    void dense_apply(const Dense *h, const double *omega, const double *alive, const double *old, double over,
                     double *new)
    void dense_flows(const Dense *h, const Span *span)
    void dense_outflow(const Dense *h, const Span *span, double *leaving, double *coming)
    void dense_first(const Dense *h, const Span *span, const double *free, double *mid_n, double *out, double *chance)
    void dense_second(const Dense *h, const Span *span, const Second *x, double *chance)

    void dense_sums(int64_t P, const double *entries, double *total)
    void dense_apply_leavers(int64_t P, const int64_t *leave, int64_t *n, int64_t *out)


cdef inline Dense dense_of(const System *s, double *forth, double *back) noexcept nogil:
    """H where System.dense is set, with room for the flows of its pairs."""
    return Dense(s.P, s.re, s.im, forth, back)
