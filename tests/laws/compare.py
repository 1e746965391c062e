"""Whether replicas have the mean and the covariance they should, entry by entry and all together.

Null hypothesis: deviations x (R, 2P) of (rho, phi), times sqrt N, are Gaussian with the reference's covariance, up to
SHARE of sqrt(C_ii C_jj) in each entry, and the reference's own next order (the strain of a beable over N); the mean of
n/N is the reference's up to `tolerance`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tests.laws.reference import Moments

Real = NDArray[np.float64]

SHARE, ERRORS = 0.02, 4.0
"""What is allowed: so much of an entry's size, and so many standard errors; of thousands of entries, more."""
BY_CHANCE = 0.005
"""One of a cell's entries may be off by chance so often."""
CHANCE = 1e-5
"""p below which all entries together do not fit; the suite has some hundred such tests."""
SOFTEST = 0.05
"""Directions of the correlation matrix with smaller eigenvalues say more about rounding than about a law."""
FEWEST = 20.0
"""N rho_a from which on the linear noise approximation means something."""

NEXT, STRAINED = 3.0, 0.07
"""The reference's next order: so many times strain/N, the mean square of noise in c_a over n_a; above STRAINED noise
decides how a node is passed, and a beable is not compared. A leap of few beables with P = 70, n = 37 needs 3 (strain/N
0.019, variances of phases 5% above the reference's).
"""


@dataclass
class Verdict:
    """What was found: complaints, none where all fits; and numbers to print."""

    what: str
    complaints: list[str] = field(default_factory=list)
    numbers: str = ""

    def check(self, name: str, off: float, allowed: float) -> None:
        if not off <= allowed:
            self.complaints.append(f"{name} off by {off:.3g}, allowed {allowed:.3g}")

    def __str__(self) -> str:
        return f"{self.what}: {self.numbers}" + "".join(f"; {complaint}" for complaint in self.complaints)


def covariance(x: Real, theory: Real, P: int, verdict: Verdict, share: Real | float = SHARE) -> None:
    """x (R, D) against theory (D, D), the first P of n, the rest of phases; share, (D,) or one: what is allowed.

    Each entry; the mean of each block's variances; all entries by chi-square.
    """
    R, D = x.shape
    shares = np.broadcast_to(share, D)
    share = 0.5 * (shares[:, None] + shares[None, :])
    size = np.sqrt(np.diag(theory))
    x = (x - x.mean(axis=0)) / size
    C, wanted = x.T @ x / (R - 1), theory / np.outer(size, size)
    error = np.sqrt((1.0 + wanted**2) / R)  # of a covariance of Gaussians, as the null hypothesis has it
    errors = max(ERRORS, float(stats.norm.isf(BY_CHANCE / (D * (D + 1)))))
    excess = np.abs(C - wanted) / (share + errors * error)
    i, j = np.unravel_index(np.argmax(excess), excess.shape)
    ratio = np.diag(C)
    blocks = (("n", slice(0, P)), ("phi", slice(P, D)))
    verdict.numbers = ", ".join(f"var {name} {ratio[b].min():.3f} to {ratio[b].max():.3f}" for name, b in blocks)
    verdict.check(f"entry {i}, {j} of {D}: {C[i, j]:.4f} for {wanted[i, j]:.4f},", abs(C - wanted)[i, j],
                  share[i, j] + errors * error[i, j])  # fmt: skip
    for name, b in blocks:  # the mean of variances has a smaller error than each of them
        own = np.sqrt(2.0 * np.mean(wanted[b, b] ** 2) / R)
        off = abs(ratio[b].mean() - 1.0)
        verdict.check(f"mean var {name} {ratio[b].mean():.4f}", off, shares[b].mean() + ERRORS * own)
        verdict.numbers += f", mean var {name} {ratio[b].mean():.4f}"
    p = all_entries(x, wanted, float(np.sqrt(np.mean(shares**2))))
    verdict.numbers += f", p = {p:.2g}"
    if p < CHANCE:
        verdict.complaints.append(f"all entries together: p = {p:.2g}")


def all_entries(x: Real, wanted: Real, share: float) -> float:
    """p of the whitened covariance of x (R, D), centred: R/2 sum (S_ij - delta_ij)^2 is chi-square.

    `share` of the variance in every whitened direction is forgiven: that is the chi-square's noncentrality.
    """
    value, vector = np.linalg.eigh(wanted)
    kept = value > SOFTEST
    white = x @ (vector[:, kept] / np.sqrt(value[kept]))
    R, d = white.shape
    S = white.T @ white / (R - 1)
    found = 0.5 * R * float(np.sum((S - np.eye(d)) ** 2))
    return float(stats.ncx2.sf(found, d * (d + 1) / 2, 0.5 * R * share**2 * d))


def mean(n: Real, members: float, moments: Moments, tolerance: float, verdict: Verdict) -> None:
    """n (R, P): mean of n/N within `tolerance` of |Psi|^2 and its 1/N bias, and standard errors."""
    off = (n / members).mean(axis=0) - np.abs(moments.psi) ** 2 - moments.bias / members
    P = len(off)
    error = np.sqrt(np.diag(moments.covariance)[:P] / members / len(n))
    allowed = tolerance + ERRORS * error + 0.3 * np.abs(moments.bias) / members  # the bias is a first order itself
    a = int(np.argmax(np.abs(off) / allowed))
    verdict.check(f"mean of n/N of beable {a}", abs(float(off[a])), float(allowed[a]))


def judge(what: str, n: Real, x: Real, members: float, moments: Moments, tolerance: float) -> Verdict:
    """n (R, P) and x (R, 2P) at one time."""
    verdict = Verdict(what)
    seen = (members * moments.low >= FEWEST) & (moments.strain <= STRAINED * members)
    size = np.diag(moments.covariance)
    least = 1e-9 * np.repeat([size[: len(seen)].max(), size[len(seen) :].max()], len(seen))
    both = np.tile(seen, 2) & (size > least)  # by symmetry some phases have no noise
    P = int(both[: len(seen)].sum())
    share = np.tile(SHARE + NEXT * moments.strain / members, 2)[both]
    covariance(x[:, both], moments.covariance[np.ix_(both, both)], P, verdict, share)
    mean(n, members, moments, tolerance, verdict)
    verdict.numbers += f", {P} of {len(seen)} beables"
    return verdict
