# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Substeps for the few beables that turn over too fast for the lattice's step: tails, fronts, passing nodes.

Stiff beables that are neighbours make a cluster. It goes over the step in substeps as short as it wants. What is kept of
it is y, how far its amplitudes are off the path that was predicted for the whole lattice: dy/dt = -i (H/hbar) y within,
with the noise of the calm beables around (their relative changes share0, 1, 2) as source. In a substep noise is drawn
and led on as in the whole lattice's step (moves.pyx). What a cluster does to those around is inserted at the time it
happens; the time integral of y drives them like any deviation. So both sides are of second order.
"""
from libc.math cimport ceil, fabs, llrint, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport (CARRIED, CLUSTER, EMPTY, FEWEST, GAUSS, PLENTY, STIFF, Replica, Work,
                                    open_stream)
from copympi.kernels.diagonals cimport GAUSS_HIGH, GAUSS_LOW, Diagonals, stretch
from copympi.kernels.draws cimport draw_normal
from copympi.kernels.moves cimport draw_leavers_of, part, rate_of
from copympi.kernels.predictor cimport System
from copympi.kernels.streams cimport Stream

cdef double SHORTEST = 1e-7  # part of a step that a substep takes at the least
cdef double WAVE = 0.5       # |H| times a substep, at the most

# A cluster of `size` beables with work space: arrays (2, size) re, im unless said.
cdef struct Cluster:
    const Diagonals *d
    Replica *x
    Work *w
    Stream stream
    int32_t size
    int64_t edges
    Edge *edge
    double t                   # time within the lattice's step, at the substep's start
    double dt
    double *y                  # off the path, at the substep's start,
    double *w1                 # and its Taylor coefficients
    double *w2
    double *w3
    double *path               # the path at the start (and c there),
    double *early              # c at the Gauss points,
    double *late
    double *end                # the path at the end
    double *D0                 # what this substep's noise adds, and its moments in the time that is left
    double *D1
    double *D2
    double *E                  # its time integral
    double *source             # H y of the beables outside
    double *area               # time integral of y over the step so far,
    double *moment             # with the time left as weight
    double *first              # (3, size) change of each count at the start, early, late: beyond the path's
    double *last               # (size,) at the end
    double *lead               # (size,)


cdef inline void path_at(const Cluster *g, Py_ssize_t a, double t, double *x, double *y) noexcept nogil:
    """The predicted amplitude of any beable at time t of the lattice's step."""
    cdef Py_ssize_t P = g.d.P, P2 = 2 * P
    cdef const double *v = g.w.v + a
    x[0] = v[0] + t * (v[P2] + t * (v[2 * P2] + t * (v[3 * P2] + t * v[4 * P2])))
    v = v + P
    y[0] = v[0] + t * (v[P2] + t * (v[2 * P2] + t * (v[3 * P2] + t * v[4 * P2])))


cdef inline double share_at(const Cluster *g, Py_ssize_t b, double t) noexcept nogil:
    """Relative change of a calm beable's amplitude by the noise up to time t."""
    cdef double share = g.w.share0[b]
    if t > GAUSS_LOW * g.x.h:
        share += g.w.share1[b]
    if t > GAUSS_HIGH * g.x.h:
        share += g.w.share2[b]
    return share


cdef int32_t gather(Work *w, const System *s, Py_ssize_t seed) noexcept nogil:
    """The cluster of a stiff beable: w.queue[0 .. size-1], in an order that only H and w.kind determine."""
    cdef int32_t size = 1, head = 0
    cdef Py_ssize_t a, b, e
    w.queue[0] = <int32_t> seed
    w.place[seed] = 0
    while head < size:
        a = w.queue[head]
        head += 1
        for e in range(s.indptr[a], s.indptr[a + 1]):
            b = s.indices[e]
            if w.kind[b] == STIFF and w.place[b] < 0:
                w.place[b] = size
                w.queue[size] = <int32_t> b
                size += 1
    return size


cdef void find_edges(Cluster *g, const System *s) noexcept nogil:
    """The couplings of a cluster: each inner pair once, and those with whoever is not empty outside."""
    cdef int32_t i, j
    cdef Py_ssize_t a, b, e
    cdef Edge *edge
    g.edges = 0
    for i in range(g.size):
        a = g.w.queue[i]
        for e in range(s.indptr[a], s.indptr[a + 1]):
            b = s.indices[e]
            j = g.w.place[b]
            if (0 <= j <= i) or (j < 0 and g.w.kind[b] == EMPTY):
                continue
            edge = g.edge + g.edges
            edge.i = i
            edge.j = j
            edge.b = b
            edge.re = s.re[e]
            edge.im = s.im[e]
            g.edges += 1


cdef void couple(const Cluster *g, const double *z, double *f) noexcept nogil:
    """f = (H/hbar) z within the cluster, off the diagonal."""
    cdef int32_t n = g.size, i, j
    cdef int64_t k
    cdef const Edge *e
    memset(f, 0, 2 * n * sizeof(double))
    for k in range(g.edges):
        e = g.edge + k
        if e.j < 0:
            continue
        i = e.i
        j = e.j
        f[i] += e.re * z[j] - e.im * z[n + j]
        f[n + i] += e.re * z[n + j] + e.im * z[j]
        f[j] += e.re * z[i] + e.im * z[n + i]
        f[n + j] += e.re * z[n + i] - e.im * z[i]


cdef void turn(const Cluster *g, const double *z, double over, const double *source, double *new) noexcept nogil:
    """new = -i over ((H/hbar) z + source), empty beables left alone."""
    cdef int32_t n = g.size, i
    cdef double x, y, omega
    couple(g, z, new)
    for i in range(n):
        if g.x.n[g.w.queue[i]] == 0:
            new[i] = 0.0
            new[n + i] = 0.0
            continue
        omega = g.d.omega[g.w.queue[i]]
        x = new[i] + omega * z[i]
        y = new[n + i] + omega * z[n + i]
        if source != NULL:
            x += source[i]
            y += source[n + i]
        new[i] = over * y
        new[n + i] = -over * x


cdef void look_around(Cluster *g) noexcept nogil:
    """c at the substep's start in g.path; and how long the substep is to be: g.dt."""
    cdef int32_t n = g.size, i
    cdef int64_t k
    cdef Edge *e
    cdef double *c = g.early
    cdef double *field = g.late
    cdef double *out = g.first
    cdef double share, rate, m, f, dt, own, left = g.x.h - g.t
    cdef Py_ssize_t a
    for i in range(n):
        path_at(g, g.w.queue[i], g.t, g.path + i, g.path + n + i)
        c[i] = g.path[i] + g.y[i]
        c[n + i] = g.path[n + i] + g.y[n + i]
        if g.x.n[g.w.queue[i]] == 0:
            c[i] = 0.0
            c[n + i] = 0.0
        out[i] = 0.0
    couple(g, c, field)
    for k in range(g.edges):
        e = g.edge + k
        if e.j >= 0:
            rate = rate_of(e.re, e.im, c[e.i], c[n + e.i], c[e.j], c[n + e.j])
            out[e.j] += max(-rate, 0.0)
        else:
            path_at(g, e.b, g.t, &e.x, &e.y)
            share = 1.0 + share_at(g, e.b, g.t)
            e.x *= share
            e.y *= share
            field[e.i] += e.re * e.x - e.im * e.y
            field[n + e.i] += e.re * e.y + e.im * e.x
            rate = rate_of(e.re, e.im, c[e.i], c[n + e.i], e.x, e.y)
        out[e.i] += max(rate, 0.0)
    dt = left
    if g.d.norm * dt > WAVE:
        dt = WAVE / g.d.norm
    for i in range(n):
        a = g.w.queue[i]
        m = c[i] * c[i] + c[n + i] * c[n + i]
        if m == 0.0:
            continue
        f = field[i] * field[i] + field[n + i] * field[n + i]
        own = left
        if own * own * f > g.w.turn * g.w.turn * m:
            own = g.w.turn * sqrt(m / f)
        if g.x.n[a] > g.x.pinned and own * out[i] > g.x.limit * m:
            own = g.x.limit * m / out[i]
        if own < SHORTEST * g.x.h and g.x.n[a] > 0:
            g.x.n[a] = GAUSS  # beside what comes at once, those few have no noise to speak of
        dt = min(dt, own)
    dt = min(left, max(dt, SHORTEST * g.x.h))
    g.dt = left / ceil(left / dt * (1.0 - 1e-12))
    for i in range(n):
        m = c[i] * c[i] + c[n + i] * c[n + i]
        if out[i] * g.dt > g.x.chance * m and (g.x.n[g.w.queue[i]] > g.x.pinned or g.x.n[g.w.queue[i]] < 0):
            g.x.chance = out[i] * g.dt / m


cdef void foresee(Cluster *g) noexcept nogil:
    """Where the substep leads without noise of its own: y's coefficients, c at the Gauss points, rates of the edges."""
    cdef int32_t n = g.size, i
    cdef int64_t k
    cdef Edge *e
    cdef double t1 = GAUSS_LOW * g.dt, t2 = GAUSS_HIGH * g.dt, share, x, y
    cdef Py_ssize_t a
    memset(g.source, 0, 2 * n * sizeof(double))
    for k in range(g.edges):
        e = g.edge + k
        e.counted = g.x.n[g.w.queue[e.i]] >= 0 or g.x.n[e.b] >= 0
        if e.j >= 0:
            continue
        share = share_at(g, e.b, g.t + 0.5 * g.dt)
        path_at(g, e.b, g.t + t1, &e.xb, &e.yb)
        path_at(g, e.b, g.t + t2, &e.x, &e.y)
        if share != 0.0:
            x = 0.5 * share * (e.xb + e.x)
            y = 0.5 * share * (e.yb + e.y)
            g.source[e.i] += e.re * x - e.im * y
            g.source[n + e.i] += e.re * y + e.im * x
            e.xb *= 1.0 + share
            e.yb *= 1.0 + share
            e.x *= 1.0 + share
            e.y *= 1.0 + share
    for i in range(n):
        a = g.w.queue[i]
        path_at(g, a, g.t + t1, g.early + i, g.early + n + i)
        path_at(g, a, g.t + t2, g.late + i, g.late + n + i)
        path_at(g, a, g.t + g.dt, g.end + i, g.end + n + i)
        if g.x.n[a] == 0:  # nobody there, whatever the path says
            g.y[i] = -g.path[i]
            g.y[n + i] = -g.path[n + i]
    turn(g, g.y, 1.0, g.source, g.w1)
    for i in range(n):
        if g.x.n[g.w.queue[i]] == 0:  # it stays on minus the path while others move
            g.w1[i] = (g.path[i] - g.end[i]) / g.dt
            g.w1[n + i] = (g.path[n + i] - g.end[n + i]) / g.dt
    turn(g, g.w1, 0.5, NULL, g.w2)
    turn(g, g.w2, 1.0 / 3.0, NULL, g.w3)
    for i in range(2 * n):
        g.early[i] += g.y[i] + t1 * (g.w1[i] + t1 * (g.w2[i] + t1 * g.w3[i]))
        g.late[i] += g.y[i] + t2 * (g.w1[i] + t2 * (g.w2[i] + t2 * g.w3[i]))
    for i in range(n):
        if g.x.n[g.w.queue[i]] == 0:
            g.early[i] = 0.0
            g.early[n + i] = 0.0
            g.late[i] = 0.0
            g.late[n + i] = 0.0
    for k in range(g.edges):
        e = g.edge + k
        if e.j >= 0:
            e.early = rate_of(e.re, e.im, g.early[e.i], g.early[n + e.i], g.early[e.j], g.early[n + e.j])
            e.late = rate_of(e.re, e.im, g.late[e.i], g.late[n + e.i], g.late[e.j], g.late[n + e.j])
        else:
            e.early = rate_of(e.re, e.im, g.early[e.i], g.early[n + e.i], e.xb, e.yb)
            e.late = rate_of(e.re, e.im, g.late[e.i], g.late[n + e.i], e.x, e.y)


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
    w.share0[b] += share
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


cdef void lead_on(Cluster *g) noexcept nogil:
    """Moments of what the kicks and first draws change, and their time integral E."""
    cdef int32_t n = g.size, i
    cdef double share0, share1, share2, m, x0, y0, dx, dy
    cdef double s1 = (1.0 - GAUSS_LOW) * g.dt, s2 = (1.0 - GAUSS_HIGH) * g.dt, s0 = g.dt
    for i in range(n):
        x0 = g.path[i] + g.y[i]
        y0 = g.path[n + i] + g.y[n + i]
        m = g.x.n[g.w.queue[i]] - g.first[i] if g.x.n[g.w.queue[i]] >= 0 else x0 * x0 + y0 * y0
        share0 = 0.0
        if g.first[i] != 0.0 and m > 0.0 and (x0 != 0.0 or y0 != 0.0):
            share0 = stretch(g.first[i] / m) * sqrt(m / (x0 * x0 + y0 * y0))
        m = g.early[i] * g.early[i] + g.early[n + i] * g.early[n + i]
        share1 = stretch(g.first[n + i] / m) if m > 0.0 else 0.0
        m = g.late[i] * g.late[i] + g.late[n + i] * g.late[n + i]
        share2 = stretch(g.first[2 * n + i] / m) if m > 0.0 else 0.0
        g.D0[i] = share0 * x0 + share1 * g.early[i] + share2 * g.late[i]
        g.D0[n + i] = share0 * y0 + share1 * g.early[n + i] + share2 * g.late[n + i]
        g.D1[i] = s0 * share0 * x0 + s1 * share1 * g.early[i] + s2 * share2 * g.late[i]
        g.D1[n + i] = s0 * share0 * y0 + s1 * share1 * g.early[n + i] + s2 * share2 * g.late[n + i]
        dx = s0 * s0 * share0 * x0 + s1 * s1 * share1 * g.early[i] + s2 * s2 * share2 * g.late[i]
        dy = s0 * s0 * share0 * y0 + s1 * s1 * share1 * g.early[n + i] + s2 * s2 * share2 * g.late[n + i]
        g.D2[i] = 0.5 * dx
        g.D2[n + i] = 0.5 * dy
    turn(g, g.D2, 1.0, NULL, g.E)
    for i in range(2 * n):
        g.E[i] += g.D1[i]
    turn(g, g.E, 1.0, NULL, g.D2)
    for i in range(2 * n):
        g.D0[i] += g.D2[i]


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


cdef void go_on(Cluster *g) noexcept nogil:
    """y and the counts at the substep's end."""
    cdef int32_t n = g.size, i
    cdef double dt = g.dt, part_area, x, y, m, want, r, weight = g.x.h - g.t - 0.5 * dt
    cdef Py_ssize_t a
    for i in range(2 * n):
        part_area = dt * (g.y[i] + dt * (g.w1[i] / 2.0 + dt * (g.w2[i] / 3.0 + dt * g.w3[i] / 4.0))) + g.E[i]
        g.area[i] += part_area
        g.moment[i] += weight * part_area
        g.y[i] += dt * (g.w1[i] + dt * (g.w2[i] + dt * g.w3[i])) + g.D0[i]
    for i in range(n):
        a = g.w.queue[i]
        x = g.end[i] + g.y[i]
        y = g.end[n + i] + g.y[n + i]
        m = x * x + y * y
        if g.x.n[a] < 0:
            want = m + g.last[i]
            if want >= FEWEST + g.x.pinned:
                r = stretch(g.last[i] / m) if m > 0.0 else 0.0  # without a difference of large numbers
                g.y[i] += r * x
                g.y[n + i] += r * y
                continue
            g.x.n[a] = llrint(max(<double> g.x.pinned, want))
        if m == 0.0:
            x = g.early[i]
            y = g.early[n + i]
            m = x * x + y * y
        r = sqrt(g.x.n[a] / m) if m > 0.0 else 0.0
        g.y[i] = r * x - g.end[i]
        g.y[n + i] = r * y - g.end[n + i]
        if g.x.n[a] > PLENTY + g.x.pinned:
            g.x.n[a] = GAUSS


cdef void run_cluster(Cluster *g) noexcept nogil:
    cdef int32_t n = g.size, i
    cdef Work *w = g.w
    cdef double *at = w.local
    cdef Py_ssize_t P = g.d.P, a
    cdef double **slots[15]
    slots[0] = &g.y
    slots[1] = &g.area
    slots[2] = &g.moment
    slots[3] = &g.w1
    slots[4] = &g.w2
    slots[5] = &g.w3
    slots[6] = &g.path
    slots[7] = &g.early
    slots[8] = &g.late
    slots[9] = &g.end
    slots[10] = &g.D0
    slots[11] = &g.D1
    slots[12] = &g.D2
    slots[13] = &g.E
    slots[14] = &g.source
    for i in range(15):
        slots[i][0] = at
        at += 2 * n
    g.first = at
    g.last = at + 3 * n
    g.lead = at + 4 * n
    memset(g.y, 0, 6 * n * sizeof(double))
    g.t = 0.0
    while g.t < g.x.h:
        look_around(g)
        if g.x.h - g.t - g.dt < 1e-9 * g.x.h:
            g.dt = g.x.h - g.t
        foresee(g)
        draw_early(g)
        lead_on(g)
        draw_late(g)
        go_on(g)
        g.x.substeps += n
        if g.dt == g.x.h - g.t:
            break
        g.t += g.dt
    for i in range(n):
        a = w.queue[i]
        w.place[a] = -1
        w.kind[a] = CARRIED
        w.stiff[w.stiffs] = a
        w.stiff_end[w.stiffs] = g.y[i]
        w.stiff_end[P + w.stiffs] = g.y[n + i]
        w.stiff_end[2 * P + w.stiffs] = g.area[i]
        w.stiff_end[3 * P + w.stiffs] = g.area[n + i]
        w.D2[a] = g.moment[i]
        w.D2[P + a] = g.moment[n + i]
        w.stiffs += 1


cdef void run_stiff(const Diagonals *d, const System *s, Replica *x, Work *w) noexcept nogil:
    """Carry all stiff beables over a step, cluster by cluster: w.stiff, w.stiff_end, w.D2, and D's of those around."""
    cdef Py_ssize_t a
    cdef Cluster g
    g.d = d
    g.x = x
    g.w = w
    g.edge = <Edge *> w.edge
    w.stiffs = 0
    for a in range(d.P):
        if w.kind[a] == STIFF:
            g.size = gather(w, s, a)
            find_edges(&g, s)
            open_stream(&g.stream, x, CLUSTER, a)
            run_cluster(&g)

