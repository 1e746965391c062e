"""The study of paths: how members' jumps are taken up, its numbers, and one small study from end to end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from copympi.engine.tracking import Jumps
from copympi.mpi import Alone
from copympi.studies.frame import Request, conduct
from copympi.studies.paths.cases import BEFORE, Case, cases
from copympi.studies.paths.numbers import Bell, exponent, law_row, node_row, pair_row, pairs
from copympi.studies.paths.runs import Paths, followed
from copympi.studies.paths.study import STUDY


def test_jumps_are_taken_up_in_order() -> None:
    """Two replicas of three members, numbered from 4: who is where, how often they jumped, first passages into 1."""
    paths = Paths(np.array([0, 0, 1], np.int32), 2)
    who, source, target = np.array([0, 0, 1, 0]), np.array([0, 1, 0, 0], np.int32), np.array([1, 2, 2, 2], np.int32)
    paths.go_on(Jumps(np.array([0.1, 0.2, 0.5, 0.6]), np.array([4, 4, 5, 5]), who, source, target), 4)
    paths.go_on(Jumps(np.array([1.0]), np.array([4]), np.array([0]), source[:1], target[:1]), 4)
    assert np.array_equal(paths.at, [[1, 0, 1], [2, 2, 1]])
    assert np.array_equal(paths.jumps, [[3, 0, 0], [1, 1, 0]])
    assert np.array_equal(paths.passage, [[0.1, np.inf, 0], [np.inf, np.inf, 0]])
    assert paths.late.sum() == 3
    assert BEFORE < 0.5


def test_laws_of_many_members_are_those_of_bell() -> None:
    """2,000 members, 40 ensembles: within 5 standard errors and 10/N of Bell's process; pairs as linear noise says."""
    case, bell = Case("law", 2000, 40), Bell()
    data = followed(Alone(), case, 1)
    row = law_row(case, data, bell)
    for name in bell.values:
        value, error = row[f"{name} off"]
        assert abs(value) < 5 * error + 10
    for a in range(3):
        value, error = pair_row(case, data, bell)[f"pair {a}"]
        assert abs(value - bell.pairs[a]) < 5 * error
    assert data["number"].sum(axis=1) == pytest.approx(2000)


def test_pairs_of_members_that_know_nothing_of_each_other() -> None:
    """Independent members have no covariance: 30 of them in two beables, 20,000 draws."""
    dice = np.random.default_rng(1)
    n = dice.binomial(30, 0.3, 20_000)
    moved = np.array([[n.mean(), 0.0], [30 - n.mean(), 0.0]])
    moved += np.array([[0, 1e-9], [0, 1e-9]])  # nobody began in the other
    squares = np.array([(n**2).mean(), ((30 - n) ** 2).mean()])
    assert pairs({"moved": moved, "squares": squares}, 30) == pytest.approx(
        0, abs=5 * np.sqrt(2) * 0.21 / np.sqrt(20_000) * 30
    )


def test_exponents_that_are_known() -> None:
    N = np.array([100.0, 200, 400, 1000])
    alpha, c, chi2 = exponent(N, 3 / N, 0.1 / N)
    assert (alpha[0], c[0], chi2) == pytest.approx((1.0, 3.0, 0.0), abs=1e-6)
    assert 0.005 < alpha[1] < 0.1


def test_copies_die_at_a_node_and_bells_process_does_not() -> None:
    case = Case("node", 400, 400, 1.0)
    row = node_row(case, followed(Alone(), case, 1))
    assert row["died"][0] == pytest.approx(row["expected"], abs=5 * np.sqrt(0.25 / 400))
    assert row["again"][0] < 0.8 * row["again Bell"]


def test_a_small_study_from_end_to_end(tmp_path: Path) -> None:
    """In this process, few replicas: every file, table, panel."""
    few = [replace(case, replicas=20) for case in cases(True, None) if case.members <= 400]
    folder = tmp_path / "study"
    assert conduct(Alone(), replace(STUDY, cases=lambda *_: few), folder, Request(quick=True)) == 0
    assert max(map(len, (folder / "paths.txt").read_text().splitlines())) <= 100
    with h5py.File(folder / "paths.h5") as file:
        assert len(file["cases"]) == len(few)
    assert (folder / "paths.png").read_bytes()[:4] == b"\x89PNG"
