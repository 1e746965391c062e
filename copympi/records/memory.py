"""A recorder that keeps records in memory."""

from __future__ import annotations

import numpy as np

from copympi.engine.tracking import Jumps
from copympi.records.plan import Plan, Record, stacked
from copympi.records.view import Arrays


class Memory:
    """A recorder that keeps every record in arrays."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.times: list[float] = []
        self.records: list[Record] = []
        self.jumps: list[Jumps] = []

    def follow(self, jumps: Jumps) -> None:
        self.jumps.append(jumps)

    def take(self, time: float, record: Record) -> None:
        self.times.append(time)
        self.records.append(record)

    def settle(self) -> None:
        """Nothing to do: memory does not outlive the process."""

    def told(self) -> dict[str, int]:
        """Nothing that a checkpoint would have to know."""
        return {}

    def arrays(self) -> Arrays:
        """time (T,) and all that was recorded; no leading axis for one replica. profile_time (T',) where thinned."""
        out = stacked(self.records)
        if len(out["events"]) == 1:
            out = {name: values[0] for name, values in out.items()}
        if self.plan.thinned:
            marks = [time for time, record in zip(self.times, self.records, strict=True) if record.profiled]
            out["profile_time"] = np.array(marks)
        return {"time": np.array(self.times), **out}

    def histories(self) -> Arrays:
        """Who was followed, and the columns of Jumps; nothing where nobody was."""
        if self.plan.track is None:
            return {}
        rows = Jumps.joined([Jumps.none("unaligned" in self.plan.traits), *self.jumps])
        self.jumps = [rows]
        return {**rows.columns, "tracked_member": self.plan.track}
