"""Is alignment an attractor? Rules (39), (40) alone, and with the model (42) to (53), from unaligned phases.

Two beables, H/hbar = [[0, R], [R, 0]] with R = pi, so that the unit of time, 1/(2R) times 2 pi, is one period of the
aligned ensemble. It starts at rho = (0.7, 0.3) and phases about (0, pi/4), from where an aligned ensemble keeps
rho >= 0.12: no beable is near a node.
"""

from __future__ import annotations

import os
import sys
import time as clock
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from copympi import mpi
from copympi.errors import InputError
from copympi.model.system import System
from copympi.simulate import Run, simulate
from copympi.studies import alignment_figure, alignment_table, folders
from copympi.studies.alignment_numbers import Outcome

R = np.pi
"""Coupling, 1/period."""
DENSITY, PHASE = (0.7, 0.3), (0.0, np.pi / 4)
NARROW = 0.3
"""Half width (rad) of the narrow spread of phases; the random one has pi."""
STRENGTH, DAMPING = (2 * R) ** 2, R
"""f^2 of "mean" scaling (f^2/n_a), 1/period^2, and damping, 1/period."""
COARSE = {"leaving_chance": 0.03, "tolerance": 1e-4}
FINE = {"leaving_chance": 0.015, "tolerance": 2.5e-5}

UNITS = {
    "time": ("periods", "time since the start, in periods of the aligned ensemble"),
    "occupation": ("members", "members n_a in each beable (replica, record, beable)"),
    "phase": ("rad", "circular mean of a beable's phases (replica, record, beable); NaN at n = 0"),
    "coherence": ("1", "|sum e^{i phi}|/n_a (replica, record, beable); NaN at n = 0"),
    "coherence2": ("1", "|sum e^{2 i phi}|/n_a (replica, record, beable); NaN at n = 0"),
    "lineages": ("1", "distinct phases left in each beable (replica, record, beable)"),
    "events": ("1", "copies since the start (replica, record)"),
    "energy": ("rad/period", "H/hbar of the alignment model, equation (42) (replica, record)"),
}


@dataclass(frozen=True)
class Case:
    """One run of the study. times in periods, spread in rad; `refines` names the case this one repeats in finer steps.

    kind : which curve it belongs to; what else there is goes to `copympi.simulate`.
    """

    kind: str
    members: int
    replicas: int
    duration: float
    interval: float
    spread: float
    alignment: dict[str, Any] | None = None
    refines: str = ""
    accuracy: dict[str, float] = field(default_factory=lambda: dict(COARSE))

    @property
    def name(self) -> str:
        return f"{self.kind}, N = {self.members}" + (", fine" if self.refines else "")

    def finer(self) -> Case:
        """The same with half the leaving chance and a quarter of the tolerance."""
        return Case(**{**vars(self), "refines": self.name, "accuracy": dict(FINE)})


def cases(quick: bool, replicas: int | None) -> list[Case]:
    """What the study runs, in order. Largest N and the alignment model take half the replicas."""
    many = replicas if replicas is not None else (4 if quick else 32)
    few = max(2, many // 2)
    sizes = ((60, 1, 0.25), (240, 4, 0.25)) if quick else ((250, 16, 0.125), (1000, 64, 0.25), (4000, 128, 0.5))
    rules = [
        Case(f"rules, {start}", N, few if N > 1000 else many, T, interval, spread)
        for start, spread in (("random", np.pi), ("narrow", NARROW))
        for N, T, interval in sizes
    ]
    members, duration = (160, 2) if quick else (1000, 10)
    models = [
        Case(
            f"{potential}{' damped' if damping else ''}, {start}", members, few, duration, 0.125, spread,
            {"strength": STRENGTH, "scaling": "mean", "potential": potential, "damping": damping},
        )
        for start, spread in (("random", np.pi), ("narrow", NARROW))
        for potential in ("sin2", "polar")
        for damping in (0.0, DAMPING)
    ]  # fmt: skip
    again = [case.finer() for case in (rules[1], models[1])]
    return [*rules, *models, *again]


def study(comm: Any, folder: Path, quick: bool, replicas: int | None, seed: int) -> int:
    """Run all cases on all ranks of `comm`; the root writes alignment.h5, .png and .pdf into `folder` and the table.

    replicas : of the cases of small N; None for 32, or 4 where `quick`. Case k draws from seed + k.
    """
    if replicas is not None and replicas < 2:
        raise InputError("--replicas", replicas, "must be at least 2: errors are estimated from their scatter")
    mpi.from_root(comm, lambda: folders.make(folder))
    root = comm.rank == mpi.ROOT
    system = System([[0.0, R], [R, 0.0]])
    outcomes = []
    began = clock.perf_counter()
    todo = cases(quick, replicas)
    for k, case in enumerate(todo):
        run = _simulate(system, case, seed + k, comm)
        if root:
            outcomes.append(Outcome.of(system, case, run))
            now = clock.perf_counter() - began
            print(f"{k + 1:3} of {len(todo)}: {case.name} ({now:.0f} s)", file=sys.stderr, flush=True)
    mpi.from_root(comm, lambda: _report(folder, outcomes, seed, clock.perf_counter() - began))
    return 0


def _simulate(system: System, case: Case, seed: int, comm: Any) -> Run:
    return simulate(
        system,
        density=DENSITY,
        phase=PHASE,
        members=case.members,
        phase_spread=case.spread,
        duration=case.duration,
        interval=case.interval,
        replicas=case.replicas,
        alignment=case.alignment,
        seed=seed,
        comm=comm,
        **case.accuracy,  # type: ignore[arg-type]
    )


def _report(folder: Path, outcomes: list[Outcome], seed: int, seconds: float) -> None:
    save(folder / "alignment.h5", outcomes, seed)
    figures = alignment_figure.draw(folder, outcomes)
    print(alignment_table.text(outcomes))
    print(f"\n{seconds:.0f} s; {', '.join(str(path) for path in (folder / 'alignment.h5', *figures))}")


def save(path: Path, outcomes: list[Outcome], seed: int) -> None:
    """Every case as a group of datasets (units and description as attributes), its settings and numbers as attributes.

    A file half written never stands under the final name.
    """
    part = path.with_name(path.name + ".part")
    with h5py.File(part, "w") as file:
        file.attrs.update(
            {"study": "alignment", "seed": seed, "R": R, "density": DENSITY, "phase": PHASE, "time_unit": "periods"}
        )
        for k, outcome in enumerate(outcomes):
            group = file.create_group(outcome.case.name, track_order=False)
            settings = {key: value for key, value in vars(outcome.case).items() if not isinstance(value, dict | None)}
            group.attrs.update(
                {**settings, **outcome.case.accuracy, **(outcome.case.alignment or {}), "seed": seed + k}
            )
            for name, (value, error) in outcome.numbers.items():
                group.attrs[f"end {name}"], group.attrs[f"end {name} error"] = value, error
            for name, (units, description) in UNITS.items():
                if name in outcome.data:
                    data = group.create_dataset(name, data=outcome.data[name])
                    data.attrs["units"], data.attrs["description"] = units, description
    os.replace(part, path)
