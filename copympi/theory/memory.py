"""What one system remembers: Bell's process, guided by Schroedinger's Psi, as a Markov chain whose rates change.

A system in b jumps to a at the rate W_ab = 2 [Im(conj(Psi_a) (H_ab/hbar) Psi_b)]^+ / |Psi_b|^2; W_bb is minus the
sum of its column. Psi knows of no jump, so systems are independent, and the chances p (P,) of one obey dp/dt = W(t) p:

    p(t) = M(t) p(0),   M = Texp int W,   M(t) |Psi(0)|^2 = |Psi(t)|^2,   det M = exp(int tr W).

Members of an ensemble of copies have these rates with the ensemble's own n and phases in place of Psi, so that for
N without end each follows this law. M has forgotten where it began once all its columns are |Psi(t)|^2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.system import System
from copympi.theory import ordered, panels, paths

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

ANGLE = 0.7
"""Radians that the fastest part of Psi turns in the longest panel."""
ACCURACY = 1e-9


def rates(H: Complex, psi: Complex) -> Floats:
    """W (..., P, P) at Psi (..., P), 1/time, H/hbar (P, P); [..., a, b] from b to a. 0 for who sits in a node."""
    flow = 2 * np.imag(np.conj(psi)[..., :, None] * H * psi[..., None, :])
    rho = np.abs(psi) ** 2
    out = np.maximum(flow, 0.0) / np.where(rho > 0, rho, np.inf)[..., None, :]
    each = np.arange(psi.shape[-1])
    out[..., each, each] = 0.0
    out[..., each, each] = -out.sum(axis=-2)
    return np.asarray(out)


def steps(
    system: System,
    state: ArrayLike,
    times: ArrayLike,
    accuracy: float = ACCURACY,
    *,
    mark: complex | None = None,
    target: int | None = None,
) -> NDArray[np.float64] | Complex:
    """M from each of the ascending `times` (T,) to the next, (T - 1, P, P); columns: where from.

    state : (P,) Psi at time 0, which is normalised. mark : a factor z of each jump, so that an element is
    sum_k z^k P(there, after k jumps). target : a beable that nobody leaves, so that its row counts first passages.
    Raises ValueError for what is no state, or where times do not ascend.
    """
    t = np.asarray(times, dtype=float)
    if t.ndim != 1 or t.size < 2 or not np.all(np.diff(t) > 0):
        raise ValueError("times: must ascend, at least two")
    path, H = paths.of(system, state), system.frequencies.toarray()
    each = np.arange(system.P)

    def generator(moments: Floats) -> NDArray[np.float64] | Complex:
        W = rates(H, path.psi(moments))
        if target is not None:
            W[:, :, target] = 0.0
        if mark is None:
            return W
        marked = mark * W
        marked[:, each, each] = W[:, each, each]
        return np.asarray(marked, np.complex128)

    return ordered.between(generator, t, ANGLE / max(float(np.ptp(path.energy)), 1e-300), accuracy)


def transitions(system: System, state: ArrayLike, times: ArrayLike, accuracy: float = ACCURACY) -> Floats:
    """M from the first of the ascending `times` (T,) to each of them, (T, P, P); see `steps`."""
    return from_first(np.asarray(steps(system, state, times, accuracy)))


def from_first(moves: Floats) -> Floats:
    """(T, P, P) from the first time to each, of (T - 1, P, P) from each to the next."""
    out = [np.eye(moves.shape[-1])]
    for step in moves:
        out.append(step @ out[-1])
    return np.array(out)


def jumps(
    system: System, state: ArrayLike, begin: float, end: float, most: int, accuracy: float = ACCURACY
) -> Floats:
    """Chances of 0, .., most - 1 jumps between two times for a system drawn from |Psi(begin)|^2, (most,).

    The coefficients of <z^k>, by Fourier's sum over `most` points of the circle: chances of `most` jumps and more are
    added to those of so many fewer, and must be negligible.
    """
    rho = np.abs(paths.of(system, state).psi(np.array([begin]))[0]) ** 2
    circle = np.exp(2j * np.pi * np.arange(most // 2 + 1) / most)
    moves = (np.asarray(steps(system, state, [begin, end], accuracy, mark=z))[0] for z in circle)
    sums = [(M @ rho).sum() for M in moves]
    return np.maximum(np.fft.irfft(np.conj(sums), most), 0.0)


def expected_jumps(system: System, state: ArrayLike, times: ArrayLike) -> Floats:
    """Mean number of jumps from time 0 to each of `times` (T,), >= 0, for |Psi|^2: the integral of all flows."""
    path, H = paths.of(system, state), system.frequencies.toarray()

    def flow(moments: Floats) -> Floats:
        psi = path.psi(moments)
        net = 2 * np.imag(np.conj(psi)[:, :, None] * H * psi[:, None, :])
        return np.maximum(net, 0.0).sum(axis=(1, 2))[:, None]

    longest = ANGLE / max(float(np.ptp(path.energy)), 1e-300)
    return np.asarray(panels.cumulative(flow, np.asarray(times, float), longest, 1e-8)[0][:, 0])


def half_cycle(low: float, high: float) -> float:
    """Share of those who are in a beable of two at the top of its |Psi_b|^2 and stay until its bottom."""
    return low / high


def two_levels(low: float, high: float) -> float:
    """Second eigenvalue of M of a period of two levels between whose ends |Psi_0|^2 goes once down and once up."""
    return (low / high) * (1 - high) / (1 - low)


def relaxation_rates(M: Floats, time: float) -> Floats:
    """-ln|eigenvalue|/time of M over so long, ascending, (P,): the first one is 0. M that repeats forgets at these."""
    size = np.abs(np.linalg.eigvals(M))
    return np.sort(-np.log(np.maximum(size, 1e-300)) / time)


def distance(M: Floats, rho: Floats) -> Floats:
    """Largest total variation of a column of M (..., P, P) from rho (..., P): it never grows with time."""
    return np.asarray(0.5 * np.abs(M - rho[..., :, None]).sum(axis=-2).max(axis=-1))


def first_below(times: Floats, values: Floats, level: float) -> float:
    """When falling values (T,) first come below a level, straight between times; inf where they do not."""
    below = np.flatnonzero(values < level)
    if below.size == 0:
        return np.inf
    k = int(below[0])
    if k == 0:
        return float(times[0])
    share = (values[k - 1] - level) / (values[k - 1] - values[k])
    return float(times[k - 1] + share * (times[k] - times[k - 1]))


def h_function(p: ArrayLike, rho: ArrayLike, cells: NDArray[np.integer] | None = None) -> Floats:
    """Valentini's sum p ln(p/rho) of chances p (..., P) against |Psi|^2 rho (..., P): 0 where they agree.

    cells : (P,) which cell each beable lies in, 0, 1, ..; p and rho are summed over cells first (coarse graining).
    """
    chance, other = np.asarray(p, float), np.asarray(rho, float)
    if cells is not None:
        which = np.eye(int(cells.max()) + 1)[cells]
        chance, other = chance @ which, other @ which
    one = np.ones(np.broadcast_shapes(chance.shape, other.shape))
    ratio = np.divide(chance, other, out=one, where=(chance > 0) & (other > 0))
    return np.asarray((chance * np.log(ratio)).sum(axis=-1))


def stationary(members: ArrayLike, frequency: ArrayLike, time: ArrayLike, odd: float = 0.0) -> Floats:
    """Memory of a system in a real stationary state of two beables: second eigenvalue of its mean M, N large.

    Psi = (1, 1)/sqrt(2) of H/hbar with |H_01|/hbar = R, `frequency`: the mean field has no current, and where n_0 = n_1
    nothing is ever copied. Let B be the amplitude of n_0 - n_1, `odd` at the start, which the mean field turns at 2 R.
    Copies come at the rate R B |sin(2 R t)|, each changes n_0 - n_1 by two, and so, averaged over a turn (|sin|: 2/pi,
    |sin| cos^2: 2/(3 pi)),

        dB = a dt + sqrt(a B) dw,   a = 8 R/(3 pi):

    the noise of copies makes the currents that make the copies, <B> = odd + a t whatever N. A copy takes 2/N of the
    memory away, so memory = <exp(-lambda int B dt)>, lambda = 4 R/(pi N), which Feller's diffusion has in closed form:

        memory = exp(-odd sqrt(3/N) tanh x)/cosh(x)^2,   x = 4 R t/(pi sqrt(3 N)).

    It is down to 1/e at 1.48 sqrt(N)/R.
    """
    N = np.asarray(members, float)
    x = 4 * np.asarray(frequency) * np.asarray(time) / (np.pi * np.sqrt(3 * N))
    return np.asarray(np.exp(-odd * np.sqrt(3 / N) * np.tanh(x)) / np.cosh(x) ** 2)


def stationary_copies(frequency: ArrayLike, time: ArrayLike, odd: float = 0.0) -> Floats:
    """Mean number of copies there by a time, of all N members together, whatever N: (2 R/pi) int <B> dt."""
    R, t = np.asarray(frequency), np.asarray(time)
    return np.asarray((2 * R / np.pi) * (odd * t + (4 * R / (3 * np.pi)) * t**2))
