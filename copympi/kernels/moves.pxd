# cython: language_level=3, cdivision=True
from libc.stdint cimport int64_t

from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.streams cimport Stream


cdef inline double moving_share(int64_t spectators, double n) noexcept nogil:
    """Share of n members that are no spectators."""
    if spectators == 0:
        return 1.0
    return 1.0 - spectators / n if n > spectators else 0.0


cdef inline double second_flow(double h, double old, double new) noexcept nogil:
    """Members that a step of length h still has to move where half of its first rate has been drawn: the half of the
    `old` rate, that of its second Gauss point, and all that the noise so far changes in it, which makes it `new`."""
    return 0.5 * h * old + h * (new - old)


cdef inline double second_mean(double mean, double moved, int64_t movable, double lead) noexcept nogil:
    """Mean of a second draw. The first one took `lead` members more than expected from these `movable`, who meanwhile
    make an expected `moved` moves: binomials have a smaller second factorial moment than independent copies, and
    this puts exactly that back (docs/theory.md, "The step")."""
    return mean + moved / movable * lead if movable > 0 else mean


cdef inline void insert_change(Work *w, Py_ssize_t P, Py_ssize_t a, double share, double x, double y,
                               double time_left) noexcept nogil:
    """The amplitude x + i y of beable a grows by this share of itself at some time of the step (diagonals.h: D_k)."""
    w.D0[a] += share * x
    w.D0[P + a] += share * y
    w.D1[a] += time_left * share * x
    w.D1[P + a] += time_left * share * y
    w.D2[a] += 0.5 * time_left * time_left * share * x
    w.D2[P + a] += 0.5 * time_left * time_left * share * y


cdef enum:
    LAST_KICKED = 4            # pass of kick_pass

cdef int64_t draw_leavers_of(Stream *stream, int64_t n, int64_t spectators, double flow, int64_t *gone,
                             double *taken) noexcept nogil
cdef void keep_path(const Diagonals *d, Work *w) noexcept nogil
cdef void forget_draws(const Diagonals *d, Work *w, int which) noexcept nogil
cdef void draw(const Diagonals *d, const Replica *x, Work *w, int which) noexcept nogil
cdef void insert_first(const Diagonals *d, Replica *x, Work *w) noexcept nogil
cdef void count_second(const Diagonals *d, Replica *x, Work *w) noexcept nogil
cdef void kick_pass(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil
cdef void draw_first(const Diagonals *d, Replica *x, Work *w) noexcept nogil
cdef void insert_first(const Diagonals *d, Replica *x, Work *w) noexcept nogil
cdef void draw_second(const Diagonals *d, Replica *x, Work *w) noexcept nogil
cdef bint spectators_matter(const Diagonals *d, const Work *w) noexcept nogil
