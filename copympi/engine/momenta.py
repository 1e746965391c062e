"""The alignment model (42) to (53): members with phases and momenta of their own, pulled towards each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.momenta as kernel
from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.own_phases import OwnPhases
from copympi.engine.purposes import Purpose
from copympi.errors import DynamicsError
from copympi.kernels import portable
from copympi.model.preparation import Start
from copympi.model.system import System

LEAST_PASSES, MOST_PASSES = 2, 100
SETTLED = 1e-14
"""Change of a sum between two passes, for each member, at which a step is found."""
LEAST = 1e-12
"""Momenta below this in size are as good as none."""


@dataclass(frozen=True)
class Model:
    """H = sum_I [pi_I^2/2 + pi_I Omega_I] + potential (42), with erratum 2; `[alignment]` of a config.

    strength : f^2; with scaling "mean" it stands for f^2/n_a. potential : "sin2", (f^2/2) sum_J sin^2(phi_I - phi_J),
    or "polar", (f^2/2) sum_J [1 - cos(phi_I - phi_J)]. damping : dpi/dt gets -damping pi. momenta : half width of the
    uniform spread of pi at t = 0. on_copy : who copies inherits its partner's pi, or starts anew from 0 ("reset").
    """

    strength: float
    scaling: str = "total"
    damping: float = 0.0
    potential: str = "sin2"
    momenta: float = 0.0
    on_copy: str = "inherit"

    @property
    def twice(self) -> bool:
        return self.potential == "sin2"


class Momenta(OwnPhases):
    """Members with phases and momenta. values : (3, M) e^{i phi}, re and im, and pi, of now; maps stay the identity."""

    def __init__(
        self,
        comm: Any,
        system: System,
        start: Start,
        accuracy: Accuracy,
        replicas: int,
        seed: int,
        model: Model,
        copying: float = 1.0,
    ) -> None:
        self.model = model
        self._sizes = _sizes(system)
        super().__init__(comm, system, start, accuracy, seed, replicas, copying, model.on_copy == "inherit")
        self.hold(np.vstack([self.values, model.momenta * self.spread_out(Purpose.MOMENTA)]))
        self.add_up()

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached. Collective."""
        self._sizes = _sizes(system)
        super().switch(system)

    def advance(self) -> bool:
        """One step of every replica that is not yet at the stop; False when all are."""
        self.plan_step(self._turning())
        self._half_flow()
        if self.layout.blocks == 1:
            self.copy_one_by_one()
        else:
            self.add_up()  # every member has moved
            self.copy_at_once()
        self.add_up()
        self._half_flow()
        self.finish_step()
        return bool(self.active.any())

    def hold(self, values: NDArray[np.float64]) -> None:
        """Take `values` (W, members) for those of this rank's members."""
        super().hold(values)
        self.mid = np.empty_like(values)

    def _turning(self) -> NDArray[np.float64]:
        """How fast phases turn besides: by momenta, by the pull of the others, by the recoil of their fields."""
        fastest = self._largest_momentum()
        sums = self._sums_of_all(fastest)
        numbers = self._felt(sums)
        pull = (2.0 if self.model.twice else 1.0) * self._strength() * self.n
        recoil = portable.lengths(numbers[:, 3], numbers[:, 4])
        speed = fastest[:, None] + np.sqrt(pull) + np.sqrt(recoil)
        return np.asarray(np.maximum(speed, self.model.damping))

    def _strength(self) -> NDArray[np.float64]:
        """f^2, or f^2/n_a, (R, P)."""
        over = np.maximum(self.n, 1) if self.model.scaling == "mean" else np.ones_like(self.n)
        return np.asarray(self.model.strength / over)

    def _felt(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        m = self.model
        couplings, mean = self.system.couplings, m.scaling == "mean"
        return kernel.felt(couplings, n=self.n, sums=sums, strength=m.strength, mean=mean, twice=m.twice)

    def _all_sums(
        self, values: NDArray[np.float64], active: NDArray[np.uint8], room: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums over all members (R, SUMS, P), and their units (R, SUMS, 1), for momenta up to `room` (R,) in size."""
        most = np.ldexp(1.0, np.frexp(np.maximum(room, LEAST))[1])
        p_scale = self.scale / np.stack([most, most**2], axis=1)
        sums = kernel.sum_up(self.crowd, values=values, active=active, scale=self.scale, p_scale=p_scale)
        mpi.total(self.comm, sums.reshape(-1))
        unit = np.repeat(1.0 / np.column_stack([np.full(len(most), self.scale), p_scale]), (4, 3, 1), axis=1)[
            :, :, None
        ]
        return np.ascontiguousarray(sums * unit), unit

    def _sums_of_all(self, room: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sums over all members of all replicas as they are, (R, SUMS, P). Collective."""
        return self._all_sums(self.values, np.ones(len(self.n), np.uint8), room)[0]

    def _largest_momentum(self) -> NDArray[np.float64]:
        fastest = np.zeros(len(self.n))
        begin, sizes = self.offset[:-1], np.diff(self.offset)
        if self.values.shape[1]:
            most = np.maximum.reduceat(np.abs(self.values[2]), begin[sizes > 0])
            np.maximum.at(fastest, self.unit[sizes > 0, 0], most)
        mpi.largest(self.comm, fastest)
        return fastest

    def _room(self, fastest: NDArray[np.float64], length: NDArray[np.float64]) -> NDArray[np.float64]:
        """What |pi| cannot outgrow within a time `length` (R,), with a factor of two to spare."""
        root = np.sqrt(self.n)
        fields = (self._sizes @ root.T).T / np.maximum(root, 1.0)  # bounds on |h_a|, and on |k_a| over the largest |pi|
        force = self._strength() * self.n + 2.0 * fields * fastest[:, None]
        grown = portable.exp(2.0 * length * fields.max(axis=1))
        return np.asarray(2.0 * (fastest + length * force.max(axis=1) * grown))

    def _half_flow(self) -> None:
        """Half a step of phases and momenta by the implicit midpoint rule, damping split off around it."""
        length = 0.5 * self.plans.step
        keep = (1.0 - 0.25 * self.model.damping * length) / (1.0 + 0.25 * self.model.damping * length)
        if self.model.damping:
            factor = np.where(self.active > 0, keep, 1.0)[self.unit[:, 0]]
            self.values[2] *= np.repeat(factor, np.diff(self.offset))
        self.mid[:] = self.values
        fastest = self._largest_momentum()
        room = self._room(fastest, length)
        if not self.alike:  # a last bit may take sums to another unit
            mpi.broadcast(self.comm, room)
        sums, unit = self._all_sums(self.mid, self.active, room)
        # rounding goes round in circles by last bits, of members or of their sums' units, all copies of one alike
        f = np.maximum(fastest, 1.0)
        size = np.stack([np.ones_like(f)] * 4 + [f] * 3 + [f * f], axis=1)
        settled = self.n[:, None] * np.maximum(SETTLED * size[:, :, None], 2.0 * unit)
        for k in range(MOST_PASSES):
            kernel.midpoints(
                self.crowd, mid=self.mid, numbers=self._felt(sums), half=0.5 * length, twice=self.model.twice,
                active=self.active,
            )  # fmt: skip
            better, _ = self._all_sums(self.mid, self.active, room)
            done = k >= LEAST_PASSES and bool(np.all(np.abs(better - sums) <= settled))
            sums = better
            if done:
                break
        else:
            raise DynamicsError(
                f"the implicit midpoint rule found no end of a step at t = {self.progress[0]:.10g}: "
                "use a smaller dynamics.step, or none"
            )
        kernel.end(self.crowd, mid=self.mid, keep=keep, active=self.active)

    def add_up(self) -> None:
        """Learn everyone's n, sums and copies."""
        self.learn()
        self.sums[self.active > 0] = self.sums_now()[self.active > 0]

    def sums_now(self) -> NDArray[np.float64]:
        """Sums of e^{i phi} and e^{2 i phi} of all replicas as they are, (R, 4P). Collective."""
        sums = self._sums_of_all(self._largest_momentum())
        return np.ascontiguousarray(sums[:, :4].reshape(len(self.n), -1))

    def per_member(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of every member of this rank, block after block."""
        return {**super().per_member(), "pi": self.values[2]}

    def replica_rows(self) -> dict[str, NDArray[np.float64]]:
        """H/hbar (42) of every replica, (R,). Collective."""
        return {"energy": self._energy(self._sums_of_all(self._largest_momentum()))}

    def _energy(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """H/hbar (42), (R,)."""
        Z2, n = (sums[:, 2:4] if self.model.twice else sums[:, 0:2]), self.n.astype(float)
        h = self._felt(sums)
        kinetic = 0.5 * sums[:, 7] + (h[:, 0] + self.system.couplings.shift) * sums[:, 6]
        pull = self._strength() * (n**2 - (Z2**2).sum(axis=1)) * (0.25 if self.model.twice else 0.5)
        return np.asarray((kinetic + h[:, 1] * sums[:, 4] - h[:, 2] * sums[:, 5] + pull).sum(axis=1))


def _sizes(system: System) -> Any:
    """|H_ab|/hbar without the diagonal, (P, P) sparse, as P may be large."""
    sizes = system.frequencies.real.copy()
    sizes.data = portable.sizes(system.frequencies.data)  # NumPy's |z| has other last bits on other CPUs
    sizes.setdiag(0.0)
    return sizes
