"""Systems that jump guided by Schroedinger's wavefunction and copy nobody (Bell's and Vink's process).

A system in b jumps to a at the rate 2 R_ab |Psi_a|/|Psi_b| (sin+(phi_a - phi_b + delta_ab) + m), Psi the solution of
Schroedinger's equation, m the symmetric part (`dynamics.guide_mixing`): docs/theory.md, "Guided systems".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.guided_events as events
from copympi.engine.accuracy import RESOLVABLE, Accuracy
from copympi.engine.clock import Stop
from copympi.engine.ensemble import Ensemble, State
from copympi.engine.exact import unresolved
from copympi.engine.purposes import Purpose
from copympi.engine.replicas import IndependentReplicas, Replicas
from copympi.engine.support import ALIGNED, EXACT, Method
from copympi.engine.thinning import Thinned
from copympi.engine.tracking import Int, initial_beables
from copympi.kernels import portable
from copympi.kernels.guide import TERMS, Guide
from copympi.kernels.guided_counts import Steps
from copympi.model.preparation import MOST, Start
from copympi.model.system import System


class GuidedCounts(IndependentReplicas):
    """Counts n (here, P) of this rank's replicas, whose systems Psi guides: the same Psi, and steps, for all of them.

    guide : Psi, but for the turn that all phases make (`turn`), and what flows in a step; psi (here, P) : Psi as a
    checkpoint holds it, of each replica, though all have the same.
    """

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int, mixing: float
    ) -> None:
        super().__init__(comm, system, start, accuracy, seed, Replicas(replicas, comm.size, comm.rank))
        self.mixing = mixing
        self.n = np.tile(start.counts, (self.layout.here, 1))
        self.psi = np.empty((self.layout.here, system.P), complex)
        self._lead(start.guide)

    def _lead(self, state: NDArray[np.complex128]) -> None:
        """Be guided by Psi (P,) from here on, and by the H of `system`."""
        self.guide = Guide(self.system.couplings, self.mixing)
        self.guide.state = state
        self._steps = Steps(
            self.guide, seed=self.seed, purpose=Purpose.GUIDED, first_replica=self.first,
            chance=self.accuracy.leaving_chance,
        )  # fmt: skip

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached: Psi is what it is, whatever leads it."""
        super().switch(system)
        self._lead(self.guide.state)

    def go_on(self) -> int:
        """Some steps of this rank's replicas: how many were made."""
        if not np.any(self.time_left > 0.0):
            return 0
        return self._steps.advance(
            self.n, time_left=self.time_left, step=self.step, events=self.events, largest=self.largest_chance,
            end=self.stop.time, smallest=RESOLVABLE * self.stop.time, max_steps=self.pace.steps,
            tracker=self.tracks.kernel if isinstance(self.tracks, Thinned) else None,
        )  # fmt: skip

    @property
    def copies_a_step(self) -> float:
        """About as many members that are followed jump in a step of a replica at most."""
        return self.tracks.ids.size * self.accuracy.leaving_chance

    def follow(self, ids: Int) -> Thinned:
        """Follow members of these ids. A beable is two places: who has come in a step's first half stands apart."""
        P = self.system.P
        start = 2 * initial_beables(self.start, P, ids)
        return Thinned(ids, start, self.layout, P, self.seed, finer=2)

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,), and take them out of Psi: an ideal measurement with this outcome."""
        self.n[:, gone] = 0
        self.guide.state = projected(self.guide.state, gone)

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of this rank's replicas, each (here, P), by the names of datasets."""
        return {"occupation": self.n, "phase": self.turn[:, None] - portable.angles(self.guide.state)}

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each replica."""
        self.psi[:] = self.guide.state
        return {"n": self.n, "psi": self.psi, **self.counters}

    def restore(self, state: State, stop: Stop) -> None:
        """Go on from `state`, on the way to `stop`."""
        super().restore(state, stop)
        if len(self.psi):  # of a replica that goes on, if one does
            self.guide.state = self.psi[int(np.argmin(self.deserted))]


class ExactGuidedCounts(IndependentReplicas):
    """The same jump by jump, each replica in steps of its own: psi (here, 2 P), Re, then Im, of Psi as each has it."""

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int, mixing: float
    ) -> None:
        super().__init__(comm, system, start, accuracy, seed, Replicas(replicas, comm.size, comm.rank))
        self.mixing = mixing
        self.n = np.tile(start.counts, (self.layout.here, 1))
        psi = start.guide
        self.psi = np.tile(np.concatenate([psi.real, psi.imag]), (self.layout.here, 1))
        self.guide = Guide(system.couplings, mixing)

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached: Psi is what it is, whatever leads it."""
        super().switch(system)
        self.guide = Guide(system.couplings, self.mixing)

    def go_on(self) -> int:
        """Some steps of this rank's replicas: how many were made."""
        done, status, r = events.advance(
            self.guide, self.n, self.psi, (self.seed, Purpose.GUIDED, self.first), time_left=self.time_left,
            step=self.step, events=self.events, end=self.stop.time, smallest=RESOLVABLE * self.stop.time,
            max_steps=self.pace.steps, tracker=self.tracks.kernel if isinstance(self.tracks, Thinned) else None,
            pause=self.pause,
        )  # fmt: skip
        if status:
            self.problem = unresolved(float(self.times[r]), self.n[r], f"replica {self.first + r}")
        return done

    def follow(self, ids: Int) -> Thinned:
        """Follow members of these ids."""
        P = self.system.P
        return Thinned(ids, initial_beables(self.start, P, ids), self.layout, P, self.seed)

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,), and take them out of Psi."""
        self.n[:, gone] = 0
        for row, psi in zip(self.psi, self._state, strict=True):
            left = projected(psi, gone)
            row[:] = np.concatenate([left.real, left.imag])

    @property
    def _state(self) -> NDArray[np.complex128]:
        """Psi of each replica, (here, P)."""
        P = self.system.P
        return self.psi[:, :P] + 1j * self.psi[:, P:]

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of this rank's replicas, each (here, P), by the names of datasets."""
        return {"occupation": self.n, "phase": self.turn[:, None] - portable.angles(self._state)}

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each replica."""
        return {"n": self.n, "psi": self.psi, **self.counters}


def projected(psi: NDArray[np.complex128], gone: NDArray[np.bool_]) -> NDArray[np.complex128]:
    """Psi (P,) without the beables of `gone` (P,), normalised; zero where nothing is left, and then nobody is led."""
    left = np.where(gone, 0j, psi).astype(np.complex128)
    norm = portable.norm(left)
    return np.asarray(left / norm if norm > 0.0 else left)


def _work(beables: int, pairs: int, _: int) -> int:
    """Bytes of what one rank works with: Psi's series and what flows, and the chances and draws of a step."""
    return 8 * ((2 * TERMS + 98) * beables + 13 * pairs)


def _row(name: str, why: str, make: Callable[..., Ensemble], representation: str, **more: Any) -> Method:
    """A row of the table of methods, for systems that Psi guides."""
    return Method(
        name=name,
        why=f'dynamics.guide = "schroedinger", {why}',
        make=lambda comm, c: make(comm, c.system, c.start, c.accuracy, c.replicas, c.seed, c.mixing),
        representation=representation,
        phases=(ALIGNED,),
        guided=True,
        tracking=True,
        spectators=False,
        fixed_steps=False,
        bytes_of_work=_work,
        **more,
    )


GUIDED = (
    _row(
        "guided counts",
        'and dynamics.representation = "occupation"',
        GuidedCounts,
        "occupation",
        most_members=MOST,
        bytes_a_member=0,
        bytes_a_beable=lambda _: 64,
    ),
    _row(
        "exact guided counts",
        'dynamics.method = "exact" and dynamics.representation = "occupation", N below 2^63',
        ExactGuidedCounts,
        "occupation",
        methods=(EXACT,),
        bytes_a_member=0,
        bytes_a_beable=lambda _: 64,
    ),
)
"""Rows of the table of methods, in engine/methods.py."""
