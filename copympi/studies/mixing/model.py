"""The systems of the study of mixing, hbar = 1, and in which states they are."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from copympi.engine.lots import uniforms
from copympi.engine.purposes import Purpose
from copympi.model.system import System

Complex = NDArray[np.complex128]
RING_SITES = 8
"""Sites that the wave on a ring takes for one period in space, so that it turns by pi/4 from site to site."""


def two_levels(axis: float, top: float) -> tuple[System, Complex]:
    """H = pi (sin(axis) sx + cos(axis) sz), whose period is 1, at the top of |Psi_0|^2; angles in degrees from z."""
    a, t = np.radians([axis, top])
    H = np.pi * np.array([[np.cos(a), np.sin(a)], [np.sin(a), -np.cos(a)]])
    return System(H), np.array([np.cos(t / 2), np.sin(t / 2)], complex)


def ends(axis: float, top: float) -> tuple[float, float]:
    """Least and largest |Psi_0|^2 of that: it turns about the axis."""
    low, high = (0.5 * (1 + np.cos(np.radians(angle))) for angle in (2 * axis - top, top))
    return float(low), float(high)


def ring(P: int) -> tuple[System, Complex]:
    """A ring of P sites, 1/time the rate at which members go on, in a wave that turns by 2 pi/RING_SITES a site.

    All |Psi_a|^2 are 1/P for ever, and all members go round one way, each at random times.
    """
    turn = 2 * np.pi / RING_SITES
    shift = np.roll(np.eye(P), 1, axis=0)
    H = -(shift + shift.T) / (2 * np.sin(turn))
    return System(H), np.asarray(np.exp(1j * turn * np.arange(P)) / np.sqrt(P))


def ring_time(P: int) -> float:
    """In which the first harmonic of members' places on that ring falls to 1/e: 1/(1 - cos(2 pi/P))."""
    return float(1 / (1 - np.cos(2 * np.pi / P)))


def two_equal() -> tuple[System, Complex]:
    """H = -sx, R = 1, in its ground state."""
    return System(np.array([[0.0, -1.0], [-1.0, 0.0]])), np.full(2, np.sqrt(0.5), complex)


def normal(seed: int, number: int, block: int, count: int) -> NDArray[np.float64]:
    """So many normal numbers, a function of seed, number and block."""
    lots = uniforms(seed, Purpose.SYSTEMS, number, block, 0, count)
    return np.asarray(ndtri(np.clip(lots, 2.0**-54, 1 - 2.0**-54)))


def random_levels(P: int, number: int, seed: int = 1) -> tuple[System, Complex]:
    """A Hermitian matrix of independent normal numbers, |H_ab|^2 = 1/P in the mean, and a state of no preference."""
    z = normal(seed, number, P, 2 * P * P + 2 * P)
    A = (z[: P * P] + 1j * z[P * P : 2 * P * P]).reshape(P, P)
    psi = z[2 * P * P :: 2] + 1j * z[2 * P * P + 1 :: 2]
    return System((A + A.conj().T) / np.sqrt(4 * P)), np.asarray(psi / np.linalg.norm(psi))


REAL_STATE_OF = 4
"""Levels of the real H whose ground state is watched."""


@cache
def real_ground_state() -> tuple[Any, Complex]:
    """A real H of few levels with couplings below 0, so that its ground state is real and has no node."""
    P = REAL_STATE_OF
    z = normal(1, 0, 1000, P * P).reshape(P, P)
    H = -np.abs(z + z.T) / 2
    return System(H), np.asarray(np.abs(np.linalg.eigh(H)[1][:, 0]), complex)
