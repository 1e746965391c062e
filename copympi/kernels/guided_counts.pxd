# cython: language_level=3
from copympi.kernels.guide cimport Guide

cdef struct Chances:           # (nnz,) of a system in b to leave by each coupling of its
    double *first              # in the step's first half
    double *stayed             # in its second, of those that were in b all along
    double *arrived            # and of those that came in the first

cdef void settle_chances(Guide guide, Chances *chances) noexcept nogil
