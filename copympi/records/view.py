"""What a recorded quantity is worked out from: all replicas, or some, at the time of a record."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model import joint, observables

Arrays = dict[str, NDArray[Any]]


class View:
    """R replicas of P beables at `time`, as the functions of quantities, and those of `observe`, see them.

    n : (R, P) members, whole numbers, float64 beyond N = 2^63. phase : (R, P) radians in (-pi, pi], NaN at n = 0.
    coherence : (R, P) |sum e^{i phi}|/n, NaN at n = 0. psi : (R, P) sqrt(n/N) exp(-i phase), where the members of a
    beable share its phase. motion : what `observables.motion` makes of psi on a lattice. system : the System.

    angle : phases as the ensemble holds them, not wrapped, anything at n = 0. held : what it holds more, or what was
    worked out already where replicas lie, by the names of quantities.
    """

    def __init__(
        self,
        system: Any,
        time: float,
        n: NDArray[Any],
        angle: NDArray[np.float64],
        held: Arrays | None = None,
        energy_at_start: float = np.nan,
    ) -> None:
        self.system, self.time, self.n, self.angle, self.energy_at_start = system, time, n, angle, energy_at_start
        self.held: Arrays = {} if held is None else held

    @cached_property
    def phase(self) -> NDArray[np.float64]:
        return wrapped(self.angle, self.n)

    @cached_property
    def coherence(self) -> NDArray[np.float64]:
        """As it is held; else members share their beable's phase, and it is 1 wherever there are any."""
        held = self.held.get("coherence")
        return np.where(self.n > 0, 1.0, np.nan) if held is None else held

    @cached_property
    def psi(self) -> NDArray[np.complex128]:
        return observables.amplitudes(self.n, self.angle)

    @cached_property
    def energy(self) -> NDArray[np.float64]:
        """<H> of psi, (R,), in units of energy; energy_at_start is that of t = 0, which all replicas share."""
        return observables.mean_energy(self.psi, self.system)

    @cached_property
    def motion(self) -> dict[str, NDArray[np.float64]]:
        return observables.motion(self.psi, observables.lattice_of(self.system))

    @cached_property
    def tables(self) -> list[NDArray[Any]]:
        """Of a composite, members (R, d, d') with each two beables of two parts, for every pair of parts."""
        return joint.tables(self.n, self.system.parts)

    def one(self, replica: int) -> View:
        """One of the replicas alone, R = 1."""
        some = slice(replica, replica + 1)
        held = {name: values[some] for name, values in self.held.items()}
        return View(self.system, self.time, self.n[some], self.angle[some], held, self.energy_at_start)

    def read_only(self) -> View:
        """The same numbers, for a user's function: what that writes to them is an error, not another result."""
        n, angle, *held = (values.view() for values in (self.n, self.angle, *self.held.values()))
        for values in (n, angle, *held):
            values.flags.writeable = False
        named = dict(zip(self.held, held, strict=True))
        return View(self.system, self.time, n, angle, named, self.energy_at_start)


def wrapped(phase: NDArray[np.float64], n: NDArray[Any]) -> NDArray[np.float64]:
    """Phases in (-pi, pi], NaN where there is no member."""
    return np.where(n > 0, np.pi - np.mod(np.pi - phase, 2 * np.pi), np.nan)
