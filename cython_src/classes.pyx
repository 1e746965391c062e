# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Replicas as phase classes (a, phi) of members with counts, as the kernels that move and copy them are given them."""
from libc.stdint cimport int64_t

from copympi.kernels.checks cimport need
from copympi.kernels.class_tracks cimport ClassTracks


cdef class Classes:
    """K phase classes of each beable in R replicas of a system of P beables.

    z (R, 2, P, K) : e^{i phi} of each class, re and im; count (R, P, K) : its members; n (R, P) : members of each
    beable; spectators (P, K) int64 : members of each class who never copy, alike in all replicas. n and count are
    int64, or beyond 2^63 both whole numbers in doubles. Kernels change n, z and count in place. ValueError (or
    TypeError) where something does not fit; counts are looked at again whenever a kernel is called.
    """

    def __cinit__(self, *, n not None, double[:, :, :, ::1] z not None, count not None,
                  const int64_t[:, ::1] spectators not None):
        self.whole = count.dtype.kind == "i"
        if self.whole:
            self.n = n
            self.count = count
            shape = (self.n.shape[0], self.n.shape[1], self.count.shape[0], self.count.shape[1], self.count.shape[2])
        else:
            self.real_n = n
            self.real_count = count
            shape = (self.real_n.shape[0], self.real_n.shape[1], self.real_count.shape[0], self.real_count.shape[1],
                     self.real_count.shape[2])
        self.R = z.shape[0]
        self.P = z.shape[2]
        self.K = z.shape[3]
        need(z.shape[1] == 2 and self.K > 0, "z: must be (R, 2, P, K)")
        need(shape == (self.R, self.P, self.R, self.P, self.K), "n: must be (R, P); count: (R, P, K)")
        need(spectators.shape[0] == self.P and spectators.shape[1] == self.K, "spectators: must be (P, K)")
        self.z = z
        self.spectators = spectators
        self.need_whole(self.R, self.P)

    def follow(self, ClassTracks tracks not None):
        """Kernels that copy tell these what moves. ValueError where their places are not the classes."""
        need(tracks.tracker.tracks.places == self.P * self.K and tracks.tracker.tracks.replicas == self.R,
             "tracks: of other places, or of another number of replicas")
        self.tracks = tracks
        self.followed = &tracks.followed

    cdef int need_whole(self, Py_ssize_t replicas, Py_ssize_t P) except -1:
        """ValueError where these are not so many replicas and beables, or integers that do not add up to n."""
        cdef Py_ssize_t r, a, k
        cdef int64_t left
        if self.R != replicas or self.P != P:
            raise ValueError("classes: of another number of replicas, or of another system")
        if not self.whole:
            return 0
        for r in range(self.R):
            for a in range(P):
                left = self.n[r, a]
                for k in range(self.K):
                    if self.spectators[a, k] < 0 or self.count[r, a, k] < self.spectators[a, k]:
                        raise ValueError(f"count[{r}, {a}, {k}]: must be at least its spectators, these at least 0")
                    left -= self.count[r, a, k]
                if left != 0:
                    raise ValueError(f"count[{r}, {a}]: must add up to n[{r}, {a}]")
        return 0
