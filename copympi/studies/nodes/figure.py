"""The figure of the study of nodes."""

from __future__ import annotations

from typing import Any

def figure(answers: Any) -> Any:
    from copympi.report import style
    return style.panels(2, 3, (11.5, 6.8))[0]
