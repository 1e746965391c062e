# Functions in place of libm's, under its names, of the same bits on every machine (cython_src/elementary.h, circle.h,
# fdlibm.h, exponential.h): kernels take these, and from libm only what is exact.
cdef extern from "elementary.h" nogil:
    double fmax "larger_of"(double x, double y)
    double fmin "smaller_of"(double x, double y)
    double hypot "length_of"(double x, double y)
    double log "log_of"(double x)                                # x > 0
    void exp_of(double x, double *value, double *rest)           # exp(x), 1 - exp(x), |x| < 700

cdef extern from "circle.h" nogil:
    double sin "sin_of"(double x)
    double cos "cos_of"(double x)
    void sin_cos_of(double x, double *sine, double *cosine)
    double atan2 "angle_of"(double y, double x)

cdef extern from "fdlibm.h" nogil:
    double log1p "log1p_of"(double x)
    double erfc_of(double x)                                     # x >= 0

cdef extern from "exponential.h" nogil:
    double fine_exp(double x) noexcept
    double fine_log(double x) noexcept
