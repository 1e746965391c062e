# cython: language_level=3, boundscheck=False, wraparound=False
# What kernels ask of their arguments before they take pointers into them: ValueError, never another's memory.
from libc.stdint cimport int32_t, int64_t


cdef inline int need(bint fine, str what) except -1:
    """ValueError(what) where an argument does not fit."""
    if not fine:
        raise ValueError(what)
    return 0


cdef inline int need_units(const int64_t[:, ::1] unit, Py_ssize_t replicas) except -1:
    """unit (U, 2): replica and block of each; replicas must exist."""
    cdef Py_ssize_t u
    need(unit.shape[1] == 2, "unit: must be (U, 2)")
    for u in range(unit.shape[0]):
        if not 0 <= unit[u, 0] < replicas:
            raise ValueError(f"unit[{u}]: there is no replica {unit[u, 0]}")
    return 0


cdef inline int need_blocks(const int64_t[::1] offset, const int64_t[:, ::1] unit, const int32_t[:, ::1] counts,
                            Py_ssize_t members) except -1:
    """offset (U + 1,): where each unit's members stand among all; counts (U, P): its buckets, which must fill it."""
    cdef Py_ssize_t u, a
    cdef int64_t place
    need(offset.shape[0] == unit.shape[0] + 1 and counts.shape[0] == unit.shape[0], "offset, counts: one a unit")
    need(offset[0] >= 0 and offset[unit.shape[0]] <= members, "offset: beyond the members")
    for u in range(unit.shape[0]):
        place = offset[u]
        for a in range(counts.shape[1]):
            if counts[u, a] < 0:
                raise ValueError(f"counts[{u}, {a}] = {counts[u, a]}: must not be negative")
            place += counts[u, a]
        if place != offset[u + 1]:
            raise ValueError(f"counts[{u}]: must add up to what offset leaves the unit")
    return 0


cdef inline int need_room(const int64_t[:, ::1] offers, const int64_t *indptr, const int32_t[:, ::1] counts,
                          const int32_t[:, ::1] pinned) except -1:
    """offers (U, nnz) by channel: no bucket can be offered more copies than it has members who are not pinned."""
    cdef Py_ssize_t u, b, e
    cdef int64_t free
    for u in range(offers.shape[0]):
        for b in range(counts.shape[1]):
            free = counts[u, b] - pinned[u, b]
            if pinned[u, b] < 0 or free < 0:
                raise ValueError(f"pinned[{u}, {b}]: must be from 0 to the bucket's members")
            for e in range(indptr[b], indptr[b + 1]):
                free -= offers[u, e]
                if offers[u, e] < 0 or free < 0:
                    raise ValueError(f"offers[{u}]: beable {b} has not so many members")
    return 0
