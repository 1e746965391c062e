"""What randomness is for: the table of purposes.

A random number is a function of (seed, purpose, replica, block, step) and nothing else: see cython_src/streams.pyx.
Two kinds of draws must never share a purpose; numbers already given out must never change.
"""

from enum import IntEnum


class Purpose(IntEnum):
    LEAP = 1
    """Copies of a leap: stream step 2 s for the first draw of step s, 2 s + 1 for the second; of members on lattices
    too. Counts: block 0; 1 + b for where many leavers of beable b go, where H is dense."""
    PHASES = 2
    """Members' phases at t = 0."""
    MOMENTA = 4
    """Members' momenta at t = 0, in the alignment model."""
    PHASE_CLASSES = 5
    """Copies between phase classes, all of a step at once or one by one (by N): stream step s for step s."""
    SITES = 6
    """Copies on lattices: stream step 4 s for the normal numbers of step s, block 2 t, 2 t + 1 for tile t's; 4 s + 1
    and 4 s + 2 for a tile's first and second draws; 4 s + 3 for a cluster's, block: its first beable."""
    EVENTS = 20
    """Copies one by one within a leap's or in place of it: stream step 2 s for step s, or its first half, 2 s + 1 for
    its second."""
    PROPOSALS = 3
    """Proposals of copies: stream step 2 s for how many there are in step s, 2 s + 1 for who, whose and the luck; where
    an ensemble is one block, 2 s for all of them, one by one."""
    EXACT = 10
    """Copies one by one: stream step s from step s on, until amplitudes are made anew."""
    EXACT_MEMBERS = 11
    """Which members they are that copy so; streams as those of EXACT."""
    EXACT_PATHS = 12
    """Copies of `exact.paths`, and of `excess.excess`, whose paths are the same: streams as those of EXACT, with the
    caller's keys in place of replicas."""
    EXACT_PHASES = 15
    """Copies one by one of members, or phase classes, with phases of their own: stream step s for all of step s."""
    SPLITTING = 30
    """Replicas of rare events: stream block k for stage k of a repeat; step 0 for walkers' keys, 1 for who goes on."""
    GUIDED = 31
    """Members who jump guided by a wavefunction (Bell's process). Of a study's own: stream step s for step s. Counts:
    stream step 2 s for the first half of step s, 2 s + 1 for the second. Jump by jump: block 1, stream step s."""
    CIRCUITS = 32
    """Random circuits, replica: which circuit; stream step s for its layer s. Block 1: starts, replica: which start."""
    TRACKED = 33
    """Which members of those that are followed copy, and whom: stream step 2 s for the first half of step s, 2 s + 1
    for its second; s itself in methods of single copies. Block: the piece, where a replica has several. On lattices 4 s
    and 4 s + 1 for the halves of step s, 4 s + 2 for clusters; block: the beable left, or 2^31 + the number of who goes
    on, plus 2^32 times the window's number. In members' blocks on lattices 2 s, and block + 2^32 times the number of
    half a substep."""
    TRACKED_TIMES = 34
    """And when within the (half) step: streams as those of TRACKED."""
    DEALT = 36
    """Members on lattices who move in the substeps of stiff clusters: stream step s for step s; block 2^32 for which
    blocks they are of, else which of a block's they are."""
    SYSTEMS = 35
    """Random Hamiltonians, states and starts that studies draw, replica: which one; stream block: what of it."""
