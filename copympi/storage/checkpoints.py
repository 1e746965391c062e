"""DIR/checkpoints: numbered files, and the number of the attempt that may write them."""

from __future__ import annotations

import re
from pathlib import Path

from copympi.errors import InputError

FOLDER = "checkpoints"
NUMBERED = re.compile(r"checkpoint-(\d{8})\.h5")
ATTEMPT = re.compile(r"attempt-(\d{6})")


def numbered(folder: Path) -> list[Path]:
    """Checkpoints of the run in a results folder, oldest first."""
    return sorted(path for path in (folder / FOLDER).glob("checkpoint-*.h5") if NUMBERED.fullmatch(path.name))


def next_place(folder: Path) -> Path:
    """Where the next checkpoint belongs."""
    names = [path.name for path in numbered(folder)]
    number = int(names[-1][len("checkpoint-") : -len(".h5")]) + 1 if names else 1
    return folder / FOLDER / f"checkpoint-{number:08d}.h5"


def attempts(folder: Path) -> list[int]:
    """Numbers of the attempts made on the run in a results folder."""
    names = (path.name for path in (folder / FOLDER).glob("attempt-*"))
    return sorted(int(match[1]) for name in names if (match := ATTEMPT.fullmatch(name)))


def take_attempt(folder: Path) -> int:
    """Start the next attempt: from now on older ones find themselves taken over. Their half-written files go."""
    place = folder / FOLDER
    try:
        place.mkdir(parents=True, exist_ok=True)
        number = (attempts(folder) or [0])[-1]
        while True:
            number += 1
            try:
                (place / f"attempt-{number:06d}").touch(exist_ok=False)
                break
            except FileExistsError:
                continue
        for leftover in [*place.glob(".partial-*"), *folder.glob(".new-*")]:
            leftover.unlink(missing_ok=True)
        for old in attempts(folder)[:-1]:
            (place / f"attempt-{old:06d}").unlink(missing_ok=True)
    except OSError as problem:
        raise InputError("output folder", str(folder), f"cannot be written: {problem.strerror}") from None
    return number
