"""How a run can fail, and what it warns of, each with a class of its own."""

from __future__ import annotations

import copyreg
import sys
import unicodedata
import warnings
from pathlib import Path
from typing import Any

from copympi.text import one_line, shorten


class _Shown:
    """Stands for a value that may not be able to travel."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class InputError(ValueError):
    """Bad input: exit code 2, one line that names the key, its value and what is allowed."""

    def __init__(self, key: str, value: object, why: str, file: object = None) -> None:
        self.key, self.value, self.why, self.file = key, value, why, file
        super().__init__(str(self))

    def __str__(self) -> str:
        where = f"{self.file}: " if self.file is not None else ""
        return one_line(f"{where}{self.key} = {shorten(self.value)}: {self.why}")

    def __reduce__(self) -> Any:
        """Pickled so that the root's error can be raised on every rank: of most values, how they are shown."""
        plain = isinstance(self.value, (str, int, float, complex, Path, type(None)))
        told = {**self.__dict__, "value": self.value if plain else _Shown(shorten(self.value))}
        return copyreg.__newobj__, (type(self), *self.args), told  # type: ignore[attr-defined]

    def inside(self, file: object) -> InputError:
        """The same error, said of a file."""
        return InputError(self.key, self.value, self.why, file if self.file is None else self.file)


class NotBuiltYet(InputError):
    """A value of the contract that this version does not offer yet."""

    def __init__(self, key: str, value: object, instead: str) -> None:
        super().__init__(key, value, f"not built yet in this version; {instead}")


class Spoken(Exception):
    """A failure that is told in one line."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class DynamicsError(Spoken, RuntimeError):
    """The dynamics cannot go on from the state it reached: exit code 1, one line."""


class MachineError(Spoken, RuntimeError):
    """The machine, not the input, is at fault (MPI, files): exit code 1, one line."""


class Superseded(MachineError):
    """A later attempt has started on the same folder: this one must not write any more."""


class StoppedEarly(Spoken):
    """The run stopped on purpose after a checkpoint: exit code 3."""


class CopyWarning(RuntimeWarning):
    """Whatever copympi warns of; each sort has a class below, for `warnings.filterwarnings`."""


class StepWarning(CopyWarning):
    """A fixed step is so long that results lose accuracy."""


class EmptyBeableWarning(CopyWarning):
    """Beables have weight but, at this N, no member: there is nothing to copy, so they stay empty."""


class FrozenStartWarning(CopyWarning):
    """All members start on beables that none of the others hold a neighbour of: nobody can copy, ever; or no part."""


class RuleWarning(CopyWarning):
    """A copy rule is one by which rates may grow without bound, or depend on N."""


class ScheduleWarning(CopyWarning):
    """Of the schedule: a time that the run does not reach, or a filter that leaves nobody, or nobody to copy."""


class SeedWarning(CopyWarning):
    """Runs in one process have the default seed, so the same random numbers: they are not independent."""


class StateWarning(CopyWarning):
    """A state was off its normalisation by rounding, and was normalised."""


class OtherMachineWarning(CopyWarning):
    """Last bits may differ: ranks have unlike CPUs, or a run goes on under other versions or on another CPU."""


class CoresWarning(CopyWarning):
    """More ranks than cores share a machine."""


class FilesWarning(CopyWarning):
    """A file beside the results could not be written or removed; the run goes on."""


def warn(message: str, category: type[CopyWarning]) -> None:
    """Warn of something, in the name of the line of the user's program that called copympi."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "copympi":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def plain_text(key: str, text: object) -> str:
    """A text that can stand in a file, on a terminal and in a figure; InputError names `key` otherwise."""
    if not isinstance(text, str):
        raise InputError(key, text, "must be a string")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text):
        raise InputError(key, repr(text)[1:-1], "must be one line of text without control characters")
    return text
