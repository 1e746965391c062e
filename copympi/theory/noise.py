"""The linear noise approximation: N times the covariance of (rho, phi) that copying gives at large N.

n = N rho + sqrt(N) xi, phi = phi0 + eta/sqrt(N) (van Kampen). Small deviations of (rho, phi) are small deviations
of Psi, which move by Schroedinger's equation itself; so the covariance is one integral over the noise of the net
pair flows, f_ab = 2 R_ab sqrt(rho_a rho_b) |sin(phi_a - phi_b + delta_ab)|, carried along by exp(-i H t/hbar).
It means nothing where N rho_a is below about 20.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad_vec

from copympi.model.system import System
from copympi.theory.schrodinger import evolve

SMALL = 64
"""Largest P for which the covariance (2P by 2P) is worked out."""
FAINT = 1e-7
"""Amplitudes below which what a member would do there is rounding."""


def covariance(system: System, state: ArrayLike, times: ArrayLike, accuracy: float = 1e-6) -> NDArray[np.float64]:
    """N Cov of (rho_0 .. rho_{P-1}, phi_0 .. phi_{P-1}) at ascending `times`, (T, 2P, 2P); T may be 0.

    state : (P,) complex Psi(0), the same in every ensemble, so that the covariance starts at zero.
    Raises ValueError where P > SMALL or some Psi_a vanishes at a time asked for.
    """
    if system.P > SMALL:
        raise ValueError(f"the linear noise approximation is offered for P <= {SMALL}, not {system.P}")
    W = system.frequencies.toarray()
    energy, vectors = np.linalg.eigh(W)
    start = vectors.conj().T @ np.asarray(state, dtype=complex)
    coupling = W - np.diag(np.diag(W))

    def psi(t: float) -> NDArray[np.complex128]:
        return vectors @ (np.exp(-1j * energy * t) * start)

    def back(t: float) -> NDArray[np.float64]:
        U = (vectors * np.exp(1j * energy * t)) @ vectors.conj().T
        return np.block([[U.real, -U.imag], [U.imag, U.real]])

    def integrand(t: float) -> NDArray[np.float64]:
        c = psi(t)
        flow = np.abs(2.0 * np.imag(np.conj(c)[:, None] * coupling * c[None, :]))
        diffusion = np.diag(flow.sum(axis=1)) - flow
        spread = 0.5 * c / np.abs(c) ** 2
        carry = back(t) @ np.vstack([np.diag(spread.real), np.diag(spread.imag)])
        return carry @ diffusion @ carry.T

    out = np.empty((np.size(times), 2 * system.P, 2 * system.P))
    total, now = np.zeros(out.shape[1:]), 0.0
    for k, t in enumerate(np.asarray(times, dtype=float)):
        if t > now:
            scale = max(float(np.abs(total).max()), 1e-12)
            total = total + quad_vec(integrand, now, t, epsrel=accuracy, epsabs=accuracy * scale, limit=200)[0]
            now = t
        c = psi(t)
        observe = back(-t)
        to_rho = np.hstack([np.diag(2 * c.real), np.diag(2 * c.imag)])
        to_phi = np.hstack([np.diag(c.imag), np.diag(-c.real)]) / np.tile(np.abs(c) ** 2, 2)
        look = np.vstack([to_rho, to_phi]) @ observe
        out[k] = look @ total @ look.T
    return out


def scatter(system: System, state: ArrayLike, time: float, values: ArrayLike, moments: int = 400) -> float:
    """N times the variance at `time` of sum_a rho_a values_a, the mean of an observable of the beables; any P.

    A member that moves from b to a at s, phases kept, changes that mean by (X_a - X_b)/N, X = Re(g/Psi) and
    g = exp(i H (time - s)/hbar) values Psi(time); as many move as net pair flows say. Summed over so many moments.
    """
    pairs = system.frequencies.tocoo()
    upper = pairs.coords[0] < pairs.coords[1]
    (a, b), coupling = (index[upper] for index in pairs.coords), pairs.data[upper]
    when = (np.arange(moments) + 0.5) * (time / moments)
    psi = evolve(system, state, [*when, time])
    g = evolve(system, np.asarray(values) * psi[-1], when - time)
    total = 0.0
    for here, there in zip(psi[:-1], g, strict=True):
        X = np.divide(there, here, out=np.zeros_like(here), where=np.abs(here) > FAINT).real
        flow = np.abs(2.0 * np.imag(np.conj(here[a]) * coupling * here[b]))
        both = (np.abs(here[a]) > FAINT) & (np.abs(here[b]) > FAINT)
        total += float(flow[both] @ (X[a] - X[b])[both] ** 2)
    return total * time / moments
