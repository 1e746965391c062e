"""copympi with a fault in one rank: python fail_late.py RANK run ...; that rank raises while all are on their way."""

from __future__ import annotations

import sys
import time
from typing import Any

import copympi.engine.members
from copympi import mpi
from copympi.cli.main import main

rank, began = int(sys.argv[1]), time.monotonic()
kernel: Any = copympi.engine.members.kernel
move = kernel.move


def fail(*arguments: Any, **named: Any) -> Any:
    if time.monotonic() > began + 1.0:
        print(f"fault at {time.time()}", file=sys.stderr, flush=True)
        raise ZeroDivisionError("a fault put in by a test")
    return move(*arguments, **named)


if mpi.launched()[1] == rank:
    kernel.move = fail
main(sys.argv[2:])
