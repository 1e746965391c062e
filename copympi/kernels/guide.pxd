# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport Couplings, System

cdef class Guide:
    cdef const System *s
    cdef Couplings couplings
    cdef readonly double mixing    # Vink's symmetric part, as a multiple
    cdef double reached            # the time of the step at which Psi is `at`; -1: none
    cdef readonly double step      # length of the step that was planned
    cdef readonly double crossing  # sqrt(2 through)/low, the largest of all beables: its chance to be passed through
    cdef readonly double astray    # the largest share of all systems that misses a way through an empty beable
    cdef Py_ssize_t terms          # of Psi's Taylor series that count
    cdef object keep
    cdef double *psi               # (2 P,) Re, then Im, at the step's start
    cdef double *series            # (TERMS, 2 P) psi(t) = sum_k series[k] t^k
    cdef double *at                # (2 P,) Psi at some time of the step
    cdef double *size              # (P,) |Psi_a| then
    cdef double *strength          # (pairs,) R_ab
    cdef double *net               # (3, pairs) net flows at the step's start, middle and end
    cdef double *flow              # (2, nnz) what flows along each coupling in each half, as a share of all systems
    cdef double *rho               # (3, P) |Psi_a|^2 at the step's start, middle and end
    cdef double *coming            # (P,) what comes to and leaves each beable in unit time, at some time
    cdef double *leaving
    cdef double *came              # (P,) what has come so far in the step
    cdef double *through           # (P,) int int_{s < u} coming(s) leaving(u)
    cdef double *low               # (P,) the least |Psi_a|^2 seen
    cdef double *over              # (P,) 1/|Psi_a|^2 at the step's start, 0 of the faintest
    cdef double *hurry             # (P,) as coming, rushed, hurried as came, through: each flow in shares of those
    cdef double *points            # (6, P, 12) work space: what is known at some times of a step
    cdef double *rushed            # who are where it comes from
    cdef double *hurried

    cdef void expand(self, double longest) noexcept nogil
    cdef void look_at(self, double t) noexcept nogil
    cdef void gather(self) noexcept nogil
    cdef double flow_at(self, Py_ssize_t b, Py_ssize_t e, double t, bint net) noexcept nogil
    cdef double turn_of(self, Py_ssize_t b, Py_ssize_t e, double begin, double end) noexcept nogil
    cdef void turn_round(self, double begin, double h, const double *net, double *flow) noexcept nogil
    cdef double halves(self, double h) noexcept nogil
    cdef double lost(self, Py_ssize_t a) noexcept nogil
    cdef void plan(self, double left, double chance, double smallest) noexcept nogil
    cdef void go(self) noexcept nogil
