"""Proposals of copies across ranks: only proposals and their answers cross the network, never arrays of phases."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.offers as kernel
from copympi import mpi
from copympi.engine.purposes import Purpose

Int = NDArray[np.int64]


class Proposals:
    """Draws one step's proposals on every rank, and asks the owners of the partners for their values.

    A partner is named by its place among all n_a members of a beable of a replica, in order of blocks and, in a
    block, of its bucket, after the members that are to copy were brought to the ends of theirs: the same for any ranks.
    """

    def __init__(self, comm: Any, replicas: int, P: int) -> None:
        self.comm, self.groups = comm, replicas * P

    def draw(self, crowd: Any) -> tuple[Int, NDArray[np.float64], NDArray[np.float64]]:
        """(proposals (U, nnz), values of the partners (K, W), luck (K,)) of this rank, in stream order. Collective."""
        c = crowd
        couplings = c.system.couplings
        proposals = np.empty((len(c.unit), couplings.entries), np.int64)
        K = kernel.draw_numbers(
            couplings, c.rows, c.active, c.seed, Purpose.PROPOSALS, c.step, c.unit, c.counts, c.unit_spectators,
            proposals,
        )  # fmt: skip
        partner, group, luck = np.empty(K, np.int64), np.empty(K, np.int32), np.empty(K)
        kernel.draw_offers(
            couplings, c.active, c.seed, Purpose.PROPOSALS, c.step, c.ids, c.values, c.offset, c.unit, c.counts,
            c.unit_spectators, c.n, proposals, partner, group, luck,
        )  # fmt: skip
        return proposals, self._ask(partner, group, c), luck

    def _ask(self, partner: Int, group: NDArray[np.int32], c: Any) -> NDArray[np.float64]:
        """x, y of the partners, (K, W)."""
        owned = mpi.all_gather(self.comm, c.own_n.ravel())  # (size, groups)
        before = np.zeros((self.groups, self.comm.size + 1), np.int64)
        np.cumsum(owned.T, axis=1, out=before[:, 1:])
        base = np.cumsum(owned, axis=1) - owned
        place, order = np.empty(partner.size, np.int64), np.empty(partner.size, np.int64)
        asked = np.empty(self.comm.size, np.int64)
        kernel.route(before, np.ascontiguousarray(base), partner, group, place, order, asked)
        begin, where = buckets(c.unit, c.counts, c.offset)
        wanted, got = mpi.exchange(self.comm, place, asked)
        replies = np.empty((wanted.size, len(c.values)))
        kernel.answer(begin, where, wanted, c.values, replies)
        if self.comm.size == 1:  # one owner: the order is the stream's
            return replies
        answers, _ = mpi.exchange(self.comm, replies, got)
        value = np.empty_like(answers)
        kernel.in_stream_order(order, answers, value)
        return value


def buckets(unit: Int, counts: NDArray[np.int32], offset: Int) -> tuple[Int, Int]:
    """Where this rank's members stand, counted group (replica, beable) by group: bucket j has places begin[j] ..

    Returns begin and where, (U P,) each, the latter as an index of the arrays of members.
    """
    sizes = counts.astype(np.int64)
    start = offset[:-1, None] + np.cumsum(sizes, axis=1) - sizes
    order = np.lexsort((np.tile(np.arange(counts.shape[0])[:, None], counts.shape[1]).ravel(),
                        np.tile(np.arange(counts.shape[1]), counts.shape[0]),
                        np.repeat(unit[:, 0], counts.shape[1])))  # fmt: skip
    order = order[sizes.ravel()[order] > 0]
    ordered = sizes.ravel()[order]
    return np.cumsum(ordered) - ordered, start.ravel()[order]
