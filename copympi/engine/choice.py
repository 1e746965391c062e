"""Which engine carries a run."""

from __future__ import annotations

from typing import Any

from copympi.engine.aligning import Aligning, Model
from copympi.engine.kinds import Kinds
from copympi.engine.leap import Leap
from copympi.engine.members import Members
from copympi.engine.occupation import Occupation
from copympi.engine.phases import Phases
from copympi.engine.sites import Sites
from copympi.model.preparation import LARGEST, Start
from copympi.model.system import System

FEW_BEABLES = 64
"""Up to here, and up to N = 2^63 - 1, counts of a system that is no lattice take the leap of few beables."""


def ensemble(system: System, start: Start, config: Any, comm: Any, leap: Leap) -> Members | Occupation:
    """The ensemble that a checked config asks for, at t = 0. Collective."""
    d = config.dynamics
    if d.representation == "occupation":
        if not start.aligned:
            return Kinds(comm, system, start, leap, d.replicas, d.seed, config.preparation.phase_kinds)
        many = system.P > FEW_BEABLES or start.members > LARGEST or system.lattice is not None
        return (Sites if many else Occupation)(comm, system, start, leap, d.replicas, d.seed)
    if config.alignment is not None:
        return Aligning(comm, system, start, leap, d.replicas, d.seed, Model(**config.alignment.model_dump()))
    return (Members if start.aligned else Phases)(comm, system, start, leap, d.replicas, d.seed)
