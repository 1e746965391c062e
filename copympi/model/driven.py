"""The Systems of H_0 + sum_j c_j H_j for any numbers c_j: what one drive shares, made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.kernels import portable
from copympi.kernels.couplings import Couplings
from copympi.model import system as systems
from copympi.model.lattice import Lattice
from copympi.model.magnus import Norms
from copympi.model.system import System

BYTES, OBJECT = 3e7, 1e4
"""What systems that are made of driven ones may take before the oldest is made anew when it is wanted again; of that
each takes so much at the least."""


class Driven:
    """The Systems of H_0 + sum_j c_j H_j for all c. system : of H_0, with its labels and its lattice. terms : of H_j.

    On a lattice all H_j are potentials. kept : of another one in the same run, to be shared if it is small enough.
    """

    def __init__(self, system: System, terms: Sequence[System], kept: Kept | None = None) -> None:
        self.system, self.terms = system, tuple(terms)
        parts = [system.frequencies, *(term.frequencies for term in self.terms)]
        pattern = sp.csr_array(sum((_ones(part) for part in parts[1:]), _ones(parts[0])))
        pattern.sort_indices()
        self._indices, self._indptr = pattern.indices, pattern.indptr
        self._data = np.stack([_spread(part, pattern) for part in parts])
        size = OBJECT + 80 * pattern.nnz + 100 * system.P  # H/hbar, and what kernels want of it
        most = max(3, int(BYTES / size))
        self.kept = kept if kept is not None and kept.most <= most else Kept(most)

    def made(self, coefficients: tuple[float, ...]) -> System:
        """The System of H_0 + sum_j coefficients[j] H_j, with its matrix."""
        return self.kept.systems(self, coefficients)

    def couplings(self, coefficients: tuple[float, ...]) -> Couplings:
        """What kernels want of it."""
        return self.kept.couplings(self, coefficients)

    @cached_property
    def pairs(self) -> int:
        """Pairs of beables that are coupled at some values of the pulses."""
        rows = np.repeat(np.arange(self.system.P), np.diff(self._indptr))
        return int(np.count_nonzero(rows < self._indices))

    @cached_property
    def norms(self) -> Norms:
        """Of H_0/hbar and all H_j/hbar."""
        return Norms([self.system.frequencies, *(term.frequencies for term in self.terms)])

    def at(self, coefficients: Sequence[float]) -> Segment:
        """The System of H_0 + sum_j coefficients[j] H_j, (J,), whose matrix is made when it is first looked at."""
        return Segment(self, tuple(float(c) for c in coefficients))

    def lattice(self, coefficients: tuple[float, ...]) -> Lattice | None:
        """The lattice of H_0 with the potentials of the drives."""
        first = self.system.lattice
        if first is None:
            return None
        V = first.potential.copy()
        for c, term in zip(coefficients, self.terms, strict=True):
            V += c * term.frequencies.diagonal().real * self.system.hbar
        return replace(first, potential=V)

    def fastest(self, coefficients: tuple[float, ...]) -> float:
        """A bound on |H|/hbar, in 1/time."""
        parts = (self.system, *self.terms)
        return sum(abs(c) * part.fastest for c, part in zip((1.0, *coefficients), parts, strict=True))

    def _sum(self, coefficients: tuple[float, ...]) -> NDArray[np.complex128]:
        """The elements of H/hbar: added up one term after the other, for what BLAS gives hangs on the CPU."""
        data = self._data[0].copy()
        for c, term in zip(coefficients, self._data[1:], strict=True):
            data += c * term
        return data

    def _made(self, coefficients: tuple[float, ...]) -> System:
        data = self._sum(coefficients)
        W = sp.csr_array((data, self._indices, self._indptr), shape=(self.system.P, self.system.P))
        if not np.all(data):
            W = W.copy()
            W.eliminate_zeros()
        whole = System.__new__(System)
        vars(whole).update(_lasting(self.system) | {"frequencies": W, "lattice": self.lattice(coefficients)})
        if W.nnz == self._indices.size:  # nothing vanishes
            vars(whole)["coupled"] = self._coupled
        return whole

    @cached_property
    def _off(self) -> tuple[NDArray[np.bool_], NDArray[np.intp], sp.csr_array, NDArray[np.int64]]:
        """Which elements are not diagonal, their rows, and these as a matrix of numbers of their own, and its pairs."""
        P = self.system.P
        rows = np.repeat(np.arange(P), np.diff(self._indptr))
        off = rows != self._indices
        count = np.concatenate([[0], np.cumsum(np.bincount(rows[off], minlength=P))])
        matrix = sp.csr_array((np.ones(off.sum()), self._indices[off], count), shape=(P, P))
        return off, rows[off], matrix, systems.pairs_of(matrix)

    @cached_property
    def _coupled(self) -> NDArray[np.bool_]:
        return np.diff(self._off[2].indptr) > 0

    def _couplings(self, coefficients: tuple[float, ...]) -> Couplings:
        """What System.couplings makes, without its detours: all that depends on where elements stand is made once."""
        off, rows, matrix, pair = self._off
        data = self._sum(coefficients)
        each = data[off]
        if not np.all(each):  # fewer pairs are coupled
            return self.made(coefficients).couplings
        omega = np.zeros(self.system.P)
        omega[self._indices[~off]] = data[~off].real
        shift = 0.5 * (omega.max() + omega.min())
        reach = np.abs(omega - shift) + np.bincount(rows, portable.sizes(each), minlength=omega.size)
        return Couplings(
            indptr=matrix.indptr.astype(np.int64), indices=matrix.indices.astype(np.int64),
            re=np.ascontiguousarray(each.real), im=np.ascontiguousarray(each.imag),
            omega=omega - shift, level=omega, pair=pair, shift=float(shift), norm=float(reach.max()),
        )  # fmt: skip


class Kept:
    """The Systems that were made last of driven ones, at most so many, and their couplings; pickled without these."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.systems, self.couplings = lru_cache(most)(Driven._made), lru_cache(most)(Driven._couplings)

    def __reduce__(self) -> tuple[type[Kept], tuple[int]]:
        return Kept, (self.most,)


class Segment(System):
    """A System of a driven one, at given values of the pulses; nothing of the size of its matrix stays with it."""

    def __init__(self, driven: Driven, coefficients: tuple[float, ...]) -> None:
        vars(self).update(_lasting(driven.system))
        self.driven, self.coefficients = driven, coefficients

    def same(self, other: Segment) -> bool:
        """Whether it is the same H, made of the same matrices."""
        return self.driven is other.driven and self.coefficients == other.coefficients

    frequencies = property(lambda self: self.driven.made(self.coefficients).frequencies)  # type: ignore[assignment]
    lattice = property(lambda self: self.driven.lattice(self.coefficients))  # type: ignore[assignment]
    coupled = property(lambda self: self.driven.made(self.coefficients).coupled)  # type: ignore[assignment]
    couplings = property(lambda self: self.driven.couplings(self.coefficients))  # type: ignore[assignment]
    fastest = property(lambda self: self.driven.fastest(self.coefficients))  # type: ignore[assignment]
    pairs = property(lambda self: self.driven.pairs)  # type: ignore[assignment]
    spread = property(lambda self: self.driven.made(self.coefficients).spread)  # type: ignore[assignment]


def terms_of(system: System) -> tuple[System, ...]:
    """The Systems whose H, with coefficients, add up to that of `system`: H_0 and H_j of a driven one, else itself."""
    return (system.driven.system, *system.driven.terms) if isinstance(system, Segment) else (system,)


def _lasting(system: System) -> dict[str, Any]:
    """What systems of one driven system share: all but H and what follows from it."""
    own = {name for name, value in vars(System).items() if isinstance(value, cached_property)}
    own |= {"frequencies", "lattice", "by_lattice"}
    return {name: value for name, value in vars(system).items() if name not in own}


def _ones(W: sp.csr_array) -> sp.csr_array:
    return sp.csr_array((np.ones(W.nnz), W.indices, W.indptr), shape=W.shape)


def _spread(W: sp.csr_array, pattern: sp.csr_array) -> NDArray[np.complex128]:
    """The elements of W in the places of a sorted pattern that holds them all, (entries,)."""
    P = W.shape[0]
    places, own = (
        np.repeat(np.arange(P, dtype=np.int64), np.diff(each.indptr)) * P + each.indices for each in (pattern, W)
    )
    out = np.zeros(pattern.nnz, complex)
    out[np.searchsorted(places, own)] = W.data
    return out
