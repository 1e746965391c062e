"""Ensembles nearest to a wavefunction, and replicas shared out over ranks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.model.preparation import largest_remainder
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
