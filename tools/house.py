"""Draws docs/house.svg, the figure of CONTRIBUTING.md: python tools/house.py. Rooms and their order: test_layers.py."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

FLOORS = [
    [("cli", "commands, exit codes, what is printed")],
    [("studies", "named questions: a table and a figure each")],
    [("sweep", "many runs in one job, and one table of them")],
    [("simulate", "a run from Python")],
    [("run", "assembles a run; the one loop; when to stop"), ("outcome", "a Run: arrays, theory, figures, frames")],
    [("report", "tables and figures, from files")],
    [("storage", "files, and nothing else"), ("theory", "what to compare with: never seen by the dynamics")],
    [("records", "what is recorded, and when")],
    [("engine", "how many ranks do it: the methods, their contract, layouts")],
    [("config", "the schema of a config file, and how it is read")],
    [("model", "what the theory says: pure functions of arrays; builders of systems")],
    [("kernels", "compiled inner loops, from cython_src/")],
    [
        (
            "errors, text, memory, files, cores, launcher, traffic, waiting, sending, last_words, interrupt, mpi, "
            "citation",
            "the ground",
        )
    ],
]
"""From the roof down: rooms beside each other do not know each other."""
WIDTH, HEIGHT, GAP = 720, 44, 8
COLOURS = ["#dbe7f3", "#e9eff6"]


def box(x: float, y: float, width: float, name: str, what: str, colour: str) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{HEIGHT}" rx="5" fill="{colour}" stroke="#4a6785"/>'
        f'<text x="{x + 12:g}" y="{y + 18:g}" font-weight="bold">{escape(name)}</text>'
        f'<text x="{x + 12:g}" y="{y + 35:g}" fill="#333">{escape(what)}</text>'
    )


def drawing() -> str:
    parts, y = [], GAP
    for k, floor in enumerate(FLOORS):
        width = (WIDTH - GAP * (len(floor) - 1)) / len(floor)
        for j, (name, what) in enumerate(floor):
            parts.append(box(GAP + j * (width + GAP), y, width, name, what, COLOURS[k % 2]))
        y += HEIGHT + GAP
    arrow = WIDTH + 3 * GAP
    parts.append(
        f'<path d="M{arrow} {2 * GAP} V{y - 3 * GAP}" stroke="#4a6785" stroke-width="2" fill="none"/>'
        f'<path d="M{arrow - 5} {y - 3 * GAP} h10 l-5 10 z" fill="#4a6785"/>'
        f'<text transform="translate({arrow + 16} {y / 2:g}) rotate(-90)" text-anchor="middle">imports</text>'
    )
    size = f'width="{arrow + 24}" height="{y}" viewBox="0 0 {arrow + 24} {y}"'
    style = 'font-family="sans-serif" font-size="13"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n' + "\n".join(parts) + "\n</svg>\n"


if __name__ == "__main__":
    Path(__file__).parents[1].joinpath("docs/house.svg").write_text(drawing(), encoding="utf-8")
