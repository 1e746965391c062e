"""What the study of alignment measures in a run, with standard errors over replicas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.system import System
from copympi.theory.noise import covariance
from copympi.theory.schrodinger import density

ENOUGH = 20
"""Least N rho_a on a path for which the linear noise approximation means something."""
PERIOD = 1.0
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Departure:
    """How far rho_0 runs from Schroedinger's equation in the last period, in the replicas where noise is Gaussian.

    lag (K,) periods since its begin, where Psi = sqrt(rho_a) exp(-i phi_a) is read off the ensemble, phi_a the
    circular mean; square (r, K) squared differences of rho_0; expected (r, K) the variances that copying by aligned
    members of this N gives from there (linear noise approximation).
    """

    lag: Array
    square: Array
    expected: Array

    @property
    def ratio(self) -> tuple[float, float]:
        """sqrt(mean square/mean expected) over the period, with its jackknife error: 1 is Schroedinger with noise."""
        r = len(self.square)
        if r < 2:
            return np.nan, np.nan
        d, e = self.square.mean(axis=1), self.expected.mean(axis=1)
        without = np.sqrt((d.sum() - d) / (e.sum() - e))
        return float(np.sqrt(d.sum() / e.sum())), float(np.sqrt((r - 1) * np.var(without)))


@dataclass(frozen=True)
class Outcome:
    """A case and what came out: `data` by the names of Run, (replicas, records, ...), and curves (replicas, records).

    order, order2 : sum_a n_a |<e^{i phi}>_a|/N and the same of e^{2 i phi}; lineages : distinct phases, of all beables;
    neutral : those left by as many copies if anyone copied anyone (Moran's model); dead : 1 once a beable is empty.
    numbers : name -> (mean, standard error) at the end.
    """

    case: Any
    data: dict[str, NDArray[Any]]
    curves: dict[str, Array]
    departure: Departure
    numbers: dict[str, tuple[float, float]]

    @classmethod
    def of(cls, system: System, case: Any, data: dict[str, NDArray[Any]]) -> Outcome:
        curves = curves_of(data)
        off = departure(system, data)
        numbers = {name: at_record(values, -1) for name, values in curves.items()}
        numbers["ratio"] = off.ratio
        return cls(case, data, curves, off, numbers)

    @property
    def time(self) -> Array:
        return np.asarray(self.data["time"])


def curves_of(data: dict[str, NDArray[Any]]) -> dict[str, Array]:
    """The curves of an Outcome, each (replicas, records)."""
    n = data["occupation"]
    N = n[0, 0].sum()
    weighted = {name: np.nansum(n * data[name], axis=2) / N for name in ("coherence", "coherence2")}
    return {
        "order": weighted["coherence"],
        "order2": weighted["coherence2"],
        "lineages": data["lineages"].sum(axis=2).astype(float),
        "neutral": neutral(data["events"], int(N)),
        "dead": np.any(n == 0, axis=2).astype(float),
        "copies": data["events"] / N,
    }


def neutral(copies: Array, N: int) -> Array:
    """Lineages left of N after so many copies of a random member by another one (Moran), in Kingman's mean field.

    A copy joins a given pair with probability 2/N^2, so dk/dE = -k (k - 1)/N^2, k(0) = N.
    """
    return np.asarray(1.0 / (1.0 - (1.0 - 1.0 / N) * np.exp(-np.asarray(copies, float) / N**2)))


def mean(values: Array) -> tuple[Array, Array]:
    """Mean over replicas (the first axis) and its standard error."""
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


def at_record(values: Array, k: int) -> tuple[float, float]:
    value, error = mean(values[:, k])
    return float(value), float(error)


def apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Difference of two independent numbers in units of its standard error; NaN where neither scatters."""
    error = np.hypot(one[1], other[1])
    return float((other[0] - one[0]) / error) if error > 0 else np.nan


def departure(system: System, data: dict[str, NDArray[Any]]) -> Departure:
    """See Departure. Replicas that lost a beable, or whose path comes too near a node, are left out."""
    time, n = data["time"], data["occupation"].astype(float)
    N = n[0, 0].sum()
    first = int(np.searchsorted(time, time[-1] - PERIOD - 1e-9))
    lag = time[first:] - time[first]
    path = np.linspace(0.0, PERIOD, 65)
    square, expected = [], []
    for counts, phase in zip(n[:, first:], data["phase"][:, first], strict=True):
        if not counts[0].all():
            continue
        psi = np.sqrt(counts[0] / N) * np.exp(-1j * phase)
        if N * density(system, psi, path).min() < ENOUGH:
            continue
        square.append((counts[1:, 0] / N - density(system, psi, lag)[1:, 0]) ** 2)
        expected.append(covariance(system, psi, lag, accuracy=1e-3)[1:, 0, 0] / N)
    shape = (len(square), lag.size - 1)
    return Departure(lag[1:], np.reshape(square, shape), np.reshape(expected, shape))
