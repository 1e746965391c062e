"""python -m copympi.records.listing [FILE...]: the lists of datasets in docs/, from the table of quantities.

Without files both lists are printed; in each file that is named what stands between its marks is written anew.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from copympi.errors import InputError
from copympi.records.quantity import HISTORIES, TABLE, TRAITS, Quantity, counts_dtype, events_dtype, marginal

ROWS = (*TABLE, marginal("NAME"), *HISTORIES)
SIZES = {
    "beable": "P", "axis": "axes", "pair_of_parts": "pairs", "pair_of_qubits": "pairs", "beable_NAME": "d",
    "tracked_member": "M",
}  # fmt: skip
TYPES = {counts_dtype: "int64; float64 beyond N = 2^63", events_dtype: "int64; float64 from N = 2^43 on"}


def shape(row: Quantity) -> str:
    """The shape of a quantity in a run of one replica, as documents have it."""
    times = "T'" if row.profile or row.name == "profile_time" else "T"
    sizes = [SIZES[axis] for axis in row.axes if axis in SIZES]
    return f"({', '.join([times, *sizes])}{'' if sizes else ','})"


def condition(row: Quantity) -> str:
    """Which runs record it, in words."""
    return ", ".join(TRAITS[trait] for trait in row.runs) or "every run"


def full() -> str:
    """A table with a line a quantity: name and shape, description, units and type, where it is recorded."""
    lines = ["| dataset | what | units, type | recorded where |", "|---|---|---|---|"]
    for row in ROWS:
        dtype = TYPES.get(row.dtype) or row.dtype_for(1).name
        units = {"time": "`output.time_unit`, ", "1": ""}.get(row.units, f"{row.units}, ")
        what = row.description.replace("|", "\\|").replace("<", "&lt;")
        lines.append(f"| `{row.name}` {shape(row)} | {what} | {units}{dtype} | {condition(row)} |")
    return "\n".join(lines)


def short() -> str:
    """A table with a line for each sort of run: names and shapes of what it records more."""
    groups: dict[str, list[str]] = {}
    for row in sorted(ROWS, key=lambda row: len(row.runs)):
        groups.setdefault(condition(row), []).append(f"`{row.name}` {shape(row)}")
    lines = ["| recorded where | datasets |", "|---|---|"]
    return "\n".join([*lines, *(f"| {where} | {', '.join(names)} |" for where, names in groups.items())])


LISTS: dict[str, Callable[[], str]] = {"full": full, "short": short}
MARKS = re.compile(r"(<!-- datasets: (full|short) .*?-->\n).*?(\n<!-- end of datasets -->)", re.DOTALL)


def renewed(text: str) -> str:
    """A document with every list between marks as the table has it now."""
    return MARKS.sub(lambda found: f"{found[1]}{LISTS[found[2]]()}{found[3]}", text)


def main(files: list[str]) -> None:
    if not files:
        print(f"{full()}\n\n{short()}")
    for name in files:
        path = Path(name)
        text = path.read_text(encoding="utf-8")
        if not MARKS.search(text):
            raise InputError("FILE", path, "has no <!-- datasets: full --> or <!-- datasets: short -->")
        path.write_text(renewed(text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
