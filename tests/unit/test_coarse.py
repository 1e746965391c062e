"""`copympi study coarse-graining`: boxes of sites, the numbers of its tables, and the study end to end in small."""

from __future__ import annotations

import re
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from copympi.model.system import System
from copympi.mpi import Alone
from copympi.simulate import simulate
from copympi.studies.coarse_graining.cases import RING, cases
from copympi.studies.coarse_graining.model import Model, box_sums, packet, wave
from copympi.studies.coarse_graining.numbers import crossing, distance, pendulum, stretched, velocity
from copympi.theory import noise
from tests import launch
from tests.physics import calm


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    """A finished `--quick` study: its folder, its standard output, the seconds it took."""
    folder = tmp_path_factory.mktemp("study")
    began = time.monotonic()
    done = launch.copympi("study", "coarse-graining", "--quick", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "study-coarse-graining", done.stdout, time.monotonic() - began


def section(out: str, title: str) -> list[list[str]]:
    """The rows of the table under that title, split at blanks."""
    return [line.split() for line in out[out.index(title) :].split("-" * 100)[1].split("\n\n")[0].strip().splitlines()]


def test_quick_leaves_whole_files(quick: tuple[Path, str, float]) -> None:
    folder, *_ = quick
    tables = [f"-{name}.csv" for name in ("body", "far", "free", "life", "phase", "wave", "well")]
    names = [f"coarse-graining{end}" for end in (*tables, ".h5", ".pdf", ".png", ".txt")]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / "coarse-graining.png").read_bytes()[:4] == b"\x89PNG"
    assert (folder / "coarse-graining.pdf").read_bytes()[:4] == b"%PDF"


def test_tables_fit_a_hundred_columns(quick: tuple[Path, str, float]) -> None:
    assert max(map(len, quick[1].rstrip().rsplit("\n", 1)[0].splitlines())) <= 100


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    done = launch.copympi("study", "coarse-graining", "--replicas", "1", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--replicas = 1: must be at least 2" in done.stderr


def test_datasets_say_what_they_are(quick: tuple[Path, str, float]) -> None:
    with h5py.File(quick[0] / "coarse-graining.h5") as file:
        assert set(file["cases"]) == {case.name for case in cases(True, None)}
        for group in (*file["cases"].values(), *file["tables"].values()):
            for data in group.values():
                assert "units" in data.attrs
                assert data.attrs["description"]


def test_members_are_all_there(quick: tuple[Path, str, float]) -> None:
    with h5py.File(quick[0] / "coarse-graining.h5") as file:
        for case in cases(True, None):
            n = file[f"cases/{case.name}/occupation"][:]
            assert n.shape[0] == case.replicas
            np.testing.assert_allclose(n.sum(axis=2), case.members, rtol=1e-6 if case.members > 2**63 else 0)
            assert n.min() >= case.spectators


def test_speeds_are_what_the_counts_say(quick: tuple[Path, str, float]) -> None:
    """Displacements of boxes over those of sites, from the counts alone, and sin(kappa)/(k sin(kappa/k)) nearby."""
    rows = section(quick[1], "Free packets")
    with h5py.File(quick[0] / "coarse-graining.h5") as file:
        for k, kappa, measured, lattice, *_ in rows:
            theta = float(kappa) / int(k)
            gone = []
            for width in (1, int(k)):
                n = file[f"cases/free {theta:g}, k = {width}, N = 1e+80, 1 spectator a box/occupation"][0]
                middle = (np.arange(512 // width) + 0.5) * width
                gone.append(((n[-1] - n[0]) / 1e80) @ middle)
            assert float(measured) == pytest.approx(gone[1] / gone[0], abs=6e-5)
            assert float(measured) == pytest.approx(float(lattice), abs=2e-4)
            assert float(measured) == pytest.approx(np.sin(float(kappa)) / (int(k) * np.sin(theta)), abs=0.04)


def test_wave_distances_are_what_the_counts_say(quick: tuple[Path, str, float]) -> None:
    """Boxes of 8 against Schroedinger's equation on the sites, solved here by itself."""
    last = next(row for row in section(quick[1], "A wave on 64 sites") if row[0] == "1e+06")
    x = np.arange(RING)
    with h5py.File(quick[0] / "coarse-graining.h5") as file:
        group = file["cases/wave 0.4, k = 8, N = 1e+06"]
        q, t, n = 2 * np.pi / RING, group["time"][-1], group["occupation"][:, -1]
    psi = 1 + 0.4 * np.exp(1j * (q * (x - 0.5 * (RING - 1)) - (1 - np.cos(q)) * t))
    there = (np.abs(psi) ** 2).reshape(8, 8).sum(axis=1)
    off = 0.5 * np.abs(n / 1e6 - there / there.sum()).sum(axis=1).mean()
    shown = re.findall(r"([\d.]+)±", " ".join(last))[3]
    assert float(shown) == pytest.approx(off, abs=6e-6)


def test_boxes_are_the_papers_coarse_model() -> None:
    """(56), (57) with the spacing of boxes: R between neighbours alone, delta = pi, E = V + hbar^2/(m A^2)."""
    rng = np.random.default_rng(1)
    V = rng.uniform(0, 1, 24)
    for boundary in ("open", "ring"):
        fine = Model(np.arange(24.0) - 11.5, V, np.full(24, 1 / 24), np.zeros(24), boundary)
        for k in (1, 2, 4):
            P, A = 24 // k, float(k)
            H = np.zeros((P, P))
            for a in range(P):
                H[a, a] = np.mean([V[i] for i in range(a * k, (a + 1) * k)]) + 1 / A**2
                if boundary == "ring" or a + 1 < P:
                    H[a, (a + 1) % P] = H[(a + 1) % P, a] = -1 / (2 * A**2)
            model = fine.boxes(k)
            np.testing.assert_allclose(model.system.frequencies.toarray(), H, atol=1e-15)
            np.testing.assert_allclose(model.x, [np.mean(fine.x[i * k : (i + 1) * k]) for i in range(P)])


def test_boxes_have_the_members_and_the_phase_of_their_middle() -> None:
    fine = packet(96, 3.0, 9.0, 0.05)
    for k in (3, 4):
        model = fine.boxes(k)
        np.testing.assert_allclose(model.rho, box_sums(fine.rho, k))
        np.testing.assert_allclose(model.phi, -0.05 * (model.x - 3.0))
        assert model.rho.sum() == pytest.approx(1)


def test_speed_of_boxes_by_each_phase() -> None:
    fine = packet(1024, 0.0, 100.0, 0.05)
    for k in (4, 8, 16):
        kappa = 0.05 * k
        middle, summed, current = (
            velocity(fine.boxes(k, how)) / velocity(fine) for how in ("middle", "sum", "current")
        )
        assert middle == pytest.approx(np.sin(kappa) / (k * np.sin(0.05)), rel=0.01)
        assert current == pytest.approx(1, rel=0.01)
        assert summed == pytest.approx(middle * (1 - (k**2 - 1) / 24 / 100**2), rel=5e-4)


def test_pendulum() -> None:
    time = np.linspace(0, 1, 2001)
    for kappa in (0.01, 0.5, 1.5):
        assert 4 * crossing(time, pendulum(kappa, time)) == pytest.approx(stretched(kappa), rel=1e-4)
    assert crossing(time, pendulum(2.5, time)) == stretched(2.5) == np.inf
    assert stretched(0.1) == pytest.approx(1 + 0.1**2 / 16, rel=1e-5)
    assert pendulum(2.5, time)[0] == -1


def test_scatter_is_the_covariance_of_a_mean() -> None:
    system, psi = calm(4, 1.0, 20 / 1e4)
    weight = np.array([1.0, -2.0, 0.5, 3.0])
    C = noise.covariance(system, psi, [1.0])[0, :4, :4]
    assert noise.scatter(system, psi, 1.0, weight) == pytest.approx(weight @ C @ weight, rel=1e-4)


def test_scatter_of_a_coherent_packet() -> None:
    """Each hop moves <x> by abar/N and swings on as cos: (4/3) abar amplitude in one period."""
    x = np.arange(128) - 63.5
    model = packet(128, -20.0, 8.0, 0.0, x**2 / (8 * 8.0**4))
    assert noise.scatter(model.system, model.psi, 4 * np.pi * 64, model.x) == pytest.approx(4 / 3 * 20, rel=0.02)


def test_beables_die_alike_in_two_engines() -> None:
    """Copies of a wave heat up and die at about n m abar^2/hbar: a lattice's step and the leap of few beables agree."""
    model, n, replicas = wave(8, 0.4), 16, 300
    dead = []
    for system in (model.system, System(model.system.frequencies)):
        run = simulate(
            system, density=model.rho, phase=model.phi, members=8 * n, duration=2.0 * n, interval=0.5 * n,
            representation="occupation", replicas=replicas, seed=3, comm=Alone(),
        )  # fmt: skip
        dead.append((run.occupation == 0).mean(axis=2))
    error = np.hypot(*(each.std(axis=0) for each in dead)) / np.sqrt(replicas)
    assert np.all(np.abs(dead[0].mean(axis=0) - dead[1].mean(axis=0)) <= 4 * error + 1e-12)
    assert 0.2 < dead[0][:, -1].mean() < 0.8


def test_copies_heat_as_told() -> None:
    """docs/physics.md: the energy that noise brings in grows as hbar R (0.85 R t/n)^2 a member, whatever n is."""
    for n in (64, 256):
        model = wave(64, 0.2)
        run = simulate(
            model.system, density=model.rho, phase=model.phi, members=64 * n, duration=0.5 * n,
            representation="occupation", replicas=16, seed=3, interval=0.5 * n, comm=Alone(),
        )  # fmt: skip
        energy = run.measured["mean_energy"].mean(axis=0)
        assert np.sqrt((energy[1] - energy[0]) / 0.5) == pytest.approx(0.85 * 0.5 * 0.5, rel=0.25)


def test_distance_and_wave() -> None:
    assert distance(np.array([0.5, 0.5, 0]), np.array([0, 0.5, 0.5])) == 0.5
    model = wave(64, 0.4)
    assert model.rho.min() > 0.3 / 64
    assert box_sums(model.rho, 8).sum() == pytest.approx(1)
