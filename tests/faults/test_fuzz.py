"""Random configs, valid and not: what may come of them, and nothing else (tests/faults/fuzz.py says what that is).

0 of n failures means a chance below 3/n a config, at 95%.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import launch
from tests.faults import configs, fuzz

ROOT = Path(__file__).parents[2]


def campaign(seed: int, first: int, cases: int, timeout: float) -> subprocess.CompletedProcess[str]:
    """Cases in one process of their own: a crash is a failure of theirs, not of pytest's."""
    command = ["-m", "tests.faults.fuzz", "--seed", seed, "--first", first, "--cases", cases]
    return launch.run([sys.executable, *map(str, command)], timeout, ROOT, {"PYTHONPATH": str(ROOT)})


def test_some_hundred_configs() -> None:
    done = campaign(2, 0, 400, 600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'failures': 0" in done.stdout
    assert "'exit 0': " in done.stdout
    assert "'exit 2': " in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("part", range(100))
def test_a_hundred_thousand_configs(part: int) -> None:
    done = campaign(3, 1000 * part, 1000, 7200)
    assert done.returncode == 0, done.stdout + done.stderr


def test_cases_are_a_function_of_seed_and_number() -> None:
    texts = [configs.toml(configs.case(1, number)) for number in range(50)]
    assert texts == [configs.toml(configs.case(1, number)) for number in range(50)]
    assert len(set(texts)) == 50
    assert texts[0] != configs.toml(configs.case(2, 0))


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        (0, ["copympi: warning: divide by zero encountered in log"]),
        (0, ["copympi: error: something"]),
        (1, ["Traceback (most recent call last):", "ZeroDivisionError"]),
        (1, ["copympi: error: out of luck"]),
        (2, ["copympi: error: job.toml: bad"]),
        (2, ["copympi: error: job.toml: a.b = 1: must be 2", "and more"]),
        (2, []),
        (3, ["copympi: stopped"]),
        (139, []),
        (None, []),
    ],
    ids=str,
)
def test_the_judge_can_condemn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, lines: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert fuzz.judge(code, lines)


def test_the_judge_lets_a_refusal_pass_unless_something_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["copympi: error: job.toml: dynamics.seed = -1: must be at least 0"]
    assert fuzz.judge(2, lines) == ""
    Path("out").mkdir()
    assert fuzz.judge(2, lines) == "something was written"
