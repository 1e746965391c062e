"""Sparse matrices whose arrays do not fit together are refused before scipy's compiled code follows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from copympi.errors import InputError
from copympi.model import formats, hamiltonian
from copympi.model.system import System

H = np.array([[0.3, 0.5j, 0, 0], [-0.5j, -0.3, 0, 0], [0, 0, 0.1, 2.0], [0, 0, 2.0, 0.4]])
MAKE = {"csr": sp.csr_array, "csc": sp.csc_array, "bsr": lambda H: sp.bsr_array(H, blocksize=(2, 2))}
MAKE |= {"coo": sp.coo_array, "dia": sp.dia_array}
FAR = 1 << 30
Arrays = dict[str, Any]


def parts(layout: str) -> Arrays:
    made = MAKE[layout](H)
    return {name: np.array(getattr(made, name)) for name in formats.PARTS[layout]}


def put(name: str, place: int, value: int) -> Callable[[Arrays], Any]:
    return lambda arrays: arrays[name].__setitem__(place, value)


def swap(name: str, change: Callable[[Any], Any]) -> Callable[[Arrays], Any]:
    return lambda arrays: arrays.__setitem__(name, change(arrays[name]))


COMPRESSED = {
    "far": (put("indices", 1, FAR), "its indices must be from 0 to "),
    "negative": (put("indices", 1, -FAR), "its indices must be from 0 to "),
    "one too far": (lambda a: put("indices", 1, a["indptr"].size - 1)(a), "its indices must be from 0 to "),
    "begins late": (put("indptr", 0, 1), "its indptr must begin with 0 and end with "),
    "ends late": (put("indptr", -1, FAR), "its indptr must begin with 0 and end with "),
    "ends early": (put("indptr", -1, 1), "its indptr must begin with 0 and end with "),
    "falls": (put("indptr", 1, FAR), "its indptr must never fall"),
    "falls below": (put("indptr", 1, -FAR), "its indptr must never fall"),
    "short indptr": (swap("indptr", lambda x: x[1:]), "its indptr must have "),
    "no indptr": (swap("indptr", lambda x: x[:0]), "its indptr must have "),
    "short data": (swap("data", lambda x: x[1:]), "its data and indices must be equally long"),
    "short indices": (swap("indices", lambda x: x[1:]), "its data and indices must be equally long"),
    "float indices": (swap("indices", lambda x: x * 1.0), "its indices must be whole numbers"),
    "text": (swap("data", lambda x: x.astype("S")), "must hold numbers"),
    "axes": (swap("indptr", lambda x: x[None]), "its indptr must have 1 axis, not 2"),
}
BAD = {(layout, name): case for layout in ("csr", "csc", "bsr") for name, case in COMPRESSED.items()}
BAD |= {
    ("bsr", "blocks"): (swap("data", lambda x: np.ones((len(x), 3, 3))), "its blocks of 3x3 must divide it"),
    ("bsr", "no blocks"): (swap("data", lambda x: np.ones((len(x), 0, 2))), "its blocks of 0x2 must divide it"),
    ("coo", "far"): (put("row", 0, FAR), "its row must be from 0 to 3; one is 1073741824"),
    ("coo", "negative"): (put("col", 0, -1), "its col must be from 0 to 3; one is -1"),
    ("coo", "short"): (swap("col", lambda x: x[1:]), "its arrays must be equally long"),
    ("dia", "far"): (put("offsets", 0, FAR), "its offsets must be from -3 to 3"),
    ("dia", "twice"): (put("offsets", 0, 0), "its offsets must differ"),
    ("dia", "short"): (swap("offsets", lambda x: x[1:]), "it must have as many offsets as diagonals"),
}


@pytest.mark.parametrize(("layout", "name"), BAD, ids=str)
def test_refused_from_a_file(tmp_path: Path, layout: str, name: str) -> None:
    spoil, why = BAD[layout, name]
    arrays = parts(layout)
    spoil(arrays)
    np.savez(tmp_path / "H.npz", format=layout, shape=(4, 4), **arrays)
    with pytest.raises(InputError) as problem:
        hamiltonian.read("H.npz", tmp_path)
    assert why in str(problem.value)
    assert "\n" not in str(problem.value)
    if layout == "csr":
        with h5py.File(tmp_path / "H.h5", "w") as file:
            for part, values in arrays.items():
                file[f"H/{part}"] = values
            file["H/shape"] = (4, 4)
        with pytest.raises(InputError) as problem:
            hamiltonian.read("H.h5:/H", tmp_path)
        assert why in str(problem.value)


@pytest.mark.parametrize(("layout", "name"), [("csr", "far"), ("csc", "negative"), ("bsr", "falls"), ("coo", "far")])
def test_refused_from_python(layout: str, name: str) -> None:
    """scipy looks at the arrays of a matrix when it is made; what is done to them later it does not see."""
    matrix = MAKE[layout](H)
    spoil, why = BAD[layout, name]
    spoil({part: getattr(matrix, part) for part in formats.PARTS[layout]})
    with pytest.raises(InputError) as problem:
        System(matrix)
    assert why in str(problem.value)


@pytest.mark.parametrize("layout", MAKE)
def test_what_is_in_order_is_read(tmp_path: Path, layout: str) -> None:
    sp.save_npz(tmp_path / "H.npz", MAKE[layout](H))
    np.testing.assert_array_equal(hamiltonian.read("H.npz", tmp_path).toarray(), H)


def test_diagonals_longer_than_the_matrix(tmp_path: Path) -> None:
    """scipy allows them, and ignores what stands outside."""
    data = np.arange(1.0, 11.0).reshape(2, 5)
    np.savez(tmp_path / "H.npz", format="dia", shape=(4, 4), data=data, offsets=[0, 2])
    expected = sp.dia_array((data, [0, 2]), shape=(4, 4)).toarray()
    np.testing.assert_array_equal(hamiltonian.read("H.npz", tmp_path).toarray(), expected)


@pytest.mark.parametrize("shape", [(4, 4, 4), (0, 0), (-1, 4), (2**40, 2**40), (4.0, 4.0), "ab", 4])
def test_shapes(tmp_path: Path, shape: Any) -> None:
    np.savez(tmp_path / "H.npz", format="csr", shape=shape, **parts("csr"))
    with pytest.raises(InputError, match="must be two whole numbers from 1 to 2,147,483,647"):
        hamiltonian.read("H.npz", tmp_path)


def test_formats_of_no_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "H.npz", format="xyz", shape=(4, 4), **parts("csr"))
    with pytest.raises(InputError, match="is no format of a sparse matrix known here"):
        hamiltonian.read("H.npz", tmp_path)


HEAD = "%%MatrixMarket matrix "


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("array real general\n200000 200000\n1\n", "says that it holds 40,000,000,000 elements; its 57 bytes cannot"),
        ("coordinate real general\n4 4 400000000\n1 1 1\n", "says that it holds 400,000,000 elements; its "),
        ("coordinate real general\n20000000 20000000 1\n1 1 1\n", "must have more than 1 elements"),
        ("coordinate real general\n4 4 1\n9 1 1\n", "cannot be read: "),
        ("coordinate real general\n4 4 1\n-9 1 1\n", "cannot be read: "),
        ("coordinate real general\n4 4 2\n1 1 1\n", "says that it holds 2 elements; it has 1 lines of them"),
        ("coordinate real general\n4 4 1\n1 1 1\n2 2 1\n", "says that it holds 1 elements; it has 2 lines of them"),
        ("coordinate real general\n4 4 1\n1 1 1.x", "must have 3 numbers on each line of an element; line 3 has"),
        ("coordinate complex general\n4 4 1\n1 1 1.5\n", "must have 4 numbers on each line of an element"),
        ("coordinate pattern general\n4 4 1\n1 1 1\n", "must have 2 numbers on each line of an element"),
        ("coordinate real symmetric\n4 4 2\n1 1 1\n\0\0\0\0\0\0 2 2 1\n", "must be text without control characters"),
    ],
)
def test_matrix_market(tmp_path: Path, text: str, why: str) -> None:
    """A few bytes that would take gigabytes, elements outside, and a last line at which scipy crashes."""
    (tmp_path / "H.mtx").write_text(HEAD + text)
    with pytest.raises(InputError) as problem:
        hamiltonian.read("H.mtx", tmp_path)
    assert why in str(problem.value)


def test_a_dataset_larger_than_memory(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "H.h5", "w") as file:
        file.create_dataset("H", (1 << 24, 1 << 24), dtype="f8", chunks=(64, 64))
    with pytest.raises(InputError, match="more than this machine's memory"):
        hamiltonian.read("H.h5:/H", tmp_path)
