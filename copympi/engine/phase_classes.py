"""Unaligned phases as counts of phase classes (a, phi), at a cost that does not depend on N."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.field_plans as field_plans
import copympi.kernels.fields as fields
import copympi.kernels.phase_classes as kernel
import copympi.kernels.single as single
from copympi.engine.accuracy import Accuracy
from copympi.engine.class_tracks import InClasses, initial_classes
from copympi.engine.clock import Stop
from copympi.engine.pace import Pace
from copympi.engine.purposes import Purpose
from copympi.engine.replicas import IndependentReplicas, Replicas
from copympi.engine.tracking import Int
from copympi.kernels import portable
from copympi.kernels.classes import Classes
from copympi.kernels.phases import unit_circle
from copympi.kernels.plans import FieldPlans
from copympi.model.preparation import Start, largest_remainder
from copympi.model.system import System

FEW, FEW_A_PAIR = 16_384, 8
"""Copies are drawn one by one up to so many members, or so many for each pair of classes that may copy each other."""


class PhaseClasses(IndependentReplicas):
    """Replicas as counts (R, P, K) of K phase classes a beable, with phases (R, 2, P, K) as re, im of e^{i phi}.

    At t = 0 a beable's members are shared out evenly over K phases, evenly spaced over its spread; so are its
    spectators, class_spectators (P, K), of whom none leave their class.

    While N fits, counts are int64 and every draw is binomial. Where `start.counts` are doubles (N beyond 2^63, up to
    1e80) so are counts: whole numbers, from 2^53 on to a relative 1e-16, and N is kept to rounding. From a class of
    fewer than 2^62 members draws are exact binomials, so rare classes die as they should. From a larger one few leave
    as Poisson says, many as a Gaussian of the binomial's mean and variance. A double resolves less and less of that
    Gaussian from 1e30 on, and nothing from 1e32 on: large classes then follow the mean alone.

    Where members are `few` at t = 0, copies are drawn one by one instead, which is exact at phases that stand still.
    """

    def __init__(
        self,
        comm: Any,
        system: System,
        start: Start,
        accuracy: Accuracy,
        replicas: int,
        seed: int,
        classes: int,
        copying: float = 1.0,
    ) -> None:
        super().__init__(comm, system, start, accuracy, seed, Replicas(replicas, comm.size, comm.rank))
        R, P = self.layout.here, system.P
        self.copying = copying
        self.pace = Pace(1)  # a step of many phase classes may take seconds
        self.z, self.count, self.class_spectators = first_classes(start, classes, R)
        self.n = self.count.sum(axis=2)
        self.members, self.classes_each = start.members, classes
        self.followed: InClasses | None = None
        self._make_plans()
        self.classes = Classes(n=self.n, z=self.z, count=self.count, spectators=self.class_spectators)
        self.maps = np.tile(np.repeat([1.0, 0.0, 0.0, 0.0], P), (R, 1))
        self.since = np.zeros(R)
        self.sums = np.zeros((R, 4 * P))
        self._besides = np.zeros((R, P))
        kernel.map_classes(self.classes, active=np.ones(R, np.uint8), maps=self.maps, sums=self.sums)

    def _make_plans(self) -> None:
        couplings = self.system.couplings
        most = max(FEW, FEW_A_PAIR * couplings.entries * self.classes_each**2)
        self.few = self.count.dtype == np.int64 and self.members <= most
        self.plans = FieldPlans(couplings, self.layout.here)

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached."""
        super().switch(system)
        self._make_plans()

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        self._control = self.accuracy.second_order_control(stop)
        if self.followed is not None:
            self.followed.set_out(stop.time, self.system, self.turned, self.switched)

    def follow(self, ids: Int) -> InClasses:
        """What is known of members of these ids (M,) at t = 0."""
        self.followed = followed(self, ids)
        return self.followed

    def go_on(self) -> int:
        """Some steps of every replica that is not yet at the stop: how many were made by all together."""
        active = (self.time_left > 0.0).astype(np.uint8)
        done = 0
        while active.any() and done < self.pace.steps:
            done += int(np.count_nonzero(active))
            field_plans.choose(
                self.system.couplings, self.plans, self._control, self.accuracy.angle, active=active, n=self._real_n,
                sums=self.sums, since=self.since, besides=self._besides, time_left=self.time_left,
            )  # fmt: skip
            status, replica, beable = self.plans.first_failure(active)
            if status:
                time, n, label = float(self.times[replica]), self.n[replica], self.system.labels[beable]
                self.problem = self.accuracy.failure(status, time, self.first + replica, label, n)
                return done
            self.plans.maps[:] = self.maps
            self._half_flow(active)
            self._copy(active)
            kernel.map_classes(self.classes, active=active, maps=self.maps, sums=self.sums)
            self._half_flow(active)
            field_plans.finish(
                self.plans, active=active, time_left=self.time_left, step=self.step, largest=self.largest_chance
            )
        return done

    def _half_flow(self, active: NDArray[np.uint8]) -> None:
        """Half a step of the phases: the maps of the plans, applied at once."""
        fields.drift(self.system.couplings, self.plans, active=active, n=self._real_n, sums=self.sums, since=self.since)
        self.maps[:] = self.plans.maps
        kernel.map_classes(self.classes, active=active, maps=self.maps, sums=self.sums)
        self.plans.maps[:] = self.maps
        self.since[active > 0] = 0.0

    def _copy(self, active: NDArray[np.uint8]) -> None:
        """The copies of a step: one by one where members are few, else how many leave each class for each."""
        couplings = self.system.couplings
        if not self.few or self.followed is not None:  # whose phases at their copies go by the fields of mid-step
            field_plans.chances(
                couplings, self.plans, copying=self.copying, active=active, n=self._real_n, sums=self.sums,
                since=self.since,
            )  # fmt: skip
        if self.few:
            single.copy_classes(
                couplings, self.plans, self.classes, copying=self.copying, active=active, seed=self.seed,
                purpose=Purpose.PHASE_CLASSES, first_replica=self.first, step=self.step, events=self.events,
            )  # fmt: skip
            return
        kernel.copy(
            couplings, self.plans, self.classes, active=active, seed=self.seed, purpose=Purpose.PHASE_CLASSES,
            first_replica=self.first, step=self.step, events=self.events,
        )  # fmt: skip

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,)."""
        self.count[:, gone] = 0
        self.n[:, gone] = 0
        self.sums.reshape(len(self.n), 4, self.system.P)[:, :, gone] = 0.0

    def take_stock(self) -> None:
        """Who is there; a beable that a filter has emptied has no spectators."""
        super().take_stock()
        if self.spectators:
            self.class_spectators[(self.n == 0).any(axis=0)] = 0

    @property
    def _real_n(self) -> NDArray[np.float64]:
        return self.n.astype(np.float64, copy=False)

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of this rank's replicas, each (R, P), by the names of datasets."""
        P = self.n.shape[1]
        x, y, x2, y2 = (self.sums[:, k * P : (k + 1) * P] for k in range(4))
        with np.errstate(invalid="ignore", divide="ignore"):
            first, second = (portable.lengths(u, v) / self.n for u, v in ((x, y), (x2, y2)))
        return {
            "occupation": self.n,
            "phase": portable.angles(x + 1j * y) + self.turn[:, None],
            "coherence": first,
            "coherence2": second,
            "lineages": np.count_nonzero(self.count, axis=2).astype(np.int64),
        }

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each replica."""
        out = {"n": self.n, "since": self.since, "sums": self.sums, "z": self.z, "count": self.count}
        return {**out, **self.counters}


def followed(ensemble: Any, ids: Int) -> InClasses:
    """Members of an ensemble of phase classes at t = 0, and its kernels tell what they do."""
    start, classes = ensemble.start, ensemble.classes
    movable = first_classes(start, ensemble.z.shape[3], 1)
    places = initial_classes(start, ids, movable[1][0] - movable[2])
    tracks = InClasses(ids, places, ensemble.layout, ensemble.system.P, ensemble.seed, ensemble.z.shape[3])
    classes.follow(tracks.steps)
    return tracks


def first_classes(start: Start, classes: int, replicas: int) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[Any]]:
    """K phase classes of each beable at t = 0, evenly spaced, members and spectators shared out evenly.

    Their e^{i phi}, re and im (R, 2, P, K), their members (R, P, K), and the spectators among these (P, K).
    """
    P = len(start.counts)
    angle = start.phase[:, None] + start.spread * ((2.0 * np.arange(classes) + 1.0) / classes - 1.0)
    z = np.reshape(unit_circle(np.remainder(angle, 2 * np.pi).ravel()), (2, P, classes))
    count = np.array([shared_out(n, classes) for n in start.counts])
    spectators = np.tile(largest_remainder(np.full(classes, 1.0 / classes), start.spectators), (P, 1))
    return np.tile(z, (replicas, 1, 1, 1)), np.tile(count, (replicas, 1, 1)), spectators


def shared_out(n: Any, classes: int) -> NDArray[Any]:
    """n members over phase classes as evenly as can be, (classes,): integers, or whole doubles for a double n."""
    if isinstance(n, np.integer):
        return largest_remainder(np.full(classes, 1.0 / classes), int(n))
    if n < 2.0**53:
        return largest_remainder(np.full(classes, 1.0 / classes), round(float(n))).astype(np.float64)
    return np.full(classes, np.rint(n / classes))
