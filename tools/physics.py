"""Draws docs/physics.png, the figure of docs/physics.md: python tools/physics.py (a minute on one core)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.integrate import quad_vec, solve_ivp
from scipy.linalg import expm

import copympi
from copympi.report import style

H = np.array([[0.4, 0.5 + 0.2j, 0.1], [0.5 - 0.2j, -0.4, 0.3j], [0.1, -0.3j, 0.0]])
PSI = np.sqrt([0.45, 0.35, 0.2]) * np.exp(-1j * np.array([0.0, 0.7, 2.0]))
MEMBERS, ENSEMBLES, TIME = 1000, 4000, 6.0
LEFT, RIGHT = style.COLOURS[0], style.COLOURS[1]


def flows(psi: Any) -> Any:
    """Net flows from b to a, (P, P), 1/time, of members in units of N."""
    return 2 * np.imag(np.conj(psi)[:, None] * H * psi[None, :])


def variance(t: float, a: int) -> float:
    """N times the variance of n_a/N at t by the formula of docs/physics.md."""

    def rate(s: float) -> float:
        psi, later, U = expm(-1j * H * s) @ PSI, expm(-1j * H * t) @ PSI, expm(-1j * H * (t - s))
        each = U[a] / np.conj(psi)
        answer = np.real(np.conj(later[a]) * (each[:, None] - each[None, :])) ** 2
        return float(np.sum(np.abs(flows(psi)) * answer) / 2)

    return float(quad_vec(rate, 0, t, epsrel=1e-6)[0])


def phases_held(times: Any, a: int) -> Any:
    """The same where noise moves n alone, and phases as if there were none: wrong, and shown to be."""

    def change(t: float, flat: Any) -> Any:
        C, psi = flat.reshape(3, 3), expm(-1j * H * t) @ PSI
        F, rho = flows(psi), np.abs(psi) ** 2
        J = F / (2 * rho[None, :]) + np.diag(F.sum(axis=1) / (2 * rho))
        D = np.diag(np.abs(F).sum(axis=1)) - np.abs(F)
        return (J @ C + C @ J.T + D).ravel()

    return solve_ivp(change, (0, TIME), np.zeros(9), t_eval=times, rtol=1e-8).y[4 * a]


def figure() -> Any:
    out = style.blank((9.0, 5.6))
    grid = out.add_gridspec(2, 2, width_ratios=(1, 1.25))
    rule, one, noise = out.add_subplot(grid[:, 0]), out.add_subplot(grid[0, 1]), out.add_subplot(grid[1, 1])
    D = np.linspace(-np.pi, np.pi, 401)
    rule.plot(D / np.pi, np.maximum(0, np.sin(D)), color=LEFT)
    rule.plot(D / np.pi, np.maximum(0, -np.sin(D)), color=RIGHT)
    rule.text(0.5, 1.03, "b copies a", color=LEFT, ha="center")
    rule.text(-0.5, 1.03, "a copies b", color=RIGHT, ha="center")
    rule.set_xlabel(r"$(\phi_a - \phi_b + \delta_{ab})/\pi$")
    rule.set_ylabel("rate of copying, in units of its largest value")
    rule.set_ylim(0, 1.12)
    rule.set_xlim(-1, 1)
    rule.set_title("one direction of a pair is open")

    system = copympi.System(H)
    run = copympi.simulate(
        system, state=PSI, members=MEMBERS, replicas=ENSEMBLES, duration=TIME, interval=0.1, seed=1, method="exact"
    )
    n = run.occupation[:, :, 2] / MEMBERS
    mean, sigma = run.schrodinger[:, 2], run.sigma[:, 2]
    one.fill_between(run.time, mean - 2 * sigma, mean + 2 * sigma, color="0.9", lw=0, label=r"$\pm 2\sigma$")
    one.plot(run.time, n[:40].T, color=LEFT, lw=0.4, alpha=0.5)
    one.plot(run.time, mean, color="k", ls=style.DOTS, label="Schrödinger")
    one.set_ylabel(r"$n_2/N$")
    one.set_title("40 ensembles of 1,000 copies")
    one.legend(loc="upper right", **style.LEGEND)

    scatter = MEMBERS * n.var(axis=0, ddof=1)
    few = run.time[::3]
    error = scatter[::3] * np.sqrt(2 / ENSEMBLES)
    noise.errorbar(few, scatter[::3], error, color=LEFT, **style.MARK, ms=4, label="4,000 ensembles")
    noise.plot(run.time, [variance(t, 2) for t in run.time], color="k", label="formula")
    noise.plot(run.time, phases_held(run.time, 2), color=RIGHT, ls=style.DASHES, label="phases without noise")
    noise.set_ylabel(r"$N$ Var$(n_2/N)$")
    noise.set_xlabel("time")
    noise.set_ylim(bottom=0)
    noise.set_title("the noise of the phases matters")
    noise.legend(loc="upper left", **style.LEGEND)
    for axes in (one, noise):
        axes.set_xlim(0, TIME)
    style.letter([rule, one, noise])
    print("formula / sigma of a Run:", [MEMBERS * run.sigma[k, 2] ** 2 / variance(run.time[k], 2) for k in (20, 60)])
    print("simulated / formula:", scatter[20] / variance(2.0, 2), scatter[60] / variance(6.0, 2))
    print("least density:", run.schrodinger.min(), "lost:", (run.occupation == 0).any(axis=(1, 2)).sum())
    return out


if __name__ == "__main__":
    with style.drawing(style.PLAIN):
        figure().savefig(Path(__file__).parents[1] / "docs/physics.png", dpi=140)
