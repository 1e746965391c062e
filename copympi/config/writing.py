"""A run that Python's keywords ask for, written down as TOML."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

MOST_NUMBERS = 1024
"""Numbers of an array that are written down; a larger one is named by its digest."""
NOTE = "# written by copympi.simulate"
DIGESTS = f"{NOTE}; arrays too large to be written down are named by a digest: this alone does not make the run again"


def toml(sections: dict[str, Any]) -> str:
    """Sections of keys as TOML, a list of them as tables of that name; None is left out.

    Arrays with more than MOST_NUMBERS are named by a digest.
    """
    lines = []
    for section, content in sections.items():
        for keys in content if isinstance(content, list) else [content]:
            lines.append(f"[[{section}]]" if isinstance(content, list) else f"[{section}]")
            lines += [f"{key} = {_value(plain(each))}" for key, each in keys.items() if each is not None]
    text = "\n".join(lines)
    return f"{DIGESTS if ' with digest ' in text else NOTE}\n{text}\n"


def plain(value: Any, most: int = MOST_NUMBERS, spelt: bool = False) -> Any:
    """A value in types that JSON and TOML have: complex numbers as strings, arrays as lists, or a digest of them.

    spelt : strings in lists that stand for numbers become these numbers, so that values can be compared.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, complex):
        return value.real if value.imag == 0.0 and not np.signbit(value.imag) else str(value).strip("()")
    if isinstance(value, dict):
        return {str(key): plain(each, most, spelt) for key, each in value.items()}
    if hasattr(value, "tocsr") and np.prod(value.shape, dtype=object) > most:
        whole = value.tocsr()
        parts = (whole.data, np.asarray(whole.indices, np.int64), np.asarray(whole.indptr, np.int64))
        digest = xxhash.xxh3_64_hexdigest(b"".join(part.tobytes() for part in parts))
        return f"array {' x '.join(map(str, whole.shape))} with digest {digest}"
    value = opened(value)
    if not isinstance(value, (list, tuple, np.ndarray)):
        return value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)
    found = numbers(value)
    if found is not None and found.size > most:
        shape = " x ".join(map(str, found.shape))
        return f"array {shape} with digest {xxhash.xxh3_64_hexdigest(found.view(np.uint8).data)}"
    rows = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(rows, (list, tuple)):
        return plain(rows, most, spelt)
    return [plain(_number(each) if spelt and isinstance(each, str) else each, most, spelt) for each in rows]


def numbers(value: Any) -> NDArray[np.complex128] | None:
    """The numbers in lists or an array, those spelt as strings too; None where something else is among them."""
    try:
        return np.ascontiguousarray(value, dtype=complex)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return np.array(_numbers(value), complex)
    except (TypeError, ValueError, OverflowError):
        return None


def opened(value: Any) -> Any:
    """QuTiP's objects and scipy's matrices as arrays."""
    if hasattr(value, "full") and hasattr(value, "dims"):
        whole = value.full()
        return whole.ravel() if 1 in whole.shape else whole
    return value.toarray() if hasattr(value, "toarray") else value


def _numbers(value: Any) -> Any:
    return [_numbers(each) for each in value] if isinstance(value, (list, tuple)) else complex(_number(value))


def _number(text: Any) -> Any:
    """A number that is spelt like those of a Hamiltonian, "0.1 - 0.2i"; what is none, as it is."""
    try:
        return complex(re.sub("i$", "j", re.sub(r"[\s*]", "", text))) if isinstance(text, str) else text
    except ValueError:
        return text


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {_value(each)}" for key, each in value.items() if each is not None)
        return "{" + ", ".join(pairs) + "}"
    return "[" + ", ".join(map(_value, value)) + "]"
