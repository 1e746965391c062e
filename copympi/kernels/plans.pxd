# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# The plan of a step is one row of doubles, so that its bytes can be broadcast and digested. Here alone stands what is
# where in it: a Head, then the arrays of a Plan (aligned phases) or of a FieldPlan (phases of members' own).
from copympi.kernels.couplings cimport Couplings, System

# Whether a plan can be carried out.
cdef enum:
    FINE = 0
    STEP_TOO_SMALL = 1
    CHANCE_ABOVE_ONE = 2
    TURN_ABOVE_ONE = 3
    UNDECIDED = 4              # whether the step should be a leap: the plan is not made yet

cdef enum:
    UNBOUND = -1               # in `out`: nobody can leave or come, and no step is needed

cdef struct Head:
    double step                # length h of the step
    double time_left           # to the record, after it
    double largest             # largest chance of any member to leave in it
    double status
    double limiting            # beable that set the step

cdef struct Plan:
    Head *head
    double *chance             # (nnz,) of a member of b to leave for a, in the half step to be drawn
    double *flow               # (nnz,) predicted for the second half
    double *phase              # (P,) at the start; at the end once the second half is planned
    double *mid                # (2, P) amplitudes in the middle of the step
    double *mid_n              # (P,) members there, as predicted
    double *out                # (P,) members predicted to leave in the first half, or UNBOUND
    double *turn               # (2, P) by how much phases turn
    double *shift              # taken off all H_aa/hbar but those of unbound beables; phases turn with it besides

cdef struct FieldPlan:
    Head *head
    double *chance             # (nnz,) of a member of b to be proposed a copy of one of a
    double *bound              # (nnz,) an acceptance is at most 1 with this as a factor
    double *field              # (2, P) at mid-step
    double *map                # (4, P) since the last refresh: alpha re, im, beta re, im


cdef inline Py_ssize_t head_size() noexcept nogil:
    return sizeof(Head) // sizeof(double)


cdef inline Py_ssize_t plan_size(const System *s) noexcept nogil:
    return head_size() + 2 * s.nnz + 7 * s.P + 1


cdef inline Py_ssize_t field_plan_size(const System *s) noexcept nogil:
    return head_size() + 2 * s.nnz + 6 * s.P


cdef inline Plan plan_at(const System *s, double *row) noexcept nogil:
    cdef Plan plan
    plan.head = <Head *> row
    plan.chance = row + head_size()
    plan.flow = plan.chance + s.nnz
    plan.phase = plan.flow + s.nnz
    plan.mid = plan.phase + s.P
    plan.mid_n = plan.mid + 2 * s.P
    plan.out = plan.mid_n + s.P
    plan.turn = plan.out + s.P
    plan.shift = plan.turn + 2 * s.P
    return plan


cdef inline FieldPlan field_plan_at(const System *s, double *row) noexcept nogil:
    cdef FieldPlan plan
    plan.head = <Head *> row
    plan.chance = row + head_size()
    plan.bound = plan.chance + s.nnz
    plan.field = plan.bound + s.nnz
    plan.map = plan.field + 2 * s.P
    return plan


cdef inline int fill_head(Head *head, double step, double time_left, double smallest, double chance, double turn,
                          Py_ssize_t limiting) noexcept nogil:
    """The head of a plan, and whether a step of that length can be taken; a phase turns by `turn` in a fixed one."""
    head.step = step
    head.time_left = 0.0 if time_left - step < 0.5 * step else time_left - step
    head.largest = chance
    head.limiting = limiting
    head.status = FINE
    if step < smallest:
        head.status = STEP_TOO_SMALL
    elif not chance <= 1.0:
        head.status = CHANCE_ABOVE_ONE
    elif turn > 1.0:
        head.status = TURN_ABOVE_ONE
    return <int> head.status


cdef class Plans:
    cdef double *first         # R rows of `size` doubles, which `rows` keeps alive
    cdef Py_ssize_t R, size, P, nnz
    cdef readonly object rows
    cdef readonly object step
    cdef readonly object time_left
    cdef readonly object largest
    cdef readonly object limiting
    cdef int set_up(self, const System *s, Py_ssize_t replicas, Py_ssize_t size) except -1

cdef class StepPlans(Plans):
    cdef bint profiled         # rows have room for profiles
    cdef readonly object chance
    cdef readonly object phase

cdef class FieldPlans(Plans):
    cdef readonly object maps


cdef inline double *row_of(Plans plans, Py_ssize_t r) noexcept nogil:
    return plans.first + r * plans.size


cdef inline double *profile_of(StepPlans plans, Py_ssize_t r) noexcept nogil:
    """(3, nnz): how the flow b->a goes in the half step to be drawn, up to a factor: at its start, middle and end."""
    return row_of(plans, r) + plans.size - 3 * plans.nnz


cdef inline const Head *head_of(Plans plans, Py_ssize_t r) noexcept nogil:
    return <const Head *> row_of(plans, r)


cdef inline int need_plans(Plans plans, Couplings couplings, Py_ssize_t replicas) except -1:
    """Plans of so many replicas of this very system."""
    if plans.R != replicas or plans.P != couplings.system.P or plans.nnz != couplings.system.nnz:
        raise ValueError("plans: of another number of replicas, or of another system")
    return 0
