"""Members are shared out exactly, and beables that get none are spoken of."""

from __future__ import annotations

import sys
import warnings
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import qutip

import copympi
from copympi import EmptyBeableWarning
from copympi.model.preparation import largest_remainder, prepare
from copympi.storage import reading
from tests import launch

MOST = 2**63 - 1
H = [[0.3, 0.5, 0.1], [0.5, -0.3, 0.2], [0.1, 0.2, 0.0]]


def dyadic(rng: np.random.Generator, P: int, bits: int) -> list[Fraction]:
    """Densities that are whole multiples of 2^-bits and sum to exactly 1."""
    cuts = sorted(int(x) for x in rng.integers(0, 2**bits, P - 1, endpoint=True))
    return [Fraction(b - a, 2**bits) for a, b in zip([0, *cuts], [*cuts, 2**bits], strict=True)]


def by_hand(density: list[Fraction], members: int) -> list[int]:
    """Largest remainder, ties to the lower beable, in exact arithmetic."""
    counts = [int(rho * members) for rho in density]
    order = sorted(range(len(density)), key=lambda a: (counts[a] - density[a] * members, a))
    for a in order[: members - sum(counts)]:
        counts[a] += 1
    return counts


@pytest.mark.parametrize("seed", range(200))
def test_largest_remainder_is_exact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    P = int(rng.integers(1, 40))
    members = [1, P, 10**6 + seed, 10**15 + seed, MOST - seed, MOST][seed % 6]
    density = dyadic(rng, P, 50)
    counts = largest_remainder(np.array([float(rho) for rho in density]), members)
    assert counts.dtype == np.int64
    assert counts.tolist() == by_hand(density, members)
    assert sum(counts.tolist()) == members


@pytest.mark.parametrize("seed", range(100))
def test_any_density_sums_exactly_and_stays_within_one(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    P = int(rng.integers(2, 300))
    members = int(rng.integers(1, 2**50)) if seed % 2 else int(rng.integers(1, 1000))
    density = rng.random(P) ** rng.integers(1, 12)
    density /= density.sum()
    counts = largest_remainder(density, members)
    total = sum(Fraction(rho) for rho in density.tolist())
    share = [Fraction(rho) * members / total for rho in density.tolist()]
    assert sum(counts.tolist()) == members
    assert min(counts) >= 0
    assert max(abs(n - x) for n, x in zip(counts.tolist(), share, strict=True)) < 1 + Fraction(1, 1000)


@pytest.mark.parametrize("seed", range(50))
def test_the_most_members_there_can_be(seed: int) -> None:
    rng = np.random.default_rng(2000 + seed)
    P = int(rng.integers(2, 20))
    psi = rng.standard_normal(P) + 1j * rng.standard_normal(P)
    psi /= np.linalg.norm(psi)
    start = prepare(P, MOST, psi)
    assert sum(start.counts.tolist()) == MOST
    assert start.members == MOST
    # amplitudes are doubles: their squares are known to a few parts in 2^53
    np.testing.assert_allclose(start.counts / MOST, np.abs(psi) ** 2, rtol=1e-14)


def test_known_cases() -> None:
    third = np.full(3, 1 / 3)
    assert largest_remainder(third, 10).tolist() == [4, 3, 3]
    assert largest_remainder(third, 2).tolist() == [1, 1, 0]
    assert largest_remainder(np.array([0.5, 0.25, 0.25]), 1).tolist() == [1, 0, 0]
    assert largest_remainder(np.array([0.0, 1.0]), 7).tolist() == [0, 7]
    assert largest_remainder(np.array([0.9, 0.1]), 10**6).tolist() == [900_000, 100_000]


def test_phases_and_amplitudes_agree() -> None:
    angles = np.array([0.0, 1.0, -2.5])
    rho = np.array([0.5, 0.3, 0.2])
    by_density = prepare(3, 1000, density=rho, phase=angles)
    by_state = prepare(3, 1000, state=np.sqrt(rho) * np.exp(-1j * angles))
    np.testing.assert_allclose(by_density.state, by_state.state, atol=1e-15)
    np.testing.assert_allclose(by_state.phase, angles, atol=1e-15)
    np.testing.assert_array_equal(by_density.phase, angles)
    np.testing.assert_array_equal(by_density.counts, [500, 300, 200])
    np.testing.assert_array_equal(by_state.counts, [500, 300, 200])


def test_density_without_phase_has_phase_zero() -> None:
    np.testing.assert_array_equal(prepare(2, 10, density=[0.5, 0.5]).phase, [0.0, 0.0])


def test_an_empty_beable_has_a_finite_phase() -> None:
    start = prepare(3, 10, state=[0.6, 0, 0.8j])
    assert np.all(np.isfinite(start.phase))
    assert start.unmanned.size == 0, "no weight, so nothing to speak of"


def test_state_as_strings_arrays_and_kets() -> None:
    forms = [["0.6", "0.8j"], [0.6, 0.8j], np.array([0.6, 0.8j]), qutip.Qobj(np.array([0.6, 0.8j]))]
    for form in forms:
        np.testing.assert_allclose(prepare(2, 100, form).state, [0.6, 0.8j])
        np.testing.assert_array_equal(prepare(2, 100, form).counts, [36, 64])


@pytest.mark.parametrize("off", [-0.9e-6, -1e-9, 1e-9, 0.9e-6])
def test_norm_within_a_millionth_is_put_right_silently(off: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        start = prepare(2, 10**12, state=np.array([0.6, 0.8]) * np.sqrt(1 + off))
        again = prepare(2, 10**12, density=np.array([0.36, 0.64]) * (1 + off))
    for made in (start, again):
        assert abs(np.sum(np.abs(made.state) ** 2) - 1) < 1e-15
        assert made.counts.tolist() == [360_000_000_000, 640_000_000_000]


@pytest.mark.parametrize("off", [-1.1e-4, 1.1e-4])
def test_norm_further_off_is_refused(off: float) -> None:
    with pytest.raises(copympi.InputError, match=r"must be normalised; its sum of \|Psi\|\^2 is (0.99989|1.00011) "):
        prepare(2, 100, state=np.array([0.6, 0.8]) * np.sqrt(1 + off))
    with pytest.raises(copympi.InputError, match=r"must be normalised; its sum is (0.99989|1.00011) \(prep"):
        prepare(2, 100, density=np.array([0.36, 0.64]) * (1 + off))


@pytest.mark.parametrize("representation", ["members", "occupation"])
def test_a_beable_without_members_is_warned_about_and_stays_empty(representation: str) -> None:
    system = copympi.System(H, labels=["ground", "excited", "rare"])
    with pytest.warns(EmptyBeableWarning, match=r"1000 members no one holds beable rare \(weight 0\.0002\)") as said:
        run = copympi.simulate(
            system,
            density=[0.6, 0.3998, 0.0002],
            members=1000,
            duration=1.0,
            interval=0.1,
            representation=representation,
            seed=1,
        )
    assert len(said) == 1
    assert "it will stay empty" in str(said[0].message)
    assert run.occupation.shape == (11, 3)
    np.testing.assert_array_equal(run.occupation[:, 2], 0)
    np.testing.assert_array_equal(run.occupation.sum(axis=1), 1000)
    assert run.occupation[0].tolist() == [600, 400, 0]
    assert not np.array_equal(run.occupation[-1], run.occupation[0]), "the others go on"
    for values in (run.phase, run.coherence):
        assert np.all(np.isnan(values[:, 2]))
        assert np.all(np.isfinite(values[:, :2]))


def test_only_the_first_five_are_named() -> None:
    P = 9
    density = np.array([0.92] + [0.01] * 8)
    with pytest.warns(EmptyBeableWarning, match=r"1 \(weight 0\.01\), 2 .*, 5 \(weight 0\.01\) and 3 more") as said:
        copympi.simulate(np.diag(np.arange(P)), density=density, members=10, duration=1.0, interval=1.0)
    assert len(said) == 1


def test_no_weight_no_warning() -> None:
    run = copympi.simulate(H, state=[0.6, 0.8, 0], members=1000, duration=1.0, interval=0.5)
    np.testing.assert_array_equal(run.occupation[:, 2], 0)


def test_the_command_line_warns_once_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(
        f"[system]\nhamiltonian = {H}\nlabels = ['ground', 'excited', 'rare']\n"
        "[preparation]\nmembers = 1000\ndensity = [0.6, 0.3998, 0.0002]\n"
        "[dynamics]\nduration = 1.0\n[output]\ninterval = 0.1\n"
    )
    done = launch.copympi("run", "job.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    warned = [line for line in done.stderr.splitlines() if line.startswith("copympi: warning: ")]
    assert len(warned) == 1
    assert "beable rare (weight 0.0002)" in warned[0]
    assert "Traceback" not in done.stderr
    found = reading.read(tmp_path / "job")
    np.testing.assert_array_equal(found.occupation[0, :, 2], 0)
    assert np.all(np.isnan(found.phase[0, :, 2]))
    assert np.all(np.isfinite(found.phase[0, :, :2]))
    assert bool(found.attributes["complete"])


def test_inside_the_phase_of_an_empty_beable_stays_finite(tmp_path: Path) -> None:
    """Through an extinction too: the snapshot's phase, before NaN is put in for reading, is a number."""
    from copympi.engine.accuracy import Accuracy
    from copympi.engine.clock import record
    from copympi.engine.counts import Counts
    from copympi.engine.members import Members
    from copympi.mpi import Alone

    start = prepare(2, 40, density=[0.5, 0.5], phase=[0.0, np.pi / 2])
    died = 0
    for kind in (Members, Counts, partial(Counts, few=True)):
        ensemble = kind(Alone(), copympi.System([[0, 1.0], [1.0, 0]]), start, Accuracy(40), 8, 1)
        for number in range(1, 9):
            ensemble.begin(record(number, 0.5))
            while ensemble.advance():
                pass
            snapshot = ensemble.snapshot()
            assert snapshot is not None
            assert np.all(np.isfinite(snapshot.phase))
            assert np.all(snapshot.n >= 0)
            assert np.all(snapshot.n.sum(axis=1) == 40)
            died += np.count_nonzero(snapshot.n == 0)
    assert died > 0, "this test means nothing where no beable dies"


def test_exactness_does_not_hang_on_the_platforms_float() -> None:
    assert sys.float_info.mant_dig == 53
    counts = largest_remainder(np.array([0.5, 0.5]), MOST)
    assert counts.tolist() == [2**62, 2**62 - 1]
