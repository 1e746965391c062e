# cython: language_level=3
from copympi.kernels.cluster cimport Cluster

cdef void look_around(Cluster *g) noexcept nogil
cdef void foresee(Cluster *g) noexcept nogil
cdef void lead_on(Cluster *g) noexcept nogil
