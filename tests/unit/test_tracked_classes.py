"""Members that are followed among phase classes: the law of members with phases of their own, jump by jump."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from copympi.engine import methods
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record, records
from copympi.engine.support import Case
from copympi.engine.tracking import Jumps, initial_beables, named, spread_out
from copympi.model.preparation import prepare
from copympi.mpi import Alone
from tests.physics import random_system

P, K, SPREAD = 3, 4, 0.8
SYSTEM = random_system(P, 2)
NAMES = ("phase classes", "exact phase classes")


def start_of(N: int, spectators: int = 0, phases: NDArray[np.float64] | None = None):
    phase = np.array([0.2, 1.1, 2.5])
    spread = SPREAD if phases is None else 0.0
    density = np.array([0.3, 0.25, 0.45])
    return prepare(P, N, density=density, phase=phase, spread=spread, phases=phases, spectators=spectators)


def made(name: str, N: int, replicas: int = 1, spectators: int = 0, seed: int = 6, classes: int = K):
    row, start = methods.named(name), start_of(N, spectators)
    if row.representation == "members":  # the phases of the classes, member by member
        values = start.phase[:, None] + SPREAD * ((2.0 * np.arange(classes) + 1.0) / classes - 1.0)
        each = made("phase classes", N, classes=classes).count[0]
        start = start_of(N, spectators, np.repeat(values.ravel(), each.ravel()))
    case = Case(
        SYSTEM, start, Accuracy(N, leaving_chance=0.02), row.representation, replicas=replicas, seed=seed,
        phase_classes=classes, method=row.methods[0],
    )  # fmt: skip
    return row.make(Alone(), case)


def to(ensemble: Any, time: float, stops: int = 1):
    for stop in records(time / stops, 1, stops):
        ensemble.begin(stop)
        while ensemble.advance():
            pass
        yield stop


def law(name: str, N: int, replicas: int, at_once: bool = False) -> NDArray[np.float64]:
    """Of each replica: how many of each beable are in each at the end; the chance of a pair to stay together; how many
    jumps; means of their times and of e^{i phi} after them: (replicas, some)."""
    ensemble = made(name, N, replicas)
    if at_once:
        ensemble.few = False
    ids = np.arange(0, N, max(1, N // 300))
    ensemble.track(ids)
    first = initial_beables(ensemble.start, P, ids)
    for _ in to(ensemble, 1.0):
        pass
    last, jumps = ensemble.tracked_beables(), ensemble.take_jumps()
    pairs = np.array([np.bincount(P * first + row, minlength=P * P) for row in last], float)
    together = (pairs * (pairs - 1)).reshape(replicas, P, P).sum(axis=2)
    weights = [np.ones(len(jumps)), jumps.time, np.cos(jumps.phase), np.sin(jumps.phase), jumps.time**2]
    sums = [np.bincount(jumps.replica, weight, replicas) for weight in weights]
    return np.column_stack([pairs, together, sums[0], *(one / np.maximum(sums[0], 1) for one in sums[1:])])


@pytest.mark.parametrize(
    ("name", "other", "N", "at_once"),
    [
        ("phase classes", "phases", 90, False),
        ("phase classes", "phases", 3000, True),
        ("exact phase classes", "exact phases", 90, False),
    ],
    ids=["one by one", "all at once", "exact"],
)
def test_whom_classes_move_is_whom_members_move(name: str, other: str, N: int, at_once: bool) -> None:
    """Null hypothesis: histories have one law; means and variances over replicas are normal."""
    replicas = 60 if at_once else 300
    one, two = law(name, N, replicas, at_once), law(other, N, replicas)
    assert one[:, P * P + P].mean() > 20, "nothing is tested where nobody moves"
    moving = one.std(axis=0) > 0
    p = []
    for x, y in zip(one[:, moving].T, two[:, moving].T, strict=True):
        p.append(stats.ttest_ind(x, y, equal_var=False).pvalue)
        p.append(stats.ttest_ind((x - x.mean()) ** 2, (y - y.mean()) ** 2, equal_var=False).pvalue)
    assert min(p) > 0.001 / len(p)


@pytest.mark.parametrize("N", [10**9, 10**30])
def test_those_followed_of_many_are_spread_like_the_others(N: int) -> None:
    """Null hypothesis: 20,000 members are independent, each in a class with the chance of its part of N."""
    ensemble = made("phase classes", N)
    ensemble.track(spread_out(N, 20_000))
    for _ in to(ensemble, 1.0):
        pass
    found = np.bincount(ensemble.tracks.kernel.place[0], minlength=P * K)
    assert stats.chisquare(found, 20_000 * ensemble.count[0].ravel().astype(float) / N).pvalue > 0.001
    assert len(ensemble.take_jumps()) > 5000


@pytest.mark.parametrize(("name", "N"), [("phase classes", 500), ("phase classes", 10**12), (NAMES[1], 500)])
def test_who_copies_takes_the_phase_of_its_class(name: str, N: int) -> None:
    """The phase after a jump is that of the class it leads to, as records show it before and after, at its own time."""
    ensemble = made(name, N)
    ensemble.track(spread_out(N, 500))
    shift, stops, off = ensemble.shift, 400, []

    def angles() -> NDArray[np.float64]:
        z = ensemble.z[0, 0] + 1j * ensemble.z[0, 1]
        if name == NAMES[1]:  # values as last written down, and a map
            alpha, beta = ensemble.paths[0, :, 0:4:2].T + 1j * ensemble.paths[0, :, 1:4:2].T
            z = (alpha[:, None] * z + beta[:, None]) / (beta.conj()[:, None] * z + alpha.conj()[:, None])
        return np.angle(z).ravel()

    before, time = angles(), 0.0
    for stop in to(ensemble, 1.0, stops):
        after, found = angles(), ensemble.tracks.kernel.take(ensemble.tracked_ids, 1, phases=True)
        part = (found["time"] - time) * stops
        k = found["target"]
        turn = np.angle(np.exp(1j * (after - before)))
        here = before[k] + part * turn[k] + shift * found["time"]
        off.append(np.abs(np.exp(1j * (found["phase"] - here)) - 1.0))
        before, time = after, stop.time
    off = np.concatenate(off)
    assert len(off) > 100
    assert off.max() < 5e-4, "a mid-step phase would be off by ten times as much"


def jumps_lead(first: NDArray[np.int32], ids: NDArray[np.int64], jumps: Jumps) -> NDArray[np.int32]:
    beables = np.tile(first, (2, 1))
    for r, member, source, target in zip(jumps.replica, jumps.member, jumps.source, jumps.target, strict=True):
        k = np.searchsorted(ids, member)
        assert beables[r, k] == source
        assert source != target
        beables[r, k] = target
    return beables


@pytest.mark.parametrize(("name", "at_once"), [(NAMES[0], False), (NAMES[0], True), (NAMES[1], False)])
def test_filters_and_resumes(name: str, at_once: bool) -> None:
    """Everybody is followed: so they are all who can copy. Spectators are nobody; who leaves is nowhere."""

    def begun():
        ensemble = made(name, 900, 2, spectators=8)
        if at_once:
            ensemble.few = False
        ensemble.track(np.arange(named(ensemble.start, P)))
        return ensemble

    ensemble, off = begun(), 6 if at_once else 0
    first = ensemble.tracks.beables()[0]
    for _ in to(ensemble, 0.5):
        pass
    n = np.array([np.bincount(row, minlength=P) for row in ensemble.tracked_beables()])
    assert np.abs(n + 8 - ensemble.snapshot().n).max() <= off
    resumed = begun()
    resumed.restore(ensemble.state(), record(1, 0.5))
    for one in (ensemble, resumed):
        one.keep([0, 2])
        one.begin(record(2, 0.5))
        while one.advance():
            pass
    jumps, again = ensemble.take_jumps(), resumed.take_jumps()
    assert all(np.array_equal(again.columns[column], values) for column, values in jumps.columns.items())
    last, gone = ensemble.tracked_beables(), ensemble.tracked_beables() < 0
    assert np.array_equal(last, resumed.tracked_beables())
    assert gone.sum() == n[:, 1].sum()
    led = jumps_lead(first, ensemble.tracked_ids, jumps)
    assert np.array_equal(led[~gone], last[~gone])
    assert np.all(led[gone] == 1)
