"""What a method supports of what a run asks of it, and what is said where none does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from copympi.engine.case import AUTO as AUTO
from copympi.engine.case import EXACT as EXACT
from copympi.engine.case import LEAP as LEAP
from copympi.engine.case import Case as Case
from copympi.engine.ensemble import Ensemble
from copympi.engine.tracking import BYTES_TRACKED, refuse_more
from copympi.errors import InputError
from copympi.memory import there
from copympi.model.preparation import LARGEST
from copympi.model.rule_tables import IN_WORDS
from copympi.model.rules import CLASSES, FUNCTION, GENERAL, QUANTUM_RULE

ALIGNED, OWN = "aligned", "own"
"""Whether a beable's members share one phase, or have each their own."""
MOST_NAMED = 4 * 10**9
"""Members of a replica whose names of four bytes are one rank's."""


@dataclass(frozen=True)
class Method:
    """A row of the table.

    why : when it is chosen, for whoever reads `copympi info`. methods : words of dynamics.method that ask for it.
    fixed_steps : whether dynamics.step means something to it. phases : those of ALIGNED, OWN that it can start from.
    given_phases : and those of members one by one. rules : the widest class of copy rules that it knows (CLASSES of
    model/rules), excess : and whether powers of a pair's numbers need not sum to -1. infinite : whether it is for
    members = inf, and for nothing else. alignment : the same for [alignment], guided : and for systems that Psi guides.
    most_beables : how many it can have, most_sparse : of a sparse H; lattices : and whether of a lattice. tracking :
    whether it can follow individual systems. bytes_a_member, bytes_a_beable : least memory that a replica takes; the
    latter as a function of the phase classes. bytes_of_work : and what it takes besides, however many replicas there
    are, of the numbers of beables, of pairs and of the rule's harmonics; bytes_of_lattice : or of the whole case.
    """

    name: str
    why: str
    representation: str
    make: Callable[[Any, Case], Ensemble]
    phases: tuple[str, ...]
    bytes_a_member: int
    bytes_a_beable: Callable[[int], int]
    methods: tuple[str, ...] = (AUTO, LEAP)
    fixed_steps: bool = True
    given_phases: bool = False
    rules: str = QUANTUM_RULE
    excess: bool = False
    infinite: bool = False
    alignment: bool = False
    guided: bool = False
    spectators: bool = True
    replicas: bool = True
    most_members: int = LARGEST
    most_beables: int | None = None
    most_sparse: int | None = None
    lattices: bool = True
    tracking: bool = False
    bytes_of_work: Callable[[int, int, int], int] = lambda beables, pairs, harmonics: 0
    bytes_of_lattice: Callable[[Case], int] = lambda case: 0

    def refuse(self, case: Case) -> None:
        """InputError for the first thing that a run asks for and this method does not support."""
        sieve([self], case)

    def check_memory(self, case: Case, share: float = 1.0) -> None:
        """InputError where the ensemble cannot fit into this machine (node), on which `share` of all ranks stand."""
        memory, N, P = there() / share, case.start.members, case.system.P
        room = memory - self.bytes_of_work(P, case.pairs, len(case.rule.harmonics)) - self.bytes_of_lattice(case)
        each, beable = self.bytes_a_member, self.bytes_a_beable(case.phase_classes)
        one = beable * P + each * N
        if case.replicas * (one + BYTES_TRACKED * case.track) <= room:
            return
        needs = f"at {each} bytes a member" if each else f"at {beable} bytes a beable"
        here = f"the {memory / 2**30:,.1f} GiB of memory that there are"
        refuse_more(case.track, room / case.replicas - one, here)
        if one <= room:
            why = f"must be at most {int(room / one):,}: {needs} {here} hold no more"
            raise InputError("dynamics.replicas", case.replicas, why)
        if not each:
            why = f"{P:,} beables do not fit: {here} hold no more"
            raise InputError("dynamics.representation", case.representation, why)
        why = f"must be at most {int((room - beable * P) / each):,}: {needs} {here} hold no more"
        raise InputError("preparation.members", N, f'{why}; or take dynamics.representation = "occupation"')


@dataclass(frozen=True)
class Demand:
    """One thing that methods may support or not: where a user asks for it, and what is said where none does."""

    key: str
    value: Callable[[Case], Any]
    met: Callable[[Method, Case], bool]
    allowed: Callable[[list[Method], Case], str]


def _for_representation(rows: list[Method], case: Case) -> str:
    may = " or ".join(f'"{name}"' for name in dict.fromkeys(row.representation for row in rows))
    if case.alignment is not None:
        return f"must be {may} with [alignment]: momenta are each member's own"
    return f"must be {may}{_of(rows)}"


def _for_members(rows: list[Method], case: Case) -> str:
    if all(row.infinite for row in rows):
        return f"must be inf{_of(rows)}"
    most = max(row.most_members for row in rows)
    largest = f"2^63 - 1 = {LARGEST}" if most == LARGEST else f"{most:.0e}"
    if case.start.infinite:
        largest += (
            '; inf is for dynamics.representation = "occupation", the members of a beable sharing one phase, without '
            "[alignment]"
        )
    leaps = rows[0].representation == "members" and LEAP in rows[0].methods
    other = '; dynamics.representation = "occupation" goes to 1e80' if leaps else _of(rows)
    return f"must be at most {largest}{other}"


def _for_phases(rows: list[Method], _: Case) -> str:
    if any(row.representation == "members" for row in rows):
        return f"must be left out{_of(rows)}"
    return 'must be left out: members are known one by one only with dynamics.representation = "members"'


def _for_spread(rows: list[Method], case: Case) -> str:
    return f"must be {'positive' if case.start.aligned else '0'}{_of(rows)}"


def _without_steps(rows: list[Method]) -> str:
    if all(row.infinite or row.guided for row in rows):
        return f"{'Psi and dynamics.leaving_chance set' if rows[0].guided else 'the tolerance sets'} its steps"
    return "it has no steps, copies come one by one"


def _for_rule(rows: list[Method], case: Case) -> str:
    widest = max((row.rules for row in rows), key=CLASSES.index)
    words = IN_WORDS[widest] if widest != GENERAL or not any(row.excess for row in rows) else IN_WORDS["any powers"]
    said, start = f"must be {words}{_of(rows)}", case.start
    if case.guided or start.infinite:
        takes = ": systems that Psi guides copy nobody", "; a finite number of preparation.members takes any rule"
        return said + takes[not case.guided]
    lifts = []
    if start.members > LARGEST:
        lifts.append("preparation.members below 2^63" + (", or inf," if case.rule.excess == (0.0, 0.0) else ""))
    if case.alignment is not None:
        lifts.append("no [alignment]")
    elif not start.aligned and case.representation != "members" and case.rule.kind != FUNCTION:
        lifts.append('dynamics.representation = "members" (or no phase_spread)')
    if case.rule.kind == FUNCTION and not (start.aligned and case.phases is None):
        lifts.append("members of a beable that share one phase (no phases, no phase_spread)")
    return f"{said}; with {' and '.join(lifts)} any rule will do" if lifts else said


def _one_phase(key: str, allowed: str, value: Callable[[Case], Any], met: Callable[[Case], bool]) -> Demand:
    why = f"must be {allowed}: systems that Psi guides have no phases of their own"
    return Demand(f"preparation.{key}", value, lambda _, case: not case.guided or met(case), lambda *_: why)


def _most(row: Method, case: Case) -> tuple[int | None, int | None]:
    """Bounds on the number of beables."""
    return row.most_beables, row.most_sparse if case.sparse else None


def _fewest(row: Method, case: Case) -> int:
    """The lower of them, where there is one."""
    return min((most for most in _most(row, case) if most is not None), default=0)


def _of(rows: list[Method]) -> str:
    return " for the method " + " or ".join(f'"{row.name}"' for row in rows)


DEMANDS = (
    Demand(
        "dynamics.guide",
        lambda case: "schroedinger" if case.guided else "ensemble",
        lambda row, case: row.guided == case.guided,
        lambda rows, case: f'must be "{"ensemble" if case.guided else "schroedinger"}"{_of(rows)}',
    ),
    _one_phase("phases", "left out", lambda case: case.phases, lambda case: case.phases is None),
    _one_phase("phase_spread", "0", lambda case: case.start.spread, lambda case: case.start.aligned),
    Demand(
        "dynamics.method",
        lambda case: case.method,
        lambda row, case: case.method in row.methods,
        lambda rows, _: "must be " + " or ".join(dict.fromkeys(f'"{name}"' for row in rows for name in row.methods)),
    ),
    Demand(
        "alignment",
        lambda case: "(left out)" if case.alignment is None else "(given)",
        lambda row, case: row.alignment == (case.alignment is not None),
        lambda rows, case: f"must be {'given' if case.alignment is None else 'left out'}{_of(rows)}",
    ),
    Demand(
        "dynamics.representation",
        lambda case: case.representation,
        lambda row, case: row.representation == case.representation,
        _for_representation,
    ),
    Demand(
        "preparation.phases",
        lambda case: case.phases,
        lambda row, case: row.given_phases or case.phases is None,
        _for_phases,
    ),
    Demand(
        "preparation.phase_spread",
        lambda case: case.start.spread,
        lambda row, case: (ALIGNED if case.start.aligned else OWN) in row.phases,
        _for_spread,
    ),
    Demand(
        "preparation.members",
        lambda case: case.start.number if case.members is None else case.members,
        lambda row, case: case.start.members <= row.most_members and row.infinite == case.start.infinite,
        _for_members,
    ),
    Demand(
        "dynamics.rule",
        lambda case: case.rule,
        lambda row, case: case.rule.within(row.rules) and (row.excess or case.rule.excess == (0.0, 0.0)),
        _for_rule,
    ),
    Demand(
        "preparation.spectators",
        lambda case: case.start.spectators,
        lambda row, case: row.spectators or case.start.spectators == 0,
        lambda rows, _: f"must be 0{_of(rows)}",
    ),
    Demand(
        "dynamics.replicas",
        lambda case: case.replicas,
        lambda row, case: row.replicas or case.replicas == 1,
        lambda rows, _: f"must be 1{_of(rows)}",
    ),
    Demand(
        "dynamics.step",
        lambda case: case.accuracy.step,
        lambda row, case: row.fixed_steps or case.accuracy.step is None,
        lambda rows, _: f"must be left out{_of(rows)}: {_without_steps(rows)}",
    ),
    Demand(
        "system.hamiltonian",
        lambda case: f"{case.system.P} beables",
        lambda row, case: all(most is None or most >= case.system.P for most in _most(row, case)),
        lambda rows, case: f"must have at most {max(_fewest(row, case) for row in rows)} beables{_of(rows)}",
    ),
    Demand(
        "system.builder",
        lambda case: "lattice",
        lambda row, case: row.lattices or case.system.lattice is None,
        lambda rows, _: f"must be left out{_of(rows)}",
    ),
    Demand(
        "output.track",
        lambda case: case.track,
        lambda row, case: row.tracking or case.track == 0,
        lambda rows, _: f"must be left out{_of(rows)}: it follows no individual systems",
    ),
)
"""In the order in which they are looked at: the first that no method meets is what the user is told."""


def sieve(rows: list[Method], case: Case) -> list[Method]:
    """Those of the rows that support all that a run asks for; InputError where there is none."""
    for demand in DEMANDS:
        kept = [row for row in rows if demand.met(row, case)]
        if not kept:
            raise InputError(demand.key, demand.value(case), demand.allowed(rows, case))
        rows = kept
    return rows
