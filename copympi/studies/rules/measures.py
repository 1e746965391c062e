"""What is measured of a copy rule, at N = inf but for the way there and back of finite ensembles.

States are drawn at random, and those kept whose path by quantum mechanics passes no node: the least weight stays above
LEAST, so that the numbers are of a rule and not of a few states that die.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from copympi.model.mean_field import MeanField
from copympi.model.rules import Rule
from copympi.model.system import System
from copympi.simulate import simulate
from copympi.theory import mean_field, schrodinger

STATES = 32
LEAST = 0.03
TIMES = np.array([0.5, 1.0, 1.5])
"""Each signal is the root mean square over STATES random states and these times."""
ERROR, MOST = 1e-7, 400
"""Of amplitudes in a step; steps to the next time, beyond which a rule is left out (NaN)."""
BACK = 1.0
"""Time until phases are flipped."""
THREE = System([[0.4, 0.5 - 0.3j, 0.2], [0.5 + 0.3j, -0.3, 0.4j], [0.2, -0.4j, 0.1]])
X, Z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])
B = np.kron(np.eye(2), 0.5 * X + 0.2 * Z)
APART, TOGETHER = System(B), System(B + np.kron(0.7 * X + 0.3 * Z, np.eye(2)))
"""Two qubits, beables (a, b) = 00, 01, 10, 11, that do not interact: with A left alone, and with A turned too."""
MEASURES = {
    "signal": "what B sees of A's own Hamiltonian: rms change of the probability of b = 0",
    "distance": "rms of rho_a - |Psi_a|^2 of a three-level system at t = 1",
    "reversal": "rms of rho_a - rho_a(0) after t = 1, phases and delta flipped, t = 1 again",
    "energy": "rms change by t = 1 of the action's Hamiltonian, <H> where k = 1 alone",
    "superposition": "size of Phi(0.6 u + 0.8i v) - 0.6 Phi(u) - 0.8i Phi(v) at t = 0.5, rms over pairs of states",
    "conjugacy": "largest element of J^T Omega J - Omega of one state at t = 0.5",
    "norm": "largest change of sum rho",
    "died": "share of the three-level system's states that have lost a beable by t = 1",
}

Complex = NDArray[np.complex128]


@cache
def _states(which: str) -> Complex:
    """States (STATES, P) of one of the systems that pass no node by quantum mechanics."""
    systems = [APART, TOGETHER] if which == "pair" else [THREE]
    rng = np.random.default_rng(15)
    found: list[Complex] = []
    times = np.linspace(0.0, TIMES[-1], 31)
    while len(found) < STATES:
        psi = _random(rng, systems[0].P)
        if all(schrodinger.density(system, psi, times).min() > LEAST for system in systems):
            found.append(psi)
    return np.array(found)


def _random(rng: np.random.Generator, P: int) -> Complex:
    psi = rng.normal(size=P) + 1j * rng.normal(size=P)
    return np.asarray(psi / np.linalg.norm(psi))


def of(rule: Rule) -> dict[str, float]:
    """All MEASURES of a rule; NaN where its mean field cannot be followed."""
    out = dict.fromkeys(MEASURES, np.nan)
    for made in (_signal, _single, _superposition, _conjugacy):
        try:
            out |= made(rule)
        except mean_field.TooStiff:
            continue
    return out


def _evolve(system: System, psi: Complex, times: Any, rule: Rule) -> Complex:
    return mean_field.evolve(system, psi, times, rule, ERROR, MOST)


def _rms(values: Any) -> float:
    return float(np.sqrt(np.mean(np.abs(values) ** 2)))


def _signal(rule: Rule) -> dict[str, float]:
    both = [np.abs(_evolve(system, _states("pair"), TIMES, rule)) ** 2 for system in (APART, TOGETHER)]
    alone, turned = (rho[..., 0] + rho[..., 2] for rho in both)
    return {"signal": _rms(turned - alone)}


def _single(rule: Rule) -> dict[str, float]:
    psi = _states("three")
    end = _evolve(THREE, psi, [1.0], rule)[0]
    rho = np.abs(end) ** 2
    quantum = np.array([schrodinger.density(THREE, one, [1.0])[0] for one in psi])
    mirrored = System(THREE.hamiltonian.conj())
    back = _evolve(mirrored, end.conj(), [BACK], backwards(rule))[0]
    field = MeanField(THREE, rule)
    before, after = (field.energy(np.abs(c) ** 2, -np.angle(c)) for c in (psi, end))
    return {
        "distance": _rms(rho - quantum),
        "reversal": _rms(np.abs(back) ** 2 - np.abs(psi) ** 2),
        "energy": _rms(after - before),
        "norm": float(np.abs(rho.sum(axis=1) - 1.0).max()),
        "died": float(np.mean((rho == 0).any(axis=1))),
    }


def backwards(rule: Rule) -> Rule:
    """The rule with its shifts flipped, as delta is by time reversal."""
    flipped = [
        {"k": one.k, **one.strengths, "copying_shift": -one.copying_shift, "turning_shift": -one.turning_shift}
        for one in rule.harmonics
    ]
    return Rule(rule.q, rule.r, flipped)


def _superposition(rule: Rule) -> dict[str, float]:
    """Of sqrt(rho) exp(-i k phi), k that of the first harmonic."""
    k = max(rule.harmonics[0].k, 1)
    u = _states("three")
    v = np.roll(u, 1, axis=0)
    ends = []
    for psi in (u, v, 0.6 * u + 0.8j * v):
        start = np.abs(psi) * np.exp(1j * np.angle(psi) / k)
        end = _evolve(THREE, start, [0.5], rule)[0]
        ends.append(np.abs(end) * np.exp(1j * k * np.angle(end)))
    off = ends[2] - 0.6 * ends[0] - 0.8j * ends[1]
    return {"superposition": _rms(np.linalg.norm(off, axis=1))}


def _conjugacy(rule: Rule) -> dict[str, float]:
    psi = _states("three")[0]
    *_, J = mean_field.linear_map(THREE, np.abs(psi) ** 2, -np.angle(psi), 0.5, rule, 1e-11)
    return {"conjugacy": mean_field.symplectic_defect(J)}


def searched(seed: int, trials: int) -> NDArray[np.float64]:
    """Where a search for the least signal begins and ends (Nelder and Mead): two rows of q, r, R'/2R, size of a second
    harmonic (k = 2, R'^2 = 4 R times it, R^2 = R times it) and the signal."""

    def signal(x: NDArray[np.float64]) -> float:
        q, r, ratio, second = x
        if not (0 <= q <= 1 and -1 <= r <= 0.3 and 0.2 <= ratio <= 2 and 0 <= second <= 0.5):
            return 1.0
        harmonics = [{"copying": 2 * ratio, "turning": 1.0}, {"k": 2, "copying": 4 * second, "turning": second}]
        try:
            return _signal(Rule(q, r, harmonics))["signal"]
        except mean_field.TooStiff:
            return 1.0

    rng = np.random.default_rng(seed)
    start = rng.uniform([0.3, -0.7, 0.7, 0.0], [0.6, -0.4, 1.3, 0.1])
    corners = start + np.vstack([np.zeros(4), np.diag([0.05, -0.05, 0.1, 0.03])])
    options = {"maxfev": trials, "initial_simplex": corners, "xatol": 1e-9, "fatol": 1e-9}
    end = minimize(lambda x: np.log10(signal(x) + 1e-9), start, method="Nelder-Mead", options=options).x
    return np.array([[*start, signal(start)], [*end, signal(end)]])


def there_and_back(rule: Rule, members: int, replicas: int, seed: int, comm: Any) -> NDArray[np.float64]:
    """n_a/N - rho_a(0) of each ensemble (replicas, P) after t = 1, phases and delta flipped, and t = 1 again."""
    psi = _states("three")[0]
    asked: dict[str, Any] = {"members": members, "duration": BACK, "interval": BACK, "comm": comm}
    asked |= {"representation": "occupation", "method": "leap"}
    first = simulate(THREE, state=psi, rule=rule, replicas=replicas, seed=seed, **asked)
    mirrored = System(THREE.hamiltonian.conj())
    out = []
    for k in range(replicas):
        share, phase = first.occupation[k, -1] / members, np.nan_to_num(first.phase[k, -1])
        back = simulate(mirrored, density=share, phase=-phase, rule=backwards(rule), seed=seed + 1000 + k, **asked)
        out.append(back.occupation[-1] / members - first.occupation[k, 0] / members)
    return np.array(out)
