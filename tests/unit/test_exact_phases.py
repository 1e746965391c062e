"""Phases of members' own, event by event: paths between copies against slow twins, and what copies must not touch."""

from __future__ import annotations

import numpy as np
import pytest

from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.exact_phases import ExactPhaseClasses, ExactPhases
from copympi.errors import DynamicsError
from copympi.model.preparation import Start, prepare
from copympi.model.system import System
from copympi.mpi import Alone
from tests.physics import random_state, random_system
from tests.reference import naive_phases


def members(system: System, start: Start, replicas: int = 1, copying: float = 1.0) -> ExactPhases:
    return ExactPhases(Alone(), system, start, Accuracy(start.members), replicas, 3, copying)


def given(P: int, N: int = 30, seed: int = 1, spectators: int = 0) -> tuple[System, Start, np.ndarray, np.ndarray]:
    """System, start and the members' beables and phases, in order of beables."""
    system, phases = random_system(P, seed), np.random.default_rng(seed).uniform(0, 2 * np.pi, N)
    start = prepare(P, N, state=random_state(P, seed), phases=phases, spectators=spectators)
    return system, start, np.repeat(np.arange(P), start.counts), phases


def carry(ensemble: ExactPhases | ExactPhaseClasses, interval: float, number: int = 1) -> None:
    ensemble.begin(record(number, interval))
    while ensemble.advance():
        pass


def values(ensemble: ExactPhases, replica: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Beable and e^{i phi} of every member of a replica, by id; what turns all phases alike is left out."""
    P, N = ensemble.system.P, int(ensemble.counts[replica].sum())
    own = slice(replica * N, (replica + 1) * N)
    beable = np.repeat(np.arange(P), ensemble.counts[replica])
    rows = ensemble.paths[replica, beable]
    alpha, beta = rows[:, 0] + 1j * rows[:, 1], rows[:, 2] + 1j * rows[:, 3]
    z = ensemble.values[0, own] + 1j * ensemble.values[1, own]
    a, w = np.empty(N, int), np.empty(N, complex)
    a[ensemble.ids[own]] = beable
    w[ensemble.ids[own]] = (alpha * z + beta) / (beta.conj() * z + alpha.conj())
    return a, w


@pytest.mark.parametrize("P", [2, 3, 4])
def test_without_copies_phases_are_those_of_dop853(P: int) -> None:
    """To 1e-10, over a time in which values are written down anew; and what is recorded is of these values."""
    system, start, beable, phases = given(P)
    T = 2.0
    ensemble = members(system, start, copying=0.0)
    before = ensemble.values.copy()
    carry(ensemble, T)
    turn = np.exp(1j * system.couplings.shift * T)
    a, z = values(ensemble)
    exact = np.exp(1j * naive_phases.phases_alone(system.frequencies.toarray(), beable, phases, np.array([0.0, T]))[-1])
    assert np.array_equal(a, beable)
    assert np.abs(z * turn - exact).max() < 1e-10
    assert not np.array_equal(ensemble.values, before)
    snapshot = ensemble.snapshot()
    assert snapshot is not None
    for k, found in ((1, snapshot.coherence), (2, snapshot.more["coherence2"])):
        mean = [np.mean(exact[beable == b] ** k) for b in range(P)]
        np.testing.assert_allclose(found, [np.abs(mean)], atol=1e-10)
        if k == 1:
            np.testing.assert_allclose(np.exp(1j * snapshot.phase), [np.exp(1j * np.angle(mean))], atol=1e-9)


def test_cross_ratios_stay_between_copies() -> None:
    """Of quadruples of a beable, in replicas and intervals in which nobody copied, while all phases move."""
    system, start, *_ = given(2)
    ensemble, seen = members(system, start, replicas=20), 0

    def ratios(z: np.ndarray) -> np.ndarray:
        p, q, r, s = (z[k : k + 5] for k in range(4))
        return np.asarray((p - r) * (q - s) / ((q - r) * (p - s)))

    for number in range(1, 9):
        events, before = ensemble.events.copy(), [values(ensemble, replica) for replica in range(20)]
        carry(ensemble, 0.05, number)
        for replica in np.flatnonzero((ensemble.events == events) & (ensemble.counts[:, 1] > 12)):
            a, z = values(ensemble, replica)
            assert np.array_equal(a, before[replica][0])
            assert np.abs(z - before[replica][1]).max() > 1e-3
            _, others = np.unique(np.round(z[a == 1], 9), return_index=True)  # no two of the same phase
            if others.size > 8:
                off = np.abs(ratios(z[a == 1][others]) / ratios(before[replica][1][a == 1][others]) - 1)
                assert np.median(off) < 1e-11  # a quadruple of two close phases has a large error
                seen += 1
    assert seen > 20
    assert ensemble.events.sum() > 20


@pytest.mark.parametrize(("N", "spectators"), [(60, 4), (3000, 0)])
def test_copies_keep_identities_values_and_sums(N: int, spectators: int) -> None:
    """Ids stay a permutation, spectators their beable; no phase is made, and equal ones stay equal bit by bit."""
    system, start, beable, _ = given(3, N, spectators=spectators)
    ensemble = members(system, start, replicas=2)
    first = np.cumsum(start.counts) - start.counts
    still = (first[:, None] + np.arange(spectators)).ravel()
    left = np.full(2, N)
    for number in range(1, 5):
        carry(ensemble, 0.3, number)
        snapshot = ensemble.snapshot()
        assert snapshot is not None
        assert snapshot.coherence is not None
        for replica in range(2):
            assert np.array_equal(np.sort(ensemble.ids[replica * N : (replica + 1) * N]), np.arange(N))
            a, z = values(ensemble, replica)
            assert np.array_equal(a[still], beable[still])
            assert np.array_equal(snapshot.n[replica], np.bincount(a, minlength=3))
            kinds = [np.unique(np.round(np.angle(z[a == b]), 9)).size for b in range(3)]
            assert snapshot.more["lineages"][replica].tolist() == kinds
            for k, found in ((1, snapshot.coherence), (2, snapshot.more["coherence2"])):
                for b in np.unique(a):
                    assert found[replica, b] == pytest.approx(abs(np.mean(z[a == b] ** k)), abs=1e-11)
        now = snapshot.more["lineages"].sum(axis=1)
        assert np.all(now <= left)
        left = now
    assert np.all(left < N)
    assert ensemble.events.min() > N / 3


def test_a_class_is_members_of_one_phase() -> None:
    """Without copies a class moves as a member does that stands for it; n and what is recorded are the class's."""
    system = random_system(3, 1)
    start = prepare(3, 100, state=random_state(3, 1), spread=1.0)
    classes = ExactPhaseClasses(Alone(), system, start, Accuracy(100), 1, 1, 7, copying=0.0)
    angle = np.arctan2(*classes.z[0, ::-1])
    one_by_one = np.concatenate([np.repeat(angle[a], classes.count[0, a]) for a in range(3)])
    ensemble = members(system, prepare(3, 100, state=start.state, phases=one_by_one), copying=0.0)
    for each in (classes, ensemble):
        carry(each, 1.0)
    ours, theirs = classes.snapshot(), ensemble.snapshot()
    assert ours is not None
    assert theirs is not None
    np.testing.assert_array_equal(ours.n, theirs.n)
    np.testing.assert_allclose(ours.coherence, theirs.coherence, atol=1e-11)
    np.testing.assert_allclose(np.exp(1j * ours.phase), np.exp(1j * theirs.phase), atol=1e-11)
    np.testing.assert_array_equal(ours.more["lineages"], theirs.more["lineages"])


def test_phases_that_turn_too_fast_are_told_in_one_line() -> None:
    system, start, *_ = given(2)
    fast = System(system.frequencies.toarray() + np.diag([1e16, -1e16]))
    ensemble = members(fast, start)
    with pytest.raises(
        DynamicsError, match=r"^phases of beable \S+ turn too fast for this time to resolve: t = "
    ) as no:
        carry(ensemble, 1.0, 5)
    assert "\n" not in str(no.value)


def test_copies_that_come_too_fast_are_told_in_one_line() -> None:
    """Where the mean wait for a proposal is below what time resolves; at a tenth of these members it is not."""
    system = System(np.array([[0.5, 1.0], [1.0, -0.5]]))

    def classes(N: int) -> ExactPhaseClasses:
        return ExactPhaseClasses(Alone(), system, prepare(2, N, np.sqrt([0.5, 0.5]), spread=0.1), Accuracy(N), 1, 1, 2)

    with pytest.raises(
        DynamicsError, match=r"^members of beable \S+ copy too fast for this time to resolve: t = 0, n = \["
    ) as no:
        carry(classes(10**15), 1.0)
    assert "\n" not in str(no.value)
    slower = classes(10**14)
    slower.begin(record(1, 1.0))
    assert slower.advance()
    assert slower.events[0] > 0
