"""What the study of the classical limit measures: paths of copies beside Schroedinger's and Newton's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model import observables
from copympi.simulate import Run
from copympi.studies.classical_limit.cases import Case, Problem
from copympi.theory import newton, schrodinger

Array = NDArray[np.float64]
WIDE = ("position", "width", "momentum", "quantum_potential", "validity_phase")
"""Summaries along the one axis."""
NARROW = ("mean_energy", "smallest", "empty", "validity_occupation")


@dataclass(frozen=True)
class Reference:
    """A problem's solutions at the records, (T,) each. quantum, newton : <x> of the two equations; dispersed : Newton's
    on the lattice, with its dispersion; density (T, P) |Psi|^2; share : <V_Q> over <m v^2/2>, the rest of the kinetic
    energy, means over time; step : largest abar |dS/dx|/hbar."""

    time: Array
    quantum: Array
    newton: Array
    dispersed: Array
    density: Array
    share: float
    step: float

    @classmethod
    def of(cls, problem: Problem, time: Array) -> Reference:
        system, grid = problem.system, problem.system.lattice
        psi = np.stack(list(schrodinger.stepwise(system, problem.state, time)))
        moved, density = observables.motion(psi, grid), np.abs(psi) ** 2
        kinetic = observables.mean_energy(psi, system) - density @ grid.potential  # type: ignore[union-attr]
        return cls(
            time,
            moved["position"][:, 0],
            newton.path(grid, problem.state, time)[:, 0],
            newton.path(grid, problem.state, time, dispersion=True)[:, 0],
            density,
            float(moved["quantum_potential"].mean() / (kinetic - moved["quantum_potential"][:, 0]).mean()),
            float(moved["validity_phase"].max()),
        )


@dataclass(frozen=True)
class Outcome:
    """A case and what came out: data (replicas, records) by name, with `occupation` (records, P) of the first replica.

    numbers : name -> (mean, standard error) over replicas.
    """

    case: Case
    reference: Reference
    data: dict[str, NDArray[Any]]
    numbers: dict[str, tuple[float, float]]
    steps: int

    @classmethod
    def of(cls, case: Case, reference: Reference, data: dict[str, NDArray[Any]]) -> Outcome:
        return cls(case, reference, data, measure(data, reference), int(data["steps"]))

    @property
    def density(self) -> Array:
        """n_a/N of the first replica, (T, P)."""
        n = self.data["occupation"]
        return np.asarray(n / n.sum(axis=1, keepdims=True, dtype=float))

    @property
    def least(self) -> float:
        """The smallest n_a of all replicas and records."""
        return float(self.data["smallest"].min())


def recorded(case: Case, run: Run) -> dict[str, NDArray[Any]]:
    """The data of an Outcome, and steps, out of a run."""
    n = run.occupation if case.replicas > 1 else run.occupation[None]
    m = {name: values if case.replicas > 1 else values[None] for name, values in run.measured.items()}
    data: dict[str, NDArray[Any]] = {name: m[name][..., 0] for name in WIDE} | {name: m[name] for name in NARROW}
    V = case.problem.system.lattice.potential  # type: ignore[union-attr]
    data["potential_energy"] = (n / n.sum(axis=-1, keepdims=True, dtype=float)) @ V
    return {**data, "occupation": n[0], "steps": np.array(run.steps)}


def measure(data: dict[str, NDArray[Any]], reference: Reference) -> dict[str, tuple[float, float]]:
    """Largest distances of <x>, the largest <x>, empty beables at the end, <V_Q> over <m v^2/2>."""
    x = data["position"]
    stretch = data["quantum_potential"]
    flow = data["mean_energy"] - data["potential_energy"] - stretch
    each = {
        "off quantum": np.abs(x - reference.quantum).max(axis=1),
        "off newton": np.abs(x - reference.newton).max(axis=1),
        "off dispersed": np.abs(x - reference.dispersed).max(axis=1),
        "farthest": x.max(axis=1),
        "empty": data["empty"][:, -1].astype(float),
        "share": stretch.mean(axis=1) / flow.mean(axis=1),
    }
    return {name: mean(values) for name, values in each.items()}


def quantum_off(o: Outcome) -> float:
    """The largest distance of Schroedinger's <x> to Newton's x."""
    return float(abs(o.reference.quantum - o.reference.newton).max())


def dispersed_off(o: Outcome) -> float:
    """The same to Newton's with the lattice's dispersion."""
    return float(abs(o.reference.quantum - o.reference.dispersed).max())


def mean(values: Array) -> tuple[float, float]:
    """Mean and its standard error; NaN the error of a single value."""
    R = len(values)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(R)) if R > 1 else np.nan


def power_law(x: list[float], y: list[float]) -> tuple[float, float, float]:
    """(exponent, its standard error, factor) of y = factor x^exponent by least squares of logarithms; NaN the error of
    two points. The error is that of the scatter about the line."""
    if len(x) < 2:
        return np.nan, np.nan, np.nan
    u, v = np.log(x), np.log(y)
    away = u - u.mean()
    slope = float(away @ v / (away @ away))
    rest = v - v.mean() - slope * away
    error = float(np.sqrt(rest @ rest / (len(x) - 2) / (away @ away))) if len(x) > 2 else np.nan
    return slope, error, float(np.exp(v.mean() - slope * u.mean()))
