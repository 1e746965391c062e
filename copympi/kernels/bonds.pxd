# cython: language_level=3
from libc.stdint cimport int32_t, int64_t, uint64_t

from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.streams cimport Stream

cdef enum:
    GAUSS = -1                 # in place of a count: so many that their number need not be whole
    FEWEST = 300               # members (beside spectators) below which a beable gets a whole number,
    PLENTY = 600               # and above which it needs none

# What a beable is in a step.
cdef enum:
    EMPTY = 0
    CALM = 1                   # not a whole number; turns over slowly
    COUNTED = 2                # a whole number; turns over slowly
    STIFF = 3                  # turns over too fast for the step: goes on in substeps (clusters.pyx)
    CARRIED = 4                # and has done so

# Which draws a stream is for: four streams a step and piece, a piece being a tile or (last) a cluster.
cdef enum:
    NORMALS = 0
    FIRST = 1
    SECOND = 2
    CLUSTER = 3

cdef struct Replica:
    int64_t *n
    double *c                  # (2, P) amplitudes; their deviation where mean is not NULL
    double *mean               # (2, P) sqrt(N) times the mean field's amplitudes
    double h                   # length of the step that is being made
    double chance              # largest chance of a member to leave in a step
    double events
    int64_t pinned             # spectators of each beable
    double limit               # leaving_chance
    double members             # N
    int64_t total              # N again, exactly, where amplitudes have no mean of their own
    int64_t substeps
    uint64_t seed
    uint64_t purpose
    uint64_t number            # of the replica
    uint64_t step

cdef struct Work:
    double *v                  # (5, 2, P) Taylor coefficients of c over the step,
    double *deviation          # (5, 2, P) of its deviation and
    double *mean               # (5, 2, P) of its mean, where they are kept apart
    double *early              # (2, P) c at the step's first Gauss point,
    double *late               # (2, P) at the second,
    double *end                # (2, P) and at its end
    double *end_mean           # (2, P)
    double *end_deviation      # (2, P)
    double *D0                 # (2, P) what noise adds to c,
    double *D1                 # (2, P) its moments in the time that is left
    double *D2                 # (2, P)
    double *E                  # (2, P) time integral of the deviation from the path
    double *alive              # (P,) 1, or 0 where n = 0
    double *calm               # (P,) 1 where CALM
    double *out                # (P,) members that leave in the step
    double *change             # (P,) of a count, beyond what the path brings
    double *last               # (P,) of a count at the step's end, likewise
    double *spared             # (P,) share of members who are spectators
    double *share0             # (P,) relative changes of c at the step's start, early, late
    double *share1
    double *share2
    double *taken              # (P,) chance of a member to have been drawn already
    double *lead               # (P,) how many more than expected the first draw took
    double *early_rate         # (bonds,)
    double *late_rate          # (bonds,)
    double *kick               # (bonds,)
    double *normal             # (most bonds of a tile,)
    int64_t *gone              # (P,) drawn already
    int64_t *moved             # (P,) change of a whole number
    unsigned char *kind        # (P,)
    int32_t *place             # (P,) place in a cluster; -1 throughout outside clusters.pyx
    int32_t *queue             # (P,)
    double *local              # (45, P) clusters' own
    void *edge                 # (couplings,)
    int64_t *stiff             # (P,) the stiff beables of a step in order of their clusters,
    double *stiff_end          # (4, P) their deviation from the path at its end (re, im) and its integral (re, im)
    int64_t stiffs
    double noise               # who leaves in a step, as a multiple of n^2, at the most where n is no whole number
    double turn                # radians that an amplitude may turn, or grow by relative to itself, in a substep

cdef class Bonds:
    cdef Diagonals d
    cdef Couplings couplings
    cdef readonly double shift # energy over hbar that is taken off H
    cdef readonly double norm  # bound on the norm of what is left
    cdef object keep

cdef class Room:
    cdef Work w
    cdef object keep

cdef void open_stream(Stream *stream, const Replica *x, int which, int64_t piece) noexcept nogil
