"""copympi.simulate: a run from Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from copympi import mpi
from copympi.config.reading import seconds
from copympi.errors import InputError, SeedWarning, warn
from copympi.model import rule_tables
from copympi.model.preparation import infinite
from copympi.model.system import System
from copympi.outcome.histories import Histories
from copympi.outcome.loading import from_results
from copympi.outcome.loading import load as load
from copympi.outcome.run import Run as Run  # its public place
from copympi.records.quantity import RECORD_TIME, TRACKED
from copympi.run.carry import Manner, carry_out
from copympi.run.plan import Job, from_keywords, tables
from copympi.run.settings import fingerprint
from copympi.run.watchdog import Unwatched

PREPARATION = (
    "members", "state", "density", "phase", "normalise", "packet", "parts", "admixture", "basis", "phase_spread",
    "phases", "phase_kinds", "spectators", "guided",
)  # fmt: skip
DYNAMICS = (
    "duration", "step", "tolerance", "leaving_chance", "method", "representation", "replicas", "seed", "rule",
    "guide", "guide_mixing",
)  # fmt: skip
OUTPUT = ("interval", "profile_interval", "summaries", "time_unit", "track")
"""Keywords, by the sections of a config that they belong to."""
DEFAULT_SEED = 1
_left_out = 0
"""How many runs of this process left their seed out."""


def simulate(
    system: System | Any,
    *,
    members: int | float,
    duration: float,
    state: Any = None,
    density: Any = None,
    phase: Any = None,
    normalise: bool = False,
    packet: Any = None,
    parts: dict[str, Any] | None = None,
    admixture: dict[str, Any] | None = None,
    basis: Any = None,
    interval: float | None = None,
    profile_interval: float | None = None,
    summaries: bool | None = None,
    time_unit: str = "",
    track: Any = None,
    step: float | None = None,
    tolerance: float = 1e-4,
    leaving_chance: float = 0.03,
    method: str = "auto",
    representation: str = "auto",
    replicas: int = 1,
    seed: int | None = None,
    rule: Any = None,
    guide: str = "ensemble",
    guide_mixing: float = 0.0,
    guided: Any = None,
    phase_spread: float = 0.0,
    phases: Any = None,
    phase_kinds: int = 64,
    alignment: dict[str, Any] | None = None,
    args: dict[str, Any] | None = None,
    schedule: Sequence[Any] | None = None,
    spectators: int = 0,
    observe: dict[str, Callable[[Any], Any]] | None = None,
    output: str | os.PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    time_budget: str | float | None = None,
    checkpoint: dict[str, Any] | None = None,
    comm: Any = None,
    progress: bool = False,
) -> Run:
    """Copy dynamics (39), (40) of members that start in Psi, recorded every `interval` up to `duration`.

    Collective: under mpiexec every rank of `comm` calls it, and gets the same Run. Keys of a config file have the same
    names. One of state, density, packet and parts is to be given. Units: energies as in H, times in hbar over them.

    Parameters
    ----------
    system : System, or what System accepts: a matrix (P, P), scipy.sparse or a QuTiP Qobj [energy]; or an H(t): a list
        [H0, [H1, f], ...] with f [1] a function of t [time], or QuTiP's QobjEvo (docs/python.md)
    members : int or float [1]. N, whole, up to 2^63 - 1; as counts ("occupation") up to 1e80.
    duration : float [time]. A multiple of interval.

    state : (P,) complex, or a QuTiP ket [1], default None. Amplitudes Psi_a, normalised.
    density : (P,) float [1], default None. |Psi_a|^2, with phase: Psi = sqrt(density) exp(-i phase).
    phase : (P,) float [rad], default None. Phases that go with density; zero where left out.
    normalise : bool, default False. Scale state or density to norm one, whatever it is.
    packet : dict, or a list of such, default None. On a lattice {"centre" [length], "width" [length], "wave_number"
        [1/length], "amplitude" [1]}, or {"eigenstate": number, "amplitude"}; a list is superposed.
    parts : dict, default None. Of a composite, part -> its amplitudes (d,), or the name of one of its beables: the
        product state. A part that is not named is in its first beable.
    admixture : dict, default None. {"state": "ground", "uniform" or amplitudes (P,), "weight": 1e-6 [1]}, against
        nodes.
    basis : (P, P) complex unitary [1] or "eigen", default None. Its columns are the beables to use; the state is given
        in the beables of system.

    interval : float [time], default None. Time between records; None: a hundredth of duration.
    profile_interval : float [time], default None. Time between records of each beable; None: every record up to
        P = 4096, else start and end.
    summaries : bool, default None. Record energy, smallest n and, on a lattice, motion; None: on lattices
        and of composites.
    time_unit : str, default "". Written on axes.
    track : int or (M,) int [1], default None. So many members, evenly spread over all, or those of these ids, are
        followed one by one: run.histories (docs/histories.md).

    step : float [time], default None. A fixed step; None: adapted to the two bounds below.
    tolerance : float [1], default 1e-4. Error of the mean-field predictor in n_a/N over the whole run.
    leaving_chance : float [1], default 0.03. Bound on any member's chance to leave its beable in one step; up to 0.3.
    method : str, default "auto". "leap": many copies a step; "exact": one by one (docs/exact.md); "auto": counts of few
        beables go one by one where few members are concerned, all else leaps.
    representation : str, default "auto". "members": each with its identity; "occupation": counts, any N at the same
        cost; "auto": counts, unless phases, phase_spread or alignment ask for members.
    replicas : int [1], default 1. Independent ensembles in one run; arrays then have an axis of them in front.
    seed : int [1], default None. Seed of all random numbers, 0 to 2^64 - 1; None: 1, with a warning (SeedWarning) where
        several runs of a process leave it out.

    rule : Rule, dict or RuleFunction, default None. A copy rule of the class (18), (19): copympi.Rule(q, r, harmonics),
        or the keys of [dynamics.rule]; any other: copympi.RuleFunction(copying, turning), slow (docs/rules.md); None:
        that of quantum mechanics.
    guide : str, default "ensemble". "schroedinger": members copy nobody, but jump as Bell has it, guided by the
        wavefunction of Schroedinger's equation.
    guide_mixing : float [1], default 0.0. Then a symmetric part of the rates, as Vink has it: this multiple of
        2 R_ab |Psi_a|/|Psi_b|.
    guided : (P,) float [1], default None. Then numbers or density of members in each beable at t = 0; None: as |Psi|^2.

    phase_spread : float [rad], default 0.0. Half width of a uniform spread of members' phases about their beable's.
    phases : (N,) float [rad] or "FILE.h5:/dataset", default None. Those of all members, in order of beables.
    phase_kinds : int [1], default 64. Phases that a beable has in "occupation" where they are spread.
    alignment : dict, default None. The keys of [alignment], for the model (42) to (53): strength [1/time^2], scaling,
        damping [1/time], potential, momenta [1/time], on_copy.
    args : dict, default None. What functions f(t, args), or f(t, name, ...), of an H(t) get besides t.
    schedule : list, default None. [(2.0, H2), (5.0, system3)]: times [time] from which on other Hamiltonians hold, in
        the beables of system [energy], as a System or what System accepts; on a lattice tables {"at": 2.0, "potential":
        {...}}. {"at": 5.0, "filter": ["up", 1]}: members with other beables leave, by names or numbers. A time need not
        be that of a record; what is recorded at it comes before. docs/config.md.
    spectators : int [1], default 0. Of the members so many in each beable are pinned: copied, never copying.
    observe : dict, default None. Name -> function of a view (records/view.py: n, phase, coherence, psi, (R, P) each;
        time; system) that gives (R,) or (R, k) real numbers, recorded under that name, found in run.measured.

    output : str or path, default None. A folder for the files of `copympi run`: results.h5 and checkpoints.
    resume : bool, default False. Go on from the newest checkpoint in output, whoever began it, Python or the command
        line; a finished run is given back as it is, or goes on to a longer duration.
    overwrite : bool, default False. Replace a finished run in output.
    time_budget : str or float [s], default None. "55min" or seconds, after which it stops; None: the end of the batch
        job, if there is one.
    checkpoint : dict, default None. The keys of [checkpoint]: interval ("10min", or a number [time]), keep, final.
    comm : mpi4py communicator, default None. None: MPI.COMM_WORLD.
    progress : bool, default False. Show how far it is: a bar on a terminal or in a notebook, else lines.

    Returns
    -------
    Run : time, occupation, phase, coherence, events and more; see help(copympi.Run).

    Raises
    ------
    InputError : for bad input, DynamicsError where the step would have to fall below what the time can resolve, and,
        with output, MachineError where files fail and StoppedEarly where the run stopped after a checkpoint: its time
        was up, there was a file STOP in its folder, or a signal came (SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGXCPU; in
        the main thread, and while it runs). Each on every rank alike. Any other exception on one rank ends the job.
    """
    asked = dict(locals())
    if seed is None:
        asked["seed"] = _default_seed(again=not resume and not infinite(members))
    asked["rule"] = rule_tables.as_table(rule)
    comm = mpi.world() if comm is None else comm
    sections: dict[str, Any] = {
        name: {key: asked[key] for key in keys}
        for name, keys in (("preparation", PREPARATION), ("dynamics", DYNAMICS), ("output", OUTPUT))
    }
    sections |= {name: asked[name] for name in ("alignment", "checkpoint") if asked[name] is not None}
    with mpi.together(comm):
        job, manner = _agreed(comm, asked, sections)
        outcome = carry_out(comm, job, manner, Unwatched())
        if job.folder is not None:
            return _on_every_rank(comm, Path(asked["output"]))
        memory = outcome.memory
        arrays, rows = mpi.from_root(comm, lambda: (memory.arrays(), memory.histories()) if memory else ({}, {}))
        last = outcome.last
        steps, largest = mpi.from_root(comm, lambda: (last.steps, last.largest_chance) if last else (0, 0.0))
    config: dict[str, Any] = {"system": {"hamiltonian": system}, **sections}
    if job.schedule:
        config["schedule"] = tables(schedule)
    said = {"config": config, "system": job.system, "state": job.start.state, "schedule": job.schedule}
    if rows:
        rows |= {TRACKED: arrays.pop(TRACKED), RECORD_TIME: arrays["time"]}
        said["histories"] = Histories(rows, rows["time"].size, replicas, job.system, job.schedule, time_unit)
    return Run.of(arrays, steps, largest, outcome.seconds or 0.0, **said)


def _on_every_rank(comm: Any, folder: Path) -> Run:
    """The Run in a folder. Rows of histories are not sent: each rank reads them when it is asked for them."""

    def on_root() -> tuple[Run, tuple[Any, ...] | None]:
        run = from_results(folder)
        return replace(run, histories=None), None if run.histories is None else run.histories.made_of

    run, made_of = mpi.from_root(comm, on_root)
    return run if made_of is None else replace(run, histories=Histories(*made_of))


def _default_seed(again: bool) -> int:
    """The seed of a run that names none; warns once a process that runs with it have the same random numbers.

    again : whether the run draws anew; one that goes on, or of the infinite ensemble, does not count.
    """
    global _left_out
    _left_out += again
    if again and _left_out == 2:
        warn(
            f"simulate was called again without seed: both runs have seed = {DEFAULT_SEED}, the same random numbers; "
            "give each a seed of its own, or take replicas",
            SeedWarning,
        )
    return DEFAULT_SEED


def _agreed(comm: Any, asked: dict[str, Any], sections: dict[str, Any]) -> tuple[Job, Manner]:
    """What the arguments ask for, the same on every rank. InputError on all where one refuses, or they are unlike."""
    on_node = mpi.part_on_node(comm)
    problem: InputError | None = None
    try:
        _refuse_without_output(asked)
        schedule = tables(asked["schedule"])
        sections = sections | {"schedule": schedule} if schedule else sections
        job = from_keywords(
            asked["system"], sections, _folder(asked["output"]), asked["observe"], on_node, asked["args"]
        )
        manner = Manner(
            resume=bool(asked["resume"]),
            overwrite=bool(asked["overwrite"]),
            budget=_budget(asked["time_budget"]),
            quiet=not asked["progress"],
            progress="auto" if asked["progress"] else "none",
        )
    except InputError as bad:
        problem = bad
    said = mpi.first_text(comm, str(problem) if problem is not None else "")
    if problem is not None:
        raise problem
    if said:
        raise InputError("arguments", "unlike", f"another rank refuses its own: {said}")
    if not mpi.same_everywhere(comm, fingerprint(job.settings | {"manner": (manner, str(job.folder))})):
        raise InputError("arguments", "unlike", "must be the same on every rank (a state drawn without a seed?)")
    return job, manner


def _refuse_without_output(asked: dict[str, Any]) -> None:
    for key in ("resume", "overwrite", "time_budget", "checkpoint"):
        if asked["output"] is None and asked[key]:
            raise InputError(key, asked[key], "must go with output, the folder that it is about")


def _folder(output: Any) -> Path | None:
    try:
        return None if output is None else Path(output)
    except TypeError:
        raise InputError("output", output, "must be the path of a folder") from None


def _budget(given: Any) -> float | None:
    given = given.item() if isinstance(given, np.generic) else given
    number = isinstance(given, (int, float)) and not isinstance(given, bool) and 0 < given < float("inf")
    return float(given) if number else None if given is None else seconds(given, "time_budget")
