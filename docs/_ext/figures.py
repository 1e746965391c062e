"""Figures of the gallery that pyplot does not know of, such as those `run.plot()` gives: shown where they are made."""

from __future__ import annotations

import warnings
from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

shown: list[Figure] = []
"""Figures that stand on a page already."""


def scrape(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save each Figure that a block has left in a variable, or as the value of its last line; RST that shows them."""
    places = []
    for value in block_vars["example_globals"].values():
        if isinstance(value, Figure) and not hasattr(value, "number") and not any(value is old for old in shown):
            places.append(str(next(block_vars["image_path_iterator"])))
            value.savefig(places[-1], dpi=150)
            shown.append(value)
    return figure_rst(places, gallery_conf["src_dir"]) if places else ""


def plain_warnings(gallery_conf: dict[str, Any], fname: str) -> None:
    """What a page of the gallery warns of is told without the paths of this machine."""
    warnings.formatwarning = lambda message, category, *_: f"{category.__name__}: {message}\n"
