"""A system: P beables and the Hamiltonian that couples them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError, plain_text
from copympi.kernels import portable
from copympi.kernels.couplings import Couplings
from copympi.model import formats
from copympi.model import parts as composites
from copympi.model.labels import Labels
from copympi.model.lattice import Lattice
from copympi.model.parts import Parts

KEY = "system.hamiltonian"
HERMITIAN_TO = 1e-12
"""Largest |H_ab - conj(H_ba)| that counts as rounding, relative to the largest |H_ab|."""
LARGEST = 1e150
"""|H_ab|/hbar must stay below, so that its squares are numbers."""
HBAR_RANGE = (1e-300, 1e300)


class System:
    """P beables coupled by a Hermitian H, `omega_a = H_aa/hbar`, `H_ab/hbar = R_ab exp(i delta_ab)` (38).

    Parameters
    ----------
    H : (P, P) array, scipy.sparse matrix or QuTiP Qobj [energy]
    hbar : float [energy time], default 1.0. Planck's constant over 2 pi.
    labels : list of str, default None. Names of the beables, for figures and messages; their numbers where left out.
    lattice : Lattice, default None. The lattice whose sites the beables are (`copympi.lattice` makes such a system).
    parts : Parts, or a list of tables {"name": "A", "dimension": 2, "labels": [...]}, default None. The parts of a
        composite, whose beables are one of each part, the first part's slowest (`copympi.composite` makes such a
        system); None: those that the dims of a Qobj say, named A, B, ...

    Raises
    ------
    InputError : H is not square, not finite, too large or not Hermitian; hbar is not positive; labels or parts do not
        fit.
    """

    def __init__(
        self,
        H: Any,
        hbar: float = 1.0,
        labels: list[str] | None = None,
        lattice: Lattice | None = None,
        parts: Any = None,
    ) -> None:
        self.hbar = _positive(hbar)
        self.frequencies = _hermitian(_bounded(_as_csr(H), self.hbar)) / self.hbar
        self.P = self.frequencies.shape[0]
        self.lattice = lattice
        self.parts: Parts | None = composites.of_dims(getattr(H, "dims", None)) if parts is None else None
        if parts is not None:
            self.parts = composites.checked(parts)
        if self.parts is not None and self.parts.P != self.P:
            raise InputError("system.parts", list(self.parts.dims), f"must have {self.P} beables together, as H has")
        if self.parts is not None:
            composites.same_dims(H, self.parts.dims, KEY)
        self.labels: Sequence[str] = Labels((self.P,) if lattice is None else lattice.shape)
        if self.parts is not None:
            self.labels = self.parts.labels
        if labels is not None:
            self.name_beables(labels)

    def name_beables(self, labels: Sequence[str]) -> None:
        """Give the beables these names; InputError where they do not fit.

        labels : (P,) str
        """
        if len(labels) != self.P:
            raise InputError("system.labels", labels, f"must have one name for each of the {self.P} beables")
        if not isinstance(labels, Labels) and not (self.parts is not None and self.labels == labels):
            self.labels = [plain_text(f"system.labels[{a}]", name) for a, name in enumerate(labels)]

    @property
    def hamiltonian(self) -> sp.csr_array:
        """H, (P, P) sparse complex, in units of energy."""
        return self.frequencies * self.hbar

    @cached_property
    def coupled(self) -> NDArray[np.bool_]:
        """Which beables are coupled to some other, (P,)."""
        W = self.frequencies.tocoo()
        found = np.zeros(self.P, bool)
        found[W.coords[0][(W.coords[0] != W.coords[1]) & (W.data != 0)]] = True
        return found

    def frozen(self, n: NDArray[Any]) -> bool:
        """Whether no member can ever copy, though H couples beables that members hold to others.

        A copy needs two coupled beables that both have members.

        n : (P,) int or float [1]. Members of each beable.
        """
        leads, on = self._leads(n)
        return bool(leads.any() and not (leads & on).any())

    def moves(self, n: NDArray[Any]) -> bool:
        """Whether H couples two beables that members hold: some can copy.

        n : (P,) int or float [1]. Members of each beable.
        """
        leads, on = self._leads(n)
        return bool((leads & on).any())

    def _leads(self, n: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Of each element of H whether it couples a beable that members hold to another, and whether they hold that."""
        W, held = self.frequencies, np.asarray(n) > 0
        off = np.repeat(np.arange(self.P), np.diff(W.indptr)) != W.indices
        return np.repeat(held, np.diff(W.indptr)) & off & (W.data != 0), held[W.indices]

    @cached_property
    def couplings(self) -> Couplings:
        """H/hbar in the form the compiled kernels want."""
        W = self.frequencies
        omega = np.ascontiguousarray(W.diagonal().real)
        off = (W - sp.diags_array(omega.astype(complex), format="csr")).tocsr()
        off.eliminate_zeros()
        off.sort_indices()
        shift = 0.5 * (omega.max() + omega.min())
        norm = float(np.max(np.abs(omega - shift) + row_sums(off))) if self.P else 0.0
        return Couplings(
            indptr=off.indptr.astype(np.int64),
            indices=off.indices.astype(np.int64),
            re=np.ascontiguousarray(off.data.real),
            im=np.ascontiguousarray(off.data.imag),
            omega=omega - shift,
            level=omega,
            pair=pairs_of(off),
            shift=shift,
            norm=norm,
        )

    @cached_property
    def fastest(self) -> float:
        """A bound on |H|/hbar: its largest sum of a row's sizes, per unit of time."""
        return float(row_sums(self.frequencies).max())

    @cached_property
    def spread(self) -> float:
        """The same bound with the middle of the diagonal taken off H/hbar, which turns all phases alike."""
        omega = self.frequencies.diagonal().real
        off = row_sums(self.frequencies) - np.abs(omega)
        return float(np.max(off + np.abs(omega - 0.5 * (omega.max() + omega.min()))))

    @property
    def pairs(self) -> int:
        """How many pairs of beables H couples."""
        return int(self.frequencies.nnz - np.count_nonzero(self.frequencies.diagonal())) // 2

    def __repr__(self) -> str:
        of = "" if self.parts is None else f", parts={self.parts.said}"
        return f"System(P={self.P}{of}, pairs={self.pairs}, hbar={self.hbar:g})"


def stuck(n: NDArray[Any], systems: Sequence[System]) -> bool:
    """Whether no member can ever copy under any of the `systems`, though one couples beables that members hold.

    n : (P,) int or float [1]. Members of each beable: a beable without any never gets one.
    """
    return not any(system.moves(n) for system in systems) and any(system.frozen(n) for system in systems)


def row_sums(W: sp.csr_array) -> NDArray[np.float64]:
    """The sum of the sizes of each row's elements, (P,)."""
    sizes = sp.csr_array((portable.sizes(W.data), W.indices, W.indptr), shape=W.shape)
    return np.asarray(sizes.sum(axis=1))


def pairs_of(off: sp.csr_array) -> NDArray[np.int64]:
    """The pairs b < a as rows (b, a, entry of b->a, entry of a->b), (pairs, 4), for a pattern that is symmetric."""
    rows = np.repeat(np.arange(off.shape[0]), np.diff(off.indptr))
    entry = np.arange(off.nnz)
    by_column = sp.csr_array((entry, off.indices, off.indptr), off.shape).tocsc()
    mirror = by_column.data  # the entry at (a, b), in the order of the entries (b, a)
    upper = rows < off.indices
    return np.ascontiguousarray(np.column_stack([rows, off.indices, entry, mirror])[upper], dtype=np.int64)


def _as_csr(H: Any) -> sp.csr_array:
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


def _positive(hbar: Any) -> float:
    least, most = HBAR_RANGE
    number = isinstance(hbar, (int, float, np.integer, np.floating)) and not isinstance(hbar, bool)
    if not (number and 0 < hbar <= most):
        raise InputError("system.hbar", hbar, "must be a positive number")
    if hbar < least:
        raise InputError("system.hbar", hbar, f"must be a positive number of at least {least:g}")
    return float(hbar)


def _bounded(H: sp.csr_array, hbar: float) -> sp.csr_array:
    """H as it is, or an InputError that says where it is not finite, or too large for this hbar."""
    H.sum_duplicates()
    most = min(LARGEST * hbar, HBAR_RANGE[1])
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~(np.abs(H.data) < most))
    if bad.size:
        k = int(bad[0])
        place = f"H[{int(np.searchsorted(H.indptr, k, side='right') - 1)},{int(H.indices[k])}] = {H.data[k]:.6g}"
        if not np.isfinite(H.data[k]):
            raise InputError(KEY, place, "every element must be finite")
        bound = f"{LARGEST:g} hbar = {most:g}" if most == LARGEST * hbar else f"{most:g}"
        raise InputError(KEY, place, f"every element must be below {bound} in size")
    return H


def _hermitian(H: sp.csr_array) -> sp.csr_array:
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
