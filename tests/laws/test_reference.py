"""The references against each other, and that the criteria can fail."""

from __future__ import annotations

import numpy as np
import pytest

import copympi
from copympi.theory import noise
from tests.laws import cases
from tests.laws.compare import CHANCE, Verdict, covariance
from tests.laws.jumps import two_levels
from tests.laws.reference import Linear, Real, by_jacobian
from tests.reference import naive
from tests.statistical.test_agreement import means_agree, same_law


def apart(one: Real, other: Real) -> float:
    """Largest difference of two covariances, in units of the second's sqrt(C_ii C_jj); some phases have no noise."""
    size = np.sqrt(np.maximum(np.diag(other), 1e-6 * np.diag(other).max()))
    return float((np.abs(one - other) / np.outer(size, size)).max())


@pytest.mark.parametrize("low", [None, 1e-2, 1e-7])
@pytest.mark.parametrize("name", ["two sites", "four beables", "ring of 6"])
def test_three_ways_to_the_same_covariance(name: str, low: float | None) -> None:
    """Amplitudes, (rho, phi) with J by hand, and the package's theory: within 0.2%, a tenth of what is allowed."""
    H, psi, T = cases.hamiltonian(name), cases.path(name, low), cases.CASES[name].duration
    found = cases.moments(name, low, 2)
    theirs = noise.covariance(copympi.System(H), psi, [T / 2, T])
    by_hand = by_jacobian(H.toarray(), psi, [T / 2, T])
    assert low is None or abs(found[1].low.min() / low - 1) < 0.05  # a panel's points straddle the nearest moment
    for k in range(2):
        assert apart(found[k].covariance, theirs[k]) < 2e-3
        assert apart(by_hand[k], theirs[k]) < 2e-3


def test_many_beables_as_few() -> None:
    """P = 70 against the package's own integral for P = 64 of them, the rest uncoupled."""
    H = np.zeros((70, 70), complex)
    H[:64, :64] = cases.hamiltonian("sparse 70").toarray()[:64, :64]
    psi = cases.path("sparse 70", None)
    few = psi[:64] / np.linalg.norm(psi[:64])
    whole = np.concatenate([few, np.full(6, 0.1)])
    C = Linear(H, whole).moments([0.4])[0].covariance
    seen = np.r_[0:64, 70:134]
    theirs = noise.covariance(copympi.System(H[:64, :64]), few, [0.4], accuracy=1e-3)[0]
    assert apart(C[np.ix_(seen, seen)], theirs) < 2e-3


def test_the_bias_of_the_mean() -> None:
    """N (mean of n/N - rho) at N = 200: the first order in 1/N against 20,000 runs of the exact process."""
    H, psi = np.array([[0.4, 0.5], [0.5, -0.4]], complex), np.sqrt([0.3, 0.7]) * np.exp([0.0, -0.8j])
    N, T = 200, 3.0
    n, _ = two_levels(H, np.array([60, 140]), np.array([0.0, 0.8]), np.array([T]), 20_000, 1)
    x = n[:, 0, 0] - N * np.abs(Linear(H, psi).psi(T)[0]) ** 2
    moments = Linear(H, psi).moments([T])[0]
    error = x.std() / np.sqrt(len(x))
    assert abs(moments.bias[0]) > 3 * error
    assert abs(x.mean() - moments.bias[0]) < 4 * error + 0.05 * abs(moments.bias[0])
    assert abs(x.var() / N / moments.covariance[0, 0] - 1) < 0.03 + 4 * np.sqrt(2 / len(x))


@pytest.mark.parametrize(
    ("n", "phase", "diagonal", "spectators"),
    [((5, 5), 0.3, 0.0, 0), ((6, 14), 1.0, 0.3, 1), ((15, 35), 2.0, 1.3, 3), ((15, 15), np.pi / 2, 0.0, 0),
     ((60, 140), 4.0, -3.0, 0)],
)  # fmt: skip
def test_two_levels_in_closed_form(n: tuple[int, int], phase: float, diagonal: float, spectators: int) -> None:
    """One law with the jump process by thinning, whose phases are integrated (tests/reference/naive.py)."""
    H = np.array([[diagonal, 0.3 + 0.4j], [0.3 - 0.4j, 0.0]])
    counts, phases, times = np.array(n), np.array([0.0, phase]), np.array([0.5, 1.5, 3.0])
    closed, copies = two_levels(H, counts, phases, times, 4_000, 2, spectators)
    thinned = naive.gillespie_many(H, counts, phases, times, 0.02, 2_000, seed=3, spectators=spectators)
    same_law(closed, thinned, f"{n}")
    means_agree(closed, thinned, f"{n}")
    assert np.all(copies[:, -1] >= np.abs(closed[:, -1, 0] - n[0]))


@pytest.mark.parametrize("name", ["ring of 6", "ring of 128"])
def test_small_errors_of_the_law_are_seen(name: str) -> None:
    """Gaussian samples of the reference pass; with 10% less noise in one block, or a lost correlation, they fail."""
    C = cases.moments(name, None, 2)[1].covariance
    rng, P = np.random.default_rng(1), len(C) // 2
    value, vector = np.linalg.eigh(C)
    root = vector * np.sqrt(np.maximum(value, 0.0))
    x = rng.standard_normal((cases.CASES[name].replicas, 2 * P)) @ root.T

    def verdict(y: Real) -> Verdict:
        found = Verdict(name)
        covariance(y, C, P, found)
        return found

    assert not verdict(x).complaints
    assert not verdict(x * 1.009).complaints  # 1.8% of every variance: within what is allowed
    assert verdict(np.concatenate([x[:, :P], 0.95 * x[:, P:]], axis=1)).complaints
    assert verdict(np.concatenate([0.95 * x[:, :P], x[:, P:]], axis=1)).complaints
    swapped = np.concatenate([x[:, :P], np.roll(x, 1, axis=0)[:, P:]], axis=1)
    assert verdict(swapped).complaints
    assert 0 < CHANCE < 1e-3
