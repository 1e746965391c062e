"""Integrals from 0 to many times at once, of functions worked out at many moments at once: adaptive, and bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NODES = np.array([-0.9604912687080202, -0.7745966692414834, -0.4342437493468026, 0.0,
                  0.4342437493468026, 0.7745966692414834, 0.9604912687080202])  # fmt: skip
"""Kronrod's seven points on [-1, 1]; the second, fourth and sixth are Gauss's three."""
WEIGHTS = np.array([0.1046562260264673, 0.2684880898683334, 0.4013974147759622, 0.4509165386584741,
                    0.4013974147759622, 0.2684880898683334, 0.1046562260264673])  # fmt: skip
DIFFERENCE = WEIGHTS - np.array([0.0, 5 / 9, 0.0, 8 / 9, 0.0, 5 / 9, 0.0])
"""Weights of Kronrod's rule less Gauss's: an estimate, on the safe side, of the error."""
FAINT = 1e-12
"""Integrals below this are rounding, and errors are not measured by them."""
FINEST = 2.0**-40
"""Panels below this part of the whole are not halved any more."""


def cumulative(
    f: Callable[[Floats], NDArray[Any]],
    times: Floats,
    longest: float,
    accuracy: float,
    most: float = np.inf,
    at_a_time: int = 4096,
) -> tuple[NDArray[Any], float]:
    """The integral of f from 0 to each of the ascending `times`, (K, ...), and an estimate of its relative error.

    f : moments (M,) -> values (M, ...). Panels no longer than `longest` are halved until the error at each of the
    times is below `accuracy` of the largest element there, or until halving would ask for f at more than `most`
    moments: kinks cost panels where they are, and nowhere else; but one between a panel's end and its outermost point,
    2% from it, is not seen, which costs some 1e-5. `at_a_time`: moments that f has memory for.
    """
    edges = np.concatenate([[0.0], np.maximum.accumulate(np.asarray(times, dtype=float))])
    parts = np.ceil(np.diff(edges) / longest).astype(np.int64)
    owner = np.repeat(np.arange(parts.size), parts)
    place = np.arange(owner.size) - np.repeat(np.cumsum(parts) - parts, parts)
    size = (np.diff(edges) / np.maximum(parts, 1))[owner]
    start = edges[owner] + place * size
    shape = f(np.zeros(1)).shape[1:]
    sums = np.zeros((parts.size, *shape), f(np.zeros(1)).dtype)
    left, asked, scale = 0.0, 0, np.zeros(parts.size)
    while start.size:
        value, error = _integrals(f, start, size, at_a_time)
        asked += NODES.size * start.size
        np.add.at(sums, owner, value)
        if not scale.any():  # of the first pass: what errors are measured by
            total = np.cumsum(sums, axis=0).reshape(parts.size, -1)
            scale = np.maximum.accumulate(np.abs(total).max(axis=1, initial=FAINT))
        allowed = accuracy * scale[owner] * size / edges[owner + 1]
        bad = (error > allowed) & (size > FINEST * edges[-1])
        if asked + 2 * NODES.size * np.count_nonzero(bad) > most:
            left, bad = left + float(error[bad].sum()), np.zeros_like(bad)
        np.subtract.at(sums, owner[bad], value[bad])
        size = np.repeat(0.5 * size[bad], 2)
        start = np.repeat(start[bad], 2)
        start[1::2] += size[1::2]
        owner = np.repeat(owner[bad], 2)
    return np.cumsum(sums, axis=0), accuracy + left / float(scale.max(initial=FAINT))


def _integrals(
    f: Callable[[Floats], NDArray[Any]], start: Floats, size: Floats, at_a_time: int
) -> tuple[NDArray[Any], Floats]:
    """Kronrod's rule on each panel, (M, ...), and the largest difference of an element from Gauss's, (M,)."""
    values, errors = [], []
    many = max(1, at_a_time // NODES.size)
    for k in range(0, start.size, many):
        half = 0.5 * size[k : k + many]
        moments = (start[k : k + many] + half)[:, None] + half[:, None] * NODES
        found = f(moments.ravel())
        found = found.reshape(half.size, NODES.size, -1)
        values.append(np.einsum("m,q,mqx->mx", half, WEIGHTS, found))
        errors.append(np.abs(np.einsum("m,q,mqx->mx", half, DIFFERENCE, found)).max(axis=1, initial=0.0))
    return np.concatenate(values).reshape(start.size, *f(np.zeros(1)).shape[1:]), np.concatenate(errors)
