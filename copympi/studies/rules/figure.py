"""The figure of the study of copy rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.report import style
from copympi.report.style import COLOURS, DASHES, GREY
from copympi.studies.rules.cases import REVERSED
from copympi.studies.rules.table import Answers

FLOOR = 1e-9
"""Drawn in the place of what is less."""
RANGE = (-3.0, -0.5)
"""Of the colours of all planes: powers of ten."""
FAMILIES = {"strength": style.shades(COLOURS[0], 5)[2:], "second": COLOURS[3:6]}
RULES = (COLOURS[0], COLOURS[1], COLOURS[2])
"""Colours: of one harmonic, the quantum rule's hue; of two; of the rules that are run there and back."""
PANELS = {"signal": "signal to B", "reversal": "loss by reversal", "conjugacy": "conjugacy's defect"}


def figure(answers: Answers) -> Any:
    """Six panels: signal, reversal and conjugacy over (q, r); strength; a second harmonic; there and back against N."""
    out, axes = style.panels(2, 3, (11.5, 6.8))
    for ax, (key, title) in zip(axes[0], PANELS.items(), strict=True):
        image = _plane(ax, answers, key, title)
    bar = out.colorbar(image, ax=axes[0], pad=0.02, extend="both", ticks=np.arange(RANGE[0], RANGE[1] + 0.1, 0.5))
    bar.set_label("log$_{10}$ of what the title names")
    bar.outline.set_visible(False)
    _family(axes[1, 0], answers, "strength", "$R'/2kR$", "copying's strength")
    _family(axes[1, 1], answers, "second", "second harmonic / first", "a second harmonic, $k = 2$")
    _back(axes[1, 2], answers)
    style.letter(axes.flat)
    return out


def _plane(axes: Any, answers: Answers, key: str, title: str) -> Any:
    """One number over (q, r); returns the image, whose colours mean the same in all panels."""
    rows = answers.rows("plane")
    q, r = (sorted({row[name] for row in rows}) for name in ("q", "r"))
    values = np.full((len(r), len(q)), np.nan)
    for row in rows:
        values[r.index(row["r"]), q.index(row["q"])] = max(row[key], FLOOR)
    shown = np.log10(values)
    image = axes.pcolormesh(q, r, shown, shading="nearest", cmap="viridis", vmin=RANGE[0], vmax=RANGE[1])
    zero = [(row["q"], row["r"]) for row in rows if row[key] < 1e-6]
    axes.plot(*np.array(zero).reshape(-1, 2).T, ls="", marker="o", ms=5, mfc="white", mec="k")
    edge = np.array([min(q) - 0.025, max(q) + 0.025])
    axes.plot(edge, -edge, color="w", ls=DASHES, lw=1)
    axes.set(xlabel="$q$", ylabel="$r$", xlim=edge, ylim=(min(r) - 0.025, max(r) + 0.025))
    axes.set_title(title)
    return image


def _family(axes: Any, answers: Answers, part: str, label: str, title: str) -> None:
    rows = answers.rows(part)
    for name, colour in zip(dict.fromkeys(row["name"] for row in rows), FAMILIES[part], strict=True):
        some = [row for row in rows if row["name"] == name]
        x = [row["x"] for row in some]
        axes.plot(x, [row["signal"] for row in some], color=colour, marker="o", ms=3.5, label=name)
        if part == "second":
            axes.plot(x, [row["conjugacy"] for row in some], color=colour, ls=DASHES, lw=1)
    axes.set(xlabel=label, ylabel="signal" if part == "strength" else "signal (dashed: conjugacy)")
    axes.set_title(title)
    axes.set_ylim(bottom=0)
    axes.legend(loc="best")


def _back(axes: Any, answers: Answers) -> None:
    rows = answers.reversals
    for name, colour in zip(REVERSED, RULES, strict=True):
        some = [row for row in rows if row["rule"] == name]
        N = np.array([row["members"] for row in some], float)
        value, error = np.array([row["rms"] for row in some]).T
        axes.errorbar(N, value, error, color=colour, marker="o", mfc="white", ms=4.5, lw=1, label=name)
        if name == "quantum":
            axes.plot(
                N, value[0] * np.sqrt(N[0] / N), color=GREY, ls=DASHES, lw=1, zorder=1, label=r"$\propto N^{-1/2}$"
            )
    axes.set(xscale="log", yscale="log", xlabel="members $N$", ylabel=r"rms of $n/N-\rho(0)$")
    axes.set_title("there and back with $N$ members")
    axes.legend(loc="best")
    style.decades(axes)
