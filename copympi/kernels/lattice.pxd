# cython: language_level=3
from libc.stdint cimport int64_t, uint64_t

from copympi.kernels.bonds cimport Replica, Work, Workspace
from copympi.kernels.cluster cimport Cluster
from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.flow_tracks cimport LatticeTracks
from copympi.kernels.step_control cimport StepControl

cdef double NOISE, COUNTED_TURN

cdef class Replicas:
    cdef Workspace workspace
    cdef LatticeTracks tracks
    cdef int64_t[:, ::1] n
    cdef double[:, :, ::1] c
    cdef double[:, :, ::1] mean
    cdef double[::1] time_left
    cdef int64_t[::1] step
    cdef double[::1] events
    cdef double[::1] largest_chance
    cdef int64_t[::1] substeps
    cdef const int64_t[::1] total
    cdef const double[::1] members
    cdef Py_ssize_t first
    cdef Replica x             # the one whose turn it is,
    cdef Py_ssize_t turn       # and its place among all
    cdef Cluster g             # its stiff cluster whose turn it is
    cdef bint unfinished       # whether its step has begun
    cdef void take_turn(self, Py_ssize_t r, uint64_t seed, uint64_t purpose, StepControl control) noexcept nogil
    cdef void note_step(self) noexcept nogil

cdef enum:
    LAST_LOOKED = 2            # pass of look_pass
    LAST_CALM = 6              # of calm_pass

cdef void look_pass(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil
cdef void note_chance(Replica *x, const Work *w) noexcept nogil
cdef void calm_pass(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil
cdef void sum_up_kicks(const Diagonals *d, Work *w) noexcept nogil
cdef void forget_parts(const Diagonals *d, Work *w) noexcept nogil
cdef void lead_on_area(const Diagonals *d, Work *w) noexcept nogil
cdef void lead_on_noise(const Diagonals *d, Work *w) noexcept nogil
cdef void add_events(const Diagonals *d, Replica *x, const Work *w) noexcept nogil
