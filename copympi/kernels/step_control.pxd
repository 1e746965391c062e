# cython: language_level=3
from libc.stdint cimport int64_t

cdef class StepControl:
    cdef readonly double members        # N; 0: as many as there are, whatever the replica
    cdef readonly double step           # fixed step, or 0
    cdef readonly double leaving_chance
    cdef readonly double error_rate     # error in rho allowed per unit time up to this record
    cdef readonly double smallest       # a step below this cannot be told from none
    cdef readonly int64_t spectators    # members of each beable that never copy
    cdef readonly double tolerance      # relative error in a beable's occupation; 0: all steps are leaps
