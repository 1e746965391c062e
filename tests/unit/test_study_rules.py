"""The study of copy rules: what is zero for which rule, and that its tables say what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from copympi import Rule
from copympi.mpi import Alone
from copympi.studies.rules import measures, study, table
from copympi.studies.rules.cases import Case, cases

SMALL = 1e-6


@pytest.mark.parametrize(
    ("rule", "zero"),
    [
        (Rule(), {"signal", "distance", "reversal", "energy", "superposition", "conjugacy"}),
        (Rule(r=-0.45), {"reversal"}),
        (Rule(0.45), set()),
    ],
)
def test_what_a_rule_keeps(rule: Rule, zero: set[str]) -> None:
    """All of it the quantum one, time reversal alone another r, nothing another q; members are kept by all."""
    found = measures.of(rule)
    assert found.pop("norm") < SMALL
    assert found.pop("died") == 0
    assert {name for name, value in found.items() if value < SMALL} == zero
    assert all(value > 1e-3 for name, value in found.items() if name not in zero)


def test_a_conjugate_harmonic_keeps_all_but_superposition_and_signals() -> None:
    """As the tables have it, from the study's own run; lines are at most 100 columns wide."""
    case = Case("second", coarse=True)
    answers = table.Answers([(case, study.run(case, 1, Alone()))])
    rows = {(row["name"], row["x"]): row for row in answers.rows("second")}
    assert len(rows) == 6
    conjugate = rows["conjugate", 0.1]
    assert max(conjugate[name] for name in ("reversal", "energy", "conjugacy")) < SMALL
    assert min(conjugate[name] for name in ("signal", "superposition")) > 0.01
    assert rows["copying alone", 0.1]["conjugacy"] > 0.01
    said = table.text(answers)
    assert max(map(len, said.splitlines())) <= 100
    assert f"{conjugate['signal']:.2g}" in said


def test_members_come_back_to_within_noise() -> None:
    """There and back: a few times 1/sqrt(N) for the quantum rule, and the mean field's own loss for another q."""
    off = [measures.there_and_back(rule, 10**6, 3, 5, Alone()) for rule in (Rule(), Rule(0.45))]
    assert np.sqrt(np.mean(off[0] ** 2)) < 3e-3
    assert np.sqrt(np.mean(off[1] ** 2)) == pytest.approx(0.032, abs=0.003)


def test_cases_have_places_of_their_own() -> None:
    for quick in (True, False):
        made = cases(quick, 2)
        assert len({case.place for case in made}) == len(made)
        assert any(case.q == 0.5 for case in made if case.part == "plane")
