# cython: language_level=3
from libc.stdint cimport int64_t, uint8_t

from copympi.kernels.couplings cimport Couplings, System

# One harmonic of one pair b < a, D = phi_a - phi_b: R'^k e^{i delta^k} and R^k e^{i delta'^k}, both of (a, b).
cdef struct Harmonic:
    double copy_re
    double copy_im
    double turn_re
    double turn_im

cdef struct Law:
    const System *s
    Py_ssize_t K               # harmonics
    const int64_t *order       # (K,) k of each, ascending
    const Harmonic *harmonic   # (pairs, K)
    double to                  # powers, see Powers
    double out
    double up
    double down
    bint bent                  # to and out differ, q is not 1/2: a pair's net flow bends where it turns round
    bint root                  # powers are roots
    void *function             # or NULL: a Python function in place of all this but s, see CopyRule

cdef class CopyRule:
    cdef Law law
    cdef Couplings couplings
    cdef object keep

# What stands for a beable of n members in all its pairs.
cdef struct Powers:
    double to                  # n^q, for who is copied
    double out                 # n^(1-q), for who copies, times the part of its members that may
    double up                  # n^r, for whose phase turns
    double down                # n^(-r), for what turns it

cdef class Room:
    cdef double[::1] memory
    cdef double[::1] powers
    cdef uint8_t[::1] marks
    cdef object n              # (P,), and phases, for a function
    cdef object phase
    cdef object problem        # what went wrong in a function
    cdef bint failed           # since something has: all it gives is NaN
    cdef Py_ssize_t P, pairs, K, width
    cdef Powers *power         # (P,)
    cdef double *z             # (2, P) cos and sin of phases
    cdef double *omega         # (P,) H_aa/hbar less the step's shift; 0 for unbound beables
    cdef double *start         # states n, phi (2P,): of the step,
    cdef double *begin         # and of its halves
    cdef double *between
    cdef double *end
    cdef double *stage
    cdef double *crude         # what a rule of lower order is off
    cdef double *leaving       # (2, P) what leaves each beable in a step, and comes
    cdef double *at_begin      # rows of rates, `width` doubles each
    cdef double *at_between
    cdef double *at_end
    cdef double *first
    cdef double *slope
    cdef double *sum
    cdef double *flows         # (2, pairs) members b->a and a->b in a half step
    cdef uint8_t *passed       # (pairs, K) harmonics whose turning point the half step has been cut at

cdef void powers_of(const Law *l, int64_t spectators, double n, Powers *out) noexcept nogil
cdef void rates(const Law *l, int64_t spectators, const double *state, Room w, double *out) noexcept nogil
cdef double fastest_turn(const Law *l, const double *state, const double *row) noexcept nogil
cdef void add_flows(const System *s, const double *flows, double *leaving, double *coming) noexcept nogil
cdef int raise_problem(Room w) except -1
