"""Signals are after each test as they were before it."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from copympi.run.stopping import SIGNALS


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """A command that ran in this process ignores late signals, as its process was to end with it."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)
