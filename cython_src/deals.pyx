# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Moves that were drawn for whole beables (lattice_members.pyx) are dealt to the blocks of a replica.

`count` of the members of b who were there when a half substep began go to a. Which blocks they are of is multivariate
hypergeometric, drawn member by member where they are few, else block by block. All ranks deal alike, from the same
numbers, and keep what is their own; who of a block's goes is drawn there (dealt_moves.pyx).
"""
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc
from libc.string cimport memset

import numpy as np

from copympi.kernels.checks cimport need
from copympi.kernels.streams cimport Stream, stream_open

cdef extern from "deals.h" nogil:
    ctypedef struct Holders:
        int64_t members
    ctypedef struct Share:
        int64_t block
        int64_t what
        int64_t count
    ctypedef struct Shares:
        Share *share
        int64_t shares
    ctypedef struct Dealer:
        Holders *of
        int64_t beables
        int64_t blocks
        int64_t first
        int64_t last
        Shares own
    bint join(Holders *h, int64_t block, int64_t count)
    bint settle_arrivals(Dealer *d)
    bint deal_move(Dealer *d, Stream *s, int64_t move, int64_t source, int64_t target, int64_t count)
    void forget_deals(Dealer *d)


def deal(const int64_t[:, ::1] moves not None, const int64_t[::1] sources not None,
         const int64_t[:, ::1] there not None, *, int64_t blocks, int64_t first, int64_t last, keys):
    """Deal the moves of a replica's stiff clusters to its blocks.

    moves (K, 4) : source, target, count, group, as LatticeStep.moves has them. sources (S,) : beables that somebody
    leaves, ascending; there (M, 3) : place among them, block, members of the block in that beable at first, in order,
    the latter above 0. keys : the five numbers of the stream (seed, purpose, replica, block, step) of
    these draws. Returns of blocks first .. last - 1 (J, 3) int64: block, number of the move, how many of its members,
    in order of block, then move.

    Raises ValueError where a beable has not so many members; MemoryError.
    """
    cdef Py_ssize_t K = moves.shape[0], M = there.shape[0], k, i
    cdef int64_t group = -1
    cdef bint room = True, fine = True
    cdef Stream stream
    cdef Dealer d
    need(moves.shape[1] == 4 and there.shape[1] == 3, "moves: must be (K, 4), there (M, 3)")
    seed, purpose, replica, block, step = keys
    stream_open(&stream, seed, purpose, replica, block, step)
    cdef const int64_t[:, ::1] at = places(np.asarray(moves)[:, :2], np.asarray(sources))
    memset(&d, 0, sizeof(Dealer))
    d.beables, d.blocks, d.first, d.last = sources.shape[0], blocks, first, last
    try:
        d.of = <Holders *> calloc(max(1, d.beables), sizeof(Holders))
        room = d.of != NULL
        for i in range(M if room else 0):
            need(0 <= there[i, 0] < d.beables and 0 <= there[i, 1] < blocks and there[i, 2] >= 0,
                 "there: there is no such beable, or block")
            room = room and join(d.of + there[i, 0], there[i, 1], there[i, 2])
        with nogil:
            for k in range(K if room else 0):
                if moves[k, 3] != group:
                    group = moves[k, 3]
                    room = settle_arrivals(&d)
                fine = at[k, 0] >= 0 and 0 <= moves[k, 2] <= d.of[at[k, 0]].members
                room = room and fine and deal_move(&d, &stream, k, at[k, 0], at[k, 1], moves[k, 2])
                if not room:
                    break
        need(fine, "moves: a beable has not so many members")
        if not room:
            raise MemoryError("no room for the moves of stiff clusters")
        return shares_of(&d.own)
    finally:
        forget_deals(&d)


cdef shares_of(const Shares *s):
    """(J, 3): block, move, count, in order of block, then move."""
    cdef Py_ssize_t i
    out = np.empty((s.shares, 3), np.int64)
    cdef int64_t[:, ::1] rows = out
    for i in range(s.shares):
        rows[i, 0], rows[i, 1], rows[i, 2] = s.share[i].block, s.share[i].what, s.share[i].count
    return out[np.argsort(out[:, 0], kind="stable")]


cdef object places(beables, sources):
    """Where beables stand among `sources` (S,), ascending; -1: nowhere."""
    if not len(sources):
        return np.full(beables.shape, -1, np.int64)
    at = np.minimum(np.searchsorted(sources, beables), len(sources) - 1)
    return np.ascontiguousarray(np.where(sources[at] == beables, at, -1), np.int64)
