/* Which beables are calm in a step: tile by tile, so that what leaves a beable is known no longer than it is wanted.
   Part of diagonals.h. */
#pragma once

/* out[a - t]: members that leave beable a of a tile that begins at t, in a step, gross, from the rates at its Gauss
   points; half = h/2 */
PASS void turnover(const Diagonals *d, int64_t tile, double half, const double *restrict early,
                   const double *restrict late, double *restrict out) {
    const int64_t t = tile * TILE;
    memset(out, 0, least(TILE, d->P - t) * sizeof(double));
    for (int64_t r = d->side_at[tile]; r < d->side_at[tile + 1]; r++) {
        const Side s = d->side[r];
        const double *f = early + s.start, *g = late + s.start, sign = (double)s.sign;
        double *o = out + (s.to - t);
        for (int64_t k = 0; k < s.length; k++) {
            const double x = sign * f[k], y = sign * g[k];
            o[k] += half * ((x > 0.0 ? x : 0.0) + (y > 0.0 ? y : 0.0));
        }
    }
}

/* Smaller one, without a call; |x + i y|^2. */
static inline double smaller(double x, double y) { return x < y ? x : y; }
static inline double square(double x, double y) { return x * x + y * y; }

/* calm[a] = 1 where a beable's members are many (n < 0), its neighbours turn its amplitude in the step by less than is
   allowed (over: the step's length over that angle), relative to its smallest size, and the noise of all who leave is
   small beside its number; else 0. Returns how many of a tile are calm; *chance: the largest share of a calm beable's
   members that leave, if it is larger than what stands there. out: of the tile, as turnover has it. */
PASS int64_t find_calm(const Diagonals *d, int64_t tile, double over, double noise, const int64_t *restrict n,
                       const double *restrict v, const double *restrict early, const double *restrict late,
                       const double *restrict end, const double *restrict out, double *restrict calm, double *chance) {
    const int64_t P = d->P, t = tile * TILE, some = least(TILE, P - t);
    const double t2 = over * over, *restrict omega = d->omega;
    double share[TILE], worst[8] = {0};
    for (int64_t j = 0; j < some; j++) {
        const int64_t k = t + j;
        const double left = out[j];
        const double fx = v[2 * P + k] - omega[k] * v[P + k], fy = v[3 * P + k] + omega[k] * v[k];
        const double m = smaller(smaller(square(v[k], v[P + k]), square(early[k], early[P + k])),
                                 smaller(square(late[k], late[P + k]), square(end[k], end[P + k])));
        const double is = (n[k] < 0) & (t2 * (fx * fx + fy * fy) <= m) & (left <= noise * m * m) ? 1.0 : 0.0;
        calm[k] = is;
        share[j] = is * left / (m + 1e-300);
    }
    memset(share + some, 0, ((8 - some % 8) % 8) * sizeof(double)); /* TILE is a multiple of 8 */
    for (int64_t a = 0; a < some; a += 8)
        for (int j = 0; j < 8; j++) worst[j] = share[a + j] > worst[j] ? share[a + j] : worst[j];
    for (int j = 0; j < 8; j++) *chance = worst[j] > *chance ? worst[j] : *chance;
    return (int64_t)sum_some(some, calm + t, 0);
}
