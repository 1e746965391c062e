"""Rare events by splitting: replicas with weights, of which those on the way to the event are split, others merged.

Replicas, "walkers" here, go on together from stage to stage. After a stage the walker i with weight w_i has a score
h_i > 0, a guess at its chance to come to the event; M new walkers are drawn among the old ones, with expected numbers
M w_i h_i/sum(w h), and each takes the weight sum(w h)/(M h_i). So every function of the state keeps its expected
weighted sum, whatever the scores are: **the estimate has no bias; a poor guess only makes it scatter.** (The "weighted
ensemble" of Huber and Kim 1996, with the lookahead of sequential Monte Carlo.) The draw is systematic: one uniform
number for all.

Draws depend on (seed, repeat, stage, place of the walker) alone, and parents on earlier draws: a repeat has the same
bits on any rank. Errors come from independent repeats, as walkers of one repeat share ancestors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.engine.lots import uniforms
from copympi.engine.purposes import Purpose
from copympi.kernels import portable, streams

State = tuple[NDArray[np.int64], NDArray[np.float64]]
"""n, phase (M, P)."""
Advance = Callable[[NDArray[np.int64], NDArray[np.float64], NDArray[np.uint64], int], State]
"""(n, phase, keys, stage) -> n, phase at the end of the stage; draws of a row are functions of its key, (M,), alone."""
Score = Callable[[NDArray[np.int64], NDArray[np.float64], int], NDArray[np.float64]]
"""(n, phase, stage) -> logarithm of the score after that stage, (M,), finite wherever the event can still happen."""


@dataclass(frozen=True)
class Walkers:
    """Replicas after the last stage: n, phase (M, P), and weight (M,), whose sum has the expected value 1."""

    n: NDArray[np.int64]
    phase: NDArray[np.float64]
    weight: NDArray[np.float64]


def split(
    n: ArrayLike, phase: ArrayLike, stages: int, advance: Advance, score: Score, seed: int, repeat: int = 0
) -> Walkers:
    """One repeat: the starts n, phase (M, P) of equal weights through so many stages; see the module.

    The chance of an event is the expected value of the weights of those to whom it has happened, added up. Raises
    ValueError where shapes do not fit, there is no stage, or all scores vanish.
    """
    n, phase = np.array(n), np.array(phase, dtype=float)
    if n.ndim != 2 or n.shape != phase.shape or stages < 1:
        raise ValueError(f"n {n.shape}, phase {phase.shape}, stages {stages}: must be (M, P) both, and at least 1")
    weight = np.full(len(n), 1.0 / len(n))
    for stage in range(stages):
        keys = streams.words(seed, Purpose.SPLITTING, repeat, stage, 0, len(n))
        n, phase = advance(n, phase, keys, stage)
        if stage == stages - 1:
            break
        lot = float(uniforms(seed, Purpose.SPLITTING, repeat, stage, 1, 1)[0])
        parent, weight = resample(weight, score(n, phase, stage), lot)
        n, phase = n[parent], phase[parent]
    return Walkers(n, phase, weight)


def resample(
    weight: NDArray[np.float64], log_score: NDArray[np.float64], lot: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Parents (M,) of M new walkers, and the new ones' weights (M,); `lot` is uniform in [0, 1)."""
    M = len(weight)
    alive = (weight > 0) & (log_score > -np.inf)
    if not alive.any():
        raise ValueError("no walker has a score above 0: nobody can come to the event")
    size = np.where(alive, portable.log(np.where(alive, weight, 1.0)) + log_score, -np.inf)
    share = portable.exp(size - size.max())
    upto = np.cumsum(share)
    parent = np.minimum(np.searchsorted(upto, (lot + np.arange(M)) * (upto[-1] / M), side="right"), M - 1)
    return parent, portable.exp(portable.log(upto[-1] / M) + size.max() - log_score[parent])


def estimate(repeats: ArrayLike) -> tuple[float, float]:
    """Mean of the estimates (K,) of independent repeats, K > 1, and its standard error."""
    values = np.asarray(repeats, dtype=float)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
