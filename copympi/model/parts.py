"""The parts of a composite system: its beables are one beable of each part, and the first part varies slowest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, combinations
from operator import mul
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError, plain_text
from copympi.memory import there
from copympi.model.labels import Labels
from copympi.model.tables import table, unknown

KEY = "system.parts"
BEABLE_BYTES = 300
"""What a beable takes at the least, while H and its couplings are made."""
MOST_BEABLES = 2**31 - 1
FEW = 6
"""Parts that are named one by one."""


@dataclass(frozen=True)
class Part:
    """One part: its name, how many beables it has, and their names, (dimension,)."""

    name: str
    dimension: int
    labels: tuple[str, ...]


class Parts(Sequence[Part]):
    """Parts in their order; P, the product of their dimensions, beables of the whole.

    Beable a of the whole has the digits of a in the mixed base of the dimensions, the first part's first, as numpy.kron
    and QuTiP's tensor have them.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = tuple(parts)

    @overload
    def __getitem__(self, k: int) -> Part: ...
    @overload
    def __getitem__(self, k: slice) -> Sequence[Part]: ...
    def __getitem__(self, k: int | slice) -> Part | Sequence[Part]:
        return self._parts[k]

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[Part]:
        return iter(self._parts)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Parts) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    def __repr__(self) -> str:
        return f"Parts({self.said})"

    @property
    def said(self) -> str:
        """Names and dimensions, "A:2 x B:3"; of many the first ones and how many there are."""
        few = " x ".join(f"{part.name}:{part.dimension}" for part in self[:FEW])
        return few if len(self) <= FEW else f"{few} x ... ({len(self)} parts)"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self)

    @property
    def dims(self) -> tuple[int, ...]:
        """Their dimensions."""
        return tuple(part.dimension for part in self)

    @property
    def P(self) -> int:
        return int(np.prod(self.dims, dtype=object))

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """All pairs of parts, by their numbers, i < j."""
        return tuple(combinations(range(len(self)), 2))

    @cached_property
    def qubit_pairs(self) -> tuple[tuple[int, int], ...]:
        """Those of two parts of two beables each."""
        return tuple((i, j) for i, j in self.pairs if self[i].dimension == self[j].dimension == 2)

    def pair_names(self, pairs: Sequence[tuple[int, int]]) -> list[str]:
        """A name for each pair, "A,B"."""
        return [f"{self[i].name},{self[j].name}" for i, j in pairs]

    @property
    def labels(self) -> Labels:
        """Names of the beables of the whole, "01", or "up,left" where a part's has more than one letter."""
        return Labels(self.dims, tuple(part.labels for part in self))

    def tables(self) -> list[dict[str, Any]]:
        """As a user would give them."""
        return [{"name": part.name, "dimension": part.dimension, "labels": list(part.labels)} for part in self]

    def number(self, name: Any, key: str) -> int:
        """Which part that name, or number, belongs to; InputError names `key`."""
        if isinstance(name, (int, np.integer)) and not isinstance(name, bool) and 0 <= name < len(self):
            return int(name)
        if not isinstance(name, str) or name not in self.names:
            raise InputError(key, name, unknown("part", str(name), self.names))
        return self.names.index(name)

    def offsets(self, on: Sequence[int]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Beables of the whole as sums: of the parts `on`, (D,), the first of them slowest, and of the others, (P/D,).

        Beable number place[k] + rest[l] has the parts `on` in their joint beable k, the others in their l-th.
        """
        strides = np.concatenate([np.cumprod(self.dims[::-1], dtype=np.int64)[-2::-1], [1]])
        others = [k for k in range(len(self)) if k not in on]
        made = []
        for some in (list(on), others):
            place = np.zeros(1, np.int32)
            for k in some:
                steps = (np.arange(self.dims[k]) * strides[k]).astype(np.int32)
                place = (place[:, None] + steps).ravel()
            made.append(place)
        return made[0], made[1]


def checked(given: Any, key: str = KEY) -> Parts:
    """Parts from what a user gives: a list of tables with name, dimension and, if wished, labels; or {name: dimension}.

    InputError where they cannot be.
    """
    if isinstance(given, Parts):
        return given
    if given is None:
        raise InputError(key, "(left out)", 'must be given with builder = "composite"')
    if isinstance(given, Mapping):
        given = [{"name": name, "dimension": dimension} for name, dimension in given.items()]
    if not isinstance(given, (list, tuple)) or not given:
        raise InputError(key, given, 'must be a list of tables {name = "A", dimension = 2, labels = ["0", "1"]}')
    parts = Parts([_part(each, f"{key}[{k}]") for k, each in enumerate(given)])
    for k, name in enumerate(parts.names):
        if name in parts.names[:k]:
            raise InputError(f"{key}[{k}].name", name, "must be another name than that of an earlier part")
    most = min(MOST_BEABLES, int(there() / BEABLE_BYTES))
    if most < parts.P:
        why = f"must have at most {most:,} beables together: this machine's memory holds no more"
        raise InputError(key, f"{parts.P:,} beables", why)
    return parts


def of_dims(dims: Any) -> Parts | None:
    """Parts A, B, ... of the dims of a QuTiP object, [[2, 3], [2, 3]]; None where it is no tensor product."""
    left = dims[0] if isinstance(dims, list) and dims else None
    if not isinstance(left, list) or len(left) < 2 or not all(isinstance(d, int) and d > 0 for d in left):
        return None
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    names = [letters[k % 26] + (str(k // 26) if k >= 26 else "") for k in range(len(left))]
    return Parts([Part(name, d, _numbers(d)) for name, d in zip(names, left, strict=True)])


def same_dims(given: Any, dims: Sequence[int], key: str) -> None:
    """InputError for a QuTiP object that is a tensor product of others than parts of these `dims`, in this order.

    A part may be a product of several of its factors, neighbours.
    """
    made = of_dims(getattr(given, "dims", None))
    if made is not None and not set(accumulate(dims, mul)) <= set(accumulate(made.dims, mul)):
        why = f"must have the dimensions of the parts, {list(dims)}, in their order"
        raise InputError(key, f"Qobj of dims {list(made.dims)}", why)


def _part(given: Any, key: str) -> Part:
    table(given, key, ["name", "dimension"], ["labels"])
    name, d, labels = given["name"], given["dimension"], given.get("labels")
    if not isinstance(name, str) or not name.isascii() or not name.replace("_", "a").isalnum():
        raise InputError(f"{key}.name", name, "must be a name of letters, digits and _")
    if not isinstance(d, (int, np.integer)) or isinstance(d, bool) or d < 1:
        raise InputError(f"{key}.dimension", d, "must be a whole number of at least 1")
    if d > MOST_BEABLES:
        raise InputError(f"{key}.dimension", d, f"must be at most {MOST_BEABLES:,}")
    if labels is None:
        return Part(name, int(d), _numbers(int(d)))
    if not isinstance(labels, (list, tuple)) or len(labels) != d:
        raise InputError(f"{key}.labels", labels, f"must have one name for each of the {d} beables")
    for a, label in enumerate(labels):
        if not plain_text(f"{key}.labels[{a}]", label) or "," in label or label in labels[:a]:
            raise InputError(f"{key}.labels[{a}]", label, "must be a name of its own, without a comma")
    return Part(name, int(d), tuple(labels))


def _numbers(d: int) -> tuple[str, ...]:
    return tuple(map(str, range(d)))
