"""Members with phases of their own: every deterministic part against slow twins, and what copies must not touch."""

from __future__ import annotations

import numpy as np
import pytest
from copympi.kernels.phases import unit_circle

from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.momenta import Model, Momenta
from copympi.engine.own_phases import OwnPhases, dealt, distinct
from copympi.engine.phases import Phases
from copympi.model.preparation import prepare
from copympi.mpi import Alone
from tests.physics import random_state, random_system
from tests.reference import naive_phases

N = 30


def given(P: int, members: int = N, seed: int = 1):
    """System, start and the members' beables and phases, in order of beables."""
    rng = np.random.default_rng(seed)
    system = random_system(P, seed)
    phases = rng.uniform(0, 2 * np.pi, members)
    start = prepare(P, members, state=random_state(P, seed), phases=phases)
    return system, start, np.repeat(np.arange(P), start.counts), phases


def carry(ensemble: OwnPhases, interval: float, number: int = 1) -> None:
    ensemble.begin(record(number, interval))
    while ensemble.advance():
        pass


def values(ensemble: OwnPhases, time: float) -> np.ndarray:
    """e^{i phi} of every member of the one block, by id."""
    P = ensemble.system.P
    beable = np.repeat(np.arange(P), ensemble.counts[0])
    parts = ensemble.maps[0].reshape(4, P)[:, beable]
    alpha, beta = parts[0] + 1j * parts[1], parts[2] + 1j * parts[3]
    z = ensemble.values[0] + 1j * ensemble.values[1]
    out = np.empty(z.size, complex)
    out[ensemble.ids] = (alpha * z + beta) / (beta.conj() * z + alpha.conj())
    return out * np.exp(1j * ensemble.system.couplings.shift * time)


def test_circle() -> None:
    angle = np.concatenate([np.linspace(-7, 7, 10_001), np.random.default_rng(1).uniform(-1e6, 1e6, 10_000)])
    x, y = unit_circle(angle)
    near = np.abs(angle) < 7
    np.testing.assert_allclose(x[near], np.cos(angle[near]), atol=3e-16)
    np.testing.assert_allclose(y[near], np.sin(angle[near]), atol=3e-16)
    np.testing.assert_allclose(x**2 + y**2, 1.0, atol=1e-15)


@pytest.mark.parametrize("P", [2, 3])
def test_without_copies_phases_are_those_of_dop853(P: int) -> None:
    """To 1e-9 at a step of 5e-5, and four times worse at twice the step: second order."""
    system, start, beable, phases = given(P)
    H = system.frequencies.toarray()
    exact = np.exp(1j * naive_phases.phases_alone(H, beable, phases, np.array([0.0, 0.2]))[-1])
    errors = []
    for step in (5e-3, 2.5e-3, 2.5e-5):
        ensemble = Phases(Alone(), system, start, Accuracy(N, step), 1, 1, copying=0.0)
        carry(ensemble, 0.2)
        errors.append(float(np.abs(values(ensemble, 0.2) - exact).max()))
    assert errors[2] < 1e-9
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)


@pytest.mark.parametrize("steps", [5_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_cross_ratios_stay_and_phases_stay_on_the_circle(steps: int) -> None:
    """Without copies; cross-ratios of well-separated quadruples of a beable."""
    system, start, beable, phases = given(2)
    time = steps * 2e-3
    ensemble = Phases(Alone(), system, start, Accuracy(N, 2e-3), 1, 1, copying=0.0)

    def ratios(z: np.ndarray) -> np.ndarray:
        quadruples = [np.flatnonzero(beable == a)[k : k + 4] for a in (0, 1) for k in (0, 4)]
        return np.array([(p - r) * (q - s) / ((q - r) * (p - s)) for p, q, r, s in (z[k] for k in quadruples)])

    carry(ensemble, time)
    z = values(ensemble, time)
    assert np.abs(np.abs(z) - 1).max() < 1e-12
    np.testing.assert_allclose(ratios(z), ratios(np.exp(1j * phases)), rtol=1e-9)
    assert np.abs(z - np.exp(1j * phases)).max() > 0.1, "phases must have moved"


@pytest.mark.parametrize("members", [50, 40_000])
def test_copies_keep_identities_values_and_sums(members: int) -> None:
    """Ids stay a permutation, n and the sums are those of the members, no value is made, lineages only die."""
    system, start, *_ = given(3, members)
    ensemble = Phases(Alone(), system, start, Accuracy(members, leaving_chance=0.2), 2, seed=3)
    left = members
    for number in (1, 2, 3, 4):
        carry(ensemble, 0.05, number)
        for k, (begin, end) in enumerate(zip(ensemble.offset[:-1], ensemble.offset[1:], strict=True)):
            assert np.array_equal(np.sort(ensemble.ids[begin:end]), np.arange(end - begin))
            assert ensemble.counts[k].sum() == end - begin
        snapshot = ensemble.snapshot()
        assert snapshot is not None
        assert snapshot.n.sum() == 2 * members
        group = ensemble.groups_of()
        z = ensemble.values[0] + 1j * ensemble.values[1]
        maps = ensemble.maps.reshape(2, 4, 3).transpose(1, 0, 2).reshape(4, 6)[:, group]
        alpha, beta = maps[0] + 1j * maps[1], maps[2] + 1j * maps[3]
        w = (alpha * z + beta) / (beta.conj() * z + alpha.conj())
        for power, measured in ((1, snapshot.coherence), (2, snapshot.more["coherence2"])):
            sums = np.bincount(group, (w**power).real, 6) + 1j * np.bincount(group, (w**power).imag, 6)
            assert measured is not None
            np.testing.assert_allclose(np.abs(sums).reshape(2, 3) / snapshot.n, measured, rtol=1e-9, atol=1e-9)
        kinds = [len({z[k] for k in np.flatnonzero(group == g)}) for g in range(6)]
        assert snapshot.more["lineages"].ravel().tolist() == kinds
        now = int(snapshot.more["lineages"][0].sum())
        assert now <= left
        left = now
    assert left < members
    assert snapshot.events.min() > 0


def test_lineages_are_counted_across_groups() -> None:
    values_ = np.array([[0.1, 0.1, 0.2, 0.1, -0.0, 0.0], [0.5, 0.5, 0.5, 0.5, 1.0, 1.0]])
    assert distinct(Alone(), np.array([0, 0, 0, 1, 2, 2], np.int32), values_, 4).tolist() == [2, 1, 2, 0]


def test_given_phases_are_dealt_like_members() -> None:
    row = np.arange(103.0)
    parts = dealt(row, 103, 5, np.array([1, 3, 3]))
    assert sorted(parts) == [1, 3]
    np.testing.assert_array_equal(parts[3], row[3::5])


MODELS = [Model(0.3, scaling, 0.2, potential, 0.5) for scaling in ("total", "mean") for potential in ("sin2", "polar")]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{m.potential} {m.scaling} {m.momenta}")
def test_alignment_model_is_that_of_dop853(model: Model) -> None:
    """Phases and momenta without copies: of second order, and H that of the literal pair sums."""
    system, start, beable, phases = given(3)
    H, T = system.frequencies.toarray(), 1.0
    errors = []
    for step in (2e-2, 1e-2):
        ensemble = Momenta(Alone(), system, start, Accuracy(N, step), 1, 1, model, copying=0.0)
        momenta = np.empty(N)
        momenta[ensemble.ids] = ensemble.values[2]
        snapshot = ensemble.snapshot()
        assert snapshot is not None
        expected = naive_phases.alignment_energy(H, beable, phases, momenta, 0.3, model.scaling, model.potential)
        assert snapshot.more["energy"][0] == pytest.approx(expected, abs=1e-10)
        carry(ensemble, T)
        phi, pi = naive_phases.alignment(
            H, beable, phases, momenta, np.array([0.0, T]), 0.3, model.scaling, 0.2, model.potential
        )
        found = np.empty(N)
        found[ensemble.ids] = ensemble.values[2]
        errors.append([np.abs(values(ensemble, T) - np.exp(1j * phi[-1])).max(), np.abs(found - pi[-1]).max()])
    np.testing.assert_array_less(errors[1], 1e-4)
    np.testing.assert_allclose(np.divide(*errors), 4.0, rtol=0.05)


@pytest.mark.parametrize("steps", [4_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_energy_does_not_drift(steps: int) -> None:
    """Undamped, without copies: H oscillates with the step squared, but goes nowhere."""
    system, start, *_ = given(2)
    model = Model(1.0, "mean", 0.0, "sin2", 1.0)
    ensemble = Momenta(Alone(), system, start, Accuracy(N, 0.02), 1, 1, model, copying=0.0)
    energy = []
    for number in range(1, 41):
        carry(ensemble, steps * 0.02 / 40, number)
        snapshot = ensemble.snapshot()
        assert snapshot is not None
        energy.append(float(snapshot.more["energy"][0]))
    early, late = np.mean(energy[:10]), np.mean(energy[30:])
    assert np.ptp(energy) < 2e-3 * abs(early)
    assert abs(late - early) < 5e-4 * abs(early)


def test_strong_damping_is_resolved() -> None:
    """The step follows damping: overdamped phases meet as DOP853 says, not faster."""
    system, start, beable, phases = given(2)
    model = Model(1.0, "mean", 500.0, "polar", 0.0)
    ensemble = Momenta(Alone(), system, start, Accuracy(N), 1, 1, model, copying=0.0)
    carry(ensemble, 0.2)
    times = np.array([0.0, 0.2])
    phi, _ = naive_phases.alignment(
        system.frequencies.toarray(), beable, phases, np.zeros(N), times, 1.0, "mean", 500.0, "polar"
    )
    np.testing.assert_allclose(values(ensemble, 0.2), np.exp(1j * phi[-1]), atol=1e-5)
