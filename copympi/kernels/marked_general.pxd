# cython: language_level=3, cdivision=True
# Tracked members with phases of their own under any rule, in steps whose copies are made at phases of mid-step.
from libc.stdint cimport int64_t, uint32_t

from copympi.kernels.crowd cimport Block
from copympi.kernels.general_phases cimport PhaseRule, carry, pulls
from copympi.kernels.marks cimport mark_copy, mark_luck, mark_phase
from copympi.kernels.profiles cimport profile_moment


cdef struct Moment:
    double step
    double time_left       # to the stop, after it
    double since           # how long ago, at mid-step, the sums were taken that fields follow from
    Py_ssize_t replica
    Py_ssize_t block


cdef inline void value_then(PhaseRule k, const Moment *m, Py_ssize_t a, double t, const double *z,
                            double *out) noexcept nogil:
    """e^{i phi} of a member of a time t after mid-step, from z at mid-step."""
    out[0] = z[0]
    out[1] = z[1]
    carry(k, &out[0], &out[1], 1, a, m.since, t)


cdef inline void mark_then(PhaseRule k, const Block *block, const Moment *m, uint32_t id, Py_ssize_t b, Py_ssize_t e,
                           const double *v, double left) noexcept nogil:
    """Note a tracked member of b who copies along entry e with `left` to go in the step, a partner of value v at
    mid-step: its phase is the partner's at that time."""
    cdef double there[2]
    value_then(k, m, k.law.s.indices[e], 0.5 * m.step - left, v, there)
    mark_copy(block.marked, block.unit, id, b, k.law.s.indices[e], m.time_left + left,
              mark_phase(block.marked, there[0], there[1], m.time_left + left))


cdef inline void mark_at_once(PhaseRule k, const Block *block, const Moment *m, int64_t i, Py_ssize_t b, Py_ssize_t e,
                              const double *v) noexcept nogil:
    """Note that tracked member i of the block, of b, copies one of value v at mid-step along entry e.

    Offers come at a constant rate over the step; one is taken with a chance in proportion to the pull at its time.
    """
    cdef double flow[3]
    cdef double z[2]
    cdef double x[2]
    cdef double y[2]
    cdef double there, back
    cdef Py_ssize_t a = k.law.s.indices[e]
    cdef int j
    z[0] = block.values[i]
    z[1] = block.values[block.size + i]
    for j in range(3):
        value_then(k, m, b, (0.5 * j - 0.5) * m.step, z, x)
        value_then(k, m, a, (0.5 * j - 0.5) * m.step, v, y)
        if b < a:
            pulls(k.law, k.pair[e], x, y, &there, &back)
        else:
            pulls(k.law, k.pair[e], y, x, &back, &there)
        flow[j] = there if there > 0.0 else -back
    there = mark_luck(block.marked, m.replica, m.block, 0, block.ids[i])
    mark_then(k, block, m, block.ids[i], b, e, v, m.step * (1.0 - profile_moment(flow[0], flow[1], flow[2], there)))
