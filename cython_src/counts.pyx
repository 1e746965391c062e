# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Leaps of counts: replicas known by their occupations alone, each on its own clock up to the next record."""
from libc.stdint cimport int64_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.draws cimport draw_leavers
from copympi.kernels.flows cimport Scratch
from copympi.kernels.plans cimport FINE, Plan, plan_at, plan_size
from copympi.kernels.predictor cimport new_phase, plan_first, plan_second
from copympi.kernels.step_control cimport StepControl
from copympi.kernels.streams cimport Stream, stream_open


cdef double draw_counts(const System *s, Stream *stream, const double *chance, int64_t spectators, int64_t *leave,
                        int64_t *n, int64_t *out) noexcept nogil:
    """Draw one half step's copies of every source beable, then apply them all. Returns how many there were."""
    cdef Py_ssize_t b, e
    cdef double copies = 0.0
    for b in range(s.P):
        draw_leavers(stream, n[b] - spectators, s.indptr[b], s.indptr[b + 1], chance, leave)
    for b in range(s.P):
        out[b] = 0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            out[b] += leave[e]
            n[s.indices[e]] += leave[e]
        n[b] -= out[b]
        copies += out[b]
    return copies


def advance(Couplings couplings not None, StepControl control not None, *, uint64_t seed, uint64_t purpose,
            Py_ssize_t first_replica, int64_t[:, ::1] n not None, double[:, ::1] phase not None,
            double[::1] time_left not None, int64_t[::1] step not None, double[::1] events not None,
            double[::1] largest not None, int64_t max_steps):
    """Carry replicas to the next record, or `max_steps` further.

    n, phase (R, P); time_left (R,) to the record; step (R,) steps since t = 0; events (R,) copies since t = 0;
    largest (R,) largest leaving chance so far. All are changed in place.
    Returns (steps done, status, replica, beable): status is not FINE where a replica could not go on.
    """
    cdef const System *s = &couplings.system
    cdef Py_ssize_t R = n.shape[0]
    need(n.shape[1] == s.P and phase.shape[0] == R and phase.shape[1] == s.P, "n, phase: must be (R, P)")
    need(time_left.shape[0] == R and step.shape[0] == R and events.shape[0] == R and largest.shape[0] == R,
         "time_left, step, events, largest: must be (R,)")
    cdef Scratch scratch = Scratch(couplings)
    cdef double[::1] row_memory = np.zeros(plan_size(s))
    cdef int64_t[::1] count_memory = np.zeros(s.nnz + s.P, np.int64)
    cdef double *row = &row_memory[0]
    cdef Plan plan = plan_at(s, row)
    cdef int64_t *leave = &count_memory[0]
    cdef int64_t *out = leave + s.nnz
    cdef Stream stream
    cdef Py_ssize_t r = 0
    cdef int64_t done = 0
    cdef int status = FINE
    with nogil:
        for r in range(R):
            while time_left[r] > 0.0 and done < max_steps:
                status = plan_first(s, control, &n[r, 0], &phase[r, 0], time_left[r], scratch, row)
                if plan.head.largest > largest[r]:
                    largest[r] = plan.head.largest
                if status != FINE:
                    break
                stream_open(&stream, seed, purpose, first_replica + r, 0, 2 * step[r])
                events[r] += draw_counts(s, &stream, plan.chance, control.spectators, leave, &n[r, 0], out)
                plan_second(s, control, &n[r, 0], out, scratch, row)
                stream_open(&stream, seed, purpose, first_replica + r, 0, 2 * step[r] + 1)
                events[r] += draw_counts(s, &stream, plan.chance, control.spectators, leave, &n[r, 0], out)
                new_phase(s, row, &phase[r, 0])
                time_left[r] = plan.head.time_left
                step[r] += 1
                done += 1
            if status != FINE:
                break
    return done, status, r, int(plan.head.limiting)
