"""The figure of the study of unique states."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.report import style
from copympi.report.style import COLOURS, DASHES, GREY, MARK
from copympi.report.tables import Row
from copympi.studies.unique.cases import N_MAIN
from copympi.studies.unique.numbers import Answers, gone


def figure(answers: Answers) -> Any:
    """Four panels: fidelity and cross-entropy against n, fidelity against N/2^n, strings that are lost."""
    out, axes = style.panels(2, 2, (9.0, 6.8))
    for ax, panel in zip(axes.flat, (_fidelity, _entropy, _collapse, _gone), strict=True):
        panel(ax, answers)
    style.letter(axes.flat)
    return out


def _sizes(answers: Answers) -> list[tuple[int, str]]:
    sizes = sorted({row["members"] for row in answers.copies})
    return list(zip(sizes, COLOURS, strict=False))


def _points(axes: Any, rows: list[Row], x: str, y: str, colour: str, **how: Any) -> None:
    value, error = np.array([row[y] for row in rows]).reshape(-1, 2).T
    at = [row[x] for row in rows]
    axes.errorbar(at, value, error, color=colour, **{**MARK, "ms": 4.5, "elinewidth": 0.9, **how})


def _held(axes: Any, answers: Answers, x: str, y: str) -> None:
    _points(axes, answers.spectators, x, y, "k", marker="x", label=f"{N_MAIN:,}, a spectator each")


def _fidelity(axes: Any, answers: Answers) -> None:
    for N, colour in _sizes(answers):
        rows = answers.of(N)
        _points(axes, rows, "qubits", "fidelity", colour, ls="-", lw=0.8, label=f"$N$ = {N:,}")
        axes.plot([r["qubits"] for r in rows], [r["most"] for r in rows], color=colour, lw=0.8, ls=DASHES, zorder=1)
    _held(axes, answers, "qubits", "fidelity")
    axes.plot([], [], color=GREY, lw=0.8, ls=DASHES, label="most that $N$ can have")
    axes.set(xlabel="qubits $n$", ylabel="fidelity", yscale="log", ylim=(1e-6, 1.5))
    axes.set_title("fidelity after a random circuit")
    axes.legend(loc="lower left", borderaxespad=0.2)
    axes.minorticks_off()


def _entropy(axes: Any, answers: Answers) -> None:
    for N, colour in _sizes(answers):
        _points(axes, answers.of(N), "qubits", "entropy", colour, ls="-", lw=0.8)
    _held(axes, answers, "qubits", "entropy")
    axes.axhline(0, color=GREY, lw=0.6, zorder=0)
    axes.axhline(1, color=GREY, lw=0.8, ls=DASHES, zorder=0)
    axes.set(xlabel="qubits $n$", ylabel="linear cross-entropy / that of QM", ylim=(-0.35, 1.25))
    axes.set_title("what a quantum computer's test would say")


def _collapse(axes: Any, answers: Answers) -> None:
    for N, colour in _sizes(answers):
        rows = [row for row in answers.of(N) if row["density"] >= 1]
        if rows:
            _points(axes, rows, "density", "fidelity", colour)
    _held(axes, answers, "density", "fidelity")
    axes.set(xscale="log", xlabel="members a string, $N/2^n$", ylabel="fidelity")
    axes.set_title("members a string needs; colours as in (a)")
    axes.minorticks_off()


def _gone(axes: Any, answers: Answers) -> None:
    for N, colour in _sizes(answers):
        rows = [row for row in answers.of(N) if row["density"] >= 1]
        if rows:
            _points(axes, rows, "density", "gone", colour)
    x = np.geomspace(10, 1e6, 100)
    for n, dashes in ((2, style.DOTS), (6, DASHES)):
        expected = [gone(n, each) for each in x]
        axes.plot(x, expected, color=GREY, lw=0.9, ls=dashes, zorder=1, label=f"theory, {n} qubits")
    axes.set(xscale="log", yscale="log", xlabel="members a string, $N/2^n$", ylabel="strings without members")
    axes.set_title("strings without members; colours as in (a)")
    axes.legend(loc="lower left", borderaxespad=0.2)
    axes.minorticks_off()
