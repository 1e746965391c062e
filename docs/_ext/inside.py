"""Links from page to page of the built site, also in HTML that Sphinx does not look into: each must lead somewhere."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


def setup(app: Any) -> dict[str, bool]:
    app.connect("build-finished", check, priority=900)  # after whoever copies files
    return {"parallel_read_safe": True}


def check(app: Any, problem: Exception | None) -> None:
    """ExtensionError that names every link of a site of HTML that leads nowhere."""
    from sphinx.errors import ExtensionError  # here: the tests know no Sphinx

    if problem is None and app.builder.name == "html":
        found = broken(Path(app.outdir))
        if found:
            raise ExtensionError("links that lead nowhere:\n  " + "\n  ".join(found))


class Page(HTMLParser):
    """What a page links to, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attributes if value}
        self.links += [given[name] for name in ("href", "src") if name in given]
        self.places |= {given[name] for name in ("id", "name") if name in given}


def broken(folder: Path) -> list[str]:
    """Links within the pages of a folder to files, or to places in pages, that are not there: "page: link"."""
    folder = folder.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    out = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            there = pages.get(target)
            lost = there is not None and unquote(parts.fragment) not in there.places
            if lost or (there is None and not target.exists()):
                out.append(f"{path.relative_to(folder)}: {link}")
    return sorted(set(out))
