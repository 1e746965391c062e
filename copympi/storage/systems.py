"""The group `system` of results.h5: what a reader needs to compare with Schroedinger's equation, whatever became of
the user's files."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.model import formats
from copympi.model.lattice import Lattice
from copympi.model.observables import lattice_of
from copympi.model.preparation import Start
from copympi.model.system import System
from copympi.records.plan import MOST_PROFILE


def write(group: Any, system: System, start: Start, named: bool) -> None:
    """H/hbar, hbar, Psi and N at t = 0, labels (of many beables only those that a user `named`), lattice, parts."""
    N, large = start.members, system.P > MOST_PROFILE
    group.attrs.update({"hbar": system.hbar, "P": system.P, "members": str(N), "members_float": float(N)})
    if named or not large:
        group["labels"] = np.array([label.encode() for label in system.labels], "S")
    packed: Any = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if large else {}
    for part in ("data", "indices", "indptr"):
        group.create_dataset(part, data=getattr(system.frequencies, part), **packed)
    group["state"] = start.state
    group["data"].attrs["description"] = "H/hbar as a CSR matrix: data, indices, indptr"
    group["state"].attrs["description"] = "Psi_a at t = 0, normalised"
    if system.parts is not None:
        room = group.create_group("parts")
        room["names"] = np.array([name.encode() for name in system.parts.names], "S")
        room["dimensions"] = np.array(system.parts.dims, np.int64)
        room["labels"] = np.array([label.encode() for part in system.parts for label in part.labels], "S")
        room["labels"].attrs["description"] = "names of the beables of each part, one part after the other"
    lattice = lattice_of(system)
    if lattice is not None:
        room = group.create_group("lattice")
        room.attrs.update(lattice.attributes())
        room.create_dataset("potential", data=np.ravel(lattice.potential), **packed)
        room["potential"].attrs["description"] = "V of the sites in order of the beables, the last axis fastest"


def read(group: Any) -> System:
    """The system as it was, with its lattice or its parts if it had them."""
    parts = {part: group[part][()] for part in formats.COMPRESSED}
    hbar, P = float(group.attrs["hbar"]), int(group.attrs["P"])
    labels = [x.decode() for x in group["labels"][()]] if "labels" in group else None
    more: dict[str, Any] = {}
    if "lattice" in group:
        more["lattice"] = Lattice.from_attributes(dict(group["lattice"].attrs), hbar, group["lattice"]["potential"][()])
    if "parts" in group:
        more["parts"] = _parts(group["parts"])
    return System(formats.csr("csr", parts, (P, P), "system") * hbar, hbar, labels, **more)


def _parts(group: Any) -> list[dict[str, Any]]:
    dims, labels = group["dimensions"][()].tolist(), [x.decode() for x in group["labels"][()]]
    names = [x.decode() for x in group["names"][()]]
    ends = np.cumsum(dims)
    return [
        {"name": name, "dimension": d, "labels": labels[end - d : end]}
        for name, d, end in zip(names, dims, ends, strict=True)
    ]
