"""`copympi rerun DIR`: make a run again from what its folder says, and compare the digests of every record."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from copympi import __version__, mpi
from copympi.config.writing import NOTE
from copympi.engine.arithmetic import arithmetic
from copympi.errors import InputError, MachineError, StoppedEarly
from copympi.model.rule_functions import CALLED
from copympi.run import settings
from copympi.run.carry import Manner, carry_out
from copympi.run.plan import Job, from_file
from copympi.run.watchdog import Unwatched
from copympi.storage import columns, digests, guard, layout, reading, results
from copympi.text import one_line


def rerun(options: Any) -> int:
    """Run it again in a folder of its own beside the results, which goes afterwards. Returns 0 where bits agree."""
    comm, folder = mpi.world(), Path(options.folder)
    on_node = mpi.part_on_node(comm)
    scratch = Path(mpi.from_root(comm, lambda: _scratch(folder)))
    try:
        job = mpi.from_root(comm, lambda: _job(folder, scratch, options.files, on_node))
        with warnings.catch_warnings():  # the run said them
            warnings.simplefilter("ignore")
            try:
                carry_out(comm, job, Manner(writer="root"), Unwatched())
            except StoppedEarly as stop:  # its folder goes, so there is nothing to go on with
                raise MachineError(f"not compared: {str(stop).partition(';')[0]}") from None
        same, lines = mpi.from_root(comm, lambda: _compared(folder, scratch / "again"))
    finally:
        if comm.rank == mpi.ROOT:
            shutil.rmtree(scratch, ignore_errors=True)
    if comm.rank == mpi.ROOT:
        print("\n".join(map(one_line, lines)), flush=True)
    return 0 if same else 1


def _scratch(folder: Path) -> str:
    """A new folder beside the results: all ranks see it, wherever they are."""
    reading.read(folder)
    try:
        return tempfile.mkdtemp(prefix=".rerun-", dir=folder)
    except OSError as problem:
        raise InputError("DIR", folder, f"cannot be written: {problem.strerror}") from None


def _job(folder: Path, scratch: Path, files: Path | None, on_node: float) -> Job:
    """The run as its results say it was asked for; InputError where they do not say enough, or what follows differs."""
    path = folder / layout.NAME
    guard.check(path, thorough=True)
    data = reading.read(folder, thorough=True)
    said, text = data.attributes, _with_ids(path, str(data.attributes["config"]))
    if layout.OBSERVED in said:
        raise InputError("DIR", folder, "records what functions from Python gave: run that program again")
    if text.startswith(NOTE) and " with digest " in text:
        raise InputError("DIR", folder, "was made in Python of arrays too large to be noted: run that program again")
    if text.startswith(NOTE) and f'rule = "{CALLED}' in text:
        raise InputError("DIR", folder, "has a copy rule that is a function in Python: run that program again")
    config = (files or Path()) / f"{scratch.name.removeprefix('.')}.toml"  # paths in a config count from its folder
    try:
        config.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise InputError("--files", config.parent, f"cannot be written: {problem.strerror}") from None
    try:
        job = from_file(config, _as_far(data), scratch / "again", on_node)
    except InputError as problem:
        raise InputError(problem.key, problem.value, f"{problem.why} (files are looked for in --files)", path) from None
    finally:
        config.unlink(missing_ok=True)
    if layout.SETTINGS in said:
        asked = json.loads(said[layout.SETTINGS]) | {"dynamics.duration": job.settings["dynamics.duration"]}
        settings.compare(asked, job.settings, path)
    return job


def _with_ids(path: Path, text: str) -> str:
    """A config with the ids that are followed, which are in the file, where it names them by their digest."""
    digest = re.search(r'^track = "array [^"]* with digest [^"]*"$', text, re.MULTILINE)
    if digest is None or not text.startswith(NOTE):
        return text
    with reading.opened(path) as file:
        return f"{text[: digest.start()]}track = {columns.followed(file).tolist()}{text[digest.end() :]}"


def _as_far(data: reading.Results) -> list[str]:
    """Settings by which a run that is not finished is made as far as its records go."""
    if data.attributes["complete"] or data.time.size < 2:
        return []
    end, interval = float(data.time[-1]), float(data.time[1])
    return [f"dynamics.duration={end!r}", f"output.interval={interval!r}"]


def _compared(folder: Path, again: Path) -> tuple[bool, list[str]]:
    """Whether every record there was comes out with the same digests, and what to say."""
    old, new = reading.read(folder), reading.read(again)
    if not old.verified:
        raise MachineError(f"{old.path} has no digests: version {old.attributes['version']} wrote none")
    said, kinds = [], ((digests.RECORDS, "records", old.time), (digests.PROFILE_ROWS, "profiles", old.profile_time))
    for kind, name, times in kinds:
        with reading.opened(old.path) as then, reading.opened(new.path) as now:
            if kind not in then[digests.GROUP]:
                continue
            count = len(times)
            a, b = (file[digests.GROUP][kind][:count] for file in (then, now))
        off = np.flatnonzero(a != b) if len(a) == len(b) else np.arange(len(b), len(a))
        if off.size:
            said.append(f"{name} differ from t = {times[off[0]]:.6g} on, {off.size:,} of {count:,}")
    verdict = "; ".join(said) if said else f"all {old.time.size:,} records come out again, bit for bit"
    lines = [f"{old.path}: {verdict}"]
    if said:
        was = f"copympi {old.attributes['version']}, {old.attributes['libraries']}"
        lines += [f"  then {was}", f"  now  copympi {__version__}, {results.libraries()}, CPU {arithmetic()}"]
    return not said, lines
