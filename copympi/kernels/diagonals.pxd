# cython: language_level=3
from libc.stdint cimport int64_t

cdef extern from "diagonals.h" nogil:
    enum: TILE
    const double GAUSS_LOW
    const double GAUSS_HIGH
    ctypedef struct Run:
        int64_t first
        int64_t offset
        int64_t length
        int64_t start
    ctypedef struct Side:
        int64_t to
        int64_t from_ "from"
        int64_t length
        int64_t start
        int64_t sign
    ctypedef struct Diagonals:
        int64_t P
        int64_t tiles
        int64_t bonds
        const Run *run
        const int64_t *run_at
        const Side *side
        const int64_t *side_at
        const double *re
        const double *im
        const double *omega
        int has_im
        double norm
        int64_t first_tile
        int64_t end_tile
        int64_t begin
        int64_t end
        int64_t group
        int64_t groups
    void mark_alive(const Diagonals *d, const int64_t *n, double *alive)
    void stage(const Diagonals *d, const double *alive, const double *old, double over, const double *base, double *new,
               const double *other)
    void carry(const Diagonals *d, const double *v, double h, double *early, double *late, double *end)
    void add_up(const Diagonals *d, int64_t rows, const double *x, const double *y, double *sum)
    void group_up(const Diagonals *d, double *parts)
    double fold(const Diagonals *d, const double *parts)
    void sizes(const Diagonals *d, const double *x, double *parts)
    void flow_rates(const Diagonals *d, const double *c, double *rate, double *parts)
    void foreign_rates(const Diagonals *d, const double *c, double *rate)
    void clear_words(const Diagonals *d, void *x)
    void turnover(const Diagonals *d, int64_t tile, double half, const double *early, const double *late, double *out)
    double spectator_share_of(double x, double y, double spectators)
    void spectator_shares(const Diagonals *d, const double *c, double spectators, double *spectator_share)
    double kick_tile(const Diagonals *d, int64_t tile, double half, const double *rate, const double *normal,
                     const double *calm, const double *spectator_share, double *kick)
    void insert_kicks(const Diagonals *d, int64_t tile, const double *c, const double *kick, double s, int again,
                      double *D0, double *D1, double *D2, double *share)
    int64_t find_calm(const Diagonals *d, int64_t tile, double over, double noise, const int64_t *n,
                      const double *v, const double *early, const double *late, const double *end, const double *out,
                      double *calm, double *chance)
    double finish(const Diagonals *d, const double *end, const double *more, double *c, double *parts)
    void scale(const Diagonals *d, double by, double *c)
    double stretch(double x)
