"""Members that are followed on lattices: Bell's process where members are many, whole numbers, unfinished steps."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.linalg as sl
from numpy.typing import NDArray
from scipy import stats

import copympi
from copympi.engine import methods
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record, records
from copympi.engine.support import Case
from copympi.engine.tracking import Jumps, initial_beables, named, spread_out
from copympi.model.preparation import LARGEST, prepare
from copympi.mpi import Alone
from tests.contract import with_room

MANY = np.arange(4_000_000)


def made(psi: NDArray[Any], N: int, method: str = "lattice counts", replicas: int = 1, seed: int = 3, **more: Any):
    system = copympi.lattice(len(psi), potential=more.pop("potential", None))
    psi = psi / np.linalg.norm(psi)
    start = prepare(len(psi), N, density=np.abs(psi) ** 2, phase=-np.angle(psi), spectators=more.pop("spectators", 0))
    row = methods.named(method)
    case = Case(system, start, Accuracy(N, **more), row.representation, replicas=replicas, seed=seed)
    return row.make(Alone(), case)


def to(ensemble, time: float, stops: int = 1):
    for stop in records(time / stops, 1, stops):
        ensemble.begin(stop)
        while ensemble.advance():
            pass


def waves(P: int, *parts: tuple[int, float]) -> NDArray[np.complex128]:
    x = np.arange(P)
    return np.sum([weight * np.exp(2j * np.pi * k * x / P) for k, weight in parts], axis=0)


def of_beable(ensemble, a: int, most: int) -> NDArray[np.int64]:
    """Ids of members of one beable at t = 0."""
    start, P = ensemble.start, ensemble.system.P
    some = spread_out(start.members, 400_000) if start.members > LARGEST else MANY[: min(named(start, P), len(MANY))]
    return some[initial_beables(start, P, some) == a][:most]


def bells(system, psi: NDArray[Any], a: int, time: float, parts: int = 4000) -> NDArray[np.float64]:
    """Where who is at a at first is at a time, by Bell's rates with Schroedinger's wavefunction, (P,)."""
    H = system.frequencies.toarray()
    psi = psi / np.linalg.norm(psi)
    half = sl.expm(-0.5j * H * time / parts)
    p = np.eye(len(psi))[a]
    for _ in range(parts):
        psi = half @ psi
        flow = np.maximum(2.0 * (psi.conj()[:, None] * (H - np.diag(np.diag(H))) * psi).imag, 0.0)
        W = flow / np.abs(psi) ** 2
        W -= np.diag(W.sum(axis=0))
        step = W * time / parts
        p = p + step @ (p + step @ p / 2.0)
        psi = half @ psi
    return p


@pytest.mark.parametrize(
    ("psi", "N", "a", "time"),
    [
        (waves(8, (0, 1.0), (1, 0.5), (-2, 0.2)), 10**9, 2, 3.0),
        (waves(16, (3, 1.0), (-3, 0.93), (0, 0.3)), 10**30, 5, 4.0),
        (waves(16, (3, 1.0), (-3, 0.995), (0, 0.02)), 10**30, 5, 4.0),
    ],
    ids=["a ring", "nodes that a current runs through", "and deep ones"],
)
def test_one_of_many_goes_as_bells_process_does(psi: NDArray[Any], N: int, a: int, time: float) -> None:
    """Null hypothesis: 30,000 members of one beable are independent, with Bell's law. In deep nodes members stay for
    a small part of a step."""
    ensemble = made(psi, N)
    ensemble.track(of_beable(ensemble, a, 30_000))
    to(ensemble, time)
    M = len(ensemble.tracked_ids)
    found = np.bincount(ensemble.tracked_beables()[0], minlength=len(psi))
    expected = M * bells(ensemble.system, psi, a, time)
    rare = expected < 5
    cells = [np.append(one[~rare], one[rare].sum()) for one in (found, expected)]
    keep = cells[1] > 1
    chi2 = ((cells[0] - cells[1])[keep] ** 2 / cells[1][keep]).sum()
    assert stats.chi2.sf(chi2, keep.sum() - 1) > 0.001
    assert expected[a] < 0.97 * M, "nothing is tested where nobody moves"


def test_the_moments_of_copies_follow_the_flow_within_long_steps() -> None:
    """Null hypothesis: first jumps of 20,000 members of one beable come at Bell's rate of that instant, which trebles
    in two long steps. Moments spread evenly over a step would be noticed."""
    psi, a, h = waves(8, (0, 1.0), (1, 0.9), (-2, 0.4)), 0, 0.5
    ensemble = made(psi, 10**30, step=h)
    ensemble.track(of_beable(ensemble, a, 20_000))
    to(ensemble, 2 * h)
    jumps = ensemble.take_jumps()
    _, first = np.unique(jumps.member, return_index=True)  # ordered in time
    found = jumps.time[first]
    H, psi = ensemble.system.frequencies.toarray(), psi / np.linalg.norm(psi)
    time = np.linspace(0.0, 2 * h, 2001)
    energy, states = np.linalg.eigh(H)
    path = (np.exp(-1j * np.outer(time, energy)) * (states.conj().T @ psi)) @ states.T
    gone = -2.0 * (path[:, a : a + 1].conj() * H[a] * path).imag
    gone[:, a] = 0.0
    rate = np.maximum(gone, 0.0).sum(axis=1) / np.abs(path[:, a]) ** 2
    left = -np.expm1(-np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(time))]))
    assert rate[-1] > 2.5 * rate[0]
    assert abs(len(found) / 20_000 - left[-1]) < 4 * np.sqrt(left[-1] * (1 - left[-1]) / 20_000)
    assert stats.kstest(found, lambda t: np.interp(t, time, left / left[-1])).pvalue > 0.001
    assert stats.kstest(found % h, "uniform", (0.0, h)).pvalue < 1e-6


def test_a_packets_members_go_with_it() -> None:
    """A coherent packet with N = 1e30 falls to the middle of its well: members spread evenly are where it is, and have
    gone as far. Null hypothesis: means of independent members."""
    omega, sites = 1 / 72, 128
    psi = np.exp(-((np.arange(sites) - 47.5) ** 2) / (4 * 6**2))
    ensemble = made(psi, 10**30, potential={"kind": "harmonic", "omega": omega})
    ensemble.track(spread_out(10**30, 3000))
    first = ensemble.tracks.beables()[0].astype(float)
    to(ensemble, 0.25 * 2 * np.pi / omega)
    last = ensemble.tracks.beables()[0].astype(float)
    n = ensemble.snapshot().n[0] / 1e30
    x = np.arange(sites)
    assert abs(last.mean() - n @ x) < 4 * last.std() / np.sqrt(3000)
    gone = last - first
    begin = np.abs(psi) ** 2 / np.sum(np.abs(psi) ** 2)
    assert abs(gone.mean() - (n - begin) @ x) < 4 * gone.std() / np.sqrt(3000)
    assert 15 < gone.mean() < 17


def table(method: str, N: int, replicas: int, spectators: int) -> NDArray[np.float64]:
    """Of each replica: how many of each beable are in each at the end, a pair's chance to stay together, and jumps of
    even and odd numbers, (replicas, some)."""
    P = 4
    ensemble = made(
        waves(P, (0, 1.0), (1, 0.6)), N, method, replicas, 7, spectators=spectators, leaving_chance=0.02
    )  # fmt: skip
    if method == "lattice counts":
        ids = np.arange(named(ensemble.start, P))
        ensemble.track(ids)
        first, to_first = initial_beables(ensemble.start, P, ids), ensemble.tracks.beables
        first = np.tile(first, (replicas, 1))
        to(ensemble, 1.0)
        last = to_first()
    else:
        first = np.array([ensemble.beables(r) for r in range(replicas)])
        to(ensemble, 1.0)
        last = np.array([ensemble.beables(r) for r in range(replicas)])
    pairs = np.array([np.bincount(P * a + b, minlength=P * P) for a, b in zip(first, last, strict=True)], float)
    return np.column_stack([pairs, (pairs * (pairs - 1)).reshape(replicas, P, P).sum(axis=2)])


@pytest.mark.parametrize("spectators", [0, 2])
def test_whole_numbers_move_whom_members_move(spectators: int) -> None:
    """The law of representation "members", all of 60 members followed in 400 replicas: means and spreads of transitions
    and of pairs that stay together. Null hypothesis: equal; normal means and variances."""
    one, other = (table(method, 60, 400, spectators) for method in ("lattice counts", "members"))
    moving = (one.std(axis=0) > 0) & (other.std(axis=0) > 0)
    one, other = one[:, moving], other[:, moving]
    assert moving.sum() > 12
    p = [stats.ttest_ind(x, y, equal_var=False).pvalue for x, y in zip(one.T, other.T, strict=True)]
    p += [
        stats.ttest_ind((x - x.mean()) ** 2, (y - y.mean()) ** 2, equal_var=False).pvalue
        for x, y in zip(one.T, other.T, strict=True)
    ]
    assert min(p) > 0.001 / len(p)


@pytest.mark.parametrize(("N", "off"), [(600, 0), (30_000, 60)], ids=["whole numbers", "many"])
def test_where_everybody_is_followed_they_are_the_ensemble(N: int, off: int) -> None:
    """Of whole numbers exactly; of many, whose flows are real numbers, but for rounding."""
    ensemble = made(waves(8, (0, 1.0), (1, 0.5), (-2, 0.2)), N, replicas=2)
    ensemble.track(np.arange(N))
    to(ensemble, 3.0)
    n = ensemble.snapshot().n
    found = np.array([np.bincount(row, minlength=8) for row in ensemble.tracked_beables()])
    assert np.abs(found - n).max() <= off
    assert abs(len(ensemble.take_jumps()) - ensemble.events.sum()) <= off


def test_copies_that_wait_between_records_stay_few() -> None:
    """Replicas wait for each other where rows would fill the memory: the same rows, few of them held."""
    found, held = [], []
    for most in (None, 100):
        ensemble = made(waves(70, (0, 1.0), (3, 0.5), (-2, 0.2)), 10**6, replicas=3)
        ensemble.track(spread_out(10**6, 500))
        jumps, top, early = with_room(ensemble, most, record(1, 6.0))
        found.append(jumps)
        held.append(top)
        assert (most is None) == (not early)
    for before, after in zip(found[0].columns.values(), found[1].columns.values(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert held[1] <= 300 < held[0]


class Hasty:
    """A pace that leaves every step of stiff clusters unfinished, again and again."""

    steps = 1

    def learn(self, *_: Any) -> None:
        pass

    limit = learn


@cache
def unhurried() -> tuple[NDArray[np.int32], Jumps]:
    ensemble = stiff()
    to(ensemble, 2.0, 2)
    return ensemble.tracked_beables(), ensemble.take_jumps()


def stiff():
    """Nodes, and so clusters with hundreds of substeps a step."""
    ensemble = made(waves(16, (3, 1.0), (-3, 0.995), (0, 0.1)), 20_000, replicas=2)
    ensemble.track(spread_out(20_000, 2000))
    return ensemble


def same(one: Jumps, other: Jumps) -> bool:
    return all(np.array_equal(one.columns[name], other.columns[name]) for name in one.columns)


def test_steps_may_be_left_unfinished_and_looked_at() -> None:
    """A checkpoint in mid-step shows the step's start, jumps included, and changes nothing."""
    last, jumps = unhurried()
    ensemble, parts, middle = stiff(), [], 0
    ensemble.pace = Hasty()
    for stop in records(1.0, 1, 2):
        ensemble.begin(stop)
        more = True
        while more:
            more = ensemble.advance()
            if ensemble.replicas.in_mid_step:
                middle += 1
                ensemble.state()
                parts.append(ensemble.take_jumps())
                time = np.where(ensemble.times[parts[-1].replica] >= parts[-1].time, 0, 1)
                assert not time.any(), "jumps of an unfinished step"
    assert middle > 100
    assert np.array_equal(ensemble.tracked_beables(), last)
    assert same(Jumps.joined([*parts, ensemble.take_jumps()]).ordered(), jumps)


def test_a_resume_from_mid_step_has_the_same_histories() -> None:
    last, jumps = unhurried()
    ensemble = stiff()
    ensemble.pace = Hasty()
    ensemble.begin(record(1, 1.0))
    for _ in range(200):
        ensemble.advance()
    while not ensemble.replicas.in_mid_step:
        ensemble.advance()
    resumed = stiff()
    resumed.restore(ensemble.state(), record(1, 1.0))
    while resumed.advance():
        pass
    resumed.begin(record(2, 1.0))
    while resumed.advance():
        pass
    assert np.array_equal(resumed.tracked_beables(), last)
    assert same(resumed.take_jumps(), jumps)
