"""Runs in which system calls fail: builds inject.c and says what is to fail."""

from __future__ import annotations

import errno
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.slurm.box import need


def build(folder: Path, source: str = "inject.c") -> Path:
    """The library that makes calls fail; a machine without a C compiler fails under CI, else skips."""
    need(shutil.which("gcc") is not None, "gcc")
    made, code = (folder / source).with_suffix(".so"), Path(__file__).with_name(source)
    subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", made, code, "-ldl"], check=True)
    return made


class Fault(NamedTuple):
    """Of the calls on paths that contain `part` as whole names, `count` fail from the `first` on."""

    call: str
    error: str
    first: int
    count: int
    part: str

    def env(self, library: Path, log: Path) -> dict[str, str]:
        told = f"{self.call} {getattr(errno, self.error)} {self.first} {self.count} {self.part}"
        return {"LD_PRELOAD": str(library), "COPYMPI_FAULT": told, "COPYMPI_FAULT_LOG": str(log)}

    def __str__(self) -> str:
        return " ".join(map(str, self))


def befell(log: Path) -> int:
    """How many calls failed."""
    return log.stat().st_size if log.exists() else 0
