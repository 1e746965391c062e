# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -fno-trapping-math
# No operation traps: gcc makes vectors of these loops only if it is told so; clang takes it for granted.
"""Amplitudes and counts at the end of a lattice's step: who has a whole number of members, and that they are N."""
from libc.math cimport llrint, sqrt
from libc.stdint cimport int64_t

from copympi.kernels.bonds cimport CALM, EMPTY, FEWEST, FLOW, LATE_FLOW, NO_COUNT, PLENTY, SIZE, Replica, Work
from copympi.kernels.diagonals cimport (TILE, Diagonals, add_up, clear_words, finish, fold, group_up, scale, sizes,
                                        stretch)

cdef extern from "settle.h" nogil:
    bint settle_many(const Diagonals *d, int64_t tile, const double *calm, const int64_t *n, const double *mean,
                     const double *deviation, const double *last, double fewest, double norm, double norm_of_c,
                     double *c, double *scaled)

cdef double FAINT = 1e-20  # part of N below which |deviation|^2 is rounding beside the mean's


cdef inline double settle_beable(const Diagonals *d, Replica *x, Work *w, Py_ssize_t a, bint counted,
                                 Whole *whole) noexcept nogil:
    """Amplitude and count of a beable at a step's end. Returns its members where they need no whole number, else 0."""
    cdef Py_ssize_t P = d.P
    cdef double tx = x.c[a], ty = x.c[P + a], m, r
    if w.role[a] == EMPTY:
        x.c[a] = 0.0
        x.c[P + a] = 0.0
        return 0.0
    if x.n[a] < 0:
        m = tx * tx + ty * ty
        r = m + (w.last[a] if counted and w.role[a] == CALM else 0.0)
        if r >= FEWEST + x.spectators:
            m = sqrt(r / m) if m > 0.0 else 0.0
            x.c[a] = m * tx
            x.c[P + a] = m * ty
            return r
        x.n[a] = llrint(max(<double> x.spectators, r))
    amplitude_of(<double> x.n[a], tx, ty, w.v[a], w.v[P + a], x.c + a, x.c + P + a)
    if x.n[a] > PLENTY + x.spectators:
        m = <double> x.n[a]
        x.n[a] = NO_COUNT
        return m
    whole.members += x.n[a]
    if whole.most < 0 or x.n[a] > x.n[whole.most]:
        whole.most = a
    return 0.0


cdef void measure_end(const Diagonals *d, Replica *x, Work *w, bint counted) noexcept nogil:
    """c at the end of a step with all noise, its size by tiles, and the smallest |c_a|^2; or beyond N = 2^63 what the
    ends of mean and deviation follow from. `sum_up_end` follows when all tiles are measured."""
    if x.mean != NULL:
        measure_both(d, x, w, counted)
    else:
        w.smallest = min(w.smallest, finish(d, w.end, w.D0, x.c, w.parts + SIZE * d.tiles))


cdef void sum_up_end(const Diagonals *d, const Replica *x, Work *w) noexcept nogil:
    """What all tiles have measured, added up by groups."""
    group_up(d, w.parts + SIZE * d.tiles)
    if x.mean != NULL:
        group_up(d, w.parts + FLOW * d.tiles)
        group_up(d, w.parts + LATE_FLOW * d.tiles)


cdef bint are_few(bint counted, double smallest) noexcept nogil:
    """Whether beables are to be settled one by one."""
    return counted or smallest < FEWEST


cdef void settle_few(const Diagonals *d, Replica *x, Work *w, bint counted, Whole *whole) noexcept nogil:
    """Beable by beable; members of those that need no whole number, by tiles."""
    cdef Py_ssize_t a, t
    cdef double part
    for t in range(d.first_tile, d.end_tile):
        part = 0.0
        for a in range(t * TILE, min(d.P, (t + 1) * TILE)):
            part += settle_beable(d, x, w, a, counted, whole)
        w.parts[SIZE * d.tiles + t] = part
    group_up(d, w.parts + SIZE * d.tiles)


cdef void keep_members(const Diagonals *d, Replica *x, const Work *w, bint few, const Whole *whole) noexcept nogil:
    """Members are N again: those that need no whole number are scaled. whole : of all; most < 0: others have it."""
    cdef double there = fold(d, w.parts + SIZE * d.tiles), by
    cdef Py_ssize_t a = whole.most
    if there > 0.0:
        by = sqrt(max(0.0, <double> (x.total - whole.members)) / there)
        if few:
            scale_uncounted(d, x.n, by, x.c)
        else:
            scale(d, by, x.c)
    elif a >= 0 and whole.members != x.total:  # the last that was no whole number has become one
        by = sqrt((x.n[a] + x.total - whole.members) / <double> x.n[a])
        x.n[a] += x.total - whole.members
        x.c[a] *= by
        x.c[d.P + a] *= by


cdef void settle(const Diagonals *d, Replica *x, Work *w, bint counted) noexcept nogil:
    """Amplitudes at the end of a step. Beables of few members take their size from n; the rest is scaled to keep N."""
    cdef bint few = are_few(counted, w.smallest)
    cdef Whole whole
    whole.members = 0
    whole.most = -1
    if few:
        settle_few(d, x, w, counted, &whole)
    keep_members(d, x, w, few, &whole)


cdef void scale_uncounted(const Diagonals *d, const int64_t *n, double by, double *c) noexcept nogil:
    cdef Py_ssize_t a
    for a in range(d.begin, d.end):
        if n[a] < 0:
            c[a] *= by
            c[d.P + a] *= by


cdef void measure_both(const Diagonals *d, const Replica *x, Work *w, bint counted) noexcept nogil:
    """Beyond N = 2^63: sizes of mean and deviation at the step's end, and of c where n is no whole number, by tiles."""
    cdef Py_ssize_t P = d.P, a, t
    cdef double part, tx, ty
    add_up(d, 2, w.end_deviation, w.D0, w.end_deviation)
    if not counted:
        clear_words(d, w.last)
    sizes(d, w.end_mean, w.parts + SIZE * d.tiles)
    sizes(d, w.end_deviation, w.parts + FLOW * d.tiles)
    for t in range(d.first_tile, d.end_tile):
        part = 0.0
        for a in range(t * TILE, min(P, (t + 1) * TILE)):
            if x.n[a] < 0:
                tx = w.end_mean[a] + w.end_deviation[a]
                ty = w.end_mean[P + a] + w.end_deviation[P + a]
                part += tx * tx + ty * ty
                if w.role[a] == CALM:
                    part += w.last[a]
        w.parts[LATE_FLOW * d.tiles + t] = part


cdef void count_whole(const Diagonals *d, const Replica *x, int64_t *beables, int64_t *movable) noexcept nogil:
    """Beables with whole numbers of members, and how many members they have beside spectators."""
    cdef Py_ssize_t a
    beables[0] = movable[0] = 0
    for a in range(d.begin, d.end):
        if x.n[a] > 0:
            beables[0] += 1
            movable[0] += x.n[a] - x.spectators


cdef double without_whole(const Replica *x, int64_t beables, int64_t movable) noexcept nogil:
    """Members less those in whole numbers, of all tiles."""
    return x.members - (<double> movable + <double> beables * x.spectators)


cdef bint faint(const Diagonals *d, const Replica *x, const Work *w) noexcept nogil:
    """Whether the deviation is so small that it could not be told from the mean."""
    return fold(d, w.parts + FLOW * d.tiles) < FAINT * x.members


cdef void settle_both(const Diagonals *d, Replica *x, Work *w, double rest) noexcept nogil:
    """Mean and deviation at the step's end, scaled so that there are N members; whole numbers as they are.

    rest : members without whole numbers."""
    cdef Py_ssize_t tile
    cdef double norm, norm_of_c, there = fold(d, w.parts + LATE_FLOW * d.tiles)
    norm = sqrt(x.members / fold(d, w.parts + SIZE * d.tiles))
    norm_of_c = sqrt(rest / there) if there > 0.0 and rest > 0.0 else 1.0
    if faint(d, x, w):
        norm_of_c = norm
    for tile in range(d.first_tile, d.end_tile):
        if not settle_many(d, tile, w.calm, x.n, w.end_mean, w.end_deviation, w.last,
                           <double> (FEWEST + x.spectators), norm, norm_of_c, x.c, x.mean):
            settle_tile(d, x, w, tile, norm, norm_of_c)


cdef void settle_tile(const Diagonals *d, Replica *x, Work *w, Py_ssize_t tile, double norm,
                      double norm_of_c) noexcept nogil:
    """The same in a tile, beable by beable."""
    cdef Py_ssize_t P = d.P, a
    cdef double tx, ty, m, r, last, off = norm_of_c - norm
    for a in range(tile * TILE, min(P, (tile + 1) * TILE)):
        tx = w.end_mean[a] + w.end_deviation[a]
        ty = w.end_mean[P + a] + w.end_deviation[P + a]
        m = tx * tx + ty * ty
        last = w.last[a] if w.role[a] == CALM else 0.0
        if x.n[a] < 0 and m + last >= FEWEST + x.spectators:
            r = stretch(last / m) if m > 0.0 else 0.0
            x.c[a] = norm_of_c * (w.end_deviation[a] + r * tx) + off * w.end_mean[a]
            x.c[P + a] = norm_of_c * (w.end_deviation[P + a] + r * ty) + off * w.end_mean[P + a]
        else:
            if x.n[a] < 0:
                x.n[a] = llrint(max(<double> x.spectators, m + last))
            amplitude_of(<double> x.n[a], tx, ty, w.v[a], w.v[P + a], &tx, &ty)
            x.c[a] = tx - norm * w.end_mean[a]
            x.c[P + a] = ty - norm * w.end_mean[P + a]
            if x.n[a] > PLENTY + x.spectators:
                x.n[a] = NO_COUNT
        x.mean[a] = norm * w.end_mean[a]
        x.mean[P + a] = norm * w.end_mean[P + a]


cdef void settle_large_n(const Diagonals *d, Replica *x, Work *w) noexcept nogil:
    """The same beyond N = 2^63, where c = mean + deviation: both are scaled, as the polynomial keeps N but nearly."""
    cdef int64_t beables, movable
    count_whole(d, x, &beables, &movable)
    settle_both(d, x, w, without_whole(x, beables, movable))
