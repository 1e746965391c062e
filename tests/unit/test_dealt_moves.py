"""Moves drawn for a whole beable are dealt to blocks, and blocks carry them out: against the naive twin."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

import copympi
from copympi.engine import diagonals, lattice_members
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.deals import holders
from copympi.engine.replicas import Replicas
from copympi.engine.tiles import Tiles
from copympi.kernels import dealt_moves
from copympi.kernels.bonds import Bonds
from copympi.kernels.crowd import Crowd
from copympi.kernels.deals import deal
from copympi.kernels.lattice_members import LatticeStep
from copympi.kernels.ways import Ways
from copympi.model.preparation import prepare
from copympi.mpi import Alone
from tests.reference.naive_dealing import dealt
from tests.unit.test_lattice_arguments import tables, wrong

P = 4
BEABLES = [0, 2, 1, 2, 0, 3, 2, 2]
"""Of member I at the start; block I % blocks has it."""
MOVES = [(2, 0, 1, 1), (2, 1, 1, 1), (0, 3, 1, 1), (1, 3, 2, 2), (3, 2, 1, 2), (0, 1, 1, 3)]
"""In the second group who came in the first may go on; in the first nobody moves twice."""


def ours(blocks: int, seed: int, moves: list[tuple[int, int, int, int]] = MOVES) -> list[int]:
    """The beable of each member after the moves, as the kernels have it. Buckets are whole, ids stay."""
    own = [[who for who in range(len(BEABLES)) if who % blocks == u] for u in range(blocks)]
    ids = [np.argsort([BEABLES[who] for who in some], kind="stable") for some in own]
    counts = np.array([np.bincount([BEABLES[who] for who in some], minlength=P) for some in own], np.int32)
    row = np.array([i for some in ids for i in some], np.uint32)
    offset = np.concatenate([[0], np.cumsum(counts.sum(axis=1))]).astype(np.int64)
    unit = np.array([[0, u] for u in range(blocks)], np.int64)
    crowd = Crowd(replicas=1, ids=row, offset=offset, unit=unit, counts=counts)
    whole = np.array(moves, np.int64)
    course = np.tile([0.0, 1.0, 1.0, 1.0, 1.0], (len(moves), 1))
    sources = np.unique(whole[:, 0])
    there = holders(sources, np.arange(blocks), counts)
    part = deal(whole, sources, there, blocks=blocks, first=0, last=blocks, keys=(seed, 36, 0, 1 << 32, 5))
    assert np.bincount(part[:, 1], part[:, 2], minlength=len(moves)).tolist() == [count for _, _, count, _ in moves]
    n = counts.sum(axis=0, dtype=np.int64)
    dealt_moves.carry_out(
        crowd, part, whole, course, unit=0, keys=(seed, 36, 5), left=1.0, length=1.0, last=np.full(1, np.inf), n=n
    )  # fmt: skip
    np.testing.assert_array_equal(counts.sum(axis=0), n)
    found = [-1] * len(BEABLES)
    for u in range(blocks):
        mine = row[offset[u] : offset[u + 1]]
        np.testing.assert_array_equal(np.sort(mine), np.arange(len(own[u])))
        for i, beable in zip(mine, np.repeat(np.arange(P), counts[u]), strict=True):
            found[own[u][i]] = int(beable)
    return found


def p_value(some: list[list[int]], others: list[list[int]]) -> float:
    """Of both samples having one law; states that are rare are counted together."""
    a, b = (Counter(map(tuple, sample)) for sample in (some, others))
    table = np.array([[a[state], b[state]] for state in sorted(a | b)])
    common = table.sum(axis=1) >= 20
    table = np.vstack([table[common], table[~common].sum(axis=0) + 1])
    return float(chi2_contingency(table).pvalue)


@pytest.mark.parametrize("blocks", [1, 2, 10])
def test_who_goes_where_has_the_law_of_the_naive_twin(blocks: int) -> None:
    """Null hypothesis: the joint law of all members' beables is the twin's. In ten blocks members are drawn one by one,
    in fewer by block."""
    rng = np.random.default_rng(1)
    runs = 4_000
    found = [ours(blocks, seed) for seed in range(runs)]
    twins = [dealt(BEABLES, MOVES, rng) for _ in range(runs)]
    assert p_value(found, twins) > 1e-3
    merged = [(source, target, count, 1) for source, target, count, _ in MOVES[:3]]
    apart = [(source, target, count, k) for k, (source, target, count, _) in enumerate(MOVES[:3])]
    one, other = ([dealt(BEABLES, moves, rng) for _ in range(runs)] for moves in (merged, apart))
    assert p_value(one, other) < 1e-6, "and the test can fail: who has just come must not go on in the same group"


def test_all_ranks_deal_alike() -> None:
    """What a rank keeps is its part of what one rank would have."""
    there = holders(np.arange(2), np.arange(3), np.array([[3, 1], [0, 4], [2, 2]], np.int32))
    np.testing.assert_array_equal(there, [[0, 0, 3], [0, 2, 2], [1, 0, 1], [1, 1, 4], [1, 2, 2]])
    moves = np.array([[0, 1, 2, 1], [1, 2, 4, 1], [1, 0, 1, 2]], np.int64)
    keys = (7, 36, 0, 1 << 32, 3)
    whole = deal(moves, np.arange(2), there, blocks=3, first=0, last=3, keys=keys)
    for first, last in ((0, 1), (1, 3)):
        part = deal(moves, np.arange(2), there, blocks=3, first=first, last=last, keys=keys)
        np.testing.assert_array_equal(part, whole[(whole[:, 0] >= first) & (whole[:, 0] < last)])


def handed(buckets: list[list[int]], moves: list[tuple[int, int]]) -> list[list[int]]:
    """The naive twin of buckets whose ids stand in one row: who goes from one of one member to another bucket comes to
    stand last, and each bucket in between moves on by one, its last member first or its first one last."""
    for source, target in moves:
        who = buckets[source].pop()
        for passed in range(source + 1, target + 1):
            buckets[passed] = buckets[passed][-1:] + buckets[passed][:-1]
        for passed in range(target + 1, source):
            buckets[passed] = buckets[passed][1:] + buckets[passed][:1]
        buckets[target].append(who)
    return buckets


@pytest.mark.parametrize("reach", [2, 400])
def test_buckets_make_room_near_and_far(reach: int) -> None:
    """Who goes far goes in one pass over the block with all others who do, and all ids end where the twin has them."""
    rng = np.random.default_rng(reach)
    sizes = rng.integers(0, 6, 400)
    alone, others = np.flatnonzero(sizes == 1), np.flatnonzero(sizes != 1)
    near = [others[np.abs(others - a) <= reach] for a in alone]
    moves = [(int(a), int(rng.choice(some))) for a, some in zip(alone, near, strict=True) if some.size]
    assert len(moves) > 30
    assert any(a > b for b, a in moves)
    assert any(a < b for b, a in moves)
    ids, ends = np.arange(sizes.sum(), dtype=np.uint32), np.cumsum(sizes)
    twin = handed([ids[end - size : end].tolist() for end, size in zip(ends, sizes, strict=True)], moves)
    counts = sizes[None].astype(np.int32)
    crowd = Crowd(
        replicas=1, ids=ids, offset=np.array([0, ids.size]), unit=np.zeros((1, 2), np.int64), counts=counts
    )  # fmt: skip
    whole = np.array([(b, a, 1, k) for k, (b, a) in enumerate(moves)], np.int64)  # each a half substep of its own
    own = np.array([(0, k, 1) for k in range(len(moves))], np.int64)
    dealt_moves.carry_out(
        crowd, own, whole, np.zeros((len(moves), 5)), unit=0, keys=(1, 36, 0), left=1.0, length=1.0,
        last=np.zeros(1), n=sizes.astype(np.int64),
    )  # fmt: skip
    assert counts[0].tolist() == [len(bucket) for bucket in twin]
    assert ids.tolist() == [who for bucket in twin for who in bucket]


def test_clusters_go_on_where_a_call_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often Python looks at signals meanwhile, a run is the same."""
    system = copympi.lattice(24, boundary="open")
    density = 1.0 + np.cos(np.arange(24.0)) * (np.arange(24) % 5 > 0)
    start = prepare(24, 5000, density=density / density.sum(), phase=0.7 * np.arange(24.0) ** 1.5)
    ends = []
    for effort in (lattice_members.EFFORT, 1):
        monkeypatch.setattr(lattice_members, "EFFORT", effort)
        ensemble = lattice_members.LatticeMembers(Alone(), system, start, Accuracy(5000), 2, 3)
        ensemble.begin(record(1, 0.5))
        while ensemble.advance():
            pass
        assert np.all(ensemble.substeps > 100), "nothing is tested where no cluster goes in substeps"
        ends.append([ensemble.ids.tobytes(), ensemble.c.tobytes(), ensemble.substeps.tobytes()])
    assert ends[0] == ends[1]


def test_more_than_there_are_is_refused() -> None:
    there, keys = np.array([[0, 0, 1], [0, 1, 1]], np.int64), (7, 36, 0, 1 << 32, 3)
    with pytest.raises(ValueError, match="not so many members"):
        deal(np.array([[0, 1, 3, 1]]), np.arange(1), there, blocks=2, first=0, last=2, keys=keys)
    for bad in ([[1, 0, 1]], [[0, 2, 1]], [[0, 0, -1]], [[0, 0]]):
        with pytest.raises(ValueError, match="there"):
            deal(np.array([[0, 1, 1, 1]]), np.arange(1), np.array(bad), blocks=2, first=0, last=2, keys=keys)
    crowd = Crowd(
        replicas=1, ids=np.arange(2, dtype=np.uint32), offset=np.array([0, 2]), unit=np.zeros((1, 2), np.int64),
        counts=np.array([[1, 1]], np.int32),
    )  # fmt: skip
    for own in ([[0, 0, 2]], [[1, 0, 1]], [[0, 1, 1]]):
        with pytest.raises(ValueError, match=r"^own: "):
            dealt_moves.carry_out(
                crowd, np.array(own), np.array([[0, 1, 2, 1]]), np.zeros((1, 5)), unit=0, keys=(1, 36, 0), left=1.0,
                length=1.0, last=np.zeros(1), n=np.array([1, 1]),
            )  # fmt: skip


def test_arrays_that_do_not_fit_a_step_are_refused() -> None:
    """Four beables, three couplings, each either way: see test_lattice_arguments.py."""
    bonds, control = Bonds(**tables()), Accuracy(400, step=0.01).control(record(1, 1.0))
    ways = Ways(bonds)
    assert ways.number == 6
    for bad in wrong(np.zeros(6)):
        with pytest.raises((ValueError, TypeError)):
            LatticeStep(bonds, ways, chance=bad)
    for bad in (row for row in wrong(np.zeros(18)) if row is not None):
        with pytest.raises((ValueError, TypeError)):
            LatticeStep(bonds, ways, chance=np.zeros(6), profile=bad)
    ring = copympi.lattice(5)
    others = diagonals.bonds(ring, np.full(5, 5**-0.5, complex), diagonals.places(ring, Tiles(Replicas(1, 1, 0), 5)))
    with pytest.raises(ValueError, match="of other bonds"):
        LatticeStep(bonds, Ways(others), chance=np.zeros(10))
    step = LatticeStep(bonds, ways, chance=np.zeros(6))
    with pytest.raises(ValueError, match="the same places"):
        step.follow(others)
    with pytest.raises(ValueError, match="has begun"):
        step.finish(np.zeros(4, np.int64))
    n, c = np.full(4, 100), np.array([np.full(4, 10.0), np.zeros(4)])
    rest: dict[str, Any] = {
        "time_left": 1.0, "largest_chance": 0.0, "substeps": 0, "keys": (1, 6, 0, 0), "substep_turn": 0.3,
    }  # fmt: skip
    assert step.begin(control, n, c, **rest) == 0
    for bad in wrong(n):
        for call in (lambda bad=bad: step.begin(control, bad, c, **rest), lambda bad=bad: step.moved(bad, n),
                     lambda bad=bad: step.moved(n, bad), lambda bad=bad: step.finish(bad)):  # fmt: skip
            with pytest.raises((ValueError, TypeError)):
                call()
    for bad in wrong(c):
        with pytest.raises((ValueError, TypeError)):
            step.begin(control, n, bad, **rest)
