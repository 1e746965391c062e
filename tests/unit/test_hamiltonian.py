"""A Hamiltonian may come in any form; the same numbers always make the same System."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import qutip
import scipy.io
import scipy.sparse as sp

from copympi.errors import InputError
from copympi.model import hamiltonian
from copympi.model.system import System

H = np.array(
    [
        [0.3, 0.5 - 0.2j, 0.0, 0.0],
        [0.5 + 0.2j, -0.3, 1.5j, 0.0],
        [0.0, -1.5j, 0.7, -0.25],
        [0.0, 0.0, -0.25, 0.0],
    ]
)


def csr_group(file: h5py.Group, matrix: Any, with_shape: bool) -> None:
    csr = sp.csr_array(matrix)
    for part in ("data", "indices", "indptr"):
        file[part] = getattr(csr, part)
    if with_shape:
        file["shape"] = csr.shape


def save_hdf5(folder: Path) -> None:
    with h5py.File(folder / "H.h5", "w") as file:
        file["H"] = H
        file["deep/inside/H"] = H
        csr_group(file.create_group("csr"), H, with_shape=True)
        csr_group(file.create_group("bare"), H, with_shape=False)


def save_npy(folder: Path) -> None:
    np.save(folder / "H.npy", H)


def in_colon(folder: Path, name: str, save: Callable[[Path], Any], place: str = "12:30:00") -> str:
    (folder / place).mkdir()
    save(folder / place)
    return f"{place}/{name}"


FROM_CONFIG: dict[str, Callable[[Path], Any]] = {
    "numbers and strings": lambda folder: [
        [0.3, "0.5-0.2j", 0, 0],
        ["0.5 + 0.2 j", -0.3, "1.5j", "0"],
        [0, "-1.5i", "0.7", -0.25],
        [0, 0, "-2.5e-1", 0.0],
    ],
    ".npy": lambda folder: np.save(folder / "H.npy", H) or "H.npy",
    ".npy in Fortran order": lambda folder: np.save(folder / "H.npy", np.asfortranarray(H)) or "H.npy",
    ".npy by absolute path": lambda folder: np.save(folder / "H.npy", H) or str(folder / "H.npy"),
    ".npz dense": lambda folder: np.savez(folder / "H.npz", energies=H) or "H.npz",
    ".npz compressed": lambda folder: np.savez_compressed(folder / "H.npz", H) or "H.npz",
    ".npz csr": lambda folder: sp.save_npz(folder / "H.npz", sp.csr_array(H)) or "H.npz",
    ".npz csc matrix": lambda folder: sp.save_npz(folder / "H.npz", sp.csc_matrix(H)) or "H.npz",
    ".npz coo": lambda folder: sp.save_npz(folder / "H.npz", sp.coo_array(H)) or "H.npz",
    ".mtx sparse": lambda folder: scipy.io.mmwrite(folder / "H.mtx", sp.coo_array(H)) or "H.mtx",
    ".mtx dense": lambda folder: scipy.io.mmwrite(folder / "H.mtx", H) or "H.mtx",
    ".mtx half": lambda folder: scipy.io.mmwrite(folder / "H.mtx", sp.coo_array(H), symmetry="hermitian") or "H.mtx",
    ".h5 dataset": lambda folder: save_hdf5(folder) or "H.h5:H",
    ".h5 /dataset": lambda folder: save_hdf5(folder) or "H.h5:/H",
    ".h5 dataset in groups": lambda folder: save_hdf5(folder) or "H.h5:/deep/inside/H",
    ".npy in a folder with a colon": lambda folder: in_colon(folder, "H.npy", save_npy),
    ".h5 in a folder with a colon": lambda folder: in_colon(folder, "H.h5", save_hdf5) + ":/H",
    ".h5 in a folder like a file": lambda folder: in_colon(folder, "H.h5", save_hdf5, "old.h5:1") + ":/H",
    ".H5": lambda folder: save_hdf5(folder) or f"{(folder / 'H.h5').rename(folder / 'H.H5')}:/H",
    ".h5 csr": lambda folder: save_hdf5(folder) or "H.h5:/csr",
    ".h5 csr without shape": lambda folder: save_hdf5(folder) or "H.h5:/bare",
}

FROM_PYTHON: dict[str, Any] = {
    "array": H,
    "lists": H.tolist(),
    "np.matrix": np.array(H, order="F"),
    "csr_array": sp.csr_array(H),
    "csr_matrix": sp.csr_matrix(H),
    "csc_array": sp.csc_array(H),
    "coo_array": sp.coo_array(H),
    "coo with doubles": sp.coo_array(
        (
            np.concatenate([H[H != 0] / 2, H[H != 0] / 2]),
            (np.tile(np.nonzero(H)[0], 2), np.tile(np.nonzero(H)[1], 2)),
        ),
        shape=H.shape,
    ),
    "csr with stored zeros": sp.csr_array((H.ravel(), np.tile(np.arange(4), 4), np.arange(0, 17, 4)), shape=(4, 4)),
    "lil_array": sp.lil_array(H),
    "qutip dense": qutip.Qobj(H).to("Dense"),
    "qutip csr": qutip.Qobj(sp.csr_matrix(H)).to("CSR"),
    "qutip dia": qutip.Qobj(H).to("Dia"),
    "qutip of two spins": qutip.Qobj(H, dims=[[2, 2], [2, 2]]),
}


def same(system: System) -> None:
    np.testing.assert_array_equal(system.frequencies.toarray(), H)
    assert system.P == 4
    assert system.frequencies.nnz == np.count_nonzero(H)
    assert system.labels == (["0", "1", "2", "3"] if system.parts is None else ["00", "01", "10", "11"])
    of = "" if system.parts is None else "parts=A:2 x B:2, "
    assert repr(system) == f"System(P=4, {of}pairs=3, hbar=1)"


@pytest.mark.parametrize("form", FROM_CONFIG)
def test_every_form_of_the_config_gives_the_same_system(tmp_path: Path, form: str) -> None:
    same(System(hamiltonian.read(FROM_CONFIG[form](tmp_path), tmp_path)))


@pytest.mark.parametrize("form", FROM_PYTHON)
def test_every_form_of_python_gives_the_same_system(form: str) -> None:
    same(System(FROM_PYTHON[form]))


def test_hbar_divides() -> None:
    system = System(H, hbar=4.0)
    np.testing.assert_array_equal(system.frequencies.toarray(), H / 4)
    np.testing.assert_array_equal(system.hamiltonian.toarray(), H)


@pytest.mark.parametrize("scale", [1e-40, 1e-24, 1e24])
def test_energies_in_any_unit(scale: float) -> None:
    """Joules, say: QuTiP's conversions between its formats would drop elements below 1e-12."""
    for matrix in (scale * H, sp.csr_array(scale * H), qutip.Qobj(scale * H, dtype="Dense")):
        np.testing.assert_array_equal(System(matrix).frequencies.toarray(), scale * H)


def test_integers_and_reals_do() -> None:
    for dtype in (np.int32, np.float32, np.float64, np.complex64):
        system = System(np.array([[1, 2], [2, -1]], dtype=dtype))
        np.testing.assert_array_equal(system.frequencies.toarray(), [[1, 2], [2, -1]])


def test_the_matrix_given_is_left_alone() -> None:
    dense, sparse = H.copy(), sp.csr_array(H)
    before = sparse.copy()
    System(dense, hbar=2.0)
    System(sparse, hbar=2.0)
    np.testing.assert_array_equal(dense, H)
    np.testing.assert_array_equal(sparse.toarray(), before.toarray())


def test_rounding_is_forgiven_and_evened_out() -> None:
    off = H.copy()
    off[0, 1] += 1e-13
    W = System(off).frequencies.toarray()
    np.testing.assert_array_equal(W, W.conj().T)
    np.testing.assert_allclose(W, H, atol=1e-13)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_not_hermitian_says_where_and_by_how_much(scale: float) -> None:
    off = H.copy()
    off[1, 2] += 1e-3j
    off[3, 0] = 1e-4
    with pytest.raises(InputError, match="must be Hermitian") as problem:
        System(scale * off)
    text = str(problem.value)
    assert text.startswith('system.hamiltonian = "H[1,2] = ')
    assert f"|H[1,2] - conj(H[2,1])| = {1e-3 * scale:.3g}" in text


def test_complex_diagonal_is_not_hermitian() -> None:
    with pytest.raises(InputError, match=r"\|H\[1,1\] - conj\(H\[1,1\]\)\| = 0.5"):
        System(np.diag([1.0, 0.25j]))


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array, qutip.Qobj], ids=lambda f: f.__name__)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, complex(0, np.nan)], ids=str)
def test_not_finite_says_where(make: Callable[[Any], Any], value: complex) -> None:
    bad = H.copy()
    bad[2, 1] = bad[1, 2] = value
    with pytest.raises(InputError, match="every element must be finite") as problem:
        System(make(bad))
    assert 'system.hamiltonian = "H[1,2] = ' in str(problem.value)


@pytest.mark.parametrize(
    ("matrix", "shape"),
    [
        (np.ones((2, 3)), " 2x3"),
        (sp.csr_array(np.ones((3, 2))), " 3x2"),
        (np.ones(4), " 4"),
        (np.ones((2, 2, 2)), " 2x2x2"),
        (np.zeros((0, 0)), " 0x0"),
        (3.0, ""),
        (qutip.basis(3, 0), " 3x1"),
    ],
    ids=["2x3", "sparse 3x2", "vector", "cube", "nothing", "number", "ket"],
)
def test_not_square(matrix: Any, shape: str) -> None:
    with pytest.raises(InputError, match="must be square") as problem:
        System(matrix)
    assert str(problem.value) == f'system.hamiltonian = "array of shape{shape}": must be square'


@pytest.mark.parametrize("matrix", [[[1, 2], [3]], [["a", "b"], ["c", "d"]], None, object(), "H.npy", [[10**400]]])
def test_not_a_matrix_of_numbers(matrix: Any) -> None:
    with pytest.raises(InputError, match=r"system\.hamiltonian = .*must be (a square matrix of finite numbers|square)"):
        System(matrix)


def garbage(folder: Path) -> None:
    for suffix in ("npy", "npz", "mtx", "h5"):
        (folder / f"garbage.{suffix}").write_bytes(b"\x00this is no matrix\xff\n\n" * 3)
        (folder / f"nothing.{suffix}").write_bytes(b"")
    np.save(folder / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(folder / "two.npz", a=H, b=H)
    (folder / "H.txt").write_text("1 2\n2 1\n")
    save_hdf5(folder)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("absent.npy", "no such file: "),
        ("absent.h5:/H", "no such file: "),
        ("H.txt", "unknown kind of file '.txt'; must be "),
        ("H.txt:/H", "no such file: "),
        ("\0.npy", "no such file: "),
        ("H" * 5000, "no such file: "),
        ("H", "no such file: "),
        ("", "no such file: "),
        (".", "no such file: "),
        ("H.h5", "no such dataset; H.h5 holds ['H', 'bare', 'csr', 'deep']"),
        ("H.h5:/absent", "no such dataset; H.h5 holds ['H', 'bare', 'csr', 'deep']"),
        ("H.h5:/deep", "cannot be read: "),
        ("garbage.npy", "cannot be read: "),
        ("garbage.npz", "cannot be read: "),
        ("garbage.mtx", "cannot be read: "),
        ("garbage.h5:/H", "cannot be read: "),
        ("nothing.npy", "cannot be read: "),
        ("nothing.npz", "cannot be read: "),
        ("nothing.mtx", "cannot be read: "),
        ("nothing.h5:/H", "cannot be read: "),
        ("objects.npy", "cannot be read: "),
        ("two.npz", "must hold one array or a scipy.sparse matrix; it holds ['a', 'b']"),
    ],
)
def test_file_that_is_no_hamiltonian(tmp_path: Path, value: str, why: str) -> None:
    garbage(tmp_path)
    with pytest.raises(InputError) as problem:
        hamiltonian.read(value, tmp_path)
    text = str(problem.value)
    assert text.startswith("system.hamiltonian = ")
    assert why in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1, 2], [3]], 'system.hamiltonian = "2 rows of lengths 2, 1": must be square'),
        ([[1, 2]], 'system.hamiltonian = "1 rows of lengths 2": must be square'),
        ([[1, "x"], [1, 1]], 'system.hamiltonian[0][1] = "x": must be a number or a string like "0.1-0.2j"'),
        ([[1, "inf"], [1, 1]], 'system.hamiltonian[0][1] = "inf": must be finite, and at most 1.8e308 in size'),
        ([[1, 1], [1, "nan"]], 'system.hamiltonian[1][1] = "nan": must be finite, and at most 1.8e308 in size'),
        ([[1, None], [1, 1]], 'system.hamiltonian[0][1] = None: must be a number or a string like "0.1-0.2j"'),
        ([[1, [2]], [1, 1]], 'system.hamiltonian[0][1] = [2]: must be a number or a string like "0.1-0.2j"'),
    ],
)
def test_inline_rows(values: Any, message: str) -> None:
    with pytest.raises(InputError) as problem:
        hamiltonian.read(values)
    assert str(problem.value) == message


@pytest.mark.parametrize("hbar", [0.0, -1.0, np.nan, np.inf, 1e-320, 1e305, 10**400, "1", None, True])
def test_hbar_is_positive(hbar: Any) -> None:
    with pytest.raises(InputError, match=r"system\.hbar = .*must be a positive number"):
        System(H, hbar=hbar)


@pytest.mark.parametrize(
    ("matrix", "hbar", "place"),
    [
        ([[1e308, 0], [0, -1e308]], 1.0, "H[0,0] = 1e+308"),
        ([[0, 1.7e308], [1.7e308, 0]], 1e200, "H[0,1] = 1.7e+308"),
        ([[0, 1.7e308 + 1.7e308j], [0, 0]], 1.0, "H[0,1] = 1.7e+308+1.7e+308j"),
        ([[0, 1], [1e200, 0]], 1.0, "H[1,0] = 1e+200"),
        ([[0, 1e-100], [1e-100, 0]], 1e-260, "H[0,1] = 1e-100"),
    ],
)
def test_too_large_says_where(matrix: Any, hbar: float, place: str) -> None:
    for made in (np.array(matrix), sp.csr_array(matrix)):
        with pytest.raises(InputError, match="every element must be below 1e") as problem:
            System(made, hbar)
        assert str(problem.value).startswith(f'system.hamiltonian = "{place}')


@pytest.mark.parametrize("hbar", [1e-299, 1.0, 1e299])
def test_just_small_enough(hbar: float) -> None:
    most = 0.5 * min(1e150 * hbar, 1e300)
    system = System([[most, 1j * most], [-1j * most, -most]], hbar)
    assert system.couplings.entries == 2
    assert np.all(np.isfinite(np.abs(system.frequencies.data) ** 2))


def test_labels_fit() -> None:
    assert System(H, labels=list("abcd")).labels == ["a", "b", "c", "d"]
    assert System(H, labels=["$x", "_y", "|ψ⟩", ""]).labels == ["$x", "_y", "|ψ⟩", ""]
    with pytest.raises(InputError, match="must have one name for each of the 4 beables"):
        System(H, labels=["a"])


@pytest.mark.parametrize("label", ["\0", "a\nb", "\x1b[0m", "\x7f", "\u2028", "\udcff", 3, None])
def test_labels_are_plain_text(label: Any) -> None:
    with pytest.raises(InputError, match=r"system\.labels\[2\] = .*: must be (one line of text|a string)") as problem:
        System(H, labels=["a", "b", label, "d"])
    assert str(problem.value).isprintable()
