# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# Copies one by one: at which rate which beables get proposals, whether one is taken, where who copies then stands.
from libc.math cimport sqrt
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.crowd cimport Block
from copympi.kernels.elementary cimport log1p
from copympi.kernels.pair cimport pair_pull
from copympi.kernels.streams cimport Stream, stream_double


cdef struct Rates:
    double copying         # a factor on all rates
    double total           # of proposals, all members together
    double *strength       # (nnz,) R_ab
    double *root           # (P,) sqrt(n_a)
    double *reach          # (P,) sum over a of 2 R_ab sqrt(n_a)
    double *out            # (P,) rate of proposals to all members of b
    int64_t *n             # (P,)
    int64_t *free          # (P,) those of them who can move


cdef inline void add_up(const System *s, Rates *k) noexcept nogil:
    """The rates of proposals, from n, roots and reaches."""
    cdef Py_ssize_t b
    k.total = 0.0
    for b in range(s.P):
        k.out[b] = k.copying * k.free[b] * k.reach[b] / k.root[b] if k.free[b] > 0 and k.reach[b] > 0.0 else 0.0
        k.total += k.out[b]


cdef inline void begin_rates(const System *s, Rates *k) noexcept nogil:
    """Everything from n and `free` alone: no rounding of earlier steps is carried on."""
    cdef Py_ssize_t b, e
    for b in range(s.P):
        k.root[b] = sqrt(<double> k.n[b])
    for b in range(s.P):
        k.reach[b] = 0.0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            k.reach[b] += 2.0 * k.strength[e] * k.root[s.indices[e]]
    add_up(s, k)


cdef inline void change_n(const System *s, Rates *k, Py_ssize_t a, int64_t by) noexcept nogil:
    """n_a changes; who is coupled to a feels its root."""
    cdef Py_ssize_t e
    cdef double old = k.root[a]
    k.n[a] += by
    k.free[a] += by
    k.root[a] = sqrt(<double> k.n[a])
    for e in range(s.indptr[a], s.indptr[a + 1]):
        k.reach[s.indices[e]] += 2.0 * k.strength[e] * (k.root[a] - old)


cdef inline Py_ssize_t next_proposal(const System *s, const Rates *k, Stream *stream, double *time_left,
                                     Py_ssize_t *b) noexcept nogil:
    """Wait for the next proposal and draw its beables: the entry (b, a) of H, or -1 where the time is over first."""
    cdef double x
    cdef Py_ssize_t e, found = -1
    while True:
        if k.total <= 0.0:
            return -1
        time_left[0] += log1p(-stream_double(stream)) / k.total
        if time_left[0] <= 0.0:
            return -1
        x = k.total * stream_double(stream)
        b[0] = 0
        while b[0] < s.P - 1 and x >= k.out[b[0]]:
            x -= k.out[b[0]]
            b[0] += 1
        x = k.reach[b[0]] * stream_double(stream)
        for e in range(s.indptr[b[0]], s.indptr[b[0] + 1]):
            found = e
            x -= 2.0 * k.strength[e] * k.root[s.indices[e]]
            if x < 0.0:
                break
        if found >= 0 and k.free[b[0]] > 0 and k.n[s.indices[found]] > 0:  # else it fell off an edge by rounding
            return found


cdef inline bint taken(const System *s, const Rates *k, Py_ssize_t e, const double *w, const double *v,
                       double luck) noexcept nogil:
    """Whether who has w = e^{i phi_I} takes the proposal of v = e^{i phi_J}; entry e = (b, a)."""
    return luck * k.strength[e] < pair_pull(s.re[e], s.im[e], w[0], w[1], v[0], v[1])


cdef inline void put(Block *k, int64_t source, int64_t target) noexcept nogil:
    """Member `source` moves to the gap at `target`."""
    cdef Py_ssize_t j
    if source != target:
        k.ids[target] = k.ids[source]
        for j in range(k.width):
            k.values[j * k.size + target] = k.values[j * k.size + source]


cdef inline int64_t make_room(Block *k, int64_t *start, const int64_t *n, Py_ssize_t b, Py_ssize_t a,
                              int64_t gap) noexcept nogil:
    """Close the gap in bucket b and open one in bucket a, a move or two for each bucket between: returns where.

    start, n (P,): where buckets begin, and their sizes before. A bucket's spectators stay its first.
    """
    cdef Py_ssize_t c
    cdef int64_t free
    if b < a:
        put(k, start[b] + n[b] - 1, gap)
        gap = start[b] + n[b] - 1
        for c in range(b + 1, a + 1):  # to the left: a spectator and the last of the others go to the front
            start[c] -= 1
            free = start[c] + k.spectators[c]
            put(k, free, gap)
            gap = free
            if c < a:
                put(k, start[c] + n[c], gap)
                gap = start[c] + n[c]
        return gap
    for c in range(b, a, -1):  # to the right: the first of the others and a spectator go to the back
        if c < b:
            gap = start[c] + n[c]
        free = start[c] + k.spectators[c]
        put(k, free, gap)
        put(k, start[c], free)
        start[c] += 1
    return start[a] + n[a]


cdef inline Py_ssize_t class_of(const int64_t *count, const int64_t *spectators, int64_t member) noexcept nogil:
    """The class that has the member of this number, spectators (NULL: none) not counted."""
    cdef Py_ssize_t i = 0
    cdef int64_t size = count[0] - (spectators[0] if spectators != NULL else 0)
    while member >= size:
        member -= size
        i += 1
        size = count[i] - (spectators[i] if spectators != NULL else 0)
    return i
