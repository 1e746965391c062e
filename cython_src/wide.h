/* Loops over members that are worth the widest vectors a machine has. */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) && __GNUC__ >= 12 && !defined(__clang__) && defined(__gnu_linux__) && defined(__x86_64__)
#define COPYMPI_CLONES
#define COPYMPI_WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define COPYMPI_WIDE
#endif

enum { POWERS = 12 }; /* so many powers of members' values are summed */
