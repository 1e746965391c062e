"""Two streams of tests side by side: what starts MPI jobs and breaks them; the rest, which often waits for SLURM."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        jobs = item.nodeid.startswith(("tests/faults", "tests/mpi"))
        item.add_marker(pytest.mark.xdist_group("jobs" if jobs else "rest"))
