"""Arguments of the lattice's kernels that do not fit are a ValueError (or TypeError), never a wild pointer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.kernels.bonds import TILE_SIZE, Bonds
from copympi.kernels.lattice import UNCOUNTED, Replicas, advance
from copympi.model.system import System

R, P = 2, 4
H = np.diag([0.1, 0.2, 0.3, 0.4]) + np.diag([1, 2j, 3], 1) + np.diag([1, -2j, 3], -1)
COUPLINGS = System(H).couplings
CONTROL = Accuracy(10**6, step=0.01).control(record(1, 1.0))


def tables() -> dict[str, Any]:
    """One run of three bonds (b, b + 1), as either end sees it."""
    return {
        "couplings": COUPLINGS, "runs": np.array([[0, 1, 3, 0]]), "run_at": np.array([0, 1]),
        "sides": np.array([[0, 1, 3, 0, 1], [1, 0, 3, 0, -1]]), "side_at": np.array([0, 2]),
        "re": np.array([1.0, 0, 3]), "im": np.array([0.0, 2, 0]), "omega": np.array([0.1, 0.2, 0.3, 0.4]),
        "shift": 0.0, "norm": 6.0,
    }  # fmt: skip


def arrays(large_n: bool = False) -> dict[str, Any]:
    """Two replicas of 250,000 members on each of four beables; beyond N = 2^63 these are the mean."""
    c = np.zeros((R, 2, P))
    c[:, 0] = 500.0
    counters = {name: np.zeros(R) for name in ("events", "largest_chance")}
    counters |= {name: np.zeros(R, np.int64) for name in ("step", "substeps")}
    return {
        "bonds": Bonds(**tables()), "first": 0, "total": np.full(R, 0 if large_n else 10**6),
        "members": np.full(R, 1e6), "n": np.full((R, P), UNCOUNTED),
        "c": 0 * c if large_n else c, "mean": c if large_n else None, "time_left": np.ones(R), **counters,
    }  # fmt: skip


def wrong(value: np.ndarray) -> list[Any]:
    """None, another type, more axes, not contiguous, another length along each axis."""
    made = [None, value.astype(np.complex64), value[None], np.repeat(value, 2, axis=-1)[..., ::2]]
    for axis in range(value.ndim):
        made += [np.ascontiguousarray(np.delete(value, -1, axis=axis)), np.concatenate([value, value], axis=axis)]
    return made


def test_tables_of_bonds_must_fit_each_other() -> None:
    Bonds(**tables())
    for name, value in tables().items():
        if not isinstance(value, np.ndarray):
            continue
        for bad in wrong(value):
            with pytest.raises((ValueError, TypeError)):
                Bonds(**{**tables(), name: bad})
    for couplings in ("x", System(np.ones((P + 1, P + 1))).couplings):
        with pytest.raises((ValueError, TypeError)):
            Bonds(**{**tables(), "couplings": couplings})


@pytest.mark.parametrize(
    ("name", "place", "bad"),
    [
        ("runs", (0, 0), -1), ("runs", (0, 0), 2), ("runs", (0, 0), TILE_SIZE), ("runs", (0, 1), 2),
        ("runs", (0, 1), -1), ("runs", (0, 2), 4), ("runs", (0, 2), -1), ("runs", (0, 2), 2**63 - 1),
        ("runs", (0, 3), 1), ("runs", (0, 3), -1), ("run_at", 0, 1), ("run_at", 1, 0), ("run_at", 1, 2),
        ("sides", (0, 0), -1), ("sides", (1, 0), 2), ("sides", (0, 1), 2), ("sides", (0, 1), -1),
        ("sides", (1, 2), 4), ("sides", (1, 2), 2**63 - 1), ("sides", (1, 3), 1), ("sides", (1, 3), -1),
        ("sides", (1, 3), 2**63 - 1), ("side_at", 0, 1), ("side_at", 1, 1), ("side_at", 1, 3),
    ],
    ids=str,
)  # fmt: skip
def test_a_bond_that_leads_out_is_refused(name: str, place: Any, bad: int) -> None:
    given = tables()
    given[name][place] = bad
    with pytest.raises(ValueError, match="bonds: "):
        Bonds(**given)


@pytest.mark.parametrize("large_n", [False, True])
def test_arrays_of_replicas_must_fit(large_n: bool) -> None:
    given = arrays(large_n)
    replicas = Replicas(**given)
    spent, status, _ = advance(replicas, CONTROL, seed=1, purpose=1, substep_turn=0.3, effort=20)
    assert (spent, status) == (21, 0)  # three steps of four beables and three bonds each
    assert given["step"].tolist() == [3, 0]
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            for bad in wrong(value):
                if name != "mean" or bad is not None:
                    with pytest.raises((ValueError, TypeError)):
                        Replicas(**{**arrays(large_n), name: bad})
    for bonds in (None, "x"):
        with pytest.raises(TypeError):
            Replicas(**{**arrays(large_n), "bonds": bonds})
    for bad_replicas, bad_control in ((None, CONTROL), ("x", CONTROL), (replicas, None), (replicas, "x")):
        with pytest.raises(TypeError):
            advance(bad_replicas, bad_control, seed=1, purpose=1, substep_turn=0.3, effort=20)
