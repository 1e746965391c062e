"""What passes near nodes and copying at finite N do, against the jump process itself, event by event.

Null hypothesis: the share of ensembles that lose a beable is theory/passes.py's P(death), both sides of the node
averaged, but for its corrections of order N^(-1/2); the mean is theory/dephasing.py's. Fixed seeds.
"""

import numpy as np
import pytest

from copympi.model.system import System
from copympi.theory import dephasing, near_field, passes
from copympi.theory.schrodinger import evolve
from tests.physics import calm
from tests.reference import naive

RUNS = 1_000
TWO = System([[0.5, 0.5], [0.5, -0.5]])
THREE = System([[0.2, 0.4, 0.3j], [0.4, -0.3, 0.2], [-0.3j, 0.2, 0.1]])


def deaths(system, node, before, x, N, seed):
    """Share of ensembles of N that have lost beable 0 after a pass at x members on either side, and the theory's."""
    H, died, expected = system.hamiltonian.toarray(), [], []
    for side in (1, -1):
        start = passes.near(system, node, 0, before, x / N, side)
        expected.append(passes.at(system, start, 0, before).death(N))
        n = np.round(N * np.abs(start) ** 2).astype(int)
        n[-1] += N - n.sum()
        died.append(naive.gillespie_many(H, n, -np.angle(start), [before + 0.4], 0.01, RUNS, seed + side)[:, 0, 0] == 0)
    return np.mean(died), np.mean(expected)


@pytest.mark.parametrize(
    ("system", "node", "x"), [(TWO, [0, 1], 1.0), (TWO, [0, 1], 3.0), (THREE, [0, 0.8, 0.6], 2.0)]
)
def test_share_of_deaths(system, node, x):
    """Both within 3 standard errors and a tenth: of the order of what is left out at N = 300."""
    found, expected = deaths(system, node, 2.0, x, 300, 5)
    assert abs(found - expected) < 3 * np.sqrt(expected / (2 * RUNS)) + 0.1 * expected


def test_deaths_from_a_few_members_beside_many():
    """n members at the angle alpha, a million around: Q(alpha)^n of the near field, two neighbours, no noise before."""
    N, n, alpha, side = 1_000_000, 3, 2.1, np.array([0.6, 0.4])
    rest = np.sqrt(N * side) * np.exp(-1j * np.array([0.3, 1.1]))
    drives = -1j * np.array([1.0, -0.8]) * rest
    phase = np.append(-alpha - np.angle(drives.sum()), [0.3, 1.1])
    H = np.zeros((3, 3), complex)
    H[0, 1:], H[1:, 0] = [1.0, -0.8], [1.0, -0.8]
    chance = float(near_field.kendall(drives, alpha)) ** n
    assert 0.1 < chance < 0.6
    # ten times what the node takes; nobody else has moved much by then, and members who are left cannot die out
    duration, counts = 10 * np.sqrt(n) / abs(drives.sum()), [n, *np.round(N * side).astype(int)]
    left = naive.gillespie_many(H, counts, phase, [duration], duration / 200, RUNS, seed=3)[:, 0, 0]
    assert abs(np.mean(left == 0) - chance) < 3.5 * np.sqrt(chance * (1 - chance) / RUNS)
    # and they can be told from one neighbour's law
    assert abs(np.mean(left == 0) - np.cos(alpha) ** (2 * n)) > 5 * np.sqrt(chance * (1 - chance) / RUNS)


def test_mean_of_few_members():
    """E[n] to order 1/N within 3.5 standard errors, which are small enough to tell it from Schroedinger's equation."""
    N, duration = 100, 1.0
    system, psi = calm(3, duration, 0.15)
    n = np.round(N * np.abs(psi) ** 2).astype(int)
    n[-1] += N - n.sum()
    start = np.sqrt(n / N) * np.exp(1j * np.angle(psi))
    found = naive.gillespie_many(system.hamiltonian.toarray(), n, -np.angle(start), [duration], 0.02, 8 * RUNS, 4)
    quantum = N * np.abs(evolve(system, start, [duration])[0]) ** 2
    error = found[:, 0].std(axis=0) / np.sqrt(8 * RUNS)
    expected = N * dephasing.mean(system, start, [duration], N)[0]
    assert np.all(np.abs(found[:, 0].mean(axis=0) - expected) < 3.5 * error)
    assert np.max(np.abs(expected - quantum) / error) > 5
