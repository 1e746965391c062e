"""The table of quantities, row by row: what each says of itself is what runs of every sort record; and `observe`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest

import copympi
from copympi.config import reading as configuration
from copympi.errors import InputError
from copympi.model import build
from copympi.mpi import Alone
from copympi.outcome.run import Run
from copympi.records import listing, observe
from copympi.records.memory import Memory
from copympi.records.plan import Plan, traits_of
from copympi.records.quantity import NAMES, PROFILES, TABLE, TIMES, TRAITS, Quantity
from copympi.records.view import View
from copympi.run.loop import built, run
from copympi.run.progress import Silent
from copympi.storage import digests, reading
from copympi.storage.results import Output, ResultsFile

ROOT = Path(__file__).parents[2]
MOTION = ("summaries", "aligned", "lattice")
CONTRACT = {
    "time": ("(T,)", "float64", ()), "profile_time": ("(T',)", "float64", ("thinned",)),
    "occupation": ("(T', P)", "int64", ()), "phase": ("(T', P)", "float64", ()),
    "coherence": ("(T', P)", "float64", ()), "events": ("(T,)", "int64", ()),
    "coherence2": ("(T', P)", "float64", ("unaligned",)), "lineages": ("(T', P)", "int64", ("unaligned",)),
    "fluctuation": ("(T', P)", "float64", ("aligned", "large_n")),
    "phase_fluctuation": ("(T', P)", "float64", ("aligned", "large_n")),
    "regime": ("(T', P)", "int8", ("aligned", "large_n")), "energy": ("(T,)", "float64", ("alignment",)),
    "mean_energy": ("(T,)", "float64", ("summaries", "aligned")), "smallest": ("(T,)", "int64", ("summaries",)),
    "empty": ("(T,)", "int64", ("summaries",)), "position": ("(T, axes)", "float64", MOTION),
    "width": ("(T, axes)", "float64", MOTION), "momentum": ("(T, axes)", "float64", MOTION),
    "quantum_potential": ("(T, axes)", "float64", MOTION), "validity_occupation": ("(T,)", "float64", MOTION),
    "validity_phase": ("(T, axes)", "float64", MOTION),
}  # fmt: skip
"""What version 0.1 recorded: shape, type up to N = 2^43, traits of the runs. Names are fixed, and so is their order."""

H = [[0.4, 0.5, 0.1], [0.5, -0.4, 0.2], [0.1, 0.2, 0.0]]
RHO = [0.5, 0.3, 0.2]
RING = {"builder": "lattice", "sites": [4, 3], "spacing": [1.0, 0.5]}
PAIR = {"builder": "composite", "parts": {"A": 2, "B": 2, "C": 3}, "terms": [{"on": "A", "operator": "sx"}]}
PARTS = {"parts": {"A": [0.6, 0.8], "B": [0.8, "0.6j"], "C": [0.6, 0.0, 0.8]}}
BUMP = {"density": [1 / 12] * 12, "phase": [0.3 * k for k in range(12)]}
COUNTS = {"representation": "occupation"}
CASES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "members": ({"preparation": {"members": 500}}, {"aligned"}),
    "spectators, summaries, replicas": (
        {"preparation": {"members": 500, "spectators": 7}, "dynamics": {"replicas": 3}, "output": {"summaries": True}},
        {"aligned", "spectators", "summaries"},
    ),
    "own phases": (
        {"preparation": {"members": 500, "phase_spread": 0.5}, "output": {"profile_interval": 0.2, "summaries": True}},
        {"unaligned", "thinned", "summaries"},
    ),
    "alignment": (
        {"preparation": {"members": 60}, "alignment": {"strength": 0.1}, "dynamics": {"replicas": 2}},
        {"unaligned", "alignment"},
    ),
    "counts": ({"preparation": {"members": 10**13}, "dynamics": COUNTS}, {"aligned"}),
    "phase classes": (
        {"preparation": {"members": 1e30, "phase_spread": 0.5, "phase_kinds": 4}, "dynamics": COUNTS},
        {"unaligned", "large_n"},
    ),
    "lattice": (
        {
            "system": RING, "preparation": {"members": 10**6, **BUMP}, "dynamics": {**COUNTS, "replicas": 2},
            "output": {"profile_interval": 0.4},
        },
        {"aligned", "lattice", "summaries", "thinned"},
    ),
    "large N on a lattice": (
        {"system": RING, "preparation": {"members": 1e40, **BUMP}, "dynamics": COUNTS, "output": {"summaries": False}},
        {"aligned", "lattice", "large_n"},
    ),
    "composite": (
        {"system": PAIR, "preparation": {"members": 10**4, **PARTS}, "dynamics": {"replicas": 2}},
        {"aligned", "summaries", "composite", "qubits"},
    ),
    "filters": (
        {"schedule": [{"at": 0.15, "filter": [0, 1]}], "dynamics": {**COUNTS, "replicas": 2}}, {"aligned", "filters"},
    ),
    "large N": (
        {"preparation": {"members": 1e40}, "dynamics": COUNTS, "output": {"summaries": True}},
        {"aligned", "large_n", "summaries"},
    ),
}  # fmt: skip
"""Configs, and the traits of the runs they ask for."""


def given(**sections: Any) -> tuple[Any, Any, Any]:
    """A checked config of four records, its system and the start."""
    values: dict[str, Any] = {"system": {"hamiltonian": H}, **sections}
    values["preparation"] = (
        {"members": 500}
        | ({} if "builder" in values["system"] else {"density": RHO, "phase": [0.0, 0.4, 1.0]})
        | values.get("preparation", {})
    )
    values["dynamics"] = {"duration": 0.4, "seed": 3} | values.get("dynamics", {})
    values["output"] = {"interval": 0.1, "time_unit": "fs"} | values.get("output", {})
    config = configuration.check(values)
    system, start = build.prepared(build.system(config.system, ROOT), config.preparation, None, ROOT)
    return config, system, start


def carried_out(plan: Plan, folder: Path | None = None, comm: Any = None) -> Memory:
    """A run, of one process unless there is a communicator, in memory and, of one process, into a folder too."""
    comm, memory = Alone() if comm is None else comm, Memory(plan)
    ensemble = built(plan.system, plan.start, plan.config, comm)
    plan.try_observers(ensemble)
    if folder is None:
        run(ensemble, plan, [memory], Silent())
        return memory
    with ResultsFile(Output(folder, plan, "", 1, "none")) as file:
        last, seconds = run(ensemble, plan, [memory, file], Silent())
        assert last is not None
        file.finish(seconds, last)
    return memory


class Carried(NamedTuple):
    """A run: its plan, its arrays in memory, its file, and what is read from that."""

    plan: Plan
    arrays: dict[str, Any]
    path: Path
    read: reading.Results


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Carried]:
    """Every case, carried out."""
    out = {}
    for name, (sections, _) in CASES.items():
        folder, (config, system, start) = tmp_path_factory.mktemp("run"), given(**sections)
        plan = Plan(config, system, start, schedule=build.schedule(config.schedule, system))
        arrays = carried_out(plan, folder).arrays()
        out[name] = Carried(plan, arrays, folder / "results.h5", reading.read(folder))
    return out


def test_the_contract() -> None:
    found = {row.name: (listing.shape(row), row.dtype_for(1000).name, row.runs) for row in TABLE}
    for name, said in CONTRACT.items():
        assert found[name] == said, name
    assert [name for name in NAMES if name in CONTRACT] == list(CONTRACT)
    assert {
        name: TABLE[NAMES.index(name)].dtype_for(10**80) for name in ("occupation", "smallest", "events")
    } == dict.fromkeys(("occupation", "smallest", "events"), np.float64)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_what_a_row_says(row: Quantity) -> None:
    assert row.name.isidentifier()
    assert NAMES.count(row.name) == 1
    assert len(row.description) > 10
    assert row.units
    assert set(row.runs) <= set(TRAITS)
    assert row.axes == ("time",) if row.name in TIMES else row.axes[:2] == ("replica", "time")
    assert set(row.axes[2:]) <= {"beable", "axis", "pair_of_parts", "pair_of_qubits"}
    assert (row.name in PROFILES) == ("beable" in row.axes)
    assert any(traits >= set(row.runs) for _, traits in CASES.values()), "no case of this test records it"


@pytest.mark.parametrize("case", CASES)
def test_the_traits_of_runs(case: str, runs: dict[str, Carried]) -> None:
    plan = runs[case].plan
    assert plan.traits == CASES[case][1]
    assert plan.traits - {"thinned"} == traits_of(plan.config, plan.system, plan.start)
    with h5py.File(runs[case].path) as file:
        there = {name for name in file if isinstance(file[name], h5py.Dataset)} - {"replica", "beable", "axis"}
        there -= {"pair_of_parts", "pair_of_qubits", "beable_A", "beable_B", "beable_C"}
        own = {row.name for row in plan.marginals}
        assert own == ({"marginal_A", "marginal_B", "marginal_C"} if case == "composite" else set())
        assert there - own == {row.name for row in TABLE if CASES[case][1].issuperset(row.runs)}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_row_is_recorded_as_it_says(row: Quantity, runs: dict[str, Carried]) -> None:
    """Where it is declared, and there alone, with its axes, type, units and description; in memory the same bytes."""
    for case, (plan, arrays, path, read) in runs.items():
        R, profiles = plan.config.dynamics.replicas, [k for k in range(5) if plan.profiled(k)]
        sizes = {"replica": R, "time": 5, **plan.sizes}
        if row.profile or row.name == "profile_time":
            sizes["time"] = len(profiles)
        with h5py.File(path) as file:
            expected = CASES[case][1].issuperset(row.runs)
            assert (row.name in file) == (row.name in arrays) == expected, case
            if not expected:
                continue
            data, values = file[row.name], arrays[row.name]
            shape = tuple(sizes[axis] for axis in row.axes if axis != "replica" or R > 1)
            assert data.shape == values.shape == shape, case
            assert data.dtype == values.dtype == row.dtype_for(plan.start.members), case
            assert data[()].tobytes() == values.tobytes(), case
            assert data.attrs["units"] == ("fs" if row.units == "time" else row.units)
            assert data.attrs["description"] == row.description
            assert data.attrs.get("codes", "") == row.codes
        whole = read.time if row.name == "time" else read.sparse if row.name == "profile_time" else None
        if whole is None:
            whole = {"occupation": read.occupation, "phase": read.phase, "events": read.events, **read.measured}[
                row.name
            ]
            values = values if R > 1 else values[None]
        np.testing.assert_array_equal(whole, values, err_msg=case)


@pytest.mark.parametrize("row", [row for row in TABLE if row.function], ids=lambda row: row.name)
def test_a_replica_has_the_same_bits_in_any_company(row: Quantity) -> None:
    """So it does not matter which rank works out whose numbers, nor how many at once."""
    rng = np.random.default_rng(8)
    lattices = copympi.lattice([41, 37], boundary="open"), copympi.lattice(1031)
    composite = copympi.composite({"A": 2, "B": 41, "C": 2, "D": 3}, [])
    for system in (composite,) if {"composite", "qubits"} & set(row.runs) else lattices:
        n = rng.integers(0, 50, (4, system.P)) * rng.choice([1.0, 1e70], (4, 1))
        view = View(system, 0.5, n, rng.uniform(-1e4, 1e4, n.shape))
        whole = np.asarray(row.of(view))
        assert len(whole) == 4
        for replica in range(4):
            assert np.asarray(row.of(view.one(replica))).tobytes() == whole[replica : replica + 1].tobytes()


def test_many_beables_are_measured_where_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers are those of all rows but for rounding, and no row travels for a record that keeps no profile."""
    system = {"builder": "lattice", "sites": [70, 60], "boundary": "open"}
    packet = {"members": 10**7, "packet": {"centre": [3, 0], "width": [6.0, 5.0]}}
    config, made, start = given(system=system, preparation=packet, dynamics={**COUNTS, "replicas": 3})
    plan = Plan(config, made, start)
    ensemble = built(made, start, config, Alone())
    whole, taken = plan.measure(0, ensemble.snapshot()), plan.take(ensemble, 0)
    assert taken.values.keys() == whole.values.keys()
    for name, values in whole.values.items():
        assert taken.values[name].dtype == values.dtype
        np.testing.assert_allclose(taken.values[name], values, rtol=1e-13, atol=1e-15, err_msg=name)
    sent: list[int] = []
    gather = copympi.mpi.gather_rows
    monkeypatch.setattr(
        copympi.mpi, "gather_rows", lambda comm, rows, n: (sent.append(rows.nbytes), gather(comm, rows, n))[1]
    )
    rare = plan.take(ensemble, 1)
    assert not rare.profiled
    assert set(rare.values) == set(whole.values) - set(PROFILES)
    assert all(x.tobytes() == taken.values[name].tobytes() for name, x in rare.values.items())
    assert sum(sent) < 1000 < made.P


# what a user observes


def entropy(view: View) -> Any:
    """-sum rho ln rho of each replica."""
    rho = view.n / view.n.sum(axis=1, keepdims=True)
    return -np.sum(np.where(rho > 0, rho * np.log(np.where(rho > 0, rho, 1.0)), 0.0), axis=1)


def first_two(view: View) -> Any:
    return np.where(view.n[:, :2] > 0, view.phase[:, :2], 7.0) * view.time


@pytest.mark.parametrize("replicas", [1, 2])
def test_observed(replicas: int, tmp_path: Path) -> None:
    """In memory and in the file alike, at every record, though profiles are rarer; nothing else changes."""
    sections = {"dynamics": {**COUNTS, "replicas": replicas}, "output": {"profile_interval": 0.2}}
    plan = Plan(*given(**sections), {"own_entropy": entropy, "own_time": first_two})
    arrays = carried_out(plan, tmp_path).arrays()
    dense = carried_out(Plan(*given(**sections | {"output": {}}))).arrays()
    n, phase = (dense[name].reshape(replicas, 5, 3) for name in ("occupation", "phase"))
    time = np.arange(5) * 0.1
    expected = np.stack([entropy(SimpleNamespace(n=n[:, k])) for k in range(5)], axis=1)
    np.testing.assert_array_equal(arrays["own_entropy"].reshape(replicas, 5), expected)
    np.testing.assert_array_equal(arrays["own_time"].reshape(replicas, 5, 2), phase[..., :2] * time[:, None])
    made = Run.of(arrays, 1, 0.1, 1.0)
    assert made.measured["own_time"].shape == ((5, 2) if replicas == 1 else (2, 5, 2))
    read = reading.read(tmp_path)
    assert read.verified
    np.testing.assert_array_equal(read.measured["own_entropy"], expected)
    assert read.attributes["observed"] == "own_entropy own_time"
    with h5py.File(read.path, "r+") as file:
        assert file["own_time"].dtype == np.float64
        assert file["own_time"].attrs["units"] == "1"
        assert 'observe["own_time"]' in file["own_time"].attrs["description"]
        assert {"own_entropy", "own_time"} <= set(digests.datasets(file, digests.RECORDS))
        file["own_entropy"][..., 2] += 0.5
        assert digests.matching(file, digests.RECORDS, 5) == 2


def test_many_beables_are_observed_too() -> None:
    """Every row is needed then, at records without a profile too."""
    packet = {"members": 10**7, "packet": {"centre": 3, "width": 6.0}}
    settings = given(
        system={"builder": "lattice", "sites": 4100}, preparation=packet, dynamics={**COUNTS, "duration": 0.2}
    )
    arrays = carried_out(Plan(*settings, {"most": lambda view: view.n.max(axis=1)})).arrays()
    assert arrays["most"].shape == (3,)
    np.testing.assert_array_equal(arrays["most"][[0, 2]], arrays["occupation"].max(axis=1))
    assert len(arrays["occupation"]) == 2


REFUSED: list[tuple[Any, str]] = [
    (["own_entropy"], "observe = ['own_entropy']: must be a dictionary"),
    ({"a b": entropy}, 'observe = "a b": must be a name'),
    ({"class": entropy}, 'observe = "class": must be a name'),
    ({3: entropy}, "observe = 3: must be a name"),
    ({"energy": entropy}, 'observe = "energy": stands for something else already'),
    ({"digests": entropy}, 'observe = "digests": stands for something else already'),
    ({"mine": 3}, "observe['mine'] = 3: must be a function of a view"),
]


@pytest.mark.parametrize(("wrong", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_observers_that_cannot_be(wrong: Any, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        Plan(*given(), wrong)


def test_no_name_of_a_run_is_free() -> None:
    """What a Run calls its own, and what results.h5 has besides datasets."""
    for name in {*Run.__dataclass_fields__, "system", "digests"}:
        with pytest.raises(InputError, match="stands for something else"):
            observe.checked({name: entropy})


RESULTS: list[tuple[Callable[[View], Any], str]] = [
    (lambda view: 1.0, r"must give real numbers of shape \(2,\) or \(2, k\)"),
    (lambda view: None, "must give real numbers"),
    (lambda view: [[1.0], [1.0, 2.0]], "must give real numbers"),
    (lambda view: view.n[0], "must give real numbers"),
    (lambda view: view.n[:, :0], "must give real numbers"),
    (lambda view: view.n * 1j, "must give real numbers"),
    (lambda view: ["a", "b"], "must give real numbers"),
    (lambda view: np.log(view.n[:, :2] - 1e9), "must be finite at t = 0"),
    (lambda view: np.zeros((2, 2 + round(view.time * 10))), r"must have the shape \(R, 2\) it had at t = 0"),
    (lambda view: [0.0, 1.0] if view.time < 0.1 else [[0.0], [1.0]], r"must have the shape \(R,\) it had at t = 0"),
]


@pytest.mark.parametrize(("function", "said"), RESULTS)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_results_that_cannot_be(function: Callable[[View], Any], said: str) -> None:
    plan = Plan(*given(dynamics={"replicas": 2}), {"mine": function})
    with pytest.raises(InputError, match=r"^observe\['mine'\] = .*" + said) as problem:
        carried_out(plan)
    assert "\n" not in str(problem.value)


def test_what_comes_later_may_be_no_number() -> None:
    """A mean over nobody is NaN; only at t = 0 it is taken for a mistake."""
    mine = {"mine": lambda view: np.where(view.time > 0, np.nan, view.n[:, 0])}
    arrays = carried_out(Plan(*given(), mine)).arrays()
    assert np.isnan(arrays["mine"]).tolist() == [False, True, True, True, True]


@pytest.mark.parametrize("failure", [ZeroDivisionError, OSError, InputError, SystemExit])
def test_a_failure_of_the_users_keeps_its_traceback(failure: Any) -> None:
    """Whatever it is, it is none that all ranks have alike: it ends the job as any exception on one rank does."""

    def mine(view: View) -> Any:
        if view.time > 0.15:
            raise failure(*("key", "value", "why")[: 3 if failure is InputError else 1])
        return view.n[:, 0]

    with pytest.raises(RuntimeError, match=r"observe\['mine'\] failed at t = 0.2") as problem:
        carried_out(Plan(*given(), {"mine": mine}))
    assert isinstance(problem.value.__cause__, failure)
    assert problem.value.__cause__.__traceback__.tb_next.tb_frame.f_code.co_name == "mine"


def test_an_observer_cannot_change_a_run() -> None:
    def mine(view: View) -> Any:
        view.n[:] = 0
        return [1.0]

    with pytest.raises(RuntimeError, match="failed at t = 0") as problem:
        carried_out(Plan(*given(), {"mine": mine}))
    assert "read-only" in str(problem.value.__cause__)


def test_a_run_goes_on_with_the_same_observers(tmp_path: Path) -> None:
    settings = given()
    whole = carried_out(Plan(*settings, {"own_entropy": entropy, "two": first_two}), tmp_path).arrays()

    def again(mine: dict[str, Any]) -> None:
        plan = Plan(*settings, mine)
        plan.try_observers(built(plan.system, plan.start, plan.config, Alone()))
        with ResultsFile(Output(tmp_path, plan, "", 1, "none", keep=3)):
            pass

    for mine, said in (
        ({}, r"observe\['own_entropy'\] = \"left out\": was recorded in"),
        (
            {"own_entropy": entropy, "two": first_two, "new": entropy},
            r"observe\['new'\] = \"new\": was not recorded in",
        ),
        ({"own_entropy": entropy, "two": entropy}, r"observe\['two'\] = \(\): gave \(2,\) in"),
    ):
        with pytest.raises(InputError, match=said):
            again(mine)
        np.testing.assert_array_equal(reading.read(tmp_path).measured["own_entropy"][0], whole["own_entropy"])
    again({"own_entropy": entropy, "two": first_two})
    np.testing.assert_array_equal(reading.read(tmp_path).measured["two"][0], whole["two"][:3])


def test_observers_are_tried_before_the_file_is_made(tmp_path: Path) -> None:
    plan = Plan(*given(), {"own_entropy": entropy})
    with pytest.raises(RuntimeError, match="try_observers"):
        ResultsFile(Output(tmp_path, plan, "", 1, "none"))


# lists in documents


@pytest.mark.parametrize("name", ["docs/python.md", "docs/results.md"])
def test_documents_list_what_the_table_has(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "<!-- datasets: " in text
    assert listing.renewed(text) == text, f"python -m copympi.records.listing {name}"
    assert all(f"`{row.name}`" in text for row in TABLE)
    assert listing.renewed(text.replace("`lineages`", "`lineage`")) == text


def test_the_lists_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "A.md"
    path.write_text("before\n<!-- datasets: short -->\nold\n<!-- end of datasets -->\nafter\n")
    listing.main([str(path)])
    assert path.read_text().startswith("before\n<!-- datasets: short -->\n| recorded where |")
    assert path.read_text().endswith("|\n<!-- end of datasets -->\nafter\n")
    listing.main([])
    assert capsys.readouterr().out.count("`occupation`") == 2
    path.write_text("no marks")
    with pytest.raises(InputError, match="has no <!-- datasets"):
        listing.main([str(path)])
