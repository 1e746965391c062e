"""A particle in a square box of side pi, hbar = m = 1, in M modes of equal weight and random phases.

Psi = sum (1/sqrt(M)) e^{i theta_kl} 2/pi sin(kx) sin(ly) e^{-i E_kl t}, k, l = 1 .. sqrt(M), and at t = 0 the chances
are those of the mode (1, 1) (Valentini and Westman 2005). On a lattice of L by L sites, with its own energies, chances
follow Bell's process, dp/dt = W p; without a lattice they are those of particles that drift with Psi, de Broglie's
v = Im(grad Psi/Psi).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from copympi.engine.lots import uniforms
from copympi.engine.purposes import Purpose

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

CELLS = 16
"""Of coarse graining, to a side."""
EVERY = 0.1
"""Time between looks."""
STEP = 0.04
"""Step of chances on a lattice, over its spacing; 1/speed."""
FASTEST = 1.3
"""Largest rate of leaving times a step, which keeps Taylor's series stable; beside nodes rates are cut to that."""
DRIFT_STEP, FASTEST_DRIFT = 4e-3, 60.0
"""Step of particles, and the speed to which they are held beside nodes."""
PARTICLES = 1000
FINE = 8
"""Points to a side of a cell, by which |Psi|^2 is summed up."""


@dataclass(frozen=True)
class Modes:
    """Amplitudes (K, K) at t = 0, energies (K,) to each side, and sines (K, points) on the points of a lattice."""

    amplitudes: Complex
    energies: Floats
    sines: Floats

    def psi(self, t: float) -> Complex:
        """(points, points)."""
        turned = self.amplitudes * np.exp(-1j * t * (self.energies[:, None] + self.energies))
        return np.asarray(self.sines.T @ turned @ self.sines)


def amplitudes(modes: int, seed: int, draw: int) -> Complex:
    """Draw number `draw` of the phases of a square number of modes, the same with and without a lattice."""
    K = round(modes**0.5)
    lots = uniforms(seed, Purpose.SYSTEMS, draw, 2000 + modes, 0, K * K)
    return np.asarray(np.exp(2j * np.pi * lots.reshape(K, K)) / K)


def on_lattice(modes: int, L: int, seed: int, draw: int) -> Modes:
    """The modes on L by L sites, normalised to sums."""
    k, a = np.arange(1, round(modes**0.5) + 1), np.pi / (L + 1)
    sines = np.sqrt(2 / (L + 1)) * np.sin(np.outer(k, a * np.arange(1, L + 1)))
    return Modes(amplitudes(modes, seed, draw), (1 - np.cos(k * a)) / a**2, sines)


def chances(modes: int, L: int, seed: int, draw: int, looks: int) -> tuple[Floats, float]:
    """Coarse-grained H-function of Bell's process at `looks` times, and how far chances that began as |Psi|^2 end up
    from it (total variation): what cut rates and steps do."""
    wave = on_lattice(modes, L, seed, draw)
    a = np.pi / (L + 1)
    ground = np.outer(*2 * [2 / (L + 1) * np.sin(a * np.arange(1, L + 1)) ** 2])
    p = np.array([ground, np.abs(wave.psi(0.0)) ** 2])
    count = int(np.ceil(EVERY / (STEP * a)))
    h, found = EVERY / count, []
    for look in range(looks):
        rho = np.abs(wave.psi(look * EVERY)) ** 2
        found.append(coarse_h(cells_of(p[0]), cells_of(rho)))
        for s in range(count if look < looks - 1 else 0):
            p = _step(p, wave.psi(look * EVERY + (s + 0.5) * h), a, h)
    return np.array(found), float(0.5 * np.abs(p[1] - rho).sum())


def _step(p: Floats, psi: Complex, a: float, h: float) -> Floats:
    """exp(h W) p to fourth order, W at the middle of the step; p (D, L, L)."""
    along = np.imag(np.conj(psi[:-1]) * psi[1:]) / a**2
    across = np.imag(np.conj(psi[:, :-1]) * psi[:, 1:]) / a**2
    up, right = np.maximum(along, 0.0), np.maximum(across, 0.0)
    down, left = up - along, right - across
    out = np.zeros(psi.shape)
    out[:-1] += up
    out[1:] += down
    out[:, :-1] += right
    out[:, 1:] += left
    each = 1.0 / np.maximum(np.abs(psi) ** 2, out * (h / FASTEST))
    up, down, right, left = up * each[:-1], down * each[1:], right * each[:, :-1], left * each[:, 1:]
    term = p
    for k in range(1, 5):
        x = up * term[:, :-1] - down * term[:, 1:]
        y = right * term[:, :, :-1] - left * term[:, :, 1:]
        term = np.zeros_like(p)
        term[:, :-1] -= x
        term[:, 1:] += x
        term[:, :, :-1] -= y
        term[:, :, 1:] += y
        term *= h / k
        p = p + term
    return p


def drifting(modes: int, seed: int, draw: int, looks: int) -> tuple[Floats, Floats]:
    """The same of particles that drift, PARTICLES from the mode (1, 1) and as many from |Psi|^2: both H-functions.

    What so few particles would show of |Psi|^2 itself, (cells - 1)/(2 particles), is taken off.
    """
    points = (np.arange(CELLS * FINE) + 0.5) * np.pi / (CELLS * FINE)
    k = np.arange(1, round(modes**0.5) + 1)
    wave = Modes(amplitudes(modes, seed, draw), 0.5 * k**2.0, np.sin(np.outer(k, points)))
    X = np.concatenate([_drawn(np.outer(*2 * [np.sin(points) ** 2]), seed, draw, 1),
                        _drawn(np.abs(wave.psi(0.0)) ** 2, seed, draw, 2)], axis=1)  # fmt: skip
    bias = (CELLS**2 - 1) / (2 * PARTICLES)
    found, count = [], round(EVERY / DRIFT_STEP)
    for look in range(looks):
        rho = cells_of(np.abs(wave.psi(look * EVERY)) ** 2)
        cell = np.minimum((X * (CELLS / np.pi)).astype(np.int64), CELLS - 1)
        place = cell[0] * CELLS + cell[1]
        both = (np.bincount(part, minlength=CELLS**2).reshape(CELLS, CELLS) for part in np.split(place, 2))
        found.append([coarse_h(n / PARTICLES, rho / rho.sum()) - bias for n in both])
        for s in range(count if look < looks - 1 else 0):
            X = _drift(wave, X, look * EVERY + s * DRIFT_STEP, DRIFT_STEP)
    one, other = np.array(found).T
    return one, other


def _drawn(density: Floats, seed: int, draw: int, block: int) -> Floats:
    """PARTICLES places, (2, .), from a density on fine squares, even within each."""
    lots = uniforms(seed, Purpose.SYSTEMS, draw, 3000 + block, 0, 3 * PARTICLES).reshape(3, -1)
    total = np.cumsum(density.ravel())
    square = np.minimum(np.searchsorted(total, lots[0] * total[-1], side="right"), total.size - 1)
    corner = np.array(np.divmod(square, density.shape[1]))
    return np.asarray((corner + lots[1:]) * (np.pi / density.shape[1]))


def _drift(wave: Modes, X: Floats, t: float, h: float) -> Floats:
    """One Runge-Kutta step of places X (2, particles), held in the box."""
    v1 = _speed(wave, X, t)
    v2 = _speed(wave, X + 0.5 * h * v1, t + 0.5 * h)
    v3 = _speed(wave, X + 0.5 * h * v2, t + 0.5 * h)
    v4 = _speed(wave, X + h * v3, t + h)
    X = np.abs(X + (h / 6) * (v1 + 2 * v2 + 2 * v3 + v4))
    return np.asarray(np.pi - np.abs(np.pi - X))


def _speed(wave: Modes, X: Floats, t: float) -> Floats:
    """Im(grad Psi/Psi), (2, particles)."""
    K = len(wave.energies)
    turned = wave.amplitudes * np.exp(-1j * t * (wave.energies[:, None] + wave.energies))
    powers = np.cumprod(np.broadcast_to(np.exp(1j * X), (K, *X.shape)), axis=0)
    k = np.arange(1, K + 1)[:, None]
    (sx, sy), (cx, cy) = powers.imag.swapaxes(0, 1), powers.real.swapaxes(0, 1)
    inner = turned @ sy
    psi = (sx * inner).sum(axis=0)
    grad = np.array([(k * cx * inner).sum(axis=0), (sx * (turned @ (k * cy))).sum(axis=0)])
    speed = np.imag(grad * np.conj(psi)) / np.maximum(np.abs(psi) ** 2, 1e-12)
    return np.asarray(np.clip(speed, -FASTEST_DRIFT, FASTEST_DRIFT))


def cells_of(density: Floats) -> Floats:
    """Sums over CELLS by CELLS parts of a square lattice, whose number of sites to a side is a multiple of CELLS."""
    n = density.shape[0] // CELLS
    return np.asarray(density.reshape(CELLS, n, CELLS, n).sum(axis=(1, 3)))


def coarse_h(p: Floats, rho: Floats) -> float:
    """sum p ln(p/rho)."""
    some = p > 0
    return float((p[some] * np.log(p[some] / rho[some])).sum())
