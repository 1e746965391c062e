"""Members followed by their ids: their histories against where they stand, the moments of copies, phases after them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from copympi.engine import clock, methods
from copympi.engine.accuracy import Accuracy
from copympi.engine.ensemble import Ensemble
from copympi.engine.exact_phases import ExactPhases
from copympi.engine.general_phases import GeneralExactPhases
from copympi.engine.members import Members
from copympi.engine.replicas import IndependentReplicas
from copympi.engine.support import OWN, Method
from copympi.engine.tracking import Jumps, initial_beables, spread_out
from copympi.kernels import exact_phases as exact_kernel
from copympi.kernels import general_phase_events as events_kernel
from copympi.kernels.profiles import moments
from copympi.model.preparation import limit, prepare
from copympi.model.rules import QUANTUM
from copympi.model.system import System
from copympi.mpi import Alone
from tests.contract import INTERVAL, KEPT, asked, cases, switching
from tests.physics import random_state, random_system

ROWS = [row for row in methods.TABLE if row.representation == "members"]
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
FEW, MANY = "few members", "many members, an empty beable"
CASES = [(row, name) for row in ROWS for name in (FEW, MANY)[: 1 + row.fixed_steps]]
"""A few members in several replicas; many in blocks, where a method has blocks."""
TWO = System([[0.3, 0.5], [0.5, -0.3]])


def followed(row: Method, case: Any, ids: NDArray[np.int64] | None = None) -> Ensemble:
    """An ensemble in which some members are followed, by default 60 of them."""
    ensemble = row.make(Alone(), case)
    free = case.start.members - case.system.P * case.start.spectators
    ensemble.track(spread_out(free, 60) if ids is None else ids)
    return ensemble


def advanced(ensemble: Ensemble) -> bool:
    """A step, or few of them."""
    if isinstance(ensemble, IndependentReplicas):
        ensemble.pace.steps = 1
    return ensemble.advance()


def steps(ensemble: Ensemble, records: int = 1, interval: float = INTERVAL) -> Iterator[Jumps]:
    """The jumps of each step on the way through so many records."""
    for stop in clock.records(interval, 1, records):
        ensemble.begin(stop)
        going = True
        while going:
            going = advanced(ensemble)
            yield ensemble.take_jumps()


def carry_on(beables: NDArray[np.int32], ids: NDArray[np.int64], jumps: Jumps) -> None:
    """Beables (replicas, M) after the jumps; each must start where the one before has led."""
    for replica, member, source, target in zip(jumps.replica, jumps.member, jumps.source, jumps.target, strict=True):
        k = np.searchsorted(ids, member)
        assert beables[replica, k] == source
        assert source != target
        beables[replica, k] = target


def looked_up(ensemble: Any) -> NDArray[np.int32]:
    """Beables (replicas, M) of who is followed, by the buckets that they stand in."""
    ensemble.tracks.restored()
    return ensemble.tracked_beables()


@pytest.mark.parametrize(("row", "name"), CASES, ids=[f"{row.name}, {name}" for row, name in CASES])
def test_jumps_lead_from_where_members_were_to_where_they_are(row: Method, name: str) -> None:
    """At the start and after every step; spectators, who come first of their beables, are nobody's ids."""
    case = cases(row)[name]
    ensemble = followed(row, case)
    ids = ensemble.tracked_ids
    beables = looked_up(ensemble)
    np.testing.assert_array_equal(beables, np.tile(initial_beables(case.start, 4, ids), (case.replicas, 1)))
    copies, last = 0, 0.0
    for jumps in steps(ensemble, records=2):
        carry_on(beables, ids, jumps)
        np.testing.assert_array_equal(ensemble.tracked_beables(), beables)
        np.testing.assert_array_equal(looked_up(ensemble), beables)
        if len(jumps):
            assert np.all(np.diff(jumps.time) >= 0)
            if case.replicas == 1:  # others have clocks of their own
                assert last < jumps.time[0]
                last = jumps.time[-1]
                assert last <= ensemble.times[0] * (1 + 1e-12)
            assert (jumps.phase is not None) == (OWN in row.phases)
        copies += len(jumps)
    share = copies / (len(ids) * case.replicas) * case.start.members
    assert abs(share - ensemble.events.mean()) < 6 * np.sqrt(share / len(ids) * case.start.members) + 1


def test_jumps_where_who_leaves_draws_a_target_from_a_table() -> None:
    """The same with more than 16 couplings a beable (kernels/targets), in blocks of two replicas."""
    system, N = random_system(18, 5, 0.4), 40_000
    ensemble = Members(Alone(), system, prepare(18, N, state=random_state(18, 6)), Accuracy(N), 2, seed=1)
    ensemble.track(spread_out(N, 500))
    ids, beables, copies = ensemble.tracked_ids, looked_up(ensemble), 0
    for jumps in steps(ensemble):
        carry_on(beables, ids, jumps)
        np.testing.assert_array_equal(looked_up(ensemble), beables)
        copies += len(jumps)
    share = ensemble.events.sum() * len(ids) / N
    assert abs(copies - share) < 6 * np.sqrt(share)


@every_row
def test_a_history_does_not_depend_on_who_else_is_followed(row: Method) -> None:
    case = cases(row)[MANY if row.fixed_steps else FEW]
    all_of_them = followed(row, case)
    some = followed(row, case, all_of_them.tracked_ids[::7])
    many, few = (Jumps.joined(list(steps(ensemble, 2))) for ensemble in (all_of_them, some))
    many = many[np.isin(many.member, some.tracked_ids)]
    assert len(few) > 0
    for name, values in few.columns.items():
        np.testing.assert_array_equal(values, many.columns[name], err_msg=name)


@every_row
def test_filters_and_switches(row: Method) -> None:
    """Who leaves is nowhere from then on and makes no jump; a switch of H leaves everybody followed."""
    case, schedule = switching(row)
    every = np.arange(case.start.members - 4 * case.start.spectators)
    ensemble = followed(row, replace(case, replicas=5), every)
    beables = ensemble.tracked_beables()
    for jumps in steps(ensemble):
        carry_on(beables, ensemble.tracked_ids, jumps)
    ensemble.keep(KEPT)
    assert np.any(beables == 3)
    beables[~np.isin(beables, KEPT)] = -1
    np.testing.assert_array_equal(ensemble.tracked_beables(), beables)
    ensemble.switch(next(iter(schedule)).system)
    ensemble.begin(clock.record(2, INTERVAL))
    while ensemble.advance():
        pass
    jumps = ensemble.take_jumps()
    assert len(jumps) > 0
    assert np.all(jumps.time > INTERVAL)
    carry_on(beables, ensemble.tracked_ids, jumps)
    np.testing.assert_array_equal(ensemble.tracked_beables(), beables)
    np.testing.assert_array_equal(looked_up(ensemble), beables)


# --- the moments of copies


@pytest.mark.parametrize(
    "flow", [(1.0, 1.0, 1.0), (0.0, 1.0, 2.0), (2.0, 0.5, -1.0), (-1.0, 1.0, -1.0), (1.0, -0.5, 1.0), (3.0, 1e-9, 0.0)]
)
def test_moments_have_the_density_of_the_flow(flow: tuple[float, float, float]) -> None:
    """Where the parabola is positive, its integral up to the moment is the luck's part of the whole."""
    luck = np.linspace(0.0, 1.0, 1001)[1:]
    found = moments(*flow, luck)
    assert np.all(np.diff(found) > 0)
    assert np.all((found > 0) & (found <= 1))
    x = np.linspace(0.0, 1.0, 200_001)
    start, middle, end = flow
    density = np.maximum(start + x * (4 * middle - 3 * start - end) + x**2 * 2 * (start + end - 2 * middle), 0.0)
    area = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    np.testing.assert_allclose(np.interp(found, x, area / area[-1]), luck, atol=1e-7)
    np.testing.assert_array_equal(moments(-1.0, -2.0, -1.0, luck), luck)


@pytest.mark.parametrize("name", ["members", "general members"])
def test_copies_of_aligned_members_take_place_as_the_flow_goes(name: str) -> None:
    """Two levels, one way open at a time: the flow is the change of rho_1, here of the infinite ensemble. Null
    hypothesis: given the half step, its part up to a copy is uniform. That times are uniform is seen to be false."""
    row, step = methods.named(name), 0.25
    rule = asked(row, 100).rule
    start = prepare(2, 200_000, density=[0.5, 0.5], phase=[0.05, 0.0])
    accuracy = Accuracy(200_000, step=step, leaving_chance=0.3)
    case = asked(row, 200_000, TWO)
    ensemble = followed(row, replace(case, start=start, accuracy=accuracy), np.arange(200_000))
    jumps = Jumps.joined(list(steps(ensemble, 1, 6 * step)))
    endless = methods.named("mean field")
    whole = replace(asked(endless, 100, TWO), rule=rule, start=limit(start.state, start.phase))
    infinite, fine = endless.make(Alone(), whole), step / 40
    rho = [0.5]
    for stop in clock.records(fine, 1, 240):
        infinite.begin(stop)
        while infinite.advance():
            pass
        rho.append(float(infinite.snapshot().n[0, 1]))
    way = np.array(rho)
    half = np.floor(jumps.time / (0.5 * step)).clip(max=11).astype(int)
    turning = {k for k in range(12) if len(set(np.sign(np.diff(way[20 * k : 20 * k + 21])))) > 1}
    good = ~np.isin(half, list(turning))
    there = np.interp(jumps.time[good] / fine, np.arange(241), way)
    u = (there - way[20 * half[good]]) / (way[20 * half[good] + 20] - way[20 * half[good]])
    assert len(u) > 5000
    assert stats.kstest(u, "uniform").pvalue > 0.001
    first = good & (half == 0)
    assert stats.kstest(jumps.time[first] / (0.5 * step), "uniform").pvalue < 1e-3


# --- phases after copies


@pytest.mark.parametrize("name", ["exact phases", "general exact phases"])
def test_the_phase_after_a_copy_event_by_event(name: str) -> None:
    """It is what the member has, at the very instant: steps here end with each proposal."""
    row = methods.named(name)
    ensemble: Any = followed(row, cases(row)[FEW], np.arange(500))
    settings = {"smallest": 0.0, "seed": 20, "purpose": 15, "first_replica": 0, "work": 1}
    if name == "exact phases":
        ensemble.law = lambda _: exact_kernel.Law(ensemble.system.couplings, copying=1.0, **settings)
    else:
        ensemble.law = lambda _: events_kernel.Law(ensemble.rule, scale=ensemble.scale, **settings)
    ensemble.time_left[:] = 0.0
    ensemble.begin(clock.record(1, INTERVAL))
    ensemble.time_left[1:] = 0.0
    seen = 0
    while advanced(ensemble):
        jumps = ensemble.take_jumps()
        for k in range(len(jumps)):
            assert jumps.time[k] == ensemble.times[0]
            assert phase_of(ensemble, 0, int(jumps.member[k])) == pytest.approx(jumps.phase[k], abs=1e-12)
            seen += 1
    assert seen > 20


def place_of(ensemble: Any, replica: int, member: int) -> tuple[int, int]:
    """Where a member stands among this rank's, and its beable."""
    tracks, k = ensemble.tracks, np.searchsorted(ensemble.tracked_ids, member)
    i = np.flatnonzero((tracks.replica == replica) & (tracks.who == k))[0]
    unit = tracks.unit[i]
    begin, end = ensemble.offset[unit : unit + 2]
    number = np.flatnonzero(ensemble.ids[begin:end] == tracks.own[i])[0]
    return int(begin + number), int(np.searchsorted(np.cumsum(ensemble.counts[unit]), number, side="right"))


def phase_of(ensemble: Any, replica: int, member: int) -> float:
    """A member's phase as it is now, in (-pi, pi]."""
    place, beable = place_of(ensemble, replica, member)
    z = complex(*ensemble.values[:2, place])
    a, b = (complex(*pair) for pair in maps_of(ensemble, replica, beable).reshape(2, 2))
    z = (a * z + b) / (b.conjugate() * z + a.conjugate())
    return float(np.pi - np.mod(np.pi - np.angle(z) - ensemble.turn[replica], 2 * np.pi))


def maps_of(ensemble: Any, replica: int, beable: int) -> NDArray[np.float64]:
    """alpha re, im, beta re, im of the map from what is held of the members of a beable to their phases of now."""
    if isinstance(ensemble, GeneralExactPhases):
        return np.array([1.0, 0.0, 0.0, 0.0])
    if isinstance(ensemble, ExactPhases):
        return ensemble.paths[replica, beable, :4]
    return ensemble.maps.reshape(len(ensemble.n), 4, -1)[replica, :, beable]


@pytest.mark.parametrize(
    ("name", "members"),
    [("phases", 600), ("phases", 20_000), ("momenta", 600), ("general phases", 600), ("general phases", 20_000)],
)
def test_the_phase_after_a_copy_within_a_step(name: str, members: int) -> None:
    """Ensembles of one block and of two. From there to the step's end it goes at the rate of the step's end, up to
    what is of second order in the step: a quarter of the step, a sixteenth of the difference."""
    coarse, fine = (np.mean(differences(name, members, parts)) for parts in (4, 16))
    assert coarse > 8 * fine > 0


def differences(name: str, members: int, parts: int) -> list[float]:
    """|phase at a step's end - what it is by the one after a copy, and by the rate|, of copies in a few steps."""
    row = methods.named(name)
    case = replace(asked(row, members, step=INTERVAL / parts), rule=QUANTUM)
    ensemble: Any = followed(row, case, np.arange(0, members, members // 600))
    out = []
    for jumps in steps(ensemble):
        last = {int(member): k for k, member in enumerate(jumps.member)}
        for member, k in last.items():
            now = float(ensemble.times[0])
            phase = phase_of(ensemble, 0, member)
            rate = rate_of(ensemble, member, int(jumps.target[k]), np.exp(1j * (phase - ensemble.turn[0])))
            out.append(abs(np.angle(np.exp(1j * (phase - jumps.phase[k] - rate * (now - jumps.time[k]))))))
    assert len(out) > 20
    return out


def rate_of(ensemble: Any, member: int, beable: int, z: complex) -> float:
    """dphi/dt (40) of a member of value z, and its momentum."""
    sums, n = ensemble.sums_now()[0], ensemble.n[0]
    root = np.sqrt(np.maximum(n, 1))
    H = ensemble.system.frequencies.toarray()
    field = np.where(n > 0, np.conj(sums[:4] + 1j * sums[4:8]) / root, 0.0) @ (H - np.diag(np.diag(H))).T / root
    momentum = ensemble.values[2, place_of(ensemble, 0, member)[0]] if len(ensemble.values) > 2 else 0.0
    return float(H[beable, beable].real + (field[beable] * z).real + momentum)
