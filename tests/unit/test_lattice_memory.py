"""What members on lattices take of memory is known before they are made."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import copympi
from copympi.engine.accuracy import Accuracy
from copympi.engine.case import Case
from copympi.engine.clock import record
from copympi.engine.lattice_members import LatticeMembers
from copympi.engine.lattice_memory import Needs, check_memory
from copympi.errors import InputError
from copympi.memory import there
from copympi.model.lattice import PIECE
from copympi.model.preparation import Start, share_out
from copympi.model.system import System
from copympi.mpi import Alone

MANY = PIECE + 10_000
"""Sites of which no rows of H are kept."""


def made(sites: Any, members: int) -> tuple[Any, Start]:
    """A lattice and a plane wave on it."""
    system = copympi.lattice(sites)
    P = system.P
    turn = 2 * np.pi * np.arange(P) / P
    return system, share_out(np.full(P, P**-0.5) * np.exp(-1j * turn), turn, members)


@pytest.mark.parametrize(
    ("sites", "each", "replicas", "track"),
    [(6000, 10, 1, 0), ([80, 75], 10, 3, 20), (6000, 1000, 1, 0), (MANY, 10, 1, 0)],
)
def test_what_is_allowed_for_holds_what_is_asked_of_numpy(sites: Any, each: int, replicas: int, track: int) -> None:
    """From an empty process on, through a step: not less, and not much more. What clusters may touch is asked for
    always, and allowed for where beables have few members."""
    tracemalloc.start()
    system, start = made(sites, each * (6000 if sites != MANY else MANY))
    ensemble = LatticeMembers(Alone(), system, start, Accuracy(start.members), replicas, 1)
    if track:
        ensemble.track(np.arange(track))
    ensemble.begin(record(1, 1e6))
    ensemble.advance()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert system.unkept == (sites == MANY)
    needs = Needs(system.P, system.pairs, not system.unkept, start.members, track > 0, 1)
    room = needs.of_rank(replicas) + replicas * needs.of_members
    untouched = 0 if each <= 600 else 420 * system.P + 240 * system.pairs
    assert 0.75 * room < peak - untouched < 1.02 * room


def test_it_is_the_same_without_rows_of_h() -> None:
    """From 65,537 sites on none are kept; stiff clusters go by diagonals then, members by ways."""
    ends = []
    for kept in (False, True):
        system = copympi.lattice([270, 250])
        if kept:
            system = System(system.hamiltonian, lattice=system.lattice)
        assert system.unkept != kept
        numbers = np.random.default_rng(1).normal(size=(2, system.P))
        psi = numbers[0] + 1j * numbers[1]
        psi /= np.linalg.norm(psi)
        start = share_out(psi, -np.angle(psi), 20 * system.P)
        ensemble = LatticeMembers(Alone(), system, start, Accuracy(start.members), 1, 1)
        ensemble.begin(record(1, 0.01))
        while ensemble.advance():
            pass
        assert ensemble.substeps > 10_000
        ends.append([values.tobytes() for values in (ensemble.ids, ensemble.n, ensemble.c)])
    assert ends[0] == ends[1]


def test_what_does_not_fit_is_refused_before_it_is_made() -> None:
    system, start = made(64, 6400)
    case = Case(system, start, Accuracy(6400))
    check_memory(Alone(), case)
    most = there() // 5
    with pytest.raises(InputError, match=r"^preparation\.members = .*: must be at most") as refused:
        check_memory(Alone(), replace(case, start=replace(start, members=2 * most)))
    allowed = int(str(refused.value).split("at most ")[1].split(":")[0].replace(",", ""))
    assert 0.9 * most < allowed < 1.3 * most
    check_memory(Alone(), replace(case, start=replace(start, members=allowed)))
    with pytest.raises(InputError, match=r"^dynamics\.replicas = 10: must be at most 2: there are"):
        check_memory(Alone(), replace(case, replicas=10, start=replace(start, members=allowed // 2 - 1000)))
