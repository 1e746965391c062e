"""What a rank says to others, counted where it is handed to MPI: exactly, and alike under every MPI library."""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass
class Traffic:
    """Since a process began, or between two moments (`later - earlier`).

    calls, shared : collective calls in which all ranks say equally much (sums, broadcasts, gathers), and bytes of this
    rank's rows in them; a process that is alone counts those it would make. messages, sent : messages to single ranks,
    and their bytes. own : bytes that would have been such, but were for this rank itself.
    """

    calls: int = 0
    shared: int = 0
    messages: int = 0
    sent: int = 0
    own: int = 0

    def __sub__(self, earlier: Traffic) -> Traffic:
        return Traffic(*(a - b for a, b in zip(astuple(self), astuple(earlier), strict=True)))

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def note_call(self, nbytes: int) -> None:
        """A collective call with a row of so many bytes."""
        self.calls += 1
        self.shared += nbytes

    def note_messages(self, messages: int, nbytes: int) -> None:
        """Messages to single ranks, and their bytes."""
        self.messages += messages
        self.sent += nbytes


SAID = Traffic()
"""By this process so far."""


def so_far() -> Traffic:
    """A copy of what this process has said."""
    return SAID + Traffic()
