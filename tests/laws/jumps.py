"""Two levels, event by event and in closed form, many runs side by side; NumPy alone.

Between two copies n stands still and D = phi_0 - phi_1 + delta_01 moves by dD/dt = u = w0 + k cos D, w0 = omega_0 -
omega_1, k = R (n_1 - n_0)/sqrt(n_0 n_1), while members copy at A |sin D|, A = 2 R sqrt(n_0 n_1): from 1 to 0 where
sin D > 0. As |sin D| dt = -|d cos D|/|u|, the time of a copy follows from an exponential number in closed form.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Int = NDArray[np.int64]

NEVER = 1e300


def angle_after(D: Real, w0: float, k: Real, t: Real) -> Real:
    """D (R,) after t (R,), not wrapped within half turns: tan(D/2) moves by a Moebius map."""
    p, m = (w0 + k) / 2, (w0 - k) / 2
    w = np.sqrt(np.asarray(p * m, dtype=complex))
    safe = np.where(np.abs(w) < 1e-12, 1.0, w)
    C, S = np.cos(w * t).real, np.where(np.abs(w) < 1e-12, t, np.sin(safe * t) / safe).real
    x, y = np.sin(D / 2), np.cos(D / 2)
    return 2 * np.arctan2(x * C + p * y * S, y * C - m * x * S)


def time_between(D: Real, E: Real, w0: float, k: Real) -> Real:
    """Time (R,) in which D reaches E first, both within a half turn on which dD/dt does not vanish: by the same map."""
    p, m = (w0 + k) / 2, (w0 - k) / 2
    over = np.sin((E - D) / 2)
    under = p * np.cos(D / 2) * np.cos(E / 2) + m * np.sin(D / 2) * np.sin(E / 2)
    w = np.sqrt(np.abs(p * m))
    turning = np.arctan2(w * np.abs(over), np.abs(under)) / w
    running = np.arctanh(np.minimum(w * np.abs(over / under), 1.0)) / w
    return np.where(w < 1e-14, over / under, np.where(p * m > 0, turning, running))


def two_levels(
    H: NDArray[np.complex128], counts: Int, phase: Real, times: Real, runs: int, seed: int, spectators: int = 0
) -> tuple[Int, Int]:
    """n (runs, T, 2) at ascending times and copies since t = 0 (runs, T); counts (2,), phase (2,) at the start."""
    rng = np.random.default_rng(seed)
    w0, R, delta = float(np.real(H[0, 0] - H[1, 1])), abs(H[0, 1]), float(np.angle(H[0, 1]))
    total, s = int(np.sum(counts)), spectators
    n0 = np.full(runs, counts[0], dtype=np.int64)
    D = np.full(runs, phase[0] - phase[1] + delta)
    left = rng.exponential(size=runs)  # of an exponential number, until the next copy
    n, copies = np.zeros((runs, len(times), 2), np.int64), np.zeros((runs, len(times)), np.int64)
    events = np.zeros(runs, np.int64)
    now = np.zeros(runs)
    for j, end in enumerate(times):
        live = np.flatnonzero((n0 > 0) & (n0 < total))
        while live.size:
            D[live], n0[live], left[live], now[live], copied = _stretch(
                D[live], n0[live], total, left[live], now[live], end, (w0, R, s), rng
            )
            events[live] += copied
            live = live[(now[live] < end) & (n0[live] > 0) & (n0[live] < total)]
        now[:] = end
        n[:, j], copies[:, j] = np.stack([n0, total - n0], axis=1), events
    return n, copies


def _stretch(
    D: Real, n0: Int, total: int, left: Real, now: Real, end: float, law: tuple[float, float, int],
    rng: np.random.Generator,
) -> tuple[Real, Int, Real, Real, Int]:  # fmt: skip
    """Each run to its next copy, the end of its half turn, or `end`, whichever comes first."""
    w0, R, s = law
    n1 = total - n0
    root = np.sqrt(n0 * n1.astype(float))
    k = R * (n1 - n0) / root
    D = np.remainder(D + np.pi, 2 * np.pi) - np.pi
    up = D > 0  # members go from 1 to 0
    sign = np.where(up, 1.0, -1.0)
    source = np.where(up, n1, n0)
    A = 2 * R * root * (source - s) / source
    u = w0 + k * np.cos(D)
    still = np.abs(u) < 1e-13 * R
    goal = np.where(u * sign > 0, sign * np.pi, 0.0)  # where the half turn ends, if it does
    at_goal = w0 + k * np.cos(goal)
    ends = ~still & (at_goal * u > 0)
    rest = np.where(ends, _hazard(D, goal, u, at_goal, w0, k, A), NEVER)
    copies = (left < rest) & (A > 0)
    with np.errstate(all="ignore"):
        share = np.where(A > 0, left / A, 0.0)
        cosine = np.where(k == 0, np.cos(D) - sign * w0 * share, (u * np.exp(-sign * share * k) - w0) / k)
        target = np.where(copies, sign * np.arccos(np.clip(cosine, -1.0, 1.0)), goal)
        took = time_between(D, target, w0, k)
        took = np.where(still, share / np.abs(np.sin(D)), took)
        took = np.where(copies | ends, np.nan_to_num(took, nan=0.0, posinf=NEVER), NEVER)
    target = np.where(still, D, target)
    reached = now + took
    early = reached <= end
    stay = np.maximum(end - now, 0.0)
    stopped = np.where(still, D, angle_after(D, w0, k, stay))
    spent = _hazard(D, stopped, u, w0 + k * np.cos(stopped), w0, k, A)
    spent = np.where(still, A * np.abs(np.sin(D)) * stay, spent)
    copied = (early & copies).astype(np.int64)
    left = np.where(copied, rng.exponential(size=len(D)), left - np.where(early, rest, spent))
    beyond = np.where(goal == 0.0, -sign * 1e-15, goal + sign * 1e-15)  # sin D has the other sign there
    D = np.where(early, np.where(copies, target, beyond), stopped)
    return D, n0 + np.where(up, copied, -copied), np.maximum(left, 0.0), np.where(early, reached, end), copied


def _hazard(D: Real, E: Real, u: Real, v: Real, w0: float, k: Real, A: Real) -> Real:
    """A int |sin| dt from D to E of one half turn, where dD/dt is u and v."""
    with np.errstate(all="ignore"):
        return np.where(k == 0, np.abs(A * (np.cos(E) - np.cos(D)) / w0), np.abs(A / k * np.log(np.abs(u / v))))
