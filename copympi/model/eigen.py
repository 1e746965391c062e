"""Eigenstates of a system: the lowest ones, or all as a basis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model.system import System

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

DENSE_TO, SMALL = 4096, 400
"""Largest P for dense matrices at all, and for which they are the first choice."""
MOST_SPARSE = 256
"""Most eigenstates of a system too large for dense matrices."""
SPARE = 4
"""Eigenstates found beside those asked for, so that none of a degenerate set is missed."""


def most(P: int) -> int:
    """How many of the lowest eigenstates can be found."""
    return P if P <= DENSE_TO else MOST_SPARSE


def ground(system: System, key: str) -> NDArray[np.complex128]:
    """The state of lowest energy, (P,); of no sign, thus without nodes, where all couplings are real and negative.

    There |v| has no higher energy than v: what rounding made of small tails goes, and so do the signs of wells so far
    apart that rounding cannot tell their states from one another.
    """
    state = lowest(system, 1, key)[:, 0]
    return np.abs(state).astype(complex) if _attractive(system) else state


def lowest(system: System, count: int, key: str = "preparation.packet") -> NDArray[np.complex128]:
    """The `count` eigenstates of lowest energy, (P, count), normalised, the largest component real and positive.

    On a lattice by Lanczos on the inverse of H - E, E below all energies; else on H, or dense where P is small.
    """
    H = _real_where_it_is(system)
    if system.P <= SMALL or (system.P <= DENSE_TO and 8 * count > system.P):
        return _signed(np.linalg.eigh(H.toarray())[1][:, :count])
    from scipy.sparse.linalg import ArpackError, eigsh  # here, as most runs need none: it takes a while

    k = min(count + SPARE, system.P - 2)
    first = 1 + 0.5 * np.sin(np.arange(system.P, dtype=float) ** 2 % 997)  # alike in every run, and orthogonal to none
    try:
        if system.lattice is None:
            energies, vectors = eigsh(H, k, which="SA", v0=first, maxiter=100 * system.P)
        else:
            below, inverse = _inverse(H)
            energies, vectors = eigsh(H, k, sigma=below, OPinv=inverse, v0=first)
    except ArpackError as problem:
        raise InputError(key, f"eigenstate = {count - 1}", f"was not found: {problem}") from None
    return _signed(vectors[:, np.argsort(energies, kind="stable")[:count]])


def _attractive(system: System) -> bool:
    entries = system.frequencies.tocoo()
    off = entries.data[entries.coords[0] != entries.coords[1]]
    return bool(np.all(off.real <= 0) and not np.any(off.imag))


def basis(system: System) -> NDArray[np.complex128]:
    """All eigenstates as the columns of a unitary, (P, P), energies ascending."""
    return _signed(np.linalg.eigh(_real_where_it_is(system).toarray())[1])


def _real_where_it_is(system: System) -> sp.csr_array:
    W = system.frequencies
    return W.real if not np.any(W.data.imag) else W


def _inverse(H: sp.csr_array) -> tuple[float, LinearOperator]:
    """A number just below all eigenvalues (Gershgorin), and the inverse of H less that number."""
    from scipy.sparse.linalg import LinearOperator, splu

    diagonal = H.diagonal().real
    reach = np.asarray(abs(H).sum(axis=1)).ravel() - np.abs(diagonal)
    below = float(np.min(diagonal - reach) - 1e-8 * np.max(reach))
    shifted = (H - below * sp.eye_array(H.shape[0])).tocsc()
    factors = splu(shifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return below, LinearOperator(H.shape, factors.solve, dtype=H.dtype)


def _signed(vectors: NDArray[np.inexact]) -> NDArray[np.complex128]:
    """Columns turned so that the largest component, the first of equals, is real and positive."""
    size = np.abs(vectors)
    first = np.argmax(size >= (1 - 1e-9) * size.max(axis=0), axis=0)
    top = np.take_along_axis(vectors, first[None], axis=0)
    return np.asarray(vectors * (np.conj(top) / np.abs(top)), complex)
