"""Rare events by splitting: no bias whatever the score, honest error bars, the same draws wherever a repeat is made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from copympi.engine.exact import paths
from copympi.engine.splitting import estimate, resample, split
from copympi.model.system import System

STEPS = 16


def walk(height: float, belief: float, repeat: int) -> float:
    """One estimate of the chance that a walk of STEPS Gaussian steps ends at `height` standard deviations or above.

    The score is the Gaussian chance from where a walker is, to a height wrong by the factor `belief`.
    """
    start = np.zeros((60, 1))

    def advance(n: Any, phase: Any, keys: Any, stage: int) -> tuple[Any, Any]:
        return n, phase + [[np.random.Generator(np.random.Philox(int(key))).normal()] for key in keys]

    def score(n: Any, phase: Any, stage: int) -> Any:
        left = STEPS - 1 - stage
        return norm.logsf((belief * height * np.sqrt(STEPS) - phase[:, 0]) / np.sqrt(left))

    done = split(start.astype(np.int64), start, STEPS, advance, score, 3, repeat)
    assert len(done.weight) == 60
    return float(done.weight[done.phase[:, 0] >= height * np.sqrt(STEPS)].sum())


@pytest.mark.parametrize(("height", "belief"), [(2.5, 1.0), (6.0, 1.0), (6.0, 0.9)])
def test_no_bias_and_honest_errors(height: float, belief: float) -> None:
    """Null hypothesis: estimates have the exact mean, and errors from 40 repeats; 3.3 of them: p > 0.001."""
    mean, error = estimate([walk(height, belief, repeat) for repeat in range(40)])
    exact = norm.sf(height)
    assert abs(mean - exact) < 3.3 * error
    assert 0.03 * exact < error < 0.4 * exact  # so that a bias of a factor of 2 would be seen at 1e-9


def test_children_are_as_many_as_they_should_be() -> None:
    """Over all lots: expected numbers in proportion to weight times score, and every parent keeps its weight."""
    weight, score = np.array([0.1, 0.4, 0.0, 0.3, 0.2]), np.array([3.0, -1.0, 2.0, 0.5, -np.inf])
    kept, number, lots = np.zeros(5), np.zeros(5), 4000
    for k in range(lots):
        parent, new = resample(weight, score, (k + 0.5) / lots)
        np.add.at(kept, parent, new / lots)
        np.add.at(number, parent, 1.0 / lots)
    share = weight * np.exp(score)
    assert number == pytest.approx(5 * share / share.sum(), abs=2e-3)
    assert kept == pytest.approx([0.1, 0.4, 0.0, 0.3, 0.0], rel=3e-2)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="must be"):
        split(np.zeros((3, 2), int), np.zeros((3, 1)), 1, lambda *a: a[:2], lambda *a: a[1][:, 0], 1)
    with pytest.raises(ValueError, match="no walker"):
        resample(np.array([1.0, 0.0]), np.array([-np.inf, 0.0]), 0.5)


def test_deaths_of_copies_against_plain_counting() -> None:
    """Two levels on the way past a node, P about 0.01: splitting and counting agree (null hypothesis), p > 0.001."""
    system, N = System([[0.0, 0.5], [0.5, 0.0]]), 1000
    n, phase = np.array([60, N - 60]), np.array([np.pi / 2 + np.pi - np.arcsin(np.sqrt(4.5 / 60)), 0.0])
    node = 2 * np.sqrt(60 / N)  # sqrt(n)/(sqrt(N) |K|), |K| = 1/2
    ends = node * np.concatenate([np.linspace(0.1, 1.1, 24), [1.6]])

    def advance(n: Any, phase: Any, keys: Any, stage: int) -> tuple[Any, Any]:
        done = paths(system, n, phase, np.diff(ends, prepend=0.0)[stage], 1, keys, floor=[0, -1])
        return done.n, done.phase

    def score(n: Any, phase: Any, stage: int) -> Any:
        cosine = np.cos(phase[:, 0] - phase[:, 1] - np.pi / 2)  # of c_0's angle to the drive
        return n[:, 0] * np.log(np.where(cosine < 0, np.maximum(cosine**2, 1e-3), 1e-3))

    def both(M: int) -> tuple[Any, Any]:
        return np.tile(n, (M, 1)), np.tile(phase, (M, 1))

    repeats = [split(*both(100), len(ends), advance, score, 1, k) for k in range(24)]
    mean, error = estimate([w.weight[w.n[:, 0] == 0].sum() for w in repeats])
    counted = (paths(system, *both(12_000), ends[-1], 2, np.arange(12_000), floor=[0, -1]).n[:, 0] == 0).mean()
    assert 0.005 < counted < 0.02
    assert error < 0.15 * mean
    assert abs(mean - counted) < 3.3 * np.hypot(error, np.sqrt(counted / 12_000))
    again = split(*both(100), len(ends), advance, score, 1, 5)
    assert again.weight.tobytes() == repeats[5].weight.tobytes() != repeats[6].weight.tobytes()
