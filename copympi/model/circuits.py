"""Quantum circuits as Hamiltonians that change: one layer of gates after the other, each for a unit of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model import gates as known
from copympi.model import operators
from copympi.model.parts import Parts, checked, same_dims
from copympi.model.system import System
from copympi.model.tables import positive

KEY = "gates"
BARRIER = "barrier"
"""In a list of gates: what comes after begins when all before is done."""


@dataclass(frozen=True)
class Gate:
    """One gate: its matrix (D, D), and the numbers of the parts that it is on, in the order of the matrix."""

    matrix: NDArray[np.complex128]
    on: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Circuit:
    """Gates in layers; those of a layer are on different parts, and act at once, or in groups one after the other.

    parts : of the system. layers : the gates of each. system : the System of the first gates. schedule : (time, System)
    of the later ones, as `copympi.simulate(circuit.system, schedule=circuit.schedule, duration=circuit.duration)`
    takes them. gate_time : how long a layer takes.
    """

    parts: Parts
    layers: tuple[tuple[Gate, ...], ...]
    system: System
    schedule: list[tuple[float, System]]
    gate_time: float

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self.layers)

    @property
    def duration(self) -> float:
        """How long all of them take."""
        return self.depth * self.gate_time

    def apply(self, psi: Any) -> NDArray[np.complex128]:
        """Psi (P,) after all gates, by their matrices: what quantum mechanics says, up to a phase of the whole."""
        out = np.asarray(psi, complex).reshape(self.parts.dims)
        for gate in (gate for layer in self.layers for gate in layer):
            d = [self.parts.dims[k] for k in gate.on]
            turned = np.tensordot(gate.matrix.reshape(d + d), out, (range(len(d), 2 * len(d)), gate.on))
            out = np.moveaxis(turned, range(len(d)), gate.on)
        return np.ascontiguousarray(out).reshape(-1)

    def __repr__(self) -> str:
        return f"Circuit({self.parts.said}, {sum(map(len, self.layers))} gates, depth {self.depth})"


def circuit(
    parts: Any, gates: Sequence[Any], hbar: float = 1.0, gate_time: float = 1.0, at_once: int | None = None
) -> Circuit:
    """A quantum circuit as a System and a schedule: each layer of gates is a constant H for the time `gate_time`.

    Parameters
    ----------
    parts : int [1], or what copympi.composite takes. So many qubits, q0, q1, ...; or the parts.
    gates : list of tuples (gate, on) or (gate, on, angle [rad]). A gate is a name (h x y z s t cx cz swap; rx ry rz
        with an angle) or a unitary matrix; it is on a part or a tuple of parts, by names or numbers, in the order of
        the matrix. Each acts as soon as its parts are free; "barrier" in the list waits for all.
    hbar : float [energy time], default 1.0.
    gate_time : float [time], default 1.0. How long each layer takes.
    at_once : int [1], default None. So many gates of a layer act at a time, and then the next; None: all of them. Few
        make H sparser and a simulation faster, and change nothing for many members.

    H of a gate is the Hermitian generator of the smallest norm, so that a gate is made up to a phase of the whole.

    Raises InputError, which names the gate.
    """
    if isinstance(parts, (int, np.integer)) and not isinstance(parts, bool):
        if parts < 1:
            raise InputError("parts", parts, "must be at least 1 qubit")
        parts = {f"q{k}": 2 for k in range(parts)}
    made = checked(parts.parts if isinstance(parts, System) else parts, "parts")
    layers = _layers(list(_read(gates, made)), made)
    if not layers:
        raise InputError(KEY, gates, "must have one gate at least")
    time, most = positive(gate_time, "gate_time"), len(made) if at_once is None else at_once
    if not isinstance(most, (int, np.integer)) or isinstance(most, bool) or most < 1:
        raise InputError("at_once", at_once, "must be a whole number of at least 1")
    seen: dict[Any, System] = {}
    steps: list[tuple[float, System]] = []
    for k, layer in enumerate(layers):
        groups = [layer[first : first + most] for first in range(0, len(layer), most)]
        for j, group in enumerate(groups):
            said = len(groups), *((gate.on, gate.matrix.tobytes()) for gate in group)
            if said not in seen:
                seen[said] = _system(group, made, hbar, time / len(groups))
            steps.append(((k + j / len(groups)) * time, seen[said]))
    return Circuit(made, layers, steps[0][1], steps[1:], time)


def _read(gates: Any, parts: Parts) -> Iterator[Gate | None]:
    """The gates one by one; None for a barrier."""
    if not isinstance(gates, (list, tuple)):
        raise InputError(KEY, gates, 'must be a list of gates ("h", "q0"), ("cx", ("q0", "q1")), ("rx", "q0", 0.3)')
    for k, given in enumerate(gates):
        key = f"{KEY}[{k}]"
        if isinstance(given, str) and given == BARRIER:
            yield None
            continue
        if not isinstance(given, (list, tuple)) or len(given) not in (2, 3):
            raise InputError(key, given, 'must be (gate, on) or (gate, on, angle), or "barrier"')
        names = given[1] if isinstance(given[1], (list, tuple)) else [given[1]]
        on = tuple(parts.number(name, key) for name in names)
        if not on or len(set(on)) < len(on):
            raise InputError(key, given[1], "must be on one part or several, each once")
        dims = [parts.dims[i] for i in on]
        matrix = known.unitary(given[0], given[2] if len(given) == 3 else None, int(np.prod(dims)), key)
        same_dims(given[0], dims, key)
        yield Gate(matrix, on)


def _layers(gates: list[Gate | None], parts: Parts) -> tuple[tuple[Gate, ...], ...]:
    out: list[list[Gate]] = []
    free = [0] * len(parts)  # the first layer in which each part is free
    for gate in gates:
        if gate is None:
            free = [max(free)] * len(parts)
            continue
        at = max(free[k] for k in gate.on)
        if at == len(out):
            out.append([gate])
        else:
            out[at].append(gate)
        for k in gate.on:
            free[k] = at + 1
    return tuple(map(tuple, out))


def _system(layer: Sequence[Gate], parts: Parts, hbar: float, time: float) -> System:
    terms = [(gate.on, sp.coo_array(known.generator(gate.matrix) * (hbar / time))) for gate in layer]
    return System(operators.summed(terms, parts), hbar, parts=parts)
