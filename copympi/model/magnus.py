"""How far a step of one or two constant Hamiltonians is from a smooth H(t): norms of commutators, pulses' moments.

W(t) = H(t)/hbar = W_0 + sum_j f_j(t) W_j on a step of length h is written in Legendre polynomials of x in [-1, 1],
W = sum_n a_n P_n(x). One constant Hamiltonian, a_0 (the mean), is of second order. Two, of h/2 each, a_0 -+ (2/3) a_1,
are of fourth order: Magnus' expansion has h a_0 and the commutator i h^2/6 [a_0, a_1], and so has the product of these
two exponentials by Baker, Campbell and Hausdorff. What both leave out is, to leading order (checked numerically),

    two:  h^4/1440 [a0,[a0,[a0,a1]]] + h^3/540 [a1,[a0,a1]] + h^3/60 [a0,[a0,a2]] + h^2/30 [a1,a2] + h^2/70 [a2,a3] + ..
    one:  h^2/6 [a0,a1] + h^3/60 [a1,[a0,a1]] + the last three of these.

Every term has a commutator of two innermost. Its norm is added up from norms of [W_i, W_j], worked out once; the outer
ones are bounded by how much a commutator with W_i can enlarge. No state enters, so what is bounded is the operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.polynomial import legendre
from numpy.typing import NDArray

Array = NDArray[np.float64]

POINTS = 20
NODES, WEIGHTS = legendre.leggauss(POINTS)
"""Gauss points in [-1, 1]; weights add up to 2."""
EDGE = 1e-6
"""Of half a step: so far from its ends pulses are looked at too, as a jump beyond the outermost Gauss point would not
show."""
LOOKS = np.concatenate([NODES, [-1 + EDGE, 1 - EDGE]])
EXTRAPOLATE = legendre.legvander(LOOKS[POINTS:], POINTS - 1) @ np.linalg.inv(legendre.legvander(NODES, POINTS - 1))
"""The polynomial through the values at the Gauss points, near the ends."""
BEYOND = 0.5 * float(1 - NODES[-1])
"""The part of a step beyond the outermost Gauss point."""
MODES = 4
"""Legendre polynomials that are told apart; the rest counts as a whole."""
POLYNOMIALS = legendre.legvander(NODES, MODES - 1)
LEAN = 2.0 / 3.0
"""The two Hamiltonians of a step lean so much towards its ends."""
HALVES = np.where(NODES < 0, -LEAN, LEAN)
DENSE_TO = 64
"""Largest P for which norms are worked out exactly; beyond it they are bounded by sums of rows."""
MOST_WORK = 10**7
"""Multiplications up to which a commutator of sparse matrices is worked out."""
ROUNDING = 1e-13
TURN = 2.0
"""Largest h times the enlargement by a commutator with a_0: the next order is then a tenth of the one that counts."""


@dataclass(frozen=True)
class Step:
    """What a look at the pulses between two times gives.

    mean, slope : a_0 and a_1 of each pulse, (J,). modes : a_0 to a_3, (4, J+1), those of W_0 in front. one, two :
    bounds on the error of the step's evolution operator with one and with two constant Hamiltonians; rough : the part
    of them that is due to what modes do not tell. unlike : with one and with two, the integral over the step of the
    norm of what they differ from H(t)/hbar by, where that makes members copy or turn. jump : the largest less the
    smallest value of each pulse, (J,).
    """

    mean: Array
    slope: Array
    one: float
    two: float
    unlike: tuple[float, float]
    jump: Array
    modes: Array
    rough: float


class Norms:
    """Norms of W_0, W_1, .. W_J and of their commutators, in units of 1/time and 1/time^2.

    spread (J+1,): half the width of the spectrum. commutators (J+1, J+1): |[W_i, W_j]|. moving (J+1,): the largest sum
    of couplings of a beable, or difference of frequencies of two that are coupled at any time.
    """

    def __init__(self, parts: list[sp.csr_array]) -> None:
        count, P = len(parts), parts[0].shape[0]
        exact = P <= DENSE_TO
        off = [W - sp.diags_array(W.diagonal(), format="csr") for W in parts]
        couplings = np.array([_rows(each) for each in off])
        uneven = _uneven(parts, off)
        self.spread = np.array([_half_width(W, exact) for W in parts])
        self.moving = np.maximum(couplings, uneven)
        # a commutator with W_i enlarges at most so much: by the spectrum, or, element by element, what reaches no
        # farther than three couplings
        self._enlarging = np.array([2 * self.spread] if exact else [2 * self.spread, 2 * couplings + 3 * uneven])
        self.commutators = np.zeros((count, count))
        for i in range(count):
            for j in range(i):
                size = 2 * self.spread[i] * self.spread[j]
                if parts[i].nnz * parts[j].nnz <= MOST_WORK * P:
                    product = parts[i] @ parts[j]
                    difference = product - product.conj().T
                    size = min(size, _norm2(difference) if exact else _rows(difference))
                self.commutators[i, j] = self.commutators[j, i] = size

    def enlarging(self, a: Array) -> float:
        """How much a commutator with sum_i a_i W_i can enlarge another matrix at most; a: (J+1,)."""
        return float(np.min(self._enlarging @ np.abs(a)))

    def commutator(self, a: Array, b: Array) -> float:
        """A bound on |[sum_i a_i W_i, sum_j b_j W_j]|."""
        return float(0.5 * np.sum(self.commutators * np.abs(np.outer(a, b) - np.outer(b, a))))

    def step(self, values: Array, h: float) -> Step:
        """What a step of length h is like; values: (POINTS + 2, J), the pulses at LOOKS."""
        count, jump = values.shape[1], np.ptp(values, axis=0)
        largest = np.concatenate([[0.0], np.max(np.abs(values), axis=0)])
        values, ends = values[:POINTS], values[POINTS:]
        gap = np.concatenate([[0.0], np.max(np.abs(ends - EXTRAPOLATE @ values), axis=0)])
        a = np.zeros((MODES, count + 1))
        a[0, 0] = 1.0
        a[:, 1:] = (np.arange(MODES) + 0.5)[:, None] * (POLYNOMIALS.T @ (WEIGHTS[:, None] * values))
        fitted = POLYNOMIALS @ a[:, 1:]
        rest = np.concatenate([[0.0], np.sqrt(0.5 * WEIGHTS @ (values - fitted) ** 2)])
        for unknown in (rest, gap):
            unknown[unknown < ROUNDING * largest] = 0.0
        one, two = self._smooth(a, h)
        rough = BEYOND * h * float(gap @ self.spread) + self._rough(a, np.maximum(rest, gap), h)
        flat, lean = values - a[0, 1:], values - a[0, 1:] - np.outer(HALVES, a[1, 1:])
        unlike = [float(0.5 * h * (WEIGHTS @ np.abs(each)) @ self.moving[1:]) for each in (flat, lean)]
        return Step(a[0, 1:], a[1, 1:], one + rough, two + rough, (unlike[0], unlike[1]), jump, a, rough)

    def _smooth(self, a: Array, h: float) -> tuple[float, float]:
        """Bounds for one and for two Hamiltonians, inf where h is too long to tell."""
        c01, c02 = self.commutator(a[0], a[1]), self.commutator(a[0], a[2])
        G, g1 = self.enlarging(a[0]), self.enlarging(a[1])
        if c01 + c02 > 0 and h * G > TURN:
            return np.inf, np.inf
        both = h**3 / 60 * G * c02 + h**2 / 30 * self.commutator(a[1], a[2]) + h**2 / 70 * self.commutator(a[2], a[3])
        one = h**2 / 6 * c01 + h**3 / 60 * g1 * c01 + both
        two = h**4 / 1440 * G**2 * c01 + h**3 / 540 * g1 * c01 + both
        return one, two

    def _rough(self, a: Array, rest: Array, h: float) -> float:
        """A bound on what comes of all that is no polynomial of third degree: far more than it can do."""
        c0r = self.commutator(a[0], rest)
        if c0r > 0 and h * self.enlarging(a[0]) > TURN:
            return np.inf
        others = sum(self.commutator(each, rest) for each in a[1:])
        return h**3 / 12 * self.enlarging(rest) * c0r + h**2 / 30 * others


def _rows(W: sp.csr_array) -> float:
    return float(abs(W).sum(axis=1).max()) if W.nnz else 0.0


def _norm2(W: sp.csr_array) -> float:
    return float(np.linalg.norm(W.toarray(), 2)) if W.nnz else 0.0


def _half_width(W: sp.csr_array, exact: bool) -> float:
    """Half the width of the spectrum of a Hermitian matrix: exactly, or within Gershgorin's bounds."""
    if exact:
        return 0.5 * float(np.ptp(np.linalg.eigvalsh(W.toarray())))
    diagonal = W.diagonal().real
    reach = abs(W).sum(axis=1) - np.abs(diagonal)
    return 0.5 * float((diagonal + reach).max() - (diagonal - reach).min())


def _uneven(parts: list[sp.csr_array], off: list[Any]) -> Array:
    """For each part the largest difference of two of its diagonal elements whose beables are coupled in any part."""
    pattern = sp.coo_array(sum(abs(each) for each in off[1:]) + abs(off[0]))
    a, b = pattern.coords
    diagonals = [W.diagonal().real for W in parts]
    return np.array([float(np.max(np.abs(d[a] - d[b]), initial=0.0)) for d in diagonals])
