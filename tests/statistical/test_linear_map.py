"""The step's covariance is of second order: its linear map, propagated without any sampling.

The kernel itself is differentiated: given a state and a deviation of the first draw, its plans say which mean
flows it would draw and where the phases go. Chances p of a draw give its covariance, n (p_i delta_ij - p_i p_j).
"""

from itertools import pairwise

import numpy as np
import pytest

from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.kernels import members as kernel
from copympi.kernels import predictor
from copympi.theory import noise
from tests.physics import calm

N = 10**17
HEAD = 5


class Step:
    """One step of fixed length as a function of (rho, phi) and of the first draw's deviations."""

    def __init__(self, system, h, spectators=0):
        self.spectators = spectators
        self.control = Accuracy(N, step=h).control(record(1, h), spectators)
        self.c, self.P, self.h = system.couplings, system.P, h
        off = system.frequencies.toarray()
        np.fill_diagonal(off, 0)
        self.source, self.target = np.nonzero(off)
        self.scratch = predictor.Scratch(self.c)
        self.nnz = self.source.size
        self.moves = np.zeros((self.P, self.nnz))  # what one copy by each channel does to n
        self.moves[self.source, np.arange(self.nnz)] -= 1
        self.moves[self.target, np.arange(self.nnz)] += 1
        self.leaves = (np.arange(self.P)[:, None] == self.source).astype(float)

    def _plan(self, half, n, out, phase, rows):
        status, *_ = kernel.plan_half(
            self.c, self.control, half, np.ones(1, np.uint8), n[None], out[None], phase[None].copy(),
            np.array([self.h]), self.scratch, rows,
        )  # fmt: skip
        assert status == 0
        return rows[0, HEAD : HEAD + self.nnz].copy()

    def __call__(self, x, noise=None):
        """(rho, phi) at the end, and the chances and movable occupations of both draws.

        noise (nnz,): what the first draw takes by each channel beyond its mean, in units of N.
        """
        P = self.P
        n = np.round(x[:P] * N).astype(np.int64)
        rows = np.zeros((1, self.c.row_size))
        first = self._plan(0, n, np.zeros(P, np.int64), x[P:], rows)
        flow = first * (n[self.source] - self.spectators) + (0 if noise is None else N * noise)
        middle = np.round(n + self.moves @ flow).astype(np.int64)
        second = self._plan(1, middle, np.round(self.leaves @ flow).astype(np.int64), x[P:], rows)
        end = middle + self.moves @ (second * (middle[self.source] - self.spectators))
        phase = rows[0, HEAD + 2 * self.nnz : HEAD + 2 * self.nnz + P]
        phase = x[P:] + np.angle(np.exp(1j * (phase - x[P:])))
        return (
            np.concatenate([end / N, phase]),
            (first, (n - self.spectators) / N),
            (second, (middle - self.spectators) / N),
        )

    def draw_covariance(self, chance, rho):
        """N Cov of what the channels take, (nnz, nnz)."""
        same = self.source[:, None] == self.source
        return np.diag(chance * rho[self.source]) - same * np.outer(chance, chance) * rho[self.source]


def propagated(system, psi, duration, steps, spectators=0):
    """N Cov of (rho, phi) that the scheme gives at large N, (2P, 2P)."""
    P = system.P
    step = Step(system, duration / steps, spectators)
    x, C = np.concatenate([np.abs(psi) ** 2, -np.angle(psi)]), np.zeros((2 * P, 2 * P))
    small = 1e-5
    for _ in range(steps):
        end, first, second = step(x)
        A = np.empty((2 * P, 2 * P))
        for i in range(2 * P):
            d = np.zeros(2 * P)
            d[i] = small
            A[:, i] = (step(x + d)[0] - step(x - d)[0]) / (2 * small)
        B = np.empty((2 * P, step.nnz))
        for e in range(step.nnz):
            d = np.zeros(step.nnz)
            d[e] = small
            B[:, e] = (step(x, d)[0] - step(x, -d)[0]) / (2 * small)
        C = A @ C @ A.T + B @ step.draw_covariance(*first) @ B.T
        C[:P, :P] += step.moves @ step.draw_covariance(*second) @ step.moves.T
        x = end
    return C


@pytest.mark.parametrize("P", [2, 3, 4])
def test_covariance_error_falls_fourfold_when_the_step_is_halved(P):
    system, psi = calm(P, 1.0, 0.02)
    exact = noise.covariance(system, psi, [1.0], accuracy=1e-9)[0]
    size = np.sqrt(np.diag(exact))
    errors = []
    for steps in (20, 40, 80):
        relative = (propagated(system, psi, 1.0, steps) - exact) / np.outer(size, size)
        errors.append([np.abs(relative[:P, :P]).max(), np.abs(relative[:P, P:]).max(), np.abs(relative[P:, P:]).max()])
    ratio = np.array(errors[:-1]) / np.array(errors[1:])
    assert np.all(ratio > 3), (errors, ratio)
    assert np.max(errors[0]) < 0.02, errors


def test_spectators_leave_the_covariance_of_second_order():
    """Differences between steps of 1/20, 1/40, 1/80 fall fourfold; a fifth or more of a beable is pinned."""
    system, psi = calm(3, 1.0, 0.05)
    found = [propagated(system, psi, 1.0, steps, N // 25) for steps in (20, 40, 80)]
    size = np.sqrt(np.outer(np.diag(found[-1]), np.diag(found[-1])))
    first, second = (np.abs((x - y) / size).max() for x, y in pairwise(found))
    assert first > 3 * second, (first, second)
    assert first < 0.02
