"""The dephasing equation against van Kampen's 1/N mean, worked out from the drift's second derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from copympi.model.system import System
from copympi.theory import dephasing, noise, pinned
from copympi.theory.schrodinger import evolve
from tests.physics import calm


class Drift:
    """The mean field (32), (33) in y = (rho, phi), and its derivatives by differences."""

    def __init__(self, system: System) -> None:
        W = system.frequencies.toarray()
        self.P, self.omega, self.delta = system.P, np.diag(W).real, np.angle(W)
        self.R = np.abs(W)
        np.fill_diagonal(self.R, 0)

    def __call__(self, y: NDArray) -> NDArray:
        rho, phi = y[: self.P], y[self.P :]
        theta = phi[:, None] - phi[None, :] + self.delta
        root = self.R * np.sqrt(np.outer(rho, rho))
        turn = self.omega + (root / rho[:, None] * np.cos(theta)).sum(axis=1)
        return np.concatenate([(2 * root * np.sin(theta)).sum(axis=1), turn])

    def second(self, y: NDArray, C: NDArray, h: float = 1e-3) -> NDArray:
        """1/2 sum_ij d^2 f/dy_i dy_j C_ij, along the principal axes of C."""
        out = np.zeros_like(y)
        sizes, axes = np.linalg.eigh(C)
        for size, v in zip(sizes, axes.T, strict=True):
            far, near = self(y + 2 * h * v) + self(y - 2 * h * v), self(y + h * v) + self(y - h * v)
            out += 0.5 * size * (16 * near - far - 30 * self(y)) / (12 * h * h)
        return out

    def first(self, y: NDArray, m: NDArray, h: float = 1e-5) -> NDArray:
        """The Jacobian times m."""
        size = max(float(np.linalg.norm(m)), 1e-300)
        return (self(y + h * m / size) - self(y - h * m / size)) * (size / (2 * h))


def van_kampen(system: System, psi: NDArray, duration: float, steps: int = 300) -> NDArray:
    """m of E[(rho, phi)] = mean field + m/N: dm/dt = J m + 1/2 f'':C, by Runge and Kutta; returns that of rho."""
    times = np.linspace(0, duration, 2 * steps + 1)
    C = noise.covariance(system, psi, times, 1e-9)
    c = evolve(system, psi, times)
    y = np.concatenate([np.abs(c) ** 2, -np.angle(c)], axis=1)
    f = Drift(system)
    source = [f.second(*at) for at in zip(y, C, strict=True)]
    m, h = np.zeros(2 * system.P), duration / steps
    for k in range(0, 2 * steps, 2):
        one = f.first(y[k], m) + source[k]
        two = f.first(y[k + 1], m + 0.5 * h * one) + source[k + 1]
        three = f.first(y[k + 1], m + 0.5 * h * two) + source[k + 1]
        four = f.first(y[k + 2], m + h * three) + source[k + 2]
        m = m + h / 6 * (one + 2 * two + 2 * three + four)
    return m[: system.P]


@pytest.mark.parametrize("P", [2, 4])
def test_it_is_van_kampens_mean_to_four_digits(P: int) -> None:
    system, psi = calm(P, 1.2, 0.06)
    found = np.diag(dephasing.shift(system, psi, [1.2])[0]).real
    expected = van_kampen(system, psi, 1.2)
    assert np.abs(expected).max() > 0.05
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("P", [2, 3])
def test_spectators_bend_the_mean_field_as_its_own_equations_say(P: int) -> None:
    """What s spectators add to the 1/N mean is s d/d(sigma) of theory/pinned.py's mean field at sigma = 0."""
    system, psi = calm(P, 1.2, 0.06)
    times, h = np.array([0.0, 1.2]), 2e-3
    up, down = (pinned.mean(system, psi, times, each, 100_000)[0][-1] for each in (h, -h))
    more = dephasing.shift(system, psi, [1.2], 3) - dephasing.shift(system, psi, [1.2])
    assert np.allclose(np.diag(more[0]).real, 3 * (up - down) / (2 * h), atol=3e-4 * np.abs(up - down).max() / h)


def test_sigma_is_a_density_matrix_and_its_energy_is_that_lost_to_gamma() -> None:
    system, psi = calm(3, 1.2, 0.06)
    times = np.linspace(0, 1.2, 601)
    more = dephasing.shift(system, psi, times)
    assert np.allclose(more, more.conj().swapaxes(1, 2))
    assert np.allclose(np.einsum("taa->t", more), 0, atol=1e-9)
    H = system.hamiltonian.toarray()
    lost = np.einsum("ab,tba->t", H, dephasing.loss(system, evolve(system, psi, times))).real
    heat = dephasing.heating(system, psi, times)
    assert heat[-1] == pytest.approx(-np.sum(0.5 * (lost[1:] + lost[:-1]) * np.diff(times)), rel=1e-4)


def test_two_levels_that_turn_about_an_axis() -> None:
    """H = w/2 along z; beables along an axis tilted by b; a state on the equator. Coherence time by hand.

    rho_0 = (1 + q)/2, q = sin b cos(w t), and gamma of the one pair is (F/8N)(1/rho_0 + 1/rho_1)^2 with
    F = |d rho_0/dt|, both pairs of terms put together.
    """
    w, b = 3.0, 0.6
    axis = np.array([[np.cos(b), np.sin(b)], [np.sin(b), -np.cos(b)]])
    system = System(0.5 * w * axis)  # sz as those see it whose beables are tilted
    energy, vectors = np.linalg.eigh(system.hamiltonian.toarray())
    assert np.ptp(energy) == pytest.approx(w)
    period = 2 * np.pi / w
    found = dephasing.coherence_times(system, vectors @ np.array([1, 1]) / np.sqrt(2), period)
    assert np.isnan(found[0, 0])
    t = (np.arange(200_000) + 0.5) * (period / 200_000)
    q = np.sin(b) * np.cos(w * t)
    flow = 0.5 * np.sin(b) * w * np.abs(np.sin(w * t))
    gamma = flow * (4 / (1 - q**2)) ** 2 / 8
    # gamma o sigma: what is across the beables' axis of the Bloch vector shrinks; seen from z, averaged over a turn
    across = 1 - (np.sin(b) * np.cos(w * t)) ** 2
    assert 1 / found[0, 1] == pytest.approx(np.mean(gamma * across), rel=1e-6)
    still = dephasing.coherence_times(System(np.diag([0.5 * w, -0.5 * w])), [1, 1], period)
    assert np.isinf(still[0, 1])  # beables that are the eigenstates: no currents, no dephasing


def test_bad_arguments() -> None:
    system = System([[0.5, 0.5], [0.5, -0.5]])
    with pytest.raises(ValueError, match="ascend"):
        dephasing.shift(system, [1, 1], [1.0, 0.5])
    with pytest.raises(ValueError, match="positive"):
        dephasing.mean(system, [1, 1], [1.0], 0)
    with pytest.raises(ValueError, match="P <= 64"):
        dephasing.shift(System(np.eye(65)), np.ones(65), [1.0])
    with pytest.raises(ValueError, match="one energy"):
        dephasing.coherence_times(System(np.eye(2)), [1, 1], 1.0)


def test_a_start_with_an_empty_beable_that_fills() -> None:
    """The shift is without end then: refused. A beable that stays empty spoils nothing."""
    system, psi = calm(3, 1.2, 0.06)
    H = np.zeros((4, 4), complex)
    H[:3, :3], H[3, 3] = system.hamiltonian.toarray(), 0.4
    shift = dephasing.shift(system, psi, [1.2])
    assert np.allclose(dephasing.shift(System(H), np.append(psi, 0), [1.2])[:, :3, :3], shift)
    two, chain = System([[0.5, 0.5], [0.5, -0.5]]), System(np.eye(3, k=1) + np.eye(3, k=-1))
    for where, state, beable in ((two, [1, 0], 1), (two, [6e-17, 1], 0), (System(H), [0.6, 0.8, 0, 0], 2)):
        with pytest.raises(ValueError, match=f"0 at beable {beable}, which H fills"):
            dephasing.mean(where, state, [1.0], 1e6)
        with pytest.raises(ValueError, match="which H fills"):
            dephasing.heating(where, state, [1.0])
    # in the middle of a chain the drives cancel at first, and go on to if the ends are alike
    uneven = chain.hamiltonian.toarray() + np.diag([0.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="0 at beable 1"):
        dephasing.shift(System(uneven), [1, 0, -1], [1.0])
    assert np.all(np.isfinite(dephasing.shift(chain, [1, 0, -1], [1.0])))
