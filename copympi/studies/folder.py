"""Where a study's files go."""

from __future__ import annotations

from pathlib import Path

from copympi.errors import InputError


def make(folder: Path) -> None:
    """The folder, made where it is not there yet; an InputError where nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".part").write_bytes(b"")
        (folder / ".part").unlink()
    except OSError as problem:
        raise InputError("output folder", folder, f"cannot be written: {problem.strerror}") from None
