"""What a launcher (mpiexec, srun) says to the processes it starts. Light: it is wanted before anything is imported."""

from __future__ import annotations

import os

VARIABLES = (
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("PMI_SIZE", "PMI_RANK"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
)
"""Variables by which a launcher tells a process how many it started, and which of them this is."""


def launched() -> tuple[int, int]:
    """How many processes the launcher says it started, and which one this is; (1, 0) where there is none."""
    for size, rank in VARIABLES:
        told = os.environ.get(size, "")
        if told.isdigit():  # some sites export them empty
            which = os.environ.get(rank, "")
            return int(told), int(which) if which.isdigit() else 0
    return 1, 0
