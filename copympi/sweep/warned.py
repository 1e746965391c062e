"""What thousands of runs warn of, told once for each sort of warning, with how many they were."""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import Any

import numpy as np

from copympi import mpi
from copympi.errors import (
    CopyWarning,
    EmptyBeableWarning,
    FilesWarning,
    FrozenStartWarning,
    OtherMachineWarning,
    StateWarning,
    StepWarning,
    warn,
)

SORTS: tuple[type[CopyWarning], ...] = (
    FrozenStartWarning, EmptyBeableWarning, StateWarning, StepWarning, OtherMachineWarning, FilesWarning, CopyWarning,
)  # fmt: skip


class Warned:
    """A context in which warnings of runs are counted; `tell` then says them, once each."""

    def __init__(self) -> None:
        self.times = np.zeros(len(SORTS), np.int64)
        self.first = [""] * len(SORTS)
        self._held = warnings.catch_warnings()

    def __enter__(self) -> Warned:
        self._held.__enter__()
        warnings.simplefilter("always", CopyWarning)
        others = warnings.showwarning

        def count(message: Any, category: type[Warning], *more: Any, **named: Any) -> None:
            if not issubclass(category, CopyWarning):
                others(message, category, *more, **named)
                return
            k = next(k for k, sort in enumerate(SORTS) if issubclass(category, sort))
            self.times[k] += 1
            self.first[k] = self.first[k] or str(message)

        warnings.showwarning = count
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._held.__exit__(kind, error, at)

    def tell(self, comm: Any) -> None:
        """Say what ranks were warned of, on the root. Collective."""
        times = self.times.copy()
        mpi.total(comm, times)
        for k, sort in enumerate(SORTS):
            text = mpi.first_text(comm, self.first[k])
            if text and comm.rank == mpi.ROOT:
                warn(text + (f" (and {times[k] - 1:,} more like this, of other runs)" if times[k] > 1 else ""), sort)
