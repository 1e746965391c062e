"""What some of the beables add to the sums that a record says of a wave: energy, motion and validity (62), a part each.

Pure functions for a run of beables, begin .. end - 1, of an array psi (P,) = sqrt(n) exp(-i phi) that need be right
there and at their neighbours in H alone, all phases turned alike or not. Divided by N their sums are what
model/observables.py has in one piece.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.kernels import portable
from copympi.model.lattice import PIECE, Lattice
from copympi.model.observables import FEW

Floats = NDArray[np.float64]
Waves = NDArray[np.complex128]
NUMBERS = ("members", "few", "empty")
"""What `of_numbers` gives."""
MOTION = ("moment", "flow", "stretch", "weight", "turn")
"""What `of_motion` gives."""


def waves(n: Floats, phase: Floats) -> Waves:
    """sqrt(n) exp(-i phase), (K,); what stands for a phase where n = 0 is not looked at."""
    return np.asarray(np.sqrt(n) * portable.turns(-np.where(n > 0.0, phase, 0.0)))


def around(system: Any, begin: int, end: int) -> NDArray[np.int64]:
    """Which other beables the functions here look at, ascending, (K,): those coupled to these, next sites of these."""
    lattice, found = system.lattice, [np.zeros(0, np.int64)]
    for first in range(begin, end, PIECE):
        last = min(end, first + PIECE)
        looked_at = [system.rows_from(first, last).indices.astype(np.int64)]
        if lattice is not None:
            looked_at += [_following(lattice, axis, first, last) for axis in range(len(lattice.shape))]
        found += [some[(some < begin) | (some >= end)] for some in looked_at]
    return np.unique(np.concatenate(found))


def of_numbers(n: Floats) -> Floats:
    """Of NUMBERS of members (K,) what the beables add to N, to members where n < 20, to empty beables: (3, K)."""
    return np.stack([n, np.where(n < FEW, n, 0.0), (n == 0).astype(float)])


def of_energy(psi: Waves, system: Any, begin: int, end: int) -> Floats:
    """Psi_a* sum_b (H_ab/hbar) Psi_b of each of the beables, its real part, (end - begin,)."""
    return of_energy_by(psi, begin, system.rows_from(begin, end))


def of_energy_by(psi: Waves, first: int, rows: sp.csr_array) -> Floats:
    """The same of beables from `first` on, by their rows of H/hbar (K, P), (K,)."""
    here, moved = psi[first : first + rows.shape[0]], portable.moved(rows, psi)
    return here.real * moved.real + here.imag * moved.imag


def of_motion(psi: Waves, n: Floats, lattice: Lattice, axis: int, begin: int, end: int) -> Floats:
    """Along an axis of a lattice MOTION of the sites, (5, end - begin): n x; and of the bonds to the next sites
    Im(Psi_a* Psi_b), (|Psi_b| - |Psi_a|)^2, |Psi_a Psi_b|, and that times the angle between them squared.

    On a ring the last site of an axis has its first one as the next. At the ends of a chain Psi is 0 one site beyond,
    in (|Psi_b| - |Psi_a|)^2. n : (end - begin,) members.
    """
    site, x = _coordinates(lattice, axis, begin, end)
    here, there = psi[begin:end], psi[_following(lattice, axis, begin, end)]
    ring = lattice.boundary == "ring"
    if not ring:
        there[site == lattice.shape[axis] - 1] = 0.0
    flow = portable.times(np.conj(here), there)
    size, size_there = portable.sizes(here), portable.sizes(there)
    stretch = (size_there - size) ** 2
    if not ring:
        stretch[site == 0] += size[site == 0] ** 2
    weight = size * size_there
    return np.stack([n * x, flow.imag, stretch, weight, weight * portable.angles(flow) ** 2])


def of_width(n: Floats, lattice: Lattice, axis: int, mean: float, begin: int, end: int) -> Floats:
    """n (x - mean)^2 of the sites, (end - begin,)."""
    _, x = _coordinates(lattice, axis, begin, end)
    return np.asarray(n * (x - mean) ** 2)


def _coordinates(lattice: Lattice, axis: int, begin: int, end: int) -> tuple[NDArray[np.int64], Floats]:
    """Of each site which one it is along an axis, from 0 on, and its x there, (end - begin,) each."""
    L = lattice.shape[axis]
    site = np.asarray(np.arange(begin, end) // _stride(lattice, axis) % L, np.int64)
    return site, np.asarray((site - L // 2) * float(lattice.spacing[axis]))


def _following(lattice: Lattice, axis: int, begin: int, end: int) -> NDArray[np.int64]:
    """The next site of each along an axis; after the last comes the first."""
    L, stride = lattice.shape[axis], _stride(lattice, axis)
    sites = np.arange(begin, end)
    return sites + np.where(sites // stride % L == L - 1, (1 - L) * stride, stride)


def _stride(lattice: Lattice, axis: int) -> int:
    return int(np.prod(lattice.shape[axis + 1 :], dtype=np.int64))
