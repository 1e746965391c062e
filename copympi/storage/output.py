"""What the file of a run's results is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from copympi.records.plan import Plan


@dataclass(frozen=True)
class Output:
    """What results.h5 is made of: where, what is recorded, and what is said of the run.

    text : the config as run, TOML. mpi : the library's name. said : root attributes besides. keep : so many records of
    an earlier attempt stay; rows : and so many copies by members that are followed, None: those up to the last of them.
    may_append : raises where this attempt was superseded.
    """

    folder: Path
    plan: Plan
    text: str
    ranks: int
    mpi: str
    said: dict[str, str] = field(default_factory=dict)
    keep: int = 0
    attempt: int = 0
    rows: int | None = None
    may_append: Callable[[], None] = lambda: None
