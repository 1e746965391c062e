"""What the study of mixing measures, and what the theory says: each number with a standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.report.tables import Row
from copympi.studies.mixing import model
from copympi.studies.mixing.box import EVERY
from copympi.studies.mixing.cases import A_PERIOD, Case
from copympi.theory import memory, schrodinger

Floats = NDArray[np.float64]
Data = dict[str, NDArray[Any]]
Number = tuple[float, float]
"""Value and standard error."""
FALLEN = float(np.exp(-1))
STATIONARY = float(np.arccosh(np.exp(0.5)) * np.pi * np.sqrt(3) / 4)
"""R t/sqrt(N) at which theory's memory in a real stationary state is down to 1/e."""


def mean(values: Any) -> Number:
    """Mean of independent numbers and its standard error."""
    each = np.asarray(values, float)
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(each.size)) if each.size > 1 else np.nan


def geometric(values: Any) -> Number:
    """Geometric mean of independent numbers and its standard error; inf where one is."""
    each = np.asarray(values, float)
    if not np.all(np.isfinite(each)):
        return np.inf, np.nan
    value, error = mean(np.log(each))
    return float(np.exp(value)), float(np.exp(value) * error)


def looked(case: Case) -> Floats:
    """Times of the records of a case, (T,)."""
    return np.asarray(case.interval * np.arange(case.records + 1), np.float64)


def shares(moved: NDArray[Any]) -> Floats:
    """M (..., T, P, P) of counts moved (..., T, P, P); columns of beables that nobody began in are 0."""
    began = np.einsum("...bb->...b", moved[..., 0, :, :])
    return np.asarray(moved / np.maximum(began, 1)[..., None, None, :])


def second(M: Floats) -> Floats:
    """Second eigenvalue of matrices of two beables, (..., 2, 2), whose columns sum to 1."""
    return np.asarray(M[..., 0, 0] + M[..., 1, 1] - 1)


def left(M: Floats, rho: Floats) -> Floats:
    """Distance of columns of M (T, P, P) from what all together are, weighed by rho (P,), over that at the start."""
    now = np.einsum("tab,b->ta", M, rho)
    far = 0.5 * np.abs(M - now[:, :, None]).sum(axis=1) @ rho
    return np.asarray(far / far[0])


def jackknife(moved: NDArray[Any], number: Callable[[NDArray[Any]], float]) -> Number:
    """A number of the sum over groups (G, ...) of counts, and its error from leaving out one group at a time."""
    whole, G = moved.sum(axis=0), len(moved)
    if G < 2:
        return number(whole), np.nan
    each = np.array([number(whole - part) for part in moved])
    if not np.all(np.isfinite(each)):
        return number(whole), np.nan
    return number(whole), float(np.sqrt((G - 1) / G * ((each - each.mean()) ** 2).sum()))


class Answers:
    """All cases with what came out of them, and the rows of the tables."""

    def __init__(self, done: list[tuple[Case, Data]]) -> None:
        self.done = done

    def of(self, part: str) -> list[tuple[Case, Data]]:
        return [(case, data) for case, data in self.done if case.part == part]

    @cached_property
    def memories(self) -> list[Row]:
        """Two levels: all parts that look at half a cycle and a period."""
        parts = ("cycle", "size", "spectators", "phases")
        return [memory_row(case, data) for part in parts for case, data in self.of(part)]

    @cached_property
    def average(self) -> list[Row]:
        return [row for case, data in self.of("average") for row in average_rows(case, data)]

    @cached_property
    def relaxation(self) -> list[Row]:
        return [row for case, data in self.of("relaxation") for row in relaxation_rows(case, data)]

    @cached_property
    def random(self) -> list[Row]:
        return list(random_rows(self.of("random")))

    @cached_property
    def ring(self) -> list[Row]:
        return [ring_row(case, data) for case, data in self.of("ring")]

    @cached_property
    def stationary(self) -> list[Row]:
        return [stationary_row(case, data) for case, data in self.of("stationary")]

    @cached_property
    def box(self) -> list[Row]:
        return [box_row(case, data) for case, data in self.of("box")]

    def tables(self) -> dict[str, list[Row]]:
        names = ("memories", "average", "relaxation", "random", "ring", "stationary", "box")
        return {name: getattr(self, name) for name in names}


def memory_row(case: Case, data: Data) -> Row:
    """Who stays until half a cycle, what a period leaves, and what is expected without end of N."""
    M = shares(data["moved"])
    low, high = model.ends(case.axis, case.top)
    return {
        "part": case.part,
        "what": case.what,
        "members": case.members,
        "high": high,
        "low": low,
        "half": mean(M[:, 1, 0, 0]),
        "half expected": memory.half_cycle(low, high),
        "memory": mean(second(M[:, 2])),
        "expected": memory.two_levels(low, high),
    }


def expected_scatter(case: Case) -> Floats:
    """Variance of the share of looks in beable 0 by Bell's process, after each look, (K,)."""
    system, psi = case.system
    steps = np.asarray(memory.steps(system, psi, np.arange(A_PERIOD + 1) / A_PERIOD))
    p, both, square, found = np.abs(psi) ** 2, np.zeros(2), 0.0, []
    total = 0.0
    for k in range(case.records):
        M = steps[k % A_PERIOD]
        p, both = M @ p, M @ both
        square += 2 * both[0] + p[0]
        both[0] += p[0]
        total += p[0]
        found.append((square - total**2) / (k + 1) ** 2)
    return np.array(found)


def average_rows(case: Case, data: Data) -> Iterator[Row]:
    """After 1, 2, 4, .. periods: rms of members' shares about |Psi|^2's, in copies and as Bell's process has it."""
    system, psi = case.system
    times = np.arange(1, A_PERIOD + 1) / A_PERIOD
    rho = schrodinger.density(system, psi, times)[:, 0]
    expected = np.sqrt(expected_scatter(case))
    periods = 1
    while periods * A_PERIOD <= case.records:
        k = periods * A_PERIOD - 1
        yield {
            "periods": periods,
            "share": mean(data["mean"][:, k]),
            "share expected": float(rho.mean()),
            "scatter": mean(np.sqrt(data["scatter"][:, k])),
            "scatter expected": float(expected[k]),
        }
        periods *= 2


def relaxation_rows(case: Case, data: Data) -> Iterator[Row]:
    """H-function of those who began in the beable with most members, at every record."""
    system, psi = case.system
    times = looked(case)
    b = int(np.argmax(np.abs(psi) ** 2))
    rho = schrodinger.density(system, psi, times)
    M = memory.transitions(system, psi, times, 1e-7)
    for k, t in enumerate(times):

        def number(moved: NDArray[Any], k: int = k) -> float:
            p = moved[k, :, b] / moved[k, :, b].sum()
            return float(memory.h_function(p, rho[k]))

        yield {
            "what": case.what,
            "members": case.members,
            "time": float(t),
            "h": jackknife(data["moved"], number),
            "h expected": float(memory.h_function(M[k, :, b], rho[k])),
        }


def forgets(moved: NDArray[Any], times: Floats) -> float:
    """When the distance `left` is down to 1/e, of counts moved (T, P, P)."""
    began = np.einsum("bb->b", moved[0])
    return memory.first_below(times, left(shares(moved), began / began.sum()), FALLEN)


def random_rows(done: list[tuple[Case, Data]]) -> Iterator[Row]:
    """By numbers of levels: geometric means over H of the times in which 1/e is left."""
    for P in sorted({case.levels for case, _ in done}):
        some = [(case, data) for case, data in done if case.levels == P]
        times = [looked(case) for case, _ in some]
        bell = [memory.first_below(t, data["bell"], FALLEN) for t, (_, data) in zip(times, some, strict=True)]
        copies = [forgets(data["moved"].sum(axis=0), t) for t, (_, data) in zip(times, some, strict=True)]
        both = np.isfinite(bell) & np.isfinite(copies)
        yield {
            "levels": P,
            "members": some[0][0].members,
            "systems": len(some),
            "forgetful": int(both.sum()),
            "bell": geometric(np.array(bell)[both]) if both.any() else (np.nan, np.nan),
            "copies": geometric(np.array(copies)[both]) if both.any() else (np.nan, np.nan),
            "ratio": geometric(np.array(copies)[both] / np.array(bell)[both]) if both.any() else (np.nan, np.nan),
        }


def ring_row(case: Case, data: Data) -> Row:
    """Turns in which the first harmonic of places falls to 1/e, from what is left after one such time."""
    P, tau = case.levels, model.ring_time(case.levels)
    k = int(np.argmin(np.abs(looked(case) - tau)))
    wave = np.exp(2j * np.pi * np.subtract.outer(np.arange(P), np.arange(P)) / P)
    size = np.abs((data["moved"][:, k] * wave).sum(axis=(1, 2))) / data["moved"][:, k].sum(axis=(1, 2))
    return {
        "sites": P,
        "members": case.members,
        "turns": mean(-case.interval * k / np.log(size) / P),
        "turns expected": tau / P,
    }


def stationary_row(case: Case, data: Data) -> Row:
    """Copies and memory at the end, and when memory is down to 1/e, in units of sqrt(N)/R."""
    times = looked(case)
    two = case.levels == 2

    def number(moved: NDArray[Any]) -> float:
        M = shares(moved)
        values = second(M) if two else left(M, np.abs(case.system[1]) ** 2)
        return memory.first_below(times, values, FALLEN) / case.members**0.5

    last = shares(data["moved"])[:, -1]
    odd = case.members % 2
    equal = two and not odd
    return {
        "what": case.what,
        "members": case.members,
        "copies": mean(data["copies"][:, -1]),
        "copies expected": 0.0 if equal else float(memory.stationary_copies(1.0, times[-1], odd)) if two else np.nan,
        "memory": mean(second(last)) if two else (np.nan, np.nan),
        "expected": 1.0 if equal else float(memory.stationary(case.members, 1.0, times[-1], odd)) if two else np.nan,
        "forgets": jackknife(data["moved"], number) if not equal else (np.inf, np.nan),
        "forgets expected": np.inf if equal else STATIONARY if two else np.nan,
    }


def box_row(case: Case, data: Data) -> Row:
    """Time in which H is down to 1/e of what it was, over draws, and what is left of it at the end."""
    times = np.asarray(EVERY * np.arange(case.records), np.float64)
    found = [memory.first_below(times, h / h[0], FALLEN) for h in data["h"]]
    size = np.isfinite(found)
    return {
        "modes": case.levels,
        "side": case.number,
        "draws": len(found),
        "relaxed": int(size.sum()),
        "time": geometric(np.where(size, found, times[-1])),
        "end": float(times[-1]),
        "rest": mean(data["h"][:, -1] / data["h"][:, 0]),
        "check": mean(data["check"]),
    }
