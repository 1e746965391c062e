# cython: language_level=3
from libc.stdint cimport int64_t

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

cdef class Couplings:
    cdef System system
    cdef object keep
