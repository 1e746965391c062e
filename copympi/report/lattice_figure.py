"""The figure of a run on a lattice: profiles and <x>(t) beside Schroedinger's and Newton's, and what is left."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model import observables
from copympi.report import style
from copympi.report.motion import AXES, Motion
from copympi.report.numbers import power
from copympi.report.style import BESIDE, COLOURS, DASHES, GREY, LEGEND, MARK
from copympi.storage.reading import Results

SEEN = 2e-3
"""Densities below this part of the largest are left out of the picture's frame."""
MOST_PIXELS = 400
"""Sites along an axis beyond which an image shows means over several."""
IMAGES_WIDTH, MOST_WIDTH = 5.6, 2.4
"""Inches of all images of a plane side by side, and at most of one."""
MARKERS = 40


def figure(results: Results, m: Motion) -> Any:
    """A matplotlib figure."""
    if m.position.shape[1] == 1:
        out = style.blank((7.6, 7.4))
        out.get_layout_engine().set(h_pad=0.06)
        grid = out.add_gridspec(3, 1, height_ratios=(2.2, 1.6, 1.0))
        top = out.add_subplot(grid[0])
        _curves(top, results, m)
        top.set_title(_title(results), loc="left")
        middle = out.add_subplot(grid[1])
        bottom = out.add_subplot(grid[2], sharex=middle)
    else:
        view = _View(results, m)
        width = min(MOST_WIDTH, IMAGES_WIDTH / len(view.pictures))
        above, below = width * min(2.0, view.aspect) + 1.0, 4.6
        out = style.blank((7.6, above + below))
        parts: Any = out.subfigures(2, 1, height_ratios=(above, below))
        _images(parts[0], m, view)
        parts[0].suptitle(_title(results))
        grid = parts[1].add_gridspec(2, 1, height_ratios=(1.8, 1))
        middle = parts[1].add_subplot(grid[0])
        bottom = parts[1].add_subplot(grid[1], sharex=middle)
    _paths(middle, m)
    _differences(bottom, m)
    _letter(out, middle, bottom)
    unit = results.time_unit if len(results.time_unit) <= 24 else results.time_unit[:23] + "…"
    bottom.set_xlabel(f"time [{unit}]" if unit else "time", parse_math=False)
    middle.tick_params(labelbottom=False)
    return out


def _letter(figure: Any, middle: Any, bottom: Any) -> None:
    """Profiles are (a), the curve of a chain or all images of a plane; then come the paths and the differences."""
    if figure.subfigs:
        figure.subfigs[0].suptitle(f"(a)  {figure.subfigs[0].get_suptitle()}", x=0.01, ha="left", fontsize=10)
        style.letter([middle, bottom], first="b")
    else:
        style.letter(figure.axes[:3])


def _title(results: Results) -> str:
    lattice: Any = results.system.lattice
    R = len(results.events)
    sites = " × ".join(f"{n:,}" for n in lattice.shape)
    kind = {"ring": "a ring" if len(lattice.shape) == 1 else "a torus"}.get(lattice.boundary, "an open lattice")
    many = f"{power(R)} replicas of " if R > 1 else ""
    return f"{kind} of {sites} sites, {many}$N$ = {power(results.number)}"


def _colours(count: int) -> Any:
    from matplotlib import colormaps

    return colormaps["viridis"](np.linspace(0.0, 0.88, max(count, 2)))[:count]


def _frame(density: NDArray[np.float64]) -> tuple[int, int]:
    """First and one past last site (of a row (K, L)) where there is something to see, with room on both sides."""
    seen = np.flatnonzero((density > SEEN * density.max()).any(axis=0))
    room = max(2, (seen[-1] - seen[0]) // 12)
    return max(0, int(seen[0]) - room), min(density.shape[1], int(seen[-1]) + room + 1)


def _curves(axes: Any, results: Results, m: Motion) -> None:
    """Profiles on a chain, coloured by time."""
    lattice: Any = results.system.lattice
    first, last = _frame(m.density if m.quantum_density is None else np.vstack([m.density, m.quantum_density]))
    x, part = observables.coordinates(lattice, 0)[first:last], slice(first, last)
    few = last - first <= 60
    copies: Any = {**MARK, "ms": 3.6} if few else {"lw": 3.2, "alpha": 0.4}
    handles = []
    for k, colour in enumerate(_colours(m.profile_time.size)):
        axes.plot(x, m.density[k, part], color=colour, **copies)
        if m.quantum_density is not None:
            handles += axes.plot(*style.smooth(x, m.quantum_density[k, part]), color=colour, lw=1.1)
        else:
            handles += axes.plot([], [], color=colour, lw=2)
    highest = 1.1 * float(m.density[:, part].max())
    V = np.asarray(lattice.potential)[part]
    if np.ptp(V) > 0:
        scaled = 0.9 * highest * (V - V.min()) / np.ptp(V)
        axes.fill_between(x, 0, scaled, color="0.93", lw=0, zorder=0, label="V")
        axes.text(x[-1], 0.03 * highest, "V ", color="0.5", ha="right", fontsize=9)
    axes.set_ylim(0, highest)
    axes.set_xlim(x[0], x[-1])
    axes.set_ylabel("share of the members, $n_a/N$")
    axes.set_xlabel("x")
    names = [f"t = {t:.4g}" for t in m.profile_time]
    axes.add_artist(axes.legend(handles, names, loc="upper left", bbox_to_anchor=BESIDE, **LEGEND))
    kinds = [axes.plot([], [], color=GREY, **copies)[0]]
    if m.quantum_density is not None:
        kinds.append(axes.plot([], [], color=GREY, lw=1.1)[0])
    axes.legend(
        kinds, ["copies", "Schrödinger"][: len(kinds)], loc="lower left", bbox_to_anchor=(BESIDE[0], 0.0), **LEGEND
    )


class _View:
    """The part of a plane where there is something to see; in a box what lies along its third axis is added up."""

    def __init__(self, results: Results, m: Motion) -> None:
        lattice: Any = results.system.lattice
        grids = m.density.reshape(-1, *lattice.shape[:2], int(np.prod(lattice.shape[2:]))).sum(axis=3)
        frames = [slice(*_frame(grids.sum(axis=2))), slice(*_frame(grids.sum(axis=1)))]
        x, y = (observables.coordinates(lattice, k)[frames[k]] for k in (0, 1))
        half = [0.5 * abar for abar in lattice.spacing]
        self.extent = (x[0] - half[0], x[-1] + half[0], y[0] - half[1], y[-1] + half[1])
        self.aspect = (self.extent[3] - self.extent[2]) / (self.extent[1] - self.extent[0])
        step = max(1, -(-max(x.size, y.size) // MOST_PIXELS))
        self.pictures = [_coarse(grid[frames[0], frames[1]], step).T for grid in grids]


def _images(figure: Any, m: Motion, view: _View) -> None:
    """Profiles on a plane, side by side, the path of <x> drawn over them."""
    from matplotlib.colors import PowerNorm

    norm = PowerNorm(0.5, 0.0, max(float(picture.max()) for picture in view.pictures))
    rooms = np.atleast_1d(figure.subplots(1, len(view.pictures), sharex=True, sharey=True))
    known = bool(np.isfinite(m.quantum).all())
    path, line = (m.quantum, "Schrödinger") if known else (m.position, "copies")
    for k, axes in enumerate(rooms):
        look: Any = {"origin": "lower", "extent": view.extent, "norm": norm, "cmap": "magma_r", "aspect": "equal"}
        image = axes.imshow(view.pictures[k], **look)
        axes.plot(path[:, 0], path[:, 1], color="#56B4E9", lw=1.0, label=line)
        now = m.position[np.argmin(np.abs(m.time - m.profile_time[k]))]
        axes.plot(*now[:2], marker="o", ms=4.5, mfc="white", mec="#0072B2", mew=1.2)
        axes.set(xlim=view.extent[:2], ylim=view.extent[2:], xlabel="x")
        axes.set_title(f"t = {m.profile_time[k]:.4g}", fontsize=9)
        for side in ("top", "right"):
            axes.spines[side].set_visible(True)
    rooms[0].set_ylabel("y")
    label = "$n_a/N$" if m.position.shape[1] == 2 else "$n_a/N$, summed along z"
    figure.colorbar(image, ax=list(rooms), label=label, aspect=14, pad=0.015, shrink=0.9)


def _coarse(grid: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """Means over step x step sites; what is left over at the far ends goes."""
    rows, columns = (n // step for n in grid.shape)
    return grid[: rows * step, : columns * step].reshape(rows, step, columns, step).mean(axis=(1, 3))


def _paths(axes: Any, m: Motion) -> None:
    """<x>(t) of copies, Schroedinger and Newton."""
    every = max(1, round(m.time.size / MARKERS))
    mark: Any = {**MARK, "ms": 4.0}
    many, newton = m.position.shape[1] > 1, bool(np.isfinite(m.newton).any())
    exact: Any = {"lw": 1.4}
    if not np.isfinite(m.quantum).all():  # at few records, or at none
        exact = {"ls": "", "marker": "D", "ms": 5.0}
    for k in range(m.position.shape[1]):
        colour = COLOURS[k]
        if newton:
            axes.plot(m.time, m.newton[:, k], color="0.25", lw=1.0, ls=DASHES, zorder=4)
        if m.smooth_time.size:
            axes.plot(m.smooth_time, m.smooth[:, k], color=colour, zorder=3, **exact)
        else:
            axes.plot(m.time, m.quantum[:, k], color=colour, zorder=3, **exact)
        if not np.isnan(m.spread).any():
            low, high = (m.position[:, k] + sign * m.spread[:, k] for sign in (-1, 1))
            axes.fill_between(m.time, low, high, color=colour, alpha=0.2, lw=0, zorder=1)
        axes.plot(m.time[::every], m.position[::every, k], color=colour, zorder=2, **mark)
    spread = np.nanmax(m.position) - np.nanmin(m.position)
    if spread < 1e-9:  # nothing but rounding
        axes.set_ylim(np.nanmean(m.position) - 1, np.nanmean(m.position) + 1)
    axes.set_ylabel("mean position" if many else r"$\langle x\rangle$")
    axes.margins(x=0.01)
    colour = GREY if many else COLOURS[0]
    kinds = [
        axes.plot([], [], color=colour, **mark)[0],
        axes.plot([], [], color=colour, **exact)[0],
        axes.plot([], [], color="0.25", lw=1.0, ls=DASHES)[0],
    ]
    names = ["copies", "Schrödinger", "Newton"]
    if not newton:
        del kinds[2], names[2]
    if not np.isfinite(m.quantum).any():
        del kinds[1], names[1]
    if not np.isnan(m.spread).any():
        kinds.append(axes.fill_between([], [], [], color=colour, alpha=0.2, lw=0))
        names.append("spread of\nreplicas")
    if many:
        kinds += [axes.plot([], [], color=c, lw=4)[0] for c in COLOURS[: m.position.shape[1]]]
        names += [rf"$\langle {x}\rangle$" for x in AXES[: m.position.shape[1]]]
    axes.legend(kinds, names, loc="upper left", bbox_to_anchor=BESIDE, **LEGEND)


def _differences(axes: Any, m: Motion) -> None:
    """Copies less Schroedinger, on a scale of their own, with the noise they must show; and Newton less Schroedinger.

    Less Newton where Schroedinger's equation was not solved; with neither there is nothing to subtract.
    """
    known, newton = bool(np.isfinite(m.quantum).all()), bool(np.isfinite(m.newton).any())
    base, name = (m.quantum, "Schrödinger") if known or not newton else (m.newton, "Newton")
    off = m.position - base
    axes.axhline(0, color="0.3", lw=0.6, zorder=1)
    most = float(np.nanmax(np.abs(off), initial=0.0))
    kinds: list[Any] = []
    names: list[str] = []
    if m.position.shape[1] == 1 and np.isfinite(m.sigma).all():
        for factor, grey in ((2, "0.93"), (1, "0.85")):
            sigma = factor * m.sigma[:, 0]
            kinds.insert(0, axes.fill_between(m.time, -sigma, sigma, color=grey, lw=0, zorder=0))
            names.insert(0, f"±{factor}σ expected")
        most = max(most, 2 * float(m.sigma.max()))
    for k in range(m.position.shape[1]):
        axes.plot(m.time, off[:, k], color=COLOURS[k], lw=1.1, zorder=3, **({} if known else {"marker": "."}))
        if known and newton:
            axes.plot(m.time, m.newton[:, k] - base[:, k], color="0.45", lw=0.9, ls=DASHES, zorder=2)
    axes.set_ylim(*(1.1 * most * np.array([-1, 1]) if most > 1e-12 else (-1, 1)))  # else nothing but rounding
    colour = COLOURS[0] if m.position.shape[1] == 1 else GREY
    kinds.insert(0, axes.plot([], [], color=colour, lw=1.1)[0])
    names.insert(0, f"copies − {name}")
    if known and newton:
        kinds.append(axes.plot([], [], color="0.45", lw=0.9, ls=DASHES)[0])
        names.append(f"Newton − {name}")
    axes.legend(kinds, names, loc="upper left", bbox_to_anchor=BESIDE, **LEGEND)
    axes.set_ylabel("difference")
    axes.margins(x=0.01)
