"""Do large bodies obey Newton? Packets of copies beside Schroedinger's equation and Newton's (section 3.3)."""

from __future__ import annotations

import warnings
from dataclasses import fields
from typing import Any

import numpy as np

from copympi import mpi
from copympi.errors import EmptyBeableWarning
from copympi.simulate import simulate
from copympi.studies import classical_limit
from copympi.studies.classical_limit import figure, table
from copympi.studies.classical_limit.cases import Case, Solution, with_solutions
from copympi.studies.classical_limit.numbers import Outcome, Reference, recorded
from copympi.studies.frame import Arrays, Done, Study
from copympi.studies.outputs import note_numbers

DATASETS = {
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
    "steps": ("1", "steps of all replicas together"),
    "share": ("1", "<V_Q> of Schroedinger's equation over its <m v^2/2>, means over time"),
    "step": ("1", "largest abar |dS/dx|/hbar of (62) of Schroedinger's equation"),
}


def run(case: Case | Solution, seed: int, comm: Any) -> Arrays:
    if isinstance(case, Solution):
        return mpi.from_root(comm, lambda: solve(case))
    problem = case.problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyBeableWarning)  # what the study is about
        done = simulate(
            problem.system,
            packet=problem.packet,
            members=case.members,
            spectators=case.spectators,
            duration=problem.duration,
            interval=problem.interval,
            representation="occupation",
            replicas=case.replicas,
            seed=seed,
            comm=comm,
        )
    return recorded(case, done)


def solve(case: Solution) -> Arrays:
    """Paths of both equations at the times of the ensembles' records, and what they move in."""
    problem, grid = case.problem, case.problem.system.lattice
    time = np.asarray(np.arange(problem.records + 1) * problem.interval, np.float64)
    reference = Reference.of(problem, time)
    arrays = {field.name: np.asarray(getattr(reference, field.name)) for field in fields(Reference)}
    return {**arrays, "x": grid.positions[0], "potential": grid.potential}  # type: ignore[union-attr]


def answers(done: list[Done]) -> list[Outcome]:
    """The ensembles, each with the solution of its problem."""
    solutions = {each.case.place: _reference(each.arrays) for each in done if isinstance(each.case, Solution)}
    ensembles = [each for each in done if isinstance(each.case, Case)]
    return [Outcome.of(each.case, solutions[each.case.problem.name], each.arrays) for each in ensembles]


def _reference(arrays: Arrays) -> Reference:
    of: dict[str, Any] = {field.name: arrays[field.name] for field in fields(Reference)}
    return Reference(**{**of, "share": float(of["share"]), "step": float(of["step"])})


STUDY = Study(
    name="classical-limit",
    asks=classical_limit.ASKS,
    cases=with_solutions,
    run=run,
    datasets=DATASETS,
    answers=answers,
    rows=table.rows,
    text=table.text,
    figure=figure.figure,
    attributes={"mass": 1.0},
    more=note_numbers,
)
