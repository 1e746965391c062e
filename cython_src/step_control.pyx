# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""How steps are chosen: what a user asks of accuracy, as the kernels read it (made by engine/accuracy.py)."""
from libc.stdint cimport int64_t

from copympi.kernels.checks cimport need


cdef class StepControl:
    """Step control between two records, for `members` members of a replica; 0: for as many as it has.

    step : length of a fixed step, or 0 where steps are adapted. leaving_chance : largest chance of a member to leave
    its beable in an adapted step. error_rate : error in rho that unit time may have. smallest : a step below this
    cannot be told from none. spectators : members of each beable that never copy. tolerance : error, as a part of a
    beable's occupation, by which steps of few members are judged (hybrid.pyx); 0 where all steps are leaps.
    ValueError where one is negative.
    """

    def __cinit__(self, *, double members, double step, double leaving_chance, double error_rate, double smallest,
                  int64_t spectators, double tolerance=0.0):
        need(members >= 0.0, "members: must not be negative")
        need(step >= 0.0 and smallest >= 0.0, "step, smallest: must not be negative")
        need(leaving_chance > 0.0 and error_rate >= 0.0, "leaving_chance: must be positive; error_rate: not negative")
        need(spectators >= 0 and tolerance >= 0.0, "spectators, tolerance: must not be negative")
        self.members = members
        self.step = step
        self.leaving_chance = leaving_chance
        self.error_rate = error_rate
        self.smallest = smallest
        self.spectators = spectators
        self.tolerance = tolerance
