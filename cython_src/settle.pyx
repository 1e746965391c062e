# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Amplitudes and counts at the end of a lattice's step: who has a whole number of members, and that they are N."""
from libc.math cimport llrint, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport CALM, EMPTY, FEWEST, GAUSS, PLENTY, Replica, Work
from copympi.kernels.diagonals cimport TILE, Diagonals, add_up, finish, scale, size_of, stretch

cdef double FAINT = 1e-20  # part of N below which |deviation|^2 is rounding beside the mean's


cdef void settle(const Diagonals *d, Replica *x, Work *w, bint counted) noexcept nogil:
    """Amplitudes at the end of a step. Beables of few members take their size from n; the rest keeps N."""
    cdef Py_ssize_t P = d.P, a, t, most = -1
    cdef double m, tx, ty, r, there, part, smallest = 0.0
    cdef int64_t whole = 0
    there = finish(P, w.end, w.D0, x.c, &smallest)
    if counted or smallest < FEWEST:
        there = 0.0
        for t in range(d.tiles):
            part = 0.0
            for a in range(t * TILE, min(P, (t + 1) * TILE)):
                if w.kind[a] == EMPTY:
                    x.c[a] = 0.0
                    x.c[P + a] = 0.0
                    continue
                tx = x.c[a]
                ty = x.c[P + a]
                m = tx * tx + ty * ty
                if x.n[a] < 0:
                    r = m + (w.last[a] if counted and w.kind[a] == CALM else 0.0)
                    if r >= FEWEST + x.pinned:
                        part += r
                        r = sqrt(r / m) if m > 0.0 else 0.0
                        x.c[a] = r * tx
                        x.c[P + a] = r * ty
                        continue
                    x.n[a] = llrint(max(<double> x.pinned, r))
                if m == 0.0:
                    tx = w.v[a]
                    ty = w.v[P + a]
                    m = tx * tx + ty * ty
                r = sqrt(x.n[a] / m) if m > 0.0 else 0.0
                x.c[a] = r * tx
                x.c[P + a] = r * ty
                if x.n[a] > PLENTY + x.pinned:
                    part += <double> x.n[a]
                    x.n[a] = GAUSS
                else:
                    whole += x.n[a]
                    if most < 0 or x.n[a] > x.n[most]:
                        most = a
            there += part
    if there > 0.0:
        r = sqrt(max(0.0, <double> (x.total - whole)) / there)
        if counted or smallest < FEWEST:
            scale_gauss(P, x.n, r, x.c)
        else:
            scale(2 * P, r, x.c)
    elif most >= 0 and whole != x.total:  # the last that was no whole number has become one
        m = sqrt((x.n[most] + x.total - whole) / <double> x.n[most])
        x.n[most] += x.total - whole
        x.c[most] *= m
        x.c[P + most] *= m


cdef void scale_gauss(Py_ssize_t P, const int64_t *n, double by, double *c) noexcept nogil:
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
                if w.kind[a] == CALM:
                    part += w.last[a]
        there += part
    return sqrt(rest / there) if there > 0.0 and rest > 0.0 else 1.0


cdef void settle_apart(const Diagonals *d, Replica *x, Work *w, bint counted) noexcept nogil:
    """The same where mean and deviation are apart: the polynomial keeps N but nearly, so mean and all are scaled to it."""
    cdef Py_ssize_t P = d.P, a
    cdef double tx, ty, m, r, norm, all, off, last
    add_up(2 * P, w.end_deviation, w.D0, w.end_deviation)
    if not counted:
        memset(w.last, 0, P * sizeof(double))
    norm = sqrt(x.members / size_of(P, w.end_mean))
    all = norm_of_all(d, x, w, norm)
    off = all - norm
    for a in range(P):
        tx = w.end_mean[a] + w.end_deviation[a]
        ty = w.end_mean[P + a] + w.end_deviation[P + a]
        m = tx * tx + ty * ty
        last = w.last[a] if w.kind[a] == CALM else 0.0
        if x.n[a] < 0 and m + last >= FEWEST + x.pinned:
            r = stretch(last / m) if m > 0.0 else 0.0
            x.c[a] = all * (w.end_deviation[a] + r * tx) + off * w.end_mean[a]
            x.c[P + a] = all * (w.end_deviation[P + a] + r * ty) + off * w.end_mean[P + a]
        else:
            if x.n[a] < 0:
                x.n[a] = llrint(max(<double> x.pinned, m + last))
            if m == 0.0:
                tx = w.v[a]
                ty = w.v[P + a]
                m = tx * tx + ty * ty
            r = sqrt(x.n[a] / m) if m > 0.0 else 0.0
            x.c[a] = r * tx - norm * w.end_mean[a]
            x.c[P + a] = r * ty - norm * w.end_mean[P + a]
            if x.n[a] > PLENTY + x.pinned:
                x.n[a] = GAUSS
        x.mean[a] = norm * w.end_mean[a]
        x.mean[P + a] = norm * w.end_mean[P + a]
