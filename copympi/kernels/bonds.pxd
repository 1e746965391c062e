# cython: language_level=3
from libc.stdint cimport int32_t, int64_t, uint64_t

from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.streams cimport Stream

cdef enum:
    NO_COUNT = -1              # in place of a count: members so many that their number need not be whole
    FEWEST = 300               # members (beside spectators) below which a beable gets a whole number,
    PLENTY = 600               # and above which it needs none

# How a beable goes over a step.
cdef enum:
    EMPTY = 0                  # nobody there
    CALM = 1                   # no whole number; turns over slowly: its noise is Gaussian
    COUNTED = 2                # a whole number; turns over slowly: who comes and leaves is drawn
    STIFF = 3                  # turns over too fast for the step: goes on in substeps (clusters.pyx)
    FINISHED = 4               # and has come to the step's end

# Which draws a stream is for: four streams a step and piece, a piece being a tile or (last) a stiff cluster.
cdef enum:
    NORMALS = 0
    FIRST = 1
    SECOND = 2
    CLUSTER = 3

# What is added up in each tile, and then over tiles in order: rows of Work.parts.
cdef enum:
    SIZE = 0                   # |c|^2, at the step's start of the path's last coefficient
    FLOW = 1                   # sizes of the rates at the step's start, or at the first Gauss point
    LATE_FLOW = 2              # at the second
    COPIES = 3                 # copies in the kicks at both Gauss points: 2 rows
    PARTS = 5

cdef enum:
    PASSES = 6                 # over tiles, beyond the first, at most in one go (passes.pyx)

# The replica whose step is being made.
cdef struct Replica:
    int64_t *n
    double *c                  # (2, P) amplitudes; their deviation where mean is not NULL
    double *mean               # (2, P) sqrt(N) times the mean field's amplitudes
    double h                   # length of the step
    double largest_chance      # of any member to leave in a step so far
    double events
    int64_t spectators         # of each beable: members who never copy
    double limit               # leaving_chance
    bint fixed                 # whether the step's length is given
    double members             # N
    int64_t total              # N again, exactly, where amplitudes have no mean of their own
    bint whole                 # every beable has a whole number of members, however many they are
    int64_t substeps
    uint64_t seed
    uint64_t purpose
    uint64_t number            # of the replica
    uint64_t step

cdef struct Work:
    double *v                  # (5, 2, P) Taylor coefficients of c over the step, the last three until D0 takes their
    double *high               # place; (3, 2, P) these three, next to stiff beables alone,
    double *deviation          # (5, 2, P) of its deviation and
    double *mean               # (5, 2, P) of its mean, where N is large
    double *early              # (2, P) c at the step's first Gauss point, until the first draws are made,
    double *late               # (2, P) at the second,
    double *end                # (2, P) and at its end
    double *end_mean           # (2, P)
    double *end_deviation      # (2, P)
    double *D0                 # (2, P) what noise adds to c (where v's coefficients stood),
    double *D1                 # (2, P) its moments in the time that is left
    double *D2                 # (2, P)
    double *E                  # (2, P) time integral of the deviation from the path: where `early` stood
    double *alive              # (P,) 1, or 0 where n = 0
    double *calm               # (P,) 1 where CALM
    double *out                # (P,) members that leave in the step, of members with an identity
    double *change             # (P,) of a count, beyond what the path brings
    double *last               # (P,) of a count at the step's end, likewise
    double *spectator_share    # (P,) share of members who are spectators
    double *share0             # (P,) relative changes of c at the step's start, early, late: next to stiff beables
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
    int64_t *n                 # (P,) counts within a step with stiff clusters
    unsigned char *role        # (P,) EMPTY to FINISHED
    int32_t *place             # (P,) place in a cluster, from 1 on; 0 throughout outside clusters.pyx
    int32_t *queue             # (P,) the cluster's beables
    double *local              # (45, P) clusters' own
    void *edge                 # (couplings,)
    int64_t *stiff             # (P,) the stiff beables of a step in order of their clusters,
    double *stiff_end          # (4, P) their deviation from the path at its end (re, im) and its integral (re, im)
    int64_t stiffs
    double most_noise          # n^-2 times the members that may leave in a step where n is no whole number
    double substep_turn        # radians that an amplitude may turn, or grow by relative to itself, in a substep
    double *parts              # (PARTS, tiles) sums of tiles, by the names below
    int64_t copies[2]          # in whole numbers: 2^32 times the first and the second, which no order changes
    double *cluster_events     # (P,) of the step's clusters, in order of their first beables
    int64_t *cluster_start     # (P,) these
    int64_t clusters
    int64_t others             # beables that are not calm, as far as this step has looked at tiles,
    int64_t fast               # those of them that are stiff,
    double worst               # the largest chance of a member to leave,
    double smallest            # and the smallest |c_a|^2 at the step's end
    int64_t *link_at           # (tiles passed over + 1,): where in `link` those stand
    int64_t *link              # that bonds of each tile lead to, itself among them; NULL: any
    int32_t *waits             # (PASSES, tiles passed over) passes.pyx
    unsigned char *apart       # (tiles passed over,) whether bonds lead to tiles of others
    void *moves                # where moves of stiff clusters are noted (move_log.h); NULL where nobody wants to know
    void *tracks               # of members that are followed (flow_tracks.pyx); NULL where nobody is. Only then:
    double *first_kick         # (bonds,) kicks at the first Gauss point,
    int64_t *drawn             # (2, bonds) and members drawn in both halves, signed as flows are

cdef class Bonds:
    cdef Diagonals d
    cdef System system         # rows of H and pairs; where they are not there, indptr is NULL (neighbours.pxd)
    cdef Couplings couplings   # that has them, or None
    cdef readonly double shift  # energy over hbar that is taken off H
    cdef readonly double norm  # bound on the norm of what is left
    cdef object owners         # of the memory that d points into
    cdef readonly double[::1] re, im, omega

cdef class Workspace:
    cdef Bonds bonds
    cdef readonly bint large_n
    cdef Work w
    cdef object owners
    cdef void share_out(self, double *free, Py_ssize_t bonds)
    cdef void link(self)

cdef inline double size_at(const double *c, Py_ssize_t P, Py_ssize_t a) noexcept nogil:
    return c[a] * c[a] + c[P + a] * c[P + a]


cdef inline bint turns_slowly(const Diagonals *d, const Replica *x, const Work *w, Py_ssize_t a,
                              double most) noexcept nogil:
    """Whether its neighbours turn the amplitude of beable a by so many radians at most in the step."""
    cdef Py_ssize_t P = d.P
    cdef double fx = w.v[2 * P + a] - d.omega[a] * w.v[P + a]  # their field: dc/dt = v_1 without the diagonal's part
    cdef double fy = w.v[3 * P + a] + d.omega[a] * w.v[a], turn = x.h / most
    cdef double least = min(size_at(w.v, P, a), size_at(w.early, P, a))
    least = min(least, min(size_at(w.late, P, a), size_at(w.end, P, a)))
    return turn * turn * (fx * fx + fy * fy) <= least


cdef void open_stream(Stream *stream, const Replica *x, int which, int64_t piece) noexcept nogil
