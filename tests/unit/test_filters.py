"""What a filter does to an ensemble, over all rows of the table of methods; tests/statistical/test_filters.py has laws.

Same bits on several ranks: tests/mpi/test_methods.py, by the digests of tests/contract.py.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm

from copympi.engine import clock
from copympi.engine.ensemble import Ensemble, Snapshot
from copympi.engine.methods import TABLE
from copympi.engine.support import Case, Method
from copympi.model.preparation import LARGEST
from copympi.mpi import Alone
from copympi.storage import checkpoint, restart
from tests import contract
from tests.contract import INTERVAL, KEPT, cases

ALL = [(row, name) for row in TABLE for name in cases(row)]
every_row = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
every_case = pytest.mark.parametrize(("row", "name"), ALL, ids=[f"{row.name}, {name}" for row, name in ALL])


def passing(case: Case) -> list[int]:
    """Beables whose members stay, some of them coupled to each other."""
    return list(KEPT) if case.system.P == 4 else [0, 1, 2, 5, 6, 8]


def reach(ensemble: Ensemble, *numbers: int) -> Snapshot:
    """The state at the last of these records, one after the other."""
    for number in numbers:
        ensemble.begin(clock.record(number, INTERVAL))
        while ensemble.advance():
            pass
    found = ensemble.snapshot()
    assert found is not None
    return found


def filtered(row: Method, case: Case) -> tuple[Ensemble, Snapshot, Snapshot]:
    """An ensemble right after a filter at the first record, and what it was like before and after."""
    ensemble = row.make(Alone(), case)
    before = reach(ensemble, 1)
    ensemble.keep(passing(case))
    after = ensemble.snapshot()
    assert after is not None
    return ensemble, before, after


@every_case
def test_who_stays_and_who_leaves(row: Method, name: str) -> None:
    """Those of the kept beables, as they were; N is their number, and is kept from then on."""
    case = cases(row)[name]
    ensemble, before, after = filtered(row, case)
    large = case.start.members > LARGEST
    kept = passing(case)
    gone = np.setdiff1d(np.arange(case.system.P), kept)
    assert np.all(after.n[:, gone] == 0), "spectators too"
    np.testing.assert_allclose(after.n[:, kept], before.n[:, kept], rtol=1e-12 if large else 0)
    turn = np.angle(np.exp(1j * (after.phase - before.phase)))[:, kept]
    assert np.abs(turn[after.n[:, kept] > 0]).max() < 1e-12
    assert np.array_equal(after.events, before.events), "to leave is no copy"
    N = after.n.sum(axis=1)
    np.testing.assert_allclose(ensemble.present, N, rtol=1e-12 if large else 0)
    end = reach(ensemble, 2, 3)
    np.testing.assert_allclose(end.n.sum(axis=1), N, rtol=1e-8 if row.infinite else 1e-12 if large else 0)
    if not row.guided:  # Psi may lead systems there again
        assert np.all(end.n[:, gone] == 0), "nobody to copy"
    assert end.n[:, kept].min() >= case.start.spectators
    assert np.sum(end.events) > np.sum(after.events), "nothing is tested where nothing moves"
    assert np.all(np.isfinite(end.phase[end.n > 0]))


@every_case
def test_a_state_after_a_filter_goes_on_with_the_same_bits(row: Method, name: str) -> None:
    """Restored into a new ensemble, from which nobody has left."""
    case = cases(row)[name]
    ensemble, *_ = filtered(row, case)
    ensemble.begin(clock.record(2, INTERVAL))
    ensemble.advance()
    state = copy.deepcopy(ensemble.state())
    while np.any(ensemble.time_left > 0) and ensemble.advance():
        pass
    again = row.make(Alone(), case)
    again.restore(state, clock.record(2, INTERVAL))
    while np.any(again.time_left > 0) and again.advance():
        pass
    assert contract.digest([reach(again, 3)]) == contract.digest([reach(ensemble, 3)])
    for one, two in zip(ensemble.per_member().values(), again.per_member().values(), strict=True):
        np.testing.assert_array_equal(one, two)


def named(ensemble: Any) -> list[NDArray[np.int64]]:
    return [ensemble.beables(unit) for unit in range(ensemble.layout.units)]


@pytest.mark.parametrize("name", ["few members", "many members, an empty beable", "a lattice"])
@pytest.mark.parametrize("method", ["members", "lattice members", "phases", "momenta", "exact members"])
def test_names_stay(method: str, name: str) -> None:
    """Who stays has the beable he had under his own number; who has left is marked, and does not come back."""
    row = next(row for row in TABLE if row.name == method)
    if name not in cases(row):
        pytest.skip("takes no lattices")
    case = cases(row)[name]
    ensemble, kept = row.make(Alone(), case), passing(case)
    reach(ensemble, 1)
    before = named(ensemble)
    ensemble.keep(kept)
    for was, now, size in zip(before, named(ensemble), ensemble.sizes, strict=True):
        stays = np.isin(was, kept)
        assert 0 < size == stays.sum() < was.size
        assert np.array_equal(now, np.where(stays, was, -1))
    reach(ensemble, 2)
    moved = 0
    for was, now in zip(before, named(ensemble), strict=True):
        stays = np.isin(was, kept)
        assert np.all(np.isin(now[stays], kept))
        assert np.all(now[~stays] == -1)
        moved += np.count_nonzero(now[stays] != was[stays])
    assert moved > 0


@every_row
def test_a_filter_that_leaves_nobody(row: Method, tmp_path: Path) -> None:
    """The run goes on with nobody: it is at every stop at once; so it does from a checkpoint with no member in it."""
    case = cases(row)["few members"]
    ensemble, *_ = filtered(row, case)
    ensemble.keep([3])
    assert np.all(ensemble.deserted)
    ensemble.begin(clock.record(2, INTERVAL))
    path = tmp_path / "checkpoint.h5"
    checkpoint.write(Alone(), path, ensemble.state(), {"attempt": 1}, "root", lambda: None)
    again = row.make(Alone(), case)
    again.restore(restart.read(path, 1, 0)[0], clock.record(2, INTERVAL))
    for one in (ensemble, again):
        events, steps = one.events.copy(), one.step.copy()
        end = reach(one, 2, 3)
        assert np.all(end.n == 0)
        assert np.array_equal(end.events, np.rint(events) if one.whole_copies else events)
        assert np.array_equal(one.step, steps), "no time for nobody"
        assert np.all(one.times == 3 * INTERVAL)


@every_row
def test_replicas_do_not_know_of_each_other_after_a_filter(row: Method) -> None:
    """N of each is another; the first of five is the one of a run alone."""
    if not row.replicas:
        pytest.skip("has no replicas")
    case = cases(row)["few members"]
    five, _, after = filtered(row, case)
    alone, *_ = filtered(row, replace(case, replicas=1))
    assert len(np.unique(after.n.sum(axis=1))) > 1
    ends = reach(five, 2, 3), reach(alone, 2, 3)
    np.testing.assert_array_equal(ends[0].n[0], ends[1].n[0])
    np.testing.assert_array_equal(ends[0].phase[0], ends[1].phase[0])
    assert five.step[0] == alone.step[0]


def test_a_second_filter_and_one_that_keeps_all() -> None:
    """Filters follow each other; one that everybody passes changes nothing, where no sums are taken anew not a bit."""
    for row in TABLE:
        case = cases(row)["few members"]
        plain, idle = row.make(Alone(), case), row.make(Alone(), case)
        reach(plain, 1), reach(idle, 1)
        idle.keep(range(4))
        same = contract.digest([reach(idle, 2)]) == contract.digest([reach(plain, 2)])
        assert same or row.name in ("phases", "momenta", "general phases"), row.name
        idle.keep([0, 2, 3])
        idle.keep([2, 3])
        end = reach(idle, 3)
        assert row.guided or np.all(end.n[:, :2] == 0)  # Psi may lead systems there again
        assert np.all(end.n[:, 2:] > 0)


@pytest.mark.parametrize("members", [10**14, 10**30])
def test_after_a_filter_many_follow_the_projected_hamiltonian(members: int) -> None:
    """rho = n/N of now, to 1e-5: exp(-i PHP t) of the projected state; deviations keep all their digits."""
    row = next(row for row in TABLE if row.name == "lattice counts")
    case, kept = contract.asked(row, members, contract.FOUR, spectators=1), [0, 2, 3]  # none is empty
    H = contract.FOUR.frequencies.toarray()
    psi = (expm(-1j * INTERVAL * H) @ case.start.state)[kept]
    psi = expm(-2j * INTERVAL * H[np.ix_(kept, kept)]) @ (psi / np.linalg.norm(psi))
    ensemble = row.make(Alone(), case)
    before = reach(ensemble, 1)
    ensemble.keep(kept)
    after = ensemble.snapshot()
    assert after is not None
    if members > LARGEST:  # sqrt(N) xi of those who stay, less their part of what all of them have added to N
        off = np.sqrt(float(members)) * before.more["fluctuation"][0, kept]
        off -= off.sum() * after.n[0, kept] / after.n[0].sum()
        found = np.sqrt(after.n[0].sum()) * after.more["fluctuation"][0, kept]
        np.testing.assert_allclose(found, off, rtol=1e-9, atol=1e-9 * np.abs(off).max())
        assert 1e13 < np.abs(off).max() < 1e16
    end = reach(ensemble, 2, 3)
    np.testing.assert_allclose(end.n[0, kept] / end.n[0].sum(), np.abs(psi) ** 2, atol=1e-5)
