"""What made the kernels that run here, as provenance has it."""

from __future__ import annotations

import functools
import platform

from copympi.kernels import portable


@functools.cache
def build() -> str:
    """Compiler, flags and CPU of the kernels, and the C library that they stand on: one line."""
    return f"{portable.build()}, {libc()}"


def libc() -> str:
    """The C library and its version."""
    name, version = platform.libc_ver()
    return f"{name or 'libc'} {version or 'of unknown version'}"
