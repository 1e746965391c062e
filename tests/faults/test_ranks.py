"""One rank of four fails, dies or hangs: how long until the whole job is gone. And a run that comes back too late."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.faults import lives
from tests.faults.lives import ROOT, Life, Way
from tests.faults.test_resume import prepare

OPENMPI = Way("openmpi", "mpio")
BOTH = [ROOT, Way("openmpi", "root")]
RANKS = [(0, BOTH[0]), (3, BOTH[0]), (3, BOTH[1]), pytest.param(0, BOTH[1], marks=pytest.mark.long)]
ENDLESS = {"duration": 1e6, "interval": 1e3, "every": '"0.2s"'}


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Write a number down among pytest's dots."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")

    return say


def end(life: Life, since: float) -> float:
    """Seconds until the job has ended; it must not have succeeded."""
    assert life.wait() not in (0, 2, 3), life.text
    took = time.time() - since
    return took


@pytest.mark.parametrize(("rank", "way"), RANKS, ids=str)
def test_killed(tmp_path: Path, tell, way: Way, rank: int) -> None:
    with Life(prepare(tmp_path, **ENDLESS), "--quiet", ranks=4, way=way) as life:
        life.until_begun()
        time.sleep(0.3)
        everything, since = life.processes(), time.time()
        life.signal(signal.SIGKILL, rank)
        took = end(life, since)
        life.until_gone(everything)
    tell(f"SIGKILL of rank {rank} of 4, {way.mpi}: job ended after {took:.2f} s")


@pytest.mark.parametrize(("rank", "way"), RANKS, ids=str)
def test_hanging(tmp_path: Path, tell, way: Way, rank: int) -> None:
    """Where a rank does nothing more, the others notice after --patience."""
    with Life(prepare(tmp_path, **ENDLESS), "--quiet", "--patience", "8s", ranks=4, way=way) as life:
        life.until_begun()
        time.sleep(0.3)
        everything, since = life.processes(), time.time()
        life.signal(signal.SIGSTOP, rank)
        took = end(life, since)
        life.until_gone(everything)
    said = re.findall(r"copympi: rank \d: nothing has gone on for (\d+) s; the job ends", life.text)
    assert said, life.text
    assert all(int(seconds) >= 8 for seconds in said), life.text
    tell(f"SIGSTOP of rank {rank} of 4, patience 8 s, {way.mpi}: job ended after {took:.2f} s")


@pytest.mark.parametrize(("rank", "way"), RANKS, ids=str)
def test_an_exception(tmp_path: Path, tell, way: Way, rank: int) -> None:
    with Life(
        prepare(tmp_path, **ENDLESS), "--quiet", ranks=4, way=way, script=f"tests.faults.fail_late {rank}"
    ) as life:
        life.until(lambda: "fault at " in life.text)
        everything = life.processes()
        took = end(life, float(re.findall(r"fault at (\S+)", life.text)[0]))
        life.until_gone(everything)
    assert life.text.count(f"copympi: rank {rank} failed; the whole job ends") == 1
    assert life.text.count("Traceback (most recent call last)") == 1
    assert "ZeroDivisionError: a fault put in by a test" in life.text
    tell(f"exception in rank {rank} of 4, {way.mpi}: job ended after {took:.2f} s")


# --- no double writer


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    @cache
    def bits() -> lives.Bits:
        folder = prepare(tmp_path_factory.mktemp("whole"), members=1_000_000, duration=120.0)
        lives.run(folder, "--quiet")
        return lives.bits(folder)

    return bits


def comes_back(folder: Path, whole, ranks: int, way: Way, pause: float) -> str:
    """A run is frozen, superseded by another, and thawed. Returns what it says then."""
    prepare(folder, members=1_000_000, duration=120.0, every='"0.02s"')
    with Life(folder, ranks=ranks, way=way, noted=True) as first:
        first.until_saved(1)
        time.sleep(pause)
        frozen = first.processes()
        for pid in frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        with Life(folder, "--resume", ranks=ranks, way=way) as second:
            second.until_saved(2)
            for pid in frozen:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            assert first.wait() == 1, first.text
            assert second.wait() == 0, second.text
    assert first.all_left_with(1)
    assert "error: out: attempt 2 has superseded this one; attempt 1 stops, and writes nothing more" in first.lines
    assert "Traceback" not in first.text
    lives.same(lives.bits(folder), whole())
    assert lives.leftovers(folder) == []
    return first.text


@pytest.mark.parametrize(("ranks", "way"), [(0, ROOT), (2, ROOT), (2, OPENMPI)], ids=str)
def test_a_run_that_was_superseded_stops(tmp_path: Path, whole, ranks: int, way: Way) -> None:
    """Frozen at random moments, so that some are in mid-checkpoint."""
    dice = random.Random(ranks)
    for k in range(1 if ranks else 3):
        comes_back(tmp_path / str(k), whole, ranks, way, 0.1 * dice.random())


@pytest.mark.long
@pytest.mark.parametrize(("ranks", "way"), [(0, ROOT), (2, ROOT), (2, OPENMPI)], ids=str)
def test_fifty_runs_that_were_superseded(tmp_path: Path, whole, ranks: int, way: Way) -> None:
    dice = random.Random(10 + ranks)
    for k in range(50):
        comes_back(tmp_path / str(k), whole, ranks, way, 0.1 * dice.random())
        shutil.rmtree(tmp_path / str(k))
