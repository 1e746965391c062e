"""Small ensembles, 10 to 1,000 members, against the exact jump process: every method, spectators 0, 1, 3.

Null hypothesis: both samples come from one distribution; chi-square p > 0.001, means within four standard errors.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import copympi
from copympi.mpi import Alone
from tests.laws import cases
from tests.laws.drive import EXACT, METHODS, Method
from tests.laws.jumps import two_levels
from tests.reference import naive
from tests.statistical.test_agreement import means_agree, same_law

ALL = (*METHODS, EXACT)
RUNS, EXACT_RUNS = 2_000, 4_000


@dataclass(frozen=True)
class Few:
    method: Method
    members: int
    spectators: int
    records: int

    def __str__(self) -> str:
        return f"{self.method.name}, N {self.members}, {self.spectators} spectators, {self.records} records"


CELLS = [Few(*row) for row in itertools.product(ALL, (10, 30, 100, 1_000), (0, 1, 3), (2, 30)) if 4 * row[2] <= row[1]]
QUICK = [cell for k, cell in enumerate(CELLS) if k % 5 == 0]
"""A fifth of them, in which all values of all four occur."""


def system(method: Method, H: Any) -> copympi.System:
    """For the step of many beables as the sites of a lattice."""
    return copympi.System(H, lattice=copympi.lattice(len(H), boundary="open").lattice if method.many else None)


def two_level_law(cell: Few) -> None:
    """H with a bias, over most of a period: flows turn round, beables come near a node and, where N = 10, die."""
    H = np.array([[0.25, -0.5], [-0.5, -0.25]], complex)
    T = 4.0
    run = copympi.simulate(
        system(cell.method, H), density=[0.3, 0.7], phase=[0.0, 0.9], members=cell.members, duration=T,
        interval=T / cell.records, profile_interval=T / 2, replicas=RUNS, spectators=cell.spectators, seed=5,
        comm=Alone(), summaries=False, **dict(cell.method.options),
    )  # fmt: skip
    n = run.occupation
    exact, _ = two_levels(H, n[0, 0], run.phase[0, 0], np.array([T / 2, T]), EXACT_RUNS, 6, cell.spectators)
    assert n.min() >= cell.spectators
    same_law(n[:, 1:], exact, str(cell))
    means_agree(n[:, 1:], exact, str(cell))


@pytest.mark.parametrize("cell", QUICK, ids=str)
def test_two_levels(cell: Few) -> None:
    two_level_law(cell)


@pytest.mark.long
@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in QUICK], ids=str)
def test_two_levels_all(cell: Few) -> None:
    two_level_law(cell)


@pytest.mark.parametrize("spectators", [0, 1, 3])
@pytest.mark.parametrize("members", [pytest.param(20, marks=pytest.mark.long), 60])
def test_four_beables(members: int, spectators: int) -> None:
    """A random complex H, every method against the jump process by thinning (tests/reference/naive.py)."""
    rng = np.random.default_rng(8)
    A = rng.standard_normal((4, 4)) + 1j * rng.standard_normal((4, 4))
    H, psi = (A + A.conj().T) / 3, np.sqrt([0.3, 0.25, 0.2, 0.25]) * np.exp(1j * np.arange(4))
    runs, exact = 2_000, None
    for method in ALL:
        run = copympi.simulate(
            system(method, H), state=psi, members=members, duration=1.0, interval=0.5, replicas=runs,
            spectators=spectators, seed=9, comm=Alone(), summaries=False, **dict(method.options),
        )  # fmt: skip
        n = run.occupation
        if exact is None:
            first = n[0, 0], run.phase[0, 0]
            exact = naive.gillespie_many(H, *first, run.time[1:], 0.02, runs, 3, spectators=spectators)
        what = f"{method.name}, N = {members}, {spectators} spectators"
        same_law(n[:, 1:], exact, what)
        means_agree(n[:, 1:], exact, what)


@pytest.mark.parametrize("spectators", [0, 2])
def test_deaths_at_a_node(spectators: int) -> None:
    """N rho_min = 3: the share of runs in which a beable dies (or has only its spectators left) at each record."""
    H, N, T = np.array([[0, 1], [1, 0]], complex), 200, 2.0
    exact = None
    for method in ALL:
        run = copympi.simulate(
            system(method, H), density=[0.9, 0.1], phase=[0.0, np.arcsin(np.sqrt(3 / N) / 0.3) + np.pi / 2], members=N,
            duration=T, interval=T / 4, replicas=3_000, spectators=spectators, seed=5, comm=Alone(), summaries=False,
            **dict(method.options),
        )  # fmt: skip
        n = run.occupation
        if exact is None:
            exact, _ = two_levels(H, n[0, 0], run.phase[0, 0], run.time[1:], 10_000, 6, spectators)
        ours, theirs = ((x == spectators).any(axis=2).mean(axis=0) for x in (n[:, 1:], exact))
        error = np.sqrt(ours * (1 - ours) / len(n) + theirs * (1 - theirs) / len(exact)) + 1e-9
        assert np.all(np.abs(ours - theirs) < 4 * error), (method.name, ours, theirs)
        if spectators == 0:
            assert 0.02 < theirs[-1] < 0.98
        means_agree(n[:, 1:], exact, method.name)


@pytest.mark.parametrize(
    ("name", "replicas"), [("ring of 128", 4_000), pytest.param("dense 70", 1_000, marks=pytest.mark.long)]
)
def test_a_hundred_members_a_beable_are_those_of_members(name: str, replicas: int) -> None:
    """Where the linear noise approximation is off by 5 to 10%: counts, whose noise is Gaussian where many
    members move, against members with an identity, of whom whole numbers do.

    Null hypothesis: one law; variances of n within 2% and 3 standard errors in the mean, and within 4.5 each (kurtosis
    counted), means within 4.5.
    """
    case, psi = cases.CASES[name], cases.path(name, None)
    x, y = (
        copympi.simulate(
            case.system(True), state=psi, members=10_000, duration=0.5 * case.duration, interval=0.5 * case.duration,
            replicas=replicas, seed=3, comm=Alone(), summaries=False, representation=representation,
        ).occupation[:, 1].astype(float)
        for representation in ("occupation", "members")
    )  # fmt: skip
    ratio = x.var(axis=0) / y.var(axis=0)
    spread = [((z - z.mean(axis=0)) ** 2).std(axis=0) / z.var(axis=0) / np.sqrt(len(z)) for z in (x, y)]
    error = np.hypot(*spread)
    assert abs(ratio.mean() - 1) < 0.02 + 3 * error.mean() / np.sqrt(len(ratio)), ratio.mean()
    assert np.abs((ratio - 1) / error).max() < 4.5
    assert np.abs(x.mean(axis=0) - y.mean(axis=0)).max() < 4.5 * np.sqrt((x.var(axis=0) + y.var(axis=0)).max() / len(x))
