"""The infinite ensemble, members = inf: its mean field, without noise, for any copy rule (model/mean_field.py).

Counts are shares rho_a of the members, which sum to 1 but for the step's error, and events are copies a member.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.accuracy import RESOLVABLE, Accuracy
from copympi.engine.clock import Stop
from copympi.engine.replicas import IndependentReplicas, Replicas
from copympi.errors import DynamicsError
from copympi.kernels import portable
from copympi.model.mean_field import FAINTEST, MeanField
from copympi.model.preparation import Start
from copympi.model.rules import Rule
from copympi.model.system import System

FINER = 1e-3
"""A step's error in an amplitude, as a part of the tolerance of its stop: few of its steps add up to more than that."""
RELATIVE = 2.5e-14
"""Relative error of amplitudes, about as small as doubles allow: errors are bounded in absolute terms."""
SMALLEST_ERROR = 1e-14
FAINT = 0.01
"""And as a part of the amplitude itself, at most, where beables can become empty."""
MOST_STEPS = 100_000
"""From one stop to the next."""


class InfiniteEnsemble(IndependentReplicas):
    """Amplitudes c (here, P) = sqrt(rho) exp(-i phi), by steps of DOP853 (Dormand and Prince, eighth order).

    One ensemble alone has no noise, so there is nothing for a second replica to do; the first rank has it. length
    (here,): the step that comes next, 0 where it is to be found.
    """

    whole_copies = False

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int, rule: Rule
    ) -> None:
        super().__init__(comm, system, start, accuracy, seed, Replicas(replicas, comm.size, comm.rank))
        self.rule, self.field = rule, MeanField(system, rule, self.shift)
        psi = np.sqrt(np.asarray(start.counts, float)) * portable.turns(-start.phase)
        self.c = np.tile(psi, (self.layout.here, 1))
        self.length = np.zeros(self.layout.here)

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached; its first step is to be found."""
        super().switch(system)
        self.field = MeanField(system, self.rule, self.shift)
        self.length[:] = 0.0

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        self._error = max(FINER * self.accuracy.tolerance * stop.share, SMALLEST_ERROR)
        self._begun = self.step.copy()

    def check(self, system: System) -> None:
        """InputError where a matrix of the copy rule does not fit a later system."""
        self.rule.fit(system.P)

    def go_on(self) -> int:
        """Some steps of this rank's replicas: how many were made."""
        made = 0
        for i in range(self.layout.here):
            while self.time_left[i] > 0.0 and made < self.pace.steps and self.problem is None:
                self._step(i)
                made += 1
        return made

    def _step(self, i: int) -> None:
        """One step of a replica. Copies are integrated beside its amplitudes, with an error of the whole tolerance."""
        from scipy.integrate import DOP853  # here: it takes a tenth of a second

        P, left = self.system.P, float(self.time_left[i])
        y = np.concatenate([self.c[i].view(float), [0.0]])
        bounds = np.full(2 * P + 1, self._error)
        if self.field.mortal:  # an error must not keep away from a node who comes to it
            near = np.maximum(FAINT * np.abs(self.c[i]), FAINT * FAINTEST)
            bounds[:-1] = np.minimum(self._error, np.repeat(near, 2))
        bounds[-1] = self.accuracy.tolerance * self.stop.share
        first = min(self.length[i], left) if self.length[i] > 0.0 else None
        over, least = True, RESOLVABLE * self.stop.time
        while over:  # a node: again, half as long
            solver = DOP853(self._slope, 0.0, y, left, rtol=RELATIVE, atol=bounds, first_step=first)
            solver.step()
            if solver.status == "failed" or (solver.t < left and solver.t < least):
                self.problem = self._failure(i, "the step falls below what this time can resolve")
                return
            after = solver.y[:-1].copy().view(complex)
            most = self._error if solver.t > 2.0 * least else 1.0
            _, over = self.field.bury(after, self.c[i], most)
            first = 0.5 * solver.t
        if self.step[i] - self._begun[i] >= MOST_STEPS:
            why = f"more than {MOST_STEPS:,} steps since the last record; a smaller output.interval allows more"
            self.problem = self._failure(i, why)
            return
        self.c[i] = after
        self.events[i] += solver.y[-1]
        self.step[i] += 1
        done = solver.status == "finished"  # its last step may have been cut short
        self.length[i] = max(solver.h_abs, self.length[i]) if done else solver.h_abs
        self.time_left[i] = 0.0 if done else left - solver.t

    def _slope(self, _: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        moved, copies = self.field.moved(y[:-1].view(complex))
        return np.append(np.ascontiguousarray(moved).view(float), copies)

    def _failure(self, i: int, why: str) -> DynamicsError:
        rho = np.abs(self.c[i]) ** 2
        low = int(np.argmin(np.where(rho > 0.0, rho, np.inf)))
        return DynamicsError(
            f"{why}: beable {self.system.labels[low]} at t = "
            f"{float(self.times[i]):.10g} holds a share of {rho[low]:.3g} of the members (a node: see docs/nodes.md)"
        )

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,); what is left need not sum to 1, and moves as it would if it did."""
        self.c[:, gone] = 0.0

    @property
    def present(self) -> NDArray[Any]:
        """Who is left, as a share of those at t = 0, (here,)."""
        return np.asarray((np.abs(self.c) ** 2).sum(axis=1))

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """Shares rho and phases of this rank's replicas, (here, P) each, by the names of datasets."""
        phase = self.turn[:, None] - portable.angles(self.c)
        return {"occupation": portable.sizes(self.c) ** 2, "phase": phase}

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each replica."""
        return {"c": self.c, "length": self.length, **self.counters}
