"""Any copy rule at finite N: means, covariances, laws, against the naive forms of tests/reference/naive_rules.py.

Means at N = 1e14 against DOP853 on (18), (19); the covariance's order without sampling, by the step's own linear map
(test_linear_map.py); laws of few members against the process event by event, null hypothesis: one law, p > 0.001.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import copympi
from copympi import Harmonic, Rule
from copympi.engine.general import compiled
from copympi.kernels import general_counts as kernel
from copympi.kernels.general import velocity
from copympi.kernels.plans import StepPlans
from copympi.mpi import Alone
from tests.physics import calm, random_system
from tests.reference import naive_rules
from tests.statistical import test_linear_map
from tests.statistical.test_agreement import means_agree, same_law

QUANTUM, SECOND = (1, 2.0, 1.0, 0.0, 0.0), (2, 0.7, 0.3, 0.4, -0.2)
"""Harmonics: k, copying, turning, copying_shift, turning_shift."""
RULES: dict[str, tuple[float, float, list[tuple[int, float, float, float, float]]]] = {
    "quantum": (0.5, -0.5, [QUANTUM]),
    "more of few": (0.8, -0.7, [QUANTUM]),
    "more of many": (0.3, -0.3, [QUANTUM]),
    "no power": (0.0, 0.2, [QUANTUM]),
    "two harmonics": (0.5, -0.5, [QUANTUM, SECOND]),
    "three harmonics": (0.6, -0.4, [(0, 0.3, 0.1, 0.5, 0.3), QUANTUM, (3, 0.7, 0.3, 0.4, -0.2)]),
}
every_rule = pytest.mark.parametrize("name", RULES)


def both(name: str, system: copympi.System) -> tuple[Rule, naive_rules.Law]:
    """A rule as the package has it, and as the naive forms have it."""
    q, r, harmonics = RULES[name]
    law = naive_rules.law(system.frequencies.toarray(), q, r, harmonics)
    return Rule(q, r, [Harmonic(*one) for one in harmonics]), law


@every_rule
@pytest.mark.parametrize("spectators", [0, 7])
def test_rates_are_those_of_the_sums_over_pairs(name: str, spectators: int) -> None:
    """To rounding, with a beable that nobody holds."""
    system = random_system(5, 3)
    rule, law = both(name, system)
    n, phi = np.array([30.0, 0.0, 1000.0, 8.5, 71.0]), np.linspace(-3, 2, 5)
    flow = (n - spectators)[:, None] * naive_rules.copy_rates(n, phi, law)
    dn, turn, found = velocity(compiled(rule, system), n, phi, law.omega, spectators)
    some = n > 0
    np.testing.assert_allclose(found, np.where(np.outer(some, some), flow, 0.0), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(dn, found.sum(axis=0) - found.sum(axis=1), atol=1e-9)
    np.testing.assert_allclose(turn[some], naive_rules.turn_rates(n, phi, law)[some], rtol=1e-11, atol=1e-11)


def test_powers_that_do_not_sum_to_minus_one() -> None:
    """n_J^(q - 1 + x) n_I^(-q) a pair of members, and so in turning: the excess goes to who is copied, or turns."""
    system = random_system(2, 3)
    n, phi = np.array([40.0, 90.0]), np.array([0.3, 1.9])
    (plain_dn, plain_turn, plain), (_, turn, flow) = (
        velocity(compiled(Rule(0.4, -0.3, excess=excess), system), n, phi, np.zeros(2))
        for excess in ((0.0, 0.0), (0.2, -0.1))
    )
    np.testing.assert_allclose(flow, plain * n[None, :] ** 0.2)
    np.testing.assert_allclose(turn, plain_turn * n[::-1] ** -0.1)
    assert np.any(plain_dn != 0)


@every_rule
def test_means_of_very_many_members_are_the_mean_field(name: str) -> None:
    """Within 2e-6 in rho at ten records; noise is 1e-7."""
    system, psi = calm(4, 1.0, 0.05)
    rule, law = both(name, system)
    if rule.quantum:
        rule = Rule(0.5, -0.5, [Harmonic(), Harmonic(2, 0.0, 0.0)])  # the same by the general method
    run = copympi.simulate(
        system, state=psi, members=10**14, duration=1.0, interval=0.1, tolerance=1e-6, rule=rule,
        representation="occupation", comm=Alone(),
    )  # fmt: skip
    exact = naive_rules.mean_field(law, run.occupation[0] / 1e14, run.phase[0], run.time[1:])
    rho, phase = run.occupation[1:] / 1e14, run.phase[1:]
    assert np.abs(rho - exact[:, :4]).max() < 1e-6
    assert np.abs(np.exp(1j * phase) - np.exp(1j * exact[:, 4:])).max() < 5e-6


@pytest.mark.parametrize("method", ["leap", "exact"])
def test_phases_of_who_never_copies_are_those_of_the_integrated_rule(method: str) -> None:
    """R' = 0: nobody moves, and phases follow (19) alone."""
    system, psi = calm(3, 1.0, 0.05)
    rule = Rule(0.5, 0.3, [Harmonic(1, 0.0, 1.0), Harmonic(3, 0.0, 0.4, 0.0, 0.7)])
    law = naive_rules.law(system.frequencies.toarray(), 0.5, 0.3, [(1, 0.0, 1.0, 0.0, 0.0), (3, 0.0, 0.4, 0.0, 0.7)])
    run = copympi.simulate(
        system, state=psi, members=10_000, duration=2.0, interval=1.0, tolerance=1e-8, rule=rule, method=method,
        representation="occupation", comm=Alone(),
    )  # fmt: skip
    exact = naive_rules.mean_field(law, run.occupation[0] / 1e4, run.phase[0], run.time[1:])
    np.testing.assert_array_equal(run.occupation, np.tile(run.occupation[0], (3, 1)))
    assert np.abs(np.exp(1j * run.phase[1:]) - np.exp(1j * exact[:, 3:])).max() < 1e-6


class Step(test_linear_map.Step):
    """One step of fixed length by any rule, as a function of (rho, phi) and of the first draw's deviations."""

    rule: Rule

    def __init__(self, system: copympi.System, h: float, spectators: int = 0) -> None:
        super().__init__(system, h, spectators)
        self.work = kernel.Work(compiled(self.rule, system))

    def _plan(self, half: int, n: Any, out: Any, phase: Any, plans: StepPlans) -> Any:
        status, *_ = kernel.plan_half(
            self.work, plans, self.control, half, active=np.ones(1, np.uint8), n=n[None], out=out[None],
            phase=phase[None].copy(), time_left=np.array([self.h]),
        )  # fmt: skip
        assert status == 0
        return plans.chance[0].copy()


def test_means_are_of_fourth_order_and_covariances_of_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Halved steps err 16 times and 4 times less, also where flows turn round, and so bend, on the way."""
    system, psi = calm(3, 1.0, 0.05)
    rule, law = both("three harmonics", system)
    monkeypatch.setattr(Step, "rule", rule, raising=False)
    monkeypatch.setattr(test_linear_map, "Step", Step)
    rho, phi = np.abs(psi) ** 2, -np.angle(psi)
    end, exact = naive_rules.mean_field(law, rho, phi, [1.0])[0], naive_rules.covariance(law, rho, phi, 1.0)
    size = np.sqrt(np.diag(exact))
    means, covariances, turns = [], [], 0
    for steps in (20, 40, 80):
        step, x = Step(system, 1.0 / steps), np.concatenate([rho, phi])
        signs = []
        for _ in range(steps):
            x, (first, _), _ = step(x)
            signs.append(first > 0)
        turns = np.count_nonzero(np.diff(np.array(signs), axis=0))
        means.append(np.abs(x - end).max())
        if steps < 80:
            found = test_linear_map.propagated(system, psi, 1.0, steps)
            covariances.append(np.abs((found - exact) / np.outer(size, size)).max())
    assert turns > 0
    means_fall, fall = (np.array(errors[:-1]) / np.array(errors[1:]) for errors in (means, covariances))
    assert np.all(means_fall > 8), means
    assert means[0] < 1e-4
    assert np.all(fall > 3), covariances
    assert covariances[0] < 0.02


MEMBERS, RUNS, DURATION, RECORDS = 24, 1_200, 1.0, 3
"""Four standard errors of the mean of a beable of ten members are 5% of it and less."""


@cache
def twin(name: str, spectators: int) -> Any:
    """Occupations (runs, T, P) of the process event by event."""
    system, _ = calm(3, DURATION, 0.05)
    start = sample(name, spectators, 1, "occupation")
    return naive_rules.events(
        both(name, system)[1], start.occupation[0], start.phase[0], start.time[1:], 0.05, RUNS, 3, spectators
    )


def sample(name: str, spectators: int, runs: int, representation: str, **options: Any) -> copympi.Run:
    system, psi = calm(3, DURATION, 0.05)
    return copympi.simulate(
        system, state=psi, members=MEMBERS, duration=DURATION, interval=DURATION / RECORDS, replicas=runs, seed=5,
        representation=representation, rule=both(name, system)[0], spectators=spectators, comm=Alone(), **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "spectators", "representation", "method"),
    [
        ("more of few", 0, "occupation", "leap"),
        ("more of few", 0, "occupation", "exact"),
        ("three harmonics", 2, "members", "leap"),
        ("three harmonics", 2, "members", "exact"),
    ],
)
def test_few_members_have_the_law_of_the_process(name: str, spectators: int, representation: str, method: str) -> None:
    found = sample(name, spectators, RUNS, representation, method=method).occupation[:, 1:]
    same_law(found, twin(name, spectators), name)
    means_agree(found, twin(name, spectators), name)
