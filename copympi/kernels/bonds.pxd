# cython: language_level=3
from libc.stdint cimport int32_t, int64_t

from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.predictor cimport Couplings
from copympi.kernels.rapids cimport Rapids

cdef enum:
    GAUSS = -1                 # in place of a count: not a whole number

cdef struct Replica:
    int64_t *n
    double *c                  # (2, P) amplitudes; their deviation where mean is not NULL
    double *mean               # (2, P) sqrt(N) times the mean field's amplitudes
    double h                   # length of the step that is being made
    double chance              # largest chance to leave in it
    double events
    int64_t pinned
    double limit
    double members             # N

cdef class Bonds:
    cdef Diagonals d
    cdef Couplings couplings
    cdef readonly double shift # energy over hbar that is taken off H
    cdef readonly double norm  # bound on the norm of what is left
    cdef object keep

cdef class Room:
    cdef object keep
    cdef double *v             # (5, 2, P) Taylor coefficients of all of c
    cdef double *deviation     # (5, 2, P) of its deviation and
    cdef double *mean          # (5, 2, P) of its mean, where they are kept apart
    cdef double *mid           # (2, P)
    cdef double *end           # (2, P)
    cdef double *end_mean      # (2, P)
    cdef double *end_deviation # (2, P)
    cdef double *alive         # (P,)
    cdef double *out           # (P,)
    cdef double *taken         # (P,) chance already drawn from
    cdef double *change        # (P,)
    cdef double *start_rate    # (bonds,)
    cdef double *end_rate
    cdef double *net
    cdef double *gross
    cdef int64_t *moved        # (bonds,)
    cdef int64_t *gone         # (P,)
    cdef unsigned char *busy   # (P,)
    cdef Rapids rapids
