"""The figure of a run: occupations beside Schroedinger's, and what is left between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from copympi.report.analysis import Comparison, compare
from copympi.storage.reading import Results

MOST = 8
"""Most beables drawn one by one."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F7F7F", "#8C564B")
"""Okabe and Ito's palette, told apart by colour-blind readers too."""


def draw(results: Results, comparison: Comparison | None = None) -> list[Path]:
    """Write occupation.png and occupation.pdf beside the results; returns their paths."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style: Any = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8}
    with plt.rc_context(style):
        figure, (top, bottom) = plt.subplots(
            2, 1, figsize=(7.2, 5.4), sharex=True, height_ratios=(2.4, 1), layout="constrained"
        )
        comparison = compare(results) if comparison is None else comparison
        shown = np.sort(np.argsort(-np.ptp(comparison.quantum, axis=0), kind="stable")[:MOST])
        _occupations(top, results, comparison, shown)
        _differences(bottom, results, comparison, shown)
        paths = [results.path.with_name(f"occupation.{kind}") for kind in ("png", "pdf")]
        for path in paths:
            figure.savefig(path, dpi=200, metadata={"CreationDate": None} if path.suffix == ".pdf" else None)
        plt.close(figure)
    return paths


def _occupations(axes: Any, results: Results, c: Comparison, shown: Any) -> None:
    N, R = results.members, results.occupation.shape[0]
    every = max(1, c.time.size // 60)
    for colour, a in zip(COLOURS, shown, strict=False):
        axes.plot(c.time, c.quantum[:, a], color=colour, lw=1.1)
        name = results.system.labels[a]
        axes.plot(c.time[::every], c.density[::every, a], "o", color=colour, ms=3.6, mfc="white", mew=1.0, label=name)
    axes.plot([], [], color="0.35", lw=1.1, label="Schrödinger")
    axes.plot([], [], "o", color="0.35", ms=3.6, mfc="white", label="copies")
    axes.set_ylabel("share of the members, $n_a/N$")
    axes.set_ylim(0, max(0.05, 1.08 * float(np.nanmax(c.quantum))))
    axes.margins(x=0.01)
    of = f"{_power(R)} replicas of $N$ = {_power(N)}" if R > 1 else f"$N$ = {_power(N)} members"
    kind = "occupation numbers" if results.system.P <= MOST else f"{MOST} of {results.system.P} occupation numbers"
    axes.set_title(f"Copy dynamics against Schrödinger's equation: {kind}, {of}", fontsize=10, loc="left")
    columns = 1 if len(shown) <= 4 else 2
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=columns, fontsize=9)


def _differences(axes: Any, results: Results, c: Comparison, shown: Any) -> None:
    N, R = results.members, results.occupation.shape[0]
    scale = np.sqrt(N * R)
    for colour, a in zip(COLOURS, shown, strict=False):
        axes.plot(c.time, scale * c.difference[:, a], color=colour, lw=0.9)
    a = c.liveliest
    band = scale * c.expected[:, a]
    if np.isfinite(band).any():
        axes.fill_between(c.time, -band, band, color="0.5", alpha=0.22, lw=0)
        axes.plot([], [], color="0.5", alpha=0.4, lw=6, label=f"±1σ expected, {results.system.labels[a]}")
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)
    axes.axhline(0, color="0.3", lw=0.6)
    unit = results.time_unit
    axes.set_xlabel(f"time [{unit}]" if unit else "time")
    axes.set_ylabel(r"difference $\times\sqrt{N}$" if R == 1 else r"difference $\times\sqrt{NR}$")


def _power(n: int) -> str:
    """1,234,567 as it is, but round large numbers as powers of ten."""
    text = str(n)
    zeros = len(text) - len(text.rstrip("0"))
    if zeros >= 4:
        lead = text[: len(text) - zeros]
        mantissa = lead[0] + ("." + lead[1:] if len(lead) > 1 else "")
        power = len(text) - 1
        return f"$10^{{{power}}}$" if mantissa == "1" else f"${mantissa}\\times 10^{{{power}}}$"
    return f"{n:,}"
