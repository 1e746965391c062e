"""What the study of signalling measures, and what the theory says: each number with a standard error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from copympi.engine.excess import Excess
from copympi.report.tables import Row
from copympi.studies.signalling.cases import BELL, DIAGONAL, HIERARCHY, MOVES, PARTIES, RESTS, Case
from copympi.studies.signalling.model import SETUPS, SIGNS, TSIRELSON, Setup, means
from copympi.theory import noise

Floats = NDArray[np.float64]
Data = dict[str, NDArray[Any]]
Number = tuple[float, float]
"""Value and standard error."""
FROM = 800
"""Members from which on the extrapolation takes: below, ensembles that lose a beable show."""
LAWS = {"1 + c/N": (0.0, -1.0), "1 + c/N + d/N^2": (0.0, -1.0, -2.0), "1 + c/sqrt(N)": (0.0, -0.5)}
"""What the signal times N is extrapolated by: name -> powers of N, the limit's first."""
LAW = "1 + c/N"


def measure(case: Case, found: Excess) -> Data:
    """What is kept of some replicas; see study.DATASETS."""
    c = np.sqrt(found.n) * np.exp(-1j * np.where(found.n > 0, found.phase, 0.0))
    start = case.start
    out: Data = {
        "excess": found.values,
        "held": found.held,
        "plain": means(c, start.matrices) - case.members * start.expected(case.members),
        "died": np.asarray(np.isfinite(found.death).any(axis=1), np.int8),
    }
    if case.part == "bell":
        concurrence = 2 * np.abs(c[:, 0] * c[:, 3] - c[:, 1] * c[:, 2]) / case.members
        out["bound"] = 2 * np.sqrt(1 + concurrence**2)
    return out


def mean(values: NDArray[Any]) -> Number:
    """Mean over replicas, (R,), and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def combined(numbers: Sequence[Number], weights: Sequence[float]) -> Number:
    """Weighted sum of independent numbers."""
    value = sum(w * number[0] for w, number in zip(weights, numbers, strict=True))
    return float(value), float(np.sqrt(sum((w * e) ** 2 for w, (_, e) in zip(weights, numbers, strict=True))))


def less(one: Number, other: Number) -> Number:
    """Difference of independent numbers."""
    return combined([one, other], [1.0, -1.0])


def extrapolated(members: Floats, values: Floats, errors: Floats, powers: Sequence[float]) -> Row:
    """Weighted least squares of values by sum_p x_p N^p: coefficients of the first two powers, and chi squared."""
    design = members[:, None] ** np.asarray(powers) / errors[:, None]
    scale = np.abs(design).max(axis=0)
    inverse = np.linalg.inv((design / scale).T @ (design / scale))
    x = inverse @ ((design / scale).T @ (values / errors))
    rest = values / errors - (design / scale) @ x
    sigma = np.sqrt(np.diag(inverse)) / scale
    return {
        "limit": (float(x[0] / scale[0]), float(sigma[0])),
        "slope": (float(x[1] / scale[1]), float(sigma[1])),
        "chi2": float(rest @ rest),
        "freedom": len(values) - len(powers),
    }


def telling(wide: float, narrow: float) -> tuple[float, float]:
    """Two normal distributions with one mean and these standard deviations: beyond which distance from it (in their
    units) the wide one is denser, and their total variation."""
    x = np.sqrt(2 * np.log(wide / narrow) / (1 / narrow**2 - 1 / wide**2))
    return float(x), float(erf(x / narrow / np.sqrt(2)) - erf(x / wide / np.sqrt(2)))


def spread(setup: Setup) -> float:
    """Standard deviation of N_up/sqrt(N), by the linear noise approximation."""
    up = np.diag(setup.matrices[0]).real
    P = setup.system.P
    covariance = noise.covariance(setup.system, setup.psi, [setup.duration])[0, :P, :P]
    return float(np.sqrt(up @ covariance @ up))


class Answers:
    """All cases with what came out of them, and the rows of the tables."""

    def __init__(self, done: list[tuple[Case, Data]]) -> None:
        self.done = {(case.part, case.setup, case.members): (case, data) for case, data in done}

    def sizes(self, part: str) -> list[int]:
        return sorted({N for where, _, N in self.done if where == part})

    def of(self, part: str, setup: str, members: int) -> Data:
        return self.done[part, setup, members][1]

    @cached_property
    def signal(self) -> list[Row]:
        return list(signal_rows(self, "signal", 0))

    @cached_property
    def spectators(self) -> list[Row]:
        return list(signal_rows(self, "spectators", 1))

    @cached_property
    def limits(self) -> list[Row]:
        return list(limit_rows(self.signal))

    @cached_property
    def bell(self) -> list[Row]:
        return list(bell_rows(self))

    @cached_property
    def other(self) -> list[Row]:
        return list(other_rows(self))

    def tables(self) -> dict[str, list[Row]]:
        parts = {"signal": self.signal, "limit": self.limits, "spectators": self.spectators}
        return {**parts, "bell": self.bell, "other": self.other}


def signal_rows(answers: Answers, part: str, spectators: int) -> Iterator[Row]:
    """B's marginal with and without A's H, times N."""
    expected = {name: SETUPS[name]().coefficients(spectators)[0] for name in (MOVES, RESTS)}
    wide, narrow = (spread(SETUPS[name]()) for name in (MOVES, RESTS))
    edge, distance = telling(wide, narrow)
    for N in answers.sizes(part):
        moves, rests = (answers.of(part, name, N) for name in (MOVES, RESTS))
        both = (moves, rests)
        signal = less(*(mean(data["excess"][:, 0]) for data in both))
        yield {
            "members": N,
            "least": N * SETUPS[MOVES]().least,
            "moves": mean(moves["excess"][:, 0]),
            "rests": mean(rests["excess"][:, 0]),
            "signal": signal,
            "expected": expected[MOVES] - expected[RESTS],
            "plain": less(*(mean(data["plain"][:, 0]) for data in both)),
            "died": mean(moves["died"]),
            "of the dying": less(*(mean(data["excess"][:, 0] * data["died"]) for data in both)),
            "difference": (signal[0] / N, signal[1] / N),
            "variation": less(*(mean(np.abs(data["plain"][:, 0]) > edge * np.sqrt(N)) for data in both)),
            "variation expected": distance,
        }


def limit_rows(signal: list[Row]) -> Iterator[Row]:
    """The signal times N without end of N, by each law, from the measured values alone."""
    rows = [row for row in signal if row["members"] >= FROM]
    members = np.array([row["members"] for row in rows], float)
    values, errors = np.array([row["signal"] for row in rows]).reshape(-1, 2).T
    for name, powers in LAWS.items():
        if len(rows) >= len(powers) and np.all(errors > 0):
            row = extrapolated(members, values, errors, powers)
            yield {"law": name, "from": FROM, **row, "expected": signal[0]["expected"]}


def bell_rows(answers: Answers) -> Iterator[Row]:
    """CHSH's sum of correlations against N: of relative frequencies after rotations, and of the ensemble's Psi."""
    expected = combined([(float(SETUPS[name]().coefficients()[0]), 0.0) for name in BELL], SIGNS)[0]
    for N in answers.sizes("bell"):
        data = [answers.of("bell", name, N) for name in BELL]
        exact = sum(sign * SETUPS[name]().expected(N)[0] for sign, name in zip(SIGNS, BELL, strict=True))
        shift = combined([mean(each["excess"][:, 0]) for each in data], SIGNS)
        one = np.sqrt(sum(each["plain"][:, 0].var(ddof=1) for each in data)) / N
        bound = combined([mean(each["bound"]) for each in data], [0.25] * 4)
        yield {
            "members": N,
            "sum": (exact + shift[0] / N, shift[1] / N),
            "shift": shift,
            "expected": expected,
            "one": one,
            "bound": (N * (bound[0] - TSIRELSON), N * bound[1]),
            "died": combined([mean(each["died"]) for each in data], [0.25] * 4),
        }


def other_rows(answers: Answers) -> Iterator[Row]:
    """Observables that are no beables, three parties, a qubit alone and beside another."""
    for group, names in (("no beable", DIAGONAL), ("three parties", PARTIES), ("alone or beside", HIERARCHY)):
        for name in names:
            setup = SETUPS[name]()
            for k, (observable, expected) in enumerate(zip(setup.observables, setup.coefficients(), strict=True)):
                for N in answers.sizes("other"):
                    data = answers.of("other", name, N)
                    yield {
                        "group": group,
                        "setup": name,
                        "observable": observable,
                        "members": N,
                        "exact": float(setup.expected(N)[k]),
                        "shift": mean(data["excess"][:, k]),
                        "expected": float(expected),
                        "died": mean(data["died"]),
                    }
