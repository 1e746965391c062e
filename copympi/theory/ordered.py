"""Time-ordered exponentials M(t) = Texp int_0^t W of rates that diverge and have kinks: adaptive, between many times.

Magnus' expansion to fourth order on panels, Omega = h/2 (W1 + W2) + (sqrt(3)/12) h^2 [W2, W1], W1, W2 the rates at
Gauss' two points. A panel that differs from the product of its halves is halved: kinks, where a flow turns round, and
nodes, where rates of leaving grow as 1/time, cost panels where they are and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Matrices = NDArray[Any]

POINT = np.sqrt(3) / 6
"""Of Gauss' two points, from the middle of a panel of length 1."""
FINEST = 2.0**-42
"""Panels below this part of the whole are not halved any more: who goes into a node has left it long before."""
ROUNDING = 1e-14
"""Errors below this are not errors of the panels' length."""
NUMBERS = 1 << 21
"""Elements of matrices held at a time."""
TERMS, SMALL = 12, 0.5
"""Taylor's series of exp, and the norm up to which it is taken; what is left out is below rounding."""


class TooManyPanels(Exception):
    """Rates ask for more panels than were allowed."""


def between(
    generator: Callable[[Floats], Matrices],
    times: Floats,
    longest: float,
    accuracy: float,
    *,
    weights: Callable[[Floats], Floats] | None = None,
    most: float = np.inf,
) -> Matrices:
    """M from each of the ascending `times` (T,) to the next, (T - 1, P, P): M(t2) = M(t1 -> t2) M(t1).

    generator : moments (K,) -> W (K, P, P), real or complex. Panels are no longer than `longest`; the error of a
    product of all, as the halves show it, is about `accuracy`. weights : moments (K,) -> (K, P), how much errors count
    of who is in each beable then; None: all alike, 1. Raises TooManyPanels where it would take more than `most` panels.
    """
    edges = np.asarray(times, dtype=float)
    whole = float(edges[-1] - edges[0])
    parts = np.maximum(1, np.ceil(np.diff(edges) / longest)).astype(np.int64)
    size = np.repeat(np.diff(edges) / parts, parts)
    start = np.repeat(edges[:-1], parts) + size * (np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts))
    P = generator(edges[:1]).shape[-1]
    many = max(1, NUMBERS // (4 * P * P))
    begins, done, taken = [], [], 0
    if start.size > most:
        raise TooManyPanels
    one = _some(generator, start, size, many)
    while start.size:
        half = np.repeat(0.5 * size, 2)
        places = np.repeat(start, 2)
        places[1::2] += half[1::2]
        halves = _some(generator, places, half, many)
        two = halves[1::2] @ halves[::2]
        off = np.abs(two - one)
        if weights is not None:
            off *= weights(start)[:, None, :]
        error = off.reshape(start.size, -1).max(axis=1)
        good = (error <= np.maximum(accuracy * size / whole, ROUNDING)) | (size <= FINEST * whole)
        begins.append(start[good])
        done.append(two[good])
        again = np.repeat(~good, 2)
        taken += int(np.count_nonzero(good))
        if taken + np.count_nonzero(again) > most:
            raise TooManyPanels
        start, size, one = places[again], half[again], halves[again]
    order = np.argsort(np.concatenate(begins), kind="stable")
    begin, steps = np.concatenate(begins)[order], np.concatenate(done)[order]
    first = np.searchsorted(begin, edges[:-1])
    return np.array([_product(part) for part in np.split(steps, first[1:])])


def _some(generator: Callable[[Floats], Matrices], start: Floats, size: Floats, many: int) -> Matrices:
    """Magnus' exponentials of panels, (K, P, P), so many at a time."""
    found = []
    for k in range(0, start.size, many):
        h, middle = size[k : k + many], start[k : k + many] + 0.5 * size[k : k + many]
        W1, W2 = generator(middle - POINT * h), generator(middle + POINT * h)
        h = h[:, None, None]
        found.append(exponentials(0.5 * h * (W1 + W2) + 0.5 * POINT * h**2 * (W2 @ W1 - W1 @ W2)))
    return np.concatenate(found)


def exponentials(A: Matrices) -> Matrices:
    """exp of each of the matrices A (K, P, P): Taylor's series of A/2^s, squared s times, s for each of its own."""
    norm = np.abs(A).sum(axis=1).max(axis=1)
    squares = np.ceil(np.log2(np.maximum(norm / SMALL, 1.0))).astype(np.int64)
    scaled = A * (0.5**squares)[:, None, None]
    each = np.eye(A.shape[-1], dtype=A.dtype)
    out = each + scaled / TERMS
    for k in range(TERMS - 1, 0, -1):
        out = each + scaled @ out / k
    for s in range(int(squares.max(initial=0))):
        left = squares > s
        out[left] = out[left] @ out[left]
    return out


def _product(steps: Matrices) -> Matrices:
    """The later times the earlier ones, pairwise."""
    while len(steps) > 1:
        odd = steps[-1:] if len(steps) % 2 else steps[:0]
        steps = np.concatenate([steps[1::2] @ steps[: 2 * (len(steps) // 2) : 2], odd])
    return steps[0]
