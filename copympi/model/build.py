"""What the sections [system] and [preparation] stand for; one place for the command line and for Python."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from copympi.errors import InputError
from copympi.model import basis, builders, hamiltonian, packets
from copympi.model.lattice import checked
from copympi.model.preparation import Start, amplitudes, count, infinite, limit, share_out, turns
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

    Parameters
    ----------
    sites : int, or a list of one or two [1]. Their number along each axis.
    spacing : float, or one for each axis [length], default 1.0. abar.
    mass : float [energy time^2/length^2], default 1.0.
    hbar : float [energy time], default 1.0. Planck's constant over 2 pi.
    boundary : str, default "ring". Or "open".
    potential : str, dict, array or function [energy], default "free". A name; a table, {"kind": "harmonic", "omega":
        0.1, "centre": 0}; V at the sites, (P,); or a function of the coordinates (one array (P,) for each axis).

    Raises InputError for what makes no lattice.
    """
    made = checked(sites, spacing, mass, hbar, boundary, potential)
    return System(made.hamiltonian(), made.hbar, lattice=made)


def system(section: Any, folder: Path = Path()) -> System:
    """The System of a checked section [system]; files are relative to `folder`."""
    if section.builder is None:
        return System(hamiltonian.read(section.hamiltonian, folder), section.hbar, section.labels)
    made = builders.build(section.builder, section.keys_of_builder, section.hbar, folder)
    if section.labels is not None:
        made.name_beables(section.labels)
    return made


def prepared(before: System, given: Any, phases: Any, folder: Path = Path()) -> tuple[System, Start]:
    """System and ensemble that a checked section [preparation] makes of a System: another one in another basis.

    given : the section; its state is one of the beables of `before`, and so is its admixture.
    phases : (N,) rad, those of all members in the order of beables after any change of basis, or None.
    """
    N, norm = 0 if infinite(given.members) else count(given.members), 1.0
    if given.packet is not None:
        for key in ("state", "density", "phase"):
            if getattr(given, key) is not None:
                raise InputError(f"preparation.{key}", getattr(given, key), "must be left out where packet is given")
        psi, turn = packets.amplitudes(given.packet, before)
    else:
        psi, turn, norm = amplitudes(before.P, given.state, given.density, given.phase, given.normalise)
    after = before
    if given.admixture is not None:
        psi = basis.admixed(given.admixture, psi, before)
        turn = turns(psi)
    if given.basis is not None:
        after, psi = basis.changed(given.basis, psi, before, folder)
        turn = turns(psi)
    rest = (given.phase_spread, phases, given.spectators)
    start = share_out(psi, turn, N, *rest) if N else limit(psi, turn, *rest)
    return after, replace(start, norm=norm)
