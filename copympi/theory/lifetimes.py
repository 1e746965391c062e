"""How long a state that wanders keeps a beable in N copies: passes near its nodes, added up.

Passes come with all signed distances b = sqrt(rho) from the node alike: through a line element db across the path
Psi_a goes at the rate p(0) |K| db, p(0) the density of Psi_a at 0 in the complex plane, K = dPsi_a/dt there. Each
kills with exp(-N b^2/kappa), so beable a dies at the rate

    lambda_a = < |K| int exp(-N b^2/kappa) db >_{Psi_a = 0} p_a(0) = sqrt(pi/N) < sqrt(kappa) |K| >_{Psi_a = 0} p_a(0):

lifetimes grow as sqrt(N). Noise collected before shifts b by a Gaussian, and a flat density stays flat: s^2 drops out.
`along_path` adds up the minima of one long path, `on_torus` takes the density from the phases theta_j of
Psi_a = sum_j A_j e^{-i theta_j}, A_j the part of Psi_a in the eigenspace j: where energies are incommensurate, they
fill their torus evenly. (Where they are not, the path stays on a part of the torus: take `along_path`.)

Conditions: sqrt(kappa/N) far below the distance of 0 from where p_a jumps (triangles of |A_j| that close just so); the
|A_j|, which noise changes by about N^(-1/4) in a lifetime of sqrt(N), stay where they were. Ensembles whose torus has
no node begin to die once the |A_j| have diffused, on times of order N. (Derived for this project; not in the paper.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import qmc

from copympi.model.system import System
from copympi.theory import near_field, paths

PARTS = 20
"""Of a path, or independent sets of samples: their scatter is the error."""
ALIKE = 1e-9
"""Energies nearer than this part of the spectrum's width are one eigenspace."""
ABSENT = 1e-12
"""Amplitudes below this play no part."""

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]


def minima(system: System, state: ArrayLike, beable: int, duration: float) -> tuple[Floats, Floats, Floats]:
    """All minima of |Psi_beable| inside (0, duration): times, |Psi_beable|^2, kappa of the node beside, (M,) each.

    state : (P,) Psi(0), which is normalised. Raises ValueError for what is no state, beable or duration.
    """
    if not (0 <= beable < system.P and 0 < duration < np.inf):
        raise ValueError(f"beable {beable} of {system.P} for a time {duration}: there is no such path")
    row = _row(system, beable)
    found: list[tuple[Floats, Floats, Floats]] = []
    for when, psi in paths.minima(paths.of(system, state), beable, duration):
        g = row * psi
        moving = np.abs(g.sum(axis=1)) > ABSENT * np.abs(g).sum(axis=1)
        found.append((when[moving], np.abs(psi[moving, beable]) ** 2, near_field.kappa(g[moving])))
    if not found:
        return np.empty(0), np.empty(0), np.empty(0)
    times, rho, width = (np.concatenate(each) for each in zip(*found, strict=True))
    return times, rho, width


def along_path(
    system: System, state: ArrayLike, beable: int, members: ArrayLike, duration: float
) -> tuple[Floats, Floats]:
    """Rate lambda_a, 1/time, for numbers of members N, and its standard error: shape of `members` each.

    sum of exp(-N rho/kappa) over the minima of |Psi_beable| in (0, duration), over duration; the error is that of the
    mean of PARTS parts of the path. `duration` must hold many minima below rho = 1/N. Raises ValueError as `minima`.
    """
    times, rho, width = minima(system, state, beable, duration)
    N = np.asarray(members, dtype=float)
    part = np.minimum((times * (PARTS / duration)).astype(np.int64), PARTS - 1)
    rates = np.zeros((PARTS, N.size))
    for k, each in enumerate(N.ravel()):
        rates[:, k] = np.bincount(part, np.exp(-each * rho / width), PARTS) * (PARTS / duration)
    error = rates.std(axis=0, ddof=1) / np.sqrt(PARTS)
    return rates.mean(axis=0).reshape(N.shape), error.reshape(N.shape)


def on_torus(
    system: System, state: ArrayLike, beable: int, samples: int = 1 << 14, seed: int = 1
) -> tuple[float, float]:
    """lambda_a sqrt(N), 1/time, and its standard error: sqrt(pi) <sqrt(kappa) |K|> p(0) on the torus of phases.

    One overall phase plays no part. Of the others two are given by Psi_a = 0: for |A_1|, |A_2| and the distance s that
    all others leave, the density in the plane is 1/(8 pi^2 area), area that of the triangle of these three sides, for
    either of two mirror images. A third one is chosen so that the area's zeros do not count: s^2 is linear in
    its cosine, which runs over what triangles allow as middle + half * cos(psi), psi even in (0, pi). All others are
    even on the circle: Sobol's points, `samples` of them in PARTS independently scrambled sets from `seed`, whose
    scatter is the error. Three levels need none: then the sum of two mirror images is exact, and the error 0.
    Both are 0 where no phases give Psi_a = 0. Raises ValueError for what is no state, beable or number of samples.
    """
    if not (0 <= beable < system.P and samples >= PARTS):
        raise ValueError(f"beable {beable} with {samples} samples: must be below {system.P}, and at least {PARTS}")
    spaces, energy = _spaces(system, state)
    A = spaces[:, beable]
    order = np.argsort(-np.abs(A), kind="stable")
    A, spaces, energy = A[order], spaces[order], energy[order]
    there = int(np.count_nonzero(np.abs(A) > ABSENT))
    if there < 3 or np.abs(A[0]) >= np.abs(A[1:]).sum():
        return 0.0, 0.0
    free = A.size - (3 if there == 3 else 4)  # phases that are even on the circle
    torus = _Torus(A, spaces, energy, _row(system, beable), there)
    if there == 3 and free == 0:
        return float(torus.value(np.zeros((1, 0)))[0]), 0.0
    size = 1 << max(0, int(np.ceil(np.log2(samples / PARTS))))
    dimensions = free + (there > 3)
    sets = [
        float(torus.value(qmc.Sobol(dimensions, seed=each).random(size)).mean())
        for each in np.random.default_rng(seed).spawn(PARTS)
    ]
    return float(np.mean(sets)), float(np.std(sets, ddof=1) / np.sqrt(PARTS))


class _Torus:
    """sqrt(pi kappa) |K| p(0), weighted, at points of the torus where Psi_a = 0; A in descending order of |A|."""

    def __init__(self, A: Complex, spaces: Complex, energy: Floats, row: Complex, there: int) -> None:
        self.A, self.spaces, self.energy, self.row, self.there = A, spaces, energy, row, there

    def value(self, u: Floats) -> Floats:
        """(M,) of even points u (M, D) of the unit cube."""
        M, A, size = u.shape[0], self.A, np.abs(self.A)
        theta = np.zeros((M, A.size))
        if self.there == 3:  # the third phase is the overall one
            theta[:, 3:] = 2 * np.pi * u
            return self._images(theta, np.broadcast_to(A[2], M), np.full(M, 1.0))
        theta[:, 4:] = 2 * np.pi * u[:, 1:]  # the fourth is the overall one
        rest = (A[3:] * np.exp(-1j * theta[:, 3:])).sum(axis=1)
        r = np.abs(rest)
        # s^2 = r^2 + |A_3|^2 + 2 r |A_3| v, v the cosine of the angle between both
        low = ((size[0] - size[1]) ** 2 - r**2 - size[2] ** 2) / (2 * r * size[2])
        high = ((size[0] + size[1]) ** 2 - r**2 - size[2] ** 2) / (2 * r * size[2])
        v0, v1 = np.maximum(low, -1.0), np.minimum(high, 1.0)
        half = np.maximum(0.5 * (v1 - v0), 0.0)
        v = 0.5 * (v1 + v0) + half * np.cos(np.pi * u[:, 0])
        # d theta = dv/sqrt(1 - v^2) and dv = half sin(psi) d psi; psi has the length pi, theta 2 pi with both its signs
        slope = np.sqrt(np.maximum(1 - v**2, 1e-300))
        weight = np.where(half > 0, half * np.sin(np.pi * u[:, 0]) / (2 * slope), 0.0)
        out = np.zeros(M)
        for sign in (1.0, -1.0):
            angle = np.angle(rest) + sign * np.arccos(np.clip(v, -1, 1))
            theta[:, 2] = np.angle(A[2]) - angle
            out += self._images(theta, rest + size[2] * np.exp(1j * angle), weight)
        return out

    def _images(self, theta: Floats, rest: Complex, weight: Floats) -> Floats:
        """Sum over the two triangles of A_1, A_2 and what the others, `rest` (M,), leave; theta (M, J) all phases."""
        A, size, s = self.A, np.abs(self.A), np.abs(rest)
        squared = ((size[0] + size[1]) ** 2 - s**2) * (s**2 - (size[0] - size[1]) ** 2)
        closed = (squared > 0) & (weight > 0)
        cosine = np.clip((s**2 + size[0] ** 2 - size[1] ** 2) / np.maximum(2 * s * size[0], 1e-300), -1, 1)
        out = np.zeros(s.size)
        for sign in (1.0, -1.0):
            first = size[0] * np.exp(1j * (np.angle(-rest) + sign * np.arccos(cosine)))
            turned = theta.copy()
            turned[:, 0] = np.angle(A[0]) - np.angle(first)
            turned[:, 1] = np.angle(A[1]) - np.angle(-rest - first)
            psi = np.exp(-1j * turned) @ self.spaces
            g = psi * self.row
            K = np.abs(g.sum(axis=1))
            moving = closed & (ABSENT * np.abs(g).sum(axis=1) < K)
            width = near_field.kappa(np.where(moving[:, None], g, 1.0))
            area = 0.25 * np.sqrt(np.where(closed, squared, 1.0))
            out += np.where(moving, np.sqrt(np.pi * width) * K * weight / (8 * np.pi**2 * area), 0.0)
        return out


def _row(system: System, beable: int) -> Complex:
    """-i H_ab/hbar, (P,), 0 for b = a."""
    row = -1j * system.frequencies[[beable], :].toarray()[0]
    row[beable] = 0.0
    return np.asarray(row)


def _spaces(system: System, state: ArrayLike) -> tuple[Complex, Floats]:
    """Psi's parts (J, P) in the J eigenspaces of H where it has any, and their energies (J,)."""
    path = paths.of(system, state)
    apart = np.diff(path.energy, prepend=-np.inf) > ALIKE * max(float(np.ptp(path.energy)), 1e-300)
    which = np.cumsum(apart) - 1
    parts = np.zeros((which[-1] + 1, system.P), complex)
    np.add.at(parts, which, path.start[:, None] * path.vectors.T)
    some = np.linalg.norm(parts, axis=1) > ABSENT
    return parts[some], path.energy[apart][some]
