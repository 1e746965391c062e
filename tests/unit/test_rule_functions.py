"""Copy rules as Python functions: their law, what is refused, and how runs by them go on."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

import copympi
from copympi import DynamicsError, InputError, Rule, RuleFunction
from copympi.cli.rerun import rerun
from copympi.kernels import general
from copympi.report import expected
from copympi.storage import reading
from tests.physics import random_system
from tests.reference import naive_rules as naive

TWO: Any = [[0.3, 0.5 - 0.2j], [0.5 + 0.2j, -0.3]]
ASKED: dict[str, Any] = {"state": [0.8, 0.6j], "members": 1000, "duration": 0.2, "interval": 0.1, "seed": 3}
EXACT = {"method": "exact"}
HELD = {"representation": "members"}


def of_class(q: float, r: float, more: float = 0.0, second: float = 0.0) -> RuleFunction:
    """(n_a + more)/(n_b + more) in place of n_a/n_b; k = 1, and k = 2 of a relative strength."""

    def copying(n_a: Any, n_b: Any, D: Any, R: Any, delta: Any) -> Any:
        ratio = ((n_a + more) / (n_b + more)) ** q
        first, other = np.sin(D + delta), np.sin(2 * (D + delta))
        return 2 * R * ratio * (np.maximum(0, first) + second * np.maximum(0, other))

    def turning(n_a: Any, n_b: Any, D: Any, R: Any, delta: Any) -> Any:
        ratio = ((n_a + more) / (n_b + more)) ** r
        return R * ratio * (np.cos(D + delta) + second * np.cos(2 * (D + delta)))

    return RuleFunction(copying, turning)


@pytest.mark.parametrize(("q", "r", "second"), [(0.5, -0.5, 0.0), (0.7, -0.3, 0.4)])
def test_leaps_of_many_members_follow_the_mean_field(q: float, r: float, second: float) -> None:
    """Noise is 1e-7; where members turn round, and flows bend, the step's error is as small as elsewhere."""
    system, rho, phi = random_system(3, 4), np.array([0.5, 0.2, 0.3]), np.array([0.3, 1.4, -0.8])
    asked = {"density": rho, "phase": phi, "members": 10**14, "duration": 1.5, "interval": 0.75, "tolerance": 1e-6}
    run = copympi.simulate(system, **asked, seed=2, rule=of_class(q, r, 0.0, second))
    harmonics = [(1, 2.0, 1.0, 0.0, 0.0), (2, 2 * second, second, 0.0, 0.0)]
    law = naive.law(system.hamiltonian.toarray(), q, r, harmonics)
    wanted = naive.mean_field(law, rho, phi, run.time[1:])[:, :3]
    np.testing.assert_allclose(run.occupation[1:] / 1e14, wanted, rtol=0, atol=2e-6)


def test_leaps_draw_as_those_of_the_same_rule_compiled() -> None:
    """With spectators, where no pair turns round: with the same seed all but a draw on an edge comes out the same."""
    asked = ASKED | {"spectators": 20, "step": 0.01, "replicas": 3}
    for more in ({}, HELD):
        one = copympi.simulate(TWO, **asked, **more, rule=of_class(0.4, -0.6))
        two = copympi.simulate(TWO, **asked, **more, rule=Rule(0.4, -0.6))
        assert np.abs(one.occupation - two.occupation).max() <= 1
        assert one.events.min() > 0 or one.time[0] == 0
        np.testing.assert_allclose(one.phase, two.phase, atol=1e-3)


def test_events_have_the_law_of_a_naive_twin() -> None:
    """n + 3 in place of n, 12 members: H0, n_0 at the end is distributed alike. With n alone it is not."""
    rule, psi = of_class(0.5, -0.5, 3.0), [np.sqrt(7 / 12), np.sqrt(5 / 12) * 1j]
    asked = {"state": psi, "members": 12, "duration": 1.2, "interval": 1.2, "seed": 5, "replicas": 500}
    run = copympi.simulate(TWO, **asked, **EXACT, rule=rule)
    found = np.bincount(run.occupation[:, -1, 0], minlength=13)
    whole = naive.law(TWO, 0.5, -0.5, [(1, 2.0, 1.0, 0.0, 0.0)])
    p = []
    for law in (whole._replace(more=3.0), whole):
        n = naive.events(law, [7, 5], -np.angle(psi), [1.2], 0.02, 4000, 6)[:, 0, 0]
        table = np.array([found, np.bincount(n, minlength=13)])
        few = table.sum(axis=0) < 40
        table = np.column_stack([table[:, ~few], table[:, few].sum(axis=1)])
        p.append(chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue)
    assert p[0] > 0.001
    assert p[1] < 1e-6


def test_the_hazard_of_one_member_that_has_nobody_to_follow() -> None:
    """One member in b, very many in a, a rate that rises as 1 - cos: P(still there) is exp of minus its integral.

    H0: those who stay are binomial; 1,000 replicas see 5%.
    """
    rule = RuleFunction(lambda n_a, n_b, D, R, delta: np.where(n_b < 1.5, 1 + np.sin(3 * D), 0.0), lambda *_: 0.0)
    system = copympi.System([[3.0, 0.1], [0.1, 0.0]])
    asked = {"density": [1 - 1e-3, 1e-3], "members": 1000, "duration": 0.5, "interval": 0.5, "seed": 1}
    run = copympi.simulate(system, **asked, replicas=1000, **EXACT, rule=rule)
    stay = np.exp(-(0.5 + (1 - np.cos(4.5)) / 9))  # D = 3 t
    assert abs(np.mean(run.occupation[:, -1, 1]) - stay) < 3.3 * np.sqrt(stay * (1 - stay) / 1000)


@pytest.mark.parametrize("how", [{}, HELD | EXACT], ids=str)
def test_runs_go_on_with_the_same_bits(how: dict[str, Any], tmp_path: Path) -> None:
    asked = ASKED | {"members": 200} | how
    rule = of_class(0.6, -0.4, 1.0)
    whole = copympi.simulate(TWO, **asked, rule=rule)
    copympi.simulate(TWO, **asked | {"duration": 0.1}, rule=rule, output=tmp_path / "run")
    again = of_class(0.6, -0.4, 1.0)  # another object that gives the same
    run = copympi.simulate(TWO, **asked, rule=again, output=tmp_path / "run", resume=True)
    np.testing.assert_array_equal(run.occupation, whole.occupation)
    np.testing.assert_array_equal(run.phase, whole.phase)
    assert whole.events[-1] > 0
    other = asked | {"duration": 0.3}
    with pytest.raises(InputError, match=r"^dynamics\.rule = .a Python function .*: was .* with digest "):
        copympi.simulate(TWO, **other, rule=of_class(0.6, -0.4, 1.01), output=tmp_path / "run", resume=True)
    if how:
        return
    said = copympi.load(tmp_path / "run").config["dynamics"]["rule"]
    assert said == f"a Python function {rule.name}" == repr(rule)
    with pytest.raises(InputError, match="has a copy rule that is a function in Python: run that program again"):
        rerun(Namespace(folder=str(tmp_path / "run"), files=None))
    with pytest.raises(InputError, match=r"^dynamics\.rule = .*: can be had from the program in Python alone"):
        copympi.simulate(TWO, **asked, rule=said)
    assert expected.rule_of(reading.read(tmp_path / "run")) is None  # so reports compare with no mean field


def like(copying: Any = lambda *_: 1.0, turning: Any = lambda *_: 0.0) -> RuleFunction:
    return RuleFunction(copying, turning, "mine")


@pytest.mark.parametrize(
    ("rule", "asked", "said"),
    [
        (like(lambda *_: -1.0), {}, 'rule.copying = "mine": copying gave -1 at n_a = '),
        (like(lambda n_a, *_: 0 / (n_a - n_a)), {}, "copying gave nan at n_a = "),
        (like(turning=lambda *_: np.inf), {}, 'rule.turning = "mine": turning gave inf at '),
        (like(lambda n_a, n_b: n_a), {}, "copying failed: TypeError: "),
        (like(turning=lambda *_: "a"), {}, "turning gave <U1 of shape one, must give 2 real numbers, one a pair, or"),
        (like(lambda *_: np.ones(3)), {}, "copying gave float64 of shape 3, must give 2 real numbers"),
        (like(lambda n_a, *_: np.sqrt(n_a - 1)), {}, "copying gave nan at n_a = 0."),
        (like(), {"members": np.inf}, "must be one of powers and harmonics (no Python function) whose powers"),
        (like(), {"members": 1e20}, "with preparation.members below 2^63, or inf, any rule will do"),
        (like(), {"phase_spread": 0.3}, "with members of a beable that share one phase"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_in_one_line(rule: RuleFunction, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as problem, np.errstate(all="ignore"):
        copympi.simulate(TWO, **ASKED | asked, rule=rule)
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


def test_functions_are_functions() -> None:
    with pytest.raises(InputError, match=r"^rule\.turning = 3: must be a function of \(n_a, n_b, D, R, delta\)"):
        RuleFunction(lambda *_: 0.0, 3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^rule\.name = "):
        RuleFunction(lambda *_: 0.0, lambda *_: 0.0, "two\nlines")
    assert RuleFunction(np.add, np.subtract).name == "add, subtract"
    with np.errstate(invalid="ignore"):  # whole numbers alone are asked for where copies come one by one
        roots = RuleFunction(lambda n_a, *_: np.sqrt(n_a - 1), lambda *_: 0.0)
        assert copympi.simulate(TWO, **ASKED, **EXACT, rule=roots).events[-1] > 0


@pytest.mark.parametrize("how", [{}, EXACT, HELD, HELD | EXACT, {"step": 0.04}], ids=str)
def test_what_goes_wrong_on_the_way_is_said(how: dict[str, Any]) -> None:
    calls: list[int] = []

    def late(what: Any) -> Any:
        calls.clear()

        def copying(n_a: Any, *_: Any) -> Any:
            calls.append(1)
            return np.full(n_a.shape, 1.0 if len(calls) < 800 else what())

        return RuleFunction(copying, lambda *_: 0.0, "mine")

    asked = ASKED | {"interval": 0.16} | how
    asked["duration"] = 1000 * asked["interval"]
    with pytest.raises(DynamicsError, match=r"rule mine: copying gave nan at n_a = \d.*, must be finite, 0 or pos"):
        copympi.simulate(TWO, **asked, rule=late(lambda: np.nan))
    with pytest.raises(RuntimeError, match="rule mine failed") as problem:
        copympi.simulate(TWO, **asked, rule=late(lambda: 1 // 0))
    assert isinstance(problem.value.__cause__, ZeroDivisionError)


def test_the_kernel_takes_no_function_beside_a_harmonic_with_strength() -> None:
    couplings = copympi.System(TWO).couplings
    one, none = np.ones((1, 1)), np.zeros((1, 1))
    shifts = {"copying_shift": none, "turning": none, "turning_shift": none}
    with pytest.raises(ValueError, match="function: must go with a harmonic of no strength"):
        general.CopyRule(
            couplings, powers=np.zeros(4), order=np.ones(1, np.int64), copying=one, **shifts, function=len
        )  # fmt: skip
