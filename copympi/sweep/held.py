"""What stands in a sweep's folder: its points, and the Run of each, read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any

from copympi.errors import InputError
from copympi.outcome.loading import from_results
from copympi.outcome.run import Run
from copympi.storage import image, layout
from copympi.sweep import folder
from copympi.sweep.base import Base, Jobs
from copympi.sweep.batches import Reader
from copympi.sweep.points import Point


class Held:
    """A sweep's folder. InputError where there is none, MachineError where its sweep.json is damaged.

    points : all of them, in order. base : the config that they change.
    """

    def __init__(self, path: Any, base: Base | None = None) -> None:
        self.path = Path(path)
        spec = folder.read(self.path)
        if spec is None:
            why = f"holds no sweep ({folder.SPEC})" if self.path.exists() else "no such folder"
            raise InputError("DIR", path, why)
        self.spec = spec
        self.base = spec.base if base is None else base
        self.points = spec.points

    @cached_property
    def jobs(self) -> Jobs:
        """What makes the runs of points."""
        return Jobs(self.base)

    @cached_property
    def reader(self) -> Reader:
        """The results of small runs."""
        return Reader(self.path)

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[tuple[dict[str, Any], Run]]:
        for point in self.points:
            run = self.run(point)
            if run is not None:
                yield point.values, run

    @property
    def keys(self) -> list[str]:
        """What is swept, by section.key."""
        return list(self.spec.over)

    def run(self, point: Point) -> Run | None:
        """The Run of a point; None where it is not done."""
        found = self.reader.get(point.name)
        if found is not None:
            job = self.jobs.job(point)
            config = {name: copy(keys) for name, keys in self.jobs.values(point).items()}
            return Run.of(found.arrays, found.steps, found.largest_chance, found.seconds, config=config,
                          system=job.system, state=job.start.state, schedule=job.schedule)  # fmt: skip
        own = self.path / folder.WORKSPACE / point.name
        if not (own / layout.NAME).exists():
            return None
        run = from_results(own)
        return run if run.complete else None

    @property
    def failed(self) -> list[tuple[dict[str, Any], str]]:
        """Values of runs that failed, and why; not of those that a later start made."""
        failures = self.reader.failures
        return [(point.values, failures[point.name]) for point in self.points
                if point.name in failures and not self.there(point)]  # fmt: skip

    @property
    def missing(self) -> list[dict[str, Any]]:
        """Values of runs that are not done, or failed."""
        return [point.values for point in self.points if not self.there(point)]

    def there(self, point: Point) -> bool:
        """Whether the results of a point are on the disk. The mark `done` is no proof: files can go, or be damaged."""
        own = self.path / folder.WORKSPACE / point.name / layout.NAME
        return point.name in self.reader.place or (own.exists() and image.is_complete(own))
