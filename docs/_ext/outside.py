"""Links that lead out of docs/ (../jobs/README.md): GitHub follows them; the site, without such pages, names files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

LINK = re.compile(r"\[([^\]]*)\]\((\.\./[^)#\s]+)(#[^)\s]*)?\)")


def setup(app: Any) -> dict[str, bool]:
    app.connect("source-read", replace)
    return {"parallel_read_safe": True}


def replace(app: Any, docname: str, source: list[str]) -> None:
    """Put the name of a file of the repository in the place of a link to it; a file that is not there is an error."""
    here = Path(app.srcdir, docname).parent

    def named(found: re.Match[str]) -> str:
        place = (here / found[2]).resolve()
        if Path(app.srcdir) in place.parents:
            return found[0]
        inside = place.relative_to(Path(app.srcdir).parent)
        if not place.exists():
            raise FileNotFoundError(f"{docname} links to {inside}, which is not there")
        return f"{found[1]} (`{inside}` in the repository)" if found[1] != str(inside) else f"`{inside}`"

    source[0] = LINK.sub(named, source[0])
