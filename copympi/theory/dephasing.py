"""The mean over ensembles to first order in 1/N: copying dephases.

c_a = sqrt(n_a) exp(-i phi_a). Between copies and on average over them c moves by Schroedinger's equation, but sqrt(n)
is not linear: when a member goes from k to a, dc_a = c_a (1/(2 n_a) - 1/(8 n_a^2)), dc_k = -c_k (1/(2 n_k) +
1/(8 n_k^2)), and N F_ak go between both a unit of time, F_ak = 2 |Im(conj(Psi_a) (H_ak/hbar) Psi_k)|. The first terms
give the drift; the second ones and the product dc_a conj(dc_k) are of order 1/N. So sigma = E[c c^+]/N, the mean over
ensembles, obeys

    d sigma/dt = -i [H/hbar, sigma] - gamma o sigma,      (o: element by element)
    gamma_ak = (1/8N) ( F_a/rho_a^2 + F_k/rho_k^2 + 2 F_ak/(rho_a rho_k) ) for a != k, 0 for a = k,   F_a = sum_k F_ak,

F and rho along the mean field. s spectators a beable keep back (s/N) of the flows, which adds

    - sigma_ak (W_a/rho_a + W_k/rho_k)/2,   W_a = (s/N) sum_b ( F_{b->a}/rho_b - F_{a->b}/rho_a ).

sigma_aa = E[n_a]/N and tr(H sigma) = E[<H>] exactly. Everything here is N times what is of order 1/N, hence free of N:
sigma = Psi Psi^+ + shift/N. It is the 1/N mean of van Kampen's expansion, Hessian included, in another form. It holds
where N rho_a >> 1 on the whole path (at N rho_a = 3 it is off by half), and as long as shift/N is small.
(Derived for this project; not in the paper.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.system import System
from copympi.theory import panels, paths

SMALL = 64
"""Largest P offered: the integrand has P^2 elements."""
ANGLE = 1.5
"""Radians that the fastest part of the integrand may turn in a panel of the integral."""
EMPTY = 1e-14
"""Amplitudes below which a beable is empty, and copies nobody."""
DRIVEN = 1e-12
"""Of Psi's derivatives, in units of the largest that H allows: below this they are rounding."""

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]


def loss(system: System, psi: ArrayLike, spectators: int = 0) -> Complex:
    """N (gamma o sigma + the term of spectators) in the pure states psi (..., P), normalised: (..., P, P), 1/time.

    What sigma = psi psi^+ loses a unit of time beside its turning, times N. Beables with psi_a = 0 lose nothing.
    """
    c = np.asarray(psi, dtype=complex)
    W = system.frequencies.toarray()
    W[np.diag_indices(system.P)] = 0.0
    into = np.maximum(2.0 * np.imag(np.conj(c)[..., :, None] * W * c[..., None, :]), 0.0)  # [a, b]: from b to a
    F = into + into.swapaxes(-1, -2)
    rho = np.abs(c) ** 2
    over = np.divide(1.0, rho, out=np.zeros_like(rho), where=rho > EMPTY**2)
    own = F.sum(axis=-1) * over**2
    gamma = (own[..., :, None] + own[..., None, :] + 2 * F * over[..., :, None] * over[..., None, :]) / 8
    each = np.arange(system.P)
    gamma[..., each, each] = 0.0
    if spectators:
        held = (into * over[..., None, :]).sum(axis=-1) - into.sum(axis=-2) * over
        w = 0.5 * spectators * held * over
        gamma += w[..., :, None] + w[..., None, :]
    return np.asarray(gamma * c[..., :, None] * np.conj(c)[..., None, :])


def shift(
    system: System, state: ArrayLike, times: ArrayLike, spectators: int = 0, accuracy: float = 1e-7
) -> Complex:
    """N (sigma - Psi Psi^+) at ascending `times` from 0, (T, P, P), dimensionless, without end of N.

    state : (P,) Psi(0), the same in all ensembles, normalised here; spectators : s, members pinned to each beable.
    accuracy : relative, of the integral. Raises ValueError where P > SMALL, the state does not fit or times do not
    ascend from 0 or later, and where a beable is empty at the start and filled later: the integral of gamma o sigma
    diverges there. Where |Psi_a| vanishes on the way the answer grows without end, as a logarithm.
    """
    path, lost, when = _lost(system, state, times, spectators, accuracy)
    turn = path.vectors * np.exp(-1j * np.outer(when, path.energy))[:, None, :]
    return np.asarray(-turn @ lost @ turn.conj().swapaxes(-1, -2))


def mean(
    system: System, state: ArrayLike, times: ArrayLike, members: float, spectators: int = 0
) -> Floats:
    """E[n_a]/N to order 1/N at ascending `times`, (T, P); arguments and errors as `shift`, members: N > 0.

    Members are counted with their spectators. Ensembles that have lost a beable are not in it.
    """
    if not members > 0:
        raise ValueError(f"members must be positive, not {members}")
    more = np.einsum("taa->ta", shift(system, state, times, spectators)).real
    psi = paths.of(system, state).psi(np.asarray(times, dtype=float))
    return np.asarray(np.abs(psi) ** 2 + more / members)


def heating(system: System, state: ArrayLike, times: ArrayLike, spectators: int = 0) -> Floats:
    """N (E[<H>] - <H>_0) at ascending `times`, (T,), in units of energy; arguments and errors as `shift`.

    Without spectators it is minus N times what gamma takes of the off-diagonal part of the energy: copies heat below
    the middle of the band, and cool above it.
    """
    H = system.hamiltonian.toarray()
    return np.asarray(np.einsum("ab,tba->t", H, shift(system, state, times, spectators)).real)


def coherence_times(
    system: System, state: ArrayLike, duration: float, spectators: int = 0
) -> Floats:
    """T/N: in which time copying takes 1/e of the coherence between eigenstates of H, for each member; (P, P), time.

    Element (j, k): eigenstates in ascending order of energy, 1/T the mean rate over (0, duration) at which
    <j|sigma|k> falls relative to its size; inf where nothing takes it (no currents between the beables), negative where
    others feed it, NaN where <j|Psi> or <k|Psi> is 0 and for j = k. N copies keep the coherence for N times that, as
    long as they are many everywhere. Take a period of the state, or a time far longer than all of them.
    Raises ValueError as `shift`, and where energies of the state's parts coincide or duration is not positive.
    """
    if not 0 < duration < np.inf:
        raise ValueError(f"duration must be positive, not {duration}")
    path, lost, _ = _lost(system, state, [duration], spectators, 1e-7)
    there = np.abs(path.start) > EMPTY**0.5
    if np.any(np.diff(path.energy[there]) <= 1e-12 * np.ptp(path.energy)):
        raise ValueError("two eigenstates of the state have one energy: which they are is not defined")
    size = np.outer(path.start, path.start.conj())
    known = np.outer(there, there) & ~np.eye(system.P, dtype=bool)
    rate = np.divide(lost[0], size * duration, out=np.full_like(lost[0], np.nan), where=known).real
    rate[np.abs(rate) < 1e-14 * max(float(np.ptp(path.energy)), 1e-300)] = 0.0
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / rate)


def _lost(
    system: System, state: ArrayLike, times: ArrayLike, spectators: int, accuracy: float
) -> tuple[paths.Path, Complex, Floats]:
    """The path, what is lost until `times` in the eigenstates of H, their turning taken off (T, P, P), and times."""
    when = np.asarray(times, dtype=float)
    if system.P > SMALL:
        raise ValueError(f"the dephasing equation is offered for P <= {SMALL}, not {system.P}")
    if when.ndim != 1 or np.any(np.diff(when, prepend=0.0) < 0) or not np.all(np.isfinite(when)):
        raise ValueError("times must be finite and ascend from 0")
    path = paths.of(system, state)
    _nowhere_empty(system, np.asarray(state, dtype=complex))

    def density(t: Floats) -> Complex:
        back = path.vectors * np.exp(-1j * np.outer(t, path.energy))[:, None, :]
        return np.asarray(back.conj().swapaxes(-1, -2) @ loss(system, path.psi(t), spectators) @ back)

    longest = ANGLE / max(float(np.ptp(path.energy)), 1e-300)
    moments = max(64, paths.NUMBERS // system.P**2)
    return path, panels.cumulative(density, when, longest, accuracy, at_a_time=moments)[0], when


def _nowhere_empty(system: System, psi: Complex) -> None:
    """Raises ValueError where Psi_a = 0 but not all its derivatives (-i H/hbar)^m Psi, m < P, are 0 at a."""
    W = system.frequencies.toarray()
    W /= max(float(np.linalg.norm(W, 2)), 1e-300)
    now = psi / np.linalg.norm(psi)
    empty, driven = np.abs(now) < EMPTY, np.zeros(system.P, dtype=bool)
    for _ in range(system.P - 1):
        now = W @ now
        driven |= np.abs(now) > DRIVEN
    if np.any(empty & driven):
        a = int(np.argmax(empty & driven))
        raise ValueError(
            f"the state is 0 at beable {a}, which H fills: the dephasing equation needs many members on it at all times"
        )
