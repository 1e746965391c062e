# cython: language_level=3
from libc.stdint cimport int32_t

from copympi.kernels.couplings cimport System

cdef class Ways:
    cdef System system         # P, nnz, indptr and indices; no elements of H, and no pairs
    cdef const int32_t[:, ::1] entry  # (bonds, 2) of each bond among them, from its first beable and back; -1: none
    cdef object keep
