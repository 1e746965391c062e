"""The figure of single systems: a line each over time, coloured by its beable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.records.paths import Paths
from copympi.report import style
from copympi.report.plots import shorten
from copympi.report.style import BESIDE, COLOURS, LEGEND
from copympi.storage.reading import Results

MOST = 100
"""Members that are drawn."""
PIXELS = 1600
"""Times at which a line may change its colour."""
NAME = "histories"


def draw(results: Results) -> list[Path]:
    """Write histories.png and .pdf beside the results where members were followed; returns their paths."""
    if results.histories is None:
        return []
    with style.drawing(style.PLAIN):
        return style.save(_drawn(results.histories, 0), results.path.parent, NAME)


def figure(paths: Paths, replica: int = 0) -> Any:
    """The same as a matplotlib Figure, of one of the replicas, in memory."""
    with style.drawing(style.PLAIN):
        return _drawn(paths, replica)


def _drawn(paths: Paths, replica: int) -> Any:
    from matplotlib.colors import ListedColormap

    shown = np.unique(np.linspace(0, paths.ids.size - 1, MOST).round().astype(int))
    beables = pixels(paths, replica, shown)
    seen = np.unique(beables[beables >= 0])
    few = seen.size <= len(COLOURS)
    whole, axes = style.panels(1, 1, (7.2, 1.2 + 3.2 * min(1.0, 0.2 + shown.size / 50)))
    axes = axes[0, 0]
    colours = ListedColormap(COLOURS[: seen.size]) if few and seen.size else "viridis"
    values = np.searchsorted(seen, beables).astype(float) if few else beables.astype(float)
    limits = (-0.5, seen.size - 0.5) if few else (0, paths.system.P - 1)
    image = axes.imshow(
        np.ma.masked_where(beables < 0, values), cmap=colours, vmin=limits[0], vmax=limits[1], aspect="auto",
        interpolation="nearest", extent=(0, paths.end if paths.end > 0 else 1.0, shown.size, 0), rasterized=True,
    )  # fmt: skip
    if few:
        _legend(axes, [shorten(str(paths.system.labels[int(a)]), 24) for a in seen])
    else:
        whole.colorbar(image, ax=axes, label="beable", pad=0.02)
    axes.set_yticks([])
    axes.set_ylabel("members")
    unit = shorten(paths.unit, 24)
    axes.set_xlabel(f"time [{unit}]" if unit else "time", parse_math=False)
    axes.set_title(_title(paths, shown.size, replica), loc="left")
    return whole


def _legend(axes: Any, names: list[str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=colour) for colour in COLOURS[: len(names)]]
    made = axes.legend(handles, ["."] * len(names), title="beable", loc="upper left", bbox_to_anchor=BESIDE, **LEGEND)
    for text, name in zip(made.get_texts(), names, strict=True):
        text.set_text(name)
        text.set_parse_math(False)


def pixels(paths: Paths, replica: int, shown: NDArray[np.int64]) -> NDArray[np.int32]:
    """Beables of the members at places `shown` among those followed, at PIXELS times: (len(shown), PIXELS).

    In order of their beables at t = 0.
    """
    some = paths.some(paths.ids[shown], replica)
    times = (np.arange(PIXELS) + 0.5) * (paths.end / PIXELS)
    out = np.empty((shown.size, PIXELS), np.int32)
    for k, member in enumerate(some.ids[np.argsort(some.initial[0], kind="stable")]):
        when, beables = some.of(int(member))
        out[k] = beables[np.searchsorted(when, times, side="right") - 1]
    return out


def _title(paths: Paths, shown: int, replica: int) -> str:
    M = paths.ids.size
    drawn = f"{shown} of {M:,} members that were followed" if shown < M else f"{M} member{'s' if M > 1 else ''}"
    return drawn + (f", replica {replica}" if paths.replicas > 1 else "") + f": {len(paths):,} copies"
