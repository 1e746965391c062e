"""Schroedinger's equation for the same H, i hbar dPsi/dt = H Psi (36), solved exactly to rounding."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.schedule import NOTHING, Schedule
from copympi.model.system import System
from copympi.theory import filters

DENSE_TO = 400
"""Largest P for which diagonalising H is cheaper than steps in time."""
LONGEST = 500.0
"""Half width of the spectrum times the longest step."""
STRETCH = 1e4
"""Multiplications for which a stretch of time with one H stands besides."""
TERMS = 24
"""Terms of an expansion beyond the step times that half width: what is left out is below rounding."""


def evolve(system: System, state: ArrayLike, times: ArrayLike, schedule: Schedule = NOTHING) -> NDArray[np.complex128]:
    """Psi at `times`, (T, P) complex, from Psi(0) = `state`, (P,) complex; times ascend from any start.

    schedule : other H from given times on; then times start at 0 or later.
    """
    psi = np.asarray(state, dtype=complex)
    t = np.asarray(times, dtype=float)
    if schedule:
        return np.concatenate([np.empty((0, system.P), complex), *_piecewise(system, psi, t, schedule)])
    if system.P <= DENSE_TO:
        energy, vectors = np.linalg.eigh(system.frequencies.toarray())
        return np.exp(-1j * np.outer(t, energy)) * (vectors.conj().T @ psi) @ vectors.T
    out = np.empty((t.size, system.P), complex)
    for k, now in enumerate(stepwise(system, psi, t)):
        out[k] = now
    return out


def _piecewise(system: System, psi: NDArray[Any], t: NDArray[Any], schedule: Schedule) -> Iterator[NDArray[Any]]:
    """Psi at those of the times t that lie in one stretch of time with one H, one stretch after the other."""
    for begin, end, part, H in stretches(system, t, schedule):
        found = evolve(H, psi, np.append(t[part], end) - begin)
        psi = filters.after(found[-1], schedule, end)
        yield found[:-1]


def stretches(
    system: System, times: NDArray[np.float64], schedule: Schedule
) -> Iterator[tuple[float, float, slice, System]]:
    """Stretches of time with one H up to the last of the ascending `times` (T,): begin, end, which times lie in it
    (that of its end does, that of its begin but for 0 does not), and the System."""
    last = float(times[-1]) if times.size else 0.0
    segments = [(begin, H) for begin, H in schedule.segments(system) if begin < last] or [(0.0, system)]
    first = 0
    for k, (begin, H) in enumerate(segments):
        end = segments[k + 1][0] if k + 1 < len(segments) else last
        after = int(np.searchsorted(times, end, side="right"))
        yield begin, end, slice(first, after), H
        first = after


def stepwise(
    system: System, state: ArrayLike, times: ArrayLike, schedule: Schedule = NOTHING
) -> Iterator[NDArray[np.complex128]]:
    """Psi (P,) at one of `times` after the other, which ascend: what a million beables have memory for.

    schedule : other H from given times on; then times start at 0 or later.
    """
    t = np.asarray(times, dtype=float)
    if not schedule:
        yield from _steps(system, state, t)
        return
    psi = np.asarray(state, dtype=complex)
    for begin, end, part, H in stretches(system, t, schedule):
        count = len(t[part])
        for k, now in enumerate(_steps(H, psi, np.append(t[part], end) - begin)):
            psi = now
            if k < count:
                yield now
        psi = filters.after(psi, schedule, end)


def _steps(system: System, state: ArrayLike, times: ArrayLike) -> Iterator[NDArray[np.complex128]]:
    """The same for one H.

    Chebyshev's expansion of exp(-i t H/hbar) within Gershgorin's bounds on its spectrum, to rounding.
    """
    W = system.frequencies
    centre, radius = spectrum(system)
    psi, now = np.asarray(state, dtype=complex), 0.0
    for when in np.asarray(times, dtype=float):
        parts = max(1, math.ceil(radius * abs(when - now) / LONGEST))
        for _ in range(parts if when != now else 0):
            psi = _chebyshev(W, psi, (when - now) / parts, centre, radius)
        now = float(when)
        yield psi


def spectrum(system: System) -> tuple[float, float]:
    """Centre and half width of an interval that holds all eigenvalues of H/hbar (Gershgorin)."""
    W = system.frequencies
    diagonal = W.diagonal().real
    reach = abs(W).sum(axis=1) - np.abs(diagonal)
    low, high = float((diagonal - reach).min()), float((diagonal + reach).max())
    return 0.5 * (low + high), 0.5 * (high - low)


def levelled(system: System) -> NDArray[np.complex128]:
    """H/hbar, (P, P), with the energies of beables without couplings in the middle of the others', and that at zero.

    All |Psi_a|^2 and flows stay as they are, and so do phases but for turns by themselves: what takes the less time,
    the narrower the spectrum, does not wait for beables to which nothing happens.
    """
    W = system.frequencies.toarray()
    omega, each = np.diag(W).real.copy(), np.arange(system.P)
    W[each, each] = 0.0
    bound = np.any(W != 0, axis=1)
    if bound.any():
        omega -= 0.5 * (omega[bound].max() + omega[bound].min())
    W[each, each] = np.where(bound, omega, 0.0)
    return W


def cost(system: System, times: ArrayLike, schedule: Schedule = NOTHING) -> float:
    """About how many multiplications `stepwise` takes."""
    t = np.asarray(times, dtype=float)
    if schedule and t.size:
        parts = stretches(system, t, schedule)
        return sum(cost(H, np.concatenate([[0.0], t[part] - begin, [end - begin]])) for begin, end, part, H in parts)
    _, radius = spectrum(system)
    return float(system.elements) * (radius * float(np.ptp(t)) + TERMS * t.size) if t.size else 0.0


def affordable(system: System, times: ArrayLike, most: float, schedule: Schedule = NOTHING) -> bool:
    """Whether `evolve` takes at most about so many multiplications; of one H that is diagonalised it always does."""
    P = system.P
    if P > DENSE_TO:
        return cost(system, times, schedule) <= most
    return not schedule or len(schedule) * (STRETCH + 10 * P**3) <= most


def _chebyshev(W: Any, psi: NDArray[Any], t: float, centre: float, radius: float) -> NDArray[np.complex128]:
    from scipy.special import jv  # here: it takes a tenth of a second

    z = radius * t
    turn = np.exp(-1j * centre * t)
    if z == 0:
        return turn * psi
    terms = math.ceil(abs(z) + 12 * abs(z) ** (1 / 3) + TERMS)
    weight = jv(np.arange(terms), z)
    last, this = psi, (W @ psi - centre * psi) / radius
    out = weight[0] * psi - 2j * weight[1] * this
    for k in range(2, terms):
        last, this = this, (W @ this - centre * this) * (2 / radius) - last
        out += 2 * weight[k] * (-1j) ** (k % 4) * this
    return turn * out


def density(system: System, state: ArrayLike, times: ArrayLike, schedule: Schedule = NOTHING) -> NDArray[np.float64]:
    """rho_a = |Psi_a|^2 at `times`, (T, P); schedule : see `evolve`."""
    return np.abs(evolve(system, state, times, schedule)) ** 2
