# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Copies of aligned members one by one, in continuous time, among few beables or all: the singles.

Between two copies n stands still and the phase of a single a flows, with c = sqrt(n) e^{-i phi},

    dphi_a/dt = omega_a + Re(e^{i phi_a} F_a)/sqrt(n_a),     F_a = sum_b (H_ab/hbar) c_b.

Singles b count with the n and phi they have; the other beables by a path c_b(t) given beforehand, a polynomial. Copies
are found by thinning: between beables a and b no more than 2 R_ab |c_a| |c_b| take place in unit time, which does not
change until the next copy; a proposal at this rate is taken with the ratio of the flow to the bound. So the law of
the jumps is exact; phases are integrated by Runge and Kutta's rule of fourth order (of second over short times), a
step no longer than a phase takes to turn by `angle`.
"""
from libc.math cimport fabs, sqrt
from libc.stdint cimport int64_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.elementary cimport fmax, log1p, sin_cos_of
from copympi.kernels.pair cimport pair_turn
from copympi.kernels.streams cimport Stream, stream_double, stream_open
from copympi.kernels.tracker cimport Followed, follow_copy

cdef double SHORT = 0.12  # of `angle`: up to here the rule of second order errs as little


cdef class Events:
    """Work space of one thread for one system. angle : radians that a phase may turn in a step of the integrator."""

    def __cinit__(self, Couplings couplings not None, double angle):
        cdef const System *s = &couplings.system
        need(angle > 0.0, "angle: must be positive")
        self.memory = np.zeros(20 * s.P + s.pairs)
        self.numbers = np.zeros(3 * s.P + s.pairs, np.int64)
        self.u = &self.memory[0]
        self.root = self.u + 2 * s.P
        self.drive = self.root + s.P
        self.c = self.drive + 10 * s.P
        self.stage = self.c + 2 * s.P
        self.sum = self.stage + 2 * s.P
        self.rate = self.sum + 2 * s.P
        self.weight = self.rate + s.P if s.pairs else self.rate
        self.single = &self.numbers[0]
        self.best = self.single + s.P
        self.beable = self.best + s.P
        self.pair = self.beable + s.P if s.pairs else self.beable
        self.angle = angle


cdef void list_singles(const System *s, Events g) noexcept nogil:
    """Lists of what `single` marks: beables, and pairs with one of them."""
    cdef Py_ssize_t a, p
    g.singles = 0
    g.pairs = 0
    for a in range(s.P):
        g.root[a] = 0.0
        g.c[a] = 0.0
        g.c[s.P + a] = 0.0
        if g.single[a]:
            g.beable[g.singles] = a
            g.singles += 1
    for p in range(s.pairs):
        if g.single[s.pair[4 * p]] or g.single[s.pair[4 * p + 1]]:
            g.pair[g.pairs] = p
            g.pairs += 1
    g.driven = False


cdef void start_phases(const System *s, const double *phase, Events g) noexcept nogil:
    """The singles' phases, from phase (P,) in rad."""
    cdef Py_ssize_t a, i
    for i in range(g.singles):
        a = g.beable[i]
        sin_cos_of(phase[a], &g.u[s.P + a], &g.u[a])
        g.u[s.P + a] = -g.u[s.P + a]


cdef void set_drive(const System *s, const double *v, double t, Events g) noexcept nogil:
    """What the others do over a time t, from Taylor coefficients v (5, 2, P) of all amplitudes."""
    cdef Py_ssize_t P = s.P, a, b, e, i, k
    cdef double x, y, power
    g.driven = True
    for b in range(P):
        if not g.single[b]:
            g.root[b] = 0.0
            power = 1.0
            for k in range(5):
                x = v[2 * P * k + b]
                y = v[2 * P * k + P + b]
                g.root[b] += power * sqrt(x * x + y * y)
                power *= t
    for i in range(g.singles):
        a = g.beable[i]
        for k in range(5):
            x = 0.0
            y = 0.0
            for e in range(s.indptr[a], s.indptr[a + 1]):
                b = s.indices[e]
                if not g.single[b]:
                    x += s.re[e] * v[2 * P * k + b] - s.im[e] * v[2 * P * k + P + b]
                    y += s.re[e] * v[2 * P * k + P + b] + s.im[e] * v[2 * P * k + b]
            g.drive[2 * P * k + a] = x
            g.drive[2 * P * k + P + a] = y


cdef void set_weights(const System *s, Events g) noexcept nogil:
    """Bounds of all pairs of singles, from `root`."""
    cdef Py_ssize_t i, p, e
    g.total = 0.0
    for i in range(g.pairs):
        p = g.pair[i]
        e = s.pair[4 * p + 2]
        g.weight[i] = (2.0 * sqrt(s.re[e] * s.re[e] + s.im[e] * s.im[e])
                       * g.root[s.pair[4 * p]] * g.root[s.pair[4 * p + 1]])
        g.total += g.weight[i]


cdef double turn_rates(const System *s, Events g, const double *omega, double t, const double *u) noexcept nogil:
    """dphi/dt of singles of phases u at time t, into `rate`; returns a bound on the fastest."""
    cdef Py_ssize_t P = s.P, a, b, e, i
    cdef double x, y, fastest = 0.0
    cdef const double *d
    for i in range(g.singles):
        a = g.beable[i]
        g.c[a] = g.root[a] * u[a]
        g.c[P + a] = g.root[a] * u[P + a]
    for i in range(g.singles):
        a = g.beable[i]
        if g.root[a] == 0.0:
            g.rate[a] = 0.0
            continue
        x = 0.0
        y = 0.0
        if g.driven:
            d = g.drive + a
            x = d[0] + t * (d[2 * P] + t * (d[4 * P] + t * (d[6 * P] + t * d[8 * P])))
            d = d + P
            y = d[0] + t * (d[2 * P] + t * (d[4 * P] + t * (d[6 * P] + t * d[8 * P])))
        for e in range(s.indptr[a], s.indptr[a + 1]):
            b = s.indices[e]
            x += s.re[e] * g.c[b] - s.im[e] * g.c[P + b]
            y += s.re[e] * g.c[P + b] + s.im[e] * g.c[b]
        g.rate[a] = omega[a] + (x * u[a] + y * u[P + a]) / g.root[a]
        fastest = fmax(fastest, fabs(omega[a]) + (fabs(x) + fabs(y)) / g.root[a])
    return fastest


cdef inline void take_stage(Py_ssize_t P, Events g, const double *at, double add, double t) noexcept nogil:
    """Derivatives -i rate u at phases `at`: `add` times them to `sum`, and the next stage at u + t times them."""
    cdef Py_ssize_t a, i
    cdef double x, y
    for i in range(g.singles):
        a = g.beable[i]
        x = g.rate[a] * at[P + a]
        y = -g.rate[a] * at[a]
        g.sum[a] += add * x
        g.sum[P + a] += add * y
        g.stage[a] = g.u[a] + t * x
        g.stage[P + a] = g.u[P + a] + t * y


cdef double flow_phases(const System *s, Events g, const double *omega, double t, double dt) noexcept nogil:
    """Turn the phases over a time dt, or as much of it as a step may be long; returns how much."""
    cdef Py_ssize_t P = s.P, a, i
    cdef double size, fastest = turn_rates(s, g, omega, t, g.u)
    for i in range(g.singles):
        a = g.beable[i]
        g.sum[a] = 0.0
        g.sum[P + a] = 0.0
    if fastest * dt <= SHORT * g.angle:
        take_stage(P, g, g.u, 0.0, 0.5 * dt)
        turn_rates(s, g, omega, t + 0.5 * dt, g.stage)
        take_stage(P, g, g.stage, 1.0, 0.0)
    else:
        if fastest * dt > g.angle:
            dt = g.angle / fastest
        take_stage(P, g, g.u, 1.0 / 6.0, 0.5 * dt)
        turn_rates(s, g, omega, t + 0.5 * dt, g.stage)
        take_stage(P, g, g.stage, 1.0 / 3.0, 0.5 * dt)
        turn_rates(s, g, omega, t + 0.5 * dt, g.stage)
        take_stage(P, g, g.stage, 1.0 / 3.0, dt)
        turn_rates(s, g, omega, t + dt, g.stage)
        take_stage(P, g, g.stage, 1.0 / 6.0, 0.0)
    for i in range(g.singles):
        a = g.beable[i]
        g.u[a] += dt * g.sum[a]
        g.u[P + a] += dt * g.sum[P + a]
        size = 1.0 / sqrt(g.u[a] * g.u[a] + g.u[P + a] * g.u[P + a])
        g.u[a] *= size
        g.u[P + a] *= size
    return dt


cdef inline void amplitude_at(const System *s, Events g, const double *v, double t, Py_ssize_t a, double *x,
                              double *y) noexcept nogil:
    """c_a at time t: a single's own, or on the path v of the others."""
    cdef Py_ssize_t P = s.P
    if g.single[a]:
        x[0] = g.root[a] * g.u[a]
        y[0] = g.root[a] * g.u[P + a]
        return
    v = v + a
    x[0] = v[0] + t * (v[2 * P] + t * (v[4 * P] + t * (v[6 * P] + t * v[8 * P])))
    v = v + P
    y[0] = v[0] + t * (v[2 * P] + t * (v[4 * P] + t * (v[6 * P] + t * v[8 * P])))


cdef bint try_copy(const System *s, Events g, const double *v, int64_t spectators, double t, Stream *stream,
                   int64_t *n, const Followed *followed) noexcept nogil:
    """A proposal: its pair, and whether it is taken; n and what depends on it then change."""
    cdef double x = g.total * stream_double(stream), flow, xb, yb, xa, ya
    cdef Py_ssize_t i = 0, p, a, b, source, target
    while i < g.pairs - 1 and x >= g.weight[i]:
        x -= g.weight[i]
        i += 1
    p = g.pair[i]
    b = s.pair[4 * p]
    a = s.pair[4 * p + 1]
    amplitude_at(s, g, v, t, b, &xb, &yb)
    amplitude_at(s, g, v, t, a, &xa, &ya)
    flow = -2.0 * pair_turn(s.re[s.pair[4 * p + 2]], s.im[s.pair[4 * p + 2]], xb, yb, xa, ya)
    source = b if flow > 0.0 else a
    target = a if flow > 0.0 else b
    if n[source] <= spectators or n[target] <= 0:
        return False
    if spectators:
        flow *= (n[source] - spectators) / <double> n[source]
    if stream_double(stream) * g.weight[i] >= fabs(flow):
        return False
    if followed != NULL:
        follow_copy(followed, t, source, target, n[source] - spectators)
    n[source] -= 1
    n[target] += 1
    if g.single[source]:
        g.root[source] = sqrt(<double> n[source])
    if g.single[target]:
        g.root[target] = sqrt(<double> n[target])
    set_weights(s, g)
    return True


cdef double run_events(const System *s, Events g, const double *omega, const double *v, int64_t spectators, double t,
                       int64_t most, Stream *stream, int64_t *n, int64_t *copies,
                       const Followed *followed) noexcept nogil:
    """Carry the singles over a time t, or until phases or proposals have taken `most` turns; returns how long it was.

    omega (P,), in 1/time, less a shift that phases are to turn by besides. v : the others' path, where `driven`.
    n (P,) changes in place, of the others too; adds to copies[0]. followed : NULL where nobody is.
    """
    cdef double now = 0.0, wait, dt
    cdef int64_t turns = 0
    cdef Py_ssize_t i
    cdef bint proposed
    for i in range(g.singles):
        g.root[g.beable[i]] = sqrt(<double> n[g.beable[i]])
    set_weights(s, g)
    while now < t:
        wait = -log1p(-stream_double(stream)) / g.total if g.total > 0.0 else 2.0 * t
        proposed = now + wait < t
        if not proposed:
            wait = t - now
        while wait > 0.0:
            dt = flow_phases(s, g, omega, now, wait)
            turns += 1
            now += dt
            wait = wait - dt if dt < wait else 0.0
            if turns >= most and wait > 0.0:
                return now
        if not proposed:
            break
        if try_copy(s, g, v, spectators, now, stream, n, followed):
            copies[0] += 1
        if turns >= most:
            return now
    return t


def run(Couplings couplings not None, *, uint64_t seed, uint64_t purpose, Py_ssize_t first_replica, double duration,
        int64_t[:, ::1] n not None, double[:, ::1] phase not None, double angle, int64_t spectators=0):
    """All beables of replicas (R, P) event by event for `duration`, in place; for tests. Returns copies (R,)."""
    cdef const System *s = &couplings.system
    cdef Events g = Events(couplings, angle)
    cdef Py_ssize_t R = n.shape[0], P = s.P, r, a
    cdef int64_t[::1] copies = np.zeros(R, np.int64)
    cdef Stream stream
    need(n.shape[1] == P and phase.shape[0] == R and phase.shape[1] == P, "n, phase: must be (R, P)")
    for a in range(P):
        g.single[a] = 1
    for r in range(R):
        stream_open(&stream, seed, purpose, first_replica + r, 0, 0)
        list_singles(s, g)
        start_phases(s, &phase[r, 0], g)
        run_events(s, g, s.level, NULL, spectators, duration, 1 << 62, &stream, &n[r, 0], &copies[r],
                   NULL)
        for a in range(P):
            phase[r, a] = -np.arctan2(g.u[P + a], g.u[a])
    return np.asarray(copies)
