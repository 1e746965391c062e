# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Systems that Psi guides from beable to beable, known by their counts alone: all replicas make the same steps.

Chances of a step's halves follow from what flows (guide.pyx). In each half a system jumps once at most; in the second
those that came in the first leave at up to twice the others' rate, which makes the law of both halves right to second
order, and leaves |Psi|^2 what it is, to rounding: docs/theory.md, "Guided systems".
"""
import numpy as np
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memset

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.draws cimport draw_leavers, draw_many_leavers
from copympi.kernels.elementary cimport fmax, fmin
from copympi.kernels.guide cimport Guide
from copympi.kernels.streams cimport Stream, stream_open
from copympi.kernels.tracker cimport (Bucket, Tracker, Tracks, bucket_add, tracker_land, tracker_leave,
                                      tracker_leave_by_chance, tracker_open, tracker_size, tracks_of)

cdef extern from *:
    """
    static inline double tracker_lot(Tracks *t) { return stream_double(&t->clock); }
    """
    double tracker_lot(Tracks *t) nogil

ctypedef fused Number:
    int64_t
    double

cdef double MOST_AGAIN = 2.0   # so much more often than others those leave who have just come
cdef double COUNTABLE = 4611686018427387904.0  # 2^62: from there on those that are followed leave by chance
cdef int TRIES = 1000          # of a time


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


cdef struct Followed:          # who is followed, at places 2 a, or 2 a + 1 of who has come in the step's first half
    Tracks *tracks             # NULL: nobody
    int64_t *just_come         # (nnz,) the places to which couplings lead, in the first half
    int64_t *come              # and in the second
    double end                 # no jump comes later


cdef struct Counters:          # of R replicas
    Py_ssize_t R
    double *time_left
    int64_t *step
    double *events
    double *largest


cdef inline Number leave(const System *s, Stream *stream, Py_ssize_t b, Number n, const double *chance, Number *gone,
                         Number *to, const Followed *followed, Py_ssize_t place, const int64_t *target) noexcept nogil:
    """Of n systems in b as many as leave go to other beables, `to` (P,); how many. gone (nnz,): by which coupling.

    Those who are followed are among them, at `place` of b, and go to target[e] by coupling e.
    """
    cdef Py_ssize_t first = s.indptr[b], last = s.indptr[b + 1], e
    cdef Number all_gone = 0
    if Number is int64_t:
        draw_leavers(stream, n, first, last, chance, gone)
    else:
        draw_many_leavers(stream, n, last - first, chance + first, gone + first)
    for e in range(first, last):
        to[s.indices[e]] += gone[e]
        all_gone += gone[e]
    if followed.tracks != NULL and all_gone > 0 and tracker_size(followed.tracks, place) > 0:
        if Number is int64_t:
            if n < COUNTABLE:
                tracker_leave(followed.tracks, place, n, gone + first, target + first, last - first)
                return all_gone
        tracker_leave_by_chance(followed.tracks, place, chance + first, target + first, last - first)
    return all_gone


cdef void set_times(Guide guide, Tracks *t, int half, double begin, double end) noexcept nogil:
    """When those who are followed go that have left in a half of the step, which starts at the time `begin`.

    By what flows along their coupling then: a uniform time, kept with the flow's ratio to the most that there is.
    """
    cdef const System *s = guide.s
    cdef double h = 0.5 * guide.step, start = half * h, early, late, most, time, flow
    cdef Py_ssize_t b, a, e
    cdef int64_t i = t.flying, last
    cdef int k, _try
    while i < t.jumps:
        b, a, last = t.jump[i].source // 2, t.jump[i].target // 2, i
        while last < t.jumps and t.jump[last].source == t.jump[i].source and t.jump[last].target // 2 == a:
            last += 1
        e = s.indptr[b]
        while s.indices[e] != a:
            e += 1
        early, late, time = start, start + h, start + h
        if guide.mixing == 0.0 and guide.flow_at(b, e, early, True) * guide.flow_at(b, e, late, True) < 0.0:
            time = guide.turn_of(b, e, early, late)
            if guide.flow_at(b, e, early, True) > 0.0:
                late = time
            else:
                early = time
        most = 0.0
        for k in range(5):
            most = fmax(most, guide.flow_at(b, e, early + 0.25 * k * (late - early), False))
        while i < last:
            for _try in range(TRIES):
                time = early + (late - early) * (1.0 - tracker_lot(t))
                if not most > 0.0:
                    break  # nothing flows where one looks, so any time will do
                flow = guide.flow_at(b, e, time, False)
                if flow > 1.05 * most:
                    most = flow
                if 1.05 * most * tracker_lot(t) < flow:
                    break
            t.jump[i].time = fmin(end, begin + (time - start))
            i += 1


cdef void settle(Tracks *t, int64_t first, int64_t last) noexcept nogil:
    """Who came to a beable in the first half, by jumps first .. last - 1, and stayed is there like anybody else."""
    cdef int64_t i, k
    cdef Bucket *bucket
    cdef int32_t place
    for i in range(first, last):
        place = t.jump[i].target
        bucket = t.bucket + t.replica * t.places + place
        for k in range(bucket.size):
            if not bucket_add(t, bucket - 1, bucket.who[k]):
                return
            t.place[t.replica * t.followed + bucket.who[k]] = place - 1
        bucket.size = 0


cdef double move(const System *s, const Chances *chances, Stream *stream, Stream *second, Number *n, Number *gone,
                 Number *came, Guide guide, const Followed *followed, double begin) noexcept nogil:
    """One step of a replica, from the time `begin` on: how many jumps. gone (nnz,), came (2 P,): work space."""
    cdef Py_ssize_t b, P = s.P
    cdef Tracks *t = followed.tracks
    cdef int64_t first = t.jumps if t != NULL else 0, middle = 0
    cdef double half = 0.5 * guide.step
    cdef double jumps = 0.0
    cdef Number drawn
    cdef Number *more = came + P
    memset(came, 0, 2 * P * sizeof(Number))
    for b in range(P):
        if n[b] > 0:
            drawn = leave(s, stream, b, n[b], chances.first, gone, came, followed, 2 * b, followed.just_come)
            n[b] -= drawn
            jumps += drawn
    if t != NULL:
        set_times(guide, t, 0, begin, begin + half)
        tracker_land(t, begin, begin + half)
        middle = t.jumps
    for b in range(P):
        if n[b] > 0:
            drawn = leave(s, second, b, n[b], chances.stayed, gone, more, followed, 2 * b, followed.come)
            n[b] -= drawn
            jumps += drawn
        if came[b] > 0:
            drawn = leave(s, second, b, came[b], chances.arrived, gone, more, followed, 2 * b + 1, followed.come)
            n[b] += came[b] - drawn
            jumps += drawn
    for b in range(P):
        n[b] += more[b]
    if t != NULL:
        set_times(guide, t, 1, begin + half, followed.end)
        tracker_land(t, begin + half, followed.end)
        settle(t, first, middle)
    return jumps


cdef class Steps:
    """Steps of replicas whose systems `guide` guides. seed, purpose, first_replica : what draws are keyed by.

    chance : the most that a crossing of a beable in a step may be (guide.pyx).
    """

    cdef Guide guide
    cdef uint64_t seed, purpose
    cdef Py_ssize_t first_replica
    cdef double chance

    def __cinit__(self, Guide guide not None, *, uint64_t seed, uint64_t purpose, Py_ssize_t first_replica,
                  double chance):
        need(chance > 0.0, "chance: must be positive")
        self.guide, self.seed, self.purpose = guide, seed, purpose
        self.first_replica, self.chance = first_replica, chance

    def advance(self, n not None, *, double[::1] time_left not None, int64_t[::1] step not None,
                double[::1] events not None, double[::1] largest not None, double end, double smallest,
                int64_t max_steps, Tracker tracker):
        """Carry replicas to the record at `end`, or `max_steps` further, all in the same steps.

        n (R, P) int64, or float64 beyond 2^63; time_left (R,) to the record, 0 or that of all; step (R,) steps since
        t = 0; events (R,) jumps since t = 0; largest (R,) largest crossing of a beable so far: all are changed in
        place. smallest : a shorter step cannot be told from none. tracker : who is followed, or None. Returns steps.
        """
        cdef Counters counters
        cdef int64_t[:, ::1] whole
        cdef double[:, ::1] many
        cdef Py_ssize_t R = len(n)
        need(R > 0 and np.shape(n) == (R, self.guide.s.P), "n: must be (R, P), R at least 1")
        need(time_left.shape[0] == R and step.shape[0] == R and events.shape[0] == R and largest.shape[0] == R,
             "time_left, step, events, largest: must be (R,)")
        if tracker is not None:
            need(tracker.tracks.places == 2 * self.guide.s.P and tracker.tracks.replicas == R,
                 "tracker: must be of (R, 2 P)")
        counters = Counters(R, &time_left[0], &step[0], &events[0], &largest[0])
        if n.dtype == np.int64:
            whole = n
            done = self.go(&whole[0, 0], &counters, end, smallest, max_steps, tracker)
        else:
            many = n
            done = self.go(&many[0, 0], &counters, end, smallest, max_steps, tracker)
        if tracker is not None and tracker.tracks.failed:
            raise MemoryError
        return done

    cdef int64_t go(self, Number *n, Counters *x, double end, double smallest, int64_t max_steps, Tracker tracker):
        """See `advance`."""
        cdef const System *s = self.guide.s
        cdef double[:, ::1] memory = np.zeros((3, s.nnz + 1))
        cdef Number[::1] numbers = np.zeros(s.nnz + 2 * s.P, np.int64 if Number is int64_t else np.float64)
        cdef Chances chances = Chances(&memory[0, 0], &memory[1, 0], &memory[2, 0])
        cdef int64_t[:, ::1] places = np.zeros((2, s.nnz + 1), np.int64)
        cdef Followed followed = Followed(tracks_of(tracker), &places[0, 0], &places[1, 0], 0.0)
        cdef Stream early, late
        cdef Py_ssize_t r, e
        cdef double left = 0.0, begin
        cdef int64_t done = 0
        for e in range(s.nnz):
            followed.just_come[e], followed.come[e] = 2 * s.indices[e] + 1, 2 * s.indices[e]
        with nogil:
            for r in range(x.R):
                left = fmax(left, x.time_left[r])
            while left > 0.0 and done < max_steps:
                self.guide.plan(left, self.chance, smallest)
                settle_chances(self.guide, &chances)
                begin = end - left
                left = left - self.guide.step if left - self.guide.step > smallest else 0.0
                followed.end = end - left
                for r in range(x.R):
                    if not x.time_left[r] > 0.0:
                        continue
                    stream_open(&early, self.seed, self.purpose, self.first_replica + r, 0, 2 * x.step[r])
                    stream_open(&late, self.seed, self.purpose, self.first_replica + r, 0, 2 * x.step[r] + 1)
                    if followed.tracks != NULL:
                        tracker_open(followed.tracks, r, 0, x.step[r])
                    x.events[r] += move(s, &chances, &early, &late, n + r * s.P, &numbers[0], &numbers[s.nnz],
                                        self.guide, &followed, begin)
                    x.largest[r] = fmax(x.largest[r], self.guide.crossing)
                    x.time_left[r] = left
                    x.step[r] += 1
                    done += 1
                self.guide.go()
        return done
