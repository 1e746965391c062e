# cython: language_level=3
from libc.stdint cimport int64_t, uint64_t

from copympi.kernels.bonds cimport Replica, Workspace
from copympi.kernels.cluster cimport Cluster
from copympi.kernels.flow_tracks cimport LatticeTracks
from copympi.kernels.step_control cimport StepControl

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
