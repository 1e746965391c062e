"""Runs random configs one after another and says what came out: python -m tests.faults.fuzz.

A worker runs them in one process; another watches it, and where a case takes the worker down, or neither ends nor
listens, it counts that case as a failure and starts a worker for those that follow.

Accepted are: 0 with results that make sense; 2 with one line that names file, key and value, and nothing written;
1 where the dynamics themselves can go no further, in one line, or memory is short; 3 after the time budget.
Everything else is a failure, and so is a line on standard error that is not one of ours.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from copympi.cli.main import main
from copympi.run import stopping
from tests.faults import configs

ROOT = Path(__file__).parents[2]
BUDGET, LIMIT, WAIT = 0.25, 12.0, 240.0
"""Seconds after which a run stops itself; of computing, and of waiting (the machine may be busy): then it hangs."""
DEAF = 2
"""Times these limits: it does not listen to signals, and is killed."""
MEMORY = 6 << 30
WARNINGS = re.compile(
    r"copympi: warning: (with [\d.,e+]+ members no one holds beable|dynamics\.step = \S+ (lets a member|may turn)|"
    r"nothing can ever move: |the state's sum of )"
)
BAD_INPUT = re.compile(r"copympi: error: (job\.toml: \S.* = .*|CONFIG = .*job\.toml.*): ")
NO_FURTHER = re.compile(
    r"copympi: error: (the step falls below|a member's chance to leave|a phase turns|the implicit midpoint rule|"
    r"copies, or phases, are too fast|(phases|members) of beable .* (turn|copy) too fast|out of memory)"
)


TIMERS = ((signal.SIGPROF, signal.ITIMER_PROF, LIMIT), (signal.SIGALRM, signal.ITIMER_REAL, WAIT))


class TimeLimitError(BaseException):
    """A run did not end."""


def _too_long(*_: Any) -> None:
    raise TimeLimitError


def run(seed: int, number: int) -> tuple[str, str]:
    """(what came of a case, what is wrong with it if anything)."""
    text = configs.toml(configs.case(seed, number))
    shutil.rmtree("out", ignore_errors=True)
    Path("job.toml").write_text(text, encoding="utf-8")
    said, code = io.StringIO(), None
    old = {n: signal.getsignal(n) for n in stopping.SIGNALS}
    streams = sys.stdout, sys.stderr
    try:
        for number, clock, seconds in TIMERS:
            signal.signal(number, _too_long)
            signal.setitimer(clock, seconds)
        sys.stdout = sys.stderr = said  # type: ignore[assignment]
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            main(["run", "job.toml", "-o", "out", "--quiet", "--no-figure", "--time-budget", f"{BUDGET}s"])
    except SystemExit as end:
        code = end.code
    except TimeLimitError:
        return "hangs", f"no end after {LIMIT:g} s of computing, or {WAIT:g} s"
    finally:
        for _, clock, _ in TIMERS:
            signal.setitimer(clock, 0.0)
        sys.stdout, sys.stderr = streams
        for n, handler in old.items():
            signal.signal(n, handler)
    kind = f"exit {code}"
    try:
        return kind, judge(code, said.getvalue().splitlines())
    except Exception as problem:  # results that cannot even be read
        return kind, f"{type(problem).__name__}: {problem}"


def engine(config: configs.Table) -> str:
    """Which engine a case is for, as far as it can be told from a config that may be bad."""
    parts = [config.get(name) for name in ("system", "preparation", "dynamics")]
    system, preparation, dynamics = (part if isinstance(part, dict) else {} for part in parts)
    if dynamics.get("representation") != "occupation":
        return "aligning" if "alignment" in config else "phases" if "phase_spread" in preparation else "members"
    if "phase_spread" in preparation:
        return "kinds"
    members, H = preparation.get("members"), system.get("hamiltonian")
    huge = isinstance(members, (int, float)) and members > 2**63 - 1
    many = "builder" in system or huge or (isinstance(H, list) and len(H) > 64)
    return "sites" if many else "occupation"


def judge(code: Any, lines: list[str]) -> str:
    """What is wrong with a run's exit code and words, "" if nothing."""
    odd = [line for line in lines if not WARNINGS.match(line)]
    if code == 0:
        return f"says {odd[:3]}" if odd else results(complete=True)
    if code not in (1, 2, 3) or len(odd) != 1:
        return f"says {odd[:2] + odd[-3:]}"
    if code == 2:
        wrong = "" if BAD_INPUT.match(odd[0]) else f"says {odd}"
        return wrong or ("something was written" if os.path.exists("out") else "")
    if code == 1:
        return "" if NO_FURTHER.match(odd[0]) else f"says {odd}"
    return results(complete=False) if "a checkpoint is written" in odd[0] else f"says {odd}"


def results(complete: bool) -> str:
    """What is wrong with results.h5, "" if nothing."""
    with h5py.File("out/results.h5", locking=False) as file:
        if bool(file.attrs["complete"]) != complete:
            return f"complete is {file.attrs['complete']}"
        n, phase, coherence, time_ = (file[name][()] for name in ("occupation", "phase", "coherence", "time"))
        sums = [file[name][()] for name in file if name in ("energy", "position", "width", "momentum", "events")]
    total = n.sum(axis=-1)
    if not np.all(n >= 0) or not np.all(np.isfinite(n)):
        return "counts below 0"
    if n.dtype.kind == "i" and np.any(total != total.flat[0]):
        return f"N changes: {total.min()} .. {total.max()}"
    if n.dtype.kind == "f" and not np.allclose(total, total.flat[0], rtol=1e-6):
        return f"N changes: {total.min()} .. {total.max()}"
    if not np.all(np.isfinite(phase[n > 0])) or not np.all(np.isfinite(coherence[n > 0])):
        return "phases that are no numbers"
    if np.any(coherence[n > 0] > 1 + 1e-9) or np.any(np.abs(phase[n > 0]) > 3.1416):
        return "phases out of range"
    if np.any(np.diff(time_) <= 0) or not all(np.all(np.isfinite(values)) for values in sums):
        return "times, energies or moments that are no numbers"
    return ""


def work(seed: int, first: int, cases: int, log: Path) -> None:
    """Run cases first .. first + cases - 1 in this folder; each adds to the log, and prints, what came of it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    for number in range(first, first + cases):
        began = time.process_time()
        kind, wrong = run(seed, number)
        done = Done(number, engine(configs.case(seed, number)), kind, time.process_time() - began, wrong)
        note(log, done)
        if wrong or done.slow:
            print(done.line(seed), flush=True)


class Done(NamedTuple):
    """What came of a case, in so many seconds of computing; wrong : "" if nothing is."""

    number: int
    engine: str
    kind: str
    seconds: float
    wrong: str

    @property
    def slow(self) -> bool:
        return self.seconds > 16 * BUDGET

    def line(self, seed: int) -> str:
        return f"{seed} {self.number} {self.engine}, {self.kind} {self.seconds:.1f} s: {self.wrong}"


def note(log: Path, done: Done) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(done) + "\n")


def noted(log: Path) -> list[Done]:
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [Done(*json.loads(line)) for line in lines]


def watched(command: list[str], folder: Path, log: Path, limit: float, wait: float) -> str:
    """How a worker ended: "", "hangs" (killed after `limit` s of computing or `wait` s without a word), or a crash."""
    with subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}) as worker:
        size, computed, since = -1, 0.0, time.monotonic()
        while (code := poll(worker)) is None:
            now = log.stat().st_size if log.exists() else 0
            if now != size:
                size, computed, since = now, seconds_of(worker.pid), time.monotonic()
            elif seconds_of(worker.pid) > computed + limit or time.monotonic() > since + wait:
                worker.kill()
                return "hangs"
    return "" if code == 0 else f"crashes ({f'signal {-code}' if code < 0 else f'code {code}'})"


def poll(worker: subprocess.Popen[bytes]) -> int | None:
    try:
        return worker.wait(0.2)
    except subprocess.TimeoutExpired:
        return None


def seconds_of(pid: int) -> float:
    """Computing time of a process that has not been waited for."""
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def worker(seed: int, first: int, cases: int, log: Path) -> list[str]:
    """What runs these cases."""
    numbers = ["--seed", seed, "--first", first, "--cases", cases, "--log", log]
    return [sys.executable, "-m", "tests.faults.fuzz", *map(str, numbers)]


def campaign(
    seed: int, first: int, cases: int, limit: float = DEAF * LIMIT, wait: float = DEAF * WAIT,
    command: Callable[[int, int, int, Path], list[str]] = worker,
) -> Counter[str]:  # fmt: skip
    """Run cases first .. first + cases - 1 in a folder of their own; each failure is printed. Counts of what came."""
    end = first + cases
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "log"
        while first < end:
            how = watched(command(seed, first, end - first, log), folder, log, limit, wait)
            first = max([first, *(done.number + 1 for done in noted(log))])
            if how and first < end:
                lost = Done(first, engine(configs.case(seed, first)), how.split()[0], 0.0, f"the process {how}")
                print(lost.line(seed), flush=True)
                note(log, lost)
                first += 1
        return counts(noted(log))


def counts(done: list[Done]) -> Counter[str]:
    found = Counter(each.kind for each in done)
    for each in done:
        found[f"{each.engine}: {'failures' if each.wrong else 'as it should be'}"] += 1
        found["failures"] += bool(each.wrong)
        found["slow"] += each.slow
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--show", action="store_true", help="print the first case's config alone")
    parser.add_argument("--log", type=Path, help="be a worker, and note there what comes of each case")
    given = parser.parse_args()
    if given.show:
        print(configs.toml(configs.case(given.seed, given.first)), end="")
    elif given.log:
        work(given.seed, given.first, given.cases, given.log)
    else:
        total = campaign(given.seed, given.first, given.cases)
        print(dict(sorted(total.items())), flush=True)
        sys.exit(1 if total["failures"] else 0)
