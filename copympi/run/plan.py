"""One way to assemble a run, for Python and for the command line: a Job, from a config file or from keywords."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.config import reading as configuration
from copympi.config import writing
from copympi.config.reading import Config
from copympi.engine import methods
from copympi.errors import InputError
from copympi.model import build, rule_tables
from copympi.model.labels import Labels
from copympi.model.preparation import Start
from copympi.model.system import System
from copympi.records.observe import checked
from copympi.run.settings import Settings, matrix_digest, settings
from copympi.storage import given

MOST_MATRIX = 32
"""Beables up to which a Hamiltonian from Python is written down in the config of a run."""

Observers = dict[str, Callable[[Any], Any]]


@dataclass(frozen=True)
class Job:
    """A run as asked for: its config, and what it is made of.

    text : the config as TOML, as it goes into files. method : name of the method that carries it, and why. folder :
    where results go; None: into memory alone. source : the config file, for messages; None from Python. observe : a
    user's own quantities, name -> function.
    """

    config: Config
    text: str
    system: System
    start: Start
    method: tuple[str, str]
    folder: Path | None
    source: Path | None = None
    observe: Observers = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        """What must not change between the attempts of this run, nor from rank to rank."""
        return settings(self.config, self.system, self.start, sorted(self.observe))


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
    return Job(config, text, *made, folder or Path(path.stem), path)


def from_keywords(
    system: Any, sections: dict[str, dict[str, Any]], folder: Path | None, observe: Any, on_node: float
) -> Job:
    """The run of a System, or what System accepts, and of the sections of a config but [system]; InputErrors."""
    observe = checked(observe)
    before = system if isinstance(system, System) else System(system)
    labels = None if isinstance(before.labels, Labels) else list(before.labels)
    # numpy's numbers stand for Python's; what a user gave stays as it is otherwise
    sections = {section: {key: _scalar(each) for key, each in keys.items()} for section, keys in sections.items()}
    config = configuration.check({"system": {"hamiltonian": before, "hbar": before.hbar, "labels": labels}, **sections})
    made = _made(config, before, Path(), on_node)
    text = ""
    if folder is not None:
        text = writing.toml({"system": written(before) | {"labels": labels}} | _full(config))
        text += f"# recorded besides, by functions from Python: {', '.join(observe)}\n" if observe else ""
    return Job(config, text, *made, folder, None, observe)


def _made(config: Config, before: System, files: Path, on_node: float) -> tuple[System, Start, tuple[str, str]]:
    """System, ensemble and method of a checked config that fits into this machine; paths are relative to `files`."""
    system, start = prepared(config, before, files)
    config.dynamics.take_rule(rule_tables.of(config.dynamics.rule, files))
    method = methods.planned(system, start, config, on_node)
    return system, start, (method.name, method.why)


def prepared(config: Config, before: System, files: Path) -> tuple[System, Start]:
    """The system in the basis of its beables, and the ensemble at t = 0, of a checked config."""
    p = config.preparation
    array = hasattr(p.phases, "dtype") or isinstance(p.phases, tuple)
    phases = p.phases if array else given.phases(p.phases, files)
    return build.prepared(before, p, phases, files)


def _full(config: Config) -> dict[str, dict[str, Any]]:
    """Every section but [system], with the defaults."""
    parts = {name: getattr(config, name) for name in ("preparation", "dynamics", "alignment", "output", "checkpoint")}
    return {name: dict(part) for name, part in parts.items() if part is not None}


def written(system: System) -> dict[str, Any]:
    """The section [system] that gives the same system to the last bit; of a large one a digest stands there."""
    W, lattice, hbar = system.frequencies, system.lattice, system.hbar
    if lattice is not None and lattice.P <= writing.MOST_NUMBERS:
        V = lattice.potential if np.any(lattice.potential) else "free"
        keys = {"sites": list(lattice.shape), "spacing": list(lattice.spacing), "mass": lattice.mass}
        return {"builder": "lattice", "hbar": hbar, **keys, "boundary": lattice.boundary, "potential": V}
    H = times(W.toarray(), hbar) if system.P <= MOST_MATRIX else None
    if H is not None and np.array_equal(System(H, hbar).frequencies.toarray(), W.toarray()):
        if system.parts is None:
            return {"hamiltonian": H, "hbar": hbar}
        term = {"on": list(system.parts.names), "operator": H}
        return {"builder": "composite", "hbar": hbar, "parts": system.parts.tables(), "terms": [term]}
    return {"hamiltonian": matrix_digest(W.data, W.indices, W.indptr), "hbar": hbar}


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
