"""What the sections [system] and [preparation] stand for; one place for the command line and for Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from copympi.errors import InputError
from copympi.model import basis, builders, evolving, filtering, hamiltonian, packets, potential
from copympi.model import composite as composites
from copympi.model import drives as driven
from copympi.model.labels import Labels
from copympi.model.lattice import checked
from copympi.model.parts import of_dims as parts_of_dims
from copympi.model.preparation import Start, amplitudes, count, infinite, limit, share_out, turns
from copympi.model.schedule import NOTHING, Entry, Filter, Schedule, Switch, time_of
from copympi.model.schedule import checked as fitted
from copympi.model.standing import placed
from copympi.model.system import System


def lattice(
    sites: Any,
    spacing: Any = 1.0,
    mass: float = 1.0,
    hbar: float = 1.0,
    boundary: str = "ring",
    potential: Any = "free",
) -> System:
    """A particle on a ring or a chain of `sites`, a plane or a box: System with its Lattice as `system.lattice`.

    Parameters
    ----------
    sites : int, or a list of one to three [1]. Their number along each axis.
    spacing : float, or one for each axis [length], default 1.0. abar.
    mass : float [energy time^2/length^2], default 1.0.
    hbar : float [energy time], default 1.0. Planck's constant over 2 pi.
    boundary : str, default "ring". Or "open".
    potential : str, dict, array or function [energy], default "free". A name; a table, {"kind": "harmonic", "omega":
        0.1, "centre": 0}; V at the sites, (P,); or a function of the coordinates (one array (P,) for each axis).

    Raises InputError for what makes no lattice.
    """
    made = checked(sites, spacing, mass, hbar, boundary, potential)
    return System(None, made.hbar, lattice=made)


def composite(parts: Any, terms: Any, hbar: float = 1.0) -> System:
    """A composite of parts, H the sum of terms that act on some of them: System with its Parts as `system.parts`.

    Parameters
    ----------
    parts : list of dict, or dict of name -> dimension. {"name": "A", "dimension": 2, "labels": ["up", "down"]};
        labels may be left out. The first part varies slowest, as in numpy.kron.
    terms : list of dict. {"on": "A" or ["A", "B"], "operator": ..., "strength": 1.0 [energy]}. An operator is a
        product of names with a factor for each part ("sx", "sz*sz"; docs/composites.md lists them), with " + h.c." if
        wished; or a matrix of these parts in their order: an array, scipy.sparse, a Qobj or a file.
    hbar : float [energy time], default 1.0. Planck's constant over 2 pi.

    Raises InputError, which names the part or the term.
    """
    return composites.assembled(parts, terms, hbar)


def system(section: Any, folder: Path = Path()) -> System:
    """The System of a checked section [system]; files are relative to `folder`."""
    if section.builder is None:
        return System(hamiltonian.read(section.hamiltonian, folder), section.hbar, section.labels)
    made = builders.build(section.builder, section.keys_of_builder, section.hbar, folder)
    if section.labels is not None:
        made.name_beables(section.labels)
    return made


def drives(section: Any, before: System, folder: Path = Path()) -> tuple[driven.Drive, ...]:
    """The drives of a checked section [system]: its tables [[system.drive]], or from Python drives already."""
    given = section.drive
    if given is None:
        return ()
    return given if isinstance(given, tuple) else driven.read(given, before, folder)


def schedule(sections: Sequence[Any], before: System, folder: Path = Path(), other_basis: bool = False) -> Schedule:
    """The Schedule of checked sections [[schedule]] of a run that begins with `before`; files are relative to `folder`.

    Its Systems are in the beables of `before`; one that several entries give alike is made once. other_basis : members
    have other beables than these, without names: filters give their numbers. InputErrors name the entry and the key.
    """
    labels, parts = (Labels((before.P,)), None) if other_basis else (before.labels, before.parts)
    made: dict[Any, System] = {}
    entries: list[Entry] = []
    for k, section in enumerate(sections):
        with renamed("system.", f"schedule[{k}]."):
            if section.filter is not None:
                stays = filtering.beables(section.filter, f"schedule[{k}].filter", labels, parts)
                entries.append(Filter(time_of(section.at, k), stays, k))
                continue
            key = _alike(section)
            if key not in made:
                made[key] = switched(section, before, folder)
            entries.append(Switch(time_of(section.at, k), made[key], k))
    return fitted(before, entries)


def _alike(section: Any) -> Any:
    """Something that two entries have in common where they give the same H in the same way."""
    said = isinstance(section.terms, list) and all(
        isinstance(term, dict) and isinstance(term.get("operator"), (str, list)) for term in section.terms
    )  # how arrays show themselves does not tell them apart
    terms = repr(section.terms) if said or section.terms is None else id(section.terms)
    H, rest = section.hamiltonian, (repr(section.potential), terms)
    if isinstance(H, np.ndarray):
        return H.shape, H.dtype.str, H.tobytes(), rest
    return repr(H) if H is None or isinstance(H, (str, list)) else id(H), rest


def switched(section: Any, before: System, folder: Path) -> System:
    """The System that an entry of the schedule switches to, of its keys and of the system that the run begins with.

    Whatever a key says of H stands here; keys in InputErrors begin with "system.", as if they were of [system].
    """
    if section.terms is not None:
        if before.parts is None:
            why = 'must go with [system] builder = "composite"; give hamiltonian in its place'
            raise InputError("system.terms", section.terms, why)
        H = composites.hamiltonian(section.terms, before.parts, folder)
        return System(H, before.hbar, parts=before.parts)
    if section.potential is not None:
        if before.lattice is None:
            why = 'must go with [system] builder = "lattice"; give hamiltonian in its place'
            raise InputError("system.potential", section.potential, why)
        one = before.lattice
        V = potential.sample(section.potential, one.positions, one.shape, one.mass, folder)
        other = replace(one, potential=V)
        return System(None, before.hbar, lattice=other)
    given = section.hamiltonian
    if evolving.evolves(given):
        why = "must be a constant Hamiltonian: drives belong to system, not to schedule, and go on through it"
        raise InputError("system.hamiltonian", given, why)
    if isinstance(given, System):
        return given
    if isinstance(given, (str, list)):
        given = hamiltonian.read(given, folder, "system.hamiltonian")
    return System(given, before.hbar)


@contextmanager
def renamed(old: str, new: str) -> Iterator[None]:
    """InputErrors about keys that begin with `old` are about the same ones with `new` in its place."""
    try:
        yield
    except InputError as problem:
        if problem.key.startswith(old):
            problem.key = new + problem.key.removeprefix(old)
        raise


def prepared(before: System, given: Any, phases: Any, folder: Path = Path()) -> tuple[System, Start]:
    """System and ensemble that a checked section [preparation] makes of a System: another one in another basis."""
    after, start, _ = prepared_with(before, NOTHING, given, phases, folder)
    return after, start


def prepared_with(
    before: System, later: Schedule, given: Any, phases: Any, folder: Path = Path()
) -> tuple[System, Start, Schedule]:
    """The same, and what becomes of a schedule whose systems are given in the beables of `before`.

    given : the section; its state is one of the beables of `before`, and so is its admixture.
    phases : (N,) rad, those of all members in the order of beables after any change of basis, or None.
    """
    N, norm = 0 if infinite(given.members) else count(given.members), 1.0
    for whole, others in (("packet", ("state", "density", "phase", "parts")), ("parts", ("state", "density", "phase"))):
        for key in others if getattr(given, whole) is not None else ():
            if getattr(given, key) is not None:
                raise InputError(f"preparation.{key}", getattr(given, key), f"must be left out where {whole} is given")
    if given.packet is not None:
        psi, turn = packets.amplitudes(given.packet, before)
    elif given.parts is not None:
        psi, norm = composites.product_state(given.parts, before.parts, given.normalise)
        turn = turns(psi)
    else:
        _same_parts(given.state, before)
        psi, turn, norm = amplitudes(before.P, given.state, given.density, given.phase, given.normalise)
    after = before
    if given.admixture is not None:
        psi = basis.admixed(given.admixture, psi, before)
        turn = turns(psi)
    if given.basis is not None:
        after, psi, later = basis.changed(given.basis, psi, before, folder, later)
        turn = turns(psi)
    rest = (given.phase_spread, phases, given.spectators)
    start = share_out(psi, turn, N, *rest) if N else limit(psi, turn, *rest)
    if given.guided is not None and N:
        start = placed(start, given.guided)
    return after, replace(start, norm=norm), later


def _same_parts(state: Any, system: System) -> None:
    """InputError for a ket of QuTiP's that is a tensor product of other parts than the system's."""
    made = parts_of_dims(getattr(state, "dims", None))
    if made is not None and system.parts is not None and made.dims != system.parts.dims:
        why = f"must have the dimensions of the system's parts, {list(system.parts.dims)}"
        raise InputError("preparation.state", f"ket of dims {list(made.dims)}", why)
