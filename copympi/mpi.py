"""Ranks: who owns what, who decides, and which MPI library it is. The communicator is always an argument."""

from __future__ import annotations

import os
import sys
import time as clock
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from copympi import cores, last_words, sending, waiting
from copympi.errors import CoresWarning, DynamicsError, InputError, MachineError, StoppedEarly, warn
from copympi.launcher import launched as launched
from copympi.text import out_of_memory
from copympi.traffic import ROOT as ROOT
from copympi.traffic import SAID as SAID
from copympi.traffic import Passage as Passage
from copympi.traffic import Runs as Runs
from copympi.traffic import Traffic as Traffic
from copympi.traffic import all_to_all as all_to_all
from copympi.traffic import exchange as exchange
from copympi.traffic import gather_rows as gather_rows
from copympi.traffic import so_far as so_far
from copympi.waiting import wait as wait

T = TypeVar("T")
LEAVE_WITHIN = 5.0
"""Seconds within which all ranks leave with an error, if all have it."""
MOST_CORES = 8192
"""Of one machine; what is known of others is left out."""


class Alone:
    """A communicator of one process, for a machine without an MPI library."""

    rank, size = 0, 1

    def Barrier(self) -> None: ...

    def Abort(self, code: int = 1) -> None:
        sys.exit(code)


def library() -> Any:
    """mpi4py's MPI module, bound to the MPI that launched this process; None where the machine has no MPI library.

    mpi4py's wheel takes the first libmpi it finds, in this environment first. A process that Open MPI started must
    not load the environment's MPICH: it would abort, or run as N separate ranks 0.
    """
    pmix = "PMIX_RANK" in os.environ and "PMI_RANK" not in os.environ
    if ("OMPI_COMM_WORLD_SIZE" in os.environ or pmix) and "MPI4PY_LIBMPI" not in os.environ:
        os.environ.setdefault("MPI4PY_MPIABI", "openmpi")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of a foreign launcher: world() says so, in one line
            from mpi4py import MPI
    except (ImportError, RuntimeError) as problem:
        count, _ = launched()
        if count > 1:
            raise MachineError(
                f"a launcher started {count} processes, but no MPI library can be loaded "
                f"({str(problem).splitlines()[0]}); load your cluster's MPI module, or: pip install mpich"
            ) from None
        return None
    return MPI


def name() -> str:
    """The MPI library in one word and number, or none."""
    MPI = library()
    if MPI is None:
        return "none"
    vendor, version = MPI.get_vendor()
    return f"{vendor} {'.'.join(map(str, version))}"


def world() -> Any:
    """MPI.COMM_WORLD, named here and nowhere else, after a check that the launcher made one job of its processes."""
    MPI = library()
    comm = Alone() if MPI is None else MPI.COMM_WORLD
    count, _ = launched()
    if count > 1 and comm.size != count:
        raise InputError(
            "launcher",
            f"{count} processes",
            f"each of them sees a job of {comm.size}: the launcher belongs to another MPI than the library "
            "copympi loaded; use the mpiexec of that library, or under SLURM another srun --mpi=",
        )
    return comm


@contextmanager
def on_node(comm: Any) -> Iterator[Any]:
    """A communicator of the ranks that share this rank's memory. Collective."""
    node = comm.Split_type(library().COMM_TYPE_SHARED)
    try:
        yield node
    finally:
        node.Free()


def part_on_node(comm: Any) -> float:
    """Which part of the ranks shares this rank's memory. Collective.

    Where ranks share its cores too, for they are more, the root says so, and from here on waiting leaves them free.
    """
    if comm.size == 1:
        return 1.0
    own = np.zeros(MOST_CORES, np.int64)
    own[[core for core in cores.own() if core < MOST_CORES]] = 1
    with on_node(comm) as node:
        largest(node, own)
        size, known = node.size, int(own.sum())
    few = min(float(known), cores.quota())
    crowded = known > 0 and size > few
    waiting.leave_cores_free(crowded)
    if crowded and comm.rank == ROOT:
        warn(
            f"{size} ranks share {few:.3g} cores of this machine; a rank that waits leaves its core to the others, but "
            "more ranks than cores are never faster",
            CoresWarning,
        )
    return float(size / comm.size)


def share(total: int, size: int, rank: int) -> tuple[int, int]:
    """First and one past last of the units that `rank` of `size` owns: runs of whole units, as even as can be.

    The root has one whenever there is one.
    """
    return -(-total * rank // size), -(-total * (rank + 1) // size)


def from_root(comm: Any, make: Callable[[], T]) -> T:
    """What `make` returns on the root, on every rank; errors meant for the user are raised on every rank alike."""
    box: list[Any] = [None]
    if comm.rank == ROOT:
        try:
            box = [True, make()]
        except (InputError, DynamicsError, MachineError) as problem:  # MachineError: Superseded too
            box = [False, problem]
        except MemoryError as problem:
            box = [False, MachineError(out_of_memory(problem))]
        except OSError as problem:
            box = [False, MachineError(str(problem))]
    if comm.size > 1:
        box = sending.whole(comm, box, ROOT)
    if not box[0]:
        raise box[1]
    return box[1]


def broadcast(comm: Any, values: NDArray[Any], source: int = ROOT) -> None:
    """One rank's values on every rank, in place."""
    sending.values(comm, values, source)


def agree_on_failure(comm: Any, problem: Exception | None) -> None:
    """Raise on every rank the failure of the lowest rank that has one, if any has."""
    text = first_text(comm, str(problem) if problem is not None else "")
    if text:
        raise DynamicsError(text)


@contextmanager
def together(comm: Any) -> Iterator[None]:
    """What goes wrong inside on one rank ends the whole job with that rank's traceback; others would wait for ever.

    Errors that are raised on every rank alike pass.
    """
    try:
        yield
    except (InputError, DynamicsError, MachineError, StoppedEarly, SystemExit):
        raise
    except BaseException as problem:
        short = out_of_memory(problem) if isinstance(problem, MemoryError) else ""
        if comm.size == 1 and short:
            raise MachineError(short) from None
        if comm.size == 1:
            raise
        trace = short or traceback.format_exc()
        last_words.say(f"copympi: rank {comm.rank} failed; the whole job ends\n{trace}")
        comm.Abort(1)
        sys.exit(1)  # MPICH's Abort can return before the launcher's signal comes: say things once


def leave(code: int, said: str) -> None:
    """Before a rank exits with an error: wait for the others to do so too, and end the whole job if they do not.

    What is wrong is as a rule wrong on every rank, and known to each at about the same time. Where it is not (a file
    that one node does not see, another command line) the others would wait for this rank for ever. `said`: what is
    wrong, for the rank that is alone with it.
    """
    if launched()[0] < 2 and "mpi4py.MPI" not in sys.modules:
        return
    try:
        comm = world()
    except (InputError, MachineError):
        return
    if comm.size == 1:
        return
    all_leave, since = comm.Ibarrier(), clock.monotonic()
    while not all_leave.Test():
        if clock.monotonic() > since + LEAVE_WITHIN:
            last_words.say(f"copympi: rank {comm.rank} leaves alone; the whole job ends: {said}")
            comm.Abort(code)
        clock.sleep(0.01)


def same_everywhere(comm: Any, digest: int) -> bool:
    """Whether all ranks have this number, of at most 62 bits."""
    ends = np.array([digest, -digest], np.int64)
    largest(comm, ends)
    return bool(ends[0] == -ends[1])


def first_text(comm: Any, text: str) -> str:
    """The text of the lowest rank that has one, on every rank; empty where none has."""
    if comm.size == 1:
        return text
    first = np.array([-comm.rank if text else -comm.size], np.int64)
    largest(comm, first)
    speaker = -int(first[0])
    return sending.text(comm, text.encode(), speaker).decode() if speaker < comm.size else ""


def all_gather(comm: Any, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every rank's values (K,) on every rank, (size, K)."""
    SAID.note_call(values.nbytes)
    if comm.size == 1:
        return values[None].copy()
    out = np.empty((comm.size, values.size), np.int64)
    waiting.wait(comm.Iallgather(np.ascontiguousarray(values), out))
    return out


def largest(comm: Any, values: NDArray[Any]) -> None:
    """Element by element the largest over ranks, in place."""
    SAID.note_call(values.nbytes)
    if comm.size > 1:
        from mpi4py import MPI

        waiting.wait(comm.Iallreduce(MPI.IN_PLACE, values, op=MPI.MAX))


def total(comm: Any, values: NDArray[np.int64]) -> None:
    """Element by element the sum over ranks, in place; integers only, so that order cannot matter."""
    SAID.note_call(values.nbytes)
    if comm.size > 1:
        from mpi4py import MPI

        waiting.wait(comm.Iallreduce(MPI.IN_PLACE, values, op=MPI.SUM))
