"""Ensembles nearest to a wavefunction, and replicas shared out over ranks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.counts as kernel
from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import Stop
from copympi.engine.purposes import Purpose
from copympi.model.preparation import largest_remainder
from copympi.model.system import System
from copympi.studies.frame import Arrays


def nearest(psi: NDArray[np.complex128], members: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts and phases, (..., P), of N members nearest to Psi (..., P)."""
    flat = np.abs(psi.reshape(-1, psi.shape[-1])) ** 2
    counts = [largest_remainder(rho / rho.sum(), members) for rho in flat]
    return np.array(counts, np.int64).reshape(psi.shape), -np.angle(psi)


def wavefunction(n: NDArray[np.int64], phase: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Psi (..., P) of the ensembles n, phase (..., P), normalised."""
    return np.asarray(np.sqrt(n / n.sum(axis=-1, keepdims=True)) * np.exp(-1j * phase))


def shared(comm: Any, replicas: int, some: Callable[[NDArray[np.int64]], Arrays]) -> Arrays:
    """What `some` makes of replicas, by their numbers, row by row: of all ranks' on the root, nothing elsewhere."""
    shares = [mpi.share(replicas, comm.size, rank) for rank in range(comm.size)]
    first, last = shares[comm.rank]
    rows = some(np.arange(first, last))
    whole = {name: mpi.gather_rows(comm, values, [b - a for a, b in shares]) for name, values in rows.items()}
    return {name: values for name, values in whole.items() if values is not None}


def leap(
    system: System, n: NDArray[np.int64], phase: NDArray[np.float64], duration: float, seed: int, first: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Replicas n, phase (R, P), all of N members, after `duration`, by leaps: for many members far from any node.

    Draws are functions of (seed, first + row): one that goes on needs another seed. The predictor's error in rho stays
    far below 1/sqrt(N). DynamicsError where a beable is so small that steps cannot be resolved.
    """
    counts, phases, R = n.copy(), np.ascontiguousarray(phase, dtype=float).copy(), len(n)
    members, stop = int(n[0].sum()), Stop(1, duration, duration)
    accuracy = Accuracy(members, tolerance=0.01 / np.sqrt(members))
    left, step, events, largest = np.full(R, duration), np.zeros(R, np.int64), np.zeros(R), np.zeros(R)
    while np.any(left > 0.0):
        _, status, r, a = kernel.advance(
            system.couplings, accuracy.control(stop), seed=seed, purpose=Purpose.LEAP, first_replica=first, n=counts,
            phase=phases, time_left=left, step=step, events=events, largest=largest, max_steps=1 << 18,
        )  # fmt: skip
        if status:
            raise accuracy.failure(status, duration - float(left[r]), r, system.labels[a], counts[r].tolist())
    return counts, phases
