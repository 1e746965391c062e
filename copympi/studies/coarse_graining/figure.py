"""The figure of the study of coarse graining."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.report import style
from copympi.report.style import COLOURS, DASHES, DOTS, GREY
from copympi.studies.coarse_graining.numbers import Answers, pendulum

COLOUR = {1: GREY, 2: COLOURS[4], 4: COLOURS[0], 8: COLOURS[1], 16: COLOURS[2]}
"""Of boxes of so many sites."""
PROBLEM = {"body": (COLOURS[3], "in a well"), "fall": (COLOURS[7], "constant force")}
"""Of a body's centre: colour, name."""


def figure(answers: Answers) -> Any:
    """Six panels: packets in a well, speeds, pendulums, distances at each N, deaths, one body's atoms."""
    out, axes = style.panels(2, 3, (11.5, 6.8))
    for ax, panel in zip(axes.flat, (_densities, _speeds, _pendulums, _distances, _deaths, _body), strict=True):
        panel(ax, answers)
    style.letter(axes.flat)
    return out


def _densities(axes: Any, answers: Answers) -> None:
    """The packet of 64 sites' amplitude at three times, one above the other."""
    fine = answers.get("well", k=1, start=64.0)[0]
    shown = [fine, *(answers.get("well", k=k, start=64.0)[0] for k in (2, 8))]
    lift = 0.036
    for row, (record, name) in enumerate(((0, "$t=0$"), (20, "$T/4$"), (40, "$T/2$"))):
        base = lift * (2 - row)
        for o in shown:
            k = o.case.k
            rho = o.rho[0, record] / k + base
            edges = np.append(o.model.x - 0.5 * k, o.model.x[-1] + 0.5 * k)
            if k == 1:
                axes.fill_between(o.model.x, base, rho, color="0.85", lw=0, zorder=1)
            else:
                axes.stairs(rho, edges, baseline=None, color=COLOUR[k], lw=1.2, zorder=2 + k)
        axes.text(-133, base + 0.002, name, va="bottom", ha="left")
    handles = [axes.fill_between([], [], color="0.85", label="sites")]
    handles += [axes.plot([], [], color=COLOUR[k], label=rf"boxes of {k}, $\kappa$ = {k / 8:g}")[0] for k in (2, 8)]
    axes.legend(handles=handles, loc="upper right", borderaxespad=0, handlelength=1.4)
    axes.set(xlim=(-136, 136), ylim=(0, 3 * lift), yticks=[], xlabel="x [sites]", xticks=(-100, -50, 0, 50, 100))
    axes.spines["left"].set_visible(False)
    axes.set_title("a packet in a well: density of its copies")


def _speeds(axes: Any, answers: Answers) -> None:
    kappa = np.linspace(1e-6, 4.2, 200)
    axes.plot(kappa, np.sin(kappa) / kappa, color=GREY, lw=1.1, label=r"$\sin\kappa\,/\,\kappa$")
    axes.axhline(0, color="0.3", lw=0.6, zorder=1)
    for k, marker in zip(sorted({r["k"] for r in answers.free}), "osD", strict=True):
        rows = [r for r in answers.free if r["k"] == k]
        axes.plot(
            [r["kappa"] for r in rows], [r["speed"] for r in rows], ls="", marker=marker, ms=5.5, mfc="white", mew=1.3,
            color=COLOUR[k], label=f"boxes of {k} sites",
        )  # fmt: skip
    axes.set(xlim=(0, 4.2), ylim=(-0.35, 1.08), ylabel="speed, boxes / sites")
    axes.set_xlabel(r"$\kappa = A\,|\partial_x S|/\hbar$, boxes of length $A$")
    axes.set_title("free packets: boxes lag behind")
    axes.legend(loc="upper right", borderaxespad=0.2)


def _pendulums(axes: Any, answers: Answers) -> None:
    rows = sorted((r for r in answers.well if r["k"] == 8), key=lambda r: float(r["kappa"]))
    for r, colour in zip(rows, style.shades(COLOUR[8], len(rows)), strict=True):
        o = answers.get("well", k=8, start=r["amplitude"])[0]
        t = 1.25 * o.time / o.time[-1]
        axes.plot(t, o.position[0] / r["amplitude"], color=colour, label=f"{r['kappa']:g}", zorder=3)
        axes.plot(t, pendulum(r["kappa"], t), color=colour, lw=0.9, ls=(0, (2, 1.5)), zorder=2)
    t = np.linspace(0, 1.25, 200)
    axes.plot(t, -np.cos(2 * np.pi * t), color="0.6", lw=3.5, alpha=0.5, zorder=1)
    axes.set(xlim=(0, 1.25), ylim=(-1.1, 1.85), yticks=(-1, 0, 1), xlabel="time / Newton's period")
    axes.set_ylabel(r"$\langle x\rangle$ / amplitude")
    axes.set_title("boxes of 8 move as a pendulum")
    handles, names = axes.get_legend_handles_labels()
    handles += [axes.plot([], [], color=GREY, lw=0.9, ls=(0, (2, 1.5)))[0]]
    handles += [axes.plot([], [], color="0.6", lw=3.5, alpha=0.5)[0]]
    names = [*(rf"$\kappa$ = {name}" for name in names), "pendulum", "Newton"]
    axes.legend(handles, names, loc="upper center", ncols=3, columnspacing=1.2, handlelength=1.6, borderaxespad=0)


def _distances(axes: Any, answers: Answers) -> None:
    for k in sorted({r["k"] for r in answers.wave}):
        rows = sorted((r for r in answers.wave if r["k"] == k), key=lambda r: float(r["members"]))
        N, off, error = (np.array([r[c] for r in rows]) for c in ("members", "distance", "distance error"))
        name = "sites" if k == 1 else f"boxes of {k}"
        axes.errorbar(N, off, error, color=COLOUR[k], marker="o", ms=4, mfc="white", label=name, elinewidth=0.9)
        if k > 1:
            axes.axhline(rows[0]["floor"], color=COLOUR[k], lw=0.8, ls=DASHES, zorder=1)
    axes.set(xscale="log", yscale="log", xlabel="members $N$", ylabel="share of members elsewhere")
    axes.set_title("a wave on 64 sites: off the sites' QM")
    axes.plot([], [], color=GREY, lw=0.8, ls=DASHES, label=r"their own QM, $N\to\infty$")
    style.headroom(axes, 0.26)
    axes.legend(loc="upper right", ncols=2, borderaxespad=0.2, columnspacing=1.2)
    style.decades(axes)


def _deaths(axes: Any, answers: Answers) -> None:
    markers: Any = {32: "-", 128: DASHES, 512: DOTS}
    for o in answers.get("life"):
        n = o.case.members / o.model.x.size
        axes.plot(o.time / (n * o.model.abar**2), o.dead.mean(axis=0), color=COLOUR[o.case.k], ls=markers.get(n, "-"))
    widths = sorted({o.case.k for o in answers.get("life")})
    sizes = sorted({round(o.case.members / o.model.x.size) for o in answers.get("life")})
    handles = [axes.plot([], [], color=COLOUR[k], label="sites" if k == 1 else f"boxes of {k}")[0] for k in widths]
    handles += [axes.plot([], [], color=GREY, ls=markers.get(n, "-"), label=f"$n$ = {n}")[0] for n in sizes]
    axes.set(
        xlim=(0, 3),
        ylim=(0, 0.9),
        xlabel=r"time / $(n\,m A^2/\hbar)$, $n$ members a beable",
        ylabel="share of dead beables",
    )
    axes.set_title(r"the same for longer: beables die")
    axes.legend(handles=handles, loc="upper left", ncols=2, columnspacing=1.2, borderaxespad=0.2)


def _body(axes: Any, answers: Answers) -> None:
    for part, (colour, name) in PROBLEM.items():
        for s, dashes in ((1, "-"), (0, DASHES)):
            rows = [r for r in answers.body if (r["part"], r["spectators"]) == (part, s)]
            N, off, far, expected = (
                np.array([r[c] for r in rows]) for c in ("members", "off boxes", "off newton", "expected")
            )
            axes.plot(N, far, color=colour, ls=dashes, marker="o", ms=4, mfc="white", label=name if s else None)
            if s:
                axes.plot(N, off, color=colour, ls="", marker="x", ms=4)
                axes.plot(N, expected, color=colour, lw=0.8, zorder=1)
    axes.set(xscale="log", yscale="log", xlabel="atoms of the body $N$", ylabel="rms error of the centre [boxes]")
    axes.set_title("one body's atoms as the ensemble")
    handles, _ = axes.get_legend_handles_labels()
    handles = [axes.plot([], [], color=line.get_color(), label=line.get_label())[0] for line in handles]
    mark: Any = {"color": GREY, "marker": "o", "ms": 4, "mfc": "white"}
    handles += axes.plot([], [], color=GREY, lw=0.8, label="linear noise")
    handles += axes.plot([], [], **mark, ls=DASHES, label="off Newton, no spectators")
    handles += axes.plot([], [], **mark, label="off Newton, a spectator a box")
    handles += axes.plot([], [], color=GREY, ls="", marker="x", ms=4, label="off the boxes' QM, the same")
    style.headroom(axes, 0.27)
    how: Any = {"ncols": 2, "fontsize": 7, "borderaxespad": 0, "columnspacing": 0.8, "handlelength": 2.4}
    axes.legend(handles=handles, loc="upper right", **how)
    style.decades(axes)
