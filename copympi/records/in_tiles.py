"""Summaries of a lattice of very many sites, measured where they lie: sums of tiles, added in the order of tiles.

So for a record without profiles nothing travels but these sums, and amplitudes at the borders of what ranks have; and
bits do not depend on who has which tile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.lattice import LatticeCounts
from copympi.engine.tiles import runs, tile_sums
from copympi.model import summands
from copympi.model.lattice import Lattice
from copympi.model.preparation import Start
from copympi.model.system import System
from copympi.records.view import Arrays

OF_NUMBERS = ("members", "smallest", "empty", "validity_occupation")
OF_ENERGY = ("mean_energy", "energy_drift")
ALONG = ("position", "width", "momentum", "quantum_potential", "validity_phase")
NAMES = frozenset((*OF_NUMBERS, *OF_ENERGY, *ALONG))
"""The quantities of records/quantity.py that are measured here."""

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]


def measured(ensemble: LatticeCounts, system: System, wanted: set[str], energy_at_start: float) -> Arrays:
    """Those of NAMES that are `wanted`, of this rank's replicas, (here, ...) each; (0, ...) where another rank speaks
    for its replica. system : whose H is in force. Collective.
    """
    if not NAMES & wanted:
        return {}
    n = ensemble.numbers()
    found = [_Replica(ensemble, system, r, row).measured(wanted, energy_at_start) for r, row in enumerate(n)]
    axes = 0 if system.lattice is None else len(system.lattice.shape)
    shapes = {name: (axes,) if name in ALONG else () for name in NAMES & wanted}
    told = found if ensemble.tiles.is_head else []
    return {name: np.array([one[name] for one in told]).reshape(-1, *shape) for name, shape in shapes.items()}


def energy_at_start(ensemble: LatticeCounts, system: System, start: Start) -> float:
    """<H> of the counts and phases at t = 0 in the H of `system`, as `measured` adds it up. Collective."""
    begin, end = ensemble.tiles.own
    psi = np.empty(system.P, complex)
    for some in (*(np.arange(*run) for run in runs(begin, end)), summands.around(system, begin, end)):
        psi[some] = summands.waves(np.asarray(start.counts[some], float), start.phase[some])

    def summands_of(first: int, last: int) -> Floats:
        return np.stack([start.counts[first:last], summands.of_energy(psi, system, first, last)])

    members, energy = _added(ensemble, 2, summands_of)
    return float(system.hbar * energy / members)


class _Replica:
    """One of this rank's replicas, r, as a record finds it. n (end - begin,): members of this rank's beables of it."""

    def __init__(self, ensemble: LatticeCounts, system: System, r: int, n: NDArray[Any]) -> None:
        self.ensemble, self.system, self.lattice, self.r, self.n = ensemble, system, system.lattice, r, n
        self.begin, self.end = ensemble.tiles.own

    def measured(self, wanted: set[str], energy_at_start: float) -> Arrays:
        """By their names. Collective among the ranks that have the replica."""
        if self.lattice is None and wanted.intersection(ALONG):
            asked = ", ".join(sorted(wanted.intersection(ALONG)))
            raise RuntimeError(f"{asked}: along the axes of a lattice, and the H in force is that of none")
        members, few, empty = _added(self.ensemble, 3, lambda *run: summands.of_numbers(self._members(*run)))
        out: dict[str, Any] = {"members": self.ensemble.present[self.r], "empty": empty}
        with np.errstate(invalid="ignore"):  # a replica without members
            out["validity_occupation"] = few / members
        if "smallest" in wanted:
            out["smallest"] = self.ensemble.smallest_of_all(float(self.n.min()) if self.n.size else np.inf)
        if wanted.intersection(OF_ENERGY + ALONG):
            psi = self._psi()
            out |= self._energy(psi, members, energy_at_start)
            if self.lattice is not None:
                out |= self._motion(psi, members, self.lattice)
        return out

    def _members(self, first: int, last: int) -> Floats:
        return np.asarray(self.n[first - self.begin : last - self.begin], float)

    def _psi(self) -> Complex:
        """sqrt(n) exp(-i phi), (P,), of this rank's beables and of those around them; the rest is never touched."""
        psi = np.empty(self.system.P, complex)
        for first, last in runs(self.begin, self.end):
            psi[first:last] = self.ensemble.waves(self.r, self._members(first, last), first, last)
        self.ensemble.fetch(psi, summands.around(self.system, self.begin, self.end))
        return psi

    def _energy(self, psi: Complex, members: float, energy_at_start: float) -> Arrays:
        system = self.system
        (energy,) = _added(self.ensemble, 1, lambda first, last: summands.of_energy(psi, system, first, last)[None])
        with np.errstate(invalid="ignore"):
            mean = self.system.hbar * energy / members
        return {"mean_energy": mean, "energy_drift": mean - energy_at_start}

    def _motion(self, psi: Complex, members: float, lattice: Lattice) -> Arrays:
        """Along the axes of the lattice, (axes,) each."""
        axes = [self._along(psi, members, lattice, axis) for axis in range(len(lattice.shape))]
        return dict(zip(ALONG, np.array(axes).T, strict=True))

    def _along(self, psi: Complex, members: float, lattice: Lattice, axis: int) -> list[Any]:
        """ALONG, of one axis."""

        def of_motion(first: int, last: int) -> Floats:
            return summands.of_motion(psi, self._members(first, last), lattice, axis, first, last)

        def of_width(first: int, last: int) -> Floats:
            return summands.of_width(self._members(first, last), lattice, axis, position, first, last)[None]

        hbar, m, spacing = lattice.hbar, lattice.mass, lattice.spacing[axis]
        moment, flow, stretch, weight, turn = _added(self.ensemble, len(summands.MOTION), of_motion)
        with np.errstate(invalid="ignore"):
            position = moment / members
            (spread,) = _added(self.ensemble, 1, of_width)
            width, momentum = np.sqrt(spread / members), hbar / spacing * flow / members
            potential = hbar**2 / (2 * m * spacing**2) * stretch / members
            return [position, width, momentum, potential, np.sqrt(turn / weight) if weight > 0.0 else 0.0]


def _added(ensemble: LatticeCounts, width: int, summands_of: Callable[[int, int], Floats]) -> Floats:
    """The sums (width,) over all beables of what `summands_of` gives of some, (width, K). Collective."""
    sums = [np.zeros((0, width)), *(tile_sums(summands_of(*run)) for run in runs(*ensemble.tiles.own))]
    return ensemble.of_all_tiles(np.concatenate(sums))
