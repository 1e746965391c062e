# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""How many members move along each pair of a lattice in a step, and what noise there is where they cannot be counted."""
from libc.math cimport fabs, fmax, llrint, rint, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memset
from numpy.random.c_distributions cimport random_standard_normal

from copympi.kernels.bonds cimport GAUSS, Replica, Room
from copympi.kernels.diagonals cimport Diagonals, sum_of
from copympi.kernels.rapids cimport MANY, draw_from, draw_some
from copympi.kernels.streams cimport Stream

cdef int64_t ENDLESS = 1 << 60  # members, where there are more than can be counted
cdef double WHOLE = 1e6         # members below which a beable of a large ensemble becomes a whole number,
cdef double FRACTION = 4e6      # and above which it is no longer one
HOLDS_GAUSS = int(GAUSS)
"""What n holds where a beable of a large ensemble is not a whole number."""
FRACTION_FROM = FRACTION
"""Members above which it is not."""


cdef inline double kick(Stream *stream, double spread, double rate) noexcept nogil:
    """Noise of a flow: mean 0, variance and third cumulant those of as many independent copies."""
    cdef double g = random_standard_normal(&stream.bitgen)
    cdef double skew = (g * g - 1.0) / 6.0
    return spread * sqrt(fabs(rate)) * g + (skew if rate > 0.0 else -skew)


cdef inline double kept(int64_t n, int64_t pinned) noexcept nogil:
    """Share of a beable's members that can leave."""
    return 1.0 if n <= 0 else 1.0 - pinned / <double> n


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
            rate *= kept(x.n[b] if rate > 0.0 else x.n[c], x.pinned)
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
    return (draw_one_way(stream, x, w, b, 0.5 * (w.gross[e] + w.net[e]))
            - draw_one_way(stream, x, w, c, 0.5 * (w.gross[e] - w.net[e])))


cdef inline void without_spectators(const Replica *x, Py_ssize_t b, Py_ssize_t c, double *net,
                                    double *gross) noexcept nogil:
    """A pair's flow without what spectators would have had of it."""
    cdef double forth = 0.5 * (gross[0] + net[0]) * kept(x.n[b], x.pinned)
    cdef double back = 0.5 * (gross[0] - net[0]) * kept(x.n[c], x.pinned)
    net[0] = forth - back
    gross[0] = forth + back


cdef void draw(const Diagonals *d, Replica *x, Stream *stream, double weight, Room w) noexcept nogil:
    """Members that move along each pair without a busy end: w.moved, or noise of w.net beyond N = 2^63.

    weight : of the kick, 1/2 at the end of a stretch between records.
    """
    cdef Py_ssize_t r, k, e, b, c
    cdef double net, gross, events = 0.0
    cdef double spread = sqrt(weight * x.h)
    for r in range(d.runs):
        for k in range(d.run[r].length):
            e = d.run[r].start + k
            b = d.run[r].first + k
            c = b + d.run[r].offset
            w.moved[e] = 0
            if w.busy[b] or w.busy[c] or w.gross[e] == 0.0:
                continue
            net = w.net[e]
            gross = w.gross[e]
            if x.pinned > 0:
                without_spectators(x, b, c, &net, &gross)
            if gross < MANY:
                w.moved[e] = draw_few(stream, x, w, b, c, e)
                events += fabs(<double> w.moved[e])
            else:
                w.moved[e] = llrint(net + kick(stream, spread, w.end_rate[e] * (gross / w.gross[e])))
                events += gross
    x.events += events


cdef void draw_apart(const Diagonals *d, Replica *x, Stream *stream, double weight, Room w) noexcept nogil:
    """The same beyond N = 2^63: whole numbers in w.moved for whole beables, noise of the flow for Gaussian ones."""
    cdef Py_ssize_t r, k, e, b, c
    cdef double *noise = w.start_rate  # no longer wanted
    cdef double spread = sqrt(weight * x.h), net, gross, events = 0.0
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
            events += w.gross[e]
            if n[b] == 0 or n[c] == 0:
                noise[e] = 0.0
                continue
            net = w.net[e]
            gross = w.gross[e]
            without_spectators(x, b, c, &net, &gross)
            if gross >= MANY and n[b] < 0 and n[c] < 0:
                noise[e] = kick(stream, spread, w.end_rate[e])
                continue
            if gross < MANY:
                w.moved[e] = draw_few(stream, x, w, b, c, e)
            else:
                w.moved[e] = llrint(net + kick(stream, spread, w.end_rate[e] * (gross / w.gross[e])))
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
    x.events += events


cdef void settle_apart(const Diagonals *d, Replica *x, Room w) noexcept nogil:
    """Amplitudes at the end of a step from the new counts and kicks; beables change between whole and Gaussian.

    The mean keeps its norm, N, which the polynomial keeps but nearly.
    """
    cdef Py_ssize_t P = d.P, a
    cdef double tx, ty, m, r, norm = sqrt(x.members / sum_of(2 * P, w.end_mean, 1))
    for a in range(P):
        w.end_mean[a] *= norm
        w.end_mean[P + a] *= norm
        tx = w.end[a]
        ty = w.end[P + a]
        m = tx * tx + ty * ty
        if x.n[a] < 0 and m + w.change[a] >= WHOLE:
            r = 0.5 * w.change[a] / m
            x.c[a] = w.end_deviation[a] + r * tx
            x.c[P + a] = w.end_deviation[P + a] + r * ty
        else:
            if x.n[a] < 0:
                x.n[a] = llrint(fmax(0.0, m + w.change[a]))
            if m == 0.0:
                tx = w.v[a]
                ty = w.v[P + a]
                m = tx * tx + ty * ty
            r = sqrt(x.n[a] / m) if m > 0.0 else 0.0
            x.c[a] = r * tx - w.end_mean[a]
            x.c[P + a] = r * ty - w.end_mean[P + a]
            if x.n[a] > FRACTION:
                x.n[a] = GAUSS
        x.mean[a] = w.end_mean[a]
        x.mean[P + a] = w.end_mean[P + a]
