"""Beables without a coupling to any that has members: no step is made for them, and their phases turn by omega t."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import copympi
from copympi.mpi import Alone
from copympi.theory import schrodinger

PI = Fraction("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


def carry(H: Any, state: Any, **more: Any) -> Any:
    settings: dict[str, Any] = {"members": 10**5, "duration": 10.0, "interval": 0.1, "comm": Alone()} | more
    return copympi.simulate(copympi.System(H), state=state, **settings)


def turned(start: float, omega: float, interval: float, records: int) -> float:
    """The phase after so many records, in (-pi, pi], worked out in fractions."""
    angle = Fraction(start) + Fraction(omega) * Fraction(interval) * records
    return float(angle - 2 * PI * round(angle / (2 * PI)))


def apart(one: Any, other: Any) -> Any:
    """Distance of angles."""
    return np.abs(np.angle(np.exp(1j * (np.asarray(one) - np.asarray(other)))))


@pytest.mark.parametrize("representation", ["members", "occupation"])
@pytest.mark.parametrize("replicas", [1, 3])
def test_a_diagonal_hamiltonian(representation: str, replicas: int) -> None:
    """Energies 5e6 apart: one step a record, nobody moves, and phases are right to rounding after 4e8 rad."""
    levels = np.array([2.5e6, -2.5e6, 0.3])
    psi = np.sqrt([0.5, 0.3, 0.2]) * np.exp(-1j * np.array([0.1, 2.0, -3.0]))
    more = {"representation": representation, "replicas": replicas, "duration": 160.0, "interval": 0.4}
    run = carry(np.diag(levels), psi, **more)
    assert run.steps == 400 * replicas
    assert not run.events.any()
    n, phase = run.occupation.reshape(replicas, 401, 3), run.phase.reshape(replicas, 401, 3)
    assert np.all(n == [50_000, 30_000, 20_000])
    for k in (1, 7, 400):
        for a in range(3):
            wanted = turned(float(phase[0, 0, a]), levels[a], 0.4, k)
            assert apart(phase[:, k, a], wanted).max() < 2e-15 * (k + 2), (k, a)


def test_a_pair_beside_a_beable_far_away() -> None:
    """The pair takes the steps it takes by itself, and its phases, far off the middle of all energies, are right."""
    pair = np.array([[0.3, 0.5 - 0.1j], [0.5 + 0.1j, -0.3]]) - 2e6 * np.eye(2)
    H = np.zeros((3, 3), complex)
    H[:2, :2], H[2, 2] = pair, 3e6
    psi = np.sqrt([0.5, 0.2, 0.3]) * np.exp(-1j * np.array([0.0, 0.5, 1.0]))
    more = {"members": 10**15, "representation": "occupation"}
    run = carry(H, psi, **more)
    alone = carry(pair, psi[:2] / np.linalg.norm(psi[:2]), **more)
    assert alone.steps <= run.steps <= 1.1 * alone.steps
    exact = schrodinger.evolve(copympi.System(H), psi, run.time)
    assert np.abs(run.occupation / 1e15 - np.abs(exact) ** 2).max() < 1e-4
    assert apart(run.phase[:, :2], -np.angle(exact[:, :2])).max() < 3e-4
    # a thousand steps: h is a rounded part of a record, and 3e6 rad a unit of time times that rounding is what is left
    assert apart(run.phase[-1, 2], turned(1.0, 3e6, 0.1, 100)) < 1e-7


def test_a_beable_whose_partners_are_empty() -> None:
    """It is as if it had none; nobody is there to exchange members with."""
    H = [[1e6, 0.5, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, -1e6]]
    with pytest.warns(copympi.FrozenStartWarning, match="all members hold beables 0, 2, none of whose neighbours"):
        run = carry(H, np.sqrt([0.6, 0.0, 0.4]), representation="occupation")
    assert run.steps == 100
    assert not run.events.any()
    assert apart(run.phase[-1, 0], turned(0.0, 1e6, 0.1, 100)) < 1e-12


def test_when_a_beable_dies_its_partner_turns_by_itself() -> None:
    """Ten members pass near a node: 20 ensembles, of which some lose a beable; no steps but one a record from there."""
    H = [[0.5, 1.0], [1.0, -0.4]]
    run = carry(
        H, np.sqrt([0.5, 0.5]), members=10, replicas=20, duration=20.0, interval=2.0, representation="occupation"
    )
    dead = np.any(run.occupation == 0, axis=2)
    assert dead[:, -2].sum() >= 3
    levels = np.diag(H)
    for r, k in zip(*np.nonzero(dead[:, :-1] & dead[:, 1:]), strict=True):
        a = int(np.argmax(run.occupation[r, k]))
        assert apart(run.phase[r, k + 1, a], run.phase[r, k, a] + 2.0 * levels[a]) < 1e-14
        assert run.events[r, k + 1] == run.events[r, k]
        assert np.isnan(run.phase[r, k, 1 - a])


def test_spectators_do_not_bind_what_has_no_coupling() -> None:
    run = carry(np.diag([1e6, -1e6]), np.sqrt([0.5, 0.5]), spectators=100, representation="members")
    assert run.steps == 100
    assert apart(run.phase[-1], [turned(0.0, 1e6, 0.1, 100), turned(0.0, -1e6, 0.1, 100)]).max() < 1e-12
