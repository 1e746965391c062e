# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Amplitudes and flows over a half step, to fourth order.

Aligned phases, the rule of quantum mechanics: (32), (33) with r = -1/2. Inside a half step the state (n, phi)
is written as c = sqrt(n) exp(-i phi), for which the mean field is linear, dc/dt = -i (H/hbar) c; a Taylor
polynomial of degree four carries it and a two-point Gauss rule integrates the flow of each pair,
2 Im(conj(c_a) H_ab c_b)/hbar from b to a. Both are of fourth order. Only (n, phi) leaves the step.

Spectators: s members of each beable never copy, so of the flow b->a only the part (n_b - s)/n_b takes place. The rest
of the mean field is as above; a half step is Strang's: the change of n that the missing flows make is put before it.
"""
import numpy as np
from libc.math cimport sqrt
from libc.stdint cimport int64_t

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.dense cimport Dense, Span, dense_apply, dense_flows, dense_of
from copympi.kernels.elementary cimport atan2, fmax, fmin, sin_cos_of
from copympi.kernels.pair cimport pair_flow, pair_turn

cdef double GAUSS_LOW = 0.21132486540518713      # (1 - 1/sqrt 3)/2
cdef double GAUSS_HIGH = 0.7886751345948129


cdef inline double positive(double x) noexcept nogil:
    return x if x > 0.0 else 0.0


cdef class Scratch:
    """Work space of one thread for one system."""

    def __cinit__(self, Couplings couplings not None):
        cdef Py_ssize_t P = couplings.system.P
        self.memory = np.zeros(23 * P + 2 * couplings.system.pairs)  # room for flows that is never used is never there
        self.v = &self.memory[0]
        self.c = self.v + 10 * P
        self.d = self.c + 2 * P
        self.e = self.d + 2 * P
        self.leaving = self.e + 2 * P
        self.coming = self.leaving + P
        self.forth = self.coming + P
        self.back = self.forth + couplings.system.pairs
        self.own = self.back + couplings.system.pairs
        self.room = self.own + P
        self.P = P
        self.pairs = couplings.system.pairs
        self.omega = couplings.system.omega
        self.norm = couplings.system.norm


cdef void expand(const System *s, const double *omega, const double *c, double *v) noexcept nogil:
    """Taylor coefficients v[k] = (-i (H/hbar - shift))^k c / k!, empty and unbound beables held at zero."""
    cdef Py_ssize_t P = s.P, a, e, k
    cdef double x, y, over
    cdef const double *old
    cdef double *new
    cdef Dense h
    if s.dense:
        h = dense_of(s, NULL, NULL)
    for a in range(2 * P):
        v[a] = c[a]
    for k in range(1, 5):
        old = v + 2 * P * (k - 1)
        new = v + 2 * P * k
        over = 1.0 / k
        if s.dense:
            dense_apply(&h, omega, c, old, over, new)
            continue
        for a in range(P):
            x = 0.0
            y = 0.0
            if c[a] != 0.0 or c[P + a] != 0.0:
                x = omega[a] * old[a]
                y = omega[a] * old[P + a]
                for e in range(s.indptr[a], s.indptr[a + 1]):
                    x += s.re[e] * old[s.indices[e]] - s.im[e] * old[P + s.indices[e]]
                    y += s.re[e] * old[P + s.indices[e]] + s.im[e] * old[s.indices[e]]
            new[a] = y * over
            new[P + a] = -x * over


cdef void carry(Py_ssize_t P, const double *v, double t, double *c) noexcept nogil:
    """c(t) from the Taylor coefficients."""
    cdef Py_ssize_t a
    for a in range(2 * P):
        c[a] = v[a] + t * (v[2 * P + a] + t * (v[4 * P + a] + t * (v[6 * P + a] + t * v[8 * P + a])))


cdef Span span_of(Py_ssize_t P, double start, double t, Scratch w) noexcept nogil:
    """Amplitudes at the two Gauss points of [start, start + t], into w.d and w.e, from the coefficients in w.v."""
    carry(P, w.v, start + GAUSS_LOW * t, w.d)
    carry(P, w.v, start + GAUSS_HIGH * t, w.e)
    return Span(t, w.d, w.e, NULL)


cdef void integrate_flows(const System *s, double start, double t, Scratch w) noexcept nogil:
    """Flow b->a and a->b of each pair over [start, start + t], from the coefficients in w.v.

    Each of the two points has half the time. Where their flows differ in sign, the pair turns round within t and
    members go both ways; the difference is what the fourth order is about.
    """
    cdef Py_ssize_t P = s.P, p, b, a, e
    cdef double early, late
    cdef double *c = w.d
    cdef double *d = w.e
    cdef Span span = span_of(P, start, t, w)
    cdef Dense h
    if s.dense:
        h = dense_of(s, w.forth, w.back)
        dense_flows(&h, &span)
        return
    for p in range(s.pairs):
        b = s.pair[4 * p]
        a = s.pair[4 * p + 1]
        e = s.pair[4 * p + 2]
        # the flow, with weight t/2 at each of the two points
        early = -t * pair_turn(s.re[e], s.im[e], c[b], c[P + b], c[a], c[P + a])
        late = -t * pair_turn(s.re[e], s.im[e], d[b], d[P + b], d[a], d[P + a])
        w.forth[p] = positive(early) + positive(late)
        w.back[p] = positive(-early) + positive(-late)


cdef void hold_back(const System *s, int64_t spectators, const double *n, double t, double *c,
                    Scratch w) noexcept nogil:
    """Carry |c|^2 = n by t/2 along the flows that spectators withhold, so that all of n is right in the middle of t."""
    cdef Py_ssize_t P = s.P, p, b, a, e
    cdef double flow
    cdef double *change = w.leaving
    for a in range(P):
        change[a] = 0.0
    for p in range(s.pairs):
        b = s.pair[4 * p]
        a = s.pair[4 * p + 1]
        e = s.pair[4 * p + 2]
        flow = pair_flow(s.re[e], s.im[e], c[b], c[P + b], c[a], c[P + a])
        if flow > 0.0:
            flow *= fmin(1.0, spectators / n[b])
        elif flow < 0.0:
            flow *= fmin(1.0, spectators / n[a])
        change[b] += flow
        change[a] -= flow
    for a in range(P):
        if n[a] > 0.0:
            flow = sqrt(fmax(0.5, 1.0 + 0.5 * t * change[a] / n[a]))
            c[a] *= flow
            c[P + a] *= flow


cdef void shares_that_move(const System *s, int64_t spectators, const double *n, double t, Scratch w) noexcept nogil:
    """Into w.leaving: of the members of each beable at mid-time the part that are no spectators."""
    cdef Py_ssize_t P = s.P, a
    cdef double mid
    carry(P, w.v, 0.5 * t, w.d)
    for a in range(P):
        mid = w.d[a] * w.d[a] + w.d[P + a] * w.d[P + a]
        w.leaving[a] = 1.0 - spectators / mid if n[a] > spectators and mid > spectators else 0.0


cdef Span span_of_half(const System *s, int64_t spectators, const double *n, double t, Scratch w) noexcept nogil:
    """What the flows of a half step t follow from, where H is dense."""
    cdef Span span
    if spectators:
        shares_that_move(s, spectators, n, t, w)
    span = span_of(s.P, 0.0, t, w)
    span.part = w.leaving if spectators else NULL
    return span


cdef void flows_of_half(const System *s, int64_t spectators, const double *n, double t, Scratch w) noexcept nogil:
    """Mean flows of each pair over a half step t, from the coefficients in w.v. Where all are spectators none leave."""
    cdef Py_ssize_t p
    integrate_flows(s, 0.0, t, w)
    if not spectators:
        return
    shares_that_move(s, spectators, n, t, w)
    for p in range(s.pairs):
        w.forth[p] *= w.leaving[s.pair[4 * p]]
        w.back[p] *= w.leaving[s.pair[4 * p + 1]]


def half_step(Couplings couplings not None, n, phase, double t):
    """The predictor alone, for tests: from real n (P,) and phase (P,) over a time t.

    Returns (n, phase, flow) with flow (P, P) the net flows b->a at [b, a].
    """
    cdef const System *s = &couplings.system
    cdef Scratch w = Scratch(couplings)
    cdef const double[::1] start = np.ascontiguousarray(n, np.float64)
    cdef double[::1] turned = np.array(phase, np.float64)
    cdef double[::1] end = np.array(n, np.float64)
    cdef double[:, ::1] flow = np.zeros((s.P, s.P))
    cdef Py_ssize_t P = s.P, a, p
    cdef double sine, cosine
    need(start.shape[0] == P and turned.shape[0] == P, "n, phase: must be (P,)")
    for a in range(P):
        sin_cos_of(turned[a], &sine, &cosine)
        w.c[a] = sqrt(start[a]) * cosine
        w.c[P + a] = -sqrt(start[a]) * sine
    expand(s, s.omega, w.c, w.v)
    integrate_flows(s, 0.0, t, w)
    for p in range(s.pairs):
        end[s.pair[4 * p]] -= w.forth[p] - w.back[p]
        end[s.pair[4 * p + 1]] += w.forth[p] - w.back[p]
        flow[s.pair[4 * p], s.pair[4 * p + 1]] = w.forth[p] - w.back[p]
        flow[s.pair[4 * p + 1], s.pair[4 * p]] = w.back[p] - w.forth[p]
    carry(P, w.v, t, w.d)
    for a in range(P):
        turned[a] += s.shift * t - atan2(w.d[P + a] * w.c[a] - w.d[a] * w.c[P + a],
                                         w.d[a] * w.c[a] + w.d[P + a] * w.c[P + a])
    return np.asarray(end), np.asarray(turned), np.asarray(flow)
