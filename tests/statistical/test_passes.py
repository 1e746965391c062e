"""What passes near nodes and copying at finite N do, against the process itself, event by event (engine/exact.py).

Null hypothesis: the share of ensembles that lose a beable is theory/passes.py's P(death), both sides of the node
averaged, but for its corrections of order N^(-1/2); the mean is theory/dephasing.py's. Fixed seeds.
"""

import numpy as np
import pytest

from copympi.engine import exact
from copympi.model.system import System
from copympi.theory import dephasing, excess, near_field, passes
from copympi.theory.schrodinger import evolve
from tests.physics import calm

RUNS = 2_000
TWO = System([[0.5, 0.5], [0.5, -0.5]])
THREE = System([[0.2, 0.4, 0.3j], [0.4, -0.3, 0.2], [-0.3j, 0.2, 0.1]])


def ended(system, n, phase, duration, seed, runs=RUNS):
    """n (runs, P) at the end, from one start."""
    n, phase = (np.tile(each, (runs, 1)) for each in (n, phase))
    return exact.paths(system, n, phase, duration, seed, np.arange(runs)).n


def rounded(psi, N):
    n = np.round(N * np.abs(psi) ** 2).astype(int)
    n[-1] += N - n.sum()
    return n


@pytest.mark.parametrize(
    ("system", "node", "x"),
    [(TWO, [0, 1], 1.0), (TWO, [0, 1], 3.0), (THREE, [0, 0.8, 0.6], 2.0), (THREE, [0, 0.5, -0.8], 4.0)],
)
def test_share_of_deaths(system, node, x):
    """Within 3.5 standard errors and 5%: of the order of what is left out at N = 500, averaged over both sides."""
    N, died, expected = 500, [], []
    for side in (1, -1):
        start = passes.near(system, node, 0, 2.0, x / N, side)
        expected.append(passes.at(system, start, 0, 2.0).death(N))
        died.append(ended(system, rounded(start, N), -np.angle(start), 2.5, 5 + side)[:, 0] == 0)
    share, error = np.mean(expected), np.sqrt(np.mean(expected) / (2 * RUNS))
    assert abs(np.mean(died) - share) < 3.5 * error + 0.05 * share


def test_deaths_from_a_few_members_beside_many():
    """n members at the angle alpha, a million around: Q(alpha)^n of the near field of two neighbours that oppose."""
    N, n, alpha, side = 1_000_000, 3, 2.1, np.array([0.6, 0.4])
    system = System([[0, 1.0, -0.8], [1.0, 0, 0], [-0.8, 0, 0]])
    drives = -1j * np.array([1.0, -0.8]) * np.sqrt(N * side) * np.exp(-1j * np.array([0.3, 1.1]))
    phase = np.append(-alpha - np.angle(drives.sum()), [0.3, 1.1])
    chance = float(near_field.kendall(drives, alpha)) ** n
    assert 0.1 < chance < 0.6
    # ten times what the node takes; nobody else has moved much by then, and members who are left cannot die out
    duration = 10 * np.sqrt(n) / abs(drives.sum())
    lost = np.mean(ended(system, [n, 600_000, 400_000], phase, duration, 3)[:, 0] == 0)
    error = np.sqrt(chance * (1 - chance) / RUNS)
    assert abs(lost - chance) < 3.5 * error
    assert abs(lost - np.cos(alpha) ** (2 * n)) > 5 * error  # and it can be told from one neighbour's law


def test_mean_of_few_members():
    """E[n] within 3.5 standard errors, which are small enough to tell it from Schroedinger's equation."""
    N, duration, runs = 100, 1.0, 20 * RUNS
    system, psi = calm(3, duration, 0.15)
    n = rounded(psi, N)
    start = np.sqrt(n / N) * np.exp(1j * np.angle(psi))
    found = ended(system, n, -np.angle(start), duration, 4, runs)
    quantum = N * np.abs(evolve(system, start, [duration])[0]) ** 2
    error = found.std(axis=0) / np.sqrt(runs)
    expected = N * dephasing.mean(system, start, [duration], N)[0]
    assert np.all(np.abs(found.mean(axis=0) - expected) < 3.5 * error)
    assert np.max(np.abs(expected - quantum) / error) > 10


def test_mean_without_martingales_where_beables_die():
    """Plain averages and theory/excess.py of the same paths through a node at N = 30: one mean, less error."""
    N, times = 30, np.linspace(0, 2.4, 97)
    start = passes.near(TWO, [0, 1], 0, 2.0, 0.05)
    n = np.tile(rounded(start, N), (RUNS, 1))
    phase = np.tile(-np.angle(start), (RUNS, 1))
    path = [(n, phase)]
    for k, step in enumerate(np.diff(times)):
        here = exact.paths(TWO, *path[-1], step, 7, np.arange(RUNS) + RUNS * k)
        path.append((here.n, np.where(here.n > 0, here.phase, 0.0)))
    n, phase = (np.stack(each, axis=1) for each in zip(*path, strict=True))
    assert np.mean(n[:, -1] == 0) > 0.05
    psi = np.sqrt(n[0, 0] / N) * np.exp(-1j * phase[0, 0])
    plain = (n[:, -1] - N * np.abs(evolve(TWO, psi, [times[-1]])[0]) ** 2)[:, 0]
    found = excess.shift(TWO, n, phase, times)[:, -1, 0, 0].real
    error, own = (each.std() / np.sqrt(RUNS) for each in (plain, found))
    assert own < error
    assert abs(plain.mean() - found.mean()) < 3.5 * (plain - found).std() / np.sqrt(RUNS)
