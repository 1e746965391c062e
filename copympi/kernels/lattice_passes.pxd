# cython: language_level=3
from copympi.kernels.bonds cimport Replica, Work
from copympi.kernels.diagonals cimport Diagonals

cdef double NOISE, COUNTED_TURN

cdef enum:
    LAST_LOOKED = 2            # pass of look_pass
    LAST_CALM = 6              # of calm_pass

cdef void look_pass(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil
cdef void note_chance(Replica *x, const Work *w) noexcept nogil
cdef void calm_pass(const Diagonals *d, Replica *x, Work *w, int number) noexcept nogil
cdef void sum_up_kicks(const Diagonals *d, Work *w) noexcept nogil
cdef void forget_parts(const Diagonals *d, Work *w) noexcept nogil
cdef void lead_on_area(const Diagonals *d, Work *w) noexcept nogil
cdef void lead_on_noise(const Diagonals *d, Work *w) noexcept nogil
cdef void add_events(const Diagonals *d, Replica *x, const Work *w) noexcept nogil
