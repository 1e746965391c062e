"""Replicas by leaps from starts of their own, without ranks, files or stops: for studies, as `exact.paths` is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.counts as kernel
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import Stop
from copympi.engine.purposes import Purpose
from copympi.model.system import System


def leap(
    system: System, n: NDArray[np.int64], phase: NDArray[np.float64], duration: float, seed: int, first: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Replicas n, phase (R, P), all of N members, after `duration`, by leaps: for many members far from any node.

    Draws are functions of (seed, first + row): one that goes on needs another seed. The predictor's error in rho stays
    far below 1/sqrt(N). DynamicsError where a beable is so small that steps cannot be resolved.
    """
    counts, phases, R = n.copy(), np.ascontiguousarray(phase, dtype=float).copy(), len(n)
    if not R:
        return counts, phases
    members, stop = int(n[0].sum()), Stop(1, duration, duration)
    accuracy = Accuracy(members, tolerance=0.01 / np.sqrt(members))
    left, step, events, largest = np.full(R, duration), np.zeros(R, np.int64), np.zeros(R), np.zeros(R)
    while np.any(left > 0.0):
        _, status, r, a = kernel.advance(
            system.couplings, accuracy.control(stop), keys=(seed, Purpose.LEAP, Purpose.EVENTS, first), n=counts,
            phase=phases, time_left=left, step=step, events=events, largest=largest, max_steps=1 << 18,
        )  # fmt: skip
        if status:
            raise accuracy.failure(status, duration - float(left[r]), r, system.labels[a], counts[r].tolist())
    return counts, phases
