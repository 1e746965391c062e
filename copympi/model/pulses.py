"""Pulses f(t), by which a drive's part of the Hamiltonian is multiplied: by name with parameters, or functions.

A pulse says besides where it must be looked at: `marks`, times between which it is smooth (jumps, kinks, and what tells
a short pulse from none), and `longest`, a length in which it does not do too much.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.kernels import portable
from copympi.model.tables import positive, real, table, unknown

Array = NDArray[np.float64]
WIDTHS = (-8.0, -5.0, -2.0, 0.0, 2.0, 5.0, 8.0)
"""Where a Gaussian is looked at, in widths from its centre: beyond 8 it is below 2e-14 of its height."""
PERIODS = 1.5
"""Of a cosine that are looked at in one."""


class Pulse(Protocol):
    """A real function of time, without unit. marks : times between which it is smooth. longest : a time, or inf."""

    @property
    def marks(self) -> tuple[float, ...]: ...
    @property
    def longest(self) -> float: ...
    def __call__(self, t: Array) -> Array: ...


@dataclass(frozen=True)
class Named:
    """A pulse by name. window : where it is not zero, (start, end), marks too. law : f of (parameters, t)."""

    shape: str
    parameters: dict[str, float]
    window: tuple[float, float]
    inner: tuple[float, ...]
    longest: float
    law: Callable[[dict[str, float], Array], Array]

    @property
    def marks(self) -> tuple[float, ...]:
        start, end = self.window
        return tuple(x for x in (start, *(x for x in self.inner if start < x < end), end) if abs(x) < inf)

    def __call__(self, t: Array) -> Array:
        start, end = self.window
        inside = (t >= start) & (t < end)
        return np.where(inside, self.law(self.parameters, t), 0.0)


@dataclass(frozen=True)
class Function:
    """A pulse that is a Python function of t, whose values must be real numbers; key : what to call it in messages."""

    of: Callable[[float], Any]
    key: str
    marks: tuple[float, ...] = ()
    longest: float = inf

    def __call__(self, t: Array) -> Array:
        return np.array([self._at(float(x)) for x in t])

    def _at(self, t: float) -> float:
        value = self.of(t)
        try:
            found = complex(value)
        except (TypeError, ValueError, OverflowError):
            raise InputError(self.key, value, f"must be a number, at t = {t:g}") from None
        if not np.isfinite(found) or found.imag != 0:
            raise InputError(self.key, value, f"must be a finite real number, at t = {t:g}")
        return found.real


def named(given: Any, key: str) -> Named:
    """The pulse that a table {shape = "gaussian", ...} stands for; InputErrors name `key`."""
    if not isinstance(given, dict) or "shape" not in given:
        raise InputError(f"{key}.shape", "(left out)", f"must be given: {', '.join(SHAPES)}")
    shape = given["shape"]
    if not isinstance(shape, str) or shape not in SHAPES:
        raise InputError(f"{key}.shape", shape, unknown("shape of a pulse", str(shape), list(SHAPES)))
    law, needed, optional = SHAPES[shape]
    windows = [] if shape == "ramp" else ["window"]
    rest = {name: each for name, each in given.items() if name != "shape"}
    table(rest, key, needed, [*optional, *windows])
    numbers = {name: real(each, f"{key}.{name}") for name, each in rest.items() if name != "window"}
    inner, longest = _looks(shape, numbers, key)
    return Named(shape, numbers, _window(rest.get("window"), f"{key}.window"), inner, longest, law)


def _looks(shape: str, numbers: dict[str, float], key: str) -> tuple[tuple[float, ...], float]:
    """Marks within the window, and the longest look; InputError where parameters do not go together."""
    if shape == "gaussian":
        width = positive(numbers["width"], f"{key}.width")
        return tuple(numbers["centre"] + x * width for x in WIDTHS), inf
    if shape == "cosine" and numbers["frequency"] != 0:
        return (), PERIODS / abs(numbers["frequency"])
    if shape == "ramp":
        if not numbers["start"] < numbers["end"]:
            raise InputError(f"{key}.end", numbers["end"], f"must be after start = {numbers['start']:g}")
        return (numbers["start"], numbers["end"]), inf
    return (), inf


def _window(given: Any, key: str) -> tuple[float, float]:
    """Start and end of where a pulse is not zero: everywhere, if left out."""
    if given is None:
        return -inf, inf
    if not isinstance(given, (list, tuple)) or len(given) != 2:
        raise InputError(key, given, "must be two times, [start, end]")
    start, end = (real(x, f"{key}[{i}]") for i, x in enumerate(given))
    if not start < end:
        raise InputError(key, given, "must end after it starts")
    return start, end


def function(of: Any, key: str, args: dict[str, Any] | None = None) -> Callable[[float], Any]:
    """A Python function of t alone, made of one of t, of (t, args), or of t and names that `args` has values for.

    One of (t, **names) gets all of `args`.
    """
    if not callable(of):
        raise InputError(key, of, "must be a function of t")
    args = args or {}
    try:
        others = list(inspect.signature(of).parameters.values())[1:]
    except (TypeError, ValueError):  # of compiled functions that do not say
        return of  # type: ignore[no-any-return]
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p.name for p in others if p.default is p.empty and p.kind not in open_ended]
    if [p.name for p in others] == ["args"] or (len(needed) == 1 and needed[0] not in args):
        return lambda t: of(t, args)
    missing = [name for name in needed if name not in args]
    if missing:
        raise InputError(key, of, f"must be a function of t or of (t, args); args has no {missing[0]!r}")
    if any(p.kind is p.VAR_KEYWORD for p in others):
        return lambda t: of(t, **args)
    known = {p.name: args[p.name] for p in others if p.name in args}
    return lambda t: of(t, **known)


def _constant(p: dict[str, float], t: Array) -> Array:
    return np.full(t.shape, p["height"])


def _gaussian(p: dict[str, float], t: Array) -> Array:
    """height exp(-(t - centre)^2/(2 width^2))."""
    with np.errstate(under="ignore", over="ignore"):
        return np.asarray(p["height"] * portable.exp(-0.5 * ((t - p["centre"]) / p["width"]) ** 2))


def _cosine(p: dict[str, float], t: Array) -> Array:
    """amplitude cos(2 pi frequency t + phase)."""
    return np.asarray(p["amplitude"] * portable.cos(2 * np.pi * p["frequency"] * t + p.get("phase", 0.0)))


def _ramp(p: dict[str, float], t: Array) -> Array:
    """`from` before start, `to` after end, a straight line between."""
    return np.interp(t, [p["start"], p["end"]], [p["from"], p["to"]])


SHAPES: dict[str, tuple[Callable[[dict[str, float], Array], Array], list[str], list[str]]] = {
    "constant": (_constant, ["height"], []),
    "gaussian": (_gaussian, ["centre", "width", "height"], []),
    "cosine": (_cosine, ["amplitude", "frequency"], ["phase"]),
    "ramp": (_ramp, ["from", "to", "start", "end"], []),
}
"""By name: f of its parameters and t, which of them must be given, and which may."""
