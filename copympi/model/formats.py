"""Sparse matrices from files and users, checked in full: scipy's compiled code trusts the indices it is given."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.memory import there

COMPRESSED = ("data", "indices", "indptr")
PARTS = {
    "csr": COMPRESSED,
    "csc": COMPRESSED,
    "bsr": COMPRESSED,
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}
"""By scipy's name of a format: the arrays a matrix is made of."""
MOST_BEABLES = 2**31 - 1
EMPTY = 1000
"""Rows for each element that a matrix may have: more is a mistake, or a few bytes that take all memory."""
PRINTED = bytes([9, 10, 13, *range(32, 127), *range(128, 256)])
"""Bytes of text in any encoding."""
NUMBERS = {"pattern": 0, "complex": 2}
"""Of an element's value in a Matrix Market file, by kind; 1 where nothing is said here."""
NUMBER = rb"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|[iI][nN][fF](?:inity)?|[nN][aA][nN])"
LEAST_BYTES = {"coordinate": {"pattern": 4, "complex": 8}, "array": {"complex": 4}}
"""Least bytes an element takes in a Matrix Market file, by layout and kind; 6 and 2 where nothing is said here."""


def csr(layout: str, parts: dict[str, Any], shape: Any, key: str) -> sp.csr_array:
    """The matrix that arrays in scipy's format `layout` stand for. InputError says of `key` what is wrong with them."""
    if layout not in PARTS:
        raise InputError(key, layout, f"is no format of a sparse matrix known here: {', '.join(PARTS)}")
    rows, columns = _sides(shape, key)
    arrays = {name: np.asarray(parts[name]) for name in PARTS[layout]}
    problem = _numbers(arrays["data"]) or _problem(layout, arrays, rows, columns)
    if problem:
        raise InputError(key, f"{layout} matrix of {rows:,}x{columns:,}", problem)
    if rows > EMPTY * (arrays["data"].size + 1):
        raise InputError(key, f"{rows:,} beables", f"must have more than {arrays['data'].size:,} elements")
    data = arrays["data"]
    if layout == "coo":
        made: Any = sp.coo_array((data, (arrays["row"], arrays["col"])), shape=(rows, columns))
    elif layout == "dia":
        made = _from_diagonals(data, arrays["offsets"].astype(np.int64), rows, columns)
    else:
        kinds = {"csr": sp.csr_array, "csc": sp.csc_array, "bsr": sp.bsr_array}
        made = kinds[layout]((data, arrays["indices"], arrays["indptr"]), shape=(rows, columns))
    return sp.csr_array(made)


def sound(matrix: Any, key: str) -> Any:
    """A scipy.sparse matrix as it is, once its arrays are known to be in order; InputError otherwise."""
    if matrix.format in PARTS and len(matrix.shape) == 2:
        arrays = {name: np.asarray(getattr(matrix, name)) for name in PARTS[matrix.format]}
        problem = _problem(matrix.format, arrays, *map(int, matrix.shape))
        if problem:
            raise InputError(key, f"{matrix.format} matrix of {matrix.shape[0]:,}x{matrix.shape[1]:,}", problem)
    return matrix


def fits(shape: tuple[int, ...], key: str, what: object) -> None:
    """InputError where a dense complex array of this shape is larger than this machine's memory."""
    size = 16 * int(np.prod(shape, dtype=object))
    if size > there():
        sides = "x".join(map(str, shape))
        raise InputError(key, what, f"holds {sides} numbers: {size:.3g} bytes, more than this machine's memory")


def matrix_market(path: Path, key: str) -> None:
    """InputError where a .mtx file has another number of elements than it says, rows without end, or is no text.

    scipy's compiled reader crashes on some of these.
    """
    from scipy.io import mminfo

    rows, columns, entries, layout, field, symmetry = mminfo(path)
    if layout == "array" and symmetry != "general":
        entries = rows * (rows + 1) // 2
    least = LEAST_BYTES[layout].get(field, 6 if layout == "coordinate" else 2)
    size = path.stat().st_size
    if least * entries > size + 1:
        raise InputError(key, path.name, f"says that it holds {entries:,} elements; its {size:,} bytes cannot")
    numbers = (2 if layout == "coordinate" else 0) + NUMBERS.get(field, 1)
    problem = _text(path, entries, numbers)
    if problem:
        raise InputError(key, path.name, problem)
    if layout == "coordinate" and max(rows, columns) > EMPTY * (entries + 1):
        raise InputError(key, f"{rows:,} beables", f"must have more than {entries:,} elements")
    if layout == "array":
        fits((rows, columns), key, path.name)


def _text(path: Path, entries: int, numbers: int) -> str:
    """What is wrong with the lines of a Matrix Market file: one for each element, of so many `numbers`, after those
    that begin it."""
    element = re.compile(rb"\s*" + rb"\s+".join([NUMBER] * numbers) + rb"\s*")
    lines, begun = 0, False
    with path.open("rb") as file:
        for place, line in enumerate(file, 1):
            if line.translate(None, PRINTED):
                return "must be text without control characters"
            if line.strip() and not line.lstrip().startswith(b"%"):
                if begun and not element.fullmatch(line):  # it reads on past the end, or leaves out what it cannot read
                    return f"must have {numbers} numbers on each line of an element; line {place} has something else"
                lines, begun = lines + begun, True  # the first says how many there are
    return "" if lines == entries else f"says that it holds {entries:,} elements; it has {lines:,} lines of them"


def _sides(shape: Any, key: str) -> tuple[int, int]:
    sides = np.asarray(shape)
    if sides.shape != (2,) or sides.dtype.kind not in "iu" or not all(1 <= int(n) <= MOST_BEABLES for n in sides):
        raise InputError(key, f"shape {sides.tolist()}", f"must be two whole numbers from 1 to {MOST_BEABLES:,}")
    return int(sides[0]), int(sides[1])


def _numbers(data: NDArray[Any]) -> str:
    return "" if data.dtype.kind in "biufc" else f"must hold numbers; its elements are of type {data.dtype}"


def _problem(layout: str, arrays: dict[str, NDArray[Any]], rows: int, columns: int) -> str:
    """What is wrong with the arrays of a matrix, or nothing."""
    for name, values in arrays.items():
        axes = {"bsr": 3, "dia": 2}.get(layout, 1) if name == "data" else 1
        if values.ndim != axes:
            return f"its {name} must have {axes} {'axis' if axes == 1 else 'axes'}, not {values.ndim}"
        if name != "data" and values.dtype.kind not in "iu":
            return f"its {name} must be whole numbers, not {values.dtype}"
    data = arrays["data"]
    if layout == "coo":
        return _lengths(arrays) or _range("row", arrays["row"], rows) or _range("col", arrays["col"], columns)
    if layout == "dia":
        return _diagonals(arrays["offsets"], data, rows, columns)
    if layout == "bsr":
        if 0 in data.shape[1:] or rows % data.shape[1] or columns % data.shape[2]:
            return f"its blocks of {data.shape[1]}x{data.shape[2]} must divide it"
        rows, columns = rows // data.shape[1], columns // data.shape[2]
    lines, across = (columns, rows) if layout == "csc" else (rows, columns)
    return _pointers(arrays["indptr"], lines, len(data), arrays["indices"].size) or _range(
        "indices", arrays["indices"], across
    )


def _lengths(arrays: dict[str, NDArray[Any]]) -> str:
    sizes = {name: len(values) for name, values in arrays.items()}
    return "" if len(set(sizes.values())) == 1 else f"its arrays must be equally long; they have {sizes}"


def _range(name: str, values: NDArray[Any], most: int) -> str:
    if values.size and not (int(values.min()) >= 0 and int(values.max()) < most):
        bad = int(values.min()) if int(values.min()) < 0 else int(values.max())
        return f"its {name} must be from 0 to {most - 1}; one is {bad}"
    return ""


def _pointers(indptr: NDArray[Any], lines: int, data: int, indices: int) -> str:
    """Where each line of a compressed matrix begins, from 0 to the number of elements."""
    if indptr.size != lines + 1:
        return f"its indptr must have {lines + 1} numbers, not {indptr.size}"
    if data != indices:
        return f"its data and indices must be equally long, not {data} and {indices}"
    if int(indptr[0]) != 0 or int(indptr[-1]) != indices:
        return f"its indptr must begin with 0 and end with {indices}; it has {int(indptr[0])} and {int(indptr[-1])}"
    if np.any(indptr[1:] < indptr[:-1]):
        return "its indptr must never fall"
    return ""


def _diagonals(offsets: NDArray[Any], data: NDArray[Any], rows: int, columns: int) -> str:
    if len(offsets) != len(data):
        return f"it must have as many offsets as diagonals, not {len(offsets)} and {len(data)}"
    if len(np.unique(offsets)) != len(offsets):
        return "its offsets must differ"
    if offsets.size and not (-rows < int(offsets.min()) and int(offsets.max()) < columns):
        return f"its offsets must be from {1 - rows} to {columns - 1}"
    return ""


def _from_diagonals(data: NDArray[Any], offsets: NDArray[np.int64], rows: int, columns: int) -> sp.coo_array:
    """data[k, j] stands in column j, row j - offsets[k]."""
    column = np.broadcast_to(np.arange(data.shape[1]), data.shape)
    row = column - offsets[:, None]
    inside = (row >= 0) & (row < rows) & (column < columns)
    return sp.coo_array((data[inside], (row[inside], column[inside])), shape=(rows, columns))
