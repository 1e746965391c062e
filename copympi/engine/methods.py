"""Which engine carries a run."""

from __future__ import annotations

from typing import Any

from copympi.engine.accuracy import Accuracy
from copympi.engine.counts import Counts
from copympi.engine.lattice import LatticeCounts
from copympi.engine.members import Members
from copympi.engine.momenta import Model, Momenta
from copympi.engine.phase_classes import PhaseClasses
from copympi.engine.phases import Phases
from copympi.model.preparation import LARGEST, Start
from copympi.model.system import System

FEW_BEABLES = 64
"""Up to here, and up to N = 2^63 - 1, counts of a system that is no lattice take the leap of few beables."""


def ensemble(system: System, start: Start, config: Any, comm: Any, leap: Accuracy) -> Members | Counts:
    """The ensemble that a checked config asks for, at t = 0. Collective."""
    d = config.dynamics
    if d.representation == "occupation":
        if not start.aligned:
            return PhaseClasses(comm, system, start, leap, d.replicas, d.seed, config.preparation.phase_kinds)
        many = system.P > FEW_BEABLES or start.members > LARGEST or system.lattice is not None
        return (LatticeCounts if many else Counts)(comm, system, start, leap, d.replicas, d.seed)
    if config.alignment is not None:
        return Momenta(comm, system, start, leap, d.replicas, d.seed, Model(**config.alignment.model_dump()))
    return (Members if start.aligned else Phases)(comm, system, start, leap, d.replicas, d.seed)
