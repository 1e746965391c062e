"""The figure of a run: occupations beside Schroedinger's, and what is left between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from copympi.report import expected, lattice_figure, style
from copympi.report.analysis import Comparison, compare
from copympi.report.motion import Motion
from copympi.report.numbers import power
from copympi.report.style import BESIDE, COLOURS, DASHES, GREY, LEGEND, MARK
from copympi.storage.reading import Results

MOST = 8
"""Most beables drawn one by one."""
VISIBLE = 2e-3
"""A mean field this far off Schroedinger's is drawn beside it."""
MARKERS = 40
"""About so many markers a curve."""


def draw(results: Results, comparison: Comparison | Motion | None = None) -> list[Path]:
    """Write occupation.png and .pdf beside the results, on a lattice lattice.png and .pdf; returns their paths."""
    comparison = compare(results) if comparison is None else comparison
    name = "lattice" if isinstance(comparison, Motion) else "occupation"
    with style.drawing(style.PLAIN):
        return style.save(_drawn(results, comparison), results.path.parent, name)


def figure(results: Results) -> Any:
    """The same as a matplotlib Figure, in memory."""
    comparison = compare(results)
    with style.drawing(style.PLAIN):
        return _drawn(results, comparison)


def _drawn(results: Results, comparison: Comparison | Motion) -> Any:
    if isinstance(comparison, Motion):
        return lattice_figure.figure(results, comparison)
    return _figure(results, comparison)


def _figure(results: Results, comparison: Comparison) -> Any:
    figure, axes = style.panels(2, 1, (7.2, 5.4), sharex=True, height_ratios=(2.4, 1))
    top, bottom = axes[:, 0]
    curve = comparison.density if np.isnan(comparison.quantum).any() else comparison.quantum
    shown = np.sort(np.argsort(-np.ptp(curve, axis=0), kind="stable")[:MOST])
    _occupations(top, results, comparison, shown)
    _differences(bottom, results, comparison, shown)
    style.letter((top, bottom))
    return figure


def _occupations(axes: Any, results: Results, c: Comparison, shown: Any) -> None:
    every = max(1, round(c.time.size / MARKERS))
    mark: Any = {**MARK, "ms": 4.2 if len(shown) <= 3 else 3.4}
    curves = []
    several = len(results.events) > 1
    jumps = [entry.at for entry in results.schedule.filters]
    apart = bool(np.nanmax(np.abs(c.mean - c.quantum), initial=0.0) > VISIBLE)
    for k, (colour, a) in enumerate(zip(COLOURS, shown, strict=False)):
        places = slice(k * every // len(shown), None, every)  # those of one curve beside those of the next
        axes.plot(c.time[places], c.density[places, a], color=colour, zorder=2, **mark)
        curves += axes.plot(*style.smooth(c.time, c.quantum[:, a], jumps), color=colour, lw=1.2, zorder=3)
        if several:
            low, high = (c.density[:, a] + sign * c.spread[:, a] for sign in (-1, 1))
            axes.fill_between(c.time, low, high, color=colour, alpha=0.2, lw=0, zorder=1)
        if apart:
            axes.plot(c.time, c.mean[:, a], color=colour, lw=1.2, ls=DASHES, zorder=3)
    if c.frozen:
        said = "nothing can move: nobody to copy\n(spectators, admixture or basis help)"
        axes.text(0.5, 0.5, said, transform=axes.transAxes, ha="center", va="center", bbox={"fc": "w", "ec": "0.7"})
    axes.set_ylabel("share of the members, $n_a/N$")
    most = np.nanmax([c.quantum[:, shown], c.mean[:, shown], c.density[:, shown]])
    axes.set_ylim(0, max(0.05, 1.08 * float(most)))
    axes.margins(x=0.01)
    axes.set_title(_title(results, len(shown)), loc="left")
    names = axes.legend(curves, ["."] * len(curves), title="beable", loc="upper left", bbox_to_anchor=BESIDE, **LEGEND)
    for text, a in zip(names.get_texts(), shown, strict=True):
        text.set_text(shorten(results.system.labels[a], 24))
        text.set_parse_math(False)
    axes.add_artist(names)
    kinds = [axes.plot([], [], color=GREY, lw=1.2)[0], axes.plot([], [], color=GREY, **mark)[0]]
    names_of = ["Schrödinger", "copies"]
    if apart:
        kinds.insert(1, axes.plot([], [], color=GREY, lw=1.2, ls=DASHES)[0])
        pinned = expected.spectators_of(results) > 0
        whose = "with\nspectators" if pinned else "after\nfilters" if jumps else "of\nthe copy rule"
        names_of.insert(1, f"mean field {whose}")
    if several:
        kinds.append(axes.fill_between([], [], [], color=GREY, alpha=0.2, lw=0))
        names_of.append("spread of\nreplicas")
    axes.legend(kinds, names_of, loc="lower left", bbox_to_anchor=(BESIDE[0], 0.0), **LEGEND)


def _differences(axes: Any, results: Results, c: Comparison, shown: Any) -> None:
    N, R = c.members[:, None], results.occupation.shape[0]
    known = c.time.size > 1 and bool(np.all(c.expected[1:, shown] > 0))
    known = known and bool(np.isfinite(c.sigmas[1:, shown]).all())
    values = c.sigmas if known else np.sqrt(N * R) * c.difference
    for colour, a in zip(COLOURS, shown, strict=False):
        axes.plot(c.time, values[:, a], color=colour, lw=0.9)
    axes.axhline(0, color="0.3", lw=0.6, zorder=1)
    if known:
        bands = [axes.axhspan(-k, k, color=grey, lw=0, zorder=0) for k, grey in ((2, "0.93"), (1, "0.85"))]
        most = max(2.6, 1.08 * float(np.nanmax(np.abs(values[:, shown]))))
        axes.set_ylim(-most, most)
        axes.set_ylabel("difference / σ")
        axes.legend(
            bands[::-1], ["±1σ expected", "±2σ"], frameon=False, fontsize=9, loc="center left",
            bbox_to_anchor=(BESIDE[0], 0.5), borderaxespad=0,
        )  # fmt: skip
    else:
        if np.nanmax(np.abs(values[:, shown]), initial=0.0) < 1e-6:  # nothing but rounding
            axes.set_ylim(-1, 1)
        axes.set_ylabel(r"difference $\times\sqrt{N}$" if R == 1 else r"difference $\times\sqrt{NR}$")
    unit = shorten(results.time_unit, 24)
    axes.set_xlabel(f"time [{unit}]" if unit else "time", parse_math=False)


def _title(results: Results, shown: int) -> str:
    N, R, P = results.number, results.occupation.shape[0], results.system.P
    beables = f"{shown} of {P:,} beables" if shown < P else f"{P} beable{'s' if P > 1 else ''}"
    return f"{beables}, " + (f"{power(R)} replicas of " if R > 1 else "") + f"$N$ = {power(N)}"


def shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
