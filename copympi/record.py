"""Recorders read the state and never change it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from copympi.snapshot import Snapshot


class Recorder(Protocol):
    """Takes one snapshot a record; lives on the root."""

    def take(self, time: float, snapshot: Snapshot) -> None: ...
    def settle(self) -> None: ...


def stacked(snapshots: list[Snapshot]) -> dict[str, NDArray[Any]]:
    """What records hold, by the names of datasets: arrays (R, T, P) or (R, T). Copies are whole numbers, as float.

    Where members share a beable's phase, coherence is 1, or NaN where there is no member.
    """
    n = np.stack([s.n for s in snapshots], axis=1)
    one = np.where(n > 0, 1.0, np.nan)
    measured = [s.coherence for s in snapshots]
    return {
        "occupation": n,
        "phase": wrapped(np.stack([s.phase for s in snapshots], axis=1), n),
        "coherence": one if measured[0] is None else np.stack(measured, axis=1),  # type: ignore[arg-type]
        "events": np.rint(np.stack([s.events for s in snapshots], axis=1)),
        **{name: np.stack([s.more[name] for s in snapshots], axis=1) for name in snapshots[0].more},
    }


def wrapped(phase: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Phases in (-pi, pi], NaN where there is no member."""
    return np.where(n > 0, np.pi - np.mod(np.pi - phase, 2 * np.pi), np.nan)


class Memory:
    """Keeps every record in arrays."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.snapshots: list[Snapshot] = []

    def take(self, time: float, snapshot: Snapshot) -> None:
        self.times.append(time)
        self.snapshots.append(snapshot)

    def settle(self) -> None:
        """Nothing to do: memory does not outlive the process."""

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """time (T,), occupation, phase, coherence (R, T, P), events (R, T); no leading axis for one replica."""
        out: dict[str, NDArray[np.generic]] = stacked(self.snapshots)
        n = out["occupation"]
        out["events"] = out["events"].astype(events_dtype(int(n[0, 0].sum())))  # type: ignore[call-overload]
        if n.shape[0] == 1:
            out = {name: values[0] for name, values in out.items()}
        return {"time": np.array(self.times), **out}


def events_dtype(members: int) -> type:
    """Copies since t = 0 fit int64 for a million copies a member up to here; beyond, float64."""
    return np.int64 if members < 2**43 else np.float64
