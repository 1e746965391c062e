"""A composite system of parts and terms: H is the sum of the terms, each an operator of some of the parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.kernels import portable
from copympi.model import operators, parts
from copympi.model.elements import HERMITIAN_TO
from copympi.model.hamiltonian import number
from copympi.model.parts import Parts
from copympi.model.preparation import NORMAL_TO, ROUNDED_TO, vector
from copympi.model.system import System
from copympi.model.tables import table, unknown

TERMS, PREPARED = "system.terms", "preparation.parts"


def assembled(given: Any, terms: Any, hbar: float = 1.0, folder: Path = Path()) -> System:
    """The System of parts and terms as a user gives them, with its Parts as `system.parts`; InputErrors name the key.

    given : see parts.checked. terms : see hamiltonian.
    """
    made = parts.checked(given)
    return System(hamiltonian(terms, made, folder), hbar, parts=made)


def hamiltonian(terms: Any, made: Parts, folder: Path = Path(), key: str = TERMS) -> sp.csr_array:
    """H, (P, P) sparse, an energy: the sum of `terms`, a list of tables with on, operator and, if wished, strength.

    on : a part's name or a list of them. operator : see operators.operator; paths are relative to `folder`. strength :
    a real number; with " + h.c." in the operator it may be complex. InputErrors name `key`.
    """
    if not isinstance(terms, (list, tuple)):
        what = '{on = ["A", "B"], operator = "sz*sz", strength = 0.2}'
        raise InputError(key, "(left out)" if terms is None else terms, f"must be a list of tables {what}")
    together: dict[tuple[int, ...], sp.coo_array] = {}
    for k, term in enumerate(terms):
        on, local = _term(term, made, f"{key}[{k}]", folder)
        together[on] = sp.coo_array(together[on] + local) if on in together else local
    return operators.summed(list(together.items()), made)


def _term(term: Any, made: Parts, key: str, folder: Path) -> tuple[tuple[int, ...], sp.coo_array]:
    """Which parts a term is on, and its matrix."""
    table(term, key, ["on", "operator"], ["strength"])
    names = term["on"]
    names = names if isinstance(names, (list, tuple)) else [names]
    on = tuple(made.number(name, f"{key}.on[{i}]") for i, name in enumerate(names))
    if not on or len(set(on)) != len(on):
        raise InputError(f"{key}.on", names, "must name one part or several, each once")
    local, conjugate = operators.operator(term["operator"], on, made, f"{key}.operator", folder)
    strength = number(term.get("strength", 1.0), f"{key}.strength")
    if conjugate:
        half = sp.coo_array((portable.times(strength, local.data), local.coords), shape=local.shape)
        local = sp.coo_array(half + half.conj().T)
    else:
        if strength.imag != 0:
            raise InputError(f"{key}.strength", term["strength"], 'must be a real number, but with " + h.c."')
        _hermitian(local, term["operator"], f"{key}.operator")
        local = sp.coo_array(strength.real * local)
    if not np.all(np.isfinite(local.data)):
        raise InputError(f"{key}.strength", term.get("strength"), "is so large that an element is no number any more")
    return on, local


def _hermitian(local: sp.coo_array, given: Any, key: str) -> None:
    off = np.max(np.abs((local - local.conj().T).tocoo().data), initial=0.0)
    if off > HERMITIAN_TO * np.max(np.abs(local.data), initial=0.0):
        what = given if isinstance(given, str) else "matrix"
        raise InputError(key, what, f'must be Hermitian; it is off by {off:.3g} (" + h.c." adds the conjugate)')


def product_state(given: Any, made: Parts | None, normalise: bool) -> tuple[NDArray[np.complex128], float]:
    """Psi, (P,), normalised, of parts that each have a state of their own; and its norm where that was off by rounding.

    given : part -> amplitudes (d,), or the name of one of its beables. A part that is not named is in its first beable.
    InputError where there are no parts, for an unknown one or one given twice, or for a state that is not normalised.
    """
    if made is None:
        raise InputError(PREPARED, given, 'must go with parts of the system: builder = "composite", or a Qobj')
    if not isinstance(given, Mapping):
        raise InputError(PREPARED, given, 'must be a table {A = [0.6, 0.8], B = "0"}')
    states: dict[int, Any] = {}
    for name, state in given.items():
        k = made.number(name, f"{PREPARED}.{name}")
        if k in states:
            raise InputError(f"{PREPARED}.{made[k].name}", list(given), "is there twice, by name and by number")
        states[k] = state
    psi, norm = np.ones(1, complex), 1.0
    for k, part in enumerate(made):
        own = _state(states.get(k, part.labels[0]), part.labels, f"{PREPARED}.{part.name}")
        size = portable.norm(own)
        if not 0 < size < np.inf:
            raise InputError(f"{PREPARED}.{part.name}", states[k], "must not be zero")
        if not (normalise or abs(size**2 - 1) <= ROUNDED_TO):
            why = f"must be normalised; its sum of |Psi|^2 is {size**2:.9g} (preparation.normalise = true does it)"
            raise InputError(f"{PREPARED}.{part.name}", states[k], why)
        norm *= 1.0 if normalise or abs(size**2 - 1) <= NORMAL_TO else size**2
        psi = portable.times(psi[:, None], (own / size)[None]).ravel()
    return psi, norm


def _state(given: Any, labels: Sequence[str], key: str) -> NDArray[np.complex128]:
    if not isinstance(given, str):
        return np.asarray(vector(given, len(labels), key, complex), complex)
    if given not in labels:
        raise InputError(key, given, unknown("beable of it", given, labels))
    return np.asarray(np.arange(len(labels)) == labels.index(given), complex)
