# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# Copies one by one under any rule: a member of b gets offers to copy one of a, drawn uniformly among the n_a, at the
# rate n_a^q n_b^(-q) sum_k R'^k, a function of n alone, and takes one with the ratio of sum_k R'^k sin+ to that sum.
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.elementary cimport log1p
from copympi.kernels.general cimport powers_of
from copympi.kernels.general_phases cimport PhaseRule, pull
from copympi.kernels.streams cimport Stream, stream_double


cdef struct Offers:
    double total           # in unit time, all members together
    double *reach          # (P,) sum over a of n_a^q sum_k R'^k
    double *out            # (P,) of all members of b
    int64_t *n             # (P,)
    int64_t *free          # (P,) those of them who can move


cdef inline void add_offers(PhaseRule k, Offers *o) noexcept nogil:
    """The rates of offers, from n, powers and reaches."""
    cdef Py_ssize_t b
    o.total = 0.0
    for b in range(k.law.s.P):
        o.out[b] = 0.0
        if o.free[b] > 0 and o.reach[b] > 0.0:
            o.out[b] = o.free[b] * o.reach[b] * k.power[b].out / o.n[b]
        o.total += o.out[b]


cdef inline void begin_offers(PhaseRule k, Offers *o) noexcept nogil:
    """Everything from n and `free` alone: no rounding of earlier steps is carried on."""
    cdef const System *s = k.law.s
    cdef Py_ssize_t b, e
    for b in range(s.P):
        powers_of(k.law, 0, <double> o.n[b], &k.power[b])
    for b in range(s.P):
        o.reach[b] = 0.0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            o.reach[b] += k.copies[k.pair[e]] * k.power[s.indices[e]].to
    add_offers(k, o)


cdef inline void change_offers(PhaseRule k, Offers *o, Py_ssize_t a, int64_t by) noexcept nogil:
    """n_a changes; who is coupled to a feels its power."""
    cdef const System *s = k.law.s
    cdef Py_ssize_t e
    cdef double old = k.power[a].to
    o.n[a] += by
    o.free[a] += by
    powers_of(k.law, 0, <double> o.n[a], &k.power[a])
    for e in range(s.indptr[a], s.indptr[a + 1]):
        o.reach[s.indices[e]] += k.copies[k.pair[e]] * (k.power[a].to - old)


cdef inline Py_ssize_t next_offer(PhaseRule k, const Offers *o, Stream *stream, double *time_left,
                                  Py_ssize_t *b) noexcept nogil:
    """Wait for the next offer and draw its beables: the entry (b, a) of H, or -1 where the time is over first."""
    cdef const System *s = k.law.s
    cdef double x
    cdef Py_ssize_t e, found = -1
    while True:
        if o.total <= 0.0:
            return -1
        time_left[0] += log1p(-stream_double(stream)) / o.total
        if time_left[0] <= 0.0:
            return -1
        x = o.total * stream_double(stream)
        b[0] = 0
        while b[0] < s.P - 1 and x >= o.out[b[0]]:
            x -= o.out[b[0]]
            b[0] += 1
        x = o.reach[b[0]] * stream_double(stream)
        for e in range(s.indptr[b[0]], s.indptr[b[0] + 1]):
            found = e
            x -= k.copies[k.pair[e]] * k.power[s.indices[e]].to
            if x < 0.0:
                break
        if found >= 0 and o.free[b[0]] > 0 and o.n[s.indices[found]] > 0:  # else it fell off an edge by rounding
            return found


cdef inline bint offer_taken(PhaseRule k, Py_ssize_t e, Py_ssize_t b, const double *w, const double *v,
                             double luck) noexcept nogil:
    """Whether who has w = e^{i phi_I}, of b, takes the offer of v = e^{i phi_J}; entry e = (b, a)."""
    return luck * k.copies[k.pair[e]] < pull(k, e, b, w, v)
