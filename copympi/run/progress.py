"""How far a run has come: a bar on a terminal, else one line now and then. From the root alone."""

from __future__ import annotations

import importlib
import os
import re
import sys
import time as clock
from typing import Any, Literal

from tqdm import tqdm

from copympi.config.reading import Config

LINE_EVERY = 15.0
"""Seconds between lines in a log; the first comes after a fifth of it."""
LOOK_EVERY = 0.1
LAUNCHERS = re.compile(r"mpiexec|mpirun|hydra|orte|prte|srun")


class Silent:
    """Says nothing."""

    def due(self) -> bool:
        """Whether it is time to say something again."""
        return False

    def show(self, time: float, steps: int, copies: float) -> None: ...
    def close(self) -> None: ...


class Progress(Silent):
    """`kind` bar, lines, or auto: a bar in a notebook and where standard error, or the launcher's, is a terminal."""

    def __init__(self, config: Config, kind: Literal["auto", "bar", "lines"] = "auto", stream: Any = None) -> None:
        self.end, self.unit = config.dynamics.duration, config.output.time_unit
        self.stream = sys.stderr if stream is None else stream
        self.began = clock.monotonic()
        self.next_line = self.began + LINE_EVERY / 5
        self.looked = self.began - LOOK_EVERY
        self.bar: Any = None
        if kind == "bar" or (kind == "auto" and (in_notebook() or on_terminal(self.stream))):
            width = len(f"{self.end:g}")
            self.bar = _bar()(
                total=self.end,
                unit=" " + self.unit if self.unit else "",  # a user's text: never a part of the format
                file=self.stream,
                ascii=" ─━" if "utf" in (getattr(self.stream, "encoding", "") or "").lower() else True,
                dynamic_ncols=True,
                mininterval=0.1,
                bar_format=f"  t = {{n:>{width}.4g}}/{{total:g}}{{unit}} |{{bar}}| {{percentage:3.0f}}%{{postfix}}"
                " [{elapsed} < {remaining}]",
            )

    def due(self) -> bool:
        return not 0.0 <= clock.monotonic() - self.looked < LOOK_EVERY

    def show(self, time: float, steps: int, copies: float) -> None:
        """Say where the run stands, if it is time to."""
        now, time = clock.monotonic(), min(time, self.end)
        if now < self.looked:  # the clock went back
            self.next_line = now
        self.looked = now
        rate = copies / max(now - self.began, 1e-9)
        if self.bar is not None:
            self.bar.set_postfix_str(f"{steps:,} steps, {copies:.3g} copies, {rate:.2g}/s", refresh=False)
            self.bar.update(time - self.bar.n)
        elif now >= self.next_line:
            self.next_line = now + LINE_EVERY
            done = time / self.end
            ahead = (now - self.began) * (1 - done) / done if done > 0 else float("nan")
            unit = " " + self.unit if self.unit else ""
            print(
                f"copympi: t = {time:.6g} of {self.end:g}{unit} ({done:.0%}), {steps} steps, "
                f"{copies:.4g} copies, {rate:.3g} copies/s, {span(ahead)} to go",
                file=self.stream,
                flush=True,
            )

    def close(self) -> None:
        """Leave the terminal as it should be."""
        if self.bar is not None:
            self.bar.refresh()
            self.bar.close()
            self.bar = None


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    return "ipykernel" in sys.modules


def _bar() -> Any:
    """The bar of terminals, or in a notebook the one that tqdm has for it."""
    return importlib.import_module("tqdm.auto").tqdm if in_notebook() else tqdm


def span(seconds: float) -> str:
    """A length of time as one reads it: 12 s, 3.5 min, 2.1 h, 4.0 d."""
    if seconds != seconds:
        return "?"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.3g} s"


def on_terminal(stream: Any) -> bool:
    """Whether a person sees `stream`: it is a terminal, or a launcher on this machine passes it on to one."""
    if stream.isatty():
        return True
    try:
        pid = os.getppid()
        for _ in range(4):
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                name, _, rest = stat.read().partition("(")[2].rpartition(")")
            if not LAUNCHERS.search(name):
                return False
            target = os.readlink(f"/proc/{pid}/fd/2")
            if target.startswith(("/dev/pts/", "/dev/tty")):
                return True
            pid = int(rest.split()[1])
    except (OSError, ValueError):
        pass
    return False
