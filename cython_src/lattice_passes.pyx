# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -fno-trapping-math
# No operation traps: gcc makes vectors of these loops only if it is told so; clang takes it for granted.
"""What a lattice's step does to each tile: what its beables are in it, and where its noise leads by the step's end.

The step on one rank (lattice.pyx) and that on the ranks that share a lattice (lattice_tiles.pyx) are made of these.
"""
from libc.stdint cimport int64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport CALM, COPIES, COUNTED, EMPTY, STIFF, Replica, Work, turns_slowly
from copympi.kernels.diagonals cimport TILE, Diagonals, find_calm, group_up, stage, turnover
from copympi.kernels.lattice_path cimport LAST_FOLLOWED, follow_pass
from copympi.kernels.moves cimport LAST_KICKED, kick_pass
from copympi.kernels.settle cimport measure_end

cdef double CALM_TURN = 0.6    # radians by which its neighbours may turn a calm amplitude in a step;
cdef double COUNTED_TURN = 0.3  # that of few members
cdef double NOISE = 0.01       # n^-2 times the members that may leave many in a step: their noise is a tenth of n


cdef void look_pass(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil:
    """The passes along the path: those of `follow_pass`, and what each beable is in this step."""
    cdef int64_t calm, count
    cdef double out[TILE]
    if number <= LAST_FOLLOWED:
        follow_pass(d, x, w, number)
        return
    count = d.end - d.begin
    memset(w.role + d.begin, CALM, count)
    turnover(d, d.first_tile, 0.5 * x.h, w.early_rate, w.late_rate, out)
    calm = find_calm(d, d.first_tile, x.h / CALM_TURN, NOISE, x.n, w.v, w.early, w.late, w.end, out, w.calm, &w.worst)
    if calm < count:
        w.fast += classify_tile(d, x, w, d.begin, count, out, &w.worst)
    w.others += count - calm


cdef void note_chance(Replica *x, const Work *w) noexcept nogil:
    """The step along which beables were looked at is made."""
    if w.worst > x.largest_chance:
        x.largest_chance = w.worst


cdef int64_t classify_tile(const Diagonals *d, const Replica *x, Work *w, Py_ssize_t first, Py_ssize_t count,
                           const double *out, double *worst) noexcept nogil:
    """Those of a tile that are not calm, `out` members leaving each; returns how many turn over too fast."""
    cdef Py_ssize_t a
    cdef double most, leave
    cdef int64_t stiff = 0
    for a in range(first, first + count):
        if w.calm[a] != 0.0:
            continue
        if x.n[a] == 0:
            w.role[a] = EMPTY
            continue
        w.role[a] = STIFF
        if x.n[a] > 0:
            # through spectators alone members pass, as fields that turn them let them, or more where fields cancel
            most = x.limit if x.n[a] > x.spectators else 2.0 * COUNTED_TURN
            leave = out[a - first]
            if turns_slowly(d, x, w, a, COUNTED_TURN) and leave <= most * x.n[a]:
                w.role[a] = COUNTED
                if x.n[a] > x.spectators:
                    worst[0] = max(worst[0], leave / x.n[a])
        stiff += w.role[a] == STIFF
    return stiff


cdef void calm_pass(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil:
    """All passes of a step's noise where every beable is calm and nobody wants to know more: those of `kick_pass`, and
    where the noise leads by the step's end."""
    if number <= LAST_KICKED:
        kick_pass(d, x, w, number)
    elif number < LAST_CALM:
        lead_on_area(d, w)
    else:
        lead_on_noise(d, w)
        measure_end(d, x, w, False)


cdef void lead_on_area(const Diagonals *d, Work *w) noexcept nogil:
    """E: the time integral of what noise has added to c so far, that of stiff clusters as they have it."""
    cdef Py_ssize_t P = d.P, i, a
    stage(d, w.alive, w.D2, 1.0, w.D1, w.E, NULL)
    for i in range(w.stiffs):
        a = w.stiff[i]
        w.E[a] = w.stiff_end[2 * P + i]
        w.E[P + a] = w.stiff_end[3 * P + i]


cdef void lead_on_noise(const Diagonals *d, Work *w) noexcept nogil:
    """D0: what noise has added to c by the step's end."""
    cdef Py_ssize_t P = d.P, i, a
    stage(d, w.alive, w.E, 1.0, w.D0, w.D0, NULL)
    for i in range(w.stiffs):
        a = w.stiff[i]
        w.D0[a] = w.stiff_end[i]
        w.D0[P + a] = w.stiff_end[P + i]


cdef void sum_up_kicks(const Diagonals *d, Work *w) noexcept nogil:
    """Copies in the kicks of all tiles, by groups."""
    cdef int point
    for point in range(2):
        group_up(d, w.parts + (COPIES + point) * d.tiles)


cdef void add_events(const Diagonals *d, Replica *x, const Work *w) noexcept nogil:
    """The step's copies: kicks tile by tile, clusters one by one, and what was drawn in whole numbers."""
    cdef Py_ssize_t k, point
    for point in range(2):
        for k in range(d.groups):
            x.events += w.parts[(COPIES + point) * d.tiles + k]
    for k in range(w.clusters):
        x.events += w.cluster_events[k]
    x.events += 4294967296.0 * w.copies[0] + w.copies[1]


cdef void forget_parts(const Diagonals *d, Work *w) noexcept nogil:
    """Nobody has copied in this step yet."""
    memset(w.parts + COPIES * d.tiles, 0, 2 * d.tiles * sizeof(double))
    w.copies[0] = w.copies[1] = 0
    w.stiffs = 0
    w.clusters = 0
