"""Runs whose H is switched: from TOML and from Python, through checkpoints, and what theory says of them."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import chi2_contingency

import copympi
from copympi.cli.main import main
from copympi.config import reading
from copympi.errors import InputError, ScheduleWarning
from copympi.model.schedule import Schedule, Switch
from copympi.report import analysis
from copympi.run import plan, settings
from copympi.storage import restart
from copympi.theory import noise, schrodinger

H = [np.array([[0.3, 0.5], [0.5, -0.3]]), np.array([[-0.2, 0.4j], [-0.4j, 0.6]]), np.array([[0.0, 0.9], [0.9, 0.1]])]
PSI = np.array([0.8, 0.6j])
SCHEDULE = [(0.13, H[1]), (0.2, H[2])]
RUN: dict[str, Any] = {"state": PSI, "members": 2000, "duration": 0.4, "interval": 0.1, "seed": 5}
JOB = """
[system]
hamiltonian = [[0.3, 0.5], [0.5, -0.3]]
labels = ["up", "down"]
[preparation]
members = 2000
state = [0.8, "0.6j"]
[dynamics]
duration = 0.4
seed = 5
[output]
interval = 0.1
[[schedule]]
at = 0.13
hamiltonian = [[-0.2, "0.4j"], ["-0.4j", 0.6]]
[[schedule]]
at = 0.2
hamiltonian = "third.npy"
"""


def job(folder: Path) -> Path:
    np.save(folder / "third.npy", H[2])
    (folder / "job.toml").write_text(JOB)
    return folder / "job.toml"


def command(*words: str) -> None:
    """A command of the command line that must succeed."""
    with pytest.raises(SystemExit) as done:
        main(list(words))
    assert done.value.code == 0


def psi_at(times: Any, switches: Any = SCHEDULE) -> Any:
    """Psi at `times` by expm, segment by segment."""
    out = []
    for time in times:
        psi, parts = PSI, [(0.0, H[0]), *switches, (np.inf, H[0])]
        for (begin, system), (end, _) in pairwise(parts):
            psi = expm(-1j * system * max(min(time, end) - begin, 0.0)) @ psi
        out.append(psi)
    return np.array(out)


def same(one: copympi.Run, other: copympi.Run) -> bool:
    return all(np.array_equal(values, other.arrays()[name], equal_nan=True) for name, values in one.arrays().items())


def test_python_and_toml_make_the_same_run_and_the_file_knows_its_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also what `info`, `rerun` and `--dry-run` make of it."""
    from_python = copympi.simulate(copympi.System(H[0], labels=["up", "down"]), schedule=SCHEDULE, **RUN)
    monkeypatch.chdir(tmp_path)
    job(tmp_path)
    command("run", "job.toml", "-o", "out", "--no-figure")
    assert "as it should be" in capsys.readouterr().out
    found = copympi.load("out")
    assert same(found, from_python)
    assert [(switch.at, switch.system.P) for switch in found.schedule.switches] == [(0.13, 2), (0.2, 2)]
    np.testing.assert_array_equal(found.schedule.systems[1].frequencies.toarray(), H[2])
    assert list(found.schedule.systems[1].labels) == ["up", "down"]
    np.testing.assert_allclose(found.schrodinger, np.abs(psi_at(found.time)) ** 2, atol=1e-3)  # rounded counts
    for words in ("info out", "rerun out", "run job.toml --dry-run"):
        command(*words.split())
    assert "all 5 records come out again, bit for bit" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::copympi.StepWarning")
def test_a_run_goes_on_from_any_segment_with_the_same_bits(tmp_path: Path) -> None:
    """From checkpoints in the second H, at its end before the record and the switch there, and in the third H."""
    ways: dict[str, Any] = RUN | {"representation": "members", "step": 0.025, "schedule": SCHEDULE}
    out = tmp_path / "out"
    copympi.simulate(H[0], output=out, checkpoint={"interval": 1e-9, "keep": 100, "final": False}, **ways)
    found = sorted(path.name for path in (out / "checkpoints").iterdir() if path.suffix == ".h5")
    times = []
    whole = copympi.simulate(H[0], **ways | {"duration": 0.5})
    for k, name in list(enumerate(found))[2:5]:
        times.append(restart.read_meta(out / "checkpoints" / name)["time"])
        shutil.copytree(out, tmp_path / name)
        for later in found[k + 1 :]:
            (tmp_path / name / "checkpoints" / later).unlink()
        again = copympi.simulate(
            H[0], output=tmp_path / name, resume=True, checkpoint={"final": False}, **ways | {"duration": 0.5}
        )
        assert same(again, whole), times
    np.testing.assert_allclose(times, [0.153, 0.2, 0.225], atol=0.001)


def test_a_longer_run_may_have_more_to_come_but_nothing_else_before(tmp_path: Path) -> None:
    """What the schedule has for the end of the run as it was, or for later, may be another; what was before stays."""
    out, short = tmp_path / "out", RUN | {"duration": 0.2}
    with pytest.warns(ScheduleWarning, match=r"schedule\[1\].at = 0.2 is not before dynamics.duration = 0.2: this run"):
        copympi.simulate(H[0], output=out, schedule=[SCHEDULE[0], (0.2, H[0])], **short)
    for wrong in ([(0.14, H[1])], [(0.13, H[2])], []):
        with pytest.raises(InputError, match=r"schedule\[0\] = .*: was \"?at = 0.13, matrix with digest .* must stay"):
            copympi.simulate(H[0], output=out, resume=True, schedule=[*wrong, SCHEDULE[1]], **RUN)
    for longer in (0.3, 0.4):
        found = copympi.simulate(H[0], output=out, resume=True, schedule=SCHEDULE, **RUN | {"duration": longer})
    assert same(found, copympi.simulate(H[0], schedule=SCHEDULE, **RUN))


def test_another_basis_turns_every_h_alike() -> None:
    """N = 1e14, tolerance 1e-7: within 2e-6 of expm in the new beables, fluctuations being 1e-7."""
    U = np.array([[0.6, 0.8], [-0.8, 0.6]])
    ways = RUN | {"members": 10**14, "tolerance": 1e-7}
    run = copympi.simulate(H[0], basis=U, schedule=[*SCHEDULE, (0.35, H[0])], **ways)
    expected = psi_at(run.time, [*SCHEDULE, (0.35, H[0])]) @ U.conj()
    np.testing.assert_allclose(run.occupation / 1e14, np.abs(expected) ** 2, atol=2e-6)
    np.testing.assert_allclose(run.schrodinger, np.abs(expected) ** 2, atol=1e-12)


def test_a_potential_is_switched_and_the_rest_of_the_lattice_stays(tmp_path: Path) -> None:
    """A packet at rest in a trap that moves away from it at t = 2; energies are those of the H before the record."""
    trap = {"kind": "harmonic", "omega": 0.2}
    lattice = copympi.lattice(32, potential=trap)
    moved = trap | {"centre": 3.0}
    run = copympi.simulate(
        lattice, packet={"centre": 0.0, "width": 2.0}, members=10**30, duration=4.0, interval=1.0, seed=1,
        schedule=[{"at": 2.0, "potential": moved}], output=tmp_path / "out",
    )  # fmt: skip
    other = copympi.lattice(32, potential=moved)
    psi = [run.state, *(expm(-2j * system.frequencies.toarray()) for system in (lattice, other))]
    psi = [psi[0], psi[1] @ psi[0], psi[2] @ psi[1] @ psi[0]]
    np.testing.assert_allclose(run.occupation[::2] / 1e30, np.abs(psi) ** 2, atol=1e-5)
    energy = run.measured["mean_energy"]
    assert energy[2] == pytest.approx(energy[0], rel=1e-6)
    assert energy[3] == pytest.approx(energy[4], rel=1e-4)
    assert energy[3] - energy[2] == pytest.approx(0.5 * 0.04 * 9.0, rel=0.02)
    (switch,) = run.schedule.switches
    assert switch.system.lattice is not None
    np.testing.assert_array_equal(switch.system.lattice.potential, other.lattice.potential)  # type: ignore[union-attr]
    motion = analysis.compare(run.results())
    assert isinstance(motion, analysis.Motion)
    assert np.abs(motion.difference).max() < 1e-3
    assert motion.newton[-1, 0] == pytest.approx(3.0 * (1 - np.cos(0.4)), rel=1e-3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "schedule[1].at=0.1",
            "schedule[1].at = 0.1: must not be before schedule[0].at = 0.13: entries stand in order",
        ),
        ("schedule[2].at=0.1", '--set = "schedule[2].at=0.1": there are 2 tables [[schedule]], counted from 0'),
        ("schedule.at=0.1", "schedule has several tables: name one of them, as schedule[0]"),
        ("schedule[0].at=0", "schedule[0].at = 0: must be a positive number"),
        ("schedule[0].when=1", "schedule[0].when = 1: no such key; the nearest is "),
        (
            "schedule[0].hamiltonian=[[1, 2], [3, 4]]",
            'schedule[0].hamiltonian = "H[0,1] = 2+0j, H[1,0] = 3+0j": must be',
        ),
        ("schedule[0].hamiltonian=[[1]]", 'schedule[0].hamiltonian = "1 beables": must have as many as the system'),
        ("schedule[1].hamiltonian=none.npy", 'schedule[1].hamiltonian = "none.npy": no such file'),
        ("schedule[1].potential=free", 'schedule[1] = "hamiltonian and potential": must have one of hamiltonian, pot'),
        ("output.interval=0.2", None),
    ],
)
def test_what_is_wrong_with_a_schedule_is_said_in_one_line(tmp_path: Path, change: str, said: str | None) -> None:
    path = job(tmp_path)
    if said is None:
        assert plan.from_file(path, [change], None, 1.0).schedule.entries[1].at == 0.2
        return
    with pytest.raises(InputError) as refused:
        plan.from_file(path, [change], None, 1.0)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (3, "schedule = 3: must be a list; must be (time, H), or a table"),
        ([3], "schedule[0] = 3: must be (time, H), or a table of at and hamiltonian"),
        ([(0.1, np.eye(2), 3)], "schedule[0] = "),
        ([("a", np.eye(2))], 'schedule[0].at = "a": must be a valid number'),
        ([(0.1, np.eye(3))], 'schedule[0].hamiltonian = "3 beables"'),
        (
            [{"at": 0.1, "potential": "free"}],
            'schedule[0].potential = "free": must go with [system] builder = "lattice"',
        ),
        ([{"at": 0.1, "filter": ["up"]}], 'schedule[0].filter[0] = "up": no such beable; the nearest is'),
    ],
)
def test_what_is_wrong_with_a_schedule_from_python_is_said_in_one_line(schedule: Any, said: str) -> None:
    with pytest.raises(InputError) as refused:
        copympi.simulate(H[0], schedule=schedule, **RUN)
    assert said in str(refused.value)


def test_a_sweep_has_the_schedule_in_each_of_its_runs(tmp_path: Path) -> None:
    config = {"system": H[0], "schedule": SCHEDULE, **RUN}
    sweep = copympi.sweep(config, over={"preparation.members": [1000, 2000]}, output=tmp_path / "sweep")
    runs = [run for _, run in sweep]
    assert same(runs[1], copympi.simulate(H[0], schedule=SCHEDULE, **RUN))
    np.testing.assert_allclose(runs[1].schrodinger[-1], np.abs(psi_at([0.4])[0]) ** 2, atol=1e-3)


def test_the_noise_of_one_h_is_the_same_in_pieces_and_simulations_agree_where_there_are_two() -> None:
    """Null hypothesis: 400 replicas scatter as the linear noise approximation says; 5 standard errors of a variance."""
    system, times = copympi.System(H[0]), np.linspace(0.0, 1.0, 6)
    pieces = Schedule(tuple(Switch(at, system) for at in (0.2, 0.33, 0.9)))
    whole = noise.covariance(system, PSI, times)
    np.testing.assert_allclose(noise.covariance(system, PSI, times, schedule=pieces), whole, atol=1e-6)
    run = copympi.simulate(H[0], schedule=SCHEDULE, **RUN | {"replicas": 400, "members": 10**5})
    ratio = (run.occupation / 1e5).std(axis=0)[1:] / run.sigma[1:]
    assert np.abs(ratio**2 - 1.0).max() < 5 * np.sqrt(2 / 400)
    psi = list(schrodinger.stepwise(system, PSI, times, pieces))
    np.testing.assert_allclose(psi, schrodinger.evolve(system, PSI, times), atol=1e-12)


def test_leaps_and_single_copies_have_the_same_law_through_a_switch() -> None:
    """Null hypothesis: n_0 of 3,000 replicas of 60 members after two switches has one law; p > 0.001 of chi^2."""
    ways: dict[str, Any] = RUN | {"members": 60, "replicas": 3000, "duration": 1.0, "interval": 0.5}
    found = []
    for seed, method, more in ((5, "exact", {}), (6, "leap", {"leaving_chance": 0.01}), (7, "leap", {"first": H[1]})):
        first = more.pop("first", H[0])
        run = copympi.simulate(
            first, schedule=[(0.3, H[1]), (0.5, H[2])], **ways | more | {"method": method, "seed": seed}
        )
        found.append(run.occupation[:, -1, 0])
    edges = np.quantile(found[0], np.linspace(0, 1, 9)[1:-1])
    table = np.array([np.bincount(np.searchsorted(edges, n), minlength=8) for n in found])
    p = [chi2_contingency(table[[0, k]][:, table[[0, k]].sum(axis=0) > 0]).pvalue for k in (1, 2)]
    assert p[0] > 1e-3
    assert p[1] < 1e-6, "another H before the switch must be seen"


def test_settings_tell_a_schedule_from_none_and_from_another(tmp_path: Path) -> None:
    path = job(tmp_path)
    one = plan.from_file(path, [], None, 1.0).settings
    assert json.loads(json.dumps(one)) == one
    other = {key: value for key, value in one.items() if key != settings.SCHEDULE}
    for old, new in ((one, other), (other, one)):
        with pytest.raises(InputError, match=r"schedule\[0\] = "):
            settings.compare(old, new, path)
    assert reading.read(path)[0].schedule[1].hamiltonian == "third.npy"


def test_a_results_file_without_a_schedule_has_no_group_of_it(tmp_path: Path) -> None:
    copympi.simulate(H[0], output=tmp_path / "out", **RUN)
    with h5py.File(tmp_path / "out" / "results.h5") as file:
        assert "schedule" not in file
