# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Leaps of aligned members under any rule: of counts, replicas each on its own clock; of members with an identity."""
from libc.stdint cimport int64_t, uint8_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.elementary cimport fmax
from copympi.kernels.flows cimport Scratch
from copympi.kernels.general cimport CopyRule, Law, Room, raise_problem
from copympi.kernels.general_steps cimport plan_first, plan_second
from copympi.kernels.plans cimport FINE, Plan, StepPlans, head_of, need_plans, plan_at, plan_size, profile_of, row_of
from copympi.kernels.predictor cimport new_phase
from copympi.kernels.profiles cimport profile_rates
from copympi.kernels.some_events cimport Draws, draw_counts
from copympi.kernels.step_control cimport StepControl
from copympi.kernels.tracker cimport Tracker, Tracks, tracker_land, tracker_times, tracks_of


cdef class Work:
    """Work space of one thread for one rule, and that of the quantum rule, whose second draw is the same."""

    cdef Room room
    cdef Scratch scratch
    cdef CopyRule rule

    def __cinit__(self, CopyRule rule not None):
        self.rule, self.room, self.scratch = rule, Room(rule), Scratch(rule.couplings)


def plan_half(Work work not None, StepPlans plans not None, StepControl control not None, int half, *,
              const uint8_t[::1] active not None, const int64_t[:, ::1] n not None,
              const int64_t[:, ::1] out not None, const double[:, ::1] phase not None,
              const double[::1] time_left not None):
    """Plan the first (half = 0) or second (half = 1) draw of a step of every active replica, as members.plan_half does.

    n, out (R, P): occupations, and how many the first draw took. Returns (status, replica, beable).
    """
    cdef const Law *law = &work.rule.law
    cdef Py_ssize_t R = n.shape[0], r = 0
    cdef int status = FINE
    cdef Plan plan
    need_plans(plans, work.rule.couplings, R)
    need(R > 0 and n.shape[1] == law.s.P and out.shape[0] == R and out.shape[1] == law.s.P and phase.shape[0] == R
         and phase.shape[1] == law.s.P and time_left.shape[0] == R and active.shape[0] == R,
         "n, out, phase: must be (R, P); time_left, active: (R,); R at least 1")
    with nogil:
        for r in range(R):
            if not active[r]:
                continue
            if half == 0:
                status = plan_first(law, control, &n[r, 0], &phase[r, 0], time_left[r], work.room, row_of(plans, r))
            else:
                status = plan_second(law, control, &n[r, 0], &out[r, 0], work.room, work.scratch, row_of(plans, r))
            if status != FINE:
                break
            if plans.profiled:
                plan = plan_at(law.s, row_of(plans, r))
                profile_rates(law, control.spectators, &n[r, 0], &plan, half, work.room, profile_of(plans, r))
    raise_problem(work.room)
    return status, r, int(head_of(plans, r).limiting)


cdef struct Counts:            # a replica that goes on
    int64_t *n
    double *phase
    double *time_left
    double *events
    double *largest


cdef struct Ends:              # of a half step: rows of rates at its start and its end
    const System *s
    const double *early
    const double *late


cdef void flow_at_ends(void *of, int64_t b, int64_t a, double *ends) noexcept nogil:
    """The flow b->a at the start and the end of a half step; where it is closed, and that back open, less than 0."""
    cdef const Ends *x = <const Ends *> of
    cdef const System *s = x.s
    cdef int64_t first = min(a, b), second = max(a, b)
    cdef Py_ssize_t low = 0, high = s.pairs - 1, middle, forth, back
    while low < high:
        middle = (low + high) // 2
        if s.pair[4 * middle] < first or (s.pair[4 * middle] == first and s.pair[4 * middle + 1] < second):
            low = middle + 1
        else:
            high = middle
    forth = 2 * s.P + low + (0 if b < a else s.pairs)
    back = 2 * s.P + low + (s.pairs if b < a else 0)
    ends[0] = x.early[forth] if x.early[forth] > 0.0 else -x.early[back]
    ends[1] = x.late[forth] if x.late[forth] > 0.0 else -x.late[back]


cdef void land(const System *s, Tracks *tracks, const double *early, const double *late, double begin,
               double end) noexcept nogil:
    """When those that are followed went in a half step from `begin` to `end`, and there they are."""
    cdef Ends ends = Ends(s, early, late)
    if tracks.jumps > tracks.begin:
        tracker_times(tracks, flow_at_ends, &ends, begin, end)
        tracker_land(tracks, begin, end)


cdef int make_leap(const Law *law, StepControl control, const Draws *draws, Work w, double *row, int64_t *numbers,
                   Counts *r) noexcept nogil:
    """One step of a replica."""
    cdef Plan plan = plan_at(law.s, row)
    cdef int64_t *out = numbers + law.s.nnz
    cdef double middle, end
    cdef int status = plan_first(law, control, r.n, r.phase, r.time_left[0], w.room, row)
    r.largest[0] = fmax(r.largest[0], plan.head.largest)
    if status != FINE:
        return status
    end = draws.stop - plan.head.time_left
    middle = 0.5 * (draws.begin + end)
    r.events[0] += draw_counts(law.s, draws, 0, plan.chance, control.spectators, numbers, r.n, out)
    if draws.tracks != NULL:
        land(law.s, draws.tracks, w.room.at_begin, w.room.at_between, draws.begin, middle)
    status = plan_second(law, control, r.n, out, w.room, w.scratch, row)
    if status != FINE:
        return status
    r.events[0] += draw_counts(law.s, draws, 1, plan.chance, control.spectators, numbers, r.n, out)
    if draws.tracks != NULL:
        land(law.s, draws.tracks, w.room.at_begin, w.room.at_end, middle, end)
    new_phase(law.s, row, r.phase)
    r.time_left[0] = plan.head.time_left
    return FINE


def advance(Work work not None, StepControl control not None, *, keys, int64_t[:, ::1] n not None,
            double[:, ::1] phase not None, double[::1] time_left not None, int64_t[::1] step not None,
            double[::1] events not None, double[::1] largest not None, int64_t max_steps, Tracker tracker=None,
            times=(0.0, 0.0)):
    """Carry replicas to the next record, or `max_steps` further.

    keys : what draws are keyed by: the seed, their purpose, and the number of the first replica.
    n, phase (R, P); time_left (R,) to the record; step (R,) steps since t = 0; events (R,) copies since t = 0;
    largest (R,) largest leaving chance so far. All are changed in place.
    tracker : members that are followed, or None. times : that of the record, and how much before it replicas wait.
    Returns (steps done, status, replica, beable): status is not FINE where a replica could not go on.
    """
    cdef const Law *law = &work.rule.law
    cdef Py_ssize_t R = n.shape[0], r = 0, first_replica = keys[2]
    need(n.shape[1] == law.s.P and phase.shape[0] == R and phase.shape[1] == law.s.P, "n, phase: must be (R, P)")
    need(time_left.shape[0] == R and step.shape[0] == R and events.shape[0] == R and largest.shape[0] == R,
         "time_left, step, events, largest: must be (R,)")
    cdef double[::1] row_memory = np.zeros(plan_size(law.s))
    cdef int64_t[::1] count_memory = np.zeros(law.s.nnz + 2 * law.s.P, np.int64)
    cdef Counts x
    cdef Draws draws = Draws(keys[0], keys[1], keys[1], 0, 0, tracks_of(tracker), 0, 0.0, times[0])
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
                status = make_leap(law, control, &draws, work, &row_memory[0], &count_memory[0], &x)
                if status != FINE:
                    break
                step[r] += 1
                done += 1
            if status != FINE:
                break
    raise_problem(work.room)
    return done, status, r, int(plan_at(law.s, &row_memory[0]).head.limiting)
