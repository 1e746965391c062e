# cython: language_level=3, cdivision=True
# A pair's flow, a copy's acceptance, the field of a beable at another, the Moebius map: see cython_src/pair.h.
from libc.math cimport sqrt

cdef extern from "pair.h" nogil:
    double pair_turn(double re, double im, double xb, double yb, double xa, double ya)
    double pair_pull(double re, double im, double xi, double yi, double xj, double yj)
    void pair_field(double over, double re, double im, double x, double y, double *hx, double *hy)
    double mapped_by(double ar, double ai, double br, double bi, double x, double y, double *u, double *v)


cdef inline double pair_flow(double re, double im, double xb, double yb, double xa, double ya) noexcept nogil:
    """Members from b to a in unit time, -2 Im(conj(c_b) w_ba c_a), with re + i im = w_ba = H_ba/hbar; negative: from
    a to b."""
    return -2.0 * pair_turn(re, im, xb, yb, xa, ya)


cdef inline void mapped(const double *m, Py_ssize_t P, double x, double y, double *w) noexcept nogil:
    """w = e^{i phi} of the value x + i y by the map m, whose numbers stand P apart."""
    cdef double over = 1.0 / mapped_by(m[0], m[P], m[2 * P], m[3 * P], x, y, &w[0], &w[1])
    w[0] *= over
    w[1] *= over


cdef inline void mapped_on_circle(const double *m, Py_ssize_t P, double x, double y, double *w) noexcept nogil:
    """The same, put back on the unit circle by its own size."""
    cdef double over
    mapped_by(m[0], m[P], m[2 * P], m[3 * P], x, y, &w[0], &w[1])
    over = 1.0 / sqrt(w[0] * w[0] + w[1] * w[1])
    w[0] *= over
    w[1] *= over
