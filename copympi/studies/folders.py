"""Where a study writes."""

from __future__ import annotations

from pathlib import Path

from copympi.errors import InputError


def make(folder: Path) -> None:
    """See that `folder` is there and can be written, before hours are spent; InputError if not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".part").write_bytes(b"")
        (folder / ".part").unlink()
    except OSError as problem:
        raise InputError("output folder", folder, f"cannot be written: {problem.strerror}") from None
