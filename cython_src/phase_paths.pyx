# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -fno-tree-slp-vectorize
# GCC 12 fuses products and sums of complex numbers in vectors, whatever -ffp-contract says, where CFLAGS name a CPU
# with fused multiply-add, and this kernel has such (`python tools/bits.py` finds them).
"""How phases of members' own move while n stands still: Taylor series of all beables' maps, coupled by their sums.

All members of a beable a feel one field h_a, which depends on the sums Z_b = sum e^{i phi} of others. So all its phases
move by one map, and maps and sums obey closed equations. Their series in time (phase_series.h) are a path, which is
good until its last term exceeds STEP_ERROR; a path begins anew there, and wherever n changes.
"""
from libc.math cimport fabs, floor, frexp, ldexp
from libc.stdint cimport int64_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.elementary cimport fmax, fmin
from copympi.kernels.one_by_one cimport Rates
from copympi.kernels.pair cimport pair_field

fill_shares()

NUMBERS = 4 + 2 * POWERS
"""What is kept of a beable: its map (alpha re, im, beta re, im) since its values were written down, and sums of powers
of these (re, im in turn)."""

cdef double STEP_ERROR = 1e-12  # of the map to the end of a path
cdef double SPAN = 4.0          # proposals that a path should outlast


cdef void clear_row(double *row) noexcept nogil:
    """The identity, and no values."""
    cdef Py_ssize_t m
    for m in range(WIDTH):
        row[m] = 1.0 if m == 0 else 0.0


cdef int degree_for(const System *s, const Rates *k) noexcept nogil:
    """The least degree with which a path is likely to last for SPAN proposals."""
    cdef double fastest = 0.0, x, size
    cdef Py_ssize_t a
    cdef int degree = 1
    if k.total <= 0.0:
        return DEGREE
    for a in range(s.P):
        if k.n[a] > 0:
            fastest = fmax(fastest, fabs(s.omega[a]) + 0.5 * k.reach[a] / k.root[a])
    x = SPAN * fastest / k.total
    size = 0.5 * x * x
    while degree < DEGREE and size > STEP_ERROR:
        degree += 1
        size *= x / (degree + 1)
    return degree


cdef double lasting(double last, int degree) noexcept nogil:
    """The greatest power of two t with last t^(degree + 1) <= STEP_ERROR, the map's last term; 0 if there is none."""
    cdef double over = STEP_ERROR / last
    cdef int exponent = 0
    if not over > 0.0:
        return 0.0
    frexp(fmin(over, 1e300), &exponent)  # 2^(exponent - 1) is the greatest power of two that is not above it
    return ldexp(1.0, <int> floor((exponent - 1.0) / (degree + 1)))


cdef void begin_path(const System *s, const Rates *k, Path *p) noexcept nogil:
    """The series of all maps from here on, from values, maps and n."""
    cdef Py_ssize_t a, b, e
    cdef int m
    cdef double x, y, over, last = 0.0, fastest = 0.0
    cdef Series *one
    for a in range(s.P):
        if k.n[a] > 0:
            moments_of(p.series + a, <double> k.n[a], p.rows + a * WIDTH + MAP, p.rows + a * WIDTH, 1, p.degree)
            begin_series(p.series + a)
    for m in range(p.degree + 1):
        for a in range(s.P):
            over = 1.0 / k.root[a] if k.n[a] > 0 else 0.0
            p.scaled[2 * a] = over * p.series[a].z[1][m].re
            p.scaled[2 * a + 1] = over * p.series[a].z[1][m].im
        for a in range(s.P):
            if k.n[a] > 0:
                one = p.series + a
                over = 1.0 / k.root[a]
                x = 0.0
                y = 0.0
                for e in range(s.indptr[a], s.indptr[a + 1]):
                    b = s.indices[e]
                    pair_field(over, s.re[e], s.im[e], p.scaled[2 * b], p.scaled[2 * b + 1], &x, &y)
                one.h[m].re = x
                one.h[m].im = y
                next_term(one, s.omega[a], m, p.degree)
    for a in range(s.P):
        if k.n[a] > 0:
            fastest = fmax(fastest, fabs(s.omega[a]) + size_of(p.series[a].h[0]))
    for a in range(s.P):
        if k.n[a] > 0:  # a term may vanish by chance: the one before it says about how large it could be
            x = fmax(term(p.series + a, p.degree + 1), term(p.series + a, p.degree) * fastest / (p.degree + 1))
            if not x <= last:
                last = x
                p.limiting = a
    p.good = lasting(last, p.degree)


cdef void write_values(Path *p, Values *c, Py_ssize_t a) noexcept nogil:
    """Values of beable a as they are now, and sums of their powers; its map is the identity from here on."""
    cdef double *row = p.rows + a * WIDTH
    write_down(c.x + c.start[a], c.y + c.start[a], c.size[a], row, 1,
               c.weight + c.start[a] if c.weight != NULL else NULL, row + MAP)
    row[0] = 1.0
    row[1] = 0.0
    row[2] = 0.0
    row[3] = 0.0


cdef void go_along(const System *s, const Rates *k, Path *p, Values *c, double t) noexcept nogil:
    """Carry all maps a time t along the path; where one has strayed far, values are written down anew."""
    cdef Py_ssize_t a
    cdef double f[4]
    cdef double *m
    for a in range(s.P):
        if k.n[a] > 0:
            m = p.rows + a * WIDTH
            map_at(p.series + a, p.degree, t, f)
            compose(f, m, 1)
            if not m[2] * m[2] + m[3] * m[3] <= STRAY * (m[0] * m[0] + m[1] * m[1]):
                write_values(p, c, a)


def sums_of(const int64_t[:, ::1] n not None, *, const double[:, :, ::1] paths not None):
    """Sums (R, P, 2), complex, of e^{i phi} and e^{2 i phi} over all members of a beable; n (R, P), paths as kept."""
    cdef Py_ssize_t R = n.shape[0], P = n.shape[1], r, a
    cdef Series one
    need(paths.shape[0] == R and paths.shape[1] == P and paths.shape[2] == WIDTH, "paths: must be (R, P, NUMBERS)")
    out = np.zeros((R, P, 2), complex)
    cdef double complex[:, :, ::1] sums = out
    for r in range(R):
        for a in range(P):
            if n[r, a] > 0:
                moments_of(&one, <double> n[r, a], &paths[r, a, MAP], &paths[r, a, 0], 1, DEGREE)
                sums[r, a, 0] = one.z[1][0].re + 1j * one.z[1][0].im
                sums[r, a, 1] = one.z[2][0].re + 1j * one.z[2][0].im
    return out
