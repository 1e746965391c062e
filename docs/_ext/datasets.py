"""The reference of datasets and attributes: from records/quantity.py and storage/columns.py, and words for the rest."""

from __future__ import annotations

from copympi.records.listing import ROWS, TYPES, condition, shape
from copympi.records.quantity import Quantity
from copympi.storage.columns import COLUMNS

ATTRIBUTES = {
    "schema": "which layout this file has: 1",
    "config": "the config as it was run, TOML",
    "version": "of copympi",
    "seed": "of all random numbers",
    "ranks": "how many MPI ranks wrote it; results do not depend on that",
    "mpi": "which MPI library",
    "libraries": "versions of Python, NumPy and h5py",
    "build": "what compiled the kernels: compiler, flags, C library",
    "hostname": "of the root",
    "started": "when",
    "ended": "when; as the next four from the end of the run on",
    "seconds": "wall time in the loop",
    "steps": "how many steps all replicas took together",
    "largest_chance": "the largest chance to leave a beable in one step that any member had",
    "complete": "whether the run has come to its end",
    "method": "which method ran",
    "method_why": "and why",
    "settings": "what must not change where the run goes on, JSON",
    "observed": "names of the quantities that `observe` gave",
    "marginals": "names of the marginals of a composite's parts",
}
GROUPS = {
    "system": "H, the state and the names at t = 0: what is needed to compare with quantum mechanics. Attributes "
    "`hbar`, `P`, `members` (N as a text) and `members_float`.",
    "system/data": "elements of H/hbar, (E,) complex128: with the next two a sparse matrix in CSR form",
    "system/indices": "their columns (E,)",
    "system/indptr": "where each row begins (P + 1,)",
    "system/state": "Psi_a at t = 0, normalised, (P,) complex128",
    "system/labels": "names of the beables (P,)",
    "system/parts": "of a composite",
    "system/parts/names": "names of the parts",
    "system/parts/dimensions": "how many beables each part has",
    "system/parts/labels": "their names, one part after the other",
    "system/lattice": "of a lattice: attributes with its shape, spacing, mass and boundary",
    "system/lattice/potential": "V at the sites (P,), the last axis fastest",
    "schedule": "there where H is switched or driven, or a filter acts",
    "schedule/at": "times (K,)",
    "schedule/which": "what happens (K,): number k >= 0 is the H in group k beside, -1 - f the filter f",
    "schedule/stays": "a row for each filter, (F, P): 1 where members with that beable stay, 0 where they leave",
    "schedule/coefficients": "(K, J): H is that of the group plus the sum of these times its terms",
    "schedule/K": "a Hamiltonian, H/hbar as `data`, `indices` and `indptr` like those of `system`; on a lattice "
    "`potential`",
    "schedule/K/data": "as above", "schedule/K/indices": "as above", "schedule/K/indptr": "as above",
    "schedule/K/potential": "V at the sites (P,)",
    "schedule/K/terms": "of an H that is driven",
    "schedule/K/terms/J": "the part H_j that pulse j multiplies",
    "schedule/K/terms/J/data": "as above", "schedule/K/terms/J/indices": "as above",
    "schedule/K/terms/J/indptr": "as above",
    "digests": "by which damage is found ([Checkpoints and results](../checkpoints.md)); attributes `system`, "
    "`attributes`, `end`",
    "digests/records": "a digest for each record (T,)",
    "digests/profiles": "for each profile (T',), where profiles have times of their own",
    "histories": "with `output.track`: what single members did",
    "histories/tracked_member": "ids of the members that are followed (M,)",
}  # fmt: skip
HISTORIES = {
    "time": "when a member that is followed copied another; rows are in order of it",
    "replica": "in which replica that was",
    "member": "the id of the member",
    "from": "its beable before",
    "to": "its beable after",
    "phase": "its phase after, the value of the one that it copied; where members have phases of their own",
}
"""The columns of a history."""
SCALES = {
    "beable": "names of the beables, or their numbers (P,)",
    "replica": "0, 1, ... (R,)",
    "axis": "of a lattice",
    "pair_of_parts": '"A,B" and so on',
    "pair_of_qubits": "of parts with two beables",
    "beable_NAME": "names of the beables of part NAME",
    "NAME_component": "0, 1, ... of a quantity of `observe` with several numbers",
    "histories/tracked_replica": "0, 1, ... (R,)",
}
"""Datasets that name the places along an axis."""
COLLECTED = {
    "table": "the columns of collected.csv, a row for each setting: the values of the swept keys and, of the runs "
    "that differ in their seed alone, means and standard errors at the end",
    "records": "what there is by record, as far as it has the same times and sizes; else `records-1` and so on",
    "records/time": "times of the records (T,)",
    "records/profile_time": "times of the profiles (T',), where these have their own",
    "records/setting": "which row of the table each row here belongs to (S,)",
    "records/QUANTITY": "the mean of that quantity over runs (S, T, ...)",
    "records/QUANTITY_error": "and its standard error",
    "records/deviation": "rms difference of n_a/N from Schrödinger's equation (S, T)",
    "records/schrodinger": "|Psi_a|^2 (S, T, P)",
    "records/expected": "the rms that noise must give (S, T)",
}


def dtype(row: Quantity) -> str:
    """The type of a quantity, as a file has it."""
    return TYPES.get(row.dtype) or row.dtype_for(1).name


def plain(words: str) -> str:
    """Words for Markdown, which must not take < for HTML or * for emphasis."""
    return words.replace("<", "&lt;").replace("*", "\\*")


def quantity(row: Quantity) -> str:
    """An entry for a recorded quantity."""
    units = "output.time_unit" if row.units == "time" else row.units
    more = (
        f"{dtype(row)}; units {units}; recorded with: {condition(row)}" if row.runs else f"{dtype(row)}; units {units}"
    )
    return f"`{row.name}` {shape(row)}\n: {plain(row.description)}\n\n  *{more}*"


def entries(table: dict[str, str]) -> list[str]:
    """Entries for a table of words."""
    return [f"`{name}`\n: {words}" for name, words in table.items() if words != "as above"]


def names() -> set[str]:
    """All that results.h5 may hold, by path; NAME, K and J stand for names and numbers."""
    columns = {f"histories/{column.name}" for column in COLUMNS}
    return {row.name for row in ROWS} | set(GROUPS) | set(SCALES) | columns


def page() -> str:
    """The reference of all files, Markdown."""
    columns = [
        f"`histories/{each.name}` (K,)\n: {HISTORIES[each.name]}\n\n  *{each.dtype.__name__}; units "
        f"{'output.time_unit' if each.units == 'time' else each.units}*"
        for each in COLUMNS
    ]
    lines = [
        "# Every dataset",
        "What `DIR/results.h5` holds, with the names that a `Run` has in Python too; [What a run "
        "records](../results.md) tells more, and how to read it. T is the number of records, T' that of profiles (T "
        "where these have no times of their own), P that of beables; with several replicas an axis of that size "
        "stands in front of all but times. Every dataset has attributes `units` and `description`. This page is made "
        "from the code.",
        "## Quantities", *(quantity(row) for row in ROWS if not row.name.startswith("histories/")),
        "## Members that are followed", "K rows, one for each copy that one of the M members made.", *columns,
        *(quantity(row) for row in ROWS if row.name.startswith("histories/")),
        "## Groups", *entries(GROUPS),
        "## Names of places along an axis", *entries(SCALES),
        "## Attributes of the file", *entries(ATTRIBUTES),
        "## Profiles in files of their own",
        "Beyond 4,096 beables each profile is a file, `DIR/profiles/0.h5` and so on, with the quantities that have an "
        "axis of beables; results.h5 shows them as its own. Attributes `complete`, `time`, `digest`.",
        "## Checkpoints", "Their datasets: [Checkpoints and results](../checkpoints.md).",
        "## Tables of sweeps", "`copympi collect` writes `DIR/collected.h5` ([Sweeps](../sweeps.md)).",
        *entries(COLLECTED),
    ]  # fmt: skip
    return "\n\n".join(lines) + "\n"
