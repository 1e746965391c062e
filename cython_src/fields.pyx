# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The plan of a step of members with phases of their own: fields, Moebius maps, chances to be offered a copy.

All members of a beable a feel one field, dphi/dt = omega_a + Re(h_a e^{i phi}) (40), with
h_a = sum_b (H_ab/hbar) conj(Z_b)/sqrt(n_a n_b), Z_b = sum e^{i phi}. So z = e^{i phi} moves by one map
z -> (alpha z + beta)/(conj(beta) z + conj(alpha)) a beable. A step (docs/theory.md, "Phases of their own"):
half a step of phases, the copies, half a step of phases. Fields are needed in the middle of each half; between two
draws they are extrapolated from the sums of z and z^2 taken right after the draw, by the exact derivative
dZ_a/dt = i (omega_a Z_a + h_a Z2_a/2 + conj(h_a) n_a/2). Copies have rates at n as predicted for mid-step.

With gamma = beta/alpha, |gamma| small, a mapped value is a power series in the value, so sums of mapped values are
series in the sums of powers.
"""
from libc.math cimport ceil, cos, cosh, fabs, fmax, rint, sin, sinh, sqrt
from libc.stdint cimport int64_t, uint8_t

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.predictor cimport (CHANCE_ABOVE_ONE, CULPRIT, FINE, HEAD, LARGEST, LEFT, RULE_NUMBERS, STATUS,
                                        STEP, STEP_TOO_SMALL, TURN_ABOVE_ONE, Couplings, Rule, System, rule_of)

STEP_PLACE = int(STEP)
"""Where in a plan stands the length of the step."""
# After HEAD numbers a row of a plan has chance[nnz], bound[nnz], then per beable the field at mid-step (2P: re, im)
# and the map since the last refresh (4P: alpha re, im, beta re, im).
cdef double SERIES = 1e-3
# Occupations n (R, P) come as doubles: where they are counts of kinds they may be beyond 2^63.


def row_size(Couplings couplings not None):
    """Length of a plan in doubles."""
    return HEAD + 2 * couplings.system.nnz + 6 * couplings.system.P


def map_place(Couplings couplings not None):
    """Where the maps stand in a plan."""
    return HEAD + 2 * couplings.system.nnz + 2 * couplings.system.P


cdef void fields(const System *s, const double *n, const double *Z, double *h) noexcept nogil:
    """h_a from the sums Z (2P: re, im); zero at an empty beable."""
    cdef Py_ssize_t P = s.P, a, e, b
    cdef double x, y, r
    for a in range(P):
        x = 0.0
        y = 0.0
        if n[a] > 0.0:
            for e in range(s.indptr[a], s.indptr[a + 1]):
                b = s.indices[e]
                if n[b] > 0.0:
                    r = 1.0 / sqrt(n[a] * n[b])
                    x += r * (s.re[e] * Z[b] + s.im[e] * Z[P + b])
                    y += r * (s.im[e] * Z[b] - s.re[e] * Z[P + b])
        h[a] = x
        h[P + a] = y


cdef void fields_at(const System *s, const double *n, const double *sums, double t, double *Z, double *h) noexcept nogil:
    """Sums Z and fields h a time t after `sums` (4P: Z re, im, Z2 re, im) were taken, to first order."""
    cdef Py_ssize_t P = s.P, a
    cdef double x, y
    fields(s, n, sums, h)
    for a in range(P):
        x = s.omega[a] * sums[a] + 0.5 * (h[a] * sums[2 * P + a] - h[P + a] * sums[3 * P + a] + h[a] * n[a])
        y = s.omega[a] * sums[P + a] + 0.5 * (h[a] * sums[3 * P + a] + h[P + a] * sums[2 * P + a] - h[P + a] * n[a])
        Z[a] = sums[a] - t * y
        Z[P + a] = sums[P + a] + t * x
    fields(s, n, Z, h)


cdef void carry_map(double omega, double x, double y, double t, double *m, Py_ssize_t P) noexcept nogil:
    """Compose m with the flow of dz/dt = i (omega z + h z^2/2 + conj(h)/2), h = x + i y constant over t."""
    cdef double k = 0.25 * t * t * (x * x + y * y - omega * omega)
    cdef double c, d, r, ar, ai, br, bi, cr, ci, dr, di
    if fabs(k) < SERIES:
        c = 1.0 + k * (0.5 + k * (1.0 / 24.0 + k / 720.0))
        d = 1.0 + k * (1.0 / 6.0 + k * (1.0 / 120.0 + k / 5040.0))
    elif k > 0.0:
        r = sqrt(k)
        c = cosh(r)
        d = sinh(r) / r
    else:
        r = sqrt(-k)
        c = cos(r)
        d = sin(r) / r
    ar = c                       # alpha = c + i d t omega/2, beta = i d t conj(h)/2
    ai = 0.5 * d * t * omega
    br = 0.5 * d * t * y
    bi = 0.5 * d * t * x
    # (alpha, beta) of the flow times (alpha, beta) of m: alpha A + beta conj(B), alpha B + beta conj(A)
    cr = ar * m[0] - ai * m[P] + br * m[2 * P] + bi * m[3 * P]
    ci = ar * m[P] + ai * m[0] + bi * m[2 * P] - br * m[3 * P]
    dr = ar * m[2 * P] - ai * m[3 * P] + br * m[0] + bi * m[P]
    di = ar * m[3 * P] + ai * m[2 * P] + bi * m[0] - br * m[P]
    r = 1.0 / sqrt(cr * cr + ci * ci - dr * dr - di * di)
    m[0] = r * cr
    m[P] = r * ci
    m[2 * P] = r * dr
    m[3 * P] = r * di


cdef double choose_step(const System *s, const Rule *rule, double angle, const double *n, const double *h,
                        const double *besides, double left, double *chance, double *turn,
                        Py_ssize_t *culprit) noexcept nogil:
    """Length of the next step: no chance to be offered a copy above `leaving_chance`, no phase turns by over `angle`.

    besides (P,): what else turns phases, 1/time.
    """
    cdef Py_ssize_t b, e
    cdef double rate, most = 0.0, fastest = 0.0, step, parts, worst = 0.0
    for b in range(s.P):
        if n[b] > 0.0:
            rate = 0.0
            for e in range(s.indptr[b], s.indptr[b + 1]):
                rate += 2.0 * sqrt((s.re[e] * s.re[e] + s.im[e] * s.im[e]) * n[s.indices[e]] / n[b])
            most = fmax(most, rate)
            step = fabs(s.omega[b]) + sqrt(h[b] * h[b] + h[s.P + b] * h[s.P + b]) + besides[b]
            fastest = fmax(fastest, step)
            step = fmax(rate / rule.leaving_chance, step / angle)
            if step > worst:
                worst = step
                culprit[0] = b
    turn[0] = 0.0
    if rule.step > 0.0:
        step = left / fmax(rint(left / rule.step), 1.0)
        turn[0] = step * fastest
    else:
        step = left
        if worst * left > 1.0:
            step = 1.0 / worst
        parts = ceil(left / step * (1.0 - 1e-12))
        step = left / fmax(parts, 1.0)
    chance[0] = most * step
    return step


cdef int choose_one(const System *s, const Rule *rule, double angle, const double *n, const double *sums,
                    double since, const double *besides, double left, double *work, double *row) noexcept nogil:
    """The head of a plan."""
    cdef Py_ssize_t culprit = 0
    cdef double chance = 0.0, turn = 0.0
    cdef double *Z = work
    cdef double *h = work + 2 * s.P
    fields_at(s, n, sums, since, Z, h)
    row[STEP] = choose_step(s, rule, angle, n, h, besides, left, &chance, &turn, &culprit)
    row[LEFT] = 0.0 if left - row[STEP] < 0.5 * row[STEP] else left - row[STEP]
    row[LARGEST] = chance
    row[CULPRIT] = culprit
    row[STATUS] = FINE
    if row[STEP] < rule.smallest:
        row[STATUS] = STEP_TOO_SMALL
    elif not chance <= 1.0:
        row[STATUS] = CHANCE_ABOVE_ONE
    elif turn > 1.0:
        row[STATUS] = TURN_ABOVE_ONE
    return <int> row[STATUS]


cdef void drift_one(const System *s, const double *n, const double *sums, double since, double *work,
                    double *row) noexcept nogil:
    """Carry the maps half a step on, by the fields in the middle of it, taken from sums `since` ago."""
    cdef Py_ssize_t P = s.P, a
    cdef double *Z = work
    cdef double *h = work + 2 * P
    cdef double *m = row + HEAD + 2 * s.nnz + 2 * P
    fields_at(s, n, sums, since + 0.25 * row[STEP], Z, h)
    for a in range(P):
        carry_map(s.omega[a], h[a], h[P + a], 0.5 * row[STEP], m + a, P)


cdef void chances_one(const System *s, double copying, const double *n, const double *sums, double since,
                      double *work, double *row) noexcept nogil:
    """Chances of the copies at mid-step, from sums `since` before it; the fields there."""
    cdef Py_ssize_t P = s.P, a, b, e
    cdef double r, speed, step = row[STEP]
    cdef double *Z = work
    cdef double *mid_n = work + 2 * P
    cdef double *size = work + 3 * P
    cdef double *bound = row + HEAD + s.nnz
    cdef double *mid = bound + s.nnz
    fields_at(s, n, sums, since, Z, mid)
    for a in range(P):  # dn_a/dt = 2 Im(h_a Z_a)
        mid_n[a] = fmax(n[a] + step * (mid[a] * Z[P + a] + mid[P + a] * Z[a]), 0.5 * n[a])
        size[a] = sqrt(mid[a] * mid[a] + mid[P + a] * mid[P + a])
    for b in range(P):
        for e in range(s.indptr[b], s.indptr[b + 1]):
            a = s.indices[e]
            row[HEAD + e] = 0.0
            bound[e] = 0.0
            if n[b] > 0.0 and n[a] > 0.0:
                r = sqrt(s.re[e] * s.re[e] + s.im[e] * s.im[e])
                speed = 1.0 + step * (size[a] + size[b])
                row[HEAD + e] = copying * step * speed * 2.0 * r * n[a] / sqrt(mid_n[a] * mid_n[b])
                bound[e] = 1.0 / (speed * r)
    for b in range(P):
        r = 0.0
        for e in range(s.indptr[b], s.indptr[b + 1]):
            r += row[HEAD + e]
        if r > 1.0:  # a long fixed step
            for e in range(s.indptr[b], s.indptr[b + 1]):
                row[HEAD + e] /= r


cdef int need_state(const System *s, const uint8_t[::1] active, const double[:, ::1] n, const double[:, ::1] sums,
                    const double[::1] since, const double[:, ::1] rows) except -1:
    """Arrays of R replicas of a system, as the functions below want them."""
    cdef Py_ssize_t R = n.shape[0], P = s.P
    need(active.shape[0] == R and since.shape[0] == R and n.shape[1] == P, "n: must be (R, P); active, since: (R,)")
    need(sums.shape[0] == R and sums.shape[1] == 4 * P, "sums: must be (R, 4P)")
    need(rows.shape[0] == R and rows.shape[1] == HEAD + 2 * s.nnz + 6 * P, "rows: must be plans of R replicas")
    return 0


def sums_of_mapped(uint8_t[::1] active not None, int64_t[:, ::1] n not None, int64_t[:, :, ::1] powers not None,
                   double scale, const double[:, ::1] maps not None, double[:, ::1] sums not None):
    """Sums (R, 4P) of z and z^2 mapped by `maps` (R, 4P), from sums of powers (R, 2K, P) in units of 1/scale.

    M(z) = u (z + g)/(1 - q z), u = alpha/conj(alpha), g = beta/alpha, q = -conj(g). Truncated at |g|^K.
    """
    cdef Py_ssize_t P = n.shape[1], K = powers.shape[1] // 2, r, a, j
    cdef double complex alpha, g, q, u, power, S, Z, Z2
    cdef double size, over = 1.0 / scale
    cdef Py_ssize_t R = powers.shape[0]
    need(active.shape[0] >= R and n.shape[0] >= R and powers.shape[2] == P, "active, n: of the R replicas of powers")
    need(maps.shape[0] >= R and maps.shape[1] == 4 * P and sums.shape[0] >= R and sums.shape[1] == 4 * P,
         "maps, sums: must be (R, 4P)")
    for r in range(powers.shape[0]):
        if not active[r]:
            continue
        for a in range(P):
            alpha = maps[r, a] + 1j * maps[r, P + a]
            size = maps[r, a] * maps[r, a] + maps[r, P + a] * maps[r, P + a]
            g = (maps[r, 2 * P + a] + 1j * maps[r, 3 * P + a]) * (maps[r, a] - 1j * maps[r, P + a]) / size
            q = -g.real + 1j * g.imag
            u = alpha * alpha / size
            power = 1.0                    # q^(j - 1)
            Z = g * <double> n[r, a]
            Z2 = g * g * <double> n[r, a]
            for j in range(1, K + 1):
                S = over * (<double> powers[r, 2 * j - 2, a] + 1j * <double> powers[r, 2 * j - 1, a])
                Z = Z + (1.0 - (g.real * g.real + g.imag * g.imag)) * power * S
                Z2 = Z2 + (2.0 * <double> j * g + <double> (j + 1) * g * g * q) * power * S
                if j < K:                  # (j' - 1) q^(j' - 2) of the next j'
                    Z2 = Z2 + <double> j * power * over * (<double> powers[r, 2 * j, a]
                                                + 1j * <double> powers[r, 2 * j + 1, a])
                power = power * q
            Z = u * Z
            Z2 = u * u * Z2
            sums[r, a] = Z.real
            sums[r, P + a] = Z.imag
            sums[r, 2 * P + a] = Z2.real
            sums[r, 3 * P + a] = Z2.imag


def choose(Couplings couplings not None, double[::1] rule_numbers not None, double angle,
           uint8_t[::1] active not None, const double[:, ::1] n not None, double[:, ::1] sums not None,
           double[::1] since not None, double[:, ::1] besides not None, double[::1] left not None,
           double[:, ::1] rows not None):
    """Choose the next step of every active replica.

    n (R, P); sums (R, 4P): Z re, im, Z2 re, im, `since` (R,) ago; besides (R, P): see choose_step; left (R,) time to
    the record. What is wrong with a step stands in its row.
    """
    cdef const System *s = &couplings.system
    need(rule_numbers.shape[0] >= RULE_NUMBERS, "rule_numbers: too few")
    need_state(s, active, n, sums, since, rows)
    need(besides.shape[0] == n.shape[0] and besides.shape[1] == s.P and left.shape[0] == n.shape[0],
         "besides: must be (R, P); left: (R,)")
    cdef Rule rule = rule_of(&rule_numbers[0])
    cdef double[::1] work = np.empty(4 * couplings.system.P)
    cdef Py_ssize_t r
    for r in range(n.shape[0]):
        if active[r]:
            if choose_one(s, &rule, angle, &n[r, 0], &sums[r, 0], since[r], &besides[r, 0], left[r], &work[0],
                          &rows[r, 0]):
                return


def drift(Couplings couplings not None, uint8_t[::1] active not None, const double[:, ::1] n not None,
          double[:, ::1] sums not None, double[::1] since not None, double[:, ::1] rows not None):
    """Carry the maps of every active replica half a step on; `since` (R,) goes on with them."""
    need_state(&couplings.system, active, n, sums, since, rows)
    cdef double[::1] work = np.empty(4 * couplings.system.P)
    cdef Py_ssize_t r
    for r in range(n.shape[0]):
        if active[r]:
            drift_one(&couplings.system, &n[r, 0], &sums[r, 0], since[r], &work[0], &rows[r, 0])
            since[r] += 0.5 * rows[r, STEP]


def chances(Couplings couplings not None, double copying, uint8_t[::1] active not None,
            const double[:, ::1] n not None, double[:, ::1] sums not None, double[::1] since not None,
            double[:, ::1] rows not None):
    """Put the chances of the copies into the rows; it is mid-step. `copying`: a factor on all rates of (39)."""
    need_state(&couplings.system, active, n, sums, since, rows)
    cdef double[::1] work = np.empty(4 * couplings.system.P)
    cdef Py_ssize_t r
    for r in range(n.shape[0]):
        if active[r]:
            chances_one(&couplings.system, copying, &n[r, 0], &sums[r, 0], since[r], &work[0], &rows[r, 0])


def finish(uint8_t[::1] active not None, double[::1] left not None, int64_t[::1] step not None,
           double[::1] largest not None, double[:, ::1] rows not None):
    """Clocks go on; `active` loses who is at the record."""
    cdef Py_ssize_t r, R = left.shape[0]
    need(active.shape[0] == R and step.shape[0] == R and largest.shape[0] == R, "active, left, step, largest: (R,)")
    need(rows.shape[0] == R and rows.shape[1] >= HEAD, "rows: must be plans of R replicas")
    for r in range(left.shape[0]):
        if active[r]:
            left[r] = rows[r, LEFT]
            step[r] += 1
            largest[r] = max(largest[r], rows[r, LARGEST])
            active[r] = left[r] > 0.0
