# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Substeps for the few beables that turn over too fast for the lattice's step: tails, fronts, passing nodes.

Stiff beables that are neighbours make a cluster. It goes over the step in substeps as short as it wants. What is kept
of it is y, how far its amplitudes are off the path that was predicted for the whole lattice: dy/dt = -i (H/hbar) y,
with the noise of the calm beables around (their relative changes share0, 1, 2) as source. In a substep noise is drawn
and led on as in the whole lattice's step (moves.pyx). What a cluster does to those around is inserted at the time it
happens; the time integral of y drives them like any deviation. So both sides are of second order.
"""
from libc.math cimport llrint
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport (CLUSTER, EMPTY, FEWEST, FINISHED, NO_COUNT, PLENTY, STIFF, Work,
                                    open_stream)
from copympi.kernels.cluster cimport Cluster, Edge
from copympi.kernels.cluster_moves cimport draw_early, draw_late
from copympi.kernels.cluster_path cimport foresee, lead_on, look_around
from copympi.kernels.couplings cimport System
from copympi.kernels.diagonals cimport Diagonals, stretch
from copympi.kernels.neighbours cimport Row, row_of
from copympi.kernels.settle cimport amplitude_of


cdef int32_t gather(const Diagonals *d, Work *w, const System *s, Py_ssize_t start) noexcept nogil:
    """The cluster of a stiff beable: w.queue[0 .. size-1], in an order that only H and w.role determine."""
    cdef int32_t size = 1, head = 0
    cdef Py_ssize_t b, k
    cdef Row row
    w.queue[0] = <int32_t> start
    w.place[start] = 1
    while head < size:
        row_of(d, s, w.queue[head], &row)
        head += 1
        for k in range(row.count):
            b = row.other[k]
            if w.role[b] == STIFF and w.place[b] == 0:
                w.place[b] = size + 1
                w.queue[size] = <int32_t> b
                size += 1
    return size


cdef void find_edges(Cluster *g, const System *s) noexcept nogil:
    """The couplings of a cluster: each inner pair once, and those with whoever is not empty outside."""
    cdef int32_t i, j
    cdef Py_ssize_t b, k
    cdef Edge *edge
    cdef Row row
    g.edges = 0
    for i in range(g.size):
        row_of(g.d, s, g.w.queue[i], &row)
        for k in range(row.count):
            b = row.other[k]
            j = g.w.place[b] - 1
            if (0 <= j <= i) or (j < 0 and g.w.role[b] == EMPTY):
                continue
            edge = g.edge + g.edges
            edge.i = i
            edge.j = j
            edge.b = b
            edge.re = row.re[k]
            edge.im = row.im[k]
            g.edges += 1


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
            if want >= FEWEST + g.x.spectators:
                r = stretch(g.last[i] / m) if m > 0.0 else 0.0  # without a difference of large numbers
                g.y[i] += r * x
                g.y[n + i] += r * y
                continue
            g.x.n[a] = llrint(max(<double> g.x.spectators, want))
        amplitude_of(<double> g.x.n[a], x, y, g.early[i], g.early[n + i], &x, &y)
        g.y[i] = x - g.end[i]
        g.y[n + i] = y - g.end[n + i]
        if g.x.n[a] > PLENTY + g.x.spectators and not g.x.whole:
            g.x.n[a] = NO_COUNT


cdef void share_out(Cluster *g) noexcept nogil:
    """Work space for a cluster: its part of w.local."""
    cdef int i
    cdef double *at = g.w.local
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
        at += 2 * g.size
    g.first = at
    g.last = at + 3 * g.size
    g.lead = at + 4 * g.size


cdef void begin_cluster(Cluster *g, const System *s, Py_ssize_t start) noexcept nogil:
    """The cluster of a stiff beable, at the start of the lattice's step."""
    g.size = gather(g.d, g.w, s, start)
    g.edge = <Edge *> g.w.edge
    find_edges(g, s)
    open_stream(&g.stream, g.x, CLUSTER, start)
    share_out(g)
    memset(g.y, 0, 6 * g.size * sizeof(double))
    g.t = 0.0
    g.events = 0.0


cdef bint run_cluster(Cluster *g, int64_t *effort) noexcept nogil:
    """Substeps to the end of the lattice's step (True), or as long as there is effort left."""
    while g.t < g.x.h:
        if effort[0] <= 0:
            return False
        look_around(g)
        if g.x.h - g.t - g.dt < 1e-6 * g.dt:
            g.dt = g.x.h - g.t
        foresee(g)
        draw_early(g)
        lead_on(g)
        draw_late(g)
        go_on(g)
        g.x.substeps += g.size
        effort[0] -= g.size + g.edges
        if g.dt == g.x.h - g.t:
            break
        g.t += g.dt
    return True


cdef void finish_cluster(Cluster *g) noexcept nogil:
    """Hand over what has become of a cluster: w.stiff, w.stiff_end, w.D2."""
    cdef int32_t n = g.size, i
    cdef Work *w = g.w
    cdef Py_ssize_t P = g.d.P, a
    for i in range(n):
        a = w.queue[i]
        w.place[a] = 0
        w.role[a] = FINISHED
        w.stiff[w.stiffs] = a
        w.stiff_end[w.stiffs] = g.y[i]
        w.stiff_end[P + w.stiffs] = g.y[n + i]
        w.stiff_end[2 * P + w.stiffs] = g.area[i]
        w.stiff_end[3 * P + w.stiffs] = g.area[n + i]
        w.D2[a] = g.moment[i]
        w.D2[P + a] = g.moment[n + i]
        w.stiffs += 1
    w.cluster_start[w.clusters] = g.start
    w.cluster_events[w.clusters] = g.events
    w.clusters += 1


cdef bint run_stiff(Cluster *g, const System *s, int64_t *effort) noexcept nogil:
    """Carry all stiff beables over a step, cluster by cluster: w.stiff, w.stiff_end, w.D2, and D's of those around.

    Before the first call of a step, g.start and g.stop must say where clusters may begin, and g.begun be False. Each
    substep takes as much `effort` as the cluster has beables and couplings. False where it was spent before the step's
    end: call again, to go on there.
    """
    while g.start < g.stop:
        if g.w.role[g.start] == STIFF:
            if not g.begun:
                begin_cluster(g, s, g.start)
                g.begun = True
            if not run_cluster(g, effort):
                return False
            finish_cluster(g)
            g.begun = False
        g.start += 1
    return True
