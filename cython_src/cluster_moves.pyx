# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Who moves along the couplings of a stiff cluster in a substep: drawn as in the whole lattice's step (moves.pyx)."""
from libc.math cimport fabs, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport Work
from copympi.kernels.cluster cimport Cluster, Edge, share_at
from copympi.kernels.diagonals cimport GAUSS_HIGH, GAUSS_LOW, stretch
from copympi.kernels.draws cimport draw_normal
from copympi.kernels.flow_tracks cimport follow_substep
from copympi.kernels.move_log cimport note_moves
from copympi.kernels.moves cimport draw_leavers_of, insert_change, moving_share, second_flow, second_mean
from copympi.kernels.pair cimport pair_flow


cdef inline double there(const Cluster *g, const Edge *e, bint inner, bint late) noexcept nogil:
    """Members at one end of an edge at a Gauss point, along the path."""
    cdef const double *c = g.late if late else g.early
    cdef int32_t n = g.size, i
    if inner or e.j >= 0:
        i = e.i if inner else e.j
        return c[i] * c[i] + c[n + i] * c[n + i]
    return e.x * e.x + e.y * e.y if late else e.xb * e.xb + e.yb * e.yb


cdef void insert_outside(Cluster *g, Edge *e, double kick, double t, bint late) noexcept nogil:
    """A calm beable outside gets `kick` members beyond the path's, at time t of the lattice's step."""
    cdef Work *w = g.w
    cdef Py_ssize_t b = e.b
    cdef double x = e.x if late else e.xb, y = e.y if late else e.yb
    cdef double m = x * x + y * y, share
    if m == 0.0 or kick == 0.0:
        return
    share = stretch(kick / m)
    w.share0[b] += share * (1.0 + share_at(g, b, g.t + 0.5 * g.dt))
    insert_change(w, g.d.P, b, share, x, y, g.x.h - t)


cdef inline int64_t draw_edge(Cluster *g, Edge *e, bint inner, double mean) noexcept nogil:
    """Members that leave the cluster's beable of an edge (inner), or its other end."""
    cdef Py_ssize_t a = g.w.queue[e.i] if inner else e.b
    cdef int64_t drawn = draw_leavers_of(&g.stream, g.x.n[a], g.x.spectators, mean, g.w.gone + a, g.w.taken + a)
    g.events += drawn
    return drawn


cdef void forget_draws(Cluster *g) noexcept nogil:
    cdef int64_t k
    cdef Py_ssize_t a
    for k in range(g.edges):
        a = g.w.queue[g.edge[k].i]
        g.w.gone[a] = 0
        g.w.taken[a] = 0.0
        g.w.moved[a] = 0
        a = g.edge[k].b
        g.w.gone[a] = 0
        g.w.taken[a] = 0.0
        g.w.moved[a] = 0


cdef void settle_draws(Cluster *g) noexcept nogil:
    """Whole numbers take what has been drawn."""
    cdef int64_t k
    cdef int32_t i
    cdef Py_ssize_t a
    for i in range(g.size):
        a = g.w.queue[i]
        if g.x.n[a] > 0:
            g.x.n[a] += g.w.moved[a]
    for k in range(g.edges):
        if g.edge[k].j < 0:
            a = g.edge[k].b
            if g.x.n[a] > 0:
                g.x.n[a] += g.w.moved[a]
            g.w.moved[a] = 0


cdef inline void kick_edge(Cluster *g, Edge *e) noexcept nogil:
    """Noise between beables that are both many, and what spectators keep back, at both Gauss points of a substep."""
    cdef int32_t n = g.size
    cdef double flow, mean, kick
    cdef double *kicked
    cdef int point
    for point in range(2):
        flow = 0.5 * g.dt * (e.late if point else e.early)
        mean = flow * moving_share(g.x.spectators, there(g, e, flow > 0.0, point))
        kick = sqrt(fabs(mean)) * draw_normal(&g.stream)
        g.events += max(0.0, fabs(mean) + (kick if flow > 0.0 else -kick))
        e.mean[point] = mean
        e.net[point] = mean + kick
        kick += mean - flow
        kicked = g.first + n * (point + 1)
        kicked[e.i] -= kick
        if e.j >= 0:
            kicked[e.j] += kick
        else:
            insert_outside(g, e, kick, g.t + (GAUSS_HIGH if point else GAUSS_LOW) * g.dt, point)


cdef inline void draw_first_of(Cluster *g, Edge *e) noexcept nogil:
    """First half of what moves along an edge whose members are counted."""
    cdef double flow = 0.5 * g.dt * e.early, mean
    cdef int64_t drawn
    mean = fabs(flow) * moving_share(g.x.spectators, there(g, e, flow > 0.0, False))
    drawn = draw_edge(g, e, flow > 0.0, mean)
    if flow > 0.0:
        g.lead[e.i] += drawn - mean
    elif e.j >= 0:
        g.lead[e.j] += drawn - mean
    if flow < 0.0:
        drawn = -drawn
    e.net[0] = <double> drawn
    g.w.moved[g.w.queue[e.i]] -= drawn
    g.w.moved[e.b] += drawn
    g.first[e.i] -= drawn - flow
    if e.j >= 0:
        g.first[e.j] += drawn - flow
    else:
        insert_outside(g, e, drawn - flow, g.t, False)


cdef void draw_early(Cluster *g) noexcept nogil:
    """Kicks between those who are many, first draws of the rest: g.first."""
    cdef int32_t n = g.size
    cdef int64_t k
    cdef Edge *e
    memset(g.first, 0, 3 * n * sizeof(double))
    memset(g.last, 0, n * sizeof(double))
    memset(g.lead, 0, n * sizeof(double))
    forget_draws(g)
    for k in range(g.edges):
        e = g.edge + k
        e.net[0] = 0.0
        if not e.counted:
            kick_edge(g, e)
        elif g.x.n[g.w.queue[e.i]] != 0 and g.x.n[e.b] != 0:
            draw_first_of(g, e)
    if g.w.tracks != NULL:
        follow_substep(g, False)
    if g.w.moves != NULL:
        note_moves(g, False)
    settle_draws(g)


cdef inline int64_t draw_second_of(Cluster *g, Edge *e, double mean, double old) noexcept nogil:
    """Members that move along an edge in the second draw of this mean, negative: from its other end. `old`: the rate
    along the path at the second Gauss point."""
    cdef bint inner = mean > 0.0
    cdef Py_ssize_t source = g.w.queue[e.i] if inner else e.b
    cdef double lead = g.lead[e.i] if inner else g.lead[e.j] if e.j >= 0 else 0.0
    cdef int64_t drawn
    mean = fabs(mean)
    if (old > 0.0) == inner:
        mean = second_mean(mean, 0.5 * g.dt * fabs(old), g.x.n[source] - g.x.spectators, lead)
    drawn = draw_edge(g, e, inner, mean)
    return drawn if inner else -drawn


cdef inline void finish_edge(Cluster *g, Edge *e) noexcept nogil:
    """Second half of what moves along an edge; where it is not counted what noise changes in what spectators keep."""
    cdef int32_t n = g.size
    cdef double over = 1.0 / g.dt, old = e.late, new, flow, xi, yi, xj = e.x, yj = e.y, moved
    cdef int64_t drawn = 0
    cdef Py_ssize_t a = g.w.queue[e.i]
    xi = g.late[e.i] + over * g.E[e.i]
    yi = g.late[n + e.i] + over * g.E[n + e.i]
    if e.j >= 0:
        xj = g.late[e.j] + over * g.E[e.j]
        yj = g.late[n + e.j] + over * g.E[n + e.j]
    new = pair_flow(e.re, e.im, xi, yi, xj, yj)
    flow = second_flow(g.dt, old, new)
    old *= moving_share(g.x.spectators, there(g, e, old > 0.0, True))
    new *= moving_share(g.x.spectators, xi * xi + yi * yi if new > 0.0 else xj * xj + yj * yj)
    if not e.counted:
        moved = g.dt * (new - old) - (flow - 0.5 * g.dt * e.late)
    else:
        if g.x.n[a] != 0 and g.x.n[e.b] != 0:
            drawn = draw_second_of(g, e, second_flow(g.dt, old, new), old)
        g.w.moved[a] -= drawn
        g.w.moved[e.b] += drawn
        e.net[1] = <double> drawn
        moved = drawn - flow
    g.last[e.i] -= moved
    if e.j >= 0:
        g.last[e.j] += moved
    else:
        insert_outside(g, e, moved, g.t + g.dt, True)


cdef void draw_late(Cluster *g) noexcept nogil:
    """Second draws: g.last."""
    cdef int64_t k
    forget_draws(g)
    for k in range(g.edges):
        if g.edge[k].counted or g.x.spectators:
            finish_edge(g, g.edge + k)
    if g.w.tracks != NULL:
        follow_substep(g, True)
    if g.w.moves != NULL:
        note_moves(g, True)
    settle_draws(g)
