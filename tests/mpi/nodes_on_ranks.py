"""Cases of the study of nodes on one, two and three of three ranks: prints how many arrays came out, and whether alike.

Ranks are split into groups {0, 1} and {2}, then stay together: every case is run by groups of 2, 1 and 3.
"""

from mpi4py import MPI

from copympi.studies.nodes.cases import Case
from copympi.studies.nodes.runs import RUN

CASES = [
    Case("curve", "3 levels, a", 100, 10, 0.8, True),
    Case("rare", "from afar", 100_000_000, 2, 3.0, True),
    Case("remedy", "spectator", 30, 5),
    Case("life", "wanders", 30, 7),
    Case("life", "wanders", 20_000, 4),
    Case("bell", "wanders", 20, 5),
]
world = MPI.COMM_WORLD
group = world.Split(color=world.rank // 2, key=world.rank)
made = []
for comm in (group, world):
    got = [RUN[case.part](case, 11, comm) for case in CASES]
    made.append(b"".join(values.tobytes() for arrays in got for values in arrays.values()) if comm.rank == 0 else b"")
every = [data for rank in world.allgather(made) for data in rank if data]
if world.rank == 0:
    print(len(every), len(set(every)), len(every[0]))
