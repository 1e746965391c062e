"""The study of finite copies: its numbers, its closed forms, and one small study from end to end."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from copympi.mpi import Alone
from copympi.studies.finite_copies import experiments, model
from copympi.studies.finite_copies.cases import cases
from copympi.studies.finite_copies.numbers import along, crossing, spread
from copympi.studies.finite_copies.study import STUDY
from copympi.studies.frame import Request, conduct
from copympi.theory import dephasing


def test_numbers_of_samples_that_are_known() -> None:
    rng = np.random.default_rng(1)
    direction = np.array([1.0, -2.0, 1.0])
    value, error = along(1.3 * direction + rng.normal(size=(4000, 3)), direction)
    assert abs(value - 1.3) < 4 * error
    assert error == pytest.approx(1 / np.sqrt(6 * 4000), rel=0.1)
    value, error = spread(5 + rng.normal(size=(4000, 2)) * [2, 3], np.array([4.0, 9.0]))
    assert abs(value - 1) < 4 * error
    assert error == pytest.approx(np.sqrt(2 * (16 + 81)) / (2 * 13 * np.sqrt(4000)), rel=0.1)
    t = np.linspace(0, 3, 31)
    found, error = crossing(t, np.exp(-t / 1.5), np.full(31, 0.01))
    assert found == pytest.approx(1.5, abs=1e-3)
    assert error == pytest.approx(0.01 * 1.5 * np.e, rel=0.1)
    assert np.isnan(crossing(t, np.ones(31), t)[0])


@pytest.mark.parametrize("degrees", [10, 45, 80])
def test_coherence_time_of_a_tilted_qubit(degrees: float) -> None:
    qubit = model.qubit(np.radians(degrees), 3.0)
    found = dephasing.coherence_times(qubit.system, qubit.psi, 2 * np.pi / 3.0)[0, 1]
    assert found == pytest.approx(model.coherence_per_member(np.radians(degrees), 3.0), rel=1e-6)


def test_experiments() -> None:
    for row in experiments.rows():
        assert (row["N at 0"], row["N at 90"]) == (0, np.inf)  # no bound, and no number of copies
        assert row["N at 45"] == pytest.approx(4 * row["periods"] * np.arctanh(np.sqrt(0.5)), rel=1e-6)
        assert row["N at 89"] == pytest.approx(4 * row["periods"] * np.arctanh(np.sin(np.radians(89))), rel=1e-6)
    assert experiments.dies(90) == pytest.approx(1)


def test_a_small_oscillation_grows_as_its_closed_form_says() -> None:
    """x moves by 1 at the rate |p|, p by -x: the pair's rules where N has no end; 4,000 paths in short steps."""
    rng = np.random.default_rng(2)
    x, p, copies, h = np.full(4000, 0.5), np.zeros(4000), np.zeros(4000), 0.01
    for _ in range(2000):
        p -= 0.5 * h * x
        moved = rng.random(4000) < h * np.abs(p)
        x, copies = x + moved * np.sign(p), copies + moved
        p -= 0.5 * h * x
    expected, square = model.rounding(np.array([20.0]))
    assert abs(copies.mean() - expected[0]) < 4 * copies.std() / np.sqrt(4000) + 0.02 * expected[0]
    # at one time x^2 depends on the turn: averaged over it with p^2
    both = 0.5 * (x**2 + p**2)
    assert abs(both.mean() - square[0]) < 4 * both.std() / np.sqrt(4000) + 0.02 * square[0]


def test_the_chains_energy_and_current() -> None:
    for pitch in (0.8, 2.2):
        one = model.chain(pitch)
        assert np.vdot(one.psi, one.H @ one.psi).real == pytest.approx(0.5 * 3 * np.cos(pitch) / 2)
        assert np.trace(one.H) == 0
    assert np.abs(dephasing.loss(model.chain(0.0).system, model.chain(0.0).psi)).max() < 1e-12  # real: no currents


def test_a_small_study_from_end_to_end(tmp_path: Path) -> None:
    """In this process, two ensembles a case: every file, table, panel."""
    folder = tmp_path / "study"
    assert conduct(Alone(), STUDY, folder, Request(quick=True, replicas=2)) == 0
    text = (folder / "finite-copies.txt").read_text()
    assert max(map(len, text.splitlines())) <= 100
    for said in ("two levels", "no bound", "none lasts", "171Yb+"):
        assert said in text
    with h5py.File(folder / "finite-copies.h5") as file:
        assert len(file["cases"]) == len(cases(True, 2))
        assert file["tables/mean/ratio"].shape == (8, 2)
    assert (folder / "finite-copies.png").read_bytes()[:4] == b"\x89PNG"
