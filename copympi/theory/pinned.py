"""The mean field with spectators, and its noise at large N.

s members of each beable never copy: of the flow F_ba = 2 Im(conj(Psi_a) H_ab Psi_b)/hbar from b to a, where that is
positive, only the part 1 - sigma/rho_b takes place, sigma = s/N. So (32) becomes

    drho_a/dt = sum_b [ F_ba (1 - sigma/rho_b) - F_ab (1 - sigma/rho_a) ]

and (33) stays. With c = sqrt(rho) exp(-i phi) that is dc/dt = -i (H/hbar) c + c q/(2 rho), q_a the change of rho_a by
flows withheld. Noise (van Kampen, s/N kept fixed): dC/dt = J C + C J^T + D, J the Jacobian of the equations above in
(rho, phi), D the diffusion of the flows that do take place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.system import System
from copympi.theory.schrodinger import levelled

Floats = NDArray[np.float64]
LOOKS = 8
"""Looks at rho within a step of the integration, for its smallest values between records."""


class TooLong(Exception):
    """The equations ask for more evaluations than were allowed."""


class Pinned:
    """The equations of a system (P beables) with `sigma` = spectators of each beable/N."""

    def __init__(self, system: System, sigma: float) -> None:
        W = levelled(system)  # phases turn alike with what is taken off
        self.omega = np.diag(W).real
        self.coupling = W - np.diag(self.omega)
        self.P, self.sigma = system.P, sigma

    def flows(self, c: NDArray[np.complex128]) -> tuple[Floats, Floats]:
        """Flows F[b, a] from b to a, (P, P), 0 where they run the other way, and rho (P,)."""
        current = 2.0 * np.imag(np.conj(c)[:, None] * self.coupling * c[None, :])  # into row a from column b
        return np.maximum(current.T, 0.0), np.abs(c) ** 2

    def rate(self, y: Floats) -> Floats:
        """dy/dt of y = (Re c, Im c), (2P,)."""
        c = y[: self.P] + 1j * y[self.P :]
        F, rho = self.flows(c)
        held = F * np.minimum(1.0, self.sigma / rho)[:, None]
        q = held.sum(axis=1) - held.sum(axis=0)
        dc = -1j * (self.omega * c + self.coupling @ c) + c * q / (2.0 * rho)
        return np.concatenate([dc.real, dc.imag])

    def linear(self, c: NDArray[np.complex128]) -> tuple[Floats, Floats]:
        """J and D, (2P, 2P) each, in (rho, phi)."""
        P = self.P
        F, rho = self.flows(c)
        part = np.maximum(1.0 - self.sigma / rho, 0.0)
        moved = F * part[:, None]
        product = np.conj(c)[:, None] * self.coupling * c[None, :]  # |.| exp(i theta)/i at [a, b], theta of (32)
        cosine = 2.0 * product.real  # 2 R sqrt(rho_a rho_b) cos theta_ab
        each = np.arange(P)
        by_rho = (0.5 * moved + F * self.sigma / rho[:, None] * (part > 0)[:, None]) / rho[:, None]  # of the source
        to_rho = 0.5 * moved / rho[None, :]  # of the goal
        J = np.zeros((2 * P, 2 * P))
        J[:P, :P] = by_rho.T - to_rho
        J[each, each] += to_rho.sum(axis=0) - by_rho.sum(axis=1)
        turn = cosine * np.where(
            F.T > 0, part[None, :], np.where(F > 0, part[:, None], 0.0)
        )  # drho_a/dphi, pair by pair
        J[:P, P:] = -turn
        J[each, P + each] = turn.sum(axis=1)
        K = 0.5 * cosine / rho[:, None]  # R sqrt(rho_b/rho_a) cos theta
        J[P:, :P] = 0.5 * K / rho[None, :]
        J[P + each, each] = -0.5 * K.sum(axis=1) / rho
        sine = (F.T - F) / (2.0 * rho[:, None])  # R sqrt(rho_b/rho_a) sin theta
        J[P:, P:] = sine
        J[P + each, P + each] = -sine.sum(axis=1)
        both = moved + moved.T
        D = np.zeros_like(J)
        D[:P, :P] = np.diag(both.sum(axis=1)) - both
        return J, D


def mean(
    system: System, start: NDArray[np.complex128], times: Floats, sigma: float, most: int
) -> tuple[Floats, Floats]:
    """rho at ascending `times` from t = 0, (T, P), and its smallest values between them, (T - 1, P).

    start : (P,) c at times[0]. Raises TooLong where the rate would be asked for more than `most` times.
    """
    pinned, P = Pinned(system, sigma), system.P
    out, low = np.empty((times.size, P)), np.full((max(times.size - 1, 0), P), np.inf)

    def rho(y: Any) -> Any:
        return y[:P] ** 2 + y[P:] ** 2

    def look(solver: Any, old: float) -> None:
        dense = solver.dense_output()
        for t in np.linspace(old, solver.t, LOOKS + 1):
            at = min(max(int(np.searchsorted(times, t, side="left")) - 1, 0), times.size - 2)
            low[at] = np.minimum(low[at], rho(dense(t)))

    y = np.concatenate([start.real, start.imag])
    for k, now in enumerate(_integrate(lambda _, y: pinned.rate(y), y, times, 1e-9, 1e-12, most, look)):
        out[k] = rho(now)
        if k:
            low[k - 1] = np.minimum(low[k - 1], np.minimum(out[k - 1], out[k]))
    return out, low


def variance(system: System, start: NDArray[np.complex128], times: Floats, sigma: float, most: int) -> Floats:
    """N Var of rho at ascending `times`, (T, P), by the linear noise approximation about `mean`.

    Raises TooLong where the rate would be asked for more than `most` times.
    """
    pinned, P = Pinned(system, sigma), system.P
    out = np.empty((times.size, P))

    def rate(_: float, y: Any) -> Any:
        J, D = pinned.linear(y[:P] + 1j * y[P : 2 * P])
        C = y[2 * P :].reshape(2 * P, 2 * P)
        moved = J @ C
        return np.concatenate([pinned.rate(y[: 2 * P]), (moved + moved.T + D).ravel()])

    y = np.concatenate([start.real, start.imag, np.zeros(4 * P * P)])
    for k, now in enumerate(_integrate(rate, y, times, 1e-6, 1e-8, most)):
        out[k] = np.diag(now[2 * P :].reshape(2 * P, 2 * P))[:P]
    return out


def _integrate(rate: Any, y: Floats, times: Floats, rtol: float, atol: float, most: int, look: Any = None) -> Any:
    """y at one of `times` after the other; look(solver, time before) after each step."""
    from scipy.integrate import DOP853  # here: it takes a tenth of a second

    if times.size:
        yield y
    if times.size < 2:
        return
    solver = DOP853(rate, times[0], y, times[-1], rtol=rtol, atol=atol)
    k = 1
    while k < times.size:
        old = solver.t
        if solver.nfev > most or solver.status != "running":
            raise TooLong
        solver.step()
        if look is not None:
            look(solver, old)
        passed = times[k:][times[k:] <= solver.t]
        if passed.size:
            yield from solver.dense_output()(passed).T
            k += passed.size
