"""What a record says of an ensemble in a few numbers: energy, emptiness and, on a lattice, motion and validity (62).

Pure functions of n (R, P) members and phase (R, P) radians, with rho = n/N and Psi = sqrt(rho) exp(-i phi) (34).
Empty beables have no phase and add nothing: whatever stands there as their phase is not looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.kernels import portable

FEW = 20
"""Members of a beable below which its number is far from Gaussian, and noise far from small."""

Floats = NDArray[np.float64]


def lattice_of(system: Any) -> Any:
    """The lattice whose sites the beables are; None where they are none."""
    return system.lattice


def amplitudes(n: NDArray[Any], phase: Floats) -> NDArray[np.complex128]:
    """Psi (R, P), normalised; NaN of a replica without members."""
    counts = n.astype(np.float64)
    with np.errstate(invalid="ignore"):
        root = np.sqrt(counts / counts.sum(axis=1, keepdims=True))
    angle = np.where(n > 0, phase, 0.0)
    psi = np.empty(n.shape, np.complex128)
    np.multiply(root, portable.turns(-angle), out=psi)
    return psi


def mean_energy(psi: NDArray[np.complex128], system: Any) -> Floats:
    """<H> (R,) in units of energy: hbar sum_ab Psi_a* (H_ab/hbar) Psi_b."""
    moved = [system.moved(row) for row in psi]
    parts = [row.real * to.real + row.imag * to.imag for row, to in zip(psi, moved, strict=True)]
    return system.hbar * np.array([part.sum() for part in parts])


def share_of_few(n: NDArray[Any]) -> Floats:
    """Share (R,) of the members who are in beables with n_a < 20: (62) wants n_a >> 1 where the members are."""
    counts = n.astype(np.float64)
    with np.errstate(invalid="ignore"):  # a replica without members
        return np.asarray(np.where(n < FEW, counts, 0.0).sum(axis=1) / counts.sum(axis=1))


def motion(psi: NDArray[np.complex128], lattice: Any) -> dict[str, Floats]:
    """Along each axis of a lattice, (R, axes); shares and lengths as in `position` and the functions beside it."""
    R, shape = len(psi), tuple(lattice.shape)
    ring = lattice.boundary == "ring"
    grid = psi.reshape(R, *shape)
    rho = grid.real**2 + grid.imag**2
    root = np.sqrt(rho)
    columns: dict[str, list[Floats]] = {
        name: [] for name in ("position", "width", "momentum", "quantum_potential", "validity_phase")
    }
    for k, spacing in enumerate(lattice.spacing):
        mean, width = position(rho, coordinates(lattice, k), k + 1)
        columns["position"].append(mean)
        columns["width"].append(width)
        flow = bonds(grid, k + 1, ring)
        columns["momentum"].append(lattice.hbar / spacing * total(flow.imag))
        stretch = bond_stretch(root, k + 1, ring)
        columns["quantum_potential"].append(lattice.hbar**2 / (2 * lattice.mass * spacing**2) * stretch)
        columns["validity_phase"].append(phase_step(flow))
    return {name: np.stack(values, axis=1) for name, values in columns.items()}


def coordinates(lattice: Any, axis: int) -> Floats:
    """x of the sites along one axis, (L,)."""
    L = lattice.shape[axis]
    return (np.arange(L) - L // 2) * float(lattice.spacing[axis])


def position(rho: Floats, x: Floats, axis: int) -> tuple[Floats, Floats]:
    """<x> and sqrt(<x^2> - <x>^2), (R,) each, of a density (R, *shape). On a ring x jumps at the seam."""
    along = rho.sum(axis=tuple(k for k in range(1, rho.ndim) if k != axis))
    along = along / along.sum(axis=1, keepdims=True)
    mean = (along * x).sum(axis=1)
    return mean, np.sqrt((along * (x - mean[:, None]) ** 2).sum(axis=1))


def bonds(grid: NDArray[np.complex128], axis: int, ring: bool) -> NDArray[np.complex128]:
    """Psi_a* Psi_b = sqrt(rho_a rho_b) exp(i (phi_a - phi_b)) over the bonds from a to the next site b of an axis.

    A bond carries (2 hbar/(2 m abar^2)) sqrt(rho_a rho_b) sin(phi_a - phi_b) members' shares from a to b (39, with
    delta = pi), so the sum of the imaginary parts times hbar/abar is m d<x>/dt: exactly that of Schroedinger's
    equation on the lattice, as long as nothing crosses the seam of a ring, where x jumps.
    """
    here, there = _neighbours(grid, axis, ring)
    return portable.times(np.conj(here), there)


def bond_stretch(root: Floats, axis: int, ring: bool) -> Floats:
    """sum over bonds of (sqrt(rho_b) - sqrt(rho_a))^2, (R,); at the ends of a chain Psi is 0 one site beyond.

    Times hbar^2/(2 m abar^2) it is <V_Q> = sum_a rho_a V_Q(a) with the lattice's second difference in V_Q, and with
    the flow's hbar^2/(m abar^2) sum sqrt(rho_a rho_b) (1 - cos(phi_a - phi_b)) and <V> it adds up to <H>.
    """
    here, there = _neighbours(root, axis, ring)
    out = total((there - here) ** 2)
    if not ring:
        for end in (0, -1):
            out = out + total(np.take(root, [end], axis=axis) ** 2)
    return out


def phase_step(flow: NDArray[np.complex128]) -> Floats:
    """abar |dS/dx|/hbar of (62), (R,): rms over bonds of phi_a - phi_b in (-pi, pi], weighted by sqrt(rho_a rho_b)."""
    weight = portable.sizes(flow)
    every = total(weight)
    squares = total(weight * portable.angles(flow) ** 2)
    return np.sqrt(np.divide(squares, every, out=np.zeros_like(every), where=every > 0))


def total(values: Floats) -> Floats:
    """Sum over all but the replicas, (R,)."""
    return values.reshape(len(values), -1).sum(axis=1)


def _neighbours(grid: NDArray[Any], axis: int, ring: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sites and the next ones along an axis; on a ring the first follows the last."""
    if ring:
        return grid, np.roll(grid, -1, axis=axis)
    L = grid.shape[axis]
    every = [slice(None)] * grid.ndim
    here, there = every.copy(), every.copy()
    here[axis], there[axis] = slice(0, L - 1), slice(1, L)
    return grid[tuple(here)], grid[tuple(there)]
