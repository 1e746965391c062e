"""What one system remembers (theory/memory.py): closed forms, a slow twin, nodes, and copies in a stationary state."""

from __future__ import annotations

import numpy as np
import pytest

from copympi.engine.exact import paths
from copympi.model.system import System
from copympi.theory import memory, panels, schrodinger
from copympi.theory.paths import of

TWO = np.array([[0.3, 0.5], [0.5, -0.3]])
PERIOD = np.pi / np.sqrt(0.34)


def three() -> tuple[System, np.ndarray]:
    """A complex H of three levels, and a state."""
    dice = np.random.default_rng(1)
    A = dice.normal(size=(3, 3)) + 1j * dice.normal(size=(3, 3))
    psi = dice.normal(size=3) + 1j * dice.normal(size=3)
    return System((A + A.conj().T) / 2), psi / np.linalg.norm(psi)


def test_two_levels_in_closed_form() -> None:
    """Half a cycle leaves rho_min/rho_max; a period has the eigenvalue (low/high)(1 - high)/(1 - low); rho repeats."""
    system = System(TWO)
    for state in ([np.sqrt(0.7), np.sqrt(0.3) * np.exp(-0.9j)], [0.6, 0.8j]):
        looks = np.linspace(0, PERIOD, 20_001)
        rho = schrodinger.density(system, state, looks)[:, 0]
        low, high, top = rho.min(), rho.max(), float(looks[rho.argmax()])
        halves = memory.steps(system, state, [top, top + PERIOD / 2, top + PERIOD])
        assert halves[0][0, 0] == pytest.approx(memory.half_cycle(low, high), abs=1e-7)
        assert halves[0][1, 1] == pytest.approx(1, abs=1e-7)
        whole = halves[1] @ halves[0]
        two = memory.two_levels(low, high)
        assert memory.relaxation_rates(whole, PERIOD) == pytest.approx([0, -np.log(two) / PERIOD], abs=1e-6)
        start = np.abs(schrodinger.evolve(system, state, [top])[0]) ** 2
        assert whole @ start == pytest.approx(start, abs=1e-9)


def test_nobody_stays_in_a_node() -> None:
    """(cos t, -i sin t) of H = sigma_x: at pi/2 beable 0 is empty, and whoever was in it has left."""
    moves = memory.steps(System(np.array([[0.0, 1.0], [1.0, 0.0]])), [1.0, 0.0], [0.3, np.pi / 2, np.pi - 0.3])
    assert moves[0] == pytest.approx(np.array([[0, 0], [1, 1]]), abs=1e-9)
    stays = np.sin(np.pi - 0.3) ** 2  # of those in beable 1 at its top
    assert moves[1][1, 1] == pytest.approx(stays, abs=1e-8)
    assert moves.sum(axis=1) == pytest.approx(1, abs=1e-9)


def test_chances_are_those_of_small_steps_and_carry_psi_along() -> None:
    """Against products of 1 + h W; M |Psi(0)|^2 = |Psi(t)|^2; det M = exp(int tr W); columns draw nearer to |Psi|^2."""
    system, psi = three()
    times = np.linspace(0, 2, 5)
    M, rho = memory.transitions(system, psi, times), schrodinger.density(system, psi, times)
    assert np.einsum("tab,b->ta", M, rho[0]) == pytest.approx(rho, abs=1e-8)
    path, H, twin = of(system, psi), system.frequencies.toarray(), np.eye(3)
    count = 40_000
    middles = np.asarray((np.arange(count) + 0.5) * (2 / count), np.float64)
    for W in memory.rates(H, path.psi(middles)):
        twin = twin + (2 / count) * W @ twin
    assert M[-1] == pytest.approx(twin, abs=2e-4)
    trace = panels.cumulative(
        lambda t: np.trace(memory.rates(H, path.psi(t)), axis1=1, axis2=2)[:, None], np.array([2.0]), 0.1, 1e-9
    )[0][0, 0]
    assert np.linalg.det(M[-1]) == pytest.approx(np.exp(trace), rel=1e-5)
    assert np.all(np.diff(memory.distance(M, rho)) < 0)


def test_jumps_and_first_passages() -> None:
    """Mean number of jumps is the integral of all flows; none with exp(int W_bb); who has been there stays counted."""
    system, psi = three()
    chance = memory.jumps(system, psi, 0.0, 2.0, 24, 1e-8)
    assert chance.sum() == pytest.approx(1, abs=1e-8)
    mean = memory.expected_jumps(system, psi, [1.0, 2.0])
    assert chance @ np.arange(24) == pytest.approx(mean[1], abs=1e-6)
    path, H = of(system, psi), system.frequencies.toarray()
    staying = panels.cumulative(
        lambda t: np.diagonal(memory.rates(H, path.psi(t)), axis1=1, axis2=2), np.array([2.0]), 0.1, 1e-9
    )[0][0]
    assert chance[0] == pytest.approx(np.abs(psi) ** 2 @ np.exp(staying), abs=1e-6)
    been = memory.from_first(np.asarray(memory.steps(system, psi, np.linspace(0, 2, 5), target=0)))[:, 0]
    there = memory.transitions(system, psi, np.linspace(0, 2, 5))[:, 0]
    assert np.all(np.diff(been, axis=0) >= -1e-12)
    assert np.all(been >= there - 1e-9)
    assert been[-1, 0] == 1
    assert been[-1, 1:].max() < 1


def test_copies_in_a_real_stationary_state() -> None:
    """Nothing where n_0 = n_1. One member of rounding: copies, and memory <(1 - 2/N)^copies>, of the closed forms.

    Null hypothesis: the closed forms are right but for 3%, what discrete copies of few members may do; 1,000 ensembles.
    """
    R, frequency, N, time = 1000, 0.5, 1001, 80.0
    system = System(np.array([[0.0, -frequency], [-frequency, 0.0]]))
    even = paths(system, np.full((2, 2), 500), np.zeros((2, 2)), time, 1, np.arange(2))
    assert even.events.tolist() == [0, 0]
    odd = paths(system, np.tile([501, 500], (R, 1)), np.zeros((R, 2)), time, 1, np.arange(R)).events
    expected = float(memory.stationary_copies(frequency, time, 1.0))
    assert odd.mean() == pytest.approx(expected, abs=0.03 * expected + 3 * odd.std() / np.sqrt(R))
    left = (1 - 2 / N) ** odd
    kept = float(memory.stationary(N, frequency, time, 1.0))
    assert left.mean() == pytest.approx(kept, abs=0.03 * kept + 3 * left.std() / np.sqrt(R))
    assert memory.stationary(1e6, frequency, 1.476 * 1e3 / frequency) == pytest.approx(np.exp(-1), rel=1e-3)


def test_h_function_and_levels() -> None:
    rho = np.array([0.1, 0.2, 0.3, 0.4])
    assert memory.h_function(rho, rho) == pytest.approx(0)
    one = np.eye(4)[:, [2]].T
    assert memory.h_function(one, rho) == pytest.approx([-np.log(0.3)])
    assert memory.h_function(one, rho, np.array([0, 0, 1, 1])) == pytest.approx([-np.log(0.7)])
    falling = np.array([1.0, 0.6, 0.2])
    assert memory.first_below(np.array([0.0, 1.0, 2.0]), falling, 0.5) == pytest.approx(1.25)
    assert memory.first_below(np.array([0.0, 1.0, 2.0]), falling, 0.1) == np.inf


def test_bad_times_are_refused() -> None:
    with pytest.raises(ValueError, match="must ascend"):
        memory.steps(System(TWO), [1.0, 0.0], [0.0, 0.0])
