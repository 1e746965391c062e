"""One look for all figures: palette, sizes, lettered panels, and how a figure becomes files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F7F7F", "#8C564B")
"""Okabe and Ito's palette, told apart by colour-blind readers too."""
GREY = "0.35"
"""What stands for a kind of line in a legend, and what is no case of its own."""
DASHES: Any = (0, (4, 1.5))
DOTS: Any = (0, (1, 1.2))
MARK: Any = {"ls": "", "marker": "o", "mfc": "white", "mew": 0.9}
"""Points that were simulated."""
BESIDE = (1.02, 1.0)
"""Where the legends of wide panels stand: right of the axes."""
LEGEND: Any = {"frameon": False, "fontsize": 9, "alignment": "left", "borderaxespad": 0}
DPI = 200

PLAIN: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "figure.constrained_layout.w_pad": 0.08,
}
"""Figures of a few wide panels."""
SMALL: Any = {
    **PLAIN,
    "font.size": 9,
    "axes.titlesize": 9.5,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "figure.constrained_layout.h_pad": 0.08,
}
"""Figures of many small panels."""


@contextmanager
def drawing(look: dict[str, Any]) -> Iterator[Any]:
    """pyplot, off screen, with matplotlib's defaults and `look` on top: a user's matplotlibrc (usetex, say) and
    MPLBACKEND may ask for programs that are not there."""
    wanted = os.environ.get("MPLBACKEND")
    os.environ["MPLBACKEND"] = "Agg"  # matplotlib cannot even be imported with a name it does not know
    try:
        import matplotlib
    finally:
        if wanted is None:
            del os.environ["MPLBACKEND"]
        else:
            os.environ["MPLBACKEND"] = wanted
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with plt.style.context(["default", look]):
        yield plt


def panels(rows: int, columns: int, size: tuple[float, float], **layout: Any) -> tuple[Any, Any]:
    """A figure of `size` inches and its axes (rows, columns)."""
    import matplotlib.pyplot as plt

    return plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", **layout)


def letter(axes: Sequence[Any], first: str = "a") -> None:
    """(a), (b), ... before the titles of panels, in order."""
    for k, each in enumerate(axes):
        each.set_title(f"({chr(ord(first) + k)})  {each.get_title(loc='left')}".rstrip(), loc="left")


def plain_decades(*axes: Any) -> None:
    """Logarithmic axes (an `Axes.xaxis` or `.yaxis` each) with plain numbers at decades and nothing between."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis in axes:
        axis.set_major_locator(LogLocator(10))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.set_minor_formatter(NullFormatter())


def save(figure: Any, folder: Path, name: str) -> list[Path]:
    """Write a figure as NAME.png and NAME.pdf into `folder` and close it; returns their paths."""
    import matplotlib.pyplot as plt

    paths = [folder / f"{name}.{kind}" for kind in ("png", "pdf")]
    for path in paths:
        figure.savefig(path, dpi=DPI, metadata={"CreationDate": None} if path.suffix == ".pdf" else None)
    plt.close(figure)
    return paths
