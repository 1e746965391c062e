"""Schedules: what is checked of them, and which H is in force when."""

from __future__ import annotations

import numpy as np
import pytest

import copympi
from copympi.errors import InputError
from copympi.model.schedule import Filter, Schedule, Switch, checked
from copympi.model.system import System

ONE = System(np.array([[0.3, 0.5], [0.5, -0.3]]), labels=["up", "down"])
TWO = System(np.array([[0.0, 0.2], [0.2, 0.0]]))
RING = copympi.lattice(4)


def test_the_system_in_force_is_the_last_switched_to() -> None:
    schedule = checked(ONE, [Switch(1.0, TWO), Filter(1.0, (0,)), Switch(3.0, ONE)])
    second = schedule.switches[0].system
    assert [schedule.system_at(ONE, t) for t in (0.0, 1.0, 1.5, 3.0, 9.0)] == [ONE, ONE, second, second, ONE]
    assert schedule.segments(ONE) == [(0.0, ONE), (1.0, second), (3.0, ONE)]
    assert (list(second.labels), list(TWO.labels)) == (["up", "down"], ["0", "1"]), "the user's own System stays"
    np.testing.assert_array_equal(second.frequencies.toarray(), TWO.frequencies.toarray())
    assert len(schedule) == 3
    assert not Schedule()


@pytest.mark.parametrize(
    ("first", "entries", "said"),
    [
        (ONE, [Switch(0.0, TWO)], "schedule[0].at = 0.0: must be a positive number, a time after the start"),
        (ONE, [Switch(float("nan"), TWO)], "schedule[0].at = nan: must be a positive number, a time after the start"),
        (ONE, [Switch(2.0, TWO), Switch(1.0, TWO)], "schedule[1].at = 1.0: must not be before schedule[0].at = 2"),
        (ONE, [Switch(2.0, TWO), Filter(2.0, (0,)), Switch(2.0, TWO)], "schedule[2].at = 2.0: must have a time of its"),
        (ONE, [Switch(2.0, System(np.eye(3)))], 'schedule[0].hamiltonian = "3 beables": must have as many as'),
        (ONE, [Switch(2.0, System(np.eye(2), hbar=2.0))], 'schedule[0].hamiltonian = "hbar = 2": must have the hbar'),
        (ONE, [Switch(2.0, System(np.eye(2), labels=["a", "b"]))], "must have the labels of the system at the start"),
        (RING, [Switch(2.0, System(np.eye(4)))], 'schedule[0].hamiltonian = "no lattice": must be one of the same'),
        (System(np.eye(4)), [Switch(2.0, RING)], 'schedule[0].hamiltonian = "a lattice": must be none'),
        (RING, [Switch(2.0, copympi.lattice(4, mass=2.0))], 'schedule[0].hamiltonian = "another lattice": must have'),
        (ONE, [Filter(2.0, (0, 2))], "schedule[0].filter = (0, 2): must be beables among 0 .. 1, each once"),
        (ONE, [Filter(2.0, ())], "schedule[0].filter = (): must be beables among 0 .. 1, each once"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(first: System, entries: list[Switch | Filter], said: str) -> None:
    with pytest.raises(InputError) as refused:
        checked(first, entries)
    assert said in str(refused.value)


def test_a_lattice_may_get_another_potential() -> None:
    other = copympi.lattice(4, potential={"kind": "harmonic", "omega": 0.5})
    (switch,) = checked(RING, [Switch(2.0, other)]).switches
    assert switch.system.lattice is other.lattice


def test_a_composite_keeps_its_parts() -> None:
    """Named parts stay, whether the later H has none, or such as a tensor product of QuTiP's has."""
    pair = System(np.eye(4), parts=[{"name": "left", "dimension": 2}, {"name": "right", "dimension": 2}])
    other = System(np.eye(4), parts=[{"name": "A", "dimension": 2}, {"name": "B", "dimension": 2}])
    schedule = checked(pair, [Switch(1.0, System(np.eye(4))), Switch(2.0, other)])
    assert all(system.parts == pair.parts and system.labels == pair.labels for system in schedule.systems)
    for first in (System(np.eye(4)), System(np.eye(8), parts=[{"name": n, "dimension": 2} for n in "abc"])):
        with pytest.raises(InputError, match=r"schedule\[0\].hamiltonian = .*(4 beables|at the start has no)"):
            checked(first, [Switch(1.0, other)])
