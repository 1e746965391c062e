"""What is said of fixed steps that are long, and of Hamiltonians whose powers are no numbers."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import copympi

MANY: dict[str, Any] = {"representation": "occupation", "members": 1e30}
CASES: dict[str, dict[str, Any]] = {
    "members": {"members": 1000},
    "counts": {"members": 1000, "representation": "occupation"},
    "phases": {"members": 1000, "phase_spread": 0.1},
    "beyond integers": MANY,
}


def carry(step: float, energy: float, **more: Any) -> None:
    system = [[energy, 0.001], [0.001, -energy]]
    copympi.simulate(system, density=[0.5, 0.5], duration=2 * step, interval=step, step=step, **more)


@pytest.mark.parametrize("case", CASES)
def test_a_fixed_step_that_turns_phases_far_is_warned_about_once(case: str) -> None:
    with pytest.warns(copympi.StepWarning) as said:
        carry(0.01, 70.0, **CASES[case])
    texts = [str(each.message) for each in said if issubclass(each.category, copympi.StepWarning)]
    assert len(texts) == 1, texts
    assert texts[0].startswith("dynamics.step = 0.01 may turn phases by 0.7 rad in one step")


@pytest.mark.parametrize("case", CASES)
def test_a_shorter_one_is_not(case: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        carry(0.01, 40.0, **CASES[case])


@pytest.mark.parametrize("case", CASES)
def test_a_hamiltonian_whose_powers_are_no_numbers_is_refused(case: str) -> None:
    with pytest.raises(copympi.InputError, match=r"\|H\|/hbar = 1e\+140\": must be below 1e\+50"):
        carry(1e-90, 1e140, **CASES[case])


@pytest.mark.parametrize("case", ["members", "counts"])
def test_a_fixed_step_whose_powers_are_no_numbers_is_an_error(case: str) -> None:
    """Two copies that stand still at once: no chance to leave, and phases of which nothing can be said."""
    density, step = [0.5, 0.5, 0.0], 1e95
    system = [[0.05, 0.1, 0.1], [0.1, 0.04, 0.2], [0.1, 0.2, -0.1]]
    with pytest.raises(copympi.DynamicsError, match=r"use a smaller dynamics\.step"):
        copympi.simulate(system, density=density, duration=2 * step, interval=step, step=step, **CASES[case])
