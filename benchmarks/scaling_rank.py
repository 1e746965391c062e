"""One rank of the jobs that benchmarks/scaling.py starts: the root prints what it measures, a line of JSON each.

A line has `case`, `mode` (strong: the same work on any number of ranks; weak: as much a rank; or network), `ranks`,
and of a step, in seconds: `wall`, the median over rounds, and `cpu`, of all ranks together; and what the rank that says
most says to others in it: `calls` and `shared` bytes, `messages` and `sent` bytes.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import copympi
from benchmarks.cases import case
from copympi import mpi
from copympi.engine.ensemble import Ensemble
from copympi.engine.halos import swap
from copympi.engine.own_phases import OwnPhases
from copympi.engine.replicas import IndependentReplicas
from copympi.engine.shared_lattice import SharedLattice
from copympi.run.carry import ensemble_of, plan_of
from copympi.run.plan import from_keywords

ROUNDS, MOMENT, FAR = 5, 0.3, 50.0
MEGABYTE, STEP_BY_STEP = 1 << 20, 4096


def made(comm: Any, system: Any, state: Any, members: int, duration: float, **more: Any) -> Ensemble:
    """An ensemble on its way to a record far ahead, after its first steps."""
    spread = more.pop("spread", 0.0)
    sections = {
        "preparation": {"members": members, "state": state, "phase_spread": spread},
        "dynamics": {"duration": FAR * duration, "seed": 1, **more},
        "output": {"interval": FAR * duration},
    }
    job = from_keywords(system, sections, None, None, mpi.part_on_node(comm))
    ensemble = ensemble_of(comm, job)
    ensemble.begin(plan_of(job).timetable.stop(1))
    if isinstance(ensemble, IndependentReplicas) and ensemble.system.P > STEP_BY_STEP:
        ensemble.pace.steps = 1
    for _ in range(2):
        ensemble.advance()
    return ensemble


def members(comm: Any, share: int) -> Ensemble:
    system, state, duration = case(8)
    return made(comm, system, state, 5_000_000 * share, duration, representation="members")


def phases(comm: Any, share: int) -> Ensemble:
    system, state, duration = case(8)
    return made(
        comm, system, state, 500_000 * share, duration, representation="members", spread=0.5, leaving_chance=0.0125
    )


def at_once(comm: Any, share: int) -> Ensemble:
    """Answers in one batch, as on one node: nothing travels while others are looked up."""
    ensemble = phases(comm, share)
    assert isinstance(ensemble, OwnPhases)
    ensemble.proposals.several_nodes = False
    return ensemble


def plane(share: int) -> tuple[Any, Any]:
    """A periodic plane of 32,768 sites a share, and amplitudes that vanish nowhere."""
    system = copympi.lattice([64 * share, 512], 1.0)
    assert system.lattice is not None
    x, length = system.lattice.positions[0], system.lattice.lengths[0]
    psi = 1 + 0.4 * np.exp(4j * np.pi * x / length)
    return system, psi / np.linalg.norm(psi)


def lattice(comm: Any, share: int) -> Ensemble:
    system, psi = plane(share)
    return made(comm, system, psi, 10**15, 10.0, representation="occupation")


def tails(comm: Any, share: int) -> Ensemble:
    """A tenth of the members a site that whole numbers are drawn below: each of them is counted."""
    system, psi = plane(share)
    return made(comm, system, psi, 20 * system.P, 10.0, representation="occupation")


def replicas(comm: Any, share: int) -> Ensemble:
    system, state, duration = case(8)
    return made(comm, system, state, 10**9, 100 * duration, representation="occupation", replicas=64 * share)


CASES: dict[str, tuple[Callable[[Any, int], Ensemble], int]] = {
    "members": (members, 30),
    "phases": (phases, 40),
    "phases at once": (at_once, 40),
    "lattice": (lattice, 3),
    "lattice, counted": (tails, 3),
    "replicas": (replicas, 0),
}
"""How it is made, of so many shares, and steps of a round; 0: for a moment."""
STRONG, WEAK = 8, 2
"""Shares in all, and a rank."""


def measured(comm: Any, ensemble: Ensemble, steps: int) -> dict[str, float]:
    """Of a step: wall time, processor time of all ranks, and what is said. Collective."""
    walls, cpus, said = [], [], []
    for _ in range(ROUNDS):
        start = steps_of(comm, ensemble)
        began, cpu, counted, made = time.perf_counter(), time.process_time(), mpi.Traffic(), 0
        while made < steps or (
            not steps and mpi.from_root(comm, lambda began=began: time.perf_counter() < began + MOMENT)  # type: ignore[misc]
        ):
            before = mpi.so_far()
            ensemble.advance()
            counted += mpi.so_far() - before
            made += 1
        took = np.array([time.perf_counter() - began, time.process_time() - cpu])
        spent = np.rint(1e9 * took).astype(np.int64)
        mpi.total(comm, spent)
        done = max(1, steps_of(comm, ensemble) - start)
        walls.append(float(spent[0]) / 1e9 / comm.size / done)
        cpus.append(float(spent[1]) / 1e9 / done)
        most = np.array([counted.calls, counted.shared, counted.messages, counted.sent], np.int64)
        mpi.largest(comm, most)
        said.append(most / done)
    mean = np.mean(said, axis=0).tolist()
    return {
        "wall": statistics.median(walls), "cpu": statistics.median(cpus), "calls": mean[0], "shared": mean[1],
        "messages": mean[2], "sent": mean[3],
    }  # fmt: skip


def steps_of(comm: Any, ensemble: Ensemble) -> int:
    """Steps so far of all replicas together, or of the one that all ranks have. Collective."""
    steps = np.array([ensemble.step.sum()], np.int64)
    if isinstance(ensemble, IndependentReplicas) and not isinstance(ensemble, SharedLattice):
        mpi.total(comm, steps)
    return int(steps[0])


def network(comm: Any) -> dict[str, float]:
    """Seconds of a sum over ranks of 128 bytes, of a message of 8 bytes, and of a byte of one of a megabyte.

    By the clock, and of a rank's processor: `cpu_call` and so on.
    """
    half = comm.size // 2
    other = (comm.rank + half) % (2 * half)  # on the other host, where there are two
    pair = comm.rank < 2 * half

    def send(size: int) -> None:
        there = {other: np.zeros(size, np.uint8)} if pair else {}
        swap(comm, there, {rank: np.empty(size, np.uint8) for rank in there})

    def each(what: Callable[[], Any]) -> tuple[float, float]:
        what()
        began, cpu, times, busy = time.perf_counter(), time.process_time(), 0, 0.0
        while mpi.from_root(comm, lambda: time.perf_counter() < began + MOMENT):
            cpu = time.process_time()
            for _ in range(10):
                what()
            busy += time.process_time() - cpu
            times += 10
        return (time.perf_counter() - began) / times, busy / times

    row = np.zeros(16, np.int64)
    call, small, large = each(lambda: mpi.total(comm, row)), each(lambda: send(8)), each(lambda: send(MEGABYTE))
    found = {}
    for k, kind in enumerate(("", "cpu_")):
        found[kind + "call"], found[kind + "message"] = call[k], small[k]
        found[kind + "byte"] = max(0.0, large[k] - small[k]) / MEGABYTE
    return found


def main() -> None:
    comm = mpi.world()
    wanted = sys.argv[1:]

    def say(**line: Any) -> None:
        if comm.rank == 0:
            print(json.dumps(line), flush=True)

    mpi.part_on_node(comm)
    if comm.size > 1:
        say(case="network", mode="network", ranks=comm.size, **network(comm))
    for name in wanted:
        make, steps = CASES[name]
        for mode, shares in (("strong", STRONG), ("weak", WEAK * comm.size)):
            say(case=name, mode=mode, ranks=comm.size, **measured(comm, make(comm, shares), steps))


if __name__ == "__main__":
    main()
