/* What compiled the kernels, for what, and which of their variants this CPU runs. */
#pragma once
#include "wide.h"

#if defined(__clang__)
#define COPYMPI_COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COPYMPI_COMPILER "gcc " __VERSION__
#else
#define COPYMPI_COMPILER "an unknown compiler"
#endif

#ifndef COPYMPI_FLAGS
#define COPYMPI_FLAGS "flags unknown"
#endif

#if defined(__x86_64__) && defined(__AVX512F__)
#define COPYMPI_TARGET "x86-64-v4"
#elif defined(__x86_64__) && defined(__AVX2__)
#define COPYMPI_TARGET "x86-64-v3"
#elif defined(__x86_64__)
#define COPYMPI_TARGET "x86-64"
#elif defined(__aarch64__)
#define COPYMPI_TARGET "aarch64"
#else
#define COPYMPI_TARGET "an unknown CPU"
#endif

/* The loops over members are compiled for several kinds of CPU (wide.h): which of them run here. */
static const char *loops_run_here(void) {
#ifdef COPYMPI_CLONES
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
               ? "AVX-512"
               : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "AVX2" : "SSE2";
#else
    return "none of their own";
#endif
}
