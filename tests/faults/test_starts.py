"""Several starts of one run at the same moment, into one folder: one at least comes to the end, with its right bits."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults import lives
from tests.faults.lives import ROOT, Life, Way
from tests.faults.test_resume import prepare

JOB = {"members": 20_000, "duration": 60.0, "every": '"0.02s"'}
OPENMPI = Way("openmpi", "mpio")
STARTS = 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> lives.Bits:
    folder = prepare(tmp_path_factory.mktemp("whole"), **JOB)
    lives.run(folder, "--quiet")
    return lives.bits(folder)


def starts(folder: Path, whole: lives.Bits, ranks: int, way: Way, dice: random.Random) -> Counter[str]:
    """What came of each; the later ones say that they found the run finished, the earlier ones that they are late."""
    prepare(folder, **JOB)
    with ExitStack() as stack:
        group = []
        for _ in range(STARTS):
            group.append(stack.enter_context(Life(folder, "--quiet", ranks=ranks, way=way)))
            time.sleep(dice.choice((0.0, 0.01, 0.1, 0.5)) * dice.random())
        came = []
        for life in group:
            code = life.wait()
            assert code in (0, 1, 2), life.text
            assert "Traceback" not in life.text
            assert code != 1 or "has superseded this one" in life.text
            assert code != 2 or "finished" in life.text or "has superseded this one" in life.text, life.text
            came.append(("finished", "superseded", "refused")[code])
    assert "finished" in came
    lives.same(lives.bits(folder), whole)
    assert lives.leftovers(folder) == []
    return Counter(came)


def test_three_starts_at_once(tmp_path: Path, whole: lives.Bits) -> None:
    dice = random.Random(1)
    for k in range(2):
        starts(tmp_path / str(k), whole, 0, ROOT, dice)


@pytest.mark.long
@pytest.mark.parametrize(("ranks", "way"), [(0, ROOT), (2, ROOT), (2, OPENMPI)], ids=str)
def test_fifty_groups_of_starts(tmp_path: Path, whole: lives.Bits, ranks: int, way: Way, capsys) -> None:
    dice, count = random.Random(20 + ranks), Counter[str]()
    for k in range(50):
        count += starts(tmp_path / str(k), whole, ranks, way, dice)
        shutil.rmtree(tmp_path / str(k))
    with capsys.disabled():
        print(f"\nstarts, fifty groups of {STARTS}, {ranks} ranks, {lives.named(way)}: {dict(count)}, 0 failures")
