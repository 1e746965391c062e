/* What copying adds to the mean of a quadratic form c^+ Pi c at a later time T, copy by copy along an exact path.

   Schroedinger's equation would carry c^+ A(t) c, A = U^+(T - t) Pi U(T - t), on unchanged. What copies do to it beside
   that is summed up here; what Schroedinger's equation would do to beables that cannot follow is taken off, as an
   integral. Its mean over paths is E[c^+ Pi c](T) less the value of Schroedinger's equation: docs/signalling.md.

   All is done in the eigenstates of H/hbar, in the frame that turns with them: with e = exp(i E t) V^+ c the form is
   e^+ M e, M constant in time. A factor common to all of c drops out of it. */
#pragma once
#include "exact.h"

typedef struct {
    int64_t P, forms;
    double fastest;                /* spread of E: what the integrand may turn with */
    const double *energy;          /* (P,) */
    const double *vr, *vi;         /* (P, P) [beable, eigenstate] */
    const double *mr, *mi;         /* (forms, P, P) M of each form, Hermitian */
    const double *end;             /* (forms,) T of each, ascending */
    double *jumps, *held;          /* (forms,) sums over copies, and integrals over what cannot follow */
    double *cx, *cy;               /* (P,) c, of all beables */
    double *kx, *ky;               /* (P,) what c lacks a unit of time */
    double *er, *ei, *gr, *gi, *dr, *di; /* (P,) vectors in the eigenstates, turned back */
    double *cosine, *sine;         /* (P,) exp(i E t) */
} Excess;

/* c of all beables at time `ahead` of the step, `past` since the chunk began: of those that no pair binds too. */
static void excess_amplitudes(const Exact *k, Excess *x, const int64_t *n, const double *phase, double past,
                              double ahead) {
    const double part = k->pairs ? ahead / k->unit : 0.0;
    for (int64_t a = 0; a < k->P; a++) {
        const int64_t i = k->place[a];
        if (i >= 0) {
            const double d = ahead > 0.0 ? exact_angle(k->v + i, k->P, k->order, ahead, part) : 0.0;
            double cosine, sine;
            any_turn(d, &sine, &cosine);
            x->cx[a] = k->cx[i] * cosine + k->cy[i] * sine;
            x->cy[a] = k->cy[i] * cosine - k->cx[i] * sine;
        } else {
            const double root = sqrt((double)n[a]), angle = phase[a] + (k->level[a] - k->shift) * (past + ahead);
            double cosine, sine;
            sin_cos_of(angle, &sine, &cosine);
            x->cx[a] = root * cosine;
            x->cy[a] = -root * sine;
        }
    }
}

static void excess_turn(Excess *x, double t) {
    for (int64_t j = 0; j < x->P; j++)
        sin_cos_of(x->energy[j] * t, x->sine + j, x->cosine + j);
}

/* exp(i E t) V^+ (u + i w), of which only the beables in `some` (count of them) are not 0; some NULL: all. */
static void excess_project(const Excess *x, const double *u, const double *w, const int64_t *some, int64_t count,
                           double *re, double *im) {
    const int64_t P = x->P;
    for (int64_t j = 0; j < P; j++) {
        double r = 0.0, i = 0.0;
        for (int64_t s = 0; s < count; s++) {
            const int64_t a = some ? some[s] : s;
            r += x->vr[a * P + j] * u[a] + x->vi[a * P + j] * w[a];
            i += x->vr[a * P + j] * w[a] - x->vi[a * P + j] * u[a];
        }
        re[j] = r * x->cosine[j] - i * x->sine[j];
        im[j] = r * x->sine[j] + i * x->cosine[j];
    }
}

/* Re f^+ M g of one form. */
static double excess_form(const Excess *x, int64_t form, const double *fr, const double *fi, const double *gr,
                          const double *gi) {
    const int64_t P = x->P;
    const double *mr = x->mr + form * P * P, *mi = x->mi + form * P * P;
    double sum = 0.0;
    for (int64_t j = 0; j < P; j++) {
        double r = 0.0, i = 0.0;
        for (int64_t l = 0; l < P; l++) {
            r += mr[j * P + l] * gr[l] - mi[j * P + l] * gi[l];
            i += mr[j * P + l] * gi[l] + mi[j * P + l] * gr[l];
        }
        sum += fr[j] * r + fi[j] * i;
    }
    return sum;
}

/* A member of b is about to copy one of a, at time t; forms from `first` on are still to come. n and k as before it. */
static void excess_copy(const Exact *k, Excess *x, const int64_t *n, const double *phase, double past, double t,
                        int64_t first, int64_t from, int64_t to) {
    const int64_t b = k->who[from], a = k->who[to], both[2] = {b, a};
    const double na = (double)n[a], nb = (double)n[b];
    const double come = 1.0 / (na * (1.0 + sqrt(1.0 + 1.0 / na))), go = -1.0 / (nb * (1.0 + sqrt(1.0 - 1.0 / nb)));
    const double rare = (double)k->spectators / (nb - (double)k->spectators); /* copies that pinned members leave out */
    const double bend_a = -0.5 * (come * come + rare / na), bend_b = -0.5 * (go * go - rare / nb);
    excess_amplitudes(k, x, n, phase, past, 0.0);
    excess_turn(x, t);
    excess_project(x, x->cx, x->cy, NULL, k->P, x->er, x->ei);
    x->kx[a] = bend_a * x->cx[a], x->ky[a] = bend_a * x->cy[a];
    x->kx[b] = bend_b * x->cx[b], x->ky[b] = bend_b * x->cy[b];
    excess_project(x, x->kx, x->ky, both, 2, x->gr, x->gi);
    x->kx[a] = come * x->cx[a], x->ky[a] = come * x->cy[a];
    x->kx[b] = go * x->cx[b], x->ky[b] = go * x->cy[b];
    excess_project(x, x->kx, x->ky, both, 2, x->dr, x->di);
    for (int64_t form = first; form < x->forms; form++)
        x->jumps[form] += 2.0 * excess_form(x, form, x->er, x->ei, x->gr, x->gi) +
                          excess_form(x, form, x->dr, x->di, x->dr, x->di);
}

/* Whether some beable cannot follow: it is dead, or has none but spectators. */
static int excess_holds(const Exact *k, const int64_t *n) {
    for (int64_t a = 0; a < k->P; a++)
        if (n[a] <= k->spectators)
            return 1;
    return 0;
}

/* What c lacks a unit of time: the drive of the dead, and copies that beables of spectators alone would make. */
static void excess_lacks(const Exact *k, Excess *x, const int64_t *n) {
    for (int64_t a = 0; a < k->P; a++)
        x->kx[a] = x->ky[a] = 0.0;
    for (int64_t p = 0; p < k->all; p++) {
        const int64_t b = k->pair[4 * p], a = k->pair[4 * p + 1], e = k->pair[4 * p + 2];
        const double re = k->re[e], im = k->im[e]; /* H_ba/hbar */
        if (n[b] == 0) {                           /* -K_b = i H_ba c_a */
            x->kx[b] -= re * x->cy[a] + im * x->cx[a];
            x->ky[b] += re * x->cx[a] - im * x->cy[a];
        }
        if (n[a] == 0) { /* i conj(H_ba) c_b */
            x->kx[a] -= re * x->cy[b] - im * x->cx[b];
            x->ky[a] += re * x->cx[b] + im * x->cy[b];
        }
        if (n[b] == 0 || n[a] == 0)
            continue;
        const double zr = x->cx[b] * x->cx[a] + x->cy[b] * x->cy[a], zi = x->cx[b] * x->cy[a] - x->cy[b] * x->cx[a];
        const double rate = 2.0 * (re * zi + im * zr); /* from a to b where it is positive */
        const int64_t source = rate > 0.0 ? a : b, target = rate > 0.0 ? b : a;
        if (n[source] <= k->spectators) {
            const double less = -0.5 * fabs(rate) / (double)n[target], more = 0.5 * fabs(rate) / (double)n[source];
            x->kx[target] += less * x->cx[target], x->ky[target] += less * x->cy[target];
            x->kx[source] += more * x->cx[source], x->ky[source] += more * x->cy[source];
        }
    }
}

/* The integral over a step from t to t + ahead: Gauss's rule of two points, in parts that turn by a radian at most,
   good to a few parts in 10^4. */
static void excess_hold(const Exact *k, Excess *x, const int64_t *n, const double *phase, double past, double t,
                        double ahead, int64_t first) {
    static const double node[2] = {0.21132486540518713, 0.7886751345948129};
    const int64_t parts = 1 + (int64_t)(ahead * x->fastest);
    const double length = ahead / (double)parts;
    for (int64_t part = 0; part < parts; part++)
        for (int q = 0; q < 2; q++) {
            const double later = ((double)part + node[q]) * length;
            excess_amplitudes(k, x, n, phase, past, later);
            excess_turn(x, t + later);
            excess_lacks(k, x, n);
            excess_project(x, x->cx, x->cy, NULL, k->P, x->er, x->ei);
            excess_project(x, x->kx, x->ky, NULL, k->P, x->gr, x->gi);
            for (int64_t form = first; form < x->forms; form++)
                x->held[form] += length * excess_form(x, form, x->er, x->ei, x->gr, x->gi);
        }
}
