# cython: language_level=3
from libc.stdint cimport int64_t

cdef enum:
    DENSE_FROM = 16            # beables from which on loops over the couplings of a dense H are worth vectors (dense.h)

cdef struct System:
    Py_ssize_t P
    Py_ssize_t nnz
    Py_ssize_t pairs
    const int64_t *indptr      # (P+1,) rows of the couplings, diagonal left out
    const int64_t *indices     # (nnz,)
    const double *re           # (nnz,) Re and Im of H_ab/hbar
    const double *im
    const double *omega        # (P,) H_aa/hbar less `shift`
    const int64_t *pair        # (pairs, 4): b, a, entry b->a, entry a->b
    double shift
    double norm                # bound on the norm of H/hbar - shift
    const double *level        # (P,) H_aa/hbar
    bint lonely                # whether some beable has no couplings at all
    bint dense                 # whether every beable is coupled to every other, and they are more than DENSE_FROM

cdef class Couplings:
    cdef System system
    cdef object keep
