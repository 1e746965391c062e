# cython: language_level=3, cdivision=True
# Tracked members with phases of their own, in steps whose copies are made at phases of mid-step.
from libc.stdint cimport int64_t, uint32_t

from copympi.kernels.couplings cimport System
from copympi.kernels.crowd cimport Block
from copympi.kernels.fields cimport carry_map
from copympi.kernels.marks cimport is_marked, mark_copy, mark_luck, mark_phase
from copympi.kernels.pair cimport mapped, pair_pull
from copympi.kernels.plans cimport FieldPlan
from copympi.kernels.profiles cimport profile_moment


cdef inline void value_later(const System *s, const FieldPlan *plan, Py_ssize_t a, double pi, double t,
                             const double *z, double *out) noexcept nogil:
    """e^{i phi} of a member of a with momentum pi a time t after mid-step, from z at mid-step, by the field there."""
    cdef double m[4]
    m[0] = 1.0
    m[1] = 0.0
    m[2] = 0.0
    m[3] = 0.0
    carry_map(s.omega[a] + pi, plan.field[a], plan.field[s.P + a], t, m, 1)
    mapped(m, 1, z[0], z[1], out)


cdef inline void mark_copier(const System *s, const FieldPlan *plan, const Block *block, uint32_t id, Py_ssize_t b,
                             Py_ssize_t e, double left, const double *v, double pi) noexcept nogil:
    """Note a tracked member of b who copies along entry e with `left` to go in the step, a partner of value v at
    mid-step and momentum pi: its phase is the partner's at that time."""
    cdef double there[2]
    cdef double to_stop = plan.head.time_left + left
    value_later(s, plan, s.indices[e], pi, 0.5 * plan.head.step - left, v, there)
    mark_copy(block.marked, block.unit, id, b, s.indices[e], to_stop,
              mark_phase(block.marked, there[0], there[1], to_stop))


cdef inline void mark_member(const System *s, const Block *block, Py_ssize_t b, Py_ssize_t e, uint32_t id, double left,
                             const double *v) noexcept nogil:
    """Note a tracked member of b who copies one of value v along entry e, `left` before the stop."""
    if is_marked(block.marked, block.unit, id):
        mark_copy(block.marked, block.unit, id, b, s.indices[e], left, mark_phase(block.marked, v[0], v[1], left))


cdef inline double left_when(const System *s, const FieldPlan *plan, Py_ssize_t b, Py_ssize_t e, const double *w,
                             double own, const double *v, double pi, double luck) noexcept nogil:
    """How much of the step was to go when a member of b, value w at mid-step and momentum `own`, copied one of value v.

    Proposals come at a constant rate over the step; one is taken with a chance in proportion to the pull at its time.
    """
    cdef double pull[3]
    cdef double x[2]
    cdef double y[2]
    cdef int k
    for k in range(3):
        value_later(s, plan, b, own, (0.5 * k - 0.5) * plan.head.step, w, x)
        value_later(s, plan, s.indices[e], pi, (0.5 * k - 0.5) * plan.head.step, v, y)
        pull[k] = pair_pull(s.re[e], s.im[e], x[0], x[1], y[0], y[1])
    return plan.head.step * (1.0 - profile_moment(pull[0], pull[1], pull[2], luck))
