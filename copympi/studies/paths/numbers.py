"""What the study of paths measures, and what the theory says: each number with a standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.system import System
from copympi.report.tables import Row
from copympi.studies.nodes.ensembles import wavefunction
from copympi.studies.paths.cases import BEFORE, DURATION, FROM, LOOKS, PSI, TARGET, Case, H
from copympi.studies.paths.runs import MOST
from copympi.theory import memory, noise, passes, schrodinger

Floats = NDArray[np.float64]
Data = dict[str, NDArray[Any]]
Number = tuple[float, float]
"""Value and standard error."""
LEAST, CLEAR, ENOUGH = 200, 3.0, 3
"""Members from which on exponents are fitted: below, ensembles lose beables, and 1/N^2 shows; of what is so many
standard errors from 0 for so many N."""
MEASURES = ("jumps", "none", "passed", "stayed")
SAID = {
    "jumps": "mean number of jumps",
    "none": "chance of no jump",
    "passed": "first passage by the end",
    "stayed": "where it began, at the end",
}


class Bell:
    """Bell's process on the same three levels, without noise."""

    def __init__(self) -> None:
        system, self.rho = System(H), np.abs(PSI) ** 2
        self.number = memory.jumps(system, PSI, 0.0, DURATION, MOST, 1e-8)
        times = np.concatenate([[0.0], LOOKS])
        self.passed = memory.from_first(np.asarray(memory.steps(system, PSI, times, target=TARGET)))[1:, TARGET, FROM]
        self.M = memory.transitions(system, PSI, [0.0, DURATION])[-1]
        self.values = {
            "jumps": float(memory.expected_jumps(system, PSI, [DURATION])[0]),
            "none": float(self.number[0]),
            "passed": float(self.passed[-1]),
            "stayed": float(self.M[FROM, FROM]),
        }
        P = system.P
        spread = np.diagonal(noise.covariance(system, PSI, [DURATION])[0, :P, :P])
        self.pairs = spread - (self.M * (1 - self.M)) @ self.rho
        """N times the covariance of two members' being in each beable at the end, mean over all pairs, (P,)."""


def mean(values: Floats) -> Number:
    """Mean over groups, (G,), and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else np.nan


def jackknife(data: Data, number: Callable[[Data], Floats]) -> tuple[Floats, Floats]:
    """Numbers (K,) of the means over groups, and their errors from leaving out one group at a time."""
    whole = number({name: values.mean(axis=0) for name, values in data.items()})
    G = len(next(iter(data.values())))
    if G < 2:
        return whole, np.full(whole.shape, np.nan)
    each = np.array([number({n: np.delete(v, g, axis=0).mean(axis=0) for n, v in data.items()}) for g in range(G)])
    return whole, np.asarray(np.sqrt((G - 1) / G * ((each - each.mean(axis=0)) ** 2).sum(axis=0)))


def pairs(data: Data, members: int) -> Floats:
    """N times the covariance of two members' being in each beable at the end, mean over all pairs, (P,)."""
    moved, n = data["moved"], data["moved"].sum(axis=0)
    chance = moved / n
    alone = (chance * (1 - chance)) @ n
    return np.asarray((data["squares"] - moved.sum(axis=1) ** 2 - alone) / (members - 1))


def exponent(members: Floats, values: Floats, errors: Floats) -> tuple[Number, Number, float]:
    """Least squares of values by c N^-alpha: alpha and c with their errors, and chi squared."""
    grid = np.linspace(0.2, 2.5, 2301)
    shape = members ** -grid[:, None]
    weight = (shape**2 / errors**2).sum(axis=1)
    c = (values * shape / errors**2).sum(axis=1) / weight
    chi2 = (((values - c[:, None] * shape) / errors) ** 2).sum(axis=1)
    k = int(np.argmin(chi2))
    inside = grid[chi2 <= chi2[k] + 1]
    return (float(grid[k]), float(0.5 * np.ptp(inside))), (float(c[k]), float(weight[k] ** -0.5)), float(chi2[k])


class Answers:
    """All cases with what came out of them, and the rows of the tables."""

    def __init__(self, done: list[tuple[Case, Data]]) -> None:
        self.done = done

    def of(self, part: str) -> list[tuple[Case, Data]]:
        return [(case, data) for case, data in self.done if case.part == part]

    @cached_property
    def bell(self) -> Bell:
        return Bell()

    @cached_property
    def laws(self) -> list[Row]:
        return [law_row(case, data, self.bell) for case, data in self.of("law")]

    @cached_property
    def exponents(self) -> list[Row]:
        return list(exponent_rows(self.laws, self.pairs))

    @cached_property
    def pairs(self) -> list[Row]:
        return [pair_row(case, data, self.bell) for case, data in self.of("law")]

    @cached_property
    def nodes(self) -> list[Row]:
        return [node_row(case, data) for case, data in self.of("node")]

    def tables(self) -> dict[str, list[Row]]:
        return {"laws": self.laws, "exponents": self.exponents, "pairs": self.pairs, "nodes": self.nodes}


def law_row(case: Case, data: Data, bell: Bell) -> Row:
    """N times what each number is off Bell's process."""
    N, began = case.members, data["moved"].sum(axis=1)
    found = {
        "jumps": data["number"] @ np.arange(MOST) / N,
        "none": data["number"][:, 0] / N,
        "passed": data["passed"][:, -1] / began[:, FROM],
        "stayed": data["moved"][:, FROM, FROM] / began[:, FROM],
    }
    row: Row = {"members": N, "died": float(np.mean(data["squares"].min(axis=1) == 0))}
    for name, values in found.items():
        value, error = mean(values)
        row[name] = (value, error)
        row[f"{name} off"] = (N * (value - bell.values[name]), N * error)
        row[f"{name} Bell"] = bell.values[name]
    return row


def exponent_rows(laws: list[Row], pairs: list[Row]) -> Iterator[Row]:
    """By which power of N differences from Bell's process, and covariances of two members, fall."""
    said = {f"{name} off": SAID[name] for name in MEASURES} | {f"pair {a}": f"two members in {a}" for a in range(3)}
    some = [{**law, **pair} for law, pair in zip(laws, pairs, strict=True) if law["members"] >= LEAST]
    N = np.array([row["members"] for row in some], float)
    for name, what in said.items():
        value, error = np.array([row[name] for row in some]).reshape(-1, 2).T
        if np.count_nonzero(np.abs(value) > CLEAR * error) >= ENOUGH:
            alpha, c, chi2 = exponent(N, value / N, error / N)
            yield {"what": what, "exponent": alpha, "factor": c, "chi2": chi2, "freedom": len(some) - 2}


def pair_row(case: Case, data: Data, bell: Bell) -> Row:
    """N times covariances of two members."""
    value, error = jackknife(data, lambda some: pairs(some, case.members))
    row: Row = {"members": case.members}
    for a, each in enumerate(zip(value, error, strict=True)):
        row[f"pair {a}"] = (float(each[0]), float(each[1]))
        row[f"pair {a} expected"] = float(bell.pairs[a])
    return row


def node_row(case: Case, data: Data) -> Row:
    """Who loses beable 0 at a pass, and who jumps after it."""
    n, phase = case.start
    psi = wavefunction(n, phase)
    at = passes.at(case.system, psi, 0, BEFORE)
    rho = schrodinger.density(case.system, psi, [at.time, case.duration])[:, 0]
    return {
        "x": case.members * at.rho_min,
        "died": mean(data["died"]),
        "expected": float(at.death(case.members)),
        "again": mean(data["again"]),
        "again Bell": float(rho[1] - rho[0]),
    }
