# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Psi of Schroedinger's equation, carried along to rounding, and the systems that it leads from beable to beable.

With J_ab = 2 Im(conj(Psi_a) (H_ab/hbar) Psi_b), the net flow b -> a, a system jumps from b to a at the rate
F_ab/|Psi_b|^2,

    F_ab = max(0, J_ab) + 2 m R_ab |Psi_a| |Psi_b|,

m = 0 Bell's choice, m > 0 with a part that is the same both ways (Vink). A step's two halves hold the integrals of
F, in shares of all systems: docs/theory.md, "Guided systems", says what is drawn from them.
"""
import numpy as np
from libc.math cimport ceil, fabs, sqrt
from libc.string cimport memcpy, memset

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.elementary cimport fmax, fmin, hypot
from copympi.kernels.pair cimport pair_flow

cdef extern from "guide_points.h" nogil:
    ctypedef struct Guided:
        int64_t P, pairs, nnz, terms
        const int64_t *pair
        const double *re
        const double *im
        const double *strength
        const double *over
        const double *series
        double mixing
    void look_at_points(const Guided *g, int points, const double *t, const double *weight, double *flow, double *work)
    void look_at_ends(const Guided *g, double h, double *rho, double *net, double *end, double *work)

cpdef enum:
    TERMS = 24                 # most terms of Psi's series

cdef enum:
    MOST_POINTS = 6
cdef double REACH = 1.0        # |H|/hbar times the longest step
cdef double NOTHING = 1e-18    # terms of the series below this are left out
cdef double FAINT = 1e-24      # beables with less of |Psi|^2 do not set the step: it is known to some 1e-32 only
cdef int HALVINGS = 40         # of the time in which a flow turns round
cdef double LEAST = 0.1        # a step that is too long is not cut down further at once
cdef double ASTRAY = 1e-15     # of all systems, so many may miss a way through such a beable in a step

# Gauss and Legendre's points of [0, 1] and weights, so many as make the flows of a step's halves known to rounding
cdef double[7][7] POINT
cdef double[7][7] WEIGHT
for _n in (3, 4, MOST_POINTS):
    for _k, (_point, _weight) in enumerate(zip(*np.polynomial.legendre.leggauss(_n))):
        POINT[_n][_k], WEIGHT[_n][_k] = 0.5 + 0.5 * _point, 0.5 * _weight


cdef inline int points_for(double angle) noexcept nogil:
    """Of a half step in which no phase turns by more than twice this."""
    return 3 if angle < 0.01 else 4 if angle < 0.07 else MOST_POINTS


cdef class Guide:
    """Psi at the start of a step, what it is in the step, and what flows then. mixing >= 0: the multiple m."""

    def __cinit__(self, Couplings couplings not None, double mixing):
        cdef const System *s = &couplings.system
        cdef Py_ssize_t P = s.P, p
        need(mixing >= 0.0, "mixing: must not be negative")
        cdef double[::1] memory = np.zeros((2 * TERMS + 17 + 72) * P + 2 * s.nnz + 4 * s.pairs + 1)
        self.couplings, self.s, self.mixing, self.keep = couplings, s, mixing, memory
        self.psi = &memory[0]
        self.series = self.psi + 2 * P
        self.at = self.series + 2 * TERMS * P
        self.size = self.at + 2 * P
        self.rho = self.size + P
        self.coming = self.rho + 3 * P
        self.leaving = self.coming + P
        self.came = self.leaving + P
        self.through = self.came + P
        self.low = self.through + P
        self.over = self.low + P
        self.hurry = self.over + P
        self.rushed = self.hurry + P
        self.hurried = self.rushed + P
        self.flow = self.hurried + P
        self.strength = self.flow + 2 * s.nnz
        self.net = self.strength + s.pairs
        self.points = self.net + 3 * s.pairs
        for p in range(s.pairs):
            self.strength[p] = hypot(s.re[s.pair[4 * p + 2]], s.im[s.pair[4 * p + 2]])

    @property
    def state(self):
        """Psi at the step's start, (P,), but for the turn that `couplings.shift` is."""
        cdef double[::1] psi = <double[:2 * self.s.P]> self.psi
        both = np.asarray(psi)
        return both[:self.s.P] + 1j * both[self.s.P:]

    @state.setter
    def state(self, psi):
        cdef double[::1] own = <double[:2 * self.s.P]> self.psi
        need(np.shape(psi) == (self.s.P,), "state: must be (P,)")
        cdef double[::1] given = np.concatenate([np.real(psi), np.imag(psi)]).astype(float)
        own[:] = given

    cdef void expand(self, double longest) noexcept nogil:
        """The Taylor series of Psi from the step's start, to rounding for times up to `longest`."""
        cdef const System *s = self.s
        cdef Py_ssize_t P = s.P, k, a, e, b
        cdef double power = 1.0, largest, x, y, over
        cdef double *last = self.series
        cdef double *this
        memcpy(last, self.psi, 2 * P * sizeof(double))
        self.terms, self.reached = 1, -1.0
        for k in range(1, TERMS):
            this = last + 2 * P
            over, largest, power = 1.0 / k, 0.0, power * longest
            for a in range(P):
                x, y = s.omega[a] * last[a], s.omega[a] * last[P + a]
                for e in range(s.indptr[a], s.indptr[a + 1]):
                    b = s.indices[e]
                    x += s.re[e] * last[b] - s.im[e] * last[P + b]
                    y += s.re[e] * last[P + b] + s.im[e] * last[b]
                this[a], this[P + a] = over * y, -over * x
                x, y = fabs(this[P + a]), fabs(this[a])
                largest = x if x > largest else largest
                largest = y if y > largest else largest
            if largest * power < NOTHING:
                return
            self.terms = k + 1
            last = this

    cdef void look_at(self, double t) noexcept nogil:
        """Psi, and its sizes, so long after the step's start."""
        cdef Py_ssize_t P = self.s.P, _k, a
        cdef const double *term = self.series + 2 * P * (self.terms - 1)
        memcpy(self.at, term, 2 * P * sizeof(double))
        for _k in range(self.terms - 1):
            term -= 2 * P
            for a in range(2 * P):
                self.at[a] = self.at[a] * t + term[a]
        self.reached = t
        for a in range(P):
            self.size[a] = sqrt(self.at[a] * self.at[a] + self.at[P + a] * self.at[P + a])

    cdef void gather(self) noexcept nogil:
        """What flows where one looks, of each beable."""
        cdef const System *s = self.s
        cdef Py_ssize_t p, a, b, e, P = s.P
        cdef double net, both, gone, back
        memset(self.coming, 0, 2 * P * sizeof(double))
        memset(self.hurry, 0, P * sizeof(double))
        for p in range(s.pairs):
            b, a, e = s.pair[4 * p], s.pair[4 * p + 1], s.pair[4 * p + 2]
            net = pair_flow(s.re[e], s.im[e], self.at[b], self.at[P + b], self.at[a], self.at[P + a])
            both = 2.0 * self.mixing * self.strength[p] * self.size[a] * self.size[b]
            gone, back = (net if net > 0.0 else 0.0) + both, (-net if net < 0.0 else 0.0) + both
            self.leaving[b] += gone
            self.coming[a] += gone
            self.leaving[a] += back
            self.coming[b] += back
            self.hurry[a] += gone * self.over[b]
            self.hurry[b] += back * self.over[a]

    cdef double flow_at(self, Py_ssize_t b, Py_ssize_t e, double t, bint net) noexcept nogil:
        """F from b along its coupling e, or the net flow J, so long after the step's start."""
        cdef const System *s = self.s
        cdef Py_ssize_t P = s.P, a = s.indices[e], _k
        cdef const double *term = self.series + 2 * P * self.terms
        cdef double xb = 0.0, yb = 0.0, xa = 0.0, ya = 0.0, flow
        for _k in range(self.terms):
            term -= 2 * P
            xb, yb, xa, ya = xb * t + term[b], yb * t + term[P + b], xa * t + term[a], ya * t + term[P + a]
        flow = pair_flow(s.re[e], s.im[e], xb, yb, xa, ya)
        if net:
            return flow
        return fmax(flow, 0.0) + 2.0 * self.mixing * hypot(s.re[e], s.im[e]) * hypot(xb, yb) * hypot(xa, ya)

    cdef double turn_of(self, Py_ssize_t b, Py_ssize_t e, double begin, double end) noexcept nogil:
        """When the net flow from b along its coupling e, which turns round between two times, does so."""
        cdef double low = begin, high = end, middle, at_low = self.flow_at(b, e, begin, True)
        cdef int _k
        for _k in range(HALVINGS):
            middle = 0.5 * (low + high)
            if self.flow_at(b, e, middle, True) * at_low > 0.0:
                low = middle
            else:
                high = middle
        return 0.5 * (low + high)

    cdef void turn_round(self, double begin, double h, const double *net, double *flow) noexcept nogil:
        """Where a net flow turns round once in this part of the step: what flows before, and what after, exactly.

        net (2 pairs,): the nets at its ends.
        """
        cdef const System *s = self.s
        cdef Py_ssize_t p, e, back
        cdef int k, n = points_for(0.5 * h * s.norm)
        cdef Py_ssize_t b
        cdef double both, early, late, turn, before
        for p in range(s.pairs):
            if not net[p] * net[s.pairs + p] < 0.0:
                continue
            b, e, back = s.pair[4 * p], s.pair[4 * p + 2], s.pair[4 * p + 3]
            turn = self.turn_of(b, e, begin, begin + h) - begin
            before = 0.0
            for k in range(n):
                before += turn * WEIGHT[n][k] * self.flow_at(b, e, begin + turn * POINT[n][k], True)
            late = flow[e] - flow[back] - before  # the net flow stays, to rounding
            both = 0.0
            if self.mixing > 0.0:  # the part that is the same both ways
                for k in range(n):
                    early = self.flow_at(b, e, begin + h * POINT[n][k], True)
                    both -= h * WEIGHT[n][k] * (early if early > 0.0 else -early)
                both = 0.5 * (both + flow[e] + flow[back])
            flow[e] = both + fmax(before, 0.0) + fmax(late, 0.0)
            flow[back] = both + fmax(-before, 0.0) + fmax(-late, 0.0)

    cdef double halves(self, double h) noexcept nogil:
        """All that is known of a step of length h: rho, flow, and what is returned, the largest of its crossings."""
        cdef const System *s = self.s
        cdef Py_ssize_t P = s.P, nnz = s.nnz, a
        cdef int half, k, n = points_for(0.5 * h * s.norm), lanes = 2 * n
        cdef double worst = 0.0, weight, leaving, coming, hurry, now
        cdef double[12] time
        cdef double[12] weights
        cdef const double *size = self.points + 2 * P * lanes
        cdef const double *sums = size + P * lanes
        cdef Guided guided = Guided(P, s.pairs, nnz, self.terms, s.pair, s.re, s.im, self.strength, self.over,
                                    self.series, self.mixing)
        look_at_ends(&guided, h, self.rho, self.net, self.at, self.points)
        self.reached = h
        for half in range(2):
            for k in range(n):
                time[half * n + k] = 0.5 * h * (half + POINT[n][k])
                weights[half * n + k] = 0.5 * h * WEIGHT[n][k]
        look_at_points(&guided, n, time, weights, self.flow, self.points)
        for a in range(P):
            self.low[a] = min(self.rho[a], self.rho[P + a], self.rho[2 * P + a])
            self.came[a] = self.through[a] = self.rushed[a] = self.hurried[a] = 0.0
            for k in range(lanes):
                weight, now = weights[k], size[a * lanes + k] * size[a * lanes + k]
                leaving, coming, hurry = (sums[a * lanes + k], sums[(P + a) * lanes + k],
                                          sums[(2 * P + a) * lanes + k])
                self.through[a] += weight * leaving * (self.came[a] + 0.5 * weight * coming)
                self.came[a] += weight * coming
                self.hurried[a] += weight * leaving * (self.rushed[a] + 0.5 * weight * hurry)
                self.rushed[a] += weight * hurry
                self.low[a] = min(self.low[a], now)
        for half in range(2):
            self.turn_round(0.5 * h * half, 0.5 * h, self.net + half * s.pairs, self.flow + half * nnz)
        self.astray = 0.0
        for a in range(P):
            if not self.through[a] > 0.0:
                continue
            if self.low[a] > FAINT:
                worst = fmax(worst, 2.0 * self.through[a] / (self.low[a] * self.low[a]))
                worst = fmax(worst, 2.0 * self.hurried[a] / self.low[a])
            else:
                self.astray = fmax(self.astray, self.lost(a))
        return sqrt(worst)

    cdef double lost(self, Py_ssize_t a) noexcept nogil:
        """Of a beable that is as good as empty in the planned step: the share of all systems that pass through it.

        And of those who would have to leave in the half in which they come, if that is more.
        """
        cdef const System *s = self.s
        cdef Py_ssize_t P = s.P, e
        cdef double out, most = fmax(fmax(self.rho[a], self.rho[P + a]), self.rho[2 * P + a]), lost
        cdef int half
        lost = self.through[a] / most if most > 0.0 else 0.0
        for half in range(2):
            out = 0.0
            for e in range(s.indptr[a], s.indptr[a + 1]):
                out += self.flow[half * s.nnz + e]
            lost = fmax(lost, out - self.rho[half * P + a])
        return lost

    cdef void plan(self, double left, double chance, double smallest) noexcept nogil:
        """The longest step, a part of the time `left`, in which no beable is passed through with more than `chance`.

        And none that is empty on the way by more than ASTRAY of all systems: steps grow from there, or fall.
        smallest : a shorter one cannot be told from none.
        """
        cdef Py_ssize_t P = self.s.P, a
        cdef double norm = self.s.norm, fastest = 0.0, now
        cdef bint short
        cdef double h = left if norm * left <= REACH else REACH / norm
        self.expand(h)
        memcpy(self.at, self.psi, 2 * P * sizeof(double))
        for a in range(P):
            self.size[a] = sqrt(self.at[a] * self.at[a] + self.at[P + a] * self.at[P + a])
            now = self.size[a] * self.size[a]
            self.over[a] = 1.0 / now if now > FAINT else 0.0
        self.gather()
        for a in range(P):  # a guess, from what flows now
            now = self.leaving[a] * self.over[a]
            fastest = fmax(fastest, now * fmax(self.coming[a] * self.over[a], self.hurry[a]))
        fastest = sqrt(fastest)
        if fastest * h > chance:
            h = chance / fastest
        while True:
            h = left / ceil(left / fmax(h, smallest) * (1.0 - 1e-12))
            self.crossing = self.halves(h)
            short = self.crossing <= chance * (1.0 + 1e-12)
            if short and self.astray <= ASTRAY or h <= 2.0 * smallest:
                break
            h *= fmin(1.0 if short else fmax(LEAST, fmin(0.9 * chance / self.crossing, 0.9)),
                      0.5 if self.astray > ASTRAY else 1.0)
        self.step = h

    cdef void go(self) noexcept nogil:
        """Psi at the step's end, of norm one, is that of the next one's start; all zero stays so."""
        cdef Py_ssize_t a
        cdef double norm = 0.0
        if self.reached != self.step:
            self.look_at(self.step)
        for a in range(2 * self.s.P):
            norm += self.at[a] * self.at[a]
        norm = 1.0 / sqrt(norm) if norm > 0.0 else 0.0
        for a in range(2 * self.s.P):
            self.psi[a] = norm * self.at[a]

    def planned(self, double left, double chance, double smallest=0.0):
        """A step of at most `left` from here, for tests: (h, rho (3, P), flow (2, P, P)), flows [half, from, to]; Psi
        goes on to its end."""
        cdef Py_ssize_t P = self.s.P, nnz = self.s.nnz, b, e
        self.plan(left, chance, smallest)
        rho = np.array(<double[:3 * P]> self.rho).reshape(3, P)
        flow = np.zeros((2, P, P))
        for b in range(P):
            for e in range(self.s.indptr[b], self.s.indptr[b + 1]):
                flow[0, b, self.s.indices[e]] = self.flow[e]
                flow[1, b, self.s.indices[e]] = self.flow[nnz + e]
        self.go()
        return self.step, rho, flow
