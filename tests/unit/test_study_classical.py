"""The study of the classical limit end to end in small, against paths worked out here."""

from __future__ import annotations

import re
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from copympi.report.tables import pm, short
from copympi.studies.classical_limit.cases import Case, cases, harmonic, pendulum
from copympi.studies.classical_limit.numbers import mean, power_law
from tests import launch

Quick = tuple[Path, str, float]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Quick:
    """A finished `--quick` study: its folder, its standard output, the seconds it took."""
    folder = tmp_path_factory.mktemp("study")
    began = time.monotonic()
    done = launch.copympi("study", "classical-limit", "--quick", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "study-classical-limit", done.stdout, time.monotonic() - began


def place(case: Case) -> str:
    return f"{case.problem.name}/N = {case.size}, s = {case.spectators}"


def test_quick_leaves_whole_files(quick: Quick) -> None:
    folder, *_ = quick
    names = [f"classical-limit{end}" for end in ("-swings.csv", "-wells.csv", ".h5", ".pdf", ".png", ".txt")]
    assert sorted(p.name for p in folder.iterdir()) == names
    assert (folder / "classical-limit.png").read_bytes()[:4] == b"\x89PNG"
    assert (folder / "classical-limit.pdf").read_bytes()[:4] == b"%PDF"


def test_table_fits_a_hundred_columns(quick: Quick) -> None:
    assert max(map(len, quick[1].rsplit("\n\n", 1)[0].splitlines())) <= 100


def test_solutions_in_the_file_are_those_of_the_equations(quick: Quick) -> None:
    """Schroedinger by expm of a matrix written down here, Newton's cosine and pendulum."""
    with h5py.File(quick[0] / "classical-limit.h5") as file:
        well = file["harmonic"]
        t, x, P = well["time"][:], np.arange(128) - 64.0, 128
        H = np.diag(1 + 0.5 * (x / 72) ** 2) - 0.5 * (np.eye(P, k=1) + np.eye(P, k=-1))
        H[0, -1] = H[-1, 0] = -0.5
        psi = np.exp(-(((x + 16) / 12) ** 2)).astype(complex)
        psi /= np.linalg.norm(psi)
        k = 37
        path = np.abs(expm(-1j * H * t[k]) @ psi) ** 2 @ x
        assert well["quantum"][k] == pytest.approx(path, abs=1e-9)
        np.testing.assert_allclose(well["newton"][:], -16 * np.cos(t / 72), atol=1e-4)
        swing = file["pendulum, hbar = 0.25"]
        t = swing["time"][:]
        exact = solve_ivp(lambda _, y: [y[1], -np.sin(y[0])], (0, t[-1]), [-1, 0], t_eval=t, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(swing["newton"][:], exact.y[0], atol=1e-3)


def test_table_says_what_the_file_holds(quick: Quick) -> None:
    """Distances, turning points, empty sites and steps of every well, worked out anew from the datasets."""
    folder, out, _ = quick
    lines = out.split("A pendulum")[0].splitlines()
    kind, rows = "", {}
    for line in lines:
        found = re.match(r"(harmonic|double well)? +(\S+) +([01]) +\d+ +(.*)", line)
        if found:
            kind = found[1] or kind
            rows[kind, found[2], int(found[3])] = found[4].split()
    wells = [case for case in cases(True, None) if case.problem.kind != "pendulum"]
    assert len(rows) == len(wells)
    with h5py.File(folder / "classical-limit.h5") as file:
        for case in wells:
            group = file[place(case)]
            x, of = group["position"][:], group.parent
            assert x.shape == (case.replicas, case.problem.records + 1)
            numbers = [np.abs(x - of[name][:]).max(axis=1).mean() for name in ("quantum", "newton")]
            numbers += [x.max(axis=1).mean(), group["empty"][:, -1].mean()]
            shown = rows[case.problem.kind, case.size, case.spectators]
            for text, number in zip(shown, numbers, strict=False):
                value = text.split("±")[0]
                last = 10.0 ** (int(value.split("e")[1]) - 1) if "e" in value else 10.0 ** -len(value.partition(".")[2])
                assert float(value) == pytest.approx(number, abs=0.51 * last), place(case)
            assert shown[-1] == str(group.attrs["steps"])


def test_facts(quick: Quick) -> None:
    """Copies follow Schroedinger where there are enough of them or spectators, and stop where there are not."""
    with h5py.File(quick[0] / "classical-limit.h5") as file:

        def number(group: str, name: str) -> float:
            return float(file[group].attrs[name])

        assert number("harmonic/N = 1e80, s = 0", "off quantum") < 1e-6
        assert number("harmonic/N = 1e9, s = 1", "off quantum") < 1e-3
        assert number("harmonic/N = 1e6, s = 1", "off quantum") < 0.1
        assert 10 < number("harmonic/N = 1e9, s = 0", "farthest") < 11.3
        assert number("double well/N = 1e80, s = 0", "off quantum") > 1
        assert number("double well/N = 1e80, s = 1", "off quantum") < 1e-6
        assert number("double well/N = 1e9, s = 0", "farthest") < -10  # never over the barrier
        near, far = (number(f"pendulum, hbar = {1 / k}/N = 1e80, s = 0", "off newton") for k in (8, 2))
        assert far / near == pytest.approx(4, rel=0.1)


def test_datasets_say_what_they_are(quick: Quick) -> None:
    seen = []

    def look(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            seen.append(name)
            assert item.attrs["units"], name
            assert item.attrs["description"], name

    with h5py.File(quick[0] / "classical-limit.h5") as file:
        file.visititems(look)
        assert all(place(case) in file for case in cases(True, None))
    assert len(seen) > 200


def test_problems() -> None:
    """The packet of the harmonic well is its coherent state; swings keep (62) and shrink as sqrt(hbar)."""
    ground = harmonic()
    assert ground.packet["width"] ** 2 == pytest.approx(72 / 2)
    for inverse in (4, 64):
        problem = pendulum(inverse)
        assert problem.system.lattice is not None
        assert problem.system.lattice.spacing[0] * inverse == pytest.approx(1 / 8, rel=0.02)
        assert problem.packet["width"] ** 2 == pytest.approx(0.5 / inverse)
    assert {case.replicas for case in cases(False, 3) if case.members == 1e6} == {3}
    assert {case.replicas for case in cases(False, None) if case.members == 1e80} == {1}


def test_power_law() -> None:
    x = [1.0, 2.0, 4.0, 8.0]
    assert power_law(x, [3 * k**1.5 for k in x]) == pytest.approx((1.5, 0, 3), abs=1e-12)
    noisy = [3 * k**1.5 * e for k, e in zip(x, (1.1, 0.9, 1.0, 1.05), strict=True)]
    slope, error, _ = power_law(x, noisy)
    fit, covariance = np.polyfit(np.log(x), np.log(noisy), 1, cov=True)
    assert (slope, error) == pytest.approx((fit[0], np.sqrt(covariance[0, 0])))
    assert np.isnan(power_law(x[:1], x[:1])[0])


def test_numbers_as_told() -> None:
    assert pm((12.345, 0.678)) == "12.35±0.68"
    assert pm((12.3456, np.nan)) == "12.346"
    assert pm((1.234e-5, 3e-7)) == "1.2e-5±3e-7"
    assert pm((0.25, 0.0), 4) == "0.2500±0.0000"
    assert short(1.3e54) == "1.3e54"
    assert mean(np.array([1.0, 3.0])) == (2.0, 1.0)
