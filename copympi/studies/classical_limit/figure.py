"""The figure of the study of the classical limit."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.report import style
from copympi.report.style import COLOURS, DASHES, DOTS, GREY
from copympi.studies.classical_limit.cases import LARGE, Solver
from copympi.studies.classical_limit.numbers import Outcome, dispersed_off, power_law, quantum_off

SIZES = {1e6: COLOURS[5], 1e9: COLOURS[0], LARGE: COLOURS[1]}
DOTTED: Any = ({"marker": "s", "ms": 6, "mfc": "white"}, {"marker": "o", "ms": 4.5})
"""Points of ensembles without spectators, and with one a site."""
WAVE = {"color": "0.8", "lw": 5, "solid_capstyle": "round", "zorder": 1}
FEWEST = 1e-10
"""Least share of the members that has a colour; below, as where there is nobody, it is white."""


def figure(outcomes: list[Outcome]) -> Any:
    """Nine panels: images and paths of the harmonic and the double well, and the pendulum against hbar."""
    by_kind = {
        o.case.problem.kind: [p for p in outcomes if p.case.problem.kind == o.case.problem.kind] for o in outcomes
    }
    out, axes = style.panels(3, 3, (13.0, 9.6), height_ratios=(1, 1, 0.95))
    _well(axes[0], by_kind["harmonic"], ((1e9, 0), (1e9, 1)), "harmonic well", "time [periods]", (-34, 34))
    time = r"time [$m\bar a^2/\hbar$]"
    image = _well(axes[1], by_kind["double well"], ((1e9, 0), (LARGE, 0)), "double well", time, (-110, 110))
    bar = out.colorbar(image, ax=axes[:2, 1], pad=0.02, aspect=50, shrink=0.9)
    bar.set_label(rf"$n_a/N$; white: nobody, or less than $10^{{{np.log10(FEWEST):.0f}}}$")
    bar.outline.set_visible(False)
    _pendulums(axes[2], by_kind["pendulum"])
    style.letter(axes.flat)
    for row, kind in enumerate(("harmonic", "double well")):
        axes[row, 0].legend(loc="upper right", borderaxespad=0.2, handlelength=1.6)
        sizes = {o.case.members for o in by_kind[kind]}
        axes[row, 2].legend(handles=_key(axes[row, 2], sizes), loc="upper left", bbox_to_anchor=style.BESIDE)
    key = _key(axes[2, 2], {o.case.members for o in by_kind["pendulum"]}, DOTTED)
    axes[2, 2].legend(handles=key, loc="upper left", bbox_to_anchor=style.BESIDE)
    return out


def told(solver: Solver) -> str:
    """Members and spectators, as one says it in a title."""
    members, spectators = solver
    return f"$N = 10^{{{np.log10(members):.0f}}}$, {'one spectator a site' if spectators else 'no spectators'}"


def _key(axes: Any, sizes: set[float], marks: Any = ({}, {})) -> list[Any]:
    """What lines mean in the panel on their left. sizes : N that are there; marks : points without, with spectators."""
    lines = [axes.plot([], [], **WAVE, label="Schrödinger")[0]]
    lines += [axes.plot([], [], "k", ls=DOTS, label="Newton")[0]]
    named = {f"$N = 10^{{{np.log10(N):.0f}}}$ copies": colour for N, colour in SIZES.items() if N in sizes}
    lines += [axes.plot([], [], color=colour, label=name)[0] for name, colour in named.items()]
    lines += [axes.plot([], [], color=GREY, ls=DASHES, **marks[0], label="no spectators")[0]]
    lines += [axes.plot([], [], color=GREY, **marks[1], label="one spectator a site")[0]]
    return lines


def _well(axes: Any, outcomes: list[Outcome], seen: Any, title: str, time: str, frame: Any) -> Any:
    """Two images and all paths; returns one of the images, whose colours mean the same."""
    found = {o.case.solver: o for o in outcomes}
    unit = outcomes[0].case.problem.unit
    for ax, solver in zip(axes[:2], seen, strict=True):
        image = _image(ax, found[solver], unit, frame)
        ax.set(title=f"{title}: {told(solver)}", xlabel=time, ylabel="site")
    ax = axes[2]
    reference = outcomes[0].reference
    ax.plot(reference.time / unit, reference.quantum, **WAVE)
    ax.plot(reference.time / unit, reference.newton, "k", ls=DOTS, zorder=2)
    for o in outcomes:
        how: Any = {"color": SIZES[o.case.members], "ls": "-" if o.case.spectators else DASHES}
        for x in o.data["position"][: 1 if o.case.spectators else 3]:
            ax.plot(reference.time / unit, x, **how, lw=1.2, zorder=3)
    ax.set(title=f"{title}: paths", xlabel=time, ylabel=r"$\langle x\rangle$ [sites]")
    ax.set_xlim(0, reference.time[-1] / unit)
    return image


def _image(ax: Any, o: Outcome, unit: float, frame: Any) -> Any:
    from matplotlib.colors import LogNorm

    x = o.case.problem.system.lattice.positions[0]  # type: ignore[union-attr]
    rho = np.ma.masked_less(o.density, FEWEST)
    mesh = ax.pcolormesh(
        o.reference.time / unit, x, rho.T, norm=LogNorm(FEWEST, 0.1), cmap="viridis", shading="nearest", rasterized=True
    )
    ax.plot(o.reference.time / unit, o.data["position"][0], "k", lw=1.4, label=r"$\langle x\rangle$ of the copies")
    ax.plot(o.reference.time / unit, o.reference.newton, "k", ls=DOTS, lw=1.6, label="Newton")
    ax.set(xlim=(0, o.reference.time[-1] / unit), ylim=frame)
    return mesh


def _pendulums(axes: Any, outcomes: list[Outcome]) -> None:
    """Against hbar: how far copies come, their distance to Newton, and the quantum potential's share."""
    quantum = {o.case.problem.hbar: o for o in outcomes}
    hbar = np.array(sorted(quantum))
    rows: Any = (
        ("farthest", lambda o: o.reference.quantum.max(), r"largest $\langle x\rangle$ [rad]"),
        ("off newton", quantum_off, r"max $|\langle x\rangle - x_{Newton}|$ [rad]"),
        ("share", lambda o: o.reference.share, r"$\langle V_Q\rangle$ / kinetic energy of the flow"),
    )
    for ax, (name, solved, label) in zip(axes, rows, strict=True):
        ax.plot(hbar, [solved(quantum[h]) for h in hbar], **WAVE)
        _numbers(ax, name != "farthest")
        for solver in dict.fromkeys(o.case.solver for o in outcomes):
            mine = [o for o in outcomes if o.case.solver == solver]
            y, error = zip(*(o.numbers[name] for o in mine), strict=True)
            how: Any = {"color": SIZES[solver[0]], "ls": "-" if solver[1] else DASHES, **DOTTED[solver[1]], "lw": 1.2}
            ax.errorbar([o.case.problem.hbar for o in mine], y, np.nan_to_num(error), **how, zorder=3 + solver[1])
        ax.set(xlabel=r"$\hbar$ [$m\ell^{3/2}g^{1/2}$]", ylabel=label)
        ax.set_xticks(hbar, [f"1/{round(1 / h)}" for h in hbar])
    axes[0].axhline(max(o.reference.newton.max() for o in outcomes), color="k", ls=DOTS)
    axes[0].set_title("pendulum from −1 rad: how far copies come")
    axes[1].set_title("pendulum: distance to Newton")
    axes[2].set_title("pendulum: quantum potential")
    laws = [[off(quantum[h]) for h in hbar] for off in (quantum_off, dispersed_off)]
    axes[1].plot(hbar, laws[1], "k", lw=0.8, zorder=2)
    said = "Schrödinger to Newton", "thin: to Newton on sites"
    for k, (what, law) in enumerate(zip(said, laws, strict=True)):
        _law(axes[1], hbar, law, what, 0.12 - 0.08 * k)
    axes[1].set_ylim(min(laws[1]) / 12)
    _law(axes[2], hbar, [o.reference.share for o in (quantum[h] for h in hbar)], "Schrödinger", 0.04)


def _law(ax: Any, x: Any, y: list[float], what: str, height: float) -> None:
    """The exponent of a power law, in words."""
    slope, error, _ = power_law(list(x), y)
    text = rf"{what} $\propto\hbar^{{{slope:.3f}\pm{error:.3f}}}$"
    ax.text(0.98, height, text, transform=ax.transAxes, ha="right", fontsize=8)


def _numbers(ax: Any, both: bool) -> None:
    """Logarithmic axes with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_xscale("log")
    ax.minorticks_off()
    if both:
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
