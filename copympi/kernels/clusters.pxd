# cython: language_level=3
from libc.stdint cimport int64_t

from copympi.kernels.cluster cimport Cluster
from copympi.kernels.couplings cimport System

cdef bint run_stiff(Cluster *g, const System *s, int64_t *effort) noexcept nogil
