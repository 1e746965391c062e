"""One way to assemble a run, for Python and for the command line: a Job, from a config file or from keywords."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.config import reading as configuration
from copympi.config import writing
from copympi.config.reading import Config
from copympi.engine import assembly
from copympi.engine.tracking import checked as checked_ids
from copympi.engine.tracking import spread_out
from copympi.errors import InputError
from copympi.model import build, evolving, rule_tables
from copympi.model.drives import Drive
from copympi.model.labels import Labels
from copympi.model.preparation import Start
from copympi.model.rules import Rule
from copympi.model.schedule import NOTHING, Filter, Schedule, Switch
from copympi.model.system import System
from copympi.records.observe import checked
from copympi.run import driving
from copympi.run.settings import Settings, settings, system_digest
from copympi.storage import given

ENTRY = "must be (time, H), or a table of at and hamiltonian, or filter, on a lattice potential, of a composite terms"
FUNCTIONS = "functions of time from Python"
"""Stands in a config in place of the tables [[system.drive]]: such a run cannot be made again from it."""
MOST_FOLLOWED = 10**8
"""Members; their beables are recorded, in four bytes each."""
MOST_MATRIX = 32
"""Beables up to which a Hamiltonian from Python is written down in the config of a run."""

Observers = dict[str, Callable[[Any], Any]]


@dataclass(frozen=True)
class Job:
    """A run as asked for: its config, and what it is made of.

    schedule : in the basis of the beables of `system`, its times those of the timetable. text : the config as TOML, as
    it goes into files. method : name of the method that carries it, and why. folder :
    where results go; None: into memory alone. source : the config file, for messages; None from Python. observe : a
    user's own quantities, name -> function. track : ids (M,) of the members that are followed, ascending; None: nobody.
    """

    config: Config
    text: str
    system: System
    start: Start
    method: tuple[str, str]
    folder: Path | None
    source: Path | None = None
    observe: Observers = field(default_factory=dict)
    schedule: Schedule = NOTHING
    track: NDArray[np.int64] | None = None

    @property
    def cautions(self) -> tuple[Start, System, Rule | None, Schedule, float, bool]:
        """What `starting.warn_about` looks at."""
        dynamics = self.config.dynamics
        guided = dynamics.guide == "schroedinger"
        return self.start, self.system, dynamics.rule_read, self.schedule, dynamics.duration, guided

    @cached_property
    def settings(self) -> Settings:
        """What must not change between the attempts of this run, nor from rank to rank."""
        return settings(self.config, self.system, self.start, sorted(self.observe), self.schedule)


def from_file(path: Path, overrides: list[str], folder: Path | None, on_node: float) -> Job:
    """The run of a config file with `section.key=value` overrides. InputErrors name the file.

    folder : where results go; by default the file's stem. on_node : which part of all ranks shares this one's memory.
    """
    config, text = configuration.read(path, overrides)
    try:
        before = build.system(config.system, path.parent)
        made = _made(config, before, path.parent, on_node)
    except InputError as problem:
        raise problem.inside(path) from None
    system, start, method, schedule, track = made
    return Job(config, text, system, start, method, folder or Path(path.stem), path, schedule=schedule, track=track)


def from_keywords(
    system: Any,
    sections: dict[str, Any],
    folder: Path | None,
    observe: Any,
    on_node: float,
    args: dict[str, Any] | None = None,
) -> Job:
    """The run of a System, or what System accepts, and of the sections of a config but [system]; InputErrors.

    system : or an H(t), as model/evolving.py has it, whose functions may take `args`. sections : of keys, and
    `schedule` a list of them.
    """
    observe = checked(observe)
    drives: tuple[Drive, ...] | None = None
    if evolving.evolves(system):
        before, drives = evolving.split(system, args, sections["dynamics"]["duration"])
    else:
        before = system if isinstance(system, System) else System(system)
    labels = None if isinstance(before.labels, Labels) else list(before.labels)
    # numpy's numbers stand for Python's; what a user gave stays as it is otherwise
    sections = {section: scalars(keys) for section, keys in sections.items()}
    whole = {"hamiltonian": before, "hbar": before.hbar, "labels": labels, "drive": drives or None}
    config = configuration.check({"system": whole, **sections})
    system, start, method, schedule, track = _made(config, before, Path(), on_node)
    text = ""
    if folder is not None:
        said = noted([section.model_dump() for section in config.schedule], before)
        told = written(before) | {"labels": labels, "drive": FUNCTIONS if drives else None}
        text = writing.toml({"system": told} | _full(config) | {"schedule": said})
        text += f"# recorded besides, by functions from Python: {', '.join(observe)}\n" if observe else ""
    return Job(config, text, system, start, method, folder, None, observe, schedule, track)


def _made(
    config: Config, before: System, files: Path, on_node: float
) -> tuple[System, Start, tuple[str, str], Schedule, NDArray[np.int64] | None]:
    """System, ensemble, method, schedule and ids to follow of a checked config that fits into this machine.

    files : what paths are relative to.
    """
    system, start, schedule = prepared(config, before, files)
    config.dynamics.take_rule(rule_tables.of(config.dynamics.rule, files))
    method = assembly.planned(system, start, config, on_node, schedule)
    return system, start, (method.name, method.why), schedule, followed(config.output.track, start, system.P)


def followed(track: int | list[int] | None, start: Start, P: int) -> NDArray[np.int64] | None:
    """The ids that output.track stands for, (M,), ascending, or None. InputError for what cannot be."""
    if track is None:
        return None
    if isinstance(track, list):
        return checked_ids(np.array(track, np.int64), start, P)
    if track > MOST_FOLLOWED:
        raise InputError("output.track", track, f"must be at most {MOST_FOLLOWED:,}")
    return spread_out(start.members - P * start.spectators, track, P)


def prepared(config: Config, before: System, files: Path) -> tuple[System, Start, Schedule]:
    """The system in the basis of its beables, the ensemble at t = 0, and the schedule in that basis."""
    p = config.preparation
    array = hasattr(p.phases, "dtype") or isinstance(p.phases, tuple)
    phases = p.phases if array else given.phases(p.phases, files)
    return driving.prepared(config, before, phases, files)


def _full(config: Config) -> dict[str, dict[str, Any]]:
    """Every section but [system], with the defaults."""
    parts = {name: getattr(config, name) for name in ("preparation", "dynamics", "alignment", "output", "checkpoint")}
    return {name: dict(part) for name, part in parts.items() if part is not None}


def tables(schedule: Any) -> list[dict[str, Any]]:
    """A schedule from Python as tables like those of a config: pairs (time, H), Switches, or tables already."""
    if schedule is None:
        return []
    if not isinstance(schedule, (list, tuple, Schedule)):
        raise InputError("schedule", schedule, f"must be a list; {ENTRY}")
    out: list[dict[str, Any]] = []
    for k, entry in enumerate(schedule):
        if isinstance(entry, Switch):
            out.append({"at": entry.at, "hamiltonian": entry.system})
        elif isinstance(entry, Filter):
            out.append({"at": entry.at, "filter": list(entry.beables)})
        elif isinstance(entry, (tuple, list)) and len(entry) == 2:
            out.append({"at": entry[0], "hamiltonian": entry[1]})
        elif isinstance(entry, Mapping):
            out.append(dict(entry))
        else:
            raise InputError(f"schedule[{k}]", entry, ENTRY)
    return [scalars(each) for each in out]


def noted(tables: Sequence[Mapping[str, Any]], before: System) -> list[dict[str, Any]]:
    """The tables [[schedule]] that say the same in types that TOML has; of a large H a digest stands there.

    before : the system at the start.
    """
    out = []
    for table in tables:
        said, H = dict(table), table.get("hamiltonian")
        if H is not None and not isinstance(H, (str, list)):
            told = written(H if isinstance(H, System) else System(H, before.hbar))
            said.pop("hamiltonian")
            said |= {key: told[key] for key in ("hamiltonian", "potential", "terms") if key in told}
        out.append({key: value for key, value in said.items() if value is not None})
    return out


def scalars(value: Any) -> Any:
    """A section, or a list of them, with numpy's numbers as Python's."""
    if isinstance(value, list):
        return [scalars(each) for each in value]
    return {key: _scalar(each) for key, each in value.items()} if isinstance(value, dict) else value


def written(system: System) -> dict[str, Any]:
    """The section [system] that gives the same system to the last bit; of a large one a digest stands there."""
    lattice, hbar = system.lattice, system.hbar
    if lattice is not None and lattice.P <= writing.MOST_NUMBERS:
        V = lattice.potential if np.any(lattice.potential) else "free"
        keys = {"sites": list(lattice.shape), "spacing": list(lattice.spacing), "mass": lattice.mass}
        return {"builder": "lattice", "hbar": hbar, **keys, "boundary": lattice.boundary, "potential": V}
    W = system.frequencies.toarray() if system.P <= MOST_MATRIX else None
    H = None if W is None else times(W, hbar)
    if W is not None and H is not None and np.array_equal(System(H, hbar).frequencies.toarray(), W):
        if system.parts is None:
            return {"hamiltonian": H, "hbar": hbar}
        term = {"on": list(system.parts.names), "operator": H}
        return {"builder": "composite", "hbar": hbar, "parts": system.parts.tables(), "terms": [term]}
    return {"hamiltonian": system_digest(system), "hbar": hbar}


def times(frequencies: NDArray[np.complex128], hbar: float) -> NDArray[np.complex128]:
    """H, of any shape, that divided by hbar gives these frequencies, to the last bit wherever doubles can."""
    parts = []
    for part in (frequencies.real, frequencies.imag):
        best = part * hbar
        for other in (np.nextafter(best, np.inf), np.nextafter(best, -np.inf)):
            best = np.where(best * (1.0 / hbar) == part, best, other)
        parts.append(best)
    return np.asarray(parts[0] + 1j * parts[1])


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
