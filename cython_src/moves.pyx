# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -fno-trapping-math
# No operation traps: gcc makes vectors of these loops only if it is told so; clang takes it for granted.
"""Who moves along each bond of a lattice in a step, where beables turn over slowly.

Between two beables whose members are many: noise alone, as what moves without it is part of the path. A normal number
at each of the step's two Gauss points: the covariance it leaves is an integral by Gauss's rule, of fourth order.

Where a beable's members are counted: whole numbers, drawn in two halves. The first draw stands at the step's start, the
second at its end (the trapezoidal rule for the noise, of second order). What the first one, and all the kicks, change
in the flow over the step is part of the mean of the second. Binomials have a smaller second factorial moment than
independent copies: the third term of that mean puts exactly that back (docs/theory.md, "The step").

Who leaves a beable, by whichever bonds, is drawn by its tile: a multinomial, one binomial after the other. No tile
needs what another one draws, until all are added up: `moved`, in whole numbers, in any order.
"""
from libc.math cimport fabs, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memchr, memcpy

from copympi.kernels.bonds cimport (CALM, COPIES, COUNTED, FIRST, NORMALS, SECOND, STIFF, Replica, Work,
                                    open_stream)
from copympi.kernels.diagonals cimport (GAUSS_HIGH, GAUSS_LOW, TILE, Diagonals, Run, clear_words, insert_kicks,
                                        kick_tile, spectator_shares, stretch)
from copympi.kernels.draws cimport draw_binomial, draw_normals, draw_poisson
from copympi.kernels.pair cimport pair_flow
from copympi.kernels.streams cimport Stream

cdef double MOST = 1e18       # members that can move at once: no step comes near, but where none is short enough
cdef enum:                    # ends of a bond that a tile has:
    ONE = 1                   # its first beable,
    OTHER = 2                 # its other one
    BOTH = 3
cdef double NEGLIGIBLE = 1e-2  # share of spectators below which the change of what they keep back is left out


cdef int64_t draw_leavers_of(Stream *stream, int64_t n, int64_t spectators, double flow, int64_t *gone,
                             double *taken) noexcept nogil:
    """Members that leave one beable by one bond, mean `flow`: of n less the spectators, given who left by other bonds.

    n < 0: so many that each leaves by itself.
    """
    cdef int64_t k
    cdef double p
    if not flow > 0.0:
        return 0
    if n < 0:
        return draw_poisson(stream, min(flow, MOST))
    k = n - spectators - gone[0]
    if k <= 0:
        return 0
    p = flow / (n - spectators)
    k = draw_binomial(stream, k, min(1.0, p / (1.0 - taken[0])) if taken[0] < 1.0 else 1.0)
    taken[0] += p
    gone[0] += k
    return k


cdef inline double members_at(const Diagonals *d, const double *c, Py_ssize_t a) noexcept nogil:
    """|c_a|^2."""
    return c[a] * c[a] + c[d.P + a] * c[d.P + a]


cdef inline double *kicks(const Work *w, int point) noexcept nogil:
    """Where the kicks of a Gauss point stand."""
    return w.first_kick if w.tracks != NULL and point == 0 else w.kick


cdef void draw_kicks_at(const Diagonals *d, Replica *x, Work *w, int point) noexcept nogil:
    """Noise of all bonds between calm beables at a Gauss point; shares of spectators are those at that point."""
    cdef Stream stream
    cdef Py_ssize_t tile, first, size
    cdef double half = 0.5 * x.h, copied
    cdef const double *spectator_share = w.spectator_share if x.spectators else NULL
    cdef double *rate = w.late_rate if point else w.early_rate
    for tile in range(d.first_tile, d.end_tile):
        if d.run_at[tile] == d.run_at[tile + 1]:
            continue
        first = d.run[d.run_at[tile]].start
        size = d.run[d.run_at[tile + 1] - 1].start + d.run[d.run_at[tile + 1] - 1].length - first
        open_stream(&stream, x, NORMALS, 2 * tile + point)
        draw_normals(&stream, size, w.normal)
        copied = kick_tile(d, tile, half, rate, w.normal, w.calm, spectator_share, kicks(w, point))
        w.parts[(COPIES + point) * d.tiles + tile] = copied


cdef void deal_kicks(const Diagonals *d, const Replica *x, Work *w, int point) noexcept nogil:
    """Where the kicks of a Gauss point lead: w.D0, D1, D2; next to stiff beables also share1, share2."""
    cdef Py_ssize_t tile
    cdef double left = (1.0 - (GAUSS_HIGH if point else GAUSS_LOW)) * x.h
    cdef const double *c = w.late if point else w.early
    cdef double *share = w.share2 if point else w.share1
    if point == 0:
        keep_path(d, w)
    for tile in range(d.first_tile, d.end_tile):
        insert_kicks(d, tile, c, kicks(w, point), left, point, w.D0, w.D1, w.D2,
                     share if meets_stiff(d, w, tile) else NULL)


cdef void keep_path(const Diagonals *d, Work *w) noexcept nogil:
    """The path's coefficients, next to stiff beables, before others take their place."""
    cdef Py_ssize_t tile, row, first
    for tile in range(d.first_tile, d.end_tile):
        if meets_stiff(d, w, tile):
            first = tile * TILE
            for row in range(6):
                memcpy(w.high + row * d.P + first, w.v + (4 + row) * d.P + first,
                       min(TILE, d.P - first) * sizeof(double))


cdef bint meets_stiff(const Diagonals *d, const Work *w, Py_ssize_t tile) noexcept nogil:
    """Whether a beable of a tile is stiff, or next to one that is."""
    cdef Py_ssize_t r
    if memchr(w.role + tile * TILE, STIFF, min(TILE, d.P - tile * TILE)):
        return True
    for r in range(d.side_at[tile], d.side_at[tile + 1]):
        if memchr(w.role + d.side[r].from_, STIFF, d.side[r].length):
            return True
    return False


cdef void kick_pass(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil:
    """The passes of the noise of all bonds between calm beables: shares of spectators, kicks and where they lead, at
    either Gauss point. Shares and kicks of the second stand where neighbours have done with those of the first."""
    if number & 1:
        draw_kicks_at(d, x, w, number >> 1)
        return
    if number:
        deal_kicks(d, x, w, (number >> 1) - 1)
    if x.spectators and number < LAST_KICKED:
        spectator_shares(d, w.late if number else w.early, x.spectators, w.spectator_share)


cdef inline bint is_counted(const Work *w, Py_ssize_t b, Py_ssize_t c) noexcept nogil:
    """Whether members that move along a bond are counted here."""
    return ((w.role[b] == COUNTED and (w.role[c] == COUNTED or w.role[c] == CALM))
            or (w.role[b] == CALM and w.role[c] == COUNTED))


cdef inline int64_t draw_from(Stream *stream, const Replica *x, Work *w, Py_ssize_t source, Py_ssize_t target,
                              double mean) noexcept nogil:
    """Members that leave a beable by one bond: noted in `gone`, `taken`, `moved` and among the copies."""
    cdef int64_t drawn = draw_leavers_of(stream, x.n[source], x.spectators, mean, w.gone + source, w.taken + source)
    w.moved[source] -= drawn
    w.moved[target] += drawn
    w.copies[0] += drawn >> 32
    w.copies[1] += drawn & <int64_t> 0xffffffff
    return drawn


cdef inline void draw_first_of(Stream *stream, const Diagonals *d, const Replica *x, Work *w, Py_ssize_t e,
                               Py_ssize_t b, Py_ssize_t c, int ends) noexcept nogil:
    """First half of what moves along bond e between b and c."""
    cdef double flow = 0.5 * x.h * w.early_rate[e], mean
    cdef bint onward = flow > 0.0
    cdef Py_ssize_t source = b if onward else c
    cdef int64_t drawn = 0
    if ends & ONE:
        w.change[b] += flow
    if ends & OTHER:
        w.change[c] -= flow
    if ends & (ONE if onward else OTHER):
        mean = fabs(flow) * moving_share(x.spectators, members_at(d, w.early, source))
        drawn = draw_from(stream, x, w, source, c if onward else b, mean)
        w.lead[source] += drawn - mean
        note_drawn(w, e, onward, drawn)
    elif ends & ONE:
        note_drawn(w, e, onward, 0)  # until its source's turn


cdef inline void draw_second_of(Stream *stream, const Diagonals *d, const Replica *x, Work *w, Py_ssize_t e,
                                Py_ssize_t b, Py_ssize_t c, int ends, bint counted) noexcept nogil:
    """Second half of what moves along bond e between b and c; between calm beables (not `counted`) what the noise so
    far changes in what spectators keep back."""
    cdef Py_ssize_t P = d.P, source
    cdef double over = 1.0 / x.h, old = w.late_rate[e], new, flow, mean, xb, yb, xc, yc
    cdef const double *z = w.late
    cdef int64_t drawn = 0
    cdef bint onward
    xb = z[b] + over * w.E[b]
    yb = z[P + b] + over * w.E[P + b]
    xc = z[c] + over * w.E[c]
    yc = z[P + c] + over * w.E[P + c]
    new = pair_flow(d.re[e], d.im[e], xb, yb, xc, yc)
    flow = second_flow(x.h, old, new)  # along the path, with what the noise so far changes in it
    if x.spectators:
        old *= moving_share(x.spectators, members_at(d, z, b if old > 0.0 else c))
        new *= moving_share(x.spectators, xb * xb + yb * yb if new > 0.0 else xc * xc + yc * yc)
    if not counted:
        flow = -(x.h * (new - old) - (flow - 0.5 * x.h * w.late_rate[e]))
    if ends & ONE:
        w.last[b] += flow
    if ends & OTHER:
        w.last[c] -= flow
    if not counted:
        return
    mean = second_flow(x.h, old, new)
    onward = mean > 0.0
    if ends & (ONE if onward else OTHER):
        if x.n[b] != 0 and x.n[c] != 0:
            source = b if onward else c
            if (old > 0.0) == onward:
                mean = second_mean(mean, 0.5 * x.h * old, x.n[source] - x.spectators, w.lead[source])
            drawn = draw_from(stream, x, w, source, c if onward else b, mean if onward else -mean)
        note_drawn(w, d.bonds + e, onward, drawn)
    elif ends & ONE:
        note_drawn(w, d.bonds + e, onward, 0)


cdef inline void note_drawn(Work *w, Py_ssize_t at, bint onward, int64_t drawn) noexcept nogil:
    """What moves along a bond, signed as flows are, for those who follow members."""
    if w.tracks != NULL:
        w.drawn[at] = drawn if onward else -drawn


cdef void draw_along(Stream *stream, const Diagonals *d, const Replica *x, Work *w, int which, const Run *run,
                     int ends) noexcept nogil:
    """The FIRST or SECOND draws of bonds of which so many `ends` (ONE, OTHER or BOTH) lie in the tile of the stream."""
    cdef Py_ssize_t k, b, c
    cdef bint counted, spectators = which == SECOND and x.spectators
    if not (spectators or memchr(w.role + run.first, COUNTED, run.length)
            or memchr(w.role + run.first + run.offset, COUNTED, run.length)):
        return
    for k in range(run.length):
        b = run.first + k
        c = b + run.offset
        counted = is_counted(w, b, c)
        if which == FIRST:
            if counted:
                draw_first_of(stream, d, x, w, run.start + k, b, c, ends)
        elif counted or (spectators and w.role[b] == CALM and w.role[c] == CALM
                         and w.spectator_share[b] + w.spectator_share[c] >= NEGLIGIBLE):
            draw_second_of(stream, d, x, w, run.start + k, b, c, ends, counted)


cdef void draw(const Diagonals *d, const Replica *x, Work *w, int which) noexcept nogil:
    """The FIRST or SECOND draws of all who leave the beables of tiles, after `forget_draws`.

    A bond between tiles is looked at by both: each draws who leaves its own beable, and takes its end's part of the
    flow. `moved` of the other end is what comes to it from here.
    """
    cdef Stream stream
    cdef Py_ssize_t tile, r, begin, within
    cdef Run run
    for tile in range(d.first_tile, d.end_tile):
        begin = tile * TILE
        open_stream(&stream, x, which, tile)
        for r in range(d.side_at[tile], d.side_at[tile + 1]):
            if d.side[r].sign > 0 or d.side[r].from_ >= begin:
                break  # those that lead in from tiles before are the first
            run = Run(d.side[r].from_, d.side[r].to - d.side[r].from_, d.side[r].length, d.side[r].start)
            draw_along(&stream, d, x, w, which, &run, OTHER)
        for r in range(d.run_at[tile], d.run_at[tile + 1]):
            run = d.run[r]
            within = max(0, min(run.length, begin + TILE - run.first - run.offset))
            run.length = within
            draw_along(&stream, d, x, w, which, &run, BOTH)
            run = Run(run.first + within, run.offset, d.run[r].length - within, run.start + within)
            draw_along(&stream, d, x, w, which, &run, ONE)


cdef void forget_draws(const Diagonals *d, Work *w, int which) noexcept nogil:
    """Nobody has been drawn yet in the FIRST or SECOND draws."""
    clear_words(d, w.moved)
    clear_words(d, w.gone)
    clear_words(d, w.taken)
    if which == FIRST:
        clear_words(d, w.change)
        clear_words(d, w.lead)


cdef void draw_first(const Diagonals *d, Replica *x, Work *w) noexcept nogil:
    """First half of what moves to and from counted beables; inserted at the step's start."""
    forget_draws(d, w, FIRST)
    draw(d, x, w, FIRST)
    insert_first(d, x, w)


cdef void insert_first(const Diagonals *d, Replica *x, Work *w) noexcept nogil:
    """What the first draws change in the amplitudes, and in the counts: who moved, beyond what the path moves."""
    cdef Py_ssize_t a
    cdef double change, share, size, m
    for a in range(d.begin, d.end):
        change = w.change[a] + w.moved[a]
        if change == 0.0 and w.moved[a] == 0:
            continue
        m = members_at(d, w.v, a)
        size = 1.0
        if x.n[a] > 0:  # against the count that the path leads to, so that nobody left is exactly nobody
            x.n[a] += w.moved[a]
            size = sqrt(max(0.0, x.n[a] - change) / m) if m > 0.0 else 0.0
            m = x.n[a] - change
        share = stretch(change / m) if m > 0.0 else 0.0
        w.share0[a] = share
        insert_change(w, d.P, a, share * size, w.v[a], w.v[d.P + a], x.h)


cdef bint spectators_matter(const Diagonals *d, const Work *w) noexcept nogil:
    """Whether spectators are so large a part of some beable that it matters how noise changes what they keep back."""
    cdef Py_ssize_t a
    for a in range(d.begin, d.end):
        if w.spectator_share[a] >= 0.5 * NEGLIGIBLE:
            return True
    return False


cdef void draw_second(const Diagonals *d, Replica *x, Work *w) noexcept nogil:
    """Second half of what moves to and from counted beables, at the step's end: w.last of the others, n of those.

    With spectators also what the step's noise changes in what they keep back between calm beables.
    """
    forget_draws(d, w, SECOND)
    draw(d, x, w, SECOND)
    count_second(d, x, w)


cdef void count_second(const Diagonals *d, Replica *x, Work *w) noexcept nogil:
    """Whole numbers take what the second draws moved, and so do changes at the step's end where there is none."""
    cdef Py_ssize_t a
    for a in range(d.begin, d.end):
        if x.n[a] > 0:
            x.n[a] += w.moved[a]
        elif w.moved[a] != 0:
            w.last[a] += w.moved[a]
