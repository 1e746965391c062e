"""From amplitudes and a number of members to the occupations and phases at t = 0."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError, NotBuiltYet
from copympi.model.hamiltonian import number

LARGEST = 2**63 - 1
"""Most members that integer counts can hold."""
ID_BYTES, BEABLE_BYTES = 4, 64
"""Least memory of a member with an identity, and of a beable of a replica."""
PHASE_BYTES, MOMENTUM_BYTES, KIND_BYTES = 40, 48, 24
"""What a phase of its own adds to a member at its peak, a momentum to that; and what a kind of members takes."""
MOST_ANGLE = 1e6
"""Radians; beyond, a phase has lost its meaning."""
NORMAL_TO = 1e-6


@dataclass(frozen=True)
class Start:
    """The ensemble at t = 0, every replica alike.

    state : (P,) complex Psi, normalised; counts : (P,) int64 largest-remainder rounding of N |Psi|^2;
    phase : (P,) radians, Psi = sqrt(rho) exp(-i phase) (34).
    spread : half width (rad) of a uniform spread of members' phases about their beable's; 0: aligned.
    phases : or the phases of all N members, in order of beables; anything that can be sliced.
    spectators : of the counts, so many in each beable are pinned: they are copied and never copy.
    """

    state: NDArray[np.complex128]
    counts: NDArray[np.int64]
    phase: NDArray[np.float64]
    spread: float = 0.0
    phases: Any = None
    spectators: int = 0

    @property
    def aligned(self) -> bool:
        """Whether the members of a beable share one phase."""
        return self.spread == 0.0 and self.phases is None

    @property
    def members(self) -> int:
        return int(self.counts.sum(dtype=np.int64))

    @property
    def unmanned(self) -> NDArray[np.intp]:
        """Beables that have weight but, at this N, no member: nothing to copy, so they stay empty."""
        return np.flatnonzero((self.counts == 0) & (np.abs(self.state) > 0))


def prepare(
    P: int,
    members: Any,
    state: Any = None,
    density: Any = None,
    phase: Any = None,
    spread: float = 0.0,
    phases: Any = None,
) -> Start:
    """Occupations and phases of `members` systems for amplitudes, or for densities with phases.

    Raises InputError for a state of the wrong length, of norm off 1 by more than 1e-6, or zero; for phases that are
    not one finite number (rad) a member.
    """
    N = count(members)
    if (state is None) == (density is None):
        given = "neither" if state is None else "both"
        raise InputError("preparation.state", given, "must be given, or density with phase in its place")
    if state is not None:
        if phase is not None:
            raise InputError("preparation.phase", phase, "must go with density; state has phases of its own")
        psi = _vector(state, P, "preparation.state", complex)
    else:
        rho = _vector(density, P, "preparation.density", float)
        if np.any(rho < 0):
            a = int(np.argmin(rho))
            raise InputError(f"preparation.density[{a}]", float(rho[a]), "must not be negative")
        angles = np.zeros(P) if phase is None else _vector(phase, P, "preparation.phase", float)
        psi = np.sqrt(rho) * np.exp(-1j * angles)
    with np.errstate(over="ignore"):
        norm = float(np.sum(np.abs(psi) ** 2))
    key = "preparation.state" if state is not None else "preparation.density"
    if norm == 0.0:
        raise InputError(key, state if state is not None else density, "must not be zero")
    if abs(norm - 1.0) > NORMAL_TO:
        what = "sum of |Psi|^2" if state is not None else "sum"
        raise InputError(key, state if state is not None else density, f"must be normalised; its {what} is {norm:.9g}")
    psi = psi / np.sqrt(norm)
    turn = np.where(psi != 0, -np.angle(psi), 0.0) if state is not None else angles
    counts = largest_remainder(np.abs(psi) ** 2, N)
    return Start(psi, counts, np.ascontiguousarray(turn, dtype=float), min(spread, np.pi), _row(phases, N))


def _row(phases: Any, N: int) -> Any:
    """Phases given member by member, (N,); what reads them from a file piece by piece stays as it is."""
    if phases is None:
        return None
    try:
        row = phases if hasattr(phases, "dtype") else np.asarray(phases)
    except (ValueError, TypeError, OverflowError):
        raise InputError("preparation.phases", phases, f"must hold a real number for each of the {N} members") from None
    if row.shape != (N,) or row.dtype.kind not in "fiu":
        what = f"{row.dtype} array of shape {row.shape}"
        raise InputError("preparation.phases", what, f"must hold a real number for each of the {N} members")
    if isinstance(row, np.ndarray) and not np.all(np.abs(row) < MOST_ANGLE):
        I = int(np.argmin(np.abs(row) < MOST_ANGLE))  # noqa: E741
        raise InputError(f"preparation.phases[{I}]", float(row[I]), f"must be a number below {MOST_ANGLE:g} in size")
    return row


def count(members: Any) -> int:
    """The number of members as an exact integer; InputError says what is allowed."""
    key, allowed = "preparation.members", "must be a whole number of at least 1"
    if isinstance(members, np.generic):
        members = members.item()
    if isinstance(members, bool) or not isinstance(members, (int, float)):
        raise InputError(key, members, allowed)
    if (isinstance(members, float) and not np.isfinite(members)) or members < 1 or members != int(members):
        raise InputError(key, members, allowed)
    if members > LARGEST:
        raise NotBuiltYet(key, members, f"at most 2^63 - 1 = {LARGEST}")
    return int(members)


def memory_needed(members: int, replicas: int = 1, P: int = 0, each: int = ID_BYTES) -> int:
    """Bytes that an ensemble takes at the least, on all ranks together; `each`: bytes a member, 0 for counts."""
    return replicas * (BEABLE_BYTES * P + each * members)


def check_memory(
    start: Start,
    replicas: int,
    representation: str = "members",
    share: float = 1.0,
    momenta: bool = False,
    kinds: int = 0,
) -> None:
    """InputError where the ensemble cannot fit into this machine (node), on which `share` of all ranks stand."""
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / share
    N, P = start.members, start.counts.size
    each, width = 0, P
    if representation == "members":
        each = ID_BYTES + PHASE_BYTES * (momenta or not start.aligned) + MOMENTUM_BYTES * momenta
    elif not start.aligned:
        width = P * (BEABLE_BYTES + KIND_BYTES * kinds) // BEABLE_BYTES
    if memory_needed(N, replicas, width, each) <= there:
        return
    needs = f"at {each} bytes a member" if each else f"at {BEABLE_BYTES} bytes a beable"
    here = f"the {there / 2**30:,.1f} GiB of memory that there are"
    if memory_needed(N, 1, width, each) <= there:
        most = int(there / memory_needed(N, 1, width, each))
        raise InputError("dynamics.replicas", replicas, f"must be at most {most}: {needs} {here} hold no more")
    if not each:
        raise InputError("dynamics.representation", representation, f"{P:,} beables do not fit: {here} hold no more")
    most = int((there - BEABLE_BYTES * width) / each)
    other = 'or take dynamics.representation = "occupation"'
    raise InputError("preparation.members", N, f"must be at most {most}: {needs} {here} hold no more; {other}")


def largest_remainder(density: NDArray[np.float64], members: int) -> NDArray[np.int64]:
    """`members` shared out in proportion to `density`, exactly: whole parts first, then the largest remainders."""
    weight = [round(float(x) * 2**62) for x in density]
    total = sum(weight)
    whole = [w * members // total for w in weight]
    rest = [w * members % total for w in weight]
    order = sorted(range(len(weight)), key=lambda a: (-rest[a], a))
    for a in order[: members - sum(whole)]:
        whole[a] += 1
    return np.array(whole, dtype=np.int64)


def _vector(values: Any, P: int, key: str, kind: type) -> NDArray[Any]:
    if hasattr(values, "full"):  # a QuTiP ket
        values = np.asarray(values.full()).ravel()
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise InputError(key, values, f"must be a list of {P} numbers")
    if len(values) != P:
        raise InputError(key, values, f"must have one element for each of the {P} beables; it has {len(values)}")
    numbers = [number(x, f"{key}[{a}]") for a, x in enumerate(values)]
    for a, x in enumerate(numbers):
        if kind is float and x.imag != 0:
            raise InputError(f"{key}[{a}]", values[a], "must be a real number")
    return np.array([x.real if kind is float else x for x in numbers])
