"""python benchmarks/phases.py: members with phases of their own, beside a loop in numba and the memory's own speed.

Every figure is the median of several runs; ratios compare runs made in turn in this process. `--rank` is for itself:
one rank of the jobs on several ranks, which prints the time of a step and how much of it the exchange of offers takes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.cases import case
from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.phases import Phases
from copympi.model.preparation import prepare

REPO = Path(__file__).resolve().parents[1]
MEMBERS, ROUNDS, SPREAD, CHANCE = 10**7, 5, 0.5, 0.0125


def ensemble(comm: Any, P: int, members: int) -> Phases:
    """Unaligned members on their way to a record far ahead; the worst beable is offered CHANCE copies a member."""
    system, state, duration = case(P)
    start = replace(prepare(system.P, members, state), spread=SPREAD)
    found = Phases(comm, system, start, Accuracy(members, leaving_chance=CHANCE), 1, 1)
    found.begin(record(1, 100 * duration))
    found.advance()
    return found


def step_time(crowd: Phases, steps: int = 40) -> float:
    """Mean time of a step: now and then one refreshes all values."""
    began = time.perf_counter()
    for _ in range(steps):
        crowd.advance()
    return (time.perf_counter() - began) / steps


def numba_step() -> Callable[..., int]:
    """A tight loop over members with sin and cos, one thread: fields, phases, offers to one in a hundred. P = 2."""
    from numba import njit

    @njit(fastmath=True)
    def run(a, phi, order, n, R, h, chance, state):  # type: ignore[no-untyped-def]
        zx, zy = np.zeros(2), np.zeros(2)
        for i in range(a.size):
            zx[a[i]] += np.cos(phi[i])
            zy[a[i]] += np.sin(phi[i])
        fx, fy = np.empty(2), np.empty(2)
        for b in range(2):
            over = R / np.sqrt(n[0] * n[1])
            fx[b], fy[b] = over * zx[1 - b], -over * zy[1 - b]
        copies = 0
        for i in range(a.size):
            b = a[i]
            phi[i] += h * (fx[b] * np.cos(phi[i]) - fy[b] * np.sin(phi[i]))
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            if (state >> np.uint64(11)) * (1.0 / 9007199254740992.0) < chance:
                j = order[state % np.uint64(a.size)]
                if a[j] != b and (state & np.uint64(1023)) < 1024.0 * np.sin(phi[j] - phi[i]):
                    a[i] = a[j]
                    phi[i] = phi[j]
                    copies += 1
        return copies

    return run


def alone() -> None:
    loop = numba_step()
    rng = np.random.default_rng(1)
    a, phi = rng.integers(0, 2, MEMBERS).astype(np.int8), rng.uniform(0, 6, MEMBERS)
    order = rng.permutation(MEMBERS)
    n = np.bincount(a).astype(float)
    arguments = (a, phi, order, n, 0.5, 0.01, CHANCE, np.uint64(88172645463325252))
    loop(*arguments)
    data = rng.random(2 * MEMBERS)
    crowds = {P: ensemble(mpi.Alone(), P, MEMBERS) for P in (2, 8)}
    ours: dict[int, list[float]] = {2: [], 8: []}
    theirs, read = [], []
    for _ in range(ROUNDS):
        for P, crowd in crowds.items():
            ours[P].append(step_time(crowd))
        began = time.perf_counter()
        loop(*arguments)
        theirs.append(time.perf_counter() - began)
        began = time.perf_counter()
        data.sum()
        read.append(time.perf_counter() - began)
    limit = statistics.median(read) / MEMBERS * 1e9
    print(f"reading 16 bytes a member: {limit:.2f} ns ({16 / limit:.1f} GB/s)")
    for P in (2, 8):
        each = statistics.median(ours[P]) / MEMBERS * 1e9
        offers = crowds[P].rows[0, : 5 + crowds[P].system.couplings.entries][5:].sum() / P
        print(
            f"P = {P}: {each:.2f} ns for each member and step (about {offers:.2%} of members are offered a copy); "
            f"{each / limit:.1f} times the reading of its 16 bytes"
        )
    ratios = [t / o for t, o in zip(theirs, ours[2], strict=True)]
    print(f"numba loop with sin and cos, P = 2: {statistics.median(ratios):.1f} times as long")


def one_rank(P: int, members: int) -> None:
    comm = mpi.world()
    crowd = ensemble(comm, P, members)
    asking: list[float] = []
    ask = crowd.proposals._ask

    def timed(*arguments: Any) -> Any:
        began = time.perf_counter()
        out = ask(*arguments)
        asking.append(time.perf_counter() - began)
        return out

    crowd.proposals._ask = timed  # type: ignore[method-assign]
    comm.Barrier()
    took = [step_time(crowd) for _ in range(ROUNDS)]
    if comm.rank == 0:
        print(json.dumps([statistics.median(took), statistics.median(asking)]))


def job(ranks: int, P: int, members: int) -> tuple[float, float]:
    command = [str(Path(sys.prefix) / "bin/mpiexec"), "-n", str(ranks), sys.executable, __file__]
    env = {**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--rank", str(P), str(members)], env=env, check=True, capture_output=True, text=True, timeout=600
    )
    step, asking = json.loads(done.stdout.strip().splitlines()[-1])
    return step, asking


def several() -> None:
    for P in (2, 8):
        rounds = [(job(1, P, MEMBERS)[0], job(2, P, 2 * MEMBERS)[0]) for _ in range(3)]
        efficiency = statistics.median(one / two for one, two in rounds)
        print(f"P = {P}, 1e7 members a rank: time on 1 rank / time on 2: {efficiency:.2f}")
    for ranks in (1, 2, 4, 8):
        step, asking = job(ranks, 2, 4_000_000)
        print(
            f"4e6 members in all on {ranks} ranks (2 cores): step {1e3 * step:.2f} ms, "
            f"partners asked for and answered {1e3 * asking:.2f} ms"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--rank"]:
        one_rank(int(sys.argv[2]), int(sys.argv[3]))
    else:
        alone()
        several()
