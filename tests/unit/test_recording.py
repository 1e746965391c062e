"""What a results file keeps of snapshots made by hand: summaries, thinned profiles, the largest ensembles."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

import copympi
from copympi.engine.ensemble import Snapshot
from copympi.errors import InputError
from copympi.model.preparation import prepare
from copympi.records.memory import Memory
from copympi.records.plan import MOST_PROFILE, Plan
from copympi.records.quantity import TABLE
from copympi.storage import reading
from copympi.storage.results import Output, ResultsFile
from tests.unit.test_observables import lattice_system


def summaries(*traits: str) -> set[str]:
    """What the table has for `output.summaries` and runs with no more than such traits."""
    return {row.name for row in TABLE if "summaries" in row.runs and {"summaries", *traits}.issuperset(row.runs)}


SUMMARIES = summaries("aligned")
MOTION = summaries("aligned", "lattice") - SUMMARIES


def configured(records: int = 10, replicas: int = 1, every: float | None = None, summaries: bool | None = None) -> Any:
    """What recording looks at in a config."""
    return SimpleNamespace(
        dynamics=SimpleNamespace(replicas=replicas, seed=1, guide="ensemble"),
        output=SimpleNamespace(time_unit="fs", profile_interval=every, summaries=summaries),
        system=SimpleNamespace(labels=None),
        alignment=None, schedule=[], records=records, interval=0.25,
        profile_every=None if every is None else round(every / 0.25),
    )  # fmt: skip


def started(P: int, members: int) -> Any:
    return prepare(P, members, state=np.full(P, P**-0.5, complex))


def snapshots(P: int, records: int, members: int, replicas: int = 1) -> list[Snapshot]:
    """Members shared out anew at every record."""
    rng = np.random.default_rng(1)
    out = []
    for k in range(records):
        share = rng.dirichlet(np.ones(P), replicas) * members
        large = members > 2**63 - 1
        n = share if large else np.floor(share).astype(np.int64)
        n[:, 0] = 0 if k % 2 else n[:, 0]
        more: dict[str, Any] = {}
        if large:
            more = {name: rng.normal(size=n.shape) for name in ("fluctuation", "phase_fluctuation")}
            more["regime"] = np.where(n == 0, 0, 2).astype(np.int8)
        out.append(Snapshot(n, rng.uniform(-9, 9, n.shape), np.full(replicas, 7.0 * k), k, 0.01, more=more))
    return out


def write(folder: Path, system: Any, config: Any, shots: list[Snapshot], keep: int = 0, members: int = 1000) -> Any:
    """Records `keep` .. of a run, as the root writes them."""
    plan = Plan(config, system, started(system.P, members))
    folder.mkdir(exist_ok=True)
    with ResultsFile(Output(folder, plan, "", 1, "no MPI", keep=keep)) as file:
        for record in range(keep, len(shots)):
            file.take(record * 0.25, plan.measure(record, shots[record]))
            if record % 3 == 0:
                file.flush()
    return reading.read(folder)


H = np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1)


@pytest.mark.parametrize("replicas", [1, 3])
def test_profiles_are_thinned_and_summaries_are_not(tmp_path: Path, replicas: int) -> None:
    system, config = copympi.System(H), configured(10, replicas, every=1.0, summaries=True)
    shots = snapshots(4, 11, 1000, replicas)
    data = write(tmp_path, system, config, shots)
    assert data.profile_time.tolist() == [0, 1, 2, 2.5]
    assert data.time.size == 11
    np.testing.assert_array_equal(data.occupation, np.stack([shots[k].n for k in (0, 4, 8, 10)], axis=1))
    assert set(data.measured) == {"coherence", *SUMMARIES}
    np.testing.assert_array_equal(data.measured["smallest"], np.stack([s.n.min(axis=1) for s in shots], axis=1))
    assert data.events.shape == data.measured["mean_energy"].shape == (replicas, 11)
    np.testing.assert_array_equal(data.profile(2)["occupation"], shots[8].n)
    lead = (replicas,) if replicas > 1 else ()
    with h5py.File(data.path) as file:
        assert file["occupation"].shape == (*lead, 4, 4)
        assert file["profile_time"].attrs["units"] == "fs"
        assert file["smallest"].dtype == np.int64


def test_memory_thins_alike() -> None:
    system, config = copympi.System(H), configured(10, every=1.0, summaries=True)
    plan = Plan(config, system, started(4, 1000))
    memory = Memory(plan)
    shots = snapshots(4, 11, 1000)
    for k, shot in enumerate(shots):
        memory.take(k * 0.25, plan.measure(k, shot))
    arrays = memory.arrays()
    assert arrays["profile_time"].tolist() == [0, 1, 2, 2.5]
    assert arrays["occupation"].shape == (4, 4)
    assert arrays["mean_energy"].shape == arrays["time"].shape == (11,)
    assert [plan.number(k) for k in (0, 1, 4, 5, 8, 10)] == [0, 1, 1, 2, 2, 3]


@pytest.mark.parametrize("keep", [1, 4, 5, 9])
def test_a_resumed_run_keeps_the_profiles_of_the_records_it_keeps(tmp_path: Path, keep: int) -> None:
    system, config = copympi.System(H), configured(10, every=0.5, summaries=True)
    shots = snapshots(4, 11, 1000)
    whole = write(tmp_path / "whole", system, config, shots)
    write(tmp_path / "half", system, config, shots[:10])
    assert reading.records_held(tmp_path / "half") == 10
    again = write(tmp_path / "half", system, config, shots, keep)
    with h5py.File(whole.path) as one, h5py.File(again.path) as other:
        assert set(one) == set(other)
        digests = {f"digests/{name}" for name in one["digests"]}
        assert digests == {"digests/records", "digests/profiles"}
        for name in set(one) - {"system", "digests"} | digests:
            np.testing.assert_array_equal(one[name][()], other[name][()], err_msg=name)


def test_profiles_cannot_change_their_times_half_way(tmp_path: Path) -> None:
    system, shots = copympi.System(H), snapshots(4, 5, 1000)
    write(tmp_path, system, configured(10), shots)
    with pytest.raises(InputError, match="profile_interval"):
        write(tmp_path, system, configured(10, every=0.5), shots, keep=3)


def test_nothing_more_by_default(tmp_path: Path) -> None:
    data = write(tmp_path, copympi.System(H), configured(4), snapshots(4, 5, 1000))
    with h5py.File(data.path) as file:
        assert set(file) == {"time", "occupation", "phase", "coherence", "events", "beable", "system", "digests"}
    assert data.sparse is None
    assert data.profile_time is data.time


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_largest_ensembles(tmp_path: Path, replicas: int) -> None:
    """N = 10^80: occupations as floats, N exactly, fluctuations and regimes beside them."""
    N, shots = 10**80, snapshots(4, 5, 10**80, replicas)
    data = write(tmp_path, copympi.System(H), configured(4, replicas, summaries=True), shots, members=N)
    assert data.members == N
    assert data.occupation.dtype == np.float64
    np.testing.assert_array_equal(data.occupation, np.stack([s.n for s in shots], axis=1))
    assert data.measured["regime"].dtype == np.int8
    assert data.measured["smallest"].dtype == np.float64
    np.testing.assert_array_equal(data.measured["empty"][0], [0, 1, 0, 1, 0])
    for name in ("fluctuation", "phase_fluctuation", "regime"):
        np.testing.assert_array_equal(data.measured[name], np.stack([s.more[name] for s in shots], axis=1))
    assert np.isnan(data.phase[0, 1, 0])
    with h5py.File(data.path) as file:
        assert file["regime"].attrs["codes"] == reading.CODES == "0 empty, 1 whole number, 2 Gaussian"
        assert file["fluctuation"].attrs["units"] == "1"
        assert file["system"].attrs["members"] == "1" + "0" * 80
        assert file["system"].attrs["members_float"] == 1e80


@pytest.mark.parametrize("shape", [(6,), (3, 4)])
def test_summaries_of_a_lattice(tmp_path: Path, shape: tuple[int, ...]) -> None:
    system = lattice_system(shape, (1.0,) * len(shape), "ring")
    plan = Plan(configured(4), system, started(system.P, 1000))
    assert planned(plan) == SUMMARIES | MOTION
    momentum = next(row for row in plan.rows if row.name == "momentum")
    assert (plan.width(momentum), plan.dtype(momentum)) == ((len(shape),), np.float64)
    assert planned(Plan(configured(4, summaries=False), system, started(system.P, 1000))) == set()
    spread = prepare(system.P, 1000, state=np.full(system.P, system.P**-0.5, complex), spread=0.1)
    assert planned(Plan(configured(4), system, spread)) == set()
    assert planned(Plan(configured(4, summaries=True), system, spread)) == summaries()


def planned(plan: Plan) -> set[str]:
    """The summaries among the quantities of a plan."""
    return {row.name for row in plan.rows if "summaries" in row.runs}


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_lattice_is_read_back(tmp_path: Path, replicas: int) -> None:
    pytest.importorskip("copympi.model.lattice")
    system = copympi.lattice([4, 5], [1.0, 0.5], boundary="open", potential={"kind": "harmonic", "omega": 0.3})
    data = write(tmp_path, system, configured(4, replicas), snapshots(20, 5, 1000, replicas))
    found = data.system.lattice  # type: ignore[attr-defined]
    assert (found.shape, found.spacing, found.boundary) == ((4, 5), (1.0, 0.5), "open")
    np.testing.assert_array_equal(found.potential, system.lattice.potential)
    assert data.measured["position"].shape == (replicas, 5, 2)
    assert set(data.measured) == {"coherence", *SUMMARIES, *MOTION}


def test_beyond_so_many_beables_profiles_have_files_of_their_own() -> None:
    many = SimpleNamespace(P=MOST_PROFILE + 1, lattice=None, parts=None)
    plan = Plan(configured(8), many, started(2, 10))  # type: ignore[arg-type, unused-ignore]
    assert plan.split_files
    assert [k for k in range(9) if plan.profiled(k)] == [0, 8]
    assert not Plan(configured(4), copympi.System(H), started(4, 10)).thinned
