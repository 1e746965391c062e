"""Phases of their own: the law of few members against naive twins, the mean of many against the infinite ensemble.

Null hypothesis of the laws: both samples come from one distribution. Kolmogorov-Smirnov and chi-square, p > 0.001,
fixed seeds. The twin (tests/reference/naive_phases.py) loops over all pairs of members.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

import copympi
from copympi.engine import blocks as engine_blocks
from copympi.engine import phase_classes as engine_kinds
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.phase_classes import PhaseClasses
from copympi.engine.phases import Phases
from copympi.model.preparation import prepare
from copympi.mpi import Alone
from tests.physics import calm, random_system
from tests.reference import naive_phases

LAWS = [(2, 20, 2_000, 1.2), (3, 20, 2_000, 3.1), (2, 60, 500, 0.5), (3, 60, 400, np.pi), (2, 200, 120, 1.0)]
"""P, N, runs, spread."""
LONG = {2: 0.075, 3: 0.015}
"""Steps, by P."""


def differ(x: np.ndarray, y: np.ndarray) -> float:
    """p of two samples of one number a run: Kolmogorov-Smirnov where it is continuous, chi-square where it is a count.

    Rounded, as many runs have a coherence of 1 but for the last bits.
    """
    x, y = (np.round(z[np.isfinite(z)], 9) for z in (x, y))
    both = np.concatenate([x, y])
    if np.ptp(both) == 0.0:
        return 1.0
    if np.unique(both).size > 100:
        return float(stats.ks_2samp(x, y).pvalue)
    edges = np.unique(np.quantile(both, np.linspace(0, 1, 12)[1:-1]))
    table = np.array([np.bincount(np.searchsorted(edges, z), minlength=edges.size + 1) for z in (x, y)])
    table = table[:, table.sum(axis=0) > 10]
    return float(stats.chi2_contingency(table).pvalue) if table.shape[1] > 1 else 1.0


def same_law(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], what: str) -> None:
    """Every number (runs, T, P) at every record and beable; means within four standard errors."""
    for name in ours:
        for t in range(1, ours[name].shape[1]):
            for a in range(ours[name].shape[2]):
                x, y = ours[name][:, t, a], theirs[name][:, t, a]
                p = differ(x, y)
                assert p > 0.001, f"{what}: {name}, record {t}, beable {a}: p = {p:.2g}"
                x, y = x[np.isfinite(x)], y[np.isfinite(y)]
                error = np.sqrt(x.var() / x.size + y.var() / y.size) + 1e-12
                z = (x.mean() - y.mean()) / error
                assert abs(z) < 4, f"{what}: {name}, record {t}, beable {a}: z = {z:.2f}"


def numbers(run: copympi.Run) -> dict[str, np.ndarray]:
    return {
        "n": run.occupation.astype(float),
        "coherence": run.coherence,
        "coherence2": run.coherence2,
        "lineages": run.lineages.astype(float),
    }


@pytest.mark.parametrize(("P", "members", "runs", "spread"), LAWS)
def test_members_have_the_law_of_the_naive_twin(
    P: int, members: int, runs: int, spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies one by one, at the defaults and in steps in which 20% to 35% of a beable are offered one; and at once."""
    system, psi = calm(P, 1.0, 0.05)
    start = prepare(P, members, psi)
    rng = np.random.default_rng(members + P)
    beable = np.tile(np.repeat(np.arange(P), start.counts), (runs, 1))
    half = min(spread, np.pi)
    phases = start.phase[beable] + rng.uniform(-half, half, beable.shape)
    H = system.frequencies.toarray()
    twin = naive_phases.pairs_many(H, beable, phases, np.array([0.0, 0.3, 0.6]), 0.02, rng)
    with np.errstate(invalid="ignore", divide="ignore"):
        theirs = {
            "n": twin.n.astype(float),
            "coherence": np.abs(twin.z1) / twin.n,
            "coherence2": np.abs(twin.z2) / twin.n,
            "lineages": twin.lineages.astype(float),
        }

    def check(what: str, **more: float) -> None:
        run = copympi.simulate(
            system, state=psi, members=members, duration=0.6, interval=0.3, replicas=runs, phase_spread=half, seed=7,
            representation="members", comm=Alone(), **more,
        )  # fmt: skip
        same_law(numbers(run), theirs, f"{what}, P = {P}, N = {members}, spread {spread}")

    check("one by one")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", copympi.StepWarning)  # long on purpose
        check("long steps", step=LONG[P])
    if members == 60:
        monkeypatch.setattr(engine_blocks, "blocks_for", lambda *_: 3)
        check("leaps", leaving_chance=0.015)


def test_kinds_have_the_law_of_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members that start with the kinds' phases; 5 kinds, N = 60; copies one by one, and leaps."""
    system, psi = calm(2, 1.0, 0.05)
    members, kinds, spread, runs = 60, 5, 1.5, 2_000
    start = prepare(2, members, psi)
    angle = spread * ((2 * np.arange(kinds) + 1) / kinds - 1)
    phases = np.concatenate(
        [start.phase[a] + np.repeat(angle, np.bincount(np.arange(n) % kinds, minlength=kinds))
         for a, n in enumerate(start.counts)]
    )  # fmt: skip
    common = {"state": psi, "members": members, "duration": 0.6, "interval": 0.3, "replicas": runs, "comm": Alone()}
    known = copympi.simulate(system, phases=phases, seed=2, **common)
    for what in ("one by one", "leaps"):
        counts = copympi.simulate(
            system, representation="occupation", phase_spread=spread, phase_kinds=kinds, seed=1,
            leaving_chance=0.015 if what == "leaps" else 0.03, **common,
        )  # fmt: skip
        np.testing.assert_allclose(counts.coherence[:, 0], known.coherence[:, 0], atol=1e-12)
        same_law(numbers(counts), numbers(known), f"kinds, members, {what}")
        monkeypatch.setattr(engine_kinds, "FEW", 0)
        monkeypatch.setattr(engine_kinds, "FEW_A_PAIR", 0)


@pytest.mark.parametrize(("members", "R", "steps"), [(30, 100_000, (8, 32)), (10**6, 30_000, (4, 32))])
def test_variances_do_not_depend_on_the_step(members: int, R: int, steps: tuple[int, int]) -> None:
    """5 kinds; steps in which up to 43% and 29% of a beable are offered a copy, and steps an eighth and less of that.

    Null: variances of n, coherence and lineages are the same, within four standard errors (0.6%, 1.2%). One draw of
    all copies of a step, and no more, has 0.964 and 0.926 of the variance of n.
    """
    system, psi = calm(2, 1.0, 0.05)
    start, T, variance, error = prepare(2, members, psi, spread=1.2), 0.6, [], []
    for seed, number in enumerate(steps):
        crowd = PhaseClasses(Alone(), system, start, Accuracy(members, T / number), R, seed, 5)
        assert crowd.few == (members == 30)
        crowd.begin(record(1, T))
        while crowd.advance():
            pass
        snapshot = crowd.snapshot()
        assert snapshot is not None
        assert snapshot.coherence is not None
        assert crowd.largest_chance.max() > 1.0 / number
        rows = [snapshot.n, np.nan_to_num(snapshot.coherence), snapshot.more["lineages"]]
        x = np.array([row[:, 0] for row in rows], float)
        square = (x - x.mean(axis=1, keepdims=True)) ** 2
        variance.append(square.mean(axis=1))
        error.append(square.std(axis=1) / np.sqrt(R))
    assert np.all(np.abs(variance[0] - variance[1]) <= 4 * np.hypot(*error))


@pytest.mark.parametrize("spread", [0.3, 2.0])
def test_errors_follow_the_tolerance(spread: float) -> None:
    """N = 10^15 as 32 kinds: rho and coherence within the tolerance of the closed equations, at every record.

    A tenth of the tolerance, a tenth of the error (at least a fifth: noise is 3e-8).
    """
    system, density, phase = random_system(3, 5), np.array([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 2.0])
    N, kinds, T = 10**15, 32, 0.8
    start = prepare(3, N, density=density, phase=phase, spread=spread)
    times = np.linspace(0.0, T, 5)
    rho, z1, _ = naive_phases.infinite(system.frequencies.toarray(), density, phase, spread, times, kinds, even=True)
    errors = []
    for tolerance in (1e-4, 1e-5, 1e-6):
        crowd, found = PhaseClasses(Alone(), system, start, Accuracy(N, tolerance=tolerance), 1, 1, kinds), []
        for number in range(1, 5):
            crowd.begin(record(number, T / 4))
            while crowd.advance():
                pass
            snapshot = crowd.snapshot()
            assert snapshot is not None
            assert snapshot.coherence is not None
            found.append([snapshot.n[0] / N, snapshot.coherence[0]])
        off = np.abs(np.array(found) - np.stack([rho, np.abs(z1) / rho], axis=1)[1:])
        assert off.max() < tolerance
        errors.append(off[:, 0].max())
    assert errors[0] / errors[1] > 5
    assert errors[1] / errors[2] > 5


def test_no_spread_gives_the_law_of_aligned_members() -> None:
    """The unaligned path with one phase a beable, against counts; N = 50, 2,000 runs."""
    system, psi = calm(2, 1.0, 0.05)
    run = copympi.simulate(
        system, state=psi, members=50, duration=0.9, interval=0.3, replicas=2_000, representation="occupation",
        comm=Alone(), seed=5,
    )  # fmt: skip
    ensemble = Phases(Alone(), system, prepare(2, 50, psi), Accuracy(50), 2_000, 4)
    n, phase = [], []
    for number in (1, 2, 3):
        ensemble.begin(record(number, 0.3))
        while ensemble.advance():
            pass
        snapshot = ensemble.snapshot()
        assert snapshot is not None
        n.append(snapshot.n)
        phase.append(np.exp(1j * (snapshot.phase - snapshot.phase[:, :1])).imag)
        assert np.nanmin(snapshot.coherence) > 1 - 1e-12
        assert np.all(snapshot.more["lineages"] == (snapshot.n > 0))
    theirs = np.exp(1j * (run.phase - run.phase[:, :, :1])).imag[:, 1:]
    first = np.zeros((2_000, 1, 2))
    ours = {"n": np.stack(n, axis=1), "phase": np.stack(phase, axis=1)}
    other = {"n": run.occupation[:, 1:], "phase": theirs}
    same_law(
        *({k: np.concatenate([first, v], axis=1).astype(float) for k, v in x.items()} for x in (ours, other)),
        "spread 0",
    )


@pytest.mark.parametrize(
    ("spread", "representation"),
    [(0.0, "members"), (0.0, "occupation"), (0.3, "members"), (0.3, "occupation"), ((2.5, 0.5, 1.0), "members")],
    ids=str,
)
def test_many_follow_the_infinite_ensemble(spread: float | tuple[float, ...], representation: str) -> None:
    """Means over 12 replicas of 10^6 within 4.5 standard errors of the closed equations, every record and beable."""
    system, density, phase = random_system(3, 5), np.array([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 2.0])
    N, R = 10**6, 12
    common = {"density": density, "phase": phase, "members": N, "duration": 0.8, "interval": 0.2, "replicas": R}
    if isinstance(spread, tuple):
        luck = np.random.default_rng(1).uniform(-1, 1, N)
        own = np.repeat(np.array(spread), [500_000, 300_000, 200_000]) * luck + np.repeat(
            phase, [500_000, 300_000, 200_000]
        )
        run = copympi.simulate(system, phases=own, comm=Alone(), **common)
    else:
        run = copympi.simulate(
            system, phase_spread=max(spread, 1e-9), representation=representation, comm=Alone(), **common
        )
    rho, z1, z2 = naive_phases.infinite(system.frequencies.toarray(), density, phase, spread, run.time)
    share = run.occupation / N
    first = run.coherence * share * np.exp(1j * run.phase)
    for name, ours, theirs in (
        ("rho", share, rho),
        ("Re Z", first.real, z1.real),
        ("Im Z", first.imag, z1.imag),
        ("|Z2|", run.coherence2 * share, np.abs(z2)),
    ):
        error = ours[:, 1:].std(axis=0, ddof=1) / np.sqrt(R)
        if isinstance(spread, tuple):  # the given phases themselves are a sample
            error = np.hypot(error, 0.7 / np.sqrt(N))
        # kinds are 64 of a continuum, steps and finite N each leave some 1e-5
        worst = (np.abs(ours[:, 1:].mean(axis=0) - theirs[1:]) / (error + 5e-5)).max()
        assert worst < 4.5, f"{name}: {worst:.1f} standard errors"


def test_second_order_in_the_step() -> None:
    """N = 10^15 as kinds: the distance to the infinite ensemble falls fourfold when the step is halved."""
    system, density, phase = random_system(3, 5), np.array([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 2.0])
    errors = []
    for step in (0.04, 0.02, 0.01):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", copympi.StepWarning)  # long on purpose
            run = copympi.simulate(
                system, density=density, phase=phase, members=10**15, duration=0.8, interval=0.2, phase_spread=0.3,
                representation="occupation", phase_kinds=128, step=step, comm=Alone(),
            )  # fmt: skip
        rho, z1, _ = naive_phases.infinite(system.frequencies.toarray(), density, phase, 0.3, run.time)
        first = run.coherence * run.occupation / 1e15 * np.exp(1j * run.phase)
        errors.append(max(np.abs(run.occupation / 1e15 - rho).max(), np.abs(first - z1).max()))
    assert errors[0] / errors[1] > 3.5
    assert errors[1] / errors[2] > 3.5
