"""Disks that fill up or turn read-only in mid-run: what was safe stays safe, and the run says what it does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import h5py
import pytest

from copympi.storage import reading, restart
from tests import launch
from tests.faults import lives
from tests.faults.lives import ROOT, Life, Way
from tests.faults.test_resume import prepare

WAYS = [(0, ROOT), (2, ROOT), (2, Way("openmpi", "mpio"))]
BIG = {"members": 10**7, "duration": 160.0, "interval": 8.0, "every": '"0.12s"'}
"""A checkpoint has 40 MB."""
MANY = {
    "members": 10**9, "kind": "occupation", "replicas": 1000, "duration": 240.0, "interval": "1.0\ntrack = 3",
    "every": '"0.1s"',
}  # fmt: skip
"""Results have 15 MB, and histories of 3,000 members."""


def name(value: object) -> str:
    return lives.named(value) if isinstance(value, Way) else str(value)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    @cache
    def bits(kind: str) -> lives.Bits:
        folder = prepare(tmp_path_factory.mktemp("whole"), **{**(BIG if kind == "big" else MANY), "every": '"1h"'})
        lives.run(folder, "--quiet")
        return lives.bits(folder)

    return bits


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """The folder of a job whose output has a small disk of its own."""
    with lives.tmpfs(tmp_path / "out", "200m"):
        yield tmp_path


def free(place: Path) -> int:
    disk = os.statvfs(place)
    return disk.f_bavail * disk.f_frsize


def fill(place: Path, leave: int = 0) -> Path:
    """Take the space of a disk."""
    filler = place / "filler"
    with filler.open("ab") as file, contextlib.suppress(OSError):
        while (left := free(place) - leave) > 0:
            piece = min(left, 1 << 20)
            os.posix_fallocate(file.fileno(), file.tell(), piece)
            file.seek(0, os.SEEK_END)
    return filler


def trusted(folder: Path, count: int) -> None:
    """So many checkpoints, every one whole; nothing half-made."""
    paths = lives.saved(folder)
    assert len(paths) == count
    for path in paths:
        restart.read(path, 1, 0)


@pytest.mark.parametrize(("ranks", "way"), WAYS, ids=name)
def test_a_disk_that_is_full_for_a_while(disk: Path, whole, ranks: int, way: Way) -> None:
    with Life(prepare(disk, **BIG), ranks=ranks, way=way) as life:
        life.until_saved(2)
        filler = fill(disk / "out")
        life.until(lambda: "disk full: " in life.text)
        assert lives.leftovers(disk) == []
        trusted(disk, 2)
        before = lives.newest(disk)
        filler.unlink()
        life.until(lambda: lives.newest(disk) > before)
        assert life.wait() == 0, life.text
    line = next(line for line in life.lines if "disk full" in line)
    assert line.startswith("warning: no checkpoint at t = ")
    assert line.endswith(" free; the one before stays, the run goes on")
    assert "Traceback" not in life.text
    trusted(disk, 2)
    lives.same(lives.bits(disk), whole("big"))


def while_frozen(life: Life, half_made: bool, leave: int) -> bool:
    """Fill the disk if there is a checkpoint some megabytes long but not whole, or if there is none; whether it was so.

    The ranks stand still meanwhile, so that it does not matter who of us is faster.
    """

    def so() -> bool:
        sizes = []
        for path in (life.output / "checkpoints").glob(".partial-*"):
            with contextlib.suppress(FileNotFoundError):
                sizes.append(512 * path.stat().st_blocks)
        return any(size > 4 << 20 for size in sizes) if half_made else not sizes

    if not so():
        return False
    life.signal(signal.SIGSTOP)
    fits = so()
    if fits:
        fill(life.output, leave)
    life.signal(signal.SIGCONT)
    return fits


@pytest.mark.parametrize(("ranks", "way"), WAYS, ids=name)
def test_a_disk_that_fills_up_in_mid_checkpoint(disk: Path, whole, ranks: int, way: Way) -> None:
    """Room enough when it begins, taken by someone else as soon as its file grows."""
    with Life(prepare(disk, **BIG), ranks=ranks, way=way) as life:
        life.until_saved(2)
        while "no checkpoint at t = " not in life.text:  # again where all of the file was there already
            assert life.job.poll() is None, life.text
            before = lives.newest(disk)
            (disk / "out/filler").unlink(missing_ok=True)
            life.until(lambda: while_frozen(life, half_made=False, leave=45 << 20))
            life.until(lambda: while_frozen(life, half_made=True, leave=0))
            life.until(lambda: "no checkpoint at t = " in life.text or lives.newest(disk) > before)  # noqa: B023
        assert lives.leftovers(disk) == []
        trusted(disk, 2)
        before = lives.newest(disk)
        (disk / "out/filler").unlink()
        life.until(lambda: lives.newest(disk) > before)
        assert life.wait() == 0, life.text
    line = next(line for line in life.lines if "no checkpoint" in line)
    assert line.endswith("; the one before stays, the run goes on")
    assert "No space left" in line or "write" in line, line
    assert "Traceback" not in life.text
    lives.same(lives.bits(disk), whole("big"))


@pytest.mark.parametrize(("ranks", "way"), WAYS, ids=name)
def test_results_that_cannot_be_written(tmp_path: Path, whole, ranks: int, way: Way) -> None:
    """The disk is too small for them: exit code 1, no hang, no traceback; with more room the run goes on."""
    with lives.tmpfs(tmp_path / "out", "7m") as place:
        life = lives.run(prepare(tmp_path, **MANY), ranks=ranks, way=way, noted=True, code=1)
        assert life.all_left_with(1)
        assert "Traceback" not in life.text
        wrong = [line for line in life.lines if line.startswith("error: ")]
        assert len(wrong) == 1, life.text
        assert "out/results.h5 cannot be written: " in wrong[0]
        assert "but no checkpoint could be written: " in wrong[0]
        assert lives.leftovers(tmp_path) == []
        assert len(reading.read(place).time) > 10
        (tmp_path / "codes").unlink()
        lives.remount(place, "size=100m")
        again = lives.run(tmp_path, "--resume", "--quiet", ranks=ranks, way=way)
        assert "resuming" not in again.text
        lives.same(lives.bits(tmp_path), whole("many"))


def test_a_full_disk_at_the_very_start(tmp_path: Path) -> None:
    with lives.tmpfs(tmp_path / "out", "1m") as place:
        fill(place)
        life = lives.run(prepare(tmp_path), ranks=2, code=2)
        assert "error: output folder = " in life.text
        assert "cannot be written: " in life.text
        assert "Traceback" not in life.text


def read_only(place: Path) -> None:
    """Make a disk read-only, as soon as no file is being written on it."""
    for _ in range(10_000):
        if subprocess.run(["mount", "-o", "remount,ro", str(place)], check=False, capture_output=True).returncode == 0:
            return
        time.sleep(0.01)
    pytest.fail(f"{place} is always busy")


@pytest.mark.parametrize(("ranks", "way"), WAYS, ids=name)
def test_checkpoints_on_a_disk_that_turns_read_only(tmp_path: Path, whole, ranks: int, way: Way) -> None:
    (tmp_path / "out").mkdir()
    with lives.tmpfs(tmp_path / "out/checkpoints", "200m") as place:
        with Life(prepare(tmp_path, **BIG), ranks=ranks, way=way) as life:
            life.until_saved(1)
            read_only(place)
            life.until(lambda: "Read-only file system" in life.text)
            trusted(tmp_path, len(lives.saved(tmp_path)))
            before = lives.newest(tmp_path)
            lives.remount(place, "rw")
            life.until(lambda: lives.newest(tmp_path) > before)
            read_only(place)
            life.signal(signal.SIGTERM)
            assert life.wait() == 1, life.text
        assert "Traceback" not in life.text
        assert "the one before stays, the run goes on" in life.text
        assert life.text.count("but no checkpoint could be written: ") == 1
        lives.remount(place, "rw")
        lives.run(tmp_path, "--resume", "--quiet", ranks=ranks, way=way)
        lives.same(lives.bits(tmp_path), whole("big"))


def test_a_folder_that_is_read_only_from_the_start(tmp_path: Path) -> None:
    with lives.tmpfs(tmp_path / "out", "1m") as place:
        read_only(place)
        for more in ((), ("--resume",)):
            life = lives.run(prepare(tmp_path), *more, ranks=2, code=2)
            assert "error: output folder = " in life.text
            assert "cannot be written: Read-only file system" in life.text
            assert "Traceback" not in life.text


HOLD = """
import sys, h5py
with h5py.File(sys.argv[1], "r", swmr=sys.argv[2] == "live", libver="latest") as file:
    print(file["time"].shape[0], flush=True)
    sys.stdin.read()
    print(file["time"].shape[0], int(file["occupation"][:].sum(axis=1).min()), flush=True)
"""


@contextlib.contextmanager
def held_open(path: Path, how: str) -> Iterator[list[str]]:
    """results.h5 open in another process, with the locks that HDF5 takes by itself."""
    said: list[str] = []
    reader = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert reader.stdin
    assert reader.stdout
    try:
        assert int(reader.stdout.readline()) > 0
        yield said
        said += reader.communicate("", timeout=launch.PATIENCE)[0].split()
    finally:
        reader.kill()
        reader.communicate()


def test_results_held_open_by_a_reader(tmp_path: Path) -> None:
    prepare(tmp_path, every='"0.1s"', interval=0.2, duration=120.0, members=2_000_000)
    with Life(tmp_path, "--quiet", ranks=2) as life:
        life.until_saved(2)
        with held_open(tmp_path / "out/results.h5", "live"):
            life.signal(signal.SIGTERM)
            assert life.wait() == 3, life.text
            lives.run(tmp_path, "--resume", "--quiet", ranks=2)
    done = lives.bits(tmp_path)
    with held_open(tmp_path / "out/results.h5", "finished") as said:
        lives.run(tmp_path, "--overwrite", "--quiet", ranks=2)
    assert said == ["601", "2000000"], "the reader keeps what it has opened"
    lives.same(lives.bits(tmp_path), done)
    with h5py.File(tmp_path / "out/results.h5") as file:
        assert file["time"].shape == (601,)
