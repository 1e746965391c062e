"""Runs random configs one after another in this process and says what came out: python -m tests.faults.fuzz.

Accepted are: 0 with results that make sense; 2 with one line that names file, key and value, and nothing written;
1 where the dynamics themselves can go no further, in one line, or memory is short; 3 after the time budget.
Everything else is a failure, and so is a line on standard error that is not one of ours.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from copympi.cli.main import main
from copympi.run import stopping
from tests.faults import configs

BUDGET, LIMIT = 1.0, 12
"""Seconds that a run may take before it stops itself, and after which it counts as hanging."""
MEMORY = 6 << 30
WARNINGS = re.compile(
    r"copympi: warning: (with [\d.,e+]+ members no one holds beable|dynamics\.step = \S+ (lets a member|may turn))"
)
BAD_INPUT = re.compile(r"copympi: error: (job\.toml: \S.* = .*|CONFIG = .*job\.toml.*): ")
NO_FURTHER = re.compile(
    r"copympi: error: (the step falls below|a member's chance to leave|a phase turns|the implicit midpoint rule|"
    r"out of memory)"
)


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
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(LIMIT)
        sys.stdout = sys.stderr = said  # type: ignore[assignment]
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            main(["run", "job.toml", "-o", "out", "--quiet", "--no-figure", "--time-budget", f"{BUDGET}s"])
    except SystemExit as end:
        code = end.code
    except TimeLimitError:
        return "hangs", f"no end after {LIMIT} s"
    finally:
        signal.alarm(0)
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


def campaign(seed: int, first: int, cases: int) -> Counter[str]:
    """Run cases first .. first + cases - 1 in a folder of their own; each failure is printed."""
    found: Counter[str] = Counter()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for number in range(first, first + cases):
            faulthandler.dump_traceback_later(4 * LIMIT, exit=True)  # where even the alarm gets no turn
            began = time.monotonic()
            name = engine(configs.case(seed, number))
            kind, wrong = run(seed, number)
            seconds = time.monotonic() - began
            found[kind] += 1
            found[f"{name}: {'failures' if wrong else 'as it should be'}"] += 1
            found["failures"] += bool(wrong)
            found["slow"] += seconds > 4 * BUDGET
            if wrong or seconds > 4 * BUDGET:
                print(f"{seed} {number} {name}, {kind} {seconds:.1f} s: {wrong}", flush=True)
        faulthandler.cancel_dump_traceback_later()
        os.chdir("/")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--show", action="store_true", help="print the first case's config alone")
    given = parser.parse_args()
    if given.show:
        print(configs.toml(configs.case(given.seed, given.first)), end="")
        sys.exit(0)
    total = campaign(given.seed, given.first, given.cases)
    print(dict(sorted(total.items())), flush=True)
    sys.exit(1 if total["failures"] else 0)
