"""Waiting for other ranks: short waits are spun away, long ones leave the core to whoever may need it.

MPI libraries spin, or yield, until all ranks are there. Where ranks share cores, with each other or with other
programs, a rank that yields gets its core back only after everyone else's slice of time, milliseconds, at every
Allreduce; one that sleeps is woken at once.
"""

from __future__ import annotations

import ctypes
import time as clock
from contextlib import suppress
from typing import Any

SPIN = 50e-6
"""Seconds for which a rank with a core of its own spins."""
SHORTEST, LONGEST, PART = 20e-6, 500e-6, 0.1
"""Of a nap: seconds, and which part of what was waited so far: a wait becomes longer by so much at most."""
TIMERSLACK = 29
"""The number of Linux's request PR_SET_TIMERSLACK, in nanoseconds."""

_spin = SPIN


def leave_cores_free(crowded: bool) -> None:
    """Whether ranks of this job share cores, so that who spins holds up whom he waits for."""
    global _spin
    _spin = 0.0 if crowded else SPIN
    with suppress(OSError, AttributeError):  # Linux: naps end when they should, not up to 50 us later
        ctypes.CDLL(None).prctl(TIMERSLACK, ctypes.c_ulong(1000), 0, 0, 0)


def wait(request: Any) -> None:
    """Until an MPI request is done."""
    if request.Test():
        return
    since = clock.perf_counter()
    while clock.perf_counter() < since + _spin:
        if request.Test():
            return
    while not request.Test():
        clock.sleep(min(max(SHORTEST, PART * (clock.perf_counter() - since)), LONGEST))
