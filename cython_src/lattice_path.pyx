# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -fno-trapping-math
# No operation traps: gcc makes vectors of these loops only if it is told so; clang takes it for granted.
"""The path of a lattice's step: where amplitudes go without noise, and how long the step may be."""
from libc.math cimport INFINITY, ceil, isfinite, rint, sqrt
from libc.string cimport memcpy

from copympi.kernels.bonds cimport FLOW, LATE_FLOW, SIZE, Replica, Work
from copympi.kernels.diagonals cimport Diagonals, add_up, carry, flow_rates, fold, group_up, mark_alive, sizes, stage
from copympi.kernels.passes cimport Pass, pass_over
from copympi.kernels.step_control cimport StepControl

cdef double CAREFUL = 0.5      # norm of H h/hbar where the fastest waves keep their size and phase well enough
cdef double TRAPEZOIDAL = 0.25  # where all noise is drawn at the step's ends: 2% off in the covariance of these
cdef double OVER = 1.1         # so much may the members that move exceed what the start foretold


cdef void begin_path(const Diagonals *d, const Replica *x, Work *w) noexcept nogil:
    """Taylor coefficients of c over the step: the first, which is c at its start."""
    cdef Py_ssize_t part, at
    cdef size_t size = (d.end - d.begin) * sizeof(double)
    for part in range(2):
        at = part * d.P + d.begin
        memcpy((w.v if x.mean == NULL else w.deviation) + at, x.c + at, size)
        if x.mean != NULL:
            memcpy(w.mean + at, x.mean + at, size)
    if x.mean != NULL:
        add_up(d, 2, w.deviation, w.mean, w.v)


cdef void expand(const Diagonals *d, const Replica *x, Work *w, int k) noexcept nogil:
    """The next one, the k-th from 1 on."""
    cdef Py_ssize_t P2 = 2 * d.P
    cdef double *own = w.v if x.mean == NULL else w.deviation
    if x.mean != NULL:
        stage(d, NULL, w.mean + P2 * (k - 1), 1.0 / k, NULL, w.mean + P2 * k, NULL)
    stage(d, w.alive, own + P2 * (k - 1), 1.0 / k, NULL, own + P2 * k, NULL if x.mean == NULL else w.mean + P2 * k)
    if x.mean != NULL and k == 1:  # the rest is added up where it is wanted
        add_up(d, 2, own + P2, w.mean + P2, w.v + P2)


cdef void lay_pass(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil:
    """The passes of the path: its coefficients, one after the other; with the last one sums of tiles that the step's
    length follows from. Flows are those between beables of w.v's first coefficient."""
    if number == 0:
        mark_alive(d, x.n, w.alive)
        begin_path(d, x, w)
        return
    expand(d, x, w, number)
    if number < LAST_LAID or x.fixed:
        return
    sizes(d, (w.v if x.mean == NULL else w.mean) + 8 * d.P, w.parts + SIZE * d.tiles)
    flow_rates(d, w.v, w.early_rate, w.parts + FLOW * d.tiles)


cdef double choose_step(const Diagonals *d, StepControl control, const Replica *x, double time_left,
                        const Work *w) noexcept nogil:
    """Length of the next step, from the state at its start and the time left to the record alone.

    It keeps the error of the polynomial within what is allowed, a member's mean chance to leave at half its limit,
    and the fastest waves in order. What turns over faster than that has substeps of its own.
    """
    cdef double h = time_left, size, flow
    if control.step > 0.0:
        return time_left / max(rint(time_left / control.step), 1.0)
    size = d.norm / 5.0 * sqrt(fold(d, w.parts + SIZE * d.tiles))
    if size > 0.0:
        h = min(h, sqrt(sqrt(control.error_rate * sqrt(x.members) / size)))
    flow = fold(d, w.parts + FLOW * d.tiles)
    if not isfinite(flow):
        return 0.0
    if flow > 0.0:
        h = min(h, 0.5 * control.leaving_chance * x.members / flow)
    if d.norm > 0.0:
        h = min(h, (TRAPEZOIDAL if x.whole else CAREFUL) / d.norm)
    return time_left / max(ceil(time_left / h * (1.0 - 1e-12)), 1.0)


cdef void follow_path(const Diagonals *d, const Replica *x, Work *w) noexcept nogil:
    """c at the step's Gauss points and at its end, without noise."""
    if x.mean == NULL:
        carry(d, w.v, x.h, w.early, w.late, w.end)
    else:
        carry(d, w.mean, x.h, w.early, w.late, w.end_mean)
        carry(d, w.deviation, x.h, w.D0, w.D1, w.end_deviation)
        add_up(d, 2, w.early, w.D0, w.early)
        add_up(d, 2, w.late, w.D1, w.late)
        add_up(d, 2, w.end_mean, w.end_deviation, w.end)


cdef void follow_pass(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil:
    """The passes along the path, of a step whose length is known: amplitudes; rates at the Gauss points and their sums.
    """
    if number == 0:
        follow_path(d, x, w)
    else:
        flow_rates(d, w.early, w.early_rate, w.parts + FLOW * d.tiles)
        flow_rates(d, w.late, w.late_rate, w.parts + LATE_FLOW * d.tiles)


cdef bint shorten(const Diagonals *d, StepControl control, Replica *x, double time_left,
                  const Work *w) noexcept nogil:
    """Whether flows grow so within the step (from a node on) that it must be shorter, as it then is."""
    cdef double moving, most = 0.5 * control.leaving_chance * x.members
    moving = 0.5 * x.h * (fold(d, w.parts + FLOW * d.tiles) + fold(d, w.parts + LATE_FLOW * d.tiles))
    if control.step > 0.0 or moving <= OVER * most:
        return False
    x.h = time_left / ceil(time_left / (x.h * max(0.3, min(0.95, most / moving))))
    return True


cdef void lay_path(const Diagonals *d, StepControl control, Replica *x, double time_left, Work *w, Pass follow,
                   int last) noexcept nogil:
    """The path over the next step, and its length; follow : passes 0 to `last` along the path, the first two of which
    are those of `follow_pass`."""
    pass_over(d, x, w, lay_pass, LAST_LAID)
    if not x.fixed:
        group_up(d, w.parts + SIZE * d.tiles)
        group_up(d, w.parts + FLOW * d.tiles)
    x.h = choose_step(d, control, x, time_left, w)
    while isfinite(x.h) and x.h >= control.smallest:
        forget_look(w)
        pass_over(d, x, w, follow, last)
        group_up(d, w.parts + FLOW * d.tiles)
        group_up(d, w.parts + LATE_FLOW * d.tiles)
        if not shorten(d, control, x, time_left, w):
            break


cdef void forget_look(Work *w) noexcept nogil:
    """No tile has been looked at in this step yet."""
    w.others = w.fast = 0
    w.worst = 0.0
    w.smallest = INFINITY
