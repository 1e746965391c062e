# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Any rule of the class (18), (19), aligned phases: the flows of all pairs and the turn of all phases at one moment.

With D = phi_a - phi_b, members go from b to a at the rate n_a^q n_b^(1-q) sum_k R'^k sin+(k D + delta^k), and

    dphi_a/dt = omega_a + sum_b (n_a/n_b)^r sum_k R^k cos(k D + delta'^k).

R'^k and R^k are symmetric, delta^k and delta'^k odd, so that one harmonic opens one direction of a pair at a time;
several may open both. Where n_a or n_b is 0 nothing passes between the two, whatever q and r are.
"""
import numpy as np
from libc.math cimport INFINITY, NAN, fabs, sqrt
from libc.stdint cimport int64_t

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.elementary cimport cos, fine_exp, fine_log, fmax, sin, sin_cos_of

cdef double NOBODY = 1e-9      # members of a beable below which, in a predictor's stage, there are none
cdef double MOST = 16.0        # powers: n^16 is a number for all n below 2^63
MOST_POWER = MOST


cdef class CopyRule:
    """A rule for the pairs of `couplings`, in their order: H's entries (b, a), b < a.

    order (K,): k of each harmonic, whole, in order, from 0 on. copying, turning (K, pairs): R'^k and R^k of (a, b) in
    unit time; copying_shift, turning_shift (K, pairs), rad: delta^k and delta'^k of (a, b), k times arg H_ab and all.
    powers (4,): those of n_a and n_b in the flow b->a, q and 1 - q, and in how phi_a turns, r and -r; all of them are
    as they are given. function: in place of all these, of n, phase (P,), that gives rates of one member to move and
    what phases turn by, (2 pairs,) each: of (a, b), then of (b, a); one harmonic, without strength, goes with it.
    ValueError where something does not fit.
    """

    def __cinit__(self, Couplings couplings not None, *, const double[::1] powers not None,
                  const int64_t[::1] order not None, const double[:, ::1] copying not None,
                  const double[:, ::1] copying_shift not None, const double[:, ::1] turning not None,
                  const double[:, ::1] turning_shift not None, function=None):
        cdef Py_ssize_t K = order.shape[0], pairs = couplings.system.pairs, k, p
        need(powers.shape[0] == 4, "powers: must be (4,)")
        for k in range(4):
            need(-MOST <= powers[k] <= MOST, "powers: must be from -16 to 16")
        need(copying.shape[0] == K == copying_shift.shape[0] and copying.shape[1] == pairs == copying_shift.shape[1],
             "copying, copying_shift: must be (K, pairs)")
        need(turning.shape[0] == K == turning_shift.shape[0] and turning.shape[1] == pairs == turning_shift.shape[1],
             "turning, turning_shift: must be (K, pairs)")
        cdef double[:, :, ::1] numbers = np.zeros((max(pairs, 1), max(K, 1), 4))
        for k in range(K):
            need(order[k] >= 0 and (k == 0 or order[k] >= order[k - 1]), "order: must not fall, nor be negative")
            for p in range(pairs):
                need(copying[k, p] >= 0.0, "copying: must not be negative")
                numbers[p, k, 0] = copying[k, p] * cos(copying_shift[k, p])
                numbers[p, k, 1] = copying[k, p] * sin(copying_shift[k, p])
                numbers[p, k, 2] = turning[k, p] * cos(turning_shift[k, p])
                numbers[p, k, 3] = turning[k, p] * sin(turning_shift[k, p])
        need(bool(np.all(np.isfinite(numbers))), "copying, turning, shifts: must be finite")
        cdef int64_t[::1] orders = np.append(np.asarray(order), 0)
        self.couplings = couplings
        need(function is None or (K == 1 and not np.any(numbers)), "function: must go with a harmonic of no strength")
        self.keep = (numbers, orders, function)
        self.law.s = &couplings.system
        self.law.K = K
        self.law.order = &orders[0]
        self.law.harmonic = <Harmonic *> &numbers[0, 0, 0]
        self.law.to, self.law.out, self.law.up, self.law.down = powers
        self.law.function = NULL if function is None else <void *> function
        self.law.bent = powers[0] != powers[1] or function is not None
        self.law.root = powers[0] == powers[1] == powers[3] == 0.5 and powers[2] == -0.5


cdef class Room:
    """Work space of one thread for one rule."""

    def __cinit__(self, CopyRule rule not None):
        cdef const System *s = rule.law.s
        self.P, self.pairs, self.K = s.P, s.pairs, rule.law.K
        self.width = 2 * s.P + 2 * s.pairs + s.pairs * rule.law.K
        self.memory = np.zeros(17 * s.P + 6 * self.width + 2 * s.pairs + 1)
        self.powers = np.zeros(4 * s.P)
        self.marks = np.zeros(s.pairs * rule.law.K + 1, np.uint8)
        self.n, self.phase = np.zeros(s.P), np.zeros(s.P)
        self.power = <Powers *> &self.powers[0]
        self.passed = &self.marks[0]
        self.z = &self.memory[0]
        self.omega = self.z + 2 * s.P
        self.start = self.omega + s.P
        self.begin = self.start + 2 * s.P
        self.between = self.begin + 2 * s.P
        self.end = self.between + 2 * s.P
        self.stage = self.end + 2 * s.P
        self.crude = self.stage + 2 * s.P
        self.leaving = self.crude + 2 * s.P
        self.at_begin = self.leaving + 2 * s.P
        self.at_between = self.at_begin + self.width
        self.at_end = self.at_between + self.width
        self.first = self.at_end + self.width
        self.slope = self.first + self.width
        self.sum = self.slope + self.width
        self.flows = self.sum + self.width


cdef void powers_of(const Law *l, int64_t spectators, double n, Powers *out) noexcept nogil:
    """The powers of n that the rule has; all 0 where there is nobody."""
    cdef double x
    if n < NOBODY:
        out.to = out.out = out.up = out.down = 0.0
        return
    if l.root:
        out.to = out.out = out.down = sqrt(n)
        out.up = 1.0 / out.to
    else:
        x = fine_log(n)
        out.to = fine_exp(l.to * x)
        out.out = fine_exp(l.out * x)
        out.up = fine_exp(l.up * x)
        out.down = fine_exp(l.down * x)
    if spectators:
        out.out *= fmax(0.0, n - spectators) / n


cdef void ask(const Law *l, int64_t spectators, const double *state, Room w, double *out) noexcept with gil:
    """As `rates`, of a rule that is a function. The sine of a pair is its net flow; all is NaN after a failure."""
    cdef Py_ssize_t P = l.s.P, pairs = l.s.pairs, i, a, b
    cdef double[::1] n = w.n
    cdef double[::1] phase = w.phase
    cdef const double[::1] copying
    cdef const double[::1] turning
    for i in range(P):
        n[i] = state[i] if state[i] >= NOBODY else 0.0
        phase[i] = state[P + i]
        out[i] = 0.0
        out[P + i] = w.omega[i]
    try:
        if pairs and not w.failed:
            copying, turning = (<object> l.function)(w.n, w.phase)
            need(copying.shape[0] == turning.shape[0] == 2 * pairs, "function: must give (2 pairs,)")
            for i in range(2 * pairs):
                if not (0.0 <= copying[i] < INFINITY and fabs(turning[i]) < INFINITY):
                    raise (<object> l.function).complaint(w.n, w.phase)
    except BaseException as problem:
        w.problem, w.failed = problem, True
    if w.failed:
        for i in range(w.width):
            out[i] = NAN
        return
    for i in range(pairs):
        b = l.s.pair[4 * i]
        a = l.s.pair[4 * i + 1]
        out[2 * P + i] = copying[i] * fmax(0.0, n[b] - spectators)
        out[2 * P + pairs + i] = copying[pairs + i] * fmax(0.0, n[a] - spectators)
        out[2 * P + 2 * pairs + i] = out[2 * P + i] - out[2 * P + pairs + i]
        out[a] += out[2 * P + 2 * pairs + i]
        out[b] -= out[2 * P + 2 * pairs + i]
        out[P + a] += turning[i]
        out[P + b] += turning[pairs + i]


cdef void rates(const Law *l, int64_t spectators, const double *state, Room w, double *out) noexcept nogil:
    """Everything's rate of change in the state n, phi (2P,), into a row `out`.

    The row: dn/dt, dphi/dt (P,) each, flows b->a and a->b (pairs,) each, and each harmonic's sine (pairs, K).
    """
    cdef const System *s = l.s
    cdef Py_ssize_t P = s.P, a, b, p, k
    cdef int64_t power
    cdef double *dn = out
    cdef double *turn = out + P
    cdef double *forth = out + 2 * P
    cdef double *back = forth + s.pairs
    cdef double *sine = back + s.pairs
    cdef double x, y, re, im, t, up, down, angle
    cdef const Harmonic *h
    cdef const Powers *na
    cdef const Powers *nb
    if l.function != NULL:
        ask(l, spectators, state, w, out)
        return
    for a in range(P):
        powers_of(l, spectators, state[a], &w.power[a])
        sin_cos_of(state[P + a], &w.z[P + a], &w.z[a])
        dn[a] = 0.0
        turn[a] = w.omega[a]
    for p in range(s.pairs):
        b = s.pair[4 * p]
        a = s.pair[4 * p + 1]
        na = &w.power[a]
        nb = &w.power[b]
        h = l.harmonic + p * l.K
        x = w.z[a] * w.z[b] + w.z[P + a] * w.z[P + b]      # e^{iD}
        y = w.z[P + a] * w.z[b] - w.z[a] * w.z[P + b]
        re = 1.0
        im = 0.0
        power = 0
        up = 0.0
        down = 0.0
        angle = 0.0
        for k in range(l.K):
            while power < l.order[k]:
                t = re * x - im * y
                im = re * y + im * x
                re = t
                power += 1
            t = h[k].copy_re * im + h[k].copy_im * re
            sine[p * l.K + k] = t
            up += fmax(t, 0.0)
            down += fmax(-t, 0.0)
            angle += h[k].turn_re * re - h[k].turn_im * im
        up *= na.to * nb.out
        down *= nb.to * na.out
        forth[p] = up
        back[p] = down
        dn[b] += down - up
        dn[a] += up - down
        turn[a] += angle * na.up * nb.down
        turn[b] += angle * nb.up * na.down


cdef int raise_problem(Room w) except -1:
    """What went wrong in a function since the last call, if anything did."""
    if w.failed:
        problem, w.problem, w.failed = w.problem, None, False
        raise problem
    return 0


def velocity(CopyRule rule not None, n, phase, omega, int64_t spectators=0):
    """dn/dt, dphi/dt (P,) and the flows b->a at [b, a], (P, P), of real n, phase (P,), with omega_a (P,): for tests."""
    cdef const System *s = rule.law.s
    cdef Room w = Room(rule)
    cdef Py_ssize_t P = s.P, a, p
    cdef const double[::1] x = np.ascontiguousarray(np.concatenate([n, phase]), np.float64)
    cdef const double[::1] levels = np.ascontiguousarray(omega, np.float64)
    cdef double[:, ::1] flow = np.zeros((P, P))
    need(x.shape[0] == 2 * P and levels.shape[0] == P, "n, phase, omega: must be (P,)")
    need(spectators >= 0, "spectators: must not be negative")
    for a in range(P):
        w.omega[a] = levels[a]
    rates(&rule.law, spectators, &x[0], w, w.at_begin)
    raise_problem(w)
    for p in range(s.pairs):
        flow[s.pair[4 * p], s.pair[4 * p + 1]] = w.at_begin[2 * P + p]
        flow[s.pair[4 * p + 1], s.pair[4 * p]] = w.at_begin[2 * P + s.pairs + p]
    row = np.asarray(w.memory)[17 * P:19 * P].copy()
    return row[:P], row[P:], np.asarray(flow)


cdef double fastest_turn(const Law *l, const double *state, const double *row) noexcept nogil:
    """Radians in unit time of the fastest harmonic of any pair of beables with members, by a row of rates."""
    cdef Py_ssize_t p, a, b
    cdef double most = 0.0
    for p in range(l.s.pairs):
        b = l.s.pair[4 * p]
        a = l.s.pair[4 * p + 1]
        if state[a] > 0.0 and state[b] > 0.0:
            most = fmax(most, fabs(row[l.s.P + a] - row[l.s.P + b]))
    return most * l.order[l.K - 1] if l.K > 0 else 0.0


cdef void add_flows(const System *s, const double *flows, double *leaving, double *coming) noexcept nogil:
    """Sum up what leaves and comes of flows (2, pairs), by beable."""
    cdef Py_ssize_t p, a, b
    for p in range(s.pairs):
        b = s.pair[4 * p]
        a = s.pair[4 * p + 1]
        leaving[b] += flows[p]
        coming[a] += flows[p]
        leaving[a] += flows[s.pairs + p]
        coming[b] += flows[s.pairs + p]
