"""How a notebook shows a Run: what it is in a few words, and a small figure."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

from copympi.report import plots

INCHES_TO_DOTS = 64


def html(run: Any) -> str:
    """HTML that stands by itself. Of a run of which there is no record yet, words alone."""
    rows = {
        "beables": f"{run.system.P:,}: {', '.join(run.system.labels[:6])}{', ...' if run.system.P > 6 else ''}",
        "copies": f"{float(run.events[..., -1].sum()):.4g} in {run.steps:,} steps",
        "results": str(run.path) if run.path is not None else "in memory",
    }
    if run.system.parts is not None:
        rows = {"parts": run.system.parts.said} | rows
    said = "".join(f"<tr><th>{key}</th><td>{escape(value)}</td></tr>" for key, value in rows.items())
    picture = io.BytesIO()
    plots.figure(run.results()).savefig(picture, format="png", dpi=INCHES_TO_DOTS)
    image = base64.b64encode(picture.getvalue()).decode()
    return f'<div><b>{escape(repr(run))}</b><table>{said}</table><img alt="" src="data:image/png;base64,{image}"></div>'
