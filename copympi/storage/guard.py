"""A look at a results file by a process of its own: what damage may do inside the HDF5 library it does there.

HDF5 trusts much of what it reads. A file with a few wrong bytes can make it crash, or search without end; neither can
be caught in the process it happens in. So another one reads the file first, from end to end, with a limit on its
computing time (waiting for a slow disk does not count). What it finds wrong otherwise is left to the caller to find.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from copympi.errors import MachineError
from copympi.storage.layout import FOLDER

LEAST_SECONDS, BYTES_A_SECOND = 10, 5_000_000
"""Computing time that reading a file may take: at least, and the slowest pace."""
SHARE = 64 << 20
"""Bytes of a checkpoint that are in memory at a time."""
LOOK = """
import sys
import mpi4py
mpi4py.rc.initialize = False  # this process is no rank
from copympi.storage.guard import look
look(sys.argv[1], int(sys.argv[2]), bool(int(sys.argv[3])))
"""


def check(path: Path, thorough: bool = False) -> None:
    """MachineError where reading a results file, or a checkpoint, would crash this process, or never end.

    thorough : as reading.read has it.
    """
    with suppress(OSError):
        if not path.is_file():
            return
    try:
        seconds = LEAST_SECONDS + _size(path) // BYTES_A_SECOND
        package = str(Path(__file__).parents[2])
        paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
        done = subprocess.run(
            [sys.executable, "-c", LOOK, str(path), str(seconds), str(int(thorough))],
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError):  # no other process to be had: the file is read unguarded
        return
    if done.returncode == -signal.SIGXCPU:
        raise MachineError(f"{path} is damaged: HDF5 finds no end in {seconds} s of computing")
    if done.returncode in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL):
        raise MachineError(f"{path} is damaged: HDF5 crashes on it ({signal.Signals(-done.returncode).name})")


def _size(path: Path) -> int:
    """Bytes of a results file and of its profiles."""
    size = path.stat().st_size
    with suppress(OSError):
        size += sum(entry.stat().st_size for entry in os.scandir(path.parent / FOLDER))
    return size


def look(path: str, seconds: int, thorough: bool = False) -> None:
    """What the other process does: read as the caller will. Ends by a signal, or in peace."""
    from copympi.storage import reading, restart

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    place = Path(path)
    with suppress(Exception):
        reading.read(place, thorough)
    with suppress(Exception):
        if restart.has_units(place):
            shares = min(restart.units_in(place), -(-place.stat().st_size // SHARE))
            for part in range(shares):
                restart.read(place, shares, part)
