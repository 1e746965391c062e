# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Counts of many beables with few couplings each, at any N: the step of a lattice, at a cost of O(P).

A replica is kept as amplitudes c = sqrt(n) exp(-i phi), which the mean field moves linearly. A step carries c along its
Taylor polynomial of degree four: the path. What noise adds to c at some time of the step is small beside it and moves by
the same linear equation; so all of it is inserted at once, by three moments in the time that is left, and led to the
step's end in two more applications of H. Nothing of a step is left over for the next one: the law of what is recorded
does not depend on where records lie.

Beables of few members have a whole number n beside c, which takes its size from it (moves.pyx). Beables that turn over
too fast for the step take substeps (clusters.pyx).

Beyond N = 2^63 (`mean` given): c = mean + deviation, both moved by the same linear equation, so that fluctuations of
relative size 1/sqrt(N) are carried at full precision. Noise acts on the deviation alone.
"""
from libc.math cimport ceil, isfinite, rint, sqrt
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from copympi.kernels.bonds cimport CALM, COUNTED, EMPTY, GAUSS, PLENTY, STIFF, Bonds, Replica, Room, Work
from copympi.kernels.clusters cimport run_stiff
from copympi.kernels.diagonals cimport Diagonals, add_up, carry, find_calm, flow_rates, size_of, stage, turnover
from copympi.kernels.moves cimport draw_first, draw_kicks, draw_second, withhold_much
from copympi.kernels.plans cimport FINE, STEP_TOO_SMALL
from copympi.kernels.step_control cimport StepControl
from copympi.kernels.settle cimport settle, settle_apart

cdef double TURN = 0.6     # radians, relative to itself, by which its neighbours may turn an amplitude in a step;
cdef double FEW_TURN = 0.3 # that of few members
cdef double NOISE = 0.01   # n^-2 times the members that may leave many in a step: their noise is a tenth of n, at the most
cdef double CAREFUL = 0.5  # norm of H h/hbar where the fastest waves keep their size and phase well enough
cdef double OVER = 1.1     # so much may the members that move exceed what the start foretold
HOLDS_GAUSS = int(GAUSS)
"""What n holds where a beable's members need no whole number."""
WHOLE_TO = int(PLENTY)
"""Members, beside spectators, up to which a beable starts with a whole number."""


cdef void look(const Diagonals *d, const Replica *x, Work *w) noexcept nogil:
    """Who is alive."""
    cdef Py_ssize_t a
    for a in range(d.P):
        w.alive[a] = 1.0 if x.n[a] != 0 else 0.0


cdef void expand(const Diagonals *d, const Replica *x, Work *w) noexcept nogil:
    """Taylor coefficients of c over the step."""
    cdef Py_ssize_t P2 = 2 * d.P, a, k
    cdef double *own = w.v if x.mean == NULL else w.deviation
    for a in range(P2):
        own[a] = x.c[a]
    if x.mean != NULL:
        for a in range(P2):
            w.mean[a] = x.mean[a]
    for k in range(1, 5):
        if x.mean != NULL:
            stage(d, NULL, w.mean + P2 * (k - 1), 1.0 / k, NULL, w.mean + P2 * k, NULL)
        stage(d, w.alive, own + P2 * (k - 1), 1.0 / k, NULL, own + P2 * k, NULL if x.mean == NULL else w.mean + P2 * k)
    if x.mean != NULL:  # the rest is added up where it is wanted
        add_up(2 * P2, w.deviation, w.mean, w.v)


cdef double choose(const Diagonals *d, StepControl control, double left, const double *leading, Work *w) noexcept nogil:
    """Length of the next step, from the state at its start and the time left to the record alone.

    It keeps the error of the polynomial within what is allowed, a member's mean chance to leave at half its limit,
    and the fastest waves in order. What turns over faster than that has substeps of its own.
    """
    cdef double h = left, size, flow
    if control.step > 0.0:
        return left / max(rint(left / control.step), 1.0)
    size = d.norm / 5.0 * sqrt(size_of(d.P, leading))
    if size > 0.0:
        h = min(h, sqrt(sqrt(control.error_rate * sqrt(control.members) / size)))
    flow = flow_rates(d, w.v, w.early_rate)
    if not isfinite(flow):
        return 0.0
    if flow > 0.0:
        h = min(h, 0.5 * control.leaving_chance * control.members / flow)
    if d.norm > 0.0:
        h = min(h, CAREFUL / d.norm)
    return left / max(ceil(left / h * (1.0 - 1e-12)), 1.0)


cdef void follow(const Diagonals *d, const Replica *x, Work *w) noexcept nogil:
    """c at the step's Gauss points and at its end, without noise."""
    cdef Py_ssize_t P = d.P
    if x.mean == NULL:
        carry(2 * P, w.v, x.h, w.early, w.late, w.end)
    else:
        carry(2 * P, w.mean, x.h, w.early, w.late, w.end_mean)
        carry(2 * P, w.deviation, x.h, w.D0, w.D1, w.end_deviation)
        add_up(2 * P, w.early, w.D0, w.early)
        add_up(2 * P, w.late, w.D1, w.late)
        add_up(2 * P, w.end_mean, w.end_deviation, w.end)


cdef void plan(const Diagonals *d, StepControl control, Replica *x, double left, Work *w) noexcept nogil:
    """The path over the next step, and its length: flows that grow within it (from a node on) shorten it."""
    cdef double moving, most = 0.5 * control.leaving_chance * control.members
    x.h = choose(d, control, left, (w.v if x.mean == NULL else w.mean) + 8 * d.P, w)
    while isfinite(x.h) and x.h >= control.smallest:
        follow(d, x, w)
        moving = 0.5 * x.h * (flow_rates(d, w.early, w.early_rate) + flow_rates(d, w.late, w.late_rate))
        if control.step > 0.0 or moving <= OVER * most:
            break
        x.h = left / ceil(left / (x.h * max(0.3, min(0.95, most / moving))))


cdef inline double size_at(const double *c, Py_ssize_t P, Py_ssize_t a) noexcept nogil:
    return c[a] * c[a] + c[P + a] * c[P + a]


cdef int64_t classify(const Diagonals *d, Replica *x, Work *w, int64_t *stiff) noexcept nogil:
    """What each beable is in this step; returns how many are not calm, `stiff` how many of these turn over too fast."""
    cdef Py_ssize_t P = d.P, a
    cdef double worst = 0.0, m, fx, fy, turn, most
    cdef int64_t others = P - find_calm(d, x.h, TURN, NOISE, x.n, w.v, w.early, w.late, w.end, w.out, w.calm, &worst)
    stiff[0] = 0
    memset(w.kind, CALM, P)
    for a in range(P if others else 0):
        if w.calm[a] != 0.0:
            continue
        if x.n[a] == 0:
            w.kind[a] = EMPTY
            continue
        w.kind[a] = STIFF
        if x.n[a] > 0:
            # the field of the neighbours: dc/dt = v_1 without the diagonal's part
            fx = w.v[2 * P + a] - d.omega[a] * w.v[P + a]
            fy = w.v[3 * P + a] + d.omega[a] * w.v[a]
            turn = x.h / FEW_TURN
            m = min(min(size_at(w.v, P, a), size_at(w.early, P, a)), min(size_at(w.late, P, a), size_at(w.end, P, a)))
            # through spectators alone members pass, as fields that turn them let them, or more where fields cancel
            most = x.limit if x.n[a] > x.pinned else 2.0 * FEW_TURN
            if turn * turn * (fx * fx + fy * fy) <= m and w.out[a] <= most * x.n[a]:
                w.kind[a] = COUNTED
                if x.n[a] > x.pinned and w.out[a] > worst * x.n[a]:
                    worst = w.out[a] / x.n[a]
        stiff[0] += w.kind[a] == STIFF
    if worst > x.chance:
        x.chance = worst
    return others


cdef void make_step(const Diagonals *d, Bonds bonds, Replica *x, Work *w) noexcept nogil:
    """One step of length x.h along a path that is planned."""
    cdef Py_ssize_t P = d.P, i, a
    cdef int64_t stiff, others
    cdef bint counted
    turnover(d, 0.5 * x.h, w.early_rate, w.late_rate, w.out)
    others = classify(d, x, w, &stiff)
    draw_kicks(d, x, w)
    w.stiffs = 0
    if others:
        memset(w.share0, 0, P * sizeof(double))
        memset(w.last, 0, P * sizeof(double))
        draw_first(d, x, w)
    if stiff:
        if x.mean != NULL:
            add_up(6 * P, w.deviation + 4 * P, w.mean + 4 * P, w.v + 4 * P)
        run_stiff(d, &bonds.couplings.system, x, w)
    stage(d, w.alive, w.D2, 1.0, w.D1, w.E, NULL)
    for i in range(w.stiffs):
        a = w.stiff[i]
        w.E[a] = w.stiff_end[2 * P + i]
        w.E[P + a] = w.stiff_end[3 * P + i]
    counted = others or (x.pinned and withhold_much(P, w))
    if counted:
        if not others:
            memset(w.last, 0, P * sizeof(double))
        draw_second(d, x, w)
    stage(d, w.alive, w.E, 1.0, w.D0, w.D0, NULL)
    for i in range(w.stiffs):
        a = w.stiff[i]
        w.D0[a] = w.stiff_end[i]
        w.D0[P + a] = w.stiff_end[P + i]
    if x.mean != NULL:
        settle_apart(d, x, w, counted)
    else:
        settle(d, x, w, counted)


def advance(Bonds bonds, Room room, StepControl control not None, double turn, uint64_t seed, uint64_t purpose,
            Py_ssize_t first_replica, int64_t total, int64_t pinned, int64_t[:, ::1] n, double[:, :, ::1] c, mean,
            double[::1] left, int64_t[::1] step, double[::1] events, double[::1] largest, int64_t[::1] substeps,
            int64_t max_steps):
    """Carry replicas to the next record, or about `max_steps` further.

    turn: radians that an amplitude may turn in a substep. total: N, where there is no mean.
    n (R, P) whole numbers, or GAUSS; c (R, 2, P) amplitudes re, im, or their deviations where mean (R, 2, P) is not None;
    pinned: spectators of each beable; the others as in occupation.advance. substeps (R,): substeps of their own so far,
    each beable's counted. Returns (steps done, status, replica, 0).
    """
    cdef const Diagonals *d = &bonds.d
    cdef double[:, :, ::1] mean_view
    cdef bint apart = mean is not None
    cdef Replica x
    cdef Work *w = &room.w
    cdef Py_ssize_t r = 0
    cdef int64_t done = 0
    cdef int status = FINE
    w.turn = turn
    w.noise = NOISE
    if apart:
        mean_view = mean
    with nogil:
        for r in range(n.shape[0]):
            x.n = &n[r, 0]
            x.c = &c[r, 0, 0]
            x.mean = &mean_view[r, 0, 0] if apart else NULL
            x.pinned = pinned
            x.limit = control.leaving_chance
            x.members = control.members
            x.total = total
            x.chance = largest[r]
            x.events = events[r]
            x.substeps = substeps[r]
            x.seed = seed
            x.purpose = purpose
            x.number = first_replica + r
            while left[r] > 0.0 and done < max_steps:
                x.step = step[r]
                look(d, &x, w)
                expand(d, &x, w)
                plan(d, control, &x, left[r], w)
                if not isfinite(x.h) or x.h < control.smallest:
                    status = STEP_TOO_SMALL
                    break
                left[r] = 0.0 if left[r] - x.h < 0.5 * x.h else left[r] - x.h
                make_step(d, bonds, &x, w)
                step[r] += 1
                done += 1
            largest[r] = x.chance
            events[r] = x.events
            substeps[r] = x.substeps
            if status != FINE:
                break
    return done, status, r, 0
