"""From a checked config to the method that carries its run, and to the ensemble at t = 0."""

from __future__ import annotations

from typing import Any

from copympi.engine.accuracy import Accuracy
from copympi.engine.ensemble import Ensemble
from copympi.engine.methods import choose
from copympi.engine.momenta import Model
from copympi.engine.support import EXACT, Case, Method
from copympi.model import rule_tables
from copympi.model.preparation import Start
from copympi.model.rule_functions import RuleFunction
from copympi.model.schedule import NOTHING, Schedule
from copympi.model.system import System


def asked(system: System, start: Start, config: Any, schedule: Schedule = NOTHING) -> Case:
    """What a checked config asks for. schedule : in the basis of its beables."""
    d, p, alignment, track = config.dynamics, config.preparation, config.alignment, config.output.track
    model = None if alignment is None else Model(**alignment.model_dump())
    accuracy = Accuracy(start.members, d.step, d.tolerance, d.leaving_chance)
    rule = rule_tables.of(d.rule) if d.rule_read is None else d.rule_read
    rule.fit(system.P)
    if isinstance(rule, RuleFunction) and not start.infinite:
        rule.try_out(system, start.members, d.method == EXACT)
    return Case(
        system,
        start,
        accuracy,
        d.representation,
        d.replicas,
        d.seed,
        p.members,
        p.phases,
        p.phase_kinds,
        model,
        d.method,
        rule,
        schedule.systems,
        track=len(track) if isinstance(track, list) else track or 0,
        guided=d.guide == "schroedinger",
        mixing=d.guide_mixing,
    )


def planned(system: System, start: Start, config: Any, share: float, schedule: Schedule = NOTHING) -> Method:
    """The method of a checked config; InputError where there is none, or where it does not fit into memory."""
    case = asked(system, start, config, schedule)
    method = choose(case)
    method.check_memory(case, share)
    return method


def ensemble(system: System, start: Start, config: Any, comm: Any, schedule: Schedule = NOTHING) -> Ensemble:
    """The ensemble that a checked config asks for, at t = 0; InputError where it cannot follow some H. Collective."""
    case = asked(system, start, config, schedule)
    made = choose(case).make(comm, case)
    for later in case.later:
        made.check(later)
    return made
