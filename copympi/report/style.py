"""One look for all figures: palette, sizes, lettered panels, and how a figure becomes files."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

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
FEW_POINTS = 300
"""Points of a curve above which straight lines between them look smooth."""

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
def drawing(look: dict[str, Any]) -> Iterator[None]:
    """matplotlib's defaults with `look` on top: a user's matplotlibrc (usetex, say) and MPLBACKEND may ask for programs
    that are not there. Without pyplot, so that the windows of a user's own session stay as they are."""
    wanted = os.environ.get("MPLBACKEND")
    os.environ["MPLBACKEND"] = "Agg"  # matplotlib cannot even be imported with a name it does not know
    try:
        import matplotlib
    finally:
        if wanted is None:
            del os.environ["MPLBACKEND"]
        else:
            os.environ["MPLBACKEND"] = wanted
    from matplotlib import style

    with matplotlib.rc_context(), style.context(["default", look]):
        yield


@cache
def _figures() -> Any:
    """The class of our figures; matplotlib is imported where one is drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class Shown(Figure):
        """A figure that notebooks show by themselves, whatever their backend."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            FigureCanvasAgg(self)

        def _repr_png_(self) -> bytes:
            picture = io.BytesIO()
            self.savefig(picture, format="png", dpi=110)
            return picture.getvalue()

    return Shown


def blank(size: tuple[float, float]) -> Any:
    """An empty figure of `size` inches."""
    return _figures()(figsize=size, layout="constrained")


def panels(rows: int, columns: int, size: tuple[float, float], **layout: Any) -> tuple[Any, Any]:
    """A figure of `size` inches and its axes (rows, columns)."""
    figure = blank(size)
    return figure, figure.subplots(rows, columns, squeeze=False, **layout)


def smooth(x: Any, y: Any, jumps: Sequence[float] = ()) -> tuple[Any, Any]:
    """A curve through the points (x, y), y >= 0, without corners: a cubic spline where the points are few.

    jumps : x at which y jumps, its value there that of before; NaN stands between the pieces.
    """
    from scipy.interpolate import make_interp_spline  # here: it takes a tenth of a second

    if len(jumps):
        places = np.unique(np.searchsorted(x, jumps, side="right"))
        parts = [smooth(*part) for part in zip(np.split(x, places), np.split(y, places), strict=True) if len(part[0])]
        gap = np.array([np.nan])
        xs, ys = ([each for part in parts for each in (part[k], gap)][:-1] for k in (0, 1))
        return np.concatenate(xs), np.concatenate(ys)
    if not (4 <= len(x) <= FEW_POINTS and np.all(np.isfinite(y))):
        return x, y
    more = np.linspace(x[0], x[-1], 8 * len(x))
    return more, np.maximum(make_interp_spline(x, y)(more), 0.0)


def letter(axes: Sequence[Any], first: str = "a") -> None:
    """(a), (b), ... before the titles of panels, in order."""
    for k, each in enumerate(axes):
        each.set_title(f"({chr(ord(first) + k)})  {each.get_title(loc='left')}".rstrip(), loc="left")


def shades(colour: str, count: int) -> list[Any]:
    """`count` colours of one hue, from pale to dark: steps of one quantity, where the hue says what is shown."""
    from matplotlib.colors import to_rgb

    own = np.array(to_rgb(colour))
    if count == 1:
        return [tuple(own)]
    return [tuple(own + x * (1 - own) if x > 0 else own * (1 + x)) for x in np.linspace(0.5, -0.6, count)]


def headroom(axes: Any, share: float) -> None:
    """Raise the y axis, when all is drawn and its scale is set: the panel's upper `share` is then free for a legend."""
    scale = axes.yaxis.get_transform()
    low, high = scale.transform(np.array(axes.get_ylim()))
    axes.set_ylim(top=float(scale.inverted().transform(np.array([low + (high - low) / (1 - share)]))[0]))


def _short(axis: Any) -> bool:
    """Whether a logarithmic axis, as its limits are now, shows fewer than two decades' numbers."""
    low, high = np.log10(getattr(axis.axes, f"get_{axis.axis_name}lim")())
    return bool(np.floor(high) - np.ceil(low) < 1)


def plain_decades(*axes: Any) -> None:
    """Logarithmic axes (an `Axes.xaxis` or `.yaxis` each) with plain numbers at decades and nothing between; where that
    were fewer than two numbers, also at 2 and 5 times them. Called when the limits are set."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis in axes:
        axis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if _short(axis) else (1,)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.set_minor_formatter(NullFormatter())


def decades(axes: Any) -> None:
    """A panel's logarithmic axes with powers of ten alone, or as plain_decades where they show fewer than two of them.
    Called when the limits are set."""
    axes.minorticks_off()
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log" and _short(axis):
            plain_decades(axis)


def save(figure: Any, folder: Path, name: str) -> list[Path]:
    """Write a figure as NAME.png and NAME.pdf into `folder`; returns their paths."""
    paths = [folder / f"{name}.{kind}" for kind in ("png", "pdf")]
    for path in paths:
        figure.savefig(path, dpi=DPI, metadata={"CreationDate": None} if path.suffix == ".pdf" else None)
    return paths
