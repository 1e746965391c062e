"""Boxes of k sites against the sites themselves, and the atoms of one body as their own ensemble: section 3.3.

m = hbar = 1 throughout, and the spacing of the finest lattice of a part is 1. Six parts:

free   packets of unlike wave number on a chain, N = 1e80, a spectator a box: how fast boxes go
well   the same in a harmonic well: densities, and the pendulum that boxes make of the well
wave   a wave round a ring, N = 1e2 to 1e9: which model is nearer to the sites' quantum mechanics at which N
life   the same for much longer: when beables die
body   atoms of one body in boxes in a harmonic well against Newton, with and without spectators
fall   the same under a constant force
"""

from __future__ import annotations

import os
import sys
import time as clock
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from copympi import mpi
from copympi.errors import InputError
from copympi.simulate import simulate
from copympi.studies import coarse_figure, coarse_table, folders
from copympi.studies.coarse_model import Model, middled, packet, wave
from copympi.studies.coarse_numbers import Answers, Outcome

ENDLESS = 1e80
"""Members where noise is not what is asked about."""
WIDTH, DISTANCE = 32.0, 64.0
"""Of the free packets, and how far the fine one goes, in sites."""
WELL = 16.0
"""Width of a coherent packet in the well, in sites: its omega is 1/(2 width^2), its period 4 pi width^2."""
FAR = 160.0
"""Amplitude from where 1e80 copies without spectators do not reach."""
BODY = 6.0
"""Width of the body, in boxes: that of a coherent packet in its well."""
FORCE, FALL = 1 / 200, 100.0
"""On the falling body, and for how long."""
RING, CONTRAST = 64, 0.4
QUARTER = RING**2 / (4 * np.pi)
"""Time in which the wave goes a quarter round."""
LIFE = 3.0
"""Time watched, in units of n m abar^2/hbar, n members a beable."""


@dataclass(frozen=True)
class Part:
    """What one part of the study starts from, by its number `start`, and how often it is recorded."""

    make: Callable[[float], Model]
    duration: Callable[[float], float]
    records: int


def _in_well(sites: int, amplitude: float, width: float) -> Model:
    return packet(sites, -amplitude, width, 0.0, middled(sites) ** 2 / (8 * width**4))


def _falling(height: float) -> Model:
    return packet(128, height, BODY, 0.0, FORCE * middled(128))


PARTS = {
    "free": Part(lambda theta: packet(512, -DISTANCE, WIDTH, theta), lambda theta: DISTANCE / np.sin(theta), 4),
    "well": Part(lambda amplitude: _in_well(512, amplitude, WELL), lambda _: 5 * np.pi * WELL**2, 100),
    "wave": Part(lambda contrast: wave(RING, contrast), lambda _: QUARTER, 4),
    "life": Part(lambda contrast: wave(RING, contrast), lambda _: np.nan, 60),
    "body": Part(lambda amplitude: _in_well(88, amplitude, BODY), lambda _: 4 * np.pi * BODY**2, 20),
    "fall": Part(_falling, lambda _: FALL, 20),
}


@dataclass(frozen=True)
class Case:
    """One run: boxes of k sites (1: the sites themselves) of a part, from its start, with so many members."""

    part: str
    k: int
    start: float
    members: float = ENDLESS
    replicas: int = 1
    spectators: int = 0

    @property
    def name(self) -> str:
        more = f", {self.spectators} spectator a box" if self.spectators else ""
        return f"{self.part} {self.start:g}, k = {self.k}, N = {self.members:g}{more}"

    @property
    def model(self) -> Model:
        return PARTS[self.part].make(self.start).boxes(self.k)

    @property
    def duration(self) -> float:
        if self.part == "life":
            return LIFE * self.members / (RING // self.k) * self.k**2
        return PARTS[self.part].duration(self.start)


def cases(quick: bool, replicas: int | None) -> list[Case]:
    """What the study runs, in order."""
    many = replicas if replicas is not None else (4 if quick else 16)
    angles = (1 / 16, 1 / 8, 1 / 4) if quick else (1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4)
    amplitudes = (64.0, 128.0) if quick else (32.0, 64.0, 128.0, 160.0)
    sizes = (1e2, 1e4, 1e6) if quick else (1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
    atoms = (1e3, 1e6) if quick else (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
    lives = ((1, 32), (4, 32)) if quick else ((1, 32), (1, 128), (1, 512), (2, 128), (4, 32), (4, 128), (8, 128))
    return [
        *(Case("free", k, theta, spectators=1) for theta in angles for k in (1, 4, 8, 16)),
        *(Case("well", k, amplitude, spectators=1) for amplitude in amplitudes for k in (1, 2, 4, 8)),
        Case("well", 1, FAR),
        *(Case("wave", k, CONTRAST, N, many) for N in sizes for k in (1, 2, 4, 8)),
        *(Case("life", k, CONTRAST, n * RING // k, 2 * many) for k, n in lives),
        *(
            Case(part, 1, start, N, many, s)
            for part, start in (("body", 12.0), ("fall", 15.0))
            for s in (0, 1)
            for N in atoms
        ),
    ]


def study(comm: Any, folder: Path, quick: bool, replicas: int | None, seed: int) -> int:
    """Run all cases on all ranks of `comm`; the root writes coarse-graining.h5, .png, .pdf and prints the tables.

    replicas : of the cases of finite N; None for 16, or 4 where `quick`. Case k draws from seed + k.
    """
    if replicas is not None and replicas < 2:
        raise InputError("--replicas", replicas, "must be at least 2: errors are estimated from their scatter")
    mpi.from_root(comm, lambda: folders.make(folder))
    outcomes = []
    began = clock.perf_counter()
    todo = cases(quick, replicas)
    for k, case in enumerate(todo):
        outcomes.append(_simulate(case, seed + k, comm))
        if comm.rank == mpi.ROOT:
            now = clock.perf_counter() - began
            print(f"{k + 1:3} of {len(todo)}: {case.name} ({now:.0f} s)", file=sys.stderr, flush=True)
    mpi.from_root(comm, lambda: _report(folder, outcomes, seed, began))
    return 0


def _simulate(case: Case, seed: int, comm: Any) -> Outcome:
    model = case.model
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "with .* members no one holds", RuntimeWarning)
        run = simulate(
            model.system,
            density=model.rho,
            phase=model.phi,
            members=case.members if case.members == ENDLESS else int(case.members),
            spectators=case.spectators,
            duration=case.duration,
            interval=case.duration / PARTS[case.part].records,
            representation="occupation",
            replicas=case.replicas,
            seed=seed,
            comm=comm,
        )
    P = model.x.size
    return Outcome(case, model, run.time, run.occupation.reshape(-1, run.time.size, P))


def _report(folder: Path, outcomes: list[Outcome], seed: int, began: float) -> None:
    answers = Answers.of(outcomes)
    save(folder / "coarse-graining.h5", outcomes, answers, seed)
    figures = coarse_figure.draw(folder, answers)
    print(coarse_table.text(answers))
    files = ", ".join(str(path) for path in (folder / "coarse-graining.h5", *figures))
    print(f"\n{clock.perf_counter() - began:.0f} s; {files}")


UNITS = {
    "time": ("m abar^2/hbar", "time since the start, abar the spacing of the part's finest lattice"),
    "occupation": ("members", "members n_a in each box (replica, record, box), spectators included"),
    "position": ("abar", "<x> of the copies, spectators left out (replica, record)"),
    "x": ("abar", "middle of each box"),
    "potential": ("hbar^2/(m abar^2)", "V of each box"),
    "start_phase": ("rad", "phi of each box at the start"),
}


def save(path: Path, outcomes: list[Outcome], answers: Answers, seed: int) -> None:
    """Every case as a group of datasets, its settings as attributes; the tables' rows as groups of columns.

    A file half written never stands under the final name.
    """
    part = path.with_name(path.name + ".part")
    with h5py.File(part, "w") as file:
        file.attrs.update({"study": "coarse-graining", "seed": seed, "time_unit": "m abar^2/hbar"})
        for k, o in enumerate(outcomes):
            group = file.create_group(f"cases/{o.case.name}")
            group.attrs.update({**vars(o.case), "seed": seed + k})
            data = {"time": o.time, "occupation": o.n, "position": o.position}
            data |= {"x": o.model.x, "potential": o.model.V, "start_phase": o.model.phi}
            for name, values in data.items():
                made = group.create_dataset(name, data=values, compression="gzip")
                made.attrs["units"], made.attrs["description"] = UNITS[name]
        for name, rows in answers.tables().items():
            for column in rows[0]:
                made = file.create_dataset(f"tables/{name}/{column}", data=[row[column] for row in rows])
                made.attrs["units"], made.attrs["description"] = coarse_table.COLUMNS[column]
    os.replace(part, path)
