"""A large lattice's H is gone through row by row and never kept: the same bits as with the matrix in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import copympi
from copympi.engine import diagonals
from copympi.engine.replicas import Replicas
from copympi.engine.tiles import Tiles
from copympi.kernels.bonds import TILE_SIZE
from copympi.model import system
from copympi.model.preparation import largest_remainder
from copympi.model.system import System
from copympi.run.settings import matrix_digest, system_digest
from copympi.storage import systems

SHAPES: list[Any] = [3, 200, [3, 3], [40, 33], [4, 3, 5]]
P = 3 * TILE_SIZE + 77


def unkept(monkeypatch: pytest.MonkeyPatch, so: bool = True) -> None:
    """Have small lattices treated as large ones are."""
    monkeypatch.setattr(System, "unkept", property(lambda system: so and system.by_lattice))


def a_lattice(sites: Any, boundary: str) -> System:
    """With spacings of its own, hbar no power of two, and a potential that leaves one site without energy."""
    count, spacing = int(np.prod(sites)), [0.7, 1.1, 1.3][: np.size(sites)]
    V = np.random.default_rng(count).standard_normal(count)
    V[count // 2] = -2 * sum(0.5 * (0.37 / abar) ** 2 / 1.3 for abar in spacing)
    return copympi.lattice(sites, spacing, 1.3, 0.37, boundary, V)


@pytest.mark.parametrize("boundary", ["ring", "open"])
@pytest.mark.parametrize("sites", SHAPES)
def test_rows_are_those_of_the_matrix(sites: Any, boundary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, lean = a_lattice(sites, boundary), a_lattice(sites, boundary)
    W = sp.csr_array(kept.frequencies)
    twin = System(W * 0.37, 0.37)
    assert np.allclose(twin.frequencies.toarray(), W.toarray(), rtol=1e-15)
    assert W.nnz == 2 * lean.pairs + np.count_nonzero(W.diagonal())
    unkept(monkeypatch)
    found = sp.csr_array(sp.vstack([rows for _, rows in lean.pieces(10)]))
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(found, part), getattr(W, part))
    some = np.random.default_rng(1).integers(0, kept.P, 5)
    np.testing.assert_array_equal(lean.rows(some).toarray(), W[some].toarray())
    assert system_digest(lean) == matrix_digest(W.data, W.indices, W.indptr)
    assert (lean.fastest, lean.spread) == (twin.fastest, twin.spread)
    np.testing.assert_array_equal(lean.coupled, twin.coupled)
    for share in (0.1, 0.5, 1.0):
        n = (np.random.default_rng(2).random(kept.P) < share).astype(int)
        assert (lean.moves(n), lean.frozen(n)) == (twin.moves(n), twin.frozen(n))
    assert "frequencies" not in vars(lean)


def places_of(system: System) -> diagonals.Places:
    return diagonals.places(system, Tiles(Replicas(1, 1, 0), system.P))


@pytest.mark.parametrize("sites", [P, [5, 1300], [40, 16, 10]])
def test_a_rank_knows_the_elements_that_it_needs(sites: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of its own tiles, and of bonds that lead there, as with the whole matrix; of other rows what it learns."""
    whole, lean = a_lattice(sites, "ring"), a_lattice(sites, "ring")
    there = places_of(whole)
    every = diagonals._elements(whole, there, (0, -1), 0.5)
    unkept(monkeypatch)
    here = places_of(lean)
    for name in ("runs", "run_at", "sides", "side_at"):
        np.testing.assert_array_equal(getattr(here, name), getattr(there, name))
    assert here.upper is None
    norms = []
    for tile in range(here.run_at.size - 1):
        own = diagonals._elements(lean, here, (tile, tile + 1), 0.5)
        begin, end = tile * TILE_SIZE, min(lean.P, (tile + 1) * TILE_SIZE)
        np.testing.assert_array_equal(own.omega[begin:end], every.omega[begin:end])
        for _, _, length, start, _ in here.sides[here.side_at[tile] : here.side_at[tile + 1]]:
            np.testing.assert_array_equal(own.re[start : start + length], every.re[start : start + length])
        norms.append(own.norm)
    assert max(norms) == every.norm
    state = np.full(lean.P, 1 / np.sqrt(lean.P), complex)
    made = diagonals.bonds(lean, state, here, (1, 2), rows=False)
    far = np.array([lean.P - 1, 0, 3 * TILE_SIZE - 5])
    diagonals.Known(lean, here, made).learn(far)
    for a in far:
        for b in whole.frequencies[[a]].indices.tolist():
            if a != b:
                slot = here.slots(np.array([min(a, b)]), np.array([abs(a - b)]))[0]
                assert np.asarray(made.re)[slot] == whole.frequencies[a, b].real
        assert np.asarray(made.omega)[a] == whole.frequencies[a, a].real - made.shift


@pytest.mark.filterwarnings("ignore::copympi.errors.EmptyBeableWarning")
@pytest.mark.parametrize(("members", "spectators"), [(10**6, 0), (10**7, 1), (1e30, 0)])
@pytest.mark.parametrize("sites", [P, [2 * TILE_SIZE // 61 + 1, 61]])
def test_runs_keep_their_bits(members: float, spectators: int, sites: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a packet whose tails are counted, or stiff, or empty. Null hypothesis: byte for byte the same."""
    found = []
    for lean in (False, True):
        unkept(monkeypatch, lean)
        run = copympi.simulate(
            copympi.lattice(sites), members=members, duration=0.4, interval=0.2, seed=3, spectators=spectators,
            packet={"centre": 0, "width": 9, "wave_number": 0.5}, profile_interval=0.2, track=20,
        )  # fmt: skip
        found.append(run)
    for name in ("occupation", "phase", "events"):
        assert getattr(found[0], name).tobytes() == getattr(found[1], name).tobytes()
    assert found[0].events[-1] > 0


def test_shares_of_very_many_members_are_exact() -> None:
    """Against whole numbers of any size, where 64 bits tell the remainder and where they do not."""
    dice = np.random.default_rng(1)
    for k in range(60):
        density = dice.random(dice.integers(1, 60)) ** dice.integers(1, 9)
        density[dice.random(density.size) < 0.3] = 0.0
        density[0] = 0.5 if k % 4 else 1e-3
        density /= density.sum() * dice.choice([1.0, 0.7, 3.0])
        members = int(dice.choice([1, 1000, 10**12, 2**53 + 1, 2**63 - 1]))
        weight = [int(w) for w in np.rint(density * 2.0**62)]
        whole = [w * members // sum(weight) for w in weight]
        rest = [w * members % sum(weight) for w in weight]
        order = sorted((a for a in range(len(weight)) if weight[a]), key=lambda a: (-rest[a], a))
        for a in order[: members - sum(whole)]:
            whole[a] += 1
        assert largest_remainder(density, members).tolist() == whole


def test_a_schedule_of_large_lattices_is_read_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And gives the bits of the run that wrote it: H is made again, not divided by hbar once more."""
    monkeypatch.setattr(system, "PIECE", 4096)
    monkeypatch.setattr(systems, "PIECE", 4096)
    first, later = (copympi.lattice(P, hbar=0.37, potential={"kind": "harmonic", "omega": w}) for w in (0.0, 1e-4))
    asked: Any = {
        "packet": {"centre": 0.0, "width": 900.0, "wave_number": 0.3}, "members": 10**9, "seed": 2, "duration": 0.2,
        "interval": 0.1, "representation": "occupation",
    }  # fmt: skip
    run = copympi.simulate(first, schedule=[(0.1, later)], output=tmp_path / "out", **asked)
    read = copympi.load(tmp_path / "out")
    assert [switch.system.by_lattice for switch in read.schedule.switches] == [True]
    again = copympi.simulate(read.system, schedule=read.schedule, **asked)
    np.testing.assert_array_equal(again.phase, run.phase)
    np.testing.assert_array_equal(again.occupation, run.occupation)
