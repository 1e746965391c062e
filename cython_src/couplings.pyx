# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""H/hbar as all kernels read it: rows of couplings, and the list of pairs."""
from libc.stdint cimport int64_t

from copympi.kernels.checks cimport need


cdef bint is_dense(const System *s) noexcept nogil:
    """Whether H couples more than DENSE_FROM beables, each to all others, and stands there as dense.h has it."""
    cdef Py_ssize_t a, b, e, f, p = 0
    if s.P <= DENSE_FROM or s.nnz != s.P * (s.P - 1):
        return False
    for b in range(s.P):
        if s.indptr[b] != b * (s.P - 1):
            return False
        for a in range(b + 1, s.P):
            e = b * (s.P - 1) + a - 1
            f = a * (s.P - 1) + b
            if (s.indices[e] != a or s.indices[f] != b or s.re[e] != s.re[f] or s.im[e] != -s.im[f]
                    or s.pair[4 * p] != b or s.pair[4 * p + 1] != a or s.pair[4 * p + 2] != e
                    or s.pair[4 * p + 3] != f):
                return False
            p += 1
    return True


cdef class Couplings:
    """H/hbar as the kernels want it: rows without the diagonal, and the list of pairs. Arrays are kept alive here."""

    def __cinit__(self, *, const int64_t[::1] indptr not None, const int64_t[::1] indices not None,
                  const double[::1] re not None, const double[::1] im not None, const double[::1] omega not None,
                  const double[::1] level not None, const int64_t[:, ::1] pair not None, double shift, double norm):
        cdef Py_ssize_t P = omega.shape[0], nnz = indices.shape[0], k, a
        need(P > 0 and indptr.shape[0] - 1 == P == level.shape[0] and nnz == re.shape[0] == im.shape[0],
             "couplings: shapes do not fit")
        if pair.shape[1] != 4 or 2 * pair.shape[0] != indices.shape[0]:
            raise ValueError("couplings: every entry belongs to one pair")
        need(indptr[0] == 0 and indptr[P] == nnz, "couplings: indptr must go from 0 to the number of entries")
        for k in range(P):
            need(indptr[k] <= indptr[k + 1], "couplings: indptr must not fall")
        for k in range(nnz):
            need(0 <= indices[k] < P, "couplings: there is no such beable")
        for k in range(pair.shape[0]):
            need(0 <= pair[k, 0] < P and 0 <= pair[k, 1] < P, "couplings: a pair of no such beables")
            need(0 <= pair[k, 2] < nnz and 0 <= pair[k, 3] < nnz, "couplings: a pair of no such entries")
        self.keep = (indptr, indices, re, im, omega, pair, level)
        self.system.P = omega.shape[0]
        self.system.nnz = indices.shape[0]
        self.system.pairs = pair.shape[0]
        self.system.indptr = &indptr[0]
        self.system.omega = &omega[0]
        self.system.level = &level[0]
        self.system.lonely = False
        for a in range(omega.shape[0]):
            if indptr[a] == indptr[a + 1]:
                self.system.lonely = True
        if self.system.nnz:
            self.system.indices = &indices[0]
            self.system.re = &re[0]
            self.system.im = &im[0]
            self.system.pair = &pair[0, 0]
        self.system.shift = shift
        self.system.norm = norm
        self.system.dense = is_dense(&self.system)

    @property
    def shift(self):
        """What was taken off all of H_aa/hbar: every phase turns with it besides."""
        return self.system.shift

    @property
    def entries(self):
        """How many couplings there are, each direction of a pair counted."""
        return self.system.nnz
