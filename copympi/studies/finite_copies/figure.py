"""The figure of the study of finite copies."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.report import style
from copympi.report.style import COLOURS, DASHES, GREY
from copympi.studies.finite_copies.cases import PER_MEMBER
from copympi.studies.finite_copies.model import rounding
from copympi.studies.finite_copies.numbers import Answers, mean, start
from copympi.theory import dephasing

NAMES = {
    "two levels": "two levels",
    "four levels": "four levels",
    "chain, below": "4 spins",
    "chain, above": "",
}
"""Models in the panels against N; the chain's other start would lie on the first one."""
CHAIN = {"chain, below": COLOURS[2], "chain, above": style.shades(COLOURS[2], 3)[2]}
"""Colours of the chain's two starts: its own, and a darker one."""


def _of_size(answers: Answers) -> Any:
    """Gives the colour of N, the same in all panels (also of N + 1), of a hue that no model has."""

    def size(members: int) -> float:
        return round(float(np.log10(members)), 1)

    sizes = sorted({size(case.members) for part in ("decay", "rounding") for case, _ in answers.of(part)})
    colours = dict(zip(sizes, style.shades(COLOURS[3], len(sizes)), strict=True))
    return lambda members: colours[size(members)]


def figure(answers: Answers) -> Any:
    """Six panels: mean and spread against N, energy, coherence in time and against N, stationary states."""
    out, axes = style.panels(2, 3, (11.5, 6.8))
    for ax, panel in zip(axes.flat, (_means, _spreads, _energy, _decay, _times, _rounding), strict=True):
        panel(ax, answers)
    style.letter(axes.flat)
    return out


def _against_n(axes: Any, answers: Answers, key: str, **how: Any) -> None:
    for (model, name), colour in zip(NAMES.items(), COLOURS, strict=False):
        rows = [r for r in answers.mean if r["model"] == model] if name else []
        N = np.array([r["members"] for r in rows])
        value, error = np.array([r[key] for r in rows]).reshape(-1, 2).T
        good = np.isfinite(value) & (error < 0.35)
        axes.errorbar(N[good], value[good], error[good], color=colour, ms=4.5, elinewidth=0.9, **how)


def _colours(axes: Any) -> list[Any]:
    shown = [(name, colour) for name, colour in zip(NAMES.values(), COLOURS, strict=False) if name]
    return [axes.plot([], [], color=colour, label=name)[0] for name, colour in shown]


def _means(axes: Any, answers: Answers) -> None:
    axes.axhline(1, color=GREY, lw=0.8, ls=DASHES, zorder=1)
    _against_n(axes, answers, "ratio", marker="o", mfc="white", lw=1)
    _against_n(axes, answers, "plain", marker="x", ls="")
    axes.set(xscale="log", xlabel="members $N$", ylabel=r"$N\,(E[n/N]-|\Psi|^2)$ / theory")
    axes.set_title("mean deviation: copying dephases")
    handles = _colours(axes)
    handles += [axes.plot([], [], color=GREY, ls="", marker="o", mfc="white", ms=4.5, label="martingale taken off")[0]]
    handles += [axes.plot([], [], color=GREY, ls="", marker="x", ms=4.5, label="plain averages")[0]]
    style.headroom(axes, 0.3)
    axes.legend(handles=handles, loc="upper right", ncols=2, borderaxespad=0.2, columnspacing=1.2)
    style.decades(axes)


def _spreads(axes: Any, answers: Answers) -> None:
    axes.axhline(1, color=GREY, lw=0.8, ls=DASHES, zorder=1)
    _against_n(axes, answers, "spread", marker="o", mfc="white", lw=1)
    axes.set(xscale="log", xlabel="members $N$", ylabel="spread of $n$ / linear noise")
    axes.set_title(r"spread: $\sqrt{N}$ times a constant")
    style.headroom(axes, 0.2)
    axes.legend(handles=_colours(axes), loc="upper right", ncols=3, borderaxespad=0.2, columnspacing=1.2)
    style.decades(axes)


def _energy(axes: Any, answers: Answers) -> None:
    sizes = sorted({r["members"] for r in answers.mean if r["model"] == "chain, below"})
    shown = [N for N in (1000, 1_000_000) if N in sizes] or sizes[-1:]
    for model, colour in CHAIN.items():
        for N, mark in zip(shown, ("o", "x"), strict=False):
            case, data = next(each for each in answers.of("mean", model) if each[0].members == N)
            k = np.linspace(0, data["time"].size - 1, 11).astype(int)[1:]
            how: Any = {"color": colour, "marker": mark, "ls": "", "ms": 4.5, "mfc": "white", "elinewidth": 0.9}
            axes.errorbar(data["time"][k], data["heating"][k], data["heating_error"][k], **how)
        psi, system = start(case, data), case.start.system
        energy = float(np.vdot(psi, case.start.H @ psi).real)
        curve = dephasing.heating(system, psi, data["time"])
        axes.plot(data["time"], curve, color=colour, zorder=1, label=rf"$\langle H\rangle_0 = {energy:+.2f}$")
    axes.axhline(0, color=GREY, lw=0.8, zorder=0)
    axes.set(xlabel="time", ylabel=r"$N\,(E\langle H\rangle-\langle H\rangle_0)$", xlim=0)
    axes.set_title("energy of 4 spins: to the band's middle")
    handles, names = axes.get_legend_handles_labels()
    for N, mark in zip(shown, ("o", "x"), strict=False):
        handles.append(axes.plot([], [], color=GREY, marker=mark, ls="", ms=4.5, mfc="white")[0])
        names.append(f"$N$ = {N:,}")
    axes.legend(handles, names, loc="lower left", borderaxespad=0.2)


def _decay(axes: Any, answers: Answers) -> None:
    of_size = _of_size(answers)
    for case, data in answers.of("decay"):
        colour = of_size(case.members)
        t = data["time"] / case.members
        middle, error = mean(data["coherence"])
        axes.fill_between(t, middle - error, middle + error, color=colour, alpha=0.18, lw=0)
        axes.plot(t, middle, color=colour, label=f"$N$ = {case.members:,}")
    t = np.linspace(0, 1.6 * PER_MEMBER, 100)
    axes.plot(t, np.exp(-t / PER_MEMBER), color="k", ls=DASHES, lw=1.1, label=r"$\exp(-t/T)$, theory's $T$")
    axes.set(xlabel="time / $N$ [periods]", ylabel="mean coherence", xlim=(0, t[-1]), ylim=(0, 1.02))
    axes.set_title("a qubit's coherence against $t/N$")
    axes.legend(loc="upper right", borderaxespad=0.2)


def _times(axes: Any, answers: Answers) -> None:
    for key, mark, name in (("rate", "o", "by the first period"), ("to 1/e", "s", "time to 1/e")):
        rows = [r for r in answers.coherence if np.isfinite(r[key][0])]
        N = np.array([r["members"] for r in rows])
        value, error = np.array([r[key] for r in rows]).T
        axes.errorbar(N, value * N, error * N, color=GREY, marker=mark, mfc="white", ms=4.5, ls="", label=name)
    ends = np.array([10, 1e6])
    axes.plot(ends, PER_MEMBER * ends, color=GREY, lw=0.9, zorder=1, label=r"theory: $N/(4\,\mathrm{atanh}\,\sin 45°)$")
    axes.set(xscale="log", yscale="log", xlabel="members $N$", ylabel="coherence time [periods]")
    axes.set_title("coherence times grow as $N$")
    axes.legend(loc="upper left", borderaxespad=0.2)
    style.decades(axes)


def _rounding(axes: Any, answers: Answers) -> None:
    cases = [(case, data) for case, data in answers.of("rounding") if data["beside"][0, 0]]
    of_size = _of_size(answers)
    for case, data in cases:
        colour = of_size(case.members)
        middle, error = mean(data["copies"].astype(float))
        axes.fill_between(data["time"], middle - error, middle + error, color=colour, alpha=0.18, lw=0)
        axes.plot(data["time"], middle, color=colour, label=f"$N$ = {case.members:,}")
    time = cases[0][1]["time"]
    axes.plot(time, rounding(time)[0], color="k", ls=DASHES, lw=1.1, label="theory for large $N$")
    axes.plot(time, 0 * time, color=GREY, lw=1.1, label="$N$ even: none")
    axes.set(xlabel=r"time [1/$\Omega$]", ylabel="copies made", xlim=(0, time[-1]))
    axes.set_title("stationary state, half a member off")
    axes.legend(loc="upper left", borderaxespad=0.2)
