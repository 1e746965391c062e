# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Steps of their own for the few beables that turn over too fast for the lattice's: tails, fronts, passing nodes.

Neighbours among them make a cluster. It goes on in substeps as short as it wants, while all around it follow the
path that was predicted for the whole step. In a substep amplitudes move by a Runge-Kutta step of fourth order, each
beable's leavers are drawn (binomial, multinomial) with the integrated flows as means, and amplitudes are scaled to
the new counts. What this gives up: the draws come at a substep's end, so that covariances are of first order in its
`limit`; and what happens in a cluster is felt outside only after the step.
"""
import numpy as np
from libc.math cimport fmax, fmin, llrint, sqrt
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy

from copympi.kernels.draws cimport draw_binomial, draw_leavers, draw_normal, draw_some
from copympi.kernels.predictor cimport System
from copympi.kernels.streams cimport Stream, stream_double, stream_open

cdef int64_t ENDLESS = 1 << 60  # members, where there are more than can be counted
cdef double MOST = 0.05  # largest part of a beable's members for which that law will do
cdef double SHORTEST = 1e-6  # part of a step that a substep takes at the least


cdef int64_t draw_from(Stream *stream, int64_t there, const double *start, Py_ssize_t P, double flow,
                       double *taken) noexcept nogil:
    """Members that leave a beable of amplitude `start` (re, P further on im) by one pair, given those who are gone.

    Shares of a flow in the members at the start are a multinomial's chances; `taken` is their sum so far.
    """
    cdef double p = flow / (start[0] * start[0] + start[P] * start[P])
    cdef int64_t k = draw_some(stream, there, fmin(1.0, p / (1.0 - taken[0])) if taken[0] < 1.0 else 1.0)
    taken[0] += p
    return k


cdef inline void amplitude(const Rapids *w, Py_ssize_t a, double t, double *x, double *y) noexcept nogil:
    """The predicted path of beable a at time t of the step."""
    cdef Py_ssize_t P = w.s.P, P2 = 2 * w.s.P
    cdef const double *v = w.v + a
    x[0] = v[0] + t * (v[P2] + t * (v[2 * P2] + t * (v[3 * P2] + t * v[4 * P2])))
    v = v + P
    y[0] = v[0] + t * (v[P2] + t * (v[2 * P2] + t * (v[3 * P2] + t * v[4 * P2])))


cdef int32_t gather(Rapids *w, Py_ssize_t seed) noexcept nogil:
    """The cluster of a busy beable: w.queue[0 .. size-1], in an order that only H and `busy` determine."""
    cdef const System *s = w.s
    cdef int32_t size = 1, head = 0
    cdef Py_ssize_t a, b, e
    w.queue[0] = <int32_t> seed
    w.place[seed] = 0
    while head < size:
        a = w.queue[head]
        head += 1
        for e in range(s.indptr[a], s.indptr[a + 1]):
            b = s.indices[e]
            if w.busy[b] == BUSY and w.place[b] < 0:
                w.place[b] = size
                w.queue[size] = <int32_t> b
                size += 1
    return size


cdef inline double across(double re, double im, double xb, double yb, double xc, double yc) noexcept nogil:
    """Members from b to c in unit time, with re + i im = H_bc/hbar; negative: from c to b."""
    return -2.0 * (re * (xb * yc - yb * xc) + im * (xb * xc + yb * yc))


cdef int64_t count_outside(const Rapids *w, int32_t size) noexcept nogil:
    """How many couplings a cluster has with beables that are not in it."""
    cdef int64_t m = 0
    cdef int32_t i
    cdef Py_ssize_t e
    for i in range(size):
        for e in range(w.s.indptr[w.queue[i]], w.s.indptr[w.queue[i] + 1]):
            m += w.place[w.s.indices[e]] < 0
    return m


cdef void look_outside(const Rapids *w, int32_t size, double t, double *there) noexcept nogil:
    """Amplitudes at time t of the neighbours outside, in order of the couplings: there[2k] + i there[2k + 1]."""
    cdef int32_t i
    cdef Py_ssize_t e
    for i in range(size):
        for e in range(w.s.indptr[w.queue[i]], w.s.indptr[w.queue[i] + 1]):
            if w.place[w.s.indices[e]] < 0:
                amplitude(w, w.s.indices[e], t, there, there + 1)
                there += 2


cdef void field(const Rapids *w, int32_t size, const double *there, const double *z, double *f,
                double *out) noexcept nogil:
    """f = sum over b of (H_ab/hbar) c_b: amplitudes z (2, size) inside, `there` outside.

    out (size,), where it is wanted: members that leave in unit time.
    """
    cdef const System *s = w.s
    cdef int32_t i, j
    cdef Py_ssize_t a, e
    cdef double x, y
    for i in range(size):
        a = w.queue[i]
        f[i] = 0.0
        f[size + i] = 0.0
        if out != NULL:
            out[i] = 0.0
        for e in range(s.indptr[a], s.indptr[a + 1]):
            j = w.place[s.indices[e]]
            if j >= 0:
                x = z[j]
                y = z[size + j]
            else:
                x = there[0]
                y = there[1]
                there += 2
            f[i] += s.re[e] * x - s.im[e] * y
            f[size + i] += s.re[e] * y + s.im[e] * x
            if out != NULL:
                out[i] += fmax(0.0, across(s.re[e], s.im[e], z[i], z[size + i], x, y))


cdef void slope(const Rapids *w, int32_t size, const double *there, const double *z, double *k) noexcept nogil:
    """k = dz/dt = -i (H/hbar) c, empty beables held at zero."""
    cdef int32_t i
    cdef Py_ssize_t a
    cdef double x, y, omega
    field(w, size, there, z, k, NULL)
    for i in range(size):
        a = w.queue[i]
        omega = w.s.omega[a] - w.shift
        x = k[i] + omega * z[i]
        y = k[size + i] + omega * z[size + i]
        k[i] = y if w.n[a] != 0 else 0.0
        k[size + i] = -x if w.n[a] != 0 else 0.0


cdef double substep(const Rapids *w, int32_t size, double most, const double *z, const double *f,
                    const double *out) noexcept nogil:
    """Length of the next substep: no member's chance to leave above the limit, no amplitude turned or grown by much."""
    cdef int32_t i
    cdef double dt = most, m, turn
    for i in range(size):
        m = z[i] * z[i] + z[size + i] * z[size + i]
        if m == 0.0:
            continue
        turn = f[i] * f[i] + f[size + i] * f[size + i]
        if dt * dt * turn > w.turn * w.turn * m:
            dt = w.turn * sqrt(m / turn)
        if w.n[w.queue[i]] > w.pinned and dt * out[i] > w.limit * m:
            dt = w.limit * m / out[i]
    return fmin(most, fmax(dt, w.smallest))


cdef void runge_kutta(const Rapids *w, int32_t size, int64_t m, double dt, const double *z, double *mid,
                      double *new, double *k, double *trial) noexcept nogil:
    """z after dt, and in the middle to third order; k, trial are work space (2, size)."""
    cdef int32_t i, n = 2 * size
    cdef const double *there = w.outside  # at the start, m couplings; then in the middle; then at the end
    slope(w, size, there, z, k)
    for i in range(n):
        new[i] = z[i] + dt / 6.0 * k[i]
        trial[i] = z[i] + 0.5 * dt * k[i]
    slope(w, size, there + 2 * m, trial, k)
    for i in range(n):
        new[i] += dt / 3.0 * k[i]
        trial[i] = z[i] + 0.5 * dt * k[i]
        mid[i] = trial[i]
    slope(w, size, there + 2 * m, trial, k)
    for i in range(n):
        new[i] += dt / 3.0 * k[i]
        trial[i] = z[i] + dt * k[i]
    slope(w, size, there + 4 * m, trial, k)
    for i in range(n):
        new[i] += dt / 6.0 * k[i]


cdef inline int64_t draw_many(Stream *stream, double flow, double kept) noexcept nogil:
    """Members of a large flow, each leaving by itself: a Gaussian with a Poisson law's first three cumulants."""
    cdef double g = draw_normal(stream)
    return llrint(flow * kept + sqrt(flow * kept) * g + (g * g - 1.0) / 6.0)


cdef inline bint is_large(double flow, int64_t n, int64_t pinned) noexcept nogil:
    """Whether that law will do for a flow out of n members, so many of them pinned."""
    return flow * (n - pinned) >= MANY * <double> n and flow <= MOST * n


cdef inline void move(Rapids *w, int32_t i, int32_t j, Py_ssize_t b, int64_t k, int64_t *arrived) noexcept nogil:
    """k members go from place i of the cluster to its place j, or to beable b outside where j < 0."""
    arrived[i] -= k
    w.events += k
    if j >= 0:
        arrived[j] += k
    elif w.n[b] < 0:
        w.change[b] += k
    else:
        w.n[b] += k
        w.gone[b] += k  # those who come do not leave again in this step


cdef void draw(Rapids *w, Stream *stream, int32_t size, int64_t m, double dt, const double *z, const double *mid,
               const double *new, int64_t *arrived) noexcept nogil:
    """Who leaves each beable of the cluster, and who comes from outside; `arrived` (size,) is added up."""
    cdef const System *s = w.s
    cdef int32_t i, j
    cdef Py_ssize_t a, b, e, first, last
    cdef double early, middle, late, flow, total
    cdef const double *there = w.outside
    cdef int64_t k
    for i in range(size):
        arrived[i] = 0
    for i in range(size):
        a = w.queue[i]
        first = s.indptr[a]
        last = s.indptr[a + 1]
        total = 0.0
        for e in range(first, last):
            b = s.indices[e]
            j = w.place[b]
            w.chance[e - first] = 0.0
            if j >= 0:
                early = across(s.re[e], s.im[e], z[i], z[size + i], z[j], z[size + j])
                middle = across(s.re[e], s.im[e], mid[i], mid[size + i], mid[j], mid[size + j])
                late = across(s.re[e], s.im[e], new[i], new[size + i], new[j], new[size + j])
            else:
                early = across(s.re[e], s.im[e], z[i], z[size + i], there[0], there[1])
                middle = across(s.re[e], s.im[e], mid[i], mid[size + i], there[2 * m], there[2 * m + 1])
                late = across(s.re[e], s.im[e], new[i], new[size + i], there[4 * m], there[4 * m + 1])
                there += 2
            if w.n[a] == 0 or w.n[b] == 0:
                continue
            flow = dt / 6.0 * (early + 4.0 * middle + late)
            if is_large(flow, w.n[a], w.pinned):
                move(w, i, j, b, draw_many(stream, flow, 1.0 - w.pinned / <double> w.n[a]), arrived)
            elif flow > 0.0:
                w.chance[e - first] = fmin(1.0, flow / w.n[a])
                total += w.chance[e - first]
            elif j < 0:  # an inner pair's other way belongs to the other end
                if w.n[b] < 0:
                    k = draw_binomial(stream, ENDLESS, -flow / ENDLESS)
                    w.change[b] -= k
                elif is_large(-flow, w.n[b], w.pinned):
                    k = draw_many(stream, -flow, 1.0 - w.pinned / <double> w.n[b])
                    w.n[b] -= k
                else:
                    k = draw_from(stream, w.n[b] - w.gone[b] - w.pinned, w.v + b, s.P, -flow, w.taken + b)
                    w.n[b] -= k
                arrived[i] += k
                w.events += k
        if total > 1.0:
            for e in range(last - first):
                w.chance[e] /= total
        if total > 0.0 and w.n[a] > w.pinned:
            k = w.n[a] - w.pinned
            if k * total > 1.0:
                draw_leavers(stream, k, 0, last - first, w.chance, w.leave)
                for e in range(first, last):
                    if w.leave[e - first] > 0:
                        b = s.indices[e]
                        move(w, i, w.place[b], b, w.leave[e - first], arrived)
                continue
            for k in range(draw_some(stream, k, total)):  # none as a rule
                early = stream_double(stream) * total
                e = first
                while e < last - 1 and early >= w.chance[e - first]:
                    early -= w.chance[e - first]
                    e += 1
                while w.chance[e - first] <= 0.0:  # on an edge by rounding: closed ways take no one
                    e -= 1
                b = s.indices[e]
                move(w, i, w.place[b], b, 1, arrived)


cdef int64_t run_cluster(Rapids *w, Stream *stream, int32_t size, double h) noexcept nogil:
    """Carry one cluster over the step; returns how many substeps it took."""
    cdef Py_ssize_t a
    cdef int32_t i
    cdef int64_t count = 0
    cdef double t = 0.0, dt, size2, r
    cdef double *z = w.room
    cdef double *mid = z + 2 * size
    cdef double *new = mid + 2 * size
    cdef double *k = new + 2 * size
    cdef double *trial = k + 2 * size
    cdef int64_t *arrived = <int64_t *> (trial + 2 * size)
    for i in range(size):
        a = w.queue[i]
        z[i] = w.v[a]
        z[size + i] = w.v[w.s.P + a]
    cdef int64_t m_out = count_outside(w, size)
    look_outside(w, size, 0.0, w.outside)
    while t < h:
        field(w, size, w.outside, z, k, trial)
        dt = substep(w, size, h - t, z, k, trial)
        if h - t - dt < 1e-9 * h:
            dt = h - t
        look_outside(w, size, t + 0.5 * dt, w.outside + 2 * m_out)
        look_outside(w, size, t + dt, w.outside + 4 * m_out)
        runge_kutta(w, size, m_out, dt, z, mid, new, k, trial)
        draw(w, stream, size, m_out, dt, z, mid, new, arrived)
        memcpy(w.outside, w.outside + 4 * m_out, 2 * m_out * sizeof(double))
        for i in range(size):
            a = w.queue[i]
            w.n[a] += arrived[i]
            size2 = new[i] * new[i] + new[size + i] * new[size + i]
            if size2 > 0.0:
                r = sqrt(w.n[a] / size2)
                z[i] = r * new[i]
                z[size + i] = r * new[size + i]
        t = h if dt == h - t else t + dt
        count += 1
    for i in range(size):
        a = w.queue[i]
        w.end[a] = z[i]
        w.end[w.s.P + a] = z[size + i]
        w.place[a] = -1
        w.busy[a] = CARRIED
    return count


cdef int64_t shoot(Rapids *w, Stream *stream, double h) noexcept nogil:
    """Carry all busy beables over a step of length h, cluster by cluster; returns the most substeps one took."""
    cdef Py_ssize_t a
    cdef int64_t worst = 0, count
    cdef int32_t size
    w.smallest = SHORTEST * h
    for a in range(w.s.P):
        if w.busy[a] == BUSY:
            size = gather(w, a)
            count = run_cluster(w, stream, size, h)
            w.substeps += count * size
            if count > worst:
                worst = count
    return worst


def some(uint64_t seed, int64_t n, double p, Py_ssize_t count):
    """`count` draws of draw_some, (count,) int64: for tests."""
    cdef int64_t[::1] out = np.empty(count, np.int64)
    cdef Stream s
    cdef Py_ssize_t i
    for i in range(count):
        stream_open(&s, seed, 0, 0, 0, i)
        out[i] = draw_some(&s, n, p)
    return np.asarray(out)


def many(uint64_t seed, double flow, double kept, Py_ssize_t count):
    """`count` draws of draw_many, (count,) int64: for tests."""
    cdef int64_t[::1] out = np.empty(count, np.int64)
    cdef Stream s
    cdef Py_ssize_t i
    for i in range(count):
        stream_open(&s, seed, 0, 0, 0, i)
        out[i] = draw_many(&s, flow, kept)
    return np.asarray(out)
