"""Amplitudes of a lattice as arrays, real and imaginary parts apart: how they turn, are scaled, and are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.kernels import portable

EMPTY, WHOLE, GAUSSIAN = 0, 1, 2
"""Regimes of a beable: nobody there; a whole number of members; so many that noise is Gaussian."""

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]


def numbers_of(parts: Floats) -> Complex:
    """Numbers whose real and imaginary parts are these, (..., 2, K)."""
    out = np.empty((*parts.shape[:-2], parts.shape[-1]), complex)
    out.real, out.imag = parts[..., 0, :], parts[..., 1, :]
    return out


def turn_all(c: Floats, angle: Floats) -> None:
    """Phases of amplitudes c (R, 2, P), re and im, grow by `angle` (P,), in place: the minus sign is that of (34)."""
    turned = portable.times(c[:, 0] + 1j * c[:, 1], portable.turns(-angle))
    c[:, 0], c[:, 1] = turned.real, turned.imag


def shown(n: NDArray[np.int64], mean: Complex, deviation: Complex, turn: Floats, members: Floats) -> dict[str, Any]:
    """What there is of beables beyond N = 2^63, by the names of datasets, (R, K) each.

    n (R, K): whole numbers of members, or UNCOUNTED; turn (R, K): of phases besides; members (R,): N.
    """
    gauss = n < 0
    n = np.where(gauss, portable.sizes(mean + deviation) ** 2, n)
    regime = np.where(gauss, GAUSSIAN, np.where(n > 0, WHOLE, EMPTY)).astype(np.int8)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        angle = -portable.angles(1.0 + deviation / mean)
    small = portable.sizes(deviation) < 1e-8 * portable.sizes(mean)  # where 1 + ratio would lose the ratio
    root = np.sqrt(members)[:, None]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        angle = np.where(small, -(deviation / mean).imag, angle)
        fluctuation = off_mean(mean, deviation) / root  # NaN where a filter has left nobody
    return {
        "occupation": n,
        "phase": turn - portable.angles(mean + deviation),
        "fluctuation": fluctuation,
        "phase_fluctuation": np.where(regime > EMPTY, root * angle, np.nan),
        "regime": regime,
    }


def rescaled(
    n: NDArray[np.int64], mean: Floats, deviation: Floats,
    added_up: Callable[[Floats], float],
) -> float:  # fmt: skip
    """How many members mean + deviation are, (2, K) each, re and im: the mean is scaled to as many, and the deviation
    takes up what it gains or loses. No difference of large numbers is taken.

    n (K,): whole numbers of members, or UNCOUNTED. added_up : gives the sum over all beables, of which these are some.
    """
    z, d = mean[0] + 1j * mean[1], deviation[0] + 1j * deviation[1]
    shares = portable.sizes(z) ** 2
    size = added_up(shares)
    if size == 0.0:  # the mean has nobody here: who is here becomes the mean
        mean[:], deviation[:] = deviation, 0.0
        return added_up(mean**2)
    more = added_up(np.where(n < 0, off_mean(z, d), n - shares))
    by = np.sqrt(max(0.0, 1.0 + more / size))
    deviation -= more / size / (1.0 + by) * mean  # by - 1, to all its digits
    mean *= by
    return max(0.0, size + more)


def off_mean(mean: Complex, deviation: Complex) -> Floats:
    """|mean + deviation|^2 - |mean|^2, which is n - N rho: no difference of large numbers is taken."""
    return np.asarray(2.0 * portable.times(mean.conj(), deviation).real + portable.sizes(deviation) ** 2)
