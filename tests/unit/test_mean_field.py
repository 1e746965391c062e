"""The mean field of any copy rule, and the infinite ensemble that follows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import copympi
from copympi import InputError, Rule, System
from copympi.model import observables
from copympi.model.mean_field import MeanField
from copympi.theory import mean_field, schrodinger
from tests.physics import random_system
from tests.reference import general_rules

FOUR = random_system(4, 1)
H = FOUR.hamiltonian.toarray()
RHO, PHI = np.array([0.3, 0.2, 0.35, 0.15]), np.array([0.0, 0.7, 1.4, 2.1])
PSI = np.sqrt(RHO) * np.exp(-1j * PHI)
TIMES = np.array([0.1, 0.2])
"""Before beables die of the rules with q + r > 0."""
ONE = {"k": 1, "copying": 2.0, "turning": 1.0}
TWO = [ONE, {"k": 2, "copying": 0.6, "turning": 0.5, "copying_shift": 0.3, "turning_shift": -0.2}]
RULES: list[tuple[float, float, list[dict[str, Any]]]] = [
    (0.4, -0.6, [ONE]),
    (0.7, -0.3, [ONE]),
    (0.25, 0.1, [{"k": 2, "copying": 1.0, "turning": 1.5, "turning_shift": 0.4}]),
    (1.0, -0.5, [ONE]),
    (0.5, -0.5, TWO),
    (0.35, -0.8, [{"k": 0, "copying": 0.2, "turning": 0.3, "copying_shift": 0.4}, *TWO]),
]


@pytest.mark.parametrize(("q", "r", "harmonics"), RULES)
def test_means_are_those_of_the_naive_twin(q: float, r: float, harmonics: list[dict[str, Any]]) -> None:
    """In theory, and as a run of the infinite ensemble within its tolerance; norm kept, and copies are counted."""
    naive = general_rules.evolve(H, q, r, harmonics, RHO, PHI, TIMES)
    rule = Rule(q, r, harmonics)
    found = np.abs(mean_field.evolve(FOUR, PSI, TIMES, rule)) ** 2
    np.testing.assert_allclose(found, naive, atol=2e-9)
    run = copympi.simulate(
        FOUR, members=np.inf, density=RHO, phase=PHI, duration=0.2, interval=0.1, rule=rule, seed=1, tolerance=1e-6
    )
    np.testing.assert_allclose(run.occupation[1:], naive, atol=1e-6)
    np.testing.assert_allclose(run.occupation.sum(axis=1), 1.0, atol=1e-8)
    moved = 0.5 * np.abs(np.diff(run.occupation, axis=0)).sum(axis=1).cumsum()
    assert np.all(run.events[1:] >= moved - 1e-6), "what moved was copied"


def test_quantum_mechanics_through_a_node_in_any_k() -> None:
    """c of the quantum rule obeys Schroedinger's equation, exact nodes too; in k phi where R' = 2 k R."""
    two = System([[0.0, 0.5], [0.5, 0.0]])
    times = np.linspace(0.5, 6.0, 12)
    psi = np.array([0.8, 0.6j])
    wave = schrodinger.evolve(two, psi, times)
    np.testing.assert_allclose(mean_field.evolve(two, psi, times), wave, atol=1e-8)
    three = Rule(harmonics=[{"k": 3, "copying": 6.0, "turning": 1.0}])
    thrice = schrodinger.evolve(System(3 * np.abs(H) * np.exp(3j * np.angle(H))), PSI, TIMES)
    found = mean_field.evolve(FOUR, np.sqrt(RHO) * np.exp(-1j * PHI / 3), TIMES, three)
    np.testing.assert_allclose(np.abs(found) ** 2, np.abs(thrice) ** 2, atol=1e-8)
    run = copympi.simulate(two, members=np.inf, state=psi, duration=6.0, interval=0.5, seed=1, summaries=True)
    np.testing.assert_allclose(run.occupation, run.schrodinger, atol=1e-7)
    np.testing.assert_allclose(run.measured["mean_energy"], run.measured["mean_energy"][0], atol=1e-7)
    np.testing.assert_array_equal(run.sigma, 0.0)


def test_the_infinite_ensemble_follows_a_schedule() -> None:
    """H is switched between two records; phases too are those of the mean field under the one, then the other."""
    later, rule = random_system(4, 2), Rule(0.45)
    run = copympi.simulate(
        FOUR, members=np.inf, state=PSI, duration=0.3, interval=0.1, rule=rule, seed=1, tolerance=1e-6,
        schedule=[{"at": 0.15, "hamiltonian": later.hamiltonian.toarray()}],
    )  # fmt: skip
    before = mean_field.evolve(FOUR, PSI, [0.15], rule)[0]
    after = mean_field.evolve(later, before, [0.05, 0.15], rule)
    np.testing.assert_allclose(np.sqrt(run.occupation[2:]) * np.exp(-1j * run.phase[2:]), after, atol=1e-6)


@pytest.mark.parametrize(
    ("q", "r", "dies"), [(0.6, -0.5, True), (0.5, -0.4, True), (0.4, -0.5, False), (0.5, -0.6, False)]
)
def test_beables_die_at_infinite_n_where_q_plus_r_is_positive(q: float, r: float, dies: bool) -> None:
    """A start aimed at the node of two levels; where one is empty it stays so, else it comes back."""
    two = System([[0.0, 0.5], [0.5, 0.0]])
    run = copympi.simulate(two, members=np.inf, state=[0.8, 0.6j], duration=6.0, interval=0.5, rule=Rule(q, r), seed=1)
    assert bool(np.any(run.occupation == 0.0)) == dies
    assert bool(np.all(run.occupation[-1] > 1e-3)) != dies
    assert MeanField(two, Rule(q, r)).mortal == dies


X, DETUNED = [[0.0, 0.5], [0.5, 0.0]], [[0.3, 0.5], [0.5, -0.3]]
THREE = [[0.3, 0.5, 0.1j], [0.5, -0.3, 0.2], [-0.1j, 0.2, 0.1]]


@pytest.mark.parametrize(
    ("rule", "hamiltonian"),
    [
        (Rule(harmonics=[{"turning": 0.0}]), X),
        (Rule(harmonics=[{"turning": -1.0}]), DETUNED),
        (Rule(harmonics=[{"copying_shift": 2.0}]), DETUNED),
        (Rule(1.0, -1.0), THREE),
        (Rule(0.4, -0.5), THREE),
    ],
)
def test_who_dies_at_infinite_n_is_who_dies_of_very_many(rule: Rule, hamiltonian: Any) -> None:
    """No turning, turning and shifts away from the drive, q > 1/2 with two drives; and one rule that kills none."""
    asked: dict[str, Any] = {
        "state": [0.8, -0.6j] if len(hamiltonian) == 2 else [0.8, -0.5j, 0.11**0.5], "duration": 3.0, "interval": 3.0,
        "rule": rule, "seed": 1, "representation": "occupation",
    }  # fmt: skip
    many = copympi.simulate(hamiltonian, members=10**12, method="leap", **asked).occupation[-1] / 1e12
    run = copympi.simulate(hamiltonian, members=np.inf, **asked)
    np.testing.assert_allclose(run.occupation[-1], many, atol=1e-4)
    np.testing.assert_array_equal(run.occupation[-1] == 0.0, many == 0.0)
    assert bool(np.any(many == 0.0)) == (rule.q != 0.4)
    assert abs(run.occupation[-1].sum() - 1.0) < 1e-6, "who dies takes no members along"


@pytest.mark.parametrize(
    ("rule", "hamiltonian", "mortal"),
    [
        (Rule(-0.1, 0.3), THREE, False),
        (Rule(0.0, 0.3), THREE, False),
        (Rule(0.5, -0.6), X, False),
        (Rule(0.5, -0.6), THREE, True),
        (Rule(harmonics=[{"copying": 1.7}]), THREE, False),
        (Rule(harmonics=[{"copying": np.arange(9.0).reshape(3, 3) + np.arange(9.0).reshape(3, 3).T}]), THREE, True),
        (Rule(0.4, -0.5, [{"copying": 0.0}]), THREE, False),
        (Rule(0.4, -0.5, [{}, {"k": 2, "turning": 0.0}]), THREE, True),
        (Rule(0.4, -0.5, [{"k": 0}]), THREE, True),
    ],
)
def test_where_beables_can_die(rule: Rule, hamiltonian: Any, mortal: bool) -> None:
    assert MeanField(System(hamiltonian), rule).mortal == mortal


def test_more_steps_than_are_allowed_end_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copympi.engine.mean_field.MOST_STEPS", 8)
    with pytest.raises(copympi.DynamicsError, match="more than 8 steps since the last record"):
        copympi.simulate(FOUR, members=np.inf, state=PSI, duration=5.0, interval=5.0, seed=1)
    copympi.simulate(FOUR, members=np.inf, state=PSI, duration=5.0, interval=0.1, seed=1)


@pytest.mark.parametrize(("q", "r"), [(0.5, -0.4), (0.6, -0.5)])
def test_no_members_are_lost_where_a_beable_dies(q: float, r: float) -> None:
    """A step over the node is made again, shorter: in a run, and in theory."""
    two, psi = System(X), [0.8, 0.6j]
    run = copympi.simulate(two, members=np.inf, state=psi, duration=3.0, interval=0.5, rule=Rule(q, r), seed=1)
    found = np.abs(mean_field.evolve(two, psi, [1.0, 3.0], Rule(q, r), 1e-6)) ** 2
    for rho in (run.occupation, found):
        assert rho[-1].min() == 0.0
        np.testing.assert_allclose(rho.sum(axis=1), 1.0, atol=2e-6)


def test_the_jacobian_is_the_derivative_of_the_rates() -> None:
    y = np.concatenate([RHO, PHI])
    for q, r, harmonics in RULES:
        field = MeanField(FOUR, Rule(q, r, harmonics))
        step = 1e-6 * np.eye(8)
        ends = [[np.concatenate(field.rates(z[:4], z[4:])) for z in (y + e, y - e)] for e in step]
        slope = np.array([(up - down) / 2e-6 for up, down in ends]).T
        np.testing.assert_allclose(field.jacobian(RHO, PHI), slope, atol=2e-7)


def test_energy_and_conjugate_structure_of_the_action() -> None:
    """(55): rho and phi are conjugate, <H> is conserved, and only at q = 1/2, r = -1/2, R' = 2 k R for each k.

    Several harmonics keep both, though their dynamics is not linear.
    """
    several = [ONE, {"k": 2, "copying": 1.2, "turning": 0.3, "copying_shift": 0.2, "turning_shift": 0.2}]
    for rule, kept in [
        (Rule(), True),
        (Rule(harmonics=several), True),
        (Rule(0.55), False),
        (Rule(r=-0.45), False),
        (Rule(r=0.0), False),
        (Rule(0.55, -0.55), False),
        (Rule(harmonics=[{"copying": 1.5}]), False),
        (Rule(harmonics=TWO), False),
    ]:
        rho, phi, J = mean_field.linear_map(FOUR, RHO, PHI, 0.4, rule, 1e-11)
        field = MeanField(FOUR, rule)
        defect, drift = mean_field.symplectic_defect(J), abs(field.energy(rho, phi) - field.energy(RHO, PHI))
        assert (defect < 1e-8) == kept, (rule, defect)
        assert (drift < 1e-9) == kept, (rule, drift)
        assert abs(rho.sum() - 1) < 1e-9, "members are kept by every rule"
    first = observables.mean_energy(PSI[None], FOUR)[0]
    assert MeanField(FOUR).energy(RHO, PHI) == pytest.approx(first, abs=1e-13)


def test_files_checkpoints_and_reports_of_the_infinite_ensemble(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"members": np.inf, "density": RHO, "phase": PHI, "interval": 0.1, "rule": {"q": 0.45}}
    straight = copympi.simulate(FOUR, **asked, duration=0.6, seed=1)
    copympi.simulate(FOUR, **asked, duration=0.3, seed=1, output=tmp_path / "run")
    run = copympi.simulate(FOUR, **asked, duration=0.6, seed=1, output=tmp_path / "run", resume=True)
    for name in ("occupation", "phase", "events"):
        np.testing.assert_array_equal(getattr(run, name), getattr(straight, name))
    assert run.members == np.inf
    assert run.occupation.dtype == run.events.dtype == np.float64
    assert "infinitely many members" in repr(run)
    assert straight.plot() is not None
    with pytest.raises(InputError, match=r"^dynamics\.rule = .* was "):
        copympi.simulate(
            FOUR, **asked | {"rule": {"q": 0.4}}, duration=0.8, seed=1, output=tmp_path / "run", resume=True
        )
