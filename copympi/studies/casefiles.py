"""DIR/cases/NAME.h5: one case of a study, there as a whole or not at all, with all that its numbers depend on."""

from __future__ import annotations

import json
import platform
import re
import sys
import time as clock
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from copympi import __version__, mpi
from copympi.engine.arithmetic import arithmetic
from copympi.errors import MachineError
from copympi.storage import sealed
from copympi.storage.results import libraries
from copympi.text import one_line

FOLDER = "cases"
IDENTITY = "identity"
"""Attribute: all that a case's numbers depend on, as JSON."""
MUST_AGREE = ("study", "case", "seed", "settings", "version")
"""Parts of the identity without which a case is another one. `libraries` and `cpu` may move its last bits alone."""


@dataclass(frozen=True)
class Done:
    """A case and what came out: `arrays` by name; the case drew from `seed`; `made` where, when, how long it took."""

    case: Any
    seed: int
    arrays: dict[str, NDArray[Any]]
    made: dict[str, Any]


def place(folder: Path, case: Any, k: int) -> Path:
    """Where case number k stands in a study's folder."""
    plain = re.sub(r"[^A-Za-z0-9.=+]+", "-", case.place.replace(" = ", "=")).strip("-")
    return folder / FOLDER / f"{k + 1:03}-{plain}.h5"


def provenance(seconds: float, ranks: int) -> dict[str, Any]:
    """What is noted of the process that made a case, beside the case's identity."""
    return {
        "libraries": f"{libraries()}, scipy {scipy.__version__}",
        "cpu": arithmetic(),
        "mpi": mpi.name(),
        "ranks": ranks,
        "hostname": platform.node(),
        "machine": platform.machine(),
        "seconds": seconds,
        "ended": clock.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def identity(study: Any, case: Any, seed: int) -> dict[str, Any]:
    """All that a case's numbers depend on, as it comes back from JSON."""
    parts = {"study": study.name, "case": case.place, "seed": seed, "settings": case.settings, "version": __version__}
    return dict(json.loads(json.dumps(parts, default=_plain)))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else np.asarray(value).tolist()


def write(folder: Path, study: Any, request: Any, k: int, done: Done) -> None:
    """Put a case on the disk. OSError where it does not take it."""

    def fill(file: Any) -> None:
        file.attrs[IDENTITY] = json.dumps(identity(study, done.case, done.seed))
        file.attrs["request"] = json.dumps(request.settings)
        file.attrs.update(done.made)
        for name, values in done.arrays.items():
            file.create_dataset(name, data=values)

    sealed.write(place(folder, done.case, k), fill)


def find(folder: Path, study: Any, case: Any, k: int, request: Any) -> Done | None:
    """Case number k of a study as it stands on the disk; None, and a line that says why, where it has to be made."""
    path, seed = place(folder, case, k), request.seed + k
    if not path.exists():
        return None
    try:
        with sealed.opened(path) as file:
            there = json.loads(file.attrs[IDENTITY])
            arrays = {name: data[()] for name, data in file.items()}
            made = {name: _plain_attribute(file.attrs[name]) for name in provenance(0.0, 0)}
    except sealed.DamagedError as problem:
        _say(f"{problem}; the case is computed again")
        return None
    except (OSError, KeyError, ValueError) as problem:
        _say(f"{path} cannot be read ({problem}); the case is computed again")
        return None
    wanted = identity(study, case, seed)
    unlike = [name for name in MUST_AGREE if there.get(name) != wanted[name]]
    if unlike:
        _say(f"{path} has another {unlike[0]} ({there.get(unlike[0])}); the case is computed again")
        return None
    here = provenance(0.0, 0)
    for name in ("libraries", "cpu"):
        if made[name] != here[name]:
            _say(f"warning: {path} was made under {made[name]}, not {here[name]}: last bits may differ")
    return Done(case, seed, {name: np.asarray(values) for name, values in arrays.items()}, made)


def _plain_attribute(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _say(text: str) -> None:
    print(f"copympi: {one_line(text)}", file=sys.stderr, flush=True)


def heads(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Of every case in a folder what is noted beside its arrays: identity, request, provenance; {} of damaged ones."""
    for path in sorted((folder / FOLDER).glob("*.h5")):
        try:
            with sealed.opened(path) as file:
                noted = {name: _plain_attribute(value) for name, value in file.attrs.items()}
                yield path, {**noted, IDENTITY: json.loads(noted[IDENTITY]), "request": json.loads(noted["request"])}
        except (OSError, KeyError, ValueError, MachineError):
            yield path, {}
