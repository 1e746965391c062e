"""Writes the pages of the reference that are made from the code, into docs/reference, before Sphinx reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import api
import commands
import datasets
import keys

PAGES = {"keys": keys.page, "datasets": datasets.page, "commands": commands.page, "api": api.page}


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}


def write(app: Any) -> None:
    """Each page, where it is new or has changed: what stays as it is need not be read again."""
    folder = Path(app.srcdir, "reference")
    folder.mkdir(exist_ok=True)
    texts = {f"{name}.md": page() for name, page in PAGES.items()}
    texts["config.schema.json"] = json.dumps(keys.schema(), indent=2) + "\n"
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
