"""The figure of the study of nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.report import style
from copympi.report.style import COLOURS, DASHES, DOTS, GREY
from copympi.studies.nodes.cases import REMEDIES
from copympi.studies.nodes.numbers import LARGE, Answers, survival
from copympi.theory.near_field import death

COPIES, BELL = COLOURS[0], COLOURS[3]
"""Colours of copies without a remedy, and of Bell's process."""
LEVELS = {2: "o", 3: "s", 4: "D"}
"""Points of passes, by the number of levels."""
REMEDY = {"none": COPIES, "spectator": COLOURS[2], "admixture": COLOURS[5], "basis": COLOURS[1]}
STATE = {"wanders": "o", "must diffuse": "s"}
"""Points of lifetimes, by what the state does."""
SAID = {"wanders": ("a state that\nwanders", 0.02, 0.035), "must diffuse": ("weights must\ndiffuse first", 1.7, 3.0)}
"""What is written beside those points, and where: multiples of N and lifetime of the last one."""
HIGHEST = 1e6
"""Lifetime at the top of its panel."""
POINT: Any = {"ls": "", "ms": 4.5, "mew": 1.1, "elinewidth": 0.9, "capsize": 0}


def figure(answers: Answers) -> Any:
    """Six panels: passes on one curve, rare deaths, (63) and (64), remedies, lifetimes, empty beables in time."""
    out, axes = style.panels(2, 3, (11.8, 7.2))
    for ax, panel in zip(axes.flat, (_curve, _rare, _paper, _remedies, _lives, _empty), strict=True):
        panel(ax, answers)
    style.letter(axes.flat)
    return out


def _curve(axes: Any, answers: Answers) -> None:
    x = np.linspace(0, 4.6, 100)
    axes.plot(x, np.exp(-x), color="k", lw=1.0, zorder=1)
    for r in answers.curve:
        marker = LEVELS[int(r["pass"][0])]
        afar, large = r["start"] == "from afar", r["N"] >= LARGE
        axes.errorbar(
            r["scaled"], *r["reduced"], marker=marker if large else "x", color=COPIES, alpha=1.0 if large else 0.55,
            mfc="white" if afar else COPIES, zorder=3 if large else 2, **POINT,
        )  # fmt: skip
    axes.set(yscale="log", xlim=(0, 4.6), ylim=(0.008, 1.15))
    axes.set_xlabel(r"$x\,/\,(\kappa+2s^2)$,   $x = N\rho_{\min}$")
    axes.set_ylabel(r"$P(\mathrm{death})\,\sqrt{1+2s^2/\kappa}$")
    axes.text(3.15, 0.075, r"$e^{-x/(\kappa+2s^2)}$", ha="left")
    axes.set_title("passes near a node, nothing fitted")
    shown = [axes.plot([], [], ls="", marker=m, color=COPIES, label=f"{n} levels")[0] for n, m in LEVELS.items()]
    shown += [
        axes.plot([], [], ls="", marker="o", color=GREY, label="from right before")[0],
        axes.plot([], [], ls="", marker="o", mfc="white", color=GREY, label="from afar")[0],
        axes.plot([], [], ls="", marker="x", color=GREY, alpha=0.7, label=f"$N$ < {LARGE:,}")[0],
    ]
    axes.legend(handles=shown, loc="lower left", borderaxespad=0.2, handletextpad=0.3, labelspacing=0.35)


def _rare(axes: Any, answers: Answers) -> None:
    x = np.linspace(0, 30, 100)
    noise = next(r["s2"] for r in answers.rare if r["start"] == "from afar")
    for start, fill in (("right before", COPIES), ("from afar", "white")):
        rows = [r for r in answers.rare if r["start"] == start]
        axes.plot(x, death(x, 1.0, noise if start == "from afar" else 0.0), color="k", lw=1.0, zorder=1)
        P, error = np.array([r["P"] for r in rows]).T
        where, error = [r["x"] for r in rows], np.minimum(error, 0.9 * P)
        axes.errorbar(where, P, error, color=COPIES, marker="o", mfc=fill, zorder=3, **POINT)
    last = {r["start"]: r["formula"] for r in answers.rare if r["x"] == 27}
    low, high = last["right before"], last["from afar"]
    axes.annotate("", (27, high / 2.5), (27, low * 2.5), arrowprops={"arrowstyle": "->", "color": GREY})
    axes.text(27.6, np.sqrt(low * high), rf"$\times$ {high / low:,.0f}", ha="left", va="center", color=GREY)
    axes.text(14.5, 5e-4, f"from afar: noise collected\nbefore the pass, $s^2$ = {noise:.3f}", ha="left")
    axes.text(0.9, 2.5e-10, "from right before\nthe pass, $s^2$ = 0", ha="left")
    axes.set(yscale="log", xlim=(0, 33), ylim=(1e-13, 3), xlabel=r"$x = N\rho_{\min}$", ylabel="$P$(death)")
    axes.set_title("rare deaths, by splitting")


def _paper(axes: Any, answers: Answers) -> None:
    clock = np.linspace(0, 5, 100)
    starts = sorted({r["n at 0"] for r in answers.paper})
    for n in starts:
        rows = [r for r in answers.paper if r["n at 0"] == n]
        axes.plot(clock, (np.sqrt(n) + clock) ** 2, color="k", lw=1.0, ls="-" if n else DASHES, zorder=1)
        mean, error = np.array([r["n"] for r in rows]).T
        axes.errorbar([r["clock"] for r in rows], mean, error, marker="o", color=COPIES, mfc="white", zorder=3, **POINT)
    for height, said, colour in (
        (49, "from 4\nmembers", COPIES),
        (36, "from 1", COPIES),
        (25, "(64) of 0", "k"),
        (0, "(63): 0\nstays 0", COPIES),
    ):
        axes.text(5.2, height, said, color=colour, va="center" if height else "bottom")
    axes.set(xlim=(0, 6.6), ylim=(-1.5, 53), xticks=range(6), xlabel=r"time since the node  $\sqrt{N}|K|\,t$")
    axes.set_ylabel("mean members $n_a$")
    axes.set_title("behind a node: (63) holds, (64) does not")


def _remedies(axes: Any, answers: Answers) -> None:
    for which, colour in REMEDY.items():
        rows = [r for r in answers.remedy if r["remedy"] == which]
        off, error = np.array([r["distance"] for r in rows]).T
        how: Any = {"marker": "o", "mfc": "white", "lw": 1.2, "ms": 4.5, "mew": 1.1, "label": REMEDIES[which]}
        axes.errorbar([r["N"] for r in rows], off, error, color=colour, zorder=3, **how)
    N = np.array([30.0, 10_000.0])
    axes.plot(N, 0.25 / np.sqrt(N), color=GREY, lw=0.9, ls=DOTS, label=r"$\propto 1/\sqrt{N}$")
    axes.legend(loc="lower left", borderaxespad=0.2, labelspacing=0.35)
    axes.set(xscale="log", yscale="log", ylim=(2e-4, 1.0), xlabel="members $N$")
    axes.set_ylabel(r"rms distance in $\rho$ from Schrödinger's")
    style.plain_decades(axes.xaxis)
    axes.set_title("an exact node: the three remedies")


def _lives(axes: Any, answers: Answers) -> None:
    """Lifetimes against N; what a start's path alone would give is drawn as far as the panel goes."""
    for state, marker in STATE.items():
        rows = [r for r in answers.life if r["state"] == state]
        sizes = np.array([r["N"] for r in rows], dtype=float)
        life, error = np.array([r["lifetime"] for r in rows]).T
        said, right, up = SAID[state]
        axes.text(right * sizes[-1], up * life[-1], said, color=COPIES, va="center")
        axes.errorbar(sizes, life, error, marker=marker, color=COPIES, mfc="white", zorder=4, **POINT)
        minima = np.array([r["path minima"] for r in rows])
        seen = minima < 100 * HIGHEST
        axes.plot(sizes[seen], minima[seen], color=GREY, lw=1.2)
        if state == "wanders":
            axes.plot(sizes, [r["torus"] for r in rows], color="k", lw=0.9, ls=DASHES)
        else:
            axes.plot(sizes, life[-1] * sizes / sizes[-1], color=GREY, lw=0.9, ls=DOTS)
    axes.set(xscale="log", yscale="log", xlim=(20, 2e6), ylim=(1, HIGHEST))
    axes.set(xlabel="members $N$", ylabel=r"lifetime [$1/\omega$]")
    axes.set_title("how long until a beable dies")
    axes.text(0.03, 0.985, "Bell's process: never", color=BELL, transform=axes.transAxes, va="top")
    torus = r"$\sqrt{N/\pi}\,/\,\Sigma\langle\sqrt{\kappa}|K|\rangle\,p(0)$"
    for colour, dashes, label in (
        (GREY, "-", "minima of the start's path"),
        ("k", DASHES, torus),
        (GREY, DOTS, r"$\propto N$"),
    ):
        axes.plot([], [], color=colour, lw=1.0, ls=dashes, label=label)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, 0.9), borderaxespad=0.3, labelspacing=0.35, handlelength=1.6)


def _empty(axes: Any, answers: Answers) -> None:
    bell = next(each for each in answers.done if each.case.part == "bell")
    lives = [each for each in answers.done if each.case.part == "life" and each.case.what == "wanders"]
    mine = next(each for each in lives if each.case.members == bell.case.members)
    time = np.linspace(0, float(mine.arrays["lived"].max()), 200)
    life = next(r["lifetime"][0] for r in answers.life if (r["state"], r["N"]) == ("wanders", bell.case.members))
    axes.plot(time, survival(mine, time), color=COPIES)
    axes.plot(time, 1 - np.exp(-time / life), color="k", lw=0.8, ls=DASHES)
    axes.plot(bell.arrays["time"], bell.arrays["empty"].mean(axis=0), color=BELL, lw=1.2)
    axes.plot(bell.arrays["time"], bell.arrays["expected"], color="k", lw=0.8, ls=DASHES)
    axes.text(0.4 * time[-1], 0.57, "copies: empty is for good", color=COPIES)
    axes.text(0.28 * time[-1], 0.24, "Bell's process: empty for moments", color=BELL)
    axes.set(xlim=(0, time[-1]), ylim=(0, 1.04), xlabel=r"time [$1/\omega$]", ylabel="ensembles with an empty beable")
    axes.set_title(f"copies and Bell's process, $N$ = {bell.case.members}")
