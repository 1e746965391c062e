"""What a rank says before it ends its job is read by its launcher first."""

from __future__ import annotations

import os
import threading
import time as clock
from pathlib import Path

import pytest

from copympi import last_words


def test_a_pipe_is_waited_for_until_it_is_read() -> None:
    reads, writes = os.pipe()
    try:
        os.write(writes, b"the reason")
        read: list[bytes] = []
        reader = threading.Thread(target=lambda: (clock.sleep(0.2), read.append(os.read(reads, 100))))
        reader.start()
        last_words.until_read(writes)
        assert read == [b"the reason"]
        reader.join()
    finally:
        os.close(reads)
        os.close(writes)


def test_a_pipe_that_nobody_reads_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, writes = os.pipe()
    try:
        os.write(writes, b"the reason")
        since = clock.monotonic()
        monkeypatch.setattr(last_words, "WITHIN", 0.1)
        last_words.until_read(writes)
        assert clock.monotonic() >= since + 0.1
    finally:
        os.close(reads)
        os.close(writes)


def test_what_is_no_pipe_is_not_waited_for(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        file.write(b"the reason")
        file.flush()
        last_words.until_read(file.fileno())
