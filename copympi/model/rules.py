"""Copy rules: the class (18), (19) with the harmonics (27), (28), of which quantum mechanics is one rule.

With D = phi_a - phi_b and n_a, n_b members, all sums over harmonics k of a rule:

    a member in b moves to a at the rate   (n_a/n_b)^q sum_k R'^k_ab sin+(k D + delta^k_ab),   sin+(x) = max(0, sin x)
    the phase of a turns at                omega_a + sum_b (n_a/n_b)^r sum_k R^k_ab cos(k D + delta'^k_ab)

where H_ab/hbar = R_ab exp(i delta_ab) and, for a harmonic with the numbers or matrices `copying`, `turning`,
`copying_shift`, `turning_shift`,

    R'^k_ab = copying R_ab,   delta^k_ab = k delta_ab + copying_shift for a < b, - copying_shift for a > b,
    R^k_ab = turning R_ab,    delta'^k_ab = k delta_ab + turning_shift for a < b, - turning_shift for a > b.

A matrix (P, P) in the place of a number holds one for each pair of beables: strengths are symmetric, shifts odd.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.kernels import portable
from copympi.model.system import System
from copympi.model.tables import real

QUANTUM_RULE, LINEAR, MOEBIUS, GENERAL, FUNCTION = "quantum", "linear", "moebius", "general", "function"
CLASSES = (QUANTUM_RULE, LINEAR, MOEBIUS, GENERAL, FUNCTION)
"""Classes of rules, each within the next. linear: amplitudes sqrt(n) exp(-i k phi) move linearly (one k, q = 1/2,
r = -1/2, R' = 2 k R, delta' = delta). moebius: one harmonic k > 0, so that all phases of a beable move by one Moebius
map of exp(i k phi). function: all else, as Python functions (model/rule_functions.py)."""
STRENGTHS = ("copying", "turning", "copying_shift", "turning_shift")
MOST_K, MOST_HARMONICS, MOST_POWER, MOST_STRENGTH, MOST_SHIFT = 64, 64, 100.0, 1e100, 1e6
ODD_TO = 1e-12
"""How far matrices may be off symmetry or oddness, relative to their largest element."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Harmonic:
    """The terms of one k in a rule.

    k : int, from 0 to 64 [1], default 1.
    copying : float or (P, P) [1], default 2.0. R'^k as a multiple of R_ab, >= 0; a matrix is symmetric.
    turning : float or (P, P) [1], default 1.0. R^k as a multiple of R_ab; a matrix is symmetric.
    copying_shift : float or (P, P) [rad], default 0.0. Added to k delta_ab for a < b, subtracted for a > b, where
        members copy; as a matrix added as it stands, and odd.
    turning_shift : float or (P, P) [rad], default 0.0. The same where phases turn.

    Matrices may be scipy.sparse.

    Raises InputError for what cannot be.
    """

    k: int = 1
    copying: Any = 2.0
    turning: Any = 1.0
    copying_shift: Any = 0.0
    turning_shift: Any = 0.0

    def __post_init__(self) -> None:
        whole = isinstance(self.k, (int, np.integer)) and not isinstance(self.k, bool)
        if not (whole and 0 <= self.k <= MOST_K):
            raise InputError("k", self.k, f"must be a whole number from 0 to {MOST_K}")
        object.__setattr__(self, "k", int(self.k))
        for key, least in (("copying", 0.0), ("turning", -MOST_STRENGTH)):
            object.__setattr__(self, key, _checked(getattr(self, key), key, least, MOST_STRENGTH, 1))
        for key in ("copying_shift", "turning_shift"):
            object.__setattr__(self, key, _checked(getattr(self, key), key, -MOST_SHIFT, MOST_SHIFT, -1))

    @property
    def strengths(self) -> dict[str, Any]:
        """Its numbers and matrices by their keys."""
        return {key: getattr(self, key) for key in STRENGTHS}

    @property
    def linear(self) -> bool:
        """Whether sqrt(n) exp(-i k phi) moves linearly by it (at q = 1/2, r = -1/2)."""
        shifts = _same(self.copying_shift, self.turning_shift)
        return self.k > 0 and shifts and _same(self.copying, self.turning, 2.0 * self.k)

    @property
    def quantum(self) -> bool:
        """Whether it is the one of quantum mechanics."""
        wanted = {"copying": 2.0, "turning": 1.0, "copying_shift": 0.0, "turning_shift": 0.0}
        return self.k == 1 and all(_same(self.strengths[key], value) for key, value in wanted.items())

    def __repr__(self) -> str:
        said = [f"{key} = {value:g}" if isinstance(value, float) else key for key, value in self.strengths.items()]
        some = [text for text in said if not text.endswith("shift = 0")]
        return "{" + ", ".join([f"k = {self.k}", *some]) + "}"


@dataclass(frozen=True, eq=False, repr=False)
class Rule:
    """A copy rule; without arguments that of quantum mechanics.

    q : float [1], default 0.5. The power of n_a/n_b in copying.
    r : float [1], default -0.5. The power of n_a/n_b in the turning of phases.
    harmonics : of Harmonic, or of dictionaries of their keys, default None, that of quantum mechanics alone.
    excess : (2,) float [1], default None, (0, 0). How much the powers of n_I and n_J in a pair's rate of copying,
        n_J^(q-1) n_I^(-q), and of turning, n_I^r n_J^(-r-1), exceed the sum -1: added to the power of n_J. Else than 0
        the dynamics depends on N and has no infinite ensemble.

    Raises InputError for what cannot be.
    """

    q: float = 0.5
    r: float = -0.5
    harmonics: Any = None
    excess: Any = None

    def __post_init__(self) -> None:
        for key in ("q", "r"):
            object.__setattr__(self, key, _power(getattr(self, key), key))
        given = (0.0, 0.0) if self.excess is None else self.excess
        pair = list(given) if isinstance(given, (list, tuple)) or getattr(given, "ndim", 0) == 1 else []
        if len(pair) != 2:
            raise InputError("excess", given, "must be two numbers, for copying and for turning")
        first, second = pair
        object.__setattr__(self, "excess", (_power(first, "excess"), _power(second, "excess")))
        object.__setattr__(self, "harmonics", (Harmonic(),) if self.harmonics is None else _harmonics(self.harmonics))

    @property
    def quantum(self) -> bool:
        """Whether it is the rule of quantum mechanics, however it was given."""
        return self.half and len(self.harmonics) == 1 and bool(self.harmonics[0].quantum)

    @property
    def half(self) -> bool:
        """Whether its powers are those of quantum mechanics."""
        return self.q == 0.5 and self.r == -0.5 and self.excess == (0.0, 0.0)

    @property
    def kind(self) -> str:
        """The narrowest of CLASSES that it is in."""
        if self.quantum:
            return QUANTUM_RULE
        if len(self.harmonics) != 1 or self.harmonics[0].k == 0:
            return GENERAL
        return LINEAR if self.half and self.harmonics[0].linear else MOEBIUS

    def within(self, widest: str) -> bool:
        """Whether it is of a class, or of one within that.

        widest : str, one of CLASSES.
        """
        return CLASSES.index(self.kind) <= CLASSES.index(widest)

    def fit(self, P: int) -> None:
        """InputError where a matrix is not one of P beables.

        P : int [1].
        """
        for i, harmonic in enumerate(self.harmonics):
            for key, value in harmonic.strengths.items():
                if not isinstance(value, float) and value.shape != (P, P):
                    what = "array of shape " + "x".join(map(str, value.shape))
                    raise InputError(f"dynamics.rule.harmonics[{i}].{key}", what, f"must be {P}x{P}")

    def __repr__(self) -> str:
        powers = f"q = {self.q:g}, r = {self.r:g}"
        more = f", excess = {self.excess}" if self.excess != (0.0, 0.0) else ""
        return f"{powers}{more}, harmonics = [{', '.join(map(repr, self.harmonics))}]"


@dataclass(frozen=True)
class Entries:
    """A rule on the pattern of a System: its numbers at every ordered pair (a, b) that H couples.

    Pairs stand in the order of `system.couplings` (a ascending, then b, no diagonal), E of them. rows, columns : (E,)
    int64, a and b. k : (K,) int64. copying, turning : (K, E) R'^k_ab >= 0 and R^k_ab [1/time]. copying_angle,
    turning_angle : (K, E) delta^k_ab and delta'^k_ab [rad].
    """

    k: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    copying: Floats
    copying_angle: Floats
    turning: Floats
    turning_angle: Floats


def pattern(system: System) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.complex128]]:
    """The ordered pairs (a, b) that H couples, in the order of `system.couplings`: a, b and H_ab/hbar, (E,) each."""
    W = system.frequencies.tocoo()
    off = (W.coords[0] != W.coords[1]) & (W.data != 0)
    rows, columns, coupling = (each[off] for each in (*W.coords, W.data))
    order = np.lexsort((columns, rows))
    return rows[order].astype(np.int64), columns[order].astype(np.int64), coupling[order]


def entries(rule: Rule, system: System) -> Entries:
    """The rule's R'^k, delta^k, R^k, delta'^k at every pair that H couples. InputError where a matrix does not fit."""
    rule.fit(system.P)
    rows, columns, coupling = pattern(system)
    size, angle = portable.sizes(coupling), portable.angles(coupling)
    angle = np.where((rows > columns) & (angle == np.pi), -np.pi, angle)  # odd for a negative H_ab too
    side = np.where(rows < columns, 1.0, -1.0)
    made: dict[str, list[Floats]] = {key: [] for key in STRENGTHS}
    for harmonic in rule.harmonics:
        for key, value in harmonic.strengths.items():
            shift = key.endswith("shift")
            if isinstance(value, float):
                at = value * (side if shift else np.ones_like(side))
            else:
                at = np.asarray((sp.csr_matrix(value) if sp.issparse(value) else value)[rows, columns]).ravel()
            made[key].append(harmonic.k * angle + at if shift else size * at)
    whole = {key: np.array(values).reshape(len(rule.harmonics), rows.size) for key, values in made.items()}
    k = np.array([harmonic.k for harmonic in rule.harmonics], np.int64)
    return Entries(k, rows, columns, whole["copying"], whole["copying_shift"], whole["turning"], whole["turning_shift"])


def dense(rule: Rule, system: System) -> tuple[Floats, Floats, Floats, Floats]:
    """R'^k, delta^k, R^k, delta'^k as matrices, (K, P, P) each, zero where H couples nothing."""
    found, P = entries(rule, system), system.P
    out = []
    for values in (found.copying, found.copying_angle, found.turning, found.turning_angle):
        whole = np.zeros((len(found.k), P, P))
        whole[:, found.rows, found.columns] = values
        out.append(whole)
    return out[0], out[1], out[2], out[3]


def _harmonics(given: Any) -> tuple[Harmonic, ...]:
    if not isinstance(given, (list, tuple)) or not 1 <= len(given) <= MOST_HARMONICS:
        raise InputError("harmonics", given, f"must be a list of 1 to {MOST_HARMONICS} harmonics")
    out = []
    for i, one in enumerate(given):
        try:
            out.append(one if isinstance(one, Harmonic) else Harmonic(**one))
        except InputError as problem:
            raise InputError(f"harmonics[{i}].{problem.key}", problem.value, problem.why) from None
        except TypeError:
            raise InputError(f"harmonics[{i}]", one, "must be a table of k, copying, turning and shifts") from None
    return tuple(out)


def _power(value: Any, key: str) -> float:
    found = real(value, key)
    if abs(found) > MOST_POWER:
        raise InputError(key, value, f"must be at most {MOST_POWER:g} in size")
    return found


def _checked(value: Any, key: str, least: float, most: float, parity: int) -> Any:
    """A number as float, or a matrix as it is but for rounding; parity 1: symmetric, -1: odd."""
    allowed = f"must be a number from {least:g} to {most:g}" if least else f"must be 0 or positive, at most {most:g}"
    if not (sp.issparse(value) or isinstance(value, (np.ndarray, list, tuple))) or np.ndim(value) == 0:
        found = real(value.item() if isinstance(value, (np.ndarray, np.generic)) else value, key)
        if not least <= found <= most:
            raise InputError(key, value, allowed)
        return found
    try:
        matrix: Any = sp.csr_array(value) if sp.issparse(value) else np.asarray(value)
        matrix = matrix.real if matrix.dtype.kind == "c" and abs(matrix.imag).max() == 0 else matrix
    except (TypeError, ValueError):
        raise InputError(key, value, "must be a number, or a square matrix of them") from None
    shape = matrix.shape
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0 or matrix.dtype.kind not in "iuf":
        what = f"{matrix.dtype} array of shape {'x'.join(map(str, shape))}"
        raise InputError(key, what, "must be a number, or a square matrix of real numbers")
    matrix = matrix.astype(float)
    numbers = matrix.data if sp.issparse(matrix) else matrix
    bad = ~((numbers >= least) & (numbers <= most))
    if np.any(bad):
        raise InputError(key, float(numbers[bad].flat[0]), f"every element {allowed}")
    off = abs(matrix - parity * matrix.T).max()
    if off > ODD_TO * max(abs(matrix).max(), 1e-300):
        word = "symmetric, as one of pairs" if parity > 0 else "odd, M_ba = -M_ab"
        raise InputError(key, f"matrix off by {off:.3g}", f"must be {word}")
    return 0.5 * (matrix + parity * matrix.T)


def _same(one: Any, other: Any, factor: float = 1.0) -> bool:
    """Whether one = factor times other, as numbers or at all pairs of beables; of sparse matrices it is not known."""
    if sp.issparse(one) or sp.issparse(other):
        return False
    first, second = np.asarray(one), factor * np.asarray(other)
    if first.ndim == second.ndim == 2 and first.shape != second.shape:
        return False
    different = np.broadcast_to(first, np.broadcast_shapes(first.shape, second.shape)) != second
    if different.ndim == 2:
        different = different & ~np.eye(different.shape[0], dtype=bool)
    return not np.any(different)


QUANTUM = Rule()
"""(39), (40): q = 1/2, r = -1/2, k = 1, R' = 2 R, delta' = delta."""
