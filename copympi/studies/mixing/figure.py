"""The figure of the study of mixing."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.report import style, tables
from copympi.report.style import COLOURS, DASHES, GREY, MARK
from copympi.report.tables import Row
from copympi.studies.mixing.box import EVERY
from copympi.studies.mixing.cases import A_PERIOD, ONE
from copympi.studies.mixing.model import ends
from copympi.studies.mixing.numbers import Answers, expected_scatter, second, shares
from copympi.theory import memory

BELL = "Bell's process"
TWO, RING, RANDOM, BOX = COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[3]
"""Colours of systems: two levels, a ring, random Hamiltonians, a chaotic box; shades where one quantity is varied."""


def figure(answers: Answers) -> Any:
    """Nine panels: one member's average, two levels, N, others; relaxation, random H, rings; stationary; the box."""
    out, axes = style.panels(3, 3, (11.5, 9.6))
    shown = (_average, _cycle, _size, _relaxation, _random, _ring, _stationary, _box_time, _box_h)
    for ax, panel in zip(axes.flat, shown, strict=True):
        panel(ax, answers)
    style.letter(axes.flat)
    return out


def _points(axes: Any, x: Any, numbers: Any, colour: str, **how: Any) -> None:
    value, error = np.array(numbers, float).reshape(-1, 2).T
    axes.errorbar(x, value, error, color=colour, **{**MARK, "ms": 4.5, "elinewidth": 0.9, **how})


def _of(rows: list[Row], **wanted: Any) -> list[Row]:
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def plain(axes: Any) -> None:
    """Numbers at 1, 2, 5 of each decade of a short logarithmic y axis."""
    low, high = axes.get_ylim()
    ticks = [m * 10.0**e for e in range(-2, 3) for m in (1, 2, 5) if low <= m * 10.0**e <= high]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])


def _average(axes: Any, answers: Answers) -> None:
    case, data = answers.of("average")[0]
    t = np.arange(1, case.records + 1) / A_PERIOD
    mean, scatter = data["mean"].mean(axis=0), np.sqrt(expected_scatter(case))
    axes.fill_between(t, mean - scatter, mean + scatter, color=GREY, alpha=0.2, lw=0, label=f"± scatter, {BELL}")
    colours = style.shades(TWO, len(data["some"]))
    for k, one in enumerate(data["some"]):
        axes.plot(t, one, color=colours[k], lw=0.9)
    axes.plot(t, mean, color="k", lw=1.2, label="all members")
    rows = answers.average
    for sign in (1, -1):
        edge = [(row["share"][0] + sign * row["scatter"][0], row["scatter"][1]) for row in rows]
        _points(axes, [row["periods"] for row in rows], edge, GREY, ms=3.5, label="measured" if sign > 0 else None)
    axes.set(
        xscale="log", xlabel="periods", ylabel="share of its time in beable 0", xlim=(t[0], t[-1]), ylim=(-0.4, 1.15)
    )
    axes.set_title("six members, each by itself")
    axes.legend(loc="lower left", ncols=2, fontsize=7)
    axes.minorticks_off()


def _cycle(axes: Any, answers: Answers) -> None:
    rows = _of(answers.memories, part="cycle")
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=DASHES, zorder=1)
    _points(axes, [row["half expected"] for row in rows], [row["half"] for row in rows], TWO, label="half a period")
    _points(
        axes,
        [row["expected"] for row in rows],
        [row["memory"] for row in rows],
        TWO,
        marker="s",
        label="a period",
    )
    axes.set(xlabel="theory", ylabel="copies, $N$ = 10,000")
    axes.set_title("two levels: what is left of the memory")
    axes.legend(loc="upper left")


def _size(axes: Any, answers: Answers) -> None:
    """One column a row of the table: N, then spectators, then phases."""
    places: list[float] = []
    names: list[str] = []
    parts = (("size", "number of members", "o"), ("spectators", "spectators", "s"), ("phases", "spread phases", "D"))
    for k, (part, said, marker) in enumerate(parts):
        rows = _of(answers.memories, part=part)
        x = [len(names) + k + n for n in range(len(rows))]
        _points(axes, x, [row["memory"] for row in rows], TWO, marker=marker, label=said)
        places += x
        names += [_column(row) for row in rows]
    axes.axhline(memory.two_levels(*ends(*ONE)), color="k", lw=0.9, ls=DASHES, label=BELL, zorder=1)
    axes.axhline(0, color=GREY, lw=0.6, zorder=0)
    axes.set_xticks(places, names, rotation=90, fontsize=7)
    axes.set(ylabel="memory left by a period")
    axes.set_title("two levels: number, spectators, phases")
    axes.legend(loc="center left", fontsize=7.5)


def _column(row: Row) -> str:
    """What stands under a column of that panel."""
    if row["part"] == "phases":
        return f"±{row['what'].removeprefix('spread ')} rad"
    return str(row["what"]) if row["part"] == "spectators" else f"N = {tables.count(row['members'])}"


def _relaxation(axes: Any, answers: Answers) -> None:
    for what, colour in (("two levels", TWO), ("ring", RING), ("random H", RANDOM)):
        for N, fill in ((1000, "white"), (50_000, colour)):
            rows = _of(answers.relaxation, what=what, members=N)
            t = np.array([row["time"] for row in rows])
            value = np.array([row["h"][0] for row in rows])
            some = (value > 3e-5) & (np.arange(len(t)) % 4 == (2 if N > 1000 else 0))
            _points(axes, t[some], [row["h"] for row, s in zip(rows, some, strict=True) if s], colour, mfc=fill, ms=3.2)
        expected = np.array([row["h expected"] for row in rows])
        axes.plot(t, np.where(expected > 1e-6, expected, np.nan), color=colour, lw=1, label=what)
    axes.plot([], [], color=GREY, lw=1, label=BELL)
    axes.plot([], [], color=GREY, label="1,000 copies", **MARK)
    axes.plot([], [], color=GREY, label="50,000", **{**MARK, "mfc": GREY})
    axes.set(
        yscale="log",
        xlabel=r"time  ($\hbar$/energy)",
        ylabel=r"$\sum p\,\ln(p/|\Psi|^2)$",
        ylim=(3e-5, 30),
        xlim=(0, 12),
    )
    axes.set_title("members that began in one beable")
    axes.legend(loc="upper right", ncols=2, fontsize=7)


def _random(axes: Any, answers: Answers) -> None:
    rows = answers.random
    P = np.array([row["levels"] for row in rows])
    _points(axes, P / 1.04, [row["bell"] for row in rows], "k", marker="x", label=BELL)
    _points(axes, P * 1.04, [row["copies"] for row in rows], RANDOM, label="copies")
    axes.set(xscale="log", yscale="log", xlabel="levels $P$", ylabel=r"time to 1/e  ($\hbar/\Delta E$)")
    plain(axes)
    axes.set_xticks(P, [str(p) for p in P])
    axes.set_title("random Hamiltonians")
    axes.legend(loc="upper right")
    axes.minorticks_off()


def _ring(axes: Any, answers: Answers) -> None:
    rows = answers.ring
    P = np.array([row["sites"] for row in rows])
    x = np.linspace(4, 1.1 * P[-1], 200)
    axes.plot(x, 1 / (x * (1 - np.cos(2 * np.pi / x))), color="k", lw=0.9, ls=DASHES, label=BELL)
    _points(axes, P, [row["turns"] for row in rows], RING, label="copies")
    axes.set(xlabel="sites of the ring", ylabel="turns to 1/e")
    axes.set_title("a wave on a ring")
    axes.legend(loc="upper left")


def _stationary(axes: Any, answers: Answers) -> None:
    some = [(case, data) for case, data in answers.of("stationary") if case.levels == 2]
    x = np.linspace(0, 3, 100)
    odd = [each for each in some if each[0].members % 2]
    for (case, data), colour in zip(odd, style.shades(TWO, len(odd)), strict=True):
        t = case.interval * np.arange(case.records + 1) / case.members**0.5
        M = second(shares(data["moved"]))
        numbers = np.column_stack([M.mean(axis=0), M.std(axis=0, ddof=1) / np.sqrt(len(M))])
        _points(axes, t, numbers, colour, ms=3.5, label=f"$N$ = {case.members:,}")
    axes.plot(x, memory.stationary(1.0, 1.0, x), color="k", lw=0.9, ls=DASHES, label=r"$1/\cosh^2$", zorder=1)
    case, data = next(each for each in some if not each[0].members % 2)
    M = second(shares(data["moved"])).mean(axis=0)
    axes.plot(
        case.interval * np.arange(case.records + 1) / case.members**0.5, M, color=COLOURS[6], label=r"exactly $N\rho$"
    )
    axes.set(xlabel=r"$R\,t/\sqrt{N}$", ylabel="memory", ylim=(-0.05, 1.1))
    axes.set_title("two levels, ground state, a member off")
    axes.legend(loc="upper right", bbox_to_anchor=(1, 0.92), fontsize=7)


def _box_time(axes: Any, answers: Answers) -> None:
    sides = list(dict.fromkeys(row["side"] for row in answers.box))
    for k, side in enumerate(sides):
        rows = _of(answers.box, side=side)
        M = np.array([row["modes"] for row in rows]) * 1.03 ** (k - 1)
        name = f"{side} × {side} sites" if side else "no lattice, drift"
        _points(axes, M, [row["time"] for row in rows], BOX, marker="osD"[k % 3], ls=":", lw=0.8, label=name)
    free = _of(answers.box, side=0)
    x = np.array([free[0]["modes"], free[-1]["modes"]], float)
    axes.plot(x, free[-1]["time"][0] * x[-1] / x, color="k", lw=0.9, ls=DASHES, label=r"$\propto 1/M$")
    axes.set(xscale="log", yscale="log", xlabel="modes $M$", ylabel=r"time to 1/e  ($\hbar/E_{11}$)")
    ticks = [row["modes"] for row in free]
    axes.set_xticks(ticks, [str(m) for m in ticks])
    plain(axes)
    axes.set_title("a chaotic box")
    axes.legend(loc="lower left", fontsize=7)
    axes.minorticks_off()


def _box_h(axes: Any, answers: Answers) -> None:
    some = answers.of("box")
    colours = style.shades(BOX, 3)
    sides = list(dict.fromkeys(case.number for case, _ in some))
    for case, data in some:
        wanted = (4, 16, 64) if case.number in (sides[0], sides[-1]) else ()
        if case.levels in wanted:
            h = (data["h"] / data["h"][:, :1]).mean(axis=0)
            k = wanted.index(case.levels)
            label = f"{case.levels} modes" if case.number == 0 else None
            t = EVERY * np.arange(case.records)
            axes.plot(
                t, np.where(h > 0.003, h, np.nan), color=colours[k], ls="-" if case.number == 0 else DASHES, label=label
            )
    axes.plot([], [], color=GREY, label="drift")
    axes.plot([], [], color=GREY, ls=DASHES, label="on a lattice")
    axes.set(yscale="log", xlabel=r"time  ($\hbar/E_{11}$)", ylabel=r"$H/H(0)$", ylim=(0.01, 1.1), xlim=(0, 10))
    style.plain_decades(axes.yaxis)
    axes.set_title("the box: what is left of a wrong start")
    axes.legend(loc="lower right", fontsize=7)
