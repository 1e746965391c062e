# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Rules (39), (40) event by event: copies at their own instants, phases that move all the time.

Between two copies n stands still and phases follow a path (phase_paths.pyx). Proposals come one after the other, a
member I of b to copy a member J of a, both drawn uniformly, at the rate 2 R_ab sqrt(n_a/n_b) to each that can move: a
rate that depends on n alone. Each is taken with probability sin+(phi_J - phi_I + delta_ab), phases as they are at its
own instant. Who copies takes over its partner's value as it is written down, bit by bit.
"""
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.class_tracks cimport FollowedClasses, copy_of_value
from copympi.kernels.classes cimport Classes
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.crowd cimport Block, Crowd, block_of
from copympi.kernels.elementary cimport fmin
from copympi.kernels.marked_phases cimport mark_member
from copympi.kernels.one_by_one cimport Rates, add_up, begin_rates, change_n, class_of, make_room, next_proposal, taken
from copympi.kernels.phase_paths cimport (
    MAP, WIDTH, Path, Series, Values, add_value, begin_path, clear_row, degree_for, go_along, value_at, write_values,
)
from copympi.kernels.streams cimport Stream, stream_below64, stream_double, stream_open
from copympi.kernels.tracker cimport tracker_open

cdef enum:
    WORK = 256             # proposals and pieces of path after which a step ends, if not told
    PHASES = -1, PROPOSALS = -2   # for what time is too coarse


cdef struct Limits:
    double smallest        # what time can resolve
    int64_t work           # proposals and pieces of path in a step


cdef struct Replica:
    Values values
    Block block            # members one by one, where classes have no count
    int64_t *count         # (P, K) members of each phase class, or NULL
    const int64_t *still   # (P, K) those of them who never copy
    FollowedClasses *followed     # of phase classes, or NULL


cdef inline int64_t drawn(const Replica *c, Stream *stream, const Rates *k, Py_ssize_t a, bint who) noexcept nogil:
    """A value of a drawn uniformly over its members, those who may copy (`who`) or all."""
    cdef int64_t member = <int64_t> stream_below64(stream, k.free[a] if who else k.n[a]), start = c.values.start[a]
    if c.count == NULL:
        return start + member + (c.block.spectators[a] if who else 0)
    return start + class_of(c.count + start, c.still + start if who else NULL, member)


cdef void copy(const System *s, Rates *k, Path *p, Replica *c, Py_ssize_t e, Py_ssize_t b, int64_t i,
               int64_t j) noexcept nogil:
    """A member with value i, of b, takes over beable and value of one with value j; entry e = (b, a)."""
    cdef Py_ssize_t a = s.indices[e]
    cdef Values *v = &c.values
    cdef double x = v.x[j], y = v.y[j]
    cdef int64_t place
    cdef uint32_t name
    add_value(v.x[i], v.y[i], -1.0, p.rows + b * WIDTH + MAP)
    add_value(x, y, 1.0, p.rows + a * WIDTH + MAP)
    if c.count == NULL:
        name = c.block.ids[i]
        place = make_room(&c.block, v.start, k.n, b, a, i)
        c.block.ids[place] = name
        v.x[place] = x
        v.y[place] = y
    else:
        c.count[i] -= 1
        c.count[j] += 1
        v.weight[i] -= 1.0
        v.weight[j] += 1.0
    change_n(s, k, b, -1)
    change_n(s, k, a, 1)
    add_up(s, k)
    if k.n[b] == 0:
        clear_row(p.rows + b * WIDTH)


cdef Py_ssize_t busiest(const System *s, const Rates *k) noexcept nogil:
    """The beable whose members get most proposals."""
    cdef Py_ssize_t b, most = 0
    for b in range(s.P):
        if k.out[b] > k.out[most]:
            most = b
    return most


cdef int64_t go_step(const System *s, Rates *k, Path *p, Replica *c, Stream *stream, Limits limits,
                     double *time_left) noexcept nogil:
    """A step of a replica: `time_left`, or less if it takes more than `limits.work` proposals and pieces of path.

    Where a step ends while the next proposal is awaited, the next step draws the wait anew. That keeps the law because
    the end of a piece does not depend on the wait. time_left : what is to be done.
    Returns how many copies there were; PHASES where a piece, PROPOSALS where the mean wait is below `limits.smallest`.
    """
    cdef double here = time_left[0], next = here, way, t
    cdef double w[2]
    cdef double v[2]
    cdef int64_t i, j, copies = 0, work = 0
    cdef Py_ssize_t e, b = 0
    begin_rates(s, k)
    if k.total * limits.smallest > 1.0:
        p.limiting = busiest(s, k)
        return PROPOSALS
    p.degree = degree_for(s, k)
    begin_path(s, k, p)
    e = next_proposal(s, k, stream, &next, &b)
    while True:
        work += 1
        way = here - next if e >= 0 else here
        t = fmin(way, p.good)
        if t < way or e < 0:  # a piece of the way to the next proposal, or all of it to the stop
            if t <= limits.smallest and t < way:
                return PHASES
            go_along(s, k, p, &c.values, t)
            here -= t
            if t == way or work >= limits.work:
                break
            begin_path(s, k, p)
            continue
        i = drawn(c, stream, k, b, True)
        j = drawn(c, stream, k, s.indices[e], False)
        value_at(p, b, t, c.values.x[i], c.values.y[i], w)
        value_at(p, s.indices[e], t, c.values.x[j], c.values.y[j], v)
        if taken(s, k, e, w, v, stream_double(stream)):
            go_along(s, k, p, &c.values, t)
            here = next
            if c.count == NULL and c.block.marked != NULL:
                mark_member(s, &c.block, b, e, c.block.ids[i], here, v)
            elif c.followed != NULL:
                copy_of_value(c.followed, i, j, c.count[i] - c.still[i], here, v)
            copy(s, k, p, c, e, b, i, j)
            copies += 1
            if work >= limits.work:
                break
            begin_path(s, k, p)
        elif work >= limits.work:
            go_along(s, k, p, &c.values, t)
            here = next
            break
        e = next_proposal(s, k, stream, &next, &b)
    time_left[0] = here
    return copies


cdef class Law:
    """By what replicas of a system go on: couplings, a factor `copying` on the rates of copying, and randomness.

    smallest : a piece of path or a mean wait that is shorter is a failure. first_replica : number of the first of this
    rank's, by which draws are keyed. work : proposals and pieces of path after which a step ends. Work space is in here
    too.
    """
    cdef Couplings couplings
    cdef Limits limits
    cdef int64_t lost      # 1: time is too coarse for phases, 2: for proposals
    cdef uint64_t seed, purpose
    cdef int64_t first_replica
    cdef double[::1] numbers
    cdef int64_t[::1] sizes
    cdef unsigned char[::1] series
    cdef Rates rates
    cdef Path path

    def __cinit__(self, Couplings couplings not None, *, double copying, double smallest, uint64_t seed,
                  uint64_t purpose, int64_t first_replica, int64_t work=WORK):
        cdef const System *s = &couplings.system
        cdef Py_ssize_t P = s.P, e
        need(copying >= 0.0 and smallest >= 0.0, "copying, smallest: must not be negative")
        need(work >= 1, "work: must be at least 1")
        self.couplings = couplings
        self.limits = Limits(smallest, work)
        self.seed = seed
        self.purpose = purpose
        self.first_replica = first_replica
        self.numbers = np.zeros(s.nnz + 5 * P)
        self.sizes = np.zeros(4 * P, np.int64)
        self.series = np.zeros(P * sizeof(Series), np.uint8)
        self.rates = Rates(copying, 0.0, &self.numbers[0], &self.numbers[0] + s.nnz, &self.numbers[0] + s.nnz + P,
                           &self.numbers[0] + s.nnz + 2 * P, &self.sizes[0], &self.sizes[P])
        self.path.series = <Series *> &self.series[0]
        self.path.scaled = &self.numbers[0] + s.nnz + 3 * P
        for e in range(s.nnz):
            self.rates.strength[e] = sqrt(s.re[e] * s.re[e] + s.im[e] * s.im[e])


cdef struct Clock:         # of one replica
    double *time_left
    int64_t *step
    double *events
    int64_t most           # steps
    double pause           # and while more time than this is left


cdef int64_t go_on(Law law, Replica *c, double *rows, Py_ssize_t r, Clock clock) noexcept nogil:
    """Steps of replica r, whose n and `free` the law's rates have: how many; -1 - as many where time is lost."""
    cdef const System *s = &law.couplings.system
    cdef Rates *k = &law.rates
    cdef Stream stream
    cdef int64_t copies, done = 0
    law.path.rows = rows
    while clock.time_left[0] > clock.pause and done < clock.most:
        stream_open(&stream, law.seed, law.purpose, law.first_replica + r, 0, clock.step[0])
        if c.followed != NULL:
            tracker_open(c.followed.tracks, r, 0, clock.step[0])
        copies = go_step(s, k, &law.path, c, &stream, law.limits, clock.time_left)
        if copies < 0:
            law.lost = -copies
            return -1 - done
        clock.step[0] += 1
        clock.events[0] += copies
        done += 1
    return done


cdef int need_arrays(Law law, Py_ssize_t R, const double[:, :, ::1] paths, const double[::1] time_left,
                     const int64_t[::1] step, const double[::1] events) except -1:
    need(paths.shape[0] == R and paths.shape[1] == law.couplings.system.P and paths.shape[2] == WIDTH,
         "paths: must be (R, P, NUMBERS)")
    need(time_left.shape[0] == R and step.shape[0] == R and events.shape[0] == R,
         "time_left, step, events: must be (R,)")
    return 0


cdef int need_replicas(Law law, Crowd crowd, Py_ssize_t R) except -1:
    """A crowd whose units are R replicas, one after the other."""
    cdef Py_ssize_t r
    crowd.need_whole(R, law.couplings.system.P, 2)
    need(crowd.U == R, "crowd: must be of one unit a replica")
    for r in range(R):
        need(crowd.unit[2 * r] == r, "crowd: must be of one unit a replica, in their order")
    return 0


cdef void members_of(Law law, Crowd crowd, Py_ssize_t r, Replica *c) noexcept nogil:
    """Where the members of replica r stand, and how many there are."""
    cdef Py_ssize_t P = law.couplings.system.P, a
    cdef int64_t place = 0
    cdef Rates *k = &law.rates
    c.block = block_of(crowd, r)
    c.count = NULL
    c.still = NULL
    c.followed = NULL
    c.values = Values(c.block.values, c.block.values + c.block.size, k.n + 2 * P, k.n, NULL)
    for a in range(P):
        c.values.start[a] = place
        k.n[a] = c.block.counts[a]
        k.free[a] = c.block.counts[a] - c.block.spectators[a]
        place += c.block.counts[a]


def begin_members(Law law not None, Crowd crowd not None, *, double[:, :, ::1] paths not None):
    """Set out from the values of a crowd of one unit a replica: fills paths (R, P, NUMBERS)."""
    cdef Py_ssize_t R = paths.shape[0], P = law.couplings.system.P, r, a
    cdef Replica c
    need(paths.shape[1] == P and paths.shape[2] == WIDTH, "paths: must be (R, P, NUMBERS)")
    need_replicas(law, crowd, R)
    for r in range(R):
        members_of(law, crowd, r, &c)
        law.path.rows = &paths[r, 0, 0]
        for a in range(P):
            clear_row(&paths[r, a, 0])
            write_values(&law.path, &c.values, a)


def advance_members(Law law not None, Crowd crowd not None, *, double[:, :, ::1] paths not None,
                    double[::1] time_left not None, int64_t[::1] step not None, double[::1] events not None,
                    int64_t most, double pause=0.0):
    """Carry replicas to the next stop, or `most` steps further; a unit of the crowd is all of a replica.

    paths (R, P, NUMBERS); time_left (R,) to the stop; step (R,) steps and events (R,) copies since t = 0. All are
    changed in place, as are ids, values and counts of the crowd. pause : replicas wait that have no more time left.
    Returns (steps done, status, replica, beable): status 1 where time is too coarse for a replica's phases, 2 for its
    proposals, else 0.
    """
    cdef Py_ssize_t R = time_left.shape[0], P = law.couplings.system.P, r = 0, a
    cdef int64_t done = 0, made = 0
    cdef Replica c
    need_arrays(law, R, paths, time_left, step, events)
    need_replicas(law, crowd, R)
    with nogil:
        for r in range(R):
            members_of(law, crowd, r, &c)
            made = go_on(law, &c, &paths[r, 0, 0], r, Clock(&time_left[r], &step[r], &events[r], most - done, pause))
            for a in range(P):
                c.block.counts[a] = <int32_t> law.rates.n[a]
            if made < 0:
                break
            done += made
    return done, law.lost if made < 0 else 0, r, law.path.limiting


cdef void classes_of(Law law, Classes classes, Py_ssize_t r, double *weight, Replica *c) noexcept nogil:
    """Where the phase classes of replica r stand, and how many members they have; weight (P, K) is filled."""
    cdef Py_ssize_t P = classes.P, K = classes.K, a, i
    cdef Rates *k = &law.rates
    c.count = &classes.count[r, 0, 0]
    c.still = &classes.spectators[0, 0]
    c.followed = classes.followed
    c.values = Values(&classes.z[r, 0, 0, 0], &classes.z[r, 1, 0, 0], k.n + 2 * P, k.n + 3 * P, weight)
    for a in range(P):
        c.values.start[a] = a * K
        k.n[3 * P + a] = K
        k.n[a] = classes.n[r, a]
        k.free[a] = k.n[a]
        for i in range(a * K, (a + 1) * K):
            weight[i] = <double> c.count[i]
            k.free[a] -= c.still[i]


def begin_classes(Law law not None, Classes classes not None, *, double[:, :, ::1] paths not None):
    """Set out from values and counts of phase classes, integers: fills paths (R, P, NUMBERS)."""
    cdef Py_ssize_t R = paths.shape[0], P = law.couplings.system.P, r, a
    cdef Replica c
    need(paths.shape[1] == P and paths.shape[2] == WIDTH, "paths: must be (R, P, NUMBERS)")
    classes.need_whole(R, P)
    need(classes.whole, "classes: counts must be int64")
    cdef double[::1] weight = np.empty(P * classes.K)
    for r in range(R):
        classes_of(law, classes, r, &weight[0], &c)
        law.path.rows = &paths[r, 0, 0]
        for a in range(P):
            clear_row(&paths[r, a, 0])
            write_values(&law.path, &c.values, a)


def advance_classes(Law law not None, Classes classes not None, *, double[:, :, ::1] paths not None,
                    double[::1] time_left not None, int64_t[::1] step not None, double[::1] events not None,
                    int64_t most, double pause=0.0):
    """As `advance_members`, for replicas of phase classes whose counts are integers."""
    cdef Py_ssize_t R = time_left.shape[0], P = law.couplings.system.P, r = 0, a
    cdef int64_t done = 0, made = 0
    cdef Replica c
    need_arrays(law, R, paths, time_left, step, events)
    classes.need_whole(R, P)
    need(classes.whole, "classes: counts must be int64")
    cdef double[::1] weight = np.empty(P * classes.K)
    with nogil:
        for r in range(R):
            classes_of(law, classes, r, &weight[0], &c)
            made = go_on(law, &c, &paths[r, 0, 0], r, Clock(&time_left[r], &step[r], &events[r], most - done, pause))
            for a in range(P):
                classes.n[r, a] = law.rates.n[a]
            if made < 0:
                break
            done += made
    return done, law.lost if made < 0 else 0, r, law.path.limiting
