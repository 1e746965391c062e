"""What reports compare runs with: noise, nodes between records, spectators, ensembles that lost a beable, bounded work.

Null hypothesis where samples are taken: the noise is what the linear noise approximation says; fixed seeds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import copympi
from copympi.mpi import Alone
from copympi.report import analysis, expected, plots, summary
from copympi.storage.reading import Results
from copympi.theory import lows, newton, noise, panels, pinned, schrodinger
from tests.physics import calm

TIMES = np.linspace(0.0, 1.0, 5)
Array = np.ndarray


def random_system(P: int, size: float = 1.0, seed: int = 3) -> tuple[copympi.System, Array]:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(P, P)) + 1j * rng.normal(size=(P, P))
    psi = 1 + 0.3 * (rng.normal(size=P) + 1j * rng.normal(size=P))
    return copympi.System(0.5 * size * (A + A.conj().T) / np.sqrt(P)), psi / np.linalg.norm(psi)


def as_read(place: Path, system: Any, psi: Array, members: int, spectators: int = 0, **more: Any) -> Results:
    """A run in memory, as if read from a file in `place`."""
    settings: dict[str, Any] = {"representation": "occupation", "comm": Alone(), "spectators": spectators} | more
    run = copympi.simulate(system, state=psi, members=members, **settings)
    lead = (slice(None),) if more.get("replicas", 1) > 1 else (None,)
    arrays = {name: getattr(run, name)[lead] for name in ("occupation", "phase", "events")}
    attributes = {"config": f"[preparation]\nspectators = {spectators}\n", "members": members}
    return Results(place / "results.h5", attributes, system, psi, run.time, "", **arrays)


def unmoved(place: Path, system: Any, psi: Array, time: Array, members: int = 10**12, spectators: int = 0) -> Results:
    """Results of a size that takes long to simulate: what a report costs does not hang on what they say."""
    n = np.rint(members * np.abs(psi) ** 2).astype(np.int64)
    n[0] += members - n.sum()
    shape = (1, time.size, system.P)
    phase = np.broadcast_to(-np.angle(psi), shape)
    attributes = {"config": f"[preparation]\nspectators = {spectators}\n", "members": members}
    where = place / "results.h5"
    return Results(where, attributes, system, psi, time, "", np.broadcast_to(n, shape), phase, np.zeros(shape[:2]))


def report(data: Results) -> tuple[Any, str]:
    comparison = analysis.compare(data)
    assert all(path.stat().st_size > 1000 for path in plots.draw(data, comparison))
    return comparison, "\n".join(summary.lines(data, comparison))


# --- noise


@pytest.mark.parametrize("P", [2, 4, 7])
def test_two_ways_to_the_noise_agree(P: int) -> None:
    """An integral over moments in the eigenstates of H, and the covariance's differential equation in (rho, phi)."""
    system, psi = calm(P, 1.0, 0.01)
    found, error, _ = noise.variance(system, psi, TIMES, 1e-7)
    assert error == 1e-7
    np.testing.assert_allclose(found, pinned.variance(system, psi, TIMES, 0.0, 10**6), rtol=2e-4, atol=1e-6)
    diagonal = np.diagonal(noise.covariance(system, psi, TIMES, 1e-7), axis1=1, axis2=2)
    np.testing.assert_allclose(diagonal[:, :P], found, rtol=1e-12, atol=1e-14)


def test_integrals_ask_for_no_more_moments_than_they_may() -> None:
    """Of a function with a kink in every panel; what is left undone is in the error, but for kinks at panels' ends."""
    asked = []

    def f(t: Array) -> Array:
        asked.append(t.size)
        return np.abs(np.sin(40 * t))[:, None]

    times = np.linspace(0.1, 10, 100)
    turns, rest = np.divmod(40 * times, np.pi)
    exact = (2 * turns + 1 - np.cos(rest)) / 40
    for most, reached in ((np.inf, 1e-5), (1500, 1e-1)):
        asked.clear()
        found, error = panels.cumulative(f, times, 0.5, 1e-6, most)
        assert sum(asked) <= most + 10  # and the size of f's values
        assert error <= reached
        assert np.abs(found[:, 0] - exact).max() < max(error, 1e-5) * exact[-1]


def test_lowest_between_records() -> None:
    """Against a look at every ten-thousandth of the time: Newton's method finds what is lower still, by little."""
    system, psi = random_system(5)
    times = np.linspace(0, 4, 9)
    found = lows.lowest(system, psi, times)
    fine = schrodinger.density(system, psi, np.linspace(0, 4, 40_001)).reshape(-1, 5)
    brute = np.array([fine[5000 * k : 5000 * (k + 1) + 1].min(axis=0) for k in range(8)])
    assert np.all(found <= brute + 1e-12)
    np.testing.assert_allclose(found, brute, atol=1e-7)


# --- spectators


def naive_rate(_: float, z: Array, system: Any, sigma: float) -> Array:
    """(32), (33) of (rho, phi), in loops, with the flows that spectators leave."""
    W, P = system.frequencies.toarray(), system.P
    rho, phi, drho, dphi = z[:P], z[P:], np.zeros(P), system.frequencies.diagonal().real
    for a in range(P):
        for b in range(P):
            if a == b:
                continue
            angle = phi[a] - phi[b] + np.angle(W[a, b])
            flow = 2 * abs(W[a, b]) * np.sqrt(rho[a] * rho[b]) * np.sin(angle)
            if flow > 0:
                drho[a] += flow * (1 - sigma / rho[b])
                drho[b] -= flow * (1 - sigma / rho[b])
            dphi[a] += abs(W[a, b]) * np.sqrt(rho[b] / rho[a]) * np.cos(angle)
    return np.concatenate([drho, dphi])


def test_mean_field_with_spectators() -> None:
    system, psi = calm(4, 1.0, 0.01)
    start = np.concatenate([np.abs(psi) ** 2, -np.angle(psi)])
    wanted = solve_ivp(naive_rate, (0, 1), start, t_eval=TIMES, args=(system, 0.03), rtol=1e-9, atol=1e-11).y[:4].T
    rho, low = pinned.mean(system, psi, TIMES, 0.03, 10**6)
    np.testing.assert_allclose(rho, wanted, atol=1e-7)
    assert np.all(low <= np.minimum(rho[1:], rho[:-1]))
    assert np.abs(rho - schrodinger.density(system, psi, TIMES)).max() > 0.03
    with pytest.raises(pinned.TooLong):
        pinned.mean(system, psi, TIMES, 0.03, 50)


def test_noise_with_spectators_is_what_many_ensembles_show() -> None:
    """4,000 ensembles: variances within 3% and four standard errors; those without spectators would not do."""
    system, psi = calm(4, 1.0, 0.01)
    N, s, R = 10**6, 30_000, 4_000
    run = copympi.simulate(
        system, state=psi, members=N, duration=1.0, interval=0.25, replicas=R, representation="occupation",
        comm=Alone(), seed=3, spectators=s,
    )  # fmt: skip
    rho = run.occupation / N
    start = np.sqrt(rho[0, 0]) * np.exp(-1j * run.phase[0, 0])
    wanted = pinned.variance(system, start, TIMES, s / N, 10**6)[1:]
    found = N * rho.var(axis=0)[1:]
    assert np.abs(found / wanted - 1).max() < 0.03 + 4 * np.sqrt(2 / R)
    assert np.abs(found / noise.variance(system, start, TIMES)[0][1:] - 1).max() > 0.15
    off = (rho.mean(axis=0) - pinned.mean(system, start, TIMES, s / N, 10**6)[0])[1:]
    assert np.abs(off * np.sqrt(N * R / wanted)).max() < 4


def test_a_report_of_a_run_with_spectators(tmp_path: Path) -> None:
    """The ratio to Schroedinger's equation would be above 100."""
    system = copympi.System([[0.4, 0.5], [0.5, -0.4]])
    data = as_read(tmp_path, system, np.sqrt([0.7, 0.3]), 10**8, 10**6, duration=10.0, interval=0.1, seed=2)
    comparison, table = report(data)
    assert "differences are from the mean field with 1,000,000 spectators a beable" in table
    assert "mean field" in table.splitlines()[1]
    ratio = float(table.partition("rms difference / expected = ")[2].partition(":")[0])
    assert 0.3 < ratio < 2
    off = comparison.density - comparison.quantum
    assert np.sqrt(np.mean((off[1:] / comparison.expected[1:]) ** 2)) > 100


def test_spectators_that_would_take_minutes_are_said_to(tmp_path: Path) -> None:
    system, psi = random_system(2, 1e6)
    comparison, table = report(unmoved(tmp_path, system, psi, np.linspace(0, 1000, 5), 10**6, 50))
    assert "no mean field with 50 spectators a beable, nor expected noise: they would take minutes" in table
    assert "by some 50/n of each flow" in table
    assert np.isnan(comparison.expected).all()


# --- nodes and losses


def test_a_node_between_records_is_seen(tmp_path: Path) -> None:
    """At every record both beables have 10^5 members and more; in between one is down to 2.5."""
    system = copympi.System([[0.0, 1.0], [1.0, 0.0]])
    psi = np.sqrt(0.5) * np.array([1.0, 1j * np.exp(0.001j)])
    data = as_read(tmp_path, system, psi, 10**7, duration=3.3, interval=0.275)
    assert 10**7 * schrodinger.density(system, psi, data.time).min() > 10**4
    comparison, table = report(data)
    known = np.isfinite(comparison.expected[:, 0])
    assert known.tolist() == (data.time < np.pi / 4).tolist()
    assert "no expected noise after t = 0.55: by t = 0.825 beable 1 is down to 2.5 members in the mean" in table


def test_ensembles_that_lost_a_beable_are_left_out_of_the_ratio(tmp_path: Path) -> None:
    """60 members on a path that stays above 20: noise grows, and some ensembles die of it."""
    system = copympi.System([[0.0, 0.5], [0.5, 0.0]])
    psi = np.sqrt([0.5, 0.5]) * np.exp(-1j * np.array([0.0, 0.3]))
    data = as_read(tmp_path, system, psi, 60, duration=60.0, interval=1.0, replicas=200, seed=2)
    comparison, table = report(data)
    lost = int(comparison.lost[-1])
    assert 5 < lost < 150
    assert np.isfinite(comparison.expected).all()
    assert f"{lost} of 200 ensembles have lost a beable; the ratio leaves them out" in table
    whole = np.all(data.occupation[:, -1] > 0, axis=1)
    assert np.count_nonzero(~whole) == lost
    np.testing.assert_allclose(comparison.living[-1], data.occupation[whole, -1].mean(axis=0) / 60)
    one = Results(data.path, data.attributes, system, psi, data.time, "", *(
        getattr(data, name)[np.flatnonzero(~whole)[:1]] for name in ("occupation", "phase", "events")
    ))  # fmt: skip
    comparison, table = report(one)
    assert np.isnan(comparison.expected[-1]).all()
    assert "on: a beable is lost" in table


# --- bounded work


def test_many_records_of_many_beables_are_thinned(tmp_path: Path) -> None:
    system, psi = random_system(noise.SMALL)
    comparison, table = report(unmoved(tmp_path, system, psi, np.linspace(0, 1, 5001)))
    assert 50 <= comparison.time.size < 200
    assert comparison.time[[0, -1]].tolist() == [0, 1]
    assert f"at {comparison.time.size} of 5,001 records: all of them would take minutes" in table
    assert np.all(comparison.expected[1:] > 0)


def test_few_beables_are_looked_at_at_every_record(tmp_path: Path) -> None:
    system, psi = random_system(2)
    assert expected.kept(unmoved(tmp_path, system, psi, np.linspace(0, 10, 10_001))).size == 10_001


@pytest.mark.parametrize(("P", "size", "says"), [
    (2, 1e9, "no expected noise: to follow Schrödinger's equation between records would take minutes"),
    (noise.SMALL, 100.0, "no expected noise: "),
    (noise.SMALL + 1, 1.0, "no expected noise: worked out for up to 64 beables"),
])  # fmt: skip
def test_what_would_take_minutes_is_said_to(tmp_path: Path, P: int, size: float, says: str) -> None:
    system, psi = random_system(P, size)
    comparison, table = report(unmoved(tmp_path, system, psi, np.linspace(0, 10, 11)))
    assert says in table
    assert np.isnan(comparison.expected).all()


@pytest.mark.parametrize("spectators", [0, 100])
def test_a_beable_without_couplings_costs_a_report_nothing(tmp_path: Path, spectators: int) -> None:
    """However far its energy lies from the others': the noise is that of the others."""
    found = []
    for far in (0.0, 5e6):
        system = copympi.System([[0.4, 0.5, 0.0], [0.5, -0.4, 0.0], [0.0, 0.0, far]])
        data = unmoved(tmp_path, system, np.sqrt([0.5, 0.3, 0.2]), np.linspace(0, 10, 5), 10**6, spectators)
        found.append(analysis.compare(data).expected)
    assert np.all(found[1][1:, :2] > 0)
    np.testing.assert_allclose(*found, rtol=1e-6, atol=1e-12)


def test_newtons_path_in_a_steep_well_is_given_up() -> None:
    system = copympi.lattice(64, potential={"kind": "harmonic", "omega": 1e5})
    psi = np.exp(-(((np.arange(64) - 20) / 6) ** 2)).astype(complex)
    x = newton.path(system.lattice, psi / np.linalg.norm(psi), np.linspace(0, 10, 5))
    assert x[0, 0] == pytest.approx(-12)
    assert np.isnan(x[1:]).all()
