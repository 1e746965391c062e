"""Lattices that ranks share, small ones: `python -m tests.shared_lattices FOLDER`, under a launcher, prints digests.

Of one rank alone they are those of whole lattices.
"""

from __future__ import annotations

import json
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

import copympi
from copympi import mpi
from copympi.engine import shared_lattice, sharing, tiles
from copympi.model import system
from copympi.storage.reading import profiles_there
from tests.golden import bell

Keywords = dict[str, Any]
MORE: Keywords = {"representation": "occupation", "interval": 0.1, "duration": 0.3, "profile_interval": 0.3, "seed": 3}
P = 5000
"""Three tiles, the last one not full."""
GROUPED_FROM = 4
"""Tiles from which on their sums are added up in groups first: those of a plane."""


def web(reach: tuple[int, ...], strength: float = 0.25) -> copympi.System:
    """P beables on no lattice, each coupled to some others, complex; the first and the last to nobody."""
    rows, columns, values = [], [], []
    for k, away in enumerate(reach):
        row = np.arange(1, P - 1 - away)
        rows, columns = [*rows, row], [*columns, row + away]
        values.append(strength * (1.0 + row % 5 / 4.0) * (1.0, 1j, 0.75 - 0.5j)[k % 3])
    upper = sp.coo_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(P, P))
    own = sp.diags_array((np.arange(P) % 7 / 4.0).astype(complex))
    return copympi.System(upper + upper.conj().T + own)


def kept(first: int, last: int) -> list[int]:
    return list(range(first, last))


def cases() -> dict[str, Keywords]:
    """What each is for stands in its name."""
    well = {"kind": "harmonic", "omega": 0.001}
    ring = copympi.lattice(P, potential=well)
    wide = {"packet": {"centre": 100.0, "width": 300.0, "wave_number": 0.5}}
    box = copympi.lattice([17, 17, 17], boundary="open")
    thin = {"packet": {"centre": [1.0, 0.0, -1.0], "width": [1.5, 2.0, 2.5], "wave_number": [0.5, 0.0, -0.75]}}
    spread = {**bell(P, empty=(2047, 2048, 4095)), **MORE, "summaries": True}
    ramp = [{"at": 0.05 * k, "potential": {"kind": "harmonic", "omega": 0.001 * (1 + k)}} for k in (1, 2, 3)]
    return {
        "a ring, N beyond integers, spectators": {**MORE, **wide, "system": ring, "members": 1e30, "spectators": 1},
        "a ring, N beyond integers, ramp and filter": {
            **MORE, **wide, "system": ring, "members": 1e25, "schedule": [*ramp, {"at": 0.2, "filter": kept(100, 2500)}]
        },
        "a box, tails of few members, a function of the user's": {
            **MORE, **thin, "system": box, "members": 10**6, "observe": {"corner": lambda view: view.n[:, :3] + 0.0},
        },
        "a plane in groups of tiles, N beyond integers, few in its tails": {
            **MORE, "packet": {"centre": [-9.0, 0.0], "width": [8.0, 5.0], "wave_number": [0.5, 0.25]}, "members": 1e20,
            "system": copympi.lattice([120, 75], potential={"kind": "harmonic", "omega": 0.02}),
        },
        "a web, two replicas": {**spread, "system": web((1, 37, 2100)), "members": 10**6, "replicas": 2},
        "a web, N beyond integers": {**spread, "system": web((1, 500)), "members": 1e22},
        "a ring with an H(t)": {
            **MORE, **wide, "system": [ring, [0.001 * np.arange(P), lambda t: np.sin(3.0 * t)]],
            "members": 10**9,
        },
        "another web from 0.15 on, and a filter": {
            **spread, "system": web((1, 37)), "members": 10**5, "spectators": 1, "replicas": 2,
            "schedule": [
                {"at": 0.1, "filter": kept(1000, 4500)}, {"at": 0.15, "hamiltonian": web((1, 1500), 0.5)},
                {"at": 0.25, "hamiltonian": web((1, 37))},
            ],
        },
    }  # fmt: skip


GOES_ON = "another web from 0.15 on, and a filter"
"""The case that is run in two halves, too, the second one from a checkpoint."""


def digest(run: copympi.Run) -> str:
    """Types, shapes and bytes of all that a run recorded."""
    found = blake2b(digest_size=8)
    arrays = {"occupation": run.occupation, "phase": run.phase, "events": run.events, **run.measured}
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return f"{found.hexdigest()} {run.largest_chance!r}"


def looked_at(comm: Any) -> copympi.Run:
    """A lattice as large ones are treated, switched, where one rank has asked for the whole of its H before."""
    ring = copympi.lattice(P, potential={"kind": "harmonic", "omega": 0.001})
    wide = {"packet": {"centre": 100.0, "width": 300.0, "wave_number": 0.5}}
    before, system.PIECE = system.PIECE, P - 1
    try:
        assert ring.unkept
        if comm.rank == 0:
            assert ring.hamiltonian.nnz > P
        later = [(0.1, copympi.lattice(P)), (0.2, ring)]
        return copympi.simulate(ring, comm=comm, members=10**9, schedule=later, **wide, **MORE)
    finally:
        system.PIECE = before


def halves(folder: Path, first: Any, second: Any) -> str:
    """The digest of that case on the ranks of `first`, then of `second`; None: of no rank, on this one."""
    case = {**cases()[GOES_ON], "profile_interval": 0.1, "output": folder}
    if first is not None:
        copympi.simulate(comm=first, **{**case, "duration": 0.2})
    mpi.world().Barrier()
    out = "" if second is None else digest(copympi.simulate(comm=second, resume=True, **case))
    mpi.world().Barrier()
    if mpi.world().rank == 0:
        assert profiles_there(folder, 9, verified=True) == 4
    return out


def digests(folder: Path) -> dict[str, str]:
    """Those of all cases on all ranks. Collective."""
    comm, most = mpi.world(), tiles.MOST_SUMS
    try:
        tiles.MOST_SUMS = GROUPED_FROM - 1
        out = {name: digest(copympi.simulate(comm=comm, **case)) for name, case in cases().items()}
    finally:
        tiles.MOST_SUMS = most
    out["a ring whose H one rank has asked for, switched"] = digest(looked_at(comm))
    whole = {**cases()[GOES_ON], "profile_interval": 0.1}
    if comm.size == 1:
        first = second = digest(copympi.simulate(comm=comm, **whole))
    else:
        one = mpi.library().COMM_SELF if comm.rank == 0 else None
        first, second = halves(folder / "1", one, comm), halves(folder / "2", comm, one)
    return out | {"on one rank, then on all": first, "on all ranks, then on one": second}


def main(folder: Path) -> None:
    """Print the digests of lattices that ranks do share, small as they are."""
    made, shared = shared_lattice.made, []

    def noted(*given: Any) -> Any:
        out = made(*given)
        shared.append(isinstance(out, shared_lattice.SharedLattice))
        return out

    sharing.SHARED_FROM, sharing.AT_A_BORDER, shared_lattice.made = 0, 0.0, noted
    found = digests(folder)
    assert shared.count(True) == len(cases()) + 3, shared  # all but one rank's halves
    if mpi.world().rank == 0:
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
