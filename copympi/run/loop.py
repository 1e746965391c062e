"""The one loop: an ensemble, a schedule of records, and whoever wants to see them."""

from __future__ import annotations

import time as clock
from typing import Any

import numpy as np

from copympi import mpi
from copympi.config.reading import Config
from copympi.engine import assembly
from copympi.engine import clock as stops
from copympi.engine.clock import Stop, StopKind
from copympi.engine.ensemble import Ensemble, State
from copympi.engine.trackable import ROWS
from copympi.engine.tracking import Jumps
from copympi.errors import InputError, ScheduleWarning, StepWarning, warn
from copympi.model.preparation import Start
from copympi.model.schedule import NOTHING, Filter, Schedule, Switch, called
from copympi.model.system import System
from copympi.records import histories
from copympi.records.plan import Plan, Record, Recorder
from copympi.run.checkpoints import Checkpoints
from copympi.run.progress import Silent
from copympi.run.stopping import STOP

CAREFUL_CHANCE, CAREFUL_TURN = 0.05, 0.5
"""A fixed step with larger leaving chances, or in which phases turn further (rad), is warned about."""
FASTEST = 1e50
"""|H|/hbar must stay below: the step's polynomial has its fifth power times sqrt(N), which must be a number."""


def built(system: System, start: Start, config: Config, comm: Any, schedule: Schedule = NOTHING) -> Ensemble:
    """The ensemble of a checked config at t = 0; InputError for what only the engine can refuse. Collective."""
    for each in (system, *schedule.systems):
        fastest = each.fastest
        if not fastest < FASTEST:
            key = "system.hamiltonian" if each is system else "schedule"
            why = f"must be below {FASTEST:g} per unit of time; choose other units"
            raise InputError(key, f"|H|/hbar = {fastest:.3g}", why)
    return assembly.ensemble(system, start, config, comm, schedule)


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
            watch = _StepWatch(plan.config.dynamics.step, plan)
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
    table, number, last = plan.timetable, 1, None
    end = table.number(plan.records)
    if checkpoints is not None and checkpoints.found is not None:
        number = _go_on(ensemble, plan, *checkpoints.found, end)
        checkpoints.found = None
    else:
        last = _tell(recorders, ensemble, stops.START, plan, checkpoints)
        ensemble.begin(table.stop(number))
    if number > end:  # it goes on from its own end, which it did not come to note
        last = plan.take(ensemble, plan.records, filed=True)
    while number <= end:
        stop = ensemble.stop
        _reach(ensemble, plan, recorders, progress, checkpoints)
        if stop.kind is StopKind.RECORD:
            last = _tell(recorders, ensemble, stop, plan, checkpoints)
            if last is not None:
                progress.show(*ensemble.progress)
                watch.look(last.largest_chance, stop.time)
        number += 1
        if number <= end:
            carry_out(ensemble, plan.schedule, stop)
            ensemble.begin(table.stop(number))
    if checkpoints is not None:
        checkpoints.close()
    return last


def carry_out(ensemble: Ensemble, schedule: Schedule, stop: Stop, again: bool = False) -> None:
    """What the schedule has for a stop that was reached. Collective.

    again : on the way to a checkpoint's state, in which whoever left by a filter is missing already.
    """
    for k in stop.entries:
        entry = schedule.entries[k]
        if isinstance(entry, Switch):
            ensemble.switch(entry.system)
        elif not again:
            ensemble.keep(entry.beables)
            _warn_of_none_left(ensemble, entry)


def _warn_of_none_left(ensemble: Ensemble, entry: Filter) -> None:
    """Say in how many replicas a filter has left nobody. Collective."""
    rows = ensemble.layout.to_root(ensemble.comm, ensemble.deserted.astype(np.int64)[:, None])
    empty, R = (0, 1) if rows is None else (int(rows.sum()), len(rows))
    if empty:
        where = "" if R == 1 else f" in {empty:,} of {R:,} replicas"
        what = f"{called(entry)}: the filter at t = {entry.at:g} leaves no member{where}"
        warn(f"{what}: what is recorded from there on is n = 0", ScheduleWarning)


def _go_on(ensemble: Ensemble, plan: Plan, state: State, meta: dict[str, Any], end: int) -> int:
    """Put the ensemble where a checkpoint left it, in the H of that time: the number of the stop ahead. Collective.

    Where the checkpoint was left at the end of a run (`pending`), what the schedule has for that time is still to come,
    and may be something else by now.
    """
    table, pending = plan.timetable, bool(meta.get("pending"))
    number = int(meta.get("stop", meta["record"]))
    if pending:
        number = table.number(int(meta["record"]) - 1) + 1
    for stop in table.eventful(number - 1 if pending else number):
        ensemble.begin(stop)
        carry_out(ensemble, plan.schedule, stop, again=True)
    ensemble.restore(state, table.stop(number))
    if pending and number <= end:
        ensemble.begin(table.stop(number - 1))
        carry_out(ensemble, plan.schedule, table.stop(number - 1))
    if pending:
        ensemble.begin(table.stop(number))
    return number


def _reach(
    ensemble: Ensemble, plan: Plan, recorders: list[Recorder], progress: Silent, checkpoints: Checkpoints | None
) -> None:
    """Steps up to the next stop, with looks at the clock and at what ranks ask for in between."""
    more = True
    while more:
        if checkpoints is not None:
            checkpoints.control.look(ensemble)
        if plan.track is not None:
            ensemble.ask_for_room()
        more = ensemble.advance()
        if more and ensemble.requested[ROWS] and not ensemble.requested[STOP]:
            _tell_copies(recorders, ensemble, ensemble.take_final(), checkpoints)
        if progress.due():
            progress.show(*ensemble.progress)
        if checkpoints is not None:
            checkpoints.serve(ensemble)


def _tell(
    recorders: list[Recorder], ensemble: Ensemble, stop: Stop, plan: Plan, checkpoints: Checkpoints | None
) -> Record | None:
    """Show the recorders where the ensemble stands. Collective; returns the record on the root."""
    if plan.track is not None:
        _tell_copies(recorders, ensemble, ensemble.take_jumps(), checkpoints)
    taken = plan.take(ensemble, stop.record, filed=checkpoints is not None)
    if checkpoints is not None and plan.split_files and plan.profiled(stop.record):
        checkpoints.profile(plan, ensemble, taken, stop.record)
    if taken is None:
        return None
    for recorder in recorders:
        if checkpoints is not None:
            checkpoints.tell(recorder, stop.time, taken)
        else:
            recorder.take(stop.time, taken)
    return taken


def _tell_copies(recorders: list[Recorder], ensemble: Ensemble, own: Jumps, checkpoints: Checkpoints | None) -> None:
    """Show the recorders what members that are followed did, as far as that is known for good. Collective."""
    histories.to_root(ensemble.comm, own, lambda jumps: _follow(recorders, jumps, checkpoints))


def _follow(recorders: list[Recorder], jumps: Jumps, checkpoints: Checkpoints | None) -> None:
    """Give the recorders copies of members that are followed."""
    for recorder in recorders:
        if checkpoints is not None:
            checkpoints.tell_copies(recorder, jumps)
        else:
            recorder.follow(jumps)


class _StepWatch:
    """Says once that a fixed step is long for the chances it leads to, and once that it is for the phases."""

    def __init__(self, step: float | None, plan: Plan) -> None:
        self.step = self.step_of_phases = step
        systems = (plan.system, *plan.schedule.systems)
        self.turn = 0.0 if step is None else step * max(system.spread for system in systems)

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
