"""The study of signalling: its systems, its numbers, and one small study from end to end."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from copympi.mpi import Alone
from copympi.studies.frame import Request, conduct
from copympi.studies.signalling import model
from copympi.studies.signalling.cases import BELL, cases
from copympi.studies.signalling.numbers import combined, extrapolated, less, mean, spread, telling
from copympi.studies.signalling.study import STUDY
from copympi.theory import dephasing


def test_quantum_mechanics_does_not_signal_and_copies_do() -> None:
    on, off = model.two_qubits(True), model.two_qubits(False)
    assert on.expected(400) == pytest.approx(off.expected(400), abs=1e-12)
    assert on.coefficients()[0] - off.coefficients()[0] == pytest.approx(-1.742, abs=5e-4)
    together = [each.coefficients() for each in (model.three_qubits(True), model.three_qubits(False))]
    assert np.all(np.abs(together[0] - together[1]) > 0.04)
    assert model.three_qubits(True).expected(10**6) == pytest.approx(model.three_qubits(False).expected(10**6))


def test_chsh_comes_to_tsirelsons_bound_away_from_nodes() -> None:
    setups = [model.SETUPS[name]() for name in BELL]
    total = sum(sign * each.expected(400)[0] for sign, each in zip(model.SIGNS, setups, strict=True))
    assert total == pytest.approx(model.TSIRELSON)
    assert min(each().least for each in model.SETUPS.values()) > 0.03


def test_both_ways_to_measure_what_is_no_beable_agree_in_quantum_mechanics() -> None:
    exact = np.vdot(model.MEASURED, model.SX @ model.MEASURED).real
    for setup in (model.rotated(), model.pointer()):
        assert setup.expected(10**9)[0] == pytest.approx(exact, abs=1e-8)


def test_beside_another_qubit() -> None:
    """A qubit A at rest, not entangled, doubles how fast B dephases; its currents add what docs/signalling.md says."""
    alone, rest, moving = (model.SETUPS[name]() for name in ("B alone", "beside A at rest", "beside A moving"))
    own = dephasing.loss(alone.system, alone.psi)
    parts = [np.einsum("aiaj->ij", dephasing.loss(s.system, s.psi).reshape(2, 2, 2, 2)) for s in (rest, moving)]
    assert np.allclose(parts[0], 2 * own)
    a, rho = np.abs(model.BESIDE) ** 2, np.abs(alone.psi) ** 2
    current = 2 * abs(np.imag(np.conj(model.BESIDE[0]) * model.H_A[0, 1] * model.BESIDE[1]))
    more = current * (1 / a).sum() / 8 * (1 / rho).sum() * alone.psi[0] * np.conj(alone.psi[1])
    assert parts[1][0, 1] == pytest.approx(2 * own[0, 1] + more)


def test_numbers_of_samples_that_are_known() -> None:
    rng = np.random.default_rng(1)
    value, error = less(mean(rng.normal(1.5, 2, 40_000)), mean(rng.normal(1, 1, 10_000)))
    assert abs(value - 0.5) < 4 * error
    assert error == pytest.approx(np.sqrt(2e-4), rel=0.05)
    assert combined([(1.0, 0.3), (2.0, 0.4)], [1, -1]) == (-1.0, 0.5)
    N = np.array([800.0, 1600, 3200, 12_800])
    made = -1.7 - 120 / N + rng.normal(size=(2000, 4)) * 0.01
    rows = [extrapolated(N, each, np.full(4, 0.01), (0.0, -1.0)) for each in made]
    limits = np.array([row["limit"][0] for row in rows])
    assert limits.std() == pytest.approx(rows[0]["limit"][1], rel=0.1)
    assert abs(limits.mean() + 1.7) < 4 * limits.std() / np.sqrt(2000)
    assert np.mean([row["chi2"] for row in rows]) == pytest.approx(2, abs=0.2)
    edge, distance = telling(2.0, 1.0)
    samples = rng.normal(size=200_000)
    assert np.mean(np.abs(2 * samples) > edge) - np.mean(np.abs(samples) > edge) == pytest.approx(distance, abs=0.005)


def test_the_spread_of_bs_marginal_differs() -> None:
    """Without end of N too: that is no signal to one who sees one system, but it is one to who sees all of them."""
    on, off = (spread(model.two_qubits(moves)) for moves in (True, False))
    assert on / off > 1.9


def test_a_small_study_from_end_to_end(tmp_path: Path) -> None:
    """In this process, four ensembles a case: every file, table, panel."""
    folder = tmp_path / "study"
    assert conduct(Alone(), STUDY, folder, Request(quick=True, replicas=4)) == 0
    text = (folder / "signalling.txt").read_text()
    assert max(map(len, text.splitlines())) <= 100
    for said in ("theory -1.7421", "1 + c/N", "pointer", "beside A moving"):
        assert said in text
    with h5py.File(folder / "signalling.h5") as file:
        assert len(file["cases/signal, A moves, N = 400/excess"]) == 4
        assert file["tables/signal/signal"].shape == (4, 2)
        assert file["tables/other/shift"].shape == (len([c for c in cases(True, 4) if c.part == "other"]) + 4, 2)
    assert (folder / "signalling.png").read_bytes()[:4] == b"\x89PNG"
