# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The draws of a leap, and the two steps in which copies come one by one: of all beables, or of some of them.

Some: a leap in which each half step first carries the singles over its time, event by event, along the path that
amplitudes of the others are predicted to take; what singles gave and took then counts as drawn, beside what the others
draw among themselves. The path of the second half starts from what really came in the first, singles' phases included.
Every beable's mean path is part of the prediction, so that the others feel its smooth c_a, not a turning phase.
"""
from libc.math cimport rint, sqrt
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.dense cimport dense_apply_leavers, dense_sums
from copympi.kernels.draws cimport Keys, draw_leavers, draw_rows
from copympi.kernels.elementary cimport atan2
from copympi.kernels.events cimport Events, run_events, set_drive, start_phases
from copympi.kernels.flows cimport Scratch
from copympi.kernels.followed cimport leave_all, time_first_half, time_second_half
from copympi.kernels.plans cimport UNBOUND, Plan, plan_at
from copympi.kernels.predictor cimport new_phase, plan_second_from, predict_first_half, predict_second_half, turned
from copympi.kernels.step_control cimport StepControl
from copympi.kernels.streams cimport Stream, stream_open
from copympi.kernels.tracker cimport Followed, tracker_open

cdef double TWO_PI = 6.283185307179586
cdef int64_t TURNS = 256       # proposals and steps of phases, after which one looks anew which way is best
cdef int64_t ENDLESS = 1 << 62


cdef double draw_counts(const System *s, const Draws *draws, int half, const double *chance, int64_t spectators,
                        int64_t *leave, int64_t *n, int64_t *out) noexcept nogil:
    """Draw one half step's copies of every source beable, then apply them all. Returns how many there were.

    out (P,) also has room for as many doubles.
    """
    cdef Py_ssize_t b, e
    cdef double copies = 0.0
    cdef Stream stream
    cdef Keys keys
    if s.dense:
        keys = Keys(draws.seed, draws.leaps, draws.replica, 2 * draws.step + half)
        dense_sums(s.P, chance, <double *> out)
        draw_rows(&keys, s.P, n, spectators, <double *> out, chance, leave)
    else:
        stream_open(&stream, draws.seed, draws.leaps, draws.replica, 0, 2 * draws.step + half)
        for b in range(s.P):
            draw_leavers(&stream, n[b] - spectators, s.indptr[b], s.indptr[b + 1], chance, leave)
    if draws.tracks != NULL:
        tracker_open(draws.tracks, draws.row, 0, 2 * draws.step + half)
        leave_all(s, draws.tracks, n, spectators, leave)
    if s.dense:
        dense_apply_leavers(s.P, leave, n, out)
        for b in range(s.P):
            copies += out[b]
        return copies
    for b in range(s.P):
        out[b] = 0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            out[b] += leave[e]
            n[s.indices[e]] += leave[e]
        n[b] -= out[b]
        copies += out[b]
    return copies


cdef void close_singles(const System *s, Events g, double *chance) noexcept nogil:
    """Nothing is drawn at once between two beables one of which is a single."""
    cdef Py_ssize_t i, p
    for i in range(g.pairs):
        p = g.pair[i]
        chance[s.pair[4 * p + 2]] = 0.0
        chance[s.pair[4 * p + 3]] = 0.0


cdef void expect_leavers(const System *s, Events g, Scratch w, Plan *plan) noexcept nogil:
    """In plan.out, who is expected to leave in the first half: by leaps alone."""
    cdef Py_ssize_t b, p
    for b in range(s.P):
        if plan.out[b] != UNBOUND:
            plan.out[b] = 0.0
    for p in range(s.pairs):
        b = s.pair[4 * p]
        if not g.single[b] and not g.single[s.pair[4 * p + 1]]:
            plan.out[b] += w.forth[p]
            plan.out[s.pair[4 * p + 1]] += w.back[p]


cdef int64_t half_of_some(const System *s, int64_t spectators, const Draws *draws, int half, double t, double end,
                          Scratch w, Events g, int64_t *n, int64_t *before) noexcept nogil:
    """Carry the singles over a half step t, to time `end`, along the path w.v, with n as it was in `before`. Returns
    their copies."""
    cdef Py_ssize_t a
    cdef int64_t copies = 0
    cdef Stream stream
    cdef Followed followed = Followed(draws.tracks, end, t, True)
    for a in range(s.P):
        before[a] = n[a]
    stream_open(&stream, draws.seed, draws.events, draws.replica, 0, 2 * draws.step + half)
    set_drive(s, w.v, t, g)
    if draws.tracks != NULL:
        tracker_open(draws.tracks, draws.row, 0, 2 * draws.step + half)
    run_events(s, g, w.omega, w.v, spectators, t, ENDLESS, &stream, n, &copies,
               &followed if draws.tracks != NULL else NULL)
    return copies


cdef double leap_of_others(const System *s, int64_t spectators, const Draws *draws, int half, const double *chance,
                           Events g, int64_t *leave, int64_t *n, int64_t *before, int64_t *out) noexcept nogil:
    """Draw who leaves at once, out of n as it was `before` singles went on. Returns how many there were."""
    cdef Py_ssize_t a, b, e
    cdef int64_t gone, more
    cdef double copies
    cdef Draws nobody = draws[0]  # who is followed goes only when it is clear how many go
    nobody.tracks = NULL
    copies = draw_counts(s, &nobody, half, chance, spectators, leave, before, out)
    for b in range(s.P):  # `before` has what leaps changed: n gets it too
        if g.single[b]:
            continue
        gone = out[b] - (n[b] - spectators)
        for e in range(s.indptr[b], s.indptr[b + 1]):
            if gone > 0 and leave[e] > 0:  # singles took whom the draw let leave: at chances of a few percent, never
                more = min(gone, leave[e])
                leave[e] -= more
                out[b] -= more
                gone -= more
                copies -= more
    if draws.tracks != NULL:
        leave_all(s, draws.tracks, n, spectators, leave)
    for b in range(s.P):
        for e in range(s.indptr[b], s.indptr[b + 1]):
            a = s.indices[e]
            n[b] -= leave[e]
            n[a] += leave[e]
    return copies


cdef void turn_singles(const System *s, Events g, double turn, double *phase) noexcept nogil:
    """Singles' phases in rad, turned by the shift besides."""
    cdef Py_ssize_t a, i
    cdef double r
    for i in range(g.singles):
        a = g.beable[i]
        r = turn - atan2(g.u[s.P + a], g.u[a])
        phase[a] = r - TWO_PI * rint(r / TWO_PI)


cdef double step_of_some(const System *s, StepControl control, const Draws *draws, Scratch w, Events g, double *row,
                         int64_t *numbers, int64_t *n, double *phase) noexcept nogil:
    """A step of the length in the head of `row` from amplitudes w.c, their coefficients in w.v. Returns its copies.

    numbers (nnz + 2P,): work space.
    """
    cdef Py_ssize_t P = s.P, a
    cdef Plan plan = plan_at(s, row)
    cdef int64_t spectators = control.spectators
    cdef int64_t *out = numbers + s.nnz
    cdef int64_t *before = out + P
    cdef double half = 0.5 * plan.head.step, copies, r
    cdef double end = draws.stop - plan.head.time_left, middle = 0.5 * (draws.begin + end)
    start_phases(s, phase, g)
    predict_first_half(s, spectators, n, half, w, &plan)
    close_singles(s, g, plan.chance)
    expect_leavers(s, g, w, &plan)
    copies = <double> half_of_some(s, spectators, draws, 0, half, middle, w, g, n, before)
    predict_second_half(s, spectators, half, w, &plan)
    copies += leap_of_others(s, spectators, draws, 0, plan.chance, g, numbers, n, before, out)
    if draws.tracks != NULL:
        time_first_half(s, spectators, draws.tracks, numbers, out, n, phase, &plan, draws.begin, middle)
    for a in range(P):
        if g.single[a]:
            w.c[a] = g.root[a] * g.u[a]
            w.c[P + a] = g.root[a] * g.u[P + a]
        else:
            r = sqrt(n[a] / plan.mid_n[a]) if plan.mid_n[a] > 0.0 else 0.0
            w.c[a] = r * plan.mid[a]
            w.c[P + a] = r * plan.mid[P + a]
    plan_second_from(s, spectators, n, out, w, &plan)
    close_singles(s, g, plan.chance)
    copies += <double> half_of_some(s, spectators, draws, 1, half, end, w, g, n, before)
    copies += leap_of_others(s, spectators, draws, 1, plan.chance, g, numbers, n, before, out)
    if draws.tracks != NULL:
        time_second_half(s, spectators, draws.tracks, w, middle, end)
    new_phase(s, row, phase)
    turn_singles(s, g, plan.shift[0] * plan.head.step, phase)
    return copies


cdef double step_of_all(const System *s, StepControl control, const Draws *draws, Scratch w, Events g,
                        const double *row, int64_t *n, double *phase, double *copies) noexcept nogil:
    """All beables event by event, for as long as the head of `row` says at most: returns how long it was."""
    cdef Py_ssize_t a
    cdef Plan plan = plan_at(s, <double *> row)
    cdef int64_t made = 0
    cdef double gone
    cdef Stream stream
    cdef Followed followed = Followed(draws.tracks, draws.stop, plan.head.step, False)
    stream_open(&stream, draws.seed, draws.events, draws.replica, 0, 2 * draws.step)
    start_phases(s, phase, g)
    if draws.tracks != NULL:
        tracker_open(draws.tracks, draws.row, 0, 2 * draws.step)
    gone = run_events(s, g, w.omega, NULL, control.spectators, plan.head.step, TURNS, &stream, n, &made,
                      &followed if draws.tracks != NULL else NULL)
    for a in range(s.P):
        if plan.out[a] == UNBOUND:
            phase[a] += turned(s.level[a], gone)
            phase[a] -= TWO_PI * rint(phase[a] / TWO_PI)
    turn_singles(s, g, plan.shift[0] * gone, phase)
    copies[0] += <double> made
    return gone
