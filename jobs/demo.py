"""What `make demo` draws: ammonia in N copies, N = 100, 10^4, 10^6, beside Schroedinger's equation.

mpiexec -n 2 python jobs/demo.py [DIR]. Each N is 200 independent ensembles, all begun alike; ranks share them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import copympi
from copympi import mpi
from copympi.report import style
from copympi.report.numbers import power

NUMBERS, ENSEMBLES, SHOWN = (100, 10**4, 10**6), 200, 40
PERIOD = 42.04
"""Of the inversion, ps."""
LOST, KEPT = style.COLOURS[1], style.COLOURS[0]


def run(members: int, folder: Path) -> copympi.Run:
    """Nitrogen left and right of the hydrogens, seven periods, from 0.9 of the molecules left. Times in ps."""
    ammonia = copympi.System([[0.0, -0.0747259], [-0.0747259, 0.0]], labels=["left", "right"])
    return copympi.simulate(
        ammonia, density=[0.9, 0.1], members=members, duration=294.0, interval=1.0, replicas=ENSEMBLES, seed=1,
        time_unit="ps", output=folder / f"N{members:.0e}".replace("+0", ""), overwrite=True,
    )  # fmt: skip


def lost(one: copympi.Run) -> Any:
    """Which ensembles have lost a beable by each record, (R, T)."""
    return (one.occupation == 0).any(axis=2)


def ensembles(axes: Any, one: copympi.Run) -> None:
    """Some ensembles, those that will lose a beable in another colour, and Schroedinger's curve."""
    share, dies = one.occupation[:, :, 0] / one.members, lost(one)[:, -1]
    for k in range(SHOWN):
        axes.plot(one.time, share[k], color=LOST if dies[k] else KEPT, lw=0.7, alpha=0.5, zorder=1 + dies[k])
    axes.plot(one.time, one.schrodinger[:, 0], color="k", lw=1.2, ls=style.DOTS, zorder=4)
    axes.set_title(f"$N$ = {power(one.members)}: {np.mean(dies):.0%} lose a beable")
    axes.set_xlim(0, one.time[-1])
    axes.set_ylim(-0.03, 1.03)


def fates(axes: Any, runs: list[copympi.Run]) -> None:
    """What becomes of the ensembles with the fewest members: all left, all right, or still both."""
    one = runs[0]
    for where, colour, name in ((0, LOST, "all are left"), (1, style.COLOURS[5], "all are right")):
        full = (one.occupation[:, :, where] == one.members).mean(axis=0)
        low = 0.0 if where == 0 else (one.occupation[:, :, 0] == one.members).mean(axis=0)
        said = f"$N$ = {one.members}: {name}"
        axes.fill_between(one.time, low, low + full, color=colour, alpha=0.6, lw=0, label=said)
    for other, dashes in zip(runs[1:], (style.DASHES, style.DOTS), strict=True):
        axes.plot(other.time, lost(other).mean(axis=0), color=KEPT, ls=dashes, label=f"$N$ = {power(other.members)}")
    axes.set_ylabel("ensembles that\nlost a beable")
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, one.time[-1])
    axes.set_title("Ensembles that have lost a beable stay as they are: there is nobody left to copy", loc="left")
    axes.legend(loc="upper left", ncols=2, **style.LEGEND)


def figure(runs: list[copympi.Run]) -> Any:
    """The figure of README.md."""
    out = style.blank((9.0, 5.4))
    grid = out.add_gridspec(2, 3, height_ratios=(1.6, 1))
    above = [out.add_subplot(grid[0, k]) for k in range(3)]
    for axes, one in zip(above, runs, strict=True):
        ensembles(axes, one)
        axes.set_xlabel("time [ps]")
    above[0].set_ylabel("share of molecules, nitrogen left")
    looks = (("k", style.DOTS), (KEPT, "-"), (LOST, "-"))
    kinds = [above[2].plot([], [], color=colour, lw=1.2, ls=line)[0] for colour, line in looks]
    names = ["Schrödinger", "ensembles", "that lose a beable"]
    out.legend(kinds, names, loc="outside upper right", ncols=3, frameon=False)
    below = out.add_subplot(grid[1, :])
    fates(below, runs)
    below.set_xlabel("time [ps]")
    style.letter([*above, below])
    return out


def main(folder: Path) -> None:
    root = mpi.world().rank == mpi.ROOT
    runs = []
    for members in NUMBERS:
        one = run(members, folder)
        runs.append(one)
        if root:
            off = np.sqrt(np.mean((one.occupation[:, :, 0] / members - one.schrodinger[:, 0]) ** 2))
            print(
                f"  {ENSEMBLES} ensembles of {members:>9,} copies: rms distance from Schrödinger {off:.4f}, "
                f"{lost(one)[:, -1].mean():4.0%} lost a beable, {one.seconds:.1f} s",
                flush=True,
            )
    if root:
        with style.drawing(style.SMALL):
            paths = style.save(figure(runs), folder, "first")
        print("  " + ", ".join(map(str, paths)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
