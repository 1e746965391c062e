/* What a law of whole numbers is made of: cells of a table, each with a mean mu and a count c = mu + x.

Binomial, Poisson and hypergeometric laws have the form

    f(k) = const * product over cells of exp(-mu g(x/mu) - delta(c)) / sqrt(c/mu),   g(t) = (1 + t) log(1 + t) - t

(Loader, "Fast and accurate computation of binomial probabilities", 2000): a binomial has two cells, n p and n (1 - p),
a Poisson number one, a hypergeometric one the four of its table. No logarithms of factorials are subtracted and x =
k - mean is exact, so f keeps 12 digits at any n. */
#pragma once
#include "elementary.h"

/* delta(c) = log(c! / (sqrt(2 pi c) (c/e)^c)), Stirling's rest; c = 0: see `filled`. */
static inline double stirling(double c) {
    static const double few[16] = {
        0.0, 0.08106146679532726, 0.0413406959554093, 0.02767792568499834, 0.020790672103765093, 0.016644691189821193,
        0.013876128823070748, 0.01189670994589177, 0.010411265261972096, 0.009255462182712733, 0.00833056343336287,
        0.007573675487951841, 0.00694284010720953, 0.006408994188004207, 0.0059513701127588475, 0.005554733551962801,
    };
    double r, z;
    if (c < 16.0)
        return few[(int)c];
    r = 1.0 / c;
    z = r * r;
    return r * (1.0 / 12.0 - z * (1.0 / 360.0 - z * (1.0 / 1260.0 - z * (1.0 / 1680.0 - z * (1.0 / 1188.0)))));
}

/* c, or what stands for 0 in sqrt(2 pi c): 0! is 1. */
static inline double filled(double c) { return c > 0.0 ? c : 0.15915494309189535; }

/* mu g(x/mu), what a deviation x costs a cell of mean mu and count c = mu + x, where s = x/(mu + c) is below 0.1:
s x (1 + (1 + s) (atanh(s)/s - 1)/s), in which nothing cancels. */
static inline double near_deviance(double x, double s) {
    double z = s * s;
    return s * x * (1.0 + (1.0 + s) * s * (1.0 / 3.0 + z * (1.0 / 5.0 + z * (1.0 / 7.0 + z * (1.0 / 9.0 +
           z * (1.0 / 11.0 + z * (1.0 / 13.0 + z * (1.0 / 15.0 + z * (1.0 / 17.0)))))))));
}

/* The same for any x, to 1e-12; one side of the branch is taken by large cells, the other by small ones. */
static inline double deviance(double mu, double c, double x) {
    if (mu > 1e4) {
        double s = x / (mu + c);
        if (fabs(s) < 0.1)
            return near_deviance(x, s);
    }
    return c > 0.0 ? c * log_of(c / mu) - x : mu;
}
