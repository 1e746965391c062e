# cython: language_level=3
from libc.stdint cimport int32_t, int64_t, uint64_t

# Individual systems among many of which only numbers are known; see tracker.h, and Tracker in tracker.pyx.
cdef extern from "tracker.h" nogil:
    ctypedef struct Bucket:
        int32_t *who
        int64_t size
    ctypedef struct Jump:
        double time
        double phase
        int32_t replica
        int32_t who
        int32_t source "from"
        int32_t target "to"
    ctypedef struct Tracks:
        int64_t places, followed, replicas
        Bucket *bucket
        int32_t *place
        Jump *jump
        void *spare
        int64_t jumps, room
        int64_t begin, flying
        uint64_t seed
        uint64_t *purpose
        uint64_t first_replica
        int32_t replica
        int failed
    ctypedef void (*Profile)(void *of, int64_t source, int64_t target, double *ends) noexcept
    int bucket_add(Tracks *t, Bucket *b, int32_t who)
    # a half step's moves: set out; how many are followed at a place; who leaves it; when; and all arrive
    void tracker_open(Tracks *t, int64_t replica, uint64_t block, uint64_t step)
    int64_t tracker_size(const Tracks *t, int64_t place)
    void tracker_leave(Tracks *t, int64_t source, int64_t movable, const int64_t *leave, const int64_t *target,
                       int64_t count)
    void tracker_leave_by_chance(Tracks *t, int64_t source, const double *chance, const int64_t *target, int64_t count)
    void tracker_times(Tracks *t, Profile profile, void *of, double begin, double end)
    void tracker_land(Tracks *t, double begin, double end)
    # single copies; the second where simultaneous moves of the same half step follow
    int tracker_one(Tracks *t, int64_t source, int64_t target, int64_t movable, double time)
    void tracker_one_before(Tracks *t, int64_t source, int64_t target, int64_t movable, double time)


# Single copies in a time that ends at `end`: whose they are. In a half step whose other moves follow, `more`.
cdef struct Followed:
    Tracks *tracks
    double end
    double span
    bint more


cdef class Tracker:
    cdef Tracks tracks
    cdef readonly object place
    cdef int32_t[:, ::1] places


cdef inline void follow_copy(const Followed *f, double now, int64_t source, int64_t target,
                             int64_t movable) noexcept nogil:
    """One of `movable` members has copied, `now` after the time's begin."""
    cdef double time = f.end - (f.span - now)
    if f.more:
        tracker_one_before(f.tracks, source, target, movable, time)
    else:
        tracker_one(f.tracks, source, target, movable, time)


cdef inline Tracks *tracks_of(Tracker tracker) noexcept:
    """What kernels are given: NULL where nobody is followed."""
    return &tracker.tracks if tracker is not None else NULL
