"""A driven system: H(t) = H_0 + sum_j f_j(t) H_j, f_j a pulse without unit, H_j a Hermitian energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model import hamiltonian, potential, pulses
from copympi.model import system as systems
from copympi.model.lattice import Lattice
from copympi.model.magnus import Norms
from copympi.model.pulses import Pulse
from copympi.model.system import System
from copympi.model.tables import table

KEY = "system.drive"
BYTES = 3e8
"""What systems that are made of one driven system may take before the oldest is made anew when it is wanted again."""


@dataclass(frozen=True, eq=False)
class Drive:
    """One term f(t) H_j.

    term : H_j/hbar, (P, P) sparse, Hermitian. potential : V_j at the sites, (P,), an energy, where H_j is one.
    """

    term: sp.csr_array
    pulse: Pulse
    potential: NDArray[np.float64] | None = None


class Driven:
    """A System whose H has further terms, each with a pulse. system : of H_0, with its labels and its lattice."""

    def __init__(self, system: System, drives: Sequence[Drive]) -> None:
        self.system, self.drives = system, tuple(drives)
        parts = [system.frequencies, *(drive.term for drive in self.drives)]
        pattern = sp.csr_array(sum((_ones(part) for part in parts[1:]), _ones(parts[0])))
        pattern.sort_indices()
        self._indices, self._indptr = pattern.indices, pattern.indptr
        self._data = np.stack([_spread(part, pattern) for part in parts])
        size = 80 * pattern.nnz + 100 * system.P  # H/hbar, and what kernels want of it
        self.made = lru_cache(maxsize=max(3, int(BYTES / size)))(self._made)

    @property
    def pulses(self) -> tuple[Pulse, ...]:
        """f_j."""
        return tuple(drive.pulse for drive in self.drives)

    @property
    def entries(self) -> int:
        """Elements that are not zero at all times, diagonal and off."""
        return int(self._indices.size)

    @cached_property
    def norms(self) -> Norms:
        """Of H_0/hbar and all H_j/hbar."""
        return Norms([self.system.frequencies, *(drive.term for drive in self.drives)])

    def at(self, coefficients: Sequence[float]) -> System:
        """The System of H_0 + sum_j coefficients[j] H_j, (J,), whose matrix is made when it is first looked at."""
        return Segment(self, tuple(float(c) for c in coefficients))

    def lattice(self, coefficients: tuple[float, ...]) -> Lattice | None:
        """The lattice of H_0 with the potentials of the drives."""
        first = self.system.lattice
        if first is None:
            return None
        V = first.potential.copy()
        for c, drive in zip(coefficients, self.drives, strict=True):
            V += c * drive.potential if drive.potential is not None else 0.0
        return replace(first, potential=V)

    def _made(self, coefficients: tuple[float, ...]) -> System:
        data = np.array([1.0, *coefficients]) @ self._data
        W = sp.csr_array((data, self._indices, self._indptr), shape=(self.system.P, self.system.P))
        if not np.all(data):
            W = W.copy()
            W.eliminate_zeros()
        whole = System.__new__(System)
        vars(whole).update(_lasting(self.system) | {"frequencies": W, "lattice": self.lattice(coefficients)})
        return whole


class Segment(System):
    """A System of a driven one, at given values of the pulses; nothing of the size of its matrix stays with it."""

    def __init__(self, driven: Driven, coefficients: tuple[float, ...]) -> None:
        vars(self).update(_lasting(driven.system))
        self.driven, self.coefficients = driven, coefficients

    frequencies = property(lambda self: self.driven.made(self.coefficients).frequencies)  # type: ignore[assignment]
    lattice = property(lambda self: self.driven.lattice(self.coefficients))  # type: ignore[assignment]
    coupled = property(lambda self: self.driven.made(self.coefficients).coupled)  # type: ignore[assignment]
    couplings = property(lambda self: self.driven.made(self.coefficients).couplings)  # type: ignore[assignment]
    fastest = property(lambda self: self.driven.made(self.coefficients).fastest)  # type: ignore[assignment]
    spread = property(lambda self: self.driven.made(self.coefficients).spread)  # type: ignore[assignment]


def _lasting(system: System) -> dict[str, Any]:
    """What systems of one driven system share: all but H and what follows from it."""
    own = {name for name, value in vars(System).items() if isinstance(value, cached_property)}
    return {name: value for name, value in vars(system).items() if name not in own | {"frequencies", "lattice"}}


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


def read(given: Any, system: System, folder: Path = Path(), key: str = KEY) -> tuple[Drive, ...]:
    """The drives that tables {hamiltonian or potential, pulse = {shape, ...}} stand for; files are of `folder`.

    InputErrors name `key`[j].
    """
    if not isinstance(given, list) or not given:
        raise InputError(key, given, f"must be one or more tables [[{key}]]")
    return tuple(_one(each, system, folder, f"{key}[{j}]") for j, each in enumerate(given))


def _one(given: Any, system: System, folder: Path, key: str) -> Drive:
    table(given, key, ["pulse"], ["hamiltonian", "potential"])
    pulse = pulses.named(given["pulse"], f"{key}.pulse")
    if ("hamiltonian" in given) == ("potential" in given):
        raise InputError(key, given, "must have either hamiltonian or, on a lattice, potential")
    if "potential" in given:
        return shaken(given["potential"], pulse, system, folder, key)
    return term(hamiltonian.read(given["hamiltonian"], folder, f"{key}.hamiltonian"), pulse, system, key)


def term(H: Any, pulse: Pulse, system: System, key: str = KEY) -> Drive:
    """f(t) H for a Hermitian matrix H, dense, sparse or a Qobj, [energy]; on a lattice a diagonal one.

    Raises InputError, naming `key`.hamiltonian, where H is none, or does not fit.
    """
    key = f"{key}.hamiltonian"
    try:
        W = System(H, system.hbar).frequencies
    except InputError as problem:
        raise InputError(key if problem.key == systems.KEY else problem.key, problem.value, problem.why) from None
    if W.shape[0] != system.P:
        raise InputError(key, f"{W.shape[0]} beables", f"must have as many as the system: {system.P}")
    if system.lattice is None:
        return Drive(W, pulse)
    V = W.diagonal().real
    if W.nnz != np.count_nonzero(V):
        raise InputError(
            key, f"{W.shape[0]} beables", "must be diagonal on a lattice, where only potentials are driven"
        )
    return Drive(W, pulse, V * system.hbar)


def shaken(given: Any, pulse: Pulse, system: System, folder: Path = Path(), key: str = KEY) -> Drive:
    """f(t) V for a potential V of a lattice, given as in [system]; InputErrors name `key`.potential."""
    lattice = system.lattice
    if lattice is None:
        raise InputError(f"{key}.potential", given, 'must go with builder = "lattice"; give hamiltonian in its place')
    try:
        V = potential.sample(given, lattice.positions, lattice.shape, lattice.mass, folder)
    except InputError as problem:
        raise InputError(problem.key.replace("system", key, 1), problem.value, problem.why) from None
    return Drive(sp.csr_array(sp.diags_array(V.astype(complex) / system.hbar, format="csr")), pulse, V)
