"""A coherent state on a ring: copies swing as Schroedinger says, as far as there is somebody to copy (section 3.3)."""

import numpy as np
import pytest

import copympi
from copympi.mpi import Alone
from copympi.theory import newton, schrodinger

OMEGA, PACKET = 1 / 72, {"centre": -16.0, "width": 6.0}
PERIOD = 2 * np.pi / OMEGA
RING = copympi.lattice(128, potential={"kind": "harmonic", "omega": OMEGA})


def swing(members, spectators, seed=1):
    """<x>(t) of copies over a period, the times, and the run."""
    run = copympi.simulate(
        RING, packet=PACKET, members=members, spectators=spectators, duration=PERIOD, interval=PERIOD / 60,
        representation="occupation", comm=Alone(), seed=seed,
    )  # fmt: skip
    return run.measured["position"][:, 0], run.time, run


def state():
    """The coherent state from its formula."""
    x = np.arange(128) - 64.0
    psi = np.exp(-(((x - PACKET["centre"]) / (2 * PACKET["width"])) ** 2))
    return psi / np.linalg.norm(psi)


def quantum(times):
    return np.abs(schrodinger.evolve(RING, state(), times)) ** 2 @ (np.arange(128) - 64.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_billion_and_a_spectator_follow_schroedinger(seed):
    x, times, run = swing(10**9, 1, seed)
    assert np.abs(x - quantum(times)).max() <= 0.03
    assert run.measured["smallest"].min() >= 1


def test_as_many_as_atoms_in_the_universe_follow_schroedinger():
    x, times, run = swing(1e80, 0)
    assert np.abs(x - quantum(times)).max() <= 1e-6
    assert run.measured["empty"].max() == 0


@pytest.mark.filterwarnings("ignore:.*no one holds beable")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_billion_alone_stop_where_there_is_nobody_to_copy(seed):
    x, _, run = swing(10**9, 0, seed)
    assert 10 < x.max() < 11.3
    assert run.measured["empty"][0] > 40
    nobody = run.occupation[0] == 0
    assert not run.occupation[:, nobody].any()  # nor will there ever be


def test_newton_swings_as_a_cosine():
    times = np.linspace(0, PERIOD, 61)
    x = newton.path(RING.lattice, state(), times)[:, 0]
    np.testing.assert_allclose(x, -16 * np.cos(OMEGA * times), atol=1e-4)


def test_newton_with_dispersion_is_the_limit_of_schroedinger_on_sites():
    """The same wavelength in sites, ever more of them: <x> goes to the path with dispersion, not to the one without."""
    off = []
    for inverse in (8, 16, 32):
        sites = 2 * round(np.pi * 4 * inverse)
        pendulum = {"kind": "cosine", "depth": -1.0, "period": 2 * np.pi}
        ring = copympi.lattice(sites, spacing=2 * np.pi / sites, hbar=1 / inverse, potential=pendulum)
        x = ring.lattice.positions[0]
        psi = np.exp(-((x + 1) ** 2) * inverse / 2)
        psi /= np.linalg.norm(psi)
        times = np.linspace(0, 2 * np.pi, 31)
        mean = np.abs(np.stack(list(schrodinger.stepwise(ring, psi, times)))) ** 2 @ x
        path = [newton.path(ring.lattice, psi, times, dispersion=on)[:, 0] for on in (False, True)]
        off.append([np.abs(mean - each).max() for each in path])
    plain, dispersed = np.array(off).T
    np.testing.assert_allclose(dispersed[:-1] / dispersed[1:], 2, rtol=0.05)  # proportional to hbar
    assert np.all(plain[:-1] / plain[1:] < 1.9)  # what the sites do stays
