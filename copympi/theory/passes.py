"""One pass of a beable near a node: how near, how wide the node is, and the chance that the beable dies there.

A path of Schroedinger's equation passes a node of beable a where |Psi_a| has a minimum, at t*. With N copies n_a is at
least x = N rho_min there, and noise of two kinds may empty the beable (n_a = 0 is for good):

of the pass      while n_a is small: exp(-b^2/kappa) at the signed distance b of c_a = sqrt(n_a) exp(-i phi_a)
                 from 0; theory/near_field.py has kappa from the drives g_b = -i (H_ab/hbar) Psi_b, K = sum_b g_b.
of before it     a copy from l to k changes c_k by u_k/(2 sqrt(n_k)) and c_l by -u_l/(2 sqrt(n_l)), u = Psi/|Psi|, and
                 Schroedinger's equation carries that on to t*. Across the path, which there runs along K, it is
                 Im[e^{-i arg K} (U_ak u_k/sqrt(n_k) - U_al u_l/sqrt(n_l))]/2, U = exp(-i H (t* - t)/hbar). N F_kl
                 copies a unit of time, F_kl = 2 |Im(conj(Psi_k) (H_kl/hbar) Psi_l)|, make b Gaussian about +-sqrt(x),
                 with the variance, in members and free of N,

    s^2 = 1/4 sum_{k<l} int_0^{t*} F_kl { Im[e^{-i arg K} (U_ak/conj(Psi_k) - U_al/conj(Psi_l))] }^2 dt.

Both are taken on the near path whose Psi_a(t*) is 0: on the path itself 1/conj(Psi_a) would let noise of the pass into
s^2. Of all starts with Psi_a(t) = 0 at some t that one is the nearest: as U is unitary the distance to those with
Psi_a(t) = 0 is |Psi_a(t)|, least at t*, and Psi(t*) without its element a, carried back, has it. It differs from the
start by sqrt(rho_min), and so do kappa and s^2, with the opposite sign on the other side of the node. Averaged over
both, P = (1 + 2 s^2/kappa)^(-1/2) exp(-x/(kappa + 2 s^2)), with corrections of order N^(-1/2).

Conditions: n_a far below all n_b that drive it; `straightness` far below 1; no pass as near before, of any beable.
(Derived for this project; not in the paper.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.system import System
from copympi.theory import near_field, panels, paths
from copympi.theory.near_field import death as death
from copympi.theory.near_field import kappa as kappa
from copympi.theory.near_field import kendall as kendall

ANGLE = 1.5
"""Radians that the fastest part of the integrand of s^2 may turn in a panel of the integral."""
SETTLED = 1e-6
"""Of the time in which a minimum is looked for: a search that still has to go further has not found it."""
EMPTY = 1e-14
"""Amplitudes below which a beable is empty, and copies nobody."""

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Pass:
    """A minimum of |Psi_beable| at `time` after the start, and the node beside it.

    rho_min : |Psi_beable|^2 there; side : 1 or -1, the sign of Im(Psi_beable/K), 1 on the node itself.
    drives : (P,) g_b of the near path at its node, 1/time; 0 at the beable itself.
    kappa, s2 : members, see the module; s2 of noise from the start to the pass.
    start : (P,) normalised, the near start whose path has Psi_beable(time) = 0.
    turning : (omega_a + d arg K/dt)/|K|, how far from straight the path is.
    """

    beable: int
    time: float
    rho_min: float
    side: int
    drives: Complex
    kappa: float
    s2: float
    start: Complex
    turning: float

    @property
    def K(self) -> complex:
        """dPsi_beable/dt at the node, 1/time."""
        return complex(self.drives.sum())

    def death(self, members: ArrayLike) -> Floats:
        """P(the beable dies in this pass) with so many members N; both sides averaged."""
        return near_field.death(np.asarray(members, dtype=float) * self.rho_min, self.kappa, self.s2)

    def straightness(self, members: ArrayLike) -> Floats:
        """|omega_a + d arg K/dt| sqrt(max(x, 1))/(sqrt(N) |K|): rad by which the path bends in a pass; must be << 1."""
        N = np.asarray(members, dtype=float)
        return np.asarray(abs(self.turning) * np.sqrt(np.maximum(N * self.rho_min, 1.0) / N))


def find(system: System, state: ArrayLike, beable: int, duration: float) -> Pass:
    """The lowest minimum of |Psi_beable| inside (0, duration) on the path from `state` (P,), which is normalised.

    Raises ValueError where |Psi_beable| has no minimum inside, where the state does not fit, or where K = 0.
    """
    _check(system, beable, duration)
    path = paths.of(system, state)
    lowest = (np.inf, np.nan)
    for when, psi in paths.minima(path, beable, duration):
        least = np.abs(psi[:, beable])
        k = int(np.argmin(least))
        lowest = min(lowest, (float(least[k]), float(when[k])))
    if not np.isfinite(lowest[1]):
        raise ValueError(f"|Psi| of beable {beable} has no minimum between 0 and {duration:g}")
    return _pass(system, path, beable, lowest[1])


def at(system: System, state: ArrayLike, beable: int, time: float) -> Pass:
    """The minimum of |Psi_beable| that lies at `time`, or next to it: within the path's step. Arguments as `find`.

    Raises ValueError where there is none, and as `find`.
    """
    _check(system, beable, time)
    path = paths.of(system, state)
    each, which = np.array([time], dtype=float), np.array([beable])
    span = min(path.step, time)
    found = path.lowest(each, each - span, each + span, which)
    rho, slope, bend = path.slope(found, which)
    bent = bend * path.step * path.step > path.rounding(rho, found, beable)
    if not (abs(found[0] - time) < span and bent[0] and abs(slope[0]) <= SETTLED * span * bend[0]):
        raise ValueError(f"|Psi| of beable {beable} has no minimum next to {time:g}: within {span:.3g} of it")
    return _pass(system, path, beable, float(found[0]))


def near(
    system: System, node: ArrayLike, beable: int, before: float, rho_min: float = 0.0, side: int = 1
) -> Complex:
    """A start (P,), normalised, whose path comes at t = `before` to |Psi_beable|^2 = rho_min, beside a given node.

    node : (P,) Psi at the node; its element `beable` counts as 0, its norm as 1. At t = before the path is at
    sqrt(1 - rho_min) node + i side sqrt(rho_min) K/|K| e_beable: d|Psi_beable|^2/dt = 0 there, exactly.
    Raises ValueError where rho_min is not in [0, 1), side not 1 or -1, or K = 0.
    """
    _check(system, beable, before)
    if not 0 <= rho_min < 1 or side not in (1, -1):
        raise ValueError(f"rho_min must be from 0 to below 1 and side 1 or -1, not {rho_min} and {side}")
    psi = _emptied(np.asarray(node, dtype=complex), beable)
    K = _drives(system, psi, beable).sum()
    if K == 0:
        raise ValueError(f"beable {beable} is not driven at that node: K = 0")
    psi *= np.sqrt(1 - rho_min)
    psi[beable] = 1j * side * np.sqrt(rho_min) * K / abs(K)
    return _carried(system, psi, -before)


def impact_variance(system: System, start: ArrayLike, beable: int, time: float, accuracy: float = 1e-6) -> float:
    """s^2, members, of noise from 0 to `time` on a path from `start` (P,) with Psi_beable(time) = 0; see the module.

    accuracy : relative, of the integral. It grows without end, as a logarithm, where the path comes to an exact node
    of some beable before. Raises ValueError where the start does not fit.
    """
    _check(system, beable, time)
    path = paths.of(system, start)
    W = system.frequencies.toarray()
    coupling = W - np.diag(np.diag(W))
    K = complex(_drives(system, path.psi(np.array([time]))[0], beable).sum())
    row = path.vectors[beable] * np.conj(K) / abs(K)

    def density(t: Floats) -> Floats:
        c = path.psi(t)
        F = np.abs(2.0 * np.imag(np.conj(c)[:, :, None] * coupling * c[:, None, :]))
        carried = (np.exp(-1j * np.outer(time - t, path.energy)) * row) @ path.vectors.conj().T
        X = np.divide(carried, np.conj(c), out=np.zeros_like(c), where=np.abs(c) > EMPTY).imag
        # sum over pairs of F_kl (X_k - X_l)^2
        return np.asarray(0.25 * ((F.sum(axis=2) * X**2).sum(axis=1) - np.einsum("mk,mkl,ml->m", X, F, X)))

    longest = ANGLE / max(float(np.ptp(path.energy)), 1e-300)
    moments = max(64, paths.NUMBERS // system.P**2)
    return max(float(panels.cumulative(density, np.array([time]), longest, accuracy, at_a_time=moments)[0][0]), 0.0)


def _pass(system: System, path: paths.Path, beable: int, time: float) -> Pass:
    psi = path.psi(np.array([time]))[0]
    node = _emptied(psi, beable)
    g = _drives(system, node, beable)
    K = complex(g.sum())
    width = float(near_field.kappa(np.delete(g, beable)))
    W = system.frequencies
    turn = W[beable, beable].real + float(np.imag(_drives(system, -1j * (W @ node), beable).sum() / K))
    start = _carried(system, node, -time)
    s2 = impact_variance(system, start, beable, time)
    side = -1 if (psi[beable] / K).imag < 0 else 1
    return Pass(beable, time, float(abs(psi[beable]) ** 2), side, g, width, s2, start, turn / abs(K))


def _drives(system: System, psi: Complex, beable: int) -> Complex:
    """g_b = -i (H_ab/hbar) Psi_b, (P,), 0 for b = a."""
    row = system.frequencies[[beable], :].toarray()[0]
    row[beable] = 0.0
    return np.asarray(-1j * row * psi)


def _emptied(psi: Complex, beable: int) -> Complex:
    out = psi.copy()
    out[beable] = 0.0
    if not np.any(out):
        raise ValueError(f"all of the state is on beable {beable}: there is no node beside it")
    return np.asarray(out / np.linalg.norm(out))


def _carried(system: System, psi: Complex, time: float) -> Complex:
    """exp(-i H time/hbar) psi, all phases included."""
    energy, vectors = np.linalg.eigh(system.frequencies.toarray())
    return np.asarray(vectors @ (np.exp(-1j * energy * time) * (vectors.conj().T @ psi)))


def _check(system: System, beable: int, time: float) -> None:
    if not (0 <= beable < system.P and 0 < time < np.inf):
        raise ValueError(
            f"a pass is of a beable from 0 to {system.P - 1} at a positive time, not of {beable} at {time}"
        )
