"""A small admixture to a state against nodes, and other beables: Psi' = U^dagger Psi, H' = U^dagger H U."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.kernels import portable
from copympi.model import eigen, formats, hamiltonian
from copympi.model.preparation import vector
from copympi.model.schedule import NOTHING, Schedule
from copympi.model.system import System
from copympi.model.tables import real, table

ADMIXTURE, BASIS = "preparation.admixture", "preparation.basis"
WEIGHT = 1e-6
UNITARY_TO = 1e-9
"""Largest element of U^dagger U - 1 that counts as rounding."""
ROUNDING = 1e-14
"""Elements of H' below this, relative to the largest, are what rounding left of a zero."""
Amplitudes = NDArray[np.complex128]


def admixed(given: Any, psi: Amplitudes, system: System) -> Amplitudes:
    """sqrt(1 - w) Psi + sqrt(w) chi, (P,), normalised: chi is the ground state, uniform, or given by amplitudes."""
    table(given, ADMIXTURE, ["state"], ["weight"])
    key, w = f"{ADMIXTURE}.weight", given.get("weight", WEIGHT)
    if not 0 < real(w, key) < 1:
        raise InputError(key, w, "must be a number above 0 and below 1")
    mixed = np.sqrt(1 - w) * psi + np.sqrt(w) * _chi(given["state"], system)
    norm = portable.norm(mixed)
    if not norm > 1e-12:
        raise InputError(ADMIXTURE, given, "must not cancel the state")
    return np.asarray(mixed / norm)


def _chi(state: Any, system: System) -> Amplitudes:
    key = f"{ADMIXTURE}.state"
    if isinstance(state, str):
        if state == "uniform":
            return np.full(system.P, system.P**-0.5, complex)
        if state == "ground":
            return eigen.ground(system, key)
        raise InputError(key, state, 'must be "ground", "uniform" or a list of amplitudes')
    chi = np.asarray(vector(state, system.P, key, complex))
    size = portable.sizes(chi).max()
    if size == 0:
        raise InputError(key, state, "must not be zero")
    chi = chi / size
    return np.asarray(chi / portable.norm(chi))


def changed(
    given: Any, psi: Amplitudes, system: System, folder: Path = Path(), schedule: Schedule = NOTHING
) -> tuple[System, Amplitudes, Schedule]:
    """The same state of the same system with other beables: the columns of the unitary U that is `given`.

    given : rows of numbers, a path relative to `folder`, an array, or "eigen" for the eigenstates, energies ascending.
    schedule : its systems are given in the beables of `system` too, and get the same new ones. The new systems are no
    lattices: their beables have no places.
    """
    if system.P > eigen.DENSE_TO:
        raise InputError(BASIS, given, f"must go with at most {eigen.DENSE_TO} beables; there are {system.P:,}")
    own = isinstance(given, str) and given == "eigen"
    U = eigen.basis(system) if own else _unitary(given, system.P, folder)
    turned = _turned(system, U)
    if own:
        turned = np.diag(turned.diagonal())
    after = System(sp.csr_array(turned), system.hbar)
    moved = U.conj().T @ psi
    later = schedule.mapped(
        lambda each: after if each is system else System(sp.csr_array(_turned(each, U)), system.hbar)
    )
    return after, np.asarray(moved / portable.norm(moved)), later


def _turned(system: System, U: Amplitudes) -> Amplitudes:
    """U^dagger H U, (P, P)."""
    turned = np.asarray(U.conj().T @ (system.hamiltonian @ U))
    turned = 0.5 * (turned + turned.conj().T)
    turned[np.abs(turned) < ROUNDING * np.abs(turned).max()] = 0.0
    return turned


def _unitary(given: Any, P: int, folder: Path) -> Amplitudes:
    found = hamiltonian.read(given, folder, BASIS) if isinstance(given, (str, list)) else given
    if sp.issparse(found):
        _square(found.shape, P)
        found = formats.sound(found, BASIS).toarray()
    try:
        U = np.asarray(found.full() if hasattr(found, "full") else found, complex)
    except (TypeError, ValueError, OverflowError):
        raise InputError(BASIS, given, f"must be {hamiltonian.ALLOWED}") from None
    _square(U.shape, P)
    if not np.all(np.isfinite(U)):
        raise InputError(BASIS, given, "must be finite")
    with np.errstate(over="ignore", invalid="ignore"):
        overlap = U.conj().T @ U
    off = float(np.max(np.abs(overlap - np.eye(P))))
    if not off <= UNITARY_TO:
        raise InputError(BASIS, given, f"must be unitary; the largest element of U^dagger U - 1 is {off:.3g}")
    return np.asarray(U @ (1.5 * np.eye(P) - 0.5 * overlap))  # one Newton step towards the nearest unitary


def _square(shape: tuple[int, ...], P: int) -> None:
    if shape != (P, P):
        raise InputError(BASIS, f"array of shape {'x'.join(map(str, shape))}", f"must be {P}x{P}, a column a beable")
