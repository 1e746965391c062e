"""A study's folder: what it holds, and whether a study may write there."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from copympi.errors import InputError, MachineError
from copympi.storage import checkpoints, layout, sealed
from copympi.storage.folder import KEY, make
from copympi.storage.hdf5 import opened, reason
from copympi.studies import STUDIES, casefiles


@dataclass(frozen=True)
class Held:
    """What a folder holds of a study: its name, the request it answers (None where a file does not say it), the file
    of the whole study (None where it is not finished), and how many cases of their own."""

    study: str
    request: dict[str, Any] | None
    whole: Path | None
    cases: int


def held(folder: Path) -> Held | None:
    """What of a study stands in a folder; None where there is none. MachineError where that cannot be told."""
    heads = list(casefiles.heads(folder))
    told = [head for _, head in heads if head]
    for name in STUDIES:
        path = folder / f"{name}.h5"
        if path.is_file():
            study, request = _whole(path)
            if study:
                return Held(study, request, path, len(heads))
    if told:
        return Held(told[0][casefiles.IDENTITY]["study"], told[0]["request"], None, len(heads))
    if heads:
        raise MachineError(f"{folder / casefiles.FOLDER} holds cases that cannot be read")
    return None


def _whole(path: Path) -> tuple[str, dict[str, Any] | None]:
    """Name and request of a study's file; no name where it is none. Files before version 0.2 have no request."""
    try:
        if sealed.is_sealed(path):
            with sealed.opened(path) as file:
                return str(file.attrs["study"]), json.loads(file.attrs["request"])
        with opened(path) as file:
            return str(file.attrs.get("study", "")), None
    except (OSError, KeyError, ValueError) as problem:
        raise MachineError(f"{path} cannot be read: {reason(problem)}") from None


def open_folder(folder: Path, name: str, request: Any) -> bool:
    """Make a study's folder ready; whether it holds this very study, finished. InputError where it must not be used."""
    make(folder)  # before hours are spent
    if (folder / layout.NAME).exists() or checkpoints.numbered(folder):
        raise InputError(KEY, folder, "holds a run; choose another with -o")
    fresh = request.overwrite and not request.resume
    try:
        found = held(folder)
    except MachineError as problem:
        if not fresh:
            raise InputError(KEY, folder, f"{problem}; choose another with -o, or --overwrite") from None
    else:
        _refuse(folder, name, found, request)
        if found is not None and not fresh and found.whole is not None and not found.cases:
            return True
    try:
        if fresh:
            (folder / f"{name}.h5").unlink(missing_ok=True)
            clear_cases(folder)
        (folder / casefiles.FOLDER).mkdir(exist_ok=True)
        for each in (folder, folder / casefiles.FOLDER):
            sealed.sweep(each)
    except OSError as problem:
        raise InputError(KEY, folder, f"cannot be written: {reason(problem)}") from None
    return False


def _refuse(folder: Path, name: str, found: Held | None, request: Any) -> None:
    """InputError where what was found may not be replaced, or gone on with."""
    if found is None:
        if (folder / f"{name}.h5").exists():
            raise InputError(KEY, folder, f"holds a {name}.h5 that is not copympi's; choose another with -o")
        return
    if found.study != name:
        raise InputError(KEY, folder, f"holds the study {found.study}; choose another with -o")
    if request.overwrite and not request.resume:
        return
    if not request.resume:
        unfinished = f"holds {found.cases} cases of this study; go on with --resume,"
        what = "holds this study, finished;" if found.whole else unfinished
        raise InputError(KEY, folder, f"{what} choose another with -o, or --overwrite")
    if found.request is None:
        raise InputError(KEY, folder, "holds this study by an older version; choose another with -o, or --overwrite")
    for key, value in request.settings.items():
        if found.request[key] != value:
            why = f"the study in {folder} was begun with another: {found.request[key]}; choose another folder with -o"
            raise InputError(f"--{key}", value, why)


def clear_cases(folder: Path) -> None:
    """Remove the cases' own files."""
    for path in (folder / casefiles.FOLDER).glob("*.h5"):
        path.unlink()
    with suppress(OSError):  # somebody else's file stands there
        (folder / casefiles.FOLDER).rmdir()
