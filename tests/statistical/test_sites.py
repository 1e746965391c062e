"""The step of many beables: one law with the exact jump process, and the linear noise approximation at any N.

Null hypotheses: both samples come from one distribution (p > 0.001); covariances are the LNA's within 2% and four
standard errors. Fixed seeds.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import stats
from scipy.integrate import solve_ivp

import copympi
from copympi.kernels.bonds import TILE_SIZE
from copympi.mpi import Alone
from copympi.theory import noise, schrodinger
from tests.reference import naive
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
    """From few members, drawn one by one, to flows that are Gaussian kicks; stiff clusters at the edges."""
    runs = RUNS if members < 1000 else RUNS // 2  # the exact process takes 20 s for these
    system, run = ensembles(sites, members, 1.5, runs, 2, spectators=spectators)
    exact = naive.gillespie_many(
        system.hamiltonian.toarray(), run.occupation[0, 0], run.phase[0, 0], run.time[1:], 0.02, runs, seed=2,
        spectators=spectators,
    )  # fmt: skip
    what = f"{sites} sites, N = {members}, {spectators} spectators"
    assert run.occupation.min() >= spectators
    same_law(run.occupation[:, 1:], exact, what)
    means_agree(run.occupation[:, 1:], exact, what)


@pytest.mark.filterwarnings("ignore:dynamics.step = 0.14 lets a member leave")
def test_members_leave_to_two_tiles_as_within_one() -> None:
    """A hundred members go from the last beable of a tile to neighbours in it and in the next, in one step.

    Null hypotheses: both numbers have one law jointly with those of three beables of one tile (chi^2, p > 0.001); who
    goes one way cannot go the other: their covariance is that of a multinomial law, -2, within four standard errors.
    Binomial numbers that do not know of each other have -0.5.
    """
    runs, moved = 2_000, []
    for P, seed in ((3, 1), (TILE_SIZE + 1, 2)):
        site = P - 2 + np.arange(-1, 2)
        H, density, phase = sp.lil_array((P, P)), np.zeros(P), np.zeros(P)
        H[site[0], site[1]] = H[site[1], site[0]] = H[site[1], site[2]] = H[site[2], site[1]] = 0.5
        density[site], phase[site] = 1 / 3, (np.pi / 2, 0.0, np.pi / 2)
        run = copympi.simulate(
            copympi.System(H.tocsr(), lattice=copympi.lattice(P, boundary="open").lattice), density=density,
            phase=phase, members=300, step=0.14, leaving_chance=0.3, duration=0.14, interval=0.14, replicas=runs,
            seed=seed, representation="occupation", comm=Alone(), summaries=False,
        )  # fmt: skip
        n = run.occupation[..., site]
        moved.append(n[:, 1, [0, 2]] - n[:, 0, [0, 2]])
    edges = [np.r_[-np.inf, np.quantile(moved[0], (0.1, 0.3, 0.5, 0.7, 0.9)) + 0.5, np.inf]] * 2
    table = [np.histogram2d(*each.T, bins=edges)[0].ravel() for each in moved]
    assert stats.chi2_contingency(table).pvalue > 1e-3
    for each in moved:
        (left, both), (_, right) = np.cov(each.T)
        assert 8 < left < 18
        assert abs(both + 2) < 4 * np.sqrt((left * right + both**2) / runs)


@pytest.mark.parametrize("leaving_chance", [0.03, 0.1])
@pytest.mark.parametrize("members", [1e15, 1e30, 1e80])
def test_covariance_is_the_linear_noise_approximations(members: float, leaving_chance: float) -> None:
    """Every block of (n, phi)."""
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
    share = 0.02
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


def test_the_mean_of_many_replicas_is_that_of_dephasing() -> None:
    """N = 20,000 on 8 sites, few members at the edges: means within 4 standard errors, to first order in 1/N.

    What copying does to the mean there is dephasing (`dephased`), up to 2 members of 150: Schroedinger's
    own density is off by more than 5 standard errors.
    """
    N, R = 20_000, 40_000
    system, run = ensembles(8, N, 2.0, R, 6)
    psi = np.sqrt(run.occupation[0, 0] / N) * np.exp(-1j * run.phase[0, 0])
    mean, error = run.occupation.mean(axis=0)[1:], run.occupation.std(axis=0)[1:] / np.sqrt(R)
    quantum = N * schrodinger.density(system, psi, run.time[1:])
    assert np.abs((mean - N * dephased(system, psi, N, run.time[1:])) / error).max() < 4
    assert np.abs((mean - quantum) / error).max() > 5


def dephased(system: copympi.System, psi: np.ndarray, members: float, times: np.ndarray) -> np.ndarray:
    """E[n]/N to order 1/N: d sigma/dt = -i [H, sigma] - gamma o sigma along Schroedinger's path."""
    H, P = system.frequencies.toarray(), psi.size

    def rates(_t: float, y: np.ndarray) -> np.ndarray:
        sigma, c = y[: P * P].reshape(P, P), y[P * P :]
        rho, flow = np.abs(c) ** 2, 2 * np.abs(np.imag(np.conj(c)[:, None] * H * c))
        np.fill_diagonal(flow, 0.0)
        own = flow.sum(axis=1) / rho**2
        gamma = (own[:, None] + own + 2 * flow / np.outer(rho, rho)) / (8 * members)
        np.fill_diagonal(gamma, 0.0)
        return np.concatenate([(-1j * (H @ sigma - sigma @ H) - gamma * sigma).ravel(), -1j * H @ c])

    start = np.concatenate([np.outer(psi, psi.conj()).ravel(), psi]).astype(complex)
    path = solve_ivp(rates, (0, times[-1]), start, t_eval=times, rtol=1e-9, atol=1e-12).y
    return np.array([np.diag(path[: P * P, k].reshape(P, P)).real for k in range(len(times))])


@pytest.mark.parametrize(
    ("members", "spectators", "few", "duration", "runs"), [(10**6, 1, 1, 0.4, 2_000), (10**9, 0, 300, 0.06, 1_000)]
)
def test_a_node_that_a_current_runs_through(
    members: int, spectators: int, few: int, duration: float, runs: int
) -> None:
    """The fields of its neighbours cancel, but members pass through it: a law of its own for those few, and deaths.

    Null hypothesis: one law with the leap of few beables on the same H (Kolmogorov and Smirnov, p > 0.001, with the
    share of the dead within 4 standard errors).
    """
    lattice = copympi.lattice(3, boundary="open")
    psi = np.array([1j, np.sqrt(2.0 * (few - spectators) / members), -1j])
    of_many, of_few = (
        copympi.simulate(
            system, state=psi / np.linalg.norm(psi), members=members, spectators=spectators, duration=duration,
            interval=duration / 2, replicas=runs, representation="occupation", comm=Alone(), seed=seed,
        ).occupation[:, 1:, 1]
        for system, seed in ((lattice, 1), (copympi.System(lattice.hamiltonian), 2))
    )  # fmt: skip
    for k in range(2):
        assert stats.ks_2samp(of_many[:, k], of_few[:, k]).pvalue > 1e-3
        dead = np.mean(of_many[:, k] == 0), np.mean(of_few[:, k] == 0)
        assert abs(dead[0] - dead[1]) <= 4 * np.sqrt(max(sum(dead), 1e-3) / runs)
    assert spectators or np.mean(of_few[:, 1] == 0) > 0.02, "nobody dies: nothing is shown"
