"""Randomness is a function of (seed, purpose, replica, block, step), and draws follow their laws."""

import numpy as np
import pytest
from scipy import stats

from copympi.kernels import draws, streams


@pytest.mark.parametrize("name", [(1, 1, 0, 0, 0), (2**64 - 1, 7, 3, 12345, 2**40), (5, 1, 2**33, 9, 1)])
def test_words_are_numpys_philox(name):
    seed, purpose, replica, block, step = name
    # numpy takes the counter as one 256-bit number, lowest word first, and raises it before each four words
    counter = (replica << 192) | (block << 128) | (step << 64)
    numpys = np.random.Philox(key=seed | (purpose << 64), counter=counter)
    assert np.array_equal(streams.words(seed, purpose, replica, block, step, 1001), numpys.random_raw(1001))


def test_any_other_name_is_another_stream():
    names = [(1, 1, 0, 0, 0), (2, 1, 0, 0, 0), (1, 2, 0, 0, 0), (1, 1, 1, 0, 0), (1, 1, 0, 1, 0), (1, 1, 0, 0, 1)]
    words = np.concatenate([streams.words(*name, 64) for name in names])
    assert len(set(words.tolist())) == words.size


@pytest.mark.parametrize("bound", [1, 2, 3, 7, 1000])
def test_bounded_draw_is_uniform(bound):
    counts = np.bincount(streams.below(11, bound, 200_000), minlength=bound)
    assert counts.size == bound
    assert bound == 1 or stats.chisquare(counts).pvalue > 0.001


def test_bounded_draw_has_no_bias_where_the_simple_one_has():
    # for bound = 3 * 2^30 multiply-and-shift alone gives a third of the values twice the chance of the others
    bound = 3 << 30
    draws = streams.below(12, bound, 300_000)
    assert stats.chisquare(np.bincount(draws % 3, minlength=3)).pvalue > 0.001
    assert stats.kstest(draws / bound, "uniform").pvalue > 0.001


@pytest.mark.parametrize("n", [1, 3, 50, 5_000, 10**9, 2**53])
@pytest.mark.parametrize("chance", [[0.02], [0.0, 0.01, 0.0, 0.03, 0.002], [0.3, 0.2, 0.0, 0.5], [0.0, 0.0]])
def test_leavers_are_multinomial(n, chance):
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


@pytest.mark.parametrize(("n", "p"), [(40, 0.1), (300, 0.05), (2_000, 0.3)])
def test_leavers_follow_the_binomial_law(n, p):
    total = draws.leavers(23, n, [p / 3, 0.0, 2 * p / 3], 50_000).sum(axis=1)
    edges = stats.binom(n, p).ppf([0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98])
    cells = np.bincount(np.searchsorted(edges, total), minlength=8)
    expected = np.diff(np.concatenate([[0], stats.binom(n, p).cdf(edges), [1]])) * total.size
    assert stats.chisquare(cells, expected).pvalue > 0.001


def test_binomial_holds_to_the_largest_count():
    """NumPy's own is off by 5% and more in variance here: the draw is split."""
    n, p = 2**63 - 1, 0.45
    k = draws.leavers(3, n, [p], 20_000)[:, 0].astype(float)
    sigma = np.sqrt(float(n) * p * (1 - p))
    assert abs(k.mean() - n * p) < 4 * sigma / np.sqrt(k.size)
    assert abs(k.var() / sigma**2 - 1) < 4 * np.sqrt(2 / k.size)
