"""DIR/checkpoints: numbered files, and the number of the attempt that may write them."""

from __future__ import annotations

import os
import re
import time as clock
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from copympi.errors import InputError, MachineError, Superseded
from copympi.storage import layout
from copympi.storage.hdf5 import reason

FOLDER = "checkpoints"
NUMBERED = re.compile(r"checkpoint-(\d{8,18})\.h5")
ATTEMPT = re.compile(r"attempt-(\d{6,18})")
HALF = re.compile(r"\.(?:partial|new)-(\d{1,18})-.*\.h5(?:\.locktest\.\d+)?")  # Open MPI tries locks beside a file
"""Files under way, with the number of the attempt that writes them."""
PROBE = ".can-write-"
"""How the files begin with which a start finds out whether it may write; gone at once, unless the disk fails."""
PAUSES = (0.05, 0.2, 0.5, 1.0)
"""Seconds before each further look into a folder that could not be read."""


class Unseen(MachineError):
    """A folder that cannot be looked into just now: what it holds is not known."""


def listed(folder: Path) -> list[str]:
    """Names in a folder, none where there is none. Unseen where several looks fail: a network may stumble over one."""
    problem = ""
    for pause in (0.0, *PAUSES):
        clock.sleep(pause)
        try:
            return os.listdir(folder)
        except FileNotFoundError:
            return []
        except OSError as failure:
            problem = reason(failure)
    raise Unseen(f"{folder} cannot be read: {problem}")


def _numbers(names: list[str], pattern: re.Pattern[str]) -> dict[int, str]:
    """number -> name of what fits a pattern, smallest first."""
    found = {int(match[1]): name for name in names if (match := pattern.fullmatch(name))}
    return dict(sorted(found.items()))


def numbered(folder: Path) -> list[Path]:
    """Checkpoints of the run in a results folder, oldest first. Unseen where they cannot be listed."""
    place = folder / FOLDER
    return [place / name for name in _numbers(listed(place), NUMBERED).values()]


def next_place(folder: Path) -> Path:
    """Where the next checkpoint belongs. Unseen where that cannot be told."""
    number = max(_numbers(listed(folder / FOLDER), NUMBERED), default=0) + 1
    return folder / FOLDER / f"checkpoint-{number:08d}.h5"


def attempts(folder: Path) -> list[int]:
    """Numbers of the attempts made on the run in a results folder. Unseen where they cannot be listed."""
    return list(_numbers(listed(folder / FOLDER), ATTEMPT))


def take_attempt(folder: Path) -> int:
    """Start the next attempt: from now on older ones find themselves superseded. Their half-written files go.

    Of several that start at once the one with the highest number stays: its mark is the only one that no other removes.
    """
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
        _sweep(folder, number)
    except OSError as problem:
        raise InputError("output folder", folder, f"cannot be written: {reason(problem)}") from None
    except Unseen as problem:
        raise InputError("output folder", folder, str(problem)) from None
    return number


def tidy(folder: Path) -> None:
    """Remove what a killed attempt left half-made beside finished results; one still at it is superseded.

    Nothing is touched where nothing lies about, or where the folder cannot be written.
    """
    with suppress(InputError, Unseen):
        if any(HALF.fullmatch(name) for place in _places(folder) for name in listed(place)):
            take_attempt(folder)


def check_fence(folder: Path, attempt: int) -> None:
    """Superseded where a later attempt has started in a results folder, Unseen where that cannot be told."""
    there = attempts(folder)
    if attempt not in there:  # others start just now: a listing may have missed the new mark, not so the next one
        there = attempts(folder)
    newest = max(there, default=0)
    if newest != attempt:
        who = f"attempt {newest}" if newest > attempt else "a later attempt"
        raise Superseded(f"{folder}: {who} has superseded this one; attempt {attempt} stops, and writes nothing more")


def remove(path: Path, attempt: int, may_remove: Callable[[], None]) -> None:
    """Remove a file that an earlier attempt made. may_remove : raises where this attempt was superseded.

    A later attempt may have put a file of its own under the same name a moment ago. So the file is first taken aside,
    and comes back where this attempt turns out to have been superseded.
    """
    aside = path.with_name(f".partial-{attempt}-{path.name}")
    try:
        os.replace(path, aside)
    except FileNotFoundError:  # another start was faster
        return
    try:
        may_remove()
    except MachineError:
        if not os.path.lexists(path):
            with suppress(FileNotFoundError):
                os.replace(aside, path)
        raise
    finally:
        aside.unlink(missing_ok=True)


def remove_probes(place: Path, attempt: int) -> None:
    """Remove what Open MPI left of an attempt's probes; one that cannot be removed waits for the next checkpoint."""
    for _ in range(2):  # a network may stumble over one
        with suppress(OSError):
            for probe in list(place.glob(f".partial-{attempt}-*.locktest.*")):
                with suppress(OSError):
                    probe.unlink(missing_ok=True)


def _sweep(folder: Path, attempt: int) -> None:
    """Remove what earlier attempts left half-made, and their marks; what a later one makes is not touched.

    This is what makes the fence tight: an earlier attempt that looked at it before this one had its mark there can no
    longer give a half-made file its final name, because that file is gone.
    """
    for place in _places(folder):
        for name in listed(place):
            half, mark = HALF.fullmatch(name), ATTEMPT.fullmatch(name)
            made = half or (mark if place.name == FOLDER else None)
            if (made and int(made[1]) < attempt) or name.startswith(PROBE):
                with suppress(OSError):
                    (place / name).unlink(missing_ok=True)


def _places(folder: Path) -> list[Path]:
    """Where files of a run come to be: its folder, its checkpoints, its profiles if they are apart."""
    apart = folder / layout.FOLDER
    return [folder, folder / FOLDER, *([apart] if apart.is_dir() else [])]
