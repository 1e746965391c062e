"""The one loop: an ensemble, a schedule of records, and whoever wants to see them."""

from __future__ import annotations

import time as clock
from typing import Any

from copympi import mpi
from copympi.config.reading import Config
from copympi.engine import methods
from copympi.engine.accuracy import Accuracy
from copympi.engine.counts import Counts
from copympi.engine.members import Members
from copympi.errors import EmptyBeableWarning, InputError, StepWarning, warn
from copympi.model.preparation import Start
from copympi.model.system import System
from copympi.records.plan import Plan, Record, Recorder
from copympi.run.checkpoints import Checkpoints
from copympi.run.plan import Job
from copympi.run.progress import Silent
from copympi.text import humane

CAREFUL_CHANCE, CAREFUL_TURN = 0.05, 0.5
"""A fixed step with larger leaving chances, or in which phases turn further (rad), is warned about."""
FASTEST = 1e50
"""|H|/hbar must stay below: the step's polynomial has its fifth power times sqrt(N), which must be a number."""


def built(system: System, start: Start, config: Config, comm: Any) -> Members | Counts:
    """The ensemble of a checked config at t = 0; InputError for what only the engine can refuse. Collective."""
    d, fastest = config.dynamics, system.fastest
    if not fastest < FASTEST:
        why = f"must be below {FASTEST:g} per unit of time; choose other units"
        raise InputError("system.hamiltonian", f"|H|/hbar = {fastest:.3g}", why)
    leap = Accuracy(start.members, config.interval, d.step, d.tolerance, d.leaving_chance)
    return methods.ensemble(system, start, config, comm, leap)


def run(
    ensemble: Members | Counts,
    job: Job,
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
            watch = _StepWatch(job.config.dynamics.step, job.system)
            last = _loop(ensemble, plan, recorders, progress, checkpoints, watch)
            return last, clock.perf_counter() - began
    finally:
        progress.close()


def _loop(
    ensemble: Members | Counts,
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
        ensemble.restore(state, first)
        checkpoints.found = None
    else:
        last = _tell(recorders, ensemble, 0, plan, checkpoints)
        ensemble.begin(first)
    for record in range(first, plan.records + 1):
        if record > first:
            ensemble.begin(record)
        _reach_record(ensemble, record, progress, checkpoints)
        last = _tell(recorders, ensemble, record, plan, checkpoints)
        if last is not None:
            progress.show(*ensemble.progress)
            watch.look(last.largest_chance, record * plan.interval)
    if first > plan.records:  # it goes on from its own end, which it did not come to note
        last = plan.take(ensemble, plan.records)
    if checkpoints is not None:
        checkpoints.close()
    return last


def _reach_record(ensemble: Members | Counts, record: int, progress: Silent, checkpoints: Checkpoints | None) -> None:
    """Steps up to the next record, with looks at the clock and at what ranks ask for in between."""
    more = True
    while more:
        if checkpoints is not None:
            checkpoints.control.look(ensemble.wishes, ensemble)
        more = ensemble.advance()
        if progress.due():
            progress.show(*ensemble.progress)
        if checkpoints is not None:
            checkpoints.serve(ensemble, record)


def _tell(
    recorders: list[Recorder], ensemble: Members | Counts, record: int, plan: Plan, checkpoints: Checkpoints | None
) -> Record | None:
    """Show the recorders where the ensemble stands. Collective; returns the record on the root."""
    time, taken = record * plan.interval, plan.take(ensemble, record)
    if checkpoints is not None and plan.split_files and plan.profiled(record):
        checkpoints.profile(plan, ensemble, taken, record)
    if taken is None:
        return None
    for recorder in recorders:
        if checkpoints is not None:
            checkpoints.tell(recorder, time, taken)
        else:
            recorder.take(time, taken)
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


def warn_about(start: Start, system: System) -> None:
    """Say once which beables have weight but no member."""
    if start.unmanned.size:
        named = ", ".join(f"{system.labels[a]} (weight {abs(start.state[a]) ** 2:.3g})" for a in start.unmanned[:5])
        more = f" and {start.unmanned.size - 5} more" if start.unmanned.size > 5 else ""
        warn(
            f"with {humane(start.members).replace(',', '')} members no one holds beable {named}{more}: "
            "there is nothing to copy, so it will stay empty",
            EmptyBeableWarning,
        )
