# cython: language_level=3, cdivision=True
from libc.math cimport sqrt
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.elementary cimport fmin
from copympi.kernels.streams cimport Stream
from copympi.kernels.tracker cimport Followed

cdef class Events:
    cdef double[::1] memory
    cdef int64_t[::1] numbers
    cdef double *u             # (2, P) e^{-i phi} of beables that go event by event, less the shift's turn
    cdef double *root          # (P,) sqrt(n) of these; of the others the largest amplitude in the time looked at
    cdef double *drive         # (5, 2, P) Taylor coefficients of sum_b H_ab c_b over the others b
    cdef double *c             # (2, P) amplitudes in a stage; 0 of the others
    cdef double *stage         # (2, P)
    cdef double *sum           # (2, P)
    cdef double *rate          # (P,) dphi/dt
    cdef double *weight        # (pairs,) bounds on the copies of a pair in unit time
    cdef double total          # their sum
    cdef int64_t *single       # (P,) 1 where a beable goes event by event
    cdef int64_t *best         # (P,) the same, of the best choice so far
    cdef int64_t *beable       # (singles,) those beables
    cdef int64_t *pair         # (pairs,) pairs with at least one of them
    cdef Py_ssize_t singles, pairs
    cdef bint driven           # whether there are others
    cdef double angle          # radians that a phase may turn in a step of the integrator


cdef inline double angle_of(double tolerance) noexcept nogil:
    """Radians a step of the integrator by which phases err by about 0.1 of the tolerance a radian; 0: no matter."""
    return 0.25 * sqrt(sqrt(fmin(1.0, tolerance / 1e-4))) if tolerance > 0.0 else 0.25


cdef void list_singles(const System *s, Events g) noexcept nogil
cdef void start_phases(const System *s, const double *phase, Events g) noexcept nogil
cdef void set_drive(const System *s, const double *v, double t, Events g) noexcept nogil
cdef double run_events(const System *s, Events g, const double *omega, const double *v, int64_t spectators, double t,
                       int64_t most, Stream *stream, int64_t *n, int64_t *copies,
                       const Followed *followed) noexcept nogil
