# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# distutils: extra_compile_args = -fno-tree-slp-vectorize
# GCC 12 fuses products and sums of complex numbers in vectors, whatever -ffp-contract says, where CFLAGS name a CPU
# with fused multiply-add, and this kernel has such (`python tools/bits.py` finds them).
"""Members with phases of their own under any rule of the class (18), (19): how their phases move.

A member I in a turns at omega_a + sum_k Re(h^k_a e^{ik phi_I}), with fields that all members of a have in common,

    h^k_a = sum_b R^k n_a^r n_b^(-r-1) e^{i delta'^k} conj(Z_kb),    Z_kb = sum over J in b of e^{ik phi_J}.

Several harmonics make no Moebius map, so members are moved one by one, by Runge and Kutta's rule of fourth order, in
fields that are polynomials in time: those follow from the sums Z at one instant (harmonics.h).
"""
from libc.math cimport fabs, sqrt
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.couplings cimport System
from copympi.kernels.crowd cimport Block, Crowd, block_of
from copympi.kernels.elementary cimport fmax
from copympi.kernels.general cimport CopyRule, Harmonic, Powers, powers_of

cdef extern from "harmonics.h" nogil:
    void next_sums(const Shape *s, double *z, const double *h, int j, double omega)


cdef class PhaseRule:
    """A rule, and room to work out the fields it makes.

    degree : of fields as polynomials in time, from 0 to 3. `sums` powers of e^{i phi} are to be summed over members.
    """

    def __cinit__(self, CopyRule rule not None, *, int degree):
        cdef const System *s = rule.law.s
        cdef Py_ssize_t P = s.P, K = rule.law.K, p, k
        cdef const Harmonic *h
        need(0 <= degree <= 3, "degree: must be from 0 to 3")
        self.rule = rule
        self.law = &rule.law
        self.shape.order = rule.law.order
        self.shape.count = <int> K
        self.shape.top = <int> rule.law.order[K - 1] if K > 0 else 0
        self.shape.degree = degree
        self.shape.sums = max(2, (degree + 1) * self.shape.top)
        cdef int64_t[::1] pair = np.zeros(s.nnz + 1, np.int64)
        cdef double[::1] copies = np.zeros(s.pairs + 1)
        cdef double[::1] turns = np.zeros(s.pairs + 1)
        for p in range(s.pairs):
            pair[s.pair[4 * p + 2]] = p
            pair[s.pair[4 * p + 3]] = p
            h = rule.law.harmonic + p * K
            for k in range(K):
                copies[p] += sqrt(h[k].copy_re * h[k].copy_re + h[k].copy_im * h[k].copy_im)
                turns[p] += sqrt(h[k].turn_re * h[k].turn_re + h[k].turn_im * h[k].turn_im)
        cdef double[::1] powers = np.zeros(4 * P)
        cdef double[::1] z = np.zeros(P * (degree + 1) * (self.shape.sums + 1) * 2)
        self.size = P * (degree + 1) * max(K, 1) * 2
        cdef double[::1] fields = np.zeros(self.size)
        cdef double[::1] c = np.zeros(6 * (self.shape.top + 1))
        self.keep = (pair, copies, turns, powers, z, fields, c)
        self.pair, self.copies, self.turns, self.power = &pair[0], &copies[0], &turns[0], <Powers *> &powers[0]
        self.z, self.h, self.c = &z[0], &fields[0], &c[0]

    @property
    def sums(self):
        """How many powers of e^{i phi} are to be summed."""
        return self.shape.sums

    @property
    def terms(self):
        """Numbers that the fields of all beables are."""
        return self.size


cdef void set_powers(PhaseRule k, const double *n) noexcept nogil:
    """The powers of all n that the rule has."""
    cdef Py_ssize_t a
    for a in range(k.law.s.P):
        powers_of(k.law, 0, n[a], &k.power[a])


cdef void field_terms(PhaseRule k, const double *n, int j) noexcept nogil:
    """The coefficients of t^j of all fields, from those of the sums."""
    cdef const System *s = k.law.s
    cdef Py_ssize_t K = k.law.K, width = 2 * (k.shape.sums + 1), p, a, b, q
    cdef Py_ssize_t z_size = (k.shape.degree + 1) * width, h_size = (k.shape.degree + 1) * K * 2
    cdef double on_a, on_b
    cdef const Harmonic *h
    cdef const double *za
    cdef const double *zb
    cdef double *ha
    cdef double *hb
    for a in range(s.P):
        ha = k.h + a * h_size + 2 * j * K
        for q in range(2 * K):
            ha[q] = 0.0
    for p in range(s.pairs):
        b = s.pair[4 * p]
        a = s.pair[4 * p + 1]
        if n[a] <= 0.0 or n[b] <= 0.0:
            continue
        on_a = k.power[a].up * k.power[b].down / n[b]
        on_b = k.power[b].up * k.power[a].down / n[a]
        h = k.law.harmonic + p * K
        for q in range(K):
            za = k.z + a * z_size + j * width + 2 * k.law.order[q]
            zb = k.z + b * z_size + j * width + 2 * k.law.order[q]
            ha = k.h + a * h_size + 2 * (j * K + q)
            hb = k.h + b * h_size + 2 * (j * K + q)
            ha[0] += on_a * (h[q].turn_re * zb[0] + h[q].turn_im * zb[1])   # times conj(Z_b)
            ha[1] += on_a * (h[q].turn_im * zb[0] - h[q].turn_re * zb[1])
            hb[0] += on_b * (h[q].turn_re * za[0] - h[q].turn_im * za[1])   # the conjugate, times conj(Z_a)
            hb[1] -= on_b * (h[q].turn_im * za[0] + h[q].turn_re * za[1])


cdef void set_fields(PhaseRule k, const double *n, const double *sums) noexcept nogil:
    """All fields as polynomials in the time since sums (2 sums, P) were as they are given; powers are set too."""
    cdef const System *s = k.law.s
    cdef Py_ssize_t P = s.P, width = 2 * (k.shape.sums + 1), a, m
    cdef Py_ssize_t z_size = (k.shape.degree + 1) * width, h_size = (k.shape.degree + 1) * k.law.K * 2
    cdef int j
    set_powers(k, n)
    for a in range(P):
        k.z[a * z_size] = n[a]
        k.z[a * z_size + 1] = 0.0
        for m in range(2 * k.shape.sums):
            k.z[a * z_size + 2 + m] = sums[m * P + a]
    for j in range(k.shape.degree + 1):
        field_terms(k, n, j)
        if j < k.shape.degree:
            for a in range(P):
                next_sums(&k.shape, k.z + a * z_size, k.h + a * h_size, j, s.omega[a])


cdef void carry(PhaseRule k, double *x, double *y, int64_t n, Py_ssize_t a, double begin, double t) noexcept nogil:
    """Carry n members of a from the time `begin` of the fields' polynomials on, over a time t."""
    cdef const double *h = k.h + a * (k.shape.degree + 1) * k.law.K * 2
    cdef Py_ssize_t width = 2 * (k.shape.top + 1)
    fields_at(&k.shape, h, begin, k.c)
    fields_at(&k.shape, h, begin + 0.5 * t, k.c + width)
    fields_at(&k.shape, h, begin + t, k.c + 2 * width)
    carry_members(x, y, n, k.c, k.shape.top, k.law.s.omega[a], t)


cdef double fastest(PhaseRule k, Py_ssize_t *whose) noexcept nogil:
    """Radians in unit time of the fastest harmonic, a bound for all phases at the n whose powers are set; whose."""
    cdef const System *s = k.law.s
    cdef Py_ssize_t a, e, b
    cdef double most = 0.0, rate
    whose[0] = 0
    for a in range(s.P):
        if k.power[a].down > 0.0:
            rate = fabs(s.omega[a])
            for e in range(s.indptr[a], s.indptr[a + 1]):
                b = s.indices[e]
                rate += k.turns[k.pair[e]] * k.power[a].up * k.power[b].down
            if rate > most:
                most = rate
                whose[0] = a
    return most * fmax(1.0, k.shape.top)


cdef int need_rule(PhaseRule k, const double[:, ::1] n, const double[:, :, ::1] sums) except -1:
    """n (R, P) and sums (R, 2 sums, P) of a rule's system."""
    need(n.shape[1] == k.law.s.P, "n: must be (R, P)")
    need(sums.shape[0] == n.shape[0] and sums.shape[1] == 2 * k.shape.sums and sums.shape[2] == n.shape[1],
         "sums: must be (R, 2 rule.sums, P)")
    return 0


def fields(PhaseRule rule not None, *, const uint8_t[::1] active not None, const double[:, ::1] n not None,
           const double[:, :, ::1] sums not None, double[:, ::1] out not None):
    """The fields of active replicas as polynomials in the time since n (R, P) and sums (R, 2 rule.sums, P) were as they
    are given, into out (R, rule.terms), which is alike on all ranks where their arithmetic is."""
    cdef Py_ssize_t r
    need_rule(rule, n, sums)
    need(active.shape[0] == n.shape[0] == out.shape[0] and out.shape[1] == rule.size, "out: must be (R, rule.terms)")
    for r in range(n.shape[0]):
        if active[r]:
            set_fields(rule, &n[r, 0], &sums[r, 0, 0])
            memcpy(&out[r, 0], rule.h, rule.size * sizeof(double))


def move(PhaseRule rule not None, Crowd crowd not None, *, const uint8_t[::1] active not None,
         const double[:, ::1] fields not None, const double[::1] since not None, const double[::1] time not None):
    """Carry this rank's members of active replicas over a time (R,), n standing still, from `since` (R,) in the fields'
    (R, rule.terms) time on."""
    cdef Py_ssize_t R = fields.shape[0], P = rule.law.s.P, u, r, a, last = -1
    cdef int64_t place
    cdef Block block
    crowd.need_whole(R, P, 2)
    need(fields.shape[1] == rule.size, "fields: must be (R, rule.terms)")
    need(active.shape[0] == R and since.shape[0] == R and time.shape[0] == R, "active, since, time: must be (R,)")
    with nogil:
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            if not active[r]:
                continue
            if r != last:
                memcpy(rule.h, &fields[r, 0], rule.size * sizeof(double))
                last = r
            block = block_of(crowd, u)
            place = 0
            for a in range(P):
                if block.counts[a]:
                    carry(rule, block.values + place, block.values + block.size + place, block.counts[a], a, since[r],
                          time[r])
                place += block.counts[a]


def sum_up(PhaseRule rule not None, Crowd crowd not None, *, const uint8_t[::1] active not None, double scale,
           int64_t[:, :, ::1] sums not None):
    """This rank's sums of e^{im phi}, m = 1 .. rule.sums, re and im in turn, of active replicas, into sums
    (R, 2 rule.sums, P), in units of 1/scale: integers, whose sum knows no order."""
    cdef Py_ssize_t R = active.shape[0], P = rule.law.s.P, u, r, a, m
    cdef int64_t place
    cdef Block block
    cdef int64_t[::1] part = np.empty(2 * rule.shape.sums, np.int64)
    crowd.need_whole(R, P, 2)
    need(sums.shape[0] == R and sums.shape[1] == 2 * rule.shape.sums and sums.shape[2] == P,
         "sums: must be (R, 2 rule.sums, P)")
    with nogil:
        for r in range(R):
            if active[r]:
                for m in range(2 * rule.shape.sums):
                    for a in range(P):
                        sums[r, m, a] = 0
        for u in range(crowd.U):
            r = crowd.unit[2 * u]
            if not active[r]:
                continue
            block = block_of(crowd, u)
            place = 0
            for a in range(P):
                if block.counts[a]:
                    for m in range(2 * rule.shape.sums):
                        part[m] = 0
                    sums_of_powers(block.values + place, block.values + block.size + place, block.counts[a], scale,
                                   rule.shape.sums, &part[0])
                    for m in range(2 * rule.shape.sums):
                        sums[r, m, a] += part[m]
                place += block.counts[a]
