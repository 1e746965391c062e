"""Lattices, what is prepared on them, and other beables: against matrices and wavefunctions written down by hand."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import copympi
from copympi.cli import main as cli
from copympi.config import reading as config
from copympi.errors import InputError
from copympi.model import basis, build, eigen, observables, packets
from copympi.model.labels import Labels
from copympi.model.lattice import Lattice
from copympi.model.preparation import prepare
from copympi.model.system import System
from copympi.theory import newton, schrodinger

OMEGA, SIGMA, AWAY = 1 / 72, 6.0, -16.0
COHERENT: dict[str, Any] = {"centre": AWAY, "width": SIGMA}


def by_hand(shape: tuple[int, ...], abar: list[float], m: float, hbar: float, ring: bool, V: Any) -> Any:
    """H element by element, from the three-point Laplacian."""
    sites = list(itertools.product(*(range(n) for n in shape)))
    H = np.zeros((len(sites), len(sites)))
    for a, at in enumerate(sites):
        H[a, a] = np.ravel(V)[a]
        for axis, n in enumerate(shape):
            t = hbar**2 / (2 * m * abar[axis] ** 2)
            H[a, a] += 2 * t
            for step in (-1, 1):
                to = list(at)
                to[axis] += step
                if ring:
                    to[axis] %= n
                if 0 <= to[axis] < n:
                    H[a, sites.index(tuple(to))] -= t
    return H


def harmonic(sites: int = 128) -> System:
    return copympi.lattice(sites, potential={"kind": "harmonic", "omega": OMEGA})


def made(system: System, **given: Any) -> Any:
    """System and Start of a section [preparation]."""
    given = {"members": 1000, **given}
    representation = given.pop("representation", "members")
    values = {
        "system": {"hamiltonian": system},
        "preparation": given,
        "dynamics": {"duration": 1.0, "representation": representation},
    }
    return build.prepared(system, config.check(values).preparation, None)


# --- the Hamiltonian


@pytest.mark.parametrize("boundary", ["ring", "open"])
@pytest.mark.parametrize(
    ("shape", "abar"), [((7,), [0.5]), ((4, 5), [1.0, 0.7]), ((3, 3), [2.0, 2.0]), ((3, 4, 3), [1.0, 0.5, 2.0])]
)
def test_hamiltonian_element_by_element(boundary: str, shape: tuple[int, ...], abar: list[float]) -> None:
    V = np.random.default_rng(1).normal(size=shape)
    system = copympi.lattice(list(shape), abar, mass=1.7, hbar=0.6, boundary=boundary, potential=V)
    np.testing.assert_allclose(
        system.hamiltonian.toarray(), by_hand(shape, abar, 1.7, 0.6, boundary == "ring", V), atol=1e-14
    )


def test_signs_of_erratum_3() -> None:
    system = copympi.lattice(9, 0.5, mass=2.0, hbar=0.3)
    R = np.abs(system.frequencies[0, 1])
    np.testing.assert_allclose(R, 0.3 / (2 * 2.0 * 0.25))
    assert np.angle(system.frequencies[0, 1]) == np.pi
    np.testing.assert_allclose(system.frequencies.diagonal(), 2 * R)


@pytest.mark.parametrize("boundary", ["ring", "open"])
def test_a_packet_moves_with_hbar_k_over_m(boundary: str) -> None:
    """But for what the lattice adds: v = hbar sin(k abar)/(m abar)."""
    hbar, m, abar, k = 0.8, 1.5, 0.5, 0.3
    system = copympi.lattice(256, abar, m, hbar, boundary)
    _, start = made(system, packet={"centre": -20.0, "width": 4.0, "wave_number": k})
    assert system.lattice is not None
    (x,) = system.lattice.positions
    rho = schrodinger.density(system, start.state, [0.0, 40.0])
    mean = rho @ x
    assert mean[1] - mean[0] == pytest.approx(40.0 * hbar * k / m, rel=0.01)
    # v = -(1/m) dS/dx with S = hbar phi
    slope = np.diff(start.phase)[100:150] / abar
    np.testing.assert_allclose(-hbar * slope / m, hbar * k / m, rtol=1e-9)


def test_neighbours_and_coordinates() -> None:
    ring, chain = (copympi.lattice([3, 4], [1.0, 0.5], boundary=b).lattice for b in ("ring", "open"))
    assert ring is not None
    assert chain is not None
    x, y = ring.positions
    np.testing.assert_array_equal(x.reshape(3, 4)[:, 0], [-1, 0, 1])
    np.testing.assert_array_equal(y.reshape(3, 4)[0], [-1, -0.5, 0, 0.5])
    left, right = chain.neighbours(1)
    assert left.size == 9
    np.testing.assert_array_equal(y[right] - y[left], 0.5)
    np.testing.assert_array_equal(x[right], x[left])
    left, right = ring.neighbours(0)
    assert left.size == 12
    assert set(x[right] - x[left]) == {1.0, -2.0}
    np.testing.assert_array_equal(y[right], y[left])


def test_labels_are_made_when_asked_for() -> None:
    system = copympi.lattice([20, 30])
    assert isinstance(system.labels, Labels)
    assert system.labels[3 * 30 + 17] == "3,17"
    assert system.labels[-1] == "19,29"
    assert system.labels[:2] == ["0,0", "0,1"]
    assert list(copympi.lattice(4).labels) == ["0", "1", "2", "3"] == System(np.eye(4)).labels
    with pytest.raises(IndexError):
        system.labels[600]


def test_a_million_sites() -> None:
    system = copympi.lattice(10**6, potential={"kind": "cosine", "depth": 0.1, "period": 1000})
    assert system.couplings.entries == 2 * 10**6
    _, start = made(system, members=10**15, packet={"centre": 0, "width": 1e4}, spectators=2)
    assert start.members == 10**15 == int(start.counts.sum())
    assert start.counts.min() == 2


def test_restored_from_attributes(tmp_path: Path) -> None:
    before = copympi.lattice([5, 4], [1.0, 0.5], 2.0, 0.5, "open", {"kind": "harmonic", "omega": 1.0}).lattice
    assert before is not None
    with h5py.File(tmp_path / "l.h5", "w") as file:
        file.attrs.update(before.attributes())
        file["potential"] = before.potential
        after = Lattice.from_attributes(file.attrs, 0.5, file["potential"][()])
    assert (after.shape, after.spacing, after.mass, after.boundary) == ((5, 4), (1.0, 0.5), 2.0, "open")
    assert np.array_equal(after.hamiltonian().toarray(), before.hamiltonian().toarray())


# --- potentials


def V_of(sites: Any, potential: Any, **more: Any) -> Any:
    lattice = copympi.lattice(sites, potential=potential, **more).lattice
    assert lattice is not None
    return lattice.potential.reshape(lattice.shape)


def test_potentials_by_name() -> None:
    x = np.arange(11) - 5.0
    y = 0.5 * (np.arange(8) - 4)
    np.testing.assert_array_equal(V_of(11, "free"), 0)
    np.testing.assert_allclose(V_of(11, {"kind": "harmonic", "omega": 2, "centre": 1}, mass=3.0), 6 * (x - 1) ** 2)
    plane = V_of([11, 8], {"kind": "harmonic", "omega": [2, 0.5], "centre": [1, 0]}, spacing=[1, 0.5])
    np.testing.assert_allclose(plane, 2 * (x[:, None] - 1) ** 2 + 0.125 * y**2)
    wall = V_of([11, 8], {"kind": "barrier", "height": 4, "width": 2, "centre": 1})
    np.testing.assert_array_equal(wall, np.where(np.abs(x - 1) <= 1, 4.0, 0.0)[:, None] * np.ones(8))
    well = {"kind": "double-well", "height": 3, "separation": 6}
    np.testing.assert_allclose(V_of(11, well), 3 * ((x / 3) ** 2 - 1) ** 2)
    assert V_of(11, well)[[2, 5, 8]].tolist() == [0, 3, 0]
    both = V_of([11, 8], {**well, "omega": 0.5}, spacing=[1, 0.5])
    np.testing.assert_allclose(both, V_of(11, well)[:, None] + 0.125 * y**2)
    waves = V_of([11, 8], {"kind": "cosine", "depth": 2, "period": [5, 4]})
    np.testing.assert_allclose(waves, 2 * np.cos(2 * np.pi * x / 5)[:, None] + 2 * np.cos(np.pi * 2 * y / 2))


def test_potentials_as_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    V = np.arange(12.0).reshape(3, 4)
    np.save("V.npy", V)
    with h5py.File("V.h5", "w") as file:
        file["deep/V"] = V.ravel()
    x, y = np.meshgrid(np.arange(3) - 1, np.arange(4) - 2, indexing="ij")
    for given in (V, V.ravel(), V.tolist(), "V.npy", "V.h5:/deep/V", lambda x, y: 6 + 4 * x + y):
        np.testing.assert_array_equal(V_of([3, 4], given), 6 + 4 * x + y if callable(given) else V)
    np.testing.assert_array_equal(V_of([3, 4], lambda x, y: 2.0), 2.0)


# --- packets and eigenstates


@pytest.mark.parametrize(("abar", "off"), [(1.0, 0.4), (0.5, 0.1)])
def test_coherent_state_stays_coherent(abar: float, off: float) -> None:
    """The reference case: one period on 128 sites, sigma^2 = hbar/(2 m omega) = 36; dispersion falls as abar^2."""
    system = copympi.lattice(round(128 / abar), abar, potential={"kind": "harmonic", "omega": OMEGA})
    assert system.lattice is not None
    (x,) = system.lattice.positions
    _, start = made(system, packet=COHERENT)
    np.testing.assert_allclose(
        start.state, np.exp(-((x + 16) ** 2) / 144) / (72 * np.pi) ** 0.25 * abar**0.5, atol=1e-6
    )
    times = np.linspace(0, 2 * np.pi / OMEGA, 9)
    rho = schrodinger.density(system, start.state, times)
    mean = rho @ x
    spread = np.sqrt(rho @ x**2 - mean**2)
    np.testing.assert_allclose(spread, SIGMA, rtol=0.1 * off)
    np.testing.assert_allclose(mean, AWAY * np.cos(OMEGA * times), atol=off)


def test_the_phase_of_a_packet_outlives_its_tail() -> None:
    system = copympi.lattice(2001)
    assert system.lattice is not None
    (x,) = system.lattice.positions
    _, start = made(system, packet={"centre": 100, "width": 3, "wave_number": 1.5, "amplitude": "2j"})
    assert np.any(start.state == 0)
    d = (x - 100 + 1000) % 2001 - 1000
    np.testing.assert_allclose(start.phase, -1.5 * d - np.pi / 2, atol=1e-9)
    there = np.abs(start.state) > 1e-300
    np.testing.assert_allclose(np.angle(start.state * np.exp(1j * start.phase))[there], 0, atol=1e-9)
    _, pair = made(system, packet=[{"centre": c, "width": 3, "wave_number": 1.5} for c in (0, 100)])
    near = np.abs(x - 100) < 40  # where the other is nothing beside it
    np.testing.assert_allclose(np.exp(1j * pair.phase)[near], np.exp(-1.5j * (x - 100))[near], atol=1e-9)
    far = np.abs(x - 900) < 10
    assert np.all(pair.state[far] == 0)
    np.testing.assert_allclose(np.exp(1j * pair.phase)[far], np.exp(-1.5j * (x - 100))[far], atol=1e-9)


def test_packets_wrap_on_a_ring_and_not_on_a_chain() -> None:
    for boundary, even in (("ring", True), ("open", False)):
        system = copympi.lattice(64, 0.5, boundary=boundary)
        _, start = made(system, packet={"centre": 15.5, "width": 2, "wave_number": 0.7})
        left, right = start.state[62:54:-1], start.state[:8]  # beside the last site, and round the ring
        assert np.allclose(np.abs(left), np.abs(right)) == even
        psi = np.roll(start.state, 1)
        assert np.allclose(np.angle(psi[1:20] / psi[:19]), 0.35) == even


def test_packet_in_a_plane() -> None:
    system = copympi.lattice([40, 30], [1.0, 0.5])
    assert system.lattice is not None
    x, y = system.lattice.positions
    item = {"centre": [2, -1], "width": [3, 1], "wave_number": [0.5, -0.2]}
    _, start = made(system, packet=item)
    rho = np.abs(start.state) ** 2
    assert rho.sum() == pytest.approx(1, abs=1e-14)
    assert [rho @ x, rho @ y] == pytest.approx([2, -1], abs=1e-2)
    assert [np.sqrt(rho @ (x - 2) ** 2), np.sqrt(rho @ (y + 1) ** 2)] == pytest.approx([3, 1], rel=1e-2)
    middle = int(np.argmax(rho))
    np.testing.assert_allclose(np.angle(start.state[middle + 30] / start.state[middle]), 0.5)
    np.testing.assert_allclose(np.angle(start.state[middle + 1] / start.state[middle]), -0.1)


def test_eigenstates_of_an_oscillator() -> None:
    system = harmonic(600)  # Lanczos
    vectors = eigen.lowest(system, 4)
    H = system.frequencies.toarray().real
    energies, dense = np.linalg.eigh(H)
    for k in range(4):
        assert abs(np.vdot(dense[:, k], vectors[:, k])) == pytest.approx(1, abs=1e-10)
        np.testing.assert_allclose(H @ vectors[:, k], energies[k] * vectors[:, k], atol=1e-11)
        size = np.abs(vectors[:, k])
        assert vectors[np.argmax(size > (1 - 1e-6) * size.max()), k].real > 0, "the first of the largest"
    np.testing.assert_allclose(energies[:3], OMEGA * (np.arange(3) + 0.5), rtol=0.01)
    np.testing.assert_array_equal(vectors, eigen.lowest(system, 4))
    other = System(system.hamiltonian)  # the same, not known as a lattice
    np.testing.assert_allclose(np.abs(eigen.lowest(other, 2)), np.abs(vectors[:, :2]), atol=1e-9)


def test_none_of_a_degenerate_pair_is_missed() -> None:
    system = copympi.lattice([21, 21])
    vectors = eigen.lowest(system, 5)
    H = system.frequencies.toarray().real
    energies = np.einsum("ak,ab,bk->k", vectors.conj(), H, vectors).real
    np.testing.assert_allclose(energies, np.linalg.eigvalsh(H)[:5], atol=1e-11)
    np.testing.assert_allclose(vectors.conj().T @ vectors, np.eye(5), atol=1e-10)


def test_eigenstates_of_any_system_and_sums() -> None:
    H = np.array([[0.3, 0.5j], [-0.5j, -0.3]])
    system = System(H, hbar=0.7)
    _, vectors = np.linalg.eigh(H)
    for k in range(2):
        psi, _ = packets.amplitudes({"eigenstate": k}, system)
        assert abs(np.vdot(vectors[:, k], psi)) == pytest.approx(1)
    psi, phase = packets.amplitudes([{"eigenstate": 0}, {"eigenstate": 1, "amplitude": "1j"}], system)
    a, b = (packets.amplitudes({"eigenstate": k}, system)[0] for k in range(2))
    np.testing.assert_allclose(psi, (a + 1j * b) / np.sqrt(2), atol=1e-14)
    np.testing.assert_allclose(psi, np.abs(psi) * np.exp(-1j * phase), atol=1e-14)


def test_each_of_a_sum_is_normalised_first() -> None:
    system = harmonic()
    items = [{"centre": -30, "width": 3}, {"centre": 30, "width": 6, "amplitude": 2}]
    rho = np.abs(packets.amplitudes(items, system)[0]) ** 2
    assert rho[64:].sum() / rho[:64].sum() == pytest.approx(4, rel=1e-5)
    ground = {"eigenstate": 0, "amplitude": "0.6j"}
    psi, _ = packets.amplitudes([COHERENT, ground], system)
    a, b = packets.amplitudes(COHERENT, system)[0], eigen.lowest(system, 1)[:, 0]
    np.testing.assert_allclose(psi, (a + 0.6j * b) / np.linalg.norm(a + 0.6j * b), atol=1e-14)


# --- admixture and basis


def test_admixture() -> None:
    system = harmonic()
    _, bare = made(system, packet=COHERENT)
    uniform = np.full(128, 128**-0.5)
    own = np.arange(1, 129) * 1j
    ground = np.abs(np.linalg.eigh(system.frequencies.toarray().real)[1][:, 0])
    for state, chi in (("uniform", uniform), (own, own / np.linalg.norm(own)), ("ground", ground)):
        _, start = made(system, packet=COHERENT, admixture={"state": state, "weight": 0.01})
        psi = np.sqrt(0.99) * bare.state + 0.1 * chi
        np.testing.assert_allclose(start.state, psi / np.linalg.norm(psi), atol=1e-12)
        np.testing.assert_allclose(np.abs(start.state) * np.exp(-1j * start.phase), start.state, atol=1e-14)
    _, start = made(system, packet=COHERENT, admixture={"state": "uniform"})
    assert np.abs(start.state[-1]) ** 2 == pytest.approx(1e-6 / 128, rel=1e-2)
    _, levels = made(System([[1, 0], [0, -1]]), state=[1, 0], admixture={"state": "ground", "weight": 0.25})
    np.testing.assert_allclose(levels.state, [np.sqrt(0.75), 0.5])


def test_the_ground_state_has_no_nodes() -> None:
    """Not in its tails, below rounding, nor in wells that tunnelling hardly joins."""
    _, start = made(harmonic(1500), packet={"eigenstate": 0})
    np.testing.assert_array_equal(start.phase, 0)
    wells = copympi.lattice(2000, potential={"kind": "double-well", "height": 0.1, "separation": 400})
    chi = eigen.ground(wells, "preparation.admixture.state")
    assert np.all(chi.real >= 0)
    other = eigen.lowest(wells, 1)[:, 0]
    energy, least = (np.vdot(v, wells.hamiltonian @ v).real for v in (chi, other))
    assert energy == pytest.approx(least, rel=1e-9)
    signed = eigen.ground(System([[0, 1], [1, 0]]), "preparation.admixture.state")
    np.testing.assert_allclose(signed, [0.5**0.5, -(0.5**0.5)])


def unitary(P: int) -> Any:
    rng = np.random.default_rng(5)
    return np.linalg.qr(rng.normal(size=(P, P)) + 1j * rng.normal(size=(P, P)))[0]


def test_evolution_in_another_basis_is_the_same_evolution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    system = copympi.lattice(16, hbar=0.5, potential={"kind": "harmonic", "omega": 0.3})
    packet = {"centre": 2, "width": 2, "wave_number": 0.4}
    U = unitary(16)
    np.save("U.npy", U)
    times = [0.0, 1.0, 7.0]
    psi = schrodinger.evolve(system, made(system, packet=packet)[1].state, times)
    rows = [[str(x) for x in row] for row in U]
    for given in (U, "U.npy", rows):
        turned, start = made(system, packet=packet, basis=given)
        assert turned.lattice is None
        assert turned.hbar == 0.5
        assert turned.labels[3] == "3"
        np.testing.assert_allclose(schrodinger.evolve(turned, start.state, times), psi @ U.conj(), atol=1e-11)


def test_the_basis_of_eigenstates() -> None:
    system = harmonic(64)
    turned, start = made(system, packet={"eigenstate": 2}, basis="eigen")
    np.testing.assert_allclose(
        turned.frequencies.diagonal(), np.linalg.eigvalsh(system.frequencies.toarray()), atol=1e-13
    )
    assert turned.frequencies.nnz == 64, "no couplings are left"
    assert np.argmax(start.counts) == 2
    assert start.counts[2] == 1000
    assert np.abs(start.state[2]) == pytest.approx(1)


def test_admixture_comes_before_the_basis() -> None:
    system, U = harmonic(32), unitary(32)
    mixed = {"packet": {"centre": 0, "width": 2}, "admixture": {"state": "uniform", "weight": 0.1}}
    _, plain = made(system, **mixed)
    _, start = made(system, **mixed, basis=U)
    np.testing.assert_allclose(start.state, U.conj().T @ plain.state, atol=1e-12)


def test_a_unitary_with_few_digits_is_made_exact() -> None:
    U = np.round(unitary(8), 10)
    V = basis._unitary(U, 8, Path())
    np.testing.assert_allclose(V.conj().T @ V, np.eye(8), atol=1e-14)


# --- members


def test_spectators_are_part_of_the_counts() -> None:
    start = prepare(3, 1000, density=[0.7, 0.3, 0], spectators=100)
    assert start.counts.tolist() == [590, 310, 100]
    assert (start.members, start.spectators) == (1000, 100)
    assert prepare(3, 1000, density=[1 - 1e-9, 1e-9, 0], spectators=1).unmanned.size == 0
    assert prepare(2, 10, density=[1, 0], spectators=5).counts.tolist() == [5, 5]
    with pytest.raises(InputError, match=r"members = 299: must be at least 300: the 100 spectators in each of 3"):
        prepare(3, 299, density=[1, 0, 0], spectators=100)


@pytest.mark.parametrize(("given", "N"), [(1e80, 10**80), (10**80, 10**80), (2**63, 2**63), (1e30, 10**30)])
def test_very_many_members(given: Any, N: int) -> None:
    system, start = made(harmonic(), members=given, packet=COHERENT, representation="occupation", spectators=3)
    assert start.members == N
    assert isinstance(start.members, int)
    assert start.counts.dtype == np.float64
    assert np.all(start.counts == np.rint(start.counts))
    assert start.counts.min() >= 3
    np.testing.assert_allclose(start.counts, N * np.abs(start.state) ** 2, rtol=1e-13, atol=4)
    assert start.counts.sum() == pytest.approx(float(N), rel=1e-14)
    assert system.P == 128


def test_members_left_out_are_the_sum_of_the_counts() -> None:
    from copympi.model.preparation import Start

    assert Start(np.array([1.0 + 0j]), np.array([2**62]), np.zeros(1)).members == 2**62


# --- both front doors


LATTICE = """
[system]
builder = "lattice"
sites = 128
potential = {kind = "harmonic", omega = 0.013888888888888888}
[preparation]
members = 1e12
packet = {centre = -16, width = 6}
spectators = 1
admixture = {state = "ground", weight = 1e-6}
[dynamics]
duration = 1.0
representation = "occupation"
[output]
interval = 0.5
profile_interval = 1.0
summaries = true
"""


def test_a_config_and_python_make_the_same(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text(LATTICE)
    found, _ = config.read(path)
    assert (found.profile_every, found.output.summaries) == (2, True)
    section = found.preparation
    system, start = build.prepared(build.system(found.system, tmp_path), section, None, tmp_path)
    mine, again = made(
        harmonic(), members=10**12, packet=COHERENT, spectators=1, representation="occupation",
        admixture={"state": "ground", "weight": 1e-6},
    )  # fmt: skip
    np.testing.assert_allclose(system.frequencies.toarray(), mine.frequencies.toarray(), rtol=1e-14)
    np.testing.assert_allclose(start.state, again.state, atol=1e-15)
    assert start.members == again.members == 10**12
    settings = found.settings()
    assert settings["system.sites"] == 128
    assert settings["preparation.packet"] == {"centre": -16, "width": 6}
    assert settings["output.profile_interval"] == 1.0


def test_simulate_takes_a_lattice_and_a_packet() -> None:
    run = copympi.simulate(
        harmonic(32), packet={"centre": 0, "width": 4}, admixture={"state": "uniform", "weight": 0.1},
        members=10**6, duration=0.2, interval=0.1, representation="occupation",
    )  # fmt: skip
    assert run.occupation.shape == (3, 32)
    two = copympi.simulate(
        [[0.3, 0.5], [0.5, -0.3]], state=[0.8, "0.6j"], basis="eigen", members=1000, duration=1.0, interval=0.5
    )
    np.testing.assert_array_equal(two.occupation, two.occupation[:1].repeat(3, axis=0))


GIVEN = [
    ("system.sites=2", "system.sites = 2", "whole number of at least 3 (ring)"),
    ("system.sites=[8, 8, 8, 8]", "system.sites = [8, 8, 8, 8]", "list of one to three"),
    ("system.sites=8.0", "system.sites = 8.0", "whole number"),
    ("system.sites=[1000000000, 1000000000]", "system.sites = [1000000000, 1000000000]", "must be at most"),
    ("system.spacing=0", "system.spacing = 0", "must be a positive number"),
    ("system.spacing=[1, 2]", "system.spacing = [1, 2]", "one for each of the 1 axes"),
    ("system.spacing=[[1.0], [1.0, 2.0]]", "system.spacing", "one for each of the 1 axes"),
    ("system.spacing=1e300", "system.spacing = 1e+300", "hbar^2/(2 m spacing^2) a positive number"),
    ("system.mass=-1", "system.mass = -1", "must be a positive number"),
    ("system.mass='1'", 'system.mass = "1"', "must be a finite number"),
    ("system.boundary='box'", 'system.boundary = "box"', 'must be "ring" or "open"'),
    ("system.potential='harmonc'", 'system.potential = "harmonc"', "the nearest is 'harmonic'"),
    ("system.potential='harmonic'", 'system.potential.omega = "(left out)"', "must be given"),
    ("system.potential={kind='wall'}", 'system.potential.kind = "wall"', "known here: free, harmonic, barrier"),
    ("system.potential={omega=1}", 'system.potential.kind = "(left out)"', "free, harmonic"),
    ("system.potential={kind='free', omega=1}", "system.potential.omega = 1", "no such key; none is known here"),
    ("system.potential={kind='harmonic', omga=1}", "system.potential.omga = 1", "the nearest is 'omega'"),
    ("system.potential={kind='harmonic', omega=1e200}", "system.potential = {", "must be finite at every site"),
    ("system.potential={kind='harmonic', omega='1'}", 'system.potential.omega = "1"', "must be a finite number"),
    ("system.potential={kind='double-well', height=1, separation=2, omega=1}", "system.potential.omega", "second"),
    ("system.potential={kind='cosine', depth=1, period=0}", "system.potential.period = 0", "a positive number"),
    ("system.potential='V.npy'", 'system.potential = "V.npy"', "no such file: V.npy"),
    ("system.potential=[1, 2]", "system.potential = [1, 2]", "for each of the 128 sites"),
    ("system.potential=true", "system.potential = True", "for each of the 128 sites"),
    ("system.hamiltonian=[[1]]", 'system.builder = "lattice"', "must be left out where hamiltonian is given"),
    ("preparation.packet={}", 'preparation.packet.centre = "(left out)"', "must be given"),
    ("preparation.packet=[]", "preparation.packet = []", "at least one"),
    ("preparation.packet=3", "preparation.packet = 3", "must be a table with centre, width"),
    ("preparation.packet=[{centre=0, width=3}, {centre=0}]", 'preparation.packet[1].width = "(left', "must be given"),
    ("preparation.packet={centre=0, widht=6}", "preparation.packet.widht = 6", "the nearest is 'width'"),
    ("preparation.packet={centre=65, width=6}", "preparation.packet.centre = 65", "in the box, from -64.5 to 63.5"),
    ("preparation.packet={centre=0, width=0.4}", "preparation.packet.width = 0.4", "at least half the spacing, 0.5"),
    ("preparation.packet={centre=0, width=30}", "preparation.packet.width = 30", "a packet wider than the box"),
    ("preparation.packet={centre=0, width=6, wave_number=3.2}", "preparation.packet.wave_number = 3.2", "3.14159"),
    ("preparation.packet={centre=0, width=6, amplitude=0}", "preparation.packet.amplitude = 0", "not be zero"),
    ("preparation.packet={centre=[0, 1], width=6}", "preparation.packet.centre = [0, 1]", "each of the 1 axes"),
    ("preparation.packet={eigenstate=128}", "preparation.packet.eigenstate = 128", "to 127"),
    ("preparation.packet={eigenstate=-1}", "preparation.packet.eigenstate = -1", "from 0, the ground state"),
    ("preparation.packet={eigenstate=0, width=3}", "preparation.packet.width = 3", "known here: eigenstate, amplitude"),
    ("preparation.packet=[{eigenstate=0}, {eigenstate=0, amplitude=-1}]", "preparation.packet = [", "not cancel"),
    ("preparation.state=[1]", "preparation.state = [1]", "must be left out where packet is given"),
    ("preparation.phase=[1]", "preparation.phase = [1]", "must be left out where packet is given"),
    ("preparation.admixture=0.1", "preparation.admixture = 0.1", "must be a table with state, weight"),
    ("preparation.admixture={state='ground', weight=0}", "preparation.admixture.weight = 0", "above 0 and below 1"),
    ("preparation.admixture={state='flat'}", 'preparation.admixture.state = "flat"', '"ground", "uniform" or a list'),
    ("preparation.admixture={state=[1]}", "preparation.admixture.state = [1]", "it has 1"),
    ("preparation.admixture={weight=0.1}", 'preparation.admixture.state = "(left out)"', "must be given"),
    ("preparation.basis='x'", 'preparation.basis = "x"', "no such file"),
    ("preparation.basis=[[1]]", 'preparation.basis = "array of shape 1x1"', "must be 128x128"),
    ("preparation.basis=1", "preparation.basis", "must be 128x128"),
    ("preparation.members=100", "preparation.members = 100", "must be at least 128: the 1 spectators in each of 128"),
    ("preparation.members=1e81", "preparation.members = 1e+81", "must be at most 1e80"),
]


@pytest.mark.parametrize(("setting", "said", "allowed"), GIVEN, ids=[case[0] for case in GIVEN])
def test_bad_input_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    said: str,
    allowed: str,
) -> None:
    import warnings

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    Path("job.toml").write_text(LATTICE)
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", "job.toml", "--set", setting])
    out, err = capsys.readouterr()
    assert (stop.value.code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith(f"copympi: error: job.toml: {said}")
    assert allowed in line
    assert [path.name for path in tmp_path.iterdir()] == ["job.toml"]


def test_what_a_system_without_places_refuses() -> None:
    system = System([[0, 1], [1, 0]])
    with pytest.raises(InputError, match=r"preparation\.packet = .*needs the coordinates of a lattice"):
        made(system, packet={"centre": 0, "width": 1})
    with pytest.raises(InputError, match=r"preparation\.basis = .*largest element of U\^dagger U - 1 is 1"):
        made(system, state=[1, 0], basis=[[1, 1], [1, -1]])
    with pytest.raises(InputError, match=r"must go with at most 4096 beables; there are 5,000"):
        made(copympi.lattice(5000), packet={"centre": 0, "width": 100}, basis="eigen")
    with pytest.raises(InputError, match="must not cancel the state"):
        made(system, state=[1, 0], admixture={"state": [-1, 0], "weight": 0.5})


def test_a_box_has_three_axes_and_no_fourth() -> None:
    with pytest.raises(InputError, match="or a list of one to three"):
        copympi.lattice([3, 3, 3, 3])
    assert copympi.lattice([3, 4, 5]).labels[-1] == "2,3,4"
    V = V_of([3, 3, 3], {"kind": "double-well", "height": 0.0, "separation": 1.0, "omega": 2.0}).reshape(3, 3, 3)
    np.testing.assert_allclose(V[:, 2, 2], 2 * 2.0**2 / 2)


@pytest.mark.parametrize("boundary", ["ring", "open"])
def test_newton_in_a_box(boundary: str) -> None:
    """Three oscillators side by side, of which splines keep the force to all digits away from the edges."""
    omega = np.array([0.1, 0.2, 0.15])
    well = {"kind": "harmonic", "omega": list(omega)}
    system = copympi.lattice([24, 22, 26], boundary=boundary, potential=well)
    _, start = made(system, packet={"centre": [-2, 3, 0], "width": [1.5, 1.5, 1.5], "wave_number": [0, 0, 0.3]})
    t = np.linspace(0, 5, 6)
    x = newton.path(system.lattice, start.state, t)
    began = observables.motion(start.state[None], system.lattice)
    swing = np.outer(np.sin(omega[2] * t), began["momentum"][0] / omega)[:, 2]
    expected = np.cos(np.outer(t, omega)) * began["position"][0]
    expected[:, 2] += swing
    np.testing.assert_allclose(x, expected, atol=1e-3)
