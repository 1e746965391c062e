"""From amplitudes and a number of members to the occupations and phases at t = 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.kernels import portable
from copympi.model.hamiltonian import number
from copympi.model.shares import LARGEST as LARGEST
from copympi.model.shares import largest_remainder as largest_remainder
from copympi.model.shares import nearest_whole as nearest_whole

MOST = 10**80
"""Most members of an occupation, whose counts are then float64."""
MOST_ANGLE = 1e6
"""Radians; beyond, a phase has lost its meaning."""
NORMAL_TO, ROUNDED_TO = 1e-6, 1e-4
"""How far sum |Psi|^2 may be off 1: without a word, and with a note that it was normalised (0.7071 and the like)."""
REAL = "must be a real number"


@dataclass(frozen=True)
class Start:
    """The ensemble at t = 0, every replica alike.

    state : (P,) complex Psi, normalised.
    counts : (P,) int64, largest-remainder rounding of N |Psi|^2; float64 whole numbers beyond N = 2^63 - 1, where
        their sum is N to double precision.
    phase : (P,) radians, Psi = sqrt(rho) exp(-i phase) (34).
    spread : half width (rad) of a uniform spread of members' phases about their beable's; 0: aligned.
    phases : or the phases of all N members, in order of beables; anything that can be sliced.
    spectators : of the counts, so many in each beable are pinned: they are copied and never copy.
    members : N, exactly; the sum of the counts where left out.
    norm : sum |Psi|^2 of the state as it was given, where it was normalised because it was off by rounding; else 1.
    infinite : N = inf: counts are shares rho_a, float64, and `members`, their sum, is 1.
    apart : counts are not those of the state: systems that Psi guides begin with others (model/standing.py).
    """

    state: NDArray[np.complex128]
    counts: NDArray[Any]
    phase: NDArray[np.float64]
    spread: float = 0.0
    phases: Any = None
    spectators: int = 0
    members: int = 0
    norm: float = 1.0
    infinite: bool = False
    apart: bool = False

    def __post_init__(self) -> None:
        if self.members == 0:
            object.__setattr__(self, "members", sum(map(int, self.counts.tolist())))

    @property
    def number(self) -> float:
        """N, for people; inf of an infinite ensemble."""
        return math.inf if self.infinite else self.members

    @property
    def aligned(self) -> bool:
        """Whether the members of a beable share one phase."""
        return self.spread == 0.0 and self.phases is None

    @property
    def guide(self) -> NDArray[np.complex128]:
        """Psi, (P,), for systems that it guides: sqrt(n/N) exp(-i phase) of the counts, of which they are then |Psi|^2
        to the last member; the state itself where the counts are apart from it."""
        n = np.asarray(self.counts, float)
        return self.state if self.apart else np.sqrt(n / n.sum()) * portable.turns(-self.phase)

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
    spectators: int = 0,
) -> Start:
    """Occupations and phases of `members` systems for amplitudes, or for densities with phases.

    Raises InputError for a state of the wrong length, of norm off 1 by more than 1e-4, or zero; for phases that are
    not one finite number (rad) a member; for fewer members than spectators.
    """
    N = count(members)
    psi, turn, norm = amplitudes(P, state, density, phase)
    return replace(share_out(psi, turn, N, spread, phases, spectators), norm=norm)


def amplitudes(
    P: int, state: Any = None, density: Any = None, phase: Any = None, normalise: bool = False
) -> tuple[NDArray[np.complex128], NDArray[np.float64], float]:
    """Psi, (P,), normalised, its phases (rad), Psi = sqrt(rho) exp(-i phase), finite where Psi = 0 too; and its norm.

    The norm is that of the state as given where it was off 1 by rounding, else 1. normalise : whatever it is off by.
    """
    if state is None and density is None:
        raise InputError("preparation.state", "neither", "must be given, or density with phase in its place, or packet")
    if state is not None and density is not None:
        raise InputError("preparation.density", "both", "must be left out where state is given, or state where it is")
    if state is not None:
        if phase is not None:
            raise InputError("preparation.phase", phase, "must go with density; state has phases of its own")
        psi = vector(state, P, "preparation.state", complex)
    else:
        rho = vector(density, P, "preparation.density", float)
        if np.any(rho < 0):
            a = int(np.argmin(rho))
            raise InputError(f"preparation.density[{a}]", float(rho[a]), "must not be negative")
        angles = np.zeros(P) if phase is None else vector(phase, P, "preparation.phase", float)
        psi = np.sqrt(rho) * portable.turns(-angles)
    psi, norm = _normal(psi, state, density, normalise)
    return psi, turns(psi) if state is not None else np.ascontiguousarray(angles, dtype=float), norm


def _normal(
    psi: NDArray[np.complex128], state: Any, density: Any, normalise: bool
) -> tuple[NDArray[np.complex128], float]:
    """Psi of norm one, and the norm it had where that is to be said; InputError where it is too far off."""
    key, given, what = ("preparation.state", state, "sum of |Psi|^2")
    if state is None:
        key, given, what = ("preparation.density", density, "sum")
    largest = float(np.max(portable.sizes(psi), initial=0.0))
    if largest == 0.0:
        raise InputError(key, given, "must not be zero")
    if normalise:
        psi = psi / largest  # so that no square is too large or too small a number
    with np.errstate(over="ignore"):
        norm = float(np.sum(portable.sizes(psi) ** 2))
    off = 0.0 if normalise else abs(norm - 1.0)
    if not off <= ROUNDED_TO:
        raise InputError(
            key, given, f"must be normalised; its {what} is {norm:.9g} (preparation.normalise = true does it)"
        )
    return psi / np.sqrt(norm), norm if off > NORMAL_TO else 1.0


def turns(psi: NDArray[np.complex128]) -> NDArray[np.float64]:
    """The phases of amplitudes, rad; 0 where there is none."""
    return np.where(psi != 0, -portable.angles(psi), 0.0)


def share_out(
    psi: NDArray[np.complex128],
    phase: NDArray[np.float64],
    N: int,
    spread: float = 0.0,
    phases: Any = None,
    spectators: int = 0,
) -> Start:
    """The ensemble of N members for a normalised Psi, (P,), and its phases (rad)."""
    s, P = spectators, psi.size
    free = N - s * P
    if free < 0:
        why = f"must be at least {s * P}: the {s} spectators in each of {P} beables are part of it"
        raise InputError("preparation.members", N, why)
    rho = portable.sizes(psi) ** 2
    if N <= LARGEST:
        counts: NDArray[Any] = s + largest_remainder(rho, free)
    else:
        counts = float(s) + np.rint(float(free) * (rho / rho.sum()))
    return Start(psi, counts, phase, min(spread, np.pi), _row(phases, N), s, N)


def limit(
    psi: NDArray[np.complex128],
    phase: NDArray[np.float64],
    spread: float = 0.0,
    phases: Any = None,
    spectators: int = 0,
) -> Start:
    """The infinite ensemble for a normalised Psi, (P,), and its phases (rad); InputError for those of members."""
    if phases is not None:
        raise InputError("preparation.phases", phases, "must be left out where members = inf")
    rho = portable.sizes(psi) ** 2
    return Start(psi, rho / rho.sum(), phase, min(spread, np.pi), None, spectators, 1, infinite=True)


def infinite(members: Any) -> bool:
    """Whether `members` asks for the infinite ensemble."""
    return isinstance(members, (float, np.floating)) and bool(members == math.inf)


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
    """The number of members as an exact integer, at most 1e80; InputError says what is allowed."""
    key, allowed = "preparation.members", "must be a whole number of at least 1, or inf"
    if isinstance(members, np.generic):
        members = members.item()
    if isinstance(members, bool) or not isinstance(members, (int, float)):
        raise InputError(key, members, allowed)
    if (isinstance(members, float) and not np.isfinite(members)) or members < 1 or members != int(members):
        raise InputError(key, members, allowed)
    # 1e80 is meant as 10^80, which no double is
    N = int(Decimal(repr(members))) if isinstance(members, float) and members > LARGEST else int(members)
    if N > MOST:
        why = 'must be at most 1e80: dynamics.representation = "occupation" goes to 1e80, "members" to 2^63 - 1'
        raise InputError(key, members, why)
    return N


def vector(values: Any, P: int, key: str, kind: type) -> NDArray[Any]:
    """P finite numbers, `kind` float or complex, from a list, an array or a ket; InputError names the bad one."""
    if hasattr(values, "full"):  # QuTiP's
        if getattr(values, "isbra", False) and P > 1:
            raise InputError(key, "a bra", "must be a ket: take its dag()")
        values = np.asarray(values.full())
    if isinstance(values, np.ndarray):
        if values.shape == (P, 1):
            values = values[:, 0]
        if values.ndim == 1 and values.size == P and values.dtype.kind in "iufc":
            return _numeric(values, key, kind)
        values = values.tolist()
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise InputError(key, values, f"must be a list of {P} numbers")
    if all(isinstance(row, (list, tuple)) and len(row) == 1 for row in values):  # a column, as kets are written
        values = [row[0] for row in values]
    if len(values) != P:
        raise InputError(key, values, f"must have one element for each of the {P} beables; it has {len(values)}")
    numbers = [number(x, f"{key}[{a}]") for a, x in enumerate(values)]
    for a, x in enumerate(numbers):
        if kind is float and x.imag != 0:
            raise InputError(f"{key}[{a}]", values[a], REAL)
    return np.array([x.real if kind is float else x for x in numbers])


def _numeric(values: NDArray[Any], key: str, kind: type) -> NDArray[Any]:
    """An array of numbers as `kind`, without a look at each in Python but for the first that will not do."""
    with np.errstate(over="ignore"):
        numbers = values.astype(complex)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        number(values[bad[0]].item(), f"{key}[{bad[0]}]")
    if kind is float and np.any(numbers.imag != 0):
        a = int(np.argmax(numbers.imag != 0))
        raise InputError(f"{key}[{a}]", values[a].item(), REAL)
    return numbers.real.copy() if kind is float else numbers
