"""Draws follow their laws exactly, at any size, and their bits are frozen.

Chi-square against tests/reference/exact_laws.py over cells that reach into both tails, fixed seeds, a million draws
each.
"""

from __future__ import annotations

import zlib
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from copympi.kernels import draws, streams, targets
from tests.reference.exact_laws import DRAWS, LEVELS, Binomial, Hypergeometric, L, Law, Poisson, misfit


def check(laws: list[Law], seed: int) -> None:
    """Null hypothesis: the draws follow the law. Each case in shape, mean and variance, and all together."""
    total, freedom = 0.0, 0
    for i, law in enumerate(laws):
        x = law.draw(seed + i)
        assert law.least <= x.min()
        assert x.max() <= law.most
        chi, f = misfit(law, x - law.whole)
        assert f == 0 or stats.chi2.sf(chi, f) > 1e-4, (vars(law), chi, f)
        y = (x - law.whole) - float(law.mean - law.whole)
        error = (law.variance / DRAWS) ** 0.5
        assert abs(y.mean()) < 4.5 * error, vars(law)
        assert abs(y.var() / law.variance - 1) < 4.5 * ((2 + 1 / law.variance) / DRAWS) ** 0.5, vars(law)
        total, freedom = total + chi, freedom + f
    assert stats.chi2.sf(total, freedom) > 1e-3


@pytest.mark.parametrize("n", [1, 5, 40, 1_000, 10**6, 2**53, 2**60, 10**18, 2**62, 2**63 - 1])
def test_binomials(n: int) -> None:
    means = [0.01, 0.2, 1.0, 3.0, 9.0, 11.0, 19.9, 20.1, 45.0, 300.0, 3e3, 1e6]
    chances = [mean / n for mean in means if mean < 0.3 * n] + [0.3, 0.5, 0.7, 0.999, 1 - 3.0 / max(n, 4)]
    check([Binomial(n, p) for p in chances if p < 1], 100)


def test_poisson_numbers() -> None:
    check([Poisson(m) for m in (0.01, 0.24, 0.26, 1, 3, 8.9, 9.1, 19, 21, 45.5, 300, 3e3, 1e6, 1e12, 1e18)], 200)


def test_hypergeometric_numbers() -> None:
    cases = [
        (3, 4, 5), (10, 10, 10), (1, 1000, 30), (40, 1000, 30), (1000, 40, 1000), (100, 200, 90), (60, 60, 60),
        (10**6, 10**6, 10**6), (10**9, 10**10, 33), (2**53, 2**54, 3_000), (10**18, 10**17, 70),
        (2**62, 2**62 - 1, 2**62), (10**18, 5 * 10**18, 4 * 10**18), (10**10, 10**18, 2 * 10**9),
    ]  # fmt: skip
    check([Hypergeometric(*case) for case in cases], 300)


@pytest.mark.parametrize("K", [1, 2, 7, 1000])
def test_tables_draw_by_weight(K: int) -> None:
    """Null hypothesis: numbers come with chances in proportion to their weights; who has none never does."""
    weight = np.random.default_rng(K).exponential(size=K) ** 3 + 1e-3
    weight[2::3] = 0.0
    weight[0], count = 1.0, 1_000_000
    found = np.bincount(targets.picks(5 + K, weight, count), minlength=K)
    expected = count * weight / weight.sum()
    some = weight > 0
    assert not found[~some].any()
    chi = ((found[some] - expected[some]) ** 2 / expected[some]).sum()
    assert some.sum() == 1 or 1e-3 < stats.chi2.sf(chi, some.sum() - 1) < 1 - 1e-3
    assert np.all(targets.picks(1, np.zeros(K), 3) == -1)


@pytest.mark.parametrize("law", [Binomial(10**6, 0.01), Binomial(2**60, 9 / 2**60), Poisson(45.0)])
def test_a_law_off_by_a_hundredth_is_seen(law: Law) -> None:
    """The mean, or the width, of what is drawn 1% larger than the law says."""
    off = law.draw(1) - law.whole
    chi, f = misfit(law, off)
    assert stats.chi2.sf(chi, f) > 1e-3
    chi, f = misfit(Binomial(law.n, law.p * 1.01) if isinstance(law, Binomial) else Poisson(45.45), off)
    assert stats.chi2.sf(chi, f) < 1e-12
    chi, f = misfit(law, np.rint(off * 1.01 + np.random.default_rng(1).uniform(-0.5, 0.5, off.size)).astype(np.int64))
    assert stats.chi2.sf(chi, f) < 1e-6


def test_small_chances_are_not_rounded() -> None:
    """Below 2^-11 the number that decides takes a second word: it has 53 digits there too, and is never 0."""
    words = [int(w) for w in streams.words(1, 0, 0, 0, 0, 60_000)]
    numbers = streams.uniforms(1, 0, 0, 0, 0, 50_000, fine=True)
    place = small = 0
    for number in numbers:
        exact = Fraction(words[place], 2**64)
        place += 1
        if words[place - 1] < 2**53:
            exact += Fraction(words[place], 2**128)
            place += 1
            small += 1
        assert abs(Fraction(float(number)) - exact) <= max(exact / 2**52, Fraction(words[place - 1] >= 2**53, 2**53))
    assert small > 5


LAWS = [(20.0,), (20.7,), (33.3,), (150.0,), (1e3,), (1e6,), (1e17,), (40, 0.5), (41, 0.5), (67, 0.3), (10**6, 1e-4)]
LAWS += [(10**6, 0.01), (10**18, 0.5), (2**62, 1e-16), (80, 80, 80), (200, 201, 60), (10**6, 10**7, 10**3)]
LAWS += [(10**18, 2**62, 10**9)]


@pytest.mark.parametrize("law", LAWS)
def test_the_hat_covers_the_law(law: tuple[float, ...]) -> None:
    """At random words: the ratio is at most 1, and what its bounds say without it is what it says."""
    assert draws.mistakes_of_hat(1, law, 100_000) == 0


def test_a_hat_that_is_too_low_is_seen() -> None:
    assert draws.mistakes_of_hat(1, (20, 20, 20), 100_000) > 0  # variance 2.5; draws invert here


def test_logarithm_and_exponential() -> None:
    x = np.concatenate([np.random.default_rng(1).uniform(0, 700, 50_000), np.geomspace(1e-300, 699, 50_000)])
    log, rest, exp, gone = draws.elementary(x)
    some = np.abs(x - 1) > 1e-9
    np.testing.assert_allclose(log[some], np.log(x.astype(L)).astype(float)[some], rtol=4e-16)
    np.testing.assert_allclose(rest[x < 0.9], np.log1p(-x[x < 0.9].astype(L)).astype(float), rtol=1.2e-14)
    np.testing.assert_allclose(exp, np.exp(-x.astype(L)).astype(float), rtol=4e-16)
    np.testing.assert_allclose(gone, -np.expm1(-x.astype(L)).astype(float), rtol=1e-14)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_normals(one_by_one: bool) -> None:
    """Chi-square into both tails, six moments, and no correlation of neighbours or of their squares."""
    x = draws.normals(9, 2 * DRAWS, one_by_one)
    edges = stats.norm.ppf(LEVELS)
    seen = np.bincount(np.searchsorted(edges, x), minlength=edges.size + 1)
    assert stats.chisquare(seen, np.diff(np.concatenate([[0], LEVELS, [1]])) * x.size).pvalue > 1e-3
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        assert abs((x**power).mean() - moment) < 4 * (variance / x.size) ** 0.5
    for apart in (1, 256):
        for y in (x, x * x - 1):
            assert abs(np.mean(y[apart:] * y[:-apart])) < 4 * y.var() / x.size**0.5
    assert 5 < np.abs(x).max() < 7.5


def test_normals_are_box_and_mullers() -> None:
    """Against the formula in NumPy; both ways of drawing give the same numbers, in an order of their own."""
    words = streams.words(4, 0, 0, 0, 0, 300)
    radius = np.sqrt(-2 * np.log(((words >> np.uint64(24)).astype(float) + 0.5) / 2**40))
    angle = ((words & np.uint64(2**22 - 1)).astype(float) + 0.5) / 2**22 * np.pi / 2
    sign = [1 - 2 * ((words >> np.uint64(bit)) & np.uint64(1)).astype(float) for bit in (22, 23)]
    first, second = sign[0] * radius * np.cos(angle), sign[1] * radius * np.sin(angle)
    pairs = draws.normals(4, 600, True).reshape(-1, 2)
    np.testing.assert_allclose(pairs[:, 0], first, atol=2e-15)
    np.testing.assert_allclose(pairs[:, 1], second, atol=2e-15)
    batch = draws.normals(4, 599)
    order = np.concatenate([pairs[:256, 0], pairs[:256, 1], pairs[256:299, 0], pairs[256:299, 1], pairs[299:, 0]])
    assert np.array_equal(batch, order)


def digest(*arrays: NDArray) -> int:
    return zlib.crc32(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays))


FROZEN = {
    "binomials": 2623677391,
    "poissons": 3357576433,
    "hypergeometrics": 245596724,
    "of few": 3843807372,
    "samples": 3511975037,
    "normals": 961814238,
    "one by one": 266359369,
    "leavers": 3765712038,
    "many": 1092472876,
}


def test_bits_are_frozen() -> None:
    """A change of any bit changes every run's results: it takes a new version, not new numbers here."""
    n = np.array([1, 7, 60, 10**3, 10**6, 10**12, 2**53, 2**60, 2**62, 2**63 - 1])
    p = np.concatenate([np.minimum(m / n, 0.4) for m in (1e-9, 0.1, 1, 3, 15, 50, 1e4, 1e9)] + [np.full(n.size, 0.9)])
    found = {
        "binomials": digest(draws.binomials(1, np.tile(n, 9), p, 90_000)),
        "poissons": digest(draws.poissons(1, [1e-9, 0.1, 1, 3, 15, 50, 1e4, 1e12, 1e18], 90_000)),
        "hypergeometrics": digest(*(draws.hypergeometrics(1, g, 2**62 - g, 10**6, 9_000) for g in (1, 2**50, 2**60))),
        "of few": digest(draws.hypergeometrics(1, 5, 7, 6, 9_000), draws.hypergeometrics(1, 30, 40, 19, 9_000)),
        "samples": digest(draws.samples(1, [5, 0, 10**6, 2**60], 10**5, 9_000)),
        "normals": digest(draws.normals(1, 90_001)),
        "one by one": digest(draws.normals(1, 90_001, True)),
        "leavers": digest(*(draws.leavers(1, 10**m, [0.01, 0.0, 1e-5, 0.3], 9_000) for m in (1, 4, 9, 18))),
        "many": digest(*(draws.many_leavers(1, 10.0**m, [0.01, 1e-12, 0.3], 9_000) for m in (1, 9, 18, 25, 60))),
    }
    assert found == FROZEN


@pytest.mark.parametrize("there", [[3, 0, 5, 2], [10**6, 10**6, 4 * 10**6, 1], [2**61, 2**60, 2**59, 10]])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
def test_samples_of_several_kinds(there: list[int], share: float) -> None:
    """Means and covariances of the multivariate hypergeometric law: z-scores, 50,000 samples, fixed seed."""
    N, times = sum(there), 50_000
    sample = int(share * N)
    k = draws.samples(3, there, sample, times)
    assert np.all(k >= 0)
    assert np.all(k <= there)
    assert np.all(k.sum(axis=1) == sample)
    q = np.array(there) / N
    off = (k - k[0]).astype(float) + [float(k[0, i] - Fraction(sample * there[i], N)) for i in range(len(there))]
    covariance = sample * (N - sample) / (N - 1) * (np.diag(q) - np.outer(q, q))
    sigma = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(off.mean(axis=0)) <= 4.5 * sigma / times**0.5)
    error = (2.5 * np.outer(sigma, sigma) + np.sqrt(np.outer(sigma, sigma))) / times**0.5
    assert np.all(np.abs(np.cov(off.T) - covariance) <= 4.5 * error)


@pytest.mark.parametrize("n", [1, 3, 50, 5_000, 10**9, 2**53])
@pytest.mark.parametrize("chance", [[0.02], [0.0, 0.01, 0.0, 0.03, 0.002], [0.3, 0.2, 0.0, 0.5], [0.0, 0.0]])
def test_leavers_are_multinomial(n: int, chance: list[float]) -> None:
    """Means and covariances against n p and n (p_i delta_ij - p_i p_j): z-scores, 100,000 draws, fixed seed."""
    p, times = np.array(chance), 100_000
    k = draws.leavers(17, n, p, times)
    assert k.min() >= 0
    assert k.sum(axis=1).max() <= n
    assert not k[:, p == 0].any()
    if p.sum() == 1.0:
        assert (k.sum(axis=1) == n).all()
    sigma = np.sqrt(n * p * (1 - p))
    live = sigma > 0
    z = (k.mean(axis=0) - n * p)[live] / (sigma[live] / np.sqrt(times))
    assert np.all(np.abs(z) < 4.5)
    covariance = n * (np.diag(p) - np.outer(p, p))
    measured = np.cov(k.T).reshape(p.size, p.size)
    # fourth moments of a binomial bound the error of a variance also where n p is small
    error = np.sqrt((2 * np.outer(np.diag(covariance), np.diag(covariance)) + n * np.sqrt(np.outer(p, p))) / times)
    assert np.all(np.abs(measured - covariance) <= 5 * error + 1e-12)


def test_rows_are_multinomials_of_their_own() -> None:
    """As above, for six sources at once, of many leavers and of few: none has to do with another. 50,000 draws."""
    n, times = np.array([10, 700, 10**4, 10**9, 2**53, 0]), 50_000
    p = np.random.default_rng(4).uniform(0.0, 0.05, (6, 5))
    p[:, 1] = p[2, 4] = p[3, :4] = 0.0
    k = draws.rows(19, n, p, times)
    assert k.min() >= 0
    assert not k[:, p == 0].any()
    off = k - (n[:, None] * p)
    covariance = np.zeros((6, 5, 6, 5))
    for b in range(6):
        covariance[b, :, b] = n[b] * (np.diag(p[b]) - np.outer(p[b], p[b]))
    live = (n[:, None] * p > 0).ravel()
    off, covariance = off.reshape(times, 30)[:, live], covariance.reshape(30, 30)[np.ix_(live, live)]
    sigma, mean = np.sqrt(np.diag(covariance)), (n[:, None] * p).ravel()[live]
    assert np.all(np.abs(off.mean(axis=0)) < 4.5 * sigma / times**0.5)
    error = np.sqrt((2 * np.outer(sigma, sigma) ** 2 + np.sqrt(np.outer(mean, mean))) / times)
    assert np.all(np.abs(np.cov(off.T) - covariance) < 5 * error)


@pytest.mark.parametrize(("n", "p"), [(40, 0.1), (300, 0.05), (2_000, 0.3)])
def test_leavers_follow_the_binomial_law(n: int, p: float) -> None:
    total = draws.leavers(23, n, [p / 3, 0.0, 2 * p / 3], 50_000).sum(axis=1)
    law = Binomial(n, p / 3 + 2 * p / 3)
    chi, f = misfit(law, total - law.whole)
    assert stats.chi2.sf(chi, f) > 1e-3
