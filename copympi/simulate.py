"""copympi.simulate: a run from Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from copympi import mpi
from copympi.config.reading import seconds
from copympi.errors import InputError
from copympi.model.system import System
from copympi.records.memory import Run as Run  # its public place
from copympi.run.carry import Manner, carry_out
from copympi.run.loading import from_results
from copympi.run.loading import load as load
from copympi.run.plan import Job, from_keywords
from copympi.run.settings import fingerprint
from copympi.run.watchdog import Unwatched

PREPARATION = (
    "members", "state", "density", "phase", "packet", "admixture", "basis", "phase_spread", "phases", "phase_kinds",
    "spectators",
)  # fmt: skip
DYNAMICS = (
    "duration", "step", "tolerance", "leaving_chance", "method", "representation", "replicas", "seed",
)  # fmt: skip
OUTPUT = ("interval", "profile_interval", "summaries", "time_unit")
"""Keywords, by the sections of a config that they belong to."""


def simulate(
    system: System | Any,
    *,
    members: int | float,
    duration: float,
    state: Any = None,
    density: Any = None,
    phase: Any = None,
    packet: Any = None,
    admixture: dict[str, Any] | None = None,
    basis: Any = None,
    interval: float | None = None,
    profile_interval: float | None = None,
    summaries: bool | None = None,
    time_unit: str = "",
    step: float | None = None,
    tolerance: float = 1e-4,
    leaving_chance: float = 0.03,
    method: str = "auto",
    representation: str = "members",
    replicas: int = 1,
    seed: int = 1,
    phase_spread: float = 0.0,
    phases: Any = None,
    phase_kinds: int = 64,
    alignment: dict[str, Any] | None = None,
    spectators: int = 0,
    observe: dict[str, Callable[[Any], Any]] | None = None,
    output: str | os.PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    time_budget: str | float | None = None,
    checkpoint: dict[str, Any] | None = None,
    comm: Any = None,
    progress: bool = False,
) -> Run:
    """Copy dynamics (39), (40) of aligned members from Psi = `state`, recorded every `interval` up to `duration`.

    Parameters are those of the config file (README.md lists them), with the same defaults.

    system : System, one that copympi.lattice made too, or anything System accepts.
    state : (P,) complex amplitudes; or density (P,) with phase (P,) radians, Psi = sqrt(rho) exp(-i phase); or packet,
        a table {"centre", "width", "wave_number", "amplitude"} or {"eigenstate", "amplitude"}, or a list of them.
    admixture : {"state": "ground", "uniform" or amplitudes, "weight": 1e-6}, against nodes.
    basis : (P, P) unitary whose columns are the beables to use, or "eigen"; the state is given in those of `system`.
    phase_spread : half width (rad) of a uniform spread of members' phases; or phases (N,), those of all members, in
        order of beables, or the path "FILE.h5:/dataset". In "occupation" a beable then has `phase_kinds` kinds.
    alignment : the keys of [alignment], for the model (42) to (53).
    observe : name -> function of a view (records/view.py: n, phase, coherence, psi, (R, P) each; time; system) that
        gives (R,) or (R, k) real numbers, recorded under that name and found in `measured` of the Run.

    output : a folder. The files there are those of `copympi run`: results.h5, and the checkpoints that the keys of
        `checkpoint` (those of [checkpoint]) ask for. With `resume` a run in it goes on from its newest checkpoint,
        whoever began it, Python or the command line; one that is finished is given back as it is, or goes on to a
        longer `duration`. A finished run is replaced with `overwrite` alone.
    time_budget : "55min", or seconds, after which the run stops; left out, the end of the SLURM job, if there is one.

    comm : an mpi4py communicator; MPI.COMM_WORLD by default. Every rank of it must call.

    Raises InputError for bad input, DynamicsError where the step would have to fall below what the time can resolve,
    and, with `output`, MachineError where files fail and StoppedEarly where the run stopped after a checkpoint: its
    time was up, there was a file STOP in its folder, or a signal came (SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGXCPU; in
    the main thread, and while it runs). Each on every rank alike. Any other exception on one rank ends the whole job.
    """
    asked = dict(locals())
    comm = mpi.world() if comm is None else comm
    sections: dict[str, dict[str, Any]] = {
        name: {key: asked[key] for key in keys}
        for name, keys in (("preparation", PREPARATION), ("dynamics", DYNAMICS), ("output", OUTPUT))
    }
    sections |= {name: asked[name] for name in ("alignment", "checkpoint") if asked[name] is not None}
    with mpi.together(comm):
        job, manner = _agreed(comm, asked, sections)
        outcome = carry_out(comm, job, manner, Unwatched())
        if job.folder is not None:
            return mpi.from_root(comm, lambda: from_results(Path(asked["output"])))
        root = outcome.memory.arrays() if outcome.memory is not None else {}
        arrays: dict[str, Any] = mpi.from_root(comm, lambda: root)
        last = outcome.last
        steps, largest = mpi.from_root(comm, lambda: (last.steps, last.largest_chance) if last else (0, 0.0))
    config = {"system": {"hamiltonian": system}, **sections}
    return Run.of(arrays, steps, largest, outcome.seconds or 0.0, config=config, system=job.system)


def _agreed(comm: Any, asked: dict[str, Any], sections: dict[str, dict[str, Any]]) -> tuple[Job, Manner]:
    """What the arguments ask for, the same on every rank. InputError on all where one refuses, or they are unlike."""
    on_node = mpi.part_on_node(comm)
    problem: InputError | None = None
    try:
        _refuse_without_output(asked)
        job = from_keywords(asked["system"], sections, _folder(asked["output"]), asked["observe"], on_node)
        manner = Manner(
            resume=bool(asked["resume"]),
            overwrite=bool(asked["overwrite"]),
            budget=_budget(asked["time_budget"]),
            quiet=not asked["progress"],
            progress="auto" if asked["progress"] else "none",
        )
    except InputError as bad:
        problem = bad
    said = mpi.first_text(comm, str(problem) if problem is not None else "")
    if problem is not None:
        raise problem
    if said:
        raise InputError("arguments", "unlike", f"another rank refuses its own: {said}")
    if not mpi.same_everywhere(comm, fingerprint(job.settings | {"manner": (manner, str(job.folder))})):
        raise InputError("arguments", "unlike", "must be the same on every rank (a state drawn without a seed?)")
    return job, manner


def _refuse_without_output(asked: dict[str, Any]) -> None:
    for key in ("resume", "overwrite", "time_budget", "checkpoint"):
        if asked["output"] is None and asked[key]:
            raise InputError(key, asked[key], "must go with output, the folder that it is about")


def _folder(output: Any) -> Path | None:
    try:
        return None if output is None else Path(output)
    except TypeError:
        raise InputError("output", output, "must be the path of a folder") from None


def _budget(given: Any) -> float | None:
    given = given.item() if isinstance(given, np.generic) else given
    number = isinstance(given, (int, float)) and not isinstance(given, bool) and 0 < given < float("inf")
    return float(given) if number else None if given is None else seconds(given, "time_budget")
