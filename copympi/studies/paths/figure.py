"""The figure of the study of paths."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.report import style
from copympi.report.style import COLOURS, DASHES, GREY, MARK
from copympi.studies.paths.cases import FROM, LOOKS, NEAR, NODE_MEMBERS
from copympi.studies.paths.numbers import CLEAR, LEAST, MEASURES, SAID, Answers

SHOWN = (20, 1000)
"""Numbers of members whose laws are drawn; the nearest that there are."""
FILL = ("white", COLOURS[0])
"""Points of few and of many members."""
LAWS = (COLOURS[1], COLOURS[2], COLOURS[3], COLOURS[5])
"""Colours of the numbers that a path's law is compared by."""
PAIR, LOST = COLOURS[4], COLOURS[7]
"""Colours of what two members share, and of ensembles that lost a beable."""


def figure(answers: Answers) -> Any:
    """Six panels: jumps, first passage, differences against N, times N; two members; nodes."""
    out, axes = style.panels(2, 3, (11.5, 6.8))
    for ax, panel in zip(axes.flat, (_jumps, _passage, _differences, _scaled, _pairs, _nodes), strict=True):
        panel(ax, answers)
    style.letter(axes.flat)
    return out


def _points(axes: Any, x: Any, numbers: Any, colour: str, **how: Any) -> None:
    value, error = np.array(numbers, float).reshape(-1, 2).T
    axes.errorbar(x, value, error, color=colour, **{**MARK, "ms": 4.5, "elinewidth": 0.9, **how})


def _shown(answers: Answers) -> list[Any]:
    """A case of few members and one of many."""
    done = answers.of("law")
    return [min(done, key=lambda each: abs(np.log(each[0].members / N))) for N in SHOWN]


def _over_groups(values: Any) -> Any:
    return np.column_stack([values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))])


def _jumps(axes: Any, answers: Answers) -> None:
    k = np.arange(8)
    axes.bar(k, answers.bell.number[:8], color="0.85", width=0.9, label="Bell's process")
    for j, (case, data) in enumerate(_shown(answers)):
        numbers = _over_groups(data["number"] / case.members)[:8]
        _points(axes, k + 0.15 * (2 * j - 1), numbers, COLOURS[0], mfc=FILL[j], label=f"$N$ = {case.members:,}")
    axes.set(xlabel="jumps of one member", ylabel="chance", xticks=k)
    axes.set_title("how often one member copies")
    axes.legend(loc="upper right")


def _passage(axes: Any, answers: Answers) -> None:
    t = np.concatenate([[0.0], LOOKS])
    axes.plot(t, np.concatenate([[0.0], answers.bell.passed]), color="k", lw=1, label="Bell's process")
    for j, (case, data) in enumerate(_shown(answers)):
        began = data["moved"].sum(axis=1)[:, FROM]
        numbers = _over_groups(data["passed"] / began[:, None])
        _points(axes, LOOKS[j::3], numbers[j::3], COLOURS[0], mfc=FILL[j], ms=3.5, label=f"$N$ = {case.members:,}")
    axes.set(xlabel=r"time  ($\hbar$/energy)", ylabel="share that has been in beable 1", ylim=(0, None))
    axes.set_title("first passage from beable 0")
    axes.legend(loc="lower right")


def _differences(axes: Any, answers: Answers) -> None:
    N = np.array([row["members"] for row in answers.laws], float)
    lines = [(answers.laws, f"{n} off", SAID[n], "o", c) for n, c in zip(MEASURES, LAWS, strict=True)]
    lines += [(answers.pairs, "pair 0", "two members in 0, covariance", "s", PAIR)]
    for k, (rows, name, said, marker, colour) in enumerate(lines):
        value, error = np.array([row[name] for row in rows], float).T / N
        seen = np.abs(value) > CLEAR * error
        shown = np.column_stack([np.abs(value), error])[seen]
        _points(axes, N[seen] * 1.04 ** (k - 2), shown, colour, marker=marker, label=said)
    top = float(np.max([row["jumps off"][0] for row in answers.laws]))
    axes.plot(N, top / N, color=GREY, lw=0.9, ls=DASHES, label=r"$\propto 1/N$")
    axes.set(
        xscale="log", yscale="log", xlabel="members $N$", ylabel="|difference from Bell's process|", ylim=(2e-4, 20)
    )
    axes.set_title("a path's law comes nearer as 1/N")
    axes.legend(loc="upper right", fontsize=7)
    style.decades(axes)


def _scaled(axes: Any, answers: Answers) -> None:
    N = np.array([row["members"] for row in answers.laws], float)
    for k, (name, colour) in enumerate(zip(MEASURES, LAWS, strict=True)):
        _points(axes, N * 1.04 ** (k - 1.5), [row[f"{name} off"] for row in answers.laws], colour)
    axes.axhline(0, color=GREY, lw=0.6, zorder=0)
    axes.axvline(LEAST / 1.3, color=GREY, lw=0.6, ls=DASHES)
    axes.set(xscale="log", xlabel="members $N$", ylabel="$N$ × difference")
    axes.set_title("the same, times $N$; colours as in (c)")
    style.headroom(axes, 0.08)
    axes.text(LEAST / 1.2, axes.get_ylim()[1], f"exponents: $N$ ≥ {LEAST}", fontsize=7.5, va="top")
    style.decades(axes)


def _pairs(axes: Any, answers: Answers) -> None:
    N = np.array([row["members"] for row in answers.pairs], float)
    for a, colour in enumerate(style.shades(PAIR, 5)[2:]):
        pair = [row[f"pair {a}"] for row in answers.pairs]
        _points(axes, N * 1.04 ** (a - 1), pair, colour, marker="sDo"[a], label=f"both in beable {a}")
        axes.axhline(answers.pairs[0][f"pair {a} expected"], color=colour, lw=0.9, ls=DASHES, zorder=1)
    axes.plot([], [], color=GREY, lw=0.9, ls=DASHES, label="linear noise")
    axes.axhline(0, color=GREY, lw=0.6, zorder=0)
    axes.set(xscale="log", xlabel="members $N$", ylabel="$N$ × covariance of two members")
    axes.set_title("two members are correlated by 1/N")
    style.headroom(axes, 0.16)
    axes.legend(loc="upper right", ncols=2, fontsize=7.5, columnspacing=1.2, borderaxespad=0.2)
    style.decades(axes)


def _nodes(axes: Any, answers: Answers) -> None:
    rows = answers.nodes
    x = np.array([row["x"] for row in rows])
    order = np.argsort(x)
    bell = np.array([row["again Bell"] for row in rows])
    axes.plot(x[order], bell[order], color="k", lw=1, label="jump after it, Bell's process")
    _points(axes, x, [row["again"] for row in rows], COLOURS[0], label="jump after it, copies")
    expected = np.array([row["expected"] for row in rows])
    axes.plot(x[order], expected[order], color=LOST, lw=0.9, ls=DASHES, label="theory")
    _points(axes, x, [row["died"] for row in rows], LOST, marker="s", label="lost beable 0")
    axes.set(xscale="log", xlabel=r"$N\rho_{\rm min}$ of a pass", ylabel="share", ylim=(0, 1))
    axes.set_xticks(NEAR, [f"{each:g}" for each in NEAR])
    axes.set_title(f"past a node, {NODE_MEMBERS} members")
    axes.legend(loc="upper right", fontsize=7)
    axes.minorticks_off()
