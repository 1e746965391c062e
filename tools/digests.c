/* Digests of what every function of our own gives, one a line: the same wherever and by whatever this is compiled.

   cc -O2 -ffp-contract=off -I cython_src tools/digests.c -lm && ./a.out [arguments of each function, 100,000] */
#include "circle.h"
#include "exponential.h"
#include "fdlibm.h"
#include "hypergeometric.h"
#include "normals.h"
#include "turned.h"
#include <stdio.h>
#include <stdlib.h>

static uint64_t digest, random_word = 88172645463325252u;

static double uniform(void) {
    random_word ^= random_word << 13;
    random_word ^= random_word >> 7;
    random_word ^= random_word << 17;
    return (double)(int64_t)(random_word >> 11) * 0x1p-53;
}

/* A number of any size from 2^-60 to 2^60, of either sign. */
static double any(void) {
    const double size = of_bits((uint64_t)(1023 - 60 + (int64_t)(uniform() * 120.0)) << 52);
    const double sign = uniform() < 0.5 ? -1.0 : 1.0; /* one call after the other: the order in a sum is not fixed */
    return sign * size * (1.0 + uniform());
}

static void take(uint64_t w) { digest = (digest ^ w) * 0x100000001b3u + (digest >> 47); }

static void take_double(double x) { take(bits_of(x)); }

#define EACH(name, what)                                                                                               \
    do {                                                                                                               \
        digest = 0xcbf29ce484222325u;                                                                                  \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            what;                                                                                                      \
        }                                                                                                              \
        printf("%-16s %016llx\n", name, (unsigned long long)digest);                                                   \
    } while (0)

int main(int given, char **words) {
    const int64_t count = given > 1 ? atoll(words[1]) : 100000;
    double x, y, value, rest, normal[2 * BATCH];
    uint64_t word[BATCH];
    Stream s;
    stream_open(&s, 1, 2, 3, 4, 5);
    EACH("sin, cos", (sin_cos_of(8.0 * uniform() - 4.0, &x, &y), take_double(x), take_double(y)));
    EACH("sin, cos of any", (sin_cos_of(any(), &x, &y), take_double(x), take_double(y)));
    EACH("turned", (x = any(), y = any(), take_double(turned(x, y))));
    EACH("angle", (x = any(), y = any(), take_double(angle_of(y, x))));
    EACH("length", (x = any(), y = any(), take_double(length_of(y, x))));
    EACH("log", take_double(log_of(fabs(any()))));
    EACH("log(1 - p)", take_double(log_rest(uniform())));
    EACH("log, fine", take_double(fine_log(fabs(any()))));
    EACH("log(1 + x)", take_double(log1p_of(-uniform())));
    EACH("exp", (exp_of(1400.0 * uniform() - 700.0, &value, &rest), take_double(value), take_double(rest)));
    EACH("exp, fine", take_double(fine_exp(1500.0 * uniform() - 750.0)));
    EACH("erfc", take_double(erfc_of(28.0 * uniform())));
    EACH("uniform", take_double(stream_double(&s)));
    EACH("binomial", (x = uniform(), y = uniform(), take((uint64_t)draw_binomial(&s, (int64_t)(1e6 * x * x * x), y))));
    EACH("binomial, large", (x = uniform(), y = uniform(), take((uint64_t)draw_binomial(&s, (int64_t)(9e18 * x), y))));
    EACH("Poisson", (x = uniform(), take((uint64_t)draw_poisson(&s, 1e3 * x * x * x))));
    digest = 0xcbf29ce484222325u;
    for (int64_t i = 0; i < count; i += BATCH) {
        stream_fill(&s, BATCH, word);
        pairs_of(BATCH, word, normal, normal + BATCH);
        for (int64_t k = 0; k < 2 * BATCH; k++)
            take_double(normal[k]);
    }
    printf("%-16s %016llx\n", "normal", (unsigned long long)digest);
    return 0;
}
