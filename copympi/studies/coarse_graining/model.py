"""A particle on a lattice and the same one seen in boxes: the coarse graining of section 3.3. m = hbar = 1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.build import lattice
from copympi.model.system import System

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Model:
    """A chain or ring of P sites with a start: x (P,), V (P,), rho (P,), phi (P,) rad; abar their spacing.

    Its H is (56), (57): R = 1/(2 abar^2) between neighbours, delta = pi, omega = V + 1/abar^2.
    """

    x: Array
    V: Array
    rho: Array
    phi: Array
    boundary: str = "open"

    @property
    def abar(self) -> float:
        return float(self.x[1] - self.x[0])

    @cached_property
    def system(self) -> System:
        return lattice(self.x.size, self.abar, boundary=self.boundary, potential=self.V)

    @property
    def psi(self) -> NDArray[np.complex128]:
        return np.asarray(np.sqrt(self.rho) * np.exp(-1j * self.phi))

    def boxes(self, k: int, phase: str = "middle") -> Model:
        """The model of boxes of k sites each, spacing k abar: n and V from all sites of a box, phases from `phase`.

        "middle" : S at the box's middle. n adds up and S does not: it is a field, sampled where the box is.
        "sum" : of the box's summed amplitude. It is off by (<y^2>/2 rho) d/dx(rho dphi/dx), y from the middle, which is
            the density's own rate of change: a moving packet's phases are bent.
        "current" : a step of asin(k sin(step of a site)) between boxes, so that the flow between boxes is the fine one;
            there is none where k sin(...) is above 1, as the flow between boxes is at most 2R sqrt(n n').
        """
        row = self.phi.reshape(-1, k)
        phi = 0.5 * (row[:, (k - 1) // 2] + row[:, k // 2])
        if phase == "sum":
            phi = -np.angle(box_sums(self.psi, k))
        elif phase == "current":
            step = np.diff(phi)
            phi = np.concatenate([[0.0], np.cumsum(np.arcsin(k * np.sin(step / k)))])
        x, V = (each.reshape(-1, k).mean(axis=1) for each in (self.x, self.V))
        return Model(x, V, box_sums(self.rho, k), phi, self.boundary)


def box_sums(values: NDArray[Any], k: int) -> NDArray[Any]:
    """Sums over boxes of k sites along the last axis."""
    return np.asarray(values.reshape(*values.shape[:-1], -1, k).sum(axis=-1))


def middled(sites: int) -> Array:
    """x of sites a unit apart, 0 in their middle."""
    return np.asarray(np.arange(sites) - 0.5 * (sites - 1))


def packet(sites: int, centre: float, width: float, theta: float = 0.0, V: NDArray[Any] | float = 0.0) -> Model:
    """A Gaussian packet of wave number theta (rad a site) on an open chain of sites a unit apart."""
    x = middled(sites)
    rho = np.exp(-0.5 * ((x - centre) / width) ** 2)
    return Model(x, np.broadcast_to(np.asarray(V, float), x.shape), rho / rho.sum(), -theta * (x - centre))


def wave(sites: int, contrast: float) -> Model:
    """Psi = 1 + contrast e^{iqx}, q the ring's longest wave: no node, a hump that goes round at q/2."""
    x = middled(sites)
    psi = 1.0 + contrast * np.exp(2j * np.pi * x / sites)
    rho = np.abs(psi) ** 2
    return Model(x, np.zeros(sites), rho / rho.sum(), -np.angle(psi), "ring")
