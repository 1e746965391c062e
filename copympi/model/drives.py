"""A driven system: H(t) = H_0 + sum_j f_j(t) H_j, f_j a pulse without unit, H_j a Hermitian energy.

`constant` makes a schedule of constant Hamiltonians of it (model/staircase.py says how, and how good it is).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model import composite, elements, hamiltonian, potential, pulses
from copympi.model.carried import Carried
from copympi.model.driven import Driven, Segment
from copympi.model.magnus import DENSE_TO
from copympi.model.parts import same_dims
from copympi.model.pulses import Pulse
from copympi.model.schedule import Entry, Filter, Schedule, Switch
from copympi.model.staircase import Bounds, staircase
from copympi.model.system import System
from copympi.model.tables import table

KEY = "system.drive"
MANY = DENSE_TO
"""Beables up to which errors are judged whatever the state."""
WAYS = ("hamiltonian", "potential", "terms")
"""Keys of which one says what is driven."""


@dataclass(frozen=True, eq=False)
class Drive:
    """One term f(t) H_j.

    term : H_j as a System, with the hbar of H_0's; on a lattice H_j is diagonal, a potential.
    """

    term: System
    pulse: Pulse


def constant(
    system: System,
    drives: Sequence[Drive],
    schedule: Schedule,
    bounds: Bounds,
    duration: float,
    state: NDArray[np.complex128] | None = None,
) -> tuple[System, Schedule]:
    """The System at the start and the Schedule of constant Hamiltonians in place of H(t), up to `duration`.

    schedule : switches of H_0, and filters; pulses go on through both. state : (P,) Psi at the start, by which errors
    are judged where there are more than MANY beables. InputError where a function gives no number, or too many constant
    Hamiltonians would be needed.
    """
    pulses, terms = [drive.pulse for drive in drives], [drive.term for drive in drives]
    driven, now, entries = Driven(system, terms), 0.0, list[Entry]()
    for event in (*schedule, Filter(inf, ())):
        span = now, min(event.at, duration)
        if span[0] < span[1]:
            parts = [driven.system.frequencies, *(term.frequencies for term in terms)]
            carried = Carried(parts, state) if state is not None and system.P > MANY else None
            for piece in staircase(driven.norms, pulses, bounds, span, carried, KEY):
                one = driven.at(piece.coefficients)
                before = next((each.system for each in reversed(entries) if isinstance(each, Switch)), None)
                if not (isinstance(before, Segment) and one.same(before)):
                    entries.append(Switch(piece.start, one))
            if carried is not None and isinstance(event, Filter):
                carried.keep(event.beables)
            state = carried.state if carried is not None else state
        now = span[1]
        if isinstance(event, Switch) and event.at < duration:
            driven = Driven(event.system, terms, driven.kept)
        elif event.at < inf:
            entries.append(event)
    first = entries.pop(0)
    return first.system, Schedule(tuple(entries))  # type: ignore[union-attr]


def read(given: Any, system: System, folder: Path = Path(), key: str = KEY) -> tuple[Drive, ...]:
    """The drives that tables {hamiltonian, potential or terms, pulse = {shape, ...}} stand for; files are of `folder`.

    InputErrors name `key`[j].
    """
    if isinstance(given, str):
        raise InputError(key, given, f"cannot be had from a file; give tables [[{key}]], or run it from Python again")
    if not isinstance(given, list) or not given:
        raise InputError(key, given, f"must be one or more tables [[{key}]]")
    return tuple(_one(each, system, folder, f"{key}[{j}]") for j, each in enumerate(given))


def _one(given: Any, system: System, folder: Path, key: str) -> Drive:
    table(given, key, ["pulse"], list(WAYS))
    pulse = pulses.named(given["pulse"], f"{key}.pulse")
    if sum(way in given for way in WAYS) != 1:
        raise InputError(key, given, "must have one of hamiltonian, potential (of a lattice), terms (of a composite)")
    if "potential" in given:
        return shaken(given["potential"], pulse, system, folder, key)
    if "terms" in given:
        if system.parts is None:
            raise InputError(f"{key}.terms", given["terms"], 'must go with builder = "composite"')
        return term(composite.hamiltonian(given["terms"], system.parts, folder, f"{key}.terms"), pulse, system, key)
    return term(hamiltonian.read(given["hamiltonian"], folder, f"{key}.hamiltonian"), pulse, system, key)


def term(H: Any, pulse: Pulse, system: System, key: str = KEY) -> Drive:
    """f(t) H for a Hermitian matrix H, dense, sparse or a Qobj, [energy]; on a lattice a diagonal one.

    Raises InputError, naming `key`.hamiltonian, where H is none, or does not fit.
    """
    key = f"{key}.hamiltonian"
    if system.parts is not None:
        same_dims(H, system.parts.dims, key)
    try:
        made = System(H, system.hbar)
    except InputError as problem:
        raise InputError(key if problem.key == elements.KEY else problem.key, problem.value, problem.why) from None
    if made.P != system.P:
        raise InputError(key, f"{made.P} beables", f"must have as many as the system: {system.P}")
    if system.lattice is not None and made.pairs:
        raise InputError(key, f"{made.P} beables", "must be diagonal on a lattice, where only potentials are driven")
    return Drive(made, pulse)


def shaken(given: Any, pulse: Pulse, system: System, folder: Path = Path(), key: str = KEY) -> Drive:
    """f(t) V for a potential V of a lattice, given as in [system]; InputErrors name `key`.potential."""
    lattice = system.lattice
    if lattice is None:
        raise InputError(f"{key}.potential", given, 'must go with builder = "lattice"; give hamiltonian in its place')
    try:
        V = potential.sample(given, lattice.positions, lattice.shape, lattice.mass, folder)
    except InputError as problem:
        raise InputError(problem.key.replace("system", key, 1), problem.value, problem.why) from None
    return Drive(System(sp.diags_array(V.astype(complex), format="csr"), system.hbar), pulse)
