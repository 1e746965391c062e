# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.plans cimport FieldPlan
from copympi.kernels.tracker cimport Tracker, Tracks

# Members of phase classes who are followed, and by what all phases turn besides: by `turn` up to time `since`, then by
# `shift` radians in unit time.
cdef struct FollowedClasses:
    Tracks *tracks
    int64_t *targets       # (most classes that one may copy,)
    double stop            # time of the stop that steps lead to
    double shift
    double since
    double turn

# A step whose copies are made at mid-step.
cdef struct Classed:
    FollowedClasses *followed
    const System *system
    const FieldPlan *plan
    const double *z        # (2, P, K) at mid-step
    Py_ssize_t K
    double begin           # time

cdef class ClassTracks:
    cdef readonly Tracker tracker
    cdef FollowedClasses followed
    cdef int64_t[::1] targets

cdef Classed set_out(FollowedClasses *followed, const System *s, const FieldPlan *plan, const double *z,
                     Py_ssize_t K) noexcept nogil
cdef void leave_class(Classed *c, int64_t k, int64_t movable, const int64_t *leave) noexcept nogil
cdef void leave_large_class(Classed *c, int64_t k, double movable, double *leave) noexcept nogil
cdef void arrive(Classed *c) noexcept nogil
cdef void copy_at(Classed *c, int64_t k, int64_t target, int64_t movable, double left) noexcept nogil
cdef void copy_of_value(FollowedClasses *followed, int64_t k, int64_t target, int64_t movable, double left,
                        const double *v) noexcept nogil
