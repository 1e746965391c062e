"""Named studies: a question to the theory, answered by a table and a figure each. `copympi study --list`."""

from __future__ import annotations

import difflib
from importlib import import_module
from types import ModuleType

from copympi.errors import InputError

STUDIES = {
    "alignment": ("is alignment of the phases an attractor? (section 3.2)", "copympi.studies.alignment"),
    "coarse-graining": (
        "do boxes of sites, and a body's own atoms in boxes, move alike? (section 3.3)",
        "copympi.studies.coarse_graining",
    ),
    "classical-limit": ("do large bodies obey Newton? (section 3.3)", "copympi.studies.classical"),
}
"""Name -> (what it asks, the module whose `study(comm, folder, quick, replicas, seed)` answers)."""


def find(name: str) -> ModuleType:
    """The module of a study, or an InputError that names the nearest one."""
    if name not in STUDIES:
        near = difflib.get_close_matches(name, list(STUDIES), n=1, cutoff=0.0)
        raise InputError("NAME", name, f"no such study; the nearest is {near[0]!r}; see `copympi study --list`")
    return import_module(STUDIES[name][1])
