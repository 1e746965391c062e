"""Sites of a ring or a chain, of a plane or of a box, and the Hamiltonian of a particle there: (56) to (62)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.memory import there
from copympi.model import potential as potentials
from copympi.model.tables import per_axis, positive

BOUNDARIES = ("ring", "open")
MOST_AXES = 3
SITE_BYTES = 120
"""What a site takes at the least, while the start is made, on the root."""
PIECE = 1 << 16
"""Rows of H that are made at a time where H is gone through without being kept."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """One particle on P sites, row by row (last axis fastest).

    shape : sites along each of one to three axes; spacing : their distance abar_i along each, a length.
    mass, hbar : of the particle; boundary : "ring", every axis closed, or "open"; potential : V, (P,), an energy.

    A ring has at least three sites along each axis: the two bonds of a ring of two would coincide.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    mass: float
    hbar: float
    boundary: str
    potential: NDArray[np.float64]

    @property
    def P(self) -> int:
        return int(np.prod(self.shape))

    @property
    def positions(self) -> list[NDArray[np.float64]]:
        """For each axis the coordinate of each site, (P,): x_i = (i - L//2) abar, so that x = 0 is a site."""
        axes = [(np.arange(sites) - sites // 2) * abar for sites, abar in zip(self.shape, self.spacing, strict=True)]
        return [x.ravel() for x in np.meshgrid(*axes, indexing="ij")]

    @property
    def lengths(self) -> tuple[float, ...]:
        """Sites times spacing along each axis: round a ring, or from half a spacing before a chain to half after."""
        return tuple(sites * abar for sites, abar in zip(self.shape, self.spacing, strict=True))

    def displacement(self, centre: tuple[float, ...]) -> list[NDArray[np.float64]]:
        """x - centre along each axis, (P,); on a ring to the nearest image, in (-L/2, L/2]."""
        away = [x - c for x, c in zip(self.positions, centre, strict=True)]
        if self.boundary == "open":
            return away
        return [d - length * np.ceil(d / length - 0.5) for d, length in zip(away, self.lengths, strict=True)]

    def neighbours(self, axis: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The sites (left, right) of every bond along `axis`; on a ring the last site is left of the first."""
        site = np.arange(self.P, dtype=np.intp).reshape(self.shape)
        if self.boundary == "ring":
            return site.ravel(), np.roll(site, -1, axis).ravel()
        sites = self.shape[axis]
        left, right = np.arange(sites - 1), np.arange(1, sites)
        return site.take(left, axis).ravel(), site.take(right, axis).ravel()

    def same_sites(self, other: Lattice) -> bool:
        """Whether another lattice is the same but for its potential."""
        mine, theirs = ((x.shape, x.spacing, x.mass, x.hbar, x.boundary) for x in (self, other))
        return mine == theirs

    def hamiltonian(self) -> sp.csr_array:
        """H, (P, P) sparse, an energy: V + sum of hbar^2/(m abar_i^2), and -hbar^2/(2 m abar_i^2) between neighbours.

        So R = hbar/(2 m abar^2) with delta = pi: the signs in which (56) to (61) are one (PHYSICS, erratum 3).
        """
        return joined((rows for _, rows in self.pieces()), self.P, (2 * len(self.shape) + 1) * self.P, np.float64)

    def pieces(self, by: float = 1.0, size: int = PIECE) -> Iterator[tuple[int, sp.csr_array]]:
        """H times a number, `size` rows after the other: the number of the first, and the rows (size, P)."""
        for first in range(0, self.P, size):
            yield first, self.rows(np.arange(first, min(self.P, first + size)), by)

    def rows(self, sites: NDArray[np.intp], by: float = 1.0) -> sp.csr_array:
        """The rows of H of some sites (K,), (K, P), times a number; columns ascend, zeros are left out."""
        axes, step = len(self.shape), self.P
        column = np.empty((sites.size, 2 * axes + 1), np.int64)
        value, there = np.empty(column.shape), np.ones(column.shape, bool)
        column[:, axes], value[:, axes] = sites, self.potential[sites]
        wraps = np.zeros(sites.size, bool)
        for axis, (along, energy) in enumerate(zip(self.shape, self.bond_energies(), strict=True)):
            step //= along
            at = sites // step % along
            value[:, axes] += 2 * energy
            for k, end, to in ((axis, at == 0, -step), (2 * axes - axis, at == along - 1, step)):
                column[:, k], value[:, k] = sites + np.where(end, (1 - along) * to, to), -energy
                if self.boundary == "open":
                    there[:, k] = ~end
                else:
                    wraps |= end
        there[:, axes] = value[:, axes] != 0.0
        order = np.argsort(column[wraps], axis=1)  # all others ascend
        for table in (column, value, there):
            table[wraps] = np.take_along_axis(table[wraps], order, axis=1)
        ends = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
        return sp.csr_array((value[there] * by, column[there], ends), shape=(sites.size, self.P))

    @property
    def pairs(self) -> int:
        """How many pairs of neighbours there are."""
        ends = [0 if self.boundary == "ring" else self.P // along for along in self.shape]
        return len(self.shape) * self.P - sum(ends)

    def bond_energies(self) -> list[float]:
        """hbar^2/(2 m abar_i^2) of each axis."""
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            return [float(0.5 * (np.float64(self.hbar) / abar) ** 2 / self.mass) for abar in self.spacing]

    def attributes(self) -> dict[str, Any]:
        """All but hbar and the potential, in types that files hold."""
        return {
            "shape": np.array(self.shape, np.int64),
            "spacing": np.array(self.spacing, np.float64),
            "mass": self.mass,
            "boundary": self.boundary,
        }

    @classmethod
    def from_attributes(cls, attributes: Any, hbar: float, potential: NDArray[np.float64]) -> Lattice:
        """The lattice that had these attributes()."""
        shape = tuple(int(sites) for sites in attributes["shape"])
        spacing = tuple(float(abar) for abar in attributes["spacing"])
        mass, boundary = float(attributes["mass"]), str(attributes["boundary"])
        return cls(shape, spacing, mass, hbar, boundary, np.asarray(potential, np.float64))


def joined(pieces: Iterator[sp.csr_array], P: int, most: int, dtype: Any) -> sp.csr_array:
    """The matrix (P, P) whose rows come one piece after the other, with `most` elements at the most."""
    data, indices = np.empty(most, dtype), np.empty(most, np.int32 if most < 2**31 else np.int64)
    ends, row = np.zeros(P + 1, indices.dtype), 0
    for rows in pieces:
        last, begin = row + rows.shape[0], int(ends[row])
        end = begin + rows.nnz
        data[begin:end], indices[begin:end] = rows.data, rows.indices
        ends[row + 1 : last + 1] = rows.indptr[1:] + ends[row]
        row = last
    return sp.csr_array((data[: ends[P]], indices[: ends[P]], ends), shape=(P, P))


def checked(
    sites: Any,
    spacing: Any = None,
    mass: Any = None,
    hbar: Any = None,
    boundary: Any = None,
    potential: Any = None,
    folder: Path = Path(),
) -> Lattice:
    """A Lattice from what a user gives, None for what is left out; files are relative to `folder`. InputErrors."""
    boundary = "ring" if boundary is None else boundary
    if boundary not in BOUNDARIES:
        raise InputError("system.boundary", boundary, 'must be "ring" or "open"')
    shape = _shape(sites, 3 if boundary == "ring" else 2, boundary)
    abar = per_axis(1.0 if spacing is None else spacing, "system.spacing", len(shape), positive)
    m = positive(1.0 if mass is None else mass, "system.mass")
    quantum = positive(1.0 if hbar is None else hbar, "system.hbar")
    made = Lattice(shape, abar, m, quantum, boundary, np.zeros(0))
    if not all(0 < energy < np.inf for energy in made.bond_energies()):
        raise InputError("system.spacing", spacing, "must leave hbar^2/(2 m spacing^2) a positive number")
    V = potentials.sample("free" if potential is None else potential, made.positions, shape, m, folder)
    return replace(made, potential=V)


def _shape(sites: Any, least: int, boundary: str) -> tuple[int, ...]:
    key = "system.sites"
    if sites is None:
        raise InputError(key, "(left out)", 'must be given with builder = "lattice"')
    sites = sites.tolist() if isinstance(sites, np.ndarray) else sites
    row = sites if isinstance(sites, (list, tuple)) else [sites]
    allowed = f"must be a whole number of at least {least} ({boundary}), or a list of one to three"
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= least for n in row)
    if not 1 <= len(row) <= MOST_AXES or not whole:
        raise InputError(key, sites, allowed)
    shape = tuple(int(n) for n in row)
    total, most = int(np.prod(shape, dtype=object)), min(2**31 - 1, int(there() / SITE_BYTES))
    if total > most:
        raise InputError(key, sites, f"must be at most {most:,} in all: this machine's memory holds no more")
    return shape
