"""Whether ranks compute alike: kernels do on all CPUs, but last bits of NumPy, BLAS and LAPACK differ between CPUs."""

from __future__ import annotations

import functools
import zlib
from typing import Any

import numpy as np

import copympi.kernels.members as kernel
from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.kernels.flows import Scratch
from copympi.kernels.plans import StepPlans
from copympi.model.system import System


def cpus_alike(comm: Any) -> bool:
    """Whether every rank's arithmetic gives the same bits."""
    return mpi.same_everywhere(comm, arithmetic_digest())


@functools.cache
def arithmetic_digest() -> int:
    """Last bits of what computes here, in one number: of steps that kernels plan from 4,000 states, and of NumPy."""
    rng = np.random.Generator(np.random.PCG64(0))
    P, R = 8, 4000
    A = rng.standard_normal((P, P)) + 1j * rng.standard_normal((P, P))
    couplings = System(A + A.conj().T).couplings
    plans = StepPlans(couplings, R)
    n = rng.integers(1000, 10**6, (R, P))
    phase = rng.uniform(-np.pi, np.pi, (R, P))
    control = Accuracy(1).control(record(1, 1.0))
    active, out, time_left = np.ones(R, np.uint8), np.zeros((R, P), np.int64), np.ones(R)
    scratch = Scratch(couplings)
    for half in (0, 1):
        kernel.plan_half(
            couplings, plans, control, scratch, half, active=active, n=n, out=out, phase=phase, time_left=time_left
        )
    return zlib.crc32(plans.rows.data, _libraries_digest())


def _libraries_digest() -> int:
    """Last bits of NumPy's loops, BLAS and LAPACK, other ones on other CPUs: some starts, H and summaries take them."""
    k = np.arange(1.0, 1025.0)
    z, w = k % 0.7 + 1j * (k % 1.1), k % 1.3 - 1j * (k % 0.9)
    A, B = z.reshape(32, 32), w.reshape(32, 32)
    said = 0
    for values in (z * w, np.exp(z.real), A @ B, *np.linalg.eigh(A[:8, :8] + A[:8, :8].conj().T)):
        said = zlib.crc32(np.ascontiguousarray(values).tobytes(), said)
    return said


def arithmetic() -> str:
    """The arithmetic here as provenance has it: runs whose words are the same have the same last bits."""
    return f"arithmetic digest {arithmetic_digest():08x}"
