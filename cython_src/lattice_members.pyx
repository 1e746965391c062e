# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The lattice's step for members with an identity: what is planned, while blocks draw who goes (members.pyx).

It is the step of lattice.pyx with a whole number of members in every beable, however many they are: all noise is drawn
as whole numbers in two halves (moves.pyx), none as normal numbers. In a half, each member of b goes along bond b -> a
with the same chance, mean flow/(members of b that can move), whoever it is: so a block draws how many of its own go,
binomials of that chance, and which. The sum over blocks of binomials of one chance is the binomial that lattice.pyx
draws for all of b; and given the sum, who goes is a uniform choice among all members of b. Law of the counts and law of
who goes are exactly those of one draw for the whole beable and a uniform choice, whatever the number of blocks.

Stiff clusters go over the step between the two halves, in substeps of few members each. These are drawn for the whole
beable and noted (move_log.h); dealt_moves.pyx deals them to blocks: the same law from its other end.
"""
from libc.math cimport fabs, isfinite
from libc.stdint cimport int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

import numpy as np

from copympi.kernels.bonds cimport (COUNTED, EMPTY, PLENTY, SIZE, STIFF, Bonds, Replica, Work, Workspace, size_at,
                                    turns_slowly)
from copympi.kernels.checks cimport need
from copympi.kernels.cluster cimport Cluster
from copympi.kernels.clusters cimport run_stiff
from copympi.kernels.couplings cimport System
from copympi.kernels.diagonals cimport TILE, Diagonals, finish, turnover
from copympi.kernels.lattice_passes cimport COUNTED_TURN, lead_on_area, lead_on_noise
from copympi.kernels.lattice_path cimport LAST_FOLLOWED, follow_pass, lay_path
from copympi.kernels.move_log cimport MoveLog, flow_between
from copympi.kernels.moves cimport insert_first, keep_path, moving_share, second_flow, second_mean
from copympi.kernels.pair cimport pair_flow
from copympi.kernels.plans cimport FINE, STEP_TOO_SMALL
from copympi.kernels.settle cimport amplitude_of
from copympi.kernels.step_control cimport StepControl
from copympi.kernels.ways cimport Ways

cdef double MANY_LEAVE = 2.0  # times leaving_chance: what the chance of many members to leave in a step may be


cdef class LatticeStep:
    """Steps of replicas, one at a time, with work space.

    ways : of the bonds. chance (ways,) : the caller's, set by `begin` and `second`: a member's chance to go each way in
    the half step that is next. profile (3 ways,), or None : and the flow along it at the begin, middle and end of that
    half.

    A step is `begin`, the first draws, `moved`, `run_clusters` until it is True, the dealing of `moves`, `second`, the
    second draws, `finish`. Raises ValueError for arrays that do not fit.
    """

    cdef Workspace workspace
    cdef Replica x
    cdef Cluster g
    cdef MoveLog log
    cdef double[:, ::1] c
    cdef double[::1] chance
    cdef double[::1] profile
    cdef Ways ways
    cdef bint stiff
    cdef readonly double length
    """Of the step."""

    def __cinit__(self, Bonds bonds not None, Ways ways not None, *, double[::1] chance not None,
                  double[::1] profile=None):
        cdef Workspace workspace
        need(ways.system.P == bonds.d.P and ways.entry.shape[0] == max(1, bonds.d.bonds), "ways: of other bonds")
        need(chance.shape[0] == ways.system.nnz, "chance: must be (ways,)")
        need(profile is None or profile.shape[0] == 3 * ways.system.nnz, "profile: must be (3 ways,)")
        self.workspace = workspace = Workspace(bonds, False)
        self.chance, self.profile = chance, profile
        self.ways = ways
        self.g.d = &workspace.bonds.d
        self.g.w = &workspace.w
        self.g.x = &self.x
        self.x.whole = True
        self.x.n = workspace.w.n
        workspace.w.moves = &self.log

    def __dealloc__(self):
        free(self.log.move)

    def follow(self, Bonds bonds not None):
        """Go on by another H whose elements stand in the same places. Raises ValueError where they do not."""
        cdef Bonds old = self.workspace.bonds
        need(bonds.d.P == old.d.P and bonds.d.bonds == old.d.bonds and bonds.most_bonds <= old.most_bonds
             and bonds.system.nnz == old.system.nnz, "bonds: must stand in the same places")
        self.workspace.bonds, self.g.d = bonds, &bonds.d

    @property
    def largest_chance(self):
        """Of a member to leave in a step so far."""
        return self.x.largest_chance

    @property
    def substeps(self):
        """Of stiff beables so far."""
        return self.x.substeps

    def begin(self, StepControl control not None, const int64_t[::1] n not None, double[:, ::1] c not None, *,
              double time_left, double largest_chance, int64_t substeps, keys, double substep_turn):
        """Plan a step from n (P,) and amplitudes c (2, P), re and im, `time_left` before the stop, and its first draws.
        Returns the status. c is written to when the step is finished.

        keys : seed, purpose, replica and step, of which random numbers of stiff clusters are a function. substep_turn :
        radians that an amplitude may turn in one of their substeps. largest_chance, substeps : of the replica so far.
        """
        cdef const Diagonals *d = &self.workspace.bonds.d
        cdef Replica *x = &self.x
        cdef Work *w = &self.workspace.w
        cdef Py_ssize_t P = d.P, a
        need(n.shape[0] == P and c.shape[0] == 2 and c.shape[1] == P, "n: must be (P,), c (2, P)")
        self.c = c
        x.c = &c[0, 0]
        x.spectators, x.limit, x.fixed = control.spectators, control.leaving_chance, control.step > 0.0
        x.largest_chance, x.substeps = largest_chance, substeps
        x.seed, x.purpose, x.number, x.step = keys
        x.members, x.events = 0.0, 0.0
        w.substep_turn = substep_turn
        self.log.moves = self.log.groups = 0
        with nogil:
            memcpy(w.n, &n[0], P * sizeof(int64_t))
            for a in range(P):
                x.members += <double> w.n[a]
            lay_path(d, control, x, time_left, w, follow_pass, LAST_FOLLOWED)
        self.length = x.h
        if not isfinite(x.h) or x.h < control.smallest:
            return STEP_TOO_SMALL
        with nogil:
            for a in range(d.tiles):
                turnover(d, a, 0.5 * x.h, w.early_rate, w.late_rate, w.out + a * TILE)
            self.stiff = classify(d, x, w)
            plan_first(self)
        return FINE

    def moved(self, const int64_t[::1] n not None, const int64_t[::1] out not None):
        """The first draws have led to n (P,), `out` (P,) having left; stiff clusters follow."""
        cdef const Diagonals *d = &self.workspace.bonds.d
        cdef Work *w = &self.workspace.w
        cdef Py_ssize_t a
        need(n.shape[0] == d.P and out.shape[0] == d.P, "n, out: must be (P,)")
        with nogil:
            for a in range(d.P):
                w.moved[a] = n[a] - w.n[a]
                w.lead[a] += <double> out[a]
            insert_first(d, &self.x, w)
            memset(w.moved, 0, d.P * sizeof(int64_t))
            if self.stiff:
                memset(w.gone, 0, d.P * sizeof(int64_t))
            memset(w.taken, 0, d.P * sizeof(double))
            w.stiffs = w.clusters = 0
            self.g.start = 0
            self.g.stop = d.P
            self.g.begun = False

    def run_clusters(self, int64_t effort):
        """Carry stiff clusters over the step until about so much effort is spent: a substep takes as much as its
        cluster has beables and couplings. Returns whether they are at its end. MemoryError where moves cannot be noted.
        """
        cdef bint done = True
        if self.stiff:
            with nogil:
                done = run_stiff(&self.g, &self.workspace.bonds.system, &effort)
        if self.log.lost:
            raise MemoryError("no room for the moves of stiff clusters")
        return done

    def moves(self):
        """What clusters moved, in order: (K, 4) int64 source, target, count, group; (K, 5) begin and end in time since
        the step's start, and the flow in unit time at begin, middle and end."""
        cdef Py_ssize_t K = self.log.moves, k, j
        whole = np.empty((K, 4), np.int64)
        real = np.empty((K, 5))
        cdef int64_t[:, ::1] ints = whole
        cdef double[:, ::1] reals = real
        for k in range(K):
            ints[k, 0], ints[k, 1] = self.log.move[k].source, self.log.move[k].target
            ints[k, 2], ints[k, 3] = self.log.move[k].count, self.log.move[k].group
            reals[k, 0], reals[k, 1] = self.log.move[k].begin, self.log.move[k].end
            for j in range(3):
                reals[k, 2 + j] = self.log.move[k].flow[j]
        return whole, real

    def second(self):
        """Plan the second draws."""
        cdef const Diagonals *d = &self.workspace.bonds.d
        cdef Work *w = &self.workspace.w
        with nogil:
            lead_on_area(d, w)
            plan_second(self)

    def finish(self, const int64_t[::1] n not None):
        """The second draws have led to n (P,): c is that of the step's end."""
        cdef const Diagonals *d = &self.workspace.bonds.d
        cdef Work *w = &self.workspace.w
        cdef double *c = self.x.c
        cdef Py_ssize_t P = d.P, a
        need(n.shape[0] == P and c != NULL, "n: must be (P,), of a step that has begun")
        with nogil:
            lead_on_noise(d, w)
            finish(d, w.end, w.D0, c, w.parts + SIZE * d.tiles)
            for a in range(P):
                amplitude_of(<double> n[a], c[a], c[P + a], w.v[a], w.v[P + a], c + a, c + P + a)


cdef bint classify(const Diagonals *d, Replica *x, Work *w) noexcept nogil:
    """What each beable is in this step; returns whether some turn over too fast for it."""
    cdef Py_ssize_t P = d.P, a
    cdef double worst = 0.0, most
    cdef bint many, stiff = False
    memset(w.role, EMPTY, P)
    for a in range(P):
        if w.n[a] == 0:
            continue
        many = w.n[a] > PLENTY + x.spectators
        # through spectators alone members pass, as fields that turn them let them, or more where fields cancel
        most = (MANY_LEAVE * x.limit if many else x.limit) if w.n[a] > x.spectators else 2.0 * COUNTED_TURN
        if turns_slowly(d, x, w, a, COUNTED_TURN) and w.out[a] <= most * w.n[a]:
            w.role[a] = COUNTED
            if w.n[a] > x.spectators and w.out[a] > worst * w.n[a]:
                worst = w.out[a] / w.n[a]
        else:
            w.role[a] = STIFF
            stiff = True
    if worst > x.largest_chance:
        x.largest_chance = worst
    return stiff


cdef inline void open_way(LatticeStep step, Py_ssize_t e, Py_ssize_t source, bint forth, double mean,
                          bint late) noexcept nogil:
    """A mean of so many members leave `source` along bond e, from its first beable, or (not forth) its other one."""
    cdef Replica *x = &step.x
    cdef Work *w = &step.workspace.w
    cdef int64_t movable = w.n[source] - x.spectators, entry = step.ways.entry[e, 0 if forth else 1]
    cdef Py_ssize_t nnz = step.ways.system.nnz, j
    cdef double flow[3]
    if not mean > 0.0 or movable <= 0 or entry < 0:
        return
    step.chance[entry] = mean / movable
    w.taken[source] += step.chance[entry]
    if step.profile is not None:
        flow_between(w.early_rate[e], w.late_rate[e], 0.5 if late else 0.0, 1.0 if late else 0.5,
                     1.0 if forth else -1.0, flow)
        for j in range(3):
            step.profile[j * nnz + entry] = flow[j]


cdef void close_ways(LatticeStep step) noexcept nogil:
    """Chances of one member add up to 1 at most: beyond it all leave, as the ways want them."""
    cdef const System *s = &step.ways.system
    cdef Work *w = &step.workspace.w
    cdef Py_ssize_t a, e
    for a in range(s.P):
        if w.taken[a] > 1.0:
            for e in range(s.indptr[a], s.indptr[a + 1]):
                step.chance[e] /= w.taken[a] * (1.0 + 1e-12)


cdef void open_ways(LatticeStep step) noexcept nogil:
    """No way is open yet."""
    cdef Work *w = &step.workspace.w
    cdef Py_ssize_t nnz = step.ways.system.nnz
    memset(w.taken, 0, step.workspace.bonds.d.P * sizeof(double))
    if nnz:
        memset(&step.chance[0], 0, nnz * sizeof(double))
        if step.profile is not None:
            memset(&step.profile[0], 0, 3 * nnz * sizeof(double))


cdef void plan_first(LatticeStep step) noexcept nogil:
    """Chances of the first draws: half of what moves at the first Gauss point's rate; what the path moves so: w.change,
    and what leaves on average, w.lead, are taken off before it is known what does."""
    cdef const Diagonals *d = &step.workspace.bonds.d
    cdef Replica *x = &step.x
    cdef Work *w = &step.workspace.w
    cdef Py_ssize_t P = d.P, r, k, e, b, c, source
    cdef double flow, mean
    keep_path(d, w)
    for k in range(2 * P):
        w.D0[k] = w.D1[k] = w.D2[k] = 0.0
    for k in range(P):
        w.change[k] = w.lead[k] = w.share0[k] = 0.0
    open_ways(step)
    for r in range(d.run_at[d.tiles]):
        for k in range(d.run[r].length):
            b = d.run[r].first + k
            c = b + d.run[r].offset
            if w.role[b] != COUNTED or w.role[c] != COUNTED:
                continue
            e = d.run[r].start + k
            flow = 0.5 * x.h * w.early_rate[e]
            source = b if flow > 0.0 else c
            mean = fabs(flow) * moving_share(x.spectators, size_at(w.early, P, source))
            w.change[b] += flow
            w.change[c] -= flow
            w.lead[source] -= mean
            open_way(step, e, source, flow > 0.0, mean, False)
    close_ways(step)


cdef void plan_second(LatticeStep step) noexcept nogil:
    """Chances of the second draws, as draw_second of moves.pyx has their means."""
    cdef const Diagonals *d = &step.workspace.bonds.d
    cdef Replica *x = &step.x
    cdef Work *w = &step.workspace.w
    cdef Py_ssize_t P = d.P, r, k, e, b, c, source
    cdef const double *z = w.late
    cdef double over = 1.0 / x.h, xb, yb, xc, yc, old, new, mean
    open_ways(step)
    for r in range(d.run_at[d.tiles]):
        for k in range(d.run[r].length):
            b = d.run[r].first + k
            c = b + d.run[r].offset
            if w.role[b] != COUNTED or w.role[c] != COUNTED or w.n[b] == 0 or w.n[c] == 0:
                continue
            e = d.run[r].start + k
            xb = z[b] + over * w.E[b]
            yb = z[P + b] + over * w.E[P + b]
            xc = z[c] + over * w.E[c]
            yc = z[P + c] + over * w.E[P + c]
            old = w.late_rate[e]
            new = pair_flow(d.re[e], d.im[e], xb, yb, xc, yc)
            if x.spectators:
                old *= moving_share(x.spectators, size_at(z, P, b if old > 0.0 else c))
                new *= moving_share(x.spectators, xb * xb + yb * yb if new > 0.0 else xc * xc + yc * yc)
            mean = second_flow(x.h, old, new)
            source = b if mean > 0.0 else c
            if (old > 0.0) == (mean > 0.0):
                mean = second_mean(mean, 0.5 * x.h * old, w.n[source] - x.spectators, w.lead[source])
            open_way(step, e, source, source == b, mean if source == b else -mean, True)
    close_ways(step)
