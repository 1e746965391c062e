"""The potential V of a lattice: by name with parameters, from a file, or as numbers; in units of energy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.kernels import portable
from copympi.model.hamiltonian import READABLE, from_file
from copympi.model.tables import per_axis, positive, real, table, unknown

KEY = "system.potential"
FILES = "a path to .npy or .h5:/dataset"
Coordinates = list[NDArray[np.float64]]
Table = dict[str, Any]


def sample(value: Any, x: Coordinates, shape: tuple[int, ...], mass: float, folder: Path = Path()) -> NDArray[Any]:
    """V at every site, (P,) float64; nothing is wrapped on a ring.

    value : a name; a table of `kind` and its parameters; a path, relative to `folder`, or an array of the lattice's
        shape or (P,); or a function of the coordinates.
    x : for each axis the coordinate of each site, (P,).
    """
    if isinstance(value, dict):
        return _named(value, x, mass)
    if isinstance(value, str) and value in KINDS:
        return _named({"kind": value}, x, mass)
    if isinstance(value, str):
        if not any(suffix in value.lower() for suffix in READABLE):
            raise InputError(KEY, value, f"{unknown('potential', value, list(KINDS))}; or {FILES}")
        return _numbers(from_file(value, folder, KEY, FILES), value, shape)
    if callable(value):
        V = value(*x)
        return _numbers(np.full(x[0].size, V) if np.ndim(V) == 0 else V, value, shape)
    return _numbers(value, value, shape)


def _named(value: Table, x: Coordinates, mass: float) -> NDArray[np.float64]:
    kind = value.get("kind", None)
    if kind is None:
        raise InputError(f"{KEY}.kind", "(left out)", f"must be given: {', '.join(KINDS)}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"{KEY}.kind", kind, unknown("potential", str(kind), list(KINDS)))
    law, needed, optional = KINDS[kind]
    parameters = table({name: each for name, each in value.items() if name != "kind"}, KEY, needed, optional)
    with np.errstate(over="ignore", invalid="ignore"):
        V = law(parameters, x, mass)
    if not np.all(np.isfinite(V)):
        raise InputError(KEY, value, "must be finite at every site")
    return V


def _numbers(values: Any, given: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Numbers given site by site as (P,) float64."""
    P, size = int(np.prod(shape)), " x ".join(map(str, shape))
    try:
        V = np.asarray(values)
    except (ValueError, TypeError):
        V = np.empty(0, object)
    if V.dtype.kind not in "fiu" or V.shape not in (shape, (P,)):
        why = f"must be a real number for each of the {size} sites, a name, a table or {FILES}"
        raise InputError(KEY, given, why if V.shape in (shape, (P,), (), (0,)) else f"{why}; its shape is {V.shape}")
    V = np.array(V, np.float64).ravel()
    if not np.all(np.isfinite(V)):
        a = int(np.argmin(np.isfinite(V)))
        raise InputError(f"{KEY}[{a}]", float(V[a]), "must be finite")
    return V


def _free(_: Table, x: Coordinates, mass: float) -> NDArray[np.float64]:
    return np.zeros(x[0].size)


def _harmonic(given: Table, x: Coordinates, mass: float) -> NDArray[np.float64]:
    """V = sum over axes of m omega_i^2 (x_i - centre_i)^2 / 2."""
    omega = per_axis(given["omega"], f"{KEY}.omega", len(x))
    V = np.zeros(x[0].size)
    for xi, c, w in zip(x, _centre(given, len(x)), omega, strict=True):
        V += 0.5 * mass * np.float64(w) ** 2 * (xi - c) ** 2
    return V


def _barrier(given: Table, x: Coordinates, mass: float) -> NDArray[np.float64]:
    """V = height where |x - centre| <= width/2 along the first axis: a wall across all others; a trench if negative."""
    height, width = real(given["height"], f"{KEY}.height"), positive(given["width"], f"{KEY}.width")
    centre = real(given.get("centre", 0.0), f"{KEY}.centre")
    return np.where(np.abs(x[0] - centre) <= 0.5 * width, height, 0.0)


def _double_well(given: Table, x: Coordinates, mass: float) -> NDArray[np.float64]:
    """V = height ((2 (x - centre)/separation)^2 - 1)^2 along the first axis, + m omega^2 y^2/2 along each other one."""
    height = real(given["height"], f"{KEY}.height")
    separation = positive(given["separation"], f"{KEY}.separation")
    centre = _centre(given, len(x))
    V = height * ((2 * (x[0] - centre[0]) / separation) ** 2 - 1) ** 2
    if "omega" in given:
        omega = real(given["omega"], f"{KEY}.omega")
        if len(x) == 1:
            raise InputError(f"{KEY}.omega", omega, "must be left out on one axis: it acts along the second and third")
        for xi, c in zip(x[1:], centre[1:], strict=True):
            V += 0.5 * mass * np.float64(omega) ** 2 * (xi - c) ** 2
    return np.asarray(V)


def _cosine(given: Table, x: Coordinates, mass: float) -> NDArray[np.float64]:
    """V = sum over axes of depth cos(2 pi x_i/period_i)."""
    depth = real(given["depth"], f"{KEY}.depth")
    period = per_axis(given["period"], f"{KEY}.period", len(x), positive)
    return np.asarray(sum(depth * portable.cos(2 * np.pi * xi / p) for xi, p in zip(x, period, strict=True)))


def _centre(given: Table, axes: int) -> tuple[float, ...]:
    return per_axis(given.get("centre", 0.0), f"{KEY}.centre", axes)


KINDS: dict[str, tuple[Callable[[Table, Coordinates, float], NDArray[np.float64]], list[str], list[str]]] = {
    "free": (_free, [], []),
    "harmonic": (_harmonic, ["omega"], ["centre"]),
    "barrier": (_barrier, ["height", "width"], ["centre"]),
    "double-well": (_double_well, ["height", "separation"], ["centre", "omega"]),
    "cosine": (_cosine, ["depth", "period"], []),
}
"""By name: V of its parameters, which of them must be given, and which may."""
