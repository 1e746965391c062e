"""Clocks that jump in mid-run, by libfaketime: the run goes on, saves and stops as it should, with the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import inject, lives
from tests.faults.lives import Life
from tests.faults.test_resume import prepare
from tests.slurm.box import need

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
JOB = {"duration": 1000.0, "interval": 50.0, "every": '"0.05s"'}
DAY, HOUR_BACK, TWO_MONTHS = "+1d", "+23h", "+60d"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> lives.Bits:
    """The bits of a run whose clocks go on as they should."""
    folder = prepare(tmp_path_factory.mktemp("whole"), **{**JOB, "every": '"1h"'})
    lives.run(folder, "--quiet")
    return lives.bits(folder)


@pytest.mark.parametrize("monotonic", [False, True], ids=["wall clock", "monotonic clock too"])
def test_a_clock_that_jumps(tmp_path: Path, whole: lives.Bits, monotonic: bool) -> None:
    """A day ahead and an hour back: checkpoints by the wall go on, neither budget nor watchdog takes it for waiting.

    The budget is counted by the monotonic clock, which no machine sets, but which may jump where one is moved: then
    its end is that of the run, with a checkpoint.
    """
    need(LIBRARY is not None, "libfaketime (tests/provide-faketime)")
    place = tmp_path / "now"

    def jump(to: str) -> None:
        (tmp_path / "next").write_text(to)
        (tmp_path / "next").rename(place)

    jump("+0")
    preload = f"{inject.build(tmp_path, 'real_sleep.c')}:{LIBRARY}" if not monotonic else LIBRARY
    env = {"LD_PRELOAD": preload, "FAKETIME_TIMESTAMP_FILE": place, "FAKETIME_NO_CACHE": 1}
    env |= {} if monotonic else {"DONT_FAKE_MONOTONIC": 1}
    prefix = ("env", *(f"{name}={value}" for name, value in env.items()))
    limits = ("--time-budget", "40d" if monotonic else "1h", "--patience", "1h")
    with Life(prepare(tmp_path, **JOB), *limits, prefix=prefix) as life:
        assert life.until_saved(2)
        for time in (DAY, HOUR_BACK):
            jump(time)
            before = lives.newest(tmp_path)
            assert life.until(lambda: lives.newest(tmp_path) > before + 2), life.text  # noqa: B023
        if monotonic:
            jump(TWO_MONTHS)
            assert life.wait() == 3, life.text
            assert "the time budget is used up" in life.text
        assert life.wait() == (3 if monotonic else 0), life.text
    assert "nothing has gone on" not in life.text
    if monotonic:
        lives.run(tmp_path, "--resume", "--quiet")
    lives.same(lives.bits(tmp_path), whole)
