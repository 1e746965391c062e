# cython: language_level=3
# One stiff cluster: what clusters.pyx, cluster_path.pyx and cluster_moves.pyx work on.
from libc.stdint cimport int32_t, int64_t

from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport GAUSS_HIGH, GAUSS_LOW, Diagonals
from copympi.kernels.streams cimport Stream

# A coupling of a cluster's beable i: H/hbar from i to beable j of the cluster, or to beable b outside where j < 0.
cdef struct Edge:
    int32_t i
    int32_t j
    int64_t b
    double re
    double im
    double early               # members from i to the other one in unit time, at a substep's first Gauss point,
    double late                # and at its second
    double xb, yb              # amplitude outside at the first Gauss point,
    double x, y                # and at the second
    int32_t counted            # members that move are counted
    double mean[2]             # members from i that were expected to move in each half of a substep, where not counted,
    double net[2]              # and that did

cdef enum:
    EDGE_BYTES = 120

# A cluster of `size` beables with work space: arrays (2, size) re, im unless said. Pointers lead into Work.
cdef struct Cluster:
    const Diagonals *d
    Replica *x
    Work *w
    Stream stream
    Py_ssize_t start           # the cluster's first beable; all stiff ones before it have come to the step's end
    Py_ssize_t stop            # one past the last beable with which a cluster may begin
    double events
    bint begun                 # whether the cluster of `start` has set out
    int32_t size
    int64_t edges
    Edge *edge
    double t                   # time within the lattice's step, at the substep's start
    double dt
    double *y                  # off the path, at the substep's start,
    double *w1                 # and its Taylor coefficients
    double *w2
    double *w3
    double *path               # the path at the start (and c there),
    double *early              # c at the Gauss points,
    double *late
    double *end                # the path at the end
    double *D0                 # what this substep's noise adds, and its moments in the time that is left
    double *D1
    double *D2
    double *E                  # its time integral
    double *source             # H y of the beables outside
    double *area               # time integral of y over the step so far,
    double *moment             # with the time left as weight
    double *first              # (3, size) change of each count at the start, early, late: beyond the path's
    double *last               # (size,) at the end
    double *lead               # (size,)


cdef inline void path_at(const Cluster *g, Py_ssize_t a, double t, double *x, double *y) noexcept nogil:
    """The predicted amplitude of any beable at time t of the lattice's step."""
    cdef Py_ssize_t P = g.d.P, P2 = 2 * P
    cdef const double *v = g.w.v + a
    cdef const double *u = g.w.high + a
    x[0] = v[0] + t * (v[P2] + t * (u[0] + t * (u[P2] + t * u[2 * P2])))
    v = v + P
    u = u + P
    y[0] = v[0] + t * (v[P2] + t * (u[0] + t * (u[P2] + t * u[2 * P2])))


cdef inline double share_at(const Cluster *g, Py_ssize_t b, double t) noexcept nogil:
    """Relative change of a calm beable's amplitude by the noise up to time t."""
    cdef double share = g.w.share0[b]
    if t > GAUSS_LOW * g.x.h:
        share += g.w.share1[b]
    if t > GAUSS_HIGH * g.x.h:
        share += g.w.share2[b]
    return share
