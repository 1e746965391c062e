"""Proposals of copies across ranks: only proposals and their answers cross the network, never arrays of phases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.proposals as kernel
from copympi import mpi
from copympi.engine.purposes import Purpose

Int = NDArray[np.int64]
Values = NDArray[np.float64]
Batch = tuple[Int, Values, Values]
"""Proposals (U, nnz) of some units, 0 of others; values of their partners (k, W); luck (k,)."""
MOST_BATCHES, LEAST_MESSAGE = 4, 2048
"""In how many batches partners answer at most, and bytes of such an answer from rank to rank that are worth one."""
NUDGED = 64
"""After the answers to so many ranks those before are nudged on their way."""


class Proposals:
    """Draws one step's proposals on every rank, and asks the owners of the partners for their values.

    A partner is named by its place among all n_a members of a beable of a replica, in order of blocks and, in a
    block, of its bucket, after the members that are to copy were brought to the ends of theirs: the same for any ranks.

    Answers come in batches, each for a run of a rank's units: while one batch travels, the next is looked up, and then
    the copies of the one before are made. No bit depends on how many there are. Where all ranks share a memory there
    is one: nothing travels then unless a core carries it.
    """

    def __init__(self, comm: Any) -> None:
        self.comm, self.several_nodes = comm, False
        if comm.size > 1:
            with mpi.on_node(comm) as node:
                self.several_nodes = node.size < comm.size

    def draw(self, ensemble: Any) -> Iterator[Batch]:
        """This rank's proposals, batch by batch, in stream order. Collective; a batch's copies may be made at once."""
        c = ensemble
        couplings = c.system.couplings
        proposals = np.empty((len(c.unit), couplings.entries), np.int64)
        K = kernel.draw_numbers(
            couplings, c.plans, c.crowd, active=c.active, seed=c.seed, purpose=Purpose.PROPOSALS, step=c.step,
            proposals=proposals,
        )  # fmt: skip
        partner, group, luck = np.empty(K, np.int64), np.empty(K, np.int32), np.empty(K)
        kernel.draw_proposals(
            couplings, c.crowd, active=c.active, seed=c.seed, purpose=Purpose.PROPOSALS, step=c.step, n=c.n,
            proposals=proposals, partner=partner, group=group, luck=luck,
        )  # fmt: skip
        table = mpi.all_gather(self.comm, np.append(c.own_n, K))  # (size, groups + 1)
        number = batches(int(table[:, -1].sum()), self.comm.size, 8 * len(c.values)) if self.several_nodes else 1
        units = [mpi.share(len(c.unit), number, k)[0] for k in range(number)] + [len(c.unit)]
        cuts = np.concatenate([[0], np.cumsum(proposals.sum(axis=1))])[units].astype(np.int64)
        asking = Asking(self.comm, np.ascontiguousarray(table[:, :-1]), partner, group, cuts)
        asking.ask(c)
        for k in range(number):
            some = proposals
            if number > 1:
                some = np.zeros_like(proposals)
                some[units[k] : units[k + 1]] = proposals[units[k] : units[k + 1]]
            yield some, asking.answers(k), luck[cuts[k] : cuts[k + 1]]


def batches(proposals: int, size: int, answer: int) -> int:
    """In how many batches partners answer so many proposals of `size` ranks, with `answer` bytes each."""
    return int(np.clip(proposals * answer // (size * size * LEAST_MESSAGE), 1, MOST_BATCHES))


class Asking:
    """Partners of one step's proposals, asked for and answered.

    owned (size, groups): members that each rank has. partner, group (K,): of this rank's proposals; cuts (B + 1,):
    where their batches begin.
    """

    def __init__(self, comm: Any, owned: Int, partner: Int, group: NDArray[np.int32], cuts: Int) -> None:
        self.comm, self.cuts = comm, cuts
        before = np.zeros((owned.shape[1], comm.size + 1), np.int64)
        np.cumsum(owned.T, axis=1, out=before[:, 1:])
        base = np.ascontiguousarray(np.cumsum(owned, axis=1) - owned)
        self.place, self.at = np.empty(partner.size, np.int64), np.empty(partner.size, np.int64)
        self.asked = np.empty((comm.size, cuts.size - 1), np.int64)
        kernel.route(
            first=before, base=base, partner=partner, group=group, cuts=cuts, place=self.place, at=self.at,
            asked=self.asked,
        )  # fmt: skip
        few = int(owned.sum(axis=1).max(initial=0)) <= 1 << 32  # places fit into 4 bytes, on all ranks
        self.name: type[np.uint32] | type[np.int64] = np.uint32 if few else np.int64

    def ask(self, c: Any) -> None:
        """Ask all ranks, look up what they ask for, and send it off. Collective."""
        coming = mpi.all_to_all(self.comm, self.asked)
        wanted = self._wanted(coming)
        replies = np.empty((wanted.size, len(c.values)))
        self.got = replies if self.comm.size == 1 else np.empty((self.place.size, len(c.values)))
        begin, where = buckets(c.unit, c.counts, c.offset)
        out, into = _firsts(coming), _firsts(self.asked)
        self.passages: list[mpi.Passage] = []
        for k in range(coming.shape[1]):
            sent = mpi.Runs(np.ascontiguousarray(out[:, k]), np.ascontiguousarray(coming[:, k]))
            for q in range(0, self.comm.size, NUDGED):
                some = slice(q, q + NUDGED)
                kernel.answer(
                    begin=begin, where=where, place=wanted, first=sent.first[some], count=sent.count[some],
                    values=c.values, value=replies,
                )  # fmt: skip
                for passage in self.passages:
                    passage.nudge()
            if self.comm.size > 1:
                own = mpi.Runs(np.ascontiguousarray(into[:, k]), np.ascontiguousarray(self.asked[:, k]))
                self.passages.append(mpi.Passage(self.comm, replies, sent, self.got, own))
            else:
                mpi.SAID.note_own(replies.nbytes)

    def _wanted(self, coming: Int) -> Int:
        """Places of this rank's members that ranks ask for, rank by rank."""
        if self.comm.size == 1:
            mpi.SAID.note_own(self.place.size * np.dtype(self.name).itemsize)
            return self.place
        wanted = np.empty(int(coming.sum()), self.name)
        sent, into = mpi.Runs.one_by_one(self.asked.sum(axis=1)), mpi.Runs.one_by_one(coming.sum(axis=1))
        mpi.Passage(self.comm, self.place.astype(self.name), sent, wanted, into).end()
        return wanted.astype(np.int64)

    def answers(self, k: int) -> Values:
        """Values of the partners of batch k, in stream order, once they are there."""
        if self.comm.size == 1:  # one owner: the order is the stream's
            return self.got
        self.passages[k].end()
        for passage in self.passages[k + 1 :]:
            passage.nudge()
        at = self.at[self.cuts[k] : self.cuts[k + 1]]
        value = np.empty((at.size, self.got.shape[1]))
        kernel.in_stream_order(at=at, answers=self.got, value=value)
        return value


def _firsts(count: Int) -> Int:
    """Where runs of (size, B) begin that stand side by side, those of a rank together."""
    return (np.cumsum(count) - count.ravel()).reshape(count.shape)


def buckets(unit: Int, counts: NDArray[np.int32], offset: Int) -> tuple[Int, Int]:
    """Where this rank's members stand, counted group (replica, beable) by group: bucket j has places begin[j] ..

    Returns begin and where, (U P,) each, the latter as an index of the arrays of members.
    """
    sizes = counts.astype(np.int64)
    start = offset[:-1, None] + np.cumsum(sizes, axis=1) - sizes
    index = np.arange(sizes.size).reshape(sizes.shape)
    begins = np.searchsorted(unit[:, 0], np.unique(unit[:, 0]))  # units stand in the order of replicas
    order = np.concatenate([np.zeros(0, np.int64), *(part.T.ravel() for part in np.split(index, begins[1:]))])
    order = order[sizes.ravel()[order] > 0]
    ordered = sizes.ravel()[order]
    return np.cumsum(ordered) - ordered, start.ravel()[order]
