"""Moves drawn for a whole beable are dealt to blocks, and blocks carry them out: against the naive twin."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.kernels import dealt_moves
from copympi.kernels.bonds import Bonds
from copympi.kernels.crowd import Crowd
from copympi.kernels.lattice_members import LatticeStep, entries_of
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
    there = np.ascontiguousarray(counts[:, sources], np.int64)
    part = dealt_moves.deal(whole, sources, there, first=0, last=blocks, keys=(seed, 36, 0, 1 << 32, 5))
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
    counts = np.array([[3, 1], [0, 4], [2, 2]], np.int64)
    moves = np.array([[0, 1, 2, 1], [1, 2, 4, 1], [1, 0, 1, 2]], np.int64)
    keys = (7, 36, 0, 1 << 32, 3)
    whole = dealt_moves.deal(moves, np.arange(2), counts.copy(), first=0, last=3, keys=keys)
    for first, last in ((0, 1), (1, 3)):
        part = dealt_moves.deal(moves, np.arange(2), counts.copy(), first=first, last=last, keys=keys)
        np.testing.assert_array_equal(part, whole[(whole[:, 0] >= first) & (whole[:, 0] < last)])


def test_more_than_there_are_is_refused() -> None:
    counts, keys = np.array([[1], [1]], np.int64), (7, 36, 0, 1 << 32, 3)
    with pytest.raises(ValueError, match="not so many members"):
        dealt_moves.deal(np.array([[0, 1, 3, 1]]), np.arange(1), counts, first=0, last=2, keys=keys)
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
    entries = entries_of(bonds)
    for bad in wrong(np.zeros(6)):
        with pytest.raises((ValueError, TypeError)):
            LatticeStep(bonds, entries, chance=bad)
    for bad in (*wrong(entries), np.full_like(entries, 6), np.full_like(entries, -2)):
        with pytest.raises((ValueError, TypeError)):
            LatticeStep(bonds, bad, chance=np.zeros(6))
    step = LatticeStep(bonds, entries, chance=np.zeros(6))
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
