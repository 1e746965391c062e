"""A system: P beables and the Hamiltonian that couples them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.kernels.predictor import Couplings

HERMITIAN_TO = 1e-12
"""Largest |H_ab - conj(H_ba)| that counts as rounding, relative to the largest |H_ab|."""


class System:
    """P beables coupled by a Hermitian H, `omega_a = H_aa/hbar`, `H_ab/hbar = R_ab exp(i delta_ab)` (38).

    Parameters
    ----------
    H : (P, P) array, scipy.sparse matrix or QuTiP Qobj, in units of energy.
    hbar : Planck's constant over 2 pi, in units of energy times time.
    labels : names of the beables, for figures and messages.

    Raises
    ------
    InputError : H is not square, not finite or not Hermitian, hbar is not positive.
    """

    def __init__(self, H: Any, hbar: float = 1.0, labels: list[str] | None = None) -> None:
        if not (np.isfinite(hbar) and hbar > 0):
            raise InputError("system.hbar", hbar, "a positive number")
        self.hbar = float(hbar)
        self.frequencies = _hermitian(_as_csr(H)) / self.hbar
        self.P = self.frequencies.shape[0]
        if labels is not None and len(labels) != self.P:
            raise InputError("system.labels", labels, f"one name for each of the {self.P} beables")
        self.labels = list(labels) if labels is not None else [str(a) for a in range(self.P)]

    @property
    def hamiltonian(self) -> sp.csr_array:
        """H, (P, P) sparse complex, in units of energy."""
        return self.frequencies * self.hbar

    @cached_property
    def couplings(self) -> Couplings:
        """H/hbar in the form the compiled kernels want."""
        W = self.frequencies
        omega = np.ascontiguousarray(W.diagonal().real)
        off = (W - sp.diags_array(omega.astype(complex), format="csr")).tocsr()
        off.eliminate_zeros()
        off.sort_indices()
        shift = 0.5 * (omega.max() + omega.min())
        norm = float(np.max(np.abs(omega - shift) + abs(off).sum(axis=1))) if self.P else 0.0
        return Couplings(
            off.indptr.astype(np.int64),
            off.indices.astype(np.int64),
            np.ascontiguousarray(off.data.real),
            np.ascontiguousarray(off.data.imag),
            omega - shift,
            _pairs(off),
            shift,
            norm,
        )

    def __repr__(self) -> str:
        pairs = (self.frequencies.nnz - np.count_nonzero(self.frequencies.diagonal())) // 2
        return f"System(P={self.P}, pairs={pairs}, hbar={self.hbar:g})"


def _pairs(off: sp.csr_array) -> NDArray[np.int64]:
    """The pairs b < a as rows (b, a, entry of b->a, entry of a->b), (pairs, 4), for a pattern that is symmetric."""
    rows = np.repeat(np.arange(off.shape[0]), np.diff(off.indptr))
    entry = np.arange(off.nnz)
    mirror = np.lexsort((rows, off.indices))  # the entry at (a, b), in the order of the entries (b, a)
    upper = rows < off.indices
    return np.ascontiguousarray(np.column_stack([rows, off.indices, entry, mirror])[upper], dtype=np.int64)


def _as_csr(H: Any) -> sp.csr_array:
    """Any Hamiltonian a user may hold, as sparse complex, its values unchecked."""
    if hasattr(H, "data_as"):  # QuTiP 5
        H = H.data_as()  # as it stands: QuTiP's own conversions drop NaN, and elements below 1e-12
    elif hasattr(H, "full") and hasattr(H, "dims"):  # QuTiP 4
        H = H.full()
    try:
        H = sp.csr_array(H, dtype=complex) if sp.issparse(H) else np.asarray(H, dtype=complex)
    except (TypeError, ValueError):
        raise InputError("system.hamiltonian", H, "a square matrix of numbers") from None
    shape = H.shape
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
        raise InputError("system.hamiltonian", "array of shape " + "x".join(map(str, shape)), "must be square")
    return sp.csr_array(H)


def _hermitian(H: sp.csr_array) -> sp.csr_array:
    """H made exactly Hermitian, or an InputError that says by how much and where it is not."""
    H.sum_duplicates()
    if not np.all(np.isfinite(H.data)):
        k = int(np.flatnonzero(~np.isfinite(H.data))[0])
        row, column = int(np.searchsorted(H.indptr, k, side="right") - 1), int(H.indices[k])
        raise InputError("system.hamiltonian", f"H[{row},{column}] = {H.data[k]:.6g}", "every element must be finite")
    skew = (H - H.conj().T).tocoo()
    scale = float(np.max(np.abs(H.data), initial=0.0))
    if skew.nnz and np.max(np.abs(skew.data)) > HERMITIAN_TO * scale:
        k = int(np.argmax(np.abs(skew.data)))
        i, j = sorted((int(skew.coords[0][k]), int(skew.coords[1][k])))
        raise InputError(
            "system.hamiltonian",
            f"H[{i},{j}] = {H[i, j]:.6g}, H[{j},{i}] = {H[j, i]:.6g}",
            f"must be Hermitian; |H[{i},{j}] - conj(H[{j},{i}])| = {abs(skew.data[k]):.3g}",
        )
    even = sp.csr_array(0.5 * (H + H.conj().T))
    even.eliminate_zeros()
    return even
