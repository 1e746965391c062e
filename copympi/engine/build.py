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


def unlike(there: str, here: str) -> str:
    """In what compiler, flags or target of two builds differ, as `build` says them; "" where they do not.

    Which loops the CPU at hand runs and the C library's version are left out: no bit depends on them.
    """
    (compiler, flags, target), (own_compiler, own_flags, own_target) = _parts(there), _parts(here)
    said = [f"{compiler} (here {own_compiler})"] if compiler != own_compiler else []
    if flags != own_flags:
        more, own_more = (
            " ".join(flag for flag in one.split() if flag not in other.split()) or "none besides"
            for one, other in ((flags, own_flags), (own_flags, flags))
        )
        said.append(f"flags {more} (here {own_more})")
    if target != own_target:
        said.append(f"for {target} (here {own_target})")
    return ", ".join(said)


def _parts(text: str) -> tuple[str, str, str]:
    """Compiler, flags and target."""
    made, _, target = text.partition(", wide loops: ")[0].rpartition(", for ")
    compiler, _, flags = made.partition(", ")
    return compiler, flags, target
