"""Exact laws of whole numbers to compare draws with, and how far draws are from them.

Probabilities come from ratios f(k + 1)/f(k) in extended precision, so from nothing the draws use: no Stirling, no
saddle point.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from copympi.kernels import draws

DRAWS = 1_000_000
TAIL = np.array([2e-5, 1e-4, 5e-4, 2e-3, 0.01])
LEVELS = np.concatenate([TAIL, np.linspace(0.03, 0.97, 32), 1 - TAIL[::-1]])
L = np.longdouble


class Law:
    """Mean (a fraction), variance and ratios f(k + 1)/f(k) of a law of whole numbers from `least` to `most`."""

    def __init__(self, mean: Fraction, variance: float, least: int, most: int, skew: float) -> None:
        self.mean, self.variance, self.least, self.most, self.skew = mean, variance, least, most, skew
        self.whole = int(mean)

    def ratio(self, k: NDArray[np.longdouble]) -> NDArray[np.longdouble]:
        raise NotImplementedError

    def cells(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Edges e, relative to `whole`, and the chances of k < e[0], e[0] <= k < e[1], .., k >= e[-1]."""
        sigma = self.variance**0.5
        if sigma > 2e4:  # Edgeworth to first order: right to 1/variance
            edges = np.unique(np.rint(stats.norm.ppf(LEVELS) * sigma).astype(np.int64))
            y = (edges - 0.5 - float(self.mean - self.whole)) / sigma
            below = stats.norm.cdf(y) - self.skew / 6 * (y * y - 1) * stats.norm.pdf(y)
        else:
            reach = int(12 * sigma + 40)
            k = np.arange(max(-reach, self.least - self.whole), min(reach, self.most - self.whole) + 1)
            ratios = self.ratio(k[:-1].astype(L) + L(self.whole))
            centre = int(np.argmin(np.abs(k)))
            f = np.ones(k.size, L)
            f[centre + 1 :] = np.cumprod(ratios[centre:])
            f[:centre] = np.cumprod(1 / ratios[:centre][::-1])[::-1]
            total = np.concatenate([[0], np.cumsum(f)])
            places = np.unique(np.searchsorted(total / total[-1], LEVELS))
            chance = (total / total[-1])[places]
            keep = (chance > 1e-5) & (chance < 1 - 1e-5)
            edges, below = k[np.minimum(places, k.size - 1)][keep], chance[keep].astype(float)
        return edges, np.diff(np.concatenate([[0.0], below, [1.0]]))


class Binomial(Law):
    def __init__(self, n: int, p: float) -> None:
        self.n, self.p = n, p
        super().__init__(n * Fraction(p), n * p * (1 - p), 0, n, (1 - 2 * p) / max(n * p * (1 - p), 1e-9) ** 0.5)

    def ratio(self, k: NDArray[np.longdouble]) -> NDArray[np.longdouble]:
        return (L(self.n) - k) / (k + 1) * (L(self.p) / (1 - L(self.p)))

    def draw(self, seed: int) -> NDArray[np.int64]:
        return draws.binomials(seed, [self.n], [self.p], DRAWS)


class Poisson(Law):
    def __init__(self, mean: float) -> None:
        self.rate = mean
        super().__init__(Fraction(mean), mean, 0, 2**63 - 1, mean**-0.5)

    def ratio(self, k: NDArray[np.longdouble]) -> NDArray[np.longdouble]:
        return L(self.rate) / (k + 1)

    def draw(self, seed: int) -> NDArray[np.int64]:
        return draws.poissons(seed, [self.rate], DRAWS)


class Hypergeometric(Law):
    def __init__(self, good: int, bad: int, sample: int) -> None:
        self.case, N = (good, bad, sample), good + bad
        variance = float(Fraction(good * bad, N * N) * Fraction(sample * (N - sample), N - 1))
        skew = float(Fraction((bad - good) * (N - 2 * sample), N * (N - 2))) / variance**0.5
        least, most = max(0, sample - bad), min(good, sample)
        super().__init__(Fraction(good * sample, N), variance, least, most, skew)

    def ratio(self, k: NDArray[np.longdouble]) -> NDArray[np.longdouble]:
        good, bad, sample = self.case
        return (L(good) - k) / (k + 1) * ((L(sample) - k) / (L(bad - sample + 1) + k))

    def draw(self, seed: int) -> NDArray[np.int64]:
        return draws.hypergeometrics(seed, *self.case, DRAWS)


def misfit(law: Law, off: NDArray[np.int64]) -> tuple[float, int]:
    """Chi-square and degrees of freedom of numbers, relative to law.whole."""
    edges, chance = law.cells()
    if edges.size == 0:
        return 0.0, 0
    seen = np.bincount(np.searchsorted(edges, off, side="right"), minlength=chance.size)
    expected = off.size * chance
    return float(np.sum((seen - expected) ** 2 / expected)), chance.size - 1
