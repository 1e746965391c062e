"""Standard output and error, which may be lost without harm to a run."""

from __future__ import annotations

import os
import sys
from typing import Any


class Lasting:
    """A text stream that never fails. Characters that its encoding lacks are spelt out.

    What cannot be written (full disk, closed pipe, closed file) is dropped, or stays in its buffer until there is room.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        try:
            return int(self._stream.write(text))
        except (OSError, ValueError):  # ValueError: the file was closed
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return

    def isatty(self) -> bool:
        try:
            return bool(self._stream.isatty())
        except (OSError, ValueError):
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def make_lasting() -> None:
    """Make this process's standard streams last; those that were closed before it began lead nowhere.

    Else a file of ours would get the number of a closed one, and what a library prints would end in it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # as long as the process
        if not isinstance(stream, Lasting):
            setattr(sys, name, Lasting(stream))
