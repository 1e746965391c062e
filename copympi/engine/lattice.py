"""Many beables with few couplings each: lattices of up to millions of sites, at any N up to 1e80."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.lattice as kernel
from copympi.engine import waves
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import Stop
from copympi.engine.diagonals import Places, alone, bonds, norm_of, places
from copympi.engine.ensemble import State
from copympi.engine.lattice_tracks import OnLattice
from copympi.engine.pace import Pace
from copympi.engine.purposes import Purpose
from copympi.engine.replicas import IndependentReplicas, Replicas
from copympi.engine.tiles import SPLIT, SharedTiles, Tiles, tile_sums
from copympi.engine.tracking import Int, initial_beables
from copympi.engine.waves import numbers_of, rescaled, turn_all
from copympi.errors import DynamicsError, InputError
from copympi.kernels import portable
from copympi.kernels.bonds import TILE_SIZE
from copympi.model.preparation import LARGEST, Start, nearest_whole
from copympi.model.system import System

STABLE = 2.5
"""|H| h/hbar up to which the polynomial does not blow up."""
SUBSTEP_TURN = 0.3
"""Radians that an amplitude turns in a substep at the default tolerance, which is of fourth order in them."""
FIRST_EFFORT = 100_000
"""Beables and bonds that a rank moves before it looks at the clock for the first time: 10 to 30 ms."""


class LatticeCounts(IndependentReplicas):
    """Replicas as amplitudes c (R, 2, P) = sqrt(n) exp(-i phi), which need no sine to move.

    n (R, P) is the whole number of a beable's members where they are few; else UNCOUNTED stands there and |c|^2 is
    their number, rounded in what is recorded. Beyond N = 2^63 - 1 amplitudes are mean (R, 2, P), which obeys
    Schroedinger's equation, and c, the deviation from it, whose size is of order 1 while the mean's is of order
    sqrt(N): "Large N" of docs/theory.md.

    members (R,) : N of each replica; total (R,) the same exactly, 0 where N is large. group : the ranks that have other
    parts of this rank's replica; None: nobody.
    """

    group: Any = None

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int,
        layout: Tiles | SharedTiles | None = None,
    ) -> None:  # fmt: skip
        self.tiles = layout = layout or Tiles(Replicas(replicas, comm.size, comm.rank), system.P)
        super().__init__(comm, system, start, accuracy, seed, layout)
        self.first = layout.first_replica
        R = layout.here
        self.large_n = start.members > LARGEST
        own = slice(*(min(system.P, tile * TILE_SIZE) for tile in layout.passed))
        counts, turn = np.asarray(start.counts[own]), portable.turns(-start.phase[own])
        whole, mean = np.sqrt(np.asarray(counts, float)) * turn, np.zeros(0, complex)
        few = counts <= kernel.COUNTED_TO + self.spectators
        if self.large_n:
            size_at_start = portable.sizes(start.state[own])
            more = self.spectators * (1.0 - system.P * size_at_start**2)  # n - N rho, where spectators are
            mean = np.sqrt(float(start.members)) * size_at_start * turn
            size = portable.sizes(mean)  # sqrt(size^2 + more) - size, without a difference of large numbers
            with np.errstate(invalid="ignore", divide="ignore"):
                added = turn * np.where(few, 0.0, more / (np.sqrt(size**2 + more) + size))
            whole = np.where(few, whole - mean, added)
        self.n, self.c = np.zeros((R, system.P), np.int64), np.zeros((R, 2, system.P))  # of others' no memory is taken
        self.mean = np.zeros((R, 2, system.P)) if self.large_n else None
        self.n[:, own] = np.where(few, counts, kernel.UNCOUNTED)
        for part, values in ((self.c, whole), (self.mean, mean)):
            if part is not None:
                part[:, 0, own], part[:, 1, own] = values.real, values.imag
        self.substeps, self.pace = np.zeros(R, np.int64), Pace(FIRST_EFFORT)
        self.members = np.full(R, float(start.members))
        self.total = np.full(R, 0 if self.large_n else start.members, np.int64)
        self.filtered, self.state_at_start = False, start.state
        self.places: Places | None = None
        self.followed: OnLattice | None = None
        self.replicas: kernel.Replicas
        self.check(system)
        self._make_bonds()

    def _make_bonds(self) -> None:
        """What the kernels want of H, and what turns phases of beables without couplings, radians in unit time."""
        system = self.system
        moved = self.places is None or not self.places.of(system)
        if self.places is None or moved:
            self.places = places(system, self.tiles)
        self.bonds = bonds(
            system, self.state_at_start, self.places, self.tiles.passed, self.tiles.group, self.group, rows=False
        )
        self.alone = alone(system, self.bonds.shift)
        if not moved:
            self.replicas.follow(self.bonds)
            return
        self.replicas = kernel.Replicas(
            self.bonds, first=self.first, total=self.total, members=self.members, n=self.n, c=self.c, mean=self.mean,
            substeps=self.substeps, **self.counters,
        )  # fmt: skip
        if self.followed is not None:
            self.followed.watch(self.replicas)

    def follow(self, ids: Int) -> OnLattice:
        """What is known of members of these ids (M,) at t = 0."""
        P = self.system.P
        self.followed = OnLattice(ids, initial_beables(self.start, P, ids), self.layout, P, self.seed)
        self.followed.watch(self.replicas)
        return self.followed

    def check(self, system: System) -> None:
        """InputError where a fixed step is too long for the fastest waves of an H."""
        need_stable(self.accuracy.step, system, self.state_at_start)

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached. Beables without couplings get their turn so far."""
        begin, end = self.tiles.own
        for part in (self.c, self.mean):
            if part is not None and np.any(self.alone[begin:end]):
                turn_all(part[..., begin:end], self.alone[begin:end] * (self.stop.time - self.switched))
        super().switch(system)
        self._make_bonds()

    @property
    def shift(self) -> float:
        """The energy that is taken off H/hbar."""
        return self.bonds.shift

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        self._control = self.accuracy.control(stop, self.spectators)

    def go_on(self) -> int:
        """Some steps of this rank's replicas, the last one perhaps in part: how many beables and bonds were moved."""
        if self.followed is not None:
            self.followed.steps.set_out(self.stop.time)
        moved, status, replica = kernel.advance(
            self.replicas, self._control, seed=self.seed, purpose=Purpose.SITES,
            substep_turn=substep_turn(self.accuracy), effort=self.pace.steps, pause=self.pause,
        )  # fmt: skip
        if status:
            time = float(self.times[replica])
            self.problem = too_short(time, self.first + replica, self.bonds.norm, self.stop.length)
        return moved

    @property
    def present(self) -> NDArray[Any]:
        """N of each of this rank's replicas as it is now, (here,)."""
        return self.members if self.large_n else self.total

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,); where N is large the mean is projected, and scaled to the new N.

        Collective where ranks share a replica.
        """
        self.filtered = True
        own = slice(*self.tiles.own)
        gone = gone[own]
        if self.mean is None:
            self.total[:] = [self._summed(n) for n in self._counts(own)[:, ~gone]]
            self.members[:] = self.total
        self.n[:, own][:, gone] = 0
        self.c[..., own][..., gone] = 0.0
        if self.mean is not None:
            self.mean[..., own][..., gone] = 0.0
            for r in range(len(self.n)):
                self.members[r] = rescaled(self.n[r, own], self.mean[r, :, own], self.c[r, :, own], self.added_up)

    def added_up(self, values: NDArray[np.float64]) -> float:
        """The sum of what there is of all beables of a replica, of which this rank has `values` (..., its own).

        Beyond SPLIT beables it is that of the sums of tiles, in their order. Collective where ranks share a replica.
        """
        if self.system.P <= SPLIT:
            return float(values.sum())
        return float(self.of_all_tiles(tile_sums(np.atleast_2d(values))).sum())

    def of_all_tiles(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sums (K,) of what there is of each tile of a replica, of which this rank has `sums` (tiles, K)."""
        return np.asarray(sums.sum(axis=0))

    def restore(self, state: State, stop: Stop) -> None:
        """Go on from `state`, on the way to `stop`: what has been done of a step since is forgotten."""
        self.filtered = "members" in state.columns
        super().restore(state, stop)
        self.replicas.forget()

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each replica; the mean where N is large."""
        out = {"n": self.n, "c": self.c, "substeps": self.substeps, **self.counters}
        if self.filtered:
            out |= {"members": self.members, "total": self.total}
        return out if self.mean is None else {**out, "mean": self.mean}

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """Of this rank's replicas, each (R, P); where N is large also the fluctuations of n and phase, and regimes."""
        return self._rows(slice(0, self.system.P))

    def _rows(self, part: slice) -> dict[str, NDArray[Any]]:
        """The same of some of the beables."""
        turn, c = self._turn(part), self.c[..., part]
        if self.mean is None:
            return {"occupation": self._counts(part), "phase": turn - portable.angles(c[:, 0] + 1j * c[:, 1])}
        mean, deviation = (rows[:, 0] + 1j * rows[:, 1] for rows in (self.mean[..., part], c))
        return waves.shown(self.n[:, part], mean, deviation, turn, self.members)

    def numbers(self) -> NDArray[Any]:
        """n of this rank's beables as records have it, (here, end - begin). Collective where ranks share a replica."""
        own = slice(*self.tiles.own)
        if self.mean is None:
            return self._counts(own)
        n, sizes = self.n[:, own], portable.sizes(numbers_of(self.mean[..., own] + self.c[..., own]))
        return np.asarray(np.where(n < 0, sizes**2, n))

    def waves(self, replica: int, n: NDArray[np.float64], first: int, last: int) -> NDArray[np.complex128]:
        """sqrt(n) exp(-i phi) of beables first .. last - 1 of one of this rank's replicas, all turned alike.

        n : (last - first,) their members, as records have them.
        """
        c = self.c[replica, :, first:last]
        if self.mean is not None:
            c = c + self.mean[replica, :, first:last]
        size, root = portable.sizes(numbers_of(c)), np.sqrt(n)
        return numbers_of(root * np.divide(c, size, out=np.zeros_like(c), where=size > 0.0))

    def fetch(self, values: NDArray[Any], beables: Int) -> None:
        """Put into `values` (P,) what other ranks have at some beables (K,), ascending. Collective."""

    def smallest_of_all(self, value: float) -> float:
        """Of the values of all ranks that share this rank's replica. Collective."""
        return value

    def _turn(self, part: slice) -> NDArray[np.float64]:
        """What phases of some beables have turned besides, (here, ...)."""
        alone = self.alone[part]
        if self.switched == 0.0:
            return (self.bonds.shift + alone) * self.times[:, None]
        return self.turn[:, None] + alone * (self.times - self.switched)[:, None]

    def _counts(self, part: slice = slice(None)) -> NDArray[np.int64]:
        """n (R, P) of some beables: |c|^2 where it need not be whole, rounded so that the sum of all is N."""
        n = self.n[:, part].copy()
        for row, c, total in zip(n, self.c[..., part], self.total, strict=True):
            some = row < 0
            if self._anywhere(some):
                rest = int(total) - self._summed(row[~some])
                row[some] = self._whole((c[:, some] ** 2).sum(axis=0), rest)
        return n

    def _anywhere(self, some: NDArray[np.bool_]) -> bool:
        return bool(some.any())

    def _summed(self, n: NDArray[np.int64]) -> int:
        return int(n.sum())

    def _whole(self, sizes: NDArray[np.float64], total: int) -> NDArray[np.int64]:
        return nearest_whole(sizes, total)


def substep_turn(accuracy: Accuracy) -> float:
    """Radians that an amplitude of a stiff cluster may turn in a substep."""
    return SUBSTEP_TURN * min(1.0, accuracy.tolerance / 1e-4) ** 0.25


def need_stable(step: float | None, system: System, state: NDArray[np.complex128]) -> None:
    """InputError where a fixed step is too long for the fastest waves of an H."""
    norm = norm_of(system, state) if step is not None else 0.0
    if step is not None and step * norm > STABLE:
        why = f"must be at most {STABLE / norm:.6g}: the fastest waves of H would blow up"
        raise InputError("dynamics.step", step, why)


def too_short(time: float, replica: int, norm: float, length: float) -> DynamicsError:
    """What is wrong where a step cannot be told from none."""
    return DynamicsError(
        f"the step falls below what t = {time:.10g} can resolve (replica {replica}): H/hbar spreads over "
        f"{2 * norm:.3g} per unit of time, too much for records {length:g} apart"
    )
