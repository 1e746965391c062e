"""Tables and figures of runs on lattices, made of Schroedinger's own densities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from copympi.report import analysis, motion, plots, summary
from copympi.report.numbers import humane, power, significant, whole
from copympi.storage.reading import Results
from copympi.theory import schrodinger
from tests.unit.test_observables import lattice_system
from tests.unit.test_observables import summaries as summarised

OMEGA = 0.1


def results(
    tmp_path: Path,
    shape: tuple[int, ...] = (64,),
    boundary: str = "ring",
    members: Any = 10**12,
    replicas: int = 1,
    records: int = 21,
    summaries: bool = True,
    potential: str = "harmonic",
    **more: Any,
) -> Results:
    """A packet that swings, as if read from a file."""
    x = np.array(list(np.ndindex(shape))) - np.array(shape) // 2
    V = 0.5 * 0.7 * OMEGA**2 * (x**2).sum(axis=1) if potential == "harmonic" else np.zeros(len(x))
    system = lattice_system(shape, (1.0,) * len(shape), boundary, V)
    centre = np.array((-6.0, 3.0, 0.0)[: len(shape)])
    psi = np.exp(-((x - centre) ** 2).sum(axis=1) / (4 * 3.0**2)).astype(complex)
    psi /= np.linalg.norm(psi)
    time = np.linspace(0, 30, records)
    evolved = np.stack(list(schrodinger.stepwise(system, psi, time)))
    n = members * np.abs(evolved) ** 2
    n = np.stack([n if members > 2**63 else np.rint(n).astype(np.int64)] * replicas)
    phase = np.stack([-np.angle(evolved)] * replicas)
    measured: dict[str, Any] = {}
    if summaries:
        made = [summarised(n[:, k], phase[:, k], system) for k in range(records)]
        measured = {name: np.stack([m[name] for m in made], axis=1) for name in made[0]}
    measured |= more
    events = np.zeros((replicas, records))
    attributes = {"members": str(members if isinstance(members, int) else 10**80)}
    return Results(tmp_path / "results.h5", attributes, system, psi, time, "fs", n, phase, events, measured)


def reported(data: Results) -> tuple[motion.Motion, list[str]]:
    """Everything that a report makes of a run."""
    found = analysis.compare(data)
    assert isinstance(found, motion.Motion)
    paths = plots.draw(data, found)
    assert [path.name for path in paths] == ["lattice.png", "lattice.pdf"]
    assert all(path.stat().st_size > 10_000 for path in paths)
    return found, summary.lines(data, found)


@pytest.mark.parametrize("boundary", ["ring", "open"])
@pytest.mark.parametrize("replicas", [1, 3])
def test_a_swinging_packet(tmp_path: Path, boundary: str, replicas: int) -> None:
    data = results(tmp_path, boundary=boundary, replicas=replicas)
    found, table = reported(data)
    assert np.abs(found.difference).max() < 1e-6
    np.testing.assert_allclose(found.newton[:, 0], -6 * np.cos(OMEGA * data.time), atol=1e-5)
    assert np.abs(found.quantum - found.newton).max() < 0.6  # the lattice's dispersion
    np.testing.assert_allclose(found.quantum_density, found.density, atol=1e-10)
    assert found.profile_time.tolist() == [0, 7.5, 15, 22.5, 30]
    assert table[0].startswith(f"  {'ring' if boundary == 'ring' else 'open lattice'} of 64 sites, ")
    assert table[0].endswith("members")
    assert table[1].split() == [
        "time",
        "[fs]",
        "<x>",
        "copies",
        "Schrödinger",
        "difference",
        "<p>",
        "width",
        "smallest",
        "n",
        "empty",
    ]
    first = table[2].split()
    assert first[:2] == ["0", "-6"]
    assert len(table) == 2 + 11 + 2
    assert {len(line) for line in table[1:13]} == {len(table[1])}
    assert table[-1].startswith("  (62), at the worst: ")


def test_on_a_plane(tmp_path: Path) -> None:
    data = results(tmp_path, (30, 26))
    found, table = reported(data)
    assert found.position.shape == (21, 2)
    assert np.abs(found.difference).max() < 1e-6
    np.testing.assert_allclose(found.newton, np.outer(np.cos(OMEGA * data.time), found.position[0]), atol=1e-5)
    assert table[0] == "  torus of 30 x 26 sites, 1,000,000,000,000 members"
    assert table[1].count("Schrödinger") == 2
    assert len(found.density) == 4


def test_in_a_box(tmp_path: Path) -> None:
    """Its images show what lies along z added up."""
    found, table = reported(results(tmp_path, (16, 14, 12), records=5))
    assert found.position.shape == (5, 3)
    assert np.abs(found.difference).max() < 1e-6
    assert table[0] == "  torus of 16 x 14 x 12 sites, 1,000,000,000,000 members"
    assert "<z> copies" in table[1]


def test_without_summaries(tmp_path: Path) -> None:
    """Runs that recorded none: the profiles say where members are."""
    full = analysis.compare(results(tmp_path))
    found, table = reported(results(tmp_path, summaries=False))
    np.testing.assert_allclose(found.position, full.position, atol=1e-9)
    np.testing.assert_array_equal(found.empty, full.empty)
    assert found.momentum is None
    assert len(table[2].split()) == len(table[5].split()) == 8
    assert not any("(62)" in line for line in table)


def test_the_largest_ensemble(tmp_path: Path) -> None:
    regime = np.full((1, 21, 64), 2, np.int8)
    regime[0, -1, :3] = 1, 1, 0
    _, table = reported(results(tmp_path, members=1e80, regime=regime))
    assert table[0] == "  ring of 64 sites, 1e80 members"
    assert table[-1] == "  at the end 61 sites are Gaussian, 2 hold whole numbers, 1 are empty"


@pytest.mark.parametrize("shape", [(64,), (30, 26)])
def test_where_schroedingers_equation_would_take_too_long(tmp_path: Path, monkeypatch: Any, shape: Any) -> None:
    data = results(tmp_path, shape)
    monkeypatch.setattr(motion, "MOST_COST", 0)
    found, table = reported(data)
    assert np.isnan(found.quantum).all()
    assert found.quantum_density is None
    assert any("no comparison with Schrödinger's equation" in line for line in table)
    monkeypatch.setattr(motion, "MOST_COST", schrodinger.cost(data.system, data.time) - 1)
    found, table = reported(data)  # at the profiles shown alone
    assert np.isfinite(found.quantum).all(axis=1).sum() == len(found.shown)
    assert any("largest |<x> - Schrödinger's|" in line for line in table)


@pytest.mark.parametrize("shape", [(64,), (30, 26), (3,), (2, 40)])
def test_a_single_record_and_nothing_that_moves(tmp_path: Path, shape: Any) -> None:
    boundary = "open" if min(shape) < 3 else "ring"
    reported(results(tmp_path, shape, boundary, records=1, potential="free"))
    reported(results(tmp_path, shape, boundary, records=2, potential="free"))


def test_numbers_as_one_reads_them() -> None:
    assert [humane(n) for n in (5, 10**6, 2**63 - 1)] == ["5", "1,000,000", f"{2**63 - 1:,}"]
    assert [humane(n) for n in (10**80, int(1e80), 25 * 10**30)] == ["1e80", "1e80", "2.5e31"]
    assert [power(n) for n in (1234, 2 * 10**6, int(1e80))] == ["1,234", r"$2\times 10^{6}$", "$10^{80}$"]
    assert [whole(x) for x in (1234567.0, 1e80)] == ["1,234,567", "1e80"]
    assert significant(1e-5) == "1e-05"
