"""Pages that stand outside of docs/, and links that lead there: GitHub has all files, the site only pages.

PAGES are taken into the site; a link to any other file names it. Where a link shows the name of a page, as on GitHub,
the site has the page's title.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

PAGES = {
    "jobs/README.md": "project/jobs.md",
    "benchmarks/RESULTS.md": "project/benchmarks.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
}
"""Files of the repository -> their pages in docs/, which are made when the site is."""
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", copy)
    app.connect("source-read", relink)
    return {"parallel_read_safe": True}


def copy(app: Any) -> None:
    """Take PAGES into docs/, where they are new or have changed."""
    docs = Path(app.srcdir)
    for name, page in PAGES.items():
        source, path = docs.parent / name, docs / page
        text = relinked(source.read_text(encoding="utf-8"), docs.parent, name, page)
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def relink(app: Any, docname: str, source: list[str]) -> None:
    """Make the links of a page of docs/ such as the site has."""
    root, page = Path(app.srcdir).parent, f"{docname}.md"
    if page not in PAGES.values() and (Path(app.srcdir) / page).exists():
        source[0] = relinked(source[0], root, f"docs/{page}", page)


def relinked(text: str, root: Path, name: str, page: str) -> str:
    """The text of a file `name` of the repository as the text of a page of the site.

    FileNotFoundError where it links to what is not there.
    """

    def better(found: re.Match[str]) -> str:
        said, target, anchor = found[1], posixpath.normpath(posixpath.join(posixpath.dirname(name), found[2])), found[3]
        if not (root / target).exists():
            raise FileNotFoundError(f"{name} links to {target}, which is not there")
        inside = PAGES.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else None)
        if inside is not None:
            said = "" if said.endswith(".md") else said  # then the site shows the title of the page
            return f"[{said}]({os.path.relpath(inside, posixpath.dirname(page) or '.')}{anchor or ''})"
        return f"`{target}`" if said in (target, posixpath.basename(target), f"`{target}`") else f"{said} (`{target}`)"

    return LINK.sub(better, text)
