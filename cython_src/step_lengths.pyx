# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""How long a step of aligned members is, from the state at its start and the time left to the next record alone."""
from libc.math cimport NAN, ceil, isfinite, rint, sqrt
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.dense cimport Dense, Span, dense_of, dense_outflow
from copympi.kernels.elementary cimport fmax, fmin
from copympi.kernels.flows cimport Scratch, integrate_flows, span_of
from copympi.kernels.step_control cimport StepControl


cdef double largest_chance(const System *s, int64_t spectators, const int64_t *n, double h, Scratch w, double *growth,
                           Py_ssize_t *limiting) noexcept nogil:
    """Largest outflow over occupation in a step h, as its two halves will draw it; and the largest inflow, `growth`.

    Where there are none but spectators no one leaves. No number where h is too long for doubles to say.
    """
    cdef Py_ssize_t p, a, half
    cdef double worst = 0.0, most = 0.0, last = 0.0
    cdef Dense dense
    cdef Span span
    for a in range(s.P):
        w.leaving[a] = 0.0
        w.coming[a] = 0.0
    for half in range(2):
        if s.dense:
            span = span_of(s.P, 0.5 * h * half, 0.5 * h, w)
            dense = dense_of(s, w.forth, w.back)
            dense_outflow(&dense, &span, w.leaving, w.coming)
            continue
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
                limiting[0] = a
    return worst if isfinite(last) else NAN


cdef double all_of(const System *s, const int64_t *n) noexcept nogil:
    """How many members there are."""
    cdef Py_ssize_t a
    cdef int64_t members = 0
    for a in range(s.P):
        members += n[a]
    return <double> members


cdef double predictor_step(const System *s, StepControl control, const int64_t *n, Scratch w,
                           double time_left) noexcept nogil:
    """The longest step up to `time_left` whose predictor errs within the tolerance, from w.v.

    Both half steps of length h/2 err by at most 2 |v5| (h/2)^5 / sqrt(N) in rho, |v5| <= norm |v4| / 5.
    """
    cdef Py_ssize_t a
    cdef double size = 0.0, bound, members
    for a in range(2 * s.P):
        size += w.v[8 * s.P + a] * w.v[8 * s.P + a]
    bound = 2.0 * w.norm * sqrt(size) / 5.0
    if bound > 0.0:
        members = control.members if control.members > 0.0 else all_of(s, n)
        return fmin(time_left, 2.0 * sqrt(sqrt(control.error_rate * sqrt(members) / bound)))
    return time_left


cdef double choose_step(const System *s, StepControl control, const int64_t *n, double time_left, Scratch w,
                        double *chance, Py_ssize_t *limiting) noexcept nogil:
    """Length of the next step, from the state at its start and the time left to the next record alone.

    `leaving_chance`: no beable loses more than this part of its members, or gains GROWTH times as many.

    `tolerance`: see predictor_step.
    """
    cdef double h, parts, growth, over
    if control.step > 0.0:
        parts = rint(time_left / control.step)
        h = time_left / fmax(parts, 1.0)
        chance[0] = largest_chance(s, control.spectators, n, h, w, &growth, limiting)
        return h
    h = predictor_step(s, control, n, w, time_left)
    while True:
        chance[0] = largest_chance(s, control.spectators, n, h, w, &growth, limiting)
        over = fmax(chance[0], growth / GROWTH) / control.leaving_chance
        if over <= 1.0 or not isfinite(over) or h < control.smallest:
            break
        h *= fmax(0.1, fmin(0.97, 0.97 / over))
    parts = ceil(time_left / h * (1.0 - 1e-12))
    return time_left / fmax(parts, 1.0)
