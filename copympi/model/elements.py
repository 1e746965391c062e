"""Checks of the elements of H that a user gives: numbers, not too large, Hermitian."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from copympi.errors import InputError
from copympi.model import formats
from copympi.model.lattice import Lattice

KEY = "system.hamiltonian"
HERMITIAN_TO = 1e-12
"""Largest |H_ab - conj(H_ba)| that counts as rounding, relative to the largest |H_ab|."""
LARGEST = 1e150
"""|H_ab|/hbar must stay below, so that its squares are numbers."""
HBAR_RANGE = (1e-300, 1e300)


def as_csr(H: Any) -> sp.csr_array:
    """Any Hamiltonian a user may hold, as sparse complex, its values unchecked."""
    if hasattr(H, "data_as"):  # QuTiP 5
        H = H.data_as()  # as it stands: QuTiP's own conversions drop NaN, and elements below 1e-12
    elif hasattr(H, "full") and hasattr(H, "dims"):  # QuTiP 4
        H = H.full()
    try:
        H = sp.csr_array(formats.sound(H, KEY), dtype=complex) if sp.issparse(H) else np.asarray(H, dtype=complex)
    except InputError:
        raise
    except (TypeError, ValueError, OverflowError):
        raise InputError(KEY, H, "must be a square matrix of finite numbers") from None
    shape = H.shape
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
        raise InputError(KEY, "array of shape " + "x".join(map(str, shape)), "must be square")
    return sp.csr_array(H)


def positive_hbar(hbar: Any) -> float:
    """hbar, or an InputError where it is no positive number."""
    least, most = HBAR_RANGE
    number = isinstance(hbar, (int, float, np.integer, np.floating)) and not isinstance(hbar, bool)
    if not (number and 0 < hbar <= most):
        raise InputError("system.hbar", hbar, "must be a positive number")
    if hbar < least:
        raise InputError("system.hbar", hbar, f"must be a positive number of at least {least:g}")
    return float(hbar)


def bounded(H: sp.csr_array, hbar: float) -> sp.csr_array:
    """H as it is, or an InputError that says where it is not finite, or too large for this hbar."""
    H.sum_duplicates()
    _refuse_large(H, hbar)
    return H


def bounded_lattice(lattice: Lattice, hbar: float) -> None:
    """The same of a lattice's H, which is not kept."""
    most = float(np.abs(lattice.potential).max()) + 2 * sum(lattice.bond_energies())
    if not most < 0.5 * min(LARGEST * hbar, HBAR_RANGE[1]):
        for first, rows in lattice.pieces():
            _refuse_large(rows.astype(complex), hbar, first)


def _refuse_large(H: sp.csr_array, hbar: float, first: int = 0) -> None:
    """InputError where some rows of H, the first one of that number, are not finite, or too large for this hbar."""
    most = min(LARGEST * hbar, HBAR_RANGE[1])
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~(np.abs(H.data) < most))
    if bad.size:
        k = int(bad[0])
        row = first + int(np.searchsorted(H.indptr, k, side="right") - 1)
        place = f"H[{row},{int(H.indices[k])}] = {H.data[k]:.6g}"
        if not np.isfinite(H.data[k]):
            raise InputError(KEY, place, "every element must be finite")
        bound = f"{LARGEST:g} hbar = {most:g}" if most == LARGEST * hbar else f"{most:g}"
        raise InputError(KEY, place, f"every element must be below {bound} in size")


def hermitian(H: sp.csr_array) -> sp.csr_array:
    """H made exactly Hermitian, or an InputError that says by how much and where it is not."""
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
