# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""In which order tiles go through the passes of a lattice's step: so that memory is read once, not once a pass.

A pass over a tile wants what the pass before it has made in that tile and in those that bonds lead to. Pass after pass
over the whole of a large lattice, each waits for the memory. Here a tile takes its next pass as soon as it can: some
tiles behind the first pass follows the second, and so on, while what they work on is still in the cache. What a tile
computes is the same in any order.

Where ranks share the lattice, tiles next to others' wait until these have told what they know, at each pass: first all
that can be done without is done, then what is left of each pass (engine/shared_steps.py).
"""
from libc.stdint cimport int32_t, int64_t

from copympi.kernels.diagonals cimport TILE

cdef enum:
    DONE = -1  # in place of how many tiles a tile waits for


cdef inline void pass_one(const Diagonals *d, Replica *x, Work *w, Pass act, int number, int64_t tile) noexcept nogil:
    """A pass over one tile."""
    cdef Diagonals one = d[0]
    one.first_tile, one.end_tile = tile, tile + 1
    one.begin, one.end = tile * TILE, min(d.P, (tile + 1) * TILE)
    act(&one, x, w, number)


cdef inline int32_t *waits(const Diagonals *d, Work *w, int number, int64_t tile) noexcept nogil:
    """For how many tiles, itself among them, a tile waits until it can take a pass; those of others are one."""
    return w.waits + (number - 1) * (d.end_tile - d.first_tile) + tile - d.first_tile


cdef void go_on(const Diagonals *d, Replica *x, Work *w, Pass act, int last, int number, int64_t tile) noexcept nogil:
    """A pass over a tile, and all that waited for this alone."""
    cdef int64_t k, other
    cdef int32_t *left
    pass_one(d, x, w, act, number, tile)
    if number == last or w.link == NULL:
        return
    for k in range(w.link_at[tile - d.first_tile], w.link_at[tile - d.first_tile + 1]):
        other = w.link[k]
        left = waits(d, w, number + 1, other)
        left[0] -= 1
        if left[0] == 0:
            left[0] = DONE
            go_on(d, x, w, act, last, number + 1, other)


cdef void pass_inside(const Diagonals *d, Replica *x, Work *w, Pass act, int last) noexcept nogil:
    """Pass 0 over all tiles, and passes 1 to `last` over those that need nothing of others' tiles for it."""
    cdef int64_t tile, k
    cdef int number
    for number in range(1, last + 1):
        for tile in range(d.first_tile, d.end_tile):
            k = tile - d.first_tile
            waits(d, w, number, tile)[0] = w.link_at[k + 1] - w.link_at[k] + w.apart[k] if w.link != NULL else 1
    for tile in range(d.first_tile, d.end_tile):
        go_on(d, x, w, act, last, 0, tile)


cdef void pass_rest(const Diagonals *d, Replica *x, Work *w, Pass act, int number) noexcept nogil:
    """A pass from 1 on over the tiles that `pass_inside` has left."""
    cdef int64_t tile
    for tile in range(d.first_tile, d.end_tile):
        if waits(d, w, number, tile)[0] != DONE:
            pass_one(d, x, w, act, number, tile)


cdef void pass_over(const Diagonals *d, Replica *x, Work *w, Pass act, int last) noexcept nogil:
    """Passes 0 to `last` over all tiles, where there are no others'."""
    cdef int number
    pass_inside(d, x, w, act, last)
    for number in range(1, last + 1):
        pass_rest(d, x, w, act, number)
