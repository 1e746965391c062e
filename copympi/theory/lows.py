"""How low |Psi_a|^2 falls between records: a pass near a node lasts an instant, and no record need see it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.schedule import NOTHING, Schedule
from copympi.model.system import System
from copympi.theory import filters
from copympi.theory.paths import ANGLE, NUMBERS, Path
from copympi.theory.schrodinger import evolve, levelled, stretches

Floats = NDArray[np.float64]
STRETCH = 5e4
"""Multiplications for which a stretch of time with one H stands besides."""


def looks(system: System, times: ArrayLike, schedule: Schedule = NOTHING) -> float:
    """About how many moments `lowest` looks at."""
    t = np.asarray(times, dtype=float)
    if schedule and t.size:
        parts = stretches(system, t, schedule)
        return sum(looks(H, np.append(t[part], end) - begin) for begin, end, part, H in parts)
    energy = np.linalg.eigvalsh(levelled(system))
    return float(np.ptp(energy) * (t[-1] / ANGLE) + t.size) if t.size else 0.0


def lowest(system: System, state: ArrayLike, times: ArrayLike, schedule: Schedule = NOTHING) -> Floats:
    """Smallest |Psi_a|^2 from each of the ascending `times` to the next, (T - 1, P), both ends included.

    state : (P,) Psi(0). H is diagonalised: for up to some hundred beables. schedule : other H from given times on; the
    first of the times is then 0.
    """
    t = np.asarray(times, dtype=float)
    if schedule:
        return _piecewise(system, np.asarray(state, dtype=complex), t, schedule)
    energy, vectors = np.linalg.eigh(levelled(system))
    energy -= 0.5 * (energy[0] + energy[-1])
    path = Path(energy, vectors, vectors.conj().T @ np.asarray(state, dtype=complex))
    out = np.full((max(t.size - 1, 0), system.P), np.inf)
    step = ANGLE / max(float(np.ptp(energy)), 1e-300)
    parts = np.maximum(1, np.ceil(np.diff(t) / step)).astype(np.int64)
    ends = np.cumsum(parts)
    first = 0
    while first < parts.size:  # so many intervals at a time
        room = (ends[first - 1] if first else 0) + max(1, NUMBERS // system.P)
        last = max(first + 1, int(np.searchsorted(ends, room, side="right")))
        some = parts[first:last]
        owner = np.repeat(np.arange(first, last), some)
        place = np.arange(owner.size) - np.repeat(np.cumsum(some) - some, some)
        moments = np.append(t[owner] + place * (np.diff(t)[owner] / parts[owner]), t[last])
        _look(path, moments, owner, out)
        first = last
    return out


def _piecewise(system: System, psi: NDArray[np.complex128], t: Floats, schedule: Schedule) -> Floats:
    """The same, stretch by stretch of one H. After a filter as parts of what there was at the start, and only of those
    beables that stay."""
    share, closed = 1.0, np.zeros(system.P, bool)
    out = np.full((max(t.size - 1, 0), system.P), np.inf)
    for begin, end, part, H in stretches(system, t, schedule) if t.size > 1 else ():
        edges = np.unique(np.concatenate([[begin], t[part], [end]]))
        low = lowest(H, psi, edges - begin)
        low = np.where(closed, np.inf, share * low) if share > 0.0 else np.zeros_like(low)
        np.minimum.at(out, np.searchsorted(t, edges[1:], side="left") - 1, low)
        psi = evolve(H, psi, [end - begin])[0]
        kept = schedule.stays(end, system.P)
        if kept is not None:
            psi, passed = filters.projected(psi, kept)
            share, closed = share * passed, closed | ~kept
    return out


def _look(path: Path, moments: Floats, owner: NDArray[np.intp], out: Floats) -> None:
    """Note in `out` the least |Psi_a|^2 at and between the moments (M + 1,), of intervals owner (M,)."""
    psi = path.psi(moments)
    rho = psi.real**2 + psi.imag**2
    np.minimum.at(out, owner, np.minimum(rho[:-1], rho[1:]))
    # a minimum between three looks, and not far from the lower one of its neighbours
    inner = (rho[1:-1] <= rho[:-2]) & (rho[1:-1] <= rho[2:])
    where, a = np.nonzero(inner)
    for k in range(0, where.size, max(1, NUMBERS // path.energy.size)):
        some = slice(k, k + max(1, NUMBERS // path.energy.size))
        at, which = where[some] + 1, a[some]
        low, high, now = moments[at - 1], moments[at + 1], moments[at]
        now = path.lowest(now, low, high, which)
        least = np.abs(path.element(now, which)[0]) ** 2
        side = np.where(now < moments[at], at - 1, np.minimum(at, owner.size - 1))
        np.minimum.at(out, (owner[side], which), least)


def first_below(lows: Floats, floor: float) -> int:
    """How many records come before some beable falls below `floor`, from `lowest` (T - 1, P): at least one."""
    low = np.any(lows < floor, axis=1)
    return int(np.argmax(low)) + 1 if low.any() else lows.shape[0] + 1


def affordable(system: System, times: ArrayLike, most: float, schedule: Schedule = NOTHING) -> bool:
    """Whether `lowest` takes at most so many multiplications."""
    P, stretches = system.P, len(schedule)
    work = looks(system, times, schedule) * P * (P + 10) + stretches * (STRETCH + 10 * P**3)
    return math.isfinite(most) and work <= most
