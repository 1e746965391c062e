# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The step of a lattice whose tiles are shared out over ranks, part by part.

Each part works on this rank's tiles alone (Bonds: first_tile, end_tile). Between the parts ranks exchange what their
beables and bonds need of others', and sums of tiles (engine/shared_steps.py): in `arrays`, which are as long as the
whole lattice; memory of what no one here needs is never touched. The parts are those of the step on one rank
(lattice.pyx), in its order, so that its bits are the same.
"""
import numpy as np
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from copympi.kernels.bonds cimport FIRST, PARTS, SECOND, Work
from copympi.kernels.checks cimport need
from copympi.kernels.clusters cimport run_stiff
from copympi.kernels.diagonals cimport (Diagonals, add_up, clear_words, foreign_rates, group_up, spectator_share_of,
                                        spectator_shares)
from copympi.kernels.lattice cimport Replicas
from copympi.kernels.lattice_passes cimport (LAST_CALM, LAST_LOOKED, NOISE, add_events, calm_pass, forget_parts,
                                             lead_on_area, lead_on_noise, look_pass, note_chance)
from copympi.kernels.lattice_path cimport LAST_LAID, choose_step, forget_look, lay_pass, shorten
from copympi.kernels.moves cimport (LAST_KICKED, count_second, draw, forget_draws, insert_first, spectators_matter)
from copympi.kernels.passes cimport pass_inside, pass_rest
from copympi.kernels.settle cimport (Whole, are_few, count_whole, keep_members, measure_end, settle_both, settle_few,
                                     without_whole)
from copympi.kernels.step_control cimport StepControl

FIRST_DRAW, SECOND_DRAW = int(FIRST), int(SECOND)
"""Which draws `draw` is to make."""


cdef class SharedStep:
    """A step of the one replica of `replicas`, of which this rank has some tiles.

    arrays : name -> the numbers of beables (..., P), bonds (bonds,) or tiles (PARTS, tiles), for exchanges to write to.
    Each method is a part of the step, to be called in the order in which they stand here. ValueError where there is
    not one replica.
    """

    cdef Replicas replicas
    cdef StepControl control
    cdef readonly dict arrays

    def __cinit__(self, Replicas replicas not None):
        cdef Work *w = &replicas.workspace.w
        cdef Py_ssize_t P = replicas.workspace.bonds.d.P, bonds = max(1, replicas.workspace.bonds.d.bonds)
        cdef Py_ssize_t tiles = replicas.workspace.bonds.d.tiles
        need(replicas.n.shape[0] == 1, "replicas: one alone can be shared out")
        self.replicas = replicas
        self.arrays = {
            "v": np.asarray(<double[:10 * P]> w.v).reshape(5, 2, P),
            "start": np.asarray(<double[:4 * P]> w.v).reshape(2, 2, P),
            "high": np.asarray(<double[:6 * P]> w.high).reshape(3, 2, P),
            "early": np.asarray(<double[:2 * P]> w.early).reshape(2, P),
            "late": np.asarray(<double[:2 * P]> w.late).reshape(2, P),
            "D0": np.asarray(<double[:2 * P]> w.D0).reshape(2, P),
            "D1": np.asarray(<double[:2 * P]> w.D1).reshape(2, P),
            "D2": np.asarray(<double[:2 * P]> w.D2).reshape(2, P),
            "E": np.asarray(<double[:2 * P]> w.E).reshape(2, P),
            "calm": np.asarray(<double[:P]> w.calm),
            "spectator_share": np.asarray(<double[:P]> w.spectator_share),
            "share0": np.asarray(<double[:P]> w.share0),
            "share1": np.asarray(<double[:P]> w.share1),
            "share2": np.asarray(<double[:P]> w.share2),
            "kick": np.asarray(<double[:bonds]> w.kick),
            "n": np.asarray(<int64_t[:P]> w.n),
            "moved": np.asarray(<int64_t[:P]> w.moved),
            "role": np.asarray(<unsigned char[:P]> w.role),
            "stiff": np.asarray(<int64_t[:P]> w.stiff),
            "stiff_end": np.asarray(<double[:4 * P]> w.stiff_end).reshape(4, P),
            "cluster_start": np.asarray(<int64_t[:P]> w.cluster_start),
            "cluster_events": np.asarray(<double[:P]> w.cluster_events),
            "parts": np.asarray(<double[:PARTS * tiles]> w.parts).reshape(PARTS, tiles),
        }
        if replicas.workspace.large_n:
            self.arrays["mean"] = np.asarray(<double[:10 * P]> w.mean).reshape(5, 2, P)
            self.arrays["deviation"] = np.asarray(<double[:10 * P]> w.deviation).reshape(5, 2, P)

    cdef const Diagonals *bonds(self) noexcept:
        return &self.replicas.workspace.bonds.d

    cdef Work *work(self) noexcept:
        return &self.replicas.workspace.w

    def begin(self, StepControl control not None, *, uint64_t seed, uint64_t purpose, double substep_turn):
        """Take up the replica as its arrays show it: the path's first coefficient."""
        cdef Work *w = self.work()
        self.control = control
        w.substep_turn = substep_turn
        w.most_noise = NOISE
        self.replicas.take_turn(0, seed, purpose, control)
        forget_parts(self.bonds(), w)
        pass_inside(self.bonds(), &self.replicas.x, w, lay_pass, LAST_LAID)

    def expand(self, int k):
        """The path's k-th coefficient, where it waits for what neighbours have of the one before."""
        pass_rest(self.bonds(), &self.replicas.x, self.work(), lay_pass, k)

    def add_mean(self):
        """The path's last three coefficients where those of mean and deviation stand apart."""
        cdef Py_ssize_t at = 4 * self.bonds().P
        cdef Work *w = self.work()
        add_up(self.bonds(), 6, w.deviation + at, w.mean + at, w.v + at)

    def sum_up(self, rows):
        """Rows of parts, of all this rank's tiles, added up by groups."""
        for row in rows:
            group_up(self.bonds(), self.work().parts + <int> row * self.bonds().tiles)

    def choose(self):
        """The step's length from the sums of all tiles. False where it is too small."""
        self.replicas.x.h = choose_step(self.bonds(), self.control, &self.replicas.x, self.replicas.time_left[0],
                                        self.work())
        return self.fine()

    def fine(self):
        """Whether time can resolve the step."""
        return bool(isfinite(self.replicas.x.h) and self.replicas.x.h >= self.control.smallest)

    def follow(self):
        """Amplitudes along the path, rates at its Gauss points, and what each beable is in this step."""
        cdef Work *w = self.work()
        forget_look(w)
        pass_inside(self.bonds(), &self.replicas.x, w, look_pass, LAST_LOOKED)

    def look(self):
        """The same where it waits for what neighbours' amplitudes are. Returns how many beables are not calm, and how
        many of these are stiff."""
        cdef Work *w = self.work()
        cdef int number
        foreign_rates(self.bonds(), w.early, w.early_rate)
        foreign_rates(self.bonds(), w.late, w.late_rate)
        for number in range(1, LAST_LOOKED + 1):
            pass_rest(self.bonds(), &self.replicas.x, w, look_pass, number)
        return w.others, w.fast

    def shorten(self):
        """Whether, by the sums of all tiles, the step must be shorter, as it then is."""
        return bool(shorten(self.bonds(), self.control, &self.replicas.x, self.replicas.time_left[0], self.work()))

    def share_spectators(self):
        """Shares of spectators at the second Gauss point. Whether it matters how noise changes what they keep back."""
        cdef Work *w = self.work()
        if not self.replicas.x.spectators:
            return False
        spectator_shares(self.bonds(), w.late, self.replicas.x.spectators, w.spectator_share)
        return bool(spectators_matter(self.bonds(), w))

    def share_others_spectators(self, int point, const int64_t[::1] others not None):
        """The shares of spectators at a Gauss point in beables of `others`."""
        cdef Work *w = self.work()
        cdef double *c = w.late if point else w.early
        cdef Py_ssize_t k, a
        for k in range(others.shape[0]):
            a = others[k]
            w.spectator_share[a] = spectator_share_of(c[a], c[self.bonds().P + a], self.replicas.x.spectators)

    def set_out(self, bint calm):
        """The step is made: its noise, as far as it needs nothing of neighbours; to its end where all beables are calm
        and spectators do not matter, on all ranks."""
        note_chance(&self.replicas.x, self.work())
        pass_inside(self.bonds(), &self.replicas.x, self.work(), calm_pass, LAST_CALM if calm else LAST_KICKED)

    def kick(self, int point):
        """Noise of this rank's bonds at a Gauss point, where it waits for what neighbours are."""
        pass_rest(self.bonds(), &self.replicas.x, self.work(), calm_pass, 2 * point + 1)

    def deal(self, int point):
        """What the kicks of all bonds at a Gauss point change, where that waits for neighbours' kicks."""
        pass_rest(self.bonds(), &self.replicas.x, self.work(), calm_pass, 2 * point + 2)

    def lead_on_calmly(self, bint to_end):
        """The time integral E of what noise has added, then what it has added by the step's end, and amplitudes there:
        where that waits for neighbours', all beables being calm."""
        pass_rest(self.bonds(), &self.replicas.x, self.work(), calm_pass, LAST_CALM if to_end else LAST_CALM - 1)

    def forget_noise(self):
        """Nothing is known yet of what counted members change."""
        clear_words(self.bonds(), self.work().share0)
        clear_words(self.bonds(), self.work().last)

    def forget_draws(self, int which):
        """Nobody has been drawn yet."""
        forget_draws(self.bonds(), self.work(), which)

    def draw(self, int which):
        """The first or second draws of all who leave this rank's beables: `moved`, of others' beables too."""
        draw(self.bonds(), &self.replicas.x, self.work(), which)

    def insert_first(self):
        """What the first draws change."""
        insert_first(self.bonds(), &self.replicas.x, self.work())

    def hold_counts(self):
        """From here on whole numbers are those of array `n`: the replica's show the step's start until it is done."""
        cdef Work *w = self.work()
        memcpy(w.n + self.bonds().begin, self.replicas.x.n + self.bonds().begin,
               (self.bonds().end - self.bonds().begin) * sizeof(int64_t))
        self.replicas.x.n = w.n

    def begin_clusters(self, Py_ssize_t start, Py_ssize_t stop):
        """Set out with the stiff clusters that begin at start .. stop - 1."""
        self.replicas.g.start, self.replicas.g.stop, self.replicas.g.begun = start, stop, False

    def run_clusters(self, int64_t effort):
        """Carry them over the step, until so much effort is spent. Returns what is left of it, 0 where they are not at
        the step's end."""
        cdef Replicas r = self.replicas
        cdef bint done
        with nogil:
            done = run_stiff(&r.g, &r.workspace.bonds.system, &effort)
        return max(1, effort) if done else 0

    @property
    def ended(self):
        """How many stiff beables and how many clusters have come to the step's end so far."""
        return self.work().stiffs, self.work().clusters

    def set_ends(self, Py_ssize_t stiffs):
        """So many stiff beables are in arrays `stiff` and `stiff_end`, those of other ranks' clusters too."""
        self.work().stiffs = stiffs

    def lead_on_area(self):
        """The time integral E of what noise has added so far."""
        lead_on_area(self.bonds(), self.work())

    def count_second(self):
        """Whole numbers take what the second draws moved."""
        count_second(self.bonds(), &self.replicas.x, self.work())

    def lead_on_noise(self, bint counted):
        """What noise has added by the step's end, and amplitudes there."""
        lead_on_noise(self.bonds(), self.work())
        measure_end(self.bonds(), &self.replicas.x, self.work(), counted)

    @property
    def smallest(self):
        """|c_a|^2 at the step's end."""
        return self.work().smallest

    def are_few(self, bint counted, double smallest):
        """Whether beables must be settled one by one."""
        return bool(are_few(counted, smallest))

    def settle_few(self, bint counted):
        """Beable by beable (row 0 of parts). Returns members in whole numbers; who has most, or -1; and how many."""
        cdef Whole whole
        whole.members, whole.most = 0, -1
        settle_few(self.bonds(), &self.replicas.x, self.work(), counted, &whole)
        return whole.members, whole.most, self.replicas.x.n[whole.most] if whole.most >= 0 else -1

    def keep_members(self, bint few, int64_t members, Py_ssize_t most):
        """Members are N again; `members` of them in whole numbers, and `most` has most of these, -1 on other ranks."""
        cdef Whole whole
        whole.members, whole.most = members, most
        keep_members(self.bonds(), &self.replicas.x, self.work(), few, &whole)

    def count_whole(self):
        """Beables with whole numbers of members, and how many members they have beside spectators."""
        cdef int64_t beables, movable
        count_whole(self.bonds(), &self.replicas.x, &beables, &movable)
        return beables, movable

    def without_whole(self, int64_t beables, int64_t movable):
        """N less the members in whole numbers, of all ranks."""
        return without_whole(&self.replicas.x, beables, movable)

    @property
    def copies(self):
        """Copies drawn in whole numbers: 2^32 times the first and the second."""
        return self.work().copies[0], self.work().copies[1]

    def settle_both(self, double rest):
        """Mean and deviation at the step's end, `rest` members being in no whole numbers."""
        settle_both(self.bonds(), &self.replicas.x, self.work(), rest)

    def end(self, const double[::1] clusters not None, copies):
        """The step is done: its copies, those of all clusters in order and `copies` of all ranks, and the arrays that
        show its end."""
        cdef Work *w = self.work()
        cdef Py_ssize_t k
        w.copies[0], w.copies[1] = copies
        for k in range(clusters.shape[0]):
            w.cluster_events[k] = clusters[k]
        w.clusters = clusters.shape[0]
        if self.replicas.x.n == w.n and self.bonds().begin < self.bonds().end:
            memcpy(&self.replicas.n[0, self.bonds().begin], w.n + self.bonds().begin,
                   (self.bonds().end - self.bonds().begin) * sizeof(int64_t))
        add_events(self.bonds(), &self.replicas.x, w)
        self.replicas.note_step()
