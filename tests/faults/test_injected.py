"""System calls that fail: a word and the right code, no crash, nothing half-made, and the same bits in the end."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.faults import inject, lives
from tests.faults.inject import Fault
from tests.faults.lives import ROOT, Way
from tests.faults.test_resume import prepare
from tests.launch import launcher, run

JOB = {"members": 5000, "duration": 40.0, "interval": 1.0, "every": 6.1}
MPIO = Way("openmpi", "mpio")
CALLS = ("open", "read", "write", "sync", "rename", "unlink", "stat", "list", "resize", "mkdir")
ERRORS = ("EIO", "ENOSPC", "EACCES", "ESTALE", "EROFS", "EDQUOT")
PARTS = ("out", "out/results.h5", "out/checkpoints", "checkpoints/.partial-", ".new-")
EVER = 10**6
WITHIN = ("--patience", "8s")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return inject.build(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose jobs are to be broken; `whole` in it is a run that was not."""
    folder = prepare(tmp_path_factory.mktemp("job"), **JOB)
    lives.run(folder, "--quiet")
    (folder / "out").rename(folder / "whole")
    return folder


def command(way: Way, ranks: int, more: tuple[str, ...] = ()) -> list[str]:
    fixed = ["copympi", "run", "job.toml", "-o", "out", "--no-figure", "--quiet", "--writer", way.writer]
    return [*way.command(ranks), *fixed, *more]


def broken(
    job: Path, library: Path, fault: Fault, ranks: int = 0, way: Way = ROOT, more: tuple[str, ...] = ()
) -> tuple[subprocess.CompletedProcess[str], int]:
    """A run with a fault, and how often that befell it: ended by itself, without a crash or a traceback.

    Where all ranks write together, one that fails inside MPI_File_open lets the others wait in there: patience ends it.
    """
    more = ("--patience", "60s", *more) if way.writer == "mpio" else more
    log = job / "fault"
    log.unlink(missing_ok=True)
    env = {**way.env(max(1, ranks)), "PYTHONPATH": str(lives.REPO), **fault.env(library, log)}
    done = run(command(way, ranks, more), 300.0, job, env)
    assert "Traceback" not in done.stderr, f"{fault}\n{done.stderr}"
    assert done.returncode in (0, 1, 2), f"{fault}: code {done.returncode}\n{done.stderr}"
    return done, inject.befell(log)


def whole(job: Path) -> lives.Bits:
    shutil.rmtree(job / "kept", ignore_errors=True)
    (job / "kept").mkdir()
    shutil.copytree(job / "whole", job / "kept/out")
    return lives.bits(job / "kept")


def afresh(job: Path) -> None:
    shutil.rmtree(job / "out", ignore_errors=True)


def ends_alike(job: Path, code: int, way: Way = ROOT, ranks: int = 0, tidy: bool = True) -> None:
    """Without the fault a resume brings the run to the same end, unless it came there before.

    tidy : nothing half-made may be left; it may where nothing can be removed.
    """
    if code != 0:
        env = {**way.env(max(1, ranks)), "PYTHONPATH": str(lives.REPO)}
        done = run(command(way, ranks, ("--resume",)), 120.0, job, env)
        assert done.returncode == 0, done.stderr
    lives.same(lives.bits(job), whole(job))
    assert not tidy or lives.leftovers(job) == []


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (Fault("write", "EIO", 3, EVER, ".partial-"), 0, "the one before stays, the run goes on"),
        (Fault("write", "ENOSPC", 20, EVER, "results.h5"), 1, "results.h5 cannot be written: No space left on device"),
        (Fault("write", "EIO", 3, 2, "out/results.h5"), 1, "a checkpoint is written, go on with --resume"),
        (Fault("write", "EIO", 2, EVER, ".new-"), 2, "cannot be written: Input/output error"),
        (Fault("rename", "EACCES", 1, 1, ".partial-"), 0, "the one before stays, the run goes on"),
        (Fault("list", "ESTALE", 4, 2, "out/checkpoints"), 0, ""),
        (Fault("unlink", "EACCES", 1, 2, "out"), 2, "cannot be written: Permission denied"),
        (Fault("list", "EACCES", 9, 10, "out/checkpoints"), 0, "the one before stays, the run goes on"),
    ],
    ids=str,
)
def test_one_process(job: Path, library: Path, fault: Fault, code: int, says: str) -> None:
    """HDF5 may not crash over what it could not write; a look that fails once is repeated; else as on full disks."""
    afresh(job)
    done, count = broken(job, library, fault)
    assert count > 0
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert says or done.stderr == ""
    ends_alike(job, code)


STAYS = "the one before stays, the run goes on"
PARTIAL = "out/checkpoints/.partial-"  # Open MPI has files of its own with .partial- in their names


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("write", "EIO", 6, EVER, PARTIAL), STAYS),
        (Fault("sync", "EIO", 1, 1, PARTIAL), STAYS),
        (Fault("open", "EROFS", 2, 1, "out/checkpoints"), STAYS),
        (Fault("read", "EROFS", 3, 1, "out/checkpoints"), STAYS),
        (Fault("read", "EIO", 4, 1, PARTIAL), STAYS),
        (Fault("unlink", "EDQUOT", 1, 1, "out/checkpoints"), ""),
        (Fault("unlink", "EACCES", 3, 2, "out/checkpoints"), ""),
    ],
    ids=str,
)
def test_all_ranks_write_together(job: Path, library: Path, fault: Fault, says: str) -> None:
    """Nobody waits for a rank that cannot open or read; nothing is left that the next file stumbles on."""
    afresh(job)
    done, count = broken(job, library, fault, 2, MPIO)
    assert count > 0
    assert done.returncode == 0, done.stderr
    assert says in done.stderr
    ends_alike(job, 0)


def test_an_open_in_which_ranks_wait_for_ever(job: Path, library: Path) -> None:
    """Open MPI's file for shared pointers cannot be made: ranks hang inside HDF5, where Python has no turn."""
    afresh(job)
    done, count = broken(job, library, Fault("open", "EACCES", 3, 1, "checkpoints/.partial-"), 2, MPIO, WITHIN)
    assert count > 0
    assert done.returncode == 1, done.stderr
    assert re.search(r"copympi: rank \d: nothing has gone on for \d+ s; the job ends", done.stderr)
    ends_alike(job, 1, MPIO, 2)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("write", "ESTALE", 8, 2, "out/results.h5"), 1),
        (Fault("write", "EDQUOT", 5, EVER, "out/results.h5"), 1),
        (Fault("write", "ESTALE", 3, EVER, ".new-"), 2),
    ],
    ids=str,
)
def test_results_that_fail_under_an_older_hdf5(job: Path, library: Path, fault: Fault, code: int) -> None:
    """HDF5 1.10, as Debian's parallel h5py has it, can neither write nor close such a file. It does not crash."""
    afresh(job)
    done, count = broken(job, library, fault, 2, MPIO)
    assert count > 0
    assert done.returncode == code, done.stderr
    assert "cannot be written" in done.stderr
    ends_alike(job, code)


@pytest.mark.parametrize(("call", "error"), [("open", "EACCES"), ("stat", "ESTALE"), ("read", "EIO")])
@pytest.mark.parametrize("more", [(), ("--overwrite",), ("--resume",)], ids=lambda more: "".join(more))
def test_a_finished_run_that_cannot_be_read_stays(job: Path, library: Path, call: str, error: str, more) -> None:
    """Whoever may not look into results.h5 may not replace it."""
    afresh(job)
    shutil.copytree(job / "whole", job / "out")
    before = (job / "out/results.h5").read_bytes()
    done, count = broken(job, library, Fault(call, error, 1, EVER, "out/results.h5"), more=more)
    assert count > 0
    assert done.returncode == 2, done.stderr
    assert "holds a results.h5 that cannot be read (" in done.stderr
    assert (job / "out/results.h5").read_bytes() == before


def drawn(dice: random.Random) -> Fault:
    count = dice.choice((1, 1, 2, EVER))
    return Fault(
        dice.choice(CALLS), dice.choice(ERRORS), dice.choice((1, 2, 3, 5, 8, 13, 30)), count, dice.choice(PARTS)
    )


@pytest.mark.long
@pytest.mark.parametrize(("ranks", "way"), [(0, ROOT), (2, ROOT), (2, MPIO)], ids=str)
def test_many_faults(job: Path, library: Path, ranks: int, way: Way, capsys: pytest.CaptureFixture[str]) -> None:
    """Drawn with a seed: as many as COPYMPI_FAULTS says, or 300. After a failure the next one is tried."""
    dice, count, failures = random.Random(3), Counter[str](), []
    for k in range(int(os.environ.get("COPYMPI_FAULTS", "300"))):
        fault = drawn(dice)
        afresh(job)
        try:
            done, fired = broken(job, library, fault, ranks, way)
            ends_alike(job, done.returncode, way, ranks, tidy=(fault.call, fault.count) != ("unlink", EVER))
        except (AssertionError, pytest.fail.Exception) as problem:
            failures.append(f"{k}: {fault}\n{problem}")
            continue
        waited = "nothing has gone on" in done.stderr
        count["ended by patience" if waited else f"code {done.returncode}" if fired else "did not occur"] += 1
    with capsys.disabled():
        print(f"\nfaults, {ranks} ranks, {lives.named(way)}: {dict(count)}, {len(failures)} failures")
    assert not failures, "\n".join(failures)


def test_phases_that_one_rank_cannot_read(tmp_path: Path, library: Path) -> None:
    """As on a disk that another machine does not have: bad input on every rank, before anything is written."""
    with h5py.File(tmp_path / "phases.h5", "w") as file:
        file["phi"] = np.linspace(0, 1, 5000)
    (tmp_path / "job.toml").write_text(
        "[system]\nhamiltonian = [[0, 0.5], [0.5, 0]]\n[preparation]\nmembers = 5000\ndensity = [0.5, 0.5]\n"
        'phases = "phases.h5:/phi"\n[dynamics]\nduration = 1.0\n'
    )
    start = [*launcher("mpich"), "-n", "1"]
    copympi = [sys.executable, "-m", "copympi", "run", "job.toml", "-o", "out", "--no-figure", "--quiet"]
    fault = Fault("open", "ENOENT", 1, EVER, "phases.h5").env(library, tmp_path / "fault")
    blind = ["env", *(f"{name}={value}" for name, value in fault.items())]
    env = {"PYTHONPATH": str(lives.REPO)}
    done = run([*start, *copympi, ":", "-n", "1", *blind, *copympi], 120.0, tmp_path, env)
    assert done.returncode == 2, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("copympi: ")]
    why = "cannot be read on rank 1: No such file or directory"
    assert said == [f'copympi: error: preparation.phases = "phases.h5:/phi": {why}']
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
    done = run([*start, *copympi, ":", "-n", "1", *copympi], 120.0, tmp_path, env)
    assert done.returncode == 0, done.stderr
