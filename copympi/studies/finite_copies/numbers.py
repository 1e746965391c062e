"""What the study of finite copies measures in a run, and what the theory says: each number with a standard error."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.report.tables import Row
from copympi.studies.finite_copies import experiments
from copympi.studies.finite_copies.cases import LONG, PER_MEMBER, Case
from copympi.studies.finite_copies.model import rounding
from copympi.theory import dephasing, excess, noise
from copympi.theory.schrodinger import density

Floats = NDArray[np.float64]
Data = dict[str, NDArray[Any]]
Number = tuple[float, float]
"""Value and standard error."""
PATHS = 1 << 20
"""Complex numbers that the paths of some replicas take at a time."""


def measure(case: Case, time: Floats, n: NDArray[Any], phase: Floats, events: NDArray[Any]) -> Data:
    """What is kept of a run: n, phase (R, T, P), events (R, T); see study.DATASETS."""
    out: Data = {"time": time, "start_n": n[0, 0], "start_phase": phase[0, 0]}
    if case.part == "rounding":
        return {**out, "copies": events, "beside": n[:, :, 0] - 0.5 * case.members}
    out["dead"] = np.any(n == 0, axis=2).astype(np.int8)
    if case.part == "decay":
        return {**out, "coherence": _coherence(case, n, phase)}
    shifts = _shifts(case, time, n, phase)
    if case.part == "coherence":
        return {**out, "loss": shifts["loss"]}
    psi = np.sqrt(n[0, 0] / case.members) * np.exp(-1j * phase[0, 0])
    off = n[:, -1] - case.members * density(case.start.system, psi, [time[-1]])[0]
    heating, error = mean(shifts["heating"])
    return {**out, "off": off, "shift": shifts["shift"], "heating": heating, "heating_error": error}


def _shifts(case: Case, time: Floats, n: NDArray[Any], phase: Floats) -> Data:
    """What theory/excess.py finds along the paths, some replicas at a time."""
    system, H = case.start.system, case.start.H
    _, vectors = np.linalg.eigh(H)
    found: dict[str, list[NDArray[Any]]] = {"shift": [], "heating": [], "loss": []}
    some = max(1, PATHS // (time.size * system.P**2))
    for k in range(0, n.shape[0], some):
        more = excess.shift(system, n[k : k + some], phase[k : k + some], time)
        found["shift"].append(np.einsum("raa->ra", more[:, -1]).real)
        found["heating"].append(np.einsum("ab,rtba->rt", H, more).real)
        if case.part == "coherence":  # after whole periods
            c = vectors.conj().T @ (np.sqrt(n[0, 0] / case.members) * np.exp(-1j * phase[0, 0]))
            between = vectors.conj().T @ more[:, -1] @ vectors
            found["loss"].append(-np.real(between[:, 0, 1] / (c[0] * np.conj(c[1]))))
    return {name: np.concatenate(parts) for name, parts in found.items() if parts}


def _coherence(case: Case, n: NDArray[Any], phase: Floats) -> Floats:
    """(R, T), real part: records are whole periods apart, so nothing turns but what copying turns."""
    _, vectors = np.linalg.eigh(case.start.H)
    c = (np.sqrt(n) * np.exp(-1j * phase)) @ vectors.conj()
    between = c[..., 0] * np.conj(c[..., 1])
    return np.asarray(np.real(between / between[0, 0]))


def mean(values: NDArray[Any]) -> tuple[Floats, Floats]:
    """Mean over replicas (the first axis) and its standard error."""
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


def along(values: Floats, direction: Floats) -> Number:
    """How large a mean vector is along a known one, in units of that: 1 where both are alike. values (R, P)."""
    value, error = mean(values @ direction / (direction @ direction))
    return float(value), float(error)


def spread(off: Floats, variance: Floats) -> Number:
    """Root of the summed variances of off (R, P), over that expected; its error by the jackknife to first order."""
    square = np.sum((off - off.mean(axis=0)) ** 2, axis=1) * len(off) / (len(off) - 1)
    value, error = mean(square)
    ratio = np.sqrt(value / variance.sum())
    return float(ratio), float(0.5 * ratio * error / value) if value > 0 else np.nan


def crossing(time: Floats, curve: Floats, error: Floats, level: float = np.exp(-1)) -> Number:
    """When a falling curve first comes to `level`, straight between records; NaN where it does not."""
    below = np.flatnonzero(curve < level)
    if below.size == 0 or below[0] == 0:
        return np.nan, np.nan
    k = int(below[0])
    slope = (curve[k] - curve[k - 1]) / (time[k] - time[k - 1])
    return float(time[k - 1] + (level - curve[k - 1]) / slope), float(error[k] / abs(slope))


class Answers:
    """All cases with what came out of them, and the rows of the tables."""

    def __init__(self, done: list[tuple[Case, Data]]) -> None:
        self.done = done

    def of(self, part: str, model: str | None = None) -> list[tuple[Case, Data]]:
        return [(case, data) for case, data in self.done if case.part == part and model in (None, case.model)]

    @cached_property
    def mean(self) -> list[Row]:
        return list(mean_rows(self.of("mean")))

    @cached_property
    def coherence(self) -> list[Row]:
        return list(coherence_rows(self.of("coherence"), self.of("decay")))

    @cached_property
    def rounding(self) -> list[Row]:
        return list(rounding_rows(self.of("rounding")))

    def tables(self) -> dict[str, list[Row]]:
        parts = {"mean": self.mean, "coherence": self.coherence, "rounding": self.rounding}
        return {**parts, "experiments": experiments.rows()}


def start(case: Case, data: Data) -> NDArray[np.complex128]:
    """Psi of the counts that N copies can have, normalised."""
    return np.asarray(np.sqrt(data["start_n"] / case.members) * np.exp(-1j * data["start_phase"]))


def mean_rows(done: list[tuple[Case, Data]]) -> Iterator[Row]:
    for case, data in done:
        system, psi, end = case.start.system, start(case, data), [data["time"][-1]]
        expected = np.einsum("taa->ta", dephasing.shift(system, psi, end)).real[0]
        variance = case.members * noise.variance(system, psi, end)[0][0]
        a = int(np.argmax(np.abs(expected)))
        found, error = mean(data["shift"][:, a])
        path = density(system, psi, np.linspace(0, end[0], 200))
        yield {
            "model": case.model,
            "members": case.members,
            "least": float(case.members * path.min()),
            "beable": a,
            "deviation": (float(found), float(error)),
            "expected": float(expected[a]),
            "ratio": along(data["shift"], expected),
            "plain": along(data["off"], expected),
            "spread": spread(data["off"], variance),
            "heating": (float(data["heating"][-1]), float(data["heating_error"][-1])),
            "heating expected": float(dephasing.heating(system, psi, end)[0]),
            "died": float(data["dead"][:, -1].mean()),
        }


def coherence_rows(short: list[tuple[Case, Data]], long: list[tuple[Case, Data]]) -> Iterator[Row]:
    """T/N by the rate in the first period, and by when the coherence is down to 1/e."""
    gone = {case.members: (case, data) for case, data in long}
    rates = {case.members: data for case, data in short}
    for N in sorted({*rates, *gone}):
        row: Row = {"members": N, "expected": PER_MEMBER, "died": np.nan}
        row |= {"rate": (np.nan, np.nan), "to 1/e": (np.nan, np.nan)}
        if N in rates:
            loss, error = mean(rates[N]["loss"])
            row["rate"] = (float(1 / loss), float(error / loss**2))
        if N in gone:
            data = gone[N][1]
            gone_by, scatter = crossing(data["time"], *mean(data["coherence"]))
            row["to 1/e"] = (gone_by / N, scatter / N)
            if np.isfinite(gone_by):
                row["died"] = float(data["dead"][:, np.searchsorted(data["time"], gone_by)].mean())
        yield row


def rounding_rows(done: list[tuple[Case, Data]]) -> Iterator[Row]:
    for case, data in done:
        off = data["beside"][0, 0]
        copies, square = rounding(data["time"], abs(off))
        found, error = mean(data["copies"][:, -1].astype(float))
        beside, scatter = mean(data["beside"][:, -1] ** 2)
        rms = np.sqrt(beside)
        yield {
            "members": case.members,
            "off": float(off),
            "time": LONG,
            "copies": (float(found), float(error)),
            "copies expected": float(copies[-1]) if off else 0.0,
            "rms": (float(rms), float(0.5 * scatter / rms) if rms > 0 else 0.0),
            "rms expected": float(np.sqrt(square[-1])) if off else 0.0,
        }
