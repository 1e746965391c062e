"""Do large bodies obey Newton? Packets of copies beside Schroedinger's equation and Newton's (section 3.3).

A coherent state in a harmonic well, a packet that comes to the barrier of a double well, and a pendulum at smaller and
smaller hbar; few members and many, with spectators and without.
"""

from __future__ import annotations

import os
import sys
import time as clock
import warnings
from pathlib import Path
from typing import Any

import h5py

from copympi import mpi
from copympi.errors import InputError
from copympi.simulate import Run, simulate
from copympi.studies import classical_figure, classical_table, folders
from copympi.studies.classical_cases import Case, cases
from copympi.studies.classical_numbers import Outcome, Reference

NAME = "classical-limit"
UNITS = {
    "occupation": ("members", "members n_a at each site, first replica (record, site)"),
    "position": ("length", "<x> (replica, record)"),
    "width": ("length", "sqrt(<x^2> - <x>^2) (replica, record)"),
    "momentum": ("momentum", "m d<x>/dt, from phase differences across bonds (replica, record)"),
    "quantum_potential": ("energy", "<V_Q>, hbar^2/2m times the mean square slope of sqrt(rho) (replica, record)"),
    "potential_energy": ("energy", "<V> (replica, record)"),
    "mean_energy": ("energy", "<H> of the copies' own Psi (replica, record)"),
    "smallest": ("members", "smallest n_a (replica, record)"),
    "empty": ("sites", "sites where there is nobody (replica, record)"),
    "validity_occupation": ("1", "share of members at sites with n_a < 20 (replica, record)"),
    "validity_phase": ("1", "abar |dS/dx|/hbar of (62), rms (replica, record)"),
    "time": ("time", "time since the start, m = 1 (record)"),
    "quantum": ("length", "<x> of Schroedinger's equation on the lattice (record)"),
    "newton": ("length", "x of Newton's equation (record)"),
    "dispersed": ("length", "x of Newton's equation with the lattice's dispersion (record)"),
    "density": ("1", "|Psi|^2 of Schroedinger's equation on the lattice (record, site)"),
    "x": ("length", "where the sites are (site)"),
    "potential": ("energy", "V (site)"),
}


def study(comm: Any, folder: Path, quick: bool, replicas: int | None, seed: int) -> int:
    """Run all cases on all ranks of `comm`; the root writes classical-limit.h5, .png and .pdf and prints the table.

    replicas : of the cases of small N; None for 8, or 2 where `quick`. Case k draws from seed + k.
    """
    if replicas is not None and replicas < 2:
        raise InputError("--replicas", replicas, "must be at least 2: errors are estimated from their scatter")
    mpi.from_root(comm, lambda: folders.make(folder))
    root = comm.rank == mpi.ROOT
    outcomes: list[Outcome] = []
    references: dict[str, Reference] = {}
    began = clock.perf_counter()
    todo = cases(quick, replicas)
    for k, case in enumerate(todo):
        run = _simulate(case, seed + k, comm)
        if root:
            name = case.problem.name
            if name not in references:
                references[name] = Reference.of(case.problem, run.time)
            outcomes.append(Outcome.of(case, references[name], run))
            now = clock.perf_counter() - began
            print(f"{k + 1:3} of {len(todo)}: {case.name} ({now:.0f} s)", file=sys.stderr, flush=True)
    mpi.from_root(comm, lambda: _report(folder, outcomes, seed, clock.perf_counter() - began))
    return 0


def _simulate(case: Case, seed: int, comm: Any) -> Run:
    problem = case.problem
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*no one holds beable")  # what the study is about
        return simulate(
            problem.system,
            packet=problem.packet,
            members=case.members,
            spectators=case.spectators,
            duration=problem.duration,
            interval=problem.duration / problem.records,
            representation="occupation",
            replicas=case.replicas,
            seed=seed,
            comm=comm,
        )


def _report(folder: Path, outcomes: list[Outcome], seed: int, seconds: float) -> None:
    path = folder / f"{NAME}.h5"
    save(path, outcomes, seed)
    figures = classical_figure.draw(folder, NAME, outcomes)
    print(classical_table.text(outcomes))
    print(f"\n{seconds:.0f} s; {', '.join(str(each) for each in (path, *figures))}")


def save(path: Path, outcomes: list[Outcome], seed: int) -> None:
    """A group for each problem, with its solutions and, in groups, its ensembles; units and description as attributes.

    A file half written never stands under the final name.
    """
    part = path.with_name(path.name + ".part")
    with h5py.File(part, "w") as file:
        file.attrs.update({"study": NAME, "seed": seed, "mass": 1.0})
        for k, outcome in enumerate(outcomes):
            case, problem = outcome.case, outcome.case.problem
            if problem.name not in file:
                _problem(file.create_group(problem.name), outcome)
            group = file[problem.name].create_group(f"N = {case.size}, s = {case.spectators}")
            settings = {"members": case.members, "spectators": case.spectators, "replicas": case.replicas}
            group.attrs.update({**settings, "seed": seed + k, "steps": outcome.steps})
            for name, (value, error) in outcome.numbers.items():
                group.attrs[name], group.attrs[f"{name} error"] = value, error
            for name, values in outcome.data.items():
                _dataset(group, name, values)
    os.replace(part, path)


def _problem(group: Any, outcome: Outcome) -> None:
    problem, reference = outcome.case.problem, outcome.reference
    grid: Any = problem.system.lattice
    packet = {f"packet {key}": value for key, value in problem.packet.items()}
    group.attrs.update({"hbar": problem.hbar, "spacing": grid.spacing[0], "duration": problem.duration, **packet})
    group.attrs.update({"share": reference.share, "step": reference.step})
    for name in ("time", "quantum", "newton", "dispersed", "density"):
        _dataset(group, name, getattr(reference, name))
    _dataset(group, "x", grid.positions[0])
    _dataset(group, "potential", grid.potential)


def _dataset(group: Any, name: str, values: Any) -> None:
    data = group.create_dataset(name, data=values, compression="gzip" if values.ndim > 1 else None)
    data.attrs["units"], data.attrs["description"] = UNITS[name]
