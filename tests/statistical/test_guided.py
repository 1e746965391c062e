"""Laws of systems that Psi guides: counts of few, and histories of single ones, against a twin event by event."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from copympi.engine import clock, methods
from copympi.engine.accuracy import Accuracy
from copympi.engine.support import Case
from copympi.engine.tracking import Jumps
from copympi.model.preparation import prepare
from copympi.model.standing import placed
from copympi.mpi import Alone
from copympi.theory import guided
from tests.physics import random_system
from tests.reference import naive_guided

FOUR = random_system(4, 1)
STATE = np.sqrt([0.4, 0.1, 0.3, 0.2]) * np.exp(1j * np.array([0.0, 2.0, -1.0, 0.7]))
SYSTEMS, DURATION = 4000, 1.0
P_VALUE = 0.001


def case(members: int, mixing: float, start: list[int], **more: object) -> Case:
    begun = placed(prepare(4, members, state=STATE), start)
    return replace(
        Case(FOUR, begun, Accuracy(members), "occupation", seed=5, guided=True, mixing=mixing), **more  # type: ignore[arg-type]
    )  # fmt: skip


@cache
def twin(mixing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends, numbers of jumps, and times, of systems that begin in beable 2."""
    rng, H = np.random.default_rng(8), FOUR.frequencies.toarray()
    return naive_guided.histories(H, STATE, np.full(SYSTEMS, 2), DURATION, 1000, rng, mixing)


@cache
def followed(mixing: float, method: str) -> tuple[np.ndarray, Jumps]:
    """The same of a run that follows all of its systems."""
    asked = case(SYSTEMS, mixing, [0, 0, SYSTEMS, 0], method=method)
    ensemble = methods.choose(asked).make(Alone(), asked)
    ensemble.track(np.arange(SYSTEMS))
    ensemble.begin(clock.record(1, DURATION))
    while ensemble.advance():
        pass
    at, jumps = ensemble.tracked_beables(), ensemble.take_jumps()
    assert at is not None
    assert len(jumps) == ensemble.events[0]
    np.testing.assert_array_equal(np.bincount(at[0], minlength=4), ensemble.n[0])
    return at[0], jumps


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """p of two samples of small whole numbers having one law; rare ones are put together."""
    top = max(int(one.max()), int(other.max())) + 1
    table = np.array([np.bincount(one, minlength=top), np.bincount(other, minlength=top)])
    order = np.argsort(-table.sum(axis=0))
    table = table[:, order]
    common = table.sum(axis=0) >= 20
    rare = table[:, ~common].sum(axis=1, keepdims=True)
    table = np.hstack([table[:, common], rare]) if rare.sum() >= 20 else table[:, common]
    return float(stats.chi2_contingency(table).pvalue) if table.shape[1] > 1 else 1.0


@pytest.mark.parametrize("method", ["auto", "exact"])
@pytest.mark.parametrize("mixing", [0.0, 0.4])
def test_histories_are_those_of_systems_one_by_one(mixing: float, method: str) -> None:
    """H0: where systems end, how often and when they jump have the law of the twin; 4,000 of each."""
    ends, numbers, times = twin(mixing)
    at, jumps = followed(mixing, method)
    assert alike(at, ends) > P_VALUE
    assert alike(np.bincount(jumps.member, minlength=SYSTEMS), numbers) > P_VALUE
    assert stats.ks_2samp(jumps.time, times).pvalue > P_VALUE
    still = twin(0.4 if mixing == 0.0 else 0.0)[1]
    assert alike(np.bincount(jumps.member, minlength=SYSTEMS), still) < P_VALUE, "this test must be able to fail"


@pytest.mark.parametrize("method", ["auto", "exact"])
def test_numbers_of_few_are_binomial(method: str) -> None:
    """H0: of 6 systems that begin in beable 2, each is in a by itself with theory's chance; 3,000 replicas."""
    asked = case(6, 0.0, [0, 0, 6, 0], replicas=3000, method=method)
    ensemble = methods.choose(asked).make(Alone(), asked)
    ensemble.begin(clock.record(1, DURATION))
    while ensemble.advance():
        pass
    chance = guided.transitions(FOUR, STATE, [DURATION])[0][:, 2]
    for a in range(4):
        law = stats.binom.pmf(np.arange(7), 6, chance[a]) * 3000
        found = np.bincount(ensemble.n[:, a], minlength=7)
        some = law >= 5
        observed, expected = np.append(found[some], found[~some].sum()), np.append(law[some], law[~some].sum())
        keep = expected > 0.5
        assert stats.chisquare(observed[keep], expected[keep] * observed[keep].sum() / expected[keep].sum()).pvalue > (
            P_VALUE
        )
