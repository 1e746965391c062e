"""Where figures are drawn: off screen, in our own style, whatever a user's matplotlib is set to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def drawing(style: dict[str, Any]) -> Iterator[Any]:
    """pyplot with matplotlib's defaults and `style` on top: a user's matplotlibrc (usetex, say) and MPLBACKEND may ask
    for programs that are not there."""
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

    with plt.style.context(["default", style]):
        yield plt
