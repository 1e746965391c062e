# cython: language_level=3
from libc.stdint cimport int32_t, int64_t, uint64_t

from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.cluster cimport Cluster
from copympi.kernels.couplings cimport System
from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.tracker cimport Tracker, Tracks

cdef extern from "flow_tracks.h" nogil:
    ctypedef struct Way:
        int64_t target
        double go
        double *flow
    ctypedef struct Ways:
        double movable
        int whole
        int64_t count
        Way *way
    ctypedef struct FlowTracks:
        Tracks *t
        int32_t *occupied
        int32_t *seat
        int64_t *occupants
        double *last
        double begin
        double end
        double step_end
        uint64_t piece
        uint64_t step
        Ways ways
        void *change
        int64_t changes
        void *flight
        void *held
        int64_t committed
        int rewound
    ctypedef void (*Asked)(void *of, int64_t place, Ways *ways) noexcept
    double members_of_noise(double mean, double z)
    double linear_share(double u, double f, double g)
    double linear_gone(double x, double f, double g)
    int64_t flow_size(const FlowTracks *f, int64_t place)
    void flow_ask(FlowTracks *f, Asked asked, void *of, int64_t place)
    void flow_ask_all(FlowTracks *f, Asked asked, void *of)
    void flow_land(FlowTracks *f)
    void flow_commit(FlowTracks *f)
    void flow_rewind(FlowTracks *f)
    void flow_redo(FlowTracks *f)

# What hangs in Work.tracks while members of a lattice are followed.
cdef struct FollowedSites:
    FlowTracks flows
    const System *system
    double stop            # time of the stop that steps lead to
    double begin           # of the step
    int64_t *edge_at       # (P,) where the edges of a cluster's beables begin

cdef class LatticeTracks:
    cdef readonly Tracker tracker
    cdef FollowedSites followed
    cdef object owners, bound  # of the memory that `followed` points into
    cdef double[::1] first_kick
    cdef int64_t[::1] drawn
    cdef void hang_in(self, Work *w) noexcept

cdef void begin_followed(Work *w, Py_ssize_t replica, double time_left) noexcept nogil
cdef void follow_half(const Diagonals *d, Replica *x, Work *w, bint late) noexcept nogil
cdef void follow_substep(Cluster *g, bint late) noexcept nogil
cdef void end_followed(Work *w) noexcept nogil
