"""The contract of ensembles, over all rows of the table of methods: a new row is tested without a new test.

Cases are those of tests/contract.py; tests/mpi/test_methods.py runs them on several ranks.
"""

from __future__ import annotations

import copy
import math
import pickle
import tracemalloc
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest

import copympi
from copympi.engine import clock, methods
from copympi.engine.blocks import Blocks
from copympi.engine.ensemble import Ensemble, Layout, Snapshot
from copympi.engine.general import compiled
from copympi.engine.methods import TABLE
from copympi.engine.momenta import Model
from copympi.engine.replicas import IndependentReplicas, Replicas
from copympi.engine.support import ALIGNED, DEMANDS, EXACT, LEAP, OWN, Case, Method
from copympi.engine.tiles import Tiles
from copympi.engine.tracking import BYTES_TRACKED
from copympi.errors import InputError
from copympi.kernels import general_counts
from copympi.model.mean_field import MeanField
from copympi.model.preparation import LARGEST, limit, prepare
from copympi.model.rules import FUNCTION, GENERAL, Rule
from copympi.mpi import Alone
from copympi.records.plan import Plan
from copympi.storage import checkpoint, restart
from tests import contract
from tests.contract import FOUR, INTERVAL, KEPT, RING, asked, carried, cases
from tests.physics import random_system
from tests.unit.test_recording import configured

ROWS = {row.name: row for row in TABLE}
ALL = [(row, name) for row in TABLE for name in cases(row)]
every_row = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
every_case = pytest.mark.parametrize(("row", "name"), ALL, ids=[f"{row.name}, {name}" for row, name in ALL])


def made(row: Method, case: Case) -> Ensemble:
    return row.make(Alone(), case)


@cache
def told(method: str, name: str) -> list[Snapshot]:
    """What a case records, straight through."""
    row = ROWS[method]
    found = [one for one in carried(made(row, cases(row)[name])) if one is not None]
    assert len(found) == 3
    return found


@every_case
def test_members_are_kept_whole_and_what_is_empty_stays_so(row: Method, name: str) -> None:
    case, found = cases(row)[name], told(row.name, name)
    N = float(case.start.members)
    for one in found:
        assert one.n.shape == one.phase.shape == (case.replicas, case.system.P)
        assert one.n.dtype == (np.float64 if case.start.number > LARGEST else np.int64)
        rounding = 1e-8 if row.infinite else 1e-12 if N > LARGEST else 0
        np.testing.assert_allclose(one.n.sum(axis=1, dtype=float), N, rtol=rounding)
        assert one.n.min() >= case.start.spectators
        if not row.guided:
            assert np.all(one.n[:, case.start.counts == 0] == 0)
        assert np.all(np.isfinite(one.phase[one.n > 0]))
        assert one.events.shape == (case.replicas,)
    assert np.all(found[0].events == 0)
    assert found[0].steps == 0
    assert np.all(np.diff([one.events for one in found], axis=0) > 0), "nothing is tested where nothing moves"
    assert np.all(np.diff([one.steps for one in found]) > 0)
    assert 0 < found[-1].largest_chance < 1 or LEAP not in row.methods or row.infinite


@every_case
def test_a_state_in_mid_record_goes_on_with_the_same_bits(row: Method, name: str) -> None:
    """Restored into a new ensemble, on the way to a record; where a step takes all of it, at the record."""
    case = cases(row)[name]
    first = made(row, case)
    if isinstance(first, IndependentReplicas):
        first.pace.steps = 1
    first.begin(clock.record(1, INTERVAL))
    assert first.advance() == bool(np.any(first.time_left > 0))
    if name == "fixed steps":
        assert 0 < first.times.max() < INTERVAL, "this must be the middle of a record"
    state = copy.deepcopy(first.state())
    second = made(row, case)
    second.restore(state, clock.record(1, INTERVAL))
    for ensemble in (first, second):
        while np.any(ensemble.time_left > 0) and ensemble.advance():
            pass
        ensemble.begin(clock.record(2, INTERVAL))
        while ensemble.advance():
            pass
    ends = [ensemble.snapshot() for ensemble in (first, second)]
    assert contract.digest([ends[1]]) == contract.digest([ends[0]]) == contract.digest([told(row.name, name)[-1]])
    for one, two in zip(first.per_member().values(), second.per_member().values(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("row", "name"),
    [pytest.param(row, name, id=f"{row.name}, {name}") for row, name in ALL if row.tracking],
)
def test_members_that_are_followed(row: Method, name: str) -> None:
    """No bit of what is recorded changes; jumps are in order, each starts where the member is, and they lead to the
    beables at the next record. Where everybody is followed they are all the copies, and all of n but spectators."""
    case = cases(row)[name]
    ids = contract.everybody(case)
    found = [one for one in contract.followed(made(row, case), ids) if one is not None]
    assert contract.digest([one.snapshot for one in found]) == contract.digest(told(row.name, name))
    everybody = len(ids) == case.start.members - 4 * case.start.spectators
    for k, (last, one) in enumerate(pairwise(found)):
        jumps = one.jumps
        assert len(jumps) > 0
        order = np.lexsort((jumps.member, jumps.replica, jumps.time))
        np.testing.assert_array_equal(order, np.arange(len(jumps)))
        assert np.all((jumps.time > k * INTERVAL) & (jumps.time <= (k + 1) * INTERVAL))
        np.testing.assert_array_equal(contract.retold(last.beables, ids, jumps), one.beables)
        assert (jumps.phase is None) == (row.phases == (ALIGNED,))
        if everybody:
            copies = np.bincount(jumps.replica, minlength=case.replicas)
            np.testing.assert_array_equal(copies, one.snapshot.events - last.snapshot.events)
            for beables, n in zip(one.beables, one.snapshot.n, strict=True):
                np.testing.assert_array_equal(np.bincount(beables, minlength=4), n - case.start.spectators)


@pytest.mark.parametrize("row", [row for row in TABLE if row.tracking], ids=lambda row: row.name)
def test_histories_go_on_after_a_filter_and_from_a_state_in_mid_record(row: Method) -> None:
    """Who has left has beable -1 and jumps no more; one that is read from a state tells the same."""
    case = cases(row)["few members"]
    ids = contract.everybody(case)
    first, second = made(row, case), made(row, case)
    last = None
    for k, one in enumerate(contract.followed(first, ids, kept=KEPT)):
        assert one is not None
        if last is not None:
            stays = last if k < 2 else np.where(np.isin(last, KEPT), last, -1)
            np.testing.assert_array_equal(contract.retold(stays, ids, one.jumps), one.beables)
            assert np.all(one.beables >= 0) == (k < 2)
        last = one.beables
    second.track(ids)
    for ensemble in (first, second):
        if isinstance(ensemble, IndependentReplicas):
            ensemble.pace.steps = 1
    before = first.events.sum()
    first.begin(clock.record(3, INTERVAL))
    first.advance()
    state = copy.deepcopy(first.state())
    second.keep(KEPT)
    second.restore(state, clock.record(3, INTERVAL))
    for ensemble in (first, second):
        while np.any(ensemble.time_left > 0) and ensemble.advance():
            pass
    one, two = first.take_jumps(), second.take_jumps()
    assert len(one) == first.events.sum() - before
    for name, values in one.columns.items():
        np.testing.assert_array_equal(two.columns[name], values)
    np.testing.assert_array_equal(second.tracked_beables(), first.tracked_beables())


@every_row
@pytest.mark.parametrize("schema", [1, 2])
def test_checkpoints_of_both_schemas_are_read(row: Method, schema: int, tmp_path: Path) -> None:
    """Schema 1 called the time left `left`; all else is the same. Jumps not yet taken are in the file too."""
    case = cases(row)["few members"]
    ensemble, again, ids = made(row, case), made(row, case), contract.everybody(case)
    if row.tracking:
        ensemble.track(ids)
        again.track(ids)
        begin = again.tracked_beables()
    list(carried(ensemble, 1))
    ensemble.begin(clock.record(2, INTERVAL))
    state = ensemble.state()
    if schema == 1:
        columns, common = (
            {old(name): values for name, values in part.items()} for part in (state.columns, state.common)
        )
        state = replace(state, columns=columns, common=common)
    path = tmp_path / "checkpoint.h5"
    checkpoint.write(Alone(), path, state, {"attempt": 1}, "root", lambda: None)
    with h5py.File(path, "r+") as file:
        assert file.attrs["schema"] == restart.SCHEMA == 2
        file.attrs["schema"] = schema
    found, meta = restart.read(path, 1, 0)
    assert meta["schema"] == schema
    again.restore(found, clock.record(2, INTERVAL))
    while again.advance():
        pass
    last = again.snapshot()
    assert last is not None
    assert contract.digest([last]) == contract.digest([told(row.name, "few members")[-1]])
    if row.tracking:
        np.testing.assert_array_equal(contract.retold(begin, ids, again.take_jumps()), again.tracked_beables())


def old(name: str) -> str:
    return "left" if name == "time_left" else name


@every_row
def test_a_state_of_another_method_is_refused_in_one_line(row: Method) -> None:
    case = asked(row, 600)
    ensemble = made(row, case)
    state = ensemble.state()
    other = replace(state, columns={"something else": np.zeros(1)})
    with pytest.raises(InputError, match='checkpoint = "something else": is not of this version: the method needs '):
        ensemble.restore(other, clock.record(1, INTERVAL))


@every_row
def test_steps_end_on_stops_and_fixed_ones_are_as_long_as_asked(row: Method) -> None:
    ensemble = made(row, cases(row)["fixed steps" if row.fixed_steps else "few members"])
    assert ensemble.progress == (0.0, 0, 0.0)
    for k, stop in enumerate(clock.records(INTERVAL, 1, 2), 1):
        ensemble.begin(stop)
        while ensemble.advance():
            pass
        assert np.all(ensemble.time_left == 0.0)
        assert np.all(ensemble.times == stop.time)
        assert np.all(ensemble.step == 128 * k) or not row.fixed_steps
    time, steps, copies = ensemble.progress
    assert (time, steps) == (2 * INTERVAL, int(ensemble.step.sum()))
    assert copies == ensemble.events.sum() > 0


@every_row
@pytest.mark.parametrize("records", [1, 7])
def test_any_number_of_records(row: Method, records: int) -> None:
    """Steps follow stops: more records, no fewer steps; and never the duration: the first records stay as they are."""
    case = asked(row, 600)
    found = [one for one in carried(made(row, case), records, 0.7 / records) if one is not None]
    assert len(found) == records + 1
    assert found[-1].steps >= records
    assert found[-1].n.sum() == pytest.approx(case.start.members, rel=1e-8 if row.infinite else 0)
    longer = [one for one in carried(made(row, case), records + 1, 0.7 / records) if one is not None]
    assert contract.digest(longer[:-1]) == contract.digest(found)


@every_row
def test_replicas_are_independent_of_how_many_there_are(row: Method) -> None:
    """The first of five is the one of a run alone; the others are others."""
    if not row.replicas:
        pytest.skip("has no replicas")
    case = cases(row)["few members"]
    alone = [one for one in carried(made(row, replace(case, replicas=1))) if one is not None]
    five = told(row.name, "few members")[-1]
    np.testing.assert_array_equal(five.n[0], alone[-1].n[0])
    np.testing.assert_array_equal(five.phase[0], alone[-1].phase[0])
    assert len(np.unique(five.n if row.guided else five.phase, axis=0)) == 5  # Psi's phases are those of all


@every_row
def test_other_seeds_give_other_draws(row: Method) -> None:
    if row.infinite:
        pytest.skip("draws nothing")
    case = replace(cases(row)["few members"], seed=21)
    *_, last = carried(made(row, case))
    assert last is not None
    assert contract.digest([last]) != contract.digest([told(row.name, "few members")[-1]])


@every_row
def test_one_rank_alone_has_the_whole_profile(row: Method) -> None:
    case, config = asked(row, 600), configured()
    config.alignment = case.alignment
    replica, beable, arrays = Plan(config, case.system, case.start).slab(made(row, case), 0)
    assert (replica, beable) == (0, 0)
    assert {"occupation", "phase", "coherence"} <= arrays.keys()
    assert {values.shape for values in arrays.values()} == {(1, 4)}
    assert arrays["occupation"][0, 1] == 0, "nobody holds it"


@pytest.mark.parametrize("ranks", [1, 2, 3, 7])
@every_row
def test_each_piece_and_each_part_of_a_profile_has_one_owner(row: Method, ranks: int) -> None:
    layout = made(row, cases(row)["few members"]).layout
    owned, written = np.zeros(layout.units, int), np.zeros((layout.replicas, 4), int)
    for rank in range(ranks):
        there = placed(layout, ranks, rank)
        assert there.units == layout.units
        owned[there.first : there.last] += 1
        replica, first, last = there.slab(4)
        written[replica : replica + there.here, first:last] += 1
        assert len(there.sizes) == there.last - there.first
    assert np.all(owned == 1)
    assert np.all(written == 1)


def placed(layout: Layout, size: int, rank: int) -> Layout:
    """The same layout as another rank has it: layouts are arithmetic, they need no other rank."""
    if isinstance(layout, Blocks):
        members = int(layout.sizes[: layout.blocks].sum())
        return Blocks(layout.replicas, layout.blocks, members, size, rank)
    owned = Replicas(layout.replicas, size, rank)
    return Tiles(owned, layout.P) if isinstance(layout, Tiles) else owned


# --- which method carries a run, and what is refused


@every_row
def test_each_row_carries_what_it_says(row: Method) -> None:
    """Every case passes its row, and some run is the row's own: what the table chooses for it."""
    for case in cases(row).values():
        row.refuse(case)
    assert row.name in {methods.choose(case).name for case in cases(row).values()}
    assert row.why
    assert "\n" not in row.why


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("members", {}),
        ("phases", {"spread": 0.1}),
        ("counts", {"representation": "occupation"}),
        ("counts", {"representation": "occupation", "P": 64, "members": LARGEST}),
        ("lattice counts", {"representation": "occupation", "P": 65}),
        ("lattice counts", {"representation": "occupation", "members": 2**63}),
        ("phase classes", {"representation": "occupation", "spread": 0.1, "P": 65, "members": 10**80}),
        ("momenta", {"alignment": Model(0.1)}),
        ("leaping counts", {"method": LEAP, "representation": "occupation"}),
        ("exact members", {"method": EXACT}),
        ("exact counts", {"method": EXACT, "representation": "occupation", "P": 65, "members": LARGEST}),
        ("exact phases", {"method": EXACT, "spread": 0.1}),
        ("exact phase classes", {"method": EXACT, "representation": "occupation", "spread": 0.1, "P": 65}),
        ("mean field", {"representation": "occupation", "members": math.inf, "rule": Rule(0.4)}),
    ],
)  # fmt: skip
def test_the_method_that_carries_a_run(name: str, case: dict) -> None:
    wanted = {"P": 2, "members": 100, "spread": 0.0, **case}
    P, members, spread = (wanted.pop(key) for key in ("P", "members", "spread"))
    psi = np.full(P, np.sqrt(1 / P), complex)
    start = limit(psi, np.zeros(P)) if members == math.inf else prepare(P, members, state=psi, spread=spread)
    accuracy = contract.Accuracy(members)
    assert methods.choose(Case(random_system(P, 1), start, accuracy, **wanted)).name == name


def unsupported(row: Method) -> dict[str, Case]:
    """A run for each key in which a row does not support what others do: key -> a case that differs in it alone."""
    base = asked(row, 600)
    other = "occupation" if row.representation == "members" else "members"
    many = prepare(65, 65, density=np.full(65, 1 / 65), spread=base.start.spread)
    many = limit(many.state, many.phase) if row.infinite else many
    out = {
        "alignment": replace(base, alignment=None if row.alignment else Model(0.1)),
        "dynamics.representation": replace(base, representation=other),
        "dynamics.method": replace(base, method=LEAP if EXACT in row.methods else EXACT),
    }
    if row.guided:
        out["dynamics.guide"] = replace(base, guided=False)
    if not row.fixed_steps:
        out["dynamics.step"] = replace(base, accuracy=replace(base.accuracy, step=0.1))
    if row.rules not in (GENERAL, FUNCTION):
        out["dynamics.rule"] = replace(base, rule=contract.RULES[GENERAL])
    elif row.rules == GENERAL and row.excess:
        out["dynamics.rule"] = replace(base, rule=contract.RULES[FUNCTION])
    elif not row.excess:
        out["dynamics.rule"] = replace(base, rule=Rule(excess=(0.1, 0.0)))
    if row.phases != (ALIGNED, OWN):
        spread = 0.0 if row.phases == (OWN,) else 0.5
        out["preparation.phase_spread"] = replace(base, start=replace(base.start, spread=spread))
    if not row.given_phases:
        out["preparation.phases"] = replace(base, phases="phases.h5:/phi")
    if row.most_members == LARGEST:
        out["preparation.members"] = replace(base, start=replace(base.start, members=LARGEST + 1))
    if row.most_beables is not None:
        out["system.hamiltonian"] = replace(base, system=random_system(65, 1), start=many)
    if not row.lattices:
        out["system.builder"] = replace(base, system=RING)
    if not row.spectators:
        out["preparation.spectators"] = replace(base, start=replace(base.start, spectators=1))
    if not row.replicas:
        out["dynamics.replicas"] = replace(base, replicas=2)
    if not row.tracking:
        out["output.track"] = replace(base, track=1)
    return out


@every_row
def test_each_row_refuses_what_it_does_not_support(row: Method) -> None:
    """In one line that names the key; and a row that would not support spectators or replicas refuses them too."""
    narrow = replace(row, spectators=False, replicas=False, most_beables=64, lattices=False, tracking=False)
    for one in (row, narrow):
        for key, case in unsupported(one).items():
            with pytest.raises(InputError) as no:
                one.refuse(case)
            assert no.value.key == key
            assert str(no.value).startswith(f"{key} = ")
            assert "\n" not in str(no.value)
            assert " must " in str(no.value)
    assert unsupported(narrow).keys() >= {
        "preparation.spectators", "dynamics.replicas", "system.builder", "output.track",
    }  # fmt: skip


def test_every_demand_is_refused_by_some_row() -> None:
    keys = {key for row in TABLE for key in unsupported(replace(row, spectators=False, replicas=False, tracking=False))}
    assert keys == {demand.key for demand in DEMANDS}


def test_what_the_table_refuses_is_said_as_the_user_put_it() -> None:
    start = prepare(4, 600, density=np.full(4, 0.25))
    occupation = Case(FOUR, start, contract.Accuracy(600), "occupation")
    with pytest.raises(InputError, match=r'^dynamics\.representation = "occupation": must be "members" with \[align'):
        methods.choose(replace(occupation, alignment=Model(0.1)))
    with pytest.raises(InputError, match=r'^preparation\.phases = "f\.h5:/p": must be left out: members are known one'):
        methods.choose(replace(occupation, phases="f.h5:/p"))
    large = replace(occupation, representation="members", start=replace(start, members=2**63), members=9.3e18)
    with pytest.raises(InputError, match=r"^preparation\.members = 9\.3e\+18: must be at most 2\^63 - 1 = 9223372"):
        methods.choose(large)


@every_row
def test_what_cannot_fit_is_refused(row: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with 2^30 bytes: as many members or replicas as fit pass, one more does not."""
    monkeypatch.setattr("os.sysconf", {"SC_PHYS_PAGES": 2**18, "SC_PAGE_SIZE": 4096}.__getitem__)
    case = asked(row, 600)
    room = 2**30 - row.bytes_of_work(4, case.system.pairs, len(case.rule.harmonics)) - row.bytes_of_lattice(case)
    one = 4 * row.bytes_a_beable(5) + 600 * row.bytes_a_member
    row.check_memory(replace(case, replicas=room // one))
    row.check_memory(replace(case, replicas=2 * (room // one)), share=0.5)
    most = (room - one) // BYTES_TRACKED
    row.check_memory(replace(case, track=most))
    with pytest.raises(InputError, match=rf"^output\.track = {most + 1}: must be at most {most:,}: at 32 bytes "):
        row.check_memory(replace(case, track=most + 1))
    with pytest.raises(InputError, match=rf"^dynamics\.replicas = .*: must be at most {room // one:,}: at \d+ bytes "):
        row.check_memory(replace(case, replicas=room // one + 1))
    if row.bytes_a_member:
        most = (room - 4 * row.bytes_a_beable(5)) // row.bytes_a_member
        row.check_memory(replace(case, start=replace(case.start, members=most)))
        with pytest.raises(InputError, match=rf"^preparation\.members = {most + 1}: must be at most {most:,}: ") as no:
            row.check_memory(replace(case, start=replace(case.start, members=most + 1)))
        assert "the 1.0 GiB of memory that there are" in str(no.value)
        assert str(no.value).endswith('or take dynamics.representation = "occupation"')


def test_the_bytes_of_a_member_and_of_a_beable() -> None:
    """As README has them: 4 with an identity, 40 more for a phase, 48 more for a momentum; few a beable."""
    named = [row.bytes_a_member for row in TABLE if row.representation == "members"]
    assert named == [4, 5, 44, 92, 4, 44, 4, 4, 44, 44, 4, 4]
    found = [row.bytes_a_beable(64) for row in TABLE if row.representation == "occupation"]
    assert found == [400, 400, 24, 400 + 24 * 64, 64, 288 + 24 * 64, 700, 64, 64, 64, 64, 64, 64]
    # all pairs of 1,000 beables, event by event: as long as the kernel's arrays, once a rank
    work = methods.named("exact counts").bytes_of_work
    assert work(1_000, 499_500, 1) == methods.named("exact members").bytes_of_work(1_000, 499_500, 1) == 148_004_000


@pytest.mark.parametrize("harmonics", [1, 8, 64])
def test_the_memory_that_a_rule_of_many_harmonics_works_with(harmonics: int) -> None:
    """What is allowed for holds what numpy asks for, and not much more."""
    system, rule = random_system(60, 1), Rule(harmonics=[{"k": k} for k in range(harmonics)])
    compiled(rule, system)  # what the system keeps of itself is not the rule's
    tracemalloc.start()
    general_counts.Work(compiled(rule, system))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    room = methods.named("general counts").bytes_of_work(60, 60 * 59 // 2, harmonics)
    assert 0.6 * room < peak < room
    MeanField(system, rule)
    tracemalloc.start()
    field = MeanField(system, rule)
    made, held = tracemalloc.get_traced_memory()[::-1]
    tracemalloc.reset_peak()
    field.moved(np.full(60, 60**-0.5, complex))
    peak = max(made, tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    room = methods.named("mean field").bytes_of_work(60, 60 * 59 // 2, harmonics)
    assert 0.6 * room < peak < room
    assert held < peak


# --- the clock


def test_stops_of_records() -> None:
    found = list(clock.records(0.1, 3, 5))
    assert [stop.number for stop in found] == [3, 4, 5]
    assert [stop.time for stop in found] == [3 * 0.1, 4 * 0.1, 5 * 0.1]
    assert found[0].at(0.1) == 3 * 0.1 - 0.1
    np.testing.assert_array_equal(found[0].at(np.array([0.0, 0.1])), [3 * 0.1, 3 * 0.1 - 0.1])
    assert {stop.kind for stop in found} == {clock.StopKind.RECORD}


def test_python_says_what_the_table_says() -> None:
    """Before anything is computed."""
    with pytest.raises(InputError, match=r"^dynamics\.representation = "):
        copympi.simulate(
            FOUR, density=[0.25] * 4, members=100, duration=1.0, representation="occupation",
            alignment={"strength": 0.1}, comm=Alone(),
        )  # fmt: skip


@pytest.mark.parametrize("method", TABLE, ids=lambda method: method.name)
def test_a_row_travels_to_other_ranks(method: Method) -> None:
    """The root chooses; a run on several ranks sends the row, functions and all."""
    assert pickle.loads(pickle.dumps(method, protocol=5)) is method
