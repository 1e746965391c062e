/* What two beables, or two members, do to each other: written once, for Cython (pair.pxd) and for loops in C.

   c = sqrt(n) e^{-i phi} are amplitudes of beables, z = e^{i phi} values of members; w = re + i im = H_ba/hbar, the
   coupling of b to a. The order of operations is part of every result: last bits depend on it. */
#pragma once
#include <math.h>

/* Im(conj(c_b) w c_a) where w is real. */
static inline double pair_turn_real(double re, double xb, double yb, double xa, double ya) {
    return re * (xb * ya - yb * xa);
}

/* Im(conj(c_b) w c_a). Times -2: members that go from b to a in unit time, (32); negative: from a to b. */
static inline double pair_turn(double re, double im, double xb, double yb, double xa, double ya) {
    return pair_turn_real(re, xb, yb, xa, ya) + im * (xb * xa + yb * ya);
}

/* R_ab sin(phi_J - phi_I + delta_ab) of (39), for I in b with z_I = xi + i yi, J in a with z_J = xj + i yj; where it is
   positive I may copy J. It is -Im(conj(c_I) w c_J) with c = conj(z): the pair's flow for one member each. */
static inline double pair_pull(double re, double im, double xi, double yi, double xj, double yj) {
    return (yj * xi - xj * yi) * re - (xj * xi + yj * yi) * im;
}

/* What beable a adds to the field at b, w conj(Z_a) times `over`, from the sum Z_a = x + i y of its members' values. */
static inline void pair_field(double over, double re, double im, double x, double y, double *hx, double *hy) {
    *hx += over * (re * x + im * y);
    *hy += over * (im * x - re * y);
}

/* z = x + i y by the map (alpha z + beta)/(conj(beta) z + conj(alpha)), before it is put back on the unit circle:
   u + i v = (alpha z + beta) conj(d) with d = conj(beta) z + conj(alpha), whose square |d|^2 is returned. */
static inline double mapped_by(double ar, double ai, double br, double bi, double x, double y, double *u, double *v) {
    const double nr = ar * x - ai * y + br, ni = ar * y + ai * x + bi;
    const double dr = br * x + bi * y + ar, di = br * y - bi * x - ai;
    *u = nr * dr + ni * di;
    *v = ni * dr - nr * di;
    return dr * dr + di * di;
}
