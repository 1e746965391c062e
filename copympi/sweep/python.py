"""copympi.sweep: many runs from Python, and what came out of them, one after the other."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from copympi import mpi
from copympi.config.reading import seconds
from copympi.errors import CopyWarning, InputError, warn
from copympi.run.settings import fingerprint
from copympi.sweep.base import from_python
from copympi.sweep.conduct import Manner, conduct
from copympi.sweep.held import Held
from copympi.sweep.points import checked
from copympi.sweep.sharing import RANKS


def sweep(
    config: Any,
    *,
    over: dict[str, Any],
    output: str | os.PathLike[str],
    ranks: str = "auto",
    time_budget: str | float | None = None,
    comm: Any = None,
    progress: bool = False,
) -> Sweep:
    """Runs at all combinations of the values in `over`, shared out over ranks, into a folder; what came out of them.

    Collective: under mpiexec every rank of `comm` calls it, with the same arguments.

    Parameters
    ----------
    config : str, path or dict. A config file; or sections of keys like those of one, {"system": {...}, ...}; or
        keywords of copympi.simulate, {"system": H, "members": 1000, "duration": 10.0, ...}. Units as there.
    over : dict. "section.key" -> the values it takes, {"preparation.members": [100, 1000], "dynamics.seed": range(20)}.
        Errors are estimated from runs that differ in dynamics.seed alone.
    output : str or path. A folder. A second call goes on with what is missing there, also with more values; what is
        finished is not made again.
    ranks : str, default "auto". Who carries a run: "one" rank, "all" together, or "auto": small runs one, large runs
        all (docs/sweeps.md).
    time_budget : str or float [s], default None. "55min" or seconds, after which no other run begins; None: the end of
        the batch job, if there is one.
    comm : mpi4py communicator, default None. None: MPI.COMM_WORLD.
    progress : bool, default False. Show how far it is: a bar on a terminal, else lines.

    Returns
    -------
    Sweep : iterate over it for (values, Run); see help(copympi.Sweep).

    Raises
    ------
    InputError : for the first point that is refused, before anything runs; MachineError where files fail, and
        StoppedEarly where it stopped before the end: its time was up, there was a file STOP in the folder, or a signal
        came. Each on every rank alike. A run that fails takes no other with it: it is warned of (CopyWarning), and
        stands in `failed`.
    """
    comm = mpi.world() if comm is None else comm
    problem: InputError | None = None
    with mpi.together(comm):  # another error than InputError on one rank: others would wait for ever
        try:
            if ranks not in RANKS:
                raise InputError("ranks", ranks, 'must be "auto", "one" or "all"')
            base, points_of, place = from_python(config), checked(over), _folder(output)
            manner = Manner(None, _budget(time_budget), ranks, "auto" if progress else "none")
        except InputError as bad:
            problem = bad
    said = mpi.first_text(comm, str(problem) if problem is not None else "")
    if problem is not None:
        raise problem
    if said:
        raise InputError("arguments", "unlike", f"another rank refuses its own: {said}")
    asked = {"config": base.text(base.values), "over": points_of, "output": str(place), "manner": (ranks, time_budget)}
    if not mpi.same_everywhere(comm, fingerprint(asked)):
        raise InputError("arguments", "unlike", "must be the same on every rank (a state drawn without a seed?)")
    outcome = conduct(comm, base, points_of, place, manner)
    if outcome.failed and comm.rank == mpi.ROOT:
        warn(f"{outcome.failed:,} of {outcome.total:,} runs failed; the first with {outcome.said}", CopyWarning)
    return Sweep(place, base)


def _folder(output: Any) -> Path:
    try:
        return Path(output)
    except TypeError:
        raise InputError("output", output, "must be the path of a folder") from None


def _budget(given: Any) -> float | None:
    given = given.item() if isinstance(given, np.generic) else given
    number = isinstance(given, (int, float)) and not isinstance(given, bool) and 0 < given < float("inf")
    return float(given) if number else None if given is None else seconds(given, "time_budget")


class Sweep(Held):
    """What stands in a sweep's folder: iterate over it for (values, Run), in order, or ask for its `table`.

    Results are read when they are asked for, a few megabytes at a time. values, in all of these : "section.key" ->
    value. failed : (values, why) of runs that failed; missing : values of runs that are not done, or failed.

    Parameters
    ----------
    path : str or path. The folder of a sweep.
    base : Base, default None. The config that points change, where sweep.json cannot hold it: a large H from Python.

    Raises
    ------
    InputError : where the folder holds no sweep; MachineError where its sweep.json is damaged.
    """

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the table, one for each setting (runs that differ in their seed alone): name -> value, or
        (value, standard error)."""
        from copympi.sweep.rows import settings  # the theory that it is compared with takes a while to import

        return [setting.row() for setting in settings(self)]

    @property
    def table(self) -> Any:
        """The table of `copympi collect`: a pandas DataFrame where there is pandas, else name -> array (S,)."""
        from copympi.report.tables import flat

        rows = flat(self.rows)
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}
        try:
            import pandas
        except ImportError:
            return columns
        return pandas.DataFrame(columns)

    def plot(self, path: Any = None) -> Any:
        """The figure of `copympi collect`, a matplotlib Figure; a notebook shows it.

        path : str or path, default None. Where to write it too; its ending (.png, .pdf, .svg) says as what.

        InputError where no run is done, or nothing but the seed is swept over numbers.
        """
        from copympi.sweep.figure import drawn

        figure = drawn(self.rows, self.spec.over)
        if figure is None:
            why = "must have a key with several numbers, and runs that are done"
            raise InputError("over", ", ".join(self.keys), why)
        if path is not None:
            figure.savefig(path)
        return figure

    def __repr__(self) -> str:
        keys = ", ".join(f"{key} ({len(values)})" for key, values in self.spec.over.items())
        return f"Sweep({str(self.path)!r}: {len(self):,} runs over {keys})"
