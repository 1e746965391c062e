"""Ensembles known by their counts alone; replicas shared out over ranks, each on its own clock."""

from __future__ import annotations

import time as clock
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.occupation as kernel
from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.arithmetic import cpus_alike
from copympi.engine.ensemble import Snapshot, State
from copympi.engine.pace import Pace
from copympi.engine.purposes import Purpose
from copympi.errors import OtherMachineWarning
from copympi.model.preparation import Start
from copympi.model.system import System


class Counts:
    """Counts (R, P) of this rank's replicas. Ranks talk only now and then: who is still at it, and what they wish."""

    columns: tuple[str, ...] = ("n", "phase", "left", "step", "events", "largest_chance")
    """What a replica consists of."""

    def __init__(self, comm: Any, system: System, start: Start, leap: Accuracy, replicas: int, seed: int) -> None:
        self.comm, self.system, self.leap, self.seed = comm, system, leap, seed
        self.shares = [mpi.share(replicas, comm.size, rank) for rank in range(comm.size)]
        self.first, last = self.shares[comm.rank]
        mine = last - self.first
        self.spectators = start.spectators
        self.n = np.tile(start.counts, (mine, 1))
        self.phase = np.tile(start.phase, (mine, 1))
        self.left = np.zeros(mine)
        self.step = np.zeros(mine, np.int64)
        self.events = np.zeros(mine)
        self.largest_chance = np.zeros(mine)
        self.record, self.pace = 0, Pace()
        self.problem: Exception | None = None
        if comm.size > 1 and not cpus_alike(comm) and comm.rank == mpi.ROOT:
            warnings.warn(
                "ranks have unlike CPUs: last bits of a replica depend on the rank that has it",
                OtherMachineWarning,
                stacklevel=4,
            )

        self.wishes = np.zeros(2, np.int64)
        self.heard = np.zeros(2, np.int64)

    def begin(self, record: int) -> None:
        """Set out for the record of that number."""
        self.record = record
        self.left[:] = self.leap.interval

    def advance(self) -> bool:
        """Go on for a moment; False when all ranks have reached the record. Collective; failures are raised on all."""
        self._go_on()
        mpi.agree_on_failure(self.comm, self.problem)
        talk = np.array([np.any(self.left > 0.0), *self.wishes], np.int64)
        mpi.total(self.comm, talk)
        self.heard[:] = talk[1:]
        return bool(talk[0])

    def _go_on(self) -> None:
        """Some steps of this rank's replicas."""
        began = clock.monotonic()
        done, status, replica, beable = kernel.advance(
            self.system.couplings, self.leap.rule(self.record, self.spectators), self.seed, Purpose.LEAP,
            self.first, self.n, self.phase, self.left, self.step, self.events, self.largest_chance,
            self.pace.steps,
        )  # fmt: skip
        self.pace.learn(done, clock.monotonic() - began)
        if status:
            self._fail(status, replica, beable)

    def _fail(self, status: int, replica: int, beable: int) -> None:
        """Note what is wrong; all ranks will hear of it."""
        time = self.record * self.leap.interval - self.left[replica]
        self.problem = self.leap.failure(
            status, time, self.first + replica, self.system.labels[beable], self.n[replica]
        )

    def state(self) -> State:
        """All there is to go on from here."""
        columns = {name: getattr(self, name) for name in self.columns}
        return State(self.shares[-1][1], self.first, self.shares[self.comm.rank][1], columns, {}, {})

    def restore(self, state: State, record: int) -> None:
        """Go on from `state`, on the way to `record`."""
        self.begin(record)
        for name in self.columns:
            getattr(self, name)[:] = state.columns[name]

    @property
    def progress(self) -> tuple[float, int, float]:
        """Simulated time, steps and copies of all replicas so far, judged by this rank's."""
        if not self.left.size:
            return self.record * self.leap.interval, 0, 0.0
        time, scale = self.record * self.leap.interval - float(self.left.mean()), self.shares[-1][1] / self.left.size
        return time, round(scale * int(self.step.sum())), scale * float(self.events.sum())

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of this rank's replicas, each (R, P), by the names of datasets."""
        return {"occupation": self.n, "phase": self.phase}

    def snapshot(self, rows: dict[str, NDArray[Any]] | None = None) -> Snapshot | None:
        """The state of all replicas on the root, None elsewhere. Collective.

        rows : what is to be gathered of this rank's replicas, (r, ...) by name, in place of `profile_rows`.
        """
        sizes = [last - first for first, last in self.shares]
        columns = np.column_stack([np.rint(self.events), self.step.astype(float), self.largest_chance])
        rest = mpi.gather_rows(self.comm, columns, sizes)
        own = self.profile_rows() if rows is None else rows
        gathered = {name: mpi.gather_rows(self.comm, values, sizes) for name, values in own.items()}
        if rest is None:
            return None
        whole: dict[str, NDArray[Any]] = {name: values for name, values in gathered.items() if values is not None}
        none = np.zeros((len(rest), 0))
        n, phase = whole.pop("occupation", none), whole.pop("phase", none)
        steps, largest = int(rest[:, 1].sum()), float(rest[:, 2].max(initial=0.0))
        return Snapshot(n, phase, rest[:, 0], steps, largest, whole.pop("coherence", None), whole)
