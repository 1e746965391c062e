"""What copying adds to a mean at a later time, copy by copy along exact paths: an estimate without bias that scatters
little. docs/signalling.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

import copympi.kernels.excess as kernel
from copympi.engine.accuracy import RESOLVABLE
from copympi.engine.exact import STRETCH
from copympi.engine.purposes import Purpose
from copympi.errors import DynamicsError
from copympi.model.system import System

LARGEST_P = 64
"""Beables: work and room for each observable grow as P^2."""
HERMITIAN = 1e-12


@dataclass(frozen=True)
class Excess:
    """What became of R replicas, of which K observables were measured.

    jumps (R, K): sums over copies; held (R, K): integrals over the times at which a beable was dead or had spectators
    only. Their sum's mean over replicas is N (E[Q] - QM), in members times the unit of Q, see `excess`.
    n, phase (R, P): at the end, rad from -pi to pi, of no meaning where n is 0; events (R,): copies; death (R, P): the
    time at which a beable lost its last member, 0 where it had none at the start, inf where it has some.
    """

    jumps: NDArray[np.float64]
    held: NDArray[np.float64]
    n: NDArray[np.int64]
    phase: NDArray[np.float64]
    events: NDArray[np.int64]
    death: NDArray[np.float64]

    @property
    def values(self) -> NDArray[np.float64]:
        """(R, K): N (E[Q] - QM) is their mean over replicas."""
        return self.jumps + self.held


def excess(
    system: System,
    n: ArrayLike,
    phase: ArrayLike,
    times: ArrayLike,
    observables: ArrayLike,
    seed: int,
    keys: ArrayLike,
    spectators: int = 0,
) -> Excess:
    """N (E[Q_k](T_k) - QM) of K observables: Q = c^+ Q_k c/N, c = sqrt(n) exp(-i phase), beside Schroedinger's value.

    n (R, P), phase (R, P) rad: aligned starts, each replica with its own N; phases of beables without members are of no
    account. times (K,): T_k, ascending from 0, the last one the duration; observables (K, P, P), Hermitian, or (K, P):
    their diagonals. keys (R,): draws of a replica are a function of (seed, its key) alone, and the copies those of
    `exact.paths` up to times T_k, where a step ends. spectators: members of every beable that never copy.

    Raises ValueError where something does not fit; DynamicsError where copies are faster than time can resolve.
    """
    counts, phases = np.array(n, np.int64, order="C"), np.array(phase, np.float64, order="C")
    if counts.ndim != 2 or counts.shape != phases.shape or counts.shape[1] != system.P:
        raise ValueError(f"n, phase: must be (R, {system.P}), not {counts.shape} and {phases.shape}")
    if not np.all(np.isfinite(phases[counts > 0])):
        raise ValueError("phase: must be finite where n > 0")
    phases[counts == 0] = 0.0
    forms = _forms(system, np.array(times, np.float64, ndmin=1), np.asarray(observables, complex))
    R, K = len(counts), np.size(times)
    duration = float(np.max(times))
    time_left, step, events = np.full(R, duration), np.zeros(R, np.int64), np.zeros(R)
    death = np.where(counts > 0, -np.inf, duration)
    jumps, held = np.zeros((R, K)), np.zeros((R, K))
    run = kernel.Paths(
        system.couplings, forms, n=counts, phase=phases, time_left=time_left, step=step, events=events, death=death,
        jumps=jumps, held=held, keys=np.ascontiguousarray(keys, np.uint64), spectators=spectators,
    )  # fmt: skip
    done = STRETCH
    while done >= STRETCH:  # between two looks at Python's signals
        done, status, r = run.advance(
            seed=seed, purpose=Purpose.EXACT_PATHS, smallest=RESOLVABLE * duration, max_steps=STRETCH
        )
        if status:
            raise DynamicsError(f"copies, or phases, are too fast for time to resolve: replica {r}, n = {counts[r]}")
    return Excess(jumps, held, counts, phases, events.astype(np.int64), duration - death)


def _forms(system: System, times: NDArray[np.float64], observables: NDArray[np.complex128]) -> kernel.Forms:
    """The observables as the kernel wants them: in eigenstates of H/hbar, turned back from T_k to 0."""
    P, K = system.P, times.size
    if observables.shape == (K, P):
        observables = observables[:, :, None] * np.eye(P)
    if observables.shape != (K, P, P) or times.shape != (K,) or K == 0 or P > LARGEST_P:
        raise ValueError(
            f"times, observables: must be (K,) and (K, {P}, {P}) or (K, {P}), P <= {LARGEST_P}, "
            f"not {times.shape} and {observables.shape}"
        )
    if not (np.all(np.isfinite(times)) and np.all(np.diff(times, prepend=0.0) >= 0) and times[-1] > 0):
        raise ValueError("times: must be finite, ascend from 0 or later, and end later than 0")
    off = np.abs(observables - observables.conj().swapaxes(1, 2)).max(initial=0.0)
    if not off <= HERMITIAN * np.abs(observables).max(initial=0.0):
        raise ValueError("observables: must be Hermitian")
    energy, V = np.linalg.eigh(system.frequencies.toarray())
    energy -= 0.5 * (energy[0] + energy[-1])
    turn = np.exp(1j * np.outer(times, energy))
    M = (V.conj().T @ observables @ V) * turn[:, :, None] * turn[:, None, :].conj()
    parts = {"vr": V.real, "vi": V.imag, "mr": M.real, "mi": M.imag}
    return kernel.Forms(energy=energy, end=times, **{name: np.ascontiguousarray(x) for name, x in parts.items()})
