"""Passes near nodes: closed forms against quadrature, s^2 by brute force, the nearest node, rates two ways."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm

from copympi.model.system import System
from copympi.theory import lifetimes, near_field, passes
from copympi.theory.schrodinger import evolve
from tests.physics import random_state, random_system

TWO = System([[0.5, 0.5], [0.5, -0.5]])
DRIVES = ([1.0], [2j, 1.0], [1 + 2j, -0.5 - 1j, 0.3], [-1j, 1 + 1j, 0.2 - 0.1j, -0.7])


@pytest.mark.parametrize("g", DRIVES)
def test_kappa_and_kendall_are_their_integrals(g: list[complex]) -> None:
    share = np.asarray(g) / np.sum(g)

    def over(end: float) -> float:
        """2 int_0^|end| sum_b [Re(e^{-i t} g_b/K)]^- sin t dt, on the side of `end`."""
        side = np.sign(end)
        kinks = [np.arctan2(-b.real, side * b.imag) % np.pi for b in share]
        inner = [k for k in kinks if 0 < k < abs(end)] or None
        f = lambda t: 2 * np.maximum(-np.real(np.exp(-1j * side * t) * share), 0).sum() * np.sin(t)  # noqa: E731
        return quad(f, 0, abs(end), points=inner, epsabs=1e-12)[0]

    assert near_field.kappa(g) == pytest.approx(over(np.pi), abs=1e-9)
    assert near_field.kappa(g) == pytest.approx(over(-np.pi), abs=1e-9)  # both sides alike
    for alpha in (0.3, 1.4, 2.0, 3.1, -0.4, -1.5, -2.2, -3.0):
        J = over(alpha) / np.sin(alpha) ** 2
        assert near_field.kendall(g, alpha) == pytest.approx(J / (1 + J), abs=1e-9)
    assert near_field.kendall(g, 2.0 - 2 * np.pi) == pytest.approx(near_field.kendall(g, 2.0))
    assert np.allclose(near_field.kendall(g, [np.pi, 0.0]), [1, 0])


def test_one_neighbour() -> None:
    alpha = np.array([3.0, 2.0, 1.0, -2.5])
    assert np.allclose(near_field.kendall([0.3 - 1j], alpha), [np.cos(3) ** 2, np.cos(2) ** 2, 0, np.cos(2.5) ** 2])
    assert near_field.kappa([[5j], [-0.1]]) == pytest.approx([1, 1])
    assert near_field.kappa([2.0, -1.0]) == pytest.approx(3)  # along one line: sum |g|/|K|


def test_two_levels_have_the_known_numbers() -> None:
    one = passes.at(TWO, passes.near(TWO, [0, 1], 0, 2.0, 1e-3), 0, 2.0)
    assert (one.kappa, one.s2) == (pytest.approx(1), pytest.approx(0.238, abs=5e-4))
    assert one.death([1e3, 3e3]) == pytest.approx([0.418, 0.108], abs=1e-3)
    resonant = System([[0, 0.5], [0.5, 0]])
    assert passes.impact_variance(resonant, passes.near(resonant, [0, 1], 0, 2.0), 0, 2.0) < 1e-12


@pytest.mark.parametrize("side", [1, -1])
def test_near_and_find_are_each_other(side: int) -> None:
    system = random_system(4, 5)
    node = np.array([0, 0.7, -0.5j, 0.4 + 0.2j])
    start = passes.near(system, node, 0, 0.6, 2e-3, side)
    assert np.linalg.norm(start) == pytest.approx(1)
    found = passes.find(system, start, 0, 0.8)
    assert (found.time, found.rho_min, found.side) == (pytest.approx(0.6), pytest.approx(2e-3), side)
    assert abs(evolve(system, found.start, [found.time])[0, 0]) < 1e-12
    # of all starts with a node at some time none is nearer: the distance is the least |Psi_a| itself
    assert abs(np.vdot(found.start, start)) ** 2 == pytest.approx(1 - 2e-3)
    assert np.allclose(np.abs(found.start), np.abs(passes.near(system, node, 0, 0.6)), atol=1e-12)
    psi = evolve(system, found.start, [found.time - 1e-5, found.time + 1e-5])[:, 0]
    assert abs(psi[1] - psi[0]) / 2e-5 == pytest.approx(abs(found.K), rel=1e-4)


def test_impact_variance_by_brute_force() -> None:
    """Every copy's change of c_a is carried to the node by expm, and counted as often as the flow says."""
    system = random_system(3, 2)
    H = system.hamiltonian.toarray()
    start = passes.near(system, [0, 0.8, 0.6j], 0, 1.0)
    steps, total = 2000, 0.0
    K = -1j * (H @ (expm(-1j * H) @ start))[0]
    forward = expm(-1j * H / steps)
    psi = expm(-0.5j * H / steps) @ start
    U = expm(-1j * H * (1 - 0.5 / steps))
    for _ in range(steps):
        for k in range(3):
            for m in range(k):
                F = abs(2 * np.imag(np.conj(psi[k]) * H[k, m] * psi[m]))
                change = np.zeros(3, complex)
                change[k], change[m] = psi[k] / (2 * abs(psi[k]) ** 2), -psi[m] / (2 * abs(psi[m]) ** 2)
                total += F * ((U @ change)[0] / K * abs(K)).imag ** 2 / steps
        psi, U = forward @ psi, U @ forward.conj().T
    assert passes.impact_variance(system, start, 0, 1.0) == pytest.approx(total, rel=1e-3)


@pytest.mark.parametrize(("P", "seed", "beable"), [(3, 6, 0), (4, 1, 0), (5, 9, 0)])
def test_rates_on_the_torus_and_along_the_path(P: int, seed: int, beable: int) -> None:
    system, state = random_system(P, seed), random_state(P, seed + 1)
    rate, error = lifetimes.on_torus(system, state, beable, 4096)
    N = 1e5
    path, scatter = lifetimes.along_path(system, state, beable, N, 3e4)
    assert rate > 0.5
    assert error < 0.01 * rate
    assert scatter * np.sqrt(N) < 0.05 * rate
    assert abs(path * np.sqrt(N) - rate) < 3.5 * np.hypot(scatter * np.sqrt(N), error)


def test_one_level_that_outweighs_the_others_gives_no_node() -> None:
    H = np.diag([1.0, 2.0, 4.4]) + 0.1 * (np.ones((3, 3)) - np.eye(3))
    assert lifetimes.on_torus(System(H), [1, 0.1, 0.1], 0) == (0.0, 0.0)
    assert lifetimes.on_torus(TWO, [1, 0.5], 1) == (0.0, 0.0)  # two levels have no torus to wander on


def test_a_level_that_the_beable_does_not_see() -> None:
    """Beable 3 is apart: its phase is free, Psi_0 does not feel it, and the rate is as without it but for the norm."""
    H = np.zeros((4, 4), complex)
    H[:3, :3] = random_system(3, 1).hamiltonian.toarray()
    H[3, 3] = 0.7
    state = np.array([0.5, 0.6 + 0.2j, -0.4j, 0.0])
    without = lifetimes.on_torus(System(H[:3, :3]), state[:3], 1)[0]
    apart = state + np.array([0, 0, 0, np.linalg.norm(state)])  # half of all members
    assert lifetimes.on_torus(System(H), state, 1) == (pytest.approx(without), 0)
    # all amplitudes seen are sqrt(1/2) of what they were: |K| falls by that, p(0) rises by 2
    assert lifetimes.on_torus(System(H), apart, 1)[0] == pytest.approx(without * np.sqrt(2))


def test_at_gives_a_minimum_or_says_that_there_is_none() -> None:
    """rho_1 of (0.8, 0.6) starts at its largest and is least half a period later, at 2.694."""
    system, state, least = System([[0.3, 0.5], [0.5, -0.3]]), [0.8, 0.6], np.pi / (2 * np.hypot(0.3, 0.5))
    for found in (passes.find(system, state, 1, 3.0), passes.at(system, state, 1, 2.5)):
        assert found.time == pytest.approx(least)
    for elsewhere in (0.01, 1.3, 2 * least):
        with pytest.raises(ValueError, match="no minimum next to"):
            passes.at(system, state, 1, elsewhere)


def test_rounding_makes_no_pass() -> None:
    """Stationary states, one of them of two equal energies and late, and a beable that nothing fills."""
    ring = np.roll(np.eye(4), 1, 0) + np.roll(np.eye(4), -1, 0)
    apart = np.diag([0.0j, 0.0, 0.7])
    apart[:2, :2] = TWO.hamiltonian.toarray()
    cases = [([[0, 0.5], [0.5, 0]], [1, 1]), (ring, [1, 0.5 + 1j, -1, -0.5 - 1j]), (apart[::-1, ::-1], [0, 1, 2])]
    for H, state in cases:
        assert lifetimes.minima(System(H), state, 0, 300.0)[0].size == 0
        with pytest.raises(ValueError, match="no minimum between"):
            passes.find(System(H), state, 0, 300.0)
        with pytest.raises(ValueError, match="no minimum next to"):
            passes.at(System(H), state, 0, 3.0)


def test_faint_minima_and_those_on_the_node_are_found() -> None:
    """Two levels at resonance, rho_0 with the period 2 pi: dips of a part in 1e9 and in 1e11 of it, and down to 0."""
    resonant = System([[0, 0.5], [0.5, 0]])
    for state, first in (([1, 1 + 1e-9], 2 * np.pi), ([1, 1 + 1e-11j], 1.5 * np.pi), ([1, 1j], 1.5 * np.pi)):
        times, rho, _ = lifetimes.minima(resonant, state, 0, 7 * np.pi)
        assert np.allclose(times, first + 2 * np.pi * np.arange(3), atol=1e-2)
    assert np.all(rho < 1e-20)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="cancel"):
        near_field.kappa([1.0, -1.0])
    with pytest.raises(ValueError, match="no minimum"):
        passes.find(TWO, passes.near(TWO, [0, 1], 0, 2.0, 1e-3), 0, 0.1)
    with pytest.raises(ValueError, match="0 to 1"):
        passes.find(TWO, [1, 1], 2, 1.0)
    with pytest.raises(ValueError, match="rho_min"):
        passes.near(TWO, [0, 1], 0, 1.0, 1.5)
    with pytest.raises(ValueError, match="finite amplitudes"):
        passes.find(TWO, [1, 1, 1], 0, 1.0)
    with pytest.raises(ValueError, match="no node"):
        passes.near(TWO, [1, 0], 0, 1.0)
    with pytest.raises(ValueError, match="kappa"):
        near_field.death(-1.0, 1.0)
    with pytest.raises(ValueError, match="samples"):
        lifetimes.on_torus(TWO, [1, 1], 0, 3)
