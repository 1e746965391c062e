"""Laws of individual systems in occupations: those of a naive twin, of representation members, of continuous time."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, ks_2samp, kstest

import copympi
from copympi.engine import clock, methods
from copympi.engine.accuracy import Accuracy
from copympi.engine.ensemble import Ensemble
from copympi.engine.support import Case
from copympi.engine.tracking import Jumps, initial_beables, spread_out
from copympi.model.preparation import Start, prepare
from copympi.mpi import Alone
from tests.physics import random_system
from tests.reference.naive_histories import dealt

P, N, T, STEP, REPLICAS = 3, 24, 1.2, 1.2 / 16, 800
SMALL = random_system(P, 5)
START = prepare(P, N, density=[0.5, 0.3, 0.2], phase=[0.0, 1.0, 2.5])
TWO = copympi.System([[0.3, 0.5], [0.5, -0.3]])


def made(name: str, seed: int, step: float | None = STEP) -> Ensemble:
    row = methods.named(name)
    step = step if row.fixed_steps else None
    case = Case(SMALL, START, Accuracy(N, step), row.representation, REPLICAS, seed, method=row.methods[0])
    return row.make(Alone(), case)


def carried(ensemble: Ensemble, ids: NDArray[np.int64]) -> Jumps:
    ensemble.track(ids)
    ensemble.begin(clock.record(1, T))
    while ensemble.advance():
        pass
    return ensemble.take_jumps()


@cache
def everybody(name: str, seed: int, anew: bool) -> Jumps:
    """Jumps of all members of all replicas; anew: dealt by the naive twin."""
    ids = np.arange(N)
    jumps = carried(made(name, seed), ids)
    if not anew:
        return jumps
    draw, start = np.random.default_rng(seed), initial_beables(START, P, ids)
    one_by_one = "exact" in name
    parts = []
    for r in range(REPLICAS):
        mine = jumps[jumps.replica == r]
        halves = np.ceil(mine.time / (0.5 * STEP) - 1e-9).astype(np.int64)
        parts.append(dealt(start, mine, np.arange(len(mine)) if one_by_one else halves, draw))
    return Jumps.joined(parts)


def of_two(jumps: Jumps) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Of members 0 and 1 of every replica: their numbers of jumps, up to 3; where they end; how long member 0 stays."""
    number = np.zeros((REPLICAS, 2), np.int64)
    now = np.tile(initial_beables(START, P, np.arange(2)).astype(np.int64), (REPLICAS, 1))
    first = np.full(REPLICAS, T)
    for time, r, member, target in zip(jumps.time, jumps.replica, jumps.member, jumps.target, strict=True):
        if member < 2:
            number[r, member] += 1
            now[r, member] = target
            if member == 0:
                first[r] = min(first[r], time)
    return 4 * np.minimum(number[:, 0], 3) + np.minimum(number[:, 1], 3), P * now[:, 0] + now[:, 1], first


def alike(one: NDArray[np.int64], two: NDArray[np.int64]) -> float:
    """p of the null hypothesis that two samples of small integers are of one law; rare values together."""
    table = np.array([np.bincount(x, minlength=1 + max(one.max(), two.max())) for x in (one, two)])
    rare = table.sum(axis=0) < 20
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    return float(chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue)


@pytest.mark.parametrize("name", ["leaping counts", "exact counts"])
@pytest.mark.parametrize("how", ["everybody is followed", "two are followed"])
def test_histories_have_the_law_of_a_naive_twin(name: str, how: str) -> None:
    """H0: numbers of jumps of two members, jointly, where they end, jointly, and how long one stays have the law that
    they have where members are dealt by hand, in a run with another seed."""
    found = everybody(name, 1, False) if how == "everybody is followed" else carried(made(name, 2), np.arange(2))
    twin = of_two(everybody(name, 3, True))
    numbers, ends, stays = of_two(found)
    assert alike(numbers, twin[0]) > 1e-3
    assert alike(ends, twin[1]) > 1e-3
    assert ks_2samp(stays, twin[2]).pvalue > 1e-3


def test_where_two_end_is_as_in_representation_members() -> None:
    """H0: the same joint law. And these tests can fail: not that of members who start elsewhere."""
    ensemble = made("members", 4)
    ensemble.begin(clock.record(1, T))
    while ensemble.advance():
        pass
    there = np.array([ensemble.beables(r)[:2] for r in range(REPLICAS)])  # type: ignore[attr-defined]
    ends = of_two(everybody("leaping counts", 1, False))[1]
    assert alike(P * there[:, 0] + there[:, 1], ends) > 1e-3
    other = np.array([ensemble.beables(r)[-2:] for r in range(REPLICAS)])  # type: ignore[attr-defined]
    assert alike(P * other[:, 0] + other[:, 1], ends) < 1e-3


@pytest.mark.parametrize("spectators", [0, 5])
def test_everybody_is_followed_where_some_go_event_by_event_and_others_leap(spectators: int) -> None:
    """A beable of twelve members among many (way 3 of "Few members"): jumps are all the copies, those of one member
    follow one another in time, and they lead to all of n but spectators."""
    members = 400_000
    small = (12 + spectators) / members
    start = prepare(
        4, members, density=[small, 0.3, 0.3, 0.4 - small], phase=np.arange(4) * 0.7, spectators=spectators
    )  # fmt: skip
    case = Case(random_system(4, 1), start, Accuracy(members), "occupation", seed=1)
    ensemble = methods.named("counts").make(Alone(), case)
    ids = np.arange(members - 4 * spectators)
    now = initial_beables(start, 4, ids)
    ensemble.track(ids)
    ensemble.begin(clock.record(1, 0.04))
    while ensemble.advance():
        pass
    jumps = ensemble.take_jumps()
    jumps = jumps[np.lexsort((jumps.time, jumps.member))]
    goes_on = np.flatnonzero(jumps.member[1:] == jumps.member[:-1])
    first = np.setdiff1d(np.arange(len(jumps)), goes_on + 1)
    np.testing.assert_array_equal(jumps.source[goes_on + 1], jumps.target[goes_on])
    np.testing.assert_array_equal(jumps.source[first], now[jumps.member[first]])
    now[jumps.member] = jumps.target  # the last one counts
    np.testing.assert_array_equal(ensemble.tracked_beables(), now[None])
    np.testing.assert_array_equal(np.bincount(now, minlength=4), ensemble.n[0] - spectators)
    assert len(jumps) == ensemble.events[0] > 10_000
    assert len(goes_on) > 10


# --- many members of few beables: each is a Markov process of its own, in rates that Schroedinger's equation gives

IDS = spread_out(10**12, 200_000)


def mean_field(duration: float, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of TWO: times (count + 1,), and the flow 0->1 in unit time, less what flows back (one of them is 0)."""
    time = np.linspace(0.0, duration, count + 1)
    energy, modes = np.linalg.eigh(TWO.hamiltonian.toarray())
    psi = (modes * np.exp(-1j * np.outer(time, energy))[:, None, :]) @ (modes.conj().T @ np.array([0.8, 0.6j]))
    return time, 2.0 * np.imag(psi[:, 1].conj() * TWO.hamiltonian.toarray()[1, 0] * psi[:, 0])


def leapt(system: copympi.System, start: Start, duration: float, accuracy: Accuracy, seed: int) -> tuple[Jumps, float]:
    """Of 200,000 among 10^12: jumps, and the largest chance to leave in a step."""
    case = Case(system, start, accuracy, "occupation", seed=seed, method="leap")
    ensemble = methods.named("leaping counts").make(Alone(), case)
    ensemble.track(IDS)
    ensemble.begin(clock.record(1, duration))
    while ensemble.advance():
        pass
    return ensemble.take_jumps(), float(ensemble.largest_chance[0])


def test_times_of_copies_follow_the_flow_within_a_step() -> None:
    """H0: copies come with a density that is the flow's size, in four steps over a time in which it turns round. Times
    that are uniform in their half steps fail."""
    duration, step = 2.0, 0.5
    start = prepare(2, 10**12, state=[0.8, 0.6j])
    jumps, _ = leapt(TWO, start, duration, Accuracy(10**12, step, 1e-2, 1.0), 6)
    times = jumps.time[::2]
    time, flow = mean_field(duration, 4000)
    below = np.concatenate([[0.0], np.cumsum(np.abs(flow[1:] + flow[:-1]))])

    def law(t: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.interp(t, time, below / below[-1])

    assert kstest(times, law).pvalue > 1e-3
    half = 0.5 * step
    uniform = half * (np.floor(times / half) + np.random.default_rng(1).random(len(times)))
    assert kstest(uniform, law).pvalue < 1e-3


def test_numbers_of_jumps_err_by_the_first_order_in_the_leaving_chance() -> None:
    """Three beables in a ring and a state that goes round: in continuous time numbers of jumps are Poisson's. As nobody
    jumps twice in a half step they vary less, by half the chance to leave in a step. H0: that, and so half the chance,
    half the error; standard errors are those of 200,000 independent members."""
    ring = copympi.System(0.5 * (np.ones((3, 3)) - np.eye(3)))
    start = prepare(3, 10**12, density=np.full(3, 1 / 3), phase=-2 * np.pi / 3 * np.arange(3))
    rate, duration, off = 2 * 0.5 * np.sin(2 * np.pi / 3), 5.0, []
    for chance, seed in ((0.24, 7), (0.12, 8)):
        jumps, largest = leapt(ring, start, duration, Accuracy(10**12, None, 1e-2, chance), seed)
        assert 0.9 * chance < largest <= chance
        number = np.bincount(np.searchsorted(IDS, jumps.member), minlength=len(IDS))
        off.append(number.var() / (rate * duration) - 1.0)
        error = np.sqrt((2.0 + 1.0 / (rate * duration)) / len(IDS))
        assert abs(number.mean() / (rate * duration) - 1.0) < 1e-3
        assert abs(off[-1] + 0.5 * largest) < 3.3 * error
    assert abs(off[0] - 2.0 * off[1]) < 3.3 * np.sqrt(5.0) * error
