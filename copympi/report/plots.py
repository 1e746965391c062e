"""The figure of a run: occupations beside Schroedinger's, and what is left between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from copympi.report import lattice_figure
from copympi.report.analysis import Comparison, compare
from copympi.report.drawing import drawing
from copympi.report.motion import Motion
from copympi.report.numbers import power
from copympi.storage.reading import Results

MOST = 8
"""Most beables drawn one by one."""
MARKERS = 40
"""About so many markers a curve."""
BESIDE = (1.02, 1.0)
"""Where legends stand: right of the axes."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F7F7F", "#8C564B")
"""Okabe and Ito's palette, told apart by colour-blind readers too."""


def draw(results: Results, comparison: Comparison | Motion | None = None) -> list[Path]:
    """Write occupation.png and .pdf beside the results, on a lattice lattice.png and .pdf; returns their paths."""
    style: Any = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8}
    style["figure.constrained_layout.w_pad"] = 0.08
    comparison = compare(results) if comparison is None else comparison
    with drawing(style) as plt:
        if isinstance(comparison, Motion):
            name, figure = "lattice", lattice_figure.figure(results, comparison)
        else:
            name, figure = "occupation", _figure(results, comparison)
        paths = [results.path.with_name(f"{name}.{kind}") for kind in ("png", "pdf")]
        for path in paths:
            figure.savefig(path, dpi=200, metadata={"CreationDate": None} if path.suffix == ".pdf" else None)
        plt.close(figure)
    return paths


def _figure(results: Results, comparison: Comparison) -> Any:
    import matplotlib.pyplot as plt

    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(7.2, 5.4), sharex=True, height_ratios=(2.4, 1), layout="constrained"
    )
    shown = np.sort(np.argsort(-np.ptp(comparison.quantum, axis=0), kind="stable")[:MOST])
    _occupations(top, results, comparison, shown)
    _differences(bottom, results, comparison, shown)
    return figure


def _occupations(axes: Any, results: Results, c: Comparison, shown: Any) -> None:
    every = max(1, round(c.time.size / MARKERS))
    mark: Any = {"ls": "", "marker": "o", "ms": 4.2 if len(shown) <= 3 else 3.4, "mfc": "white", "mew": 0.9}
    curves = []
    for k, (colour, a) in enumerate(zip(COLOURS, shown, strict=False)):
        places = slice(k * every // len(shown), None, every)  # those of one curve beside those of the next
        axes.plot(c.time[places], c.density[places, a], color=colour, zorder=2, **mark)
        curves += axes.plot(c.time, c.quantum[:, a], color=colour, lw=1.2, zorder=3)
    axes.set_ylabel("share of the members, $n_a/N$")
    axes.set_ylim(0, max(0.05, 1.08 * float(max(c.quantum[:, shown].max(), c.density[:, shown].max()))))
    axes.margins(x=0.01)
    axes.set_title(_title(results, len(shown)), fontsize=10, loc="left")
    beside: Any = {"frameon": False, "fontsize": 9, "alignment": "left", "borderaxespad": 0}
    names = axes.legend(curves, ["."] * len(curves), title="beable", loc="upper left", bbox_to_anchor=BESIDE, **beside)
    for text, a in zip(names.get_texts(), shown, strict=True):
        text.set_text(shorten(results.system.labels[a], 24))
        text.set_parse_math(False)
    axes.add_artist(names)
    kinds = [axes.plot([], [], color="0.35", lw=1.2)[0], axes.plot([], [], color="0.35", **mark)[0]]
    axes.legend(kinds, ["Schrödinger", "copies"], loc="lower left", bbox_to_anchor=(BESIDE[0], 0.0), **beside)


def _differences(axes: Any, results: Results, c: Comparison, shown: Any) -> None:
    N, R = float(results.members), results.occupation.shape[0]
    known = c.time.size > 1 and bool(np.all(c.expected[1:, shown] > 0))
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
        if np.abs(values[:, shown]).max() < 1e-6:  # nothing but rounding
            axes.set_ylim(-1, 1)
        axes.set_ylabel(r"difference $\times\sqrt{N}$" if R == 1 else r"difference $\times\sqrt{NR}$")
    unit = shorten(results.time_unit, 24)
    axes.set_xlabel(f"time [{unit}]" if unit else "time", parse_math=False)


def _title(results: Results, shown: int) -> str:
    N, R, P = results.members, results.occupation.shape[0], results.system.P
    beables = f"{shown} of {P:,} beables" if shown < P else f"{P} beable{'s' if P > 1 else ''}"
    return f"{beables}, " + (f"{power(R)} replicas of " if R > 1 else "") + f"$N$ = {power(N)}"


def shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
