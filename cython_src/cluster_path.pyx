# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Where a substep of a stiff cluster leads without noise of its own, how long it may be, and what its noise changes."""
from libc.math cimport ceil, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport NO_COUNT
from copympi.kernels.cluster cimport Cluster, Edge, path_at, share_at
from copympi.kernels.diagonals cimport GAUSS_HIGH, GAUSS_LOW, stretch
from copympi.kernels.pair cimport pair_flow

cdef double SHORTEST = 1e-13  # part of a step that a substep takes at the least
cdef double WAVE = 0.5       # |H| times a substep, at the most


cdef inline void add_coupled(double re, double im, double x, double y, double *fx, double *fy) noexcept nogil:
    """fx + i fy += (re + i im)(x + i y)."""
    fx[0] += re * x - im * y
    fy[0] += re * y + im * x


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
        add_coupled(e.re, e.im, z[j], z[n + j], f + i, f + n + i)
        add_coupled(e.re, -e.im, z[i], z[n + i], f + j, f + n + j)


cdef void apply_h(const Cluster *g, const double *z, double over, const double *source, double *new) noexcept nogil:
    """new = -i over ((H/hbar) z + source), those of empty beables left alone."""
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


cdef inline void look_at_start(Cluster *g, double *c, double *field, double *out) noexcept nogil:
    """Of each beable at a substep's start: c, its neighbours' field and how many leave in unit time; and its path."""
    cdef int32_t n = g.size, i
    cdef int64_t k
    cdef Edge *e
    cdef double share, rate
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
            rate = pair_flow(e.re, e.im, c[e.i], c[n + e.i], c[e.j], c[n + e.j])
            out[e.j] += max(-rate, 0.0)
        else:
            path_at(g, e.b, g.t, &e.x, &e.y)
            share = 1.0 + share_at(g, e.b, g.t)
            e.x *= share
            e.y *= share
            add_coupled(e.re, e.im, e.x, e.y, field + e.i, field + n + e.i)
            rate = pair_flow(e.re, e.im, c[e.i], c[n + e.i], e.x, e.y)
        out[e.i] += max(rate, 0.0)


cdef void look_around(Cluster *g) noexcept nogil:
    """The path at the substep's start in g.path; and how long the substep is to be: g.dt."""
    cdef int32_t n = g.size, i
    cdef double *c = g.early
    cdef double *field = g.late
    cdef double *out = g.first
    cdef double m, f, dt, own, most, time_left = g.x.h - g.t
    cdef Py_ssize_t a
    look_at_start(g, c, field, out)
    dt = time_left
    if g.d.norm * dt > WAVE:
        dt = WAVE / g.d.norm
    for i in range(n):
        a = g.w.queue[i]
        m = c[i] * c[i] + c[n + i] * c[n + i]
        if m == 0.0:
            continue
        f = field[i] * field[i] + field[n + i] * field[n + i]
        own = time_left
        if own * own * f > g.w.substep_turn * g.w.substep_turn * m:
            own = g.w.substep_turn * sqrt(m / f)
        if own < SHORTEST * g.x.h and g.x.n[a] > 0 and not g.x.whole:
            g.x.n[a] = NO_COUNT  # beside what comes at once, those few have no noise to speak of
        if g.x.n[a] < 0:
            most = g.w.most_noise * m * m
        else:  # through spectators alone members pass, as fields that turn them let them, or more where fields cancel
            most = (g.x.limit if g.x.n[a] > g.x.spectators else 2.0 * g.w.substep_turn) * m
        if own * out[i] > most:
            own = most / out[i]
        dt = min(dt, own)
    dt = min(time_left, max(dt, SHORTEST * g.x.h))
    g.dt = time_left / ceil(time_left / dt * (1.0 - 1e-12))
    for i in range(n):
        a = g.w.queue[i]
        m = c[i] * c[i] + c[n + i] * c[n + i]
        if m > 0.0 and out[i] * g.dt / m > g.x.largest_chance and (g.x.n[a] > g.x.spectators or g.x.n[a] < 0):
            g.x.largest_chance = out[i] * g.dt / m


cdef inline void foresee_outside(Cluster *g, double t1, double t2) noexcept nogil:
    """Amplitudes of the beables outside at times t1 and t2 of the substep; what noise so far adds to their field."""
    cdef int32_t n = g.size
    cdef int64_t k
    cdef Edge *e
    cdef double share, x, y
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
            add_coupled(e.re, e.im, x, y, g.source + e.i, g.source + n + e.i)
            e.xb *= 1.0 + share
            e.yb *= 1.0 + share
            e.x *= 1.0 + share
            e.y *= 1.0 + share


cdef inline void find_rates(Cluster *g) noexcept nogil:
    """Members that each edge moves in unit time, at both Gauss points."""
    cdef int32_t n = g.size
    cdef int64_t k
    cdef Edge *e
    for k in range(g.edges):
        e = g.edge + k
        if e.j >= 0:
            e.early = pair_flow(e.re, e.im, g.early[e.i], g.early[n + e.i], g.early[e.j], g.early[n + e.j])
            e.late = pair_flow(e.re, e.im, g.late[e.i], g.late[n + e.i], g.late[e.j], g.late[n + e.j])
        else:
            e.early = pair_flow(e.re, e.im, g.early[e.i], g.early[n + e.i], e.xb, e.yb)
            e.late = pair_flow(e.re, e.im, g.late[e.i], g.late[n + e.i], e.x, e.y)


cdef void foresee(Cluster *g) noexcept nogil:
    """Where the substep leads without noise of its own: y's coefficients, c at the Gauss points, rates of the edges."""
    cdef int32_t n = g.size, i
    cdef double t1 = GAUSS_LOW * g.dt, t2 = GAUSS_HIGH * g.dt
    cdef Py_ssize_t a
    foresee_outside(g, t1, t2)
    for i in range(n):
        a = g.w.queue[i]
        path_at(g, a, g.t + t1, g.early + i, g.early + n + i)
        path_at(g, a, g.t + t2, g.late + i, g.late + n + i)
        path_at(g, a, g.t + g.dt, g.end + i, g.end + n + i)
        if g.x.n[a] == 0:  # nobody there, whatever the path says
            g.y[i] = -g.path[i]
            g.y[n + i] = -g.path[n + i]
    apply_h(g, g.y, 1.0, g.source, g.w1)
    for i in range(n):
        if g.x.n[g.w.queue[i]] == 0:  # it stays on minus the path while others move
            g.w1[i] = (g.path[i] - g.end[i]) / g.dt
            g.w1[n + i] = (g.path[n + i] - g.end[n + i]) / g.dt
    apply_h(g, g.w1, 0.5, NULL, g.w2)
    apply_h(g, g.w2, 1.0 / 3.0, NULL, g.w3)
    for i in range(2 * n):
        g.early[i] += g.y[i] + t1 * (g.w1[i] + t1 * (g.w2[i] + t1 * g.w3[i]))
        g.late[i] += g.y[i] + t2 * (g.w1[i] + t2 * (g.w2[i] + t2 * g.w3[i]))
    for i in range(n):
        if g.x.n[g.w.queue[i]] == 0:
            g.early[i] = 0.0
            g.early[n + i] = 0.0
            g.late[i] = 0.0
            g.late[n + i] = 0.0
    find_rates(g)


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
    apply_h(g, g.D2, 1.0, NULL, g.E)
    for i in range(2 * n):
        g.E[i] += g.D1[i]
    apply_h(g, g.E, 1.0, NULL, g.D2)
    for i in range(2 * n):
        g.D0[i] += g.D2[i]
