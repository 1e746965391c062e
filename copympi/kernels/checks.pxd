# cython: language_level=3, boundscheck=False, wraparound=False
# What kernels ask of their arguments before they take pointers into them: ValueError, never another's memory.

cdef inline int need(bint fine, str what) except -1:
    """ValueError(what) where an argument does not fit."""
    if not fine:
        raise ValueError(what)
    return 0
