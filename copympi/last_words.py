"""What a rank says before it ends its job: launchers drop what they have not yet read when the job ends."""

from __future__ import annotations

import array
import os
import stat
import sys
import time as clock
from contextlib import suppress

WITHIN = 2.0
"""Seconds for which a rank waits for its launcher to read what it wrote."""


def say(text: str) -> None:
    """Print to stderr, and wait until the launcher has read it."""
    if sys.stderr is None:
        return
    with suppress(Exception):  # nobody listens: nothing may keep the job from its end
        print(text, file=sys.stderr, flush=True)
        until_read(sys.stderr.fileno())


def until_read(stream: int) -> None:
    """Until a pipe is empty, for `WITHIN` at most; other streams, and systems that cannot tell, are not waited for."""
    if not stat.S_ISFIFO(os.fstat(stream).st_mode):
        return
    try:
        from fcntl import ioctl
        from termios import FIONREAD
    except ImportError:
        return
    unread, since = array.array("i", [0]), clock.monotonic()
    ioctl(stream, FIONREAD, unread)
    while unread[0] and clock.monotonic() < since + WITHIN:
        clock.sleep(0.001)
        ioctl(stream, FIONREAD, unread)
