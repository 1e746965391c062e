"""Gaussian packets on a lattice, eigenstates of any system, and sums of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.kernels import portable
from copympi.model import eigen
from copympi.model.hamiltonian import number
from copympi.model.lattice import Lattice
from copympi.model.system import System
from copympi.model.tables import per_axis, positive, table

KEY = "preparation.packet"
WIDTHS = 6
"""So many widths of a packet must fit into the box."""


@dataclass(frozen=True)
class Part:
    """One state of the sum, normalised: logarithms of its sizes and its angles, (P,), with its amplitude.

    Logarithms, because the tails of a packet keep their phase where the size itself is below the least double.
    """

    log_size: NDArray[np.float64]
    angle: NDArray[np.float64]
    amplitude: complex


def amplitudes(value: Any, system: System) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Psi, (P,), of a packet or a list of them, normalised, and its phases (rad), Psi = sqrt(rho) exp(-i phase).

    The phases of a single packet are those of its plane wave, -k (x - centre), also where Psi is too small a number.
    """
    items = value if isinstance(value, (list, tuple)) else [value]
    if not items:
        raise InputError(KEY, value, "must be a table, or a list of at least one")
    keys = [f"{KEY}[{i}]" for i in range(len(items))] if isinstance(value, (list, tuple)) else [KEY]
    levels = [_level(item, key, system.P) for item, key in zip(items, keys, strict=True)]
    wanted = max((level for level in levels if level is not None), default=-1)
    states = eigen.lowest(system, wanted + 1) if wanted >= 0 else np.empty((system.P, 0), complex)
    parts = [
        _packet(item, key, system) if level is None else _eigenstate(item, key, _bare(states[:, level]))
        for item, key, level in zip(items, keys, levels, strict=True)
    ]
    if len(parts) == 1:
        part = parts[0]
        angle = part.angle + portable.angles(part.amplitude)
        return portable.exp(part.log_size) * portable.turns(angle), -angle
    return _sum(parts, value)


def _sum(parts: list[Part], value: Any) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """The sum of the parts, each site's in units of its largest term, so that no tail loses its phase."""
    largest = np.max([part.log_size for part in parts], axis=0)
    unit = np.where(np.isfinite(largest), largest, 0.0)
    scale = max(float(portable.lengths(part.amplitude.real, part.amplitude.imag)) for part in parts)
    total = np.zeros(unit.size, complex)
    for part in parts:
        wave = portable.exp(part.log_size - unit) * portable.turns(part.angle)
        total += portable.times(part.amplitude / scale, wave)
    psi: NDArray[np.complex128] = np.asarray(total * portable.exp(unit), complex)
    norm = portable.norm(psi)
    if not norm > 1e-12:
        raise InputError(KEY, value, "must not cancel to nothing")
    return psi / norm, np.where(total != 0, -portable.angles(total), 0.0)


def _level(item: Any, key: str, P: int) -> int | None:
    """Which eigenstate a table asks for; None for a packet."""
    if not (isinstance(item, dict) and "eigenstate" in item):
        return None
    level = table(item, key, ["eigenstate"], ["amplitude"])["eigenstate"]
    if isinstance(level, bool) or not isinstance(level, (int, np.integer)) or not 0 <= level < eigen.most(P):
        why = f"must be a whole number from 0, the ground state, to {eigen.most(P) - 1}"
        raise InputError(f"{key}.eigenstate", level, why)
    return int(level)


def _eigenstate(item: dict[str, Any], key: str, state: NDArray[np.complex128]) -> Part:
    log_size = portable.log(portable.sizes(state))
    return Part(log_size, np.where(state != 0, portable.angles(state), 0.0), _amplitude(item, key))


def _bare(state: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """A state without nodes rid of the signs that rounding gave its tails; any other as it is."""
    size = portable.sizes(state)
    return size.astype(complex) if np.max(np.abs(state - size)) < 1e-9 * size.max() else state


def _packet(item: Any, key: str, system: System) -> Part:
    """exp(-(x - centre)^2/(4 width^2) + i k (x - centre)): width is the standard deviation of |Psi|^2 along an axis."""
    table(item, key, ["centre", "width"], ["wave_number", "amplitude", "eigenstate"])
    lattice = system.lattice
    if lattice is None:
        why = 'needs the coordinates of a lattice, builder = "lattice"; {eigenstate = 0} does not'
        raise InputError(key, item, why)
    axes = len(lattice.shape)
    centre = per_axis(item["centre"], f"{key}.centre", axes)
    width = per_axis(item["width"], f"{key}.width", axes, positive)
    k = per_axis(item.get("wave_number", 0.0), f"{key}.wave_number", axes)
    _fits(lattice, key, centre, width, k)
    log_size, angle = np.zeros(lattice.P), np.zeros(lattice.P)
    for d, w, ki in zip(lattice.displacement(centre), width, k, strict=True):
        log_size -= (0.5 * d / w) ** 2
        angle += ki * d
    log_size -= 0.5 * portable.log(np.sum(portable.exp(2 * log_size)))
    return Part(log_size, angle, _amplitude(item, key))


def _fits(
    lattice: Lattice, key: str, centre: tuple[float, ...], width: tuple[float, ...], k: tuple[float, ...]
) -> None:
    """InputError where the lattice cannot hold such a packet."""
    for x, c, w, ki, abar, length in zip(
        lattice.positions, centre, width, k, lattice.spacing, lattice.lengths, strict=True
    ):
        low, high = x[0] - 0.5 * abar, x[-1] + 0.5 * abar
        if not low <= c <= high:
            raise InputError(f"{key}.centre", c, f"must lie in the box, from {low:g} to {high:g}")
        if w < 0.5 * abar:
            raise InputError(f"{key}.width", w, f"must be at least half the spacing, {0.5 * abar:g}")
        if WIDTHS * w > length:
            why = f"a packet wider than the box: must be at most a sixth of its length {length:g}, {length / WIDTHS:g}"
            raise InputError(f"{key}.width", w, why)
        if abs(ki) * abar >= np.pi:
            why = f"must be below pi/spacing = {np.pi / abar:g} in size: sites tell no shorter waves apart"
            raise InputError(f"{key}.wave_number", ki, why)


def _amplitude(item: dict[str, Any], key: str) -> complex:
    given = item.get("amplitude", 1.0)
    found = number(given, f"{key}.amplitude")
    if found == 0:
        raise InputError(f"{key}.amplitude", given, "must not be zero")
    return found
