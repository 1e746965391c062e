# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The path of a lattice's step: where amplitudes go without noise, and how long the step may be."""
from libc.math cimport ceil, isfinite, rint, sqrt

from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals, add_up, carry, flow_rates, size_of, stage
from copympi.kernels.step_control cimport StepControl

cdef double CAREFUL = 0.5      # norm of H h/hbar where the fastest waves keep their size and phase well enough
cdef double TRAPEZOIDAL = 0.25  # the same where all noise is drawn at the step's ends: 2% off in the covariance of these
cdef double OVER = 1.1         # so much may the members that move exceed what the start foretold


cdef void find_alive(const Diagonals *d, const Replica *x, Work *w) noexcept nogil:
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


cdef double choose_step(const Diagonals *d, StepControl control, const Replica *x, double time_left,
                        const double *leading, Work *w) noexcept nogil:
    """Length of the next step, from the state at its start and the time left to the record alone.

    It keeps the error of the polynomial within what is allowed, a member's mean chance to leave at half its limit,
    and the fastest waves in order. What turns over faster than that has substeps of its own.
    """
    cdef double h = time_left, size, flow
    if control.step > 0.0:
        return time_left / max(rint(time_left / control.step), 1.0)
    size = d.norm / 5.0 * sqrt(size_of(d.P, leading))
    if size > 0.0:
        h = min(h, sqrt(sqrt(control.error_rate * sqrt(x.members) / size)))
    flow = flow_rates(d, w.v, w.early_rate)
    if not isfinite(flow):
        return 0.0
    if flow > 0.0:
        h = min(h, 0.5 * control.leaving_chance * x.members / flow)
    if d.norm > 0.0:
        h = min(h, (TRAPEZOIDAL if x.whole else CAREFUL) / d.norm)
    return time_left / max(ceil(time_left / h * (1.0 - 1e-12)), 1.0)


cdef void follow_path(const Diagonals *d, const Replica *x, Work *w) noexcept nogil:
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


cdef void lay_path(const Diagonals *d, StepControl control, Replica *x, double time_left, Work *w) noexcept nogil:
    """The path over the next step, and its length: flows that grow within it (from a node on) shorten it."""
    cdef double moving, most = 0.5 * control.leaving_chance * x.members
    x.h = choose_step(d, control, x, time_left, (w.v if x.mean == NULL else w.mean) + 8 * d.P, w)
    while isfinite(x.h) and x.h >= control.smallest:
        follow_path(d, x, w)
        moving = 0.5 * x.h * (flow_rates(d, w.early, w.early_rate) + flow_rates(d, w.late, w.late_rate))
        if control.step > 0.0 or moving <= OVER * most:
            break
        x.h = time_left / ceil(time_left / (x.h * max(0.3, min(0.95, most / moving))))
