"""Names of beables that can be told from their numbers, made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np


class Labels(Sequence[str]):
    """ "0", "1", ... for shape (P,); "0,0", "0,1", ... row by row for a shape of several axes.

    names : of what stands along each axis, in place of numbers; written without commas where all have one letter.
    """

    def __init__(self, shape: tuple[int, ...], names: tuple[tuple[str, ...], ...] | None = None) -> None:
        self.shape, self.names = shape, names
        self.size = int(np.prod(shape, dtype=object))
        self.between = "" if names is not None and all(len(name) == 1 for axis in names for name in axis) else ","

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, a: int) -> str: ...
    @overload
    def __getitem__(self, a: slice) -> list[str]: ...
    def __getitem__(self, a: int | slice) -> str | list[str]:
        if isinstance(a, slice):
            return [self._name(each) for each in range(self.size)[a]]
        return self._name(range(self.size)[a])

    def __iter__(self) -> Iterator[str]:
        return (self._name(a) for a in range(self.size))

    def __eq__(self, other: Any) -> bool:
        if isinstance(other, Labels):
            return self.shape == other.shape and self.names == other.names
        return isinstance(other, Sequence) and len(other) == self.size and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Labels({self.shape})"

    def _name(self, a: int) -> str:
        parts = []
        for axis in reversed(range(len(self.shape))):
            a, site = divmod(a, self.shape[axis])
            parts.append(str(site) if self.names is None else self.names[axis][site])
        return self.between.join(reversed(parts))
