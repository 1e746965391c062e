"""The three experiments of docs/physics.md, "Filters": does a spin's ensemble follow quantum mechanics through filters?

Null hypothesis: the share of members who pass all filters has the mean of the table, and a binomial's noise at most.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import copympi
from copympi.mpi import Alone

N = 10**6
UP = np.array([np.sqrt(3), 1.0]) / 2  # along z
Y_OF_Z = np.array([[0, -1j], [1j, 0]])  # sigma_y in the beables up, down
Y_OF_X = np.array([[0, 1j], [-1j, 0]])  # and in x+, x-


def rotation(degrees: float, y: Any) -> Any:
    """H that turns a spin by so much about y in unit time."""
    return 0.5 * np.deg2rad(degrees) * y


def passed(H: Any, labels: list[str], state: Any, schedule: list[Any], duration: float) -> float:
    run = copympi.simulate(
        copympi.System(H, labels=labels), state=state, members=N, duration=duration, interval=0.5, schedule=schedule,
        seed=3, comm=Alone(),
    )  # fmt: skip
    members = run.measured["members"]
    assert members[0] == N
    assert np.all(np.diff(members) <= 0)
    assert np.array_equal(members, run.occupation.sum(axis=1))
    return float(members[-1] / N)


def by_path() -> float:
    """3: the magnet has sent up and down apart, and beables are the path and x+ or x-."""
    state = np.kron([UP[0], 0], [1, 1]) + np.kron([0, UP[1]], [1, -1])
    schedule = [{"at": 0.5, "filter": ["a+", "a-"]}, (0.5, np.kron(np.eye(2), rotation(30, Y_OF_X))),
                {"at": 1.5, "filter": ["a+", "b+"]}]  # fmt: skip
    with pytest.warns(copympi.ScheduleWarning, match=r"nothing can move from t = 1\.5 on"):
        return passed(np.zeros((4, 4)), ["a+", "a-", "b+", "b-"], state / np.sqrt(2), schedule, 2.0)


def by_spin() -> float:
    """2: the same with the beables up and down, by which the first filter goes."""
    schedule = [{"at": 0.5, "filter": ["up"]}, (0.5, rotation(60, Y_OF_Z)), {"at": 1.5, "filter": ["up"]}]
    with pytest.warns(copympi.ScheduleWarning, match=r"nothing can move from t = 0\.5 on"):
        return passed(np.zeros((2, 2)), ["up", "down"], UP, schedule, 2.0)


def rotated_first() -> float:
    """1: a filter in another direction, the first there is."""
    schedule = [{"at": 1.0, "filter": ["up"]}]
    with pytest.warns(copympi.ScheduleWarning, match=r"nothing can move from t = 1 on"):
        return passed(rotation(60, Y_OF_Z), ["up", "down"], UP, schedule, 1.5)


def test_a_stern_gerlach_sequence() -> None:
    error = 4 * 0.5 / np.sqrt(N)
    assert rotated_first() == pytest.approx(0.25, abs=error)
    assert by_spin() == 0.75, "to the last member: there is nobody to copy"
    assert by_path() == pytest.approx(0.5625, abs=error)
