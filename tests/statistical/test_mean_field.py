"""Large N against expm(-iHt): accuracy at a tolerance, and the order of a fixed step."""

import warnings

import numpy as np
import pytest
from scipy.linalg import expm

import copympi
from copympi.mpi import Alone
from tests.physics import calm, random_state, random_system

LARGE = 2**62
"""So many members that noise (0.5/sqrt N = 2e-10) hides nothing of the predictor's error."""


def exact(system, psi, times):
    H = system.hamiltonian.toarray()
    return np.array([np.abs(expm(-1j * H * t) @ psi) ** 2 for t in times])


def worst(system, psi, members, interval=0.1, **options):
    """Largest |n/N - rho| over beables and records of an occupation run, and the run."""
    run = copympi.simulate(
        system, state=psi, members=members, duration=1.0, interval=interval, representation="occupation", comm=Alone(),
        **options,
    )  # fmt: skip
    return np.abs(run.occupation / members - exact(system, psi, run.time)).max(), run


@pytest.mark.parametrize("P", [4, 8])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_follows_schroedinger(P, seed):
    error, _ = worst(random_system(P, seed), random_state(P, seed + 50), 10**15, tolerance=1e-7)
    assert error < 1e-6


@pytest.mark.parametrize("P", [4, 8])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
def test_tolerance_bounds_the_error(P, tolerance):
    """With long steps allowed, so that mostly the tolerance sets them."""
    errors = []
    for seed in range(5):
        system, psi = random_system(P, seed), random_state(P, seed + 50)
        error, run = worst(system, psi, LARGE, tolerance=tolerance, leaving_chance=0.3)
        errors.append(error)
        assert run.largest_chance > 0.02
    assert max(errors) < tolerance
    assert max(errors) > 1e-4 * tolerance  # and is not met by steps absurdly short


@pytest.mark.parametrize(("P", "steps"), [(4, (0.2, 0.1, 0.05)), (8, (0.1, 0.05))])
def test_fixed_step_is_of_fourth_order(P, steps):
    """14-fold and more at each halving, while the error stands well above the noise."""
    system, psi = calm(P, 1.0, 0.02)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", copympi.StepWarning)  # these steps are long on purpose
        errors = np.array([worst(system, psi, LARGE, step=step, interval=0.2)[0] for step in steps])
    assert np.all(errors[:-1] / errors[1:] > 14), errors
    assert errors[-1] > 10 / np.sqrt(LARGE), errors
