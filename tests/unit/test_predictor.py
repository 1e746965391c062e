"""The predictor against the rules written out, and against Schroedinger's equation."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import expm

from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.kernels import members as kernel
from copympi.kernels.flows import Scratch, half_step
from copympi.kernels.plans import StepPlans
from copympi.model.system import System
from tests.physics import random_state, random_system


def rules(H, rho, phi):
    """(32), (33) with r = -1/2, hbar = 1, as in docs/physics.md: flows [b, a] from b to a, and phase velocities."""
    R, delta = np.abs(H), np.angle(H)
    P = len(rho)
    flow, speed = np.zeros((P, P)), np.diag(H).real.copy()
    for a in range(P):
        for b in range(P):
            if a != b:
                angle = phi[a] - phi[b] + delta[a, b]
                flow[b, a] = 2 * R[a, b] * np.sqrt(rho[a] * rho[b]) * np.sin(angle)
                speed[a] += R[a, b] * np.sqrt(rho[b] / rho[a]) * np.cos(angle)
    return flow, speed


@pytest.mark.parametrize("P", [2, 3, 5])
def test_first_order_is_the_rule(P):
    system = random_system(P, 1)
    psi = random_state(P, 2)
    rho, phi = np.abs(psi) ** 2, -np.angle(psi)
    flow, speed = rules(system.hamiltonian.toarray(), rho, phi)
    t = 1e-6
    n, phase, moved = half_step(system.couplings, rho, phi, t)
    assert_allclose(moved / t, flow, atol=2e-5)
    assert_allclose((phase - phi) / t, speed, atol=2e-4)
    assert_allclose((n - rho) / t, flow.sum(axis=0), atol=2e-5)


@pytest.mark.parametrize("P", [2, 4, 8])
def test_local_error_is_of_fifth_order(P):
    system, psi = random_system(P, 3), random_state(P, 4)
    H = system.hamiltonian.toarray()
    errors = []
    for t in (0.1, 0.05):
        n, phase, _ = half_step(system.couplings, np.abs(psi) ** 2, -np.angle(psi), t)
        exact = expm(-1j * H * t) @ psi
        errors.append((np.abs(n - np.abs(exact) ** 2).max(), np.abs(np.exp(-1j * phase) - exact / np.abs(exact)).max()))
    ratio = np.array(errors[0]) / np.array(errors[1])
    assert np.all(ratio > 24), ratio  # 32 in the limit


def test_energy_and_members_are_conserved():
    system, psi = random_system(4, 5), random_state(4, 6)
    H = system.hamiltonian.toarray()
    n, phase = np.abs(psi) ** 2, -np.angle(psi)
    for _ in range(200):
        n, phase, _ = half_step(system.couplings, n, phase, 0.005)
    c = np.sqrt(n) * np.exp(-1j * phase)
    assert abs(n.sum() - 1) < 1e-13
    assert abs((c.conj() @ H @ c - psi.conj() @ H @ psi).real) < 1e-9


def test_a_uniform_energy_turns_phases_and_nothing_else():
    system, psi = random_system(3, 7), random_state(3, 8)
    H = system.hamiltonian.toarray()
    far = System(H + 1e6 * np.eye(3))
    rho, phi, t = np.abs(psi) ** 2, -np.angle(psi), 0.05
    n, phase, _ = half_step(system.couplings, rho, phi, t)
    n_far, phase_far, _ = half_step(far.couplings, rho, phi, t)
    assert_allclose(n_far, n, rtol=1e-9)
    assert_allclose(phase_far - 1e6 * t, phase, atol=1e-9)


def test_an_empty_beable_takes_no_part():
    system, psi = random_system(4, 9), random_state(4, 10)
    rho = np.abs(psi) ** 2
    rho[2] = 0.0
    n, phase, flow = half_step(system.couplings, rho, -np.angle(psi), 0.1)
    assert n[2] == 0
    assert not flow[2].any()
    assert not flow[:, 2].any()
    assert np.isfinite(phase).all()
    H = system.hamiltonian.toarray()
    keep = [0, 1, 3]
    without = System(H[np.ix_(keep, keep)])
    n3, _, _ = half_step(without.couplings, rho[keep], -np.angle(psi)[keep], 0.1)
    assert_allclose(n[keep], n3, rtol=1e-6)


def plan(system, accuracy, n, phase, time_left=1.0):
    """The first half's plan as the kernel makes it: (plans of one replica, status)."""
    plans = StepPlans(system.couplings, 1)
    out = np.zeros((1, system.P), np.int64)
    status, _, _ = kernel.plan_half(
        system.couplings, plans, accuracy.control(record(1, 1.0)), Scratch(system.couplings), 0,
        active=np.ones(1, np.uint8), n=n[None], out=out, phase=phase[None].copy(), time_left=np.array([time_left]),
    )  # fmt: skip
    return plans, status


def test_steps_end_on_records():
    system, psi = random_system(3, 11), random_state(3, 12)
    n = np.round(1e6 * np.abs(psi) ** 2).astype(np.int64)
    left, steps = 1.0, 0
    while left > 0:
        made, status = plan(system, Accuracy(int(n.sum())), n, -np.angle(psi), left)
        assert status == 0
        assert 0 < made.step[0] <= left
        left = made.time_left[0]
        steps += 1
    assert 1 < steps < 10_000


def test_leaving_chance_bounds_the_expected_chance():
    for seed in range(30):
        system, psi = random_system(5, seed), random_state(5, seed + 100)
        n = np.round(1e9 * np.abs(psi) ** 2).astype(np.int64)
        for chance in (0.003, 0.03, 0.3):
            made, _ = plan(system, Accuracy(int(n.sum()), leaving_chance=chance, tolerance=0.9), n, -np.angle(psi))
            assert made.largest[0] <= chance
            assert made.largest[0] > 0.5 * chance or made.step[0] > 0.02  # no shorter than need be


def test_tolerance_is_shared_out_over_endless_records():
    accuracy = Accuracy(1, tolerance=1e-5)
    parts = np.array([accuracy.control(record(k, 0.1)).error_rate * 0.1 for k in range(1, 200_000)])
    assert parts.sum() < 1e-5
    assert parts.sum() > 0.9e-5
    assert np.all(np.diff(parts) < 0)
