"""The table of a sweep as one reads it on a screen."""

from __future__ import annotations

import math
from typing import Any

from copympi.report import tables
from copympi.report.tables import Column, Row, Table, pm
from copympi.sweep.points import SEED
from copympi.sweep.rows import DEVIATION, ENSEMBLES, EXPECTED, FAILED, LOST, MISSING, RATIO

MOST_ROWS = 40
WIDEST = 24
ENOUGH = 20
"""Ensembles from which on the error of a ratio is to be trusted: with five, 11% of them are three errors off 1."""
MEANING = (
    "deviation: root mean square of n/N - |Psi|^2 over beables and records, in the mean of the ensembles.\n"
    "expected: by the linear noise approximation, no fit; - where some beable has fewer than 20 members\n"
    "in the mean, or the copy rule is not that of quantum mechanics. ratio: deviation / expected; - with fewer\n"
    "than 20 ensembles, whose scatter says too little of its error. A ratio that is off 1 by more than three of its\n"
    "errors wants an explanation.\n"
    "lost: ensembles that lost a beable for good."
)


def text(rows: list[Row], keys: list[str]) -> str:
    """The table, at most MOST_ROWS rows of it, and what its columns mean."""
    swept = [key for key in keys if key != SEED]
    columns = [_swept(key, rows) for key in swept]
    columns += [
        Column(ENSEMBLES, 11, lambda row: f"{row[ENSEMBLES]:,}"),
        Column(DEVIATION, 24, lambda row: _close(row[DEVIATION]), "±"),
        Column(EXPECTED, 10, lambda row: _short(row[EXPECTED])),
        Column("ratio", 18, _ratio, "±"),
        Column(LOST, 6, lambda row: "-" if math.isnan(row[LOST]) else f"{row[LOST]:.0%}"),
    ]
    for key in (FAILED, MISSING):
        if any(row[key] for row in rows):
            columns.append(Column(key, 9, lambda row, key=key: f"{row[key]:,}"))  # type: ignore[misc]
    parts: list[Table | str] = [Table("Deviation from Schrödinger's equation", columns, rows[:MOST_ROWS])]
    if len(rows) > MOST_ROWS:
        parts.append(f"... and {len(rows) - MOST_ROWS:,} rows more, in collected.csv")
    parts.append(MEANING)
    return tables.text(*parts)


def _ratio(row: Row) -> str:
    """The ratio ± its error, where there are ensembles enough to tell the error from.

    Where the deviation is small by chance, so is the scatter that its error is estimated from. So the error is at
    least the one that is expected at ratio 1, with the scatter in the same proportion to the mean.
    """
    ratio, error = row[RATIO]
    return pm((ratio, error / min(1.0, ratio) if ratio > 0 else error)) if row[ENSEMBLES] >= ENOUGH else "-"


def _swept(key: str, rows: list[Row]) -> Column:
    name = key.rpartition(".")[2]
    widest = max([len(name), *(len(_value(row[key])) for row in rows)])
    return Column(name, min(WIDEST, widest) + 2, lambda row: _value(row[key]))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    said = f"{value:,.10g}".replace("e+", "e") if isinstance(value, (int, float)) else str(value)
    return said if len(said) <= WIDEST else said[: WIDEST - 1] + "…"


def _close(number: tuple[float, float]) -> str:
    """Value ± error of a deviation, with as many digits as the error has a meaning in."""
    value, error = number
    if not math.isfinite(value) or value == 0:
        return "-" if math.isnan(value) else "0"
    power = math.floor(math.log10(value))
    if math.isnan(error):
        return _short(value)
    digits = 2 if error <= 0 else min(4, max(1, 1 + power - math.floor(math.log10(error))))
    return f"({value / 10**power:.{digits}f}±{error / 10**power:.{digits}f})e{power}"


def _short(value: float) -> str:
    return "-" if math.isnan(value) else tables.short(value)
