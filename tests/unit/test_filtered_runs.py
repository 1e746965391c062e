"""Runs in which members leave by filters: from TOML and from Python, through checkpoints, and what theory says of them.

What a filter does to an ensemble: tests/unit/test_filters.py; its law: tests/statistical/test_filters.py.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

import copympi
from copympi.cli.main import main
from copympi.errors import InputError, ScheduleWarning
from copympi.model.schedule import Filter, Switch
from copympi.report import analysis, summary
from copympi.storage import restart
from copympi.theory import filters
from tests.physics import random_system

H = np.array([[0.3, 0.5, 0.1j], [0.5, -0.3, 0.2], [-0.1j, 0.2, 0.1]])
LATER = np.array([[0.0, 0.7j, 0.0], [-0.7j, 0.4, 0.0], [0.0, 0.0, 0.0]])
"""Couples nobody to beable 2, so that copies and Schroedinger's equation agree once it is empty."""
PSI = np.sqrt([0.5, 0.3, 0.2]) * np.exp(1j * np.array([0.0, 1.0, -2.0]))
LABELS = ["up", "left", "down"]
SCHEDULE = [{"at": 0.2, "filter": ["up", "left"]}, (0.2, LATER)]
RUN: dict[str, Any] = {"state": PSI, "members": 2000, "duration": 0.4, "interval": 0.1, "seed": 5}
JOB = """
[system]
hamiltonian = [[0.3, 0.5, "0.1j"], [0.5, -0.3, 0.2], ["-0.1j", 0.2, 0.1]]
labels = ["up", "left", "down"]
[preparation]
members = 2000
density = [0.5, 0.3, 0.2]
phase = [0.0, -1.0, 2.0]
[dynamics]
duration = 0.4
seed = 5
[output]
interval = 0.1
[[schedule]]
at = 0.2
filter = ["up", "left"]
[[schedule]]
at = 0.2
hamiltonian = [[0.0, "0.7j", 0.0], ["-0.7j", 0.4, 0.0], [0.0, 0.0, 0.0]]
"""


def three() -> copympi.System:
    return copympi.System(H, labels=LABELS)


def same(one: copympi.Run, other: copympi.Run) -> bool:
    return all(np.array_equal(values, other.arrays()[name], equal_nan=True) for name, values in one.arrays().items())


def command(*words: str) -> int:
    with pytest.raises(SystemExit) as done:
        main(list(words))
    return int(done.value.code or 0)


def test_python_and_toml_make_the_same_run_and_the_file_knows_its_filters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also what `info`, `rerun`, `plot` and `--dry-run` make of it."""
    run = copympi.simulate(three(), schedule=SCHEDULE, **RUN | {"state": None, "density": [0.5, 0.3, 0.2],
                           "phase": [0.0, -1.0, 2.0]})  # fmt: skip
    members = run.measured["members"]
    assert members.dtype == np.int64
    assert np.all(members[:3] == 2000), "what is recorded at the time of a filter comes before"
    assert members[3] == members[4] == run.occupation[2, :2].sum()
    assert np.all(run.occupation[3:, 2] == 0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.toml").write_text(JOB)
    assert command("run", "job.toml", "-o", "out", "--no-figure") == 0
    assert "as it should be" in capsys.readouterr().out
    found = copympi.load("out")
    assert same(found, run)
    first, second = found.schedule
    assert first == Filter(0.2, (0, 1))
    assert isinstance(second, Switch)
    np.testing.assert_array_equal(second.system.frequencies.toarray(), LATER)
    psi = expm(-0.2j * H) @ PSI
    psi[2] = 0.0
    psi = expm(-0.2j * LATER) @ psi / np.linalg.norm(psi)
    np.testing.assert_allclose(found.schrodinger[-1], np.abs(psi) ** 2, atol=1e-3)  # rounded counts
    for words in ("info out", "rerun out", "plot out", "run job.toml --dry-run"):
        assert command(*words.split()) == 0
    assert "all 5 records come out again, bit for bit" in capsys.readouterr().out
    dataset = found.to_xarray()
    assert dataset["members"].dims == ("time",)


@pytest.mark.filterwarnings("ignore::copympi.StepWarning")
@pytest.mark.parametrize("more", [{"representation": "members"}, {"phase_spread": 0.3}], ids=["members", "phases"])
def test_a_run_goes_on_over_a_filter_with_the_same_bits(tmp_path: Path, more: dict[str, Any]) -> None:
    """From checkpoints before the filter, at its time with the members still there, and after it."""
    ways: dict[str, Any] = RUN | {"step": 0.025, "schedule": SCHEDULE} | more
    out = tmp_path / "out"
    copympi.simulate(three(), output=out, checkpoint={"interval": 0.04, "keep": 9, "final": False}, **ways)
    found = sorted(path.name for path in (out / "checkpoints").iterdir() if path.suffix == ".h5")
    whole = copympi.simulate(three(), **ways | {"duration": 0.5})
    times = [restart.read_meta(out / "checkpoints" / name)["time"] for name in found]
    assert 0.2 in times
    before, after = times.index(0.2) - 1, len(times) - times[::-1].index(0.2)
    assert times[before] < 0.2 < times[after]
    tried = range(before, after + 1)
    for k in tried:
        name = found[k]
        shutil.copytree(out, tmp_path / name)
        for later in found[k + 1 :]:
            (tmp_path / name / "checkpoints" / later).unlink()
        again = copympi.simulate(
            three(), output=tmp_path / name, resume=True, checkpoint={"final": False}, **ways | {"duration": 0.5}
        )
        assert same(again, whole), times[k]


def test_a_run_without_filters_cannot_get_one_later(tmp_path: Path) -> None:
    """N is on record from the start, or not at all; more filters, and a change beyond the old end, are fine."""
    out, short = tmp_path / "out", RUN | {"duration": 0.2}
    copympi.simulate(three(), output=out, **short)
    with pytest.raises(InputError, match=r"schedule\[0\] = \"?a filter\"?: there was no filter when"):
        copympi.simulate(three(), output=out, resume=True, schedule=SCHEDULE, **RUN)
    with pytest.warns(ScheduleWarning, match="is not before dynamics.duration = 0.2"):
        copympi.simulate(three(), output=tmp_path / "two", schedule=SCHEDULE, **short)
    longer = copympi.simulate(three(), output=tmp_path / "two", resume=True, schedule=SCHEDULE, **RUN)
    assert same(longer, copympi.simulate(three(), schedule=SCHEDULE, **RUN))


@pytest.mark.filterwarnings("always::copympi.ScheduleWarning")
def test_a_filter_that_leaves_nobody_ends_with_records_of_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No failure: exit 0, a warning that names time and filter, n = 0 from there on, and a report of what there was."""
    monkeypatch.chdir(tmp_path)
    more = '[[schedule]]\nat = 0.25\nfilter = ["down"]\n'
    (tmp_path / "job.toml").write_text(JOB + more)
    said = "schedule[2]: the filter at t = 0.25 leaves no member: what is recorded from there on is n = 0"
    assert command("run", "job.toml", "-o", "out") == 0
    told = capsys.readouterr()
    assert said in told.err
    assert "filter at t = 0.2: of up, left; N = " in told.out
    assert "filter at t = 0.25: of down; N = 0 from there on" in told.out
    run = copympi.load("out")
    assert np.all(run.occupation[3:] == 0)
    assert np.all(run.measured["members"][3:] == 0)
    assert np.all(np.isnan(run.phase[3:]))
    assert np.all(np.isnan(run.schrodinger[3:]))
    assert run.events[3] == run.events[4]


@pytest.mark.filterwarnings("ignore::copympi.ScheduleWarning")
def test_what_a_filter_leaves_of_infinitely_many_is_a_share() -> None:
    """N has no number; once nobody is left, the share is 0."""
    run = copympi.simulate(
        [[0.0, 0.5], [0.5, 0.0]], density=[0.6, 0.4], phase=[0, 1.3], members=float("inf"), duration=0.3, interval=0.1,
        schedule=[{"at": 0.1, "filter": [0]}, {"at": 0.2, "filter": [1]}], seed=1,
    )  # fmt: skip
    share = float(run.measured["members"][2])
    assert 0.5 < share < 0.7
    words = analysis.beables(run.results()).words
    assert words[0] == f"filter at t = 0.1: of 0; of the members {share:.3g} from there on"
    assert words[1] == "filter at t = 0.2: of 1; of the members 0 from there on"


def test_some_replicas_may_be_left_without_anybody() -> None:
    """4 members and a filter that half of them pass: in some replicas none does."""
    with pytest.warns(ScheduleWarning) as said:
        run = copympi.simulate(
            [[0.0, 0.5], [0.5, 0.0]], density=[0.5, 0.5], phase=[0, 1.3], members=4, duration=3.0, interval=1.0, seed=2,
            replicas=200, schedule=[{"at": 2.0, "filter": [0]}],
        )  # fmt: skip
    assert any("t = 2 leaves no member in " in str(one.message) for one in said)
    members = run.measured["members"]
    assert members.shape == (200, 4)
    left = np.bincount(members[:, 3], minlength=5)
    assert left[0] > 5
    assert left[1:].sum() > 20
    found = analysis.compare(run.results())
    assert isinstance(found, analysis.Comparison)
    assert found.density[3].tolist() == [1.0, 0.0], "of those that have members"
    assert found.members[3] == members[:, 3].mean()
    assert summary.lines(run.results(), found)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"filter": ["up", "lift"]}, "schedule[0].filter[1] = \"lift\": no such beable; the nearest is 'left'; known"),
        ({"filter": "up"}, 'schedule[0].filter = "up": must be a list of beables whose members stay'),
        ({"filter": []}, "schedule[0].filter = []: must be a list of beables whose members stay"),
        ({"filter": ["up", 0]}, "schedule[0].filter[1] = 0: is there twice"),
        ({"filter": [3]}, "schedule[0].filter[0] = 3: must be the number of a beable, 0 to 2, or its name"),
        ({"filter": [True]}, "schedule[0].filter[0] = True: must be the name of a beable"),
        ({"filter": {"A": [0]}}, "must be a list of beables; a table with parts goes with a composite system"),
        ({"filter": [0], "hamiltonian": H}, "schedule[0] = "),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_filter_is_said_in_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        copympi.simulate(three(), schedule=[{"at": 0.1, **given}], **RUN)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_beables_of_another_basis_and_of_parts_are_named_as_they_are() -> None:
    """By numbers in another basis, whose beables have no names; of a composite by the beables of its parts."""
    run = copympi.simulate(three(), basis=np.eye(3), schedule=[Filter(0.2, (0, 1)), (0.2, LATER)], **RUN)
    assert np.array_equal(run.occupation, copympi.simulate(three(), schedule=SCHEDULE, **RUN).occupation)
    with pytest.raises(InputError, match="no such beable"):
        copympi.simulate(three(), basis=np.eye(3), schedule=SCHEDULE, **RUN)
    parts = [{"name": "A", "dimension": 2}, {"name": "B", "dimension": 3, "labels": ["x", "y", "z"]}]
    pair = copympi.composite(parts, [{"on": ["B"], "operator": "x", "strength": 0.3}])
    ways = RUN | {"state": np.full(6, 6**-0.5), "summaries": False}
    found = copympi.simulate(pair, schedule=[{"at": 0.2, "filter": {"A": [1], "B": ["y", "x"]}}], **ways)
    assert found.schedule.entries == (Filter(0.2, (3, 4)),)
    with pytest.raises(InputError, match=r"schedule\[0\].filter.B\[0\] = \"w\": no such beable; the nearest is"):
        copympi.simulate(pair, schedule=[{"at": 0.2, "filter": {"B": ["w"]}}], **ways)


def test_noise_goes_through_filters_and_ensembles_agree() -> None:
    """Null hypothesis: n/N(t) of 2,000 replicas scatters as the linear noise approximation says; 5 standard errors."""
    R, W = 2000, random_system(4, 1).frequencies.toarray()
    ways = {"density": [0.3, 0.3, 0.2, 0.2], "phase": [0.0, 1.0, 2.0, 0.5], "members": 10**5, "duration": 1.0}
    run = copympi.simulate(
        W, interval=0.25, seed=1, replicas=R, **ways,
        schedule=[{"at": 0.3, "filter": [0, 1, 3]}, {"at": 0.6, "filter": [0, 3]}],
    )  # fmt: skip
    share = run.occupation / run.measured["members"][:, :, None]
    ratio = share.std(axis=0)[1:] / np.where(run.sigma[1:] > 0, run.sigma[1:], np.nan)
    assert np.isfinite(ratio).sum() == 4 + 3 + 2 + 2
    assert np.nanmax(np.abs(ratio**2 - 1.0)) < 5 * np.sqrt(2 / R), ratio
    assert np.all(run.sigma[2:, 2] == 0)
    # the copies' mean field is that of PHP, and is told from Schroedinger's
    found = analysis.compare(run.results())
    assert isinstance(found, analysis.Comparison)
    assert np.abs(found.mean[-1] - found.quantum[-1]).max() > 0.01
    assert np.abs(found.difference).max() < 5 / np.sqrt(R * 1e5)
    assert any("nobody can copy a beable that a filter has emptied" in word for word in found.words)


def test_what_a_filter_makes_of_deviations_is_its_own_derivative() -> None:
    """The map of (E[d d^+], E[d d^T]) against differences of P Psi/|P Psi| themselves."""
    rng = np.random.default_rng(0)
    psi, L = (rng.normal(size=shape) + 1j * rng.normal(size=shape) for shape in ((5,), (5, 10)))
    psi, kept, step = psi / np.linalg.norm(psi), np.array([True, False, True, True, False]), 1e-6
    moved = np.array([
        (filters.projected(psi + step * d, kept)[0] - filters.projected(psi - step * d, kept)[0]) / (2 * step)
        for d in L.T
    ]).T  # fmt: skip
    first, second = filters.passed(psi, L @ L.conj().T, L @ L.T, kept)
    np.testing.assert_allclose(first, moved @ moved.conj().T, atol=1e-7)
    np.testing.assert_allclose(second, moved @ moved.T, atol=1e-7)


@pytest.mark.filterwarnings("ignore:.*leaves no member:copympi.CopyWarning")
def test_a_sweep_has_shares_of_the_present_members(tmp_path: Path) -> None:
    config = {"system": three(), "schedule": SCHEDULE, **RUN}
    sweep = copympi.sweep(config, over={"dynamics.seed": [1, 2]}, output=tmp_path / "sweep")
    (row,) = sweep.rows
    config["schedule"] = [*SCHEDULE, {"at": 0.3, "filter": ["down"]}]
    none = copympi.sweep(config, over={"dynamics.seed": [1]}, output=tmp_path / "none")
    assert np.isnan(none.rows[0]["deviation"][0])
    assert row["n/N [up]"][0] + row["n/N [left]"][0] == pytest.approx(1.0)
    assert row["n/N [down]"][0] == 0.0
    assert row["deviation / expected"][0] < 3.0
