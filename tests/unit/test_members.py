"""Blocks of members: dealt evenly, never losing an identity."""

import numpy as np
import pytest
from scipy import sparse

from copympi.engine.accuracy import Accuracy
from copympi.engine.blocks import blocks_for, deal
from copympi.engine.clock import record
from copympi.engine.counts import Counts
from copympi.engine.members import Members
from copympi.engine.phases import Phases
from copympi.kernels.members import BLOCK
from copympi.model.preparation import Start, prepare
from copympi.model.system import System
from copympi.mpi import Alone
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


def test_blocks_depend_on_members_and_on_very_many_beables_alone():
    assert [blocks_for(n) for n in (1, 16_384, 16_385, 10**6, 10**7, 10**9)] == [1, 1, 2, 32, 39, 3815]
    assert [blocks_for(10**9, P) for P in (65_536, 100_000, 10**6)] == [3815, 2500, 250]
    assert [blocks_for(n, 10**6) for n in (0, 10**5, 10**7, 10**8)] == [1, 1, 10, 32]
    for P, members in [(70_000, 10**6), (10**5, 10**7), (10**6, 10**6), (10**6, 10**9)]:
        assert 4 * P * blocks_for(members, P) <= 4 * members  # bytes of bucket sizes, of ids


def test_very_many_beables_start_and_move():
    """70,000 beables on a ring, 10^6 members: blocks larger than the usual, nobody lost."""
    P, N = 70_000, 10**6
    site, hop = np.arange(P), np.full(P, -0.5)
    H = sparse.coo_array((hop, (site, (site + 1) % P)), shape=(P, P))
    psi = np.exp(-(((site - P / 2) / (P / 5)) ** 2) + 0.3j * site)
    psi /= np.linalg.norm(psi)
    counts = np.random.default_rng(1).multinomial(N - P, np.abs(psi) ** 2) + 1
    start = Start(psi, counts, -np.angle(psi), spectators=1)
    system = System(sparse.csr_array(H + H.T + sparse.diags_array(np.ones(P))))
    ensemble = Members(Alone(), system, start, Accuracy(N, step=0.01), 1, 1)
    assert ensemble.layout.blocks == blocks_for(N - P, P) == 13
    ensemble.begin(record(1, 0.02))
    while ensemble.advance():
        pass
    assert ensemble.events[0] > 1000
    assert ensemble.n.min() >= 1
    assert np.array_equal(ensemble.n[0], ensemble.counts.sum(axis=0) + 1)
    for begin, end in zip(ensemble.offset[:-1], ensemble.offset[1:], strict=True):
        assert np.array_equal(np.sort(ensemble.ids[begin:end]), np.arange(end - begin))


def test_where_all_are_spectators_nothing_moves():
    for kind, spread in ((Members, 0.0), (Counts, 0.0), (Phases, 1.0)):
        start = Start(np.full(2, 0.5**0.5 + 0j), np.array([4, 4]), np.array([0.0, 1.0]), spread, spectators=4)
        ensemble = kind(Alone(), random_system(2, 1), start, Accuracy(8), 3, 1)
        ensemble.begin(record(1, 0.5))
        while ensemble.advance():
            pass
        assert np.all(ensemble.n == 4)
        assert np.all(ensemble.events == 0)


@pytest.mark.parametrize("P", [1, 2, 7])
def test_identities_and_buckets_survive(P):
    """After every step the ids of a block are still a permutation, and buckets, n and events agree."""
    system = random_system(P, P)
    start = prepare(P, 40_000, state=random_state(P, P + 1))
    ensemble = Members(Alone(), system, start, Accuracy(40_000, leaving_chance=0.2), replicas=2, seed=4)
    before = [ensemble.beables(u) for u in range(len(ensemble.unit))]
    moved = 0
    ensemble.begin(record(1, 0.1))
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
        ensemble = Members(Alone(), system, start, Accuracy(2_000), replicas=1, seed=seed)
        before = ensemble.beables(0)
        ensemble.begin(record(1, 0.01))
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
