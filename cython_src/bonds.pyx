# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What the lattice's step works on: H by its diagonals, and work space."""
import numpy as np
from libc.stdint cimport int32_t, int64_t

from copympi.kernels.checks cimport need
from copympi.kernels.cluster cimport EDGE_BYTES
from copympi.kernels.diagonals cimport TILE, Run, Side
from copympi.kernels.couplings cimport Couplings
from copympi.kernels.streams cimport Stream, stream_open

TILE_SIZE = int(TILE)
"""Beables of a tile."""
EMPTY_ROLE, CALM_ROLE, STIFF_ROLE, FINISHED_ROLE = int(EMPTY), int(CALM), int(STIFF), int(FINISHED)
"""How a beable goes over a step (copympi/kernels/bonds.pxd)."""


cdef void open_stream(Stream *stream, const Replica *x, int which, int64_t piece) noexcept nogil:
    """The random numbers of this step and piece."""
    stream_open(stream, x.seed, x.purpose, x.number, piece, 4 * x.step + which)


def check(Py_ssize_t P, runs, run_at, sides, side_at, Py_ssize_t bonds):
    """Raise ValueError where the tables of `Bonds` do not fit each other, or lead outside."""
    tiles = (P + TILE - 1) // TILE
    need(runs.shape[1] == 4 and sides.shape[1] == 5, "bonds: runs must be (K, 4), sides (M, 5)")
    for table, at, what in ((runs, run_at, "runs"), (sides, side_at, "sides")):
        need(at.size == tiles + 1, f"bonds: there are {tiles} tiles")
        need(at[0] == 0 and at[tiles] == len(table) and np.all(np.diff(at) >= 0), f"bonds: tiles do not fit the {what}")
        tile = np.repeat(np.arange(tiles), np.diff(at))
        within = np.all(table[:, 0] // TILE == tile) and np.all((table[:, 0] + table[:, 2] - 1) // TILE == tile)
        need(within, f"bonds: {what} must lie in one tile")
    first, offset, length, start = runs.T
    need(np.array_equal(start, np.cumsum(length) - length), "bonds: runs must follow each other")
    for one, other, length, start in ((first, first + offset, length, start), sides.T[:4]):
        for place, end in ((one, P), (other, P), (start, bonds)):  # each by itself, as sums of large ones wrap round
            fits = np.all((place >= 0) & (place <= end) & (length >= 0) & (length <= end - place))
            need(bool(fits), "bonds: a bond leads outside")


cdef class Bonds:
    """H/hbar by diagonals.

    runs (K, 4) first beable, offset, length, first bond, tile after tile, tile t's from run_at[t] on; sides (M, 5)
    beable, partner, length, first bond, sign (1 or -1), tile after tile of the beable likewise; re, im (bonds,); omega
    (P,) the diagonal less the energy `shift`. passed: first and one past last of the tiles that are passed over, -1:
    all; and of how many tiles sums are added up first: such groups are passed over whole. couplings: H by rows, or
    None where no kernel wants pairs and no beable is coupled to more than 8 others.
    Raises ValueError where they do not fit each other.
    """

    def __cinit__(self, Couplings couplings, const int64_t[:, ::1] runs not None,
                  const int64_t[::1] run_at not None, const int64_t[:, ::1] sides not None,
                  const int64_t[::1] side_at not None, double[::1] re not None, double[::1] im not None,
                  double[::1] omega not None, double shift, double norm, passed=(0, -1, 1)):
        cdef Py_ssize_t P = omega.shape[0], first_tile, end_tile, group
        first_tile, end_tile, group = passed
        need((couplings is None or couplings.system.P == P) and re.shape[0] == im.shape[0], "bonds: shapes do not fit")
        check(P, np.asarray(runs), np.asarray(run_at), np.asarray(sides), np.asarray(side_at), re.shape[0])
        self.owners = (runs, run_at, sides, side_at)
        self.re, self.im, self.omega = re, im, omega
        self.couplings = couplings
        self.system.P, self.system.nnz = P, 2 * re.shape[0]
        if couplings is not None:
            self.system = couplings.system
        self.shift = shift
        self.d.P = P
        self.d.tiles = run_at.shape[0] - 1
        self.d.bonds = re.shape[0]
        self.d.run_at = &run_at[0]
        self.d.side_at = &side_at[0]
        if runs.shape[0]:
            self.d.run = <const Run *> &runs[0, 0]
            self.d.re = &re[0]
            self.d.im = &im[0]
        if sides.shape[0]:
            self.d.side = <const Side *> &sides[0, 0]
        self.d.omega = &omega[0]
        self.d.has_im = bool(np.any(np.asarray(im)))
        self.d.norm = self.norm = norm
        self.d.first_tile = first_tile
        self.d.end_tile = self.d.tiles if end_tile < 0 else end_tile
        need(0 <= self.d.first_tile <= self.d.end_tile <= self.d.tiles, "bonds: there are no such tiles")
        self.d.group = group
        need(group > 0 and (self.d.first_tile % group == 0 or self.d.first_tile == self.d.end_tile),
             "bonds: a run of tiles begins within a group")
        self.d.groups = (self.d.tiles + group - 1) // group
        self.d.begin, self.d.end = min(P, self.d.first_tile * TILE), min(P, self.d.end_tile * TILE)

    def learn(self, const int64_t[::1] beable not None, const double[::1] level not None,
              const int64_t[::1] bond not None, const double[::1] re not None, const double[::1] im not None):
        """Know H at beables (K,), its diagonal less `shift`, and along bonds (K',), that others pass over. Raises
        ValueError where there are no such ones."""
        cdef Py_ssize_t k
        need(level.shape[0] == beable.shape[0] and re.shape[0] == im.shape[0] == bond.shape[0],
             "learn: shapes do not fit")
        for k in range(beable.shape[0]):
            need(0 <= beable[k] < self.d.P, "learn: there is no such beable")
            self.omega[beable[k]] = level[k]
        for k in range(bond.shape[0]):
            need(0 <= bond[k] < self.d.bonds, "learn: there is no such bond")
            self.re[bond[k]] = re[k]
            self.im[bond[k]] = im[k]

    @property
    def most_bonds(self):
        """Of a tile."""
        runs, run_at = np.asarray(self.owners[0]), np.asarray(self.owners[1])
        bonds = np.concatenate([[0], np.cumsum(runs[:, 2])])
        return int(np.diff(bonds[run_at]).max(initial=0))


cdef enum:
    MOST_LINKS = 64  # sides of a tile, on average, beyond which tiles go through one pass after the other


cdef linked_tiles(Bonds bonds):
    """Which of the tiles that are passed over bonds of each lead to, itself among them: (where each one's begin,
    these); and which are coupled to tiles of others. None where they are very many."""
    first, end = bonds.d.first_tile, bonds.d.end_tile
    sides, at = np.asarray(bonds.owners[2]), np.asarray(bonds.owners[3])
    sides = sides[at[first] : at[end]]
    if len(sides) > MOST_LINKS * (end - first):
        return None
    own = np.arange(first, end)
    one, other = sides[:, 0] // TILE, np.stack([sides[:, 1], sides[:, 1] + np.maximum(sides[:, 2], 1) - 1]) // TILE
    pairs = np.unique(np.stack([np.concatenate([own, one, one]), np.concatenate([own, *other])]), axis=1)
    here = (pairs[1] >= first) & (pairs[1] < end)
    apart = np.zeros(end - first, np.uint8)
    apart[pairs[0, ~here] - first] = 1
    return np.searchsorted(pairs[0, here], np.arange(first, end + 1)), pairs[1, here].copy(), apart


cdef double *take(double **free, Py_ssize_t count) noexcept:
    """The next `count` doubles of what is free."""
    cdef double *taken = free[0]
    free[0] += count
    return taken


cdef class Workspace:
    """Work space for one replica at a time. large_n: mean and deviation are carried one beside the other."""

    def __cinit__(self, Bonds bonds not None, bint large_n):
        cdef Py_ssize_t P = bonds.d.P, B = max(1, bonds.d.bonds), most = max(1, bonds.most_bonds)
        cdef double[::1] numbers = np.zeros((57 if large_n else 33) * P + 3 * B + most)
        cdef double[::1] rare = np.zeros(50 * P + PARTS * bonds.d.tiles)  # memory that is never touched is never there
        cdef int64_t[::1] whole = np.zeros(5 * P, np.int64)
        cdef int32_t[::1] places = np.zeros(2 * P, np.int32)
        cdef unsigned char[::1] roles = np.zeros(P, np.uint8)
        cdef unsigned char[::1] edges = np.zeros((bonds.system.nnz + 1) * EDGE_BYTES, np.uint8)
        self.owners = (numbers, rare, whole, places, roles, edges)
        self.bonds = bonds
        self.large_n = large_n
        self.share_out(&numbers[0], B)
        self.w.local = &rare[0]
        self.w.stiff_end = self.w.local + 45 * P
        self.w.cluster_events = self.w.stiff_end + 4 * P
        self.w.parts = self.w.cluster_events + P
        self.w.gone = &whole[0]
        self.w.moved = self.w.gone + P
        self.w.stiff = self.w.moved + P
        self.w.n = self.w.stiff + P
        self.w.cluster_start = self.w.n + P
        self.w.role = &roles[0]
        self.w.place = &places[0]
        self.w.queue = self.w.place + P
        self.w.edge = &edges[0]
        self.link()

    cdef void link(self):
        """In which order tiles can go through passes."""
        cdef Py_ssize_t own = self.bonds.d.end_tile - self.bonds.d.first_tile
        cdef int32_t[::1] waits = np.zeros(max(1, PASSES * own), np.int32)
        cdef int64_t[::1] at, links
        cdef unsigned char[::1] apart
        found = linked_tiles(self.bonds)
        self.w.waits = &waits[0]
        self.owners += (waits, found)
        if found is not None and own:
            at, links, apart = found
            self.w.link_at, self.w.link, self.w.apart = &at[0], &links[0], &apart[0]

    cdef void share_out(self, double *free, Py_ssize_t bonds):
        """Each array of doubles its part; the last one may have what is left."""
        cdef Py_ssize_t P = self.bonds.d.P
        cdef Work *w = &self.w
        w.v = take(&free, 10 * P)
        w.early = take(&free, 2 * P)
        w.late = take(&free, 2 * P)
        w.end = take(&free, 2 * P)
        w.D0 = w.v + 4 * P
        w.D1 = w.v + 6 * P
        w.D2 = w.v + 8 * P
        w.high = take(&free, 6 * P)
        w.E = w.early
        w.alive = take(&free, P)
        w.calm = take(&free, P)
        w.out = take(&free, P)
        w.change = take(&free, P)
        w.last = take(&free, P)
        w.spectator_share = take(&free, P)
        w.share0 = take(&free, P)
        w.share1 = take(&free, P)
        w.share2 = take(&free, P)
        w.taken = take(&free, P)
        w.lead = take(&free, P)
        if self.large_n:
            w.deviation = take(&free, 10 * P)
            w.mean = take(&free, 10 * P)
            w.end_mean = take(&free, 2 * P)
            w.end_deviation = take(&free, 2 * P)
        w.early_rate = take(&free, bonds)
        w.late_rate = take(&free, bonds)
        w.kick = take(&free, bonds)
        w.normal = free
