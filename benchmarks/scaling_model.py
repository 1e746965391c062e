"""python benchmarks/scaling_model.py: the model of docs/scaling.md, and what it says of a machine of 4,096 cores.

A step takes a rank's computing, and what it says: collective calls, each a tree of ranks; messages, which cost their
sender time; bytes, by the node's link, which its ranks share. What a rank hears from all others (gathers) crosses the
link once for the node and the node's memory once for each rank. Nothing of this was measured on such a machine:
constants of the network are those of its makers, times of computing come from benchmarks/scaling.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2


@dataclass(frozen=True)
class Machine:
    """link : bytes a second of a node. memory : bytes a second that a core copies while all do. hop, message : seconds
    from node to node of a small sum's tree, and of a sender's for each message."""

    nodes: int = 64
    cores: int = 64
    link: float = 25e9
    memory: float = 2e9
    hop: float = 2e-6
    message: float = 1.5e-6

    @property
    def ranks(self) -> int:
        return self.nodes * self.cores

    @property
    def call(self) -> float:
        return self.hop * ceil(log2(self.ranks))

    @property
    def byte(self) -> float:
        """Seconds of a byte that a rank sends to other nodes, while all ranks do."""
        return self.cores / self.link

    def gathered(self, nbytes: float) -> float:
        """Of bytes of all ranks together that every rank is to have."""
        return nbytes / self.link + nbytes / self.memory


@dataclass(frozen=True)
class Step:
    """Seconds of a step: of computing, and what is said by that is not hidden behind it."""

    computing: float
    calls: float
    messages: float
    bytes: float

    @property
    def whole(self) -> float:
        return self.computing + self.calls + self.messages + self.bytes

    @property
    def efficiency(self) -> float:
        """Of what the same cores would do without a word."""
        return self.computing / self.whole


COPY, PROPOSAL, SITE, MOVING = 21e-9, 100e-9, 65e-9, 0.01
"""Seconds of a copy of aligned members, of a proposal with phases, of a site's step, all out of the cache; and which
part of the members is moved, or proposed a copy, in a step."""
ASK, ANSWER, BATCHES, WORTH = 4, 16, 4, 2048
HALO, SWAPS, OF_TILE, TILE, MOST_SUMS = 170, 12, 56, 2048, 65_536


def members(machine: Machine, N: float, _: int = 8) -> Step:
    """Aligned members: two sums of 2P + 4 integers."""
    return Step(MOVING * N / machine.ranks * COPY, 2 * machine.call, 0.0, 0.0)


def phases(machine: Machine, N: float, P: int = 8, asked: int = ASK, hidden: bool = True) -> Step:
    """Each rank asks each for partners: a message to and one back, the latter in batches.

    hidden : answers travel, but for the last batch, while others are looked up and copies are made; else as before,
    when the numbers of answers were told too.
    """
    R = machine.ranks
    each = MOVING * N / R
    batches = max(1, min(BATCHES, int(each * ANSWER / R / WORTH))) if hidden else 1
    answers = each * ANSWER * machine.byte
    seen = each * asked * machine.byte + max(answers / batches, answers - 0.6 * each * PROPOSAL)
    calls = 2 * machine.call + machine.gathered(8.0 * R * (P + 1))
    return Step(each * PROPOSAL, calls, (1 + batches) * (R - 1) * machine.message, seen)


def lattice(machine: Machine, sites: float, dimensions: int) -> Step:
    """Halos to neighbours, and sums of (groups of) tiles to all; a rank has a run of sites in the order of rows."""
    R = machine.ranks
    row = sites ** ((dimensions - 1) / dimensions) if dimensions > 1 else 1.0
    border = 2 * min(row, sites / R)
    neighbours = 2 * max(1.0, row * R / sites)
    calls = 5 * machine.call + machine.gathered(OF_TILE * min(MOST_SUMS, sites / TILE))
    return Step(sites / R * SITE, calls, SWAPS * neighbours * machine.message, border * HALO * machine.byte)


def row(what: str, step: Step) -> str:
    parts = (step.computing, step.calls, step.messages, step.bytes, step.whole)
    return f"| {what} | " + " | ".join(f"{1e3 * part:.3g}" for part in parts) + f" | {step.efficiency:.2f} |"


def main() -> None:
    machine = Machine()
    print(f"{machine.ranks:,} ranks, ms a step\n")
    print("| | computing | sums, gathers | messages | bytes | step | efficiency |\n|---|---|---|---|---|---|---|")
    for N in (1e12, 1e11, 1e10):
        print(row(f"members, N = {N:.0e}", members(machine, N)))
    for N in (1e12, 1e11, 1e10):
        print(row(f"phases, N = {N:.0e}, before", phases(machine, N, asked=8, hidden=False)))
        print(row(f"phases, N = {N:.0e}", phases(machine, N)))
    print(row("phases, N = 1e+12, P = 1,000", phases(machine, 1e12, 1000)))
    for dimensions in (1, 2, 3):
        for sites in (1e10, 1e9):
            print(row(f"lattice, {dimensions}-D, {sites:.0e} sites", lattice(machine, sites, dimensions)))


if __name__ == "__main__":
    main()
