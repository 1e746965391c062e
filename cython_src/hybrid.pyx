# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What a step leaps over and what goes event by event in it: a choice by cost, among ways that err within `tolerance`.

Three ways: all leap; all go event by event; a few beables, the smallest, go event by event and the others leap, in a
step whose length these others alone set. Errors, as a part of a beable's mean occupation (docs/theory.md, "Few
members"):

    leap     0.07 p^2/n, p the larger of the part that leaves and that comes in a step. What it lacks is noise.
    some     a single's drive knows of copies of this step only from its middle on. With V_b copies to or from b in the
             step, Var(F_a) = sum_b R_ab^2 V_b/(4 n_b) comes late by up to h/2 and shifts n_a by Var(F_a) h^2/4 at most;
             what the single's own E copies do to its partner's n_b acts back on its rates: E^2/(8 n_b (n_a + E/4)^2).
    all      none but that of the phases' integrator.

The cheapest that keeps them within `tolerance` is taken. Everything follows from (n, phi) and the time left to the
record.
"""
from libc.math cimport fabs, isfinite, sqrt
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.elementary cimport fmax, fmin
from copympi.kernels.events cimport Events, list_singles
from copympi.kernels.flows cimport Scratch, integrate_flows
from copympi.kernels.plans cimport UNBOUND
from copympi.kernels.step_control cimport StepControl
from copympi.kernels.step_lengths cimport GROWTH, leap_error_of, predictor_step

# What it takes, in ns of one machine; their ratios matter. A leap: so much, and for each pair; a proposal, or a step of
# the phases' integrator: so much, and for each coupling of the beables concerned.
cdef double LEAP_COST = 700.0
cdef double LEAP_PAIR_COST = 190.0
cdef double EVENT_COST = 70.0
cdef double EVENT_COUPLING_COST = 8.0
cdef double MOST_COPIES = 64.0  # of singles in one step: a single that has grown leaves their number again
cdef Py_ssize_t MOST_SINGLES = 4  # beside which others leap
cdef double RESOLVED = 10.0       # proposals in a time that can just be resolved, up to which all may go event by event


cdef double leap_cost(const System *s) noexcept nogil:
    return LEAP_COST + LEAP_PAIR_COST * s.pairs


cdef double event_cost(const System *s, Py_ssize_t couplings) noexcept nogil:
    return EVENT_COST + EVENT_COUPLING_COST * couplings


cdef double leap_error(const System *s, const int64_t *n, Scratch w, const int64_t *single) noexcept nogil:
    """Largest error of a leap of the beables that are no singles (NULL: of all), from w.leaving, w.coming."""
    cdef Py_ssize_t a
    cdef double worst = 0.0
    for a in range(s.P):
        if n[a] > 0 and (single == NULL or not single[a]):
            worst = fmax(worst, leap_error_of(fmax(w.leaving[a], w.coming[a]) / n[a], <double> n[a]))
    return worst


cdef double cost_of_all(const System *s, const int64_t *n, Scratch w, Events g) noexcept nogil:
    """Of unit time event by event: proposals, and turns of the fastest phase."""
    cdef Py_ssize_t a, e
    cdef double R, proposals = 0.0, turn, fastest = 0.0
    for a in range(s.P):
        if n[a] > 0:
            turn = 0.0
            for e in range(s.indptr[a], s.indptr[a + 1]):
                R = sqrt(s.re[e] * s.re[e] + s.im[e] * s.im[e]) * sqrt(<double> n[s.indices[e]] * <double> n[a])
                turn += R
                proposals += R  # each pair twice
            if turn > 0.0:
                fastest = fmax(fastest, fabs(w.omega[a]) + turn / n[a])
    return (proposals + fastest / g.angle) * event_cost(s, s.nnz)


cdef struct Look:              # what a step of length h would be, with the beables of `single` event by event
    double over                # by how many times some bound is exceeded
    double copies              # of singles
    double turn                # rad of the fastest single
    double cost                # of the step
    double chance              # largest chance of a member of a leaping beable to leave
    Py_ssize_t limiting        # the leaping beable that turns over fastest


cdef double single_error(const System *s, const int64_t *n, Scratch w, const int64_t *single, Py_ssize_t a,
                         double h) noexcept nogil:
    """Error of single a in a step h among leaping beables, as a part of n_a; from w.leaving, w.coming."""
    cdef Py_ssize_t b, e
    cdef double noise = 0.0, fewest = 0.0, copies = w.leaving[a] + w.coming[a]
    for e in range(s.indptr[a], s.indptr[a + 1]):
        b = s.indices[e]
        if not single[b] and n[b] > 0:
            noise += (s.re[e] * s.re[e] + s.im[e] * s.im[e]) * (w.leaving[b] + w.coming[b]) / (4.0 * n[b])
            fewest = fmin(fewest, <double> n[b]) if fewest > 0.0 else <double> n[b]
    if fewest == 0.0:
        return 0.0
    return (0.25 * noise * h * h / fmax(1.0, <double> n[a])
            + copies * copies / (8.0 * fewest * (n[a] + 0.25 * copies) * (n[a] + 0.25 * copies)))


cdef Look look_at(const System *s, StepControl control, const int64_t *n, double h, Scratch w, Events g) noexcept nogil:
    """See the docstring of Look. w.v holds the amplitudes' Taylor coefficients."""
    cdef Look o = Look(0.0, 0.0, 0.0, 0.0, 0.0, 0)
    cdef Py_ssize_t p, a, half, couplings = 0
    cdef double part, most = 0.0, last = 0.0, field
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
    for a in range(s.P):
        last += w.e[a] + w.e[s.P + a]
        if n[a] <= 0:
            continue
        if g.single[a]:
            couplings += s.indptr[a + 1] - s.indptr[a]
            o.copies += w.leaving[a] + w.coming[a]
            field = sqrt(w.v[2 * s.P + a] * w.v[2 * s.P + a] + w.v[3 * s.P + a] * w.v[3 * s.P + a])
            o.turn = fmax(o.turn, fabs(w.omega[a]) * h + fmin(6.0, field * h / sqrt(<double> n[a])))
            o.over = fmax(o.over, sqrt(single_error(s, n, w, g.single, a, h) / control.tolerance))
            continue
        o.chance = fmax(o.chance, w.leaving[a] / n[a])
        part = fmax(w.leaving[a], w.coming[a] / GROWTH) / n[a]
        o.over = fmax(o.over, part / control.leaving_chance)
        if part > most:
            most = part
            o.limiting = a
    o.over = fmax(o.over, sqrt(leap_error(s, n, w, g.single) / control.tolerance))
    o.over = fmax(o.over, sqrt(o.copies / MOST_COPIES))
    o.cost = 2.0 * leap_cost(s) + (1.6 * o.copies + o.turn / g.angle) * event_cost(s, couplings)
    if not isfinite(last):
        o.over = 10.0
    return o


cdef double longest_step(const System *s, StepControl control, const int64_t *n, double h, Scratch w, Events g,
                         Look *o) noexcept nogil:
    """The longest step up to h that keeps all bounds with the singles marked in g, or 0."""
    cdef Py_ssize_t _tries
    for _tries in range(60):
        o[0] = look_at(s, control, n, h, w, g)
        if o.over <= 1.0:
            return h
        h *= fmax(0.1, fmin(0.97, 0.97 / o.over))
    return 0.0


cdef double choose_singles(const System *s, StepControl control, const int64_t *n, double time_left, double cost,
                           Py_ssize_t limiting, Scratch w, Events g, double *chance) noexcept nogil:
    """Mark the beables that go event by event while the others leap, and return the step's length.

    cost : what unit time takes otherwise; 0 where nothing is cheaper. From the smallest on, one more beable is marked
    as long as that makes the step cheaper.
    """
    cdef Py_ssize_t a, few
    cdef double h, best = 0.0, longest = predictor_step(s, control, n, w, time_left)
    cdef Look o
    for a in range(s.P):
        g.single[a] = 0
    for few in range(min(MOST_SINGLES, s.P - 1)):
        if g.single[limiting] or n[limiting] <= 0:
            break
        g.single[limiting] = 1
        h = longest_step(s, control, n, longest, w, g, &o)
        if h < control.smallest or o.cost >= cost * h:
            if few:
                break
        else:
            cost = o.cost / h
            best = h
            chance[0] = o.chance
            for a in range(s.P):
                g.best[a] = g.single[a]
        limiting = o.limiting
    if best > 0.0:
        for a in range(s.P):
            g.single[a] = g.best[a]
    return best


cdef int choose_way(const System *s, StepControl control, const int64_t *n, const double *out, double time_left,
                    Py_ssize_t limiting, Scratch w, Events g, double *h, double *chance) noexcept nogil:
    """LEAP, ALL or SOME; g then lists the beables that go event by event, and h[0] is the step's length.

    h[0] : the leap's length so far, with w.v, w.leaving and w.coming as `choose_step` left them; limiting : the beable
    that sets it; out (P,) marks unbound beables. A leap is shortened where its own error exceeds the tolerance.
    chance[0] : largest chance of a member to leave by leaps.
    """
    cdef Py_ssize_t a
    cdef double length, over, cost = 1e300, all = cost_of_all(s, n, w, g)
    over = fmax(1.0, sqrt(leap_error(s, n, w, NULL) / control.tolerance))
    if not isfinite(over):
        return LEAP
    if h[0] >= over * control.smallest:
        cost = leap_cost(s) * over / h[0]
    if cost < all or all * control.smallest > RESOLVED * event_cost(s, s.nnz):
        length = choose_singles(s, control, n, time_left, cost, limiting, w, g, chance)
        if length > 0.0:
            list_singles(s, g)
            h[0] = length
            return SOME
        h[0] /= over
        return LEAP
    for a in range(s.P):
        g.single[a] = out[a] != UNBOUND
    list_singles(s, g)
    h[0] = time_left
    return ALL
