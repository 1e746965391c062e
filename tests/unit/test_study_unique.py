"""The study of unique states: its circuits, its theory, its numbers, and one small study from end to end."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import pytest

from copympi.mpi import Alone
from copympi.studies.frame import Request, conduct
from copympi.studies.unique.cases import cases
from copympi.studies.unique.circuits import deaths, drawn, even, most, starts, through
from copympi.studies.unique.numbers import crossing, gone, limit, mean, ratio
from copympi.studies.unique.study import STUDY


def test_circuits_are_functions_of_seed_and_number() -> None:
    one, same, other = (drawn(3, 1, k).apply(even(8)) for k in (0, 0, 1))
    assert np.array_equal(one, same)
    assert abs(np.vdot(one, other)) < 0.9
    assert np.linalg.norm(one) == pytest.approx(1)


def test_many_copies_follow_the_circuit_and_one_does_nothing() -> None:
    made, who = drawn(2, 1, 3), np.arange(2)
    psi = made.apply(even(4))
    many = through(made, starts(4, 1 << 32, 1, who), 1, who)
    assert np.all(np.abs(many.amplitudes.conj() @ psi) ** 2 / (1 << 32) > 0.999)
    one = starts(4, 1, 1, who)
    assert np.array_equal(through(made, one, 1, who).n, one)


def test_starts_are_as_even_as_can_be() -> None:
    n = starts(8, 19, 1, np.arange(400))
    assert np.all(n.sum(axis=1) == 19)
    assert set(np.unique(n)) == {2, 3}
    assert np.abs(n.mean(axis=0) - 19 / 8).max() < 4 * np.sqrt(0.375 * 0.625 / 400)  # each string alike


def test_the_rate_of_deaths_of_one_qubit_in_closed_form() -> None:
    """One neighbour: kappa = 1; <|K|> = (pi/4) <across> <|g|> = (pi/4) (pi/4) sqrt(pi)/2. And limits follow from it."""
    assert deaths(1) == pytest.approx((np.pi / 4) ** 2 / 2, rel=0.03)
    for members in (1e4, 1e12):
        n = limit(members)
        assert gone(n, members / 2**n) > 0.15 >= gone(n - 1, members / 2 ** (n - 1))


def test_the_best_that_few_members_can_have() -> None:
    dice = np.random.default_rng(5)
    for p in [np.full(4, 0.25), np.array([0.5, 0.3, 0.15, 0.05]), *dice.dirichlet(np.ones(4), 30)]:
        for N in (1, 2, 5):
            choices = np.array([n for n in product(range(N + 1), repeat=4) if sum(n) == N])
            best = np.max(np.sqrt(choices) @ np.sqrt(p)) ** 2 / N
            assert most(p, N) == pytest.approx(best)


def test_numbers_of_samples_that_are_known() -> None:
    """Two ensembles of one circuit are one number."""
    circuits = np.random.default_rng(1).normal(2.0, 1.0, 400)
    value, error = mean(np.repeat(circuits, 2))
    assert value == pytest.approx(circuits.mean())
    assert error == pytest.approx(0.05, rel=0.1)
    assert ratio(np.repeat(3 * circuits, 2), np.repeat(circuits, 2)) == pytest.approx((3.0, 0.0))
    found, error = crossing(np.array([1.0, 2, 4]), np.array([0.9, 0.7, 0.3]), np.full(3, 0.02))
    assert (found, error) == pytest.approx((3.0, np.hypot(0.01, 0.01) / 0.2))
    assert np.isnan(crossing(np.array([1.0, 2]), np.array([0.9, 0.7]), np.zeros(2))[0])


def test_a_small_study_from_end_to_end(tmp_path: Path) -> None:
    """In this process, two circuits a case, few cases: every file, table, panel."""
    folder = tmp_path / "study"
    few = [case for case in cases(True, 4) if case.qubits in (2, 4) and case.members < 1 << 20]
    assert conduct(Alone(), replace(STUDY, cases=lambda *_: few), folder, Request(quick=True, replicas=4)) == 0
    text = (folder / "unique.txt").read_text()
    assert max(map(len, text.splitlines())) <= 100
    assert "With one spectator a string" in text
    with h5py.File(folder / "unique.h5") as file:
        assert len(file["cases"]) == len(few) == 5
        assert np.all(file["tables/copies/fidelity"][:, 0] <= 1)
    assert (folder / "unique.png").read_bytes()[:4] == b"\x89PNG"
