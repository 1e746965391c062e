"""The study of nodes: its numbers by themselves, small cases against theory, and the whole of it in small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from copympi.mpi import Alone
from copympi.studies.frame import Done, Request, conduct
from copympi.studies.nodes import bell, numbers, runs
from copympi.studies.nodes.cases import SETTINGS, Case, cases, wandering
from copympi.studies.nodes.study import STUDY
from copympi.theory import lifetimes, passes
from copympi.theory.schrodinger import density


def made(case: Case, seed: int = 3) -> Done:
    return Done(case, seed, STUDY.run(case, seed, Alone()), {})


def test_cases_are_what_they_say() -> None:
    """Hermitian H, beable 0 at its node, unlike directions of drives, names all unlike."""
    kappas = set()
    for setting in SETTINGS.values():
        psi = passes.near(setting.system, setting.node, 0, setting.before)
        found = passes.at(setting.system, psi, 0, setting.before)
        assert found.rho_min < 1e-12
        assert found.time == pytest.approx(setting.before, abs=1e-6)
        kappas.add(round(found.kappa, 2))
    assert len(kappas) > 5
    assert max(kappas) > 2.5
    for quick in (True, False):
        places = [case.place for case in cases(quick, None)]
        assert len(set(places)) == len(places)
    for which, nodes in (("wanders", True), ("must diffuse", False)):
        system, psi = wandering(which)
        assert [lifetimes.on_torus(system, psi, a)[0] > 0 for a in range(3)] == [nodes] * 3


def test_the_other_basis_has_no_node_and_the_same_physics() -> None:
    system, n, _, _ = runs.remedy_start("none", 10**6)
    other, m, phase, _ = runs.remedy_start("basis", 10**6)
    assert np.linalg.eigvalsh(other.hamiltonian.toarray()) == pytest.approx(
        np.linalg.eigvalsh(system.hamiltonian.toarray())
    )
    path = density(other, np.sqrt(m / 1e6) * np.exp(-1j * phase), np.linspace(0, runs.PERIOD, 100))
    assert path.min() > 0.1
    assert n.sum() == m.sum() == 10**6


def test_chi_square() -> None:
    total, points, luck = numbers.chi_square([1.0, -2.0, 0.5])
    assert (total, points) == (5.25, 3)
    assert luck == pytest.approx(0.1544, abs=1e-4)


def test_runs_of_empty_beables() -> None:
    assert numbers._runs(np.array([True, True, False, True])).tolist() == [2, 1]
    assert numbers._runs(np.array([False, False])).tolist() == []


def test_bells_chances_carry_the_density() -> None:
    """Members drawn from |Psi|^2 stay so; and whoever is in one beable is somewhere next."""
    system, psi = wandering("wanders")
    guide = bell.Guide.of(system, psi)
    assert guide.chances.sum(axis=1) == pytest.approx(1.0)
    assert guide.chances.min() >= 0
    carried = np.einsum("tab,tb->ta", guide.chances, guide.density[:-1])
    assert np.abs(carried - guide.density[1:]).max() < 0.01


def test_a_pass_dies_as_the_formula_says() -> None:
    """Null hypothesis: P(death) is the formula's, p > 0.001; exp(-x/kappa) alone, without s^2, would be seen."""
    row = numbers.curve_row(made(Case("curve", "2 levels, detuned", 1000, 4000, 2.0, afar=True)))
    assert abs(row["z"]) < 3.3
    assert abs(row["P"][0] - np.exp(-row["x"] / row["kappa"])) > 5 * row["P"][1]


def test_lifetimes_add_up_from_passes() -> None:
    """Within 15% of the minima of the path, beside 3.3 standard errors; event by event and by leaps."""
    exact = next(numbers.life_rows([made(Case("life", "wanders", 1000, 240))]))
    value, error = exact["over path"]
    assert abs(value - 1) < 0.15 + 3.3 * error
    assert error < 0.08


def test_nothing_to_copy_stays_nothing_and_spectators_do_help() -> None:
    dead = made(Case("paper", "0 members", 10_000, 2, 0)).arrays["occupation"]
    assert not dead.any()
    lost = numbers.remedy_row(made(Case("remedy", "none", 100, 60)))
    held = numbers.remedy_row(made(Case("remedy", "spectator", 100, 60)))
    assert abs(lost["lost"][0] - lost["formula"]) < 3.3 * lost["lost"][1]
    assert held["lost"][0] == 0
    assert held["distance"][0] < 0.5 * lost["distance"][0]


def test_the_whole_study_in_small(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """Every part, its tables, its figure and its file, drawn again from the file."""
    from copympi.studies import looking
    from copympi.studies.nodes import rare

    monkeypatch.setattr(rare, "WALKERS", 60)
    assert conduct(Alone(), STUDY, tmp_path, Request(quick=True, replicas=8)) == 0
    said = capsys.readouterr().out
    for words in (
        "Passes near a node",
        "chi² of the 6 passes",
        "Rare deaths",
        "(63), (64)",
        "remedy",
        "Bell's process",
    ):
        assert words in said
    png = tmp_path / "nodes.png"
    before = png.read_bytes()
    png.unlink()
    held = looking.study_in(tmp_path)
    assert held is not None
    looking.plot(tmp_path, held)
    assert png.read_bytes() == before
