"""engine/excess.py: what copying adds to means, copy by copy, against plain averages of the same paths."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from copympi.engine.exact import paths
from copympi.engine.excess import Excess, excess
from copympi.model.system import System
from copympi.studies.signalling import model
from copympi.theory.schrodinger import evolve

N, R = 40, 3000
SX = np.kron(np.eye(2), [[0, 1], [1, 0]])
OBSERVABLES = np.array([np.diag(row) for row in np.eye(4)] + [SX])
"""The four beables, and what is diagonal in none of them."""


@cache
def measured(spectators: int) -> tuple[Excess, Any]:
    """Three in four of these ensembles lose a beable (without spectators); and N (Q - QM) at the end, (R, 5)."""
    setup = model.two_qubits(True)
    n, phase = setup.start(N)
    starts = (np.tile(n, (R, 1)), np.tile(phase, (R, 1)))
    found = excess(setup.system, *starts, [3.0] * 5, OBSERVABLES, 1, np.arange(R), spectators)
    c = np.sqrt(found.n) * np.exp(-1j * found.phase)
    psi = evolve(setup.system, np.sqrt(n / N) * np.exp(-1j * phase), [3.0])[0]
    return found, _means(c, OBSERVABLES) - N * _means(psi[None], OBSERVABLES)


def _means(c: Any, observables: Any) -> Any:
    return np.einsum("ra,kab,rb->rk", c.conj(), observables, c).real


@pytest.mark.parametrize(("spectators", "seen"), [(0, 0.02), (1, 0.05)])
def test_it_has_the_mean_of_plain_averages(spectators: int, seen: float) -> None:
    """Null hypothesis: both have the same mean. Standard errors are at most `seen` of the largest deviation."""
    found, plain = measured(spectators)
    difference = plain - found.values
    error = difference.std(axis=0, ddof=1) / np.sqrt(R)
    assert np.all(error[:4] < seen * np.abs(plain.mean(axis=0)).max())
    assert np.all(np.abs(difference.mean(axis=0)) < 3 * error)
    assert np.isfinite(found.death).any() == (spectators == 0)


@pytest.mark.parametrize("spectators", [0, 1])
def test_without_those_who_cannot_follow_it_would_be_wrong(spectators: int) -> None:
    found, plain = measured(spectators)
    difference = plain - found.jumps
    error = difference.std(axis=0, ddof=1) / np.sqrt(R)
    assert np.abs(difference.mean(axis=0) / error).max() > 5


def test_its_copies_are_those_of_exact_paths() -> None:
    setup, few = model.two_qubits(True), 20
    n, phase = (np.tile(each, (few, 1)) for each in setup.start(N))
    plain = paths(setup.system, n, phase, 3.0, 1, np.arange(few))
    found = measured(0)[0]
    assert np.array_equal(plain.n, found.n[:few])
    assert np.array_equal(plain.events, found.events[:few])
    assert np.array_equal(plain.death, found.death[:few])
    assert np.isfinite(plain.death).any()
    assert np.allclose(np.exp(1j * plain.phase)[plain.n > 0], np.exp(1j * found.phase[:few])[plain.n > 0])


def test_what_is_asked_for_earlier_is_left_alone_later() -> None:
    """An observable at an earlier time, beside a later one, is that of paths that end there."""
    setup = model.two_qubits(True)
    n, phase = (np.tile(each, (5, 1)) for each in setup.start(N))
    up = np.array([[1.0, 0.0, 1.0, 0.0]])
    alone = excess(setup.system, n, phase, [1.0], up, 1, np.arange(5)).values[:, 0]
    beside = excess(setup.system, n, phase, [1.0, 2.5], np.repeat(up, 2, axis=0), 1, np.arange(5)).values[:, 0]
    assert np.allclose(alone, beside, rtol=0, atol=1e-7)
    assert np.abs(alone).min() > 1e-3


def test_what_does_not_fit_is_refused() -> None:
    system = System([[0.3, 0.5], [0.5, -0.3]])
    right: dict[str, Any] = {
        "n": [[6, 4]], "phase": [[0.0, 1.0]], "times": [1.0], "observables": [[1, 0]], "seed": 1, "keys": [0]
    }  # fmt: skip
    wrong: list[tuple[str, Any, str]] = [
        ("n", [[6, 4, 1]], "n, phase"), ("n", [[-1, 4]], "n: "), ("phase", [[0.0, np.nan]], "finite"),
        ("times", [-1.0], "ascend"), ("times", [0.0], "ascend"), ("observables", [[1, 0, 0]], "observables"),
        ("observables", [[[0, 1], [0, 0]]], "Hermitian"), ("keys", [0, 1], "keys"),
    ]  # fmt: skip
    excess(system, **right)
    for name, value, said in wrong:
        with pytest.raises(ValueError, match=said):
            excess(system, **{**right, name: value})
