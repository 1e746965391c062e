"""Members with phases of their own under any copy rule: laws, means, phases against naive forms (naive_rules.py).

Null hypothesis of the laws: both samples come from one distribution. Kolmogorov-Smirnov and chi-square, p > 0.001,
fixed seeds. The twin loops over all pairs of members.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import copympi
from copympi import Harmonic, Rule
from copympi.engine import blocks
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.exact_phases import ExactPhases
from copympi.engine.general_phases import GeneralExactPhases, GeneralPhases
from copympi.engine.phases import Phases
from copympi.model.preparation import prepare
from copympi.mpi import Alone
from tests.physics import calm, random_system
from tests.reference import naive_rules
from tests.statistical.test_general import RULES, both
from tests.statistical.test_phases import same_law

SYSTEM, DENSITY, PHASE = random_system(3, 5), np.array([0.5, 0.3, 0.2]), np.array([0.0, 1.0, 2.0])
MEMBERS, RUNS, DURATION, SPREAD = 18, 600, 0.6, 1.2


@pytest.mark.parametrize(
    ("fast", "general", "time", "off"),
    [(Phases, GeneralPhases, 0.4, 3e-5), (ExactPhases, GeneralExactPhases, 0.15, 1e-9)],
)
def test_the_quantum_rule_makes_the_same_copies_as_its_own_kernels(
    fast: Any, general: Any, time: float, off: float
) -> None:
    """The same offers to the same members, drawn from the same streams, spectators too; phases to the step's error.

    Event by event up to where a step ends, as that hangs on how phases are worked out.
    """
    start = prepare(3, 300, density=DENSITY, phase=PHASE, spread=0.8, spectators=4)
    found = []
    for made, more in ((fast, {}), (general, {"rule": Rule()})):
        ensemble = made(Alone(), SYSTEM, start, Accuracy(300), 5, 1, **more)
        ensemble.begin(record(1, time))
        while ensemble.advance():
            pass
        found.append((ensemble.snapshot(), ensemble.ids))
    (one, names), (other, same) = found
    np.testing.assert_array_equal(other.n, one.n)
    np.testing.assert_array_equal(other.events, one.events)
    np.testing.assert_array_equal(same, names)
    assert one.events.min() > 15
    for a, b in (
        (one.phase, other.phase),
        (one.coherence, other.coherence),
        *zip(*([x.more["coherence2"], x.more["lineages"]] for x in (one, other)), strict=True),
    ):
        assert np.abs(np.angle(np.exp(1j * (a - b)))).max() < off


@cache
def start_of(spectators: int) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """A system of three beables, amplitudes; the beable and a phase of each of MEMBERS members, in order of beables."""
    system, psi = calm(3, 1.0, 0.05)
    start = prepare(3, MEMBERS, psi, spectators=spectators)
    beable = np.repeat(np.arange(3), start.counts)
    spread = np.random.default_rng(1).uniform(-SPREAD, SPREAD, MEMBERS)
    return system, psi, beable, start.phase[beable] + spread


@cache
def twin(name: str, spectators: int) -> dict[str, np.ndarray]:
    """Runs (RUNS, T, P) of the pairwise process."""
    system, _, a, phases = start_of(spectators)
    still = np.concatenate([np.flatnonzero(a == b)[:spectators] for b in range(3)])
    n, z, copied = naive_rules.members(
        both(name, system)[1], np.tile(a, (RUNS, 1)), np.tile(phases, (RUNS, 1)), [0.0, DURATION / 2, DURATION], 0.03,
        np.random.default_rng(7), still if spectators else None,
    )  # fmt: skip
    return numbers(n, z, copied)


def numbers(n: np.ndarray, z: np.ndarray, copied: np.ndarray) -> dict[str, np.ndarray]:
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.angle(z[:, :, 1:] * z[:, :, :1].conj())  # phases between beables' means
        return {"n": n.astype(float), "coherence": np.abs(z) / n, "phase": between, "copies": copied[:, :, None] + 0.0}


@pytest.mark.parametrize(
    ("name", "spectators", "method"),
    [
        ("more of few", 0, "leap"),
        ("more of few", 0, "exact"),
        ("three harmonics", 2, "leap"),
        ("three harmonics", 2, "exact"),
        ("three harmonics", 2, "at once"),
    ],
)  # fmt: skip
def test_few_members_have_the_law_of_the_pairwise_process(
    name: str, spectators: int, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """n, coherence, phases between beables, copies. All copies of a step at once: as if in three blocks."""
    more: dict[str, Any] = {"method": method}
    if method == "at once":
        monkeypatch.setattr(blocks, "blocks_for", lambda *_: 3)
        more = {"method": "leap", "leaving_chance": 0.02}
    same_law(sample(name, spectators, **more), twin(name, spectators), f"{name}, {method}")


def sample(name: str, spectators: int, **more: Any) -> dict[str, np.ndarray]:
    """The same of our runs."""
    system, psi, _, phases = start_of(spectators)
    run = copympi.simulate(
        system, state=psi, phases=phases, members=MEMBERS, duration=DURATION, interval=DURATION / 2, replicas=RUNS,
        seed=5, rule=both(name, system)[0], spectators=spectators, comm=Alone(), **more,
    )  # fmt: skip
    z = np.nan_to_num(run.coherence) * run.occupation * np.exp(1j * np.nan_to_num(run.phase))
    return numbers(run.occupation, z, run.events)


def test_another_rule_has_another_law() -> None:
    """So the test above can fail."""
    with pytest.raises(AssertionError, match="more of few"):
        same_law(sample("quantum", 0, method="exact"), twin("more of few", 0), "more of few")


@pytest.mark.parametrize("method", ["exact", "leap"])
def test_phases_of_who_never_copies_are_those_of_the_integrated_rule(method: str) -> None:
    """R' = 0, harmonics 0, 1 and 3, r = 0.3: sums of e^{i phi} against kinds that do not grow."""
    members, kinds, harmonics = 90, 3, [(0, 0.0, 0.4, 0.0, 0.3), (1, 0.0, 1.0, 0.0, 0.0), (3, 0.0, 0.4, 0.0, 0.7)]
    law = naive_rules.law(SYSTEM.frequencies.toarray(), 0.5, 0.3, harmonics)
    angle = PHASE[:, None] + np.linspace(-0.8, 0.8, kinds)
    share = np.repeat(DENSITY[:, None] / kinds, kinds, axis=1)
    counts = np.rint(members * DENSITY).astype(int)
    phases = np.concatenate([np.resize(angle[a], counts[a]) for a in range(3)])
    run = copympi.simulate(
        SYSTEM, density=DENSITY, phases=phases, members=members, duration=1.0, interval=0.5, tolerance=1e-7,
        rule=Rule(0.5, 0.3, [Harmonic(*one) for one in harmonics]), method=method, comm=Alone(),
    )  # fmt: skip
    for a in range(3):  # as the rounding of counts shares them out
        share[a] = [np.count_nonzero(np.resize(np.arange(kinds), counts[a]) == k) / members for k in range(kinds)]
    _, z = naive_rules.many_members(law, share, angle, run.time)
    np.testing.assert_array_equal(run.occupation, np.tile(counts, (3, 1)))
    assert np.abs(run.coherence * run.occupation / members * np.exp(1j * run.phase) - z).max() < 1e-6


@pytest.mark.parametrize("name", ["more of few", "two harmonics"])
def test_many_follow_the_infinite_ensemble(name: str) -> None:
    """4 replicas of 100,000 in blocks, in 12 kinds a beable: within 4.5 standard errors, the steps' error added."""
    rule, law = both(name, SYSTEM)
    kinds, N, R = 12, 100_000, 4
    angle = PHASE[:, None] + 0.8 * ((2 * np.arange(kinds) + 1) / kinds - 1)
    phases = np.concatenate([np.resize(angle[a], round(N * DENSITY[a])) for a in range(3)])
    run = copympi.simulate(
        SYSTEM, density=DENSITY, phases=phases, members=N, duration=0.4, interval=0.2, replicas=R, rule=rule, seed=2,
        comm=Alone(),
    )  # fmt: skip
    rho, z = naive_rules.many_members(law, np.repeat(DENSITY[:, None] / kinds, kinds, axis=1), angle, run.time, 100)
    share = run.occupation / N
    first = run.coherence * share * np.exp(1j * run.phase)
    for found, expected in ((share, rho), (first.real, z.real), (first.imag, z.imag)):
        error = np.sqrt(found[:, 1:].var(axis=0, ddof=1).max() / R) + 1e-4
        assert np.abs(found[:, 1:].mean(axis=0) - expected[1:]).max() < 4.5 * error
    assert np.abs(rho[-1] - rho[0]).max() > 0.02, "nothing is tested where nothing moves"


def test_a_rule_given_in_full_that_is_quantum_mechanics_takes_the_fast_way() -> None:
    """And any other one this way."""
    assert set(RULES) >= {"more of few", "two harmonics", "three harmonics"}
    options = {"density": DENSITY, "members": 60, "duration": 0.1, "phase_spread": 0.3, "comm": Alone()}
    one, other = (copympi.simulate(SYSTEM, rule=rule, **options) for rule in (None, Rule(0.5, -0.5, [Harmonic()])))
    np.testing.assert_array_equal(one.coherence, other.coherence)
