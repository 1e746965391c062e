# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Unaligned phases at any N: phase classes (a, phi) of members with counts, as copying makes no new phase.

A beable has K classes, each a value z = e^{i phi}; beables move theirs by a map each, as in phases.pyx, here at once. A
copy takes a member from one class to another. Between two classes the chance is that of (39) with the weights grown to
mid-step; how many leave a class is one binomial and one multinomial draw, whatever N is.

One draw for all copies of a step lacks what its noise does in the rest of it, on average half the step. That is the
mean field's answer to the noise, known from the fields before and after; `answer` adds it, so covariances are of second
order.

Counts are integers, or beyond 2^63 whole numbers in doubles; see draw_many in draws.pyx for what is drawn then.
"""
from libc.math cimport floor
from libc.stdint cimport int64_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.class_tracks cimport Classed, arrive, leave_class, leave_large_class, set_out
from copympi.kernels.classes cimport Classes
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.draws cimport draw_leavers, draw_many_leavers
from copympi.kernels.elementary cimport fmax, fmin
from copympi.kernels.fields cimport fields
from copympi.kernels.pair cimport mapped_on_circle, pair_pull
from copympi.kernels.plans cimport FieldPlan, FieldPlans, field_plan_at, need_plans, row_of
from copympi.kernels.streams cimport Stream, stream_double, stream_open
from copympi.kernels.tracker cimport tracker_open

cdef double RARE = 64.0  # classes of fewer members that can move have their first draw and no more

ctypedef fused Count:
    int64_t
    double


cdef void map_values(const unsigned char[::1] active, double[:, ::1] maps, double[:, :, :, ::1] z,
                     const Count *count, double[:, ::1] sums) noexcept nogil:
    cdef Py_ssize_t R = z.shape[0], P = z.shape[2], K = z.shape[3], r, a, k
    cdef double w[2]
    cdef double *m
    for r in range(R):
        if not active[r]:
            continue
        for a in range(P):
            m = &maps[r, a]
            for k in range(4):
                sums[r, k * P + a] = 0.0
            for k in range(K):
                mapped_on_circle(m, P, z[r, 0, a, k], z[r, 1, a, k], w)
                z[r, 0, a, k] = w[0]
                z[r, 1, a, k] = w[1]
                sums[r, a] += count[(r * P + a) * K + k] * w[0]
                sums[r, P + a] += count[(r * P + a) * K + k] * w[1]
                sums[r, 2 * P + a] += count[(r * P + a) * K + k] * (w[0] * w[0] - w[1] * w[1])
                sums[r, 3 * P + a] += count[(r * P + a) * K + k] * 2.0 * w[0] * w[1]
            m[0] = 1.0
            m[P] = 0.0
            m[2 * P] = 0.0
            m[3 * P] = 0.0


def map_classes(Classes classes not None, *, const unsigned char[::1] active not None, double[:, ::1] maps not None,
                double[:, ::1] sums not None):
    """Move the values z of active replicas by maps (R, 4P), which become the identity; sums (R, 4P) of z and z^2."""
    cdef Py_ssize_t R = active.shape[0], P = classes.P
    classes.need_whole(R, P)
    need(maps.shape[0] == R and maps.shape[1] == 4 * P and sums.shape[0] == R and sums.shape[1] == 4 * P,
         "maps, sums: must be (R, 4P)")
    if R and P:
        if classes.whole:
            map_values(active, maps, classes.z, &classes.count[0, 0, 0], sums)
        else:
            map_values(active, maps, classes.z, &classes.real_count[0, 0, 0], sums)


cdef double chances_of(const System *s, const FieldPlan *plan, const Count *n, Py_ssize_t K, const double *z,
                       const Count *count, Py_ssize_t b, Py_ssize_t i, double *chance) noexcept nogil:
    """A member's chances to leave class (b, i) for each class of each beable it is coupled to; returns their sum."""
    cdef Py_ssize_t P = s.P, e, a, j, place = 0
    cdef const double *h = plan.field
    cdef double x = z[b * K + i], y = z[(P + b) * K + i], own, d, u, v, total = 0.0
    own = h[b] * y + h[P + b] * x
    for e in range(s.indptr[b], s.indptr[b + 1]):
        a = s.indices[e]
        for j in range(K):
            chance[place] = 0.0
            if count[a * K + j] > 0:
                u = z[a * K + j]
                v = z[(P + a) * K + j]
                d = pair_pull(s.re[e], s.im[e], x, y, u, v)
                if d > 0.0:
                    d *= plan.chance[e] * plan.bound[e] * (1.0 + plan.head.step * (own + h[a] * v + h[P + a] * u))
                    chance[place] = d * count[a * K + j] / n[a]
                    total += chance[place]
            place += 1
    return total


cdef void expect(const System *s, Py_ssize_t K, Py_ssize_t b, Py_ssize_t i, double free, double total, double left,
                 const double *chance, double *mean, double *more) noexcept nogil:
    """Note what class (b, i) was to lose, and give half of what its own noise withholds from later leavers.

    Of `free` members `left` left. Who left cannot leave again, so leavers by two channels are anticorrelated,
    -free chance chance', as they are in truth only by the end of the step, and half as much on average.
    """
    cdef Py_ssize_t e, j, k, place = 0
    cdef double noise = 0.5 * (left - free * total)
    mean[b * K + i] -= free * total
    more[b * K + i] -= noise * total
    for e in range(s.indptr[b], s.indptr[b + 1]):
        k = s.indices[e] * K
        for j in range(K):
            mean[k + j] += free * chance[place]
            more[k + j] += noise * chance[place]
            place += 1


cdef void growth(const System *s, Py_ssize_t K, const double *z, const double *w, double factor, double *work,
                 double *more) noexcept nogil:
    """Add `factor` times the rate at which the mean field changes the weights w (P, K) by copies. work (5P,)"""
    cdef Py_ssize_t P = s.P, a, i
    cdef double *n = work
    cdef double *Z = work + P
    cdef double *h = work + 3 * P
    for a in range(P):
        n[a] = 0.0
        Z[a] = 0.0
        Z[P + a] = 0.0
        for i in range(K):
            n[a] += w[a * K + i]
            Z[a] += w[a * K + i] * z[a * K + i]
            Z[P + a] += w[a * K + i] * z[(P + a) * K + i]
    fields(s, n, Z, h)
    for a in range(P):
        for i in range(K):
            more[a * K + i] += 2.0 * factor * w[a * K + i] * (h[a] * z[(P + a) * K + i] + h[P + a] * z[a * K + i])


cdef void answer(const System *s, Py_ssize_t K, double step, const double *z, const int64_t *spectators, double luck,
                 const double *mean, double *more, double *work, Count *count) noexcept nogil:
    """The mean field's answer to the noise of the draw, over half a step; whole numbers, without a change of N.

    count (P, K) after the draw, mean (P, K) as it was expected, more (P, K) what else is to come. Sums over classes are
    rounded with one and the same `luck`, so each change is right on average and N stays.
    """
    cdef Py_ssize_t P = s.P, k
    cdef double *w = work + 5 * P
    cdef double off = 0.0, all_ = 0.0, before, total = 0.0
    for k in range(P * K):
        w[k] = <double> count[k]
    growth(s, K, z, w, 0.5 * step, work, more)
    growth(s, K, z, mean, -0.5 * step, work, more)
    for k in range(P * K):
        if w[k] - spectators[k] < RARE:
            w[k] = 0.0
            more[k] = 0.0
        else:
            more[k] = fmax(more[k], -0.25 * (w[k] - spectators[k]))
        off += more[k]
        all_ += w[k]
    if all_ <= 0.0:
        return
    for k in range(P * K):
        if w[k] > 0.0:
            before = floor(total + luck)
            total += more[k] - off / all_ * w[k]
            count[k] += <Count> (floor(total + luck) - before)


cdef struct Work:          # work space of one replica; Count is int64 or double
    double *chance         # (PK,)
    void *leave            # (PK,) Count
    void *gain             # (P, K) Count, zeros
    double *mean           # (P, K)
    double *more           # (P, K)
    double *rest           # (P (K + 5),)


cdef void copy_one(const System *s, const FieldPlan *plan, Stream *stream, Py_ssize_t K, const double *z,
                   const int64_t *spectators, Count *n, Count *count, const Work *w, Classed *classed,
                   double *events) noexcept nogil:
    """Draw the copies of one step of a replica and carry them out; adds to `events`, one draw after the other."""
    cdef Py_ssize_t P = s.P, a, b, i, e, j, k, width
    cdef Count *leave = <Count *> w.leave
    cdef Count *gain = <Count *> w.gain
    cdef Count gone
    cdef double total
    for k in range(P * K):
        w.mean[k] = <double> count[k]
        w.more[k] = 0.0
    for b in range(P):
        width = K * (s.indptr[b + 1] - s.indptr[b])
        for i in range(K):
            k = b * K + i
            if count[k] <= spectators[k]:
                continue
            total = chances_of(s, plan, n, K, z, count, b, i, w.chance)
            if total <= 0.0:
                continue
            if total > 1.0:
                for j in range(width):
                    w.chance[j] /= total
            if Count is int64_t:
                draw_leavers(stream, count[k] - spectators[k], 0, width, w.chance, leave)
            else:
                draw_many_leavers(stream, count[k] - spectators[k], width, w.chance, leave)
            gone = 0
            j = 0
            for e in range(s.indptr[b], s.indptr[b + 1]):
                for a in range(K):
                    if leave[j] > 0:
                        gain[s.indices[e] * K + a] += leave[j]
                        gone += leave[j]
                        events[0] += leave[j]
                    j += 1
            gain[k] -= gone
            if classed.followed != NULL:
                if Count is int64_t:
                    leave_class(classed, k, count[k] - spectators[k], leave)
                else:
                    leave_large_class(classed, k, count[k] - spectators[k], leave)
            expect(s, K, b, i, count[k] - spectators[k], fmin(total, 1.0), gone, w.chance, w.mean, w.more)
    if classed.followed != NULL:
        arrive(classed)
    for k in range(P * K):
        count[k] += gain[k]
        gain[k] = 0
    answer(s, K, plan.head.step, z, spectators, stream_double(stream), w.mean, w.more, w.rest, count)
    for a in range(P):
        n[a] = 0
        for k in range(a * K, (a + 1) * K):
            if Count is double:  # by an ulp
                count[k] = fmax(count[k], <double> spectators[k])
            n[a] += count[k]


def copy(Couplings couplings not None, FieldPlans plans not None, Classes classes not None, *,
         const unsigned char[::1] active not None, uint64_t seed, uint64_t purpose, int64_t first_replica,
         const int64_t[::1] step not None, double[::1] events not None):
    """Draw the copies of one step of every active replica and carry them out; adds to events (R,)."""
    cdef const System *s = &couplings.system
    cdef Py_ssize_t P = s.P, K = classes.K, R = active.shape[0], r, size = max(1, P * K)
    need(step.shape[0] == R and events.shape[0] == R, "active, step, events: must be (R,)")
    need_plans(plans, couplings, R)
    classes.need_whole(R, P)
    cdef double[::1] numbers = np.empty(3 * size + P * (K + 5))
    cdef int64_t[::1] whole = np.zeros(2 * size, np.int64)
    cdef double[::1] real = np.zeros(2 * size)
    cdef Work w = Work(&numbers[0], NULL, NULL, &numbers[size], &numbers[2 * size], &numbers[3 * size])
    cdef FieldPlan plan
    cdef Classed classed
    cdef Stream stream
    if classes.whole:
        w.leave = &whole[0]
        w.gain = &whole[size]
    else:
        w.leave = &real[0]
        w.gain = &real[size]
    with nogil:
        for r in range(R):
            if not active[r]:
                continue
            stream_open(&stream, seed, purpose, first_replica + r, 0, step[r])
            plan = field_plan_at(s, row_of(plans, r))
            classed = set_out(classes.followed, s, &plan, &classes.z[r, 0, 0, 0], K)
            if classed.followed != NULL:
                tracker_open(classed.followed.tracks, r, 0, step[r])
            if classes.whole:
                copy_one(s, &plan, &stream, K, &classes.z[r, 0, 0, 0], &classes.spectators[0, 0],
                         &classes.n[r, 0], &classes.count[r, 0, 0], &w, &classed, &events[r])
            else:
                copy_one(s, &plan, &stream, K, &classes.z[r, 0, 0, 0], &classes.spectators[0, 0],
                         &classes.real_n[r, 0], &classes.real_count[r, 0, 0], &w, &classed, &events[r])
