"""The cores that this process may use."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path, PurePosixPath

CGROUPS = Path("/sys/fs/cgroup")


def own() -> set[int]:
    """Numbers of the cores that it may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def quota() -> float:
    """How many cores' time a container may use, which may show more of them; inf where nothing limits it."""
    least = math.inf
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, place = line.split(":", 2)
            group = CGROUPS / controllers
            for folder in (PurePosixPath(place), *PurePosixPath(place).parents):
                least = min(least, _limit(group / str(folder).lstrip("/")))
    return least


def _limit(folder: Path) -> float:
    """Of one control group: of its second version's file, or its first's."""
    with suppress(OSError, ValueError):
        most, period = (folder / "cpu.max").read_text().split()
        return math.inf if most == "max" else int(most) / int(period)
    with suppress(OSError, ValueError):
        most_us = int((folder / "cpu.cfs_quota_us").read_text())
        return math.inf if most_us <= 0 else most_us / int((folder / "cpu.cfs_period_us").read_text())
    return math.inf
