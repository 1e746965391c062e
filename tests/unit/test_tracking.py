"""Individual systems: ids and beables at t = 0, rows of jumps, what is refused, and the draws of who moves and when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import copympi
from copympi.engine import methods
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.support import Case
from copympi.engine.tracking import Jumps, checked, initial_beables, named, spread_out
from copympi.errors import InputError
from copympi.kernels.tracker import Tracker, shares
from copympi.model.preparation import LARGEST, prepare
from copympi.mpi import Alone
from tests.contract import with_room
from tests.physics import random_system


@pytest.mark.parametrize(("N", "P", "spectators"), [(7, 3, 0), (1000, 4, 0), (200_017, 5, 3), (100_000, 20_000, 0)])
def test_beables_at_the_start_are_those_of_representation_members(N: int, P: int, spectators: int) -> None:
    """For every id there is, whatever blocks members stand in."""
    rho = np.random.default_rng(P).random(P)
    start = prepare(P, N, density=rho / rho.sum(), spectators=spectators)
    system = random_system(P, 1) if P < 100 else copympi.lattice(P)
    members = methods.named("members").make(Alone(), Case(system, start, Accuracy(N)))
    true = np.concatenate([members.beables(unit) for unit in range(members.layout.units)])
    np.testing.assert_array_equal(initial_beables(start, P, np.arange(len(true))), true)


@pytest.mark.parametrize("M", [10, 64, 1024, 1000])
@pytest.mark.parametrize("N", [10**4, 10**6, 10**12, LARGEST, 2**63, 10**80])
def test_a_number_of_members_is_spread_over_all(N: int, M: int) -> None:
    """However members are dealt to blocks, every beable has its share of them."""
    start = prepare(3, N, density=[0.2, 0.5, 0.3])
    ids = spread_out(N, M, 3)
    assert ids[0] >= 0
    assert ids[-1] < named(start, 3)
    assert len(np.unique(ids)) == M
    shares = np.bincount(initial_beables(start, 3, ids), minlength=3)
    np.testing.assert_allclose(shares, M * np.array([0.2, 0.5, 0.3]), atol=1)


def test_all_members_are_everybody() -> None:
    np.testing.assert_array_equal(spread_out(5, 5), np.arange(5))
    np.testing.assert_array_equal(spread_out(10**5, 10**5, 2), np.arange(10**5))


def test_ids_that_nobody_has_are_refused() -> None:
    start = prepare(2, 100, density=[0.5, 0.5], spectators=10)
    for ids, said in (([3, 3], "ascending"), ([], "ascending"), ([0, 80], "80: must be from 0 to 79"), ([-1], "-1: ")):
        with pytest.raises(InputError, match=rf"^output\.track = .*{said}"):
            checked(np.array(ids, np.int64), start, 2)
    with pytest.raises(InputError, match=r"^output\.track = 81: must be from 1 to 80"):
        spread_out(80, 81)


def test_jumps_are_put_in_order() -> None:
    """Of time, then replica, then member; one member's that agree in all stay as they came."""
    one = Jumps(
        np.array([2.0, 1.0, 1.0, 1.0]), np.array([0, 1, 0, 0]), np.array([5, 1, 9, 7]),
        np.array([0, 1, 2, 3], np.int32), np.array([1, 0, 3, 2], np.int32),
    )  # fmt: skip
    told = Jumps.joined([one, Jumps.none()]).ordered()
    assert told.member.tolist() == [7, 9, 1, 5]
    assert told.source.tolist() == [3, 2, 1, 0]
    assert len(told) == 4
    assert len(told[told.replica == 1]) == 1
    assert told.phase is None
    with_phases = Jumps.none(phases=True)
    assert with_phases.phase is not None
    assert [values.dtype for values in with_phases.columns.values()] == [
        np.float64, np.int64, np.int64, np.int32, np.int32, np.float64,
    ]  # fmt: skip


@pytest.mark.parametrize("ends", [(1.0, 3.0), (3.0, 0.0), (0.0, 2.0), (-1.0, 2.0), (2.0, -3.0), (1.0, 1.0)])
def test_times_follow_the_flow(ends: tuple[float, float]) -> None:
    """H0: the part of the time at which somebody moves has a density that goes linearly, where it is positive."""
    first, last = ends
    u = np.linspace(1.0, 0.0, 1001, endpoint=False)[::-1]
    found = shares(np.ascontiguousarray(u), first, last)
    assert np.all((found > 0) & (found <= 1))
    x = np.linspace(0, 1, 20_001)
    flow = np.maximum(first + (last - first) * x, 0.0)
    below = np.concatenate([[0], np.cumsum(flow[1:] + flow[:-1])])
    np.testing.assert_allclose(np.interp(found, x, below / below[-1]), u, atol=1e-4)


def test_where_nothing_flows_times_are_uniform() -> None:
    u = np.array([0.25, 1.0])
    for ends in ((0.0, 0.0), (-1.0, -2.0), (np.nan, np.nan)):
        np.testing.assert_array_equal(shares(u, *ends), u)


def test_a_tracker_is_what_it_was_after_its_state_is_read() -> None:
    start = np.array([0, 2, 2, 1, 0], np.int32)
    made = [Tracker(start, replicas=2, places=3, first_replica=4, seed=1, purposes=(33, 34)) for _ in range(2)]
    made[0].empty(np.array([0, 1, 0], np.uint8))
    order = np.empty((2, 5), np.int32)
    made[0].order(order)
    assert order.tolist() == [[0, 4, 1, 2, 3]] * 2
    assert made[0].place.tolist() == [[0, 2, 2, -1, 0]] * 2
    made[1].place[:] = made[0].place
    made[1].restore(order)
    again = np.empty_like(order)
    made[1].order(again)
    np.testing.assert_array_equal(again, order)
    with pytest.raises(ValueError, match="start: must be places"):
        Tracker(start, replicas=1, places=2, first_replica=0, seed=1, purposes=(33, 34))


@pytest.mark.parametrize(
    ("replicas", "members", "method", "bound"),
    [(1, 10**9, "auto", 150), (3, 2000, "auto", 150), (3, 200, "exact", 150), (40, 10**9, "auto", 400)],
)
def test_copies_that_wait_stay_few(replicas: int, members: int, method: str, bound: int) -> None:
    """However long the time between records: those that are final are taken before, the same ones in the same order.

    At most 50 are to wait. A moment makes about a quarter of them, or each replica makes a step.
    """
    rows, waited = [], []
    for most in (None, 50):
        start = prepare(3, members, density=[0.3, 0.3, 0.4], phase=[0.0, 0.7, 1.4])
        case = Case(random_system(3, 2), start, Accuracy(members), "occupation", replicas, 1, method=method, track=100)
        ensemble: Any = methods.choose(case).make(Alone(), case)
        ensemble.track(spread_out(members, 100, 3))
        jumps, top, early = with_room(ensemble, most, record(1, 20.0))
        rows.append(jumps)
        waited.append(top)
        assert (most is None) == (not early)
    for before, after in zip(rows[0].columns.values(), rows[1].columns.values(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert waited[1] <= bound < waited[0]
