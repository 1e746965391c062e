"""H/hbar of a lattice by its diagonals: where elements stand, which many systems share, and what they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.tiles import SharedTiles, Tiles, rest_of_tile, tile_of
from copympi.kernels import portable
from copympi.kernels.bonds import TILE_SIZE, Bonds
from copympi.model.lattice import PIECE, Lattice
from copympi.model.summands import of_energy_by
from copympi.model.system import System, are_coupled, row_sums

GAP = 32
"""Bonds along a diagonal that lie at most so far apart share a run, with weights of zero between them."""


def energy_of(system: System, state: NDArray[np.complex128]) -> float:
    """<H>/hbar of a state (P,)."""
    return float(np.sum(system.of_rows(partial(of_energy_by, state), float)))


def norm_of(system: System, state: NDArray[np.complex128]) -> float:
    """A bound on the norm of H/hbar less the energy of the state, as `bonds` has it but for rounding."""
    energy = energy_of(system, state)

    def sums(first: int, rows: sp.csr_array) -> NDArray[np.float64]:
        omega = rows.diagonal(first).real
        own = np.where(are_coupled(first, rows), omega - energy, 0.0)
        return np.asarray(row_sums(rows) - np.abs(omega) + np.abs(own))

    return float(system.of_rows(sums, float).max())


@dataclass(frozen=True)
class Upper:
    """Elements of H above the diagonal, of whole tiles, in the order of bonds.

    entry (K,) : their numbers among the elements of these rows; row, column (K,) : beables; slot (K,) : places among
    the weights of all bonds.
    """

    entry: NDArray[np.intp]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    slot: NDArray[np.int64]


@dataclass(frozen=True)
class Places:
    """Where the elements of H stand by its diagonals, which many systems of a schedule share.

    pattern : indptr and indices of H as CSR, and upper : its elements above the diagonal; or, where a lattice's H is
    gone through without being kept, that lattice and None. bonds : how many there are. runs, sides and where each
    tile's begin: Bonds.
    """

    pattern: tuple[NDArray[Any], NDArray[Any]] | Lattice
    upper: Upper | None
    bonds: int
    runs: NDArray[np.int64]
    run_at: NDArray[np.intp]
    sides: NDArray[np.int64]
    side_at: NDArray[np.intp]

    def of(self, system: System) -> bool:
        """Whether another system has its elements in the same places."""
        if isinstance(self.pattern, Lattice):
            return system.by_lattice and system.lattice is not None and system.lattice.same_sites(self.pattern)
        if system.unkept:
            return False
        W = system.frequencies
        mine, its = self.pattern, (W.indptr, W.indices)
        return all(x is y or np.array_equal(x, y) for x, y in zip(mine, its, strict=True))

    @cached_property
    def keys(self) -> NDArray[np.int64]:
        """Of each run (K,) its tile, diagonal and place in the tile in one number; they ascend."""
        first, offset = self.runs[:, 0], self.runs[:, 1]
        return _key(first, offset)

    def slots(self, first: NDArray[np.int64], offset: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places among weights of the bonds (first, first + offset), (K,) each."""
        run = np.searchsorted(self.keys, _key(first, offset), side="right") - 1
        return np.asarray(self.runs[run, 3] + first - self.runs[run, 0])


def places(system: System, tiles: Tiles | SharedTiles) -> Places:
    """The places of a system's H."""
    parts, total, upper = [np.zeros((0, 4), np.int64)], 0, None
    pattern: tuple[NDArray[Any], NDArray[Any]] | Lattice
    if system.unkept and system.lattice is not None:
        pattern = system.lattice
        for first, rows in system.pieces():
            _, runs = _upper(first, rows, total)
            total += int(runs[:, 2].sum())
            parts.append(runs)
    else:
        W = system.frequencies.tocsr()
        pattern = (W.indptr, W.indices)
        upper, runs = _upper(0, W, 0)
        total = int(runs[:, 2].sum())
        parts.append(runs)
    runs = np.concatenate(parts)
    sides = sides_of(runs)
    return Places(
        pattern, upper, total, runs, np.searchsorted(runs[:, 0], tiles.begins), sides,
        np.searchsorted(tile_of(sides[:, 0]), np.arange(tiles.number + 1)),
    )  # fmt: skip


def _upper(first: int, rows: sp.csr_array, at: int) -> tuple[Upper, NDArray[np.int64]]:
    """Elements above the diagonal of rows from `first` on, whole tiles; and the runs of their bonds, the first of which
    has number `at`."""
    row = np.repeat(np.arange(first, first + rows.shape[0]), np.diff(rows.indptr))
    column = rows.indices.astype(np.int64)
    entry = np.flatnonzero(row < column)
    row, offset = row[entry], column[entry] - row[entry]
    order = np.lexsort((row, offset, tile_of(row)))
    entry, row, offset = entry[order], row[order], offset[order]
    opens = np.ones(row.size, bool)
    opens[1:] = (np.diff(offset) != 0) | (np.diff(row) > GAP) | (np.diff(tile_of(row)) != 0)
    begin = np.flatnonzero(opens)
    last = np.append(begin[1:], row.size) - 1
    length = row[last] - row[begin] + 1 if row.size else np.zeros(0, np.int64)
    start = at + np.cumsum(length) - length
    runs = np.column_stack([row[begin], offset[begin], length, start]).astype(np.int64)
    run = np.cumsum(opens) - 1
    return Upper(entry, row, row + offset, start[run] + row - row[begin][run]), runs


def bonds(
    system: System, state: NDArray[np.complex128], there: Places, passed: tuple[int, int] = (0, -1),
    group: int = 1, comm: Any = None, rows: bool = True,
) -> Bonds:  # fmt: skip
    """H/hbar by its diagonals, the energy of the start taken off: phases of the start's waves then hardly turn.

    Beables without couplings have no energy here (`alone`): their phase is known without a step. state : (P,) at t = 0.
    passed : first and one past last tile that this rank passes over; -1: all. group : tiles whose sums are added up
    first. comm : of those who pass over the others; None: nobody. rows : whether H must be there row by row too, for
    kernels that want it so. Collective.
    """
    shift = np.array([energy_of(system, state) if comm is None or comm.rank == 0 else 0.0])
    if comm is not None:
        mpi.broadcast(comm, shift, 0)
    elements = _elements(system, there, passed, float(shift[0]))
    norm = np.array([elements.norm])
    if comm is not None:
        mpi.largest(comm, norm)
    return Bonds(
        None if there.upper is None and not rows else system.couplings,
        there.runs, there.run_at, there.sides, there.side_at, elements.re, elements.im, elements.omega,
        float(shift[0]), float(norm[0]), (*passed, group),
    )  # fmt: skip


def alone(system: System, shift: float) -> NDArray[np.float64]:
    """What turns the phases of beables without couplings, (P,), radians in unit time; 0 of the others."""
    if system.coupled.all():
        return np.zeros(system.P)  # memory that nobody writes to is not there
    return np.where(system.coupled, 0.0, system.levels - shift)


@dataclass
class _Elements:
    """H/hbar along bonds, re and im (bonds,), and on the diagonal less an energy, omega (P,), with a bound on its norm:
    of the tiles that a rank passes over, and what these are coupled by; memory of the rest is never touched."""

    re: NDArray[np.float64]
    im: NDArray[np.float64]
    omega: NDArray[np.float64]
    norm: float


def _elements(system: System, there: Places, passed: tuple[int, int], shift: float) -> _Elements:
    made = _Elements(np.zeros(there.bonds), np.zeros(there.bonds), np.zeros(system.P), 0.0)
    size = np.zeros(system.P)
    begin, end = (min(system.P, tile * TILE_SIZE) for tile in passed)
    end = system.P if passed[1] < 0 else end
    columns: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    for first, rows, upper in _tiles_of(system, there, passed):
        weight = rows.data[upper.entry]
        each = portable.sizes(weight)
        made.re[upper.slot] = weight.real
        if np.any(weight.imag):
            made.im[upper.slot] = weight.imag
        np.add.at(size, upper.row, each)
        known = slice(first, first + rows.shape[0])
        coupled = system.coupled if there.upper is not None else are_coupled(first, rows)
        made.omega[known] = np.where(coupled, rows.diagonal(first).real - shift, 0.0)
        inside = (upper.column >= begin) & (upper.column < end)
        columns.append((upper.column[inside], each[inside]))
    for column, each in columns:  # after all rows: that is the order in which a beable's sizes are added up
        np.add.at(size, column, each)
    made.norm = float((size[begin:end] + np.abs(made.omega[begin:end])).max(initial=0.0))
    return made


def _tiles_of(system: System, there: Places, passed: tuple[int, int]) -> Iterator[tuple[int, sp.csr_array, Upper]]:
    """Rows of H of the tiles passed over, and of those whose bonds lead there: first row, rows, elements of bonds."""
    if there.upper is not None:
        yield 0, system.frequencies.tocsr(), there.upper
        return
    number = there.run_at.size - 1
    begin, end = passed[0], number if passed[1] < 0 else passed[1]
    wanted = np.zeros(number, bool)
    wanted[begin:end] = True
    own = there.sides[there.side_at[begin] : there.side_at[end]]
    run = np.searchsorted(there.runs[:, 3], own[:, 3], side="right") - 1
    wanted[tile_of(there.runs[run, 0])] = True
    step = PIECE // TILE_SIZE
    for tile in range(0, number, step):
        tiles = tile + np.flatnonzero(wanted[tile : tile + step])
        if tiles.size == 0:
            continue
        first, last = int(tiles[0]) * TILE_SIZE, min(system.P, (int(tiles[-1]) + 1) * TILE_SIZE)
        rows = system.rows(np.arange(first, last))
        at = int(there.runs[there.run_at[tiles[0]], 3]) if there.run_at[tiles[0]] < len(there.runs) else there.bonds
        yield first, rows, _upper(first, rows, at)[0]


@dataclass(frozen=True)
class Known:
    """What a rank knows of the rows of H beyond those that it passes over."""

    system: System
    there: Places
    made: Bonds

    def rows(self, beables: NDArray[np.int64]) -> sp.csr_array:
        """H/hbar of some beables (K,), (K, P)."""
        return self.system.rows(beables)

    def learn(self, beables: NDArray[np.int64]) -> None:
        """Have `made` know those of some more beables (K,)."""
        if self.there.upper is not None or not beables.size:
            return
        beables = np.unique(beables)
        rows = self.rows(beables)
        one, other = np.repeat(beables, np.diff(rows.indptr)), rows.indices.astype(np.int64)
        omega = np.zeros(beables.size)
        omega[np.searchsorted(beables, one[one == other])] = rows.data[one == other].real
        off = one != other
        one, other, weight = one[off], other[off], rows.data[off]
        slots = self.there.slots(np.minimum(one, other), np.abs(other - one))
        self.made.learn(
            beables, omega - self.made.shift, slots, np.ascontiguousarray(weight.real),
            np.where(one < other, weight.imag, 0.0 - weight.imag),
        )  # fmt: skip


def _key(first: NDArray[np.int64], offset: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tile, diagonal and place in the tile in one number: 20, 31 and 11 bits."""
    return np.asarray((tile_of(first) << 42) | (offset << 11) | (first % TILE_SIZE))


def sides_of(runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bonds of all runs (K, 4) as either end sees them: beable, partner, length, first bond, sign; by tiles."""
    first, offset, length, start = runs.T
    one = np.column_stack([first, first + offset, length, start, np.ones_like(first)])
    other = np.column_stack([first + offset, first, length, start, -np.ones_like(first)])
    parts = [one]
    while other.size:  # the other end's beables may lie in two tiles
        room = rest_of_tile(other[:, 0])
        here = other.copy()
        here[:, 2] = np.minimum(other[:, 2], room)
        parts.append(here)
        other = other[other[:, 2] > room]
        room = rest_of_tile(other[:, 0])
        other[:, [0, 1, 3]] += room[:, None]
        other[:, 2] -= room
    sides = np.concatenate(parts)
    return np.ascontiguousarray(sides[np.lexsort((sides[:, 3], sides[:, 4], tile_of(sides[:, 0])))])
