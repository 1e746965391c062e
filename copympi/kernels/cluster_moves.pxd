# cython: language_level=3
from copympi.kernels.cluster cimport Cluster

cdef void draw_early(Cluster *g) noexcept nogil
cdef void draw_late(Cluster *g) noexcept nogil
