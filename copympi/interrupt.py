"""SIGINT outside the loop of a run: one line in place of a traceback.

Used by the command alone. Inside the loop copympi.run.stopping takes the signal for a request to stop.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from copympi.last_words import until_read
from copympi.launcher import launched

BEFORE = "interrupted before it began: nothing has been written"


def is_command() -> bool:
    """Whether this process is `copympi ...` or `python -m copympi ...`, and not somebody's program."""
    given = list(getattr(sys, "orig_argv", sys.argv))
    module = given[given.index("-m") + 1 : given.index("-m") + 2] if "-m" in given else []
    return module == ["copympi"] or (bool(sys.argv) and Path(sys.argv[0]).name in ("copympi", "copympi.exe"))


def says(text: str) -> None:
    """From now on SIGINT ends this process with exit code 1 and one line; a launcher then ends the other ranks.

    Where SIGINT is ignored, as in a background job of a shell script, it stays so; and other programs keep theirs.
    """
    if not (is_command() and _may_change()):
        return
    line = f"copympi: {text}\n".encode(errors="backslashreplace") if launched()[1] == 0 else b""

    def end(*_: Any) -> None:
        with suppress(OSError):
            os.write(2, line)
            until_read(2)
        os._exit(1)

    signal.signal(signal.SIGINT, end)


def as_usual() -> None:
    """From now on SIGINT raises KeyboardInterrupt, as it does in any Python."""
    if _may_change():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _may_change() -> bool:
    in_main = threading.current_thread() is threading.main_thread()
    return in_main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
