"""Lattices whose checkpoints hold tiles, and those of which ranks share a replica."""

from __future__ import annotations

from collections.abc import Generator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.case import Case
from copympi.engine.clock import Stop
from copympi.engine.diagonals import Known
from copympi.engine.ensemble import Snapshot, State, named
from copympi.engine.halos import halos
from copympi.engine.lattice import LatticeCounts, substep_turn, too_short
from copympi.engine.purposes import Purpose
from copympi.engine.replicas import Replicas
from copympi.engine.shared_clusters import Crossing
from copympi.engine.shared_steps import Steps
from copympi.engine.sharing import pays
from copympi.engine.tiles import SPLIT, SharedTiles, WholeTiles, from_tile_rows, tile_rows
from copympi.engine.whole_numbers import nearest_whole
from copympi.errors import InputError
from copympi.kernels.lattice_tiles import SharedStep
from copympi.memory import there
from copympi.model.preparation import LARGEST, Start
from copympi.model.system import System

BYTES_OF_ALL, BYTES_OF_OWN, BYTES_OF_MATRIX, BYTES_OF_PAIR = 70, 300, 350, 250
"""What a rank takes for each of the whole lattice's beables (start, potential), and for each that it carries; and,
where H is a matrix, which each rank has whole, for each beable and each pair of all, while it is made."""
LARGE_N, MORE_PAIRS = 240, 20
"""More for each beable that it carries where N is beyond 2^63, and for each pair beyond one a beable."""


def tiled(system: System, track: int) -> bool:
    """Whether checkpoints of counts on a lattice hold tiles, on any number of ranks: then ranks can share a replica.

    They can as long as nobody is followed.
    """
    return system.P > SPLIT and not track


def made(
    comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int,
    later: tuple[System, ...] = (),
) -> LatticeCounts:  # fmt: skip
    """The ensemble of such a run, which goes on with H of `later` systems: replicas shared where it pays, or whole."""
    if not pays((system, *later), replicas, comm.size):
        layout = WholeTiles(Replicas(replicas, comm.size, comm.rank), system.P)
        return TiledLattice(comm, system, start, accuracy, replicas, seed, layout)
    check_memory(comm, (system, *later), start, replicas)
    return SharedLattice(comm, system, start, accuracy, replicas, seed)


def bytes_of(system: System, large_n: bool) -> tuple[int, int]:
    """What a rank takes for each of all beables, and besides for each that it carries: measured, at the peak."""
    own = BYTES_OF_OWN + LARGE_N * large_n + MORE_PAIRS * max(0, system.pairs - system.P) // system.P
    of_matrix = BYTES_OF_MATRIX + BYTES_OF_PAIR * system.pairs // system.P
    return BYTES_OF_ALL + (0 if system.by_lattice else of_matrix), own


def bytes_of_lattice(case: Case) -> int:
    """What one rank takes for a whole lattice beside n and c of its replicas."""
    return case.system.P * sum(bytes_of(case.system, case.start.members > LARGEST))


def check_memory(comm: Any, systems: tuple[System, ...], start: Start, replicas: int) -> None:
    """InputError, on all ranks, where a node cannot hold what its ranks have of the lattice. Collective."""
    with mpi.on_node(comm) as node:
        found = np.array([node.size / there(), node.size])
    mpi.largest(comm, found)
    some = {system.by_lattice: system for system in systems}  # H of each piece of a drive is made in its turn
    of_all, of_own = map(max, zip(*(bytes_of(one, start.members > LARGEST) for one in some.values()), strict=True))
    of_all += 8 * sum(system.by_lattice for system in systems[1:])  # the potentials of a schedule
    P = systems[0].P
    if found[0] * (of_all + of_own * replicas / comm.size) * P > 1.0:
        why = (
            f"{P:,} beables do not fit: a rank takes {of_all} bytes for each, and {of_own} for each that it carries, "
            f"and with up to {found[1]:g} ranks on a node each has {1 / found[0] / 2**30:,.2f} GiB of memory; take "
            "fewer of them, or more nodes"
        )
        raise InputError("dynamics.representation", "occupation", why)


def sharers(comm: Any, layout: SharedTiles) -> Any:
    """A communicator of the ranks that share this rank's replica, made once for each `comm` and number of replicas.

    It is kept with `comm`, for MPI has a limited number of them. Collective.
    """
    if layout.replicas == 1:
        return comm
    groups = comm.Get_attr(_key())
    if groups is None:
        groups = {}
        comm.Set_attr(_key(), groups)
    if layout.replicas not in groups:
        groups[layout.replicas] = comm.Split(layout.replica, comm.rank)
    return groups[layout.replicas]


@cache
def _key() -> int:
    """Under which MPI keeps such communicators with another."""
    return int(mpi.library().Comm.Create_keyval())


class TiledLattice(LatticeCounts):
    """A checkpoint's unit is a tile: its beables' n (TILE_SIZE,), c and mean (2, TILE_SIZE); its replica's rest."""

    tiles: WholeTiles | SharedTiles

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What there is of beables, (R, ..., P)."""
        out: dict[str, NDArray[Any]] = {"n": self.n, "c": self.c}
        return out if self.mean is None else {**out, "mean": self.mean}

    def of_replicas(self) -> dict[str, NDArray[Any]]:
        """What there is of each replica, (R,)."""
        out = {"substeps": self.substeps, **self.counters}
        return out | {"members": self.members, "total": self.total} if self.filtered else out

    def per_unit(self) -> dict[str, NDArray[Any]]:
        begin, end = self.tiles.own
        out = {name: tile_rows(values[..., begin:end]) for name, values in self.arrays().items()}
        each = (self.tiles.last - self.tiles.first) // self.tiles.here if self.tiles.here else 0
        return out | {name: np.repeat(values, each) for name, values in self.of_replicas().items()}

    def owns(self, units: int) -> tuple[int, int]:
        """A checkpoint of replicas was written before tiles were its units."""
        if units == self.tiles.units:
            return self.tiles.first, self.tiles.last
        return self.tiles.first_replica, self.tiles.first_replica + self.tiles.here

    def restore(self, state: State, stop: Stop) -> None:
        self.begin(stop)
        self.filtered = "members" in state.columns
        of_replicas = self.of_replicas()
        wanted = {**self.arrays(), **of_replicas}
        if wanted.keys() != state.columns.keys() or state.ragged or state.common:
            why = f"is not of this version: the method needs {named(wanted)}"
            raise InputError("checkpoint", named(state.columns), why)
        (begin, end), here = self.tiles.own, self.tiles.here
        whole = state.units != self.tiles.units
        for name, values in self.arrays().items():
            found = state.columns[name]
            if whole:
                values[..., begin:end] = found[..., begin:end]
            elif end > begin and here:
                values[..., begin:end] = from_tile_rows(found, here, end - begin)
        each = 1 if whole else max(1, (self.tiles.last - self.tiles.first) // max(1, here))
        self._restore_replicas({name: state.columns[name][::each] for name in of_replicas})
        self.replicas.forget()
        self.take_stock()

    def _restore_replicas(self, found: dict[str, NDArray[Any]]) -> None:
        for name, values in self.of_replicas().items():
            values[:] = found[name]


class SharedLattice(TiledLattice):
    """One replica here, which this rank shares with others: it has a run of tiles.

    Arrays are as long as the whole lattice; beyond this rank's tiles and what its step needs of others' they mean
    nothing.
    """

    tiles: SharedTiles
    steps: Steps

    def __init__(self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int) -> None:
        layout = SharedTiles(replicas, system.P, comm.size, comm.rank)
        self.group = sharers(comm, layout)
        self.under_way: Generator[None, None, bool] | None = None
        super().__init__(comm, system, start, accuracy, replicas, seed, layout)

    def _make_bonds(self) -> None:
        """And what ranks exchange for their sake; anew where another H has its elements elsewhere. Collective."""
        before = self.places
        super()._make_bonds()
        if self.places is None:
            raise RuntimeError("there are no bonds yet")
        H = Known(self.system, self.places, self.bonds)
        if self.places is before:
            self.steps.crossing.H = H
            return
        kernel, apart = SharedStep(self.replicas), halos(self.group, self.tiles, self.places)
        crossing = Crossing(kernel, apart, H, self.tiles.own)
        self.steps = Steps(kernel, apart, self.tiles, crossing, self.n[0], self.large_n)

    def advance(self) -> bool:
        """One step of each replica that has not reached the stop; as `IndependentReplicas.advance` otherwise."""
        self.go_on()
        talk = np.array([np.any(self.time_left > 0.0), self.problem is not None, *self.requests], np.int64)
        mpi.total(self.comm, talk)
        if talk[1]:
            mpi.agree_on_failure(self.comm, self.problem)
        self.requested[:] = talk[2:]
        return bool(talk[0])

    def go_on(self) -> int:
        """A step of this rank's replica, or a part of one, if it has not reached the stop."""
        if not self.time_left[0] > 0.0:
            return 0
        if self.under_way is None:
            turn = substep_turn(self.accuracy)
            fixed = self.accuracy.step is not None
            self.under_way = self.steps.make(self._control, self.seed, Purpose.SITES, turn, fixed)
        try:
            next(self.under_way)
        except StopIteration as end:
            self.under_way = None
            if not end.value:
                self.problem = too_short(float(self.times[0]), self.first, self.bonds.norm, self.stop.length)
        return 1

    def restore(self, state: State, stop: Stop) -> None:
        self.under_way = None
        super().restore(state, stop)

    def of_replicas(self) -> dict[str, NDArray[Any]]:
        """Substeps and the largest chance are known here of this rank's tiles alone: now of all. Collective."""
        substeps, chance = self.substeps.copy(), self.largest_chance.copy()
        mpi.total(self.group, substeps)
        mpi.largest(self.group, chance)
        return super().of_replicas() | {"substeps": substeps, "largest_chance": chance}

    def _restore_replicas(self, found: dict[str, NDArray[Any]]) -> None:
        mine = self.tiles.last > self.tiles.first
        for name, values in super().of_replicas().items():
            known = np.zeros(1, values.dtype)
            known[:] = found[name][:1] if mine else 0
            mpi.broadcast(self.group, known, 0)
            values[:] = 0 if name == "substeps" and not self.tiles.is_head else known

    def snapshot(self, rows: dict[str, NDArray[Any]] | None = None) -> Snapshot | None:
        chance = self.largest_chance.copy()
        mpi.largest(self.group, self.largest_chance)
        made = super().snapshot(rows)
        self.largest_chance[:] = chance
        return made

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of the replica, (1, P), on its first rank; (0, P) elsewhere. Collective."""
        own = self.slab_rows()
        counts = [end - begin for begin, end in map(self.tiles.beables, range(self.group.size))]
        out = {}
        for name, values in own.items():
            found = mpi.gather_rows(self.group, np.ascontiguousarray(values[0]), counts)
            out[name] = np.zeros((0, self.system.P), values.dtype) if found is None else found[None]
        return out

    def slab_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of this rank's beables, (1, end - begin). Collective."""
        begin, end = self.tiles.own
        return self._rows(slice(begin, end))

    def fetch(self, values: NDArray[Any], beables: NDArray[np.int64]) -> None:
        """Each rank asks those who have its beables, and is told."""
        ends = [self.tiles.beables(place)[1] for place in range(self.group.size)]
        counts = np.bincount(np.searchsorted(ends, beables, side="right"), minlength=self.group.size)
        asked, asking = mpi.exchange(self.group, beables, counts)
        values[beables], _ = mpi.exchange(self.group, values[asked], asking)

    def smallest_of_all(self, value: float) -> float:
        found = np.array([-value])
        mpi.largest(self.group, found)
        return -float(found[0])

    def of_all_tiles(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        counts = [last - first for first, last in map(self.tiles.run, range(self.group.size))]
        every, out = mpi.gather_rows(self.group, sums, counts), np.empty(sums.shape[1])
        if every is not None:
            out = super().of_all_tiles(every)
        mpi.broadcast(self.group, out)
        return out

    def _anywhere(self, some: NDArray[np.bool_]) -> bool:
        found = np.array([some.any()], np.int64)
        mpi.total(self.group, found)
        return bool(found[0])

    def _summed(self, n: NDArray[np.int64]) -> int:
        found = np.array([n.sum()], np.int64)
        mpi.total(self.group, found)
        return int(found[0])

    def _whole(self, sizes: NDArray[np.float64], total: int) -> NDArray[np.int64]:
        return nearest_whole(self.group, sizes, total)
