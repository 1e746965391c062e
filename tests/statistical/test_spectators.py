"""Spectators: pinned members of each beable, counted and copied, who never copy. One law in all representations.

Null hypothesis of the laws: both samples come from one distribution; chi-square and Kolmogorov-Smirnov, p > 0.001,
means within four standard errors, fixed seeds. The twins (naive.py and naive_phases.py in tests/reference) share
nothing with the package.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from copympi.engine import blocks as engine_blocks
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.counts import Counts
from copympi.engine.members import Members
from copympi.engine.momenta import Model, Momenta
from copympi.engine.phase_classes import PhaseClasses
from copympi.engine.phases import Phases
from copympi.model.preparation import Start, prepare
from copympi.model.system import System
from copympi.mpi import Alone
from tests.physics import calm
from tests.reference import naive, naive_phases
from tests.statistical import test_agreement, test_phases

NODE = System([[0, 1], [1, 0]])


def begun(system: System, psi: Any, members: int, spectators: int, **more: Any) -> Start:
    start = replace(prepare(system.P, members, psi, **more), spectators=spectators)
    assert np.all(start.counts > spectators)
    return start


def records(ensemble: Any, number: int, interval: float) -> dict[str, np.ndarray]:
    """What there is at t = 0 and at `number` records, (runs, T, P); n never falls below the spectators."""
    found = [ensemble.snapshot()]
    for k in range(1, number + 1):
        ensemble.begin(record(k, interval))
        while ensemble.advance():
            assert ensemble.n.min() >= ensemble.spectators
        found.append(ensemble.snapshot())
    out = {"n": np.stack([one.n for one in found], axis=1).astype(float)}
    assert out["n"].min() >= ensemble.spectators
    assert np.ptp(out["n"].sum(axis=2)) == 0
    if found[0].coherence is not None:
        out["coherence"] = np.stack([one.coherence for one in found], axis=1)
        for name in ("coherence2", "lineages"):
            out[name] = np.stack([one.more[name] for one in found], axis=1).astype(float)
    return out


def of_twin(twin: naive_phases.PairRuns) -> dict[str, np.ndarray]:
    return {
        "n": twin.n.astype(float),
        "coherence": np.abs(twin.z1) / twin.n,
        "coherence2": np.abs(twin.z2) / twin.n,
        "lineages": twin.lineages.astype(float),
    }


@pytest.mark.parametrize(("P", "members", "spectators"), [(2, 30, 1), (2, 50, 3), (3, 50, 2), (3, 60, 3)])
def test_members_occupation_and_exact_process_agree(P: int, members: int, spectators: int) -> None:
    system, psi = calm(P, 1.0, 0.08)
    start, runs = begun(system, psi, members, spectators), 2_000
    accuracy = Accuracy(members)
    ours = {
        kind.__name__: records(kind(Alone(), system, start, accuracy, runs, seed), 4, 0.25)["n"][:, 1:].astype(int)
        for seed, kind in enumerate((Members, Counts), start=1)
    }
    times, H = 0.25 * np.arange(1, 5), system.frequencies.toarray()
    exact = naive.gillespie_many(H, start.counts, start.phase, times, 0.02, runs, seed=3, spectators=spectators)
    free = naive.gillespie_many(H, start.counts, start.phase, times, 0.02, runs, seed=4)
    for kind, n in ours.items():
        test_agreement.same_law(n, exact, f"{kind}, exact")
        test_agreement.means_agree(n, exact, f"{kind}, exact")
    test_agreement.same_law(ours["Members"], ours["Counts"], "members, occupation")
    with pytest.raises(AssertionError):  # the tests see spectators
        test_agreement.means_agree(ours["Members"], free, "without spectators")


def test_the_literal_twins_agree() -> None:
    """Members and pairs one by one, tiny steps, members drawn one by one, and the exact process have one law."""
    system, psi = calm(2, 1.0, 0.08)
    start = begun(system, psi, 30, 2)
    H, times = system.frequencies.toarray(), np.array([0.5, 1.0])
    exact = naive.gillespie_many(H, start.counts, start.phase, times, 0.02, 2_000, seed=1, spectators=2)
    singly = naive.many(H, start.counts, start.phase, times, 0.001, 2_000, seed=2, spectators=2)
    test_agreement.same_law(singly, exact, "one by one, exact")
    test_agreement.means_agree(singly, exact, "one by one, exact")
    rng = np.random.default_rng(3)
    pairs = [naive.members_and_pairs(H, start.counts, start.phase, times, 0.02, rng, spectators=2) for _ in range(60)]
    coarse = naive.many(H, start.counts, start.phase, times, 0.02, 2_000, seed=4, spectators=2)
    test_agreement.means_agree(np.stack(pairs), coarse, "pairs, one by one")


@pytest.mark.parametrize("kind", [Members, Counts])
def test_a_beable_comes_back_from_a_node(kind: type) -> None:
    """Without spectators it dies and stays empty; with one it has no other member left at the node, and fills again."""
    runs, accuracy, times = 2_000, Accuracy(50), 0.3 * np.arange(1, 11)
    more = {"density": [0.9, 0.1], "phase": [0.0, 0.7]}
    dying = records(kind(Alone(), NODE, prepare(2, 50, **more), accuracy, runs, 1), 10, 0.3)["n"]
    dead = (dying[:, :-1] == 0).any(axis=1)
    assert dead.any(axis=1).mean() > 0.02
    assert np.all(dying[:, -1][dead] == 0)
    start = begun(NODE, None, 50, 1, **more)
    found = records(kind(Alone(), NODE, start, accuracy, runs, 2), 10, 0.3)["n"][:, 1:].astype(int)
    alone = (found[:, :-1] == 1).any(axis=1)  # (runs, P): but for its spectator it was empty
    assert alone.mean() > 0.01
    assert (found[:, -1][alone] > 1).mean() > 0.8
    exact = naive.gillespie_many(
        NODE.frequencies.toarray(), start.counts, start.phase, times, 0.01, runs, seed=3, spectators=1
    )
    test_agreement.same_law(found, exact, f"{kind.__name__}, node")
    test_agreement.means_agree(found, exact, f"{kind.__name__}, node")


@pytest.mark.parametrize(
    ("P", "members", "spectators", "runs", "spread"),
    [(2, 30, 1, 1_500, 1.2), (2, 40, 3, 1_000, 3.1), (3, 36, 2, 800, 2.0), (3, 60, 3, 500, 0.5)],
)
def test_phases_have_the_law_of_the_naive_twin(
    P: int, members: int, spectators: int, runs: int, spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, psi = calm(P, 1.0, 0.1)
    start = begun(system, psi, members, spectators, spread=spread)
    rng = np.random.default_rng(members + P)
    beable = np.tile(np.repeat(np.arange(P), start.counts), (runs, 1))
    phases = start.phase[beable] + rng.uniform(-spread, spread, beable.shape)
    still = naive.pinned(start.counts, spectators)
    H, times = system.frequencies.toarray(), np.array([0.0, 0.3, 0.6])
    twin = naive_phases.pairs_many(H, beable, phases, times, 0.02, rng, still=still)
    ours = records(Phases(Alone(), system, start, Accuracy(members), runs, 7), 2, 0.3)
    test_phases.same_law(ours, of_twin(twin), f"P = {P}, N = {members}, s = {spectators}, spread {spread}")
    if members == 60:
        monkeypatch.setattr(engine_blocks, "blocks_for", lambda *_: 3)
        leaps = records(Phases(Alone(), system, start, Accuracy(members, leaving_chance=0.015), runs, 8), 2, 0.3)
        test_phases.same_law(leaps, of_twin(twin), "leaps of three blocks")


def test_kinds_have_the_law_of_the_naive_twin() -> None:
    """5 kinds, 2 spectators a beable, one in each of the first two kinds."""
    system, psi = calm(2, 1.0, 0.1)
    members, kinds, spread, runs, s = 40, 5, 1.5, 1_500, 2
    start = begun(system, psi, members, s, spread=spread)
    angle = spread * ((2 * np.arange(kinds) + 1) / kinds - 1)
    of = np.concatenate([np.arange(n) % kinds for n in start.counts])  # the first s members of a beable are the pinned
    beable = np.repeat(np.arange(2), start.counts)
    phases = np.tile(start.phase[beable] + angle[of], (runs, 1))
    rng = np.random.default_rng(1)
    twin = naive_phases.pairs_many(
        system.frequencies.toarray(), np.tile(beable, (runs, 1)), phases, np.array([0.0, 0.3, 0.6]), 0.02, rng,
        still=naive.pinned(start.counts, s),
    )  # fmt: skip
    ensemble = PhaseClasses(Alone(), system, start, Accuracy(members), runs, 2, kinds)
    assert ensemble.class_spectators.tolist() == [[1, 1, 0, 0, 0]] * 2
    ours = records(ensemble, 2, 0.3)
    assert np.all(ensemble.count >= ensemble.class_spectators)
    theirs = of_twin(twin)
    ours.pop("lineages")  # the twin counts members, not kinds
    np.testing.assert_allclose(ours["coherence"][:, 0], theirs["coherence"][:, 0], atol=1e-12)
    test_phases.same_law(ours, theirs, "kinds")


def test_the_mean_is_of_second_order_in_the_step() -> None:
    """Against the mean field with flows (n_b - s)/n_b, s a fixed part of N = 10^18."""
    system, psi = calm(3, 1.0, 0.05)
    N, s = 10**18, 3 * 10**16
    start, H = begun(system, psi, N, s), system.frequencies.toarray()

    def rates(_t: float, y: np.ndarray) -> np.ndarray:
        n, phi = y[:3], y[3:]
        c = np.sqrt(n) * np.exp(-1j * phi)
        flow = np.maximum(2 * np.imag(c.conj()[:, None] * (H - np.diag(np.diag(H))) * c), 0) * (1 - s / N / n)
        return np.concatenate([flow.sum(axis=1) - flow.sum(axis=0), np.real(H @ c / c)])

    y = np.concatenate([start.counts / N, start.phase])
    y = solve_ivp(rates, (0, 1), y, rtol=1e-10, atol=1e-12, max_step=2e-3).y[:, -1]
    errors = []
    for steps in (20, 40, 80):
        ensemble = Counts(Alone(), system, start, Accuracy(N, step=1 / steps), 1, 1)
        records(ensemble, 1, 1.0)
        turn = np.angle(np.exp(1j * (ensemble.phase[0] - y[3:])))
        errors.append([np.abs(ensemble.n[0] / N - y[:3]).max(), np.abs(turn).max()])
    ratio = np.array(errors[:-1]) / np.array(errors[1:])
    assert np.all(ratio > 3), (errors, ratio)
    assert np.max(errors[-1]) < 2e-5


def test_pinned_members_stay_and_are_copied() -> None:
    """With phases and momenta of their own: who is pinned stands first in his bucket all along, in every block.

    In many blocks, and in one, where copies come one by one.
    """
    system, psi = calm(3, 1.0, 0.1)
    start, few = (begun(system, psi, N, 40, spread=1.0) for N in (100_000, 4_000))
    model = Model(0.5, "mean", damping=0.1, momenta=0.1)
    for ensemble, interval in (
        (Phases(Alone(), system, start, Accuracy(100_000, leaving_chance=0.2), 2, 1), 0.3),
        (Momenta(Alone(), system, start, Accuracy(100_000), 1, 1, model), 0.1),
        (Phases(Alone(), system, few, Accuracy(4_000, leaving_chance=0.2), 2, 1), 0.3),
        (Momenta(Alone(), system, few, Accuracy(4_000), 1, 1, model), 0.3),
    ):
        R = len(ensemble.n)
        assert np.array_equal(ensemble.unit_spectators.sum(axis=0), [R * 40] * 3)
        assert (len(ensemble.unit) > R) == (ensemble.n.sum() > R * 16_384)

        def pinned(crowd: Phases) -> list[list[int]]:
            begin = crowd.offset[:-1, None] + np.cumsum(crowd.counts, axis=1) - crowd.counts
            first = zip(begin.ravel(), crowd.unit_spectators.ravel(), strict=True)
            return [crowd.ids[b : b + k].tolist() for b, k in first]

        before = [set(ids) for ids in pinned(ensemble)]
        records(ensemble, 1, interval)
        assert ensemble.events.min() > 500
        assert [set(ids) for ids in pinned(ensemble)] == before
