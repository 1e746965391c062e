# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.class_tracks cimport ClassTracks, FollowedClasses

cdef class Classes:
    cdef double[:, :, :, ::1] z        # (R, 2, P, K)
    cdef int64_t[:, ::1] n             # (R, P) and
    cdef int64_t[:, :, ::1] count      # (R, P, K) where counts are integers,
    cdef double[:, ::1] real_n         # and the same
    cdef double[:, :, ::1] real_count  # where they are doubles
    cdef const int64_t[:, ::1] spectators  # (P, K)
    cdef FollowedClasses *followed            # of its members; NULL where nobody is
    cdef ClassTracks tracks            # whose that is
    cdef bint whole
    cdef Py_ssize_t R
    cdef Py_ssize_t P
    cdef Py_ssize_t K
    cdef int need_whole(self, Py_ssize_t replicas, Py_ssize_t P) except -1
