"""The figure of the study of alignment."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.report import style
from copympi.report.style import COLOURS, DASHES, DOTS, GREY
from copympi.studies.alignment.cases import told
from copympi.studies.alignment.numbers import Array, Outcome, mean

MODELS = {"sin2": COLOURS[3], "sin2 damped": COLOURS[7], "polar": COLOURS[4], "polar damped": COLOURS[5]}
"""Colours of the alignment model's forms; those before them in the palette are the sizes N of the rules alone."""


def figure(outcomes: list[Outcome]) -> Any:
    """Six panels: lineages against t and t/N, alignment, deaths, models, distance from Schroedinger's equation."""
    rules = [o for o in outcomes if not o.case.alignment and not o.case.refines]
    random = [o for o in rules if o.case.spread > 3]
    models = [o for o in outcomes if o.case.alignment and not o.case.refines]
    out, axes = style.panels(2, 3, (11.5, 6.6))
    _lineages(axes[0, 0], rules)
    _collapse(axes[0, 1], rules, random)
    _order(axes[0, 2], random)
    _deaths(axes[1, 0], rules)
    _models(axes[1, 1], models)
    _departures(axes[1, 2], rules, models)
    style.letter(axes.flat)
    for ax in axes.flat:
        if ax.get_xscale() == "linear":
            ax.locator_params(axis="x", nbins=5)
    return out


def _curve(axes: Any, x: Array, values: Array, colour: str, **how: Any) -> Any:
    """Mean over replicas in a band of one standard error."""
    middle, error = mean(values)
    axes.fill_between(x, middle - error, middle + error, color=colour, alpha=0.18, lw=0)
    return axes.plot(x, middle, color=colour, **how)[0]


def _dress(rules: list[Outcome]) -> list[tuple[Outcome, str, Any]]:
    """Every case with the colour of its N and the dashes of its start."""
    colours = dict(_sizes(rules))
    return [(o, colours[o.case.members], "-" if o.case.spread > 3 else DASHES) for o in rules]


def _sizes(rules: list[Outcome]) -> list[tuple[int, str]]:
    return list(zip(sorted({o.case.members for o in rules}), COLOURS, strict=False))


def _legend(axes: Any, rules: list[Outcome], **place: Any) -> None:
    """Colours are sizes, dashes are starts."""
    sizes = {o.case.members: colour for o, colour, _ in _dress(rules)}
    lines = [axes.plot([], [], color=colour, label=f"$N$ = {N:,}")[0] for N, colour in sizes.items()]
    lines += [axes.plot([], [], color=GREY, label="random phases")[0]]
    lines += [axes.plot([], [], color=GREY, ls=DASHES, label="narrow, ±0.3 rad")[0]]
    axes.legend(handles=lines, **place)


def _lineages(axes: Any, rules: list[Outcome]) -> None:
    for o, colour, dashes in _dress(rules):
        _curve(axes, o.time[1:], o.curves["lineages"][:, 1:], colour, ls=dashes)
    axes.set(xscale="log", yscale="log", xlabel="time [periods]", ylabel="distinct phases left")
    style.plain_decades(axes.xaxis, axes.yaxis)
    axes.set_title("rules alone: distinct phases against time")
    _legend(axes, rules, loc="lower left", borderaxespad=0.1)


def _collapse(axes: Any, rules: list[Outcome], random: list[Outcome]) -> None:
    for o, colour, dashes in _dress(rules):
        _curve(axes, o.time[1:] / o.case.members, o.curves["lineages"][:, 1:], colour, ls=dashes)
    largest = random[-1]
    axes.plot(
        largest.time[1:] / largest.case.members, largest.curves["neutral"][:, 1:].mean(axis=0), color="k", lw=2.4,
        ls=(0, (0.1, 1.8)), dash_capstyle="round", label=f"genetic drift (Moran),\nas many copies, $N$ = "
        f"{largest.case.members:,}",
    )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="time / $N$ [periods]", ylabel="distinct phases left")
    style.plain_decades(axes.xaxis, axes.yaxis)
    axes.set_title("the same against time over $N$")
    axes.legend(loc="lower left", borderaxespad=0.1)


def _order(axes: Any, random: list[Outcome]) -> None:
    for o, colour, _ in _dress(random):
        x = o.time / o.case.members
        _curve(axes, x, o.curves["order"], colour, label=f"$N$ = {o.case.members:,}")
    axes.set(xlabel="time / $N$ [periods]", ylabel=r"order $|\langle e^{i\phi}\rangle|$", ylim=(0, 1))
    axes.set_xlim(0)
    axes.set_title("rules alone, random phases: alignment")
    axes.legend(loc="upper left")


def _deaths(axes: Any, rules: list[Outcome]) -> None:
    for o, colour, dashes in _dress(rules):
        share = o.curves["dead"].mean(axis=0)
        axes.plot(o.time / o.case.members, share, color=colour, ls=dashes, drawstyle="steps-post")
    axes.set(xlabel="time / $N$ [periods]", ylabel="share of replicas", ylim=(-0.02, 1))
    axes.set_xlim(0)
    axes.set_title("rules alone: a beable has died")
    _legend(axes, rules, loc="upper left")


def _models(axes: Any, models: list[Outcome]) -> None:
    """From random phases; what happens from narrow ones stands in the table."""
    shown = [o for o in models if o.case.spread > 3]
    handles = []
    for o in shown:
        model = o.case.kind.split(",")[0]
        colour = MODELS[model]
        handles.append(_curve(axes, o.time, o.curves["order"], colour, label=told(model)))
        _curve(axes, o.time, o.curves["order2"], colour, ls=DOTS)
    handles += [axes.plot([], [], color=GREY, label=r"$|\langle e^{i\phi}\rangle|$")[0]]
    handles += [axes.plot([], [], color=GREY, ls=DOTS, label=r"$|\langle e^{2i\phi}\rangle|$")[0]]
    axes.set(xlabel="time [periods]", ylabel="order parameters", ylim=(0, 1.42), yticks=np.linspace(0, 1, 6))
    axes.set_xlim(0)
    axes.set_title(f"alignment model, random phases, $N$ = {shown[0].case.members:,}")
    axes.legend(handles=handles, loc="upper center", ncols=3, columnspacing=1.2, handlelength=1.6)


def _departures(axes: Any, rules: list[Outcome], models: list[Outcome]) -> None:
    size = models[0].case.members
    shown = [o for o in rules if o.case.members == size] + [o for o in models if o.case.alignment["damping"]]
    colours: dict[str, Any] = {}
    starts: dict[bool, Any] = {}
    for o in shown:
        off = o.departure
        if len(off.square) < 2:
            continue
        ratio = np.sqrt(off.square.mean(axis=0) / off.expected.mean(axis=0))
        random_start = o.case.spread > 3
        model = o.case.kind.split(",")[0]
        colour = MODELS[model] if o.case.alignment else dict(_sizes(rules))[size]
        how: Any = {"marker": "o" if random_start else "s", "ms": 3.5, "ls": "-" if random_start else DASHES}
        axes.plot(off.lag, ratio, color=colour, mfc="white", **how)
        colours[told(model) if o.case.alignment else "rules alone"] = colour
        starts[random_start] = how
    axes.axhline(1.0, color="0.3", lw=0.8, zorder=1)
    axes.set(yscale="log", xlabel=r"time since $\Psi$ was read off [periods]")
    axes.set_ylabel(r"rms distance in $\rho$ / noise")
    axes.set_ylim(bottom=min(0.5, axes.get_ylim()[0]))
    style.headroom(axes, 0.27)
    style.plain_decades(axes.yaxis)
    axes.set_xlim(0)
    axes.set_title(f"off Schrödinger's equation, $N$ = {size:,}")
    handles = [axes.plot([], [], color=colour, label=name)[0] for name, colour in colours.items()]
    for random_start, how in starts.items():
        said = "random phases" if random_start else "narrow, ±0.3 rad"
        handles += axes.plot([], [], color=GREY, mfc="white", label=said, **how)
    axes.legend(handles=handles, loc="upper center", ncols=2, columnspacing=1.2, borderaxespad=0)
