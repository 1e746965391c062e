"""python benchmarks/checkpoint.py [FOLDER]: checkpoints of N = 1e8 aligned members on 2 ranks, against dd on that disk.

Writing, and reading with verification, through each writer at hand (mpio needs the environment that
tests/provide-parallel-hdf5 makes). In turn with them dd with fsync, and dd from a cold cache by one process and by two:
as many bytes, random ones from memory, each into a new file that then replaces the old, as checkpoints do. WARM rounds
come first, as a virtual disk may be slow with blocks that were never used. Medians of ROUNDS rounds; ratios are of each
round, with the middle half of them. Memory is the peak resident set of a rank in its first checkpoint beyond that
before.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
OPENMPI = Path(os.environ.get("COPYMPI_OPENMPI", f"{sys.prefix}-openmpi"))
MEMBERS, ROUNDS, WARM, DEFAULT_INTERVAL = 10**8, 15, 4, 600.0
ALLOW = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def drop(path: Path) -> None:
    """Have the system forget what it has of a file in memory."""
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(handle)


def timed(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def resident(what: str) -> int:
    """Bytes resident now (VmRSS) or at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(what)).split()[1])


def rank(folder: Path, writer: str) -> None:
    """One rank of the job: prints seconds and bytes."""
    import numpy as np

    from benchmarks.cases import case
    from copympi import mpi
    from copympi.engine.accuracy import Accuracy
    from copympi.engine.clock import record
    from copympi.engine.members import Members
    from copympi.model.preparation import prepare
    from copympi.storage import checkpoint, restart

    comm = mpi.world()
    system, state, duration = case(2)
    start = prepare(system.P, MEMBERS, state, None, None)
    ensemble = Members(comm, system, start, Accuracy(MEMBERS), 1, 1)
    ensemble.begin(record(1, duration))
    for _ in range(30):  # ids in the order of a run that is under way
        ensemble.advance()
    meta = {"attempt": 1, "settings": {}}
    path, raw, new = folder / f"{writer}.h5", folder / "dd", folder / "dd-new"
    noise = Path("/dev/shm") / f"copympi-noise-{os.getpid()}"
    if comm.rank == 0:
        subprocess.run(["head", "-c", str(MEMBERS * 4), "/dev/urandom"], stdout=noise.open("wb"), check=True)
    found: dict[str, Any] = {"write": [], "read": [], "dd write": [], "dd read": [], "dd read 2": []}
    for k in range(WARM + ROUNDS):
        if comm.rank == 0:
            os.sync()
        comm.Barrier()
        if k == 0 and Path("/proc/self/clear_refs").exists():
            Path("/proc/self/clear_refs").write_text("5")  # peak starts anew
        before = resident("VmRSS")
        began = time.perf_counter()
        checkpoint.write(comm, path, ensemble.state(), meta, writer, lambda: None)
        comm.Barrier()
        took = time.perf_counter() - began
        if k == 0:
            memory = np.zeros(comm.size, np.int64)
            memory[comm.rank] = resident("VmHWM") - before
            mpi.total(comm, memory)
        found["write"].append(took)
        size = path.stat().st_size
        if comm.rank == 0:
            os.sync()
            found["dd write"].append(timed("dd", f"if={noise}", f"of={new}", "bs=1M", "conv=fsync"))
            new.replace(raw)
            drop(path)
            drop(raw)
        comm.Barrier()
        began = time.perf_counter()
        read, _ = restart.read(path, comm.size, comm.rank)
        comm.Barrier()
        found["read"].append(time.perf_counter() - began)
        if k == WARM:
            assert np.array_equal(read.ragged["ids"][0], ensemble.ids)
        del read
        if comm.rank == 0:
            found["dd read"].append(timed("dd", f"if={raw}", "of=/dev/null", "bs=1M"))
            drop(raw)
            half = str(-(-size // (2 << 20)))
            began = time.perf_counter()
            both = [
                subprocess.Popen(["dd", f"if={raw}", "of=/dev/null", "bs=1M", f"count={half}", f"skip={skip}"],
                                 stderr=subprocess.DEVNULL) for skip in ("0", half)
            ]  # fmt: skip
            for one in both:
                one.wait()
            found["dd read 2"].append(time.perf_counter() - began)
        comm.Barrier()
    if comm.rank == 0:
        measured = {name: values[WARM:] for name, values in found.items()}
        print(json.dumps({**measured, "size": size, "memory": memory.tolist()}))
        noise.unlink()
        path.unlink()
        raw.unlink()


def measure(folder: Path, writer: str) -> dict[str, Any]:
    mine = Path(sys.prefix) / "bin"
    start = ["mpiexec.openmpi", "--oversubscribe"] if writer == "mpio" else [str(mine / "mpiexec")]
    python = OPENMPI / "bin/python" if writer == "mpio" else mine / "python"
    command = [*start, "-n", "2", str(python), __file__, "--rank", str(folder), writer]
    env = {**os.environ, **ALLOW, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=900)
    return json.loads(done.stdout.strip().splitlines()[-1])


def ratio(theirs: list[float], ours: list[float]) -> str:
    """How many times longer theirs take, round by round: median (quartiles)."""
    low, middle, high = statistics.quantiles((dd / each for dd, each in zip(theirs, ours, strict=True)), n=4)
    return f"{middle:.2f} ({low:.2f} .. {high:.2f})"


def main(folder: Path) -> None:
    print(f"checkpoint of N = {MEMBERS:.0e} aligned members, 2 beables, 2 ranks, medians of {ROUNDS}")
    print("| writer | bytes/member | write | dd fsync | dd/write | read, verify | dd read, 1 / 2 | dd 2/read | "
          "stand-still at 10 min | extra memory, root / other |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    for writer in ("root", "mpio"):
        if writer == "mpio" and not (OPENMPI / "bin/python").exists():
            print(f"| mpio | no {OPENMPI} (tests/provide-parallel-hdf5) |")
            continue
        found = measure(folder, writer)
        each = {name: statistics.median(found[name]) for name in found if name not in ("size", "memory")}
        writing, reading = ratio(found["dd write"], found["write"]), ratio(found["dd read 2"], found["read"])
        root, other = (x / 2**20 for x in found["memory"])
        print(
            f"| {writer} | {found['size'] / MEMBERS:.4f} | {each['write']:.2f} s | {each['dd write']:.2f} s | "
            f"{writing} | {each['read']:.2f} s | {each['dd read']:.2f} / {each['dd read 2']:.2f} s | "
            f"{reading} | "
            f"{each['write'] / DEFAULT_INTERVAL:.2%} | {root:.0f} / {other:.0f} MiB |",
            flush=True,
        )


if __name__ == "__main__":
    sys.path.insert(0, str(REPO))
    if sys.argv[1:2] == ["--rank"]:
        rank(Path(sys.argv[2]), sys.argv[3])
    else:
        with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as place:
            main(Path(place))
