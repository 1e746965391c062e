# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Rules (39), (40) event by event: copies at their own instants, phases that move all the time.

Between two copies n stands still, and all members of a beable a feel one field h_a, which depends on the sums
Z_b = sum e^{i phi}. So all phases move by one map a beable, and maps and sums together obey closed equations: their
Taylor series in time (phase_series.h) are a path, good until the next copy or, before it, until its last term says that
it is no longer good to STEP_ERROR; then the path is begun anew. Proposals come at a rate that depends on n alone, and
each is judged by phases at its own instant; a copy takes over its partner's value as it is written down, bit by bit.
"""
from libc.math cimport expm1, fabs, fmax, sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.classes cimport Classes
from copympi.kernels.couplings cimport Couplings, System
from copympi.kernels.crowd cimport Block, Crowd, block_of
from copympi.kernels.one_by_one cimport Rates, add_up, begin_rates, change_n, class_of, make_room, next_proposal, taken
from copympi.kernels.pair cimport mapped, pair_field
from copympi.kernels.streams cimport Stream, stream_below64, stream_double, stream_open

cdef extern from "phase_series.h" nogil:
    enum:
        DEGREE
        POWERS
    double STRAY
    ctypedef struct Number:
        double re
        double im
    ctypedef struct Series:
        Number z[7][7]
        Number h[7]
    void fill_shares()
    void moments_of(Series *x, double n, const double *power, const double *m, int64_t P, int degree)
    void begin_series(Series *x)
    void next_term(Series *x, double omega, int m, int degree)
    double size_of(Number a)
    double term(const Series *x, int m)
    void map_at(const Series *x, int degree, double t, double *out)
    void compose(const double *f, double *m, int64_t P)
    void add_value(double x, double y, double sign, double *power)
    void write_down(double *x, double *y, int64_t n, const double *m, int64_t P, const double *weight, double *power)

fill_shares()

NUMBERS = 4 + 2 * POWERS
"""What a beable's path is kept as: its map (alpha re, im, beta re, im) since values were written down, and sums of
powers of the values (re, im in turn)."""

cdef enum:
    MAP = 4                # numbers of a map
    WIDTH = 28             # NUMBERS
    WORK = 256             # proposals and pieces of path after which a step ends

cdef double STEP_ERROR = 1e-12
cdef double SPAN = 4.0     # proposals that a path should outlast


cdef struct Values:        # of the members of one replica, or of its phase classes; beable by beable
    double *x              # values, re
    double *y              # and im
    int64_t *start         # (P,) where each beable's begin
    const int64_t *size    # (P,) and how many there are
    double *weight         # members of each class; NULL: 1
    int64_t *count         # the same; NULL: members one by one
    const int64_t *still   # of them, who never copy
    Block block            # members one by one


cdef struct Path:
    double *rows           # (P, WIDTH): maps and sums of powers
    Series *series         # (P,)
    double *scaled         # (P, 2): Z_b/sqrt(n_b) at one power of t
    int degree             # of fields in t
    double last            # the map's last term, without t^(degree + 1)
    Py_ssize_t limiting    # whose


cdef int degree_for(const System *s, const Rates *k) noexcept nogil:
    """The least degree with which a path is likely to last for SPAN proposals."""
    cdef double fastest = 0.0, x, size
    cdef Py_ssize_t a
    cdef int degree = 1
    if k.total <= 0.0:
        return DEGREE
    for a in range(s.P):
        if k.n[a] > 0:
            fastest = fmax(fastest, fabs(s.omega[a]) + 0.5 * k.reach[a] / k.root[a])
    x = SPAN * fastest / k.total
    size = 0.5 * x * x
    while degree < DEGREE and size > STEP_ERROR:
        degree += 1
        size *= x / (degree + 1)
    return degree


cdef void begin_path(const System *s, const Rates *k, Path *p) noexcept nogil:
    """The series of all maps from here on, from values, maps and n."""
    cdef Py_ssize_t a, b, e
    cdef int m
    cdef double x, y, over, fastest = 0.0
    cdef Series *one
    for a in range(s.P):
        if k.n[a] > 0:
            moments_of(p.series + a, <double> k.n[a], p.rows + a * WIDTH + MAP, p.rows + a * WIDTH, 1, p.degree)
            begin_series(p.series + a)
    for m in range(p.degree + 1):
        for a in range(s.P):
            over = 1.0 / k.root[a] if k.n[a] > 0 else 0.0
            p.scaled[2 * a] = over * p.series[a].z[1][m].re
            p.scaled[2 * a + 1] = over * p.series[a].z[1][m].im
        for a in range(s.P):
            if k.n[a] > 0:
                one = p.series + a
                over = 1.0 / k.root[a]
                x = 0.0
                y = 0.0
                for e in range(s.indptr[a], s.indptr[a + 1]):
                    b = s.indices[e]
                    pair_field(over, s.re[e], s.im[e], p.scaled[2 * b], p.scaled[2 * b + 1], &x, &y)
                one.h[m].re = x
                one.h[m].im = y
                next_term(one, s.omega[a], m, p.degree)
    p.last = 0.0
    for a in range(s.P):
        if k.n[a] > 0:
            fastest = fmax(fastest, fabs(s.omega[a]) + size_of(p.series[a].h[0]))
    for a in range(s.P):
        if k.n[a] > 0:  # a term may vanish by chance: the one before it says about how large it could be
            x = fmax(term(p.series + a, p.degree + 1), term(p.series + a, p.degree) * fastest / (p.degree + 1))
            if not x <= p.last:
                p.last = x
                p.limiting = a


cdef inline double lasting(const Path *p, double t) noexcept nogil:
    """t, or the first of t/2, t/4, .. up to which the path is good."""
    cdef double size
    cdef int m
    while t > 0.0:
        size = p.last
        for m in range(p.degree + 1):
            size *= t
        if size <= STEP_ERROR:
            return t
        t *= 0.5
    return 0.0


cdef void go_along(const System *s, const Rates *k, Path *p, Values *c, double t) noexcept nogil:
    """Carry all maps a time t along the path; where one has strayed far, values are written down anew."""
    cdef Py_ssize_t a
    cdef double f[4]
    cdef double *m
    for a in range(s.P):
        if k.n[a] > 0:
            m = p.rows + a * WIDTH
            map_at(p.series + a, p.degree, t, f)
            compose(f, m, 1)
            if not m[2] * m[2] + m[3] * m[3] <= STRAY * (m[0] * m[0] + m[1] * m[1]):
                write_values(p, c, a)


cdef void write_values(Path *p, Values *c, Py_ssize_t a) noexcept nogil:
    """Values of beable a as they are now, and sums of their powers; its map is the identity from here on."""
    cdef double *row = p.rows + a * WIDTH
    write_down(c.x + c.start[a], c.y + c.start[a], c.size[a], row, 1,
               c.weight + c.start[a] if c.weight != NULL else NULL, row + MAP)
    row[0] = 1.0
    row[1] = 0.0
    row[2] = 0.0
    row[3] = 0.0


cdef inline void value_at(const Path *p, Py_ssize_t a, double t, double x, double y, double *w) noexcept nogil:
    """e^{i phi} of the value x + i y of beable a, a time t along the path."""
    cdef double f[4]
    cdef double v[2]
    mapped(p.rows + a * WIDTH, 1, x, y, v)
    map_at(p.series + a, p.degree, t, f)
    mapped(f, 1, v[0], v[1], w)


cdef inline int64_t drawn(const Values *c, Stream *stream, const Rates *k, Py_ssize_t a, bint who) noexcept nogil:
    """Whose value: a member of a (or its class) drawn uniformly, of those that may copy (`who`) or of all."""
    cdef int64_t member = <int64_t> stream_below64(stream, k.free[a] if who else k.n[a])
    if c.count == NULL:
        return c.start[a] + member + (c.block.spectators[a] if who else 0)
    return c.start[a] + class_of(c.count + c.start[a], c.still + c.start[a] if who else NULL, member)


cdef void copy(const System *s, Rates *k, Path *p, Values *c, Py_ssize_t b, Py_ssize_t a, int64_t i,
               int64_t j) noexcept nogil:
    """Member (or class) i of b takes over beable a and the value of j."""
    cdef double x = c.x[j], y = c.y[j]
    cdef double *row = p.rows + b * WIDTH
    cdef int64_t place
    cdef uint32_t name
    cdef Py_ssize_t m
    add_value(c.x[i], c.y[i], -1.0, row + MAP)
    add_value(x, y, 1.0, p.rows + a * WIDTH + MAP)
    if c.count == NULL:
        name = c.block.ids[i]
        place = make_room(&c.block, c.start, k.n, b, a, i)
        c.block.ids[place] = name
        c.x[place] = x
        c.y[place] = y
    else:
        c.count[i] -= 1
        c.count[j] += 1
        c.weight[i] -= 1.0
        c.weight[j] += 1.0
    change_n(s, k, b, -1)
    change_n(s, k, a, 1)
    add_up(s, k)
    if k.n[b] == 0:
        for m in range(WIDTH):
            row[m] = 1.0 if m == 0 else 0.0


cdef int64_t go_step(const System *s, Rates *k, Path *p, Values *c, Stream *stream, double smallest, int64_t most,
                     double *time_left) noexcept nogil:
    """A step of a replica: `time_left`, or less if it takes more than `most` proposals and pieces of path.

    Returns how many copies there were, or -1 where a piece is shorter than `smallest`. time_left : what is not done yet.
    """
    cdef double here = time_left[0], next = here, way, t
    cdef double w[2]
    cdef double v[2]
    cdef int64_t i, j, copies = 0, work = 0
    cdef Py_ssize_t e, b = 0
    begin_rates(s, k)
    p.degree = degree_for(s, k)
    begin_path(s, k, p)
    e = next_proposal(s, k, stream, &next, &b)
    while True:
        work += 1
        way = here - next if e >= 0 else here
        t = lasting(p, way)
        if t < way or e < 0:
            if t <= smallest and t < way:
                return -1
            go_along(s, k, p, c, t)
            here -= t
            if t == way or work >= most:
                break
            begin_path(s, k, p)
            continue
        i = drawn(c, stream, k, b, True)
        j = drawn(c, stream, k, s.indices[e], False)
        value_at(p, b, t, c.x[i], c.y[i], w)
        value_at(p, s.indices[e], t, c.x[j], c.y[j], v)
        if taken(s, k, e, w, v, stream_double(stream)):
            go_along(s, k, p, c, t)
            here = next
            copy(s, k, p, c, b, s.indices[e], i, j)
            copies += 1
            if work >= most:
                break
            begin_path(s, k, p)
        elif work >= most:
            go_along(s, k, p, c, t)
            here = next
            break
        e = next_proposal(s, k, stream, &next, &b)
    time_left[0] = here
    return copies


cdef class Law:
    """By what replicas of a system go on, the same for all: couplings, factor on the rates of copying, randomness.

    step : length of a step, or 0: as many proposals as are quick to do. smallest : pieces of path shorter than that are
    a failure. first_replica : number of the first of this rank's, by which draws are keyed.
    """
    cdef Couplings couplings
    cdef double copying, step, smallest
    cdef uint64_t seed, purpose
    cdef int64_t first_replica
    cdef double[::1] numbers
    cdef int64_t[::1] sizes
    cdef unsigned char[::1] series
    cdef Rates rates
    cdef Path path

    def __cinit__(self, Couplings couplings not None, *, double copying, double step, double smallest, uint64_t seed,
                  uint64_t purpose, int64_t first_replica):
        cdef const System *s = &couplings.system
        cdef Py_ssize_t P = s.P, e
        need(copying >= 0.0 and step >= 0.0 and smallest >= 0.0, "copying, step, smallest: must not be negative")
        self.couplings = couplings
        self.copying = copying
        self.step = step
        self.smallest = smallest
        self.seed = seed
        self.purpose = purpose
        self.first_replica = first_replica
        self.numbers = np.zeros(s.nnz + 5 * P)
        self.sizes = np.zeros(3 * P, np.int64)
        self.series = np.zeros(P * sizeof(Series), np.uint8)
        self.rates = Rates(copying, 0.0, &self.numbers[0], &self.numbers[0] + s.nnz, &self.numbers[0] + s.nnz + P,
                           &self.numbers[0] + s.nnz + 2 * P, &self.sizes[0], &self.sizes[P])
        self.path = Path(NULL, <Series *> &self.series[0], &self.numbers[0] + s.nnz + 3 * P, 1, 0.0, 0)
        for e in range(s.nnz):
            self.rates.strength[e] = sqrt(s.re[e] * s.re[e] + s.im[e] * s.im[e])


cdef struct Clock:         # of one replica
    double *time_left
    int64_t *step
    double *events
    double *largest


cdef int one_step(Law law, Values *c, double *rows, Py_ssize_t r, Clock clock) noexcept nogil:
    """One step of replica r, whose n and `free` the law's rates have. Returns 0, or 1 where time is lost."""
    cdef const System *s = &law.couplings.system
    cdef Stream stream
    cdef double length = clock.time_left[0], rest = 0.0, rate = 0.0
    cdef int64_t copies, most = WORK
    cdef Py_ssize_t b
    if law.step > 0.0:
        rest = 0.0 if length - law.step < 0.5 * law.step else length - law.step
        length -= rest
        most = 1 << 62
    clock.time_left[0] = length
    law.path.rows = rows
    stream_open(&stream, law.seed, law.purpose, law.first_replica + r, 0, clock.step[0])
    copies = go_step(s, &law.rates, &law.path, c, &stream, law.smallest, most, clock.time_left)
    if copies < 0:
        clock.time_left[0] = length + rest
        return 1
    for b in range(s.P):
        if law.rates.free[b] > 0:
            rate = fmax(rate, law.rates.out[b] / law.rates.free[b])
    clock.largest[0] = fmax(clock.largest[0], -expm1(-rate * (length - clock.time_left[0])))
    clock.time_left[0] += rest
    clock.step[0] += 1
    clock.events[0] += copies
    return 0


cdef int need_clocks(Py_ssize_t R, Py_ssize_t P, const double[:, :, ::1] paths, const double[::1] time_left,
                     const int64_t[::1] step, const double[::1] events, const double[::1] largest) except -1:
    need(paths.shape[0] == R and paths.shape[1] == P and paths.shape[2] == WIDTH, "paths: must be (R, P, NUMBERS)")
    need(time_left.shape[0] == R and step.shape[0] == R and events.shape[0] == R and largest.shape[0] == R,
         "time_left, step, events, largest: must be (R,)")
    return 0


cdef void members_of(Law law, Crowd crowd, Py_ssize_t r, Values *c) noexcept nogil:
    """Where the members of replica r stand, and how many there are."""
    cdef Py_ssize_t P = law.couplings.system.P, a
    cdef int64_t place = 0
    cdef Rates *k = &law.rates
    c.block = block_of(crowd, r)
    c.x = c.block.values
    c.y = c.block.values + c.block.size
    c.start = k.n + 2 * P
    c.size = k.n
    c.weight = NULL
    c.count = NULL
    c.still = NULL
    for a in range(P):
        c.start[a] = place
        k.n[a] = c.block.counts[a]
        k.free[a] = c.block.counts[a] - c.block.spectators[a]
        place += c.block.counts[a]


def begin_members(Law law not None, Crowd crowd not None, *, double[:, :, ::1] paths not None):
    """Set out from the crowd's values: paths (R, P, NUMBERS)."""
    cdef Py_ssize_t R = paths.shape[0], P = law.couplings.system.P, r, a
    cdef Values c
    need(paths.shape[1] == P and paths.shape[2] == WIDTH, "paths: must be (R, P, NUMBERS)")
    crowd.need_whole(R, P, 2)
    need(crowd.U == R, "crowd: must be of one unit a replica")
    with nogil:
        for r in range(R):
            members_of(law, crowd, r, &c)
            law.path.rows = &paths[r, 0, 0]
            for a in range(P):
                law.path.rows[a * WIDTH] = 1.0
                law.path.rows[a * WIDTH + 1] = 0.0
                law.path.rows[a * WIDTH + 2] = 0.0
                law.path.rows[a * WIDTH + 3] = 0.0
                write_values(&law.path, &c, a)


def advance_members(Law law not None, Crowd crowd not None, *, double[:, :, ::1] paths not None,
                    double[::1] time_left not None, int64_t[::1] step not None, double[::1] events not None,
                    double[::1] largest not None, int64_t max_steps):
    """Carry replicas to the next stop, or `max_steps` further; a unit of the crowd is all of a replica.

    paths (R, P, NUMBERS); time_left (R,) to the stop; step (R,) steps and events (R,) copies since t = 0; largest (R,)
    largest chance of a member to be proposed a copy in a step so far. All are changed in place, as are ids, values and
    counts of the crowd. Returns (steps done, status, replica, beable): status is not 0 where a replica could not go on.
    """
    cdef Py_ssize_t R = time_left.shape[0], P = law.couplings.system.P, r = 0, a
    cdef int64_t done = 0
    cdef int status = 0
    cdef Values c
    need_clocks(R, P, paths, time_left, step, events, largest)
    crowd.need_whole(R, P, 2)
    need(crowd.U == R, "crowd: must be of one unit a replica")
    with nogil:
        for r in range(R):
            if not time_left[r] > 0.0 or done >= max_steps:
                continue
            members_of(law, crowd, r, &c)
            while time_left[r] > 0.0 and done < max_steps and not status:
                status = one_step(law, &c, &paths[r, 0, 0], r, Clock(&time_left[r], &step[r], &events[r], &largest[r]))
                done += 1
            for a in range(P):
                c.block.counts[a] = <int32_t> law.rates.n[a]
            if status:
                break
    return done, status, r, law.path.limiting


def sums_of(Law law not None, const int64_t[:, ::1] n not None, *, const double[:, :, ::1] paths not None):
    """Sums (R, P, 2) complex of e^{i phi} and e^{2 i phi} over all members of a beable, as they are; n (R, P)."""
    cdef Py_ssize_t R = n.shape[0], P = law.couplings.system.P, r, a
    cdef const Series *one
    need(n.shape[1] == P and paths.shape[0] == R and paths.shape[1] == P and paths.shape[2] == WIDTH,
         "n: must be (R, P); paths: (R, P, NUMBERS)")
    out = np.zeros((R, P, 2), complex)
    cdef double complex[:, :, ::1] sums = out
    for r in range(R):
        for a in range(P):
            if n[r, a] > 0:
                one = law.path.series
                moments_of(law.path.series, <double> n[r, a], &paths[r, a, MAP], &paths[r, a, 0], 1, DEGREE)
                sums[r, a, 0] = one.z[1][0].re + 1j * one.z[1][0].im
                sums[r, a, 1] = one.z[2][0].re + 1j * one.z[2][0].im
    return out
