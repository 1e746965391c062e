"""The one loop: an ensemble, a schedule of records, and whoever wants to see them."""

from __future__ import annotations

import time as clock
import warnings
import zlib
from typing import Any

import numpy as np

from copympi import config as configuration
from copympi.config import Config
from copympi.engine import choice, parallel
from copympi.engine.leap import Leap
from copympi.engine.members import Members
from copympi.engine.occupation import Occupation
from copympi.errors import InputError, humane
from copympi.keeper import Keeper
from copympi.model.build import prepared
from copympi.model.preparation import Start, check_memory
from copympi.model.system import System
from copympi.progress import Progress, Silent
from copympi.record import Memory, Plan, Recorder
from copympi.record import Run as Run  # its public place
from copympi.snapshot import Snapshot

CAREFUL_CHANCE, CAREFUL_TURN = 0.05, 0.5
"""A fixed step with larger leaving chances, or in which phases turn further (rad), is warned about."""
FASTEST = 1e50
"""|H|/hbar must stay below: the step's polynomial has its fifth power times sqrt(N), which must be a number."""


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
    comm = parallel.world() if comm is None else comm
    dynamics = {
        "duration": duration, "step": step, "tolerance": tolerance, "leaving_chance": leaving_chance,
        "method": method, "representation": representation, "replicas": replicas, "seed": seed,
    }  # fmt: skip
    output = {"interval": interval, "profile_interval": profile_interval, "summaries": summaries}
    with parallel.together(comm):
        on_node = parallel.part_on_node(comm)
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
            system, start = prepared(system, given, phases, representation)
            check_memory(start, replicas, representation, on_node, alignment is not None, phase_kinds)
        except InputError as bad:
            problem = bad
        _agree_on_input(comm, problem)
        if not parallel.same_everywhere(comm, _digest(system, start, config)):
            raise InputError("arguments", "unlike", "must be the same on every rank (a state drawn without a seed?)")
        if comm.rank == parallel.ROOT:
            warn_about(start, system)
        memory = Memory(Plan(config, system, start).thinned)
        shown = Progress(config, "auto") if progress and comm.rank == parallel.ROOT else Silent()
        last, seconds = run(system, start, config, comm, [memory], shown)
        root = memory.arrays() if comm.rank == parallel.ROOT else {}
        arrays: dict[str, Any] = parallel.from_root(comm, lambda: root)
        steps, largest = parallel.from_root(comm, lambda: (last.steps, last.largest_chance) if last else (0, 0.0))
    known = {name: arrays.pop(name) for name in Run.__dataclass_fields__ if name in arrays}
    return Run(**known, steps=steps, largest_chance=largest, seconds=seconds, measured=arrays)


def _agree_on_input(comm: Any, problem: InputError | None) -> None:
    """An InputError on any rank is one on all."""
    said = parallel.first_text(comm, str(problem) if problem is not None else "")
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


def built(system: System, start: Start, config: Config, comm: Any) -> Members | Occupation:
    """The ensemble of a checked config at t = 0; InputError for what only the engine can refuse. Collective."""
    d, fastest = config.dynamics, system.fastest
    if not fastest < FASTEST:
        why = f"must be below {FASTEST:g} per unit of time; choose other units"
        raise InputError("system.hamiltonian", f"|H|/hbar = {fastest:.3g}", why)
    leap = Leap(start.members, config.interval, d.step, d.tolerance, d.leaving_chance)
    return choice.ensemble(system, start, config, comm, leap)


def run(
    system: System,
    start: Start,
    config: Config,
    comm: Any,
    recorders: list[Recorder],
    progress: Silent,
    keeper: Keeper | None = None,
    ensemble: Members | Occupation | None = None,
) -> tuple[Snapshot | None, float]:
    """Carry an ensemble through all its records. Returns the last snapshot (root alone) and the seconds it took.

    Recorders and progress are used on the root only. `keeper` saves and restores the state where there is one.
    `ensemble` : as `built` makes it, where that has been done.
    An exception that is not alike on all ranks aborts the job.
    """
    try:
        with parallel.together(comm):
            began = clock.perf_counter()
            ensemble = built(system, start, config, comm) if ensemble is None else ensemble
            warn = _StepWarning(config.dynamics.step, system)
            last = _loop(ensemble, config, Plan(config, system, start), recorders, progress, keeper, warn)
            return last, clock.perf_counter() - began
    finally:
        progress.close()


def _loop(
    ensemble: Members | Occupation,
    config: Config,
    plan: Plan,
    recorders: list[Recorder],
    progress: Silent,
    keeper: Keeper | None,
    warn: _StepWarning,
) -> Snapshot | None:
    first, snapshot = 1, None
    if keeper is not None and keeper.found is not None:
        state, meta = keeper.found
        first = int(meta["record"])
        ensemble.restore(state, first)
        keeper.found = None
    else:
        snapshot = _tell(recorders, ensemble, 0, plan, keeper)
        ensemble.begin(first)
    for record in range(first, config.records + 1):
        if record > first:
            ensemble.begin(record)
        _reach_record(ensemble, record, progress, keeper)
        snapshot = _tell(recorders, ensemble, record, plan, keeper)
        if snapshot is not None:
            progress.show(*ensemble.progress)
            warn.look(snapshot.largest_chance, record * config.interval)
    if keeper is not None:
        keeper.close()
    return snapshot


def _reach_record(ensemble: Members | Occupation, record: int, progress: Silent, keeper: Keeper | None) -> None:
    """Steps up to the next record, with looks at the clock and at what ranks wish for in between."""
    more = True
    while more:
        if keeper is not None:
            keeper.control.look(ensemble.wishes, ensemble)
        more = ensemble.advance()
        if progress.due():
            progress.show(*ensemble.progress)
        if keeper is not None:
            keeper.heed(ensemble, record)


def _tell(
    recorders: list[Recorder], ensemble: Members | Occupation, record: int, plan: Plan, keeper: Keeper | None
) -> Snapshot | None:
    """Show the recorders where the ensemble stands. Collective; returns the snapshot on the root."""
    time, snapshot = record * plan.interval, ensemble.snapshot()
    if keeper is not None and plan.apart and plan.profiled(record):
        keeper.profile(ensemble, snapshot, record, plan.number(record), time)
    if snapshot is None:
        return None
    snapshot = plan.measure(record, snapshot)
    for recorder in recorders:
        if keeper is not None:
            keeper.tell(recorder, time, snapshot)
        else:
            recorder.take(time, snapshot)
    return snapshot


class _StepWarning:
    """Says once that a fixed step is long for the chances it leads to, and once that it is for the phases."""

    def __init__(self, step: float | None, system: System) -> None:
        self.step = self.step_of_phases = step
        self.turn = 0.0 if step is None else step * system.spread

    def look(self, chance: float, time: float) -> None:
        if self.step_of_phases is not None and self.turn > CAREFUL_TURN:
            warnings.warn(
                f"dynamics.step = {self.step_of_phases:g} may turn phases by {self.turn:.3g} rad in one step (|H|/hbar "
                f"less the middle of its diagonal, times the step); above {CAREFUL_TURN} results lose accuracy",
                RuntimeWarning,
                stacklevel=5,
            )
            self.step_of_phases = None
        if self.step is not None and chance > CAREFUL_CHANCE:
            warnings.warn(
                f"dynamics.step = {self.step:g} lets a member leave with chance {chance:.3g} in one step "
                f"(by t = {time:g}); above {CAREFUL_CHANCE} results lose accuracy",
                RuntimeWarning,
                stacklevel=5,
            )
            self.step = None


def warn_about(start: Start, system: System) -> None:
    """Say once which beables have weight but no member."""
    if start.unmanned.size:
        named = ", ".join(f"{system.labels[a]} (weight {abs(start.state[a]) ** 2:.3g})" for a in start.unmanned[:5])
        more = f" and {start.unmanned.size - 5} more" if start.unmanned.size > 5 else ""
        warnings.warn(
            f"with {humane(start.members).replace(',', '')} members no one holds beable {named}{more}: "
            "there is nothing to copy, so it will stay empty",
            RuntimeWarning,
            stacklevel=3,
        )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
