"""`copympi plot` and `copympi info` of a study's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from copympi.errors import InputError, MachineError
from copympi.storage import sealed
from copympi.studies import STUDIES, casefiles, find, folders, outputs
from copympi.studies.folders import Held

AT_MOST = 8
"""Missing cases that are named one by one."""


def study_in(place: Path) -> Held | None:
    """What a folder, or the file in it, holds of a study; None where it is none. MachineError where it is damaged."""
    if place.is_dir():
        return folders.held(place)
    if not place.is_file() or place.name not in (f"{name}.h5" for name in STUDIES):
        return None
    found = folders.held(place.parent)
    return found if found is not None and found.whole == place else None


def plot(folder: Path, found: Held) -> list[Path]:
    """Draw a finished study's figure again from its file; returns the paths. InputError where it is not finished."""
    if found.whole is None:
        why = f"holds {found.cases} cases of the study {found.study}, not all; go on with `copympi study --resume`"
        raise InputError("DIR", folder, why)
    study = find(found.study)
    return outputs.draw(study, folder, study.answers(outputs.read(study, found.whole)))


def describe(place: Path, found: Held) -> list[str]:
    """Lines about a study: its question, what is done, where it comes from."""
    if found.request is None:
        raise MachineError(f"{found.whole} is by a version that did not note where it comes from")
    study, r = find(found.study), found.request
    cases = study.cases(r["quick"], r["replicas"])
    folder = place if place.is_dir() else place.parent
    heads = [head for _, head in casefiles.heads(folder) if head] if found.whole is None else _of_file(found.whole)
    done = {head[casefiles.IDENTITY]["case"] for head in heads}
    missing = [case.name for case in cases if case.place not in done]
    state = "complete" if found.whole else "not complete: the study still goes on, or was stopped"
    with_what = ("quick" if r["quick"] else "full size") + (f", --replicas {r['replicas']}" if r["replicas"] else "")
    out = [
        f"{found.whole or folder}: {state}",
        f"  study     {study.name}: {study.asks}",
        f"  asked for {with_what}, --seed {r['seed']}",
        f"  cases     {len(cases) - len(missing)} of {len(cases)}, {sum(h['seconds'] for h in heads):.3g} s",
    ]
    if missing:
        more = f", and {len(missing) - AT_MOST} more" if len(missing) > AT_MOST else ""
        out.append(f"  missing   {'; '.join(missing[:AT_MOST])}{more}")
    for name, key in (("version", "version"), ("libraries", "libraries"), ("cpu", "cpu"), ("MPI", "mpi")):
        out.append(f"  {name:<9} {'; '.join(_all(heads, key))}")
    out.append(f"  ranks     {'; '.join(_all(heads, 'ranks'))}, on {'; '.join(_all(heads, 'hostname'))}")
    return out


def _of_file(path: Path) -> list[dict[str, Any]]:
    """What a study's file notes of each of its cases."""
    heads: list[dict[str, Any]] = []
    with sealed.opened(path) as file:
        common = dict(file.attrs)

        def take(_: str, item: Any) -> None:
            if casefiles.IDENTITY in item.attrs:
                head = {**common, **dict(item.attrs)}
                heads.append({**head, casefiles.IDENTITY: json.loads(head[casefiles.IDENTITY])})

        file.visititems(take)
    return heads


def _all(heads: list[dict[str, Any]], key: str) -> list[str]:
    """The values that cases have, each once."""
    return sorted({str(head[casefiles.IDENTITY].get(key, head.get(key))) for head in heads})
