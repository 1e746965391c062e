"""Text for people: one line each, numbers as one says them."""

from __future__ import annotations

from pathlib import Path

MOST_DIGITS = 10**19
"""Whole numbers from here on are told by their size alone."""


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


def humane(n: float) -> str:
    """A number of members: 1,234,567, or 1e80 where no one would count the digits."""
    if n == float("inf"):
        return "infinitely many"
    if n < MOST_DIGITS:
        return f"{int(n):,}"
    return f"{float(n):.6g}".replace("e+", "e")
