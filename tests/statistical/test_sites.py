"""The step of many beables: one law with the exact jump process, and the linear noise approximation at any N.

Null hypotheses: both samples come from one distribution (p > 0.001); covariances are the LNA's within 4% and four
standard errors. Fixed seeds.
"""

from __future__ import annotations

import numpy as np
import pytest

import copympi
from copympi.engine.parallel import Alone
from copympi.theory import noise, schrodinger
from tests import naive
from tests.statistical.test_agreement import means_agree, same_law

RUNS, RECORDS = 2_000, 3


def ensembles(sites: int, members: float, duration: float, replicas: int, seed: int, **options):
    """A moving packet, wide enough that no site but those at the edges is empty."""
    system = copympi.lattice(sites, potential={"kind": "cosine", "depth": 0.3, "period": float(sites)})
    x = system.lattice.positions[0]
    psi = np.exp(-(x**2) / 9 + 0.6j * x)
    run = copympi.simulate(
        system, state=psi / np.linalg.norm(psi), members=members, duration=duration, interval=duration / RECORDS,
        replicas=replicas, seed=seed, representation="occupation", comm=Alone(), **options,
    )  # fmt: skip
    return system, run


@pytest.mark.parametrize(
    ("sites", "members", "spectators"),
    [(5, 50, 0), (5, 50, 1), (5, 50, 3), (9, 300, 0), (9, 300, 1), (5, 3000, 0), (5, 3000, 60)],
)
def test_one_law_with_the_exact_jump_process(sites: int, members: int, spectators: int) -> None:
    """From few members, drawn one by one, to flows that are Gaussian kicks; rapids at the edges."""
    runs = RUNS if members < 1000 else RUNS // 2  # the exact process takes 20 s for these
    system, run = ensembles(sites, members, 1.5, runs, 1, spectators=spectators)
    exact = naive.gillespie_many(
        system.hamiltonian.toarray(), run.occupation[0, 0], run.phase[0, 0], run.time[1:], 0.02, runs, seed=2,
        spectators=spectators,
    )  # fmt: skip
    what = f"{sites} sites, N = {members}, {spectators} spectators"
    assert run.occupation.min() >= spectators
    same_law(run.occupation[:, 1:], exact, what)
    means_agree(run.occupation[:, 1:], exact, what)


@pytest.mark.parametrize("leaving_chance", [0.03, 0.1])
@pytest.mark.parametrize("members", [1e15, 1e30, 1e80])
def test_covariance_is_the_linear_noise_approximations(members: float, leaving_chance: float) -> None:
    """Every block of (n, phi). At 0.1 the rapids' first order shows in whole numbers: 8% is allowed there."""
    system, run = ensembles(8, members, 2.0, 6_000, 3, leaving_chance=leaving_chance)
    psi = np.sqrt(run.occupation[0, 0] / members) * np.exp(-1j * run.phase[0, 0])
    theory = noise.covariance(system, psi, run.time[1:])
    if members > 2**63:
        x = np.concatenate([run.measured["fluctuation"], run.measured["phase_fluctuation"]], axis=2)[:, 1:]
    else:
        path = schrodinger.evolve(system, psi, run.time)
        phi = np.angle(np.exp(1j * (run.phase + np.angle(path))))
        n = (run.occupation - members * np.abs(path) ** 2) / members
        x = np.sqrt(members) * np.concatenate([n, phi], axis=2)[:, 1:]
    share = 0.08 if members < 2**63 and leaving_chance > 0.03 else 0.04
    for k in range(RECORDS):
        C = np.cov(x[:, k].T)
        size = np.sqrt(np.diag(theory[k]))
        error = np.sqrt((np.outer(np.diag(C), np.diag(C)) + C**2) / len(x))
        excess = np.abs(C - theory[k]) / (share * np.outer(size, size) + 4 * error)
        assert excess.max() < 1, f"record {k + 1}: {excess.max():.2f} of what is allowed"


def test_scaled_fluctuations_do_not_depend_on_n() -> None:
    """The same kicks at 1e30 and 1e80: the same xi and eta, to rounding."""
    _, one = ensembles(8, 1e30, 2.0, 3, 4)
    _, other = ensembles(8, 1e80, 2.0, 3, 4)
    for name in ("fluctuation", "phase_fluctuation"):
        np.testing.assert_allclose(one.measured[name], other.measured[name], rtol=1e-9, atol=1e-9)


def test_the_mean_of_many_replicas_has_no_bias() -> None:
    """N = 20,000 on 8 sites, rapids at the edges: means within 4.5 standard errors of Schroedinger's."""
    system, run = ensembles(8, 20_000, 2.0, 8_000, 5)
    psi = np.sqrt(run.occupation[0, 0] / 20_000) * np.exp(-1j * run.phase[0, 0])
    quantum = 20_000 * schrodinger.density(system, psi, run.time)
    mean, spread = run.occupation.mean(axis=0), run.occupation.std(axis=0)
    z = (mean - quantum)[1:] / (spread[1:] / np.sqrt(8_000))
    assert np.abs(z).max() < 4.5
