"""Composites: their H against QuTiP's tensor products, what is recorded of their parts, product states, refusals."""

from __future__ import annotations

import json
import re
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import qutip

import copympi
from copympi.cli.main import main
from copympi.errors import InputError
from copympi.model import joint, operators
from copympi.model.parts import checked, of_dims
from copympi.model.system import System

PARTS = {"A": 2, "B": 3, "C": 2}


def tensor(**factors: Any) -> Any:
    """A QuTiP operator of A, B, C: what is left out is left alone."""
    return qutip.tensor([factors.get(name, qutip.qeye(d)) for name, d in PARTS.items()])


def jumps(d: int) -> Any:
    return qutip.jmat((d - 1) / 2, "+")


@pytest.mark.parametrize("d", [2, 3, 5])
def test_named_operators(d: int) -> None:
    """Twice QuTiP's spin matrices, Pauli's at d = 2; its ladder, position and momentum."""
    j = (d - 1) / 2
    expected = {
        "sx": 2 * qutip.jmat(j, "x"), "sy": 2 * qutip.jmat(j, "y"), "sz": 2 * qutip.jmat(j, "z"),
        "sp": qutip.jmat(j, "+"), "sm": qutip.jmat(j, "-"), "n": qutip.num(d), "x": qutip.position(d),
        "p": qutip.momentum(d), "identity": qutip.qeye(d),
    }  # fmt: skip
    assert set(expected) == set(operators.NAMED)
    for name, theirs in expected.items():
        np.testing.assert_allclose(operators.NAMED[name](d), theirs.full(), atol=1e-15, err_msg=name)


def test_terms_are_tensor_products(tmp_path: Path) -> None:
    """Of neighbours and not, in the order that `on` has, by name, as a matrix of each kind and from a file."""
    rng = np.random.default_rng(1)
    M = rng.normal(size=(6, 6)) + 1j * rng.normal(size=(6, 6))
    M = M + M.conj().T
    np.save(tmp_path / "M.npy", M)
    terms: list[dict[str, Any]] = [
        {"on": "B", "operator": "sz", "strength": 0.3},
        {"on": ["C", "A"], "operator": "sz * sx", "strength": -0.7},
        {"on": ["B", "A"], "operator": "sp*sm + h.c.", "strength": "0.1+0.2j"},
        {"on": ["B", "C"], "operator": str(tmp_path / "M.npy")},
        {"on": ["B", "C"], "operator": qutip.Qobj(M, dims=[[3, 2], [3, 2]]), "strength": 0.5},
        {"on": ["C"], "operator": [[0.0, "-1j"], ["1j", 0.0]], "strength": 2},
    ]
    hop = (0.1 + 0.2j) * tensor(B=jumps(3), A=jumps(2).dag())
    expected = (
        0.3 * tensor(B=2 * qutip.jmat(1, "z"))
        - 0.7 * tensor(C=qutip.sigmaz(), A=qutip.sigmax())
        + (hop + hop.dag())
        + 1.5 * qutip.tensor(qutip.qeye(2), qutip.Qobj(M, dims=[[3, 2], [3, 2]]))
        + 2 * tensor(C=qutip.sigmay())
    )
    made = copympi.composite(PARTS, terms, hbar=2.0)
    np.testing.assert_allclose(made.hamiltonian.toarray(), expected.full(), atol=1e-14)
    theirs = System(expected, 2.0)
    assert made.parts == theirs.parts == of_dims(expected.dims) == checked(PARTS)
    assert made.labels[:4] == ["000", "001", "010", "011"]
    assert repr(made).startswith("System(P=12, parts=A:2 x B:3 x C:2, pairs=")


def test_sixteen_qubits() -> None:
    names = [f"q{k}" for k in range(16)]
    chain = [{"on": [a, b], "operator": "sz*sz", "strength": 0.2} for a, b in pairwise(names)]
    made = copympi.composite(dict.fromkeys(names, 2), [{"on": q, "operator": "sx"} for q in names] + chain)
    assert (made.P, made.pairs, made.labels[3]) == (65536, 16 * 32768, "0" * 14 + "11")
    a = int(made.labels[:].index("1011000011110000"))
    spins = 1 - 2 * np.array([int(x) for x in made.labels[a]])
    assert made.frequencies[a, a].real == pytest.approx(0.2 * np.sum(spins[1:] * spins[:-1]))
    assert made.frequencies[a, a ^ 0b100].real == 1.0


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"terms": [{"on": "A", "operator": "sx"}, {"on": "A", "operator": "sp"}]},
     'system.terms[1].operator = "sp": must be Hermitian; it is off by 1'),
    ({"terms": [{"on": "D", "operator": "sx"}]}, "system.terms[0].on[0] = \"D\": no such part; the nearest is"),
    ({"terms": [{"on": ["A", "B"], "operator": "sx"}]}, "must have one factor for parts A (dimension 2), B (dim"),
    ({"terms": [{"on": "A", "operator": "sq"}]}, 'system.terms[0].operator = "sq": no such operator; the nearest'),
    ({"terms": [{"on": "A", "operator": [[1, 0, 0]] * 3}]}, '3x3": must be 2x2, for part A (dimension 2)'),
    ({"terms": [{"on": "A", "operator": "H.npy"}]}, 'system.terms[0].operator = "H.npy": no such file'),
    ({"terms": [{"on": "A", "operator": "0.5*sx"}]}, '"0.5*sx": 0.5 is no operator: numbers go into strength'),
    ({"terms": [{"on": "A", "operator": "sx + sz"}]}, '"sx + sz": a sum is two terms, and a product has * between; no'),
    ({"terms": [{"on": ["A", "C"], "operator": "sx sx"}]}, '"sx sx": a sum is two terms, and a product has * between'),
    ({"terms": [{"on": "A", "operator": "my-h.npy"}]}, '"my-h.npy": no such file'),
    ({"terms": [{"on": ["A", "A"], "operator": "sx*sx"}]}, "must name one part or several, each once"),
    ({"terms": [{"on": "A", "operator": "sx", "strength": "1j"}]}, 'must be a real number, but with " + h.c."'),
    ({"terms": [{"on": "A", "operater": "sx"}]}, "system.terms[0].operater = \"sx\": no such key; the nearest"),
    ({"terms": None}, 'system.terms = "(left out)": must be a list of tables'),
    ({"parts": []}, "system.parts = []: must be a list of tables"),
    ({"parts": {"A": 0}}, "system.parts[0].dimension = 0: must be a whole number of at least 1"),
    ({"parts": {"A/B": 2}}, "system.parts[0].name = \"A/B\": must be a name of letters, digits and _"),
    ({"parts": [{"name": "A", "dimension": 2}] * 2}, "system.parts[1].name = \"A\": must be another name"),
    ({"parts": [{"name": "A", "dimension": 2, "labels": ["up"]}]}, "must have one name for each of the 2 beables"),
    ({"parts": dict.fromkeys("qrstuvwxyz", 64)}, 'system.parts = "1,152,921,504,606,846,976 beables": must'),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        copympi.composite(**{"parts": PARTS, "terms": [], **wrong})  # type: ignore[arg-type]


REFUSED_STATES: list[tuple[dict[str, Any], str]] = [
    ({"parts": {"A": [0.6, 0.6]}}, "preparation.parts.A = [0.6, 0.6]: must be normalised; its sum of |Psi|^2 is 0.72"),
    ({"parts": {"D": [1, 0]}}, 'preparation.parts.D = "D": no such part'),
    ({"parts": {0: [1, 0], "A": [0.6, 0.8]}}, "preparation.parts.A = [0, 'A']: is there twice, by name and by number"),
    ({"parts": {"B": [1, 0]}}, "preparation.parts.B = [1, 0]: must have one element for each of the 3 beables"),
    ({"parts": {"B": "3"}}, "preparation.parts.B = \"3\": no such beable of it; the nearest is"),
    ({"parts": {}, "state": [1.0] + [0.0] * 11}, "must be left out where parts is given"),
    ({"state": qutip.basis([3, 2, 2], [0, 0, 0])}, "must have the dimensions of the system's parts, [2, 3, 2]"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "said"), REFUSED_STATES, ids=[said for _, said in REFUSED_STATES])
def test_refused_states(wrong: dict[str, Any], said: str) -> None:
    system = copympi.composite(PARTS, [{"on": "A", "operator": "sx"}])
    with pytest.raises(InputError, match=re.escape(said)):
        copympi.simulate(system, members=100, duration=1.0, seed=1, **wrong)
    with pytest.raises(InputError, match=r"must go with parts of the system"):
        copympi.simulate([[0, 1], [1, 0]], members=100, duration=1.0, seed=1, parts={})


def test_joint_tables_and_entropies() -> None:
    """Against sums over all other parts, and against three entropies."""
    rng = np.random.default_rng(2)
    parts = checked({"A": 2, "B": 3, "C": 2, "D": 4})
    n = rng.integers(0, 9, (3, parts.P)) * (rng.random((3, parts.P)) < 0.4)
    whole = n.reshape(3, *parts.dims)
    for (i, j), table in zip(parts.pairs, joint.tables(n, parts), strict=True):
        np.testing.assert_array_equal(table, whole.sum(axis=tuple(1 + k for k in range(4) if k not in (i, j))))
        p, q, both = table.sum(axis=2), table.sum(axis=1), table.reshape(3, -1)
        for r, information in enumerate(joint.mutual_information(table)):
            naive = sum(_entropy(x[r]) for x in (p, q)) - _entropy(both[r])
            assert information == pytest.approx(naive, abs=1e-14)
            a, b = (np.repeat(np.indices(table.shape[1:])[k].ravel(), both[r]) for k in (0, 1))
            assert joint.correlation(table)[r] == pytest.approx(np.corrcoef(a, b)[0, 1])
        for k in (i, j):
            summed = whole.sum(axis=tuple(1 + m for m in range(4) if m != k))
            np.testing.assert_array_equal(joint.marginal(n, parts, k), summed)
    assert np.isnan(joint.correlation(np.array([[[3, 4], [0, 0]]]))).all()


def _entropy(counts: Any) -> float:
    p = counts[counts > 0] / counts.sum()
    return float(-np.sum(p * np.log(p)))


def test_the_bias_of_few_members() -> None:
    """Null hypothesis: of independent parts the corrected estimate is zero in the mean, the plain one (K-1)(L-1)/2N."""
    rng = np.random.default_rng(3)
    table = rng.multinomial(200, np.full(6, 1 / 6), 4000).reshape(4000, 2, 3)
    plain, corrected = joint.mutual_information(table), joint.mutual_information(table, corrected=True)
    error = plain.std() / np.sqrt(4000)
    assert abs(plain.mean() - 2 / 400) < 4 * error + 1e-4  # the next order in 1/N is 1% of it
    assert abs(corrected.mean()) < 4 * error + 1e-4
    assert plain.mean() > 20 * error


def test_concurrence() -> None:
    rng = np.random.default_rng(4)
    found = []
    for dims in ({"A": 2, "B": 2, "C": 2}, {"A": 2, "B": 3, "C": 2, "D": 2}, {"A": 2, "B": 2}):
        parts = checked(dims)
        psi = rng.normal(size=(2, parts.P)) + 1j * rng.normal(size=(2, parts.P))
        psi[1] *= rng.random(parts.P) < 0.4
        psi /= np.linalg.norm(psi, axis=1)[:, None]
        for i, j in parts.qubit_pairs:
            for r in range(2):
                theirs = qutip.concurrence(qutip.Qobj(psi[r], dims=[list(parts.dims), [1] * len(parts)]).ptrace([i, j]))
                found.append(joint.concurrence(psi, parts, i, j)[r])
                assert found[-1] == pytest.approx(theirs, abs=1e-7)
    assert np.count_nonzero(np.array(found) > 0.1) >= 4
    bell = np.array([[1, 0, 0, 1]]) / np.sqrt(2) + 0j
    assert joint.concurrence(bell, checked({"A": 2, "B": 2}), 0, 1)[0] == pytest.approx(1.0, abs=1e-15)


def command(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 0


BELL = """
[system]
builder = "composite"
parts = [{name = "A", dimension = 2, labels = ["up", "down"]}, {name = "B", dimension = 2}]
terms = [{on = "A", operator = "sx", strength = 0.5}, {on = ["A", "B"], operator = "sz*sz", strength = 0.3}]
[preparation]
members = 100_000_000_000_000
state = [0.7071067811865476, 0, 0, 0.7071067811865476]
[dynamics]
duration = 1.0
[output]
interval = 0.25
"""


@pytest.mark.parametrize("moving", [False, True], ids=["frozen", "moving"])
def test_a_bell_pair(moving: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """By itself it has nobody to copy; with a little weight everywhere it follows QuTiP. Files and Python agree."""
    monkeypatch.chdir(tmp_path)
    more = 'admixture = {state = "uniform", weight = 1e-3}\n' if moving else ""
    Path("bell.toml").write_text(BELL.replace("[dynamics]", f"{more}[dynamics]"))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        command("run", "bell.toml")
    assert ("nothing can ever move" in capsys.readouterr().err) == (not moving)
    run = copympi.load("bell")
    assert run.system is not None
    assert run.system.parts is not None
    assert run.system.parts.tables() == [
        {"name": "A", "dimension": 2, "labels": ["up", "down"]}, {"name": "B", "dimension": 2, "labels": ["0", "1"]}
    ]  # fmt: skip
    assert list(run.system.labels) == ["up,0", "up,1", "down,0", "down,1"]
    np.testing.assert_array_equal(run.marginal("B"), run.occupation.reshape(5, 2, 2).sum(axis=1))
    np.testing.assert_array_equal(run.marginal("B", "A"), run.occupation.reshape(5, 2, 2).transpose(0, 2, 1))
    measured, N = run.measured, 10**14
    if not moving:
        assert not run.events.any()
        assert np.all(measured["concurrence"] == pytest.approx(1.0))
        assert np.all(measured["mutual_information"] == pytest.approx(np.log(2)))
        assert np.all(measured["correlation"] == pytest.approx(1.0))
    psi0 = run.state
    H = qutip.Qobj(run.system.hamiltonian.toarray(), dims=[[2, 2], [2, 2]])
    for k, t in enumerate(run.time if moving else run.time[:1]):
        psi = (-1j * H * t).expm() * qutip.Qobj(psi0, dims=[[2, 2], [1, 1]])
        for part in (0, 1):
            share = run.marginal("AB"[part])[k] / N
            np.testing.assert_allclose(share, psi.ptrace(part).diag(), atol=2e-5)  # tolerance is 1e-4
        assert measured["concurrence"][k, 0] == pytest.approx(qutip.concurrence(psi.proj()), abs=2e-4)
    command("info", "bell")
    assert "\n  parts     A:2 x B:2\n" in capsys.readouterr().out
    with h5py.File("bell/results.h5") as file:
        assert [file["marginal_A"].dims[k][0].name for k in (0, 1)] == ["/time", "/beable_A"]
        assert file["beable_A"].asstr()[()].tolist() == ["up", "down"]
        assert json.loads(file.attrs["settings"])["parts of the system"]
    frame = run.to_xarray()
    assert frame["marginal_A"].sel(beable_A="up").shape == (5,)
    assert frame["correlation"].sel(pair_of_parts="A,B").attrs["units"] == "1"


def test_from_python_and_on_the_command_line(tmp_path: Path, monkeypatch: Any) -> None:
    """A Qobj with dims and a config of parts are one system, and either goes on with the other's run."""
    monkeypatch.chdir(tmp_path)
    H = 0.4 * tensor(A=qutip.sigmax()) + 0.3 * tensor(B=qutip.position(3), C=qutip.sigmaz())
    ket = qutip.tensor(qutip.Qobj([[0.6], [0.8]]), qutip.Qobj([[0.6], [0.8j], [0]]), qutip.basis(2, 1))
    theirs = copympi.simulate(H, state=ket, members=1000, duration=0.2, interval=0.1, seed=2, output="theirs")
    states = {"A": [0.6, 0.8], "B": [0.6, "0.8j", 0], "C": "1"}
    terms = [{"on": "A", "operator": "sx", "strength": 0.4}, {"on": ["B", "C"], "operator": "x*sz", "strength": 0.3}]
    ours = copympi.simulate(
        copympi.composite(PARTS, terms), parts=states, members=1000, duration=0.2, interval=0.1, seed=2
    )
    np.testing.assert_allclose(ours.occupation, theirs.occupation)
    np.testing.assert_array_equal(ours.marginal("C"), theirs.marginal("C"))
    config = copympi.load("theirs").config
    assert config["system"]["builder"] == "composite"
    renamed = System(H.full(), parts={"A": 2, "B": 3, "D": 2})
    keys: dict[str, Any] = {"members": 1000, "duration": 0.4, "interval": 0.1, "seed": 2, "output": "theirs"}
    with pytest.raises(InputError, match="parts of the system"):
        copympi.simulate(renamed, state=ket.full(), resume=True, **keys)
    assert len(copympi.simulate(H, state=ket, resume=True, **keys).marginal("A")) == 5



def test_terms_that_change(tmp_path: Path, monkeypatch: Any) -> None:
    """[[schedule]] terms are those of a System of these parts; a matrix given in their place keeps the parts."""
    monkeypatch.chdir(tmp_path)
    later = [{"on": "B", "operator": "x", "strength": 0.5}, {"on": ["A", "C"], "operator": "sx*sx"}]
    Path("job.toml").write_text(
        """
        [system]
        builder = "composite"
        parts = {A = 2, B = 3, C = 2}
        terms = [{on = "A", operator = "sx", strength = 0.4}]
        [preparation]
        members = 1000
        parts = {A = [0.6, 0.8], B = [0.6, 0.8, 0], C = [0.8, "0.6j"]}
        [dynamics]
        duration = 0.4
        seed = 2
        [output]
        interval = 0.1
        [[schedule]]
        at = 0.25
        terms = [{on = "B", operator = "x", strength = 0.5}, {on = ["A", "C"], operator = "sx*sx"}]
        """
    )
    command("run", "job.toml")
    theirs = copympi.load("job")
    first = copympi.composite(PARTS, [{"on": "A", "operator": "sx", "strength": 0.4}])
    second = copympi.composite(PARTS, later)
    keys: dict[str, Any] = {
        "parts": {"A": [0.6, 0.8], "B": [0.6, 0.8, 0], "C": [0.8, 0.6j]}, "members": 1000, "duration": 0.4,
        "interval": 0.1, "seed": 2,
    }  # fmt: skip
    for entry in ({"at": 0.25, "terms": later}, (0.25, second), (0.25, second.hamiltonian)):
        ours = copympi.simulate(first, schedule=[entry], **keys)
        np.testing.assert_array_equal(ours.occupation, theirs.occupation)
        np.testing.assert_array_equal(ours.marginal("B"), theirs.marginal("B"))
    copympi.simulate(first, schedule=[(0.25, second)], output="ours", **keys)
    command("rerun", "ours")
    with pytest.raises(InputError, match=r"schedule\[0\]\.terms\[1\]\.operator = \"sp\": must be Hermitian"):
        copympi.simulate(first, schedule=[{"at": 0.2, "terms": [later[0], {"on": "A", "operator": "sp"}]}], **keys)
    keys |= {"parts": None, "density": [1 / 12] * 12}
    with pytest.raises(InputError, match=r"schedule\[0\]\.terms = .* must go with \[system\] builder = \"composite\""):
        copympi.simulate(System(first.hamiltonian), schedule=[{"at": 0.2, "terms": later}], **keys)
