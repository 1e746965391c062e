"""What becomes of a beable of few members while its neighbours have many: a birth-death process, solved by Kendall.

c_a = sqrt(n_a) exp(-i phi_a) of a beable a with few members obeys dc_a/dt = K, K = sum_b g_b, g_b = -i (H_ab/hbar) c_b,
where its own term omega_a c_a and all changes of the many neighbours b are small while it passes: without noise it goes
along a straight line. Let alpha = arg(c_a/K), -pi to pi, and d sigma = |K| dt/sqrt(n_a). The flow from b to a is
2 Re(conj(c_a) g_b), hence each member of a is copied or copies away at the rates, a unit of sigma,

    birth  sum_b 2 [Re(e^{-i alpha} g_b/K)]^+,      death  sum_b 2 [Re(e^{-i alpha} g_b/K)]^-,

and d alpha/d sigma = -sin alpha whatever n_a is. So members are independent, and the line of one of them dies out
with the chance J/(1 + J), J = int death e^rho d sigma, rho = int (death - birth) d sigma (Kendall, Ann. Math. Stat. 19
(1948) 1). Births less deaths are 2 cos alpha; so e^rho = sin^2(alpha)/sin^2(alpha_0), and

    J(alpha) = 2/sin^2(alpha) int_0^alpha sum_b [Re(e^{-i t} g_b/K)]^- sin t dt       (alpha > 0; else mirrored).

From far away, n sin^2(alpha) = x with n without end, the chance Q^n = (1 + 1/J)^{-n} becomes exp(-x/kappa), kappa the
limit of J sin^2: the integral from 0 to pi. With g_b/K = x_b + i y_b it is sum_b ( |x_b| + |y_b| arctan |y_b/x_b| ),
the same on both sides of the node. One neighbour: kappa = 1. (Derived for this project; not in the paper.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def kappa(drives: ArrayLike) -> Floats:
    """The members that one e-fold of P = exp(-x/kappa) takes, dimensionless, (...) for drives (..., B).

    drives : complex g_b = -i (H_ab/hbar) c_b of the B neighbours, in any unit: a common factor drops out.
    Raises ValueError where they cancel, sum_b g_b = 0.
    """
    share = _shares(drives)
    x, y = np.abs(share.real), np.abs(share.imag)
    return np.asarray((x + y * np.arctan2(y, x)).sum(axis=-1))


def kendall(drives: ArrayLike, alpha: ArrayLike) -> Floats:
    """Q(alpha), the chance that no member is left of one that was there at the angle alpha: shape of `alpha`, 0 to 1.

    Of n members at that angle all lines die out with the chance Q^n. drives (B,) as in `kappa`; alpha = arg(c_a/K) in
    rad, taken into (-pi, pi]: pi long before the pass, pi/2 or -pi/2 in its middle, 0 long after it. One neighbour:
    cos^2 alpha before the middle, 0 after it. Raises ValueError where the drives cancel.
    """
    share = _shares(drives)
    angle = np.asarray(alpha, dtype=float)
    angle = -np.remainder(np.pi - angle, 2 * np.pi) + np.pi
    y = np.where(angle[..., None] < 0, -share.imag, share.imag)  # the other side of the node is the mirror image
    up = np.abs(angle)
    over = _deaths(up[..., None], share.real, y).sum(axis=-1)
    whole = over + np.sin(up) ** 2
    return np.divide(over, whole, out=np.where(up > 0.5 * np.pi, 1.0, 0.0), where=whole > 0)


def death(x: ArrayLike, kappa: float, s2: float = 0.0) -> Floats:
    """P(the beable dies in a pass), (1 + 2 s2/kappa)^(-1/2) exp(-x/(kappa + 2 s2)), shape of x; both sides averaged.

    x = N rho_min, members that the beable would have at least, without noise; s2: variance of the signed distance
    sqrt(x) of the path from the node that noise of before the pass gives, in members (theory/passes.py). It is
    exp(-b^2/kappa) averaged over a Gaussian b of mean sqrt(x) and variance s2. Raises ValueError where x or s2 is
    negative, or kappa not positive.
    """
    members = np.asarray(x, dtype=float)
    if not (kappa > 0 and s2 >= 0 and np.all(members >= 0)):
        raise ValueError(f"x and s2 must not be negative and kappa positive, not {x!r}, {s2} and {kappa}")
    return np.asarray(np.exp(-members / (kappa + 2 * s2)) / np.sqrt(1 + 2 * s2 / kappa))


def _shares(drives: ArrayLike) -> NDArray[np.complex128]:
    g = np.asarray(drives, dtype=complex)
    K = g.sum(axis=-1, keepdims=True)
    if np.any(np.abs(K) <= 1e-14 * np.abs(g).sum(axis=-1, keepdims=True)):
        raise ValueError("the drives of the beable cancel: it stands at the node and does not pass it")
    return g / K


def _deaths(alpha: Floats, x: Floats, y: Floats) -> Floats:
    """2 int_0^alpha [x cos t + y sin t]^- sin t dt for alpha in [0, pi], elementwise.

    x cos t + y sin t changes its sign once within (0, pi), at t = turn: from the sign of x (of y where x = 0).
    """

    def both(t: Floats) -> Floats:  # 2 int_0^t (x cos t + y sin t) sin t dt
        return np.asarray(x * np.sin(t) ** 2 + y * (t - 0.5 * np.sin(2 * t)))

    first = np.where(x != 0, np.sign(x), np.sign(y))
    turn = np.arctan2(first * x, -first * y)  # zero of x cos t + y sin t in [0, pi]
    early = both(np.minimum(alpha, turn))
    late = both(alpha) - early
    return np.asarray(np.where(first < 0, -early, -late)).clip(min=0.0)
