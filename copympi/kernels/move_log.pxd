# cython: language_level=3
# Moves in the substeps of stiff clusters, where members have an identity: see cython_src/move_log.h.
from libc.math cimport fabs
from libc.stdint cimport int64_t, uint32_t

from copympi.kernels.cluster cimport Cluster, Edge
from copympi.kernels.diagonals cimport GAUSS_HIGH, GAUSS_LOW
from copympi.kernels.marks cimport Marked

cdef extern from "move_log.h" nogil:
    ctypedef struct Move:
        int64_t source
        int64_t target
        int64_t count
        int64_t group
        double begin
        double end
        double *flow
    ctypedef struct MoveLog:
        Move *move
        int64_t moves
        int64_t room
        int64_t groups
        bint lost
    void log_move(MoveLog *log, Move move)
    double mark_luck_of(const Marked *m, int64_t replica, int64_t block, int64_t window, uint32_t id)


cdef inline void flow_between(double early, double late, double begin, double end, double sign,
                              double *flow) noexcept nogil:
    """A flow along the straight line through its values at the Gauss points of a stretch of time: at parts begin and
    end of the stretch, and half way between."""
    cdef double slope = (late - early) / (GAUSS_HIGH - GAUSS_LOW)
    flow[0] = sign * (early + (begin - GAUSS_LOW) * slope)
    flow[1] = sign * (early + (0.5 * (begin + end) - GAUSS_LOW) * slope)
    flow[2] = sign * (early + (end - GAUSS_LOW) * slope)


cdef inline void note_moves(Cluster *g, bint late) noexcept nogil:
    """Note who has been drawn along the edges of a cluster in the first or second half of a substep."""
    cdef MoveLog *log = <MoveLog *> g.w.moves
    cdef Move move
    cdef const Edge *e
    cdef int64_t k
    cdef double net
    log.groups += 1
    move.group = log.groups
    move.begin = g.t + (0.5 * g.dt if late else 0.0)
    move.end = g.t + (g.dt if late else 0.5 * g.dt)
    for k in range(g.edges):
        e = g.edge + k
        net = e.net[late]
        if net == 0.0:
            continue
        move.source = g.w.queue[e.i] if net > 0.0 else e.b
        move.target = e.b if net > 0.0 else g.w.queue[e.i]
        move.count = <int64_t> fabs(net)
        flow_between(e.early, e.late, 0.5 if late else 0.0, 1.0 if late else 0.5, 1.0 if net > 0.0 else -1.0, move.flow)
        log_move(log, move)
