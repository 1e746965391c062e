"""How many steps to make between two looks at signals and clocks: results do not depend on it."""

from __future__ import annotations

SECONDS = 0.2
"""About so long a rank works between two looks."""


class Pace:
    """`steps` for the next stretch, learnt from how long the last one took."""

    def __init__(self, steps: int = 100) -> None:
        self.steps = steps

    def learn(self, done: int, seconds: float) -> None:
        """The last stretch made so many steps, in so many seconds; it may have ended early, at a record."""
        if seconds > 2 * SECONDS:
            self.steps = max(1, int(done * SECONDS / seconds))
        elif seconds < 0.5 * SECONDS and done >= self.steps:
            self.steps *= 2

    def limit(self, done: int, made: int, each: float, most: int) -> None:
        """The next stretch is to make about `most` rows, or less.

        In the last one `done` steps made so many; hardly any step makes more than `each`.
        """
        if made > 0:
            self.steps = max(1, min(self.steps, done * most // made))
        if self.steps * each > most:
            self.steps = max(1, int(most / each))
