# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Any rule event by event, members with phases of their own: copies at their own instants, phases always on the move.

Between two copies n stands still, fields are polynomials in time (general_phases.pyx), and phases follow them. Offers
come one after the other at rates that depend on n alone (general_offers.pxd), and are taken or not by the phases of
the two members at that instant, which are worked out for these two alone. At a copy, and where a stretch of ANGLE ends,
all members are carried there, and sums are taken anew: O(members) a copy.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.crowd cimport Block, Crowd, block_of
from copympi.kernels.elementary cimport fmin
from copympi.kernels.general_offers cimport Offers, add_offers, begin_offers, change_offers, next_offer, offer_taken
from copympi.kernels.general_phases cimport PhaseRule, carry, fastest, set_fields, sums_of_powers
from copympi.kernels.marks cimport is_marked, mark_copy, mark_phase
from copympi.kernels.one_by_one cimport make_room
from copympi.kernels.streams cimport Stream, stream_below64, stream_double, stream_open

cdef enum:
    WORK = 256             # offers and stretches after which a step ends, if not told
    PHASES = -1            # for what time is too coarse
    OFFERS = -2

cdef double ANGLE = 0.05   # radians, the fastest harmonic's, of a stretch


cdef class Law:
    """By what replicas of a system go on: a rule, and randomness.

    scale : sums of e^{im phi} are taken in units of 1/scale. smallest : a stretch or a mean wait that is shorter is a
    failure. first_replica : number of the first of this rank's, by which draws are keyed. work : offers and stretches
    after which a step ends. Work space is in here too.
    """
    cdef PhaseRule rule
    cdef double scale, smallest
    cdef int64_t work, first_replica
    cdef uint64_t seed, purpose
    cdef Py_ssize_t limiting
    cdef double[::1] numbers
    cdef int64_t[::1] sizes
    cdef int64_t[::1] part
    cdef Offers offers
    cdef int64_t *start
    cdef double *real_n
    cdef double *sums
    cdef double good       # how long the stretch is: a function of n alone, never of when the next offer comes

    def __cinit__(self, PhaseRule rule not None, *, double scale, double smallest, uint64_t seed, uint64_t purpose,
                  int64_t first_replica, int64_t work=WORK):
        cdef Py_ssize_t P = rule.law.s.P
        need(scale > 0.0 and smallest >= 0.0, "scale: must be positive; smallest: not negative")
        need(work >= 1, "work: must be at least 1")
        self.rule, self.scale, self.smallest, self.work = rule, scale, smallest, work
        self.seed, self.purpose, self.first_replica = seed, purpose, first_replica
        self.numbers = np.zeros(3 * P + 2 * rule.shape.sums * P)
        self.sizes = np.zeros(3 * P, np.int64)
        self.part = np.zeros(2 * rule.shape.sums, np.int64)
        self.offers = Offers(0.0, &self.numbers[0], &self.numbers[P], &self.sizes[0], &self.sizes[P])
        self.start = &self.sizes[2 * P]
        self.real_n = &self.numbers[2 * P]
        self.sums = self.real_n + P


cdef void add_sums(Law law, const Block *block, const int64_t *n, const int64_t *start, double *sums) noexcept nogil:
    """Sums (2 rule.sums, P) of e^{im phi} of all members."""
    cdef Py_ssize_t P = law.rule.law.s.P, a, m
    for a in range(P):
        for m in range(2 * law.rule.shape.sums):
            law.part[m] = 0
        if n[a]:
            sums_of_powers(block.values + start[a], block.values + block.size + start[a], n[a], law.scale,
                           law.rule.shape.sums, &law.part[0])
        for m in range(2 * law.rule.shape.sums):
            sums[m * P + a] = law.part[m] / law.scale


cdef void begin_stretch(Law law, const Block *block) noexcept nogil:
    """Fields from here on, by where all members are, and how long they are good for."""
    cdef Py_ssize_t a
    cdef double rate
    for a in range(law.rule.law.s.P):
        law.real_n[a] = <double> law.offers.n[a]
    add_sums(law, block, law.offers.n, law.start, law.sums)
    set_fields(law.rule, law.real_n, law.sums)
    rate = fastest(law.rule, &law.limiting)
    law.good = ANGLE / rate if rate > 0.0 else 1e300


cdef void go_along(Law law, Block *block, double t) noexcept nogil:
    """Carry all members a time t along the stretch, from where it began."""
    cdef Py_ssize_t a
    for a in range(law.rule.law.s.P):
        if law.offers.n[a]:
            carry(law.rule, block.values + law.start[a], block.values + block.size + law.start[a], law.offers.n[a], a,
                  0.0, t)


cdef void copy(Law law, Block *block, Py_ssize_t e, Py_ssize_t b, int64_t i, int64_t j) noexcept nogil:
    """Member i, of b, takes over beable and value of member j; entry e = (b, a)."""
    cdef Py_ssize_t a = law.rule.law.s.indices[e]
    cdef Offers *o = &law.offers
    cdef double x = block.values[j], y = block.values[block.size + j]
    cdef uint32_t name = block.ids[i]
    cdef int64_t place = make_room(block, law.start, o.n, b, a, i)
    block.ids[place] = name
    block.values[place] = x
    block.values[block.size + place] = y
    change_offers(law.rule, o, b, -1)
    change_offers(law.rule, o, a, 1)
    add_offers(law.rule, o)


cdef Py_ssize_t busiest(Law law) noexcept nogil:
    """The beable whose members get most offers."""
    cdef Py_ssize_t b, most = 0
    for b in range(law.rule.law.s.P):
        if law.offers.out[b] > law.offers.out[most]:
            most = b
    return most


cdef int64_t go_step(Law law, PhaseRule k, Block *block, Stream *stream, double *time_left) noexcept nogil:
    """A step of a replica: `time_left`, or less if it takes more than `work` offers and stretches.

    Where a step ends while the next offer is awaited, the next step draws the wait anew. That keeps the law because the
    end of a stretch does not depend on the wait. time_left : what is to be done.
    Returns how many copies there were; PHASES where a stretch, OFFERS where the mean wait is below `smallest`.
    """
    cdef Offers *o = &law.offers
    cdef double here = time_left[0], next = here, way, t
    cdef double w[2]
    cdef double v[2]
    cdef int64_t i, j, copies = 0, work = 0
    cdef Py_ssize_t e, a, b = 0
    begin_offers(k, o)
    if o.total * law.smallest > 1.0:
        law.limiting = busiest(law)
        return OFFERS
    begin_stretch(law, block)
    e = next_offer(k, o, stream, &next, &b)
    while True:
        work += 1
        way = here - next if e >= 0 else here
        t = fmin(way, law.good)
        if t < way or e < 0:  # a stretch of the way to the next offer, or all of it to the stop
            if t <= law.smallest and t < way:
                return PHASES
            go_along(law, block, t)
            here -= t
            if t == way or work >= law.work:
                break
            begin_stretch(law, block)
            continue
        a = k.law.s.indices[e]
        i = law.start[b] + block.spectators[b] + <int64_t> stream_below64(stream, o.free[b])
        j = law.start[a] + <int64_t> stream_below64(stream, o.n[a])
        w[0] = block.values[i]
        w[1] = block.values[block.size + i]
        v[0] = block.values[j]
        v[1] = block.values[block.size + j]
        carry(k, &w[0], &w[1], 1, b, 0.0, t)
        carry(k, &v[0], &v[1], 1, a, 0.0, t)
        if offer_taken(k, e, b, w, v, stream_double(stream)):
            go_along(law, block, t)
            here = next
            if block.marked != NULL and is_marked(block.marked, block.unit, block.ids[i]):
                mark_copy(block.marked, block.unit, block.ids[i], b, a, here,
                          mark_phase(block.marked, v[0], v[1], here))
            copy(law, block, e, b, i, j)
            copies += 1
            if work >= law.work:
                break
            begin_stretch(law, block)
        elif work >= law.work:
            go_along(law, block, t)
            here = next
            break
        e = next_offer(k, o, stream, &next, &b)
    time_left[0] = here
    return copies


cdef int need_replicas(Law law, Crowd crowd, Py_ssize_t R) except -1:
    """A crowd whose units are R replicas, one after the other."""
    cdef Py_ssize_t r
    crowd.need_whole(R, law.rule.law.s.P, 2)
    need(crowd.width == 2, "crowd: must have values (2, M)")
    need(crowd.U == R, "crowd: must be of one unit a replica")
    for r in range(R):
        need(crowd.unit[2 * r] == r, "crowd: must be of one unit a replica, in their order")
    return 0


cdef Block members_of(Law law, Crowd crowd, Py_ssize_t r) noexcept nogil:
    """Where the members of replica r stand, and how many there are."""
    cdef Block block = block_of(crowd, r)
    cdef Py_ssize_t a
    cdef int64_t place = 0
    for a in range(crowd.P):
        law.start[a] = place
        law.offers.n[a] = block.counts[a]
        law.offers.free[a] = block.counts[a] - block.spectators[a]
        place += block.counts[a]
    return block


def sums_of(Law law not None, Crowd crowd not None, Py_ssize_t replicas):
    """Sums (R, P, 2), complex, of e^{i phi} and e^{2 i phi} over all members of a beable."""
    cdef Py_ssize_t P = law.rule.law.s.P, r, a
    need_replicas(law, crowd, replicas)
    out = np.zeros((replicas, P, 2), complex)
    cdef double complex[:, :, ::1] sums = out
    cdef Block block
    for r in range(replicas):
        block = members_of(law, crowd, r)
        add_sums(law, &block, law.offers.n, law.start, law.sums)
        for a in range(P):
            sums[r, a, 0] = law.sums[a] + 1j * law.sums[P + a]
            sums[r, a, 1] = law.sums[2 * P + a] + 1j * law.sums[3 * P + a]
    return out


def advance(Law law not None, Crowd crowd not None, *, double[::1] time_left not None, int64_t[::1] step not None,
            double[::1] events not None, int64_t max_steps):
    """Carry replicas to the next stop, or `max_steps` further; a unit of the crowd is all of a replica.

    time_left (R,) to the stop; step (R,) steps and events (R,) copies since t = 0. All are changed in place, as are
    ids, values and counts of the crowd.
    Returns (steps done, status, replica, beable): status 1 where time is too coarse for a replica's phases, 2 for its
    offers, else 0.
    """
    cdef Py_ssize_t R = time_left.shape[0], P = law.rule.law.s.P, r = 0, a
    cdef int64_t done = 0, copies = 0
    cdef Block block
    cdef Stream stream
    need(step.shape[0] == R and events.shape[0] == R, "time_left, step, events: must be (R,)")
    need_replicas(law, crowd, R)
    with nogil:
        for r in range(R):
            block = members_of(law, crowd, r)
            while time_left[r] > 0.0 and done < max_steps:
                stream_open(&stream, law.seed, law.purpose, law.first_replica + r, 0, step[r])
                copies = go_step(law, law.rule, &block, &stream, &time_left[r])
                if copies < 0:
                    break
                step[r] += 1
                events[r] += copies
                done += 1
            for a in range(P):
                block.counts[a] = <int32_t> law.offers.n[a]
            if copies < 0:
                break
    return done, -copies if copies < 0 else 0, r, law.limiting
