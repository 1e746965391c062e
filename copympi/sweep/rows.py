"""One row of a sweep's table for each setting: means over the seeds (and replicas), errors, and what is expected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.system import System
from copympi.outcome.run import Run
from copympi.records.axes import dimensions, names_along
from copympi.records.quantity import PROFILES, TABLE
from copympi.report.tables import Row
from copympi.sweep.expected import Expected, Floats, Theory
from copympi.sweep.held import Held
from copympi.sweep.moments import Moments, Turns
from copympi.sweep.points import Point

MOST_BEABLES = 16
"""Beables up to which the table has the final share of each; collected.h5 has all."""
ANGLES = ("phase",)
ENSEMBLES, FAILED, MISSING, LOST = "ensembles", "failed", "missing", "lost"
DEVIATION, EXPECTED, RATIO = "deviation", "expected", "deviation / expected"


@dataclass
class Setting:
    """Runs that differ in their seed alone, and what came of them. `over`: values of the swept keys but the seed.

    time (T,), profile_time (T',) of the quantities that have beables; quantities : name -> Moments, or Turns, over
    ensembles, (T, ...) each; square : Moments (T',) of the mean over beables of (n_a/N - |Psi_a|^2)^2; squares : of
    each ensemble, its mean over records after t = 0; lost : ensembles that lost a beable; members : N;
    system : names what stands along axes.
    """

    over: dict[str, Any]
    points: list[Point]
    members: int = 0
    labels: list[str] = field(default_factory=list)
    system: System | None = None
    time: Floats = field(default_factory=lambda: np.zeros(0))
    profile_time: Floats = field(default_factory=lambda: np.zeros(0))
    quantities: dict[str, Moments | Turns] = field(default_factory=dict)
    square: Moments = field(default_factory=lambda: Moments((0,)))
    squares: list[float] = field(default_factory=list)
    lost: int = 0
    failed: int = 0
    missing: int = 0
    expected: Expected | None = None

    @property
    def deviation(self) -> tuple[float, float]:
        """Root of the mean of the ensembles' squares, and its standard error."""
        if not self.squares:
            return float("nan"), float("nan")
        values = np.array(self.squares)
        root = float(np.sqrt(values.mean()))
        if values.size < 2 or root == 0:
            return root, float("nan")
        return root, float(values.std(ddof=1) / np.sqrt(values.size) / (2 * root))

    def add(self, run: Run, expected: Expected) -> None:
        """One more run, of one or several ensembles."""
        arrays = dict(sorted(run.arrays().items(), key=_place))  # whatever kind of file they come from
        for replica in range(run.replicas):
            one = {name: values[replica] if run.replicas > 1 else values for name, values in arrays.items()}
            self._one(one, expected)

    def _one(self, arrays: dict[str, NDArray[Any]], expected: Expected) -> None:
        for name, values in arrays.items():
            if name not in self.quantities:
                self.quantities[name] = (Turns if name in ANGLES else Moments)(values.shape)
            self.quantities[name].add(values)
        n = np.asarray(arrays["occupation"], float)
        with np.errstate(invalid="ignore"):  # NaN where a filter has left nobody
            share = n / (n.sum(axis=1, keepdims=True) if "members" in arrays else float(self.members))
        square = ((share - expected.quantum) ** 2).mean(axis=1)
        self.square.add(square)
        self.squares.append(float(square[1:].mean()) if square.size > 1 else float("nan"))
        self.lost += bool(np.any((n[-1] == 0) & (n[0] > 0)))

    def row(self) -> Row:
        """The row of the table, as report/tables.py has them."""
        out: Row = {key: value if isinstance(value, (int, float, str)) else json.dumps(value)
                    for key, value in self.over.items()}  # fmt: skip
        out |= {ENSEMBLES: len(self.squares), FAILED: self.failed, MISSING: self.missing}
        value, error = self.deviation
        sigma = float("nan") if self.expected is None else self.expected.deviation
        ratio = (value / sigma, error / sigma) if sigma > 0 else (float("nan"), float("nan"))
        out |= {DEVIATION: (value, error), EXPECTED: sigma, RATIO: ratio}
        out[LOST] = self.lost / len(self.squares) if self.squares else float("nan")
        return out | self._final()

    def _final(self) -> Row:
        """What there is at the end: copies, shares of the members in beables, and all that has no beables."""
        out: Row = {"time": float(self.time[-1]) if self.time.size else float("nan")}
        for name, found in self.quantities.items():
            mean, error = found.mean[-1], found.error[-1]
            if name == "occupation" and mean.size <= MOST_BEABLES:
                N = float(self.quantities["members"].mean[-1] if "members" in self.quantities else self.members)
                N = N if N > 0 else float("nan")  # nobody is left
                for a, label in enumerate(self.labels):
                    out[f"n/N [{label}]"] = (float(mean[a]) / N, float(error[a]) / N)
            elif name not in PROFILES and mean.ndim == 0:
                out[name] = (float(mean), float(error))
            elif name not in PROFILES:
                axis = dimensions(name, 1 + mean.ndim, several=False, thinned=False)[-1]
                along = range(mean.size) if self.system is None else names_along(axis, self.system, mean.size)
                out |= {f"{name}[{at}]": (float(mean[k]), float(error[k])) for k, at in enumerate(along)}
        return out


DESCRIBED = {row.name: row for row in TABLE}
NAMES = tuple(DESCRIBED)


def _place(named: tuple[str, Any]) -> tuple[int, str]:
    """Where a quantity stands in the table of quantities; a user's own, behind all others."""
    return NAMES.index(named[0]) if named[0] in NAMES else len(NAMES), named[0]


def settings(sweep: Held) -> Iterator[Setting]:
    """The settings of a sweep, one after the other, with all that came of their runs; memory holds one at a time."""
    theory = Theory()
    for _, runs in groupby(sweep.points, key=lambda point: json.dumps(point.setting)):  # seeds change fastest
        points = list(runs)
        found = Setting(points[0].setting, points)
        for point in points:
            run = sweep.run(point)
            if run is None:
                found.failed += point.name in sweep.reader.failures
                found.missing += point.name not in sweep.reader.failures
                continue
            if found.expected is None:
                _begin(found, sweep, point, run, theory)
            found.add(run, found.expected)  # type: ignore[arg-type]
        yield found


def _begin(setting: Setting, sweep: Held, point: Point, run: Run, theory: Theory) -> None:
    """What the runs of a setting share, from the first of them."""
    job = sweep.jobs.job(point)
    setting.members, setting.labels = job.start.members, list(job.system.labels)
    setting.system, setting.time = job.system, run.time
    setting.profile_time = run.time if run.profile_time is None else run.profile_time
    setting.expected = theory.of(job, setting.profile_time)
    setting.square = Moments(setting.profile_time.shape)
