# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Individual systems among many of which only numbers are known: where each is, and its jumps; see tracker.h."""
import numpy as np
from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free

from copympi.kernels.checks cimport need

cdef extern from "tracker.h" nogil:
    ctypedef struct Slope:
        pass
    Slope slope_of(double f, double g)
    double share_at(const Slope *l, double u)

cdef extern from *:
    """
    /* Jumps as columns; phase may be NULL. Whose id it is lies anywhere in memory, so it is fetched ahead. */
    static void columns_of(const Tracks *t, const int64_t *ids, int32_t finer, double *time, int64_t *replica,
                           int64_t *member, int32_t *source, int32_t *target, double *phase) {
        const int64_t K = t->jumps, ahead = 32;
        for (int64_t k = 0; k < K; k++) {
            const Jump *j = t->jump + k;
            if (k + ahead < K)
                __builtin_prefetch(ids + j[ahead].who);
            time[k] = j->time;
            replica[k] = (int64_t)t->first_replica + j->replica;
            member[k] = ids[j->who];
            source[k] = j->from;
            target[k] = j->to;
        }
        for (int64_t k = 0; finer > 1 && k < K; k++) {
            source[k] /= finer;
            target[k] /= finer;
        }
        for (int64_t k = 0; phase && k < K; k++)
            phase[k] = t->jump[k].phase;
    }
    """
    void columns_of(const Tracks *t, const int64_t *ids, int32_t finer, double *time, int64_t *replica, int64_t *member,
                    int32_t *source, int32_t *target, double *phase) nogil


cdef class Tracker:
    """M members that are followed in each of R replicas. They are numbered 0..M - 1; what they hold is a place.

    Places are beables, or finer: kernels that move members say what they are. Everybody starts at start (M,), in every
    replica. place (R, M) int32: where they are; -1 of who has left. first_replica : of these among all ranks', by which
    draws are keyed. purposes : of draws of who jumps, and of when.

    The order in which the members of a place stand in its list is part of the state: `order` and `place` say all.
    ValueError (or TypeError) where something does not fit.
    """

    def __cinit__(self, const int32_t[::1] start not None, *, Py_ssize_t replicas, Py_ssize_t places,
                  uint64_t first_replica, uint64_t seed, purposes):
        cdef Tracks *t = &self.tracks
        cdef Py_ssize_t i
        need(replicas >= 0 and places > 0, "replicas, places: must not be negative, and some")
        for i in range(start.shape[0]):
            need(0 <= start[i] < places, "start: must be places")
        self.place = np.tile(np.asarray(start), (replicas, 1))
        self.places = self.place
        t.places, t.followed, t.replicas = places, start.shape[0], replicas
        t.seed, t.first_replica = seed, first_replica
        t.purpose[0], t.purpose[1] = purposes[0], purposes[1]
        t.place = &self.places[0, 0] if replicas and start.shape[0] else NULL
        t.bucket = <Bucket *> calloc(max(1, replicas * places), sizeof(Bucket))
        if t.bucket == NULL:
            raise MemoryError
        self.restore(np.tile(np.argsort(start, kind="stable").astype(np.int32), (replicas, 1)))

    def __dealloc__(self):
        cdef Py_ssize_t i
        if self.tracks.bucket != NULL:
            for i in range(self.tracks.replicas * self.tracks.places):
                free(self.tracks.bucket[i].who)
        free(self.tracks.bucket)
        free(self.tracks.jump)
        free(self.tracks.spare)

    def order(self, int32_t[:, ::1] out not None):
        """Who stands where: the members of each place in the order of its list, place after place, who has left last;
        into out (R, M)."""
        cdef Tracks *t = &self.tracks
        cdef Py_ssize_t r, a, i, k
        cdef Bucket *b
        need(out.shape[0] == t.replicas and out.shape[1] == t.followed, "out: must be (R, M)")
        for r in range(t.replicas):
            k = 0
            for a in range(t.places):
                b = t.bucket + r * t.places + a
                for i in range(b.size):
                    out[r, k] = b.who[i]
                    k += 1
            for i in range(t.followed):
                if self.places[r, i] < 0:
                    out[r, k] = i
                    k += 1

    def restore(self, const int32_t[:, ::1] order not None):
        """Go on from what `order` gave out, and `place`, which the caller has filled; jumps not yet taken are lost."""
        cdef Tracks *t = &self.tracks
        cdef Py_ssize_t r, i
        cdef int32_t who, place
        need(order.shape[0] == t.replicas and order.shape[1] == t.followed, "order: must be (R, M)")
        t.jumps = t.begin = t.flying = 0
        for i in range(t.replicas * t.places):
            t.bucket[i].size = 0
        for r in range(t.replicas):
            for i in range(t.followed):
                who = order[r, i]
                need(0 <= who < t.followed, "order: must be numbers of members")
                place = self.places[r, who]
                need(-1 <= place < t.places, "place: must be places, or -1")
                if place >= 0 and not bucket_add(t, t.bucket + r * t.places + place, who):
                    raise MemoryError

    def empty(self, const uint8_t[::1] gone not None):
        """Who is at a place that is marked in gone (places,) has left: no jump is made of it."""
        cdef Tracks *t = &self.tracks
        cdef Py_ssize_t r, a, i
        cdef Bucket *b
        need(gone.shape[0] == t.places, "gone: must be (places,)")
        for r in range(t.replicas):
            for a in range(t.places):
                if gone[a]:
                    b = t.bucket + r * t.places + a
                    for i in range(b.size):
                        self.places[r, b.who[i]] = -1
                    b.size = 0

    def take(self, const int64_t[::1] ids not None, Py_ssize_t finer, bint phases):
        """Jumps since the last call, in order of time of each replica, which are then forgotten: time float64, replica
        (among all ranks') and member (its id) int64, source, target int32, beables, (K,) each; with `phases` that too.

        ids (M,): of those that are followed; finer: places that make a beable. MemoryError where there was not enough.
        """
        cdef Tracks *t = &self.tracks
        cdef Py_ssize_t K = t.jumps
        cdef Py_buffer at[6]
        cdef int held = 0, i
        need(ids.shape[0] == t.followed and finer > 0, "ids, finer: must be (M,), and positive")
        if t.failed:
            raise MemoryError("histories of individual systems")
        found = {"time": np.empty(K), "replica": np.empty(K, np.int64), "member": np.empty(K, np.int64),
                 "source": np.empty(K, np.int32), "target": np.empty(K, np.int32)}
        if phases:
            found["phase"] = np.empty(K)
        if K:
            try:
                for column in found.values():
                    PyObject_GetBuffer(column, &at[held], PyBUF_WRITABLE)
                    held += 1
                with nogil:
                    columns_of(t, &ids[0], <int32_t> finer, <double *> at[0].buf, <int64_t *> at[1].buf,
                               <int64_t *> at[2].buf, <int32_t *> at[3].buf, <int32_t *> at[4].buf,
                               <double *> at[5].buf if held == 6 else NULL)
            finally:
                for i in range(held):
                    PyBuffer_Release(&at[i])
        t.jumps = t.begin = t.flying = 0
        return found

    @property
    def waiting(self):
        """How many jumps have not been taken yet; some where there was no memory for them, so that `take` says so."""
        return self.tracks.jumps or self.tracks.failed


def shares(const double[::1] u not None, double first, double last):
    """Which parts of a time members move at whose flow goes linearly from `first` to `last`, for u (K,) in (0, 1]: for
    tests."""
    cdef double[::1] out = np.empty(u.shape[0])
    cdef Slope slope = slope_of(first, last)
    cdef Py_ssize_t i
    for i in range(u.shape[0]):
        out[i] = share_at(&slope, u[i])
    return np.asarray(out)
