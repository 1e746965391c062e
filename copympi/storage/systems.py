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
    """H/hbar, hbar, Psi and N at t = 0, labels (of many beables only those that a user `named`), and the lattice."""
    N, large = start.number, system.P > MOST_PROFILE
    group.attrs.update({"hbar": system.hbar, "P": system.P, "members": str(N), "members_float": float(N)})
    if named or not large:
        group["labels"] = np.array([label.encode() for label in system.labels], "S")
    packed: Any = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if large else {}
    for part in ("data", "indices", "indptr"):
        group.create_dataset(part, data=getattr(system.frequencies, part), **packed)
    group["state"] = start.state
    group["data"].attrs["description"] = "H/hbar as a CSR matrix: data, indices, indptr"
    group["state"].attrs["description"] = "Psi_a at t = 0, normalised"
    lattice = lattice_of(system)
    if lattice is not None:
        room = group.create_group("lattice")
        room.attrs.update(lattice.attributes())
        room.create_dataset("potential", data=np.ravel(lattice.potential), **packed)
        room["potential"].attrs["description"] = "V of the sites in order of the beables, the last axis fastest"


def read(group: Any) -> System:
    """The system as it was, with its lattice if it had one."""
    parts = {part: group[part][()] for part in formats.COMPRESSED}
    hbar, P = float(group.attrs["hbar"]), int(group.attrs["P"])
    labels = [x.decode() for x in group["labels"][()]] if "labels" in group else None
    more: dict[str, Any] = {}
    if "lattice" in group:
        more["lattice"] = Lattice.from_attributes(dict(group["lattice"].attrs), hbar, group["lattice"]["potential"][()])
    return System(formats.csr("csr", parts, (P, P), "system") * hbar, hbar, labels, **more)
