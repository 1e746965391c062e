"""The commands as a user types them: exit codes, what stands on which stream, and what is left on disk."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from copympi import __version__
from copympi.config import reading as config
from copympi.run import progress
from tests import launch

CONFIG = """
[system]
hamiltonian = [[0.0, -0.5], [-0.5, 0.0]]
labels = ["left", "right"]
[preparation]
members = 10_000
density = [0.9, 0.1]
[dynamics]
duration = 2.0
[output]
interval = 0.1
time_unit = "ps"
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A folder with job.toml in it."""
    (tmp_path / "job.toml").write_text(CONFIG)
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which job.toml has been run into job/, without a figure."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "job.toml").write_text(CONFIG)
    done = launch.copympi("run", "job.toml", "--no-figure", "--quiet", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def listing(folder: Path) -> list[str]:
    """Files and folders below `folder`, but for what checkpoints keep there."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if "checkpoints" not in path.parts)


def one_line(done: Any) -> str:
    """What a refused command says: one line on standard error, no traceback, exit code 2."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("copympi: error: ")
    return lines[0].removeprefix("copympi: error: ")


# --- run


def test_run_prints_a_table_and_draws_a_figure(job: Path) -> None:
    done = launch.copympi("run", "job.toml", cwd=job)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no launcher, no terminal, no time for a line of progress"
    lines = done.stdout.splitlines()
    of = "2 beables, 10,000 members as counts (nothing asks who is who), method counts"
    assert lines[0] == f"copympi {__version__}: {of}, t = 2 ps, 1 rank"
    head = next(line for line in lines if "occupation" in line and "difference" in line)
    for column in ("time [ps]", "occupation", "N |Psi|^2", "difference", "expected"):
        assert column in head
    first = lines[lines.index(head) + 1].split()
    assert first[:3] == ["0", "9,000", "9,000.0"]
    last = lines[lines.index(head) + 11].split()
    with h5py.File(job / "job" / "results.h5") as file:
        left = int(file["occupation"][-1, 0])
    assert (last[0], last[1]) == ("2", f"{left:,}")
    quantum = float(last[2].replace(",", ""))
    assert quantum == pytest.approx(10_000 * (0.5 + 0.4 * np.cos(2.0)), abs=0.06)
    assert float(last[3].replace(",", "")) == pytest.approx(left - quantum, abs=0.2)
    assert re.search(r"rms difference / expected = \d\.\d\d: as it should be \(0\.\d\d to \d\.\d\d in", done.stdout)
    assert re.search(r"[\d,]+ steps, [\d.e+]+ copies in \d+\.\d\d s of wall time", done.stdout)
    assert "job/results.h5, job/occupation.png, job/occupation.pdf" in done.stdout
    assert listing(job) == ["job", "job.toml", "job/occupation.pdf", "job/occupation.png", "job/results.h5"]
    is_a_figure(job / "job")


def is_a_figure(folder: Path) -> None:
    """Both files hold a drawing: a PNG of some size with many colours, a PDF that begins and ends as one."""
    with Image.open(folder / "occupation.png") as image:
        assert image.format == "PNG"
        assert image.width > 1000
        assert image.height > 700
        pixels = np.asarray(image.convert("RGB"))
    white = np.all(pixels == 255, axis=2)
    assert 0.5 < white.mean() < 0.99
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    for quarter in (white[:, : image.width // 4], white[:, image.width // 2 :]):
        assert not quarter.all()
    document = (folder / "occupation.pdf").read_bytes()
    assert document.startswith(b"%PDF-")
    assert document.rstrip().endswith(b"%%EOF")
    assert len(document) > 5000


def test_a_run_with_phases_of_their_own_says_what_became_of_them(job: Path) -> None:
    with (job / "job.toml").open("a") as file:
        file.write("[alignment]\nstrength = 1.0\nscaling = 'mean'\n")
    done = launch.copympi("run", "job.toml", "--set", "preparation.phase_spread=0.3", cwd=job)
    assert done.returncode == 0, done.stderr
    with h5py.File(job / "job" / "results.h5") as file:
        n, energy = file["occupation"][()], file["energy"][()]
        order = [np.sum(n * file[name][()], axis=1) / 10_000 for name in ("coherence", "coherence2")]
        left = file["lineages"][()].sum(axis=1)
    phases = next(line for line in done.stdout.splitlines() if line.startswith("  phases: "))
    assert f"|<e^i phi>| {order[0][0]:.4f} -> {order[0][-1]:.4f}, |<e^2i phi>| {order[1][0]:.4f}" in phases
    assert f"10,000 -> {left[-1]:,} distinct; Schrödinger's is for aligned ones" in phases
    assert left[-1] < left[0] == 10_000
    assert order[0][0] == pytest.approx(np.sin(0.3) / 0.3, abs=2e-3)
    assert f"  H/hbar of the alignment model: {energy[0]:.6g} -> {energy[-1]:.6g}, drift" in done.stdout
    assert "rms difference / expected" not in done.stdout


def test_quiet_prints_nothing_but_still_draws(job: Path) -> None:
    done = launch.copympi("run", "job.toml", "--quiet", cwd=job)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    is_a_figure(job / "job")


def test_output_folder_and_settings(job: Path) -> None:
    done = launch.copympi(
        "run", "job.toml", "-o", "deep/inside", "--set", "dynamics.seed=5", "--set=preparation.members=777",
        "--no-figure", cwd=job,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "777 members" in done.stdout
    assert listing(job) == ["deep", "deep/inside", "deep/inside/results.h5", "job.toml"]
    with h5py.File(job / "deep/inside/results.h5") as file:
        assert file.attrs["seed"] == 5
        assert file["occupation"][()].sum(axis=1).tolist() == [777] * 21


def test_paths_in_a_config_are_relative_to_it(job: Path) -> None:
    np.save(job / "H.npy", np.array([[0.0, 0.1], [0.1, 0.0]]))
    (job / "elsewhere").mkdir()
    text = CONFIG.replace("[[0.0, -0.5], [-0.5, 0.0]]", '"H.npy"')
    (job / "job.toml").write_text(text)
    done = launch.copympi("run", "../job.toml", "--quiet", "--no-figure", cwd=job / "elsewhere")
    assert done.returncode == 0, done.stderr
    assert (job / "elsewhere" / "job" / "results.h5").is_file()


@pytest.mark.parametrize("kind", ["bar", "lines", "auto"])
def test_a_bar_is_drawn_where_asked_for_and_nowhere_else(job: Path, kind: str) -> None:
    command = f"{sys.executable} -m copympi run job.toml --progress {kind} --no-figure > out 2> err"
    assert launch.run(["sh", "-c", command], 60, job).returncode == 0
    out, err = (job / "out").read_bytes().decode(), (job / "err").read_bytes().decode()
    assert "\r" not in out
    assert ("\r" in err) == (kind == "bar")
    if kind == "bar":
        last = err.split("\r")[-1]
        assert re.match(r" *t = 2/2 ps \|━+\| 100%, \d+ steps, [\d.e+]+ copies, .*\n", last), last


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("walk",), "invalid choice: 'walk'"),
        (("run",), "the following arguments are required: CONFIG.toml"),
        (("run", "job.toml", "--sped"), "unrecognized arguments: --sped"),
        (("run", "job.toml", "--progress", "dots"), "invalid choice: 'dots'"),
        (("run", "absent.toml"), 'CONFIG = "absent.toml": cannot be read: No such file'),
        (("run", "."), 'CONFIG = ".": cannot be read: Is a directory'),
        (("run", "garbage.toml"), 'CONFIG = "garbage.toml": is not TOML'),
        (("run", "job.toml", "--set", "dynamics.sed=1"), "dynamics.sed = 1: no such key; the nearest is 'seed'"),
        (("run", "job.toml", "--set", "dynamics.seed=a"), 'job.toml: dynamics.seed = "a": must be'),
        (("run", "job.toml", "--set", "dynamics.method=jump"), 'job.toml: dynamics.method = "jump": must be'),
        (("run", "job.toml", "--set", "preparation.members=0"), "job.toml: preparation.members = 0: must be"),
        (("run", "job.toml", "--set", "preparation.density=[1,1]"), "must be normalised; its sum is 2"),
        (("run", "job.toml", "--set", "system.hamiltonian=[[0,1],[2,0]]"), "|H[0,1] - conj(H[1,0])| = 1"),
        (("run", "job.toml", "--set", "system.hamiltonian='H.npy'"), "no such file: H.npy"),
        (("run", "job.toml", "--set", "system.hamiltonian=[[0,1e140],[1e140,0]]"), "|H|/hbar = 1e+140"),
        (("run", "job.toml", "-o", "garbage.toml"), 'output folder = "garbage.toml": cannot be written: File exists'),
        (("run", "job.toml", "-o", "job.toml/x/y"), '"job.toml/x/y": cannot be written: Not a directory'),
        (("run", "job.toml", "-o", "/proc/nowhere/x"), 'output folder = "/proc/nowhere/x": cannot be written'),
        (("run", "job.toml", "-o", "/proc/self"), 'output folder = "/proc/self": cannot be written'),
        (("run", "job.toml", "-o", "x" * 300), "cannot be written: File name too long"),
        (("plot", "absent"), 'DIR = "absent": holds no results.h5'),
        (("plot", "."), 'DIR = ".": holds no results.h5'),
        (("plot", "job.toml"), 'DIR = "job.toml": cannot be read'),
        (("info", "absent"), 'DIR = "absent": holds no results.h5'),
        (("info", "job.toml"), 'DIR = "job.toml": cannot be read'),
        (("study",), "see `copympi study --list`"),
        (("study", "knots"), 'NAME = "knots": no such study; the nearest is'),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_bad_input_is_one_line_and_leaves_nothing(job: Path, arguments: tuple[str, ...], says: str) -> None:
    (job / "garbage.toml").write_text("system = [\n")
    before = listing(job)
    assert says in one_line(launch.copympi(*arguments, cwd=job))
    assert listing(job) == before


def test_a_path_that_cannot_be_written_is_found_before_the_run(job: Path) -> None:
    """Which would take hours."""
    done = launch.copympi(
        "run", "job.toml", "-o", "job.toml/x", "--set", "dynamics.duration=1e6", "--set", "output.interval=1e3", cwd=job
    )
    assert "cannot be written" in one_line(done)


def test_a_results_file_that_cannot_be_made_is_bad_input(job: Path) -> None:
    (job / "job" / "results.h5").mkdir(parents=True)
    assert 'output folder = "job": cannot be written' in one_line(launch.copympi("run", "job.toml", cwd=job))


# --- a folder that holds something already


def test_a_finished_run_needs_overwrite(job: Path) -> None:
    assert launch.copympi("run", "job.toml", "--quiet", "--no-figure", cwd=job).returncode == 0
    kept = (job / "job" / "results.h5").read_bytes()
    again = launch.copympi("run", "job.toml", "--set", "dynamics.seed=2", "--quiet", "--no-figure", cwd=job)
    assert one_line(again) == 'output folder = "job": holds a finished run; choose another with -o, or --overwrite'
    assert (job / "job" / "results.h5").read_bytes() == kept
    third = launch.copympi(
        "run", "job.toml", "--set", "dynamics.seed=2", "--overwrite", "--quiet", "--no-figure", cwd=job
    )
    assert third.returncode == 0, third.stderr
    with h5py.File(job / "job" / "results.h5") as file:
        assert file.attrs["seed"] == 2


@pytest.mark.parametrize("state", ["not complete", "garbage", "empty"])
def test_an_unfinished_run_is_replaced(job: Path, state: str) -> None:
    path = job / "job" / "results.h5"
    path.parent.mkdir()
    if state == "not complete":
        with h5py.File(path, "w") as file:
            file.attrs["complete"] = False
    else:
        path.write_bytes(b"half a file" if state == "garbage" else b"")
    done = launch.copympi("run", "job.toml", "--quiet", "--no-figure", cwd=job)
    assert (done.returncode, done.stderr) == (0, "")
    with h5py.File(path) as file:
        assert bool(file.attrs["complete"])
        assert file["time"].size == 21


# --- plot and info


def test_plot_writes_png_and_pdf(finished: Path) -> None:
    done = launch.copympi("plot", "job", cwd=finished)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["job/occupation.png", "job/occupation.pdf"]
    is_a_figure(finished / "job")


@pytest.mark.parametrize("place", ["job", "job/results.h5"])
def test_info_says_what_a_run_holds(finished: Path, place: str) -> None:
    done = launch.copympi("info", place, cwd=finished)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "job/results.h5: complete"
    for part in (
        "2: left, right",
        "10,000",
        "21, t = 0 .. 2 ps",
        "method    counts: ",
        "seed      1, ranks 1",
        f"copympi {__version__}",
    ):
        assert part in done.stdout
    assert "    members = 10_000" in done.stdout.splitlines()


def test_info_says_that_a_run_is_not_complete(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "results.h5").write_bytes((finished / "job" / "results.h5").read_bytes())
    with h5py.File(tmp_path / "results.h5", "r+") as file:
        file.attrs["complete"] = False
        for name in ("seconds", "steps", "ended", "largest_chance"):
            del file.attrs[name]
    done = launch.copympi("info", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "not complete" in done.stdout.splitlines()[0]


# --- check, study, help


def test_check_says_each_in_a_line() -> None:
    done = launch.copympi("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    names = ["MPI library", "ranks connected", "Allreduce", "same arithmetic", "HDF5", "clock"]
    assert [re.match(r"  ok      ([\w ]+): ", line).group(1) for line in done.stdout.splitlines()] == names  # type: ignore[union-attr]


def test_study_list() -> None:
    done = launch.copympi("study", "--list")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_version_and_help() -> None:
    assert launch.copympi("--version").stdout == f"copympi {__version__}\n"
    done = launch.copympi("--help")
    assert done.returncode == 0
    for command in ("run", "plot", "info", "check", "study"):
        assert re.search(rf"^    {command} ", done.stdout, re.MULTILINE)


def test_the_console_command_is_the_module(finished: Path) -> None:
    script = Path(sys.executable).with_name("copympi")
    by_name = launch.run([str(script), "info", "job"], 60, finished)
    by_module = launch.copympi("info", "job", cwd=finished)
    assert by_name.returncode == by_module.returncode == 0
    assert by_name.stdout == by_module.stdout


# --- progress


def settings(duration: float = 10.0, unit: str = "ps") -> config.Config:
    return config.check(
        {
            "system": {"hamiltonian": [[0]]},
            "preparation": {"members": 1, "state": [1]},
            "dynamics": {"duration": duration},
            "output": {"interval": 1.0, "time_unit": unit},
        }
    )


def test_lines_come_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.clock, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress, "LINE_EVERY", 10.0)
    stream = io.StringIO()
    shown = progress.Progress(settings(), "lines", stream)
    for tick in range(1, 31):  # a show every second for 30 s
        now[0] += 1.0
        shown.show(tick / 3, 100 * tick, 1e6 * tick)
    shown.close()
    lines = stream.getvalue().splitlines()
    assert lines == [
        "copympi: t = 0.666667 of 10 ps (7%), 200 steps, 2e+06 copies, 1e+06 copies/s, 28 s to go",
        "copympi: t = 4 of 10 ps (40%), 1200 steps, 1.2e+07 copies, 1e+06 copies/s, 18 s to go",
        "copympi: t = 7.33333 of 10 ps (73%), 2200 steps, 2.2e+07 copies, 1e+06 copies/s, 8 s to go",
    ]


def test_a_line_each_time_where_one_may_come_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    stream = io.StringIO()
    shown = progress.Progress(settings(unit=""), "auto", stream)  # StringIO is no terminal
    shown.show(0.0, 0, 0.0)
    shown.show(5.0, 50, 1234.0)
    shown.close()
    first, second = stream.getvalue().splitlines()
    assert first.startswith("copympi: t = 0 of 10 (0%), 0 steps, 0 copies")
    assert first.endswith("? to go")
    assert second.startswith("copympi: t = 5 of 10 (50%), 50 steps, 1234 copies, ")
    assert "\r" not in stream.getvalue()
    assert "  " not in stream.getvalue()


def test_the_bar_ends_full_and_on_its_own_line() -> None:
    stream = io.StringIO()
    shown = progress.Progress(settings(), "bar", stream)
    shown.show(10.0, 500, 3e6)
    shown.close()
    shown.close()
    last = stream.getvalue().split("\r")[-1]
    assert "100%" in last
    assert "500 steps, 3e+06 copies" in last
    assert last.endswith("\n")


def test_silence() -> None:
    progress.Silent().show(1.0, 1, 1.0)
    progress.Silent().close()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.1234, "0.123 s"), (59, "59 s"), (210, "3.5 min"), (7560, "2.1 h"), (345600, "4.0 d"), (float("nan"), "?")],
)
def test_spans(seconds: float, text: str) -> None:
    assert progress.span(seconds) == text
