"""The figure of a sweep: deviation from Schroedinger's equation against N, with what the theory expects of it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.report import style
from copympi.report.style import BESIDE, COLOURS, DOTS, GREY, LEGEND, MARK
from copympi.report.tables import Row
from copympi.sweep.points import SEED
from copympi.sweep.rows import DEVIATION, EXPECTED, LOST, RATIO

MEMBERS = "preparation.members"
ALIKE = 0.01
"""Expected deviations that differ by less are drawn as one line."""


def drawn(rows: list[Row], over: dict[str, list[Any]]) -> Any:
    """A matplotlib figure; None where nothing can be shown. Against N, else the first key swept over numbers."""
    with style.drawing(style.PLAIN):
        return _figure(rows, over)


def _figure(rows: list[Row], over: dict[str, list[Any]]) -> Any:
    x = _abscissa(over)
    shown = [row for row in rows if np.isfinite(row[DEVIATION][0]) and row[DEVIATION][0] > 0]
    if x is None or not shown:
        return None
    others = [key for key in over if key not in (x, SEED)]
    lines: dict[str, list[Row]] = {}
    for row in shown:
        lines.setdefault(json.dumps([row[key] for key in others]), []).append(row)
    names = _some(list(lines))
    figure, axes = style.panels(2, 1, (7.2, 5.4), sharex=True, height_ratios=(2.4, 1))
    top, bottom = axes[:, 0]
    chosen = {name: sorted(lines[name], key=lambda row: float(row[x])) for name in names}
    _deviations(top, chosen, x)
    _ratios(bottom, chosen, x)
    bottom.set_xlabel("members, $N$" if x == MEMBERS else x, parse_math=x == MEMBERS)
    if x == MEMBERS or _wide([row[x] for row in shown]):
        bottom.set_xscale("log")
    top.set_yscale("log")
    _legend(top, names, others, len(lines))
    style.letter((top, bottom))
    return figure


def _abscissa(over: dict[str, list[Any]]) -> str | None:
    numbers = [key for key, values in over.items() if key != SEED and len(values) > 1
               and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)]  # fmt: skip
    return MEMBERS if MEMBERS in numbers else numbers[0] if numbers else None


def _some(names: list[str]) -> list[str]:
    """All lines, or as many as there are colours, evenly chosen."""
    if len(names) <= len(COLOURS):
        return names
    return [names[k] for k in np.linspace(0, len(names) - 1, len(COLOURS)).round().astype(int)]


def _wide(values: list[Any]) -> bool:
    return min(values) > 0 and max(values) / min(values) > 30


def _columns(rows: list[Row], x: str, key: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """x, value and error of rows, (K,) each."""
    at = np.array([float(row[x]) for row in rows])
    pairs = np.array([row[key] for row in rows], float)
    return at, pairs[:, 0], np.nan_to_num(pairs[:, 1])


def _beside(at: NDArray[Any], k: int, lines: int, x: str) -> NDArray[Any]:
    """Where points of line k stand, so that those of several at one N can be told apart."""
    return at * 1.12 ** (k - 0.5 * (min(lines, len(COLOURS)) - 1)) if x == MEMBERS else at


def _deviations(axes: Any, lines: dict[str, list[Row]], x: str) -> None:
    drawn: list[float] = []
    for k, (colour, rows) in enumerate(zip(COLOURS, lines.values(), strict=False)):
        at, value, error = _columns(rows, x, DEVIATION)
        lost = np.array([row[LOST] > 0 for row in rows])
        _points(axes, _beside(at, k, len(lines), x), value, np.minimum(error, 0.9 * value), lost, colour)
        sigma = np.array([row[EXPECTED] for row in rows], float)
        known = np.isfinite(sigma)
        if x != MEMBERS:
            axes.plot(at, sigma, color=colour, lw=1.2, zorder=1)
        elif known.any():
            scaled = sigma * np.sqrt(at)
            # spectators bend the line: then it goes through what is expected at each N
            straight = np.ptp(scaled[known]) < ALIKE * float(scaled[known].max())
            if straight and any(abs(scaled[known][0] / other - 1) < ALIKE for other in drawn):
                continue
            drawn += [float(scaled[known][0])] if straight else []
            axes.plot(at[known], sigma[known], color=GREY if straight else colour, lw=1.2, zorder=1)
            if straight:
                axes.plot(at, scaled[known][0] / np.sqrt(at), color=GREY, lw=1.0, ls=DOTS, zorder=0)
    axes.set_ylabel(r"rms of $n_a/N - |\Psi_a|^2$")


def _points(axes: Any, at: Any, value: Any, error: Any, lost: Any, colour: str) -> None:
    """Points with errors; hollow where ensembles have lost a beable."""
    for which, fill in ((lost, "white"), (~lost, colour)):
        if which.any():
            axes.errorbar(
                at[which], value[which], yerr=error[which], color=colour, elinewidth=0.9, zorder=3,
                **{**MARK, "mfc": fill, "ms": 4.2},
            )  # fmt: skip


def _ratios(axes: Any, lines: dict[str, list[Row]], x: str) -> None:
    axes.axhline(1, color="0.3", lw=0.6, zorder=1)
    most = 0.1
    for k, (colour, rows) in enumerate(zip(COLOURS, lines.values(), strict=False)):
        at, value, error = _columns(rows, x, RATIO)
        at = _beside(at, k, len(lines), x)
        known = np.isfinite(value)
        if known.any():
            lost = np.array([row[LOST] > 0 for row in rows])
            _points(axes, at[known], value[known], error[known], lost[known], colour)
            most = max(most, float(np.max(np.abs(value[known] - 1) + error[known])))
    axes.set_ylim(1 - 1.15 * most, 1 + 1.15 * most)
    axes.set_ylabel("ratio to expected")


def _legend(axes: Any, names: list[str], others: list[str], total: int) -> None:
    kinds = [
        axes.plot([], [], color=GREY, **{**MARK, "mfc": GREY, "ms": 4.2})[0],
        axes.plot([], [], color=GREY, **{**MARK, "ms": 4.2})[0],
        axes.plot([], [], color=GREY, lw=1.2)[0],
        axes.plot([], [], color=GREY, lw=1.0, ls=DOTS)[0],
    ]
    words = ["copies", "some lost a beable", "linear noise\napproximation", r"its $N^{-1/2}$ below" + "\n20 members"]
    if others:
        _names(axes, names, others, total)
    axes.legend(kinds, words, loc="lower left", bbox_to_anchor=(BESIDE[0], 0.0), **LEGEND)


def _names(axes: Any, names: list[str], others: list[str], total: int) -> None:
    marks = [axes.plot([], [], color=colour, **{**MARK, "mfc": colour, "ms": 4.2})[0]
             for colour, _ in zip(COLOURS, names, strict=False)]  # fmt: skip
    title = ", ".join(key.rpartition(".")[2] for key in others)
    title += f"\n({len(names)} of {total})" if total > len(names) else ""
    legend = axes.legend(marks, [_short(name) for name in names], title=title, loc="upper left",
                         bbox_to_anchor=BESIDE, **LEGEND)  # fmt: skip
    for text in (*legend.get_texts(), legend.get_title()):
        text.set_parse_math(False)
    axes.add_artist(legend)


def _short(name: str) -> str:
    text = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in json.loads(name))
    return text if len(text) <= 28 else text[:27] + "…"
