"""The two ways a run can fail that a user can do something about."""

from __future__ import annotations

import copyreg
import unicodedata
from pathlib import Path
from typing import Any


class InputError(ValueError):
    """Bad input: exit code 2, one line that names the key, its value and what is allowed."""

    def __init__(self, key: str, value: object, why: str, file: object = None) -> None:
        self.key, self.value, self.why, self.file = key, value, why, file
        super().__init__(str(self))

    def __str__(self) -> str:
        where = f"{self.file}: " if self.file is not None else ""
        return one_line(f"{where}{self.key} = {shorten(self.value)}: {self.why}")

    def __reduce__(self) -> Any:
        """Pickled whole, so that the root's error can be raised on every rank."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]

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


class TakenOver(MachineError):
    """A later attempt has started on the same folder: this one must not write any more."""


class StoppedEarly(Spoken):
    """The run stopped on purpose after a checkpoint: exit code 3."""


def one_line(text: str) -> str:
    """Text that neither begins a line nor steers a terminal: what is no printable character is spelt out."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def out_of_memory(problem: MemoryError) -> str:
    """One line; NumPy says what could not be had."""
    return f"out of memory: {problem}" if str(problem) else "out of memory"


def shorten(value: object, most: int = 60) -> str:
    """A value as a user wrote it, short enough for one line; a path in full."""
    if isinstance(value, Path):
        return f'"{value}"'
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:  # Python writes no integer of more than 4300 digits
        text = "(an integer of thousands of digits)"
    text = one_line(" ".join(text.split()))
    quoted = f'"{text}"' if isinstance(value, str) else text
    return quoted if len(quoted) <= most else quoted[: most - 4] + " ..."


MOST_DIGITS = 10**19
"""Whole numbers from here on are told by their size alone."""


def humane(n: float) -> str:
    """A number of members: 1,234,567, or 1e80 where no one would count the digits."""
    if n < MOST_DIGITS:
        return f"{int(n):,}"
    return f"{float(n):.6g}".replace("e+", "e")


def plain_text(key: str, text: object) -> str:
    """A text that can stand in a file, on a terminal and in a figure; InputError names `key` otherwise."""
    if not isinstance(text, str):
        raise InputError(key, text, "must be a string")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text):
        raise InputError(key, repr(text)[1:-1], "must be one line of text without control characters")
    return text
