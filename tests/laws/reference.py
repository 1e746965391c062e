"""The linear noise approximation twice more, independent of copympi.theory: N Cov of (n/N, phi) of aligned members.

`Linear` works in c = sqrt(rho) exp(-i phi), for which the mean field is linear; quick up to P = 128, also by nodes.
`by_jacobian` integrates dS/dt = J S + S J^T + B in (rho, phi), with J written out from (32) and (33); slow.
H is (P, P) complex Hermitian, already divided by hbar; nothing of the package is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.special import erf

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

GAUSS = np.polynomial.legendre.leggauss(3)
NEARER = 0.2
"""Length of a panel in units of the time in which the beable that changes fastest would be emptied."""
LEAST_PANELS = 40
"""Panels between two times at least: where a flow turns round, |flow| has a kink."""


@dataclass(frozen=True)
class Moments:
    """What N copies should have at one time.

    psi (P,); covariance (2P, 2P): N Cov of (rho, phi); bias (P,): N (mean of n/N - |psi|^2) to first order in 1/N.
    low (P,): smallest rho on the path so far; strain (P,): largest N E|c - psi|^2/rho on it: N must be far above.
    """

    psi: Complex
    covariance: Real
    bias: Real
    low: Real
    strain: Real


def flows(H: Complex, psi: Complex, spread: Real | float = 0.0) -> Real:
    """(P, P) gross pair flows E|2 Im(conj(c_a) H_ab c_b)| per member and unit of time; zeros on the diagonal.

    c is psi but for Gaussian noise, which spreads flows by `spread` (P, P): where the mean flow is smaller, members go
    both ways all the same. It is of order 1/sqrt(N).
    """
    flow = np.abs(2.0 * np.imag(np.conj(psi)[:, None] * H * psi[None, :]))
    if np.any(spread):
        with np.errstate(divide="ignore", invalid="ignore"):
            t = flow / (np.sqrt(2.0) * spread)
            both = flow * erf(t) + spread * np.sqrt(2 / np.pi) * np.exp(-t * t)
        flow = np.where(spread > 0, both, flow)
    np.fill_diagonal(flow, 0.0)
    return flow


def spread_of_flows(H: Complex, psi: Complex, square: Complex, product: Complex) -> Real:
    """(P, P) root of N Var of the pair flows, where square = N E d d^+ and product = N E d d^T of c = psi + d."""
    # F_ab = 2 Im(conj(c_a) H_ab c_b) = Re(-2i conj(c_a) H_ab c_b), so dF_ab = Re(one d_a + two d_b)
    one, two = (-2j * H * psi[None, :]).conj(), -2j * psi.conj()[:, None] * H
    first, second = np.real(np.diag(square)), np.diag(product)
    own = np.abs(one) ** 2 * first[:, None] + np.real(one**2 * second[:, None])
    other = np.abs(two) ** 2 * first[None, :] + np.real(two**2 * second[None, :])
    mixed = np.real(one * two.conj() * square + one * two * product)
    return np.sqrt(np.maximum(0.5 * own + 0.5 * other + mixed, 0.0))


class Linear:
    """Moments along one path, from psi (P,) at t = 0, the same in every ensemble."""

    def __init__(self, H: Complex, psi: Complex, members: float = np.inf) -> None:
        """members : N, where what is of order 1/sqrt(N) matters; the spread of flows then counts."""
        self.H, self.members = np.asarray(H, dtype=complex), members
        self.energy, self.vectors = np.linalg.eigh(self.H)
        self.start = self.vectors.conj().T @ psi

    def psi(self, t: float) -> Complex:
        return self.vectors @ (np.exp(-1j * self.energy * t) * self.start)

    def edges(self, begin: float, end: float) -> list[float]:
        """Panels short enough for the quickest change of an amplitude: short where a node passes, and only there."""
        out, shift = [begin], float((self.energy * np.abs(self.start) ** 2).sum())
        while out[-1] < end:
            psi = self.psi(out[-1])
            rate = np.abs(self.H @ psi - shift * psi) / np.abs(psi)
            width = min(NEARER / float(rate.max()), (end - begin) / LEAST_PANELS)
            out.append(min(out[-1] + width, end) if out[-1] + 1.01 * width < end else end)
        return out

    def carried(self, total: Complex, t: float) -> tuple[Complex, Complex, Real]:
        """N E d d^+ and N E d d^T (P, P), and N (mean of n/N - rho) (P,), at t."""
        carry = self.vectors * np.exp(-1j * self.energy * t)
        bias = np.real(np.einsum("ai,ij,aj->a", carry, total[2], carry.conj()))
        return carry @ total[0] @ carry.conj().T, carry @ total[1] @ carry.T, bias

    def panel(self, total: Complex, begin: float, end: float, lows: Real, strains: Real) -> None:
        """Add to total (3, P, P) what noise adds to N E d d^+, N E d d^T and N (E c c^+ - psi psi^+) from begin to end,
        carried to t = 0 in the eigenbasis of H; keep account of the smallest rho and the largest strain.

        A member that moves changes c_a by c_a/(2 n_a), c_b by -c_b/(2 n_b); the mean of c c^+ loses coherence at the
        rate gamma of "To first order in 1/N copying is dephasing".
        """
        middle, half = (begin + end) / 2, (end - begin) / 2
        psi = self.psi(middle)
        square, product, _ = self.carried(total, middle)
        np.maximum(strains, np.real(np.diag(square)) / np.abs(psi) ** 2, out=strains)
        spread: Real | float = 0.0
        if np.isfinite(self.members):
            spread = spread_of_flows(self.H, psi, square, product) / np.sqrt(self.members)
        for x, w in zip(*GAUSS, strict=True):
            t, weight = middle + half * x, half * w
            psi = self.psi(t)
            rho = np.abs(psi) ** 2
            np.minimum(lows, rho, out=lows)
            flow = flows(self.H, psi, spread)
            diffusion = np.diag(flow.sum(axis=1)) - flow
            back = np.exp(1j * self.energy * t)[:, None] * self.vectors.conj().T
            kick = back * (psi / (2 * rho))
            noise = kick @ diffusion
            total[0] += weight * (noise @ kick.conj().T)
            total[1] += weight * (noise @ kick.T)
            own = flow.sum(axis=1) / rho**2
            gamma = (own[:, None] + own[None, :] + 2 * flow / np.outer(rho, rho)) / 8
            np.fill_diagonal(gamma, 0.0)
            total[2] -= weight * (back @ (gamma * np.outer(psi, psi.conj())) @ back.conj().T)

    def moments(self, times: list[float]) -> list[Moments]:
        """At ascending times."""
        out, P, now = [], len(self.H), 0.0
        total, lows, strains = np.zeros((3, P, P), complex), np.full(P, np.inf), np.zeros(P)
        for end in times:
            for begin, after in pairwise(self.edges(now, end)):
                self.panel(total, begin, after, lows, strains)
            square, product, bias = self.carried(total, end)
            psi, now = self.psi(end), end
            look = np.concatenate([2 * psi, -1j / psi.conj()])  # xi = Re(conj(2 psi) d), eta = -Im(d/psi)
            square, product = np.tile(square, (2, 2)), np.tile(product, (2, 2))
            covariance = 0.5 * np.real(look.conj()[:, None] * (look * square + look.conj() * product))
            out.append(Moments(psi, covariance, bias, lows.copy(), strains.copy()))
        return out


def jacobian(H: Complex, rho: Real, phi: Real) -> tuple[Real, Real, Real]:
    """Right sides of (32), (33), (2P,); all their derivatives with respect to (rho, phi), (2P, 2P); and B, (2P, 2P)."""
    P, root = len(rho), np.sqrt(rho)
    omega, R = np.real(np.diag(H)), np.abs(H - np.diag(np.diag(H)))
    D = phi[:, None] - phi[None, :] + np.angle(H)
    sine, cosine = R * np.sin(D), R * np.cos(D)
    np.fill_diagonal(sine, 0.0)
    np.fill_diagonal(cosine, 0.0)
    up, both = root[None, :] / root[:, None], np.outer(root, root)  # [a, b]: sqrt(rho_b/rho_a), sqrt(rho_a rho_b)
    turn = 2 * both * cosine
    drift = np.concatenate([(2 * both * sine).sum(axis=1), omega + (up * cosine).sum(axis=1)])
    J = np.block(
        [
            [sine / up + np.diag((up * sine).sum(axis=1)), np.diag(turn.sum(axis=1)) - turn],
            [
                cosine / (2 * both) - np.diag((up * cosine).sum(axis=1) / (2 * rho)),
                up * sine - np.diag((up * sine).sum(axis=1)),
            ],
        ]
    )
    flow = np.abs(2 * both * sine)
    B = np.zeros((2 * P, 2 * P))
    B[:P, :P] = np.diag(flow.sum(axis=1)) - flow
    return drift, J, B


def by_jacobian(H: Complex, psi: Complex, times: list[float]) -> list[Real]:
    """N Cov of (rho, phi) at ascending times, (2P, 2P) each, by DOP853 in (rho, phi, S); phases are not wrapped."""
    P = len(psi)

    def rates(_t: float, y: Real) -> Real:
        drift, J, B = jacobian(H, y[:P], y[P : 2 * P])
        S = y[2 * P :].reshape(2 * P, 2 * P)
        return np.concatenate([drift, (J @ S + S @ J.T + B).ravel()])

    y = np.concatenate([np.abs(psi) ** 2, -np.angle(psi), np.zeros(4 * P * P)])
    out, now = [], 0.0
    for t in times:
        solution = solve_ivp(rates, (now, t), y, method="DOP853", rtol=1e-9, atol=1e-11)
        if not solution.success:
            raise RuntimeError(solution.message)
        y, now = solution.y[:, -1], t
        out.append(y[2 * P :].reshape(2 * P, 2 * P))
    return out
