"""The groups `system` and `schedule` of results.h5: what a reader needs to compare with Schroedinger's equation,
whatever became of the user's files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from copympi.model import formats
from copympi.model.driven import Driven, Kept, Segment
from copympi.model.labels import Labels
from copympi.model.lattice import PIECE, Lattice
from copympi.model.observables import lattice_of
from copympi.model.preparation import Start
from copympi.model.schedule import NOTHING, Entry, Filter, Schedule, Switch, checked, passing
from copympi.model.system import System
from copympi.records.plan import MOST_PROFILE

PACKED: Any = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


def write(group: Any, system: System, start: Start, named: bool) -> None:
    """H/hbar, hbar, Psi and N at t = 0, labels (of many beables only those that a user `named`), lattice, parts."""
    N, large = start.number, system.P > MOST_PROFILE
    group.attrs.update({"hbar": system.hbar, "P": system.P, "members": str(N), "members_float": float(N)})
    if named or not large:
        group["labels"] = np.array([label.encode() for label in system.labels], "S")
    _write_matrix(group, system, large)
    group["state"] = start.state
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
        _write_potential(room, lattice, large)


def _write_matrix(group: Any, system: System, large: bool) -> None:
    """Piece by piece: a large lattice does not keep its H."""
    stored = sum(rows.nnz for _, rows in system.pieces())
    shapes = {"data": stored, "indices": stored, "indptr": system.P + 1}
    whole = np.dtype(np.int64) if system.by_lattice else system.frequencies.indices.dtype
    types = {"data": np.dtype(complex), "indices": whole, "indptr": whole}
    for name, size in shapes.items():
        group.create_dataset(name, (size,), types[name], **(PACKED if large else {}))
    end = 0
    for first, rows in system.pieces():
        group["data"][end : end + rows.nnz] = rows.data
        group["indices"][end : end + rows.nnz] = rows.indices
        group["indptr"][first + 1 : first + 1 + rows.shape[0]] = rows.indptr[1:].astype(whole) + end
        end += rows.nnz
    group["data"].attrs["description"] = "H/hbar as a CSR matrix: data, indices, indptr"


def _write_potential(group: Any, lattice: Lattice, large: bool) -> None:
    group.create_dataset("potential", data=np.ravel(lattice.potential), **(PACKED if large else {}))
    group["potential"].attrs["description"] = "V of the sites in order of the beables, the last axis fastest"


def write_schedule(file: Any, schedule: Schedule, first: System) -> None:
    """`schedule`: `at` (K,), times; `which` (K,), the numbers of systems below, each there once, or -1 - f of filter f;
    where there are filters `stays` (F, P), whose members pass each of them.

    Of a driven system (model/driven.py) H_0 stands there once, with the H_j in groups `terms/j`, and the values of the
    pulses for each entry in `coefficients` (K, J).
    """
    if not schedule:
        return
    group, switches = file.create_group("schedule"), schedule.switches
    numbers = {id(entry): -1 - f for f, entry in enumerate(schedule.filters)}
    made: dict[int, tuple[int, System | Driven]] = {}
    for switch in switches:
        source = switch.system.driven if isinstance(switch.system, Segment) else switch.system
        made.setdefault(id(source), (len(made), source))
    group["at"] = np.array([entry.at for entry in schedule])
    group["which"] = np.array([
        made[id(getattr(each.system, "driven", each.system))][0] if isinstance(each, Switch) else numbers[id(each)]
        for each in schedule
    ])  # fmt: skip
    group["at"].attrs["description"] = "times from which on another H holds, or at which members leave by a filter"
    group["which"].attrs["description"] = "in which group here H stands; below 0: -1 - f, f the row of the filter"
    if schedule.filters:
        stays = np.array([passing(entry, first.P) for entry in schedule.filters])
        group.create_dataset("stays", data=stays.astype(np.uint8), **(PACKED if first.P > MOST_PROFILE else {}))
        group["stays"].attrs["description"] = "1: members with this beable pass the filter, 0: they leave"
    found = [getattr(each, "system", None) for each in schedule]
    values = [one.coefficients if isinstance(one, Segment) else () for one in found]
    if any(values):
        most = max(map(len, values))
        group["coefficients"] = np.array([[*row, *[0.0] * (most - len(row))] for row in values])
        group["coefficients"].attrs["description"] = "H is that of the group plus the sum of these times its terms"
    large = first.P > MOST_PROFILE
    for k, source in made.values():
        room = group.create_group(str(k))
        system = source.system if isinstance(source, Driven) else source
        _write_matrix(room, system, large)
        if system.lattice is not None:
            _write_potential(room, system.lattice, large)
        for j, term in enumerate(source.terms if isinstance(source, Driven) else ()):
            _write_matrix(room.create_group(f"terms/{j}"), term, large)


def read_schedule(file: Any, first: System) -> Schedule:
    """The schedule as it was, of a run that began with `first`."""
    if "schedule" not in file:
        return NOTHING
    group = file["schedule"]
    made: list[System | Driven] = []
    kept: Kept | None = None
    for k in range(int(group["which"][()].max()) + 1):
        room, lattice = group[str(k)], None
        if first.lattice is not None and "potential" in room:
            lattice = replace(first.lattice, potential=np.asarray(room["potential"][()], np.float64))
        labels = None if isinstance(first.labels, Labels) else list(first.labels)
        system = _on_lattice(room, first.hbar, labels, lattice)
        system = system or _system(room, first.hbar, first.P, labels, lattice=lattice)
        count = len(room["terms"]) if "terms" in room else 0
        terms = [_system(room[f"terms/{j}"], first.hbar, first.P) for j in range(count)]
        made.append(Driven(system, terms, kept) if terms else system)
        kept = made[-1].kept if isinstance(made[-1], Driven) else kept
    values = group["coefficients"][()].tolist() if "coefficients" in group else [()] * len(group["at"])
    stays = group["stays"][()] > 0 if "stays" in group else np.zeros((0, first.P), bool)
    entries: list[Entry] = []
    for at, which, row in zip(group["at"][()].tolist(), group["which"][()].tolist(), values, strict=True):
        if which < 0:
            entries.append(Filter(at, tuple(np.flatnonzero(stays[-1 - which]).tolist())))
            continue
        source = made[which]
        one = source.at(row[: len(source.terms)]) if isinstance(source, Driven) else source
        entries.append(Switch(at, one))
    return checked(first, entries)


def read(group: Any) -> System:
    """The system as it was, with its lattice or its parts if it had them."""
    hbar, P = float(group.attrs["hbar"]), int(group.attrs["P"])
    labels = [x.decode() for x in group["labels"][()]] if "labels" in group else None
    lattice = None
    if "lattice" in group:
        lattice = Lattice.from_attributes(dict(group["lattice"].attrs), hbar, group["lattice"]["potential"][()])
        if made := _on_lattice(group, hbar, labels, lattice):
            return made
    parts = _parts(group["parts"]) if "parts" in group else None
    return _system(group, hbar, P, labels, lattice, parts)


def _on_lattice(group: Any, hbar: float, labels: Any, lattice: Lattice | None) -> System | None:
    """The system of a large lattice, which makes its own H, if the matrix in a group is that; else None."""
    if lattice is None or lattice.P <= PIECE or not _has_matrix(group, made := System(None, hbar, labels, lattice)):
        return None
    return made


def _has_matrix(group: Any, system: System) -> bool:
    """Whether the matrix in a group is that of a lattice's system, to the last bit: neither is in memory whole."""
    data, indices, indptr = (group[part] for part in ("data", "indices", "indptr"))
    end = 0
    for first, rows in system.pieces():
        begin, end, last = end, end + rows.nnz, first + rows.shape[0]
        if end > min(len(data), len(indices)) or last >= len(indptr):
            return False
        there = data[begin:end], indices[begin:end], indptr[first : last + 1]
        wanted = rows.data, rows.indices, rows.indptr.astype(np.int64) + begin
        if not all(map(np.array_equal, there, wanted)):
            return False
    return end == len(data) == len(indices) and len(indptr) == system.P + 1


def _system(
    group: Any, hbar: float, P: int, labels: Any = None, lattice: Lattice | None = None, parts: Any = None
) -> System:
    matrix = {part: group[part][()] for part in formats.COMPRESSED}
    return System(formats.csr("csr", matrix, (P, P), "system") * hbar, hbar, labels, lattice, parts)


def _parts(group: Any) -> list[dict[str, Any]]:
    dims, labels = group["dimensions"][()].tolist(), [x.decode() for x in group["labels"][()]]
    names = [x.decode() for x in group["names"][()]]
    ends = np.cumsum(dims)
    return [
        {"name": name, "dimension": d, "labels": labels[end - d : end]}
        for name, d, end in zip(names, dims, ends, strict=True)
    ]
