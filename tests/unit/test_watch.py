"""The watch in C: it ends a process whose Python has no turn, and lets one that was suspended go on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from copympi.errors import InputError
from copympi.kernels.watch import Watch
from copympi.run.watchdog import patience_of
from tests.launch import run

HELD = """
import ctypes
from copympi.kernels.watch import Watch
watch = Watch(0.5, 3)
ctypes.PyDLL(None).sleep(600)  # with Python's lock
"""
WAITING = """
import sys
from copympi.kernels.watch import Watch
watch = Watch(2.0, 0)
print("on", flush=True)
sys.stdin.readline()
watch.stop()
print("done")
"""


def test_nobody_has_a_turn() -> None:
    ended = run([sys.executable, "-c", HELD])
    assert ended.returncode == 1
    assert ended.stderr.startswith("copympi: rank 3: nothing has gone on for ")
    assert ended.stderr.endswith(" s; the job ends\n")


def test_time_in_which_a_process_is_suspended_does_not_count() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        time.sleep(0.6)  # in which the watch has looked for the first time
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.2)  # in which a watch that counted it would end the process
        said, _ = process.communicate("\n", timeout=120)
    assert (process.returncode, said) == (0, "done\n")


def test_patience_that_no_clock_counts_to() -> None:
    with pytest.raises(InputError, match='--patience = "1000000000000h": must be at most 1000000000 s'):
        patience_of("1000000000000h")


def test_a_watch_that_was_stopped_ends_nothing() -> None:
    watch = Watch(0.1, 0)
    watch.stop()
    watch.beat()
    watch.stop()
    time.sleep(0.3)
