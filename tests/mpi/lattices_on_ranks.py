"""Lattices with beables of few members, on one to three ranks that share them: prints how many runs, and whether alike.

Three ranks are split into groups of 1 and 2, then stay together. They share lattices of few tiles here, and add up
tiles in groups of two.
"""

import numpy as np
from mpi4py import MPI

import copympi
from copympi.engine import shared_lattice, tiles

shared_lattice.SHARED_FROM, tiles.MOST_SUMS = shared_lattice.SPLIT, 3
line = copympi.lattice(9000)
plane = copympi.lattice([120, 75], potential={"kind": "harmonic", "omega": 0.02})
CASES = [
    (line, {"packet": {"centre": -300, "width": 500, "wave_number": 0.4}, "members": 10**6}),
    (plane, {"packet": {"centre": [-9, 0], "width": [8, 5], "wave_number": [0.5, 0.2]}, "members": 1e20}),
    (plane, {"packet": {"centre": [-9, 0], "width": 9}, "members": 10**5, "spectators": 3}),
]
world = MPI.COMM_WORLD
made = []
for comm in (world.Split(color=world.rank > 0), world):
    runs = [
        copympi.simulate(
            system, duration=0.3, interval=0.3, seed=5, representation="occupation", summaries=False, comm=comm, **given
        )
        for system, given in CASES
    ]
    few = all(np.any((run.occupation > 0) & (run.occupation < 300)) for run in runs)
    bits = b"".join(a.tobytes() for run in runs for a in (run.occupation, run.phase, run.events))
    made.append(bits if comm.rank == 0 and few else b"")
every = [data for rank in world.allgather(made) for data in rank if data]
if world.rank == 0:
    print(len(every), len(set(every)))
