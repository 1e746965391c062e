"""results.h5 as README.md has it, and the same numbers from Python."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tomlkit

import copympi
from copympi.errors import InputError
from copympi.records.quantity import events_dtype
from copympi.records.view import wrapped
from copympi.storage import reading
from tests import launch

H = [[0.3, 0.5, 0.1], [0.5, -0.3, 0.2], [0.1, 0.2, 0.0]]
PSI = [0.8, 0.0, 0.6]
T, P, R, N = 11, 3, 4, 2000

CONFIG = f"""# a comment that must survive
[system]
hamiltonian = {H}
hbar = 2.0
labels = ["ground", "dark", "bright"]
[preparation]
members = {N}
state = {PSI}
[dynamics]
duration = 2.0
seed = 12
[output]
interval = 0.2
time_unit = "fs"
"""


@dataclass(frozen=True)
class Case:
    representation: str
    replicas: int
    path: Path

    @property
    def lead(self) -> tuple[int, ...]:
        return (self.replicas,) if self.replicas > 1 else ()


@pytest.fixture(
    scope="module", params=[(kind, replicas) for kind in ("members", "occupation") for replicas in (1, R)], ids=str
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A finished run of the command line."""
    kind, replicas = request.param
    folder = tmp_path_factory.mktemp("runs")
    (folder / "job.toml").write_text(CONFIG)
    settings = [f"dynamics.representation={kind}", f"dynamics.replicas={replicas}"]
    done = launch.copympi(
        "run", "job.toml", "--quiet", "--no-figure", *(f"--set={item}" for item in settings), cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return Case(kind, replicas, folder / "job" / "results.h5")


@pytest.fixture
def copy(case: Case, tmp_path: Path) -> Path:
    """A results file that a test may spoil."""
    shutil.copy(case.path, tmp_path / "results.h5")
    return tmp_path / "results.h5"


def test_datasets_of_the_contract(case: Case) -> None:
    expected = {
        "time": ((T,), np.float64, "fs"),
        "occupation": ((*case.lead, T, P), np.int64, "1"),
        "phase": ((*case.lead, T, P), np.float64, "rad"),
        "coherence": ((*case.lead, T, P), np.float64, "1"),
        "events": ((*case.lead, T), np.int64, "1"),
    }
    with h5py.File(case.path) as file:
        for name, (shape, dtype, units) in expected.items():
            assert file[name].shape == shape, name
            assert file[name].dtype == dtype, name
            assert file[name].attrs["units"] == units, name
            assert len(file[name].attrs["description"]) > 10, name
            axes = [scales[0].name for scales in file[name].dims if len(scales)]
            named = [*["/replica"] * len(case.lead), "/time", "/beable"][: len(shape)]
            assert axes == ([] if name == "time" else named)
        scales = {"beable", "replica"} if case.lead else {"beable"}
        assert {name for name in file if isinstance(file[name], h5py.Dataset)} == set(expected) | scales


def test_root_attributes_of_the_contract(case: Case) -> None:
    with h5py.File(case.path) as file:
        found = dict(file.attrs)
    assert found["schema"] == reading.SCHEMA
    assert found["version"] == copympi.__version__
    assert found["seed"] == 12
    assert found["ranks"] == 1
    assert bool(found["complete"]) is True
    assert found["steps"] > 0
    assert 0 < found["largest_chance"] < 0.05
    for library in ("python ", "numpy ", "h5py "):
        assert library in found["libraries"]


def test_the_config_is_the_toml_as_run(case: Case) -> None:
    with h5py.File(case.path) as file:
        text = file.attrs["config"]
    assert text.startswith("# a comment that must survive")
    found = tomlkit.parse(text).unwrap()
    assert found["dynamics"]["representation"] == case.representation
    assert found["dynamics"]["replicas"] == case.replicas
    assert found["preparation"] == {"members": N, "state": PSI}


def test_times(case: Case) -> None:
    with h5py.File(case.path) as file:
        np.testing.assert_allclose(file["time"][()], np.arange(T) * 0.2, rtol=1e-15)


def test_members_are_conserved_and_counted(case: Case) -> None:
    with h5py.File(case.path) as file:
        n = file["occupation"][()].reshape(case.replicas, T, P)
        events = file["events"][()].reshape(case.replicas, T)
    np.testing.assert_array_equal(n.sum(axis=2), N)
    assert n.min() >= 0
    np.testing.assert_array_equal(n[:, 0], np.tile([1280, 0, 720], (case.replicas, 1)))
    np.testing.assert_array_equal(n[:, :, 1], 0)  # nobody holds it, so nobody can be copied
    np.testing.assert_array_equal(events[:, 0], 0)
    net = np.abs(np.diff(n, axis=1)).sum(axis=2) // 2
    assert np.all(np.diff(events, axis=1) >= net)
    assert np.all(events[:, -1] > 0)
    if case.replicas > 1:
        assert len({n[r].tobytes() for r in range(case.replicas)}) == case.replicas


def test_phases_and_coherence(case: Case) -> None:
    with h5py.File(case.path) as file:
        n, phase, coherence = (file[name][()] for name in ("occupation", "phase", "coherence"))
    empty = n == 0
    assert empty.any()
    np.testing.assert_array_equal(np.isnan(phase), empty)
    np.testing.assert_array_equal(np.isnan(coherence), empty)
    assert np.all((phase[~empty] > -np.pi) & (phase[~empty] <= np.pi))
    np.testing.assert_array_equal(coherence[~empty], 1.0)
    assert len(np.unique(phase[~empty])) > T


def test_python_gives_the_same_arrays(case: Case) -> None:
    system = copympi.System(H, hbar=2.0)
    run = copympi.simulate(
        system,
        state=PSI,
        members=N,
        duration=2.0,
        interval=0.2,
        seed=12,
        representation=case.representation,
        replicas=case.replicas,
    )
    with h5py.File(case.path) as file:
        for name in ("time", "occupation", "phase", "coherence", "events"):
            mine, theirs = getattr(run, name), file[name][()]
            assert mine.dtype == theirs.dtype, name
            np.testing.assert_array_equal(mine, theirs, err_msg=name)
        assert run.steps == file.attrs["steps"]
        assert run.largest_chance == file.attrs["largest_chance"]


@pytest.mark.parametrize("by", ["folder", "file"])
def test_read_back(case: Case, by: str) -> None:
    found = reading.read(case.path.parent if by == "folder" else case.path)
    assert found.path == case.path
    assert found.members == N
    assert found.system.labels == ["ground", "dark", "bright"]
    assert found.system.hbar == 2.0
    np.testing.assert_allclose(found.system.hamiltonian.toarray(), H, rtol=1e-15)
    np.testing.assert_allclose(found.state, PSI, rtol=1e-15)
    assert found.occupation.shape == found.phase.shape == (case.replicas, T, P)
    assert found.events.shape == (case.replicas, T)
    assert found.attributes["seed"] == 12
    with h5py.File(case.path) as file:
        np.testing.assert_array_equal(found.occupation.reshape(file["occupation"].shape), file["occupation"][()])
        np.testing.assert_array_equal(found.time, file["time"][()])


def test_another_seed_gives_another_run(case: Case) -> None:
    common: dict[str, Any] = {"state": PSI, "members": N, "duration": 2.0, "interval": 0.2}
    common |= {"representation": case.representation, "replicas": case.replicas}
    other = copympi.simulate(copympi.System(H, hbar=2.0), seed=13, **common)
    with h5py.File(case.path) as file:
        assert not np.array_equal(other.occupation, file["occupation"][()])


def test_newer_schema_is_refused(copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        file.attrs["schema"] = reading.SCHEMA + 1
    with pytest.raises(InputError) as problem:
        reading.read(copy)
    why = f"has schema {reading.SCHEMA + 1}; this version of copympi reads up to {reading.SCHEMA}"
    assert str(problem.value) == f'DIR = "{copy}": {why}'


def test_a_file_of_someone_else_is_refused(copy: Path) -> None:
    with h5py.File(copy, "w") as file:
        file["x"] = 1
    with pytest.raises(InputError, match="is not a results file of copympi"):
        reading.read(copy)


@pytest.mark.parametrize("lost", ["occupation", "events", "system", "time"])
def test_a_file_that_lacks_something_is_refused(copy: Path, lost: str) -> None:
    with h5py.File(copy, "r+") as file:
        del file[lost]
    with pytest.raises(InputError, match="cannot be read") as problem:
        reading.read(copy)
    assert lost in str(problem.value)


def test_a_broken_file_is_refused(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be read"):
        reading.read(copy)


def test_a_run_without_a_record_is_spoken_of(copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        for name in ("time", "occupation", "phase", "coherence", "events"):
            axis = 1 if name != "time" and file[name].maxshape[0] is not None else 0
            file[name].resize(0, axis=axis)
    with pytest.raises(InputError, match="holds no record yet"):
        reading.read(copy)


def test_nothing_there(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match=r"holds no results\.h5"):
            reading.read(place)


def test_events_fit_their_type() -> None:
    assert events_dtype(10**12) is np.int64
    assert events_dtype(2**63 - 1) is np.float64


def test_phases_are_wrapped_into_a_half_open_circle() -> None:
    phase = np.array([0.0, np.pi, -np.pi, 3 * np.pi, np.pi + 0.5, -7.0, 1e3, 5.0])
    n = np.array([1, 1, 1, 1, 1, 1, 1, 0])
    out = wrapped(phase, n)
    assert np.isnan(out[-1])
    assert np.all((out[:-1] > -np.pi) & (out[:-1] <= np.pi))
    np.testing.assert_allclose(np.exp(1j * out[:-1]), np.exp(1j * phase[:-1]), atol=1e-12)


def test_the_largest_counts_stay_exact() -> None:
    most = 2**63 - 1
    run = copympi.simulate(
        [[0, 0.5], [0.5, 0]],
        density=[0.5, 0.5],
        phase=[0, 0.3],
        members=most,
        duration=1.0,
        interval=0.1,
        representation="occupation",
    )
    assert run.occupation.dtype == np.int64
    assert all(int(a) + int(b) == most for a, b in run.occupation)
    assert run.occupation.min() >= 0
    assert run.events.dtype == np.float64
    assert np.all(np.diff(run.events) > 0)
