# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Individual systems on a lattice: what leaves a beable in half a step, or in half a substep of a stiff cluster.

Of a pair of beables one direction is open at a time, so the net flow is the gross one. Its sign at a Gauss point says
which way members go in that half of a step; where a flow turns round they go both ways. How many is

 - what is drawn (moves.pyx, cluster_moves.pyx), where either end has a whole number of members;
 - else the mean and the noise of the Gauss point; to the second half belongs what the noise so far changes in the flow
   of the whole step, as it does where numbers are drawn.

flow_tracks.h says who is followed of them. The order is the engine's: a step's first half, clusters, its second half.
Who has moved in the first half, at some time, may move in a cluster's substeps after that time, and in none before.
"""
from libc.math cimport INFINITY, copysign, fabs, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free

import numpy as np

from copympi.kernels.bonds cimport CALM, COUNTED, Bonds
from copympi.kernels.checks cimport need
from copympi.kernels.cluster cimport Edge
from copympi.kernels.diagonals cimport GAUSS_HIGH, GAUSS_LOW, TILE, Side
from copympi.kernels.moves cimport moving_share, second_flow
from copympi.kernels.neighbours cimport NEAR, Row, row_of
from copympi.kernels.pair cimport pair_flow


cdef struct Half:          # of a step; of which the ways are asked
    const Diagonals *d
    Replica *x
    Work *w
    bint late


cdef struct Substep:       # half of it
    Cluster *g
    FollowedSites *followed
    bint late


cdef inline double size_at(const double *c, Py_ssize_t P, Py_ssize_t a) noexcept nogil:
    return c[a] * c[a] + c[P + a] * c[P + a]


cdef inline double gone(double mean, double expected, double net) noexcept nogil:
    """Members that go along a pair, negative: the other way; of this mean, where `net` went and so many were expected
    when the noise was drawn."""
    cdef double size = fabs(expected)
    if size == 0.0:
        return mean
    return copysign(members_of_noise(fabs(mean), copysign(1.0, mean) * (net - expected) / sqrt(size)), mean)


cdef inline void add_way(Ways *ways, int64_t target, double go, double early, double late, bint second) noexcept nogil:
    """A way out, if anybody goes; early, late: the flow at the Gauss points of what the window is a half of."""
    cdef Way *way = ways.way + ways.count
    cdef double slope = (late - early) / (GAUSS_HIGH - GAUSS_LOW), begin = 0.5 if second else 0.0
    if not go > 0.0:
        return
    way.target = target
    way.go = go
    way.flow[0] = early + (begin - GAUSS_LOW) * slope
    way.flow[1] = early + (begin + 0.5 - GAUSS_LOW) * slope
    ways.count += 1


cdef double along_bond(const Half *k, Py_ssize_t e, Py_ssize_t b, Py_ssize_t c) noexcept nogil:
    """Members that go from b to c, both calm, along bond e."""
    cdef Work *w = k.w
    cdef const double *z = w.late if k.late else w.early
    cdef Py_ssize_t P = k.d.P
    cdef int64_t s = k.x.spectators
    cdef double h = k.x.h, old = w.late_rate[e] if k.late else w.early_rate[e], flow = 0.5 * h * old, expected, new
    cdef double over = 1.0 / h, xb, yb, xc, yc, mean
    expected = flow * moving_share(s, size_at(z, P, b if flow > 0.0 else c))
    mean = expected
    if k.late:
        xb = z[b] + over * w.E[b]
        yb = z[P + b] + over * w.E[P + b]
        xc = z[c] + over * w.E[c]
        yc = z[P + c] + over * w.E[P + c]
        new = pair_flow(k.d.re[e], k.d.im[e], xb, yb, xc, yc)
        new *= moving_share(s, xb * xb + yb * yb if new > 0.0 else xc * xc + yc * yc)
        mean = second_flow(h, 2.0 / h * expected, new)
    return gone(mean, expected, flow + (w.kick[e] if k.late else w.first_kick[e]))


cdef void leave_site(void *of, int64_t a, Ways *ways) noexcept nogil:
    """What leaves a beable that is calm or counted, in half a step."""
    cdef const Half *k = <const Half *> of
    cdef const Diagonals *d = k.d
    cdef Work *w = k.w
    cdef Py_ssize_t P = d.P, r, e, b
    cdef const double *z = w.late if k.late else w.early
    cdef double go, x = z[a], y = z[P + a]
    cdef Side side
    ways.whole = w.role[a] != CALM
    if w.role[a] == COUNTED:
        ways.movable = <double> (k.x.n[a] - w.moved[a] - k.x.spectators)
    elif w.role[a] == CALM:
        if k.late:
            x += w.E[a] / k.x.h
            y += w.E[P + a] / k.x.h
        ways.movable = x * x + y * y - k.x.spectators
    else:
        return
    for r in range(d.side_at[a // TILE], d.side_at[a // TILE + 1]):
        side = d.side[r]
        if not side.to <= a < side.to + side.length:
            continue
        e = side.start + a - side.to
        b = side.from_ + a - side.to
        if w.role[b] == CALM and w.role[a] == CALM:
            go = side.sign * (along_bond(k, e, a, b) if side.sign > 0 else along_bond(k, e, b, a))
        elif w.role[b] == CALM or w.role[b] == COUNTED:
            go = <double> (side.sign * w.drawn[(d.bonds if k.late else 0) + e])
        else:
            continue
        add_way(ways, b, go, side.sign * w.early_rate[e], side.sign * w.late_rate[e], k.late)


cdef void follow_half(const Diagonals *d, Replica *x, Work *w, bint late) noexcept nogil:
    """Those who are followed move in one half of a step, but for what stiff clusters do."""
    cdef FollowedSites *followed = <FollowedSites *> w.tracks
    cdef FlowTracks *f = &followed.flows
    cdef Half half = Half(d, x, w, late)
    f.step_end = followed.begin + x.h
    f.begin = followed.begin + (0.5 * x.h if late else 0.0)
    f.end = f.step_end if late else followed.begin + 0.5 * x.h
    f.step = 4 * x.step + late
    f.piece = 0
    flow_ask_all(f, leave_site, &half)
    flow_land(f)


cdef inline double along_edge(const Cluster *g, const Edge *e, bint late) noexcept nogil:
    """Members that go along a cluster's edge from its beable i, negative: the other way."""
    cdef int32_t n = g.size
    cdef int64_t s = g.x.spectators
    cdef double over = 1.0 / g.dt, xi, yi, xj = e.x, yj = e.y, new
    if e.counted:
        return e.net[late]
    if not late:
        return gone(e.mean[0], e.mean[0], e.net[0])
    xi = g.late[e.i] + over * g.E[e.i]
    yi = g.late[n + e.i] + over * g.E[n + e.i]
    if e.j >= 0:
        xj = g.late[e.j] + over * g.E[e.j]
        yj = g.late[n + e.j] + over * g.E[n + e.j]
    new = pair_flow(e.re, e.im, xi, yi, xj, yj)
    new *= moving_share(s, xi * xi + yi * yi if new > 0.0 else xj * xj + yj * yj)
    return gone(second_flow(g.dt, 2.0 / g.dt * e.mean[1], new), e.mean[1], e.net[1])


cdef inline Edge *edge_of(const Cluster *g, const FollowedSites *followed, int32_t i, int32_t j,
                          int64_t b) noexcept nogil:
    """The edge from beable i of a cluster to j > i of it, or to b outside (j < 0); NULL where there is none."""
    cdef int64_t k = followed.edge_at[i]
    while k < g.edges and g.edge[k].i == i:
        if g.edge[k].j == j and (j >= 0 or g.edge[k].b == b):
            return g.edge + k
        k += 1
    return NULL


cdef double many_at(const Cluster *g, const Edge *e, int32_t i, bint late) noexcept nogil:
    """Members in half a substep of beable i of a cluster, or of an edge's end outside (i < 0)."""
    cdef int32_t n = g.size
    cdef double x, y
    if i < 0:
        return e.x * e.x + e.y * e.y if late else e.xb * e.xb + e.yb * e.yb
    if not late:
        return size_at(g.early, n, i)
    x = g.late[i] + g.E[i] / g.dt
    y = g.late[n + i] + g.E[n + i] / g.dt
    return x * x + y * y


cdef void leave_stiff(void *of, int64_t a, Ways *ways) noexcept nogil:
    """What leaves a beable of a cluster, or one outside, along the cluster's edges in half a substep."""
    cdef const Substep *k = <const Substep *> of
    cdef const Cluster *g = k.g
    cdef int32_t i = g.w.place[a] - 1, j
    cdef double sign, many = 0.0
    cdef Py_ssize_t p, b
    cdef const Edge *e
    cdef Row row
    row_of(g.d, k.followed.system, a, &row)
    for p in range(row.count):
        b = row.other[p]
        j = g.w.place[b] - 1
        if i < 0 and j < 0:
            continue
        sign = 1.0 if j < 0 or 0 <= i < j else -1.0
        if i < 0:
            e = edge_of(g, k.followed, j, -1, a)
        elif j < 0:
            e = edge_of(g, k.followed, i, -1, b)
        else:
            e = edge_of(g, k.followed, min(i, j), max(i, j), b)
        if e != NULL:
            many = many_at(g, e, i, k.late)
            add_way(ways, b, sign * along_edge(g, e, k.late), sign * e.early, sign * e.late, k.late)
    ways.whole = g.x.n[a] >= 0
    ways.movable = (<double> g.x.n[a] if ways.whole else many) - g.x.spectators


cdef bint asked_first(const Cluster *g, const FollowedSites *followed, const Edge *e) noexcept nogil:
    """Whether an edge is the first one of a cluster that leads to this beable outside."""
    cdef Py_ssize_t p
    cdef int32_t i
    cdef Row row
    row_of(g.d, followed.system, e.b, &row)
    for p in range(row.count):
        i = g.w.place[row.other[p]] - 1
        if 0 <= i < e.i:
            return False
    return True


cdef void follow_substep(Cluster *g, bint late) noexcept nogil:
    """Those who are followed move along a cluster's edges in half a substep; before counts take what was drawn."""
    cdef FollowedSites *followed = <FollowedSites *> g.w.tracks
    cdef FlowTracks *f = &followed.flows
    cdef Substep substep = Substep(g, followed, late)
    cdef const Edge *e
    cdef int64_t k
    if g.t == 0.0 and not late:
        for k in range(g.edges - 1, -1, -1):
            followed.edge_at[g.edge[k].i] = k
    f.begin = followed.begin + g.t + (0.5 * g.dt if late else 0.0)
    f.end = followed.begin + g.t + (g.dt if late else 0.5 * g.dt)
    f.step = 4 * g.x.step + 2
    f.piece += 1
    for k in range(g.size):
        flow_ask(f, leave_stiff, &substep, g.w.queue[k])
    for k in range(g.edges):
        e = g.edge + k
        if e.j < 0 and flow_size(f, e.b) and asked_first(g, followed, e):
            flow_ask(f, leave_stiff, &substep, e.b)
    flow_land(f)


cdef void begin_followed(Work *w, Py_ssize_t replica, double time_left) noexcept nogil:
    """A replica of this rank is the one whose step is to be made."""
    cdef FollowedSites *followed = <FollowedSites *> w.tracks
    followed.flows.t.replica = <int32_t> replica
    followed.begin = followed.stop - time_left


cdef void end_followed(Work *w) noexcept nogil:
    """Its step is made."""
    flow_commit(&(<FollowedSites *> w.tracks).flows)


cdef class LatticeTracks:
    """Members that are followed on a lattice: what `tracker` knows of them, whose places are beables.

    Raises ValueError where the tracker has other places.
    """

    def __cinit__(self, Tracker tracker not None):
        cdef Tracks *t = &tracker.tracks
        cdef Py_ssize_t cells = max(1, t.replicas * t.places)
        cdef int32_t[::1] occupied = np.empty(cells, np.int32)
        cdef int32_t[::1] seat = np.empty(cells, np.int32)
        cdef int64_t[::1] occupants = np.zeros(max(1, t.replicas), np.int64)
        cdef double[::1] last = np.empty(max(1, t.replicas * t.followed))
        cdef int64_t[::1] edge_at = np.zeros(t.places, np.int64)
        self.tracker = tracker
        self.owners = [occupied, seat, occupants, last, edge_at]
        self.followed.flows.t = t
        self.followed.flows.occupied, self.followed.flows.seat = &occupied[0], &seat[0]
        self.followed.flows.occupants, self.followed.flows.last = &occupants[0], &last[0]
        self.followed.edge_at = &edge_at[0]
        self.look_around()

    def __dealloc__(self):
        free(self.followed.flows.change)
        free(self.followed.flows.flight)
        free(self.followed.flows.held)

    def look_around(self):
        """Somebody else has written to the tracker: its lists are as they are now, between steps."""
        cdef FlowTracks *f = &self.followed.flows
        cdef Py_ssize_t r, a, P = f.t.places
        f.changes = f.rewound = 0
        for a in range(f.t.replicas * f.t.followed):
            f.last[a] = -INFINITY
        for r in range(f.t.replicas):
            f.occupants[r] = 0
            for a in range(P):
                f.seat[r * P + a] = -1
                if f.t.bucket[r * P + a].size:
                    f.seat[r * P + a] = <int32_t> f.occupants[r]
                    f.occupied[r * P + f.occupants[r]] = <int32_t> a
                    f.occupants[r] += 1

    def bind(self, Bonds bonds not None):
        """Make room for what moves along these bonds."""
        cdef const System *system = &bonds.system
        cdef Py_ssize_t most = NEAR, a
        need(system.P == self.followed.flows.t.places, "bonds: the members that are followed have other places")
        for a in range(system.P if system.indptr != NULL else 0):
            most = max(most, system.indptr[a + 1] - system.indptr[a])
        cdef uint8_t[::1] ways = np.zeros(most * sizeof(Way), np.uint8)
        self.first_kick = np.zeros(max(1, bonds.d.bonds))
        self.drawn = np.zeros(max(1, 2 * bonds.d.bonds), np.int64)
        self.followed.system = system
        self.followed.flows.ways.way = <Way *> &ways[0]
        self.bound = (bonds, ways)

    def set_out(self, double stop):
        """Go on with the step that is not finished, if there is one; stop: the time that steps lead to."""
        self.followed.stop = stop
        flow_redo(&self.followed.flows)

    def rewind(self):
        """Show members and jumps as they were before a step that is not finished."""
        flow_rewind(&self.followed.flows)

    cdef void hang_in(self, Work *w) noexcept:
        """Steps tell what moves in them."""
        w.tracks = &self.followed
        w.first_kick = &self.first_kick[0]
        w.drawn = &self.drawn[0]
