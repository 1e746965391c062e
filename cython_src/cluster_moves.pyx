# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Who moves along the couplings of a stiff cluster in a substep: drawn as in the whole lattice's step (moves.pyx)."""
from libc.math cimport fabs, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport Work
from copympi.kernels.cluster cimport Cluster, Edge, share_at
from copympi.kernels.diagonals cimport GAUSS_HIGH, GAUSS_LOW, stretch
from copympi.kernels.draws cimport draw_normal
from copympi.kernels.moves cimport draw_leavers_of, part, rate_of


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
    cdef Py_ssize_t P = g.d.P, b = e.b
    cdef double x = e.x if late else e.xb, y = e.y if late else e.yb
    cdef double m = x * x + y * y, s = g.x.h - t, share
    if m == 0.0 or kick == 0.0:
        return
    share = stretch(kick / m)
    w.share0[b] += share * (1.0 + share_at(g, b, g.t + 0.5 * g.dt))
    w.D0[b] += share * x
    w.D0[P + b] += share * y
    w.D1[b] += s * share * x
    w.D1[P + b] += s * share * y
    w.D2[b] += 0.5 * s * s * share * x
    w.D2[P + b] += 0.5 * s * s * share * y


cdef inline int64_t draw_edge(Cluster *g, Edge *e, bint inner, double mean) noexcept nogil:
    """Members that leave the cluster's beable of an edge (inner), or its other end."""
    cdef Py_ssize_t a = g.w.queue[e.i] if inner else e.b
    cdef int64_t drawn = draw_leavers_of(&g.stream, g.x.n[a], g.x.pinned, mean, g.w.gone + a, g.w.taken + a)
    g.x.events += drawn
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


cdef void draw_early(Cluster *g) noexcept nogil:
    """Kicks between those who are many, first draws of the rest: g.first."""
    cdef int32_t n = g.size
    cdef double half = 0.5 * g.dt, flow, mean, kick
    cdef double *kicked
    cdef int64_t k, drawn
    cdef Edge *e
    cdef int point
    memset(g.first, 0, 3 * n * sizeof(double))
    memset(g.last, 0, n * sizeof(double))
    memset(g.lead, 0, n * sizeof(double))
    forget_draws(g)
    for k in range(g.edges):
        e = g.edge + k
        if not e.counted:
            for point in range(2):
                flow = half * (e.late if point else e.early)
                mean = flow * part(g.x.pinned, there(g, e, flow > 0.0, point))
                kick = sqrt(fabs(mean)) * draw_normal(&g.stream)
                g.x.events += max(0.0, fabs(mean) + (kick if flow > 0.0 else -kick))
                kick += mean - flow
                kicked = g.first + n * (point + 1)
                kicked[e.i] -= kick
                if e.j >= 0:
                    kicked[e.j] += kick
                else:
                    insert_outside(g, e, kick, g.t + (GAUSS_HIGH if point else GAUSS_LOW) * g.dt, point)
            continue
        if g.x.n[g.w.queue[e.i]] == 0 or g.x.n[e.b] == 0:
            continue
        flow = half * e.early
        mean = fabs(flow) * part(g.x.pinned, there(g, e, flow > 0.0, False))
        drawn = draw_edge(g, e, flow > 0.0, mean)
        if flow > 0.0:
            g.lead[e.i] += drawn - mean
        elif e.j >= 0:
            g.lead[e.j] += drawn - mean
        if flow < 0.0:
            drawn = -drawn
        g.w.moved[g.w.queue[e.i]] -= drawn
        g.w.moved[e.b] += drawn
        g.first[e.i] -= drawn - flow
        if e.j >= 0:
            g.first[e.j] += drawn - flow
        else:
            insert_outside(g, e, drawn - flow, g.t, False)
    settle_draws(g)


cdef void draw_late(Cluster *g) noexcept nogil:
    """Second draws: g.last."""
    cdef int32_t n = g.size
    cdef double half = 0.5 * g.dt, over = 1.0 / g.dt, old, new, flow, mean, xi, yi, xj, yj
    cdef int64_t k, drawn
    cdef Edge *e
    cdef bint inner
    cdef Py_ssize_t a
    forget_draws(g)
    for k in range(g.edges):
        e = g.edge + k
        if not e.counted and g.x.pinned == 0:
            continue
        xi = g.late[e.i] + over * g.E[e.i]
        yi = g.late[n + e.i] + over * g.E[n + e.i]
        if e.j >= 0:
            xj = g.late[e.j] + over * g.E[e.j]
            yj = g.late[n + e.j] + over * g.E[n + e.j]
        else:
            xj = e.x
            yj = e.y
        old = e.late
        new = rate_of(e.re, e.im, xi, yi, xj, yj)
        flow = half * old + g.dt * (new - old)
        old *= part(g.x.pinned, there(g, e, old > 0.0, True))
        new *= part(g.x.pinned, xi * xi + yi * yi if new > 0.0 else xj * xj + yj * yj)
        if not e.counted:
            mean = g.dt * (new - old) - (flow - half * e.late)
            g.last[e.i] -= mean
            if e.j >= 0:
                g.last[e.j] += mean
            else:
                insert_outside(g, e, mean, g.t + g.dt, True)
            continue
        a = g.w.queue[e.i]
        if g.x.n[a] == 0 or g.x.n[e.b] == 0:
            drawn = 0
        else:
            mean = half * old + g.dt * (new - old)
            inner = mean > 0.0
            mean = fabs(mean)
            if (old > 0.0) == inner:
                if inner and g.x.n[a] > g.x.pinned:
                    mean += half * fabs(old) / (g.x.n[a] - g.x.pinned) * g.lead[e.i]
                elif not inner and e.j >= 0 and g.x.n[e.b] > g.x.pinned:
                    mean += half * fabs(old) / (g.x.n[e.b] - g.x.pinned) * g.lead[e.j]
            drawn = draw_edge(g, e, inner, mean)
            if not inner:
                drawn = -drawn
        g.w.moved[a] -= drawn
        g.w.moved[e.b] += drawn
        g.last[e.i] -= drawn - flow
        if e.j >= 0:
            g.last[e.j] += drawn - flow
        else:
            insert_outside(g, e, drawn - flow, g.t + g.dt, True)
    settle_draws(g)
