"""Naive twin of the dealing of members to moves: everybody stands in one list, whatever block he is of.

Independent of the package. A move takes so many members from one beable to another; moves of one group are drawn among
those who were there when it began, each member at most once.
"""

from __future__ import annotations

from itertools import groupby

import numpy as np

Move = tuple[int, int, int, int]
"""Source, target, how many members, group."""


def dealt(beable: list[int], moves: list[Move], rng: np.random.Generator) -> list[int]:
    """The beable of each member after the moves."""
    beable = list(beable)
    for _, group in groupby(moves, key=lambda move: move[3]):
        may_go = list(range(len(beable)))
        for source, target, count, _ in group:
            there = [who for who in may_go if beable[who] == source]
            for who in rng.choice(there, count, replace=False):
                beable[who] = target
                may_go.remove(who)
    return beable
