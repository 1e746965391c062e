"""Tables in one style, at most 100 columns wide, and the same numbers as CSV."""

from __future__ import annotations

import csv as files
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

WIDE = 100
RULE = "-" * WIDE
Row = dict[str, Any]
"""Name of a column -> number, text, or (value, standard error)."""


@dataclass(frozen=True)
class Column:
    """One column: its head, its width, what it shows of a row, and how: ">", "<", "^", or "±", which puts the ± (or
    the last digit of what has none) into the middle."""

    head: str
    width: int
    show: Callable[[Row], str]
    align: str = ">"

    def text(self, row: Row) -> str:
        said = self.show(row)
        if self.align != "±":
            return f"{said:{self.align}{self.width}}"
        value, sign, error = said.partition("±")
        half = self.width // 2
        return f"{value:>{half}}{sign}{error}".ljust(self.width)

    @property
    def title(self) -> str:
        return f"{self.head:{'^' if self.align == '±' else self.align}{self.width}}"


@dataclass(frozen=True)
class Table:
    """A title, perhaps a line of heads over the columns' own, and rows; None leaves a line blank."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row | None]
    over: str = ""

    def lines(self) -> list[str]:
        heads = [self.over] if self.over else []
        heads.append("".join(column.title for column in self.columns))
        body = ["" if row is None else "".join(column.text(row) for column in self.columns) for row in self.rows]
        return [line.rstrip() for line in (self.title, "", *heads, RULE, *body)]


def text(*parts: Table | str) -> str:
    """Tables, and what is said about them, a blank line between any two."""
    return "\n\n".join(part if isinstance(part, str) else "\n".join(part.lines()) for part in parts)


def number(key: str, form: str = "g", absent: str = "-") -> Callable[[Row], str]:
    """Shows a number in a format; `absent` where it is missing or not finite."""

    def show(row: Row) -> str:
        value = row.get(key)
        return absent if value is None or not math.isfinite(value) else f"{value:{form}}"

    return show


def word(key: str) -> Callable[[Row], str]:
    """Shows a text as it is."""
    return lambda row: str(row.get(key, ""))


def measured(key: str, digits: int | None = None) -> Callable[[Row], str]:
    """Shows value ± standard error, see `pm`; "-" where there is none."""
    return lambda row: pm(row[key], digits) if key in row else "-"


def pm(number: tuple[float, float], digits: int | None = None) -> str:
    """Value ± error: so many digits behind the point, or as many as the error has a meaning in."""
    value, error = number
    if not math.isfinite(value):
        return "-"
    known = not math.isnan(error)
    if digits is None and abs(value) < 1e-3:
        return short(value) + (f"±{error:.0e}".replace("e-0", "e-") if known else "")
    if digits is None:
        size = error if known and error > 0 else abs(value) * 1e-3
        digits = min(5, max(1, 1 - math.floor(math.log10(size)))) if size > 0 else 1
    return f"{value:.{digits}f}" + (f"±{error:.{digits}f}" if known else "")


def short(value: float) -> str:
    """Two digits and a power of ten."""
    return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def count(n: float) -> str:
    """Members, by their size where they are many."""
    return f"{n:.0f}" if n < 1e6 else short(n)


def flat(rows: Sequence[Row]) -> list[Row]:
    """Rows of single values: (value, error) takes two columns, X and "X error"."""
    out: list[Row] = []
    for row in rows:
        out.append({})
        for name, value in row.items():
            pair = value if isinstance(value, tuple) else (value,)
            out[-1].update(zip((name, f"{name} error"), pair, strict=False))
    return out


def csv(rows: Sequence[Row]) -> str:
    """Rows as CSV; (value, error) takes two columns, X and "X error"; what is missing stays empty."""
    told = [
        {name: "" if x is None or (isinstance(x, float) and math.isnan(x)) else x for name, x in row.items()}
        for row in flat(rows)
    ]
    names = list(dict.fromkeys(name for row in told for name in row))
    file = io.StringIO()
    writer = files.DictWriter(file, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(told)
    return file.getvalue()
