"""The figure of the study of signalling."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.report import style
from copympi.report.style import COLOURS, DASHES, GREY, MARK
from copympi.report.tables import Row
from copympi.studies.signalling.model import TSIRELSON
from copympi.studies.signalling.numbers import FROM, LAW, Answers

MEAN, PLAIN, DYING, SPECTATOR = COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[5]
"""Colours of B's mean: without bias, as plain averages, the part of the dying; and with a spectator a beable."""
LAW_OF_ONE, CHSH, PSI = COLOURS[3], COLOURS[4], COLOURS[7]
"""Colours of what one system tells, and of CHSH's sum: of relative frequencies, and the most that Psi gives."""


def figure(answers: Answers) -> Any:
    """Six panels: signal against N, its limit, spectators, what B can tell, CHSH's sum, the other questions."""
    out, axes = style.panels(2, 3, (11.5, 6.8))
    for ax, panel in zip(axes.flat, (_signal, _limit, _spectators, _variation, _bell, _other), strict=True):
        panel(ax, answers)
    style.letter(axes.flat)
    return out


def _points(axes: Any, x: Any, numbers: Any, colour: str, **how: Any) -> None:
    value, error = np.array(numbers).reshape(-1, 2).T
    axes.errorbar(x, value, error, color=colour, **{**MARK, "ms": 4.5, "elinewidth": 0.9, **how})


def _columns(rows: list[Row], key: str) -> tuple[Any, list[Any]]:
    return np.array([row["members"] for row in rows]), [row[key] for row in rows]


def _signal(axes: Any, answers: Answers) -> None:
    rows = answers.signal
    axes.axhline(rows[0]["expected"], color=GREY, lw=0.9, ls=DASHES, zorder=1, label="dephasing equation")
    axes.axhline(0, color=GREY, lw=0.6, zorder=0)
    plain = [row for row in rows if row["plain"][1] < 1.0]
    _points(axes, *_columns(plain, "plain"), PLAIN, marker="x", label="plain averages")
    _points(axes, *_columns(rows, "signal"), MEAN, label="without bias, little noise")
    _points(axes, *_columns(rows, "of the dying"), DYING, marker="s", ms=3.5, label="part of the dying")
    axes.set(xscale="log", xlabel="members $N$", ylabel=r"$N\,(E_{\rm on}-E_{\rm off})$ of B's $n_{\rm up}/N$")
    axes.set_title("A's own H moves B's mean")
    axes.legend(loc="upper right", borderaxespad=0.2)
    style.decades(axes)


def _limit(axes: Any, answers: Answers) -> None:
    rows = [row for row in answers.signal if row["members"] >= FROM / 2]
    N, _ = _columns(rows, "signal")
    _points(axes, 1e3 / N, [row["signal"] for row in rows], MEAN, zorder=3)
    axes.plot([0], [rows[0]["expected"]], color="k", marker="*", ms=9, ls="", label="dephasing equation", zorder=4)
    x = np.linspace(0, 1 / FROM, 50)
    for limit in answers.limits:
        if limit["law"] == LAW:
            value, error = limit["limit"]
            axes.plot(1e3 * x, value + limit["slope"][0] * x, color=MEAN, lw=1, label=f"through $N$ ≥ {FROM}")
            _points(axes, [0], [(value, error)], MEAN, marker="s", ms=8, mfc="none", label="its limit", zorder=5)
    axes.set(xlabel="$1000/N$", ylabel=r"$N\,(E_{\rm on}-E_{\rm off})$")
    axes.set_title("its limit, from simulations alone")
    axes.legend(loc="lower left", borderaxespad=0.2)


def _spectators(axes: Any, answers: Answers) -> None:
    sizes = set(answers.sizes("spectators"))
    axes.axhline(0, color=GREY, lw=0.6, zorder=0)
    both = ((0, [r for r in answers.signal if r["members"] in sizes], MEAN), (1, answers.spectators, SPECTATOR))
    for count, rows, colour in both:
        _points(axes, *_columns(rows, "signal"), colour, label=f"{count or 'no'} spectator{'' if count else 's'}")
        axes.axhline(rows[0]["expected"], color=colour, lw=0.9, ls=DASHES, zorder=1)
    axes.plot([], [], color=GREY, lw=0.9, ls=DASHES, label="dephasing equation")
    axes.set(xscale="log", xlabel="members $N$", ylabel=r"$N\,(E_{\rm on}-E_{\rm off})$")
    axes.set_title("a spectator a beable changes it")
    axes.legend(loc="best", borderaxespad=0.2)
    style.decades(axes)


def _variation(axes: Any, answers: Answers) -> None:
    rows = answers.signal
    axes.axhline(rows[0]["variation expected"], color=LAW_OF_ONE, lw=0.9, ls=DASHES, zorder=1)
    _points(axes, *_columns(rows, "variation"), LAW_OF_ONE, label=r"variation of $n_{\rm up}$'s distribution")
    N, numbers = _columns(rows, "difference")
    good = [abs(value) > 2 * error for value, error in numbers]
    sizes = [(abs(value), error) for value, error in numbers]
    shown = [size for size, seen in zip(sizes, good, strict=True) if seen]
    _points(axes, N[good], shown, MEAN, label="|difference| of means")
    ends = np.array([100, 2e5])
    axes.plot(ends, abs(rows[0]["expected"]) / ends, color=MEAN, lw=0.9, ls=DASHES, zorder=1)
    axes.plot([], [], color=GREY, lw=0.9, ls=DASHES, label="theory")
    axes.set(xscale="log", yscale="log", xlabel="members $N$", ylabel="A's H on against off")
    axes.set_title("one system tells little, all of them more")
    axes.legend(loc="lower left", borderaxespad=0.2)
    axes.minorticks_off()


def _bell(axes: Any, answers: Answers) -> None:
    rows = answers.bell
    N, _ = _columns(rows, "sum")
    axes.axhline(TSIRELSON, color=GREY, lw=0.9, zorder=1)
    axes.annotate(r"$2\sqrt{2}$", (N[-1], TSIRELSON), xytext=(0, 3), textcoords="offset points", ha="right")
    value, one = np.array([row["sum"][0] for row in rows]), np.array([row["one"] for row in rows])
    axes.fill_between(N, value - one, value + one, color=CHSH, alpha=0.2, lw=0, label="± scatter of one $S$")
    _points(axes, N, [row["sum"] for row in rows], CHSH, label="mean of relative frequencies")
    x = np.geomspace(N[0], N[-1], 100)
    axes.plot(x, TSIRELSON + rows[0]["expected"] / x, color="k", lw=0.9, ls=DASHES, label="dephasing equation")
    psi = [(TSIRELSON + row["bound"][0] / row["members"], row["bound"][1] / row["members"]) for row in rows]
    _points(axes, N, psi, PSI, marker="x", label=r"most that the ensemble's $\Psi$ gives")
    axes.set(xscale="log", xlabel="members $N$", ylabel="CHSH's sum $S$", ylim=(2.0, 3.4))
    axes.set_title("CHSH's sum; 2 without entanglement")
    axes.legend(loc="lower right", borderaxespad=0.2)
    style.decades(axes)


def _other(axes: Any, answers: Answers) -> None:
    largest = max(row["members"] for row in answers.other)
    rows = [row for row in answers.other if row["members"] == largest]
    names = [f"{row['setup']}: {row['observable']}" for row in rows]
    y = -np.arange(len(rows), dtype=float)
    shift, error = np.array([row["shift"] for row in rows]).T
    axes.errorbar(shift, y, xerr=error, color=MEAN, ms=4.5, elinewidth=0.9, **MARK, label=f"$N$ = {largest:,}")
    expected = [row["expected"] for row in rows]
    axes.plot(expected, y, color="k", ls="", marker="|", ms=11, zorder=1, label="dephasing equation")
    axes.axvline(0, color=GREY, lw=0.6, zorder=0)
    axes.set_yticks(y, names, fontsize=7)
    axes.set(xlabel=r"$N\,(E-\mathrm{QM})$", ylim=(y[-1] - 0.7, 2.6))
    axes.set_title("other questions, other answers")
    axes.legend(loc="upper right", borderaxespad=0.2)
