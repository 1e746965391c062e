"""The study of mixing: its systems, how members are followed, its box, and one small study from end to end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from copympi.mpi import Alone
from copympi.studies.frame import Request, conduct
from copympi.studies.mixing import box, followed, model
from copympi.studies.mixing.cases import Case, cases
from copympi.studies.mixing.numbers import STATIONARY, expected_scatter, jackknife, left
from copympi.studies.mixing.study import STUDY
from copympi.theory import memory, schrodinger


def test_systems_are_what_they_say() -> None:
    """Tops and bottoms of two levels, a ring that stands still in |Psi|^2, a real ground state without nodes."""
    for axis, top in ((90, 60), (60, 15)):
        system, psi = model.two_levels(axis, top)
        rho = schrodinger.density(system, psi, [0.0, 0.5, 1.0])[:, 0]
        assert rho == pytest.approx([model.ends(axis, top)[1], model.ends(axis, top)[0], rho[0]], abs=1e-12)
    system, psi = model.ring(16)
    W = memory.rates(system.frequencies.toarray(), psi)
    assert np.diag(W) == pytest.approx(-1)
    assert np.roll(np.eye(16), 1, axis=0) - np.eye(16) == pytest.approx(W)
    harmonic = np.exp(-2j * np.pi * np.arange(16) / 16)
    assert (harmonic @ W / harmonic).real == pytest.approx(-1 / model.ring_time(16))
    system, psi = model.real_ground_state()
    assert np.abs(memory.rates(system.frequencies.toarray(), psi)).max() < 1e-12
    assert psi.real.min() > 0.1
    assert np.linalg.norm(model.random_levels(8, 1)[1]) == pytest.approx(1)
    spread = np.array([np.linalg.eigvalsh(model.random_levels(16, k)[0].frequencies.toarray()) for k in range(30)])
    assert np.sqrt((spread**2).mean()) == pytest.approx(1, abs=0.03)


def test_members_are_followed_in_blocks_and_one_by_one() -> None:
    """Sums over b are n; all begin where they began; memory of a period within 5 standard errors of Bell's."""
    system, psi = model.two_levels(90, 75)
    for N, R in ((200, 400), (100_000, 3)):
        found = followed.moved(Alone(), followed.Ensembles(system, psi, N, R, 0.5, 2), 1)
        moved = found["moved"]
        assert len(moved) == min(R, followed.GROUPS)
        assert moved.sum() == 3 * N * R
        assert np.all(moved[:, 0] * (1 - np.eye(2)) == 0)
        M = moved.sum(axis=0)[2] / np.diag(moved.sum(axis=0)[0])
        assert np.trace(M) - 1 == pytest.approx(
            memory.two_levels(*model.ends(90, 75)), abs=5 * 0.9 / np.sqrt(N * R) + 2 / N
        )
        assert np.all(np.diff(found["copies"], axis=1) > 0)


def test_time_averages_scatter_as_expected() -> None:
    """Against averages of Bell's process drawn from its chances look by look: 4,000 members, 4 periods."""
    case = replace(next(each for each in cases(True, None) if each.part == "average"), records=64)
    system, psi = case.system
    steps = memory.steps(system, psi, np.arange(17) / 16)
    dice = np.random.default_rng(1)
    place = (dice.random(4000) > abs(psi[0]) ** 2).astype(int)
    total = np.zeros(4000)
    for k in range(64):
        place = (dice.random(4000) > steps[k % 16][0, place]).astype(int)
        total += place == 0
    assert (total / 64).var() == pytest.approx(expected_scatter(case)[-1], rel=5 * np.sqrt(2 / 4000))


def test_the_box_keeps_what_began_as_psi() -> None:
    """On a lattice chances that begin as |Psi|^2 stay; H only falls; particles that drift keep |Psi|^2 within noise."""
    h, off = box.chances(4, 16, 1, 0, 8)
    assert off < 1e-4
    assert np.all(np.diff(h) < 0)
    one, other = box.drifting(4, 1, 0, 4)
    assert one[0] == pytest.approx(box.chances(4, 64, 1, 0, 1)[0][0], rel=0.15)
    noise = np.sqrt(box.CELLS**2 / 2) / box.PARTICLES
    assert np.abs(other).max() < 5 * noise


def test_numbers_of_samples_that_are_known() -> None:
    counts = np.column_stack([np.random.default_rng(1).normal(5.0, 1.0, 20), np.ones(20)])
    found = jackknife(counts, lambda whole: float(whole[0] / whole[1]))  # a ratio with a firm denominator: a mean
    assert found == pytest.approx((counts[:, 0].mean(), counts[:, 0].std(ddof=1) / np.sqrt(20)))
    assert memory.stationary(1.0, 1.0, STATIONARY) == pytest.approx(np.exp(-1))
    M = np.array([np.eye(2), [[0.75, 0.25], [0.25, 0.75]], [[0.5, 0.5], [0.5, 0.5]]])
    assert left(M, np.array([0.5, 0.5])) == pytest.approx([1, 0.5, 0])


def test_a_small_study_from_end_to_end(tmp_path: Path) -> None:
    """In this process, few members and looks: every file, table, panel."""
    few: list[Case] = []
    for case in cases(True, 2):
        most = {"relaxation": 6, "stationary": 3, "random": 2, "box": 2}.get(case.part, 1)
        if sum(each.part == case.part for each in few) < most and (case.part != "box" or case.levels == 4):
            size = case.members if case.part == "relaxation" else min(case.members, 2000)
            records = {"average": 32, "box": 2}.get(case.part, min(case.records, 4))
            few.append(replace(case, members=size, records=records))
    folder = tmp_path / "study"
    assert conduct(Alone(), replace(STUDY, cases=lambda *_: few), folder, Request(quick=True, replicas=2)) == 0
    text = (folder / "mixing.txt").read_text()
    assert max(map(len, text.splitlines())) <= 100
    with h5py.File(folder / "mixing.h5") as file:
        assert len(file["cases"]) == len(few)
        assert np.all(np.isfinite(file["tables/memories/memory"][()]))
    assert (folder / "mixing.png").read_bytes()[:4] == b"\x89PNG"
