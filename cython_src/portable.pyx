# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Elementary functions of arrays, of the same bits on every machine.

NumPy's differ in last bits between CPUs (loops for AVX-512, FMA) and builds. What decides where a run starts or what
its H is goes through these: exponentials, logarithms, sines, angles and sizes (see cython_src/elementary.h, circle.h).
"""

import numpy as np
from libc.math cimport INFINITY, NAN, fabs, sqrt
from libc.stdint cimport int32_t, int64_t

from copympi.kernels.checks cimport need
from copympi.kernels.elementary cimport atan2, erfc_of, fine_exp, fine_log, fmax, fmin, hypot, sin_cos_of
from copympi.kernels.elementary cimport log1p as own_log1p


cdef extern from "build.h":
    const char *COPYMPI_COMPILER
    const char *COPYMPI_FLAGS
    const char *COPYMPI_TARGET
    const char *loops_run_here()


def build():
    """What compiled the kernels: compiler, flags, CPU; and for which CPU the loops over members are that run here."""
    made = f"{COPYMPI_COMPILER.decode().strip()}, {COPYMPI_FLAGS.decode()}, for {COPYMPI_TARGET.decode()}"
    return f"{made}, wide loops: {loops_run_here().decode()}"


ctypedef double (*Function)(double) noexcept nogil


cdef object of_each(x, Function f):
    """f of reals of any shape, float64."""
    given = np.asarray(x, np.float64)
    cdef const double[::1] values = np.ascontiguousarray(given).ravel()
    cdef double[::1] out = np.empty(values.shape[0])
    cdef Py_ssize_t i
    for i in range(values.shape[0]):
        out[i] = f(values[i])
    return np.asarray(out).reshape(given.shape)


def exp(x):
    """exp(x) of reals of any shape, float64: 0 below exp(-745.2), infinite above exp(709.8)."""
    return of_each(x, fine_exp)


def log(x):
    """log(x) of reals of any shape, float64: -inf of 0, NaN of what is negative."""
    return of_each(x, fine_log)


def log1p(x):
    """log(1 + x) of reals of any shape, float64, as kernels have it for waiting times."""
    return of_each(x, log_of_rest)


def erfc(x):
    """2/sqrt(pi) times the integral of exp(-t^2) from x on, of reals of any shape, float64, as kernels have it."""
    return of_each(x, tail)


cdef double log_of_rest(double x) noexcept nogil:
    return own_log1p(x)


cdef double tail(double x) noexcept nogil:
    return 2.0 - erfc_of(-x) if x < 0.0 else erfc_of(x)


def turns(x):
    """exp(i x) of angles x, rad, of any shape, complex128."""
    given = np.asarray(x, np.float64)
    cdef const double[::1] values = np.ascontiguousarray(given).ravel()
    cdef double[:, ::1] out = np.empty((values.shape[0], 2))
    cdef Py_ssize_t i
    for i in range(values.shape[0]):
        sin_cos_of(values[i], &out[i, 1], &out[i, 0])
    return np.asarray(out).view(np.complex128).reshape(given.shape)


def cos(x):
    """cos(x) of angles x, rad, of any shape, float64."""
    return turns(x).real.copy()


def sin(x):
    """sin(x) of angles x, rad, of any shape, float64."""
    return turns(x).imag.copy()


def angles(z):
    """arg z in [-pi, pi], rad, of complex numbers of any shape, float64; of 0 it is 0 or +-pi as its signs have it."""
    given = np.asarray(z, np.complex128)
    cdef const double[::1] values = np.ascontiguousarray(given).ravel().view(np.float64)
    cdef double[::1] out = np.empty(values.shape[0] // 2)
    cdef Py_ssize_t i
    for i in range(out.shape[0]):
        out[i] = atan2(values[2 * i + 1], values[2 * i])
    return np.asarray(out).reshape(given.shape)


def times(y, z):
    """y z of complex numbers of shapes that broadcast, complex128, each part of two products rounded by themselves."""
    left, right = np.broadcast_arrays(np.asarray(y, np.complex128), np.asarray(z, np.complex128))
    out = np.empty(left.shape, np.complex128)
    np.subtract(left.real * right.real, left.imag * right.imag, out=out.real)
    np.add(left.real * right.imag, left.imag * right.real, out=out.imag)
    return out


def norm(z):
    """sqrt(sum |z|^2) of complex numbers (K,), a float."""
    values = np.asarray(z, np.complex128).ravel()
    return float(np.sqrt(np.sum(values.real * values.real + values.imag * values.imag)))


ctypedef fused Index:
    int32_t
    int64_t


cdef void add_rows(const Index[::1] begin, const Index[::1] column, const double[::1] data, const double[::1] given,
                   double[:, ::1] out) noexcept nogil:
    cdef Py_ssize_t a, e
    cdef Index b
    for a in range(out.shape[0]):
        for e in range(begin[a], begin[a + 1]):
            b = column[e]
            out[a, 0] += data[2 * e] * given[2 * b] - data[2 * e + 1] * given[2 * b + 1]
            out[a, 1] += data[2 * e] * given[2 * b + 1] + data[2 * e + 1] * given[2 * b]


def moved(W, z):
    """W z (P,) of a sparse matrix W (P, P) in CSR form and z (P,), complex128: each row added up in its order."""
    cdef const double[::1] data = np.ascontiguousarray(W.data, np.complex128).view(np.float64)
    cdef const double[::1] given = np.ascontiguousarray(z, np.complex128).view(np.float64)
    cdef double[:, ::1] out = np.zeros((W.shape[0], 2))
    need(given.shape[0] == 2 * W.shape[1], "z: must be (P,)")
    need(W.indptr.shape[0] == W.shape[0] + 1 and data.shape[0] == 2 * W.indices.shape[0], "W: must be in CSR form")
    if W.indptr.dtype == np.int32 and W.indices.dtype == np.int32:
        add_rows[int32_t](W.indptr, W.indices, data, given, out)
    else:
        add_rows[int64_t](W.indptr.astype(np.int64), W.indices.astype(np.int64), data, given, out)
    return np.asarray(out).view(np.complex128).reshape(out.shape[0])


def sizes(z):
    """|z| of complex numbers of any shape, float64: the larger part times sqrt(1 + ratio^2), to 2e-16."""
    given = np.asarray(z, np.complex128)
    cdef const double[::1] values = np.ascontiguousarray(given).ravel().view(np.float64)
    cdef double[::1] out = np.empty(values.shape[0] // 2)
    cdef double x, y, ratio
    cdef Py_ssize_t i
    for i in range(out.shape[0]):
        x = fmax(fabs(values[2 * i]), fabs(values[2 * i + 1]))
        y = fmin(fabs(values[2 * i]), fabs(values[2 * i + 1]))
        ratio = y / x if 0.0 < x < INFINITY else 0.0
        out[i] = x * sqrt(ratio * ratio + 1.0)  # as NumPy's loops have it on CPUs without fused multiply-add
        if values[2 * i] != values[2 * i] or values[2 * i + 1] != values[2 * i + 1]:
            out[i] = NAN
    return np.asarray(out).reshape(given.shape)


def lengths(x, y):
    """sqrt(x^2 + y^2) of reals of one shape, float64; infinite where one of them is, whatever the other."""
    given = np.asarray(x, np.float64)
    cdef const double[::1] one = np.ascontiguousarray(given).ravel()
    cdef const double[::1] other = np.ascontiguousarray(y, np.float64).ravel()
    cdef double[::1] out = np.empty(one.shape[0])
    cdef Py_ssize_t i
    need(other.shape[0] == one.shape[0], "y: must be of the shape of x")
    for i in range(out.shape[0]):
        out[i] = INFINITY if fabs(one[i]) == INFINITY or fabs(other[i]) == INFINITY else hypot(one[i], other[i])
    return np.asarray(out).reshape(given.shape)
