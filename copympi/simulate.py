"""copympi.simulate: a run from Python."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from copympi import mpi
from copympi.config import reading as configuration
from copympi.config.reading import Config
from copympi.engine import methods
from copympi.errors import InputError
from copympi.model.build import prepared
from copympi.model.preparation import Start
from copympi.model.system import System
from copympi.records.memory import Memory
from copympi.records.memory import Run as Run  # its public place
from copympi.records.plan import Plan
from copympi.run.loop import run, warn_about
from copympi.run.progress import Progress, Silent


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
    step: float | None = None,
    tolerance: float = 1e-4,
    leaving_chance: float = 0.03,
    method: str = "leap",
    representation: str = "members",
    replicas: int = 1,
    seed: int = 1,
    phase_spread: float = 0.0,
    phases: Any = None,
    phase_kinds: int = 64,
    alignment: dict[str, Any] | None = None,
    spectators: int = 0,
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
        order of beables. In "occupation" a beable then has `phase_kinds` kinds of members.
    alignment : the keys of [alignment], for the model (42) to (53).
    comm : an mpi4py communicator; MPI.COMM_WORLD by default. Every rank of it must call.

    Raises InputError for bad input and DynamicsError where the step would have to fall below what the time can
    resolve, on every rank alike. Any other exception on one rank ends the whole job.
    """
    comm = mpi.world() if comm is None else comm
    dynamics = {
        "duration": duration, "step": step, "tolerance": tolerance, "leaving_chance": leaving_chance,
        "method": method, "representation": representation, "replicas": replicas, "seed": seed,
    }  # fmt: skip
    output = {"interval": interval, "profile_interval": profile_interval, "summaries": summaries}
    with mpi.together(comm):
        on_node = mpi.part_on_node(comm)
        problem: InputError | None = None
        try:
            system = system if isinstance(system, System) else System(system)
            config = configuration.check(
                {
                    "system": {"hamiltonian": system, "hbar": system.hbar},
                    "preparation": {
                        "members": members,
                        "phase_spread": _plain(phase_spread),
                        "phases": phases,
                        "phase_kinds": phase_kinds,
                        "spectators": spectators,
                    },
                    "dynamics": {key: _plain(value) for key, value in dynamics.items()},
                    "output": {key: _plain(value) for key, value in output.items()},
                    **({} if alignment is None else {"alignment": alignment}),
                }
            )
            own = {"state": state, "density": density, "phase": phase}
            own |= {"packet": packet, "admixture": admixture, "basis": basis}
            given = config.preparation.model_copy(update=own)
            system, start = prepared(system, given, phases)
            methods.planned(system, start, config, on_node)
        except InputError as bad:
            problem = bad
        _agree_on_input(comm, problem)
        if not mpi.same_everywhere(comm, _digest(system, start, config)):
            raise InputError("arguments", "unlike", "must be the same on every rank (a state drawn without a seed?)")
        if comm.rank == mpi.ROOT:
            warn_about(start, system)
        plan = Plan(config, system, start)
        memory = Memory(plan)
        shown = Progress(config, "auto") if progress and comm.rank == mpi.ROOT else Silent()
        last, seconds = run(system, start, config, comm, [memory], shown, plan=plan)
        root = memory.arrays() if comm.rank == mpi.ROOT else {}
        arrays: dict[str, Any] = mpi.from_root(comm, lambda: root)
        steps, largest = mpi.from_root(comm, lambda: (last.steps, last.largest_chance) if last else (0, 0.0))
    return Run.of(arrays, steps, largest, seconds)


def _agree_on_input(comm: Any, problem: InputError | None) -> None:
    """An InputError on any rank is one on all."""
    said = mpi.first_text(comm, str(problem) if problem is not None else "")
    if problem is not None:
        raise problem
    if said:
        raise InputError("arguments", "unlike", f"another rank refuses its own: {said}")


def _digest(system: System, start: Start, config: Config) -> int:
    """One number for all that a run depends on."""
    W = system.frequencies
    own = [] if start.phases is None else [np.asarray(start.phases)]
    parts = [W.data, W.indices.astype(np.int64), W.indptr.astype(np.int64), start.counts, start.phase, *own]
    text = repr(sorted(config.settings().items())).encode()
    return zlib.crc32(b"".join([*(np.ascontiguousarray(part).tobytes() for part in parts), text]))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
