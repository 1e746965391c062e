"""What a study is, and how all of them run: case by case, each on the disk as soon as it is done."""

from __future__ import annotations

import sys
import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from copympi import mpi
from copympi.errors import InputError, StoppedEarly
from copympi.report import tables
from copympi.studies import casefiles, folders, outputs
from copympi.studies.casefiles import Done as Done
from copympi.studies.stopping import Stopping

Arrays = dict[str, NDArray[Any]]
"""What comes out of a case, by name. What has no axis becomes an attribute in the study's file, all else a dataset."""
MOST_SEED = 2**63


class Case(Protocol):
    """One run of a study: `name` for people, `place` its group in NAME.h5, `settings` what its numbers depend on."""

    @property
    def name(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def settings(self) -> dict[str, Any]: ...


def nothing_more(file: Any, answers: Any) -> None:
    """For studies whose file holds their cases alone."""


@dataclass(frozen=True)
class Study:
    """A question, the cases that answer it, and how the answer is shown.

    cases(quick, replicas) -> all cases, in order; replicas None for as many as the study likes.
    run(case, seed, comm) -> Arrays, on all ranks of `comm`; what the root returns is kept.
    datasets : name of an array -> (units, description).
    answers(list of Done, one a case) -> whatever tables and figure are made of.
    rows(answers) -> {table: rows}, each row {column: number, text or (mean, error)}: written as CSV.
    text(answers) -> the tables as one reads them; figure(answers) -> a matplotlib figure.
    attributes : of the whole file; more(file, answers) : adds what else NAME.h5 is to hold, on a writable h5py.File.
    """

    name: str
    asks: str
    cases: Callable[[bool, int | None], Sequence[Any]]
    run: Callable[[Any, int, Any], Arrays]
    datasets: Mapping[str, tuple[str, str]]
    answers: Callable[[list[Done]], Any]
    rows: Callable[[Any], dict[str, list[tables.Row]]]
    text: Callable[[Any], str]
    figure: Callable[[Any], Any]
    attributes: Mapping[str, Any]
    more: Callable[[Any, Any], None] = nothing_more


@dataclass(frozen=True)
class Request:
    """What the command line asks for. Case k draws from seed + k; time_budget in seconds, or None."""

    quick: bool = False
    replicas: int | None = None
    seed: int = 1
    resume: bool = False
    overwrite: bool = False
    time_budget: float | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What must be the same in all attempts at one study."""
        return {"quick": self.quick, "replicas": self.replicas, "seed": self.seed}

    def check(self) -> None:
        """InputError for what no study can do."""
        if self.replicas is not None and self.replicas < 2:
            raise InputError("--replicas", self.replicas, "must be at least 2: errors are estimated from their scatter")
        if not 0 <= self.seed < MOST_SEED:
            raise InputError("--seed", self.seed, "must be a whole number from 0 to 2^63 - 1")


def conduct(comm: Any, study: Study, folder: Path, request: Request) -> int:
    """Run the cases that are still to be done, on all ranks of `comm`; the root then writes the answer and prints it.

    Returns 0. Raises StoppedEarly after a signal, or where time runs out; InputError where `folder` holds other things.
    """
    request.check()
    cases = list(study.cases(request.quick, request.replicas))
    found: dict[int, Done] = {}  # on the root
    missing = mpi.from_root(comm, lambda: _found(study, cases, folder, request, found))
    if missing is None:
        if comm.rank == mpi.ROOT:
            print(f"copympi: {folder} holds this study, finished: nothing to do", file=sys.stderr, flush=True)
        return 0
    began = clock.perf_counter()
    with Stopping(comm, request.time_budget) as stopping:
        for k in missing:
            try:
                arrays, seconds = _one(study, cases[k], request.seed + k, comm, stopping)
            except StoppedEarly as stop:
                done = len(cases) - len(missing) + missing.index(k)
                said = f"{stop}: {done} of {len(cases)} cases of the study are done and stand in {folder}"
                raise StoppedEarly(f"{said}; go on with --resume") from None
            found[k] = Done(cases[k], request.seed + k, arrays, casefiles.provenance(seconds, comm.size))
            _keep(comm, study, folder, request, k, found[k])
            if comm.rank == mpi.ROOT:
                now = clock.perf_counter() - began
                print(f"{k + 1:3} of {len(cases)}: {cases[k].name} ({now:.0f} s)", file=sys.stderr, flush=True)
            else:
                del found[k]
    mpi.from_root(comm, lambda: _report(study, folder, request, [found[k] for k in range(len(cases))], began))
    return 0


def _one(study: Study, case: Any, seed: int, comm: Any, stopping: Stopping) -> tuple[Arrays, float]:
    """What comes out of a case, and seconds; StoppedEarly where it is not to be run, or to be broken off."""
    stopping.before_case()
    with stopping.at_once():
        began = clock.perf_counter()
        return study.run(case, seed, comm), clock.perf_counter() - began


def _found(study: Study, cases: list[Any], folder: Path, request: Request, found: dict[int, Done]) -> list[int] | None:
    """Make the folder ready and take the cases that stand there; the numbers of those that are missing, in order.

    None where the study is finished already.
    """
    if folders.open_folder(folder, study.name, request):
        return None
    for k, case in enumerate(cases):
        done = casefiles.find(folder, study, case, k, request) if request.resume else None
        if done is not None:
            found[k] = done
    if found:
        print(f"copympi: {len(found)} of {len(cases)} cases stand in {folder}", file=sys.stderr, flush=True)
    return [k for k in range(len(cases)) if k not in found]


def _keep(comm: Any, study: Study, folder: Path, request: Request, k: int, done: Done) -> None:
    mpi.from_root(comm, lambda: casefiles.write(folder, study, request, k, done))


def _report(study: Study, folder: Path, request: Request, done: list[Done], began: float) -> None:
    """All files of the answer; the cases' own go last, so that a kill in between loses nothing."""
    answers = study.answers(done)
    paths = outputs.write(study, folder, request.settings, done, answers)
    print(study.text(answers))
    names = ", ".join(dict.fromkeys(path.name if path.suffix != ".csv" else f"{study.name}-*.csv" for path in paths))
    print(f"\n{clock.perf_counter() - began:.0f} s; in {folder}: {names}", flush=True)
    folders.clear_cases(folder)
