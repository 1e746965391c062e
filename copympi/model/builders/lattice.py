"""builder = "lattice": a particle on a ring, a chain, a plane or in a box (section 3.3 of the paper)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from copympi.model.lattice import checked
from copympi.model.system import System

KEYS = ("sites", "spacing", "mass", "boundary", "potential")


def build(values: dict[str, Any], hbar: float, folder: Path) -> System:
    """System with its Lattice as `system.lattice`; InputErrors name the key."""
    made = checked(**values, hbar=hbar, folder=folder)
    return System(None, made.hbar, lattice=made)
