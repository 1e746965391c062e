"""Means without martingales: the rate against the process's generator written out, and against dephasing at large n."""

from __future__ import annotations

import numpy as np
import pytest

from copympi.theory import dephasing, excess
from copympi.theory.schrodinger import evolve
from tests.physics import calm, random_state, random_system


@pytest.mark.parametrize("n", [[3, 1, 20, 7], [4, 0, 9, 2], [5, 0, 0, 1]])
def test_rate_is_what_the_generator_gives_beyond_schroedinger(n: list[int]) -> None:
    """All moves and turns of one state, one by one: sum of rate times change of c c^+, and i [H, c c^+] taken off."""
    system = random_system(4, 3)
    H, phase = system.hamiltonian.toarray(), np.array([0.3, -1.0, 2.0, 0.7])

    def product(counts: np.ndarray, phi: np.ndarray) -> np.ndarray:
        c = np.sqrt(counts) * np.exp(-1j * phi)
        return np.outer(c, c.conj())

    now = np.array(n)
    change = np.zeros((4, 4), complex)
    for a in range(4):
        turn = H[a, a].real
        for b in range(4):
            if a == b or now[a] == 0 or now[b] == 0:
                continue
            R, delta = abs(H[a, b]), np.angle(H[a, b])
            turn += R * np.sqrt(now[b] / now[a]) * np.cos(phase[a] - phase[b] + delta)
            rate = 2 * R * np.sqrt(now[a] * now[b]) * max(0.0, np.sin(phase[a] - phase[b] + delta))  # from b to a
            moved = now + np.eye(4, dtype=int)[a] - np.eye(4, dtype=int)[b]
            change += rate * (product(moved, phase) - product(now, phase))
        h = 1e-6 * np.eye(4)[a]
        change += turn * (product(now, phase + h) - product(now, phase - h)) / 2e-6
    before = product(now, phase)
    expected = change + 1j * (H @ before - before @ H)
    assert np.allclose(excess.rate(system, now, phase), expected, atol=1e-7)


def test_at_large_n_it_is_the_dephasing_equation() -> None:
    system, psi, N = random_system(4, 3), random_state(4, 2), 1e7
    found = excess.rate(system, N * np.abs(psi) ** 2, -np.angle(psi))
    assert np.allclose(found, -dephasing.loss(system, psi), rtol=1e-4, atol=1e-5)


def test_along_schroedingers_path_it_is_the_dephasing_shift() -> None:
    """Two paths of an ensemble that does not scatter: the rule of fourth order, and turning forth and back."""
    system, psi = calm(3, 0.8, 0.1)
    N, times = 1e9, np.linspace(0, 0.8, 41)
    c = evolve(system, psi, times)
    n, phase = np.stack([N * np.abs(c) ** 2] * 2), np.stack([-np.angle(c)] * 2)
    expected = dephasing.shift(system, psi, times)
    assert np.allclose(excess.shift(system, n, phase, times), expected, atol=2e-4 * np.abs(expected).max())
    with pytest.raises(ValueError, match="must be"):
        excess.shift(system, n[0], phase[0], times)
    with pytest.raises(ValueError, match="evenly"):
        excess.shift(system, n, phase, times**2)
