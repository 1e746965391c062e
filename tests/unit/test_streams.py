"""Randomness is a function of (seed, purpose, replica, block, step), and bounded draws are uniform."""

import numpy as np
import pytest
from scipy import stats

from copympi.kernels import streams


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
