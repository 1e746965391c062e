"""Random configs, valid and not: what may come of them, and nothing else (tests/faults/fuzz.py says what that is).

0 of n failures means a chance below 3/n a config, at 95%.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import launch
from tests.faults import configs, doses, fuzz

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


DYING = """
import os, sys, time
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    if number == 12:
        os.abort()
    while number == 14:
        pass
    if number == 16:
        time.sleep(1000)
    with open(sys.argv[1], "a") as log:
        print(f'[{number}, "members", "exit 0", 0.1, ""]', file=log)
"""


def test_a_campaign_outlives_its_worker(capfd: pytest.CaptureFixture[str]) -> None:
    """A worker that crashes, that computes without end, that waits without end: failures, and on with the next case."""

    def dying(seed: int, first: int, cases: int, log: Path) -> list[str]:
        return [sys.executable, "-c", DYING, str(log), str(first), str(first + cases)]

    found = fuzz.campaign(1, 10, 8, limit=1.0, wait=8.0, command=dying)
    assert (found["exit 0"], found["crashes"], found["hangs"], found["failures"]) == (5, 1, 2, 3)
    said = [line for line in capfd.readouterr().out.splitlines() if line.startswith("1 1")]
    assert [(line.split()[1], line.rpartition(": ")[2]) for line in said] == [
        ("12", "the process crashes (signal 6)"), ("14", "the process hangs"), ("16", "the process hangs"),
    ]  # fmt: skip


def test_doses_are_added_up() -> None:
    """0 of n: the chance lies below 3/n; campaigns, tests and their counts of failures in either form."""
    campaign = "{'exit 0': 600, 'exit 2': 400, 'failures': 0, 'slow': 3, 'sites: as it should be': 1000}"
    faults = "faults, 2 ranks, openmpi-mpio: {'did not occur': 3, 'code 0': 2}, 1 failures"
    others = "faults 2 Way(mpi='openmpi', writer='mpio') {'code 0': 2}"
    damaged = "damaged: info {'found': 7, 'crash': 2}, resume {'found': 9}"
    text = ["3 17 sites, exit 0 4.1 s: ", campaign, campaign, "part 1 code 0", faults, others, damaged]
    found = doses.found("\n".join(text))
    assert set(found) == {"fuzz", "faults, 2 ranks, openmpi-mpio", "damaged: info", "resume"}
    assert doses.row("fuzz", found["fuzz"]) == "| fuzz | 2,000 | exit 0 1,200, exit 2 800 | 0 | 0.0015 |"
    rest = {name: doses.row(name, count).split("|")[2:] for name, count in found.items()}
    assert rest["damaged: info"][0] == " 9 "
    assert rest["damaged: info"][2] == " 2 "
    assert rest["faults, 2 ranks, openmpi-mpio"][0] == " 5 "
    assert rest["faults, 2 ranks, openmpi-mpio"][2] == " 1 "
