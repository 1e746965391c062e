"""Systems that Psi guides, dynamics.guide = "schroedinger": Psi, flows, transitions, filters, switches, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import copympi
from copympi.cli.main import main
from copympi.errors import InputError, ScheduleWarning
from copympi.kernels.guide import Guide
from copympi.model.schedule import Schedule, Switch
from copympi.model.system import System
from copympi.mpi import Alone
from copympi.outcome.run import Run
from copympi.theory import guided, memory, ordered, schrodinger
from tests.physics import random_system

MANY = 10**15
FOUR = random_system(4, 1)
STATE = np.sqrt([0.4, 0.1, 0.3, 0.2]) * np.exp(1j * np.array([0.0, 2.0, -1.0, 0.7]))
CHAIN = System([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
TWO = System([[0.3, 0.5], [0.5, -0.3]])
RING = System(np.array([[0, 1, 0, 1j], [1, 0, 1, 0], [0, 1, 0, 1], [-1j, 0, 1, 0]]) * np.exp(0j))
WAVE = np.exp(2j * np.pi * np.arange(4) / 4) * np.sqrt([0.3, 0.2, 0.25, 0.25])


def simulate(system: Any, **more: Any) -> Run:
    asked = {"members": MANY, "duration": 2.0, "interval": 0.5, "seed": 3, "guide": "schroedinger", "comm": Alone()}
    return copympi.simulate(system, **(asked | more))


def matrix(system: System, **more: Any) -> np.ndarray:
    """What becomes of systems that begin in each beable, (T, P, P), columns: where from; to some 1/sqrt(MANY)."""
    found = [simulate(system, guided=row, **more).occupation / MANY for row in np.eye(system.P)]
    return np.stack(found, axis=2)


def test_psi_is_schroedingers_and_flows_are_those_that_change_it() -> None:
    """To rounding, through steps of any length."""
    guide = Guide(FOUR.couplings, 0.4)
    guide.state = STATE
    left, rho = 2.0, np.abs(STATE) ** 2
    while left > 1e-12:
        h, path, flow = guide.planned(left, 0.1)
        left -= h
        np.testing.assert_allclose(path[0], rho, atol=1e-15)
        for half in (0, 1):
            rho = rho + flow[half].sum(axis=0) - flow[half].sum(axis=1)
            np.testing.assert_allclose(path[half + 1], rho, atol=2e-15)
        assert flow.min() >= 0
        rho = path[2]
    exact = schrodinger.evolve(FOUR, STATE, [2.0])[0]
    np.testing.assert_allclose(guide.state * np.exp(-2j * FOUR.couplings.shift), exact, atol=3e-14)


@pytest.mark.parametrize(("system", "state"), [(FOUR, STATE), (RING, WAVE)], ids=["random", "ring"])
def test_in_equilibrium_numbers_stay_those_of_psi(system: System, state: np.ndarray) -> None:
    """N |Psi|^2 to a few times the noise of 10^30 systems, and phases to rounding, through a node of none."""
    run = simulate(system, state=state, members=10**30, summaries=False)
    np.testing.assert_allclose(run.occupation / 1e30, run.schrodinger, atol=2e-14)
    psi = schrodinger.evolve(system, state, run.time)
    np.testing.assert_allclose(np.exp(-1j * run.phase), psi / np.abs(psi), atol=1e-12)
    assert np.all(np.diff(run.events) > 0)


@pytest.mark.parametrize("members", [10**12, 10**30])
@pytest.mark.parametrize("closing", [None, 1.1], ids=["one beable", "filter"])
def test_beables_that_are_empty_on_the_way_are_passed_through(members: int, closing: float | None) -> None:
    """From one beable down a chain, which later a filter empties but for another: |Psi|^2 to 6 times the noise.

    At sqrt(2) t = pi Psi is all in the last beable, at a record too, from where it comes back through empty ones.
    """
    schedule = [] if closing is None else [{"at": closing, "filter": [0]}]
    run = simulate(CHAIN, state=[1, 0, 0], members=members, schedule=schedule, summaries=False,
                   duration=np.pi * np.sqrt(0.5) * 1.5, interval=np.pi * np.sqrt(0.5) / 4)  # fmt: skip
    left = run.measured["members"] if schedule else np.full(run.time.size, float(members))
    off = np.abs(run.occupation / left[:, None] - run.schrodinger)
    assert off.max() < 6 / np.sqrt(float(left.min())) + 2e-14
    assert run.schrodinger[:, 2].max() > 0.7


def test_expected_noise_of_a_state_that_fades_out_ends() -> None:
    """Where Psi begins as nothing, rates are rounding for a while: theory keeps |Psi|^2, in a few panels."""
    ring = System(0.5 * (np.roll(np.eye(24), 1, 0) + np.roll(np.eye(24), -1, 0)))
    place = np.arange(24) - 12
    psi = np.exp(-((place / 3) ** 2) + 0.5j * place)
    psi[np.abs(psi) < 1e-3] = 0
    rho = schrodinger.density(ring, psi, [0.0, 0.5])
    M = guided.transitions(ring, psi, [0.0, 0.5], most=500)
    np.testing.assert_allclose(M @ rho[0], rho, atol=1e-6)
    with pytest.raises(ordered.TooManyPanels):
        guided.transitions(ring, psi, [0.0, 0.5], accuracy=1e-13, most=20)


def test_who_passes_a_node_leaves_it_and_comes_back() -> None:
    """One of two levels is empty at t = pi/2, where everybody must be in the other; then it fills again."""
    run = simulate(System([[0, 1], [1, 0]]), state=[1, 0], duration=np.pi, interval=np.pi / 4)
    np.testing.assert_allclose(run.occupation / MANY, [[1, 0], [0.5, 0.5], [0, 1], [0.5, 0.5], [1, 0]], atol=2e-7)
    assert run.occupation[2, 0] <= 3
    assert run.events[-1] == pytest.approx(2 * MANY, rel=1e-6)
    one_by_one = simulate(System([[0, 1], [1, 0]]), state=[1, 0], duration=np.pi, interval=np.pi / 2, members=500,
                          method="exact")  # fmt: skip
    np.testing.assert_array_equal(one_by_one.occupation, [[500, 0], [0, 500], [500, 0]])
    np.testing.assert_array_equal(one_by_one.events, [0, 500, 1000])


def test_two_levels_remember_of_a_period_what_theory_says() -> None:
    """The second eigenvalue of the period's matrix is (rho_min/rho_max)(1 - rho_max)/(1 - rho_min)."""
    state = np.sqrt([0.7, 0.3]) * np.exp(-1j * np.array([0.0, 0.9]))
    period = np.pi / np.hypot(0.3, 0.5)
    rho = schrodinger.density(TWO, state, np.linspace(0, period, 4001))[:, 0]
    found = matrix(TWO, state=state, duration=period, interval=period)[-1]
    second = np.trace(found) - 1
    assert second == pytest.approx(memory.two_levels(rho.min(), rho.max()), abs=3e-4)
    finer = np.trace(matrix(TWO, state=state, duration=period, interval=period, leaving_chance=0.005)[-1]) - 1
    assert finer == pytest.approx(memory.two_levels(rho.min(), rho.max()), abs=1e-5)


@pytest.mark.parametrize("mixing", [0.0, 0.5])
def test_transitions_are_those_of_the_theory(mixing: float) -> None:
    """Through switches of H too; the error falls with the square of leaving_chance."""
    schedule = [(0.7, 0.8 * RING.hamiltonian)]
    asked = {"guide_mixing": mixing, "schedule": schedule, "duration": 1.5}
    later = Schedule((Switch(0.7, System(0.8 * RING.hamiltonian)),))
    exact = guided.transitions(FOUR, STATE, [0.5, 1.0, 1.5], mixing, later)
    off = [
        np.abs(matrix(FOUR, state=STATE, leaving_chance=chance, **asked)[1:] - exact).max() for chance in (0.03, 0.12)
    ]
    assert off[0] < 1e-4
    assert off[1] < 20 * off[0] + 1e-3
    np.testing.assert_allclose(exact[-1] @ np.abs(STATE) ** 2, simulate(FOUR, state=STATE, **asked).schrodinger[-1],
                               atol=1e-6)  # fmt: skip


def test_the_symmetric_part_makes_memory_shorter() -> None:
    whole = [guided.transitions(FOUR, STATE, [2.0], mixing)[0] for mixing in (0.0, 1.0)]
    rho = schrodinger.density(FOUR, STATE, [2.0])[0]
    kept = [float(memory.distance(M, rho)) for M in whole]
    assert kept[1] < 0.2 * kept[0]
    run = simulate(FOUR, state=STATE, guided=[1, 0, 0, 0], guide_mixing=1.0)
    assert 0.5 * np.abs(run.occupation[-1] / MANY - rho).sum() < 1.01 * kept[1] + 1e-4


def test_what_is_expected_of_a_number_of_systems() -> None:
    """H0: sigma is the standard deviation over replicas; each replica's counts are independent: 400 of them."""
    run = simulate(FOUR, state=STATE, members=200, replicas=400, guided=[0, 50, 150, 0])
    mean = guided.transitions(FOUR, STATE, run.time)[1:] @ np.array([0, 0.25, 0.75, 0])
    off = (run.occupation[:, 1:] / 200 - mean) / run.sigma[1:]
    assert np.abs(off.mean(axis=0)).max() < 3.5 / np.sqrt(400)
    np.testing.assert_allclose(off.std(axis=0), 1.0, atol=3.5 / np.sqrt(800))


def test_a_filter_is_an_ideal_measurement() -> None:
    """Psi is projected: who stays is |Psi|^2 again from there on, and theory is projected alike."""
    run = simulate(FOUR, state=STATE, schedule=[{"at": 1.0, "filter": [0, 2]}])
    left = run.measured["members"]
    np.testing.assert_allclose(left[3:] / MANY, run.schrodinger[2, [0, 2]].sum(), rtol=1e-6)
    np.testing.assert_allclose(run.occupation[3:] / left[3:, None], run.schrodinger[3:], atol=3e-7)
    with pytest.warns(ScheduleWarning, match="leaves no member in 3 of 3 replicas"):
        gone = simulate(FOUR, state=STATE, members=7, guided=[7, 0, 0, 0], replicas=3,
                        schedule=[{"at": 1e-9, "filter": [1]}])  # fmt: skip
    assert np.all(gone.occupation[:, 1:] == 0)


def test_few_that_are_led_by_a_psi_of_their_own() -> None:
    """Without `guided` Psi is that of the rounded counts, so that numbers agree with |Psi|^2 at t = 0."""
    run = simulate(FOUR, state=STATE, members=7)
    np.testing.assert_array_equal(run.occupation[0], [3, 1, 2, 1])
    np.testing.assert_allclose(run.schrodinger[0], np.array([3, 1, 2, 1]) / 7)
    apart = simulate(FOUR, state=STATE, members=1, guided=[0, 1, 0, 0])
    np.testing.assert_allclose(apart.schrodinger[0], np.abs(STATE) ** 2)
    assert np.all(apart.occupation.sum(axis=1) == 1)


REFUSED = [
    ({"rule": {"q": 0.4}}, r"^dynamics\.rule = .*must be that of quantum mechanics .*guides copy nobody$"),
    ({"alignment": {"strength": 1.0}}, r"^alignment = .\(given\).: must be left out for the method"),
    ({"spectators": 1}, r"^preparation\.spectators = 1: must be 0 for the method"),
    ({"phase_spread": 0.1}, r"^preparation\.phase_spread = 0\.1: must be 0: systems that Psi guides have no phases"),
    ({"phase_spread": 0.1, "representation": "members"}, r"^preparation\.phase_spread = 0\.1: must be 0: systems that"),
    ({"phases": np.zeros(6), "members": 6}, r"^preparation\.phases = .*must be left out: systems that Psi guides"),
    ({"members": np.inf}, r"^preparation\.members = inf: must be at most 1e\+80"),
    ({"step": 0.1}, r"^dynamics\.step = 0\.1: must be left out .*Psi and dynamics\.leaving_chance set its steps"),
    ({"guided": [1, 0]}, r"^preparation\.guided = .*must have one element for each of the 4"),
    ({"guided": [0.5, 0.2, 0.1, 0]}, r"^preparation\.guided = .*must add up to 1000000000000000, numbers of"),
    ({"guided": [1.5, -0.5, 0, 0]}, r"^preparation\.guided\[1\] = -0\.5: must not be negative"),
    ({"guided": [0, 1, 0, 0], "state": [1, 0, 0, 0]}, r"^preparation\.guided\[1\] = 1.*: must be 0: Psi is zero there"),
    ({"guide": "ensemble", "guide_mixing": 0.1}, r"^dynamics\.guide_mixing = 0\.1: must be left out but where"),
    ({"guide": "ensemble", "guided": [1, 0, 0, 0]}, r"^preparation\.guided = .*must be left out but where dynamics"),
    ({"guide_mixing": -1.0}, r"^dynamics\.guide_mixing = -1"),
    ({"guide": "bohm"}, r"^dynamics\.guide = .bohm.: must be 'ensemble' or 'schroedinger'"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "said"), REFUSED, ids=[f"{k} {'+'.join(one[0])}" for k, one in enumerate(REFUSED)])
def test_what_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as no:
        simulate(FOUR, **({"state": STATE} | asked))
    assert "\n" not in str(no.value)


def command(*words: str) -> int:
    with pytest.raises(SystemExit) as done:
        main(list(words))
    return int(done.value.code or 0)


def test_by_the_command_line_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run stopped half-way and resumed has the bytes of one that went through; a file of before knows no guide."""
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(
        '[system]\nhamiltonian = [[0.3, 0.5], [0.5, -0.3]]\n[preparation]\nmembers = 1e6\nstate = [0.8, "0.6j"]\n'
        "guided = [0.1, 0.9]\n"
        '[dynamics]\nduration = 4.0\nguide = "schroedinger"\nguide_mixing = 0.2\n[output]\ninterval = 0.5\n'
    )
    assert command("run", "a.toml", "--dry-run") == 0
    assert command("run", "a.toml", "--quiet", "-o", "parts", "--set", "dynamics.duration=2.0") == 0
    asked = {"state": [0.8, 0.6j], "members": 10**6, "guided": [0.1, 0.9], "duration": 4.0, "seed": 1}
    asked["guide_mixing"] = 0.2
    whole, parts = simulate(TWO, **asked), simulate(TWO, **asked, output="parts", resume=True)
    for name in ("occupation", "phase", "events"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
    np.testing.assert_allclose(whole.schrodinger[0], [0.64, 0.36])
    assert np.all(np.isfinite(whole.sigma[1:]))
    with pytest.raises(InputError, match=r"guide_mixing = 0\.3: was 0\.2 when"):
        simulate(TWO, **asked | {"guide_mixing": 0.3}, output="parts", resume=True)
