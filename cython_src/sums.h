/* Sums over beables or bonds, tile by tile, and over tiles in order; a piece of diagonals.h.

   Where tiles are very many they are added up in groups first, runs of tiles whose size depends on the lattice alone: a
   rank that has some tiles has whole groups, and tells others no more than its groups' sums. */
#pragma once
#include <math.h>
#include <stdint.h>

/* Numbers of groups of tiles (groups,) added up in order. */
static inline double fold_parts(int64_t groups, const double *parts) {
    double sum = 0.0;
    for (int64_t g = 0; g < groups; g++) sum += parts[g];
    return sum;
}

/* parts[g] = the sum of group g's tiles, which stand in parts[tile]; of tiles first .. end - 1 */
static inline void fold_groups(int64_t group, int64_t first, int64_t end, double *parts) {
    if (group > 1)
        for (int64_t tile = first; tile < end; tile += group) {
            double sum = 0.0;
            for (int64_t k = tile; k < end && k < tile + group; k++) sum += parts[k];
            parts[tile / group] = sum;
        }
}

/* Sum of squares, or of sizes, in an order that does not depend on how wide vectors are. */
static inline double sum_some(int64_t n, const double *restrict x, int squares) {
    double s[8] = {0};
    int64_t a = 0;
    for (; a + 8 <= n; a += 8)
        for (int j = 0; j < 8; j++) s[j] += squares ? x[a + j] * x[a + j] : fabs(x[a + j]);
    for (; a < n; a++) s[0] += squares ? x[a] * x[a] : fabs(x[a]);
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}
