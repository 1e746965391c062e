"""H(t) as Python has it: a list [H0, [H1, f1], ...] of Hamiltonians and functions of t, or QuTiP's QobjEvo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from copympi.errors import InputError
from copympi.model.drives import Drive, shaken, term
from copympi.model.parts import of_dims
from copympi.model.pulses import Function, Pulse, function, named
from copympi.model.system import System
from copympi.text import shorten

KEY = "system"
LOOKS = 65
"""Times at which H(t) must be Hermitian."""
HERMITIAN_TO = 1e-9
Values = Callable[[float], Any]


def evolves(given: Any) -> bool:
    """Whether this is an H(t): a QobjEvo, or a list with a pair of a matrix and what may be a function of time."""
    if _quantum_evo(given):
        return True
    return isinstance(given, (list, tuple)) and any(_pair(each) for each in given)


def _quantum_evo(given: Any) -> bool:
    return callable(given) and hasattr(given, "to_list") and hasattr(given, "isconstant")


def _pair(given: Any) -> bool:
    if not isinstance(given, (list, tuple)) or len(given) != 2:
        return False
    H, f = given
    return not isinstance(H, (str, int, float, complex)) and (callable(f) or isinstance(f, (str, dict)))


def split(given: Any, args: dict[str, Any] | None, duration: float) -> tuple[System, tuple[Drive, ...]]:
    """System of H_0, and the drives of what `evolves`.

    given : [H0, [H1, f1], ...]: H as a System, or what System accepts; on a lattice, a System with one, the others are
        potentials (a name, a table or numbers (P,)) or diagonal matrices; f a function of t, of (t, args) or of t and
        names in args, a table like {"shape": "gaussian", ...}, or a string as QuTiP has them. Or a QobjEvo.
    args : what functions take besides t. duration : up to which H(t) must be Hermitian.

    A complex f goes with an H that is not Hermitian: the sum of all must be. Raises InputError where it is not, or
    where something is no Hamiltonian or no function.
    """
    constants, pairs = _parts(given, args)
    if not constants:
        constants = [0 * _matrix(pairs[0][0])]
    evo = _quantum_evo(given)
    still, moved = (constants, pairs) if evo else ([e for e in given if not _pair(e)], list(filter(_pair, given)))
    system = _undriven(constants, still, [each[0] for each in moved])
    drives: list[Drive] = []
    unlike: list[tuple[Any, Values]] = []  # what need not be Hermitian by itself
    for j, (H, f) in enumerate(pairs, 1):
        key = f"{KEY}[{j}]"
        if isinstance(f, dict):
            drives.append(_drive(H, named(f, f"{key}[1]"), system, key))
            continue
        values = function(f, f"{key}[1]", args)
        if system.lattice is not None or _is_hermitian(H):
            drives.append(_drive(H, Function(_real(values), f"{key}[1]"), system, key))
            unlike.append((None if system.lattice is not None else _matrix(H), values))
            continue
        matrix = _matrix(H)
        even, odd = 0.5 * (matrix + matrix.conj().T), -0.5j * (matrix - matrix.conj().T)
        drives.append(_drive(even, Function(_real(values), f"{key}[1]"), system, key))
        drives.append(_drive(odd, Function(_minus_imaginary(values), f"{key}[1]"), system, key))
        unlike.append((matrix, values))
    _check_hermitian(unlike, duration)
    return system, tuple(drives)


def _undriven(constants: list[Any], still: list[Any], moved: list[Any]) -> System:
    """The System of H_0, the sum of `constants`.

    still, moved : all H as given, without and with a function. hbar is that of the first System among them; names of
    beables and parts are those of the first System or Qobj. A lattice that stands still stays one where what is added
    to it is diagonal. InputError where they do not fit.
    """
    told = [*still, *moved]
    systems = [each for each in told if isinstance(each, System)]
    hbar = systems[0].hbar if systems else 1.0
    for other in systems:
        if other.hbar != hbar:
            raise InputError(KEY, f"hbar = {other.hbar:g}", f"must have the hbar of the first System: {hbar:g}")
    if len(constants) == 1 and isinstance(constants[0], System):
        return constants[0]
    matrices = [_matrix(each) for each in constants] if len(constants) > 1 else constants
    for matrix in matrices[1:]:
        if matrix.shape != matrices[0].shape:
            why = f"must have the shape of the constant H before it: {matrices[0].shape}"
            raise InputError(KEY, f"H of shape {matrix.shape}", why)
    whole = matrices[0] if len(matrices) == 1 else sum(matrices[1:], matrices[0])
    named = next((each for each in told if isinstance(each, System) or hasattr(each, "dims")), None)
    if not isinstance(named, System):
        return System(whole, hbar, parts=of_dims(getattr(named, "dims", None)))
    system = _on_lattice(whole, named) if any(each is named for each in still) else System(whole, hbar)
    if system.P == named.P:
        system.labels, system.parts = named.labels, named.parts
    return system


def _on_lattice(H: sp.csr_array, first: System) -> System:
    """The System of H [energy] on the lattice of `first`, where it has one and H is diagonal but for its hopping."""
    if first.lattice is None:
        return System(H, first.hbar)
    more = H - first.hamiltonian
    V = more.diagonal()
    if (more - sp.diags_array(V)).count_nonzero() or V.imag.any():
        return System(H, first.hbar)
    made = replace(first.lattice, potential=first.lattice.potential + V.real)
    return System(None, first.hbar, lattice=made)


def _parts(given: Any, args: dict[str, Any] | None) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """Constant terms, and pairs of a term and its function."""
    if not _quantum_evo(given) and any(isinstance(each[1], str) for each in given if _pair(each)):
        given = _compiled(given, args)
    if not _quantum_evo(given):
        pairs = [(each[0], each[1]) for each in given if _pair(each)]
        return [each for each in given if not _pair(each)], pairs
    terms = given.to_list()
    for each in terms:
        if isinstance(each, list) and not hasattr(each[0], "dims"):
            why = "must be a sum of constant operators times functions of t, not a function that gives operators"
            raise InputError(KEY, each[0], why)
    return [each for each in terms if not isinstance(each, list)], [tuple(e) for e in terms if isinstance(e, list)]


def _compiled(given: Any, args: dict[str, Any] | None) -> Any:
    """The QobjEvo of a list with strings, where QuTiP is there."""
    try:
        from qutip import Qobj, QobjEvo, coefficient
    except ImportError:
        raise InputError(KEY, "functions as strings", "must be Python functions where QuTiP is not installed") from None

    def operator(H: Any) -> Any:
        return H if isinstance(H, Qobj) else Qobj(_matrix(H).toarray())

    try:
        if any(isinstance(each, System) and each.lattice is not None for each in given):  # potentials are no Qobj
            made = {e[1]: coefficient(e[1], args=args or {}) for e in given if _pair(e) and isinstance(e[1], str)}
            return [(e[0], made[e[1]]) if _pair(e) and isinstance(e[1], str) else e for e in given]
        return QobjEvo([[operator(e[0]), e[1]] if _pair(e) else operator(e) for e in given], args=args or {})
    except InputError:
        raise
    except Exception as problem:  # QuTiP has no type of its own for what it cannot read
        said = [each[1] for each in given if _pair(each) and isinstance(each[1], str)]
        raise InputError(KEY, said, f"cannot be read by QuTiP: {shorten(str(problem))}") from None


def _matrix(H: Any) -> sp.csr_array:
    """H, (P, P) sparse complex; InputError where it is no matrix."""
    if isinstance(H, System):
        return H.hamiltonian
    if hasattr(H, "data_as"):
        H = H.data_as()
    try:
        return sp.csr_array(H if sp.issparse(H) else np.asarray(H, complex))
    except (TypeError, ValueError):
        raise InputError(KEY, H, "must be a square matrix of finite numbers") from None


def _is_hermitian(H: Any) -> bool:
    matrix = _matrix(H)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        return True  # System says what is wrong
    return not (matrix != matrix.conj().T).nnz


def _drive(H: Any, pulse: Pulse, system: System, key: str) -> Drive:
    matrix = isinstance(H, System) or hasattr(H, "dims") or sp.issparse(H) or np.ndim(H) == 2
    if system.lattice is not None and not (matrix and np.shape(H) != system.lattice.shape):
        return shaken(H, pulse, system, key=key)
    return term(H.hamiltonian if isinstance(H, System) else H, pulse, system, key)


def _real(values: Values) -> Values:
    return lambda t: _number(values(t)).real


def _minus_imaginary(values: Values) -> Values:
    return lambda t: -_number(values(t)).imag


def _number(value: Any) -> complex:
    try:
        return complex(value)
    except (TypeError, ValueError):
        raise InputError(f"{KEY}: a function of t", value, "must give a number") from None


def _check_hermitian(terms: list[tuple[Any, Values]], duration: float) -> None:
    """InputError where the sum of f H is not Hermitian at one of LOOKS times."""
    for t in np.linspace(0.0, duration, LOOKS) if np.isfinite(duration) else ():
        left, scale = 0.0, 0.0
        whole = None
        for H, values in terms:
            f = _number(values(float(t)))
            if H is None:  # a potential of a lattice
                left, scale = max(left, abs(f.imag)), max(scale, abs(f))
                continue
            part = f * H
            whole = part if whole is None else whole + part
            scale = max(scale, float(np.max(np.abs(part.data), initial=0.0)))
        if whole is not None:
            left = max(left, float(np.max(np.abs((whole - whole.conj().T).data), initial=0.0)))
        if left > HERMITIAN_TO * scale:
            raise InputError(KEY, f"H(t = {t:g})", f"must be Hermitian; the largest |H - H^dagger| is {left:.3g}")
