# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The plan of a step: its length, every member's chance to copy, the phases at its end.

Aligned phases, the rule of quantum mechanics: (32), (33) with r = -1/2. Inside a half step the state (n, phi)
is written as c = sqrt(n) exp(-i phi), for which the mean field is linear, dc/dt = -i (H/hbar) c; a Taylor
polynomial of degree four carries it and a two-point Gauss rule integrates the flow of each pair,
2 Im(conj(c_a) H_ab c_b)/hbar from b to a. Both are of fourth order. Only (n, phi) leaves the step.

A step is a trapezoidal leap (docs/theory.md, "The step"). First half: flows F1 predicted, K1 drawn with that mean.
Second half: drawn with mean 2 F2(n after K1) - F2(n predicted) + F2/n_b (noise of what left b), which makes the
covariance second order, for binomial draws and for few members too.

Unbound beables, those without a coupling to any beable that has members, exchange nothing with anybody. They are left
out of all that: they ask for no step, however large their H_aa, and their phases turn by (H_aa/hbar) h, to rounding.

Spectators: s members of each beable never copy, so of the flow b->a only the part (n_b - s)/n_b takes place. The rest
of the mean field is as above; a half step is Strang's: the change of n that the missing flows make is put before it.
"""
import numpy as np
from libc.math cimport NAN, atan2, ceil, cos, fabs, fma, fmax, fmin, isfinite, rint, sin, sqrt
from libc.stdint cimport int64_t

from copympi.kernels.checks cimport need

cdef double TWO_PI = 6.283185307179586
cdef double TWO_PI_REST = 2.4492935982947064e-16  # what is left of 2 pi beyond that double
cdef double GAUSS_LOW = 0.21132486540518713      # (1 - 1/sqrt 3)/2
cdef double GAUSS_HIGH = 0.7886751345948129
cdef double GROWTH = 10.0  # so many times what it may lose can a beable gain in a step: after a node it fills up fast


cdef class Couplings:
    """H/hbar as the kernels want it: rows without the diagonal, and the list of pairs. Arrays are kept alive here."""

    def __cinit__(self, const int64_t[::1] indptr, const int64_t[::1] indices, const double[::1] re,
                  const double[::1] im, const double[::1] omega, const int64_t[:, ::1] pair,
                  double shift, double norm, const double[::1] level):
        cdef Py_ssize_t P = omega.shape[0], nnz = indices.shape[0], k, a
        if P == 0 or not indptr.shape[0] - 1 == P == level.shape[0] or not indices.shape[0] == re.shape[0] == im.shape[0]:
            raise ValueError("couplings: shapes do not fit")
        if pair.shape[1] != 4 or 2 * pair.shape[0] != indices.shape[0]:
            raise ValueError("couplings: every entry belongs to one pair")
        need(indptr[0] == 0 and indptr[P] == nnz, "couplings: indptr must go from 0 to the number of entries")
        for k in range(P):
            need(indptr[k] <= indptr[k + 1], "couplings: indptr must not fall")
        for k in range(nnz):
            need(0 <= indices[k] < P, "couplings: there is no such beable")
        for k in range(pair.shape[0]):
            need(0 <= pair[k, 0] < P and 0 <= pair[k, 1] < P, "couplings: a pair of no such beables")
            need(0 <= pair[k, 2] < nnz and 0 <= pair[k, 3] < nnz, "couplings: a pair of no such entries")
        self.keep = (indptr, indices, re, im, omega, pair, level)
        self.system.P = omega.shape[0]
        self.system.nnz = indices.shape[0]
        self.system.pairs = pair.shape[0]
        self.system.indptr = &indptr[0]
        self.system.omega = &omega[0]
        self.system.level = &level[0]
        self.system.lonely = False
        for a in range(omega.shape[0]):
            if indptr[a] == indptr[a + 1]:
                self.system.lonely = True
        if self.system.nnz:
            self.system.indices = &indices[0]
            self.system.re = &re[0]
            self.system.im = &im[0]
            self.system.pair = &pair[0, 0]
        self.system.shift = shift
        self.system.norm = norm

    @property
    def shift(self):
        """What was taken off all of H_aa/hbar: every phase turns with it besides."""
        return self.system.shift

    @property
    def entries(self):
        """How many couplings there are, each direction of a pair counted."""
        return self.system.nnz

    @property
    def row_size(self):
        """Length of a plan in doubles."""
        return row_size(&self.system)


cdef class Scratch:
    """Work space of one thread for one system."""

    def __cinit__(self, Couplings couplings not None):
        cdef Py_ssize_t P = couplings.system.P
        self.memory = np.zeros(19 * P + 2 * couplings.system.pairs)
        self.v = &self.memory[0]
        self.c = self.v + 10 * P
        self.d = self.c + 2 * P
        self.e = self.d + 2 * P
        self.leaving = self.e + 2 * P
        self.coming = self.leaving + P
        self.forth = self.coming + P
        self.back = self.forth + couplings.system.pairs
        self.own = self.back + couplings.system.pairs
        self.omega = couplings.system.omega
        self.norm = couplings.system.norm


cdef Py_ssize_t row_size(const System *s) noexcept nogil:
    return HEAD + 2 * s.nnz + 7 * s.P + 1


cdef double turned(double rate, double t) noexcept nogil:
    """rate t less the nearest multiple of 2 pi, to rounding of the result and not of rate t, up to about 1e16 rad."""
    cdef double angle = rate * t
    cdef double lost = fma(rate, t, -angle)
    cdef double turns = rint(angle / TWO_PI)
    if not isfinite(angle):
        return 0.0
    return fma(-turns, TWO_PI_REST, fma(-turns, TWO_PI, angle)) + lost


cdef double find_unbound(const System *s, const int64_t *n, Scratch w, double *out) noexcept nogil:
    """Mark unbound beables in `out` (0 for others), and see to it that they do not matter to the step.

    Sets w.omega and w.norm; returns the shift. Where no beable is unbound these are the system's.
    """
    cdef Py_ssize_t P = s.P, a, e
    cdef bint some = s.lonely
    cdef double low = 0.0, high = 0.0, shift, size
    w.omega = s.omega
    w.norm = s.norm
    for a in range(P):
        out[a] = 0.0
        some = some or n[a] == 0
    if not some:
        return s.shift
    some = False
    for a in range(P):
        if n[a] > 0:
            out[a] = UNBOUND
            for e in range(s.indptr[a], s.indptr[a + 1]):
                if n[s.indices[e]] > 0:
                    out[a] = 0.0
                    break
            some = some or out[a] == UNBOUND
    if not some:
        return s.shift
    some = False
    for a in range(P):
        if n[a] > 0 and out[a] == 0.0:
            low = fmin(low, s.level[a]) if some else s.level[a]
            high = fmax(high, s.level[a]) if some else s.level[a]
            some = True
    shift = 0.5 * (low + high)
    w.norm = 0.0
    for a in range(P):
        if n[a] > 0 and out[a] == 0.0:
            size = fabs(s.level[a] - shift)
            for e in range(s.indptr[a], s.indptr[a + 1]):
                size += sqrt(s.re[e] * s.re[e] + s.im[e] * s.im[e])
            w.norm = fmax(w.norm, size)
    shift_levels(s, shift, w)
    return shift


cdef void shift_levels(const System *s, double shift, Scratch w) noexcept nogil:
    """Have w.omega taken off another shift than the system's."""
    cdef Py_ssize_t a
    for a in range(s.P):
        w.own[a] = s.level[a] - shift
    w.omega = w.own


cdef void expand(const System *s, const double *omega, const double *c, double *v) noexcept nogil:
    """Taylor coefficients v[k] = (-i (H/hbar - shift))^k c / k!, empty and unbound beables held at zero."""
    cdef Py_ssize_t P = s.P, a, e, k
    cdef double x, y, over
    cdef const double *old
    cdef double *new
    for a in range(2 * P):
        v[a] = c[a]
    for k in range(1, 5):
        old = v + 2 * P * (k - 1)
        new = v + 2 * P * k
        over = 1.0 / k
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


cdef void integrate_flows(const System *s, double start, double t, Scratch w) noexcept nogil:
    """Flow b->a and a->b of each pair over [start, start + t], from the coefficients in w.v.

    Each of the two points has half the time. Where their flows differ in sign, the pair turns round within t and
    members go both ways; the difference is what the fourth order is about.
    """
    cdef Py_ssize_t P = s.P, p, b, a, e
    cdef double early, late
    cdef double *c = w.d
    cdef double *d = w.e
    carry(P, w.v, start + GAUSS_LOW * t, c)
    carry(P, w.v, start + GAUSS_HIGH * t, d)
    for p in range(s.pairs):
        b = s.pair[4 * p]
        a = s.pair[4 * p + 1]
        e = s.pair[4 * p + 2]
        # -2 Im(conj(c_b) w_ba c_a), weight t/2 at each of the two points
        early = -t * ((c[b] * c[a] + c[P + b] * c[P + a]) * s.im[e] + (c[b] * c[P + a] - c[P + b] * c[a]) * s.re[e])
        late = -t * ((d[b] * d[a] + d[P + b] * d[P + a]) * s.im[e] + (d[b] * d[P + a] - d[P + b] * d[a]) * s.re[e])
        w.forth[p] = fmax(early, 0.0) + fmax(late, 0.0)
        w.back[p] = fmax(-early, 0.0) + fmax(-late, 0.0)


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
        flow = -2.0 * ((c[b] * c[a] + c[P + b] * c[P + a]) * s.im[e] + (c[b] * c[P + a] - c[P + b] * c[a]) * s.re[e])
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


cdef void flows_of_half(const System *s, int64_t spectators, const double *n, double t, Scratch w) noexcept nogil:
    """Mean flows of each pair over a half step t, from the coefficients in w.v. Where all are spectators none leave."""
    cdef Py_ssize_t P = s.P, p, a
    cdef double mid
    cdef double *part = w.leaving
    integrate_flows(s, 0.0, t, w)
    if not spectators:
        return
    carry(P, w.v, 0.5 * t, w.d)
    for a in range(P):
        mid = w.d[a] * w.d[a] + w.d[P + a] * w.d[P + a]
        part[a] = 1.0 - spectators / mid if n[a] > spectators and mid > spectators else 0.0
    for p in range(s.pairs):
        w.forth[p] *= part[s.pair[4 * p]]
        w.back[p] *= part[s.pair[4 * p + 1]]


cdef double largest_chance(const System *s, int64_t spectators, const int64_t *n, double h, Scratch w, double *growth,
                           Py_ssize_t *culprit) noexcept nogil:
    """Largest outflow over occupation in a step h, as its two halves will draw it; and the largest inflow, `growth`.

    Where there are none but spectators no one leaves. No number where h is too long for doubles to say.
    """
    cdef Py_ssize_t p, a, half
    cdef double worst = 0.0, most = 0.0, last = 0.0
    for a in range(s.P):
        w.leaving[a] = 0.0
        w.coming[a] = 0.0
    for half in range(2):
        integrate_flows(s, 0.5 * h * half, 0.5 * h, w)
        for p in range(s.pairs):
            w.leaving[s.pair[4 * p]] += w.forth[p]
            w.coming[s.pair[4 * p]] += w.back[p]
            w.leaving[s.pair[4 * p + 1]] += w.back[p]
            w.coming[s.pair[4 * p + 1]] += w.forth[p]
    growth[0] = 0.0
    for a in range(s.P):
        last += w.e[a] + w.e[s.P + a]  # amplitudes near the end: sizes of flows may hide what is no number
        if n[a] > 0:
            if n[a] <= spectators:
                w.leaving[a] = 0.0
            if w.leaving[a] > worst * n[a]:
                worst = w.leaving[a] / n[a]
            if w.coming[a] > growth[0] * n[a]:
                growth[0] = w.coming[a] / n[a]
            if fmax(w.leaving[a], w.coming[a] / GROWTH) > most * n[a]:
                most = fmax(w.leaving[a], w.coming[a] / GROWTH) / n[a]
                culprit[0] = a
    return worst if isfinite(last) else NAN


cdef double choose_step(const System *s, const Rule *rule, const int64_t *n, double left, Scratch w,
                        double *chance, Py_ssize_t *culprit) noexcept nogil:
    """Length of the next step, from the state at its start and the time left to the next record alone.

    `leaving_chance`: no beable loses more than this part of its members, or gains GROWTH times as many.

    `tolerance`: both half steps of length h/2 err by at most 2 |v5| (h/2)^5 / sqrt(N) in rho, |v5| <= norm |v4| / 5.
    """
    cdef Py_ssize_t a
    cdef double size = 0.0, h = left, parts, bound, growth, over
    if rule.step > 0.0:
        parts = rint(left / rule.step)
        h = left / fmax(parts, 1.0)
        chance[0] = largest_chance(s, rule.spectators, n, h, w, &growth, culprit)
        return h
    for a in range(2 * s.P):
        size += w.v[8 * s.P + a] * w.v[8 * s.P + a]
    bound = 2.0 * w.norm * sqrt(size) / 5.0
    if bound > 0.0:
        h = fmin(h, 2.0 * sqrt(sqrt(rule.error_rate * sqrt(rule.members) / bound)))
    while True:
        chance[0] = largest_chance(s, rule.spectators, n, h, w, &growth, culprit)
        over = fmax(chance[0], growth / GROWTH) / rule.leaving_chance
        if over <= 1.0 or not isfinite(over) or h < rule.smallest:
            break
        h *= fmax(0.1, fmin(0.97, 0.97 / over))
    parts = ceil(left / h * (1.0 - 1e-12))
    return left / fmax(parts, 1.0)


cdef int plan_first(const System *s, const Rule *rule, const int64_t *n, const double *phase,
                    double left, Scratch w, double *row) noexcept nogil:
    """Fill `row` with the first half of a step from (n, phase), `left` before the next record."""
    cdef Py_ssize_t P = s.P, a, b, p, e, f, culprit = 0
    cdef int64_t held = rule.spectators
    cdef double h, r, half, total, x, chance = 0.0
    cdef double *prob = row + HEAD
    cdef double *pred = prob + s.nnz
    cdef double *old = pred + s.nnz
    cdef double *mid = old + P
    cdef double *mid_n = mid + 2 * P
    cdef double *out = mid_n + P
    cdef double *turn = out + P
    cdef double *c = w.c
    row[row_size(s) - 1] = find_unbound(s, n, w, out)
    for a in range(P):
        r = sqrt(<double> n[a]) if out[a] != UNBOUND else 0.0
        c[a] = r * cos(phase[a])
        c[P + a] = -r * sin(phase[a])
        old[a] = phase[a]
    expand(s, w.omega, c, w.v)
    h = choose_step(s, rule, n, left, w, &chance, &culprit)
    half = 0.5 * h
    row[STEP] = h
    row[LEFT] = 0.0 if left - h < 0.5 * h else left - h
    row[LARGEST] = chance
    row[CULPRIT] = culprit
    row[STATUS] = FINE
    if h < rule.smallest:
        row[STATUS] = STEP_TOO_SMALL
    elif not chance <= 1.0:
        row[STATUS] = CHANCE_ABOVE_ONE
    if row[STATUS] != FINE:
        return <int> row[STATUS]

    for a in range(P):
        mid_n[a] = <double> n[a]
    if held:
        hold_back(s, held, mid_n, half, c, w)
        expand(s, w.omega, c, w.v)
    flows_of_half(s, held, mid_n, half, w)
    for p in range(s.pairs):
        b = s.pair[4 * p]
        a = s.pair[4 * p + 1]
        e = s.pair[4 * p + 2]
        f = s.pair[4 * p + 3]
        r = w.forth[p] - w.back[p]
        mid_n[b] -= r
        mid_n[a] += r
        out[b] += w.forth[p]
        out[a] += w.back[p]
        prob[e] = w.forth[p] / (n[b] - held) if n[b] > held else 0.0
        prob[f] = w.back[p] / (n[a] - held) if n[a] > held else 0.0
    carry(P, w.v, half, mid)
    for a in range(P):
        # phases turn by the amplitudes' own turn; occupations follow the integrated flows
        turn[a] = mid[a] * c[a] + mid[P + a] * c[P + a]
        turn[P + a] = mid[P + a] * c[a] - mid[a] * c[P + a]
        mid_n[a] = fmax(mid_n[a], 0.0)
        total = sqrt(mid[a] * mid[a] + mid[P + a] * mid[P + a])
        r = sqrt(mid_n[a]) / total if total > 0.0 else 0.0
        mid[a] *= r
        mid[P + a] *= r

    for a in range(2 * P):
        c[a] = mid[a]
    if held:
        hold_back(s, held, mid_n, half, c, w)
    expand(s, w.omega, c, w.v)
    flows_of_half(s, held, mid_n, half, w)
    for p in range(s.pairs):
        pred[s.pair[4 * p + 2]] = w.forth[p]
        pred[s.pair[4 * p + 3]] = w.back[p]
    carry(P, w.v, half, w.d)
    for a in range(P):
        # times conj(end conj(mid)): the predicted second half is taken off once, the true one added twice
        if w.d[a] != 0.0 or w.d[P + a] != 0.0:
            r = w.d[a] * mid[a] + w.d[P + a] * mid[P + a]
            total = w.d[a] * mid[P + a] - w.d[P + a] * mid[a]
            x = turn[a] * r - turn[P + a] * total
            turn[P + a] = turn[a] * total + turn[P + a] * r
            turn[a] = x
    return FINE


cdef int plan_second(const System *s, const Rule *rule, const int64_t *n, const int64_t *out, Scratch w,
                     double *row) noexcept nogil:
    """Replace the chances in `row` by those of the second half, and its phases by those at the step's end.

    n are the occupations after the first draw, out[b] how many it took from b.
    """
    cdef Py_ssize_t P = s.P, a, b, p, e, f
    cdef int64_t held = rule.spectators
    cdef double half = 0.5 * row[STEP]
    cdef double r, x, y, z, total
    cdef double *prob = row + HEAD
    cdef double *pred = prob + s.nnz
    cdef double *phase = pred + s.nnz
    cdef double *mid = phase + P
    cdef double *mid_n = mid + 2 * P
    cdef double *mean_out = mid_n + P
    cdef double *turn = mean_out + P
    cdef double *c = w.c
    cdef double *now = w.coming
    cdef double shift = row[row_size(s) - 1]
    w.omega = s.omega
    for a in range(P):
        if mean_out[a] == UNBOUND:
            shift_levels(s, shift, w)
            break
    for a in range(P):
        r = sqrt(n[a] / mid_n[a]) if mid_n[a] > 0.0 else 0.0
        c[a] = r * mid[a]
        c[P + a] = r * mid[P + a]
        now[a] = <double> n[a]
    if held:
        hold_back(s, held, now, half, c, w)
    expand(s, w.omega, c, w.v)
    flows_of_half(s, held, now, half, w)
    carry(P, w.v, half, w.d)
    for a in range(P):
        if w.d[a] != 0.0 or w.d[P + a] != 0.0:
            x = w.d[a] * mid[a] + w.d[P + a] * mid[P + a]
            y = w.d[P + a] * mid[a] - w.d[a] * mid[P + a]
            z = x * x - y * y
            y = 2.0 * x * y
            x = turn[a] * z - turn[P + a] * y
            y = turn[a] * y + turn[P + a] * z
        else:
            x = turn[a]
            y = turn[P + a]
        r = phase[a] + (turned(s.level[a], row[STEP]) if mean_out[a] == UNBOUND else shift * row[STEP])
        if x != 0.0 or y != 0.0:
            r -= atan2(y, x)
        phase[a] = r - TWO_PI * rint(r / TWO_PI)
    for p in range(s.pairs):
        b = s.pair[4 * p]
        a = s.pair[4 * p + 1]
        e = s.pair[4 * p + 2]
        f = s.pair[4 * p + 3]
        prob[e] = 0.0
        prob[f] = 0.0
        if n[b] > held and n[a] > 0:
            r = pred[e] / (mid_n[b] - held) if mid_n[b] > held else 0.0
            x = 2.0 * w.forth[p] - pred[e] + r * (out[b] - mean_out[b])
            if x > 0.0:
                prob[e] = x / (n[b] - held)
        if n[a] > held and n[b] > 0:
            r = pred[f] / (mid_n[a] - held) if mid_n[a] > held else 0.0
            y = 2.0 * w.back[p] - pred[f] + r * (out[a] - mean_out[a])
            if y > 0.0:
                prob[f] = y / (n[a] - held)
    for b in range(P):
        total = 0.0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            total += prob[e]
        if total > 1.0:  # a handful of members and a long fixed step
            for e in range(s.indptr[b], s.indptr[b + 1]):
                prob[e] /= total
    return FINE


cdef void new_phase(const System *s, const double *row, double *phase) noexcept nogil:
    """Read the phases at the step's end out of a plan that plan_second has completed."""
    cdef Py_ssize_t a
    for a in range(s.P):
        phase[a] = row[HEAD + 2 * s.nnz + a]


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
    need(start.shape[0] == P and turned.shape[0] == P, "n, phase: must be (P,)")
    for a in range(P):
        w.c[a] = sqrt(start[a]) * cos(turned[a])
        w.c[P + a] = -sqrt(start[a]) * sin(turned[a])
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
