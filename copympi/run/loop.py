"""The one loop: an ensemble, a schedule of records, and whoever wants to see them."""

from __future__ import annotations

import time as clock
from typing import Any

from copympi import mpi
from copympi.config.reading import Config
from copympi.engine import clock as stops
from copympi.engine import methods
from copympi.engine.clock import Stop
from copympi.engine.ensemble import Ensemble
from copympi.errors import InputError, StepWarning, warn
from copympi.model.preparation import Start
from copympi.model.system import System
from copympi.records.plan import Plan, Record, Recorder
from copympi.run.checkpoints import Checkpoints
from copympi.run.progress import Silent

CAREFUL_CHANCE, CAREFUL_TURN = 0.05, 0.5
"""A fixed step with larger leaving chances, or in which phases turn further (rad), is warned about."""
FASTEST = 1e50
"""|H|/hbar must stay below: the step's polynomial has its fifth power times sqrt(N), which must be a number."""


def built(system: System, start: Start, config: Config, comm: Any) -> Ensemble:
    """The ensemble of a checked config at t = 0; InputError for what only the engine can refuse. Collective."""
    fastest = system.fastest
    if not fastest < FASTEST:
        why = f"must be below {FASTEST:g} per unit of time; choose other units"
        raise InputError("system.hamiltonian", f"|H|/hbar = {fastest:.3g}", why)
    return methods.ensemble(system, start, config, comm)


def run(
    ensemble: Ensemble,
    plan: Plan,
    recorders: list[Recorder],
    progress: Silent,
    checkpoints: Checkpoints | None = None,
) -> tuple[Record | None, float]:
    """Carry an ensemble through all its records. Returns the last record (root alone) and the seconds it took.

    Recorders and progress are used on the root only. `checkpoints` save and restore the state where there are any.
    An exception that is not alike on all ranks aborts the job.
    """
    try:
        with mpi.together(ensemble.comm):
            began = clock.perf_counter()
            watch = _StepWatch(plan.config.dynamics.step, plan.system)
            last = _loop(ensemble, plan, recorders, progress, checkpoints, watch)
            return last, clock.perf_counter() - began
    finally:
        progress.close()


def _loop(
    ensemble: Ensemble,
    plan: Plan,
    recorders: list[Recorder],
    progress: Silent,
    checkpoints: Checkpoints | None,
    watch: _StepWatch,
) -> Record | None:
    first, last = 1, None
    if checkpoints is not None and checkpoints.found is not None:
        state, meta = checkpoints.found
        first = int(meta["record"])
        ensemble.restore(state, stops.record(first, plan.interval))
        checkpoints.found = None
    else:
        last = _tell(recorders, ensemble, stops.START, plan, checkpoints)
        ensemble.begin(stops.record(first, plan.interval))
    for stop in stops.records(plan.interval, first, plan.records):
        if stop.number > first:
            ensemble.begin(stop)
        _reach(ensemble, progress, checkpoints)
        last = _tell(recorders, ensemble, stop, plan, checkpoints)
        if last is not None:
            progress.show(*ensemble.progress)
            watch.look(last.largest_chance, stop.time)
    if first > plan.records:  # it goes on from its own end, which it did not come to note
        last = plan.take(ensemble, plan.records)
    if checkpoints is not None:
        checkpoints.close()
    return last


def _reach(ensemble: Ensemble, progress: Silent, checkpoints: Checkpoints | None) -> None:
    """Steps up to the next stop, with looks at the clock and at what ranks ask for in between."""
    more = True
    while more:
        if checkpoints is not None:
            checkpoints.control.look(ensemble)
        more = ensemble.advance()
        if progress.due():
            progress.show(*ensemble.progress)
        if checkpoints is not None:
            checkpoints.serve(ensemble)


def _tell(
    recorders: list[Recorder], ensemble: Ensemble, stop: Stop, plan: Plan, checkpoints: Checkpoints | None
) -> Record | None:
    """Show the recorders where the ensemble stands. Collective; returns the record on the root."""
    taken = plan.take(ensemble, stop.number)
    if checkpoints is not None and plan.split_files and plan.profiled(stop.number):
        checkpoints.profile(plan, ensemble, taken, stop.number)
    if taken is None:
        return None
    for recorder in recorders:
        if checkpoints is not None:
            checkpoints.tell(recorder, stop.time, taken)
        else:
            recorder.take(stop.time, taken)
    return taken


class _StepWatch:
    """Says once that a fixed step is long for the chances it leads to, and once that it is for the phases."""

    def __init__(self, step: float | None, system: System) -> None:
        self.step = self.step_of_phases = step
        self.turn = 0.0 if step is None else step * system.spread

    def look(self, chance: float, time: float) -> None:
        if self.step_of_phases is not None and self.turn > CAREFUL_TURN:
            warn(
                f"dynamics.step = {self.step_of_phases:g} may turn phases by {self.turn:.3g} rad in one step (|H|/hbar "
                f"less the middle of its diagonal, times the step); above {CAREFUL_TURN} results lose accuracy",
                StepWarning,
            )
            self.step_of_phases = None
        if self.step is not None and chance > CAREFUL_CHANCE:
            warn(
                f"dynamics.step = {self.step:g} lets a member leave with chance {chance:.3g} in one step "
                f"(by t = {time:g}); above {CAREFUL_CHANCE} results lose accuracy",
                StepWarning,
            )
            self.step = None
