# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Amplitudes and counts at the end of a lattice's step: who has a whole number of members, and that they are N."""
from libc.math cimport llrint, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport CALM, EMPTY, FEWEST, NO_COUNT, PLENTY, Replica, Work
from copympi.kernels.diagonals cimport TILE, Diagonals, add_up, finish, scale, size_of, stretch

cdef double FAINT = 1e-20  # part of N below which |deviation|^2 is rounding beside the mean's


# Beables that have a whole number of members at a step's end: how many members, and who has most.
cdef struct Whole:
    int64_t members
    Py_ssize_t most


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


cdef void settle(const Diagonals *d, Replica *x, Work *w, bint counted) noexcept nogil:
    """Amplitudes at the end of a step. Beables of few members take their size from n; the rest is scaled to keep N."""
    cdef Py_ssize_t P = d.P, a, t
    cdef double there, part, by, smallest = 0.0
    cdef bint counted_or_few
    cdef Whole whole
    there = finish(P, w.end, w.D0, x.c, &smallest)
    whole.members = 0
    whole.most = -1
    counted_or_few = counted or smallest < FEWEST
    if counted_or_few:
        there = 0.0
        for t in range(d.tiles):
            part = 0.0
            for a in range(t * TILE, min(P, (t + 1) * TILE)):
                part += settle_beable(d, x, w, a, counted, &whole)
            there += part
    if there > 0.0:
        by = sqrt(max(0.0, <double> (x.total - whole.members)) / there)
        if counted_or_few:
            scale_uncounted(P, x.n, by, x.c)
        else:
            scale(2 * P, by, x.c)
    elif whole.most >= 0 and whole.members != x.total:  # the last that was no whole number has become one
        a = whole.most
        by = sqrt((x.n[a] + x.total - whole.members) / <double> x.n[a])
        x.n[a] += x.total - whole.members
        x.c[a] *= by
        x.c[P + a] *= by


cdef void scale_uncounted(Py_ssize_t P, const int64_t *n, double by, double *c) noexcept nogil:
    cdef Py_ssize_t a
    for a in range(P):
        if n[a] < 0:
            c[a] *= by
            c[P + a] *= by


cdef double norm_of_all(const Diagonals *d, const Replica *x, Work *w, double norm) noexcept nogil:
    """By what to scale amplitudes at a step's end so that there are N members: `norm`, that of the mean, where the
    deviation is so small that it could not be told from it."""
    cdef Py_ssize_t P = d.P, a, t
    cdef double rest = x.members, there = 0.0, part, tx, ty
    if size_of(P, w.end_deviation) < FAINT * x.members:
        return norm
    for t in range(d.tiles):
        part = 0.0
        for a in range(t * TILE, min(P, (t + 1) * TILE)):
            if x.n[a] >= 0:
                rest -= x.n[a]
            else:
                tx = w.end_mean[a] + w.end_deviation[a]
                ty = w.end_mean[P + a] + w.end_deviation[P + a]
                part += tx * tx + ty * ty
                if w.role[a] == CALM:
                    part += w.last[a]
        there += part
    return sqrt(rest / there) if there > 0.0 and rest > 0.0 else 1.0


cdef void settle_large_n(const Diagonals *d, Replica *x, Work *w, bint counted) noexcept nogil:
    """The same beyond N = 2^63, where c = mean + deviation: both are scaled, as the polynomial keeps N but nearly."""
    cdef Py_ssize_t P = d.P, a
    cdef double tx, ty, m, r, norm, norm_of_c, off, last
    add_up(2 * P, w.end_deviation, w.D0, w.end_deviation)
    if not counted:
        memset(w.last, 0, P * sizeof(double))
    norm = sqrt(x.members / size_of(P, w.end_mean))
    norm_of_c = norm_of_all(d, x, w, norm)
    off = norm_of_c - norm
    for a in range(P):
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
