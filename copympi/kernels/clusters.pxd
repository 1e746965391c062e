# cython: language_level=3
from libc.stdint cimport int32_t, int64_t

from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals
from copympi.kernels.predictor cimport System

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

cdef enum:
    EDGE_BYTES = 120

cdef void run_stiff(const Diagonals *d, const System *s, Replica *x, Work *w) noexcept nogil
