# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Members with phases of their own: sums over them, offers of copies, and the copies.

A block's ids stand bucketed by beable, and beside each id the member's value x + i y: its e^{i phi} when maps were
last refreshed. All members of a beable share a map z -> (alpha z + beta)/(conj(beta) z + conj(alpha)) since then, so
a copy takes its partner's value as it stands, bit by bit, and lineages can be counted. No step touches all members:
sums of the first POWERS powers of the values are kept, changed with each copy, and give every sum of mapped values.
"""
from libc.math cimport rint
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

import numpy as np

from copympi.kernels.predictor cimport HEAD, STEP, Couplings, System
from copympi.kernels.streams cimport Stream, draw_leavers, stream_below, stream_below64, stream_double, stream_open

cdef extern from *:
    """
    #include <stdint.h>
    #include <math.h>
    #include <string.h>
    #if defined(__GNUC__) && !defined(__clang__) && defined(__gnu_linux__) && defined(__x86_64__)
    #define COPYMPI_WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
    #else
    #define COPYMPI_WIDE
    #endif
    #define prefetch(address) __builtin_prefetch(address)

    enum { POWERS = 12, CHUNK = 512 };

    /* Sums of z^1 .. z^POWERS (re, im in turn) of n values, as integers: a value times `scale`, with 1.5 2^52 added,
       has its nearest integer in its low bits. Integers add up to the same bits in any order, and no instruction set
       changes a bit: IEEE operations only, none contracted. */
    COPYMPI_WIDE
    static void power_sums(const double *x, const double *y, int64_t n, double scale, int64_t *sums)
    {
        const double magic = 6755399441055744.0;
        double pr[CHUNK], pi[CHUNK];
        uint64_t offset;
        memcpy(&offset, &magic, 8);
        for (int64_t first = 0; first < n; first += CHUNK) {
            const double *u = x + first, *v = y + first;
            int m = n - first < CHUNK ? (int) (n - first) : CHUNK;
            memcpy(pr, u, m * 8);
            memcpy(pi, v, m * 8);
            for (int k = 0; k < POWERS; k++) {
                uint64_t s = 0, t = 0;
                for (int i = 0; i < m; i++) {
                    double a = pr[i] * scale + magic, b = pi[i] * scale + magic, r = pr[i] * u[i] - pi[i] * v[i];
                    uint64_t c, d;
                    memcpy(&c, &a, 8);
                    memcpy(&d, &b, 8);
                    s += c;
                    t += d;
                    pi[i] = pr[i] * v[i] + pi[i] * u[i];
                    pr[i] = r;
                }
                sums[2 * k] += (int64_t) (s - offset * (uint64_t) m);
                sums[2 * k + 1] += (int64_t) (t - offset * (uint64_t) m);
            }
        }
    }

    /* The values themselves mapped, and put back on the unit circle. */
    COPYMPI_WIDE
    static void map_values(double *x, double *y, int64_t n, double ar, double ai, double br, double bi)
    {
        for (int64_t i = 0; i < n; i++) {
            double nr = ar * x[i] - ai * y[i] + br, ni = ar * y[i] + ai * x[i] + bi;
            double dr = br * x[i] + bi * y[i] + ar, di = br * y[i] - bi * x[i] - ai;
            double wr = nr * dr + ni * di, wi = ni * dr - nr * di;
            double over = 1.0 / sqrt(wr * wr + wi * wi);
            x[i] = wr * over; y[i] = wi * over;
        }
    }
    """
    void prefetch(const void *address) noexcept nogil
    enum:
        POWERS
    void power_sums(const double *x, const double *y, int64_t n, double scale, int64_t *sums) noexcept nogil
    void map_values(double *x, double *y, int64_t n, double ar, double ai, double br, double bi) noexcept nogil


cdef void circle(double angle, double *x, double *y) noexcept nogil:
    """cos and sin to 2e-16, of the same bits on every machine: Taylor polynomials on an eighth of the circle."""
    cdef double k = rint(angle * 0.6366197723675814)
    cdef double r = (angle - k * 1.5707963267341256) - k * 6.077100506506192e-11, q = r * r, c, s
    s = r + r * q * (-1.0 / 6.0 + q * (1.0 / 120.0 + q * (-1.0 / 5040.0 + q * (1.0 / 362880.0 + q * (
        -1.0 / 39916800.0 + q * (1.0 / 6227020800.0 - q / 1307674368000.0))))))
    c = 1.0 + q * (-0.5 + q * (1.0 / 24.0 + q * (-1.0 / 720.0 + q * (1.0 / 40320.0 + q * (-1.0 / 3628800.0 + q * (
        1.0 / 479001600.0 - q / 87178291200.0))))))
    cdef int64_t quarter = (<int64_t> k) & 3
    x[0] = c if quarter == 0 else -s if quarter == 1 else -c if quarter == 2 else s
    y[0] = s if quarter == 0 else c if quarter == 1 else -s if quarter == 2 else -c


def unit_circle(const double[::1] angle):
    """cos and sin (K,) of angles below 10^6 in size."""
    cdef Py_ssize_t i
    cdef double[::1] x = np.empty(angle.shape[0])
    cdef double[::1] y = np.empty(angle.shape[0])
    for i in range(angle.shape[0]):
        circle(angle[i], &x[i], &y[i])
    return np.asarray(x), np.asarray(y)


NUMBERS = 2 * POWERS
"""Integers that a beable's power sums are."""


def map_members(const double[:, ::1] maps, uint8_t[:, ::1] due, double[:, ::1] values, int64_t[::1] offset,
                int64_t[:, ::1] unit, int32_t[:, ::1] counts):
    """Map the values of this rank's members of every beable (R, P) that is `due`.

    maps (R, 4P): alpha re, im, beta re, im.
    """
    cdef Py_ssize_t P = counts.shape[1], u, r, a
    cdef int64_t place
    with nogil:
        for u in range(unit.shape[0]):
            r = unit[u, 0]
            place = offset[u]
            for a in range(P):
                if counts[u, a] and due[r, a]:
                    map_values(&values[0, place], &values[1, place], counts[u, a], maps[r, a], maps[r, P + a],
                               maps[r, 2 * P + a], maps[r, 3 * P + a])
                place += counts[u, a]


def sum_powers(uint8_t[:, ::1] due, double scale, double[:, ::1] values, int64_t[::1] offset, int64_t[:, ::1] unit,
               int32_t[:, ::1] counts, int64_t[:, :, ::1] powers):
    """Add up anew the powers of this rank's values, of every beable (R, P) that is `due`.

    powers (R, NUMBERS, P): sums of z re, im, z^2 re, im, .. times `scale`.
    """
    cdef Py_ssize_t P = counts.shape[1], u, r, a, k
    cdef int64_t place
    cdef int64_t part[2 * POWERS]
    with nogil:
        for r in range(due.shape[0]):
            for a in range(P):
                if due[r, a]:
                    for k in range(2 * POWERS):
                        powers[r, k, a] = 0
        for u in range(unit.shape[0]):
            r = unit[u, 0]
            place = offset[u]
            for a in range(P):
                if counts[u, a] and due[r, a]:
                    for k in range(2 * POWERS):
                        part[k] = 0
                    power_sums(&values[0, place], &values[1, place], counts[u, a], scale, part)
                    for k in range(2 * POWERS):
                        powers[r, k, a] += part[k]
                place += counts[u, a]


cdef void add_powers(double x, double y, double scale, int64_t sign, int64_t *powers, Py_ssize_t P) noexcept nogil:
    """Add one member's part to the power sums of a beable, or take it off: the same integers as in power_sums."""
    cdef double u = x, v = y, r
    cdef Py_ssize_t k
    for k in range(POWERS):
        powers[2 * k * P] += sign * <int64_t> rint(u * scale)
        powers[(2 * k + 1) * P] += sign * <int64_t> rint(v * scale)
        r = u * x - v * y
        v = u * y + v * x
        u = r


def draw_numbers(Couplings couplings, double[:, ::1] rows, uint8_t[::1] active, uint64_t seed, uint64_t purpose,
                 int64_t[::1] step, int64_t[:, ::1] unit, int32_t[:, ::1] counts, int64_t[:, ::1] offers):
    """How many members of each bucket are offered a copy by each channel: offers (U, nnz). Returns their sum."""
    cdef const System *s = &couplings.system
    cdef Stream stream
    cdef Py_ssize_t u, r, b, e
    cdef int64_t total = 0
    with nogil:
        for u in range(unit.shape[0]):
            r = unit[u, 0]
            for e in range(s.nnz):
                offers[u, e] = 0
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, r, unit[u, 1], 2 * step[r])
            for b in range(s.P):
                if counts[u, b] > 0:
                    draw_leavers(&stream, counts[u, b], s.indptr[b], s.indptr[b + 1], &rows[r, HEAD], &offers[u, 0])
                    for e in range(s.indptr[b], s.indptr[b + 1]):
                        total += offers[u, e]
    return total


cdef inline void exchange(uint32_t *ids, double *values, Py_ssize_t width, int64_t size, int64_t i,
                          int64_t j) noexcept nogil:
    """Members i and j change places."""
    cdef uint32_t id = ids[i]
    cdef double value
    cdef Py_ssize_t k
    ids[i] = ids[j]
    ids[j] = id
    for k in range(width):
        value = values[k * size + i]
        values[k * size + i] = values[k * size + j]
        values[k * size + j] = value


def draw_offers(Couplings couplings, uint8_t[::1] active, uint64_t seed, uint64_t purpose, int64_t[::1] step,
                uint32_t[::1] ids, double[:, ::1] values, int64_t[::1] offset, int64_t[:, ::1] unit,
                int32_t[:, ::1] counts, const int64_t[:, ::1] n, const int64_t[:, ::1] offers,
                int64_t[::1] partner, int32_t[::1] group, double[::1] luck):
    """Draw who is offered a copy, bring them to the end of their buckets, and draw whose: offers in stream order.

    partner: place of the partner among all n_a members; group: r P + a of the partner; luck: uniform in [0, 1).
    """
    cdef const System *s = &couplings.system
    cdef Stream stream
    cdef Py_ssize_t u, r, b, e, P = s.P
    cdef int64_t k, j, out = 0, begin, last, gone
    cdef Py_ssize_t width = values.shape[0]
    cdef uint32_t[::1] place_memory = np.empty(int(np.max(np.diff(offset), initial=1)), np.uint32)
    cdef uint32_t *places = &place_memory[0]
    with nogil:
        for u in range(unit.shape[0]):
            r = unit[u, 0]
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, r, unit[u, 1], 2 * step[r] + 1)
            begin = offset[u]
            for b in range(P):
                gone = 0
                for e in range(s.indptr[b], s.indptr[b + 1]):
                    gone += offers[u, e]
                last = begin + counts[u, b]
                for k in range(gone):  # a partial Fisher-Yates shuffle; memory is asked for ahead
                    places[k] = stream_below(&stream, <uint32_t> (counts[u, b] - k))
                    prefetch(&ids[begin + places[k]])
                    for j in range(width):
                        prefetch(&values[j, begin + places[k]])
                for k in range(gone):
                    exchange(&ids[0], &values[0, 0], width, values.shape[1], begin + places[k], last - 1 - k)
                for e in range(s.indptr[b], s.indptr[b + 1]):
                    for k in range(offers[u, e]):
                        partner[out] = stream_below64(&stream, n[r, s.indices[e]])
                        group[out] = <int32_t> (r * P + s.indices[e])
                        luck[out] = stream_double(&stream)
                        out += 1
                begin = last


def route(const int64_t[:, ::1] first, const int64_t[:, ::1] base, const int64_t[::1] partner,
          const int32_t[::1] group, int64_t[::1] place, int64_t[::1] order, int64_t[::1] asked):
    """Sort offers by the rank that has the partner, in stream order for each rank.

    first (G, size + 1): members of a group (replica, beable) before those of each rank; base (size, G): where a
    group starts on a rank, all its members being counted group by group. place (K,): where the partners are in their
    rank's order of members, rank by rank; order (K,): which offer each is; asked (size,): how many a rank gets.
    """
    cdef Py_ssize_t i, low, high, middle, g, q, K = partner.shape[0]
    cdef int32_t[::1] owner = np.empty(K, np.int32)
    cdef int64_t[::1] cursor = np.zeros(asked.shape[0] + 1, np.int64)
    with nogil:
        for i in range(K):
            g = group[i]
            low = 0
            high = first.shape[1] - 1
            while high - low > 1:
                middle = (low + high) // 2
                if first[g, middle] <= partner[i]:
                    low = middle
                else:
                    high = middle
            owner[i] = <int32_t> low
            cursor[low + 1] += 1
        for q in range(asked.shape[0]):
            asked[q] = cursor[q + 1]
            cursor[q + 1] += cursor[q]
        for i in range(K):
            q = owner[i]
            order[cursor[q]] = i
            place[cursor[q]] = base[q, group[i]] + partner[i] - first[group[i], q]
            cursor[q] += 1


def in_stream_order(const int64_t[::1] order, const double[:, ::1] answers, double[:, ::1] value):
    """Undo the sorting of `route`: value[order[i]] = answers[i]."""
    cdef Py_ssize_t i, j
    with nogil:
        for i in range(order.shape[0]):
            for j in range(answers.shape[1]):
                value[order[i], j] = answers[i, j]


def answer(const int64_t[::1] begin, const int64_t[::1] where, const int64_t[::1] place,
           const double[:, ::1] values, double[:, ::1] value):
    """Values (K, W) of this rank's members at `place`; bucket j holds places begin[j] .. and stands at where[j]."""
    cdef Py_ssize_t i, j, low, high, middle, k, ahead = 16
    cdef int64_t[::1] at = np.empty(place.shape[0], np.int64)
    with nogil:
        for i in range(place.shape[0]):
            low = 0
            high = begin.shape[0]
            while high - low > 1:
                middle = (low + high) // 2
                if begin[middle] <= place[i]:
                    low = middle
                else:
                    high = middle
            at[i] = where[low] + place[i] - begin[low]
        for i in range(place.shape[0]):
            k = i + ahead if i + ahead < place.shape[0] else i
            for j in range(values.shape[0]):
                prefetch(&values[j, at[k]])
                value[i, j] = values[j, at[i]]


cdef inline void mapped(const double *m, Py_ssize_t P, double x, double y, double *w) noexcept nogil:
    cdef double nr = m[0] * x - m[P] * y + m[2 * P], ni = m[0] * y + m[P] * x + m[3 * P]
    cdef double dr = m[2 * P] * x + m[3 * P] * y + m[0], di = m[2 * P] * y - m[3 * P] * x - m[P]
    cdef double over = 1.0 / (dr * dr + di * di)
    w[0] = (nr * dr + ni * di) * over
    w[1] = (ni * dr - nr * di) * over


cdef int accepted(const System *s, const double *row, Py_ssize_t b, Py_ssize_t e, double x, double y,
                  const double *value, double luck) noexcept nogil:
    """Whether member (x, y) of b copies its partner: sin+(phi_J - phi_I + delta_ab), weights grown to mid-step (39)."""
    cdef Py_ssize_t P = s.P, a = s.indices[e]
    cdef const double *h = row + HEAD + 2 * s.nnz
    cdef const double *m = h + 2 * P
    cdef double w[2]
    cdef double v[2]
    cdef double c, d, growth
    mapped(m + b, P, x, y, w)
    mapped(m + a, P, value[0], value[1], v)
    c = v[0] * w[0] + v[1] * w[1]
    d = v[1] * w[0] - v[0] * w[1]
    d = d * s.re[e] - c * s.im[e]    # R_ab sin(phi_J - phi_I + delta_ab), H_ba = R_ab e^{-i delta_ab}
    if d <= 0.0:
        return 0
    growth = h[b] * w[1] + h[P + b] * w[0] + h[a] * v[1] + h[P + a] * v[0]  # (G_I + G_J)/2
    return luck < row[HEAD + s.nnz + e] * d * (1.0 + row[STEP] * growth)


cdef void shift(uint32_t *ids, double *values, Py_ssize_t width, int64_t size, int64_t start, int64_t stay,
                int64_t target) noexcept nogil:
    """Move a bucket's `stay` members from `start` to `target`; only the overhang moves."""
    cdef int64_t by = target - start, count, source
    cdef Py_ssize_t k
    if by == 0:
        return
    count = by if by > 0 else -by
    if count >= stay:
        count = stay
        source = start
    elif by > 0:
        source = start
        target = start + stay
    else:
        source = start + stay - count
    memcpy(ids + target, ids + source, count * sizeof(uint32_t))
    for k in range(width):
        memcpy(values + k * size + target, values + k * size + source, count * sizeof(double))


cdef struct Block:
    uint32_t *ids
    double *values         # (width, size), from this block's first member on
    int32_t *counts
    Py_ssize_t width
    int64_t size
    uint32_t *moved_ids    # room for those who change their bucket
    double *moved          # (width, room)
    int64_t room
    int32_t *yes           # answers to the offers
    int64_t *work          # (5P,)
    int64_t *powers        # of this block's replica, or NULL
    double scale


cdef int64_t decide(const System *s, const double *row, Block *k, const int64_t *offers, const double *value,
                    const double *luck) noexcept nogil:
    """Decide on one block's offers: how many leave and enter each bucket. Returns the copies."""
    cdef Py_ssize_t P = s.P, b, e
    cdef int64_t *gone = k.work
    cdef int64_t *come = k.work + P
    cdef int64_t i, tail, place = 0, offer = 0, copies = 0
    for b in range(P):
        come[b] = 0
    for b in range(P):
        gone[b] = 0
        place += k.counts[b]
        tail = place
        for e in range(s.indptr[b], s.indptr[b + 1]):
            tail -= offers[e]
        for e in range(s.indptr[b], s.indptr[b + 1]):
            for i in range(offers[e]):
                k.yes[offer] = accepted(s, row, b, e, k.values[tail], k.values[k.size + tail],
                                        value + k.width * offer, luck[offer])
                if k.yes[offer]:
                    gone[b] += 1
                    come[s.indices[e]] += 1
                offer += 1
                tail += 1
        copies += gone[b]
    return copies


cdef void take_out(const System *s, Block *k, const int64_t *offers, const double *value) noexcept nogil:
    """Put those who copy, with their partners' values, into the room, by target; close the gaps they leave."""
    cdef Py_ssize_t P = s.P, a, b, e, j
    cdef int64_t *come = k.work + P
    cdef int64_t *cursor = k.work + 4 * P
    cdef int64_t i, keep, n, place = 0, offer = 0
    for a in range(P):
        cursor[a] = place
        place += come[a]
    place = 0
    for b in range(P):
        place += k.counts[b]
        i = place
        for e in range(s.indptr[b], s.indptr[b + 1]):
            i -= offers[e]
        keep = i
        for e in range(s.indptr[b], s.indptr[b + 1]):
            a = s.indices[e]
            for n in range(offers[e]):
                if k.yes[offer]:
                    if k.powers != NULL:
                        add_powers(k.values[i], k.values[k.size + i], k.scale, -1, k.powers + b, P)
                        add_powers(value[k.width * offer], value[k.width * offer + 1], k.scale, 1, k.powers + a, P)
                    k.moved_ids[cursor[a]] = k.ids[i]
                    for j in range(k.width):
                        k.moved[j * k.room + cursor[a]] = value[k.width * offer + j]
                    cursor[a] += 1
                else:
                    k.ids[keep] = k.ids[i]
                    for j in range(k.width):
                        k.values[j * k.size + keep] = k.values[j * k.size + i]
                    keep += 1
                offer += 1
                i += 1


cdef void rearrange(Py_ssize_t P, Block *k) noexcept nogil:
    """Make the buckets stand side by side again, with those who came at their ends."""
    cdef int64_t *gone = k.work
    cdef int64_t *come = k.work + P
    cdef int64_t *start = k.work + 2 * P
    cdef int64_t *target = k.work + 3 * P
    cdef int64_t *cursor = k.work + 4 * P
    cdef Py_ssize_t b, j
    cdef int64_t old = 0, new = 0
    for b in range(P):
        start[b] = old
        target[b] = new
        old += k.counts[b]
        new += k.counts[b] - gone[b] + come[b]
    for b in range(P - 1, -1, -1):  # to the right, last first; then to the left, first first
        if target[b] > start[b]:
            shift(k.ids, k.values, k.width, k.size, start[b], k.counts[b] - gone[b], target[b])
    for b in range(P):
        if target[b] < start[b]:
            shift(k.ids, k.values, k.width, k.size, start[b], k.counts[b] - gone[b], target[b])
    for b in range(P):
        new = target[b] + k.counts[b] - gone[b]
        old = cursor[b] - come[b]
        memcpy(k.ids + new, k.moved_ids + old, come[b] * sizeof(uint32_t))
        for j in range(k.width):
            memcpy(k.values + j * k.size + new, k.moved + j * k.room + old, come[b] * sizeof(double))
        k.counts[b] += <int32_t> (come[b] - gone[b])


def copy(Couplings couplings, double[:, ::1] rows, uint8_t[::1] active, uint32_t[::1] ids, double[:, ::1] values,
         int64_t[::1] offset, int64_t[:, ::1] unit, int32_t[:, ::1] counts, int64_t[:, ::1] offers,
         double[:, ::1] value, double[::1] luck, double scale, int64_t[:, :, ::1] powers, int64_t[::1] copies):
    """Carry out the copies that are accepted, from the partners' values (K, W); adds to copies (R,).

    powers (R, NUMBERS, P) change with them; (0, ..): there are none.
    """
    cdef const System *s = &couplings.system
    cdef Py_ssize_t u, r, e
    cdef int64_t room = int(np.max(np.sum(offers, axis=1), initial=1)), first = 0, done
    cdef int32_t[::1] yes = np.empty(room, np.int32)
    cdef int64_t[::1] work = np.empty(5 * s.P, np.int64)
    cdef uint32_t[::1] moved_ids = np.empty(room, np.uint32)
    cdef double[:, ::1] moved = np.empty((values.shape[0], room))
    cdef Block k = Block(NULL, NULL, NULL, values.shape[0], values.shape[1], &moved_ids[0], &moved[0, 0], room,
                         &yes[0], &work[0], NULL, scale)
    with nogil:
        for u in range(unit.shape[0]):
            r = unit[u, 0]
            if active[r] and first < value.shape[0]:
                k.ids = &ids[offset[u]]
                k.values = &values[0, offset[u]]
                k.counts = &counts[u, 0]
                k.powers = &powers[r, 0, 0] if powers.shape[0] else NULL
                done = decide(s, &rows[r, 0], &k, &offers[u, 0], &value[first, 0], &luck[first])
                if done:
                    take_out(s, &k, &offers[u, 0], &value[first, 0])
                    rearrange(s.P, &k)
                copies[r] += done
                for e in range(s.nnz):
                    first += offers[u, e]
