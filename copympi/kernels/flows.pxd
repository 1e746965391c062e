# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.dense cimport Span

cdef class Scratch:
    cdef double[::1] memory
    cdef Py_ssize_t P, pairs
    cdef double *v             # (5, 2, P) Taylor coefficients of c
    cdef double *c             # (2, P) amplitudes at the start of a half step
    cdef double *d             # (2, P) amplitudes wanted
    cdef double *e             # (2, P)
    cdef double *leaving       # (P,) flow out of each beable, and
    cdef double *coming        # (P,) into it
    cdef double *forth         # (pairs,) flow b->a of each pair b < a, and
    cdef double *back          # (pairs,) flow a->b: both differ from zero where the net flow turns round
    cdef const double *omega   # (P,) H_aa/hbar less the step's shift: the system's own, or `own`
    cdef double *own           # (P,)
    cdef double *room          # (4, P), where H is dense
    cdef double norm           # bound on the norm of H/hbar - shift between beables that are not unbound

cdef void expand(const System *s, const double *omega, const double *c, double *v) noexcept nogil
cdef void carry(Py_ssize_t P, const double *v, double t, double *c) noexcept nogil
cdef void integrate_flows(const System *s, double start, double t, Scratch w) noexcept nogil
cdef void hold_back(const System *s, int64_t spectators, const double *n, double t, double *c, Scratch w) noexcept nogil
cdef Span span_of_half(const System *s, int64_t spectators, const double *n, double t, Scratch w) noexcept nogil
cdef Span span_of(Py_ssize_t P, double start, double t, Scratch w) noexcept nogil
cdef void flows_of_half(const System *s, int64_t spectators, const double *n, double t, Scratch w) noexcept nogil
