"""H/hbar of a lattice by its diagonals: where elements stand, which many systems share, and what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.engine.tiles import SharedTiles, Tiles, rest_of_tile, tile_of
from copympi.kernels import portable
from copympi.kernels.bonds import Bonds
from copympi.model.system import System, row_sums

GAP = 32
"""Bonds along a diagonal that lie at most so far apart share a run, with weights of zero between them."""


def energy_of(W: sp.csr_array, state: NDArray[np.complex128]) -> float:
    """<H>/hbar of a state (P,)."""
    moved = portable.moved(W, state)
    return float(np.sum(state.real * moved.real + state.imag * moved.imag))


def norm_of(system: System, state: NDArray[np.complex128]) -> float:
    """A bound on the norm of H/hbar less the energy of the state, as `bonds` has it but for rounding."""
    W = system.frequencies
    omega = W.diagonal().real
    own = np.where(system.coupled, omega - energy_of(W, state), 0.0)
    return float((row_sums(W) - np.abs(omega) + np.abs(own)).max())


@dataclass(frozen=True)
class Places:
    """Where the elements of H stand by its diagonals, which many systems of a schedule share.

    pattern : indptr and indices of H as CSR. entry (K,) : of the elements above the diagonal, tile after tile; row,
    column (K,) theirs, slot (K,) their places among `bonds` weights; runs, sides and where each tile's begin: Bonds.
    """

    pattern: tuple[NDArray[Any], NDArray[Any]]
    entry: NDArray[np.intp]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    slot: NDArray[np.int64]
    bonds: int
    runs: NDArray[np.int64]
    run_at: NDArray[np.intp]
    sides: NDArray[np.int64]
    side_at: NDArray[np.intp]

    def of(self, system: System) -> bool:
        """Whether another system has its elements in the same places."""
        W = system.frequencies
        mine, its = self.pattern, (W.indptr, W.indices)
        return all(x is y or np.array_equal(x, y) for x, y in zip(mine, its, strict=True))


def places(system: System, tiles: Tiles | SharedTiles) -> Places:
    """The places of a system's H."""
    W = system.frequencies.tocsr()
    rows, columns = (index.astype(np.int64) for index in W.tocoo().coords)
    entry = np.flatnonzero(rows < columns)
    row, column = rows[entry], columns[entry]
    order = np.lexsort((row, column - row, tile_of(row)))
    entry, row, offset = entry[order], row[order], (column - row)[order]
    opens = np.ones(row.size, bool)
    opens[1:] = (np.diff(offset) != 0) | (np.diff(row) > GAP) | (np.diff(tile_of(row)) != 0)
    begin = np.flatnonzero(opens)
    last = np.append(begin[1:], row.size) - 1
    length = row[last] - row[begin] + 1 if row.size else np.zeros(0, np.int64)
    at = np.cumsum(length) - length
    runs = np.column_stack([row[begin], offset[begin], length, at]).astype(np.int64)
    run_of = np.cumsum(opens) - 1
    sides = sides_of(runs)
    return Places(
        (W.indptr, W.indices), entry, row, row + offset, at[run_of] + row - row[begin][run_of], int(length.sum()),
        runs, np.searchsorted(runs[:, 0], tiles.begins), sides,
        np.searchsorted(tile_of(sides[:, 0]), np.arange(tiles.number + 1)),
    )  # fmt: skip


def bonds(
    system: System, state: NDArray[np.complex128], there: Places, passed: tuple[int, int] = (0, -1), group: int = 1
) -> Bonds:
    """H/hbar by its diagonals, the energy of the start taken off: phases of the start's waves then hardly turn.

    Beables without couplings have no energy here: their phase is known without a step. state : (P,) Psi at t = 0.
    passed : first and one past last tile that this rank passes over; -1: all. group : tiles whose sums are added up
    first.
    """
    W = system.frequencies.tocsr()
    omega = np.ascontiguousarray(W.diagonal().real)
    shift = energy_of(W, state)
    weight = W.data[there.entry]
    weights = np.zeros(there.bonds, complex)
    weights[there.slot] = weight
    size = np.zeros(system.P)
    each = portable.sizes(weight)
    np.add.at(size, there.row, each)
    np.add.at(size, there.column, each)
    own = np.where(system.coupled, omega - shift, 0.0)
    return Bonds(
        system.couplings, there.runs, there.run_at, there.sides, there.side_at,
        np.ascontiguousarray(weights.real), np.ascontiguousarray(weights.imag), own, shift,
        float((size + np.abs(own)).max()), (*passed, group),
    )  # fmt: skip


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
