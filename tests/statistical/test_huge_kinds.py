"""Kinds of members with N beyond 2^63: the mean of fewer, and rare kinds that fluctuate as few members do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.phase_classes import PhaseClasses, shared_out
from copympi.kernels import phase_classes as kernel
from copympi.kernels.draws import many_leavers
from copympi.model.preparation import prepare
from copympi.mpi import Alone
from tests.physics import calm
from tests.statistical.test_phases import differ

KINDS = 8


def ensemble(N: float, replicas: int, seed: int, spread: float = 1.0, spectators: int = 0) -> PhaseClasses:
    """Two levels; as doubles beyond 10^15."""
    system, psi = calm(2, 1.0, 0.1)
    start = replace(prepare(2, 10**15, psi, spread=spread), spectators=spectators)
    if N > 1e15:
        start = replace(start, counts=N * np.abs(start.state) ** 2)
    return PhaseClasses(Alone(), system, start, Accuracy(int(N)), replicas, seed, KINDS)


def carried(crowd: PhaseClasses, records: int) -> PhaseClasses:
    for number in range(1, records + 1):
        crowd.begin(record(number, 0.3))
        while crowd.advance():
            pass
    return crowd


@pytest.mark.parametrize("N", [1e30, 1e80])
@pytest.mark.parametrize("spectators", [0, 3])
def test_the_mean_does_not_depend_on_n(N: float, spectators: int) -> None:
    """Within five standard deviations of one ensemble of 10^15, whose noise is 10^-8."""
    few, many = carried(ensemble(1e15, 30, 1), 2), carried(ensemble(N, 2, 2, spectators=spectators), 2)
    x, y = few.snapshot(), many.snapshot()
    assert x is not None
    assert y is not None
    assert y.n.dtype == many.count.dtype == np.float64
    np.testing.assert_allclose(y.n.sum(axis=1), N, rtol=1e-12)
    assert np.all(many.count == np.rint(many.count))
    for what, other in (
        (x.n / 1e15, y.n / N),
        (x.coherence, y.coherence),
        (x.more["coherence2"], y.more["coherence2"]),
        (few.count / few.n[:, :, None], many.count / many.n[:, :, None]),
    ):
        assert what is not None
        noise = what.std(axis=0, ddof=1)
        assert np.all(noise < 1e-6)
        assert np.all(np.abs(other - what.mean(axis=0)) < 5 * noise)
    assert np.ptp(y.phase[:, 1] - y.phase[:, 0]) < 1e-12


@pytest.mark.parametrize("N", [1e30, 1e80])
def test_a_rare_kind_fluctuates_as_few_members_do(N: float) -> None:
    """A kind of 2 members among 10^30 has the law that it has among 10^15, deaths included."""
    runs, found = 3_000, []
    for size, seed in ((1e15, 1), (N, 2)):
        crowd = ensemble(size, runs, seed, spread=2.0)
        crowd.count[:, 0, 0] = crowd.count[:, 1, 5] = 2
        crowd.n[:] = crowd.count.sum(axis=2)
        kernel.map_classes(crowd.classes, active=np.ones(runs, np.uint8), maps=crowd.maps, sums=crowd.sums)
        carried(crowd, 3)
        found.append(crowd.count[:, [0, 1], [0, 5]].astype(float))
    rare, other = found
    for kind in (0, 1):
        x, y = rare[:, kind], other[:, kind]
        assert differ(x, y) > 0.001
        assert abs(x.mean() - y.mean()) < 4 * np.sqrt((x.var() + y.var()) / runs)
        assert x.var() > 0.5
        dead = (x == 0).mean(), (y == 0).mean()
        assert abs(dead[0] - dead[1]) < 4 * np.sqrt(dead[0] * (1 - dead[0]) / runs * 2 + 1e-6)
    assert (other == 0).any()


@pytest.mark.parametrize("n", [40.0, 2.0**50, 2.0**61, 2.0**63, 1e28])
def test_draws_have_the_moments_of_a_multinomial(n: float) -> None:
    """Rare channels before and after large ones too: their chances are never lost in differences."""
    p, count = np.array([5 / n, 0.02, 0.3, 5 / n]), 40_000
    drawn = many_leavers(1, n, p, count)
    assert np.all(drawn == np.rint(drawn))
    assert np.all(drawn.sum(axis=1) <= n)
    deviation = drawn - n * p
    variance = n * p * (1 - p)
    assert np.all(np.abs(deviation.mean(axis=0)) < 4 * np.sqrt(variance / count))
    np.testing.assert_allclose(deviation.var(axis=0), variance, rtol=5 * np.sqrt(2.2 / count))
    size = np.sqrt(n)
    covariance = np.cov(deviation[:, 1] / size, deviation[:, 2] / size)[0, 1]
    assert abs(covariance + 0.02 * 0.3) < 4 * np.sqrt(0.02 * 0.3 / count)
    if n > 1e10:
        for channel in (0, 3):
            seen = np.bincount(drawn[:, channel].astype(int), minlength=15)[:15]
            expected = count * stats.poisson.pmf(np.arange(15), 5)
            assert stats.chisquare(seen[:13], expected[:13] * seen[:13].sum() / expected[:13].sum()).pvalue > 0.001


def test_all_may_leave() -> None:
    drawn = many_leavers(1, 1e40, np.array([0.25, 0.0, 0.75]), 100)
    np.testing.assert_allclose(drawn.sum(axis=1), 1e40, rtol=1e-15)
    assert np.all(drawn[:, 1] == 0)


def test_members_are_shared_out_over_kinds() -> None:
    assert shared_out(np.int64(7), 3).tolist() == [3, 2, 2]
    assert shared_out(np.float64(7.0), 3).tolist() == [3.0, 2.0, 2.0]
    assert shared_out(np.float64(1e80), 3).sum() == pytest.approx(1e80, rel=1e-15)
