# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Counts of many beables with few couplings each, at any N: the step of a lattice, at a cost of O(P).

A replica is kept as amplitudes c = sqrt(n) exp(-i phi), which the mean field moves linearly, beside its counts n.
A step: c goes along its Taylor polynomial of degree four; each pair's flow is integrated (Simpson); members move,
with the flow as mean; c keeps its phase and takes its size from the new n. No sine, no atan2.

How many move. Where flows are large: the flow's mean plus a Gaussian kick of variance (flow's rate at the end of the step)
times its length, rounded to a whole number. Half a kick at the start and at the end of each stretch between records
makes that a Strang splitting, of second order in the covariance. Where flows are small: binomials, at the end of the
step. Beables that turn over too fast for the step take substeps of their own (rapids.pyx).

Beyond N = 2^63 (`mean` given): c = mean + deviation, both moved by the same linear equation, so that fluctuations of
relative size 1/sqrt(N) are carried at full precision. A kick acts on the deviation alone. Beables with fewer than WHOLE
members are whole numbers as before; n = GAUSS says that a beable is not.
"""
import numpy as np
from libc.math cimport ceil, fabs, fmax, fmin, isfinite, llrint, rint, sqrt
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memset
from numpy.random.c_distributions cimport random_standard_normal

from copympi.kernels.predictor cimport FINE, STEP_TOO_SMALL, UNSTABLE, Couplings, Rule, System, rule_of
from copympi.kernels.rapids cimport BUSY, MANY, Rapids, draw_from, draw_some, shoot
from copympi.kernels.streams cimport Stream, stream_open

cdef extern from "diagonals.h" nogil:
    ctypedef struct Run:
        int64_t first
        int64_t offset
        int64_t length
        int64_t start
    ctypedef struct Diagonals:
        int64_t P
        int64_t runs
        int64_t bonds
        const Run *run
        const double *re
        const double *im
        const double *omega
        int has_im
        double norm
    void stage(const Diagonals *d, const double *alive, const double *old, double over, double *new,
               const double *other)
    void carry(int64_t P2, const double *v, double t, double *mid, double *end)
    void add_up(int64_t n, const double *x, const double *y, double *sum)
    void flow_rates(const Diagonals *d, const double *c, double *rate)
    void integrate(const Diagonals *d, double h, const double *start, const double *mid, const double *end,
                   double *end_rate, double *net, double *gross)
    void outflows(const Diagonals *d, const double *net, const double *gross, double *out)
    void move_counts(const Diagonals *d, const int64_t *moved, int64_t *n)
    void rescale(int64_t P, const int64_t *n, const double *pred, const double *before, double *c, double *alive)
    double sum_of(int64_t n, const double *x, int squares)

cdef int64_t FEW = 1000        # members below which a beable's amplitude must not turn by much in a step
cdef double TURN = 0.6         # radians; by so much
cdef double STABLE = 2.5       # norm of H h/hbar where the polynomial still does not blow up
cdef double CAREFUL = 0.5      # and where the fastest waves keep their size and phase well enough
cdef int64_t ENDLESS = 1 << 60  # members, where there are more than can be counted
cdef double WHOLE = 1e6        # members below which a beable of a large ensemble becomes a whole number,
cdef double FRACTION = 4e6     # and above which it is no longer one
cdef enum:
    GAUSS = -1
HOLDS_GAUSS = int(GAUSS)
"""What n holds where a beable of a large ensemble is not a whole number."""
FRACTION_FROM = FRACTION


cdef class Bonds:
    """H/hbar by diagonals: runs (K, 4) of pairs, their weights re, im, the diagonal less the energy `shift`."""

    cdef Diagonals d
    cdef Couplings couplings
    cdef readonly double shift
    cdef object keep

    def __cinit__(self, Couplings couplings, const int64_t[:, ::1] runs, const double[::1] re, const double[::1] im,
                  const double[::1] omega, double shift, double norm, bint complex_weights):
        self.keep = (runs, re, im, omega)
        self.couplings = couplings
        self.shift = shift
        self.d.P = omega.shape[0]
        self.d.runs = runs.shape[0]
        self.d.bonds = re.shape[0]
        if runs.shape[0]:
            self.d.run = <const Run *> &runs[0, 0]
            self.d.re = &re[0]
            self.d.im = &im[0]
        self.d.omega = &omega[0]
        self.d.has_im = complex_weights
        self.d.norm = norm


cdef class Room:
    """Work space for one replica at a time."""

    cdef object keep
    cdef double *v             # (5, 2, P) Taylor coefficients of all of c
    cdef double *deviation     # (5, 2, P) of its deviation and
    cdef double *mean          # (5, 2, P) of its mean, where they are kept apart
    cdef double *mid           # (2, P)
    cdef double *end           # (2, P)
    cdef double *end_mean      # (2, P)
    cdef double *end_deviation # (2, P)
    cdef double *alive         # (P,)
    cdef double *out           # (P,)
    cdef double *taken         # (P,) chance already drawn from
    cdef double *change        # (P,)
    cdef double *start_rate    # (bonds,)
    cdef double *end_rate
    cdef double *net
    cdef double *gross
    cdef int64_t *moved        # (bonds,)
    cdef int64_t *gone         # (P,)
    cdef unsigned char *busy   # (P,)
    cdef Rapids rapids

    def __cinit__(self, Bonds bonds, bint apart):
        cdef Py_ssize_t P = bonds.d.P, B = max(1, bonds.d.bonds), degree
        cdef const System *s = &bonds.couplings.system
        degree = max(1, int(np.max(np.diff(bonds.couplings.keep[0]), initial=1)))
        cdef double[::1] numbers = np.zeros((42 if apart else 18) * P + 4 * B + 11 * P + degree + 6 * s.nnz)
        cdef int64_t[::1] whole = np.zeros(B + P + degree, np.int64)
        cdef int32_t[::1] places = np.full(2 * P, -1, np.int32)
        cdef unsigned char[::1] busy = np.zeros(P, np.uint8)
        self.keep = (numbers, whole, places, busy, bonds)
        cdef double *at = &numbers[0]
        self.v = at
        self.mid = at + 10 * P
        self.end = at + 12 * P
        self.alive = at + 14 * P
        self.out = at + 15 * P
        self.taken = at + 16 * P
        self.change = at + 17 * P
        at += 18 * P
        if apart:
            self.deviation = at
            self.mean = at + 10 * P
            self.end_deviation = at + 20 * P
            self.end_mean = at + 22 * P
            at += 24 * P
        self.start_rate = at
        self.end_rate = at + B
        self.gross = at + 2 * B
        self.net = at + 3 * B
        at += 4 * B
        self.rapids.room = at
        self.rapids.chance = at + 11 * P
        self.rapids.outside = self.rapids.chance + degree  # memory that is never touched is never there
        self.moved = &whole[0]
        self.gone = self.moved + B
        self.rapids.leave = self.gone + P
        self.busy = &busy[0]
        self.rapids.place = &places[0]
        self.rapids.queue = self.rapids.place + P
        self.rapids.s = s
        self.rapids.shift = bonds.shift - bonds.couplings.system.shift
        self.rapids.v = self.v
        self.rapids.busy = self.busy
        self.rapids.gone = self.gone
        self.rapids.change = self.change
        self.rapids.taken = self.taken
        self.rapids.end = self.end
        self.rapids.substeps = 0


cdef struct Replica:
    int64_t *n
    double *c                  # (2, P) amplitudes; their deviation where mean is not NULL
    double *mean               # (2, P) sqrt(N) times the mean field's amplitudes
    double h                   # length of the step that is being made
    double chance              # largest chance to leave in it
    double events
    int64_t pinned
    double limit
    double members             # N


cdef void look(const Diagonals *d, const Replica *x, Room w) noexcept nogil:
    """Who is alive."""
    cdef Py_ssize_t a
    for a in range(d.P):
        w.alive[a] = 1.0 if x.n[a] != 0 else 0.0


cdef void expand(const Diagonals *d, const Replica *x, Room w) noexcept nogil:
    """Taylor coefficients of c over the step, and the rates of flow at its start."""
    cdef Py_ssize_t P2 = 2 * d.P, a, k
    cdef double *own = w.v if x.mean == NULL else w.deviation
    for a in range(P2):
        own[a] = x.c[a]
    if x.mean != NULL:
        for a in range(P2):
            w.mean[a] = x.mean[a]
    for k in range(1, 5):
        if x.mean != NULL:
            stage(d, NULL, w.mean + P2 * (k - 1), 1.0 / k, w.mean + P2 * k, NULL)
        stage(d, w.alive, own + P2 * (k - 1), 1.0 / k, own + P2 * k, NULL if x.mean == NULL else w.mean + P2 * k)
    if x.mean != NULL:  # the rest is added up where it is wanted
        add_up(2 * P2, w.deviation, w.mean, w.v)
    flow_rates(d, w.v, w.start_rate)


cdef double choose(const Diagonals *d, const Rule *rule, const Replica *x, double left, Room w) noexcept nogil:
    """Length of the next step, from the state at its start and the time left to the record alone.

    It keeps the error of the polynomial within the rule's, a member's mean chance to leave at half the rule's limit,
    and the fastest waves in order. What turns over faster than that has substeps of its own.
    """
    cdef double h = left, size, flow
    if rule.step > 0.0:
        return left / fmax(rint(left / rule.step), 1.0)
    size = d.norm / 5.0 * sqrt(sum_of(2 * d.P, (w.v if x.mean == NULL else w.mean) + 8 * d.P, 1))
    if size > 0.0:
        h = fmin(h, sqrt(sqrt(rule.error_rate * sqrt(rule.members) / size)))
    flow = sum_of(d.bonds, w.start_rate, 0)
    if flow > 0.0:
        h = fmin(h, 0.5 * rule.leaving_chance * rule.members / flow)
    if d.norm > 0.0:
        h = fmin(h, CAREFUL / d.norm)
    return left / fmax(ceil(left / h * (1.0 - 1e-12)), 1.0)


cdef inline double kick(Stream *stream, double spread, double rate) noexcept nogil:
    """Noise of a flow: mean 0, variance and third cumulant those of as many independent copies."""
    cdef double g = random_standard_normal(&stream.bitgen)
    cdef double skew = (g * g - 1.0) / 6.0
    return spread * sqrt(fabs(rate)) * g + (skew if rate > 0.0 else -skew)


cdef void half_kick(const Diagonals *d, Replica *x, Stream *stream, Room w) noexcept nogil:
    """The noise of half a step where flows are large, at the start of a stretch between records."""
    cdef Py_ssize_t P = d.P, r, k, e, b, c, a
    cdef double variance, more
    memset(w.change, 0, P * sizeof(double))
    for r in range(d.runs):
        for k in range(d.run[r].length):
            e = d.run[r].start + k
            variance = fabs(w.start_rate[e]) * x.h
            if variance < MANY:
                continue
            b = d.run[r].first + k
            c = b + d.run[r].offset
            if (x.n[b] >= 0 and x.n[b] * x.limit < variance) or (x.n[c] >= 0 and x.n[c] * x.limit < variance):
                continue
            more = kick(stream, sqrt(0.5 * x.h), w.start_rate[e])
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


cdef int64_t find_busy(const Diagonals *d, Replica *x, Room w) noexcept nogil:
    """Mark the beables that turn over too fast for the step; notes the largest chance of the others."""
    cdef Py_ssize_t P = d.P, a
    cdef int64_t count = 0
    cdef double worst = 0.0, size, turn, fx, fy, over = 1.0 / x.h
    for a in range(P):
        w.busy[a] = 0
        if x.n[a] <= 0:
            continue
        if w.out[a] > x.limit * x.n[a] and x.n[a] > x.pinned:
            w.busy[a] = BUSY
        elif x.n[a] < FEW:
            # the field of the neighbours: dc/dt = v_1 without the diagonal's part
            fx = w.v[2 * P + a] - d.omega[a] * w.v[P + a]
            fy = w.v[3 * P + a] + d.omega[a] * w.v[a]
            turn = x.h * x.h * (fx * fx + fy * fy)
            size = w.v[a] * w.v[a] + w.v[P + a] * w.v[P + a]
            if turn > TURN * TURN * size:
                w.busy[a] = BUSY
        if w.busy[a]:
            count += 1
        elif w.out[a] > worst * x.n[a] and x.n[a] > x.pinned:
            worst = w.out[a] / x.n[a]
    x.chance = fmax(x.chance, worst if count == 0 else fmax(worst, x.limit))
    return count


cdef inline double kept(int64_t n, int64_t pinned) noexcept nogil:
    """Share of a beable's members that can leave."""
    return 1.0 if n < 0 else 1.0 - pinned / <double> n


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


cdef void draw(const Diagonals *d, Replica *x, Stream *stream, double weight, Room w) noexcept nogil:
    """Members that move along each pair without a busy end: w.moved, or noise of w.net beyond N = 2^63.

    weight : of the kick, 1/2 at the end of a stretch between records.
    """
    cdef Py_ssize_t r, k, e, b, c
    cdef double forth, back, flow, events = 0.0
    cdef double spread = sqrt(weight * x.h)
    cdef bint pinned = x.pinned > 0
    cdef int64_t *n = x.n
    for r in range(d.runs):
        for k in range(d.run[r].length):
            e = d.run[r].start + k
            b = d.run[r].first + k
            c = b + d.run[r].offset
            w.moved[e] = 0
            if w.busy[b] or w.busy[c] or w.gross[e] == 0.0:
                continue
            if w.gross[e] < MANY:
                w.moved[e] = (draw_one_way(stream, x, w, b, 0.5 * (w.gross[e] + w.net[e]))
                              - draw_one_way(stream, x, w, c, 0.5 * (w.gross[e] - w.net[e])))
                events += fabs(<double> w.moved[e])
                continue
            flow = w.net[e]
            if pinned:
                forth = 0.5 * (w.gross[e] + flow)
                back = 0.5 * (w.gross[e] - flow)
                flow = forth * kept(n[b], x.pinned) - back * kept(n[c], x.pinned)
            w.moved[e] = llrint(flow + kick(stream, spread, w.end_rate[e]))
            events += w.gross[e]
    x.events += events


cdef void draw_apart(const Diagonals *d, Replica *x, Stream *stream, double weight, Room w) noexcept nogil:
    """The same beyond N = 2^63: whole numbers in w.moved for whole beables, noise of the flow for Gaussian ones."""
    cdef Py_ssize_t r, k, e, b, c
    cdef double *noise = w.start_rate  # no longer wanted
    cdef double spread = sqrt(weight * x.h), flow, events = 0.0
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
            elif w.gross[e] < MANY:
                w.moved[e] = (draw_one_way(stream, x, w, b, 0.5 * (w.gross[e] + w.net[e]))
                              - draw_one_way(stream, x, w, c, 0.5 * (w.gross[e] - w.net[e])))
                noise[e] += w.moved[e]
            elif n[b] < 0 and n[c] < 0:
                noise[e] = kick(stream, spread, w.end_rate[e])
            else:
                flow = (0.5 * (w.gross[e] + w.net[e]) * kept(n[b], x.pinned)
                        - 0.5 * (w.gross[e] - w.net[e]) * kept(n[c], x.pinned))
                w.moved[e] = llrint(flow + kick(stream, spread, w.end_rate[e]))
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


cdef void make_step(const Diagonals *d, Replica *x, Stream *stream, double weight, Room w) noexcept nogil:
    """One step of length x.h from an expanded start."""
    cdef Py_ssize_t P = d.P
    cdef double h = x.h
    if x.mean == NULL:
        carry(2 * P, w.v, h, w.mid, w.end)
    else:
        carry(2 * P, w.mean, h, w.mid, w.end_mean)
        carry(2 * P, w.deviation, h, w.end, w.end_deviation)
        add_up(2 * P, w.mid, w.end, w.mid)
        add_up(2 * P, w.end_mean, w.end_deviation, w.end)
    integrate(d, h, w.start_rate, w.mid, w.end, w.end_rate, w.net, w.gross)
    outflows(d, w.net, w.gross, w.out)
    memset(w.gone, 0, P * sizeof(int64_t))
    memset(w.taken, 0, P * sizeof(double))
    if x.mean != NULL:
        memset(w.change, 0, P * sizeof(double))
    if find_busy(d, x, w):
        if x.mean != NULL:
            add_up(6 * P, w.deviation + 4 * P, w.mean + 4 * P, w.v + 4 * P)
        w.rapids.n = x.n
        w.rapids.limit = x.limit
        w.rapids.pinned = x.pinned
        w.rapids.events = 0.0
        shoot(&w.rapids, stream, h)
        x.events += w.rapids.events
    if x.mean == NULL:
        draw(d, x, stream, weight, w)
        move_counts(d, w.moved, x.n)
        rescale(P, x.n, w.end, w.v, x.c, w.alive)
    else:
        draw_apart(d, x, stream, weight, w)
        settle_apart(d, x, w)


def advance(Bonds bonds, Room room, double[::1] rule_numbers, double interval, double turn, uint64_t seed, uint64_t purpose,
            Py_ssize_t first_replica, int64_t pinned, int64_t[:, ::1] n, double[:, :, ::1] c, mean,
            double[::1] left, int64_t[::1] step, double[::1] events, double[::1] largest, int64_t[::1] substeps,
            int64_t max_steps):
    """Carry replicas to the next record, `interval` after the last, or about `max_steps` further.

    turn: radians that an amplitude may turn in a substep.
    n (R, P); c (R, 2, P) amplitudes re, im, or their deviations where mean (R, 2, P) is not None; pinned: spectators
    of each beable; the others as in occupation.advance. substeps (R,): substeps of their own so far, each beable's
    counted. Returns (steps done, status, replica, beable).
    """
    cdef const Diagonals *d = &bonds.d
    cdef Rule rule = rule_of(&rule_numbers[0])
    cdef double[:, :, ::1] mean_view
    cdef bint apart = mean is not None
    cdef Stream stream
    cdef Replica x
    cdef Py_ssize_t r = 0
    cdef int64_t done = 0, before
    cdef int status = FINE
    cdef bint first
    room.rapids.turn = turn
    if apart:
        mean_view = mean
    with nogil:
        for r in range(n.shape[0]):
            x.n = &n[r, 0]
            x.c = &c[r, 0, 0]
            x.mean = &mean_view[r, 0, 0] if apart else NULL
            x.pinned = pinned
            x.limit = rule.leaving_chance
            x.members = rule.members
            x.chance = largest[r]
            x.events = events[r]
            before = room.rapids.substeps
            while left[r] > 0.0 and done < max_steps:
                look(d, &x, room)
                expand(d, &x, room)
                x.h = choose(d, &rule, &x, left[r], room)
                if not isfinite(x.h) or x.h < rule.smallest:
                    status = STEP_TOO_SMALL
                    break
                if x.h * d.norm > STABLE:
                    status = UNSTABLE
                    break
                first = left[r] == interval
                if first:
                    stream_open(&stream, seed, purpose, first_replica + r, 0, 2 * step[r] + 1)
                    half_kick(d, &x, &stream, room)
                    look(d, &x, room)
                    expand(d, &x, room)
                left[r] = 0.0 if left[r] - x.h < 0.5 * x.h else left[r] - x.h
                stream_open(&stream, seed, purpose, first_replica + r, 0, 2 * step[r])
                make_step(d, &x, &stream, 0.5 if left[r] == 0.0 else 1.0, room)
                step[r] += 1
                done += 1
            largest[r] = x.chance
            events[r] = x.events
            substeps[r] += room.rapids.substeps - before
            if status != FINE:
                break
    return done, status, r, 0
