"""What stands in results.h5, and where: the quantities of records/quantity.py, and those of a user's `observe`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from copympi.records.quantity import (
    HISTORIES,
    NAMES,
    PROFILES,
    RECORD_TIME,
    ROWS_DIGEST,
    ROWS_SO_FAR,
    TABLE,
    TIMES,
)

SCHEMA = 1
NAME = "results.h5"
FOLDER = "profiles"
OBSERVED = "observed"
"""Root attribute with the names of the quantities of a user's own, in a row; there where there are any."""
MARGINALS = "marginals"
"""Root attribute with the names of the marginals of a composite's parts, in a row; of no other system."""
SETTINGS = "settings"
"""Root attribute: what must not change between the attempts of a run, as JSON; files of version 0.1 have none."""
ALONE = (*TIMES, RECORD_TIME, ROWS_SO_FAR, ROWS_DIGEST)
"""Quantities without an axis of replicas, however many there are."""
CODES = next(row.codes for row in TABLE if row.name == "regime")
"""What the numbers in `regime` mean."""


def recorded(file: Any) -> list[str]:
    """The recorded quantities in a results file, in the order of the table, then marginals, a user's own, histories."""
    more = [name for key in (MARGINALS, OBSERVED) for name in str(file.attrs.get(key, "")).split()]
    more += [row.name for row in HISTORIES]
    return [name for name in (*NAMES, *more) if name in file]


def has_beables(name: str) -> bool:
    """Whether a dataset has an axis of beables: where there is profile_time, those are its times."""
    return name in PROFILES


def is_sparse(name: str) -> bool:
    """Whether a dataset has a row a profile where profiles have times of their own: profile_time does too."""
    return has_beables(name) or name == "profile_time"


def axis(name: str, lead: bool) -> int:
    """Which axis of a dataset is that of times, in a file with (`lead`) or without an axis of replicas."""
    return 1 if lead and name not in ALONE else 0


def place(folder: Path, number: int) -> Path:
    """Where a profile with a file of its own belongs."""
    return folder / FOLDER / f"{number}.h5"
