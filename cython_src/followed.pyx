# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Members that are followed through a leap of aligned members: who of them leaves, and when.

When: each half step knows amplitudes at its start and end, and so the flow of each pair there. Between them flows are
taken to be linear, which errs by the second order in the step; one that turns round goes on as long as it is positive.
Flows are worked out of pairs alone along which somebody goes who is followed.
"""
from libc.math cimport sqrt
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.elementary cimport sin_cos_of
from copympi.kernels.flows cimport Scratch
from copympi.kernels.pair cimport pair_flow
from copympi.kernels.plans cimport Plan
from copympi.kernels.tracker cimport Tracks, tracker_land, tracker_leave, tracker_times


cdef struct Ends:              # of a half step
    const System *s
    int64_t spectators
    const double *early        # (2, P) amplitudes at its start, or NULL: then these are of
    const int64_t *n           # (P,) members after its draw, from which
    const int64_t *out         # (P,) so many and
    const int64_t *leave       # (nnz,) so many by each coupling have left,
    const double *phase        # (P,) and phases before
    const double *late         # (2, P) amplitudes at its end


cdef void leave_all(const System *s, Tracks *tracks, const int64_t *n, int64_t spectators,
                    const int64_t *leave) noexcept nogil:
    """Of n (P,) members go leave (nnz,): who, of those that are followed."""
    cdef Py_ssize_t b, first
    for b in range(s.P):
        first = s.indptr[b]
        tracker_leave(tracks, b, n[b] - spectators, leave + first, s.indices + first, s.indptr[b + 1] - first)


cdef Py_ssize_t entry_of(const System *s, Py_ssize_t b, Py_ssize_t a) noexcept nogil:
    """Where the coupling b->a stands, whose columns ascend."""
    cdef Py_ssize_t low = s.indptr[b], high = s.indptr[b + 1] - 1, middle
    while low < high:
        middle = (low + high) // 2
        if s.indices[middle] < a:
            low = middle + 1
        else:
            high = middle
    return low


cdef double before(const Ends *x, Py_ssize_t a) noexcept nogil:
    """Members of a before the draw."""
    cdef const System *s = x.s
    cdef Py_ssize_t e, f
    cdef int64_t n = x.n[a] + x.out[a]
    for e in range(s.indptr[a], s.indptr[a + 1]):
        f = entry_of(s, s.indices[e], a)
        n -= x.leave[f]
    return <double> n


cdef inline double flow_of(const Ends *x, Py_ssize_t e, double xb, double yb, double xa, double ya) noexcept nogil:
    """Members that move by coupling e in unit time."""
    cdef double members, flow = pair_flow(x.s.re[e], x.s.im[e], xb, yb, xa, ya)
    if x.spectators:
        members = xb * xb + yb * yb
        flow *= 1.0 - x.spectators / members if members > x.spectators else 0.0
    return flow


cdef void flow_at_ends(void *of, int64_t b, int64_t a, double *ends) noexcept nogil:
    """The flow b->a at the start and the end of a half step."""
    cdef const Ends *x = <const Ends *> of
    cdef Py_ssize_t P = x.s.P, e = entry_of(x.s, b, a)
    cdef const double *c = x.early
    cdef double root_b, root_a, xb, yb, xa, ya
    if c != NULL:
        ends[0] = flow_of(x, e, c[b], c[P + b], c[a], c[P + a])
    else:
        root_b = sqrt(before(x, b))
        root_a = sqrt(before(x, a))
        sin_cos_of(x.phase[b], &yb, &xb)
        sin_cos_of(x.phase[a], &ya, &xa)
        ends[0] = flow_of(x, e, root_b * xb, -root_b * yb, root_a * xa, -root_a * ya)
    c = x.late
    ends[1] = flow_of(x, e, c[b], c[P + b], c[a], c[P + a])


cdef void time_first_half(const System *s, int64_t spectators, Tracks *tracks, const int64_t *leave, const int64_t *out,
                          const int64_t *n, const double *phase, const Plan *plan, double begin,
                          double end) noexcept nogil:
    """When they went in the first half of a step, from `begin` to `end`, and there they are.

    n, out (P,), leave (nnz,): members after the draw, who left, by which coupling; phase (P,) at the step's start.
    """
    cdef Ends ends = Ends(s, spectators, NULL, n, out, leave, phase, plan.mid)
    if tracks.jumps > tracks.begin:
        tracker_times(tracks, flow_at_ends, &ends, begin, end)
        tracker_land(tracks, begin, end)


cdef void time_second_half(const System *s, int64_t spectators, Tracks *tracks, Scratch w, double begin,
                           double end) noexcept nogil:
    """The same of the second half, that goes from amplitudes w.c to w.d."""
    cdef Ends ends = Ends(s, spectators, w.c, NULL, NULL, NULL, NULL, w.d)
    if tracks.jumps > tracks.begin:
        tracker_times(tracks, flow_at_ends, &ends, begin, end)
        tracker_land(tracks, begin, end)
