# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The plans of a step, one row of doubles a replica: where what stands is said in plans.pxd and nowhere else."""
import numpy as np
from libc.stdint cimport uint8_t

from copympi.kernels.checks cimport need


cdef class Plans:
    """Plans of R replicas. rows (R, .): all of them, to be broadcast, digested and saved; the rest are views of it.

    step (R,) : length of the step; time_left (R,) : to the record after it; largest (R,) : largest chance of a member
    to leave in it; limiting (R,) : the beable that set its length.
    """

    def first_failure(self, const uint8_t[::1] active not None):
        """(status, replica, limiting beable) of the first active replica whose plan failed; (0, 0, 0) if none did."""
        cdef Py_ssize_t r
        cdef const Head *head
        need(active.shape[0] == self.R, "active: one a replica")
        for r in range(self.R):
            head = head_of(self, r)
            if active[r] and head.status != FINE:
                return int(head.status), r, int(head.limiting)
        return 0, 0, 0

    cdef int set_up(self, const System *s, Py_ssize_t replicas, Py_ssize_t size) except -1:
        cdef double[:, ::1] memory
        need(replicas >= 0, "replicas: must not be negative")
        self.rows = np.zeros((replicas, size))
        memory = self.rows
        self.first = &memory[0, 0]
        self.R = replicas
        self.size = size
        self.P = s.P
        self.nnz = s.nnz
        self.step = self.rows[:, 0]
        self.time_left = self.rows[:, 1]
        self.largest = self.rows[:, 2]
        self.limiting = self.rows[:, 4]
        return 0


cdef class StepPlans(Plans):
    """Plans where phases are aligned. chance (R, couplings), phase (R, P): views of `rows`.

    profiled : whether there is room for how flows go within a half step, from which times of tracked copies are drawn.
    """

    def __cinit__(self, Couplings couplings not None, Py_ssize_t replicas, bint profiled=False):
        cdef const System *s = &couplings.system
        self.profiled = profiled
        self.set_up(s, replicas, plan_size(s) + (3 * s.nnz if profiled else 0))
        cdef Py_ssize_t first = head_size()
        self.chance = self.rows[:, first:first + s.nnz]
        first += 2 * s.nnz
        self.phase = self.rows[:, first:first + s.P]


cdef class FieldPlans(Plans):
    """Plans where members have phases of their own. maps (R, 4P): a view of `rows`, the identity at first.

    The numbers of a map z -> (alpha z + beta)/(conj(beta) z + conj(alpha)) stand P apart: alpha re, im, beta re, im.
    """

    def __cinit__(self, Couplings couplings not None, Py_ssize_t replicas):
        cdef const System *s = &couplings.system
        self.set_up(s, replicas, field_plan_size(s))
        self.maps = self.rows[:, head_size() + 2 * s.nnz + 2 * s.P:]
        self.maps[:, :s.P] = 1.0
