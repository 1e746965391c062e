"""Observables against loops over beables and bonds, and against Schroedinger's equation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

import copympi
from copympi.model import observables
from copympi.records.quantity import TABLE
from copympi.records.view import View
from copympi.theory import schrodinger


def summaries(n: NDArray[Any], phase: NDArray[Any], system: Any, aligned: bool = True) -> dict[str, NDArray[Any]]:
    """All that the table has for `output.summaries`, by name: (R,) each, or (R, axes) along the axes of a lattice."""
    view = View(system, 0.0, n, phase)
    traits = {"summaries"} | ({"aligned"} if aligned else set()) | (set() if system.lattice is None else {"lattice"})
    return {row.name: row.of(view) for row in TABLE if "summaries" in row.runs and traits.issuperset(row.runs)}


def lattice_system(
    shape: tuple[int, ...], spacing: tuple[float, ...], boundary: str, V: NDArray[Any] | None = None, hbar: float = 1.3
) -> Any:
    """A System with the lattice it stands for, mass 0.7, its matrix written bond by bond."""
    P, mass = int(np.prod(shape)), 0.7
    V = np.zeros(P) if V is None else V
    H = sp.lil_array((P, P))
    for a, place in enumerate(np.ndindex(shape)):
        H[a, a] = V[a] + sum(hbar**2 / (mass * abar**2) for abar in spacing)
        for b in neighbours(place, shape, boundary):
            H[np.ravel_multi_index(b[0], shape), a] += -(hbar**2) / (2 * mass * spacing[b[1]] ** 2)
            H[a, np.ravel_multi_index(b[0], shape)] += -(hbar**2) / (2 * mass * spacing[b[1]] ** 2)
    system = copympi.System(H.tocsr(), hbar)
    system.lattice = SimpleNamespace(  # type: ignore[attr-defined, unused-ignore]
        shape=shape, spacing=spacing, mass=mass, hbar=hbar, boundary=boundary, potential=V, P=P
    )
    return system


def neighbours(place: tuple[int, ...], shape: tuple[int, ...], boundary: str) -> list[tuple[tuple[int, ...], int]]:
    """The next site along each axis, where there is one, with the axis."""
    out = []
    for axis, L in enumerate(shape):
        there = list(place)
        there[axis] += 1
        if there[axis] == L and boundary != "ring":
            continue
        there[axis] %= L
        out.append((tuple(there), axis))
    return out


LATTICES = [((7,), (0.8,), "ring"), ((7,), (0.8,), "open"), ((4, 5), (0.9, 1.4), "ring"), ((4, 5), (0.9, 1.4), "open")]


def literally(n: NDArray[Any], phase: NDArray[Any], system: Any) -> dict[str, Any]:
    """One replica, beable by beable and bond by bond."""
    lattice, N = system.lattice, n.sum()
    axes = len(lattice.shape)
    H, hbar, m = system.hamiltonian.toarray(), lattice.hbar, lattice.mass
    psi = [np.sqrt(k / N) * np.exp(-1j * p) if k else 0.0 for k, p in zip(n, phase, strict=True)]
    out: dict[str, Any] = {"smallest": min(n), "empty": sum(1 for k in n if k == 0)}
    out["validity_occupation"] = sum(k for k in n if k < 20) / N
    energy = sum(np.conj(psi[a]) * H[a, b] * psi[b] for a in range(len(n)) for b in range(len(n)))
    out["mean_energy"] = energy.real
    x = np.zeros(axes)
    x2, p, vq, steps, weights = x.copy(), x.copy(), x.copy(), x.copy(), x.copy()
    for a, place in enumerate(np.ndindex(lattice.shape)):
        for axis, i in enumerate(place):
            here = (i - lattice.shape[axis] // 2) * lattice.spacing[axis]
            x[axis] += n[a] / N * here
            x2[axis] += n[a] / N * here**2
            if lattice.boundary != "ring":
                vq[axis] += n[a] / N * ((i == 0) + (i == lattice.shape[axis] - 1))
        for there, axis in neighbours(place, lattice.shape, lattice.boundary):
            b = np.ravel_multi_index(there, lattice.shape)
            vq[axis] += (np.sqrt(n[b] / N) - np.sqrt(n[a] / N)) ** 2
            if n[a] and n[b]:
                s, turn = np.sqrt(n[a] * n[b]) / N, phase[a] - phase[b]
                p[axis] += hbar / lattice.spacing[axis] * s * np.sin(turn)
                steps[axis] += s * (turn - 2 * np.pi * round(turn / (2 * np.pi))) ** 2
                weights[axis] += s
    out |= {"position": x, "width": np.sqrt(x2 - x**2), "momentum": p}
    out["quantum_potential"] = hbar**2 / (2 * m * np.array(lattice.spacing) ** 2) * vq
    out["validity_phase"] = np.sqrt(steps / weights)
    return out


@pytest.mark.parametrize(("shape", "spacing", "boundary"), LATTICES)
def test_against_loops(shape: tuple[int, ...], spacing: tuple[float, ...], boundary: str) -> None:
    rng = np.random.default_rng(3)
    P = int(np.prod(shape))
    system = lattice_system(shape, spacing, boundary, rng.normal(size=P))
    n, phase = rng.integers(0, 90, (3, P)), rng.uniform(-20, 20, (3, P))
    n[1, 2] = n[1, 3] = 0
    phase[1, 2], phase[1, 3] = np.nan, 1e300
    found = summaries(n, phase, system)
    for r in range(3):
        expected = literally(n[r], phase[r], system)
        assert set(expected) <= set(found)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name][r], value, rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(("shape", "spacing", "boundary"), LATTICES)
def test_energy_is_potential_and_quantum_potential_and_flow(shape: Any, spacing: Any, boundary: str) -> None:
    rng = np.random.default_rng(4)
    P = int(np.prod(shape))
    system = lattice_system(shape, spacing, boundary, rng.normal(size=P))
    n, phase = rng.integers(1, 10**6, (1, P)), rng.uniform(-1, 1, (1, P))
    found = summaries(n, phase, system)
    grid = observables.amplitudes(n, phase).reshape(1, *shape)
    flow = 0.0
    for axis, abar in enumerate(spacing):
        bonds = observables.bonds(grid, axis + 1, boundary == "ring")
        flow += system.hbar**2 / (0.7 * abar**2) * (np.abs(bonds) - bonds.real).sum()
    potential = (n[0] / n.sum() * system.lattice.potential).sum()
    np.testing.assert_allclose(found["mean_energy"][0], potential + found["quantum_potential"].sum() + flow, rtol=1e-12)


@pytest.mark.parametrize(("shape", "spacing", "boundary"), LATTICES)
def test_momentum_is_mass_times_schroedingers_velocity(shape: Any, spacing: Any, boundary: str) -> None:
    """m d<x>/dt by differences of the exact evolution; nothing crosses a ring's seam."""
    shape = tuple(3 * L for L in shape)
    rng = np.random.default_rng(5)
    P = int(np.prod(shape))
    system = lattice_system(shape, spacing, boundary, rng.normal(size=P))
    x = np.array(list(np.ndindex(shape))) - np.array(shape) // 2
    psi = np.exp(-((x / 1.1) ** 2).sum(axis=1) / 4 + 0.7j * x[:, 0] + 0.3j * rng.normal(size=P))
    psi[np.any(np.abs(x) > 4, axis=1)] = 0
    psi /= np.linalg.norm(psi)
    h = 1e-4
    later = schrodinger.evolve(system, psi, [-h, h])
    means = [
        [
            observables.position(
                (np.abs(p) ** 2).reshape(1, *shape), observables.coordinates(system.lattice, k), k + 1
            )[0][0]
            for k in range(len(shape))
        ]
        for p in later
    ]
    velocity = (np.array(means[1]) - means[0]) / (2 * h)
    N = 10**15
    n = np.rint(N * np.abs(psi) ** 2).astype(np.int64)[None]
    found = summaries(n, -np.angle(psi)[None], system)
    np.testing.assert_allclose(found["momentum"][0], 0.7 * velocity, atol=2e-6)
    energy = (psi.conj() @ (system.hamiltonian @ psi)).real
    np.testing.assert_allclose(found["mean_energy"][0], energy, atol=1e-6)


def test_any_system_and_any_number() -> None:
    H = [[0.3, 0.5 - 0.2j], [0.5 + 0.2j, -0.4]]
    system = copympi.System(H, hbar=2.0)
    psi = np.sqrt([0.3, 0.7]) * np.exp([-0.4j, 1j])
    for N in (10, 10**18, 1e80):
        n = np.array([[0.3 * N, 0.7 * N]]) if N == 1e80 else np.array([[3 * N // 10, 7 * N // 10]])
        found = summaries(n, np.array([[0.4, -1.0]]), system)
        assert {"smallest", "empty", "mean_energy"} <= set(found)
        assert "position" not in found
        np.testing.assert_allclose(found["mean_energy"], (psi.conj() @ np.array(H) @ psi).real, rtol=1e-12)
        assert found["smallest"][0] == n.min()
    without = summaries(n, n, system, aligned=False)
    assert {"smallest", "empty"} <= set(without)
    assert "mean_energy" not in without


def test_a_million_sites() -> None:
    L = 1000
    lattice = SimpleNamespace(shape=(L, L), spacing=(1.0, 1.0), mass=1.0, hbar=1.0, boundary="ring")
    system = SimpleNamespace(moved=lambda psi: psi, hbar=1.0, lattice=lattice)  # H = 1
    n = np.full((1, L * L), 1e74)
    phase = np.zeros_like(n)
    found = summaries(n, phase, system)
    np.testing.assert_allclose(found["position"], -0.5)
    assert not found["momentum"].any()
    assert not found["quantum_potential"].any()
