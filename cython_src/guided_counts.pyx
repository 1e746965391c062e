# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Systems that Psi guides from beable to beable, known by their counts alone: all replicas make the same steps.

Chances of a step's halves follow from what flows (guide.pyx). In each half a system jumps once at most; in the second
those that came in the first leave at up to twice the others' rate, which makes the law of both halves right to second
order, and leaves |Psi|^2 what it is, to rounding: docs/theory.md, "Guided systems".
"""
import numpy as np
from libc.math cimport fmax, fmin
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.draws cimport draw_leavers, draw_many_leavers
from copympi.kernels.guide cimport Guide
from copympi.kernels.streams cimport Stream, stream_open

ctypedef fused Number:
    int64_t
    double

cdef double MOST_AGAIN = 2.0   # so much more often than others those leave who have just come


cdef void settle_chances(Guide guide, Chances *chances) noexcept nogil:
    """The chances of a step that `guide` has planned; of each beable they come to 1 at most."""
    cdef const System *s = guide.s
    cdef Py_ssize_t P = s.P, b, e
    cdef double out, came, rho, again, stayed
    memset(guide.came, 0, P * sizeof(double))
    for b in range(P):
        rho, out = guide.rho[b], 0.0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            out += guide.flow[e]
            guide.came[s.indices[e]] += guide.flow[e]
        for e in range(s.indptr[b], s.indptr[b + 1]):
            chances.first[e] = guide.flow[e] / fmax(rho, out) if out > 0.0 else 0.0
    for b in range(P):
        rho, came, out = guide.rho[P + b], guide.came[b], 0.0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            out += guide.flow[s.nnz + e]
        again = MOST_AGAIN
        if out > 0.0:
            again = fmin(again, fmax(rho, out) / out)
        if came > 0.0:
            again = fmax(1.0, fmin(again, rho / came))
        stayed = fmax(0.0, rho - again * came) / (rho - came) if rho > came else 0.0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            rho = guide.flow[s.nnz + e] / fmax(guide.rho[P + b], out) if out > 0.0 else 0.0
            chances.stayed[e] = stayed * rho
            chances.arrived[e] = again * rho


cdef inline Number leave(const System *s, Stream *stream, Py_ssize_t b, Number n, const double *chance, Number *gone,
                         Number *to) noexcept nogil:
    """Of n systems in b as many as leave go to other beables, `to` (P,); how many. gone (nnz,): by which coupling."""
    cdef Py_ssize_t first = s.indptr[b], last = s.indptr[b + 1], e
    cdef Number all_gone = 0
    if Number is int64_t:
        draw_leavers(stream, n, first, last, chance, gone)
    else:
        draw_many_leavers(stream, n, last - first, chance + first, gone + first)
    for e in range(first, last):
        to[s.indices[e]] += gone[e]
        all_gone += gone[e]
    return all_gone


cdef double move(const System *s, const Chances *chances, Stream *stream, Stream *second, Number *n, Number *gone,
                 Number *came) noexcept nogil:
    """One step of a replica: how many jumps. gone (nnz,), came (2 P,): work space."""
    cdef Py_ssize_t b, P = s.P
    cdef double jumps = 0.0
    cdef Number drawn
    cdef Number *more = came + P
    memset(came, 0, 2 * P * sizeof(Number))
    for b in range(P):
        if n[b] > 0:
            drawn = leave(s, stream, b, n[b], chances.first, gone, came)
            n[b] -= drawn
            jumps += drawn
    for b in range(P):
        if n[b] > 0:
            drawn = leave(s, second, b, n[b], chances.stayed, gone, more)
            n[b] -= drawn
            jumps += drawn
        if came[b] > 0:
            drawn = leave(s, second, b, came[b], chances.arrived, gone, more)
            n[b] += came[b] - drawn
            jumps += drawn
    for b in range(P):
        n[b] += more[b]
    return jumps


def advance(Guide guide not None, Number[:, ::1] n not None, *, uint64_t seed, uint64_t purpose,
            Py_ssize_t first_replica, double[::1] time_left not None, int64_t[::1] step not None,
            double[::1] events not None, double[::1] largest not None, double chance, double smallest,
            int64_t max_steps):
    """Carry replicas to the next record, or `max_steps` further, all in the same steps.

    n (R, P); time_left (R,) to the record, 0 or that of all; step (R,) steps since t = 0; events (R,) jumps since t = 0;
    largest (R,) largest crossing of a beable so far: all are changed in place. chance : the most that one may be.
    Returns steps done.
    """
    cdef const System *s = guide.s
    cdef Py_ssize_t R = n.shape[0], r
    need(R > 0 and n.shape[1] == s.P, "n: must be (R, P), R at least 1")
    need(time_left.shape[0] == R and step.shape[0] == R and events.shape[0] == R and largest.shape[0] == R,
         "time_left, step, events, largest: must be (R,)")
    cdef double[:, ::1] memory = np.zeros((3, s.nnz + 1))
    cdef Number[::1] numbers = np.zeros(s.nnz + 2 * s.P, np.int64 if Number is int64_t else np.float64)
    cdef Chances chances = Chances(&memory[0, 0], &memory[1, 0], &memory[2, 0])
    cdef Stream early, late
    cdef double left = max(time_left)
    cdef int64_t done = 0
    with nogil:
        while left > 0.0 and done < max_steps:
            guide.plan(left, chance, smallest)
            settle_chances(guide, &chances)
            left = left - guide.step if left - guide.step > smallest else 0.0
            for r in range(R):
                if not time_left[r] > 0.0:
                    continue
                stream_open(&early, seed, purpose, first_replica + r, 0, 2 * step[r])
                stream_open(&late, seed, purpose, first_replica + r, 0, 2 * step[r] + 1)
                events[r] += move(s, &chances, &early, &late, &n[r, 0], &numbers[0], &numbers[s.nnz])
                largest[r] = fmax(largest[r], guide.crossing)
                time_left[r] = left
                step[r] += 1
                done += 1
            guide.go()
    return done
