# cython: language_level=3
from libc.stdint cimport int64_t, uint64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.events cimport Events
from copympi.kernels.flows cimport Scratch
from copympi.kernels.step_control cimport StepControl
from copympi.kernels.tracker cimport Tracks

# A replica's step: its streams, and who is followed in it.
cdef struct Draws:
    uint64_t seed
    uint64_t leaps             # purpose of copies at once,
    uint64_t events            # and of copies one by one
    uint64_t replica
    uint64_t step
    Tracks *tracks             # NULL where nobody is followed; of these it is replica number
    Py_ssize_t row
    double begin               # the time at which the step begins,
    double stop                # and that of the stop it leads to

cdef double draw_counts(const System *s, const Draws *draws, int half, const double *chance, int64_t spectators,
                        int64_t *leave, int64_t *n, int64_t *out) noexcept nogil
cdef double step_of_some(const System *s, StepControl control, const Draws *draws, Scratch w, Events g, double *row,
                         int64_t *numbers, int64_t *n, double *phase) noexcept nogil
cdef double step_of_all(const System *s, StepControl control, const Draws *draws, Scratch w, Events g,
                        const double *row, int64_t *n, double *phase, double *copies) noexcept nogil
