"""python benchmarks/instructions.py [--against FOLDER] [CASE...]: instructions of a small run of each method.

Valgrind counts them; it does not matter what else the machine does, so a change of a percent shows where times would
need hours. Each case runs twice through `copympi.simulate`, for a time and for three times it. The difference of the
two counts is that of the steps alone, with Python's part of them: set-up cancels. FOLDER is another clone or
worktree with its kernels built, the code before a change say; the table then has both counts and their ratio.

Two counts of the same code differ by up to half a percent: how often clocks are looked at depends on time.

Needs valgrind with its headers, and cc. valgrind offers AVX2 and no AVX-512: kernels that are compiled for several CPUs
are counted as an AVX2 machine runs them.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

REPO = Path(__file__).resolve().parents[1]
SHORT, LONG = 1, 3
REQUESTS = """
#include <valgrind/callgrind.h>
void begin(void) { CALLGRIND_START_INSTRUMENTATION; }
void zero(void) { CALLGRIND_ZERO_STATS; }
void dump(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }
"""
Counts = dict[str, tuple[int, int]]
"""case -> instructions, steps."""


def beables(P: int) -> dict[str, Any]:
    """A random H (P, P) without zeros, and amplitudes of the same size."""
    rng = np.random.default_rng(P)
    A = rng.standard_normal((P, P)) + 1j * rng.standard_normal((P, P))
    return {"system": (A + A.conj().T) / np.sqrt(8 * P), "state": np.exp(6.28j * rng.random(P)) / np.sqrt(P)}


def cases() -> dict[str, dict[str, Any]]:
    """Keywords of `copympi.simulate` of each case; its duration is "unit" times SHORT or LONG."""
    import copympi

    counts = {"representation": "occupation"}
    ring = copympi.lattice(512, potential={"kind": "harmonic", "omega": 1 / 64})
    waves = {"packet": [{"centre": x, "width": 16, "wave_number": -x / 32} for x in (-48, 48)]}  # nodes where they meet
    packet = {"system": ring, "packet": {"centre": -16, "width": 12, "wave_number": 0.25}, **counts}
    wide = {"system": copympi.lattice(512), "packet": {"centre": 0, "width": 64, "wave_number": 0.25}, **counts}
    two, four, eight = (beables(P) for P in (2, 4, 8))
    spread = {**four, "phase_spread": 0.5}
    return {
        "members, P = 2": {**two, "members": 200_000, "representation": "members", "unit": 1.0},
        "members, P = 8": {**eight, "members": 200_000, "representation": "members", "unit": 0.25},
        "counts, P = 2": {**two, **counts, "members": 10**9, "replicas": 20, "unit": 2.0},
        "counts, P = 8": {**eight, **counts, "members": 10**9, "replicas": 20, "unit": 0.5},
        "counts, P = 2, 100 tracked": {**two, **counts, "members": 10**9, "track": 100, "unit": 100.0},
        "counts, P = 2, 10^5 tracked": {**two, **counts, "members": 10**12, "track": 10**5, "unit": 4.0},
        "guided, P = 4": {**four, **counts, "members": 10**9, "guide": "schroedinger", "unit": 10.0},
        "guided, P = 16": {**beables(16), **counts, "members": 10**9, "guide": "schroedinger", "unit": 2.0},
        "counts, P = 4, one replica": {**four, **counts, "members": 10**9, "unit": 10.0},
        "counts, P = 16, one replica": {**beables(16), **counts, "members": 10**9, "unit": 2.0},
        "general rule, P = 8": {**eight, **counts, "rule": {"q": 0.6}, "members": 10**9, "replicas": 20, "unit": 0.5},
        "lattice, packet": {**wide, "members": 10**12, "unit": 16.0},
        "lattice, stiff clusters": {**packet, **waves, "members": 10**6, "spectators": 1, "unit": 16.0},
        "lattice, N = 1e30": {**packet, "members": 1e30, "spectators": 1, "unit": 16.0},
        "phases, one by one": {**spread, "members": 16_000, "unit": 0.25},
        "phases, leap": {**spread, "members": 64_000, "unit": 0.125},
        "phase kinds, one by one": {**spread, **counts, "members": 5000, "phase_kinds": 8, "unit": 0.5},
        "phase kinds": {**spread, **counts, "members": 10**9, "phase_kinds": 16, "unit": 0.5},
        "aligning": {**spread, "members": 4000, "alignment": {"strength": 0.001, "momenta": 0.25}, "unit": 0.125},
    }  # fmt: skip


def run(keywords: dict[str, Any], length: int) -> int:
    """One run, with a record at its start, middle and end: how many steps it took."""
    import copympi

    given = dict(keywords)
    duration = given.pop("unit") * length
    return int(copympi.simulate(**given, duration=duration, interval=duration / 2).steps)


def count_here(chosen: list[str], requests: str) -> None:
    """Under valgrind: dump the counts of all runs, and print whose code it is and the steps of each case.

    As on a machine without MPI: of what an MPI library does here nothing is counted.
    """
    sys.modules["mpi4py"] = None  # type: ignore[assignment]
    import copympi

    valgrind = ctypes.CDLL(requests)
    warnings.simplefilter("ignore")
    known, steps = cases(), {}
    for name in chosen:
        run(known[name], SHORT)  # imports and first calls
    gc.disable()
    valgrind.begin()
    for name in chosen:
        made = []
        for length in (SHORT, LONG):
            gc.collect()
            valgrind.zero()
            made.append(run(known[name], length))
            valgrind.dump(f"{length} {name}".encode())
        steps[name] = made[1] - made[0]
    print(json.dumps([copympi.__file__, steps]))


def counts(folder: Path, chosen: list[str]) -> Counts:
    """What the code in `folder` takes."""
    with tempfile.TemporaryDirectory() as work:
        requests = Path(work) / "requests.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-xc", "-", "-o", requests], input=REQUESTS, text=True, check=True
        )
        tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={work}/counts"]
        command = [*tool, sys.executable, __file__, "--requests", str(requests), *chosen]
        fixed = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        env = {**os.environ, **fixed, "PYTHONPATH": str(folder)}
        done = subprocess.run(command, env=env, cwd=work, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"valgrind ended with {done.returncode}: {done.stderr[-2000:]}")
        code, steps = json.loads(done.stdout)
        if not Path(code).is_relative_to(folder):
            raise RuntimeError(f"{code} ran in place of the code in {folder}")
        found = dict(read(path) for path in Path(work).glob("counts.*"))
    return {name: (found[f"{LONG} {name}"] - found[f"{SHORT} {name}"], steps[name]) for name in chosen}


def read(path: Path) -> tuple[str, int]:
    """The name of one dump of callgrind's and the instructions in it."""
    name, total = "", 0
    for line in path.read_text().splitlines():
        if line.startswith("desc: Trigger: Client Request: "):
            name = line.removeprefix("desc: Trigger: Client Request: ")
        elif line.startswith(("totals: ", "summary: ")):
            total = int(line.split()[1])
    return name, total


def table(now: Counts, before: Counts | None) -> None:
    """Print a line a case; where the number of steps differs the ratio is that of one step."""
    print(f"{'':<28}{'steps':>8}{'instructions':>16}" + ("" if before is None else f"{'before':>16}{'ratio':>9}"))
    for name, (count, steps) in now.items():
        line = f"{name:<28}{steps:>8,}{count:>16,}"
        if before is not None:
            count_before, steps_before = before[name]
            ratio = count / steps / (count_before / steps_before)
            line += f"{count_before:>16,}{ratio:>9.4f}"
            line += "" if steps == steps_before else f"  of a step; {steps_before:,} steps before"
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("case", nargs="*", help="cases to count; all where none is named")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another worktree to count too")
    parser.add_argument("--requests", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.requests:
        count_here(options.case, options.requests)
        return
    if shutil.which("valgrind") is None or shutil.which("cc") is None:
        parser.error("valgrind and cc are needed (apt-get install valgrind gcc)")
    if options.against and not (options.against / "copympi" / "__init__.py").is_file():
        parser.error(f"--against: {options.against} holds no copympi")
    sys.path.insert(0, str(REPO))
    known = cases()
    unknown = [name for name in options.case if name not in known]
    if unknown:
        parser.error(f"no such case: {unknown[0]!r}; known are {', '.join(map(repr, known))}")
    chosen = options.case or list(known)
    now = counts(REPO, chosen)
    table(now, counts(options.against.resolve(), chosen) if options.against else None)


if __name__ == "__main__":
    main()
