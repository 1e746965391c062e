"""`copympi check`: does this machine have what a run needs? One line each, by really doing it."""

from __future__ import annotations

import os
import tempfile
import time as clock
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from copympi import mpi
from copympi.engine.arithmetic import cpus_alike
from copympi.errors import MachineError


def check(comm: Any) -> bool:
    """Test the machine on every rank of `comm`; the root prints. True where all is well, on every rank alike."""
    tests: list[tuple[str, Callable[[Any], str]]] = [
        ("MPI library", _library),
        ("ranks connected", _connected),
        ("Allreduce", _allreduce),
        ("same arithmetic", _arithmetic),
        ("HDF5", _hdf5),
        ("clock", _clock),
    ]
    fine = True
    for name, test in tests:
        try:
            verdict, failed = test(comm), 0
        except Exception as problem:
            verdict, failed = f"{type(problem).__name__}: {' '.join(str(problem).split())}", 1
        state = np.array([failed], np.int64)
        mpi.largest(comm, state)
        if failed and comm.rank != mpi.ROOT:
            print(f"  failed  {name} on rank {comm.rank}: {verdict}", flush=True)
        elif comm.rank == mpi.ROOT:
            elsewhere = "failed on another rank" if state[0] and not failed else verdict
            print(f"  {'failed' if state[0] else 'ok':<6}  {name}: {elsewhere}", flush=True)
        fine = fine and not state[0]
    return fine


def _library(comm: Any) -> str:
    MPI = mpi.library()
    if MPI is None:
        return "none found: one process only (pip install mpich, or load your cluster's module)"
    return f"{mpi.name()}, MPI {MPI.VERSION}.{MPI.SUBVERSION}"


def _connected(comm: Any) -> str:
    token = np.array([comm.rank], np.int64)
    if comm.size > 1:
        comm.Sendrecv_replace(token, dest=(comm.rank + 1) % comm.size, source=(comm.rank - 1) % comm.size)
    if token[0] != (comm.rank - 1) % comm.size:
        raise RuntimeError(f"expected word from rank {(comm.rank - 1) % comm.size}, got {token[0]}")
    return f"{comm.size} of {mpi.launched()[0]}" if comm.size > 1 else "1 rank (try mpiexec -n 2 copympi check)"


def _allreduce(comm: Any) -> str:
    values = np.full(100_000, comm.rank + (1 << 53), np.int64)
    began = clock.perf_counter()
    mpi.total(comm, values)
    exact = comm.size * (1 << 53) + comm.size * (comm.size - 1) // 2
    if not np.all(values == exact):
        raise RuntimeError(f"sum is {values[0]}, not {exact}")
    seconds = clock.perf_counter() - began
    small, repeats = np.zeros(16, np.int64), 200
    began = clock.perf_counter()
    for _ in range(repeats):
        mpi.total(comm, small)
    each = (clock.perf_counter() - began) / repeats
    return f"int64 sums exact; 16 numbers in {each * 1e6:.1f} us, 100,000 in {seconds * 1e3:.2f} ms"


def _arithmetic(comm: Any) -> str:
    if cpus_alike(comm):
        return "all ranks compute the same bits"
    return "ranks have unlike CPUs; the root's plan of each step will be sent to them"


def _hdf5(comm: Any) -> str:
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check.h5"
        with h5py.File(path, "w") as file:
            file["x"] = np.arange(1000)
        with h5py.File(path, "r") as file:
            if not np.array_equal(file["x"][()], np.arange(1000)):
                raise RuntimeError("reads back other values than were written")
    version = f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}"
    if not h5py.get_config().mpi:
        return f"serial ({version}); written and read back"
    shared = mpi.from_root(comm, _shared_file)
    problem = ""
    try:
        problem = _parallel_round_trip(comm, shared)
    finally:
        if comm.rank == mpi.ROOT:
            Path(shared).unlink(missing_ok=True)
    if problem:
        raise RuntimeError(problem)
    return f"parallel ({version}); every rank wrote and read back"


def _shared_file() -> str:
    try:
        handle, name = tempfile.mkstemp(suffix=".h5", dir=Path.cwd())
        os.close(handle)
    except OSError as problem:
        raise MachineError(f"the working folder cannot be written: {problem.strerror}") from None
    return name


def _parallel_round_trip(comm: Any, path: str) -> str:
    """Write and read one number a rank, collectively; what went wrong on any rank, on all of them."""
    import h5py

    def attempt(mode: str, act: Callable[[Any], str]) -> str:
        try:
            file = h5py.File(path, mode, driver="mpio", comm=comm)
            opened = ""
        except (OSError, RuntimeError) as error:
            opened = str(error)
        said = mpi.first_text(comm, opened)
        if not said:
            try:
                said = act(file)
                file.close()
            except (OSError, RuntimeError) as error:
                said = str(error)
            said = mpi.first_text(comm, said)
        return said

    def write(file: Any) -> str:
        data = file.create_dataset("x", (comm.size,), "i8")
        with data.collective:
            data[comm.rank : comm.rank + 1] = comm.rank
        return ""

    def read(file: Any) -> str:
        return (
            "" if np.array_equal(file["x"][()], np.arange(comm.size)) else "reads back other values than were written"
        )

    return attempt("w", write) or attempt("r", read)


def _clock(comm: Any) -> str:
    resolution = clock.get_clock_info("perf_counter").resolution
    first = clock.perf_counter()
    clock.sleep(0.01)
    if not 0.009 < clock.perf_counter() - first < 5.0:
        raise RuntimeError("a pause of 10 ms did not last 10 ms")
    return f"monotonic, resolution {resolution:.0e} s, now {clock.strftime('%Y-%m-%d %H:%M:%S %Z')}"
