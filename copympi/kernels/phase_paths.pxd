# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# The path of all phases of a replica from one copy to the next: see cython_src/phase_paths.pyx and phase_series.h.
from libc.stdint cimport int64_t

from copympi.kernels.couplings cimport System
from copympi.kernels.one_by_one cimport Rates
from copympi.kernels.pair cimport mapped

cdef extern from "phase_series.h" nogil:
    enum:
        DEGREE
        POWERS
    double STRAY
    ctypedef struct Number:
        double re
        double im
    ctypedef struct Series:
        Number z[7][7]
        Number h[7]
    void fill_shares()
    void moments_of(Series *x, double n, const double *power, const double *m, int64_t P, int degree)
    void begin_series(Series *x)
    void next_term(Series *x, double omega, int m, int degree)
    double size_of(Number a)
    double term(const Series *x, int m)
    void map_at(const Series *x, int degree, double t, double *out)
    void compose(const double *f, double *m, int64_t P)
    void add_value(double x, double y, double sign, double *power)
    void write_down(double *x, double *y, int64_t n, const double *m, int64_t P, const double *weight, double *power)

cdef enum:
    MAP = 4                # numbers of a map
    WIDTH = 28             # and those of POWERS sums, re and im: what is kept of a beable

cdef struct Values:        # of the members of one replica, or of its phase classes; beable by beable
    double *x              # values, re
    double *y              # and im
    int64_t *start         # (P,) where each beable's begin
    const int64_t *size    # (P,) and how many there are
    double *weight         # members of each class; NULL: 1


cdef struct Path:
    double *rows           # (P, WIDTH): maps and sums of powers
    Series *series         # (P,)
    double *scaled         # (P, 2): Z_b/sqrt(n_b) at one power of t
    int degree             # of fields in t
    double good            # for how long: a function of the path, never of when the next proposal comes
    Py_ssize_t limiting    # whose


cdef void clear_row(double *row) noexcept nogil
cdef int degree_for(const System *s, const Rates *k) noexcept nogil
cdef void begin_path(const System *s, const Rates *k, Path *p) noexcept nogil
cdef void write_values(Path *p, Values *c, Py_ssize_t a) noexcept nogil
cdef void go_along(const System *s, const Rates *k, Path *p, Values *c, double t) noexcept nogil


cdef inline void value_at(const Path *p, Py_ssize_t a, double t, double x, double y, double *w) noexcept nogil:
    """e^{i phi} of the value x + i y of beable a, a time t along the path."""
    cdef double f[4]
    cdef double v[2]
    mapped(p.rows + a * WIDTH, 1, x, y, v)
    map_at(p.series + a, p.degree, t, f)
    mapped(f, 1, v[0], v[1], w)
