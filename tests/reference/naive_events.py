"""Naive twin of rules (39), (40) event by event: all pairs of members written out, nothing shared with the package.

Between two copies the rate of every ordered pair (I, J), 2 R[a_J, a_I]/sqrt(n_I n_J) sin+(..), is at most what stands
before the sine, and that stands still. So pairs are proposed one by one at that rate, and a pair copies with chance
sin+ of its phases at that very instant, which a fourth-order Runge-Kutta solution of (40) gives: to 1e-7 with four
pieces a wait. H, a, phi as in naive_phases.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.reference.naive_phases import Complex, Int, PairRuns, Real, copy_rates, couplings


def turned(omega: Real, K: Complex, phi: Real, t: Real, pieces: int) -> Real:
    """phi (R, N) after t (R,) by (40), in so many steps of Runge-Kutta; omega (R, N), K (R, N, N)."""

    def rates(phases: Real) -> Real:
        u = np.exp(1j * phases)
        return omega + np.real(u * (K @ u.conj()[:, :, None])[:, :, 0])

    dt = (t / pieces)[:, None]
    for _ in range(pieces):
        k1 = rates(phi)
        k2 = rates(phi + dt / 2 * k1)
        k3 = rates(phi + dt / 2 * k2)
        k4 = rates(phi + dt * k3)
        phi = phi + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return phi


def events_many(
    H: Complex, a: Int, phi: Real, times: Real, rng: np.random.Generator, pieces: int = 4,
    still: NDArray[np.bool_] | None = None,
) -> PairRuns:  # fmt: skip
    """R independent runs from a, phi (R, N), seen at ascending times (T,) from 0 on; `still` (N,) never copy."""
    runs, members = a.shape
    n, lineages = np.zeros((2, runs, len(times), len(H)), dtype=np.int64)
    z1, z2 = np.zeros((2, *n.shape), dtype=complex)
    out = PairRuns(n, z1, z2, lineages, copies=np.zeros(n.shape[:2], dtype=np.int64))
    a, phi, label = a.copy(), phi.copy(), np.tile(np.arange(members), (runs, 1))
    copies, now, diagonal = np.zeros(runs, dtype=np.int64), 0.0, np.real(np.diag(H))
    for t, end in enumerate(times):
        left = np.full(runs, end - now)
        run = np.flatnonzero(left > 0)
        while run.size:  # a wait is forgotten at a record: it is exponential
            K = couplings(H, a[run])
            most = 2 * np.abs(K)
            if still is not None:
                most[:, still] = 0.0
            heap = np.cumsum(most.reshape(run.size, -1), axis=1)
            total = heap[:, -1]
            wait = rng.exponential(size=run.size) / np.maximum(total, 1e-300)
            goes = wait < left[run]
            phi[run] = turned(diagonal[a[run]], K, phi[run], np.minimum(wait, left[run]), pieces)
            left[run] -= wait
            i, j = np.divmod(np.argmax(heap > (total * rng.random(run.size))[:, None], axis=1), members)
            each = np.arange(run.size)
            takes = goes & (rng.random(run.size) * most[each, i, j] < copy_rates(K, phi[run])[each, i, j])
            who = run[takes]
            for stored in (a, phi, label):
                stored[who, i[takes]] = stored[who, j[takes]]
            copies[who] += 1
            run = run[goes]
        now = end
        for b in range(len(H)):
            out.n[:, t, b] = np.sum(a == b, axis=1)
            out.z1[:, t, b] = np.sum(np.where(a == b, np.exp(1j * phi), 0), axis=1)
            out.z2[:, t, b] = np.sum(np.where(a == b, np.exp(2j * phi), 0), axis=1)
            out.lineages[:, t, b] = [len(set(label[r, a[r] == b])) for r in range(runs)]
        out.copies[:, t] = copies
    return out
