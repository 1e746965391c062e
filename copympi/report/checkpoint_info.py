"""What a checkpoint holds, verified from end to end in bounded memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from copympi.report.numbers import humane
from copympi.storage import restart

SHARE = 64 << 20
"""Bytes of the file that are in memory at a time, or one unit if that is larger."""


def is_checkpoint(path: Path) -> bool:
    """Whether a file is meant to be a checkpoint, going by what it holds, or where that is lost by its name."""
    return path.is_file() and (restart.has_units(path) or path.name.startswith("checkpoint-"))


def describe(path: Path) -> list[str]:
    """What a checkpoint holds, in lines. DamagedError where it cannot be trusted, InputError for a newer schema."""
    size = path.stat().st_size
    units = restart.units_in(path)
    parts = max(1, min(units, -(-size // SHARE)))
    state, meta = restart.read(path, parts, 0)
    kinds = _kinds(state)
    for k in range(1, parts):
        restart.read(path, parts, k)
    settings = meta["settings"]
    replicas, representation = settings["dynamics.replicas"], settings["dynamics.representation"]
    many = f" in each of {replicas:,} replicas" if replicas > 1 else ""
    each = f"{size:,} bytes, {size / (meta['members'] * replicas):.3g} a member"
    if representation != "members":
        each = f"{size:,} bytes, {size / replicas:.3g} a replica"
    leaps = settings.get("dynamics.method", "leap") == "leap"
    unit = "blocks" if leaps and representation == "members" else "replicas"
    return [
        f"{path}: a checkpoint, complete, all digests match",
        f"  state     t = {meta['time']:g} of {settings['dynamics.duration']:g}, on the way to record {meta['record']}",
        f"  members   {humane(meta['members'])}{many} ({representation})",
        f"  size      {each}",
        f"  holds     {units:,} {unit}: {kinds}",
        f"  written   {meta['saved']} by {meta['writer']}, attempt {meta['attempt']}, after {meta['seconds']:.3g} s",
        f"  ranks     {meta['ranks']}, {meta['mpi']}, on {meta['hostname']}, begun {meta['started']}",
        f"  version   copympi {meta['version']}, schema {meta['schema']}, {meta['libraries']}, {meta['cpu']}",
        *([f"  build     {meta['build']}"] if "build" in meta else []),  # older versions did not say
        "  config",
        *("    " + line for line in str(meta["config"]).strip().splitlines()),
    ]


def _kinds(state: Any) -> str:
    return ", ".join([*state.columns, *state.ragged, *state.common])
