# cython: language_level=3
from libc.stdint cimport int32_t, int64_t

from copympi.kernels.predictor cimport System
from copympi.kernels.streams cimport Stream

cdef enum:
    BUSY = 1
    CARRIED = 2
    MANY = 16                  # members that flow in a step from where on a Gaussian stands for their number

# Beables that turn over too fast for the lattice's step, and what they are given to go on with.
cdef struct Rapids:
    const System *s
    double shift               # what omega still has to lose, beyond s.omega
    double limit               # largest chance to leave in a substep
    double turn                # radians that an amplitude may turn, or grow by relative to itself, in a substep
    double smallest            # shortest substep
    int64_t pinned             # spectators of each beable
    const double *v            # (5, 2, P) Taylor coefficients of the amplitudes over the step
    unsigned char *busy        # (P,) BUSY: who is in; CARRIED in the end
    int64_t *n                 # (P,) counts; below 0: not a whole number
    int64_t *gone              # (P,) of n, how many may not leave in this step any more
    double *taken              # (P,) chance of a member to have left in this step already
    double *change             # (P,) what befalls counts that are not whole numbers
    double *end                # (2, P) amplitudes at the step's end: of the busy ones, to be filled in
    int32_t *place             # (P,) work space, -1 throughout
    int32_t *queue             # (P,) work space
    double *room               # (11, P) work space
    double *outside            # (3, 2, couplings) work space
    int64_t *leave             # work space, as many as a beable has neighbours
    double *chance
    double events
    int64_t substeps

cdef int64_t draw_from(Stream *stream, int64_t there, const double *start, Py_ssize_t P, double flow,
                       double *taken) noexcept nogil
cdef int64_t shoot(Rapids *w, Stream *stream, double h) noexcept nogil
