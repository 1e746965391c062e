"""The linear noise approximation: N times the covariance of (rho, phi) that copying gives at large N.

n = N rho + sqrt(N) xi, phi = phi0 + eta/sqrt(N) (van Kampen). Small deviations of (rho, phi) are small deviations
of Psi, which move by Schroedinger's equation itself; so the covariance is one integral over the noise of the net
pair flows, f_ab = 2 R_ab sqrt(rho_a rho_b) |sin(phi_a - phi_b + delta_ab)|, carried along by exp(-i H t/hbar).
It means nothing where N rho_a is below about 20. With spectators: theory/pinned.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.schedule import NOTHING, Schedule
from copympi.model.system import System
from copympi.theory import filters, panels
from copympi.theory.schrodinger import evolve, levelled, stretches

SMALL = 64
"""Largest P for which the covariance (2P by 2P) is worked out."""
FAINT = 1e-7
"""Amplitudes below which what a member would do there is rounding."""
ANGLE = 1.5
"""Radians that the fastest part of the integrand may turn in a panel of the integral."""
PAIRED = 240
"""Deviations of which correlations are looked at, in pairs."""
FLAT = 1e-12
"""Variances below this are rounding: nothing fluctuates there."""
STRETCH = 25
"""Panels that a stretch of time with one H costs besides."""
NUMBERS = 1 << 20
"""Complex numbers that the integrand has memory for."""

Complex = NDArray[np.complex128]


class Noise:
    """Deviations dPsi/sqrt(N) of Psi at `times`, by their two covariances in the eigenstates of H.

    most : moments for which the noise may be worked out; `error` is then an estimate of the relative error. Without
        it the integral is as accurate as `accuracy` says. before : E[d d^+] and E[d d^T] (P, P) at t = 0, d in the
        beables; None for none. whole : phases of beables without couplings matter too, to whatever comes after. each :
        what a copy counts, where N is not the number of those who copy.
    """

    def __init__(
        self,
        system: System,
        state: ArrayLike,
        times: ArrayLike,
        accuracy: float = 1e-6,
        most: float = np.inf,
        before: tuple[Complex, Complex] | None = None,
        whole: bool = False,
        each: float = 1.0,
    ) -> None:
        if system.P > SMALL:
            raise ValueError(f"the linear noise approximation is offered for P <= {SMALL}, not {system.P}")
        W = system.frequencies.toarray() if whole else levelled(system)
        self.energy, self.vectors = np.linalg.eigh(W)
        self.energy -= 0.5 * (self.energy[0] + self.energy[-1])  # a phase that all share
        self.start = self.vectors.conj().T @ np.asarray(state, dtype=complex)
        self.coupling = W - np.diag(np.diag(W))
        self.times = np.asarray(times, dtype=float)
        longest = ANGLE / max(float(np.ptp(self.energy)), 1e-300)
        self.sums, self.error = panels.cumulative(
            self._density, self.times, longest, accuracy, most, max(1, NUMBERS // system.P**2)
        )
        self.sums *= each
        if before is not None:
            turn = self.vectors.conj()
            self.sums[:, 0] += turn.T @ before[0] @ self.vectors
            self.sums[:, 1] += turn.T @ before[1] @ turn

    def psi(self, times: NDArray[np.float64]) -> Complex:
        """Psi at `times`, (T, P), but for a phase that all coupled beables share."""
        return (np.exp(-1j * np.outer(times, self.energy)) * self.start) @ self.vectors.T

    def _density(self, t: NDArray[np.float64]) -> Complex:
        """What copies add to E[d d^+] and E[d d^T] a unit of time, d in the eigenstates at t = 0: (M, 2, P, P)."""
        c = self.psi(t)
        flow = np.abs(2.0 * np.imag(np.conj(c)[:, :, None] * self.coupling * c[:, None, :]))
        diffusion = -flow
        diagonal = np.arange(c.shape[1])
        diffusion[:, diagonal, diagonal] = flow.sum(axis=2)
        spread = np.divide(0.5, np.conj(c), out=np.zeros_like(c), where=c != 0)  # dPsi of one member more
        carry = self.vectors.conj().T * spread[:, None, :]
        carry *= np.exp(1j * np.outer(t, self.energy))[:, :, None]
        half = carry @ diffusion
        return np.stack([half @ carry.conj().swapaxes(1, 2), half @ carry.swapaxes(1, 2)], axis=1)

    def carried(self, k: slice | NDArray[np.intp]) -> tuple[Complex, Complex]:
        """Psi (K, P) at times[k], and what takes deviations as `sums` has them to the beables there, (K, P, P)."""
        carry = self.vectors * np.exp(-1j * np.outer(self.times[k], self.energy))[:, None, :]
        return self.psi(self.times[k]), carry


class Piecewise:
    """The same where H is another from given times on, or members leave: `sums` has deviations in the beables at t = 0,
    or right after the last filter. N is that of the start."""

    def __init__(
        self, system: System, state: ArrayLike, times: ArrayLike, accuracy: float, most: float, schedule: Schedule
    ) -> None:
        P, self.times, self.error = system.P, np.asarray(times, dtype=float), accuracy
        self.sums = np.zeros((self.times.size, 2, P, P), complex)
        self._psi = np.zeros((self.times.size, P), complex)
        self._carry = np.zeros((self.times.size, P, P), complex)
        psi, carry, before = np.asarray(state, dtype=complex), np.eye(P, dtype=complex), None
        share = 1.0  # of the members, who are still there
        last = max(float(self.times[-1]) if self.times.size else 0.0, 1e-300)
        for begin, end, part, H in stretches(system, self.times, schedule):
            moments = np.append(self.times[part], end) - begin
            one = Noise(H, psi, moments, accuracy, most * (end - begin) / last, before, True, 1.0 / share)
            c, to_beables = one.carried(slice(None))
            self.error = max(self.error, one.error)
            home = carry.conj().T @ one.vectors  # from the eigenstates of this stretch to the beables at t = 0
            self.sums[part, 0] = (home @ one.sums[:, 0] @ home.conj().T)[:-1]
            self.sums[part, 1] = (home @ one.sums[:, 1] @ home.T)[:-1]
            self._psi[part], self._carry[part] = c[:-1], to_beables[:-1] @ home.conj().T
            end_carry = to_beables[-1]
            before = (end_carry @ one.sums[-1, 0] @ end_carry.conj().T, end_carry @ one.sums[-1, 1] @ end_carry.T)
            psi, carry = c[-1], end_carry @ home.conj().T
            kept = schedule.stays(end, P)
            if kept is not None:
                before, carry = filters.passed(psi, *before, kept), np.eye(P, dtype=complex)
                psi, part_of_them = filters.projected(psi, kept)
                share *= part_of_them
                if share == 0.0:  # nobody is left
                    self.sums[part.stop :] = self._psi[part.stop :] = np.nan
                    break

    def carried(self, k: slice | NDArray[np.intp]) -> tuple[Complex, Complex]:
        """As that of Noise."""
        return self._psi[k], self._carry[k].copy()


def made(
    system: System, state: ArrayLike, times: ArrayLike, accuracy: float, most: float, schedule: Schedule
) -> Noise | Piecewise:
    """The noise of one H, or of one after the other."""
    if schedule:
        return Piecewise(system, state, times, accuracy, most, schedule)
    return Noise(system, state, times, accuracy, most)


def at(noise: Noise | Piecewise, k: slice) -> tuple[Complex, Complex, Complex]:
    """Psi (K, P) at times[k], and E[w w^+], E[w w^T] (K, P, P) of w = conj(Psi) dPsi."""
    c, carry = noise.carried(k)
    carry *= np.conj(c)[:, :, None]
    first = carry @ noise.sums[k, 0] @ carry.conj().swapaxes(1, 2)
    return c, first, carry @ noise.sums[k, 1] @ carry.swapaxes(1, 2)


def independent(noise: Noise | Piecewise, some: NDArray[np.intp]) -> float:
    """How many independent numbers the deviations of all rho_a at times[some] amount to, each in units of its sigma.

    The mean of their squares scatters about one like that of so many independent Gaussian numbers (Satterthwaite):
    M^2/sum of squared correlations, M = their number. For pairs of times the covariance is that of the earlier one,
    carried on by Schroedinger's equation.
    """
    c, carry = noise.carried(some)
    carry = carry * np.conj(c)[:, :, None]
    earlier = np.minimum.outer(some, some)
    first, second = noise.sums[earlier, 0], noise.sums[earlier, 1]  # (K, K, P, P)
    both = np.einsum("kai,klij,lbj->klab", carry, first, carry.conj(), optimize=True)
    both += np.einsum("kai,klij,lbj->klab", carry, second, carry, optimize=True)
    shared = both.real
    k, a = np.arange(some.size), np.arange(c.shape[1])
    size = shared[k[:, None], k[:, None], a[None], a[None]]  # (K, P)
    known = size > FLAT
    weight = np.where(known, 1.0 / np.sqrt(np.where(known, size, 1.0)), 0.0)
    correlation = shared * weight[:, None, :, None] * weight[None, :, None, :]
    total = float(np.sum(correlation**2))
    return float(np.count_nonzero(known)) ** 2 / total if total > 0 else 0.0


def panels_for(system: System, times: ArrayLike, schedule: Schedule = NOTHING) -> float:
    """With how many panels, of seven moments each, the integral up to the last of `times` begins."""
    t = np.asarray(times, dtype=float)
    if schedule and t.size:
        parts = stretches(system, t, schedule)
        return sum(STRETCH + panels_for(H, np.append(t[part], end) - begin) for begin, end, part, H in parts)
    energy = np.linalg.eigvalsh(levelled(system))
    return float(np.ptp(energy) * t[-1] / ANGLE + t.size)


def covariance(
    system: System, state: ArrayLike, times: ArrayLike, accuracy: float = 1e-6, schedule: Schedule = NOTHING
) -> NDArray[np.float64]:
    """N Cov of (rho_0 .. rho_{P-1}, phi_0 .. phi_{P-1}) at ascending `times`, (T, 2P, 2P); T may be 0.

    state : (P,) complex Psi(0), the same in every ensemble, so that the covariance starts at zero. schedule : other H
    from given times on.
    Raises ValueError where P > SMALL; where some Psi_a vanishes at a time asked for the answer means nothing.
    """
    noise, P = made(system, state, times, accuracy, np.inf, schedule), system.P
    out = np.empty((noise.times.size, 2 * P, 2 * P))
    for k in _pieces(noise.times.size, P):
        c, first, second = at(noise, k)
        size = np.abs(c) ** 2
        out[k, :P, :P] = 2 * np.real(first + second)
        out[k, P:, P:] = 0.5 * np.real(first - second) / (size[:, :, None] * size[:, None, :])
        out[k, :P, P:] = (first - second).imag / size[:, None, :]
        out[k, P:, :P] = out[k, :P, P:].swapaxes(1, 2)
    return out


def variance(
    system: System,
    state: ArrayLike,
    times: ArrayLike,
    accuracy: float = 1e-6,
    most: float = np.inf,
    schedule: Schedule = NOTHING,
) -> tuple[NDArray[np.float64], float, float]:
    """N Var of rho at ascending `times`, (T, P), an estimate of its relative error, and how many `independent` numbers
    the deviations at some of these times amount to, NaN where members leave; see Noise."""
    noise = made(system, state, times, accuracy, most, schedule)
    out = np.empty((noise.times.size, system.P))
    for k in _pieces(noise.times.size, system.P):
        _, first, second = at(noise, k)
        out[k] = 2 * np.einsum("kaa->ka", first + second).real
    K = noise.times.size
    if K < 2:
        return out, noise.error, 0.0
    if schedule.filters:  # correlations over a filter are not worked out
        return out, noise.error, np.nan
    some = np.unique(np.linspace(1, K - 1, max(2, min(K, PAIRED // system.P))).round().astype(int))
    return out, noise.error, independent(noise, some)


def _pieces(T: int, P: int) -> list[slice]:
    many = max(1, NUMBERS // P**2)
    return [slice(k, min(k + many, T)) for k in range(0, T, many)]


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
