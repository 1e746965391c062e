"""`method = "auto"`: few members event by event within a leap, or in its place, through nodes.

Null hypothesis: n_a after the pass, and how many ensembles have lost a beable, have the law of the exact method; p >
0.001 for every beable in every cell (chi-square, rare values pooled, and Kolmogorov and Smirnov's test, whose p is too
large for whole numbers), deaths within 3 standard errors of their difference (2 in the grid of `make test-long`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import copympi
from copympi.engine import methods
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import Stop
from copympi.engine.exact import paths
from copympi.engine.support import Case
from copympi.errors import DynamicsError
from copympi.kernels import events
from copympi.model.preparation import prepare
from copympi.mpi import Alone
from tests.physics import random_system

NODE, END = 0.5, 0.9
"""When beable 0 is nearest to nothing, and when the law is looked at."""


def passing(P: int, N: float, low: float) -> tuple[copympi.System, NDArray[np.complex128]]:
    """A complex H and the amplitudes at t = 0 that lead to N rho_0 = low at NODE, all other beables alike there."""
    system = random_system(P, P + 10)
    psi = np.exp(2j * np.pi * np.random.default_rng(P).random(P)) / np.sqrt(P - 1)
    psi[0] *= np.sqrt(low / N * (P - 1))
    return system, expm(1j * NODE * system.frequencies.toarray()) @ (psi / np.linalg.norm(psi))


def ours(P: int, N: int, low: float, runs: int, seed: int = 9, **options: Any) -> copympi.Run:
    system, psi = passing(P, N, low)
    return copympi.simulate(
        system, state=psi, members=N, duration=END, interval=END, representation="occupation", replicas=runs,
        seed=seed, comm=Alone(), **options,
    )  # fmt: skip


def exact(run: copympi.Run, runs: int) -> NDArray[np.int64]:
    """Counts (runs, P) at END by the exact method, from the same counts and phases."""
    start = run.occupation[0, 0], run.phase[0, 0]
    return paths(run.system, *(np.tile(x, (runs, 1)) for x in start), END, 5, np.arange(runs)).n


def chances(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.float64]:
    """p of both tests for every beable of counts (R, P), (2, P)."""
    found = np.ones((2, x.shape[1]))
    for a in range(x.shape[1]):
        both = np.concatenate([x[:, a], y[:, a]])
        edges = np.unique(np.quantile(both, np.linspace(0, 1, 22)[1:-1]))
        table = np.array([np.bincount(np.searchsorted(edges, z[:, a]), minlength=edges.size + 1) for z in (x, y)])
        table = table[:, table.sum(axis=0) > 20]
        if table.shape[1] > 1:
            found[:, a] = stats.chi2_contingency(table).pvalue, stats.ks_2samp(x[:, a], y[:, a]).pvalue
    return found


def one_law(P: int, N: int, low: float, runs: int, errors: float) -> None:
    run = ours(P, N, low, runs)
    x, y = run.occupation[:, -1], exact(run, runs)
    assert chances(x, y).min() > 0.001, chances(x, y)
    dead, expected = (x == 0).mean(axis=0), (y == 0).mean(axis=0)
    error = np.sqrt((dead * (1 - dead) + expected * (1 - expected)) / runs) + 1e-9
    assert np.abs((dead - expected) / error).max() < errors, (dead, expected)
    assert 0.02 < expected[0] < 0.98, "some must die, and some not"


@pytest.mark.parametrize(("P", "N"), [(2, 20), (3, 100), (4, 1000)])
def test_through_a_node_the_law_is_that_of_the_exact_method(P: int, N: int) -> None:
    one_law(P, N, 2.0, 2_000, 3.0)


@pytest.mark.long
@pytest.mark.parametrize("N", [20, 100, 1000])
@pytest.mark.parametrize("P", [2, 3, 4])
def test_through_a_node_every_cell(P: int, N: int) -> None:
    one_law(P, N, 2.0, 10_000, 2.0)


def test_a_coarse_leap_would_be_noticed_and_is_not_taken() -> None:
    """A chance of 0.3 to leave in a step: leaps of 20 members are off, and "auto" takes another way."""
    coarse = {"leaving_chance": 0.3, "tolerance": 0.5}
    leaps = ours(2, 20, 2.0, 40_000, method="leap", **coarse)
    expected = exact(leaps, 40_000)
    assert chances(leaps.occupation[:, -1], expected).min() < 1e-4
    assert chances(ours(2, 20, 2.0, 40_000, leaving_chance=0.3).occupation[:, -1], expected).min() > 0.001


def test_leaps_that_err_too_much_become_shorter() -> None:
    """0.07 p^2/n within the tolerance: of members too many to go one by one, the leap's steps are as its root."""
    options = {"representation": "occupation", "comm": Alone(), "duration": 0.2, "interval": 0.2, "leaving_chance": 0.3}
    steps = [
        copympi.simulate([[0, 1], [1, 0]], state=[0.6, 0.8j], members=10**6, tolerance=tolerance, **options).steps
        for tolerance in (1e-9, 1e-11, 1e-13)
    ]
    assert 5 < steps[1] / steps[0] < 20
    assert 5 < steps[2] / steps[1] < 20


@pytest.mark.parametrize("P", [2, 3])
def test_many_members_pass_an_exact_node_in_few_steps(P: int) -> None:
    """Fewer than leaps take, which the beable that nobody is left in makes ever shorter; and some ensembles lose it."""
    for N in (10**6, 10**12, 10**15):
        auto, leap = (ours(P, N, 0.0, 10, method=method) for method in ("auto", "leap"))
        assert auto.steps < leap.steps - 1000, (N, auto.steps, leap.steps)
        assert auto.steps < 10 * 100 * np.log10(N)
        np.testing.assert_array_equal(auto.occupation.sum(axis=2), N)


def test_where_time_cannot_resolve_a_leap_members_go_one_by_one() -> None:
    """From one member beside 10^15, late: the leap says so and stops, "auto" goes on."""
    start = prepare(2, 10**15, density=[1e-15, 1 - 1e-15], phase=[0.0, 0.3])
    stop = Stop(1, 1e6, 1e-3)
    for method, fine in (("leap", False), ("auto", True)):
        case = Case(copympi.System([[0, 1], [1, 0]]), start, Accuracy(10**15), "occupation", seed=3, method=method)
        ensemble = methods.choose(case).make(Alone(), case)
        ensemble.begin(stop)
        if not fine:
            with pytest.raises(DynamicsError, match="the step falls below what this time can resolve: beable 0 at"):
                ensemble.advance()
            continue
        while ensemble.advance():
            pass
        found = ensemble.snapshot()
        assert found is not None
        assert found.n.sum() == 10**15
        assert found.n[0, 0] != 1


def test_phases_between_copies_err_as_the_tolerance() -> None:
    """Where all members are spectators nobody moves and phases flow: against DOP853, fourth order in the angle."""
    system, n, phase = random_system(3, 4), np.array([[3, 40, 7]]), np.array([[0.3, 1.0, -2.0]])
    W = system.frequencies.toarray()

    def turn(_: float, phi: NDArray[np.float64]) -> NDArray[np.float64]:
        c = np.sqrt(n[0]) * np.exp(-1j * phi)
        return np.asarray((c.conj() * (W @ c)).real / n[0])

    end = solve_ivp(turn, (0, 2.0), phase[0], method="DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
    errors = []
    for angle in (0.4, 0.2, 0.1):
        ours = phase.copy()
        copies = events.run(
            system.couplings, seed=1, purpose=1, first_replica=0, duration=2.0, n=n.copy(), phase=ours, angle=angle,
            spectators=40,
        )  # fmt: skip
        assert copies[0] == 0
        errors.append(np.abs(np.angle(np.exp(1j * (ours[0] - end)))).max())
    assert errors[0] < 1e-3
    assert errors[1] < errors[0] / 6
    assert errors[2] < errors[1] / 8
