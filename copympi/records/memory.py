"""What came out of a run, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.system import System
from copympi.records.plan import Plan, Record, stacked
from copympi.records.view import Arrays


@dataclass(frozen=True)
class Run:
    """What came out. Arrays stand alike on every rank; replicas > 1 put an axis of that size in front.

    time (T,); occupation (T, P) members; phase (T, P) radians in (-pi, pi], NaN at n = 0;
    coherence (T, P) |sum e^{i phi}|/n; with phases of their own also coherence2 (T, P) |sum e^{2 i phi}|/n and
    lineages (T, P) distinct phases left; with [alignment] energy (T,) H/hbar (42); events (T,) copies since t = 0;
    steps and largest leaving chance of a step, of all replicas together; seconds of wall time in the loop.
    Where profiles are thinned, arrays with P have profile_time (T',) in place of time. measured : by name, all else
    that was recorded, what `observe` gave too: (T,), (T, axes), (T', P) as docs/results.md says.

    complete : whether the run has come to its end. config : section -> key -> value, as the run was asked for; system :
    as it ran, in the basis of its beables; path : the results folder, None of a run in memory alone.
    """

    time: NDArray[np.float64]
    occupation: NDArray[Any]
    phase: NDArray[np.float64]
    coherence: NDArray[np.float64]
    events: NDArray[Any]
    steps: int
    largest_chance: float
    seconds: float = field(compare=False)
    coherence2: NDArray[np.float64] | None = None
    lineages: NDArray[np.int64] | None = None
    energy: NDArray[np.float64] | None = None
    profile_time: NDArray[np.float64] | None = None
    measured: dict[str, NDArray[Any]] = field(default_factory=dict)
    complete: bool = True
    config: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    system: System | None = field(default=None, compare=False)
    path: Path | None = field(default=None, compare=False)

    @classmethod
    def of(cls, arrays: Arrays, steps: int, largest_chance: float, seconds: float, **said: Any) -> Run:
        """A Run of recorded `arrays` by name, as Memory has them. said : complete, config, system, path."""
        known: Any = {name: values for name, values in arrays.items() if name in cls.__dataclass_fields__}
        rest = {name: values for name, values in arrays.items() if name not in known}
        return cls(**known, steps=steps, largest_chance=largest_chance, seconds=seconds, measured=rest, **said)


class Memory:
    """A recorder that keeps every record in arrays."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.times: list[float] = []
        self.records: list[Record] = []

    def take(self, time: float, record: Record) -> None:
        self.times.append(time)
        self.records.append(record)

    def settle(self) -> None:
        """Nothing to do: memory does not outlive the process."""

    def arrays(self) -> Arrays:
        """time (T,) and all that was recorded; no leading axis for one replica. profile_time (T',) where thinned."""
        out = stacked(self.records)
        if len(out["events"]) == 1:
            out = {name: values[0] for name, values in out.items()}
        if self.plan.thinned:
            marks = [time for time, record in zip(self.times, self.records, strict=True) if record.profiled]
            out["profile_time"] = np.array(marks)
        return {"time": np.array(self.times), **out}
