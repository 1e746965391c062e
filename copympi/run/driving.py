"""A driven run: its H(t) turned into constant Hamiltonians, in the basis of its beables, as its config bounds them."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from copympi.config.reading import Config
from copympi.engine import clock
from copympi.model import build, drives
from copympi.model.preparation import Start
from copympi.model.schedule import Schedule, Switch
from copympi.model.staircase import MOVED, Bounds
from copympi.model.system import System


def prepared(config: Config, before: System, phases: Any, files: Path) -> tuple[System, Start, Schedule]:
    """System at t = 0 in the basis of its beables, ensemble, and schedule: [[schedule]] and what drives come to.

    before : the system of H_0, in a user's beables. phases : as build.prepared has them. InputErrors.
    """
    other_basis = config.preparation.basis is not None
    later = build.schedule(config.schedule, before, files, other_basis).on_records(config.interval)
    driven = build.drives(config.system, before, files)
    # a change of basis is one of the H_j too: they go along as if they came at the end of time
    along = Schedule((*later, *(Switch(inf, drive.term) for drive in driven)))
    system, start, along = build.prepared_with(before, along, config.preparation, phases, files)
    later, terms = Schedule(along.entries[: len(later)]), Schedule(along.entries[len(later) :]).switches
    if not driven:
        return system, start, later
    turned = [replace(drive, term=term.system) for drive, term in zip(driven, terms, strict=True)]
    first, made = drives.constant(system, turned, later, bounds(config), config.dynamics.duration, start.state)
    return first, start, made


def bounds(config: Config) -> Bounds:
    """How good the constant Hamiltonians must be."""
    interval, dynamics = config.interval, config.dynamics

    def share(number: int) -> float:
        return clock.record(number, interval).share

    return Bounds(interval, share, dynamics.tolerance, MOVED * dynamics.leaving_chance)
