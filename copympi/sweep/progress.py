"""How far a sweep has come: a bar on a terminal, else a line now and then. From the root alone."""

from __future__ import annotations

import sys
import time as clock
from typing import Any

from tqdm import tqdm

from copympi.run.progress import LINE_EVERY, on_terminal, span


class Progress:
    """`kind` bar, lines, auto (a bar where standard error is a terminal) or none; of `total` runs `done` are there."""

    def __init__(self, total: int, done: int, kind: str, stream: Any = None) -> None:
        self.total, self.before, self.done, self.kind = total, done, done, kind
        self.stream = sys.stderr if stream is None else stream
        self.began = clock.monotonic()
        self.next_line = self.began + LINE_EVERY / 5
        self.bar: Any = None
        if kind == "bar" or (kind == "auto" and on_terminal(self.stream)):
            utf = "utf" in (getattr(self.stream, "encoding", "") or "").lower()
            self.bar = tqdm(
                total=total, initial=done, unit=" runs", file=self.stream, ascii=" ─━" if utf else True,
                dynamic_ncols=True, mininterval=0.1,
                bar_format="  {n:,}/{total:,} runs |{bar}| {percentage:3.0f}%{postfix} [{elapsed} < {remaining}]",
            )  # fmt: skip

    @property
    def lines(self) -> bool:
        """Whether there is room on standard error for what a long run says of itself."""
        return self.kind != "none" and self.bar is None

    def show(self, done: int, failed: int) -> None:
        """So many runs are done, and so many have failed, on all ranks together."""
        self.done = done
        words = f"{failed:,} failed" if failed else ""
        if self.bar is not None:
            self.bar.set_postfix_str(words, refresh=False)
            self.bar.update(done - self.bar.n)
            return
        now = clock.monotonic()
        if self.kind != "none" and now >= self.next_line and done > self.before:
            self.next_line = now + LINE_EVERY
            rate = (done - self.before) / (now - self.began)
            parts = [f"{done:,} of {self.total:,} runs", words, f"{rate:.3g} runs/s",
                     f"{span((self.total - done) / rate)} to go"]  # fmt: skip
            print(f"copympi: {', '.join(part for part in parts if part)}", file=self.stream, flush=True)

    def close(self) -> None:
        """Leave the terminal as it should be."""
        if self.bar is not None:
            self.bar.refresh()
            self.bar.close()
            self.bar = None
