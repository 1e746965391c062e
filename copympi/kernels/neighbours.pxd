# cython: language_level=3, cdivision=True
# The couplings of one beable: from the rows of H where these are there, else from its diagonals.
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.diagonals cimport TILE, Diagonals, Side

cdef enum:
    NEAR = 8                   # couplings of a beable at most where H has no rows: a lattice has two along each axis

cdef struct Row:
    int64_t count
    const int64_t *other       # (count,) the beables it is coupled to, ascending,
    const double *re           # (count,) and H/hbar from it to these
    const double *im
    int64_t own_other[8]
    double own_re[8]
    double own_im[8]


cdef inline void row_of(const Diagonals *d, const System *s, Py_ssize_t a, Row *row) noexcept nogil:
    """The couplings of beable a; from diagonals those that are not zero, in the same order as rows have them."""
    cdef int64_t r, e, b, i
    cdef double re, im
    cdef Side side
    if s.indptr != NULL:
        row.count = s.indptr[a + 1] - s.indptr[a]
        row.other, row.re, row.im = s.indices + s.indptr[a], s.re + s.indptr[a], s.im + s.indptr[a]
        return
    row.count = 0
    row.other, row.re, row.im = row.own_other, row.own_re, row.own_im
    for r in range(d.side_at[a // TILE], d.side_at[a // TILE + 1]):
        side = d.side[r]
        if not side.to <= a < side.to + side.length:
            continue
        e = side.start + a - side.to
        re = d.re[e]
        im = d.im[e] if side.sign > 0 else 0.0 - d.im[e]
        if (re == 0.0 and im == 0.0) or row.count == NEAR:
            continue
        b = side.from_ + a - side.to
        i = row.count
        while i > 0 and row.own_other[i - 1] > b:
            row.own_other[i], row.own_re[i], row.own_im[i] = row.own_other[i - 1], row.own_re[i - 1], row.own_im[i - 1]
            i -= 1
        row.own_other[i], row.own_re[i], row.own_im[i] = b, re, im
        row.count += 1
