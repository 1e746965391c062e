"""The mean field's Psi carried along, and what a step of constant Hamiltonians errs by on it.

Of many beables bounds on operators (model/magnus.py) ask for what the worst of all states would need, one that lives at
the far end of a potential. Here the same leading terms act on Psi as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.kernels.portable import norm

Vector = NDArray[np.complex128]
Operator = Callable[[Vector], Vector]
LAST = 1e-13
"""Terms of a Taylor series below this, relative to the state, are left out."""


class Carried:
    """Psi at the end of the pieces so far. parts : W_0, W_1, .. W_J, (P, P). state : (P,), normalised."""

    def __init__(self, parts: Sequence[sp.csr_array], state: Vector) -> None:
        self.parts = [W.diagonal().real if _diagonal(W) else W for W in parts]
        self.state = np.asarray(state, complex)

    def errors(self, a: NDArray[np.float64], h: float) -> tuple[float, float]:
        """What one and two constant Hamiltonians err by in Psi over the next h, to leading order.

        a : (4, J+1), the pulses' Legendre coefficients in that step, those of W_0 in front.
        """
        A, B, C, D = (self._sum(row) for row in a)
        v = [self.state]
        for _ in range(3):
            v.append(A(v[-1]))  # v_k = a_0^k Psi
        b, c, d = [B(each) for each in v], [C(each) for each in v[:3]], D(self.state)
        ab = A(b[0])
        once = ab - b[1]  # [a0, a1] Psi; commutators with a0 are binomial sums of a0^k a1 v_l
        thrice = A(A(ab - 3 * b[1]) + 3 * b[2]) - b[3]
        twice = A(A(c[0]) - 2 * c[1]) + c[2]
        across = B(once) - A(B(b[0])) + B(ab)
        both = h**3 / 60 * norm(twice) + h**2 / 30 * norm(B(c[0]) - C(b[0])) + h**2 / 70 * norm(C(d) - D(c[0]))
        one = h**2 / 6 * norm(once) + h**3 / 60 * norm(across) + both
        return float(one), float(h**4 / 1440 * norm(thrice) + h**3 / 540 * norm(across) + both)

    def go(self, coefficients: Sequence[float], t: float, spread: float) -> None:
        """On by t with constant values of the pulses, (J,). spread : a bound on half the width of the spectrum."""
        W = self._sum(np.array([1.0, *coefficients]))
        steps = max(1, ceil(t * spread))
        moved = W(self.state)
        middle = float(np.sum(self.state.real * moved.real + self.state.imag * moved.imag))
        for _ in range(steps):
            term, k = self.state, 0
            out = self.state.copy()
            while norm(term) > LAST and k < 200:
                k += 1
                term = (-1j * t / steps / k) * (W(term) - middle * term)
                out += term
            self.state = out / norm(out)

    def keep(self, beables: Sequence[int]) -> None:
        """What a filter leaves of Psi, normalised; all of it where that is nothing."""
        kept = np.zeros_like(self.state)
        kept[list(beables)] = self.state[list(beables)]
        size = norm(kept)
        self.state = kept / size if size > 0 else self.state

    def _sum(self, a: NDArray[np.float64]) -> Operator:
        """sum_i a_i W_i, as it acts on a vector."""
        here = [(float(x), W) for x, W in zip(a, self.parts, strict=True) if x != 0]
        matrices = [(x, W) for x, W in here if W.ndim == 2]
        diagonal = sum((x * W for x, W in here if W.ndim == 1), np.zeros(self.state.size))

        def act(v: Vector) -> Vector:
            return np.asarray(sum((x * (W @ v) for x, W in matrices), diagonal * v))

        return act


def _diagonal(W: sp.csr_array) -> bool:
    return bool(np.array_equal(np.repeat(np.arange(W.shape[0]), np.diff(W.indptr)), W.indices))
