/* How many of a kind are among those drawn without putting back, exact for counts to 2^63 - 1. */
#pragma once
#include "draws.h"

/* g of a kind and b of the other, g <= b, m of them drawn, 2 m <= g + b: four cells of means mu. */
typedef struct {
    int64_t g, b, m;
    double mu[4]; /* drawn of g, left of g, drawn of b, left of b */
} Table;

static inline double table_exponent(const void *law, int64_t k, double x, double scale) {
    const Table *l = law;
    double c[4] = {(double)k, (double)(l->g - k), (double)(l->m - k), (double)(l->b - l->m + k)};
    double cost = 0.0, factor = scale * scale;
    for (int i = 0; i < 4; i++) {
        cost += deviance(l->mu[i], c[i], i == 0 || i == 3 ? x : -x) + stirling(c[i]);
        factor *= filled(c[i]) / l->mu[i];
    }
    return log_of(factor) + 2.0 * cost;
}

static inline double exact_deviance(double mu, double c, double x) {
    double s = x / (mu + c);
    return fabs(s) < 0.1 ? near_deviance(x, s) : deviance(mu, c, x);
}

/* log P(none of g is drawn), to its last digits where it is small: cells' costs, and what is left of their factors. */
static inline double log_none_of(const Table *l) {
    double g = (double)l->g, b = (double)l->b, m = (double)l->m, left = (double)(l->b - l->m), all = g + b;
    double x = l->mu[0], gone = g * m / (b * (all - m));
    double cost = x + exact_deviance(l->mu[1], g, x) + exact_deviance(l->mu[2], m, x) +
                  exact_deviance(l->mu[3], left, -x);
    double factor = gone < 0.01 ? log_rest(gone) : log_of(all / b * (filled(left) / (all - m)));
    return (stirling(b) - stirling(all)) + (stirling(all - m) - stirling(left)) - 0.5 * factor - cost;
}

static inline Table table_of(int64_t g, int64_t b, int64_t m) {
    double all = (double)(g + b), left = (double)(g + b - m), drawn = (double)m;
    double mine = (double)g / all, other = (double)b / all;
    return (Table){g, b, m, {mine * drawn, mine * left, other * drawn, other * left}};
}

OUT_OF_LINE int64_t invert_table(double u, int64_t g, int64_t b, int64_t m) {
    Table l = table_of(g, b, m);
    double term, tail;
    int64_t k = 0, last = last_of(l.mu[0], g < m ? g : m);
    exp_of(log_none_of(&l), &term, &tail);
    while (u < tail && k < last) {
        term *= (double)(g - k) * (double)(m - k) / ((double)(k + 1) * (double)(b - m + k + 1));
        tail -= term;
        k++;
    }
    return k;
}

static inline Hat hat_of_table(const Table *l) {
    int64_t all = l->g + l->b;
    wide_t product = (wide_t)(uint64_t)l->g * (uint64_t)l->m;
    return (Hat){l->mu[0] * (l->mu[3] / (double)all), (int64_t)(product / (uint64_t)all),
                 (double)(int64_t)(product % (uint64_t)all) / (double)all, l->g < l->m ? l->g : l->m, l};
}

OUT_OF_LINE int64_t reject_table(Stream *s, int64_t g, int64_t b, int64_t m) {
    Table law = table_of(g, b, m);
    Hat hat = hat_of_table(&law);
    return reject(s, &hat, table_exponent);
}

/* Of `all`, `many` are of the kind; `few` are drawn one by one. */
static inline int64_t draw_one_by_one(Stream *s, int64_t few, int64_t many, int64_t all) {
    int64_t k = 0;
    for (int64_t i = 0; i < few; i++)
        k += stream_below64(s, (uint64_t)(all - i)) < (uint64_t)(many - k);
    return k;
}

static inline int64_t draw_table(Stream *s, int64_t g, int64_t b, int64_t m) {
    double mean = (double)g / (double)(g + b) * (double)m, u;
    if (mean >= SMALL_MEAN)
        return reject_table(s, g, b, m);
    if (mean > 0.5 && (g < m ? g : m) <= 8) /* g and m may change places */
        return g < m ? draw_one_by_one(s, g, m, g + b) : draw_one_by_one(s, m, g, g + b);
    u = stream_fine(s);
    if (u >= mean) /* >= P(at least 1) */
        return 0;
    return g == 1 || m == 1 ? 1 : invert_table(u, g, b, m);
}

/* Of `good` and `bad` together, at most 2^63 - 1, `sample` are drawn: how many of them are good. */
static inline int64_t draw_hypergeometric(Stream *s, int64_t good, int64_t bad, int64_t sample) {
    int64_t all = good + bad, few = good < bad ? good : bad, drawn;
    if (good <= 0 || sample <= 0)
        return 0;
    if (bad <= 0 || sample >= all)
        return sample < good ? sample : good;
    drawn = draw_table(s, few, all - few, sample < all - sample ? sample : all - sample);
    if (sample > all - sample)
        drawn = few - drawn;
    return good < bad ? drawn : sample - drawn;
}

/* The same of several kinds, there[i] of each, at least `sample` together: drawn[i]. */
__attribute__((unused)) static void draw_hypergeometrics(Stream *s, int64_t kinds, const int64_t *there, int64_t sample,
                                                         int64_t *drawn) {
    int64_t rest = 0;
    for (int64_t i = 0; i < kinds; i++)
        rest += there[i];
    for (int64_t i = 0; i < kinds; i++) {
        rest -= there[i];
        drawn[i] = draw_hypergeometric(s, there[i], rest, sample);
        sample -= drawn[i];
    }
}
