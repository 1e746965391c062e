"""Event by event: first copies against an independent integration of the rates, deaths, who copies, leaps.

Null hypotheses: with phases and rates integrated by SciPy's DOP853, integrated hazards up to a copy are Exp(1) (time
rescaling), and the pair that copies is drawn in proportion to the rates of that moment; a beable of few members dies
near a node with Kendall's chance (docs/exact.md); who copies is uniform in its beable. p > 0.001, |z| < 4.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.integrate import solve_ivp

import copympi
from copympi.engine.exact import paths
from copympi.errors import DynamicsError
from copympi.kernels.exact import Paths
from copympi.mpi import Alone
from tests.laws import cases
from tests.laws.drive import EXACT, Cell, run_cell
from tests.physics import random_system
from tests.statistical.test_agreement import means_agree

Real = NDArray[np.float64]


def rates(H: Any, n: Any, phase: Real, spectators: int = 0) -> Real:
    """Members that go from b to a in unit time, (b, a), term by term: (39) with aligned phases."""
    W, n = np.asarray(H), np.asarray(n, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        sine = np.sin(phase[None, :] - phase[:, None] + np.angle(W.T))
        out = (n[:, None] - spectators) * 2 * np.abs(W.T) * np.sqrt(n[None, :] / n[:, None]) * np.maximum(sine, 0.0)
    out[~np.isfinite(out)] = 0.0
    np.fill_diagonal(out, 0.0)
    return out


def speeds(H: Any, n: Any, phase: Real) -> Real:
    """d phi_a/dt at counts that stand still; empty beables turn at omega_a."""
    W, n = np.asarray(H), np.asarray(n, float)
    out = np.diag(W).real.copy()
    for a in np.flatnonzero(n):
        for b in np.flatnonzero(n):
            if a != b:
                out[a] += abs(W[a, b]) * np.sqrt(n[b] / n[a]) * np.cos(phase[a] - phase[b] + np.angle(W[a, b]))
    return out


STARTS = {
    # P, members of each beable, spectators, couplings: all, without the last beable's, those within two halves, real
    "two levels": (2, [40, 60], 0, "all"),
    "two levels, one of few": (2, [3, 10**6], 0, "all"),
    "two levels and one apart": (3, [40, 60, 5], 0, "last apart"),
    "two levels twice": (4, [40, 60, 8, 20], 0, "halves"),
    "few of each": (3, [2, 1, 3], 0, "all"),
    "four, one empty": (4, [50, 0, 80, 7], 0, "all"),
    "eight, spectators": (8, [6, 20, 9, 5, 30, 11, 70, 5], 5, "all"),
    "eight of many": (8, [1250] * 8, 0, "all"),
    # real H, phases 0 or pi: every second order of the phases' series is 0
    "two levels, real": (2, [90, 10], 0, "real"),
    "two levels, real, few": (2, [3, 7], 0, "real"),
    "four, real": (4, [40, 60, 8, 20], 0, "real"),
}


@pytest.mark.parametrize("name", STARTS)
def test_first_copies(name: str) -> None:
    """When, between whom, and with which phases: 4,000 replicas from one start, stopped at their first copy.

    One pair alone has steps of its own (cython_src/exact_two.h); "two levels twice" takes the general ones.
    """
    P, counts, spectators, couplings = STARTS[name]
    R, H = 4_000, random_system(P, P).hamiltonian.toarray()
    if couplings == "last apart":
        H[-1, :-1] = H[:-1, -1] = 0.0
    elif couplings == "halves":
        H[: P // 2, P // 2 :] = H[P // 2 :, : P // 2] = 0.0
    n, phase = np.array(counts), np.arange(P) * 1.3
    if couplings == "real":
        H, phase = H.real, np.arange(P) % 2 * np.pi
    span = 60.0 / np.sqrt(np.sum(np.abs(rates(H, n, phase + 0.5)) ** 2) + np.sum(np.abs(H) ** 2) * n.max())

    def slope(_: float, y: Real) -> Real:
        return np.append(speeds(H, n, y[:-1]), rates(H, n, y[:-1], spectators).sum())

    path = solve_ivp(slope, (0.0, span), np.append(phase, 0.0), "DOP853", dense_output=True, rtol=1e-12, atol=1e-13)
    # a floor one below each count: a replica stops at its first copy
    found = paths(
        copympi.System(H), np.tile(n, (R, 1)), np.tile(phase, (R, 1)), span, 5, np.arange(R), spectators=spectators,
        floor=n - 1,
    )  # fmt: skip
    happened = found.events > 0
    assert set(found.events) <= {0, 1}
    assert np.all(found.time[~happened] == span)
    at = path.sol(found.time)
    hazard, most = at[-1], path.y[-1, -1]
    # conditioned on a copy before the end of the span, 1 - exp(-hazard) is uniform up to that of the end
    assert stats.kstest(np.expm1(-hazard[happened]) / np.expm1(-most), "uniform").pvalue > 0.001
    assert happened.mean() == pytest.approx(-np.expm1(-most), abs=4 * np.sqrt(0.25 / R))
    apart_by = np.angle(np.exp(1j * (found.phase - at[:-1].T)))[:, n > 0]
    assert np.abs(apart_by).max() < 2e-9, "1e-10 a radian of turning, over some radians"
    chance, seen = np.zeros((P, P)), np.zeros((P, P))
    variance = np.zeros((P, P))
    for r in np.flatnonzero(happened):
        each = rates(H, n, at[:-1, r], spectators)
        chance += (p := each / each.sum())
        variance += p * (1 - p)
        change = found.n[r] - n
        seen[int(np.argmin(change)), int(np.argmax(change))] += 1
        assert np.abs(change).sum() == 2
    assert np.all(seen[chance < 1e-9] == 0)
    z = (seen - chance)[variance > 5] / np.sqrt(variance[variance > 5])
    assert np.all(np.abs(z) < 4), z
    if name == "two levels":  # and it can fail: hazards 15% larger are told from Exp(1)
        assert stats.kstest(np.expm1(-1.15 * hazard[happened]) / np.expm1(-1.15 * most), "uniform").pvalue < 0.001


def test_few_members_near_a_node_die_with_kendalls_chance() -> None:
    """One pair, way in: (cos^2 alpha)^n, alpha the angle of c_a to its drive K = -i H_ab c_b; N = 1e8."""
    N, R = 10**8, 2_000
    cells = [(n, alpha) for n in (1, 5, 20) for alpha in (np.pi - 0.2, np.pi - 0.5, np.pi - 0.9)]
    n = np.repeat([[few, N - few] for few, _ in cells], R, axis=0)
    # c_a = sqrt(n) e^{i alpha} K/|K|, K/|K| = -i at phase 0 of b
    phase = np.repeat([[np.pi / 2 - alpha, 0.0] for _, alpha in cells], R, axis=0)
    found = paths(copympi.System([[0, 1], [1, 0]]), n, phase, 1e-3, 3, np.arange(len(n)))
    died = np.isfinite(found.death[:, 0]).reshape(len(cells), R).mean(axis=1)
    wanted = np.array([np.cos(alpha) ** (2 * few) for few, alpha in cells])
    assert np.all(np.abs(died - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / R) + 1e-3), (died, wanted)
    np.testing.assert_array_equal(found.smallest[:, 0] == 0, np.isfinite(found.death[:, 0]))


@cache
def named(R: int = 6_000) -> tuple[Real, Real, Real]:
    """Beables of 12 members of R replicas after their first copy and long after; and counts then. (R, 12), (R, 3)."""
    system, n, M = random_system(3, 2), np.tile([3, 4, 5], (R, 1)), 12
    out = []
    for steps in (1, 10**9):
        counts, phase, left = n.copy(), np.tile([0.0, 1.0, 2.5], (R, 1)), np.full(R, 0.4)
        ids = np.tile(np.arange(M, dtype=np.uint32), R)
        run = Paths(
            system.couplings, n=counts, phase=phase, time_left=left, step=np.zeros(R, np.int64), events=np.zeros(R),
            keys=np.arange(R, dtype=np.uint64),
        )  # fmt: skip
        run.name(ids, np.arange(R + 1) * M)
        if steps == 1:
            run.watch(np.zeros(n.shape), n.copy(), n - 1)
        run.advance(seed=4, purpose=10, names=11, smallest=0.0, max_steps=10**9)
        assert np.array_equal(np.sort(ids.reshape(R, M), axis=1), np.tile(np.arange(M), (R, 1)))
        beable = np.empty((R, M), np.int64)
        rows = np.repeat(np.arange(R), M)
        beable[rows, ids] = np.concatenate([np.repeat(np.arange(3), row) for row in counts])
        out.append(beable)
    return out[0], out[1], counts


def test_who_copies_is_uniform_in_its_beable() -> None:
    """Of the first copies, and of all up to t = 0.4: no member of a beable is unlike another of it."""
    first, last, counts = named()
    start = np.repeat([0, 1, 2], [3, 4, 5])
    for after in (first, last):
        for b in range(3):
            ends = [np.bincount(after[:, i], minlength=3) for i in np.flatnonzero(start == b)]
            table = np.array(ends)[:, np.sum(ends, axis=0) > 10]
            assert stats.chi2_contingency(table).pvalue > 0.001
    assert np.all(np.sum(first != start, axis=1) <= 1)
    assert np.sum(first != start) > 4_000
    np.testing.assert_array_equal([np.bincount(row, minlength=3) for row in last], counts)


def test_members_are_counted_as_occupation() -> None:
    """Names change nothing else: the same copies, phases and counts, bit by bit, with spectators too."""
    case = {
        "density": [0.3, 0.5, 0.2], "phase": [0.0, 1.0, 2.5], "members": 300, "duration": 0.5, "interval": 0.25,
        "replicas": 3, "spectators": 4, "method": "exact", "comm": Alone(),
    }  # fmt: skip
    one, two = (
        copympi.simulate(random_system(3, 2), representation=representation, **case)
        for representation in ("members", "occupation")
    )
    for name in ("occupation", "phase", "events"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_covariances_of_ten_thousand_members() -> None:
    """All of N Cov(n, phi), and the mean, against the linear noise approximation; and the mean against the leap."""
    for verdict in run_cell(Cell(EXACT, "four beables", 1e4, None, "whole", "default")):
        assert not verdict.complaints, str(verdict)
    case = cases.CASES["four beables"]
    exact, leap = (
        copympi.simulate(
            case.system(False), state=cases.path("four beables", None), members=1_000, duration=case.duration,
            interval=0.5 * case.duration, replicas=1_000, seed=3, comm=Alone(), representation="occupation",
            method=method,
        ).occupation[:, 1:]
        for method in ("exact", "leap")
    )  # fmt: skip
    means_agree(exact, leap, "exact, leap")
    for t in range(2):
        a, b = (np.cov(x[:, t, :-1].T) for x in (exact, leap))
        scale = np.sqrt(np.outer(np.diag(b), np.diag(b)))
        assert np.all(np.abs(a - b) < 4 * np.sqrt(2 * 2 / 1_000) * scale)


def test_children_and_stops_at_floors() -> None:
    """A replica that stops at its floor and goes on with another key ends as one that never stopped, in law."""
    system, R = random_system(3, 2), 3_000
    start = np.tile([20, 30, 50], (R, 1)), np.tile([0.0, 1.0, 2.5], (R, 1))
    whole = paths(system, *start, 1.0, 7, np.arange(R))
    part = paths(system, *start, 1.0, 7, np.arange(R, 2 * R), floor=[10, -1, -1])
    assert 0 < np.mean(part.time < 1.0) < 1
    np.testing.assert_array_equal(part.n[part.time < 1.0, 0], 10)
    assert np.all(part.smallest[:, 0] >= 10)
    rest = paths(system, part.n, part.phase, 1.0 - part.time, 7, np.arange(2 * R, 3 * R))
    means_agree(whole.n[:, None].astype(float), rest.n[:, None].astype(float), "stopped and gone on")
    again = paths(system, *start, 1.0, 7, np.arange(R))
    np.testing.assert_array_equal(again.phase, whole.phase)
    some = paths(system, start[0][:5], start[1][:5], 1.0, 7, np.arange(5))
    np.testing.assert_array_equal(some.n, whole.n[:5])
    at_once = paths(system, *start, 1.0, 7, np.arange(R), floor=20)
    assert not at_once.time.any()
    assert not at_once.events.any()


def test_what_time_cannot_resolve_is_said() -> None:
    with pytest.raises(DynamicsError, match=r"too fast for this time to resolve: t = 0, n = \[5, 5\], replica 0; the"):
        paths(copympi.System([[0, 1e140], [1e140, 0]]), [[5, 5]], [[0.0, 1.0]], 1.0, 1, [0])
    with pytest.raises(ValueError, match=r"n, phase: must be \(R, 2\), not \(1, 3\) and \(1, 3\)"):
        paths(copympi.System(np.eye(2)), [[1, 1, 1]], [[0.0, 0.0, 0.0]], 1.0, 1, [0])
    with pytest.raises(ValueError, match="duration"):
        paths(copympi.System(np.eye(2)), [[1, 1]], [[0.0, 0.0]], np.inf, 1, [0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phase", [[0.0, np.nan]]), ("phase", [[np.inf, 0.0]]), ("n", [[9.7, 1]]), ("n", [[np.inf, 1]]),
        ("n", [[2**63, 1]]), ("n", [[2**70, 1]]), ("n", [[-1, 1]]), ("keys", [-1]), ("keys", [0.5]), ("keys", [2**64]),
        ("seed", -1), ("seed", 2**64), ("seed", 1.5), ("seed", "one"),
    ],
)  # fmt: skip
def test_what_is_no_number_of_its_kind_is_refused(name: str, value: Any) -> None:
    given: dict[str, Any] = {"n": [[5, 1]], "phase": [[0.0, 0.0]], "duration": 1.0, "seed": 1, "keys": [0]}
    with pytest.raises(ValueError, match=f"^{name}: must be "):
        paths(copympi.System([[0, 1], [1, 0]]), **given | {name: value})


def test_a_phase_of_nobody_is_of_no_account() -> None:
    found = paths(copympi.System([[0, 1], [1, 0]]), [[5.0, 0.0]], [[0.5, np.nan]], 1.0, 2**64 - 1, [2**64 - 1])
    assert (found.events[0], found.phase[0, 0]) == (0, 0.5)


def test_unbound_beables_turn_by_their_level_alone() -> None:
    """One beable empty, one coupled to nobody but it: phases turn by (H_aa/hbar) t to rounding, however large."""
    system = copympi.System([[1e12, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1.0, 0.5], [0, 0, 0.5, 2.0]])
    found = paths(system, [[50, 0, 30, 30]], [[0.0, 0.0, 0.0, 1.0]], 1.25, 1, [0])
    assert found.n[0, 0] == 50
    assert np.angle(np.exp(1j * (found.phase[0, 0] - 1.25e12 % (2 * np.pi)))) == pytest.approx(0, abs=1e-3)
    assert found.events[0] > 0
    assert found.death[0, 1] == 0.0
    assert found.death[0, 0] == np.inf
