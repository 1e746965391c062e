# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Who moves along each bond of a lattice in a step, where beables turn over slowly.

Between two beables whose members are many: noise alone, as what moves without it is part of the path. A normal number at
each of the step's two Gauss points, so that the covariance it leaves is an integral by Gauss's rule, of fourth order.

Where a beable's members are counted: whole numbers, drawn in two halves. The first draw stands at the step's start, the
second at its end (the trapezoidal rule for the noise, of second order). What the first one, and all the kicks, change in
the flow over the step is part of the mean of the second. Binomials have a smaller second factorial moment than
independent copies: the third term of that mean puts exactly that back (docs/theory.md, "The step").
"""
from libc.math cimport fabs, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport CALM, COUNTED, FIRST, NORMALS, SECOND, Replica, Work, open_stream
from copympi.kernels.diagonals cimport GAUSS_HIGH, GAUSS_LOW, Diagonals, deal, insert, kick_tile, spare, stretch
from copympi.kernels.draws cimport draw_binomial, draw_normals, draw_poisson
from copympi.kernels.streams cimport Stream

cdef double MOST = 1e18          # members that can move at once: no step comes near, but where none is short enough
cdef double NEGLIGIBLE = 1e-2  # share of spectators below which the change of what they keep back is left out


cdef int64_t draw_leavers_of(Stream *stream, int64_t n, int64_t pinned, double flow, int64_t *gone,
                             double *taken) noexcept nogil:
    """Members that leave one beable by one bond, mean `flow`: of n less the pinned, given who left by other bonds.

    n < 0: so many that each leaves by itself.
    """
    cdef int64_t k
    cdef double p
    if not flow > 0.0:
        return 0
    if n < 0:
        return draw_poisson(stream, min(flow, MOST))
    k = n - pinned - gone[0]
    if k <= 0:
        return 0
    p = flow / (n - pinned)
    k = draw_binomial(stream, k, min(1.0, p / (1.0 - taken[0])) if taken[0] < 1.0 else 1.0)
    taken[0] += p
    gone[0] += k
    return k


cdef inline double members_at(const Diagonals *d, const double *c, Py_ssize_t a) noexcept nogil:
    return c[a] * c[a] + c[d.P + a] * c[d.P + a]


cdef void draw_kicks(const Diagonals *d, Replica *x, Work *w) noexcept nogil:
    """Noise of all bonds between calm beables, and where it leads: w.D0, D1, D2, share1, share2."""
    cdef Stream stream
    cdef Py_ssize_t tile, first, size, P = d.P
    cdef double half = 0.5 * x.h
    cdef const double *spared = w.spared if x.pinned else NULL
    cdef int point
    cdef double *rate
    cdef double *c
    for point in range(2):
        rate = w.late_rate if point else w.early_rate
        c = w.late if point else w.early
        if spared != NULL:
            spare(P, c, x.pinned, w.spared)
        for tile in range(d.tiles):
            if d.run_at[tile] == d.run_at[tile + 1]:
                continue
            first = d.run[d.run_at[tile]].start
            size = d.run[d.run_at[tile + 1] - 1].start + d.run[d.run_at[tile + 1] - 1].length - first
            open_stream(&stream, x, NORMALS, 2 * tile + point)
            draw_normals(&stream, size, w.normal)
            x.events += kick_tile(d, tile, half, rate, w.normal, w.calm, spared, w.kick)
        memset(w.change, 0, P * sizeof(double))
        deal(d, w.kick, w.change)
        insert(P, c, w.change, (1.0 - (GAUSS_HIGH if point else GAUSS_LOW)) * x.h, point, w.D0, w.D1, w.D2,
               w.share2 if point else w.share1)


cdef inline bint is_counted(const Work *w, Py_ssize_t b, Py_ssize_t c) noexcept nogil:
    """Whether members that move along a bond are counted here."""
    return ((w.kind[b] == COUNTED and (w.kind[c] == COUNTED or w.kind[c] == CALM))
            or (w.kind[b] == CALM and w.kind[c] == COUNTED))


cdef void draw_first(const Diagonals *d, Replica *x, Work *w) noexcept nogil:
    """First half of what moves to and from counted beables; inserted at the step's start."""
    cdef Stream stream
    cdef Py_ssize_t tile, r, k, b, c, e, source
    cdef double half = 0.5 * x.h, flow, mean
    cdef int64_t drawn
    memset(w.change, 0, d.P * sizeof(double))
    memset(w.moved, 0, d.P * sizeof(int64_t))
    memset(w.gone, 0, d.P * sizeof(int64_t))
    memset(w.taken, 0, d.P * sizeof(double))
    memset(w.lead, 0, d.P * sizeof(double))
    for tile in range(d.tiles):
        open_stream(&stream, x, FIRST, tile)
        for r in range(d.run_at[tile], d.run_at[tile + 1]):
            for k in range(d.run[r].length):
                b = d.run[r].first + k
                c = b + d.run[r].offset
                if not is_counted(w, b, c):
                    continue
                e = d.run[r].start + k
                flow = half * w.early_rate[e]
                source = b if flow > 0.0 else c
                mean = fabs(flow) * part(x.pinned, members_at(d, w.early, source))
                drawn = draw_leavers_of(&stream, x.n[source], x.pinned, mean, w.gone + source, w.taken + source)
                x.events += drawn
                w.lead[source] += drawn - mean
                if flow < 0.0:
                    drawn = -drawn
                w.moved[b] -= drawn
                w.moved[c] += drawn
                w.change[b] -= drawn - flow
                w.change[c] += drawn - flow
    insert_first(d, x, w)


cdef void insert_first(const Diagonals *d, Replica *x, Work *w) noexcept nogil:
    cdef Py_ssize_t P = d.P, a
    cdef double share, size, m, h = x.h
    for a in range(P):
        if w.change[a] == 0.0 and w.moved[a] == 0:
            continue
        m = members_at(d, w.v, a)
        size = 1.0
        if x.n[a] > 0:  # against the count that the path leads to, so that nobody left is exactly nobody
            x.n[a] += w.moved[a]
            size = sqrt(max(0.0, x.n[a] - w.change[a]) / m) if m > 0.0 else 0.0
            m = x.n[a] - w.change[a]
        share = stretch(w.change[a] / m) if m > 0.0 else 0.0
        w.share0[a] = share
        share *= size
        w.D0[a] += share * w.v[a]
        w.D0[P + a] += share * w.v[P + a]
        w.D1[a] += h * share * w.v[a]
        w.D1[P + a] += h * share * w.v[P + a]
        w.D2[a] += 0.5 * h * h * share * w.v[a]
        w.D2[P + a] += 0.5 * h * h * share * w.v[P + a]


cdef bint withhold_much(Py_ssize_t P, const Work *w) noexcept nogil:
    """Whether spectators are so large a part of some beable that it matters how noise changes what they keep back."""
    cdef Py_ssize_t a
    for a in range(P):
        if w.spared[a] >= 0.5 * NEGLIGIBLE:
            return True
    return False


cdef void draw_second(const Diagonals *d, Replica *x, Work *w) noexcept nogil:
    """Second half of what moves to and from counted beables, at the step's end: w.last of the others, n of those.

    With spectators also what the step's noise changes in what they keep back between calm beables.
    """
    cdef Stream stream
    cdef Py_ssize_t P = d.P, tile, r, k, b, c, e, source
    cdef double half = 0.5 * x.h, over = 1.0 / x.h, old, new, flow, mean, re, im
    cdef double xb, yb, xc, yc, mb, mc
    cdef const double *z = w.late
    cdef int64_t drawn
    cdef bint counted
    memset(w.moved, 0, P * sizeof(int64_t))
    memset(w.gone, 0, P * sizeof(int64_t))
    memset(w.taken, 0, P * sizeof(double))
    for tile in range(d.tiles):
        open_stream(&stream, x, SECOND, tile)
        for r in range(d.run_at[tile], d.run_at[tile + 1]):
            for k in range(d.run[r].length):
                b = d.run[r].first + k
                c = b + d.run[r].offset
                counted = is_counted(w, b, c)
                if not counted and (x.pinned == 0 or w.kind[b] != CALM or w.kind[c] != CALM
                                    or w.spared[b] + w.spared[c] < NEGLIGIBLE):
                    continue
                e = d.run[r].start + k
                re = d.re[e]
                im = d.im[e]
                xb = z[b] + over * w.E[b]
                yb = z[P + b] + over * w.E[P + b]
                xc = z[c] + over * w.E[c]
                yc = z[P + c] + over * w.E[P + c]
                old = w.late_rate[e]
                new = rate_of(re, im, xb, yb, xc, yc)
                flow = half * old + x.h * (new - old)  # along the path, with what the noise so far changes in it
                if x.pinned:
                    mb = xb * xb + yb * yb
                    mc = xc * xc + yc * yc
                    old *= part(x.pinned, members_at(d, z, b if old > 0.0 else c))
                    new *= part(x.pinned, mb if new > 0.0 else mc)
                if not counted:
                    mean = x.h * (new - old) - (flow - half * w.late_rate[e])
                    w.last[b] -= mean
                    w.last[c] += mean
                    continue
                if x.n[b] == 0 or x.n[c] == 0:
                    drawn = 0
                else:
                    mean = half * old + x.h * (new - old)
                    source = b if mean > 0.0 else c
                    if x.n[source] > x.pinned and (old > 0.0) == (mean > 0.0):
                        mean += half * old / (x.n[source] - x.pinned) * w.lead[source]
                    drawn = draw_leavers_of(&stream, x.n[source], x.pinned, mean if source == b else -mean,
                                            w.gone + source, w.taken + source)
                    x.events += drawn
                    if source == c:
                        drawn = -drawn
                w.moved[b] -= drawn
                w.moved[c] += drawn
                w.last[b] -= drawn - flow
                w.last[c] += drawn - flow
    for b in range(P):
        if x.n[b] > 0:
            x.n[b] += w.moved[b]
