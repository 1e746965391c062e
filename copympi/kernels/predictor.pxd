# cython: language_level=3
from libc.stdint cimport int64_t

# What plan_first and plan_second report.
cdef enum:
    FINE = 0
    STEP_TOO_SMALL = 1
    CHANCE_ABOVE_ONE = 2
    TURN_ABOVE_ONE = 3

# A plan is one row of doubles, so that its bytes can be broadcast and digested:
# HEAD numbers, then chance[nnz], pred[nnz], phase[P], mid_re[P], mid_im[P], mid_n[P], out[P], turn_re[P], turn_im[P].
cdef enum:
    STEP = 0        # length h of the step
    LEFT = 1        # time left to the record after it
    LARGEST = 2     # largest chance of any member to leave in it
    STATUS = 3
    CULPRIT = 4     # beable that set the step
    HEAD = 5
    RULE_NUMBERS = 6           # what Leap.rule gives

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

cdef struct Rule:              # how steps are chosen
    double members             # N
    double step                # fixed step, or 0
    double leaving_chance
    double error_rate          # error in rho allowed per unit time in this interval
    double smallest            # a step below this cannot be told from none
    int64_t spectators         # s, members of each beable that never copy

cdef class Couplings:
    cdef System system
    cdef object keep

cdef class Scratch:
    cdef double[::1] memory
    cdef double *v             # (5, 2, P) Taylor coefficients of c
    cdef double *c             # (2, P) amplitudes at the start of a half step
    cdef double *d             # (2, P) amplitudes wanted
    cdef double *e             # (2, P)
    cdef double *leaving       # (P,) flow out of each beable, and
    cdef double *coming        # (P,) into it
    cdef double *forth         # (pairs,) flow b->a of each pair b < a, and
    cdef double *back          # (pairs,) flow a->b: both differ from zero where the net flow turns round

cdef inline Rule rule_of(const double *numbers) noexcept nogil:
    """The numbers that Leap.rule gives."""
    return Rule(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], <int64_t> numbers[5])

cdef Py_ssize_t row_size(const System *s) noexcept nogil
cdef int plan_first(const System *s, const Rule *rule, const int64_t *n, const double *phase,
                    double left, Scratch w, double *row) noexcept nogil
cdef int plan_second(const System *s, const Rule *rule, const int64_t *n, const int64_t *out, Scratch w,
                     double *row) noexcept nogil
cdef void new_phase(const System *s, const double *row, double *phase) noexcept nogil
