"""A job of which one rank fails: python break_a_rank.py RANK HOW, under mpiexec. Used by test_failures.py."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import copympi
import copympi.engine.counts
import copympi.engine.members
import copympi.records.memory
from copympi import mpi


def after(calls: int, function: Callable[..., Any], end: Callable[[], Any]) -> Callable[..., Any]:
    """`function`, which after so many calls calls `end` instead."""
    count = 0

    def counted(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        return function(*arguments) if count <= calls else end()

    return counted


def fail() -> None:
    raise ZeroDivisionError("a fault put in by a test")


def main(rank: int, how: str) -> None:
    representation = "occupation" if how == "occupation" else "members"
    if mpi.world().rank == rank:
        if how == "members":
            kernel: Any = copympi.engine.members.kernel
            kernel.move = after(5, kernel.move, fail)
        elif how == "occupation":
            kernel = copympi.engine.counts.kernel
            kernel.advance = after(2, kernel.advance, fail)
        elif how == "recorder":
            memory: Any = copympi.records.memory.Memory
            memory.take = after(2, memory.take, fail)
        elif how == "killed":
            kernel = copympi.engine.members.kernel
            kernel.move = after(5, kernel.move, lambda: os.kill(os.getpid(), signal.SIGKILL))
    copympi.simulate(
        [[0.4, 0.5], [0.5, -0.4]],
        density=[0.7, 0.3],
        phase=[0.0, 0.4],
        members=100_000,
        duration=1000.0,
        interval=0.1,
        representation=representation,
        replicas=4,
    )
    print("the run went on to its end", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
