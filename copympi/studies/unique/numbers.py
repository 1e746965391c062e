"""What the study of unique states measures, and what the theory says: each number with a standard error."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.circuits import Circuit
from copympi.report.tables import Row
from copympi.studies.unique.cases import EACH, Case
from copympi.studies.unique.circuits import CYCLES, deaths, drawn, even, most, starts, through

Floats = NDArray[np.float64]
Data = dict[str, NDArray[Any]]
Number = tuple[float, float]
"""Value and standard error."""
HALF = 0.5
LOST = 0.15
"""Share of strings without members at which the measured fidelity is about one half."""
LARGE = (1e9, 1e12, 1e24, 1e80)
"""Members for which theory says from which number of qubits on that many strings are lost."""


def measure(case: Case, seed: int, who: NDArray[np.int64]) -> Data:
    """What is kept of some replicas, by their numbers; see study.DATASETS."""
    P = 1 << case.qubits
    out: dict[str, list[float]] = {name: [] for name in ("fidelity", "hits", "peak", "gone", "most")}
    for number in np.unique(who // EACH):
        made = drawn(case.qubits, seed, int(number))
        here = who[who // EACH == number]
        n = starts(P, case.members, seed, here)
        one(out, case, made, n, seed, here)
    return {name: np.array(values) for name, values in out.items()}


def one(out: dict[str, list[float]], case: Case, made: Circuit, n: Any, seed: int, who: NDArray[np.int64]) -> None:
    """Add what replicas `who`, which start from n (R, P), give at the end of a circuit."""
    P = 1 << case.qubits
    psi = made.apply(even(P))
    p = np.abs(psi) ** 2
    done = through(made, n, seed, who, case.spectators)
    # sums of one row each, not products of matrices, whose last bits depend on how many rows there are
    out["fidelity"] += (np.abs((done.amplitudes.conj() * psi).sum(axis=1)) ** 2 / case.members).tolist()
    out["hits"] += (P * (done.n * p).sum(axis=1) / case.members - 1).tolist()
    out["peak"] += [float(P * (p @ p) - 1)] * len(who)
    out["gone"] += np.mean((done.n <= case.spectators) & (n > case.spectators), axis=1).tolist()
    out["most"] += [most(p, case.members)] * len(who)


def by_circuit(values: Floats) -> Floats:
    """Means over the ensembles of each circuit; as many of a circuit as there are."""
    circuit = np.arange(len(values)) // EACH
    return np.asarray(np.bincount(circuit, values) / np.bincount(circuit))


def mean(values: Floats) -> Number:
    """Mean and standard error over circuits: ensembles of one circuit are not independent."""
    each = by_circuit(values)
    error = each.std(ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
    return float(each.mean()), float(error)


def ratio(over: Floats, under: Floats) -> Number:
    """Ratio of two means over circuits, its error to first order."""
    a, b = by_circuit(over), by_circuit(under)
    value = a.mean() / b.mean()
    error = (a - value * b).std(ddof=1) / np.sqrt(len(a)) / abs(b.mean()) if len(a) > 1 else np.nan
    return float(value), float(error)


def crossing(qubits: Floats, values: Floats, errors: Floats, level: float = HALF) -> Number:
    """Where a falling curve first comes below `level`, straight between points; NaN where it does not."""
    below = np.flatnonzero(values < level)
    if below.size == 0 or below[0] == 0:
        return np.nan, np.nan
    k = int(below[0])
    share = (values[k - 1] - level) / (values[k - 1] - values[k])
    step = qubits[k] - qubits[k - 1]
    slope = abs(values[k] - values[k - 1]) / step
    error = np.hypot((1 - share) * errors[k - 1], share * errors[k]) / slope
    return float(qubits[k - 1] + share * step), float(error)


class Answers:
    """All cases with what came out of them, and the rows of the tables."""

    def __init__(self, done: list[tuple[Case, Data]]) -> None:
        self.done = done

    @cached_property
    def copies(self) -> list[Row]:
        return list(rows(self.done, "copies"))

    @cached_property
    def spectators(self) -> list[Row]:
        return list(rows(self.done, "spectators"))

    @cached_property
    def seen(self) -> list[Row]:
        return list(seen_rows(self.copies))

    def of(self, members: int) -> list[Row]:
        """The rows of N copies, in order of qubits."""
        return [row for row in self.copies if row["members"] == members]

    def tables(self) -> dict[str, list[Row]]:
        return {"copies": self.copies, "spectators": self.spectators, "seen": self.seen}


def rows(done: list[tuple[Case, Data]], part: str) -> Iterator[Row]:
    for case, data in done:
        if case.part != part:
            continue
        density = case.members / 2**case.qubits
        yield {
            "members": case.members,
            "qubits": case.qubits,
            "density": density,
            "fidelity": mean(data["fidelity"]),
            "entropy": ratio(data["hits"], data["peak"]),
            "gone": mean(data["gone"]),
            "expected": gone(case.qubits, density) if density >= 1 else np.nan,
            "most": float(data["most"].mean()),
        }


def gone(qubits: int, density: float) -> float:
    """Share of strings that have lost all members by the end, by the rate of random states and large N/2^n."""
    return float(1 - np.exp(-CYCLES * deaths(qubits) / np.sqrt(density)))


def limit(members: float) -> int:
    """Qubits from which on N members lose more than the share LOST of the strings, by theory."""
    low, high = 0, int(np.log2(members)) + 1  # at `high` there is less than a member a string
    while high - low > 1:
        n = (low + high) // 2
        low, high = (low, n) if gone(n, members * 0.5**n) > LOST else (n, high)
    return high


def seen_rows(copies: list[Row]) -> Iterator[Row]:
    """From which number of qubits on fidelity, and cross-entropy, are below one half."""
    for N in sorted({row["members"] for row in copies}):
        some = [row for row in copies if row["members"] == N]
        qubits = np.array([row["qubits"] for row in some], float)
        found = {key: crossing(qubits, *np.array([row[key] for row in some]).T) for key in ("fidelity", "entropy")}
        yield {
            "members": float(N),
            "bits": float(np.log2(N)),
            **{f"{key} half": number for key, number in found.items()},
            "limit": float(limit(N)) if N > 64 else np.nan,
        }
    for members in LARGE:
        nothing = {"fidelity half": (np.nan, np.nan), "entropy half": (np.nan, np.nan)}
        yield {"members": members, "bits": float(np.log2(members)), **nothing, "limit": float(limit(members))}
