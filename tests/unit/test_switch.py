"""Switches of H, by every method: states go on over them, in any segment, and phases with them."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from copympi.engine import clock
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import StopKind, Timetable
from copympi.engine.ensemble import Ensemble, Snapshot
from copympi.engine.lattice import LatticeCounts
from copympi.engine.methods import TABLE
from copympi.engine.replicas import IndependentReplicas
from copympi.engine.support import Method
from copympi.errors import InputError
from copympi.model.preparation import prepare
from copympi.model.rules import QUANTUM
from copympi.model.schedule import Schedule, Switch
from copympi.model.system import System
from copympi.mpi import Alone
from copympi.run.loop import carry_out
from tests import contract
from tests.contract import APART, FOUR, INTERVAL, switched, switching

every_row = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)


def test_stops_without_a_schedule_are_those_of_records() -> None:
    table = Timetable(0.1)
    assert [table.stop(k) for k in (1, 2, 30)] == [clock.record(k, 0.1) for k in (1, 2, 30)]
    assert [table.number(k) for k in (1, 7)] == [1, 7]
    assert not list(table.eventful(100))


def test_stops_of_a_schedule_stand_between_records_or_at_one() -> None:
    """Two entries at one time between records, one at a record, one beyond the last that is asked for."""
    table = Timetable(0.5, [0.2, 0.3, 0.3, 1.0, 2.2])
    stops = [table.stop(number) for number in range(1, 9)]
    assert [stop.time for stop in stops] == [0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 2.2, 2.5]
    np.testing.assert_allclose(np.cumsum([stop.length for stop in stops]), [stop.time for stop in stops], rtol=1e-15)
    assert [stop.record for stop in stops] == [1, 1, 1, 2, 3, 4, 5, 5]
    assert [stop.entries for stop in stops] == [(0,), (1, 2), (), (3,), (), (), (4,), ()]
    assert [stop.kind is StopKind.RECORD for stop in stops] == [False, False, True, True, True, True, False, True]
    assert [table.number(record) for record in range(1, 6)] == [3, 4, 5, 6, 8]
    assert [stop.number for stop in table.eventful(7)] == [1, 2, 4]


@every_row
def test_a_state_of_any_segment_goes_on_with_the_same_bits(row: Method) -> None:
    """In the middle of each segment where a method can stop there, else at its end."""
    case, schedule = switching(row)
    table = Timetable(INTERVAL, [entry.at for entry in schedule])
    whole = row.make(Alone(), case)
    told = [one for one in switched(whole, schedule) if one is not None]
    assert np.all(np.diff([one.events for one in told], axis=0) > 0), "nothing is tested where nothing moves"
    for ahead in range(1, 4):
        first, second = (row.make(Alone(), case) for _ in range(2))
        found = list(go_on(first, schedule, 1, ahead - 1))
        first.begin(table.stop(ahead))
        if isinstance(first, IndependentReplicas):
            first.pace.steps = 1
        first.advance()
        for stop in table.eventful(ahead):  # as a resume does
            second.begin(stop)
            carry_out(second, schedule, stop)
        second.restore(copy.deepcopy(first.state()), table.stop(ahead))
        while np.any(second.time_left > 0) and second.advance():
            pass
        if table.stop(ahead).kind is StopKind.RECORD:
            found.append(second.snapshot())
        carry_out(second, schedule, table.stop(ahead))
        found += go_on(second, schedule, ahead + 1, 3)
        assert contract.digest([one for one in found if one is not None]) == contract.digest(told[1:]), ahead


def go_on(ensemble: Ensemble, schedule: Schedule, first: int, last: int) -> list[Snapshot | None]:
    """From stop `first` to stop `last`, with what comes after it: the records."""
    table, out = Timetable(INTERVAL, [entry.at for entry in schedule]), []
    for stop in (table.stop(number) for number in range(first, last + 1)):
        ensemble.begin(stop)
        while ensemble.advance():
            pass
        if stop.kind is StopKind.RECORD:
            out.append(ensemble.snapshot())
        carry_out(ensemble, schedule, stop)
    return out


@every_row
def test_amplitudes_follow_one_h_after_the_other(row: Method) -> None:
    """Counts and phases against expm, to what N leaves: beable 3 loses its couplings and gets them back.

    N and bounds: leaps of counts 1e14 and 2e-6 of N, fluctuations being 1e-7; lattice counts 1e30 alike; else 6
    standard deviations of a binomial, of 20,000 members or (exact) 3,000, and as much in the phases.
    """
    N = 10**14 if row.most_members > 10**17 and row.representation == "occupation" else 20_000
    N = 3000 if row.methods == ("exact",) else 10**30 if row.name == "lattice counts" else N
    psi = np.array([0.5, 0.5j, -0.4 + 0.3j, 0.5])
    case, schedule = switching(row)
    spread = 1e-3 if "aligned" not in row.phases else 0.0
    start = prepare(4, N, state=psi, spread=spread)
    accuracy = Accuracy(N, tolerance=1e-6)
    case = replace(case, rule=QUANTUM, start=start, accuracy=accuracy, phase_classes=3)
    *_, last = switched(row.make(Alone(), case), schedule)
    assert last is not None
    H = [system.frequencies.toarray() for system in (FOUR, APART, FOUR)]
    for each, time in zip(H, (0.4 * INTERVAL, 0.6 * INTERVAL, INTERVAL), strict=True):
        psi = expm(-1j * each * time) @ psi
    c = np.sqrt(np.asarray(last.n[0], float) / float(N)) * np.exp(-1j * last.phase[0])
    bound = 2e-6 if N >= 10**14 else 6 / np.sqrt(N)
    assert np.abs(np.abs(c) ** 2 - np.abs(psi) ** 2).max() < bound
    assert np.abs(np.angle(c * psi.conj())).max() < max(bound, 2e-3 if spread else 0.0) / np.abs(psi).min() ** 2


def test_a_fixed_step_that_a_later_h_makes_too_long_is_refused_at_the_start() -> None:
    start = prepare(4, 10**30, state=np.full(4, 0.5))
    made = LatticeCounts(Alone(), FOUR, start, Accuracy(10**30, step=0.05), 1, 1)
    with pytest.raises(InputError, match=r"dynamics.step = 0.05: must be at most .*: the fastest waves of H"):
        made.check(System(100.0 * FOUR.hamiltonian))


def test_times_are_those_of_records_but_for_rounding() -> None:
    schedule = Schedule((Switch(0.3, FOUR), Switch(0.6, APART), Switch(0.65, FOUR))).on_records(0.1)
    assert [entry.at for entry in schedule] == [3 * 0.1, 6 * 0.1, 0.65]
    for times in ((1e-12, 0.5), (0.31, 0.31 + 1e-12)):
        with pytest.raises(InputError, match=r"schedule\[\d\].at = .*: must be more than 1e-10 after"):
            Schedule(tuple(Switch(at, FOUR) for at in times)).on_records(0.1)
