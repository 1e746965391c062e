"""Copy rules: what a rule is, what is refused, and that the quantum rule given in full is the one left out."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import copympi
from copympi import Harmonic, InputError, Rule, RuleWarning
from copympi.model import rule_tables, rules
from tests.physics import random_system

TWO: Any = [[0.3, 0.5 - 0.2j], [0.5 + 0.2j, -0.3]]
FULL = {"k": 1, "copying": 2.0, "turning": 1.0, "copying_shift": 0.0, "turning_shift": 0.0}
ASKED: dict[str, Any] = {"state": [0.8, 0.6j], "members": 1000, "duration": 0.3, "interval": 0.1, "seed": 3}


def off_diagonal(H: Any) -> Any:
    return H * (1 - np.eye(len(H)))


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        (Rule(), "quantum"),
        (Rule(harmonics=[Harmonic(copying=np.full((2, 2), 2.0))]), "quantum"),
        (Rule(harmonics=[{"k": 3, "copying": 6.0, "copying_shift": 0.2, "turning_shift": 0.2}]), "linear"),
        (Rule(harmonics=[{"copying": 1.0, "turning": 0.5}]), "linear"),
        (Rule(harmonics=[{"copying_shift": 0.1}]), "moebius"),
        (Rule(0.6), "moebius"),
        (Rule(r=-0.4), "moebius"),
        (Rule(harmonics=[{"k": 2}]), "moebius"),
        (Rule(excess=(0.1, 0.0)), "moebius"),
        (Rule(harmonics=[{"k": 0}]), "general"),
        (Rule(harmonics=[{}, {"k": 2, "copying": 0.1}]), "general"),
    ],
)
def test_classes(rule: Rule, kind: str) -> None:
    assert rule.kind == kind
    assert rule.quantum == (kind == "quantum")
    assert rule.within("general")
    assert not rule.within("quantum") or rule.quantum


def test_matrices_are_symmetric_strengths_and_odd_angles_on_the_pattern_of_h() -> None:
    system = random_system(5, 2)
    H = system.hamiltonian.toarray()
    H[0, 3] = H[3, 0] = 0.0
    system, shift = copympi.System(H), np.triu(np.arange(25.0).reshape(5, 5), 1)
    twice = np.arange(25.0).reshape(5, 5)
    harmonics = [
        {"copying": 1.5, "turning": -0.7, "copying_shift": 0.3, "turning_shift": -0.2},
        {
            "k": 2,
            "copying": twice + twice.T,
            "turning": sp.csr_array(twice + twice.T),
            "copying_shift": shift - shift.T,
        },
    ]
    found = rules.entries(Rule(0.4, -0.6, harmonics), system)
    assert [list(each) for each in (found.rows, found.columns)] == [list(each) for each in np.nonzero(off_diagonal(H))]
    copying, delta, turning, turned = rules.dense(Rule(0.4, -0.6, harmonics), system)
    R, angle = np.abs(H) * (1 - np.eye(5)), np.angle(H)
    sign = np.sign(np.subtract.outer(np.arange(5), np.arange(5))) * -1.0  # + for a < b
    pairs = R > 0
    assert len(found.rows) == pairs.sum() == 18
    np.testing.assert_allclose(copying, [1.5 * R, R * (twice + twice.T)])
    np.testing.assert_allclose(turning, [-0.7 * R, R * (twice + twice.T)])
    for got, wanted in zip((*delta, *turned), (angle + 0.3 * sign, 2 * angle + shift - shift.T,
                                               angle - 0.2 * sign, 2 * angle), strict=True):  # fmt: skip
        np.testing.assert_allclose(np.exp(1j * got[pairs]), np.exp(1j * wanted[pairs]), atol=1e-14)
        np.testing.assert_allclose(got, -got.T, atol=1e-14)
    for k in range(2):
        np.testing.assert_array_equal(copying[k], copying[k].T)
        np.testing.assert_array_equal(turning[k], turning[k].T)


def test_the_quantum_rule_given_in_full_has_the_bits_of_the_one_left_out(tmp_path: Path) -> None:
    """And one run goes on as the other: nothing in its settings tells them apart."""
    plain = copympi.simulate(TWO, **ASKED, output=tmp_path / "run")
    np.save(tmp_path / "twos.npy", np.full((2, 2), 2.0))
    for rule in (
        Rule(),
        {"q": np.float64(0.5), "r": -0.5, "harmonics": [FULL]},
        {"copying_powers": [-0.5, -0.5], "turning_powers": [-0.5, -0.5]},
        {"harmonics": [FULL | {"copying": str(tmp_path / "twos.npy")}]},
    ):
        full = copympi.simulate(TWO, **ASKED, rule=rule)
        np.testing.assert_array_equal(full.occupation, plain.occupation)
        np.testing.assert_array_equal(full.phase, plain.phase)
    longer = copympi.simulate(TWO, **ASKED | {"duration": 0.4}, rule=Rule(), output=tmp_path / "run", resume=True)
    assert len(longer.time) == 5


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"qq": 1}, "dynamics.rule.qq = 1: no such key; the nearest is 'q'"),
        ({"q": "half"}, 'dynamics.rule.q = "half": must be a finite number'),
        ({"r": 200}, "dynamics.rule.r = 200: must be at most 100 in size"),
        ({"harmonics": []}, "dynamics.rule.harmonics = []: must be a list of tables"),
        ({"harmonics": [{"k": -1}]}, "dynamics.rule.harmonics[0].k = -1: must be a whole number from 0 to 64"),
        ({"harmonics": [{}, {"copyin": 1}]}, "dynamics.rule.harmonics[1].copyin = 1: no such key; the nearest"),
        ({"harmonics": [{"copying": -0.1}]}, "harmonics[0].copying = -0.1: must be 0 or positive"),
        ({"harmonics": [{"copying": [[0, 1], [2, 0]]}]}, "must be symmetric"),
        ({"harmonics": [{"turning_shift": [[0, 1], [1, 0]]}]}, "must be odd"),
        ({"harmonics": [{"copying": np.ones((3, 3))}]}, 'copying = "array of shape 3x3": must be 2x2'),
        ({"harmonics": [{"copying": np.ones((0, 0))}]}, 'copying = "float64 array of shape 0x0": must be a'),
        ({"harmonics": [{"turning": sp.csr_array((0, 0))}]}, 'turning = "float64 array of shape 0x0": must be a'),
        ({"harmonics": [{"turning": "none.npy"}]}, "harmonics[0].turning = \"none.npy\": no such file"),
        ({"copying_powers": [-1, -0.5]}, "dynamics.rule.copying_powers = [-1, -0.5]: must sum to -1"),
        ({"q": 0.5, "copying_powers": [-0.5, -0.5]}, "must be left out where q is given"),
        (3, "dynamics.rule = 3: must be a table with q, r, harmonics"),
    ],
)  # fmt: skip
def test_bad_rules_are_refused_in_one_line(rule: Any, said: str) -> None:
    with pytest.raises(InputError) as problem:
        copympi.simulate(TWO, **ASKED, rule=rule)
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("excess", [0.1, [0.1], (0.1, 0.2, 0.3), "ab", np.array(0.1), [[0.1, 0.2]], [[0.1], 2]])
def test_excess_is_two_numbers(excess: Any) -> None:
    with pytest.raises(InputError, match=r"^excess = .*: must be (two numbers|a finite number)"):
        Rule(excess=excess)


@pytest.mark.parametrize(
    ("rule", "asked", "said"),
    [
        ({"q": 0.4}, {"members": 1e20}, "; with preparation.members below 2^63, or inf, any rule will do"),
        ({"q": 0.4}, {"phase_spread": 0.3}, '; with dynamics.representation = "members" (or no phase_spread) any rule'),
        ({"q": 0.4}, {"members": 1e20, "phase_spread": 0.3}, 'or inf, and dynamics.representation = "members" (or no'),
        ({"q": 0.4}, {"alignment": {"strength": 1.0}, "representation": "members"}, "; with no [alignment] any rule"),
        ({"copying_powers": [-0.9, -0.5], "anyway": True}, {"members": np.inf}, "; a finite number of prep"),
        ({"copying_powers": [-0.9, -0.5], "anyway": True}, {"members": 1e20}, "preparation.members below 2^63 any"),
    ],
)  # fmt: skip
def test_refusals_say_what_takes_the_rule(rule: Any, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as problem:
        copympi.simulate(TWO, **ASKED | {"representation": "occupation"} | asked, rule=rule)
    assert said in str(problem.value)
    assert str(problem.value).startswith("dynamics.rule = ")


def test_cautions() -> None:
    assert rule_tables.cautions(Rule(q=0.0)) == rule_tables.cautions(Rule(q=1.0)) == []
    assert "outside 0 to 1" in rule_tables.cautions(Rule(q=1.2))[0]
    assert rule_tables.cautions(Rule(0.9, -0.9), 1e12) == rule_tables.cautions(Rule(1.0, -1.5), np.inf) == []
    assert "phases turn x^-1.5 faster than members come" in rule_tables.cautions(Rule(1.0, -1.5), 1e9)[0]
    excess = rule_tables.of({"copying_powers": [-1.0, -0.5], "turning_powers": [0.0, -0.25], "anyway": True})
    assert (excess.q, excess.r, excess.excess) == (0.5, 0.0, (-0.5, 0.75))
    assert len(rule_tables.cautions(excess)) == 2
    again = rule_tables.of(rule_tables.as_table(excess))
    assert (again.q, again.r, again.excess) == (excess.q, excess.r, excess.excess)
    assert issubclass(RuleWarning, copympi.CopyWarning)


@pytest.mark.parametrize("method", ["leap", "exact"])
@pytest.mark.parametrize("rule", [{"harmonics": [{"k": 2, "turning": 1e100}]}, {"harmonics": [{"copying": 1e100}]}])
def test_what_time_cannot_resolve_ends_members_with_phases_of_their_own(rule: Any, method: str) -> None:
    asked = ASKED | {"members": 1000, "method": method, "phase_spread": 0.3, "representation": "members", "rule": rule}
    with pytest.raises(copympi.DynamicsError, match=r"for this time to resolve|what this time can"):
        copympi.simulate(TWO, **asked)


@pytest.mark.parametrize(
    ("rule", "members"),
    [
        ({"harmonics": [{"turning": 1e100}]}, 1000),
        ({"harmonics": [{"copying": 1e100}]}, 1000),
        ({"copying_powers": [15, 15], "anyway": True}, 10**12),
    ],
)
def test_steps_that_time_cannot_resolve_end_a_leap(rule: Any, members: int) -> None:
    asked = ASKED | {"members": members, "method": "leap", "representation": "occupation", "rule": rule}
    with pytest.warns(RuleWarning) if "anyway" in rule else contextlib.nullcontext():  # noqa: SIM117
        with pytest.raises(copympi.DynamicsError, match="the step falls below what this time can resolve"):
            copympi.simulate(TWO, **asked)


@pytest.mark.parametrize(("q", "members"), [(1.5, 10**18), (5.0, 10**6)])
def test_the_last_of_a_beable_leave_faster_than_time_can_resolve(q: float, members: int) -> None:
    """That is no failure: they leave."""
    asked = ASKED | {"members": members, "duration": 4.0, "interval": 4.0, "method": "leap"}
    with pytest.warns(RuleWarning):
        run = copympi.simulate([[0, 0.5], [0.5, 0]], **asked, representation="occupation", rule=Rule(q))
    assert sorted(run.occupation[-1]) == [0, members]
    assert run.largest_chance == 1.0
