# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Counts of many beables with few couplings each, at any N: the step of a lattice, at a cost of O(P).

A replica is kept as amplitudes c = sqrt(n) exp(-i phi), which the mean field moves linearly. A step carries c along its
Taylor polynomial of degree four: the path. What noise adds to c at some time of the step is small beside it and moves
by the same linear equation; so all of it is inserted at once, by three moments in the time that is left, and led to the
step's end in two more applications of H. Nothing of a step is left over for the next one: the law of what is recorded
does not depend on where records lie.

Beables of few members have a whole number n beside c, which takes its size from it (moves.pyx). Beables that turn over
too fast for the step are stiff and take substeps (clusters.pyx).

Beyond N = 2^63 (`mean` given): c = mean + deviation, both moved by the same linear equation, so that fluctuations of
relative size 1/sqrt(N) are carried at full precision. Noise acts on the deviation alone.
"""
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from copympi.kernels.bonds cimport NO_COUNT, PLENTY, Bonds, Replica, Work, Workspace
from copympi.kernels.checks cimport need
from copympi.kernels.clusters cimport run_stiff
from copympi.kernels.diagonals cimport Diagonals, add_up, clear_words
from copympi.kernels.flow_tracks cimport LatticeTracks, begin_followed, end_followed, follow_half
from copympi.kernels.lattice_passes cimport (LAST_CALM, LAST_LOOKED, NOISE, add_events, calm_pass, forget_parts,
                                             lead_on_area, lead_on_noise, look_pass, note_chance, sum_up_kicks)
from copympi.kernels.lattice_path cimport lay_path
from copympi.kernels.moves cimport LAST_KICKED, draw_first, draw_second, spectators_matter
from copympi.kernels.passes cimport pass_over
from copympi.kernels.plans cimport FINE, STEP_TOO_SMALL
from copympi.kernels.settle cimport measure_end, settle, settle_large_n, sum_up_end
from copympi.kernels.step_control cimport StepControl

UNCOUNTED = int(NO_COUNT)
"""What n holds where a beable's members are so many that they need no whole number."""
COUNTED_TO = int(PLENTY)
"""Members, beside spectators, up to which a beable starts with a whole number."""


cdef class Replicas:
    """Replicas of a lattice, checked once, with work space for the one whose turn it is.

    The arrays belong to the caller, who may write to them between steps: n (R, P) whole numbers, or
    UNCOUNTED; c (R, 2, P) amplitudes re, im, or their deviations where mean (R, 2, P) is not None; of each replica
    (R,): time_left to the record, steps done (`step`), events, largest_chance of a member to leave in a step, substeps
    of its beables, members (its N) and, where there is no mean, total (N exactly). They are numbered from `first`.

    A step with stiff clusters may be left unfinished, when its effort is spent: until it is finished the arrays show
    its start, so that they can be saved at any time. Raises ValueError for arrays that do not fit.
    """

    def __cinit__(self, Bonds bonds not None, *, Py_ssize_t first, const int64_t[::1] total not None,
                  const double[::1] members not None, int64_t[:, ::1] n not None,
                  double[:, :, ::1] c not None, double[:, :, ::1] mean, double[::1] time_left not None,
                  int64_t[::1] step not None, double[::1] events not None, double[::1] largest_chance not None,
                  int64_t[::1] substeps not None):
        cdef Py_ssize_t R = n.shape[0], P = bonds.d.P
        cdef Workspace workspace
        need(n.shape[1] == P, "n: must be (R, P)")
        need(c.shape[0] == R and c.shape[1] == 2 and c.shape[2] == P, "c: must be (R, 2, P)")
        if mean is not None:
            need(mean.shape[0] == R and mean.shape[1] == 2 and mean.shape[2] == P, "mean: must be (R, 2, P)")
        need(time_left.shape[0] == R and step.shape[0] == R, "time_left, step: must be (R,)")
        need(events.shape[0] == R, "events: must be (R,)")
        need(largest_chance.shape[0] == R and substeps.shape[0] == R, "largest_chance, substeps: must be (R,)")
        need(total.shape[0] == R and members.shape[0] == R, "total, members: must be (R,)")
        self.workspace = workspace = Workspace(bonds, mean is not None)
        self.first, self.total, self.members = first, total, members
        self.n, self.c, self.mean = n, c, mean
        self.time_left, self.step, self.substeps = time_left, step, substeps
        self.events, self.largest_chance = events, largest_chance
        self.g.d = &workspace.bonds.d
        self.g.w = &workspace.w
        self.g.x = &self.x

    @property
    def in_mid_step(self):
        """Whether a step has been left unfinished."""
        return self.unfinished

    def follow(self, Bonds bonds not None):
        """Go on by another H whose elements stand in the same places. Raises ValueError where they do not."""
        cdef Bonds old = self.workspace.bonds
        need(bonds.d.P == old.d.P and bonds.d.bonds == old.d.bonds and bonds.d.tiles == old.d.tiles
             and bonds.most_bonds <= old.most_bonds and bonds.system.nnz == old.system.nnz
             and not self.unfinished, "bonds: must stand in the same places, between steps")
        self.workspace.bonds, self.g.d = bonds, &bonds.d
        if self.tracks is not None:
            self.track(self.tracks)

    def track(self, LatticeTracks tracks not None):
        """From here on tell `tracks` what moves. Raises ValueError where its places are not the beables."""
        need(not self.unfinished, "track: between steps alone")
        tracks.bind(self.workspace.bonds)
        tracks.hang_in(&self.workspace.w)
        self.tracks = tracks

    def forget(self):
        """Forget an unfinished step: the replicas are as the arrays show them."""
        cdef Py_ssize_t a
        self.unfinished = False
        for a in range(self.workspace.bonds.d.P):
            if self.workspace.w.place[a] != 0:
                self.workspace.w.place[a] = 0

    cdef void take_turn(self, Py_ssize_t r, uint64_t seed, uint64_t purpose, StepControl control) noexcept nogil:
        """Replica r, as the arrays show it, is the one whose step is to be made."""
        cdef Replica *x = &self.x
        self.turn = r
        x.n = &self.n[r, 0]
        x.c = &self.c[r, 0, 0]
        x.mean = &self.mean[r, 0, 0] if self.workspace.large_n else NULL
        x.spectators = control.spectators
        x.limit = control.leaving_chance
        x.fixed = control.step > 0.0
        x.members = self.members[r]
        x.total = self.total[r]
        x.largest_chance = self.largest_chance[r]
        x.events = self.events[r]
        x.substeps = self.substeps[r]
        x.seed = seed
        x.purpose = purpose
        x.number = self.first + r
        x.step = self.step[r]
        if self.tracks is not None:
            begin_followed(&self.workspace.w, r, self.time_left[r])

    cdef void note_step(self) noexcept nogil:
        """Its step is done: the arrays show its end."""
        cdef Py_ssize_t r = self.turn
        cdef double h = self.x.h
        self.time_left[r] = 0.0 if self.time_left[r] - h < 0.5 * h else self.time_left[r] - h
        self.step[r] += 1
        self.events[r] = self.x.events
        self.largest_chance[r] = self.x.largest_chance
        self.substeps[r] = self.x.substeps
        if self.tracks is not None:
            end_followed(&self.workspace.w)


cdef void end_step(const Diagonals *d, Replica *x, Work *w) noexcept nogil:
    """The rest of a step whose stiff clusters have come to its end."""
    cdef bint counted = False, noisy = w.others != 0
    if not is_plain(x, w):
        lead_on_area(d, w)
        counted = noisy or (x.spectators and spectators_matter(d, w))
        if counted:
            if not noisy:
                clear_words(d, w.last)
            draw_second(d, x, w)
        if w.tracks != NULL:
            follow_half(d, x, w, True)
        lead_on_noise(d, w)
        measure_end(d, x, w, counted)
    sum_up_end(d, x, w)
    add_events(d, x, w)
    if x.mean != NULL:
        settle_large_n(d, x, w)
    else:
        settle(d, x, w, counted)


cdef bint is_plain(const Replica *x, const Work *w) noexcept nogil:
    """Whether a step's noise can go through all its passes in one go."""
    return w.others == 0 and x.spectators == 0 and w.tracks == NULL


cdef bint begin_step(Replicas replicas) noexcept nogil:
    """First part of a step of length x.h along a path that is laid. Returns whether there are stiff clusters."""
    cdef const Diagonals *d = &replicas.workspace.bonds.d
    cdef Replica *x = &replicas.x
    cdef Work *w = &replicas.workspace.w
    cdef Py_ssize_t P = d.P
    cdef int64_t stiff = w.fast
    note_chance(x, w)
    forget_parts(d, w)
    if stiff:  # n is to show the step's start until it is done
        memcpy(w.n, x.n, P * sizeof(int64_t))
        x.n = w.n
        if x.mean != NULL:
            add_up(d, 6, w.deviation + 4 * P, w.mean + 4 * P, w.v + 4 * P)
    pass_over(d, x, w, calm_pass, LAST_CALM if is_plain(x, w) else LAST_KICKED)
    sum_up_kicks(d, w)
    if w.others:
        clear_words(d, w.share0)
        clear_words(d, w.last)
        draw_first(d, x, w)
    if w.tracks != NULL:
        follow_half(d, x, w, False)
    replicas.g.start = 0
    replicas.g.stop = P
    replicas.g.begun = False
    return stiff != 0


cdef int go_on(Replicas replicas, StepControl control, int64_t *effort) noexcept nogil:
    """A step of the replica whose turn it is, or what its stiff clusters do of it until the effort is spent."""
    cdef const Diagonals *d = &replicas.workspace.bonds.d
    cdef Replica *x = &replicas.x
    cdef Work *w = &replicas.workspace.w
    cdef bint stiff = True
    if not replicas.unfinished:
        lay_path(d, control, x, replicas.time_left[replicas.turn], w, look_pass, LAST_LOOKED)
        if not isfinite(x.h) or x.h < control.smallest:
            return STEP_TOO_SMALL
        effort[0] -= d.P + d.bonds
        stiff = begin_step(replicas)
        replicas.unfinished = True
    if stiff and not run_stiff(&replicas.g, &replicas.workspace.bonds.system, effort):
        return FINE
    end_step(d, x, w)
    if stiff:
        memcpy(&replicas.n[replicas.turn, 0], x.n, d.P * sizeof(int64_t))
    replicas.note_step()
    replicas.unfinished = False
    return FINE


def advance(Replicas replicas not None, StepControl control not None, *, uint64_t seed, uint64_t purpose,
            double substep_turn, int64_t effort, double pause=0.0):
    """Carry replicas to the next record, or until about so much `effort` is spent.

    Random numbers are a function of seed, purpose, replica and step. substep_turn: radians that an amplitude may turn
    in a substep. A step takes an effort of as many units as there are beables and bonds, a substep likewise of its
    cluster; results do not depend on where a call ends. pause : replicas wait that have no more time left.
    Returns (effort spent, status, replica).
    """
    cdef int64_t left = effort
    cdef int status = FINE
    cdef Py_ssize_t r = 0
    replicas.workspace.w.substep_turn = substep_turn
    replicas.workspace.w.most_noise = NOISE
    with nogil:
        for r in range(replicas.turn if replicas.unfinished else 0, replicas.n.shape[0]):
            while status == FINE and left > 0 and (replicas.unfinished or replicas.time_left[r] > pause):
                if not replicas.unfinished:
                    replicas.take_turn(r, seed, purpose, control)
                status = go_on(replicas, control, &left)
            if status != FINE or left <= 0:
                break
    return effort - left, status, r
