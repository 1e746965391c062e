"""Recorders read the state and never change it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from copympi.snapshot import Snapshot


class Recorder(Protocol):
    """Takes one snapshot a record; lives on the root."""

    def take(self, time: float, snapshot: Snapshot) -> None: ...
    def settle(self) -> None: ...


def coherence(n: NDArray[np.int64]) -> NDArray[np.float64]:
    """|sum e^{i phi}|/n of each beable whose members share one phase: 1, or NaN where there is no member."""
    return np.where(n > 0, 1.0, np.nan)


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
        n = np.stack([s.n for s in self.snapshots], axis=1)
        phase = np.stack([s.phase for s in self.snapshots], axis=1)
        events = np.stack([s.events for s in self.snapshots], axis=1)
        out: dict[str, NDArray[np.generic]] = {
            "occupation": n,
            "phase": wrapped(phase, n),
            "coherence": coherence(n),
            "events": np.rint(events).astype(events_dtype(int(n[0, 0].sum()))),
        }
        if n.shape[0] == 1:
            out = {name: values[0] for name, values in out.items()}
        return {"time": np.array(self.times), **out}


def events_dtype(members: int) -> type:
    """Copies since t = 0 fit int64 for a million copies a member up to here; beyond, float64."""
    return np.int64 if members < 2**43 else np.float64
