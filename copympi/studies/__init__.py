"""Named studies: a question to the theory, answered by tables and a figure each. `copympi study --list`.

Every folder here is a study: its `__init__` has ASKS, the question in one line, and its module `study` has STUDY, a
`frame.Study`. Its name is the folder's, with - for _. There is nothing else to register.
"""

from __future__ import annotations

import difflib
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from copympi.errors import InputError


def _asks() -> dict[str, str]:
    folders = sorted(module.name for module in iter_modules(__path__) if module.ispkg)
    return {name.replace("_", "-"): import_module(f"{__name__}.{name}").ASKS for name in folders}


STUDIES = _asks()
"""Name -> what it asks."""


def find(name: str) -> Any:
    """The `frame.Study` of that name; InputError that names the nearest one where there is none."""
    if name not in STUDIES:
        near = difflib.get_close_matches(name, list(STUDIES), n=1, cutoff=0.0)
        raise InputError("NAME", name, f"no such study; the nearest is {near[0]!r}; see `copympi study --list`")
    return import_module(f"{__name__}.{name.replace('-', '_')}.study").STUDY
