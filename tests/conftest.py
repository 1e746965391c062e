"""Two streams for `pytest -n 2 --dist loadgroup`: what waits for SLURM, and the rest.

Tests that break MPI jobs want the cores for themselves: ranks that spin on shared ones take minutes for seconds.
"""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group("slurm" if item.nodeid.startswith("tests/slurm") else "rest"))
