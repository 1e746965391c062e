"""Docstrings of copympi are plain text, made for help(); here they become RST.

"name : what it is" begins an entry, whose further lines may be indented; a heading is underlined; all else is
paragraphs. Whatever RST would take for markup is text, but for `code`.
"""

from __future__ import annotations

import re
from typing import Any

ENTRY = re.compile(r"(\w+(?:, \w+)*) : (.*)")


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", _replace)
    return {"parallel_read_safe": True}


def _replace(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = as_rst(lines)


def as_rst(lines: list[str]) -> list[str]:
    """The lines of a docstring as RST."""
    out: list[str] = []
    block: list[str] = []
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if re.fullmatch(r"-{3,}", line.strip()):
            continue
        if re.fullmatch(r"-{3,}", below.strip()) and line.strip():
            out += [*_block(block), f".. rubric:: {line.strip()}", ""]
            block = []
        elif not line.strip():
            out += _block(block)
            block = []
        else:
            block.append(line)
    return out + _block(block)


def _block(lines: list[str]) -> list[str]:
    """Neighbouring lines: entries, or one paragraph."""
    out: list[str] = []
    paragraph: list[str] = []
    for line in lines:
        found = ENTRY.fullmatch(line)
        if found:
            out += _text(paragraph)
            paragraph = []
            out += [f"**{found[1]}**", f"    {escaped(found[2])}"]
        elif out and not paragraph and (line.startswith(" ") or out[-1].startswith("    ")):
            out.append(f"    {escaped(line.strip())}")
        else:
            paragraph.append(line)
    if out and not paragraph:
        out.append("")
    return out + _text(paragraph)


def _text(lines: list[str]) -> list[str]:
    return [*(escaped(line.strip()) for line in lines), ""] if lines else []


def escaped(text: str) -> str:
    """Text without markup, but for `code` and for pages, docs/NAME.md, which become links."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a lone one
        return (
            text.replace("\\", "\\\\").replace("*", "\\*").replace("|", "\\|").replace("`", "\\`").replace("_", "\\_")
        )
    plain = [re.sub(r"([\\*|])|_(?!\w)|(?<!\w)_", lambda found: "\\" + found[0], part) for part in parts[::2]]
    plain = [re.sub(r"\bdocs/([\w-]+)\.md", r":doc:`/\1`", part) for part in plain]
    code = [f"``{part}``" for part in parts[1::2]]
    return plain[0] + "".join(a + b for a, b in zip(code, plain[1:], strict=True))
