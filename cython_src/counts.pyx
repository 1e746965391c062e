# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Leaps of counts: replicas known by their occupations alone, each on its own clock up to the next record.

Where a step is better made event by event (hybrid.pyx), of all beables or of the smallest, it is.
"""
from libc.math cimport ceil
from libc.stdint cimport int64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.elementary cimport fmax
from copympi.kernels.events cimport Events, angle_of
from copympi.kernels.flows cimport Scratch
from copympi.kernels.followed cimport time_first_half, time_second_half
from copympi.kernels.hybrid cimport ALL, SOME, choose_way
from copympi.kernels.plans cimport FINE, UNDECIDED, Plan, fill_head, plan_at, plan_size
from copympi.kernels.predictor cimport new_phase, plan_first, plan_second, predict_halves
from copympi.kernels.some_events cimport Draws, draw_counts, step_of_all, step_of_some
from copympi.kernels.step_control cimport StepControl
from copympi.kernels.tracker cimport Tracker, tracks_of


cdef struct Counts:            # a replica that goes on
    int64_t *n
    double *phase
    double *time_left
    double *events
    double *largest


cdef int make_leap(const System *s, StepControl control, const Draws *draws, Scratch w, double *row, int64_t *numbers,
                   Counts *r) noexcept nogil:
    """Carry out the leap whose first half is planned in `row`."""
    cdef Plan plan = plan_at(s, row)
    cdef int64_t *out = numbers + s.nnz
    cdef double end = draws.stop - plan.head.time_left, middle = 0.5 * (draws.begin + end)
    r.events[0] += draw_counts(s, draws, 0, plan.chance, control.spectators, numbers, r.n, out)
    if draws.tracks != NULL:
        time_first_half(s, control.spectators, draws.tracks, numbers, out, r.n, r.phase, &plan, draws.begin, middle)
    plan_second(s, control, r.n, out, w, row)
    r.events[0] += draw_counts(s, draws, 1, plan.chance, control.spectators, numbers, r.n, out)
    if draws.tracks != NULL:
        time_second_half(s, control.spectators, draws.tracks, w, middle, end)
    new_phase(s, row, r.phase)
    r.time_left[0] = plan.head.time_left
    return FINE


cdef int step_of_few(const System *s, StepControl control, const Draws *draws, Scratch w, Events g, double *row,
                     int64_t *numbers, Counts *r) noexcept nogil:
    """A step that may be better made event by event, whose leap was not planned yet (UNDECIDED)."""
    cdef Plan plan = plan_at(s, row)
    cdef double h = plan.head.step, chance = plan.head.largest, left = r.time_left[0]
    cdef int status
    cdef int way = choose_way(s, control, r.n, plan.out, left, <Py_ssize_t> plan.head.limiting, w, g, &h, &chance)
    if way == ALL:
        plan.head.step = left
        left -= step_of_all(s, control, draws, w, g, row, r.n, r.phase, r.events)
        r.time_left[0] = left if left > control.smallest else 0.0
        return FINE
    h = left / ceil(left / h * (1.0 - 1e-12))
    status = fill_head(plan.head, h, left, control.smallest, chance, 0.0, <Py_ssize_t> plan.head.limiting)
    r.largest[0] = fmax(r.largest[0], chance)
    if status != FINE:
        return status
    if way == SOME:
        r.events[0] += step_of_some(s, control, draws, w, g, row, numbers, r.n, r.phase)
        r.time_left[0] = plan.head.time_left
        return FINE
    predict_halves(s, control.spectators, r.n, w, &plan)
    return make_leap(s, control, draws, w, row, numbers, r)


def advance(Couplings couplings not None, StepControl control not None, *, keys, int64_t[:, ::1] n not None,
            double[:, ::1] phase not None, double[::1] time_left not None, int64_t[::1] step not None,
            double[::1] events not None, double[::1] largest not None, int64_t max_steps, Tracker tracker=None,
            times=(0.0, 0.0)):
    """Carry replicas to the next record, or `max_steps` further.

    keys : what draws are keyed by: the seed, the purposes of many copies at once and of copies one by one, and the
    number of the first replica.
    n, phase (R, P); time_left (R,) to the record; step (R,) steps since t = 0; events (R,) copies since t = 0;
    largest (R,) largest leaving chance so far. All are changed in place.
    tracker : members that are followed, or None. times : that of the record, and how much before it replicas wait.
    Returns (steps done, status, replica, beable): status is not FINE where a replica could not go on.
    """
    cdef const System *s = &couplings.system
    cdef Py_ssize_t R = n.shape[0]
    need(n.shape[1] == s.P and phase.shape[0] == R and phase.shape[1] == s.P, "n, phase: must be (R, P)")
    need(time_left.shape[0] == R and step.shape[0] == R and events.shape[0] == R and largest.shape[0] == R,
         "time_left, step, events, largest: must be (R,)")
    cdef Scratch scratch = Scratch(couplings)
    cdef Events few = Events(couplings, angle_of(control.tolerance))
    cdef double[::1] row_memory = np.zeros(plan_size(s))
    cdef int64_t[::1] count_memory = np.zeros(s.nnz + 2 * s.P, np.int64)
    cdef double *row = &row_memory[0]
    cdef Plan plan = plan_at(s, row)
    cdef Counts x
    cdef Draws draws = Draws(keys[0], keys[1], keys[2], 0, 0, tracks_of(tracker), 0, 0.0, times[0])
    cdef Py_ssize_t r = 0, first_replica = keys[3]
    cdef double stop = times[0], pause = times[1]
    cdef int64_t done = 0
    cdef int status = FINE
    with nogil:
        for r in range(R):
            x = Counts(&n[r, 0], &phase[r, 0], &time_left[r], &events[r], &largest[r])
            draws.replica = first_replica + r
            draws.row = r
            while time_left[r] > pause and done < max_steps:
                draws.step = step[r]
                draws.begin = stop - time_left[r]
                status = plan_first(s, control, x.n, x.phase, time_left[r], scratch, row)
                if status == UNDECIDED:
                    status = step_of_few(s, control, &draws, scratch, few, row, &count_memory[0], &x)
                else:
                    if plan.head.largest > largest[r]:
                        largest[r] = plan.head.largest
                    if status == FINE:
                        make_leap(s, control, &draws, scratch, row, &count_memory[0], &x)
                if status != FINE:
                    break
                step[r] += 1
                done += 1
            if status != FINE:
                break
    return done, status, r, int(plan.head.limiting)
