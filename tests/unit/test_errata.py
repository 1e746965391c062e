"""The paper's three errata: what is printed fails, what docs/physics.md says holds."""

import numpy as np
from scipy.linalg import expm
from scipy.sparse import diags_array

from copympi.model.system import System
from copympi.theory.schrodinger import evolve
from tests.physics import random_state, random_system


def follow(H, psi, duration, swapped):
    """RK4 on (rho, phi) with flows of the corrected (39), or of the printed one, I and J swapped in the sine."""
    R, delta, sign = np.abs(H) * (1 - np.eye(len(H))), np.angle(H), -1 if swapped else 1

    def slope(y):
        rho, phi = y
        root = np.sqrt(rho)
        angle = phi[:, None] - phi[None, :] + delta  # [a, b]
        # a member of b copies one of a at 2 R sin+(...)/sqrt(n_a n_b); printed, its own phase comes first
        copying = 2 * R * np.maximum(0, np.sin(sign * angle))
        flow = copying * np.outer(root, root)  # [a, b]: into a from b
        return np.array([flow.sum(1) - flow.sum(0), np.diag(H).real + (R * np.cos(angle)) @ root / root])

    y, h = np.array([np.abs(psi) ** 2, -np.angle(psi)]), 1e-3
    for _ in range(round(duration / h)):
        k1 = slope(y)
        k2 = slope(y + h / 2 * k1)
        k3 = slope(y + h / 2 * k2)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(y + h * k3))
    return y[0]


def test_the_printed_copy_rule_runs_backwards():
    system, psi = random_system(4, 3), random_state(4, 4)
    H = system.hamiltonian.toarray()
    t = 0.2
    exact = np.abs(expm(-1j * H * t) @ psi) ** 2
    assert np.abs(follow(H, psi, t, swapped=False) - exact).max() < 1e-9
    assert np.abs(follow(H, psi, t, swapped=True) - exact).max() > 0.05
    # at once, and exactly the other way
    first = np.abs(expm(-1j * H * 0.001) @ psi) ** 2 - np.abs(psi) ** 2
    printed = follow(H, psi, 0.001, swapped=True) - np.abs(psi) ** 2
    assert np.all(np.sign(printed) == -np.sign(first))


def test_force_of_the_alignment_potential():
    """(45)'s potential differentiated numerically: -f^2 sum_J sin 2(phi_I - phi_J), twice (46)'s."""
    rng = np.random.default_rng(5)
    phi, f2 = rng.uniform(-np.pi, np.pi, 9), 0.7

    def potential(x):
        return f2 / 2 * np.sum(np.sin(x[:, None] - x[None, :]) ** 2)

    d = 1e-6
    force = [-(potential(phi + d * e) - potential(phi - d * e)) / (2 * d) for e in np.eye(9)]
    corrected = -f2 * np.sin(2 * (phi[:, None] - phi[None, :])).sum(axis=1)
    printed = -f2 * (np.sin(phi[:, None] - phi) * np.cos(phi[:, None] - phi)).sum(axis=1)
    assert np.allclose(force, corrected, atol=1e-7)
    assert np.allclose(corrected, 2 * printed)


def test_a_packet_on_the_lattice_moves_as_newton_says():
    """Erratum 3: delta = pi, omega = V/hbar + hbar/(m abar^2), v = -(1/m) dS/dx, S = hbar phi."""
    P, m, hbar, spacing, slope = 200, 1.0, 1.0, 0.5, 0.02
    x = spacing * (np.arange(P) - P / 2)
    R = hbar / (2 * m * spacing**2)
    V = slope * x
    off = R * np.exp(1j * np.pi) * hbar
    H = diags_array(
        [np.full(P - 1, off), V + hbar**2 / (m * spacing**2), np.full(P - 1, np.conj(off))], offsets=[-1, 0, 1]
    )
    system = System(H, hbar)
    velocity = 0.4
    psi = np.exp(-(x**2) / (4 * 5.0**2) + 1j * m * velocity * x / hbar)
    psi /= np.linalg.norm(psi)
    times = np.linspace(0, 10, 6)
    mean = np.abs(evolve(system, psi, times)) ** 2 @ x
    assert np.allclose(mean, velocity * times - slope / m * times**2 / 2, atol=0.02)
    S = -hbar * np.angle(psi[P // 2 + 1] / psi[P // 2])  # phi = -arg Psi
    assert np.isclose(-S / spacing / m, velocity)
