"""A system: P beables and the Hamiltonian that couples them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError, plain_text
from copympi.kernels import portable
from copympi.kernels.couplings import Couplings
from copympi.model import elements as checks
from copympi.model import parts as composites
from copympi.model.labels import Labels
from copympi.model.lattice import PIECE, Lattice, joined
from copympi.model.parts import Parts

MOST_KEPT = 1 << 20
"""Sites of a lattice up to which its H is kept from when it is multiplied with a state for the first time."""


class System:
    """P beables coupled by a Hermitian H, `omega_a = H_aa/hbar`, `H_ab/hbar = R_ab exp(i delta_ab)` (38).

    Parameters
    ----------
    H : (P, P) array, scipy.sparse matrix or QuTiP Qobj [energy]; None: that of the lattice.
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

    by_lattice = False
    """Whether H is that of `lattice`: it can be gone through row by row, without being kept."""

    def __init__(
        self,
        H: Any,
        hbar: float = 1.0,
        labels: list[str] | None = None,
        lattice: Lattice | None = None,
        parts: Any = None,
    ) -> None:
        self.hbar = checks.positive_hbar(hbar)
        if H is None and lattice is not None:
            self.by_lattice, self.P = True, lattice.P
            checks.bounded_lattice(lattice, self.hbar)
        else:
            self.frequencies = checks.hermitian(checks.bounded(checks.as_csr(H), self.hbar)) / self.hbar
            self.P = self.frequencies.shape[0]
        self.lattice = lattice
        self.parts: Parts | None = composites.of_dims(getattr(H, "dims", None)) if parts is None else None
        if parts is not None:
            self.parts = composites.checked(parts)
        if self.parts is not None and self.parts.P != self.P:
            raise InputError("system.parts", list(self.parts.dims), f"must have {self.P} beables together, as H has")
        if self.parts is not None:
            composites.same_dims(H, self.parts.dims, checks.KEY)
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

    @cached_property
    def frequencies(self) -> sp.csr_array:
        """H/hbar, (P, P) sparse complex. Of a large lattice it is better gone through in `pieces`."""
        if self.lattice is None:
            raise RuntimeError("only a lattice makes its own H")
        most, by = (2 * len(self.lattice.shape) + 1) * self.P, 1.0 / self.hbar
        return joined((rows for _, rows in self.lattice.pieces(by)), self.P, most, np.complex128)

    @property
    def hamiltonian(self) -> sp.csr_array:
        """H, (P, P) sparse complex, in units of energy."""
        return self.frequencies * self.hbar

    def pieces(self, size: int = PIECE) -> Iterator[tuple[int, sp.csr_array]]:
        """H/hbar, so many rows after the other: the number of the first, and the rows (size, P), complex.

        size : int [1], default 65536. Rows at a time; fewer at the end.
        """
        if self._anew:
            yield from ((first, self.rows(np.arange(first, end))) for first, end in self._runs(size))
        else:
            W = self.frequencies
            yield from ((first, W if size >= self.P else W[first:end]) for first, end in self._runs(size))

    def rows(self, some: NDArray[np.intp]) -> sp.csr_array:
        """H/hbar of some beables, (K, P) sparse complex.

        some : (K,) int [1]. Their numbers.
        """
        if self._anew and self.lattice is not None:
            return self.lattice.rows(some, 1.0 / self.hbar).astype(complex)
        return self.frequencies[some]

    def rows_from(self, begin: int, end: int) -> sp.csr_array:
        """H/hbar of beables that follow each other, (end - begin, P) sparse complex.

        begin : int [1]. The first one's number.
        end : int [1]. One more than the last one's.
        """
        if self._anew and self.P > MOST_KEPT:
            return self.rows(np.arange(begin, end))
        W = self.frequencies
        first, last = int(W.indptr[begin]), int(W.indptr[end])
        some = (W.data[first:last], W.indices[first:last], W.indptr[begin : end + 1] - W.indptr[begin])
        return sp.csr_array(some, shape=(end - begin, self.P))

    @property
    def unkept(self) -> bool:
        """Whether H is that of a large lattice, which is gone through rather than kept: alike on all ranks."""
        return self.by_lattice and self.P > PIECE

    @property
    def _anew(self) -> bool:
        """Whether H is made anew whenever it is gone through: nobody has asked this process for all of it yet."""
        return self.unkept and "frequencies" not in vars(self)

    def _runs(self, size: int) -> list[tuple[int, int]]:
        """First and one past last of `size` beables after the other."""
        return [(first, min(self.P, first + size)) for first in range(0, self.P, size)]

    def of_rows(self, function: Callable[[int, sp.csr_array], NDArray[Any]], dtype: Any) -> NDArray[Any]:
        """Numbers of beables, (P,), from their rows of H/hbar.

        function : callable. function(first, rows) gives those of some beables from their rows (K, P), the first one's
            number being `first`.
        dtype : type of NumPy. That of the numbers.
        """
        out = np.empty(self.P, dtype)
        for first, rows in self.pieces():
            out[first : first + rows.shape[0]] = function(first, rows)
        return out

    def moved(self, state: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """(H/hbar) times a state, (P,) complex.

        state : (P,) complex [1].
        """
        if not self._anew or self.P <= MOST_KEPT:
            return portable.moved(self.frequencies, state)
        return self.of_rows(lambda _, rows: portable.moved(rows, state), np.complex128)

    @property
    def levels(self) -> NDArray[np.float64]:
        """H_aa/hbar, (P,)."""
        return self.of_rows(lambda first, rows: rows.diagonal(first).real, float)

    @cached_property
    def coupled(self) -> NDArray[np.bool_]:
        """Which beables are coupled to some other, (P,)."""
        if self.unkept and self.lattice is not None and all(self.lattice.bond_energies()):
            return np.broadcast_to(np.True_, self.P)
        return self.of_rows(are_coupled, bool)

    def frozen(self, n: NDArray[Any]) -> bool:
        """Whether no member can ever copy, though H couples beables that members hold to others.

        A copy needs two coupled beables that both have members.

        n : (P,) int or float [1]. Members of each beable.
        """
        leads, moves = self._leads(n)
        return leads and not moves

    def moves(self, n: NDArray[Any]) -> bool:
        """Whether H couples two beables that members hold: some can copy.

        n : (P,) int or float [1]. Members of each beable.
        """
        return self._leads(n)[1]

    def _leads(self, n: NDArray[Any]) -> tuple[bool, bool]:
        """Whether H couples some beable that members hold to another one, and whether to one that they hold too."""
        held, leads = np.asarray(n) > 0, False
        for first, rows in self.pieces():
            source = np.repeat(np.arange(first, first + rows.shape[0]), np.diff(rows.indptr))
            out = held[source] & (source != rows.indices) & (rows.data != 0)
            leads = leads or bool(out.any())
            if np.any(out & held[rows.indices]):
                return True, True
        return leads, False

    @cached_property
    def couplings(self) -> Couplings:
        """H/hbar in the form the compiled kernels want."""
        W = self.frequencies
        omega = np.ascontiguousarray(W.diagonal().real)
        row = np.repeat(np.arange(self.P, dtype=W.indices.dtype), np.diff(W.indptr))
        kept = (row != W.indices) & (W.data != 0)
        ends = np.concatenate([[0], np.cumsum(np.bincount(row[kept], minlength=self.P))])
        off = sp.csr_array((W.data[kept], W.indices[kept], ends), shape=W.shape)
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
        return float(self.of_rows(lambda first, rows: row_sums(rows), float).max())

    @cached_property
    def spread(self) -> float:
        """The same bound with the middle of the diagonal taken off H/hbar, which turns all phases alike."""
        omega = self.levels
        off = self.of_rows(lambda first, rows: row_sums(rows), float) - np.abs(omega)
        return float(np.max(off + np.abs(omega - 0.5 * (omega.max() + omega.min()))))

    @property
    def pairs(self) -> int:
        """How many pairs of beables H couples."""
        if self.by_lattice and self.lattice is not None:
            return self.lattice.pairs
        return int(self.frequencies.nnz - np.count_nonzero(self.frequencies.diagonal())) // 2

    @property
    def elements(self) -> int:
        """How many elements of H are stored, or would be if no site of a lattice had an energy of 0."""
        return 2 * self.pairs + self.P if self.by_lattice else int(self.frequencies.nnz)

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


def are_coupled(first: int, rows: sp.csr_array) -> NDArray[np.bool_]:
    """Which beables, from `first` on, their rows of H couple to some other."""
    own = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    found = np.zeros(rows.shape[0], bool)
    found[own[(own + first != rows.indices) & (rows.data != 0)]] = True
    return found


def pairs_of(off: sp.csr_array) -> NDArray[np.int64]:
    """The pairs b < a as rows (b, a, entry of b->a, entry of a->b), (pairs, 4), for a pattern that is symmetric."""
    rows = np.repeat(np.arange(off.shape[0]), np.diff(off.indptr))
    entry = np.arange(off.nnz)
    by_column = sp.csr_array((entry, off.indices, off.indptr), off.shape).tocsc()
    mirror = by_column.data  # the entry at (a, b), in the order of the entries (b, a)
    upper = rows < off.indices
    return np.ascontiguousarray(np.column_stack([rows, off.indices, entry, mirror])[upper], dtype=np.int64)
