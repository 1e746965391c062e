"""Arguments that do not fit are a ValueError (or TypeError) of every kernel's public function, never a wild pointer.

Each function is called with right arguments, then again and again with one of them wrong: None, of another type, of
another length along each axis, not contiguous, of another system; and with indices that lead out of their arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.kernels import (
    copies,
    counts,
    draws,
    events,
    exact,
    exact_phases,
    excess,
    field_plans,
    fields,
    general,
    general_copies,
    general_counts,
    general_exact,
    general_phase_events,
    general_phases,
    general_plans,
    lineages,
    members,
    momenta,
    phase_classes,
    phase_paths,
    phases,
    proposals,
    single,
    streams,
)
from copympi.kernels.classes import Classes
from copympi.kernels.couplings import Couplings
from copympi.kernels.crowd import Crowd
from copympi.kernels.flows import Scratch, half_step
from copympi.kernels.plans import FieldPlans, StepPlans
from copympi.kernels.step_control import StepControl
from copympi.model.system import System

R, P, K, M, U = 2, 3, 4, 12, 2
"""Replicas, beables, phase classes, members, units: a block of six members for each replica."""
H = [[0.1, 0.5, 0.2j], [0.5, -0.1, 0.0], [-0.2j, 0.0, 0.3]]
C = System(H).couplings
OTHER = System(np.ones((P + 1, P + 1))).couplings
NNZ = C.entries
CONTROL = Accuracy(6, step=0.01).control(record(1, 1.0))
Call = tuple[Callable[..., Any], dict[str, Any]]


def i64(*shape: int, value: int = 0) -> Any:
    return np.full(shape, value, np.int64)


def real(*shape: int, value: float = 0.0) -> Any:
    return np.full(shape, value)


def ones(*shape: int) -> Any:
    return np.ones(shape, np.uint8)


def blocks(width: int = 2, units: int = U, P: int = P) -> dict[str, Any]:
    """Members in blocks: two of each beable in each unit, with `width` values each."""
    angle = np.linspace(0, 1, 2 * P * units)
    return {
        "ids": np.arange(angle.size, dtype=np.uint32) % (2 * P),
        "values": np.stack([np.cos(angle), np.sin(angle), 0 * angle])[:width],
        "offset": np.arange(units + 1, dtype=np.int64) * 2 * P,
        "unit": np.array([[u, 0] for u in range(units)], np.int64),
        "counts": np.full((units, P), 2, np.int32),
        "spectators": np.zeros((units, P), np.int32),
    }


def crowd(width: int = 2, units: int = U, P: int = P) -> Crowd:
    return Crowd(replicas=units, **blocks(width, units, P))


def in_classes(R: int = R, P: int = P, kind: Any = np.int64) -> dict[str, Any]:
    z = np.stack([real(R, P, K, value=1.0), real(R, P, K)], axis=1).copy()
    count = np.ones((R, P, K), kind)
    return {"n": count.sum(axis=2), "z": z, "count": count, "spectators": i64(P, K)}


def plans(made: Any, couplings: Couplings = C, replicas: int = R) -> Any:
    made = made(couplings, replicas)
    made.step[:] = 0.01
    return made


def some() -> Any:
    """A proposal to each unit: two in all."""
    made = i64(U, NNZ)
    made[:, 0] = 1
    return made


def law(couplings: Couplings = C) -> exact_phases.Law:
    return exact_phases.Law(couplings, copying=1.0, smallest=0.0, seed=1, purpose=15, first_replica=0)


def copy_rule(couplings: Couplings = C) -> dict[str, Any]:
    """Two harmonics for each pair of a system."""
    strength = real(2, couplings.entries // 2, value=0.5)
    return {
        "couplings": couplings, "powers": real(4, value=0.5), "order": np.array([0, 2]), "copying": strength,
        "copying_shift": strength, "turning": strength, "turning_shift": strength,
    }  # fmt: skip


def begun(members: bool = True) -> dict[str, Any]:
    """Paths of phases that set out from those members, or phase classes."""
    paths = real(R, P, phase_paths.NUMBERS)
    if members:
        exact_phases.begin_members(law(), crowd(), paths=paths)
    else:
        exact_phases.begin_classes(law(), Classes(**in_classes()), paths=paths)
    return {"paths": paths}


def one_by_one() -> dict[str, Any]:
    """Replicas of two members in each beable."""
    return {
        "couplings": C, "n": i64(R, P, value=2), "phase": real(R, P), "time_left": real(R), "step": i64(R),
        "events": real(R), "keys": np.zeros(R, np.uint64), "spectators": 0,
    }  # fmt: skip


def own_law(rule: general_phases.PhaseRule) -> general_phase_events.Law:
    return general_phase_events.Law(rule, scale=2.0**40, smallest=0.0, seed=1, purpose=15, first_replica=0)


def forms(size: int = P) -> excess.Forms:
    return excess.Forms(**in_forms(size))


def in_forms(size: int = P) -> dict[str, Any]:
    """Two observables of so many beables."""
    parts = {"vr": real(size, size), "vi": real(size, size), "mr": real(2, size, size), "mi": real(2, size, size)}
    return {"energy": real(size), **parts, "end": np.array([0.1, 0.2])}


def calls() -> dict[str, Call]:
    """Every public function and class of the kernels that is given arrays, with arguments that are right."""
    n, real_n = i64(R, P, value=2), real(R, P, value=2.0)
    aligned, unaligned = plans(StepPlans), plans(FieldPlans)
    maps = np.tile(np.repeat([1.0, 0, 0, 0], P), (R, 1))
    powers, place = i64(R, phases.NUMBERS, P), np.arange(4, dtype=np.int64)
    group = np.zeros(4, np.int32)
    clocks = {"time_left": real(R, value=1.0), "step": i64(R), "largest": real(R)}
    stream = {"seed": 1, "purpose": 3, "step": i64(R)}
    field = {"active": ones(R), "n": real_n, "sums": real(R, 4 * P), "since": real(R)}
    csr = {
        "indptr": np.array([0, 1, 2], np.int64), "indices": np.array([1, 0], np.int64), "re": real(2), "im": real(2),
        "omega": real(2), "level": real(2), "pair": np.array([[0, 1, 0, 1]]),
    }  # fmt: skip
    system = {"couplings": C}
    aligned_, unaligned_ = {**system, "plans": aligned}, {**system, "plans": unaligned}
    active = {"active": ones(R)}
    classes = {"classes": Classes(**in_classes())}
    paths, alone = {"paths": real(R, P, phase_paths.NUMBERS)}, {"law": law()}
    one = {key: value for key, value in one_by_one().items() if key != "couplings"}
    ruled = {"rule": general.CopyRule(**copy_rule())}
    work = {"work": general_counts.Work(**ruled)}
    own = general_phases.PhaseRule(**ruled, degree=2)
    own_ = {"rule": own, "crowd": crowd(), **active}
    fields_ = {"n": real_n, "sums": real(R, 2 * own.sums, P), "since": real(R)}
    parts, growth = i64(R, 4, P, general_plans.PARTS), real(R, 2, P, general_plans.PARTS)
    turn_by_turn = {"law": own_law(own)}
    onward = {"time_left": real(R, value=0.1), "step": i64(R), "events": real(R)}
    onward_alone, onward = {**onward, "most": 3}, {**onward, "max_steps": 3}
    return {
        "Couplings": (Couplings, {**csr, "shift": 0.0, "norm": 1.0}),
        "Scratch": (Scratch, system),
        "StepPlans": (StepPlans, {**system, "replicas": R}),
        "FieldPlans": (FieldPlans, {**system, "replicas": R}),
        "first_failure": (aligned.first_failure, active),
        "Crowd": (Crowd, {"replicas": R, **blocks()}),
        "Classes": (Classes, in_classes()),
        "Paths": (exact.Paths, one_by_one()),
        "Paths.watch": (
            exact.Paths(**one_by_one()).watch, {"death": real(R, P), "smallest": i64(R, P), "floor": i64(R, P)},
        ),
        "Paths.name": (exact.Paths(**one_by_one()).name, {"ids": blocks()["ids"], "offset": blocks()["offset"]}),
        "Forms": (excess.Forms, in_forms()),
        "excess.Paths": (
            excess.Paths,
            {**one_by_one(), "forms": forms(), "death": real(R, P), "jumps": real(R, 2), "held": real(R, 2)},
        ),
        "half_step": (half_step, {**system, "n": real(P, value=2.0), "phase": real(P), "t": 0.1}),
        "counts.advance": (
            counts.advance,
            {**system, "control": CONTROL, "keys": (1, 1, 2, 0), "n": n, "phase": real(R, P), "max_steps": 5,
             **clocks, "events": real(R)},
        ),
        "events.run": (
            events.run,
            {**system, "first_replica": 0, "n": n, "phase": real(R, P), "duration": 0.1, "angle": 0.1, "seed": 1,
             "purpose": 1},
        ),
        "plan_half": (
            members.plan_half,
            {**aligned_, "control": CONTROL, "scratch": Scratch(C), "half": 0, **active, "n": n, "out": i64(R, P),
             "phase": real(R, P), "time_left": real(R, value=1.0)},
        ),
        "finish_step": (members.finish_step, {**aligned_, **active, "phase": real(R, P), **clocks}),
        "move": (
            members.move,
            {**aligned_, "crowd": crowd(0), **active, **stream, "half": 0, "n": i64(R, P), "out": i64(R, P)},
        ),
        "CopyRule": (general.CopyRule, copy_rule()),
        "velocity": (general.velocity, {**ruled, "n": real(P, value=2.0), "phase": real(P), "omega": real(P)}),
        "general_counts.plan_half": (
            general_counts.plan_half,
            {**work, "plans": aligned, "control": CONTROL, "half": 0, **active, "n": n, "out": i64(R, P),
             "phase": real(R, P), "time_left": real(R, value=1.0)},
        ),
        "general_counts.advance": (
            general_counts.advance,
            {**work, "control": CONTROL, "keys": (1, 1, 0), "n": n, "phase": real(R, P),
             **clocks, "events": real(R), "max_steps": 5},
        ),
        "general_exact.Paths": (general_exact.Paths, {**ruled, **one}),
        "general_exact.Paths.name": (
            general_exact.Paths(**ruled, **one).name, {"ids": blocks()["ids"], "offset": blocks()["offset"]},
        ),
        "general_phases.fields": (
            general_phases.fields,
            {"rule": own, **active, "n": real_n, "sums": fields_["sums"], "out": real(R, own.terms)},
        ),
        "general_phases.move": (
            general_phases.move,
            {**own_, "fields": real(R, own.terms), "since": real(R), "time": real(R, value=0.01)},
        ),
        "general_phases.sum_up": (
            general_phases.sum_up, {**own_, "scale": 2.0**40, "sums": i64(R, 2 * own.sums, P)},
        ),
        "general_plans.choose": (
            general_plans.choose,
            {"rule": own, "plans": unaligned, "control": CONTROL, "angle": 0.1, **active, **fields_,
             "time_left": real(R, value=1.0)},
        ),
        "general_plans.part": (general_plans.part, {**own_, "scale": 2.0**40, "parts": parts}),
        "general_plans.chances": (
            general_plans.chances,
            {"rule": own, "plans": unaligned, **active, "n": real_n, "parts": parts, "growth": growth},
        ),
        "general_copies.copy": (
            general_copies.copy,
            {**own_, "plans": unaligned, "proposals": some(), "value": real(2, 2, value=0.5), "luck": real(2),
             "growth": growth, "copies": i64(R)},
        ),
        "general_copies.copy_members": (
            general_copies.copy_members, {**own_, "plans": unaligned, **stream, "copies": i64(R)},
        ),
        "general_phase_events.sums_of": (
            general_phase_events.sums_of, {**turn_by_turn, "crowd": crowd(), "replicas": R},
        ),
        "general_phase_events.advance": (
            general_phase_events.advance, {**turn_by_turn, "crowd": crowd(), **onward},
        ),
        "sums_of_mapped": (
            phases.sums_of_mapped,
            {**active, "n": n, "powers": powers, "scale": 2.0**40, "maps": maps, "sums": real(R, 4 * P)},
        ),
        "choose": (
            field_plans.choose,
            {**unaligned_, "control": CONTROL, "angle": 0.1, **field, "besides": real(R, P),
             "time_left": real(R, value=1.0)},
        ),
        "drift": (fields.drift, {**unaligned_, **field}),
        "chances": (field_plans.chances, {**unaligned_, "copying": 1.0, **field}),
        "finish": (field_plans.finish, {"plans": unaligned, **active, **clocks}),
        "unit_circle": (phases.unit_circle, {"angle": real(5)}),
        "map_members": (phases.map_members, {"crowd": crowd(), "maps": maps, "due": ones(R, P)}),
        "sum_powers": (phases.sum_powers, {"crowd": crowd(), "scale": 2.0**40, "due": ones(R, P), "powers": powers}),
        "draw_numbers": (
            proposals.draw_numbers,
            {**unaligned_, "crowd": crowd(), **active, **stream, "proposals": i64(U, NNZ)},
        ),
        "draw_proposals": (
            proposals.draw_proposals,
            {**system, "crowd": crowd(), **active, **stream, "n": n, "proposals": some(), "partner": i64(2),
             "group": np.zeros(2, np.int32), "luck": real(2)},
        ),
        "route": (
            proposals.route,
            {"first": np.array([[0, 2, 4]] * (R * P), np.int64), "base": i64(2, R * P), "partner": i64(4),
             "group": group, "cuts": np.array([0, 1, 4]), "place": i64(4), "at": i64(4), "asked": i64(2, 2)},
        ),
        "in_stream_order": (
            proposals.in_stream_order,
            {"at": place, "answers": real(4, 2), "value": real(4, 2)},
        ),
        "answer": (
            proposals.answer,
            {"begin": np.array([0, 6]), "where": np.array([0, 6]), "place": place, "first": np.array([0, 3]),
             "count": np.array([2, 1]), "values": blocks()["values"], "value": real(4, 2)},
        ),
        "copies.copy": (
            copies.copy,
            {**unaligned_, "crowd": crowd(), **active, "proposals": some(), "value": real(2, 2, value=0.5),
             "luck": real(2), "scale": 2.0**40, "powers": powers, "copies": i64(R)},
        ),
        "copy_members": (
            single.copy_members,
            {**unaligned_, "crowd": crowd(), "copying": 1.0, **active, **stream, "inherit": True, "scale": 2.0**40,
             "powers": powers, "copies": i64(R)},
        ),
        "copy_classes": (
            single.copy_classes,
            {**unaligned_, **classes, "copying": 1.0, **active, **stream, "first_replica": 0, "events": real(R)},
        ),
        "first_of_each": (lineages.first_of_each, {"group": group, "x": i64(4), "y": i64(4)}),
        "felt": (
            momenta.felt,
            {**system, "n": n, "sums": real(R, 8, P), "strength": 1.0, "mean": False, "twice": True},
        ),
        "midpoints": (
            momenta.midpoints,
            {"crowd": crowd(3), "mid": blocks(3)["values"], "numbers": real(R, 7, P), "half": real(R), "twice": True,
             **active},
        ),
        "sum_up": (
            momenta.sum_up,
            {"crowd": crowd(3), "values": blocks(3)["values"], **active, "scale": 2.0**40,
             "p_scale": real(R, 2, value=2.0**40)},
        ),
        "end": (momenta.end, {"crowd": crowd(3), "mid": blocks(3)["values"], "keep": real(R), **active}),
        "map_classes": (phase_classes.map_classes, {**classes, **active, "maps": maps, "sums": real(R, 4 * P)}),
        "phase_classes.copy": (
            phase_classes.copy,
            {**unaligned_, **classes, **active, **stream, "first_replica": 0, "events": real(R)},
        ),
        "Law": (
            exact_phases.Law,
            {**system, "copying": 1.0, "smallest": 0.0, "seed": 1, "purpose": 15, "first_replica": 0},
        ),
        "begin_members": (exact_phases.begin_members, {**alone, "crowd": crowd(), **paths}),
        "advance_members": (exact_phases.advance_members, {**alone, "crowd": crowd(), **begun(), **onward_alone}),
        "begin_classes": (exact_phases.begin_classes, {**alone, **classes, **paths}),
        "advance_classes": (exact_phases.advance_classes, {**alone, **classes, **begun(False), **onward_alone}),
        "sums_of": (phase_paths.sums_of, {"n": n, **paths}),
        "leavers": (draws.leavers, {"seed": 1, "n": 10, "chance": real(2, value=0.1), "count": 3}),
        "many_leavers": (draws.many_leavers, {"seed": 1, "n": 10.0, "chance": real(2, value=0.1), "count": 3}),
    }  # fmt: skip


NAMES = list(calls())
LOOSE = {
    "half_step": ("n", "phase"), "leavers": ("chance",), "many_leavers": ("chance",), "unit_circle": ("angle",),
    "velocity": ("n", "phase", "omega"),
}  # fmt: skip
"""Arguments of a function that may be of another type or length: they are copied, or any length will do."""
AT_LEAST = {
    "draw_proposals": ("partner", "group", "luck"),
    "copies.copy": ("value", "luck"),
    "general_copies.copy": ("value", "luck"),
    "sums_of_mapped": ("active", "n", "maps", "sums"),
    "in_stream_order": ("answers",),
}
"""Arguments that may be longer than they need be."""
ANY_LENGTH = {"sums_of_mapped": ("powers",), "answer": ("values",)}
"""And such as may be a little shorter too: the others say how much of them is used."""
MAY_BE_NONE = {"Crowd": ("values", "spectators")}
ANY_SYSTEM = ("Scratch", "StepPlans", "FieldPlans", "half_step", "Law")
"""What takes whatever system it is given, half_step where n and phase are of it."""


def wrong_object(value: Any, name: str) -> list[Any]:
    """What must be refused in the place of a right object of the kernels."""
    made: list[Any] = [None, "x"]
    if isinstance(value, Couplings) and name not in ANY_SYSTEM:
        made.append(OTHER)
    if isinstance(value, Scratch):
        made.append(Scratch(OTHER))
    if isinstance(value, (general.CopyRule, general_counts.Work)):
        other = general.CopyRule(**copy_rule(OTHER))
        made.append(general_counts.Work(other) if isinstance(value, general_counts.Work) else other)
    if isinstance(value, (general_phases.PhaseRule, general_phase_events.Law)):
        alien = general_phases.PhaseRule(general.CopyRule(**copy_rule(OTHER)), degree=2)
        made.append(alien if isinstance(value, general_phases.PhaseRule) else own_law(alien))
    if isinstance(value, exact_phases.Law):
        made.append(law(OTHER))
    if isinstance(value, excess.Forms):
        made.append(forms(P + 1))
    if isinstance(value, Crowd):
        made += [crowd(3, U + 1), crowd(3, U, P + 1), *([crowd(0)] if name in NEED_VALUES else [])]
    if isinstance(value, Classes):
        made += [Classes(**in_classes(R + 1)), Classes(**in_classes(R, P + 1))]
    for right, other in ((StepPlans, FieldPlans), (FieldPlans, StepPlans)):
        if isinstance(value, right):
            made += [other(C, R), right(C, R + 1), *([] if name == "finish" else [right(OTHER, R)])]
    return made


NEED_VALUES = (
    "map_members", "sum_powers", "copies.copy", "copy_members", "midpoints", "end", "begin_members", "advance_members",
    "general_phases.move", "general_phases.sum_up", "general_plans.part", "general_copies.copy",
    "general_copies.copy_members", "general_phase_events.sums_of", "general_phase_events.advance",
)  # fmt: skip


def wrong(value: Any, name: str, shorter: bool, longer: bool) -> list[Any]:
    """What must be refused in the place of a right array or object."""
    kinds = (Couplings, Scratch, Crowd, Classes, StepPlans, FieldPlans, StepControl, exact_phases.Law, excess.Forms)
    kinds = (*kinds, general_phases.PhaseRule, general_phase_events.Law)
    if isinstance(value, (*kinds, general.CopyRule, general_counts.Work)):
        return wrong_object(value, name)
    if not isinstance(value, np.ndarray):
        return []
    made: list[Any] = [None, value.astype(np.complex64), value[None], np.repeat(value, 2, axis=-1)[..., ::2]]
    for axis in range(value.ndim):
        if shorter:
            made.append(np.ascontiguousarray(np.delete(value, -1, axis=axis)))
        if shorter and longer:
            made.append(np.concatenate([value, value], axis=axis))
    return made


def takes(function: Callable[..., Any], arguments: dict[str, Any]) -> bool:
    try:
        function(**arguments)
    except (ValueError, TypeError):
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_one_wrong_argument_is_refused(name: str) -> None:
    function, right = calls()[name]
    function(**right)  # or what follows shows nothing
    for place, value in calls()[name][1].items():
        if place in LOOSE.get(name, ()):
            continue
        exact = [place not in table.get(name, ()) for table in (ANY_LENGTH, AT_LEAST)]
        for bad in wrong(value, name, *exact):
            if bad is None and place in MAY_BE_NONE.get(name, ()):
                continue
            arguments = {**calls()[name][1], place: bad}
            assert not takes(function, arguments), f"{place}: {getattr(bad, 'shape', bad)}"


def changed(value: Any, place: Any, new: Any) -> Any:
    other = value.copy()
    other[place] = new
    return other


OUT_OF_RANGE: list[tuple[str, str, Any, int]] = [
    ("Couplings", "indptr", 1, 5), ("Couplings", "indptr", 0, 1), ("Couplings", "indptr", 2, 1),
    ("Couplings", "indices", 0, 2), ("Couplings", "indices", 1, -1), ("Couplings", "pair", (0, 0), 2),
    ("Couplings", "pair", (0, 1), -1), ("Couplings", "pair", (0, 2), 2), ("Couplings", "pair", (0, 3), -7),
    ("Crowd", "offset", 2, 13), ("Crowd", "offset", 1, 7), ("Crowd", "offset", 0, -1), ("Crowd", "offset", 0, 1),
    ("Crowd", "unit", (1, 0), 2), ("Crowd", "unit", (0, 0), -1), ("Crowd", "counts", (0, 0), -2),
    ("Crowd", "counts", (1, 2), 3), ("Crowd", "counts", (0, 1), 99), ("Crowd", "spectators", (0, 0), 3),
    ("Crowd", "spectators", (0, 0), -1),
    ("Paths", "n", (0, 1), -1), ("Paths.name", "offset", 1, 7), ("Paths.name", "offset", 0, 1),
    ("excess.Paths", "n", (0, 1), -1),
    ("Classes", "count", (0, 1, 2), -1), ("Classes", "count", (1, 0, 0), 2), ("Classes", "n", (1, 2), 9),
    ("Classes", "spectators", (0, 0), 2), ("Classes", "spectators", (0, 0), -1),
    ("draw_proposals", "proposals", (0, 0), 3), ("draw_proposals", "proposals", (1, 0), -1),
    ("copies.copy", "proposals", (0, 0), 5), ("copies.copy", "proposals", (1, 1), -1),
    ("route", "group", 0, R * P), ("route", "group", 3, -1), ("route", "cuts", 0, 1), ("route", "cuts", 2, 3),
    ("route", "cuts", 1, 5), ("in_stream_order", "at", 2, 4), ("in_stream_order", "at", 0, -1),
    ("answer", "where", 0, 500), ("answer", "place", 0, 500), ("answer", "place", 1, -1), ("answer", "first", 0, -1),
    ("answer", "first", 1, 4), ("answer", "count", 0, -1), ("answer", "count", 1, 5),
]  # fmt: skip


@pytest.mark.parametrize(("name", "argument", "place", "new"), OUT_OF_RANGE, ids=str)
def test_an_index_that_leads_out_is_refused(name: str, argument: str, place: Any, new: int) -> None:
    function, arguments = calls()[name]
    arguments[argument] = changed(arguments[argument], place, new)
    with pytest.raises(ValueError, match=r".+: .+|couplings"):
        function(**arguments)


MOVE_THREE = ("midpoints", "sum_up", "end")
"""Kernels whose members have momenta."""
CHANGED_SINCE: list[tuple[str, Any, int]] = [
    ("counts", (0, 0), -2), ("counts", (1, 2), 3), ("counts", (0, 1), 99), ("spectators", (0, 0), 3),
    ("spectators", (1, 1), -1),
]  # fmt: skip


@pytest.mark.parametrize(("argument", "place", "new"), CHANGED_SINCE, ids=str)
def test_a_crowd_whose_buckets_were_spoilt_is_refused(argument: str, place: Any, new: int) -> None:
    """Its arrays are the caller's: every kernel looks at them again."""
    for name, (function, arguments) in calls().items():
        if "crowd" in arguments:
            made = blocks(3 if name in MOVE_THREE else 2)
            good = Crowd(replicas=R, **made)
            made[argument][place] = new
            with pytest.raises(ValueError, match=argument):
                function(**{**arguments, "crowd": good})


def test_where_units_stand_is_the_crowds_own() -> None:
    """What the caller does to offset and unit afterwards leads nobody astray."""
    made, same = blocks(), blocks()
    spoilt, fine = Crowd(replicas=R, **made), Crowd(replicas=R, **same)
    made["offset"][:] = 10**9
    made["unit"][:] = -5
    for each in (spoilt, fine):
        phases.map_members(each, maps=np.tile(np.repeat([0.6, 0.8, 0, 0], P), (R, 1)), due=ones(R, P))
    assert np.array_equal(made["values"], same["values"])
    assert not np.array_equal(made["values"], blocks()["values"])


@pytest.mark.parametrize("new", [-1, 1, 3])
def test_counts_of_named_members_are_looked_at_again(new: int) -> None:
    made = one_by_one()
    paths = exact.Paths(**made)
    paths.name(blocks()["ids"], blocks()["offset"])
    made["n"][1, 2] = new
    with pytest.raises(ValueError, match=r"^n\[1, 2\] = -1|^offset: must leave replica 1 as many members as n has"):
        paths.advance(seed=1, purpose=1, names=2, smallest=0.0, max_steps=1)


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_classes_whose_counts_were_spoilt_are_refused(kind: Any) -> None:
    made = in_classes(kind=kind)
    classes = Classes(**made)
    made["count"][0, 0, 0] = -1
    refused = not takes(phase_classes.copy, {**calls()["phase_classes.copy"][1], "classes": classes})
    assert refused == (kind is np.int64)  # doubles lead nowhere: they are no index


@pytest.mark.parametrize("name", ["step", "smallest", "leaving_chance", "error_rate", "members", "spectators"])
def test_step_control_is_never_negative(name: str) -> None:
    right = {"members": 6.0, "step": 0.0, "leaving_chance": 0.03, "error_rate": 1e-4, "smallest": 0.0, "spectators": 0}
    assert getattr(StepControl(**right), name) == right[name]
    with pytest.raises(ValueError, match=name):
        StepControl(**{**right, name: -1})


def test_chances_that_are_no_numbers_move_nobody() -> None:
    drawn = draws.leavers(1, 10, [np.nan, 0.5], 50)
    assert np.all((drawn >= 0) & (drawn.sum(axis=1, keepdims=True) <= 10))
    assert np.all(draws.leavers(1, 10, [np.nan, np.nan], 5) == 0)


@pytest.mark.parametrize("function", [streams.below, streams.below64])
def test_numbers_below_nothing_are_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="bound: must be at least 1"):
        function(1, 0, 3)
