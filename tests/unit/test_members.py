"""Blocks of members: dealt evenly, never losing an identity."""

import numpy as np
import pytest
from copympi.kernels.members import BLOCK

from copympi.engine.leap import Leap
from copympi.engine.members import Members, blocks_for, deal
from copympi.engine.parallel import Alone
from copympi.model.preparation import prepare
from tests.physics import random_state, random_system


@pytest.mark.parametrize("members", [1, 2, 50, 16_384, 16_385, 10**6, BLOCK * 40 + 7])
def test_deal_is_exact_and_even(members):
    rng = np.random.default_rng(members)
    counts = rng.multinomial(members, rng.dirichlet(np.ones(5)))
    blocks = blocks_for(members)
    dealt = deal(counts, blocks, np.arange(blocks))
    assert np.array_equal(dealt.sum(axis=0), counts)
    assert np.ptp(dealt.sum(axis=1)) <= 1
    assert np.all(np.ptp(dealt, axis=0) <= 1)
    assert dealt.sum(axis=1).max() <= BLOCK


def test_blocks_depend_on_members_alone():
    assert [blocks_for(n) for n in (1, 16_384, 16_385, 10**6, 10**7, 10**9)] == [1, 1, 2, 32, 39, 3815]


@pytest.mark.parametrize("P", [1, 2, 7])
def test_identities_and_buckets_survive(P):
    """After every step the ids of a block are still a permutation, and buckets, n and events agree."""
    system = random_system(P, P)
    start = prepare(P, 40_000, state=random_state(P, P + 1))
    ensemble = Members(Alone(), system, start, Leap(40_000, 0.1, leaving_chance=0.2), replicas=2, seed=4)
    before = [ensemble.beables(u) for u in range(len(ensemble.unit))]
    moved = 0
    ensemble.begin(1)
    more = True
    while more:
        more = ensemble.advance()
        now = [ensemble.beables(u) for u in range(len(ensemble.unit))]
        for u, (begin, end) in enumerate(zip(ensemble.offset[:-1], ensemble.offset[1:], strict=True)):
            assert np.array_equal(np.sort(ensemble.ids[begin:end]), np.arange(end - begin))
            assert np.array_equal(np.bincount(now[u], minlength=P), ensemble.counts[u])
        for r in range(2):
            mine = np.concatenate([now[u] for u in np.flatnonzero(ensemble.unit[:, 0] == r)])
            assert np.array_equal(np.bincount(mine, minlength=P), ensemble.n[r])
        moved += sum(int((x != y).sum()) for x, y in zip(before, now, strict=True))
        before = now
    assert moved <= ensemble.events.sum()  # in one step a member may leave and come back, or move twice
    assert moved >= 0.9 * ensemble.events.sum()
    assert (moved > 0) == (P > 1)


def test_who_moves_is_drawn_evenly():
    """Chi-square over places: every member of a beable has the same chance to leave, whatever its place."""
    system = random_system(2, 3)
    start = prepare(2, 2_000, density=[0.5, 0.5], phase=[0.3, 1.7])
    left = np.zeros(2_000)
    for seed in range(400):
        ensemble = Members(Alone(), system, start, Leap(2_000, 0.01), replicas=1, seed=seed)
        before = ensemble.beables(0)
        ensemble.begin(1)
        while ensemble.advance():
            pass
        left += ensemble.beables(0) != before
    for b in (0, 1):
        mine = left[before == b]
        if mine.mean() > 1:
            z = (mine.var(ddof=1) / mine.mean() - 1) * np.sqrt(mine.size / 2)
            assert abs(z) < 4  # Poisson: neither clustered nor spaced out
            halves = mine[: mine.size // 2].sum(), mine[mine.size // 2 :].sum()
            assert abs(halves[0] - halves[1]) < 4 * np.sqrt(sum(halves))
