/* Random words as a function of (seed, purpose, replica, block, step): Philox4x64-10 (Salmon et al., SC11). */
#pragma once
#include <stdint.h>

typedef unsigned __int128 wide_t; /* a product of two words */

typedef struct {
    uint64_t key[2];
    uint64_t counter[4];
    uint64_t word[4]; /* drawn ahead; word[place] is the next one */
    int place;
    int has_half, has_normal;
    uint32_t half; /* what is left of a word, where has_half */
    double normal; /* the other of a pair of normals, where has_normal */
} Stream;

/* One round of Philox; k is the round's key. */
static inline void philox_round(uint64_t *c, const uint64_t *k) {
    wide_t p = (wide_t)0xD2E7470EE14C6C93u * c[0];
    wide_t q = (wide_t)0xCA5A826395121157u * c[2];
    c[0] = (uint64_t)(q >> 64) ^ c[1] ^ k[0];
    c[1] = (uint64_t)q;
    c[2] = (uint64_t)(p >> 64) ^ c[3] ^ k[1];
    c[3] = (uint64_t)p;
}

static inline void next_key(uint64_t *k) {
    k[0] += 0x9E3779B97F4A7C15u;
    k[1] += 0xBB67AE8584CAA73Bu;
}

/* The next four words, into s->word. */
static inline void philox(Stream *s) {
    uint64_t c[4], k[2] = {s->key[0], s->key[1]};
    s->counter[0]++;
    for (int i = 0; i < 4; i++)
        c[i] = s->counter[i];
    for (int r = 0; r < 10; r++) {
        philox_round(c, k);
        next_key(k);
    }
    for (int i = 0; i < 4; i++)
        s->word[i] = c[i];
    s->place = 0;
}

static inline void stream_open(Stream *s, uint64_t seed, uint64_t purpose, uint64_t replica, uint64_t block,
                               uint64_t step) {
    s->key[0] = seed;
    s->key[1] = purpose;
    s->counter[0] = 0;
    s->counter[1] = step;
    s->counter[2] = block;
    s->counter[3] = replica;
    s->place = 4;
    s->has_half = s->has_normal = 0;
}

static inline uint64_t stream_next64(Stream *s) {
    if (s->place == 4)
        philox(s);
    return s->word[s->place++];
}

static inline uint32_t stream_next32(Stream *s) {
    uint64_t w;
    if (s->has_half) {
        s->has_half = 0;
        return s->half;
    }
    w = stream_next64(s);
    s->has_half = 1;
    s->half = (uint32_t)(w >> 32);
    return (uint32_t)w;
}

/* The next `count` words: the same as so many calls of stream_next64, two counters at a time to hide latency. */
static inline void stream_fill(Stream *s, int64_t count, uint64_t *out) {
    while (count > 0 && s->place < 4) {
        *out++ = s->word[s->place++];
        count--;
    }
    for (; count >= 8; count -= 8, out += 8) {
        uint64_t k[2] = {s->key[0], s->key[1]};
        uint64_t c[4] = {s->counter[0] + 1, s->counter[1], s->counter[2], s->counter[3]};
        uint64_t d[4] = {s->counter[0] + 2, s->counter[1], s->counter[2], s->counter[3]};
        for (int r = 0; r < 10; r++) {
            philox_round(c, k);
            philox_round(d, k);
            next_key(k);
        }
        s->counter[0] += 2;
        for (int i = 0; i < 4; i++) {
            out[i] = c[i];
            out[4 + i] = d[i];
        }
    }
    for (; count > 0; count--)
        *out++ = stream_next64(s);
}

/* Uniform in [0, 1), a multiple of 2^-53. */
static inline double stream_double(Stream *s) { return (double)(int64_t)(stream_next64(s) >> 11) * 0x1p-53; }

/* Uniform in [0, 1) with 53 significant bits also near 0: small chances are not rounded to multiples of 2^-53. */
static inline double stream_fine(Stream *s) {
    uint64_t w = stream_next64(s);
    if (w >> 53)
        return (double)(int64_t)(w >> 11) * 0x1p-53;
    return ((double)(int64_t)w + stream_double(s)) * 0x1p-64;
}

/* Uniform in 0..bound-1 without bias, for any bound (Lemire, ACM TOMACS 29, 2019). */
static inline uint64_t stream_below64(Stream *s, uint64_t bound) {
    wide_t m = (wide_t)stream_next64(s) * bound;
    if ((uint64_t)m < bound) {
        uint64_t threshold = (0 - bound) % bound;
        while ((uint64_t)m < threshold)
            m = (wide_t)stream_next64(s) * bound;
    }
    return (uint64_t)(m >> 64);
}

static inline uint32_t stream_below(Stream *s, uint32_t bound) {
    uint64_t m = (uint64_t)stream_next32(s) * bound;
    if ((uint32_t)m < bound) {
        uint32_t threshold = (0 - bound) % bound;
        while ((uint32_t)m < threshold)
            m = (uint64_t)stream_next32(s) * bound;
    }
    return (uint32_t)(m >> 32);
}
