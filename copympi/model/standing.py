"""Where systems that Psi guides stand at t = 0, where that is not as |Psi|^2: `preparation.guided`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from copympi.errors import InputError
from copympi.model.preparation import LARGEST, ROUNDED_TO, Start, largest_remainder, vector

KEY = "preparation.guided"


def placed(start: Start, given: Any) -> Start:
    """The start with other counts: Psi, and with it the phases, are as before.

    given : (P,) numbers of systems, which add up to N, or a density, which adds up to 1; by the beables in use.
    Raises InputError where they are neither, or put systems where Psi is zero: there Bell's rates mean nothing.
    """
    rho, N = vector(given, start.state.size, KEY, float), start.members
    if np.any(rho < 0):
        a = int(np.argmin(rho))
        raise InputError(f"{KEY}[{a}]", float(rho[a]), "must not be negative")
    total = float(rho.sum())
    if start.spectators:
        raise InputError("preparation.spectators", start.spectators, f"must be 0 where {KEY} is given")
    counted = bool(np.all(rho == np.rint(rho))) and total == N <= 2**53
    if not counted and abs(total - 1.0) > ROUNDED_TO:
        raise InputError(KEY, given, f"must add up to {N}, numbers of systems, or to 1, a density, not to {total:.9g}")
    nowhere = np.flatnonzero((rho > 0) & (start.state == 0))
    if nowhere.size:
        a = int(nowhere[0])
        raise InputError(f"{KEY}[{a}]", float(rho[a]), "must be 0: Psi is zero there, and guides nobody away")
    if counted:
        return replace(start, counts=rho.astype(np.int64), apart=True)
    counts = largest_remainder(rho, N) if N <= LARGEST else np.rint(float(N) * (rho / total))
    return replace(start, counts=counts, apart=True)
