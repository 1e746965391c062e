"""A lattice's tiles: who has which, how checkpoints hold them, whole numbers over ranks (here: one).

That results do not depend on ranks is for tests/mpi/test_same_bits.py.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import copympi
from copympi.engine import shared_lattice, sharing, tiles
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.lattice import LatticeCounts
from copympi.engine.replicas import Replicas
from copympi.engine.tiles import SharedTiles, Tiles, WholeTiles, from_tile_rows, tile_rows, tile_sums
from copympi.engine.whole_numbers import nearest_whole
from copympi.kernels.bonds import TILE_SIZE
from copympi.model import observables, preparation
from copympi.mpi import Alone
from copympi.records import in_tiles
from tests.unit.test_lattice import made


@pytest.mark.parametrize(("replicas", "size"), [(1, 2), (1, 7), (1, 40), (2, 3), (3, 8)])
def test_every_tile_has_one_rank(replicas: int, size: int) -> None:
    P = 33 * TILE_SIZE - 100
    layouts = [SharedTiles(replicas, P, size, rank) for rank in range(size)]
    ends = [0, *(layout.last for layout in layouts)]
    assert [layout.first for layout in layouts] == ends[:-1]  # units in the order of ranks
    assert ends[-1] == replicas * 33
    assert sum(layout.is_head for layout in layouts) == replicas
    assert layouts[0].is_head
    for replica in range(replicas):
        own = [layout.own for layout in layouts if layout.replica == replica]
        assert own[0][0] == 0
        assert own[-1][1] == P
        assert all(one[1] == other[0] for one, other in itertools.pairwise(own))


def test_it_is_said_who_has_what() -> None:
    alone, idle = Replicas(1, 1, 0), Replicas(2, 3, 0)
    assert Tiles(alone, 4096).said == ""
    assert WholeTiles(alone, 4097).said == "whole, on one rank"
    assert Tiles(idle, 4096).said.startswith("each of 2 replicas on one rank (ranks share replicas of 65,536 beables")
    said = "each of 2 replicas in 35 tiles of 2,048 beables on 2 ranks"
    assert SharedTiles(2, 70_000, 3, 0).said == said
    more = SharedTiles(2, 5000, 9, 0).said
    assert more.endswith("on 5 ranks; 3 ranks have none: more ranks than tiles are of no use"), more


def test_ranks_share_where_it_pays() -> None:
    """Lattices from some size on; of other systems those whose beables have few partners on other ranks."""
    P = 33 * TILE_SIZE
    chain = sp.diags_array(np.ones(P - 1), offsets=1, format="csr")
    far = sp.diags_array(np.ones(P // 2), offsets=P // 2, shape=(P, P), format="csr")
    near, both = (copympi.System(H + H.T) for H in (chain, chain + far))
    layout = SharedTiles(1, P, 3, 0)
    assert sharing.at_borders(near, layout) == 4 / P
    assert sharing.at_borders(both, layout) == 1.0
    assert sharing.pays([near], 1, 2)
    assert not sharing.pays([near], 2, 2)
    assert not sharing.pays([near, both], 1, 3)
    assert sharing.pays([near, both], 1, 9)
    assert sharing.pays([copympi.lattice([260, 260])], 1, 2)
    assert not sharing.pays([copympi.lattice(5000)], 1, 2)
    assert not sharing.pays([copympi.lattice(P), both], 1, 3)


def test_rows_of_tiles() -> None:
    P = 2 * TILE_SIZE + 5
    c = np.arange(2 * 2 * P, dtype=float).reshape(2, 2, P)
    rows = tile_rows(c)
    assert rows.shape == (6, 2, TILE_SIZE)
    np.testing.assert_array_equal(rows[4, 1], c[1, 1, TILE_SIZE : 2 * TILE_SIZE])
    assert not rows[5, :, 5:].any()
    np.testing.assert_array_equal(from_tile_rows(rows, 2, P), c)
    np.testing.assert_array_equal(from_tile_rows(tile_rows(c[:, 0]), 2, P), c[:, 0])


def test_sums_of_tiles_do_not_depend_on_other_tiles() -> None:
    """Were they to depend on how many there are at a time, bits would hang on who has which."""
    values = np.random.default_rng(5).normal(size=(3, 5 * TILE_SIZE + 100))
    sums = tile_sums(values)
    assert sums.shape == (6, 3)
    for tile, found in enumerate(sums):
        own = values[:, tile * TILE_SIZE : (tile + 1) * TILE_SIZE]
        np.testing.assert_array_equal(tile_sums(own)[0], found)
        np.testing.assert_allclose(found, own.sum(axis=1), atol=1e-10)


def test_whole_numbers_are_those_of_one_process() -> None:
    """Also where halves tie, and where doubles are coarser than one."""
    rng = np.random.default_rng(3)
    for k in range(60):
        sizes = rng.random(rng.integers(1, 50)) * rng.choice([1, 10, 1e6, 1e17])
        sizes = np.round(sizes * 4) / 4 if k % 3 == 0 else sizes
        total = int(np.rint(sizes.sum())) + int(rng.integers(-1, 2))
        found = nearest_whole(Alone(), sizes, total)
        np.testing.assert_array_equal(found, preparation.nearest_whole(sizes, total))
        assert sum(found.tolist()) == total


@pytest.mark.parametrize(("members", "filtered"), [(10**6, False), (1e30, False), (10**6, True), (1e30, True)])
def test_checkpoints_of_replicas_and_of_tiles(members: float, filtered: bool) -> None:
    """Those of before, a row a replica, and those of today give the same state, after a filter too."""
    system, start = made(
        copympi.lattice(4200), members=members, packet={"centre": 0, "width": 300}, representation="occupation"
    )
    given = (Alone(), system, start, Accuracy(start.members, None, 1e-4, 0.03), 2, 5)
    before = LatticeCounts(*given)
    before.begin(record(1, 0.05))
    while before.advance():
        pass
    if filtered:
        before.keep(range(1500, 2300))
        assert 0 < before.present[0] < 0.9 * members
    old = before.state()
    assert old.units == 2
    with pytest.raises(RuntimeError, match=r"^position, width: along the axes of a lattice"):
        in_tiles.measured(before, copympi.System(system.frequencies), {"position", "width"}, 0.0)
    one = shared_lattice.made(*given)
    one.restore(old, record(2, 0.05))
    assert one.owns(2) == (0, 2)
    tiles = one.state()
    assert tiles.units == 6 == len(tiles.columns["n"])
    other = shared_lattice.made(*given)
    other.restore(tiles, record(2, 0.05))
    assert other.owns(6) == (0, 6)
    for name, values in before.per_unit().items():
        if name == "time_left":
            continue
        np.testing.assert_array_equal(getattr(one, name), values)
        np.testing.assert_array_equal(getattr(other, name), values)


def test_a_longer_run_may_get_a_switch(tmp_path: Path) -> None:
    """It goes on from its checkpoints; the switch is where the first run ended: the same bits as asked for at once."""
    given: dict[str, Any] = {"packet": {"centre": 0.0, "width": 800.0}, "members": 10**6, "seed": 4, "interval": 0.1,
                             "replicas": 2, "representation": "occupation"}  # fmt: skip
    switch = [{"at": 0.1, "potential": {"kind": "harmonic", "omega": 0.001}}]
    system = copympi.lattice(5000)
    copympi.simulate(system, duration=0.1, output=tmp_path / "out", **given)
    given |= {"duration": 0.2, "schedule": switch}
    longer = copympi.simulate(system, output=tmp_path / "out", resume=True, **given)
    whole = copympi.simulate(system, output=tmp_path / "whole", **given)
    assert longer.measured.keys() == whole.measured.keys()
    for name, values in whole.measured.items():
        np.testing.assert_array_equal(longer.measured[name], values, err_msg=name)
    np.testing.assert_array_equal(longer.occupation, whole.occupation)


def test_sums_of_groups_of_tiles_are_those_of_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """To rounding: five tiles of many members, and of few, whose numbers are drawn from the same random numbers."""
    x = np.arange(5 * TILE_SIZE - 40)
    found = []
    for most in (5, 2):
        monkeypatch.setattr(tiles, "MOST_SUMS", most)
        layout = SharedTiles(1, x.size, 4, 0)
        assert layout.group == (1 if most == 5 else 3)
        assert [layout.run(place) for place in range(4)] == (
            [(0, 2), (2, 3), (3, 4), (4, 5)] if most == 5 else [(0, 3), (3, 3), (3, 5), (5, 5)]
        )
        run = copympi.simulate(
            copympi.lattice(x.size), density=np.where(x < 300, 1e-9, 1 / x.size) / (1 - 300 / x.size), phase=x / 5,
            members=10**9, duration=0.4, interval=0.2, representation="occupation", normalise=True, comm=Alone(),
        )  # fmt: skip
        found.append(run)
    assert found[0].events[-1] > 10**7
    np.testing.assert_allclose(found[1].occupation, found[0].occupation, rtol=1e-9, atol=1)
    np.testing.assert_allclose(found[1].events, found[0].events, rtol=1e-12)
    np.testing.assert_allclose(found[1].measured["mean_energy"], found[0].measured["mean_energy"], rtol=1e-9)


@pytest.mark.filterwarnings("ignore::copympi.errors.EmptyBeableWarning")
@pytest.mark.parametrize("members", [10**7, 1e30])
@pytest.mark.parametrize(
    ("sites", "boundary", "few"), [([5000], "ring", 2), ([66, 67], "open", 1), ([17, 18, 16], "ring", 4)]
)
def test_summaries_are_those_of_the_whole_lattice(members: float, sites: list[int], boundary: str, few: int) -> None:
    """Sums of tiles against model/observables.py, which adds up all sites at once. They differ by rounding alone."""
    system, axes = copympi.lattice(sites, boundary=boundary), len(sites)
    packet = {"centre": [1.0] * axes, "width": [sites[0] / 7 / few] * axes, "wave_number": [0.25, -0.5, 0.75][:axes]}
    given: dict[str, Any] = {"packet": packet, "members": members, "seed": 2, "representation": "occupation"}
    run = copympi.simulate(system, duration=0.2, interval=0.1, profile_interval=0.1, **given)
    n, phase = run.occupation, np.nan_to_num(run.phase)
    psi = observables.amplitudes(n, phase)
    expected = {
        **observables.motion(psi, system.lattice),
        "mean_energy": observables.mean_energy(psi, system),
        "validity_occupation": observables.share_of_few(n),
        "smallest": n.min(axis=1),
        "empty": np.count_nonzero(n == 0, axis=1),
    }
    for name, values in expected.items():
        found = run.measured[name]
        np.testing.assert_allclose(found, values, rtol=1e-12, atol=1e-12 * np.abs(values).max(), err_msg=name)
    drift = run.measured["mean_energy"] - expected["mean_energy"][0]
    np.testing.assert_allclose(run.measured["energy_drift"], drift, atol=1e-14)
