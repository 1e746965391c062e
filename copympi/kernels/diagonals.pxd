# cython: language_level=3
from libc.stdint cimport int64_t

cdef extern from "diagonals.h" nogil:
    ctypedef struct Run:
        int64_t first
        int64_t offset
        int64_t length
        int64_t start
    ctypedef struct Diagonals:
        int64_t P
        int64_t runs
        int64_t bonds
        const Run *run
        const double *re
        const double *im
        const double *omega
        int has_im
        double norm
    void stage(const Diagonals *d, const double *alive, const double *old, double over, double *new,
               const double *other)
    void carry(int64_t P2, const double *v, double t, double *mid, double *end)
    void add_up(int64_t n, const double *x, const double *y, double *sum)
    void flow_rates(const Diagonals *d, const double *c, double *rate)
    void integrate(const Diagonals *d, double h, const double *start, const double *mid, const double *end,
                   double *end_rate, double *net, double *gross)
    void outflows(const Diagonals *d, const double *net, const double *gross, double *out)
    void move_counts(const Diagonals *d, const int64_t *moved, int64_t *n)
    void rescale(int64_t P, const int64_t *n, const double *pred, const double *before, double *c, double *alive)
    double sum_of(int64_t n, const double *x, int squares)
