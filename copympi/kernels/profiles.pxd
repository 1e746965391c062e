# cython: language_level=3
# How flows go within a half step of aligned members: see cython_src/profile.h and profiles.pyx.
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.flows cimport Scratch
from copympi.kernels.general cimport Law, Room
from copympi.kernels.plans cimport Plan

cdef extern from "profile.h" nogil:
    double profile_moment(double start, double middle, double end, double luck)

cdef void profile_flows(const System *s, const int64_t *n, const Plan *plan, int half, Scratch w,
                        double *profile) noexcept nogil
cdef void profile_rates(const Law *l, int64_t spectators, const int64_t *n, const Plan *plan, int half, Room w,
                        double *profile) noexcept nogil
