"""A sweep in one process: its numbers, its files, what is made again, what fails and what is refused."""

from __future__ import annotations

import csv
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

import copympi
from copympi.cli import main
from copympi.sweep import arrays, base, collected, expected, folder, points, sharing
from copympi.sweep import batches as results
from copympi.sweep.held import Held

Command = Callable[..., tuple[int, str, str]]

H = [[0.3, 0.5], [0.5, -0.3]]
KEYWORDS = {"system": H, "density": [0.7, 0.3], "members": 100, "duration": 2.0, "interval": 0.5,
            "representation": "occupation", "seed": 1}  # fmt: skip
OVER = {"preparation.members": [1000, 100_000], "preparation.phase": [[0.0, 0.0], [0.0, 1.5]],
        "dynamics.seed": range(8)}  # fmt: skip
CONFIG = """
[system]
hamiltonian = [[0.3, 0.5], [0.5, -0.3]]
[preparation]
density = [0.7, 0.3]
[dynamics]
duration = 2.0
representation = "occupation"
[output]
interval = 0.5
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> copympi.Sweep:
    """32 runs, collected."""
    done = copympi.sweep(KEYWORDS, over=OVER, output=tmp_path_factory.mktemp("swept") / "S")
    collected.collect(done)
    return done


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "job.toml").write_text(CONFIG)
    return tmp_path / "job.toml"


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`copympi ...` in this process, beside job.toml: exit code, standard output and error."""
    monkeypatch.chdir(config.parent)
    for name in ("stdout", "stderr"):  # which a command wraps
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with warnings.catch_warnings():
            warnings.simplefilter("always", copympi.CopyWarning)
            with pytest.raises(SystemExit) as end:
                main.main(list(arguments))
        return (int(end.value.code or 0), *capsys.readouterr())

    return run


def batches(place: Path) -> dict[str, int]:
    """Names of the files of results, and when they were written."""
    return {path.name: path.stat().st_mtime_ns for path in (place / folder.BATCHES).iterdir()}


def test_runs_are_those_of_simulate(swept: copympi.Sweep) -> None:
    assert len(list(swept)) == len(swept) == 32
    assert swept.missing == swept.failed == []
    for values, run in list(swept)[::9]:
        keys = {key.partition(".")[2]: value for key, value in values.items()}
        alone = copympi.simulate(**{**KEYWORDS, **keys})  # type: ignore[arg-type]
        for name in ("time", "occupation", "phase", "coherence", "events"):
            one, two = getattr(run, name), getattr(alone, name)
            assert (one.dtype, one.tobytes()) == (two.dtype, two.tobytes()), name
        assert (run.steps, run.largest_chance) == (alone.steps, alone.largest_chance)
        assert run.config["preparation"]["members"] == keys["members"]
    assert "32 runs over preparation.members (2)" in repr(swept)


def test_signac_opens_it(swept: copympi.Sweep) -> None:
    signac = pytest.importorskip("signac")
    project = signac.get_project(str(swept.path), search=False)
    assert len(project) == 32
    assert {job.id for job in project} == {point.name for point in swept.points}
    few = list(project.find_jobs({"preparation.members": 1000, "dynamics.seed": 3}))
    assert sorted(job.sp.preparation.phase() for job in few) == [[0.0, 0.0], [0.0, 1.5]]
    assert all(job.isfile("done") for job in few)
    assert project.check() is None


def test_the_table(swept: copympi.Sweep) -> None:
    """One row a setting, errors over seeds as numpy has them, in CSV, HDF5 and Python alike."""
    with (swept.path / collected.CSV).open() as file:
        rows = list(csv.DictReader(file))
    assert [row["preparation.members"] for row in rows] == ["1000", "1000", "100000", "100000"]
    assert [row["ensembles"] for row in rows] == ["8"] * 4
    runs = [run for values, run in swept if values["preparation.phase"] == [0.0, 1.5]][:8]
    share = np.array([run.occupation[-1, 0] / 1000 for run in runs])
    assert float(rows[1]["n/N [0]"]) == pytest.approx(share.mean(), rel=1e-12)
    assert float(rows[1]["n/N [0] error"]) == pytest.approx(share.std(ddof=1) / np.sqrt(8), rel=1e-12)
    psi = np.sqrt([0.7, 0.3]) * np.exp([0, -1.5j])
    energy, vectors = np.linalg.eigh(np.array(H))
    quantum = np.abs(np.exp(-1j * np.outer(runs[0].time, energy)) * (vectors.T @ psi) @ vectors.T) ** 2
    squares = np.array([((run.occupation / 1000 - quantum) ** 2)[1:].mean() for run in runs])
    assert float(rows[1]["deviation"]) == pytest.approx(np.sqrt(squares.mean()), rel=1e-9)
    assert float(rows[1]["deviation error"]) == pytest.approx(
        squares.std(ddof=1) / np.sqrt(8) / 2 / np.sqrt(squares.mean()), rel=1e-9
    )
    with h5py.File(swept.path / collected.H5) as file:
        np.testing.assert_allclose(file["table/deviation"][()], [float(row["deviation"]) for row in rows])
        np.testing.assert_allclose(file["records/schrodinger"][1], quantum, atol=1e-12)
        np.testing.assert_allclose(file["records/occupation"][1], np.mean([run.occupation for run in runs], axis=0))
        assert file["records/setting"][()].tolist() == [0, 1, 2, 3]
        assert json.loads(file.attrs["over"])["dynamics.seed"] == list(range(8))
    table = swept.table
    assert list(table["deviation"]) == [float(row["deviation"]) for row in rows]
    with Image.open(swept.path / "deviation.png") as picture:
        assert min(picture.size) > 500


def test_deviations_are_as_expected(tmp_path: Path) -> None:
    """Null hypothesis: the square of the deviation is that of the linear noise approximation. 400 ensembles: 5% each.

    A wrong law is seen: against half the members it is off by 40%, some eight errors.
    """
    asked = {**KEYWORDS, "replicas": 100, "phase": [0.0, 1.0]}
    done = copympi.sweep(asked, over={"preparation.members": [10_000, 10**6], "dynamics.seed": range(4)},
                         output=tmp_path / "S")  # fmt: skip
    for row in done.rows:
        (ratio, error), N = row["deviation / expected"], row["preparation.members"]
        assert row["ensembles"] == 400
        assert error < 0.05, N
        assert abs(ratio - 1) < 3.5 * error, N
        assert abs(ratio / np.sqrt(0.5) - 1) > 5 * error, N
    few = copympi.sweep(asked, over={"preparation.members": [30]}, output=tmp_path / "few")
    assert np.isnan(few.rows[0]["expected"])  # with fewer than 20 members in a beable it means nothing
    pinned = copympi.sweep({**asked, "spectators": 300}, over={"preparation.members": [3000]}, output=tmp_path / "s")
    value, error = pinned.rows[0]["deviation / expected"]
    assert abs(value - 1) < 4 * error  # the mean field's own distance from |Psi|^2 is a part of what is expected
    free = expected.Theory().of(few.jobs.job(few.points[0]), np.linspace(0, 2, 5))
    assert pinned.rows[0]["expected"] > 2 * np.sqrt(0.5 / 3000) * 0.05
    assert np.isfinite(free.quantum).all()


def test_a_second_start_goes_on_and_may_sweep_more(config: Path, tmp_path: Path) -> None:
    place = tmp_path / "S"
    over: dict[str, Any] = {"preparation.members": [100, 1000], "dynamics.seed": [1, 2]}
    copympi.sweep(config, over=over, output=place)
    first = batches(place)
    copympi.sweep(config, over=over, output=place)
    assert batches(place) == first
    more = copympi.sweep(config, over={"preparation.members": [1e3, 10_000], "dynamics.seed": [1, 2]}, output=place)
    assert first.items() < batches(place).items()
    assert len(more) == 6
    assert more.missing == []
    assert sorted({values["preparation.members"] for values, _ in more}) == [100, 1000, 10_000]
    assert sum(run.occupation.shape == (5, 2) for _, run in more) == 6
    for changed, said in (
        ({"preparation.members": [9]}, "over = .*was preparation.members, dynamics.seed when"),
        ({**over, "dynamics.step": [0.1]}, "choose another folder with -o"),
    ):
        with pytest.raises(copympi.InputError, match=said):
            copympi.sweep(config, over=changed, output=place)
    config.write_text(CONFIG.replace("0.7, 0.3", "0.6, 0.4"))
    with pytest.raises(copympi.InputError, match=r"preparation.density = \[0.6, 0.4\]: was \[0.7, 0.3\]"):
        copympi.sweep(config, over=over, output=place)
    assert len(batches(place)) == 2


def test_a_file_that_changed_is_noticed(config: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "H.npy", np.array(H))
    config.write_text(CONFIG.replace("[[0.3, 0.5], [0.5, -0.3]]", '"H.npy"'))
    copympi.sweep(config, over={"preparation.members": [100]}, output=tmp_path / "S")
    np.save(tmp_path / "H.npy", 2 * np.array(H))
    with pytest.raises(copympi.InputError, match=r"system.hamiltonian = .*matrix with digest .*: was"):
        copympi.sweep(config, over={"preparation.members": [100]}, output=tmp_path / "S")


def test_a_large_matrix_from_python_is_kept(tmp_path: Path) -> None:
    """`copympi collect` and `copympi sweep DIR` find it there, to the last bit, whatever hbar is."""
    A = np.random.default_rng(3).normal(size=(2, 40, 40))
    system = copympi.System(A[0] + A[0].T + 1j * (A[1] - A[1].T), hbar=0.7, labels=[f"b{a}" for a in range(40)])
    asked = {"system": system, "density": np.full(40, 1 / 40), "duration": 0.1, "interval": 0.05}
    done = copympi.sweep(asked, over={"preparation.members": [10**5], "dynamics.seed": [1, 2]}, output=tmp_path / "S")
    held = Held(tmp_path / "S")
    read = held.jobs.job(held.points[0])
    assert (read.system.frequencies != system.frequencies).nnz == 0
    assert read.system.labels == system.labels
    assert [row["deviation"] for row in collected.collect(held)[0]] == [row["deviation"] for row in done.rows]
    copympi.sweep(asked, over={"preparation.members": [10**5], "dynamics.seed": [1, 2, 3]}, output=tmp_path / "S")
    path = tmp_path / "S" / arrays.MATRIX
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(copympi.MachineError, match=r"hamiltonian.npz is damaged"):
        Held(tmp_path / "S")


@pytest.mark.filterwarnings("ignore::copympi.EmptyBeableWarning")
@pytest.mark.parametrize("kind", ["lattice", "state", "admixture"])
def test_large_arrays_from_python_are_kept(kind: str, tmp_path: Path) -> None:
    """The folder alone gives the runs back, and goes on, with the lattice and its V, and all amplitudes."""
    P = 1100
    x = np.arange(P) - P // 2
    V = 1e-4 * x**2 if kind == "lattice" else "free"
    asked: dict[str, Any] = {"system": copympi.lattice(P, 0.5, potential=V), "duration": 0.05, "interval": 0.05}
    psi = np.exp(-(x**2) / 400 + 0.3j * x)
    psi /= np.linalg.norm(psi)
    more = {"lattice": {"packet": {"centre": 0, "width": 9}}, "state": {"state": psi},
            "admixture": {"packet": {"centre": 0, "width": 9}, "admixture": {"state": psi, "weight": 0.1}}}  # fmt: skip
    over = {"preparation.members": [10**6], "dynamics.seed": [1, 2]}
    done = copympi.sweep(asked | more[kind], over=over, output=tmp_path / "S")
    alone = copympi.Sweep(tmp_path / "S")
    one, two = done.jobs.job(done.points[0]), alone.jobs.job(alone.points[0])
    assert one.settings == two.settings
    assert (one.system.frequencies != two.system.frequencies).nnz == 0
    assert two.system.lattice is not None
    assert two.system.lattice.boundary == "ring"
    np.testing.assert_array_equal(one.system.lattice.potential, two.system.lattice.potential)
    assert [run.occupation.tobytes() for _, run in alone] == [run.occupation.tobytes() for _, run in done]
    before = batches(tmp_path / "S")
    copympi.sweep(asked | more[kind], over={**over, "dynamics.seed": [1, 2, 3]}, output=tmp_path / "S")
    with pytest.raises(SystemExit) as end:
        main.main(["sweep", str(tmp_path / "S"), "--quiet"])
    assert not end.value.code
    assert len(list(copympi.Sweep(tmp_path / "S"))) == 3
    assert len(batches(tmp_path / "S")) == len(before) + 1


def test_copy_rules_are_swept_and_written_down(tmp_path: Path) -> None:
    """As a Rule, key by key and as values; who reads the folder makes the same runs of it."""
    H, shift = [[0.3, 0.5], [0.5, -0.3]], np.array([[0.0, 0.1], [-0.1, 0.0]])
    asked = {"system": H, "members": 500, "state": [0.8, 0.6j], "duration": 0.2, "interval": 0.1, "seed": 4}
    rule = copympi.Rule(0.6, -0.4, [{}, {"k": 2, "copying": 0.3, "turning_shift": shift}])
    over = {"dynamics.rule.q": [0.4, 0.5], "dynamics.rule.harmonics[1].k": [2, 3]}
    copympi.sweep(asked | {"rule": rule}, over=over, output=tmp_path / "keys")
    read = Held(tmp_path / "keys")
    assert read.run(read.points[0]).config["dynamics"]["rule"]["r"] == -0.4
    for values, run in read:
        q, k = values.values()
        other = copympi.Rule(q, -0.4, [{}, {"k": k, "copying": 0.3, "turning_shift": shift}])
        np.testing.assert_array_equal(run.occupation, copympi.simulate(**asked, rule=other).occupation)
        assert read.jobs.job(read.points[0]).config.dynamics.rule_read.harmonics[1].turning_shift[0, 1] == 0.1
    whole = copympi.sweep(
        {"system": {"hamiltonian": H}, "preparation": {"members": 500, "state": [0.8, 0.6j]},
         "dynamics": {"duration": 0.2, "seed": 4, "rule": rule}, "output": {"interval": 0.1}},
        over={"dynamics.rule": [copympi.Rule(), rule]}, output=tmp_path / "rules",
    )  # fmt: skip
    assert np.isfinite([row["expected"] for row in whole.rows]).tolist() == [True, False]  # of others it is not known
    for (_, run), one in zip(whole, (None, rule), strict=True):
        np.testing.assert_array_equal(run.occupation, copympi.simulate(**asked, rule=one).occupation)
    function = copympi.RuleFunction(lambda *_: 1.0, lambda *_: 0.0, "mine")
    with pytest.raises(copympi.InputError, match=r"^dynamics\.rule = a Python function mine: cannot stand in a sweep"):
        copympi.sweep(asked | {"rule": function}, over={"dynamics.seed": [1]}, output=tmp_path / "none")
    with pytest.raises(copympi.InputError, match=r"^over dynamics\.rule = .*mine.*: must be a number"):
        copympi.sweep(asked, over={"dynamics.rule": [function]}, output=tmp_path / "none")
    many = copympi.Rule(harmonics=[{"copying": np.full((40, 40), 1.0)}])
    with pytest.raises(copympi.InputError, match=r"^dynamics\.rule = .*has matrices too large for a sweep: give the p"):
        copympi.sweep(asked | {"rule": many}, over={"dynamics.seed": [1]}, output=tmp_path / "none")


def test_damaged_results_are_made_again(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    over = {"preparation.members": [100, 1000], "dynamics.seed": [1, 2]}
    before = {str(values): run.occupation.tobytes() for values, run in
              copympi.sweep(config, over=over, output=tmp_path / "S")}  # fmt: skip
    (path,) = (tmp_path / "S" / folder.BATCHES).iterdir()
    damaged = bytearray(path.read_bytes())
    damaged[-20] ^= 1
    path.write_bytes(damaged)
    assert len(list(Held(tmp_path / "S"))) == 0
    assert len(Held(tmp_path / "S").missing) == 4  # whatever the marks say
    assert "is damaged" in capsys.readouterr().err
    with pytest.raises(copympi.StoppedEarly):
        copympi.sweep(config, over=over, output=tmp_path / "S", time_budget=1e-9)
    assert not list((tmp_path / "S").glob("workspace/*/done"))  # row sends them again
    again = copympi.sweep(config, over=over, output=tmp_path / "S", time_budget=1e300)
    assert "its runs are made again" in capsys.readouterr().err
    assert {str(values): run.occupation.tobytes() for values, run in again} == before


def test_large_runs_have_folders_of_their_own_and_the_same_numbers(config: Path, tmp_path: Path) -> None:
    over = {"preparation.members": [100, 1000]}
    for ranks in ("one", "all"):
        done = copympi.sweep(config, over=over, output=tmp_path / ranks, ranks=ranks)
        collected.collect(done)
        assert done.missing == []
    runs = list((tmp_path / "all" / folder.WORKSPACE).glob("*/results.h5"))
    assert len(runs) == 2
    assert not batches(tmp_path / "all")
    assert copympi.load(runs[0].parent).complete
    for name in (collected.CSV, collected.H5):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "all" / name).read_bytes()
    seen = [path.stat().st_mtime_ns for path in runs]
    copympi.sweep(config, over=over, output=tmp_path / "all", ranks="one")  # what is done, is done
    assert [path.stat().st_mtime_ns for path in runs] == seen
    assert not batches(tmp_path / "all")


def test_estimates_tell_small_from_large() -> None:
    def of(**more: Any) -> sharing.Estimate:
        jobs = base.Jobs(base.from_python({**KEYWORDS, **more}))
        return sharing.estimate(jobs.job(points.Point({})))

    assert not of().large
    assert not of(members=10**15).large
    assert of(representation="members", members=10**8).large  # bytes
    assert of(method="exact", members=10**9).large  # copies one by one
    assert not of(method="exact", members=10**4).large
    assert of(representation="members", members=10**7, duration=1e4, interval=10.0).large  # time
    many = {"system": copympi.lattice(5000), "density": None, "packet": {"centre": 0, "width": 9}}
    assert of(**many).split
    with pytest.raises(copympi.InputError, match='ranks = "one": must be "auto" or "all"'):
        copympi.sweep({**KEYWORDS, **many}, over={"dynamics.seed": [1]}, output="nowhere", ranks="one")
    assert not Path("nowhere").exists()


def test_a_run_that_fails_takes_no_other_with_it(config: Path, command: Command) -> None:
    """With such a step a member's chance to leave is above 1."""
    text = CONFIG.replace("[[0.3, 0.5], [0.5, -0.3]]", "[[0.0, 1.0], [1.0, 0.0]]").replace("[0.7, 0.3]", "[0.5, 0.5]")
    text = text.replace("= 2.0", "= 6.0\nstep = 3.0").replace("= 0.5", "= 3.0")
    text = text.replace("[dynamics", "phase = [0.0, 1.5707963]\n[dynamics")
    config.write_text(text)
    asked = ("--over", "system.hbar=1e3,1", "--set", "preparation.members=100000", "--seeds", "2", "-o", "S")
    code, _, told = command("sweep", "job.toml", *asked, "--quiet")
    assert code == 1, told
    assert len(told.splitlines()) == 1, told
    start = "copympi: error: 2 of 4 runs failed; the first with system.hbar = 1, dynamics.seed = 1: a member's chance"
    assert told.startswith(start)
    held = Held(Path("S"))
    assert [values for values, _ in held.failed] == [{"system.hbar": 1, "dynamics.seed": k} for k in (1, 2)]
    assert len(list(held)) == 2
    code, out, told = command("collect", "S")
    assert code == 0, told
    assert told.count("copympi: failed: system.hbar = 1, dynamics.seed = ") == 2
    line = next(line for line in out.splitlines() if line.split()[:1] == ["1"])
    assert line.split()[-1] == "2"
    assert command("info", "S")[1].startswith("S: not complete")
    with pytest.warns(copympi.CopyWarning, match="1 of 1 runs failed; the first with preparation.members = 1000: a"):
        copympi.sweep(config, over={"preparation.members": [1000]}, output="T")
    with pytest.warns(copympi.CopyWarning, match="1 of 1 runs failed"):  # a second start tries it once more
        assert len(copympi.sweep(config, over={"preparation.members": [1000]}, output="T", ranks="all").failed) == 1


def test_a_large_run_that_failed_and_then_succeeds_is_not_failed(config: Path, tmp_path: Path) -> None:
    """What stands of the failure is what any large run leaves that fails."""
    over = {"preparation.members": [1000]}
    place = tmp_path / "S"
    with pytest.raises(copympi.StoppedEarly):
        copympi.sweep(config, over=over, output=place, ranks="all", time_budget=1e-9)
    (own,) = (place / folder.WORKSPACE).iterdir()
    results.write(place, results.Batch(failures={own.name: "no space left"}))
    held = Held(place)
    assert held.failed == [({"preparation.members": 1000}, "no space left")]
    assert len(held.missing) == 1
    done = copympi.sweep(config, over=over, output=place, ranks="all")
    assert done.failed == done.missing == []
    assert [row["failed"] for row in done.rows] == [0]


def test_warnings_of_many_runs_are_told_once(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asked = {**KEYWORDS, "density": [0.999, 0.001]}
        copympi.sweep(asked, over={"preparation.members": [10, 20], "dynamics.seed": range(3)}, output=tmp_path / "S")
    empty = [str(each.message) for each in caught if each.category is copympi.EmptyBeableWarning]
    assert len(empty) == 1
    assert "(and 5 more like this, of other runs)" in empty[0]
    assert caught[0].filename == __file__


REFUSED = [
    (("--over", "preparation.members=10,0"), "job.toml: preparation.members = 0: must be a whole number of at least 1"),
    (("--over", "preparation.membrs=10"), "job.toml: preparation.membrs = 10: no such key; the nearest is 'members'"),
    (("--seeds", "2"), "preparation.members = \"(left out)\": must be given (in the run with dynamics.seed = 1)"),
    (("--over", "preparation.members=10", "--over", "dynamics.duration=1,1.2"), "dynamics.duration = 1.2: must be a"),
    (("--over", "preparation.members=10", "--seeds", "0"), "--seeds = 0: must be from 1 to"),
    (("--over", "members=10"), 'over = "members": must read section.key'),
    ((), "--over = \"(left out)\": must be given, or --seeds"),
    (("--points", "x"), "must go with the folder of a sweep"),
    (("--over", "preparation.members=10", "--over", "dynamics.seed=1,2", "--seeds", "2"), "--seeds = 2: must be left"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "said"), REFUSED)
def test_bad_input_is_found_before_anything_is_written(arguments: tuple[str, ...], said: str, command: Command) -> None:
    code, out, told = command("sweep", "job.toml", "-o", "S", *arguments)
    assert (code, out) == (2, "")
    assert not Path("S").exists()
    assert len(told.splitlines()) == 1
    assert said in told


def test_other_folders_are_refused(config: Path, tmp_path: Path) -> None:
    copympi.simulate(**KEYWORDS, output=tmp_path / "run")  # type: ignore[arg-type]
    with pytest.raises(copympi.InputError, match="holds a run; choose another"):
        copympi.sweep(config, over={"preparation.members": [10]}, output=tmp_path / "run")
    (tmp_path / "S").mkdir()
    (tmp_path / "S" / folder.SPEC).write_text('{"schema": 1}')
    with pytest.raises(copympi.MachineError, match="is damaged, or no file of copympi's"):
        copympi.sweep(config, over={"preparation.members": [10]}, output=tmp_path / "S")
    with pytest.raises(copympi.InputError, match="holds no sweep"):
        Held(tmp_path)
    with pytest.raises(copympi.InputError, match="no such folder"):
        Held(tmp_path / "none")
    large = {"system": copympi.System(np.eye(40)), "density": np.full(40, 1 / 40), "members": 100, "duration": 1.0}
    with pytest.raises(copympi.InputError, match=r"system.hbar = 2.0: cannot be swept where system is a System from"):
        copympi.sweep(large, over={"system.hbar": [2.0]}, output=tmp_path / "hbar")


def test_stop_file_time_and_points_of_the_command_line(command: Command) -> None:
    """A sweep that stops early says how far it is, exit code 3; row sends some points by the names of their folders."""
    asked = ("--over", "preparation.members=100,200", "--seeds", "3", "-o", "S")
    code, _, told = command("sweep", "job.toml", *asked, "--time-budget", "0.000001s")
    assert code == 3
    assert told == "copympi: the time is used up: 0 of 6 runs are done and stand in S\n"
    place = Path("S")
    names = sorted(path.name for path in (place / folder.WORKSPACE).iterdir())
    assert len(names) == 6
    assert not list(place.glob("workspace/*/done"))
    (place / "STOP").touch()
    assert command("sweep", "S")[0] == 3
    assert (place / "stopped").exists()
    assert command("sweep", "S", "--points", *names[:2])[0] == 0
    assert sorted(path.parent.name for path in place.glob("workspace/*/done")) == names[:2]
    _, out, _ = command("info", "S")
    assert out.startswith("S: not complete")
    assert "2 of 6 runs are done" in out
    code, out, _ = command("sweep", "S")
    assert code == 0
    assert "4 runs in" in out
    assert "2 were done before" in out
    assert command("info", "S")[1].startswith("S: complete")
    assert command("sweep", "S", "--points", "x")[2].startswith('copympi: error: --points = "x": is no point of this')
    drawn = [line.rpartition("/")[2] for line in command("plot", "S")[1].splitlines()]
    assert drawn == ["collected.csv", "collected.h5", "deviation.png", "deviation.pdf"]
