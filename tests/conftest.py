"""Two streams for `pytest -n 2 --dist loadgroup`: what waits for SLURM, and the rest; and signals as they were.

Tests that break MPI jobs want the cores for themselves: ranks that spin on shared ones take minutes for seconds.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from copympi.run.stopping import SIGNALS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group("slurm" if item.nodeid.startswith("tests/slurm") else "rest"))


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """A command that ran in this process ignores late signals, as its process was to end with it."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)
