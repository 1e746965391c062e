"""python benchmarks/lattice_members.py [--quick] [--members N]: members with an identity on lattices.

--quick: small sizes, to see that it works. --members N: nothing but a period of so many on the ring of 128.
`--memory P N` is for itself: the peak memory of one process with P sites and N members.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import copympi
from benchmarks.lattice import PACKET, PERIOD, RECORDS, REPO, RING, filled, high_water, row
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.lattice_members import LatticeMembers
from copympi.model.preparation import Start, share_out
from copympi.model.system import System
from copympi.mpi import Alone


def made(system: System, start: Start) -> LatticeMembers:
    return LatticeMembers(Alone(), system, start, Accuracy(start.members), 1, 1)


def of_a_period(N: int) -> None:
    """A row of (1), one process."""
    system = copympi.lattice(**RING)  # type: ignore[arg-type]
    members = made(system, filled(system, N, 1, PACKET))
    began = time.process_time()
    for number in range(1, RECORDS + 1):
        members.begin(record(number, PERIOD / RECORDS))
        while members.advance():
            pass
    took, copies = time.process_time() - began, float(members.events[0])
    row(
        f"N = {N:.0e}",
        f"{int(members.step[0]):,}",
        f"{int(members.substeps[0]):,}",
        f"{copies / N:.2f}",
        f"{1e9 * took / copies:.1f}",
        f"{took:.1f}",
    )


def periods(quick: bool) -> None:
    print("(1) a packet's period on the ring of 128, s = 1, seed 1")
    row("", "steps", "substeps", "copies a member", "ns a copy", "CPU [s]")
    for N in (10**5,) if quick else (10**6, 10**7, 10**8):
        of_a_period(N)


def memory_of(P: int, N: int) -> None:
    """MiB beyond an idle process: a wave of 64 sites, through a step."""
    base = high_water()
    system = copympi.lattice(P)
    psi = 1 + 0.4 * np.exp(2j * np.pi * np.arange(P) / 64)
    psi /= np.linalg.norm(psi)
    members = made(system, share_out(psi, -np.angle(psi), N))
    members.begin(record(1, 1e6))
    members.advance()
    print(json.dumps(high_water() - base))


def peak(P: int, N: int) -> float:
    """The same, of a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--memory", str(P), str(N)]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=600)
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


def memory(quick: bool) -> None:
    P = 10**4 if quick else 10**6
    sizes = [10 * P, 100 * P, 200 * P]
    print(f"(2) memory, P = {P:.0e}, one process")
    row("", *(f"N = {N:.0e}" for N in sizes))
    room = [peak(P, N) for N in sizes]
    row("MiB", *(f"{each:,.0f}" for each in room))
    slopes = [(b - a) * 2**20 / (n - m) for a, b, m, n in zip(room, room[1:], sizes, sizes[1:], strict=False)]
    row("bytes a member, from one to the next", "", *(f"{slope:.2f}" for slope in slopes))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--members", type=float)
    parser.add_argument("--memory", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory:
        memory_of(*given.memory)
    elif given.members:
        of_a_period(int(given.members))
    else:
        periods(given.quick)
        memory(given.quick)
