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
from libc.math cimport ceil, fmax, fmin, isfinite, rint, sqrt
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport Bonds, Replica, Room
from copympi.kernels.diagonals cimport (Diagonals, add_up, carry, flow_rates, integrate, move_counts, outflows, rescale,
                                        stage, sum_of)
from copympi.kernels.kicks cimport draw, draw_apart, half_kick, settle_apart
from copympi.kernels.predictor cimport FINE, STEP_TOO_SMALL, Rule, rule_of
from copympi.kernels.rapids cimport BUSY, shoot
from copympi.kernels.streams cimport Stream, stream_open

cdef int64_t FEW = 1000    # members below which a beable's amplitude must not turn by much in a step
cdef double TURN = 0.6     # radians; by so much
cdef double CAREFUL = 0.5  # norm of H h/hbar where the fastest waves keep their size and phase well enough


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
    if not isfinite(flow):
        return 0.0
    if flow > 0.0:
        h = fmin(h, 0.5 * rule.leaving_chance * rule.members / flow)
    if d.norm > 0.0:
        h = fmin(h, CAREFUL / d.norm)
    return left / fmax(ceil(left / h * (1.0 - 1e-12)), 1.0)


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
    counted. Returns (steps done, status, replica, 0).
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
