"""Quantities of a user's own, `observe={"name": f}` from Python: rows added to the table for one run."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.records.quantity import MARGINAL, NAMES, RECORD, Quantity
from copympi.records.view import View

KEY = "observe"
TAKEN = (
    "system", "digests", "histories", "tracked", "steps", "largest_chance", "seconds", "measured",
    "complete", "config", "path", "state", "beable", "replica", "axis", "schedule",
)  # fmt: skip
"""Names in results.h5 or of a Run that are no quantities, or will be."""

Observers = Mapping[str, Callable[[View], Any]]


def described(name: str, components: int = 0) -> Quantity:
    """The row of a user's quantity: a number a replica, or so many `components`."""
    axes = (*RECORD, "component") if components else RECORD
    return Quantity(name, "1", f'what observe["{name}"], a function of the user\'s own, gave', axes,
                    components=components)  # fmt: skip


def checked(observe: Any, axes: Container[str] = ()) -> dict[str, Callable[[View], Any]]:
    """Names and functions; InputError for what cannot be recorded under its name. axes : names of axes, if known."""
    if observe is None:
        return {}
    if not isinstance(observe, Mapping):
        raise InputError(KEY, observe, 'must be a dictionary {"name": function of a view}')
    for name, function in observe.items():
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise InputError(KEY, name, "must be a name: letters, digits and _, a letter first")
        if name in NAMES or name in TAKEN or name in axes or name.startswith(MARGINAL):
            raise InputError(KEY, name, "stands for something else already; choose another name")
        if not callable(function):
            raise InputError(f"{KEY}[{name!r}]", function, "must be a function of a view")
    return dict(observe)


def tried(name: str, function: Callable[[View], Any], view: View) -> Quantity:
    """The row of a user's quantity, from what its function gives at t = 0; InputError where that is no result."""
    values = called(name, function, view)
    if not np.all(np.isfinite(values)):
        raise InputError(f"{KEY}[{name!r}]", values, f"must be finite at t = {view.time:g}")
    return described(name, values.shape[1] if values.ndim == 2 else 0)


def measured(row: Quantity, function: Callable[[View], Any], view: View) -> NDArray[np.float64]:
    """What a user's function gives at a record, (R,) or (R, k) as at t = 0, NaN included; InputError otherwise."""
    values = called(row.name, function, view)
    width = (row.components,) if row.components else ()
    if values.shape[1:] != width:
        was = ("R", *width)
        raise InputError(f"{KEY}[{row.name!r}]", values, f"must have the shape {_shape(was)} it had at t = 0")
    return values


def called(name: str, function: Callable[[View], Any], view: View) -> NDArray[np.float64]:
    """A user's function of a view, (R,) or (R, k) doubles; InputError where it gives anything else.

    An exception in it comes out as a RuntimeError with that exception as its cause, whatever it was.
    """
    try:
        made = function(view.read_only())
    except (Exception, SystemExit) as problem:  # not one of those that all ranks are thought to have alike
        raise RuntimeError(f"{KEY}[{name!r}] failed at t = {view.time:g}") from problem
    try:
        values = np.asarray(made)
    except ValueError:  # rows of unlike length
        values = np.asarray(None)
    R = len(view.n)
    if values.dtype.kind not in "biuf" or values.ndim not in (1, 2) or len(values) != R or values.size == 0:
        why = f"must give real numbers of shape ({R},) or ({R}, k): one, or k, for each of {R} replicas"
        raise InputError(f"{KEY}[{name!r}]", made, f"{why}, at t = {view.time:g}")
    return values.astype(np.float64)


def _shape(sizes: tuple[Any, ...]) -> str:
    return f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"
