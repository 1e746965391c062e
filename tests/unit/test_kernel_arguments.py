"""Arguments that do not fit are a ValueError (or TypeError) of every kernel's public function, never a wild pointer.

Each function is called with right arguments, then again and again with one of them wrong: None, of another type, of
another length along each axis, not contiguous; and with indices that lead out of their arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from copympi.kernels.predictor import Couplings, Scratch, half_step

from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.kernels import aligning, copies, draws, fields, kinds, lineages, members, occupation, offers, phases
from copympi.kernels import streams as streams
from copympi.model.system import System

R, P, K, M, U = 2, 3, 4, 12, 2
"""Replicas, beables, kinds, members, units: a block of six members for each replica."""
H = [[0.1, 0.5, 0.2j], [0.5, -0.1, 0.0], [-0.2j, 0.0, 0.3]]
SYSTEM = System(H)
C = SYSTEM.couplings
NNZ = C.entries
RULE = Accuracy(6, step=0.01).control(record(1, 1.0))
Call = tuple[Callable[..., Any], list[Any]]


def i64(*shape: int, value: int = 0) -> Any:
    return np.full(shape, value, np.int64)


def real(*shape: int, value: float = 0.0) -> Any:
    return np.full(shape, value)


def ones(*shape: int) -> Any:
    return np.ones(shape, np.uint8)


def crowd() -> dict[str, Any]:
    """Members in blocks: two of each beable in each unit."""
    angle = np.linspace(0, 1, M)
    return {
        "ids": np.arange(M, dtype=np.uint32) % 6,
        "values": np.stack([np.cos(angle), np.sin(angle)]),
        "moving": np.stack([np.cos(angle), np.sin(angle), 0 * angle]),
        "offset": np.array([0, 6, 12], np.int64),
        "unit": np.array([[0, 0], [1, 0]], np.int64),
        "counts": np.full((U, P), 2, np.int32),
        "pinned": np.zeros((U, P), np.int32),
        "offers": i64(U, NNZ),
    }


def plans(size: int) -> Any:
    rows = np.zeros((R, size))
    rows[:, 0] = 0.01
    return rows


def calls() -> dict[str, Call]:
    c, n = crowd(), i64(R, P, value=2)
    plan, field = plans(C.row_size), plans(fields.row_size(C))
    sums, since, maps = real(R, 4 * P), real(R), np.tile(np.repeat([1.0, 0, 0, 0], P), (R, 1))
    z = np.stack([real(R, P, K, value=1.0), real(R, P, K)], axis=1).copy()
    powers, numbers = i64(R, phases.NUMBERS, P), real(R, 7, P)
    place = np.arange(4, dtype=np.int64)
    some = c["offers"].copy()
    some[:, 0] = 1  # an offer to each unit: two in all
    where = [c["offset"], c["unit"], c["counts"]]
    spread = [c["ids"], c["values"], *where, c["pinned"]]
    steps = [R and real(R, value=1.0), i64(R), real(R)]
    first = np.array([[0, 2, 4]] * (R * P), np.int64)
    base = i64(2, R * P)
    group = np.zeros(4, np.int32)
    csr = [
        np.array([0, 1, 2], np.int64),
        np.array([1, 0], np.int64),
        real(2),
        real(2),
        real(2),
        np.array([[0, 1, 0, 1]]),
    ]
    return {
        "Couplings": (Couplings, [*csr, 0.0, 1.0, real(2)]),
        "Scratch": (Scratch, [C]),
        "half_step": (half_step, [C, real(P, value=2.0), real(P), 0.1]),
        "occupation.advance": (
            occupation.advance,
            [C, RULE, 1, 1, 0, n, real(R, P), steps[0], steps[1], real(R), steps[2], 5],
        ),
        "plan_half": (
            members.plan_half,
            [C, RULE, 0, ones(R), n, i64(R, P), real(R, P), steps[0], Scratch(C), plan],
        ),
        "first_failure": (members.first_failure, [plan, ones(R)]),
        "finish_step": (members.finish_step, [C, ones(R), plan, real(R, P), *steps]),
        "move": (
            members.move,
            [C, plan, ones(R), 1, 1, i64(R), 0, c["ids"], *where, i64(R, P), i64(R, P)],
        ),
        "fields.row_size": (fields.row_size, [C]),
        "fields.map_place": (fields.map_place, [C]),
        "sums_of_mapped": (fields.sums_of_mapped, [ones(R), n, powers, 2.0**40, maps, sums]),
        "choose": (
            fields.choose,
            [C, RULE, 0.1, ones(R), real(R, P, value=2.0), sums, since, real(R, P), steps[0], field],
        ),
        "drift": (fields.drift, [C, ones(R), real(R, P, value=2.0), sums, since, field]),
        "chances": (fields.chances, [C, 1.0, ones(R), real(R, P, value=2.0), sums, since, field]),
        "finish": (fields.finish, [ones(R), *steps, field]),
        "unit_circle": (phases.unit_circle, [real(5)]),
        "map_members": (phases.map_members, [maps, ones(R, P), c["values"], *where]),
        "sum_powers": (phases.sum_powers, [ones(R, P), 2.0**40, c["values"], *where, powers]),
        "draw_numbers": (
            offers.draw_numbers,
            [C, field, ones(R), 1, 3, i64(R), c["unit"], c["counts"], c["pinned"], c["offers"]],
        ),
        "draw_offers": (
            offers.draw_offers,
            [C, ones(R), 1, 3, i64(R), *spread, n, some, i64(2), np.zeros(2, np.int32), real(2)],
        ),
        "route": (offers.route, [first, base, i64(4), group, i64(4), i64(4), i64(2)]),
        "in_stream_order": (offers.in_stream_order, [place, real(4, 2), real(4, 2)]),
        "answer": (offers.answer, [np.array([0, 6]), np.array([0, 6]), place, c["values"], real(4, 2)]),
        "copies.copy": (
            copies.copy,
            [C, field, ones(R), *spread, some, real(2, 2, value=0.5), real(2), 2.0**40, powers, i64(R)],
        ),
        "first_of_each": (lineages.first_of_each, [group, i64(4), i64(4)]),
        "felt": (aligning.felt, [C, n, real(R, 8, P), 1.0, 0, 1]),
        "midpoints": (
            aligning.midpoints,
            [numbers, real(R), 1, ones(R), c["moving"], c["moving"].copy(), *where],
        ),
        "sum_up": (aligning.sum_up, [ones(R), c["moving"], 2.0**40, real(R, 2, value=2.0**40), *where]),
        "end": (aligning.end, [real(R), ones(R), c["moving"], c["moving"].copy(), c["offset"], c["unit"]]),
        "map_kinds": (kinds.map_kinds, [ones(R), maps, z, i64(R, P, K, value=1), sums]),
        "kinds.copy": (
            kinds.copy,
            [
                C, field, ones(R), 1, 5, 0, i64(R), i64(R, P, value=K), z, i64(R, P, K, value=1), i64(P, K), real(R),
            ],
        ),
        "uniforms": (streams.uniforms, [1, 1, 0, 0, 0, 5]),
        "words": (streams.words, [1, 1, 0, 0, 0, 5]),
        "below": (streams.below, [1, 5, 5]),
        "below64": (streams.below64, [1, 5, 5]),
        "leavers": (draws.leavers, [1, 10, real(2, value=0.1), 3]),
        "many_leavers": (draws.many_leavers, [1, 10.0, real(2, value=0.1), 3]),
    }  # fmt: skip


NAMES = list(calls())
LOOSE = {"half_step": (1, 2), "leavers": (2,), "many_leavers": (2,), "unit_circle": (0,), "copies.copy": (9,)}
"""Arguments of a function that may be of another type or length: they are copied, or any length will do."""
AT_LEAST = {
    "draw_offers": (13, 14, 15),
    "occupation.advance": (1,),
    "plan_half": (1,),
    "choose": (1,),
    "copies.copy": (10, 11),
    "sums_of_mapped": (0, 1, 4, 5),
    "move": (7,),
    "in_stream_order": (1, 2),
    "map_members": (2,),
    "sum_powers": (2,),
    "sum_up": (1,),
}
"""Arguments that may be longer than they need be."""
ANY_LENGTH = {
    "first_failure": (0,),
    "finish": (4,),
    "draw_numbers": (1,),
    "draw_offers": (6,),
    "sums_of_mapped": (2,),
    "in_stream_order": (0,),
    "answer": (3,),
}
"""And such as may be a little shorter too: the others say how much of them is used."""


def wrong(value: Any, shorter: bool, longer: bool) -> list[Any]:
    """What must be refused in the place of a right array or object."""
    if not isinstance(value, np.ndarray):
        return [None, "x"] if isinstance(value, (Couplings, Scratch)) else []
    made: list[Any] = [None, value.astype(np.complex64), value[None], np.repeat(value, 2, axis=-1)[..., ::2]]
    for axis in range(value.ndim):
        if shorter:
            made.append(np.ascontiguousarray(np.delete(value, -1, axis=axis)))
        if shorter and longer:
            made.append(np.concatenate([value, value], axis=axis))
    return made


def takes(function: Callable[..., Any], arguments: list[Any]) -> bool:
    try:
        function(*arguments)
    except (ValueError, TypeError):
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_one_wrong_argument_is_refused(name: str) -> None:
    function, right = calls()[name]
    function(*right)  # or what follows shows nothing
    for place in range(len(right)):
        if place in LOOSE.get(name, ()):
            continue
        exact = [place not in table.get(name, ()) for table in (ANY_LENGTH, AT_LEAST)]
        for bad in wrong(right[place], *exact):
            arguments = calls()[name][1]
            arguments[place] = bad
            assert not takes(function, arguments), f"argument {place}: {getattr(bad, 'shape', bad)}"


def changed(value: Any, place: Any, new: Any) -> Any:
    other = value.copy()
    other[place] = new
    return other


OUT_OF_RANGE: list[tuple[str, int, Any, int]] = [
    ("Couplings", 0, 1, 5), ("Couplings", 0, 0, 1), ("Couplings", 0, 2, 1), ("Couplings", 1, 0, 2),
    ("Couplings", 1, 1, -1), ("Couplings", 5, (0, 0), 2), ("Couplings", 5, (0, 1), -1), ("Couplings", 5, (0, 2), 2),
    ("Couplings", 5, (0, 3), -7),
    ("move", 8, 2, 13), ("move", 8, 1, 7), ("move", 8, 0, -1), ("move", 9, (1, 0), 2), ("move", 9, (0, 0), -1),
    ("move", 10, (0, 0), -2), ("move", 10, (1, 2), 3),
    ("map_members", 3, 2, 13), ("map_members", 4, (0, 0), 2), ("map_members", 5, (0, 1), 99),
    ("sum_powers", 3, 1, 5), ("sum_powers", 4, (1, 0), 9), ("sum_powers", 5, (0, 0), -1),
    ("draw_numbers", 6, (0, 0), 2),
    ("draw_offers", 7, 0, 1), ("draw_offers", 8, (0, 0), -3), ("draw_offers", 9, (0, 0), 1),
    ("draw_offers", 10, (0, 0), 3), ("draw_offers", 10, (0, 0), -1), ("draw_offers", 12, (0, 0), 3),
    ("draw_offers", 12, (1, 0), -1),
    ("route", 3, 0, R * P), ("route", 3, 3, -1), ("in_stream_order", 0, 2, 4), ("in_stream_order", 0, 0, -1),
    ("answer", 1, 0, 500), ("answer", 2, 0, 500), ("answer", 2, 1, -1),
    ("copies.copy", 5, 2, 13), ("copies.copy", 6, (0, 0), 2), ("copies.copy", 7, (0, 0), 3),
    ("copies.copy", 8, (0, 0), 9), ("copies.copy", 9, (0, 0), 5), ("copies.copy", 9, (1, 1), -1),
    ("midpoints", 6, 2, 13), ("midpoints", 7, (0, 0), 2), ("midpoints", 8, (1, 1), 8),
    ("sum_up", 4, 1, 13), ("sum_up", 5, (1, 0), -1), ("end", 4, 2, 13), ("end", 4, 0, -1), ("end", 5, (0, 0), 2),
]  # fmt: skip


@pytest.mark.parametrize(("name", "argument", "place", "new"), OUT_OF_RANGE, ids=str)
def test_an_index_that_leads_out_is_refused(name: str, argument: int, place: Any, new: int) -> None:
    function, arguments = calls()[name]
    arguments[argument] = changed(arguments[argument], place, new)
    with pytest.raises(ValueError, match=r".+: .+|couplings"):
        function(*arguments)


def test_chances_that_are_no_numbers_move_nobody() -> None:
    drawn = draws.leavers(1, 10, [np.nan, 0.5], 50)
    assert np.all((drawn >= 0) & (drawn.sum(axis=1, keepdims=True) <= 10))
    assert np.all(draws.leavers(1, 10, [np.nan, np.nan], 5) == 0)


@pytest.mark.parametrize("function", [streams.below, streams.below64])
def test_numbers_below_nothing_are_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="bound: must be at least 1"):
        function(1, 0, 3)
