# cython: language_level=3, cdivision=True
# A copy rule as members with phases of their own feel it: see cython_src/general_phases.pyx.
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.elementary cimport fmax
from copympi.kernels.general cimport CopyRule, Harmonic, Law, Powers

cdef extern from "harmonics.h" nogil:
    ctypedef struct Shape:
        const int64_t *order
        int count
        int top
        int degree
        int sums
    void fields_at(const Shape *s, const double *h, double t, double *c)
    void carry_members(double *x, double *y, int64_t n, const double *c, int top, double omega, double t)
    void sums_of_powers(const double *x, const double *y, int64_t n, double scale, int count, int64_t *sums)
    int part_of_circle(double x, double y, int bins)


cdef enum:
    CUTS = 32              # parts of the circle among which growth is told apart


cdef class PhaseRule:
    cdef readonly CopyRule rule
    cdef const Law *law
    cdef Shape shape
    cdef const int64_t *pair   # (nnz,) number of the pair that an entry of H is of
    cdef const double *copies  # (pairs,) sum_k R'^k
    cdef const double *turns   # (pairs,) sum_k |R^k|
    cdef Powers *power         # (P,) of the n that were last given
    cdef double *z             # (P, degree + 1, sums + 1, 2) coefficients of sums
    cdef double *h             # (P, degree + 1, harmonics, 2) and of fields
    cdef Py_ssize_t size       # of h
    cdef double *c             # (3, top + 1, 2) fields at three times
    cdef object keep


cdef void set_powers(PhaseRule k, const double *n) noexcept nogil
cdef void set_fields(PhaseRule k, const double *n, const double *sums) noexcept nogil
cdef void carry(PhaseRule k, double *x, double *y, int64_t n, Py_ssize_t a, double begin, double t) noexcept nogil
cdef double fastest(PhaseRule k, Py_ssize_t *whose) noexcept nogil
cdef int need_rule(PhaseRule k, const double[:, ::1] n, const double[:, :, ::1] sums) except -1


cdef inline void pulls(const Law *l, Py_ssize_t p, const double *w, const double *v, double *up,
                       double *down) noexcept nogil:
    """sum_k R'^k sin+ of pair p both ways: `up`, of a member of its first beable to copy one of its second, with
    e^{i phi} = w and v, and `down`, of the latter to copy the former."""
    cdef const Harmonic *h = l.harmonic + p * l.K
    cdef double x = w[0] * v[0] + w[1] * v[1], y = w[0] * v[1] - w[1] * v[0], re = 1.0, im = 0.0, t
    cdef int64_t power = 0
    cdef Py_ssize_t k
    up[0] = 0.0
    down[0] = 0.0
    for k in range(l.K):
        while power < l.order[k]:
            t = re * x - im * y
            im = re * y + im * x
            re = t
            power += 1
        t = h[k].copy_re * im + h[k].copy_im * re
        up[0] += fmax(t, 0.0)
        down[0] += fmax(-t, 0.0)


cdef inline double pull(PhaseRule k, Py_ssize_t e, Py_ssize_t b, const double *w, const double *v) noexcept nogil:
    """sum_k R'^k sin+(k D + delta^k), D = phi_J - phi_I, of I in b with w = e^{i phi_I}, J with v; entry e = (b, a)."""
    cdef double up, down
    if b < k.law.s.indices[e]:
        pulls(k.law, k.pair[e], w, v, &up, &down)
        return up
    pulls(k.law, k.pair[e], v, w, &up, &down)
    return down
