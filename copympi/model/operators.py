"""Operators of one part or several: by name, as products of names, as matrices; and how they act on the whole.

Named operators in d dimensions, beable 0 first:

- sx, sy, sz: twice the spin matrices of spin (d - 1)/2, so Pauli's at d = 2: sz = diag(d-1, d-3, ..., -(d-1)); QuTiP's
  2 jmat((d-1)/2, "x") and so on. sp = (sx + i sy)/2 raises the spin, from beable 1 to 0; sm = sp^dagger.
- n = diag(0, 1, ..., d-1). x = (a + a^dagger)/sqrt(2) and p = -i (a - a^dagger)/sqrt(2) of the ladder operator
  a|k> = sqrt(k)|k-1>, cut off at d: in units of the oscillator's length and of hbar over it.
- identity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model import formats, hamiltonian
from copympi.model.parts import Parts, same_dims
from copympi.model.tables import unknown

CONJUGATE = re.compile(r"\s*\+\s*h\.?\s*c\.?\s*$", re.IGNORECASE)
"""What asks for the Hermitian conjugate to be added: "sp*sm + h.c."."""


def _raising(d: int) -> NDArray[np.float64]:
    """J+ of spin (d - 1)/2: from m to m + 1, which is one beable before."""
    k = np.arange(1, d)
    return np.diag(np.sqrt(k * (d - k)), 1)


def _lowering(d: int) -> NDArray[np.float64]:
    """a of a ladder that is cut off."""
    return np.diag(np.sqrt(np.arange(1, d)), 1)


NAMED: dict[str, Callable[[int], NDArray[Any]]] = {
    "sx": lambda d: _raising(d) + _raising(d).T,
    "sy": lambda d: -1j * (_raising(d) - _raising(d).T),
    "sz": lambda d: np.diag(np.arange(d - 1, -d, -2, dtype=float)),
    "sp": _raising,
    "sm": lambda d: _raising(d).T,
    "n": lambda d: np.diag(np.arange(d, dtype=float)),
    "x": lambda d: (_lowering(d) + _lowering(d).T) / np.sqrt(2),
    "p": lambda d: -1j * (_lowering(d) - _lowering(d).T) / np.sqrt(2),
    "identity": np.eye,
}


def operator(given: Any, on: Sequence[int], parts: Parts, key: str, folder: Path = Path()) -> tuple[sp.coo_array, bool]:
    """The matrix (D, D) of an operator of the parts `on`, in their order; and whether " + h.c." is to be added.

    given : names with * between, one for each part; a path relative to `folder`; rows of numbers; an array, sparse or
    dense, or a QuTiP Qobj. InputError where it is none of these, not finite, or of another size.
    """
    conjugate = False
    if isinstance(given, str):
        text, found = CONJUGATE.subn("", given)
        names = [name.strip() for name in text.split("*")]
        if found or all(name in NAMED for name in names) or not _is_path(text, names):
            return _product(names, on, parts, key, given), bool(found)
    matrix = hamiltonian.read(given, folder, key) if isinstance(given, (str, list)) else given
    if hasattr(matrix, "data_as"):  # QuTiP 5, as it stands
        matrix = matrix.data_as()
    elif hasattr(matrix, "full") and hasattr(matrix, "dims"):
        matrix = matrix.full()
    try:
        dense = not sp.issparse(matrix)
        made = sp.coo_array(np.asarray(matrix, complex) if dense else formats.sound(matrix, key).astype(complex))
    except (TypeError, ValueError, OverflowError):
        raise InputError(key, given, f"must be names of operators, or {hamiltonian.ALLOWED}") from None
    made.sum_duplicates()
    D = int(np.prod([parts.dims[k] for k in on], dtype=object))
    if made.shape != (D, D):
        shape = "array of shape " + "x".join(map(str, made.shape))
        raise InputError(key, shape, f"must be {D}x{D}, for {_said(on, parts)}")
    same_dims(given, [parts.dims[k] for k in on], key)
    if not np.all(np.isfinite(made.data)):
        raise InputError(key, given, "every element must be finite")
    return made, conjugate


def _is_path(text: str, names: list[str]) -> bool:
    product = len(names) > 1 and names[-1] in NAMED  # 0.5*sx is no file
    return "/" in text or ":" in text or ("." in text and not product)


def _product(names: list[str], on: Sequence[int], parts: Parts, key: str, given: str) -> sp.coo_array:
    for name in names:
        if name not in NAMED:
            raise InputError(key, given, _misread(name))
    if len(names) != len(on):
        said = f"must have one factor for {_said(on, parts)}, with * between; it has {len(names)}"
        raise InputError(key, given, said)
    made = sp.coo_array(np.ones((1, 1), complex))  # elements are real or imaginary: NumPy's products have one value
    for name, k in zip(names, on, strict=True):
        made = sp.coo_array(sp.kron(made, sp.coo_array(NAMED[name](parts.dims[k]).astype(complex)), format="coo"))
    return made


def _misread(name: str) -> str:
    """What to say of a factor that is no operator's name."""
    try:
        complex(name.replace("i", "j").replace(" ", ""))
    except ValueError:
        more = "a sum is two terms, and a product has * between; " if re.search(r"\w[\s+-]+\w", name) else ""
        return f"{more}{unknown('operator', name, list(NAMED))}; or a matrix, or its file"
    return f"{name} is no operator: numbers go into strength"


def _said(on: Sequence[int], parts: Parts) -> str:
    few = ", ".join(f"{parts[k].name} (dimension {parts[k].dimension})" for k in on[:4])
    return f"part{'s' * (len(on) > 1)} {few}{', ...' if len(on) > 4 else ''}"


def summed(terms: Sequence[tuple[Sequence[int], sp.coo_array]], parts: Parts) -> sp.csr_array:
    """The sum, (P, P) sparse, of operators (D, D) of some parts each; the other parts are left as they are."""
    P = parts.P
    diagonal, rows, columns, data = np.zeros(P, complex), [], [], []
    for on, local in terms:
        place, rest = parts.offsets(on)
        moves = local.row != local.col
        still = np.zeros(len(place), complex)
        np.add.at(still, local.row[~moves], local.data[~moves])
        if np.any(still):
            diagonal[rest[:, None] + place] += still
        rows.append((rest[:, None] + place[local.row[moves]]).ravel())
        columns.append((rest[:, None] + place[local.col[moves]]).ravel())
        data.append(np.broadcast_to(local.data[moves], (len(rest), int(np.count_nonzero(moves)))).ravel())
    a = np.flatnonzero(diagonal).astype(np.int32)
    rows, columns, data = [*rows, a], [*columns, a], [*data, diagonal[a]]
    entries = np.concatenate(data), (np.concatenate(rows), np.concatenate(columns))
    return sp.csr_array(sp.coo_array(entries, shape=(P, P)))
