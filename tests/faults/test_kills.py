"""Runs that are killed without warning, again and again, end with the bits of a run that never was."""

from __future__ import annotations

import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from copympi.errors import InputError
from copympi.storage import reading, restart
from tests import launch
from tests.faults import lives

TWO = """
[system]
hamiltonian = [[0.3, "0.5-0.1j"], ["0.5+0.1j", -0.3]]
[preparation]
members = 40_000
density = [0.6, 0.4]
phase = [0.0, 0.5]
[dynamics]
duration = 900.0
representation = "members"
seed = 5
"""
FOUR = """
[system]
hamiltonian = [
    [0.5, "0.3+0.4j", 0.0, "-0.2j"],
    ["0.3-0.4j", -0.2, "0.6-0.1j", 0.1],
    [0.0, "0.6+0.1j", 0.3, "0.2+0.5j"],
    ["0.2j", 0.1, "0.2-0.5j", 0.0],
]
[preparation]
members = {members}
state = [0.5, "0.3+0.4j", "-0.5j", "0.4-0.3j"]
[dynamics]
duration = {duration}
seed = 5
{more}
"""
OFTEN = '[output]\ninterval = {interval}\n[checkpoint]\ninterval = "0.02s"\n'
CASES = {
    "two-level": TWO + OFTEN.format(interval=1.0),
    "four-level": FOUR.format(
        members=60_000, duration=400.0, more='representation = "members"'
    ) + OFTEN.format(interval=1.0),
    "occupation": FOUR.format(
        members=10**12, duration=1200.0, more='representation = "occupation"\nreplicas = 5'
    ) + OFTEN.format(interval="2.0\ntrack = 200"),
}  # fmt: skip
SELDOM = ("--set", 'checkpoint.interval="1h"')
"""For lives that nobody ends: without a thousand checkpoints on their way."""
RANKS = ((0, lives.ROOT), (2, lives.ROOT), (2, lives.Way("openmpi", "mpio")), (0, lives.ROOT))
WHO = ("all", "all", "root", "other")
"""Who is killed: the whole job, as in a power cut, or one rank."""


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory: pytest.TempPathFactory):
    @cache
    def bits(case: str):
        folder = tmp_path_factory.mktemp("whole")
        (folder / "job.toml").write_text(CASES[case])
        lives.run(folder, "--quiet", *SELDOM)
        return lives.bits(folder)

    return bits


def kill(folder: Path, ranks: int, way: lives.Way, dice: random.Random) -> str:
    """One life with a violent end: how far it came, or "" where it was over before."""
    with lives.Life(folder, "--resume", "--quiet", ranks=ranks, way=way) as life:
        early = dice.random() < 0.15  # in the middle of starting, reading, taking over results.h5
        if early:
            life.until_begun()
            time.sleep(dice.random() * 0.1)
        else:
            life.until_saved()
            time.sleep(dice.random() * 0.15)
        who = dice.choice(WHO)
        if who == "all" or ranks < 2:
            life.kill_all()
        else:
            pids = life.processes()
            life.signal(signal.SIGKILL, 0 if who == "root" else dice.randrange(1, ranks))
            life.wait()
            life.until_gone(pids)
        return "" if life.job.returncode == 0 else ("early" if early else "late")


@contextmanager
def no_record_yet() -> Iterator[None]:
    """A kill between the making of results.h5 and its first record leaves a file that says so."""
    try:
        yield
    except InputError as problem:
        if not str(problem).endswith("holds no record yet"):
            raise


def look(folder: Path) -> int:
    """What a kill left can be read and trusted; how many half-made files lie about under hidden names."""
    data = None
    if (folder / "out" / reading.NAME).exists():
        with no_record_yet():
            data = reading.read(folder / "out")
    if data is not None:
        assert (data.occupation.sum(axis=2) == data.members).all()
        assert len(data.time) == data.occupation.shape[1]
    for path in lives.saved(folder):
        restart.read(path, 1, 0)  # DamagedError where something half-written has a final name
    return len(lives.leftovers(folder))


def batch(folder: Path, case: str, ranks: int, kills: int, dice: random.Random, way: lives.Way) -> Counter[str]:
    """A run killed `kills` times in a row, then left alone."""
    folder.mkdir()
    (folder / "job.toml").write_text(CASES[case])
    found = Counter(runs=1)
    for _ in range(kills):
        when = kill(folder, ranks, way, dice)
        if not when:
            break
        found[when] += 1
        found["half-made"] += bool(look(folder))
    lives.run(folder, "--resume", "--quiet", *SELDOM, ranks=ranks, way=way)
    assert lives.leftovers(folder) == []
    return found


def many(tmp_path: Path, number: int, whole: Callable[[str], lives.Bits], seed: int) -> Counter[str]:
    """`number` kills in all, ten to a run, over all cases, 1 and 2 ranks, both MPIs and writers.

    Three runs at a time, but never more than two ranks a core: a life is waiting for the most part.
    """
    plans = [(case, ranks, way) for ranks, way in RANKS for case in CASES]
    total: Counter[str] = Counter()
    free, turn = threading.Semaphore(2 * max(2, launch.CORES)), threading.Lock()

    def one(k: int, kills: int) -> Counter[str]:
        case, ranks, way = plans[k % len(plans)]
        folder = tmp_path / f"run-{k}"
        wanted = max(1, ranks)
        with turn:  # or two runs might each hold half of what they want
            for _ in range(wanted):
                free.acquire()
        try:
            found = batch(folder, case, ranks, kills, random.Random(1000 * seed + k), way)
        finally:
            free.release(wanted)
        lives.same(lives.bits(folder), whole(case))
        shutil.rmtree(folder)
        return found

    for case in CASES:
        whole(case)
    with ThreadPoolExecutor(3) as pool:
        while (left := number - total["early"] - total["late"]) > 0:  # a run may be over before its tenth kill
            sizes = [min(10, left - start) for start in range(0, left, 10)]
            for found in pool.map(one, range(total["runs"], total["runs"] + len(sizes)), sizes):
                total += found
    return total


def test_a_hundred_kills(tmp_path: Path, never_stopped, capsys) -> None:
    total = many(tmp_path, 100, never_stopped, 1)
    with capsys.disabled():
        print(f"\nkills: {dict(total)}")
    assert total["early"] + total["late"] == 100
    assert total["early"] > 3
    assert total["half-made"] > 3, "kills must hit the writing of files, or this test means little"


@pytest.mark.long
def test_a_thousand_kills(tmp_path: Path, never_stopped, capsys) -> None:
    total = many(tmp_path, 1000, never_stopped, 2)
    with capsys.disabled():
        print(f"\nkills: {dict(total)}")
    assert total["early"] + total["late"] == 1000
    assert total["half-made"] > 30
