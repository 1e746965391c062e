"""The gallery: a newcomer's eight problems are there, each in at most fifteen lines of code; links lead to pages.

Whether the pages run is seen by `make docs`, which runs them all.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"
EIGHT = (
    "spin_one", "bell", "double_well", "lambda", "ghz", "one_member", "another_rule", "event_by_event",
)  # fmt: skip
"""What a physicist tries first."""
MOST = 15


def lines(page: Path) -> int:
    """Lines of code of a page: neither blank, nor a comment, the docstring or an import."""
    tree = ast.parse(page.read_text(encoding="utf-8"))
    skipped = (ast.Import, ast.ImportFrom)
    statements = [node for node in tree.body[1:] if not isinstance(node, skipped)]
    text = page.read_text(encoding="utf-8").splitlines()
    rows = {row for node in statements for row in range(node.lineno, node.end_lineno + 1)}  # type: ignore[operator]
    return sum(bool(text[row - 1].strip()) and not text[row - 1].lstrip().startswith("#") for row in rows)


@pytest.mark.parametrize("problem", EIGHT)
def test_the_eight_problems_take_fifteen_lines(problem: str) -> None:
    (page,) = GALLERY.glob(f"plot_??_{problem}.py")
    assert 5 <= lines(page) <= MOST, f"{page.name} has {lines(page)} lines of code"


def test_links_of_the_pages() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in GALLERY.glob("*.py"))
    found = set(re.findall(r"<\.\./([^>]+)\.html>`_", text))
    assert len(found) > 5
    assert [link for link in found if not (GALLERY.parent / f"{link}.md").exists()] == []


def test_what_is_counted(tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    code = "x = f(\n    1,\n    # why\n)\n\ny = 2  # z\n"
    page.write_text(f'"""Title."""\nimport a\nfrom b import (\n    c,\n)\n\n# %%\n# text\n{code}')
    assert lines(page) == 4
