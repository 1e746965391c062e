# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""How many members move along each pair of a lattice in a step, and what noise there is where they cannot be counted."""
from libc.math cimport fabs, fmax, fmin, llrint, rint, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport GAUSS, Replica, Room
from copympi.kernels.diagonals cimport Diagonals, sum_of
from copympi.kernels.draws cimport draw_normal, draw_some
from copympi.kernels.rapids cimport MANY, draw_from
from copympi.kernels.streams cimport Stream

cdef int64_t ENDLESS = 1 << 60  # members, where there are more than can be counted
cdef double WHOLE = 1e6         # members below which a beable of a large ensemble becomes a whole number,
cdef double FRACTION = 4e6      # and above which it is no longer one
cdef double FAINT = 1e-20       # part of N below which |deviation|^2 is rounding beside the mean's
HOLDS_GAUSS = int(GAUSS)
"""What n holds where a beable of a large ensemble is not a whole number."""
FRACTION_FROM = FRACTION
"""Members above which it is not."""


cdef inline double kick(Stream *stream, double spread, double rate) noexcept nogil:
    """Noise of a flow: mean 0, variance and third cumulant those of as many independent copies."""
    cdef double g = draw_normal(stream)
    cdef double skew = (g * g - 1.0) / 6.0
    return spread * sqrt(fabs(rate)) * g + (skew if rate > 0.0 else -skew)


cdef inline double spared(const Replica *x, Room w, Py_ssize_t a) noexcept nogil:
    """Share of a beable's members that are spectators, and never leave."""
    if x.pinned == 0 or x.n[a] == 0:
        return 0.0
    return fmin(1.0, x.pinned / (<double> x.n[a] if x.n[a] > 0 else w.v[a] * w.v[a] + w.v[w.rapids.s.P + a] * w.v[w.rapids.s.P + a]))


cdef inline bint has(const Replica *x, Py_ssize_t a, double flow) noexcept nogil:
    """Whether a beable has members enough for noise of a flow to and fro."""
    return x.n[a] < 0 or (x.n[a] - x.pinned) * x.limit >= flow


cdef void half_kick(const Diagonals *d, Replica *x, Stream *stream, Room w) noexcept nogil:
    """The noise of half a step where flows are large, at the start of a stretch between records."""
    cdef Py_ssize_t P = d.P, r, k, e, b, c, a
    cdef double variance, rate, more
    memset(w.change, 0, P * sizeof(double))
    for r in range(d.runs):
        for k in range(d.run[r].length):
            e = d.run[r].start + k
            b = d.run[r].first + k
            c = b + d.run[r].offset
            rate = w.start_rate[e]
            rate *= 1.0 - spared(x, w, b if rate > 0.0 else c)
            variance = fabs(rate) * x.h
            if variance < MANY or not (has(x, b, variance) and has(x, c, variance)):
                continue
            more = kick(stream, sqrt(0.5 * x.h), rate)
            if x.mean == NULL or x.n[b] >= 0 or x.n[c] >= 0:
                more = rint(more)
            w.change[b] -= more
            w.change[c] += more
    for a in range(P):
        if w.change[a] == 0.0:
            continue
        variance = w.v[a] * w.v[a] + w.v[P + a] * w.v[P + a]
        if x.n[a] >= 0:
            x.n[a] += llrint(w.change[a])
            more = sqrt(x.n[a] / variance) - 1.0
        else:
            more = 0.5 * w.change[a] / variance
        x.c[a] += more * w.v[a]
        x.c[P + a] += more * w.v[P + a]


cdef int64_t draw_one_way(Stream *stream, Replica *x, Room w, Py_ssize_t b, double flow) noexcept nogil:
    """Members that leave b by one pair whose flow is small, given who has left by others."""
    cdef int64_t k
    if not flow > 0.0:
        return 0
    if x.n[b] < 0:  # Gaussian: endlessly many for this flow
        return draw_some(stream, ENDLESS, flow / ENDLESS)
    k = x.n[b] - w.gone[b] - x.pinned
    if k > 0:
        k = draw_from(stream, k, w.v + b, w.rapids.s.P, flow, w.taken + b)
        w.gone[b] += k
    return k


cdef inline int64_t draw_few(Stream *stream, Replica *x, Room w, Py_ssize_t b, Py_ssize_t c,
                             Py_ssize_t e) noexcept nogil:
    """Members that move from b to c along pair e, less those that move back."""
    cdef int64_t forth = draw_one_way(stream, x, w, b, 0.5 * (w.gross[e] + w.net[e]))
    cdef int64_t back = draw_one_way(stream, x, w, c, 0.5 * (w.gross[e] - w.net[e]))
    x.events += forth + back
    return forth - back


cdef inline double withheld(const Replica *x, Room w, Py_ssize_t b, Py_ssize_t c, Py_ssize_t e,
                            double *gross) noexcept nogil:
    """What spectators keep back of a pair's net flow; gross: what is left of it both ways."""
    cdef double forth = 0.5 * (w.gross[e] + w.net[e]) * spared(x, w, b)
    cdef double back = 0.5 * (w.gross[e] - w.net[e]) * spared(x, w, c)
    gross[0] = w.gross[e] - forth - back
    return forth - back


cdef void draw(const Diagonals *d, Replica *x, Stream *stream, double weight, Room w) noexcept nogil:
    """Members that move along each pair without a busy end: w.moved, or noise of w.net beyond N = 2^63.

    weight : of the kick, 1/2 at the end of a stretch between records.
    """
    cdef Py_ssize_t r, k, e, b, c
    cdef double gross, less = 0.0
    cdef double spread = sqrt(weight * x.h)
    for r in range(d.runs):
        for k in range(d.run[r].length):
            e = d.run[r].start + k
            b = d.run[r].first + k
            c = b + d.run[r].offset
            w.moved[e] = 0
            if w.busy[b] or w.busy[c] or w.gross[e] == 0.0:
                continue
            gross = w.gross[e]
            if x.pinned > 0:
                less = withheld(x, w, b, c, e, &gross)
            if gross < MANY:
                w.moved[e] = draw_few(stream, x, w, b, c, e)
            else:
                w.moved[e] = llrint(w.net[e] - less + kick(stream, spread, w.end_rate[e] * (gross / w.gross[e])))
                x.events += gross


cdef void draw_apart(const Diagonals *d, Replica *x, Stream *stream, double weight, Room w) noexcept nogil:
    """The same beyond N = 2^63: whole numbers in w.moved for whole beables, noise of the flow for Gaussian ones."""
    cdef Py_ssize_t r, k, e, b, c
    cdef double *noise = w.start_rate  # no longer wanted
    cdef double spread = sqrt(weight * x.h), gross, less, some
    cdef int64_t *n = x.n
    for r in range(d.runs):
        for k in range(d.run[r].length):
            e = d.run[r].start + k
            b = d.run[r].first + k
            c = b + d.run[r].offset
            w.moved[e] = 0
            noise[e] = -w.net[e]  # what busy ends give and take has been told by themselves
            if w.busy[b] or w.busy[c]:
                continue
            if n[b] == 0 or n[c] == 0 or w.gross[e] == 0.0:
                noise[e] = 0.0
                continue
            less = withheld(x, w, b, c, e, &gross)
            if gross < MANY:
                w.moved[e] = draw_few(stream, x, w, b, c, e)
                noise[e] += w.moved[e]
                continue
            x.events += gross
            some = kick(stream, spread, w.end_rate[e] * (gross / w.gross[e])) - less
            if n[b] < 0 and n[c] < 0:
                noise[e] = some
            else:
                w.moved[e] = llrint(w.net[e] + some)
                noise[e] += w.moved[e]
    for r in range(d.runs):
        for k in range(d.run[r].length):
            e = d.run[r].start + k
            b = d.run[r].first + k
            c = b + d.run[r].offset
            if n[b] >= 0:
                n[b] -= w.moved[e]
            else:
                w.change[b] -= noise[e]
            if n[c] >= 0:
                n[c] += w.moved[e]
            else:
                w.change[c] += noise[e]


cdef double norm_of_all(const Diagonals *d, const Replica *x, Room w, double norm) noexcept nogil:
    """By what to scale amplitudes at a step's end so that there are N members: `norm`, that of the mean, where the
    deviation is so small that it could not be told from it."""
    cdef Py_ssize_t P = d.P, a
    cdef double rest = x.members, there = 0.0
    if sum_of(2 * P, w.end_deviation, 1) < FAINT * x.members:
        return norm
    for a in range(P):
        if x.n[a] >= 0:
            rest -= x.n[a]
        else:
            there += w.end[a] * w.end[a] + w.end[P + a] * w.end[P + a] + w.change[a]
    return sqrt(rest / there) if there > 0.0 and rest > 0.0 else 1.0


cdef void settle_apart(const Diagonals *d, Replica *x, Room w) noexcept nogil:
    """Amplitudes at the end of a step from the new counts and kicks; beables change between whole and Gaussian.

    The polynomial keeps N but nearly; so mean and all are scaled to it.
    """
    cdef Py_ssize_t P = d.P, a
    cdef double tx, ty, m, r, norm = sqrt(x.members / sum_of(2 * P, w.end_mean, 1))
    cdef double all = norm_of_all(d, x, w, norm), off = all - norm
    for a in range(P):
        tx = w.end[a]
        ty = w.end[P + a]
        m = tx * tx + ty * ty
        if x.n[a] < 0 and m + w.change[a] >= WHOLE + x.pinned:
            r = 0.5 * w.change[a] / m
            x.c[a] = all * (w.end_deviation[a] + r * tx) + off * w.end_mean[a]
            x.c[P + a] = all * (w.end_deviation[P + a] + r * ty) + off * w.end_mean[P + a]
        else:
            if x.n[a] < 0:
                x.n[a] = llrint(fmax(x.pinned, m + w.change[a]))
            if m == 0.0:
                tx = w.v[a]
                ty = w.v[P + a]
                m = tx * tx + ty * ty
            r = sqrt(x.n[a] / m) if m > 0.0 else 0.0
            x.c[a] = r * tx - norm * w.end_mean[a]
            x.c[P + a] = r * ty - norm * w.end_mean[P + a]
            if x.n[a] > FRACTION + x.pinned:
                x.n[a] = GAUSS
        x.mean[a] = norm * w.end_mean[a]
        x.mean[P + a] = norm * w.end_mean[P + a]
