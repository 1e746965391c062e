"""Circuits: generators of gates, layers, and H of a layer against products of unitaries."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from scipy.stats import unitary_group

import copympi
from copympi.errors import InputError
from copympi.model import gates

EVERY = {
    **gates.FIXED,
    **{f"{name} {angle}": gates.unitary(name, angle, 2, "") for name in gates.TURNS for angle in (0.3, np.pi, 5.0, -9)},
    **{f"random {d}": unitary_group.rvs(d, random_state=d) for d in (2, 3, 4, 8)},
    "one": np.eye(2),
}


@pytest.mark.parametrize("name", EVERY)
def test_a_generator_makes_its_gate(name: str) -> None:
    """Up to a phase; no other choice of the eigenphases' branch and zero has a smaller norm."""
    U = np.asarray(EVERY[name], complex)
    G = gates.generator(U)
    np.testing.assert_array_equal(G, G.conj().T)
    made = scipy.linalg.expm(-1j * G)
    phase = np.trace(made.conj().T @ U) / len(U)
    assert abs(phase) == pytest.approx(1.0)
    np.testing.assert_allclose(phase * made, U, atol=1e-14)
    angles = np.sort(np.angle(np.linalg.eigvals(U)))
    arcs = [np.ptp(np.where(angles < begin - 1e-9, angles + 2 * np.pi, angles)) for begin in angles]
    assert np.linalg.norm(G, 2) == pytest.approx(min(arcs) / 2, abs=1e-8)


def whole(gate: Any, on: tuple[int, ...], n: int) -> Any:
    """A gate of some of n qubits, on all of them, element by element."""
    U = np.zeros((2**n, 2**n), complex)
    for column in range(2**n):
        bits = [column >> (n - 1 - k) & 1 for k in range(n)]
        local = int("".join(str(bits[k]) for k in on), 2)
        for row in range(len(gate)):
            for place, k in enumerate(on):
                bits[k] = row >> (len(on) - 1 - place) & 1
            U[int("".join(map(str, bits)), 2), column] += gate[row, local]
    return U


def random_circuit(n: int, depth: int, seed: int) -> list[Any]:
    """Random gates of one qubit each, then of two neighbours, or not, and so on."""
    rng = np.random.default_rng(seed)
    out: list[Any] = []
    for layer in range(depth):
        if layer % 2 == 0:
            out += [(unitary_group.rvs(2, random_state=rng), k) for k in range(n)]
        else:
            order = rng.permutation(n)
            names = rng.choice(["cx", "cz", "swap"], n // 2)
            out += [(str(names[k]), (int(order[2 * k]), int(order[2 * k + 1]))) for k in range(n // 2)]
    return out


GHZ = [("h", 0), *(("cx", (k, k + 1)) for k in range(3)), "barrier", ("rx", "q1", 0.7), ("t", 2), ("swap", (3, 0))]
CIRCUITS = {"GHZ and more": GHZ, "random": random_circuit(4, 6, 5)}


@pytest.mark.parametrize("name", CIRCUITS)
@pytest.mark.parametrize("at_once", [None, 3])
def test_layers_make_the_circuit(name: str, at_once: int | None) -> None:
    """Products of exp(-i H t) over the layers, and `apply`, against the gates one after the other."""
    made = copympi.circuit(4, CIRCUITS[name], hbar=2.0, gate_time=0.5, at_once=at_once)
    expected = np.eye(16)
    for gate in (gate for gate in CIRCUITS[name] if gate != "barrier"):
        on = gate[1] if isinstance(gate[1], tuple) else (gate[1],)
        on = tuple(int(str(k).removeprefix("q")) for k in on)
        angle = gate[2] if len(gate) == 3 else None
        expected = whole(gates.unitary(gate[0], angle, 2 ** len(on), ""), on, 4) @ expected
    total = np.eye(16)
    times = [0.0, *(at for at, _ in made.schedule), made.duration]
    assert set(0.5 * np.arange(made.depth)) <= set(times)
    for time, system in zip(np.diff(times), (made.system, *(system for _, system in made.schedule)), strict=True):
        assert system.parts == made.parts
        total = scipy.linalg.expm(-1j * system.hamiltonian.toarray() * time / 2.0) @ total
    overlap = np.trace(total.conj().T @ expected) / 16
    np.testing.assert_allclose(overlap * total, expected, atol=1e-13)
    psi = np.random.default_rng(6).normal(size=(16, 2)) @ [1, 1j]
    np.testing.assert_allclose(made.apply(psi), expected @ psi, atol=1e-13)


def test_layers() -> None:
    made = copympi.circuit({"A": 2, "B": 2, "C": 3}, [("h", "A"), ("x", "B"), ("cx", ("B", "A")), ("z", "A")])
    assert [[gate.on for gate in layer] for layer in made.layers] == [[(0,), (1,)], [(1, 0)], [(0,)]]
    assert (made.depth, made.duration) == (3, 3.0)
    assert repr(made) == "Circuit(A:2 x B:2 x C:3, 4 gates, depth 3)"
    twice = copympi.circuit(2, [("h", 0), "barrier", ("h", 1), "barrier", ("h", 0)])
    assert twice.system is twice.schedule[1][1]


REFUSED: list[tuple[Any, str]] = [
    ([], "gates = []: must have one gate at least"),
    ("h", 'gates = "h": must be a list of gates'),
    ([("h", 0), ("hadamard", 1)], 'gates[1] = "hadamard": no such gate; the nearest is'),
    ([("h", 7)], "gates[0] = 7: no such part"),
    ([("cx", 0)], 'gates[0] = "cx": must be 2x2, as the parts that it is on are'),
    ([("cx", (1, 1))], "gates[0] = (1, 1): must be on one part or several, each once"),
    ([("rx", 0)], 'gates[0] = "rx": must have its angle (rad) last'),
    ([("h", 0, 0.3)], 'gates[0] = "h": must have no angle'),
    ([("rx", 0, "x")], 'gates[0] = "x": must be a finite number'),
    ([([[1, 1], [0, 1]], 0)], "must be unitary; the largest element of U^dagger U - 1 is 1"),
    ([(None, 0)], "gates[0] = None: must be the name of a gate, or a unitary matrix"),
    ([(1, 0)], "gates[0] = 1: must be the name of a gate, or a unitary matrix"),
    ([(np.eye(2), 0, 0.3)], "gates[0] = 0.3: an angle must be left out with a matrix"),
    ([("h",)], "gates[0] = ('h',): must be (gate, on) or (gate, on, angle)"),
]


@pytest.mark.parametrize(("wrong", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_refused(wrong: Any, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        copympi.circuit(2, wrong)


def test_a_circuit_has_a_qubit() -> None:
    with pytest.raises(InputError, match="parts = 0: must be at least 1 qubit"):
        copympi.circuit(0, [("h", 0)])


@pytest.mark.parametrize("name", CIRCUITS)
def test_copies_follow_a_circuit(name: str, tmp_path: Path) -> None:
    """10^14 of them, from a product state with weight everywhere: marginals and all shares at the end."""
    made = copympi.circuit(4, CIRCUITS[name])
    rng = np.random.default_rng(7)
    states = {q: psi / np.linalg.norm(psi) for q in made.parts.names for psi in [rng.normal(size=(2, 2)) @ [1, 1j]]}
    run = copympi.simulate(
        made.system, schedule=made.schedule, duration=made.duration, interval=1.0, parts=states, members=10**14,
        seed=1, tolerance=1e-6, output=tmp_path,
    )  # fmt: skip
    psi = np.ones(1)
    for state in states.values():
        psi = np.kron(psi, state)
    expected = np.abs(made.apply(psi)) ** 2
    np.testing.assert_allclose(run.occupation[-1] / 10**14, expected, atol=2e-6)
    np.testing.assert_allclose(run.schrodinger[-1], expected, atol=1e-9)
    np.testing.assert_allclose(run.marginal("q2")[-1] / 10**14, expected.reshape(4, 2, 2).sum(axis=(0, 2)), atol=2e-6)
    again = copympi.load(tmp_path)
    assert again.system is not None
    assert again.system.parts == made.parts
