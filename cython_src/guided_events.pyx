# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Systems that Psi guides, jump by jump: the law of the jumps is exact, Psi is known to rounding.

In a step in which no Psi_b of a beable with systems changes by more than half of itself, a system jumps from b to a at
a rate of at most 2 R_ab (1 + m) |Psi_a|/|Psi_b|, the most of the one over the least of the other. Jumps are proposed at
these rates and kept with the ratio of the rate at that time. Towards a node steps become shorter with |Psi_b|.
"""
from libc.stdint cimport int64_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.elementary cimport fmax, fmin, hypot
from copympi.kernels.guide cimport Guide
from copympi.kernels.streams cimport Stream, stream_double, stream_open
from copympi.kernels.tracker cimport Tracker, Tracks, tracker_land, tracker_one, tracker_open, tracks_of

cdef extern from "hypergeometric.h" nogil:
    double log_of(double x)

cdef double PROPOSALS = 1000.0  # of a step, on average, at most
cdef double REACH = 1.0         # |H|/hbar times the longest step

cdef struct Bounds:
    double *size               # (P,) |Psi_a| at the step's start,
    double *drift              # and how far it may be from that in the step
    double *rate               # (P,) at most so many jumps of one system from b in unit time


cdef void drifts(Guide g, double h, Bounds *x) noexcept nogil:
    """How far Psi goes in a step of length h, from its series."""
    cdef Py_ssize_t P = g.s.P, a, k
    cdef double power
    for a in range(P):
        x.drift[a], power = 0.0, 1.0
        for k in range(1, g.terms):
            power *= h
            x.drift[a] += power * hypot(g.series[2 * P * k + a], g.series[2 * P * k + P + a])


cdef inline bint steady(const Bounds *x, Py_ssize_t b) noexcept nogil:
    """Whether Psi_b keeps at least half of its size."""
    return x.drift[b] <= 0.5 * x.size[b]


cdef inline double most(Guide g, const Bounds *x, Py_ssize_t b, Py_ssize_t e) noexcept nogil:
    """The highest rate of jumps from b by its coupling e."""
    cdef Py_ssize_t a = g.s.indices[e]
    cdef double least = fmax(x.size[b] - x.drift[b], 0.5 * x.size[b])
    if not least > 0.0:
        return 0.0  # a node, as far as Psi is known: who is there stays for this moment
    return 2.0 * hypot(g.s.re[e], g.s.im[e]) * (1.0 + g.mixing) * (x.size[a] + x.drift[a]) / least


cdef void bound(Guide g, Bounds *x) noexcept nogil:
    """The highest rates of jumps from all beables."""
    cdef Py_ssize_t b, e
    for b in range(g.s.P):
        x.rate[b] = 0.0
        for e in range(g.s.indptr[b], g.s.indptr[b + 1]):
            x.rate[b] += most(g, x, b, e)


cdef double total(Guide g, const Bounds *x, const int64_t *n) noexcept nogil:
    cdef Py_ssize_t b
    cdef double out = 0.0
    for b in range(g.s.P):
        out += n[b] * x.rate[b]
    return out


cdef double set_out(Guide g, const int64_t *n, double left, double smallest, Bounds *x) noexcept nogil:
    """The length of the next step, and bounds on all rates in it."""
    cdef Py_ssize_t P = g.s.P, b
    cdef double h = left if g.s.norm * left <= REACH else REACH / g.s.norm, all_rates
    cdef bint fits = False
    g.expand(h)
    g.look_at(0.0)
    for b in range(P):
        x.size[b] = g.size[b]
    while not fits:
        drifts(g, h, x)
        fits = True
        for b in range(P):
            if n[b] > 0 and not steady(x, b):
                fits = False
        if h <= 2.0 * smallest:
            break
        if not fits:
            h *= 0.5
    bound(g, x)
    all_rates = total(g, x, n)
    if all_rates * h > PROPOSALS:
        h = PROPOSALS / all_rates
    return h


cdef double rho_at(Guide g, Py_ssize_t b, double t) noexcept nogil:
    """|Psi_b|^2 so long after the step's start."""
    cdef Py_ssize_t P = g.s.P, _k
    cdef const double *term = g.series + 2 * P * g.terms
    cdef double x = 0.0, y = 0.0
    for _k in range(g.terms):
        term -= 2 * P
        x, y = x * t + term[b], y * t + term[P + b]
    return x * x + y * y


cdef double make_step(Guide g, int64_t *n, double h, const Bounds *x, Stream *stream, double begin, double end,
                      Tracks *tracks, double *jumps) noexcept nogil:
    """Jumps of a step of length h, or up to one to a beable whose Psi does not keep still: how long it went."""
    cdef const System *s = g.s
    cdef Py_ssize_t b, e, a
    cdef double t = 0.0, sum = total(g, x, n), lot
    while sum > 0.0:
        t -= log_of(1.0 - stream_double(stream)) / sum
        if not t < h:
            break
        lot, b = stream_double(stream) * sum, 0
        while b < s.P - 1 and lot >= n[b] * x.rate[b]:
            lot -= n[b] * x.rate[b]
            b += 1
        if n[b] == 0 or not x.rate[b] > 0.0:
            continue  # by rounding, at the end of the sum
        lot, e = fmin(lot / n[b], x.rate[b]), s.indptr[b]
        while e < s.indptr[b + 1] - 1 and lot >= most(g, x, b, e):
            lot -= most(g, x, b, e)
            e += 1
        if stream_double(stream) * most(g, x, b, e) * rho_at(g, b, t) >= g.flow_at(b, e, t, False):
            continue
        a = s.indices[e]
        if tracks != NULL:
            tracker_one(tracks, b, a, n[b], fmin(begin + t, end))
        n[b] -= 1
        n[a] += 1
        jumps[0] += 1.0
        if not steady(x, a):
            return t
        sum = total(g, x, n)
    return h


def advance(Guide guide not None, int64_t[:, ::1] n not None, double[:, ::1] psi not None, draws, *,
            double[::1] time_left not None, int64_t[::1] step not None, double[::1] events not None, double end,
            double smallest, int64_t max_steps, Tracker tracker, double pause=0.0):
    """Carry replicas to the record at `end`, or `max_steps` further, each in steps of its own.

    n (R, P); psi (R, 2 P): Re, then Im, of Psi as each replica has it; time_left (R,) to the record; step (R,) steps
    since t = 0; events (R,) jumps since t = 0: all are changed in place. draws : seed, purpose, first replica.
    smallest : a shorter step cannot be told from none. pause : replicas wait that have no more time left than this.
    Returns (steps done, status, replica): status 1 where jumps are too fast.
    """
    cdef Py_ssize_t R = n.shape[0], r = 0, P = guide.s.P, k
    need(n.shape[1] == P and psi.shape[0] == R and psi.shape[1] == 2 * P, "n: must be (R, P), psi (R, 2 P)")
    need(time_left.shape[0] == R and step.shape[0] == R and events.shape[0] == R,
         "time_left, step, events: must be (R,)")
    cdef uint64_t seed = draws[0], purpose = draws[1]
    cdef Py_ssize_t first_replica = draws[2]
    cdef double[:, ::1] memory = np.zeros((3, P))
    cdef Bounds x = Bounds(&memory[0, 0], &memory[1, 0], &memory[2, 0])
    cdef Tracks *tracks = tracks_of(tracker)
    cdef Stream stream
    cdef double h, went
    cdef int64_t done = 0
    cdef int status = 0
    if tracker is not None:
        need(tracks.places == P and tracks.replicas == R, "tracker: must be of (R, P)")
    with nogil:
        for r in range(R):
            for k in range(2 * P):
                guide.psi[k] = psi[r, k]
            while time_left[r] > pause and done < max_steps:
                h = set_out(guide, &n[r, 0], time_left[r], smallest, &x)
                if h < smallest:
                    status = 1
                    break
                stream_open(&stream, seed, purpose, first_replica + r, 1, step[r])
                if tracks != NULL:
                    tracker_open(tracks, r, 1, step[r])
                went = make_step(guide, &n[r, 0], h, &x, &stream, end - time_left[r], end, tracks,
                                 &events[r])
                if tracks != NULL:
                    tracker_land(tracks, end - time_left[r], end)
                guide.step = went
                guide.go()
                time_left[r] = time_left[r] - went if time_left[r] - went > smallest else 0.0
                step[r] += 1
                done += 1
            for k in range(2 * P):
                psi[r, k] = guide.psi[k]
            if status:
                break
    if tracker is not None and tracks.failed:
        raise MemoryError
    return done, status, r
