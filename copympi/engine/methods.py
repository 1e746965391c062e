"""THE TABLE: every method's name, what it supports, the memory it needs, how it is made; and which one carries a run.

A new method is a file in engine/ and a row of TABLE; tests/unit/test_methods.py runs over all rows by itself.
"""

from __future__ import annotations

import copyreg
from typing import Any

from copympi.engine import shared_lattice
from copympi.engine.case import FEW_COUPLINGS
from copympi.engine.counts import Counts
from copympi.engine.exact import ExactCounts, ExactMembers
from copympi.engine.exact_phases import ExactPhaseClasses, ExactPhases
from copympi.engine.functions import FUNCTIONS
from copympi.engine.general import ANY_RULE
from copympi.engine.general_phases import OWN_BY_ANY_RULE
from copympi.engine.guided import GUIDED
from copympi.engine.lattice import LatticeCounts
from copympi.engine.lattice_members import LatticeMembers
from copympi.engine.lattice_memory import check_memory
from copympi.engine.mean_field import InfiniteEnsemble
from copympi.engine.members import Members
from copympi.engine.momenta import Momenta
from copympi.engine.phase_classes import PhaseClasses
from copympi.engine.phases import Phases
from copympi.engine.support import ALIGNED, AUTO, EXACT, LEAP, MOST_NAMED, OWN, Case, Method, sieve
from copympi.errors import InputError
from copympi.kernels.phase_paths import NUMBERS
from copympi.model.preparation import MOST
from copympi.model.rules import GENERAL, Rule

FEW_BEABLES = 64
"""Up to here, and up to N = 2^63 - 1, counts of a system that is no lattice take the leap of few beables."""
MOST_ONE_BY_ONE = 2 * 10**9
"""And those whose buckets, of members with phases, are counted in four bytes too."""


def _exact_work(beables: int, pairs: int, _: int) -> int:
    """Bytes of what one rank works with, for aligned members: Taylor's series of all pairs and phases."""
    return 8 * (19 * beables + (4 + 3 * 11) * pairs)


def _lattice(comm: Any, c: Case) -> LatticeCounts:
    if shared_lattice.tiled(c.system, c.track):
        return shared_lattice.made(comm, c.system, c.start, c.accuracy, c.replicas, c.seed, c.later)
    return LatticeCounts(comm, c.system, c.start, c.accuracy, c.replicas, c.seed)


def _lattice_members(comm: Any, c: Case) -> LatticeMembers:
    check_memory(comm, c)
    return LatticeMembers(comm, c.system, c.start, c.accuracy, c.replicas, c.seed)


def _momenta(comm: Any, c: Case) -> Momenta:
    if c.alignment is None:
        raise InputError("alignment", "(left out)", 'must be given for the method "momenta"')
    return Momenta(comm, c.system, c.start, c.accuracy, c.replicas, c.seed, c.alignment)


def _infinite(comm: Any, c: Case) -> InfiniteEnsemble:
    if not isinstance(c.rule, Rule):
        raise InputError("dynamics.rule", c.rule, 'must be one of powers and harmonics for the method "mean field"')
    return InfiniteEnsemble(comm, c.system, c.start, c.accuracy, c.replicas, c.seed, c.rule)


TABLE = (
    Method(
        name="members",
        why=f'dynamics.representation = "members", at most {FEW_BEABLES} beables or an H that couples one to more than '
        f"{FEW_COUPLINGS} others on average, no lattice, and the members of a beable share one phase",
        representation="members",
        make=lambda comm, c: Members(comm, c.system, c.start, c.accuracy, c.replicas, c.seed),
        phases=(ALIGNED,),
        most_sparse=FEW_BEABLES,
        lattices=False,
        tracking=True,
        bytes_a_member=4,
        bytes_a_beable=lambda _: 64,
        bytes_of_work=lambda beables, pairs, _: 184 * beables + 80 * pairs,  # flows, chances, tables of targets
    ),
    Method(
        name="lattice members",
        why=f'dynamics.representation = "members", a lattice or more than {FEW_BEABLES} beables of a sparse H (one is '
        f"coupled to at most {FEW_COUPLINGS} others on average), and the members of a beable share one phase",
        representation="members",
        make=_lattice_members,
        phases=(ALIGNED,),
        tracking=True,
        bytes_a_member=5,  # and how many there are of each beable in each block
        bytes_a_beable=lambda _: 600,
    ),
    Method(
        name="phases",
        why='dynamics.representation = "members", and members have phases of their own',
        representation="members",
        make=lambda comm, c: Phases(comm, c.system, c.start, c.accuracy, c.replicas, c.seed),
        phases=(OWN,),
        given_phases=True,
        tracking=True,
        bytes_a_member=4 + 40,  # a phase of its own, at the peak
        bytes_a_beable=lambda _: 64,
    ),
    Method(
        name="momenta",
        why="[alignment] is given: members have phases and momenta of their own",
        representation="members",
        make=_momenta,
        phases=(ALIGNED, OWN),
        given_phases=True,
        alignment=True,
        tracking=True,
        bytes_a_member=4 + 40 + 48,  # and a momentum
        bytes_a_beable=lambda _: 64,
    ),
    Method(
        name="counts",
        why=f'dynamics.representation = "occupation", at most {FEW_BEABLES} beables that are no lattice, N below 2^63, '
        "and the members of a beable share one phase; few members go event by event, many leap",
        representation="occupation",
        make=lambda comm, c: Counts(comm, c.system, c.start, c.accuracy, c.replicas, c.seed, few=True),
        methods=(AUTO,),
        phases=(ALIGNED,),
        most_beables=FEW_BEABLES,
        lattices=False,
        tracking=True,
        bytes_a_member=0,
        bytes_a_beable=lambda _: 400,
    ),
    Method(
        name="leaping counts",
        why='dynamics.method = "leap", dynamics.representation = "occupation", '
        f"at most {FEW_BEABLES} beables that are no lattice, N below 2^63, and the members of a beable share one phase",
        representation="occupation",
        make=lambda comm, c: Counts(comm, c.system, c.start, c.accuracy, c.replicas, c.seed, few=False),
        methods=(LEAP,),
        phases=(ALIGNED,),
        most_beables=FEW_BEABLES,
        lattices=False,
        tracking=True,
        bytes_a_member=0,
        bytes_a_beable=lambda _: 400,
    ),
    Method(
        name="lattice counts",
        why=f'dynamics.representation = "occupation", a lattice, more than {FEW_BEABLES} beables or N beyond 2^63, and '
        "the members of a beable share one phase",
        representation="occupation",
        make=_lattice,
        phases=(ALIGNED,),
        tracking=True,
        most_members=MOST,
        bytes_a_member=0,
        bytes_a_beable=lambda _: 24,
        bytes_of_lattice=shared_lattice.bytes_of_lattice,
    ),
    Method(
        name="phase classes",
        why='dynamics.representation = "occupation", and the members of a beable do not share one phase',
        representation="occupation",
        make=lambda comm, c: PhaseClasses(
            comm, c.system, c.start, c.accuracy, c.replicas, c.seed, c.phase_classes
        ),
        phases=(OWN,),
        tracking=True,
        most_members=MOST,
        bytes_a_member=0,
        bytes_a_beable=lambda classes: 400 + 24 * classes,
    ),
    Method(
        name="exact members",
        why='dynamics.method = "exact", dynamics.representation = "members", and the members of a beable share one '
        "phase",
        methods=(EXACT,),
        representation="members",
        make=lambda comm, c: ExactMembers(comm, c.system, c.start, c.accuracy, c.replicas, c.seed),
        phases=(ALIGNED,),
        fixed_steps=False,
        most_members=MOST_NAMED,
        tracking=True,
        bytes_a_member=4,
        bytes_a_beable=lambda _: 64,
        bytes_of_work=_exact_work,
    ),
    Method(
        name="exact counts",
        why='dynamics.method = "exact", dynamics.representation = "occupation", and the members of a beable share one '
        "phase",
        methods=(EXACT,),
        representation="occupation",
        make=lambda comm, c: ExactCounts(comm, c.system, c.start, c.accuracy, c.replicas, c.seed),
        phases=(ALIGNED,),
        fixed_steps=False,
        tracking=True,
        bytes_a_member=0,
        bytes_a_beable=lambda _: 64,
        bytes_of_work=_exact_work,
    ),
    Method(
        name="exact phases",
        why='dynamics.method = "exact", dynamics.representation = "members", and members have phases of their own',
        methods=(EXACT,),
        representation="members",
        make=lambda comm, c: ExactPhases(comm, c.system, c.start, c.accuracy, c.replicas, c.seed),
        phases=(OWN,),
        given_phases=True,
        fixed_steps=False,
        most_members=MOST_ONE_BY_ONE,
        tracking=True,
        bytes_a_member=4 + 40,
        bytes_a_beable=lambda _: 8 * NUMBERS + 64,
    ),
    Method(
        name="exact phase classes",
        why='dynamics.method = "exact", dynamics.representation = "occupation", and the members of a beable do not '
        "share one phase",
        methods=(EXACT,),
        representation="occupation",
        make=lambda comm, c: ExactPhaseClasses(
            comm, c.system, c.start, c.accuracy, c.replicas, c.seed, c.phase_classes
        ),
        phases=(OWN,),
        tracking=True,
        fixed_steps=False,
        bytes_a_member=0,
        bytes_a_beable=lambda classes: 8 * NUMBERS + 64 + 24 * classes,
    ),
    Method(
        name="mean field",
        why="preparation.members = inf: the mean field itself, without noise, for any copy rule",
        representation="occupation",
        make=_infinite,
        phases=(ALIGNED,),
        rules=GENERAL,
        infinite=True,
        fixed_steps=False,
        spectators=False,
        replicas=False,
        bytes_a_member=0,
        bytes_a_beable=lambda _: 700,  # amplitudes at the stages of a step
        bytes_of_work=lambda beables, pairs, harmonics: int(8 * (16 + 18.5 * harmonics) * pairs),  # while it is made
    ),
    *ANY_RULE,
    *OWN_BY_ANY_RULE,
    *FUNCTIONS,
    *GUIDED,
)  # fmt: skip
"""Where several rows support a run, the first is taken."""


def named(name: str) -> Method:
    """The row of that name."""
    return next(method for method in TABLE if method.name == name)


copyreg.pickle(Method, lambda method: (named, (method.name,)))  # from the root to all ranks: a row holds functions


def choose(case: Case) -> Method:
    """The row of TABLE that carries a run; InputError where none does."""
    return sieve(list(TABLE), case)[0]
