"""Phases of members' own, event by event: against a naive twin, hazards of all pairs, leaps, and the aligned method.

Null hypothesis of laws: both samples come from one distribution (see test_phases.same_law): Kolmogorov-Smirnov and
chi-square, p > 0.001, means within four standard errors, fixed seeds.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from copympi.engine.accuracy import RESOLVABLE, Accuracy
from copympi.engine.clock import Stop, record
from copympi.engine.ensemble import Ensemble
from copympi.engine.exact import ExactCounts
from copympi.engine.exact_phases import ExactPhaseClasses, ExactPhases
from copympi.engine.phases import Phases
from copympi.engine.purposes import Purpose
from copympi.kernels.exact_phases import Law
from copympi.model.preparation import Start, prepare
from copympi.model.system import System
from copympi.mpi import Alone
from tests.physics import calm
from tests.reference import naive_events, naive_phases
from tests.statistical.test_phases import same_law
from tests.unit.test_exact_phases import carry, values

Numbers = dict[str, np.ndarray]


def members(system: System, start: Start, replicas: int, seed: int = 7) -> ExactPhases:
    return ExactPhases(Alone(), system, start, Accuracy(start.members), replicas, seed)


def recorded(ensemble: Ensemble, times: tuple[float, ...], lead: bool = False) -> Numbers:
    """What is recorded at t = 0 and at ascending times: (R, T, P), copies (R, T, 1).

    lead : only what aligned members have, the phase as sin(phi_a - phi_0).
    """
    rows = [ensemble.snapshot()]
    for number, (begin, end) in enumerate(pairwise((0.0, *times)), 1):
        ensemble.begin(record(number, end - begin))
        while ensemble.advance():
            pass
        rows.append(ensemble.snapshot())
    found = [row for row in rows if row is not None]
    out = {"n": np.stack([row.n for row in found], axis=1).astype(float)}
    out["copies"] = np.stack([row.events for row in found], axis=1)[:, :, None]
    if lead:
        phase = np.stack([row.phase for row in found], axis=1)
        return {**out, "phase": np.sin(phase - phase[:, :, :1])[:, :, 1:]}
    out["coherence"] = np.stack([row.coherence for row in found], axis=1)
    for name in ("coherence2", "lineages"):
        out[name] = np.stack([row.more[name] for row in found], axis=1).astype(float)
    return out


@pytest.mark.parametrize(("P", "N", "spread", "spectators"), [(2, 8, 1.2, 0), (3, 10, np.pi, 0), (3, 12, 0.8, 1)])
def test_the_law_of_the_naive_twin(P: int, N: int, spread: float, spectators: int) -> None:
    """3,000 runs each, n, copies, coherences and lineages at two records."""
    runs, times = 3000, (0.3, 0.6)
    system, psi = calm(P, 1.0, 0.05)
    start = prepare(P, N, psi, spread=spread, spectators=spectators)
    rng = np.random.default_rng(N)
    a = np.repeat(np.arange(P), start.counts)
    phases = start.phase[a] + rng.uniform(-spread, spread, (runs, N))
    still = np.isin(np.arange(N), (np.cumsum(start.counts) - start.counts)[:, None] + np.arange(spectators))
    twin = naive_events.events_many(
        system.frequencies.toarray(), np.tile(a, (runs, 1)), phases, np.array([0.0, *times]), rng, still=still
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        theirs = {
            "n": twin.n.astype(float), "copies": twin.copies[:, :, None].astype(float),
            "coherence": np.abs(twin.z1) / twin.n, "coherence2": np.abs(twin.z2) / twin.n,
            "lineages": twin.lineages.astype(float),
        }  # fmt: skip
    same_law(recorded(members(system, start, runs), times), theirs, f"twin, P = {P}, N = {N}")


def hazards(system: System, a: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Rate of copies of all pairs together, (R,), of members with beables a (R, N) and e^{i phi} z (R, N)."""
    K = naive_phases.couplings(system.frequencies.toarray(), a)
    return np.asarray(naive_phases.copy_rates(K, np.angle(z)).sum(axis=(1, 2)))


def test_the_first_copy_comes_when_hazards_of_all_pairs_say() -> None:
    """Up to it phases are those of DOP853, so the integrated hazard at the first copy is an Exp(1) number exactly.

    6 members, 20,000 runs; chi-square over ten intervals of time and "none so far", p > 0.001.
    """
    runs, T = 20_000, 1.0
    system, psi = calm(2, 1.0, 0.05)
    phases = np.random.default_rng(5).uniform(0, 2 * np.pi, 6)
    start = prepare(2, 6, psi, phases=phases)
    a, times = np.repeat([0, 1], start.counts), np.linspace(0.0, T, 201)
    path = naive_phases.phases_alone(system.frequencies.toarray(), a, phases, times)
    rate = hazards(system, np.tile(a, (201, 1)), np.exp(1j * path))
    gone = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(times))])[::20]
    ensemble, waiting = members(system, start, runs), [runs]
    for number in range(1, 11):
        carry(ensemble, T / 10, number)
        waiting.append(int(np.count_nonzero(ensemble.events == 0)))
    found = np.array([*-np.diff(waiting), waiting[-1]])
    expected = runs * np.array([*-np.diff(np.exp(-gone)), np.exp(-gone[-1])])
    assert expected.min() > 20
    assert stats.chisquare(found, expected).pvalue > 0.001
    assert stats.chisquare(found, np.roll(expected, 1)).pvalue < 1e-9, "or nothing is tested"


def test_copies_come_at_the_hazards_of_all_pairs() -> None:
    """Time rescaling: between copies, the hazard of all pairs integrated over records 0.005 apart is Exp(1).

    150 replicas of 12 members, P = 3, end to end; a copy stands anywhere in its interval. KS, p > 0.001.
    """
    replicas, dt = 150, 0.005
    system, psi = calm(3, 1.0, 0.05)
    ensemble = members(system, prepare(3, 12, psi, spread=2.0), replicas)
    rng = np.random.default_rng(1)
    rates, events = [], [ensemble.events.copy()]
    for number in range(121):
        if number:
            carry(ensemble, dt, number)
            events.append(ensemble.events.copy())
        seen = [np.stack(part) for part in zip(*(values(ensemble, r) for r in range(replicas)), strict=True)]
        rates.append(hazards(system, *seen))
    mean = 0.5 * (np.array(rates)[1:] + np.array(rates)[:-1]).T * dt  # (replicas, 120)
    end = np.cumsum(mean.ravel())
    copies = np.diff(np.array(events), axis=0).T.ravel().astype(int)
    where = np.repeat(np.arange(copies.size), copies)
    clock = np.sort(end[where] - rng.random(where.size) * mean.ravel()[where])
    assert clock.size > 400
    assert stats.kstest(np.diff(clock, prepend=0.0), "expon").pvalue > 0.001
    assert stats.kstest(1.3 * np.diff(clock, prepend=0.0), "expon").pvalue < 0.001, "or nothing is tested"


def test_the_law_of_small_steps() -> None:
    """N = 1,000, P = 3, 300 replicas: the method "phases", which copies at phases of mid-step, with 0.4% of proposals a
    step."""
    system, psi = calm(3, 1.0, 0.05)
    start, times = prepare(3, 1000, psi, spread=1.0), (0.25, 0.5)
    leaps = recorded(Phases(Alone(), system, start, Accuracy(1000, leaving_chance=0.004), 300, 1), times)
    same_law(recorded(members(system, start, 300), times), leaps, "phases")


def test_no_spread_gives_the_law_of_aligned_members() -> None:
    """N = 50, P = 2, 2,000 replicas: n, copies and phases of the aligned exact method; and all phases stay equal."""
    system, psi = calm(2, 1.0, 0.05)
    start, times = prepare(2, 50, psi), (0.3, 0.9)
    aligned = recorded(ExactCounts(Alone(), system, start, Accuracy(50), 2000, 4), times, lead=True)
    ensemble = members(system, start, 2000)
    same_law(recorded(ensemble, times, lead=True), aligned, "aligned")
    last = ensemble.snapshot()
    assert last is not None
    assert np.nanmin(last.coherence) > 1 - 1e-12
    assert np.all(last.more["lineages"] == (last.n > 0))


def test_classes_have_the_law_of_members() -> None:
    """5 classes a beable, N = 40, two spectators a beable, 2,000 replicas."""
    system, psi = calm(2, 1.0, 0.05)
    start, times = prepare(2, 40, psi, spread=1.5, spectators=2), (0.3, 0.6)
    classes = ExactPhaseClasses(Alone(), system, start, Accuracy(40), 2000, 5, 5)
    angle, still = np.arctan2(*classes.z[0, ::-1]), np.array([1, 1, 0, 0, 0])
    count = classes.count[0]
    first = [np.concatenate([np.repeat(angle[a], still), np.repeat(angle[a], count[a] - still)]) for a in (0, 1)]
    one_by_one = prepare(2, 40, psi, phases=np.concatenate(first), spectators=2)
    same_law(recorded(classes, times), recorded(members(system, one_by_one, 2000), times), "classes")


class ShortSteps(ExactPhaseClasses):
    """Steps of two proposals and pieces of path."""

    def law(self, stop: Stop) -> Law:
        return Law(
            self.system.couplings, copying=self.copying, smallest=RESOLVABLE * stop.time, seed=self.seed,
            purpose=Purpose.EXACT_PHASES, first_replica=self.first, work=2,
        )  # fmt: skip


def test_where_steps_end_leaves_the_law_of_copies() -> None:
    """Steps that end while a proposal is awaited, as most do where phases turn fast: then copies come at the mean rate
    2/pi of what alternating phases could give, 2 R sqrt(n_0 n_1), within four standard errors of a Poisson number.

    N = 10,000 in two phase classes a beable, 25,000 copies; steps whose ends depend on the wait give 18% more.
    """
    N, R, T = 10_000, 0.1, 40.0
    system = System(np.array([[200.0, R], [R, -200.0]]))
    ensemble = ShortSteps(Alone(), system, prepare(2, N, np.sqrt([0.5, 0.5]), spread=1e-3), Accuracy(N), 1, 7, 2)
    rate = []
    for number in range(1, 21):
        carry(ensemble, T / 20, number)
        rate.append(2 / np.pi * 2 * R * np.sqrt(np.prod(ensemble.n[0])))
    expected = T * np.mean(rate)
    assert abs(ensemble.events[0] - expected) < 4 * np.sqrt(expected)
    assert ensemble.step[0] > 3 * expected, "or steps do not end in mid-wait"
