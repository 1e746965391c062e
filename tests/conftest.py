"""Streams for `pytest -n 3 --dist loadgroup`: SLURM's tests are one, each other file another; and signals as before."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from copympi.run.stopping import SIGNALS


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        file = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group("slurm" if file.startswith("tests/slurm") else file))


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """A command that ran in this process ignores late signals, as its process was to end with it."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)
