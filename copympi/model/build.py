"""What the sections [system] and [preparation] stand for; one place for the command line and for Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from copympi.model import hamiltonian
from copympi.model.lattice import checked
from copympi.model.system import System


def lattice(
    sites: Any,
    spacing: Any = 1.0,
    mass: float = 1.0,
    hbar: float = 1.0,
    boundary: str = "ring",
    potential: Any = "free",
) -> System:
    """A particle on a ring or a chain of `sites`, or on a plane: System with its Lattice as `system.lattice`.

    sites : their number, or a list of one or two numbers; spacing : abar, a number or one for each axis.
    potential : a name ("free"); a table, {"kind": "harmonic", "omega": 0.1, "centre": 0}; an array of V at the sites;
        or a function of the coordinates (one array (P,) for each axis), in units of energy.
    """
    made = checked(sites, spacing, mass, hbar, boundary, potential)
    return System(made.hamiltonian(), made.hbar, lattice=made)


def system(section: Any, folder: Path = Path()) -> System:
    """The System of a checked section [system]; files are relative to `folder`."""
    if section.builder is None:
        return System(hamiltonian.read(section.hamiltonian, folder), section.hbar, section.labels)
    made = checked(
        section.sites, section.spacing, section.mass, section.hbar, section.boundary, section.potential, folder
    )
    return System(made.hamiltonian(), made.hbar, section.labels, made)
