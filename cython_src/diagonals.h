/* Passes over beables coupled along diagonals of H: bonds (b, b + offset) in runs, tile after tile.

   A tile is TILE beables, whatever the machine; a bond belongs to the tile of its first beable. What is added up over
   beables is added up in each tile, then over tiles in order, and what bonds do to a beable is added up in the order of
   its tile's `side`s: so it does not matter who computes which tile. A rank that has a run of tiles alone passes over
   these; arrays are as long as for all, and memory of the others is never touched. */
#pragma once
#include "pair.h"
#include "sums.h"
#include "wide.h"

#define PASS COPYMPI_WIDE __attribute__((unused)) static

typedef struct {
    int64_t first, offset, length, start; /* bonds (first + k, first + k + offset), number start + k, k < length */
} Run;

typedef struct {
    int64_t to, from, length, start; /* bonds start + k seen from beable to + k: partner from + k */
    int64_t sign;                    /* 1 at a bond's first beable, -1 at its other one */
} Side;

typedef struct {
    int64_t P, tiles, bonds;
    const Run *run;
    const int64_t *run_at; /* (tiles + 1,): the runs of a tile */
    const Side *side;
    const int64_t *side_at; /* (tiles + 1,): the sides of a tile's beables */
    const double *re, *im;  /* (bonds,) H_b,b+offset / hbar */
    const double *omega;    /* (P,) H_aa/hbar, less the energy that turns all phases alike */
    int has_im;             /* whether some im differs from 0 */
    double norm;            /* bound on the norm of H/hbar */
    int64_t first_tile, end_tile; /* the tiles that are passed over: first_tile .. end_tile - 1, */
    int64_t begin, end;           /* and their beables: begin .. end - 1 */
    int64_t group, groups;        /* tiles whose sums are added up first, and how many such groups there are */
} Diagonals;

enum { TILE = 2048 };
enum { PIECE = 512, FEW_SIDES = 16 }; /* of a tile of few sides so many beables at once: they stay in the nearest cache */
#define GAUSS_LOW 0.21132486540518713 /* (1 - 1/sqrt 3)/2 */
#define GAUSS_HIGH 0.7886751345948129

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* x += w y and, for the bonds' other ends, x += conj(w) y */
static inline void couple(int64_t n, int has_im, double sign, const double *restrict re, const double *restrict im,
                          const double *restrict yr, const double *restrict yi, double *restrict xr,
                          double *restrict xi) {
    for (int64_t k = 0; k < n; k++) {
        xr[k] += re[k] * yr[k];
        xi[k] += re[k] * yi[k];
    }
    if (has_im)
        for (int64_t k = 0; k < n; k++) {
            xr[k] -= sign * im[k] * yi[k];
            xi[k] += sign * im[k] * yr[k];
        }
}

/* 1 where somebody is, 0 where nobody is */
PASS void mark_alive(const Diagonals *d, const int64_t *restrict n, double *restrict alive) {
    for (int64_t a = d->begin; a < d->end; a++) alive[a] = n[a] != 0 ? 1.0 : 0.0;
}

/* new = base - i over (H/hbar) old, base 0 where NULL. Where alive is 0, new = base, -other or 0: what is added up for
   empty beables stays 0. new may be base, not old. */
PASS void stage(const Diagonals *d, const double *restrict alive, const double *restrict old, double over,
                const double *base, double *new, const double *restrict other) {
    double sr[TILE], si[TILE];
    const int64_t P = d->P;
    for (int64_t t = d->begin, n; t < d->end; t += n) {
        const int64_t tile = t / TILE, sides = d->side_at[tile + 1] - d->side_at[tile];
        n = least(sides > FEW_SIDES ? TILE : PIECE, d->end - t);
        for (int64_t a = 0; a < n; a++) {
            sr[a] = d->omega[t + a] * old[t + a];
            si[a] = d->omega[t + a] * old[P + t + a];
        }
        for (int64_t r = d->side_at[tile]; r < d->side_at[tile + 1]; r++) {
            const Side s = d->side[r];
            const int64_t skip = s.to < t ? t - s.to : 0, some = least(s.length, t + n - s.to) - skip;
            const double *re = d->re + s.start + skip, *im = d->im + s.start + skip, *y = old + s.from + skip;
            double *x = sr + s.to + skip - t, *z = si + s.to + skip - t;
            if (some > 0)
                couple(some, d->has_im, (double)s.sign, re, im, y, y + P, x, z);
        }
        double *x = new + t, *y = new + P + t;
        if (base)
            for (int64_t a = 0; a < n; a++) {
                x[a] = base[t + a] + alive[t + a] * (over * si[a]);
                y[a] = base[P + t + a] - alive[t + a] * (over * sr[a]);
            }
        else if (!alive)
            for (int64_t a = 0; a < n; a++) {
                x[a] = over * si[a];
                y[a] = -over * sr[a];
            }
        else if (other)
            for (int64_t a = 0; a < n; a++) {
                x[a] = alive[t + a] != 0.0 ? over * si[a] : -other[t + a];
                y[a] = alive[t + a] != 0.0 ? -over * sr[a] : -other[P + t + a];
            }
        else
            for (int64_t a = 0; a < n; a++) {
                x[a] = alive[t + a] * (over * si[a]);
                y[a] = alive[t + a] * (-over * sr[a]);
            }
    }
}

/* c at the two Gauss points of a step of length h and at its end, from Taylor coefficients v (5, 2, P) */
PASS void carry(const Diagonals *d, const double *restrict v, double h, double *restrict early, double *restrict late,
                double *restrict end) {
    const double t = GAUSS_LOW * h, u = GAUSS_HIGH * h;
    const int64_t P = d->P, P2 = 2 * P;
    for (int64_t row = 0; row < P2; row += P)
        for (int64_t a = row + d->begin; a < row + d->end; a++) {
            const double v0 = v[a], v1 = v[P2 + a], v2 = v[2 * P2 + a], v3 = v[3 * P2 + a], v4 = v[4 * P2 + a];
            early[a] = v0 + t * (v1 + t * (v2 + t * (v3 + t * v4)));
            late[a] = v0 + u * (v1 + u * (v2 + u * (v3 + u * v4)));
            end[a] = v0 + h * (v1 + h * (v2 + h * (v3 + h * v4)));
        }
}

/* sum = x + y, (rows, P) each */
PASS void add_up(const Diagonals *d, int64_t rows, const double *x, const double *y, double *sum) {
    for (int64_t row = 0; row < rows * d->P; row += d->P)
        for (int64_t a = row + d->begin; a < row + d->end; a++) sum[a] = x[a] + y[a];
}

/* Sums of tiles, added up: in each group of these tiles; those of all groups. */
static inline void group_up(const Diagonals *d, double *parts) {
    fold_groups(d->group, d->first_tile, d->end_tile, parts);
}
static inline double fold(const Diagonals *d, const double *parts) { return fold_parts(d->groups, parts); }

/* rate: members from b to b + offset in unit time (pair.h), of n bonds from c on */
static inline void rates(int64_t n, int has_im, const double *restrict re, const double *restrict im, const double *c,
                         int64_t P, int64_t offset, double *restrict rate) {
    const double *xb = c, *yb = c + P, *xc = c + offset, *yc = c + P + offset;
    if (has_im)
        for (int64_t k = 0; k < n; k++)
            rate[k] = -2.0 * pair_turn(re[k], im[k], xb[k], yb[k], xc[k], yc[k]);
    else
        for (int64_t k = 0; k < n; k++) rate[k] = -2.0 * pair_turn_real(re[k], xb[k], yb[k], xc[k], yc[k]);
}

/* parts: sum of x[a]^2 + x[P + a]^2, by tiles, as all sums here; group_up follows when all tiles have theirs */
PASS void sizes(const Diagonals *d, const double *restrict x, double *restrict parts) {
    const int64_t P = d->P;
    for (int64_t tile = d->first_tile, t = d->begin; tile < d->end_tile; tile++, t += TILE) {
        const int64_t n = least(TILE, P - t);
        parts[tile] = sum_some(n, x + t, 1) + sum_some(n, x + P + t, 1);
    }
}

/* rates of all bonds; parts: the sum of their sizes */
PASS void flow_rates(const Diagonals *d, const double *c, double *restrict rate, double *restrict parts) {
    for (int64_t tile = d->first_tile; tile < d->end_tile; tile++) {
        double part = 0.0;
        for (int64_t r = d->run_at[tile]; r < d->run_at[tile + 1]; r++) {
            const Run run = d->run[r];
            rates(run.length, d->has_im, d->re + run.start, d->im + run.start, c + run.first, d->P, run.offset,
                  rate + run.start);
            part += sum_some(run.length, rate + run.start, 0);
        }
        parts[tile] = part;
    }
}

/* rates of the bonds that lead in from tiles of others */
PASS void foreign_rates(const Diagonals *d, const double *c, double *restrict rate) {
    for (int64_t r = d->side_at[d->first_tile]; d->begin && r < d->side_at[d->end_tile]; r++) {
        const Side s = d->side[r];
        if (s.sign < 0 && s.from < d->begin)
            rates(s.length, d->has_im, d->re + s.start, d->im + s.start, c + s.from, d->P, s.to - s.from, rate + s.start);
    }
}

/* x = 0, words of eight bytes, where it is not: memory that nobody has written to is not there, and stays so */
PASS void clear_words(const Diagonals *d, void *x) {
    for (char *at = (char *)x + 8 * d->begin, *end = (char *)x + 8 * d->end; at < end; at += 8 * 512) {
        const int64_t n = least(512, (end - at) / 8);
        uint64_t some = 0, word;
        for (int64_t k = 0; k < n; k++) {
            memcpy(&word, at + 8 * k, 8);
            some |= word;
        }
        if (some)
            memset(at, 0, 8 * n);
    }
}

/* The share of a beable's members x^2 + y^2 that are spectators, so many of them. */
static inline double spectator_share_of(double x, double y, double spectators) {
    const double m = x * x + y * y;
    return m > spectators ? spectators / (m + 1e-300) : 1.0;
}

/* The same of all beables. */
PASS void spectator_shares(const Diagonals *d, const double *restrict c, double spectators,
                           double *restrict spectator_share) {
    const int64_t P = d->P;
    for (int64_t a = d->begin; a < d->end; a++) spectator_share[a] = spectator_share_of(c[a], c[P + a], spectators);
}

/* Noise of the flow of each bond of a run at one Gauss point: a normal number times the root of the flow's half, where
   both ends are calm. held (P,): shares of spectators from the run's first beable on, or NULL: what they keep back is
   no noise, and does not move. Returns how many members did copy. */
static inline double kick_run(int64_t n, double half, const double *restrict rate, const double *restrict normal,
                              const double *restrict calm, const double *restrict held, int64_t offset,
                              double *restrict kick) {
    double copied[8] = {0};
    for (int64_t k = 0; k < n; k += 8) {
        const int64_t some = least(8, n - k);
        for (int64_t j = 0; j < some; j++) {
            const int64_t e = k + j;
            const double flow = calm[e] * calm[e + offset] * half * rate[e];
            const double less = held ? flow * (flow > 0.0 ? held[e] : held[e + offset]) : 0.0;
            const double most = fabs(flow - less), noise = sqrt(most) * normal[e];
            kick[e] = noise - less;
            copied[j] += most + (flow > 0.0 ? noise : -noise);
        }
    }
    return ((copied[0] + copied[1]) + (copied[2] + copied[3])) + ((copied[4] + copied[5]) + (copied[6] + copied[7]));
}

/* The same for all runs of a tile. */
PASS double kick_tile(const Diagonals *d, int64_t tile, double half, const double *restrict rate,
                      const double *restrict normal, const double *restrict calm, const double *restrict held,
                      double *restrict kick) {
    double copied = 0.0;
    for (int64_t r = d->run_at[tile]; r < d->run_at[tile + 1]; r++) {
        const Run run = d->run[r];
        const double *z = normal + run.start - d->run[d->run_at[tile]].start;
        const double *own = calm + run.first, *f = rate + run.start;
        if (held)
            copied += kick_run(run.length, half, f, z, own, held + run.first, run.offset, kick + run.start);
        else
            copied += kick_run(run.length, half, f, z, own, NULL, run.offset, kick + run.start);
    }
    return copied;
}

/* sqrt(1 + x) - 1, -1 from x = -1 down */
static inline double stretch(double x) { return x > -1.0 ? x / (1.0 + sqrt(1.0 + x)) : -1.0; }

/* The moments D_k = sum of s^k/k! times changes e x of the amplitudes x of a tile, one part of these (re or im). */
static inline void add_moments(int64_t n, const double *restrict e, const double *restrict x, double s, int again,
                               double *restrict D0, double *restrict D1, double *restrict D2) {
    const double w = 0.5 * s * s;
    if (again)
        for (int64_t a = 0; a < n; a++) {
            const double dx = e[a] * x[a];
            D0[a] += dx;
            D1[a] += s * dx;
            D2[a] += w * dx;
        }
    else
        for (int64_t a = 0; a < n; a++) {
            const double dx = e[a] * x[a];
            D0[a] = 0.0 + dx;
            D1[a] = 0.0 + s * dx;
            D2[a] = 0.0 + w * dx;
        }
}

/* The change of c that the kicks (bonds,) at a Gauss point make in a tile: n grows by what they bring, the phase stays.
   Added to the moments of all such changes, s being the time that is left of the step; share (P,): relative change of
   c, or NULL. Loops of one kind each, which compilers make vectors of. */
PASS void insert_kicks(const Diagonals *d, int64_t tile, const double *restrict c, const double *restrict kick,
                       double s, int again, double *restrict D0, double *restrict D1, double *restrict D2,
                       double *restrict share) {
    const int64_t P = d->P, t = tile * TILE, n = least(TILE, P - t);
    double change[TILE], grow[TILE];
    memset(change, 0, n * sizeof(double));
    for (int64_t r = d->side_at[tile]; r < d->side_at[tile + 1]; r++) {
        const Side side = d->side[r];
        const double sign = (double)side.sign, *moved = kick + side.start;
        double *x = change + (side.to - t);
        for (int64_t k = 0; k < side.length; k++) x[k] -= sign * moved[k];
    }
    for (int64_t a = 0; a < n; a++) {
        const double x = c[t + a], y = c[P + t + a], m = x * x + y * y, k = change[a];
        const double most = k > -m ? k : -m; /* nobody left is the least there can be */
        grow[a] = most / (m + sqrt(m * (m + most)) + 1e-300); /* sqrt(1 + k/m) - 1; 0 at empty beables */
    }
    if (share)
        memcpy(share + t, grow, n * sizeof(double));
    add_moments(n, grow, c + t, s, again, D0 + t, D1 + t, D2 + t);
    add_moments(n, grow, c + P + t, s, again, D0 + P + t, D1 + P + t, D2 + P + t);
}

/* c (2, P) times a number */
PASS void scale(const Diagonals *d, double by, double *restrict c) {
    for (int64_t row = 0; row < 2 * d->P; row += d->P)
        for (int64_t a = row + d->begin; a < row + d->end; a++) c[a] *= by;
}

/* c = end + more; parts: its size; returns the smallest |c_a|^2 */
PASS double finish(const Diagonals *d, const double *restrict end, const double *restrict more, double *restrict c,
                   double *restrict parts) {
    const int64_t P = d->P;
    double least_size = INFINITY;
    for (int64_t tile = d->first_tile, t = d->begin; tile < d->end_tile; tile++, t += TILE) {
        double s[8] = {0}, low[8];
        const int64_t u = least(P, t + TILE);
        int64_t a = t;
        for (int j = 0; j < 8; j++) low[j] = INFINITY;
        for (; a < u; a++) {
            c[a] = end[a] + more[a];
            c[P + a] = end[P + a] + more[P + a];
        }
        for (a = t; a + 8 <= u; a += 8)
            for (int j = 0; j < 8; j++) {
                const double m = c[a + j] * c[a + j] + c[P + a + j] * c[P + a + j];
                s[j] += m;
                low[j] = m < low[j] ? m : low[j];
            }
        for (; a < u; a++) {
            const double m = c[a] * c[a] + c[P + a] * c[P + a];
            s[0] += m;
            low[0] = m < low[0] ? m : low[0];
        }
        parts[tile] = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
        for (int j = 0; j < 8; j++) least_size = low[j] < least_size ? low[j] : least_size;
    }
    return least_size;
}

#include "calm.h"
