"""What is refused is refused before anything is written, deleted or superseded."""

from __future__ import annotations

import sys
from pathlib import Path

from tests import launch

LATTICE = """
[system]
builder = "lattice"
sites = 16
[preparation]
members = 1000
packet = {centre = 0, width = 2}
[dynamics]
duration = 2.0
representation = "occupation"
[output]
interval = 1.0
[checkpoint]
interval = 0.5
"""
TOO_LONG = ("--set", "dynamics.step=2.0", "--set", "output.interval=2.0")
"""What the engine alone can refuse: it knows how fast the waves of this H are."""


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of change of every file below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_refusal_by_the_engine_leaves_all_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(LATTICE)
    command = ("run", "job.toml", "-o", "out", "--no-figure", "--quiet")
    refused = launch.copympi(*command, *TOO_LONG, cwd=tmp_path)
    assert refused.returncode == 2, refused.stderr
    assert refused.stderr.startswith("copympi: error: job.toml: dynamics.step = 2.0: must be at most ")
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()

    assert launch.copympi(*command, cwd=tmp_path).returncode == 0
    before = contents(tmp_path)
    assert any("checkpoint-" in name for name in before)
    assert launch.copympi(*command, *TOO_LONG, "--overwrite", cwd=tmp_path).stderr == refused.stderr
    assert contents(tmp_path) == before


LATE = """
import shutil
from copympi.cli.main import main
from copympi.storage import checkpoints
take = checkpoints.take_attempt
def late(folder):
    shutil.copytree("other", folder, dirs_exist_ok=True)
    return take(folder)
checkpoints.take_attempt = late
main(["run", "job.toml", "-o", "out", "--no-figure", "--quiet"])
"""
"""A start beside which another run comes to its end: after it has looked into the folder, before it takes it."""


def test_a_run_that_finishes_while_another_starts_is_kept(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(LATTICE)
    assert launch.copympi("run", "job.toml", "-o", "other", "--no-figure", "--quiet", cwd=tmp_path).returncode == 0
    refused = launch.run([sys.executable, "-c", LATE], cwd=tmp_path)
    assert refused.returncode == 2, refused.stderr
    assert 'output folder = "out": holds a finished run' in refused.stderr
    assert refused.stderr.count("\n") == 1
    kept = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*.h5")}
    assert kept == {path.name: path.read_bytes() for path in (tmp_path / "other").rglob("*.h5")}


def test_a_refused_resume_supersedes_nothing(tmp_path: Path) -> None:
    """Else it would end a run that is at work in the folder."""
    (tmp_path / "job.toml").write_text(LATTICE)
    command = ("run", "job.toml", "-o", "out", "--no-figure", "--quiet")
    assert (
        launch.copympi(*command, "--set", "dynamics.duration=1e4", "--time-budget", "1s", cwd=tmp_path).returncode == 3
    )
    before = contents(tmp_path)
    refused = launch.copympi(
        *command, "--resume", "--set", "dynamics.duration=2e4", "--set", "dynamics.seed=2", cwd=tmp_path
    )
    assert refused.returncode == 2, refused.stderr
    assert refused.stderr.startswith("copympi: error: dynamics.seed = 2: was 1 when out/checkpoints/checkpoint-")
    assert contents(tmp_path) == before
