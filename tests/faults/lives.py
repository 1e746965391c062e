"""Lives of a run: really started, really killed, stopped, hung; and what they leave on the disk."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import h5py
import pytest

from copympi.storage import checkpoints, reading
from tests import launch
from tests.slurm.box import OPENMPI, REPO, need

MPICH = Path(os.environ.get("COPYMPI_MPICH", f"{sys.prefix}-mpich"))
"""An environment whose h5py writes in parallel through a system's MPICH: tests/provide-parallel-hdf5."""
RANK = re.compile(rb"(?:PMI_RANK|OMPI_COMM_WORLD_RANK)=(\d+)")
NOTE = 'trap : TERM USR1; c=0; "$@" || c=$?; echo $c >>codes; exit $c'
"""For sh: runs a rank and notes its exit code."""
Bits = dict[str, tuple[str, tuple[int, ...], bytes]]


class Way(NamedTuple):
    """Which MPI, which writer of checkpoints."""

    mpi: str
    writer: str

    def command(self, ranks: int, noted: bool = False) -> list[str]:
        """What starts a module on so many ranks; 0: without a launcher. A missing part fails under CI, else skips."""
        note = ["sh", "-c", NOTE, "note"] if noted else []
        if ranks == 0:
            return [*note, sys.executable, "-m"]
        start, python = [], sys.executable
        if self.writer == "mpio":
            place = OPENMPI if self.mpi == "openmpi" else MPICH
            need((place / "bin/python").exists(), f"{place} (tests/provide-parallel-hdf5)")
            python, start = str(place / "bin/python"), ["mpiexec.mpich"]
        if self.mpi == "openmpi" or self.writer == "root":
            start = launch.launcher(self.mpi)
        return [*start, "-n", str(ranks), *note, python, "-m"]

    def env(self, ranks: int) -> dict[str, str]:
        env = {**os.environ, **launch.openmpi(ranks), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        if (self.mpi, self.writer) == ("mpich", "mpio"):
            env["LD_LIBRARY_PATH"] = str(MPICH / "lib")
        return env


ROOT = Way("mpich", "root")
WAYS = [ROOT, Way("openmpi", "root"), Way("openmpi", "mpio"), Way("mpich", "mpio")]


def named(way: Way) -> str:
    return f"{way.mpi}-{way.writer}"


class Life:
    """A run under way. `said` and `result` hold what it prints."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        ranks: int = 0,
        way: Way = ROOT,
        prefix: tuple[str, ...] = (),
        noted: bool = False,
        script: str = "copympi",
        figure: bool = False,
    ) -> None:
        self.folder, self.output, self.size, self.way = folder, folder / "out", ranks, way
        self.log = folder / f"log-{time.monotonic_ns()}"
        self.saved_before, self.attempts_before = newest(folder), checkpoints.attempts(self.output)
        command = [
            *prefix,
            *way.command(ranks, noted),
            *script.split(),
            "run",
            "job.toml",
            "-o",
            "out",
            "--writer",
            way.writer,
        ]
        with self.log.open("w") as log:
            self.job = subprocess.Popen(
                [*command, *([] if figure else ["--no-figure"]), *arguments],
                cwd=folder,
                env={**way.env(ranks), "PYTHONPATH": str(REPO)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.count = max(1, ranks)

    def __enter__(self) -> Life:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_all()

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def all_left_with(self, code: int) -> bool:
        """Whether every rank noted this exit code. Open MPI kills ranks that are slower to leave than the first."""
        noted = [int(line) for line in (self.folder / "codes").read_text().split()]
        least = 1 if self.way.mpi == "openmpi" else max(1, self.size)
        return set(noted) == {code} and least <= len(noted) <= max(1, self.size)

    @property
    def lines(self) -> list[str]:
        """Our own lines among what launchers add."""
        return [line.removeprefix("copympi: ") for line in self.text.splitlines() if line.startswith("copympi: ")]

    def processes(self) -> list[int]:
        """The launcher's process and all below it."""
        return launch.family(self.job.pid)

    def ranks(self) -> dict[int, int]:
        """rank -> process id, once all ranks run."""
        found = {}
        for pid in self.processes():
            with contextlib.suppress(OSError):
                match = RANK.search(Path(f"/proc/{pid}/environ").read_bytes())
                if match and b"job.toml" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found[int(match[1])] = pid
        return found or {0: self.processes()[-1]}

    def wait(self, timeout: float = launch.PATIENCE) -> int:
        """The exit code; a run that does not end fails the test, and does not outlive it."""
        try:
            return self.job.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill_all()
            pytest.fail(f"no end after {timeout:g} s\n{self.text}")

    def signal(self, number: int, rank: int | None = None) -> None:
        """Send a signal to one rank, or to all."""
        for each, pid in self.ranks().items():
            if rank in (None, each):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def kill_all(self) -> None:
        """As if the power went: launcher and ranks at once."""
        launch.kill(self.processes())
        self.job.wait(launch.PATIENCE)

    def until(self, condition: Callable[[], object], timeout: float = launch.PATIENCE) -> bool:
        """Wait for a condition; False where the run ends first."""
        start = time.monotonic()
        while not condition():
            if self.job.poll() is not None:
                return bool(condition())
            if time.monotonic() > start + timeout:
                self.kill_all()
                pytest.fail(f"waited {timeout:g} s in vain\n{self.text}")
            time.sleep(0.002)
        return True

    def until_gone(self, pids: list[int], timeout: float = launch.PATIENCE) -> None:
        """Wait until nothing is left of a job that has ended."""
        start = time.monotonic()
        while not gone(pids):
            assert time.monotonic() < start + timeout, f"processes outlive the job: {pids}"
            time.sleep(0.01)

    def until_saved(self, more: int = 1) -> bool:
        """Wait until this life has written so many checkpoints."""
        return self.until(lambda: newest(self.folder) >= self.saved_before + more)

    def until_begun(self) -> bool:
        """Wait until this attempt has begun."""
        return self.until(lambda: checkpoints.attempts(self.output) != self.attempts_before)


def run(
    folder: Path,
    *arguments: str,
    ranks: int = 0,
    way: Way = ROOT,
    prefix: tuple[str, ...] = (),
    noted: bool = False,
    code: int | None = 0,
) -> Life:
    """A life from its start to its end, with the exit code it must have."""
    with Life(folder, *arguments, ranks=ranks, way=way, prefix=prefix, noted=noted) as life:
        ended = life.wait()
        assert code is None or ended == code, life.text
        return life


def gone(pids: list[int]) -> bool:
    """Whether none of these processes is left (dead ones that no one has asked for yet do not count)."""
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in "ZX":
                return False
    return True


def saved(folder: Path) -> list[Path]:
    return checkpoints.numbered(folder / "out")


def newest(folder: Path) -> int:
    """Number of the newest checkpoint; 0 where there is none."""
    paths = saved(folder)
    return int(paths[-1].stem.rpartition("-")[2]) if paths else 0


def bits(folder: Path, complete: bool = True) -> Bits:
    """Type, shape and bytes of every dataset of results.h5."""
    found: Bits = {}

    def take(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = (str(item.dtype), item.shape, item[()].tobytes())

    with reading.opened(folder / "out" / reading.NAME) as file:
        assert bool(file.attrs["complete"]) == complete
        file.visititems(take)
    return found


def same(one: Bits, other: Bits) -> None:
    """Every dataset alike to the last bit."""
    assert set(one) == set(other)
    for name in other:
        assert one[name][:2] == other[name][:2], name
        assert one[name][2] == other[name][2], f"{name} has other bits"


def leftovers(folder: Path) -> list[str]:
    """Whatever lies about half-made."""
    return [path.name for path in (folder / "out").rglob(".*")]


@contextlib.contextmanager
def tmpfs(place: Path, size: str) -> Iterator[Path]:
    """A disk of that size, mounted at `place`."""
    need(os.geteuid() == 0, "root, to mount a tmpfs")
    place.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)], check=False)
    need(done.returncode == 0, "the right to mount a tmpfs")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)
