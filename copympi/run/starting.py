"""What is to be said of a start before the first step."""

from __future__ import annotations

import numpy as np

from copympi.errors import EmptyBeableWarning, FrozenStartWarning, RuleWarning, ScheduleWarning, StateWarning, warn
from copympi.model import rule_tables
from copympi.model.driven import terms_of
from copympi.model.preparation import Start
from copympi.model.rule_functions import AnyRule
from copympi.model.schedule import NOTHING, Schedule, Switch, called, passing
from copympi.model.system import System, stuck
from copympi.text import humane

MOST_ADMIXED = 0.1
"""Weight up to which an admixture is proposed: with few members it would be another state."""


def warn_about(
    start: Start,
    system: System,
    rule: AnyRule | None = None,
    schedule: Schedule = NOTHING,
    duration: float = np.inf,
    guided: bool = False,
) -> None:
    """Say once which beables have weight but no member, that nothing can ever move, or not some part, what is odd about
    a copy rule, and what the schedule has for times that the run does not reach. guided : whether members are guided by
    Schroedinger's wavefunction, so that whoever copies whom is of no account."""
    for caution in rule_tables.cautions(rule, start.members) if rule is not None else ():
        warn(caution, RuleWarning)
    late = [entry for entry in schedule if entry.at >= duration * (1 - 1e-9)]
    if late:
        more = f", nor what comes after it ({len(late)} in all)" if len(late) > 1 else ""
        what = f"{called(late[0])}.at = {late[0].at:g} is not before dynamics.duration = {duration:g}"
        warn(f"{what}: this run does not come to it{more}; a longer one does", ScheduleWarning)
    if start.norm != 1.0:
        what = f"the state's sum of |Psi|^2 is {start.norm:.9g}, off by rounding: it was normalised"
        warn(f"{what} (preparation.normalise = true says so without this note)", StateWarning)
    if guided:
        return
    if stuck(start.counts, (system, *schedule.systems)):
        warn(frozen(start, system), FrozenStartWarning)
    else:
        _warn_of_parts(start, system, schedule)
        _warn_of_filters(start, system, schedule, duration)
    if start.unmanned.size:
        named = ", ".join(f"{system.labels[a]} (weight {abs(start.state[a]) ** 2:.3g})" for a in start.unmanned[:5])
        more = f" and {start.unmanned.size - 5} more" if start.unmanned.size > 5 else ""
        warn(
            f"with {humane(start.number).replace(',', '')} members no one holds beable {named}{more}: "
            "there is nothing to copy, so it will stay empty",
            EmptyBeableWarning,
        )


def _warn_of_parts(start: Start, system: System, schedule: Schedule) -> None:
    """Say which parts of a composite nothing can ever move, though H would: all members hold one beable of theirs."""
    parts = system.parts
    if parts is None or len(parts) < 2:
        return
    held = np.flatnonzero(start.counts)
    digits = np.unravel_index(held, parts.dims)
    alone = {k: int(own[0]) for k, own in enumerate(digits) if parts.dims[k] > 1 and np.all(own == own[0])}
    stuck_in: dict[int, int] = {}
    for each in {id(one): one for H in (system, *schedule.systems) for one in terms_of(H)}.values() if alone else ():
        to = np.unravel_index(each.frequencies[held].indices, parts.dims)  # System leaves no zeros in H
        stuck_in |= {k: a for k, a in alone.items() if np.any(to[k] != a)}
    if stuck_in:
        named = "; ".join(f"part {parts[k].name} is in {parts[k].labels[a]!r}" for k, a in sorted(stuck_in.items())[:3])
        more = f" (and {len(stuck_in) - 3} more such parts)" if len(stuck_in) > 3 else ""
        warn(
            f"{named} in all members{more}: H would move it, but nobody has another of its beables to copy. Give it "
            "weight on others in preparation.parts, or some everywhere: preparation.spectators, preparation.admixture",
            FrozenStartWarning,
        )


def _warn_of_filters(start: Start, system: System, schedule: Schedule, duration: float) -> None:
    """Say from which filter on nothing can ever move, though H couples those who stay to beables that are empty."""
    held, H = np.asarray(start.counts) > 0, system
    for k, entry in enumerate(schedule.entries):
        if isinstance(entry, Switch):
            H = entry.system
            continue
        held = held & passing(entry, system.P)
        later = [one.system for one in schedule.entries[k + 1 :] if isinstance(one, Switch)]
        to_come = [H, *later] if not later or schedule.entries[k + 1].at > entry.at else later
        if entry.at < duration and stuck(held, to_come):
            why = "H leads those whom the filter leaves to empty beables alone, and there is nobody to copy"
            warn(f"{called(entry)}: nothing can move from t = {entry.at:g} on: {why}", ScheduleWarning)
            return


def frozen(start: Start, system: System) -> str:
    """What to say of a start from which nothing can ever move, and what helps."""
    held, enough = np.flatnonzero(start.counts), max(1e-6, 20 * system.P / start.number)  # some 20 members a beable
    more = enough <= MOST_ADMIXED
    named = ", ".join(str(system.labels[a]) for a in held[:3]) + (", ..." if held.size > 3 else "")
    weight = f"{enough:.0e}".replace("e-0", "e-")
    admixed = f'preparation.admixture = {{state = "uniform", weight = {weight}}} (some weight everywhere), '
    return (
        f"nothing can ever move: all members hold beable{'s' * (held.size > 1)} {named}, none of whose neighbours in H "
        "has a member to copy. To let them move: preparation.spectators = 1 (a pinned member in each beable)"
        f"{', ' + admixed if more else ' '}or preparation.basis (other beables, in which no occupation is zero)"
    )
