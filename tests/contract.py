"""What every row of the table of methods is tried on: `python -m tests.contract`, under a launcher, prints digests.

Cases are made from what a row says it supports, so a new row is tried without a new case.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi
from copympi import mpi
from copympi.engine import clock
from copympi.engine.accuracy import Accuracy
from copympi.engine.ensemble import Ensemble, Snapshot
from copympi.engine.methods import TABLE
from copympi.engine.momenta import Model
from copympi.engine.support import OWN, Case, Method
from copympi.engine.trackable import ROWS
from copympi.engine.tracking import Jumps, named, spread_out
from copympi.model.preparation import LARGEST, limit, prepare
from copympi.model.rule_functions import RuleFunction
from copympi.model.rules import FUNCTION, GENERAL, QUANTUM, Harmonic, Rule
from copympi.model.schedule import Schedule, Switch
from copympi.model.system import System
from copympi.run.loop import carry_out
from tests.physics import random_system

INTERVAL = 0.1
FOUR = random_system(4, 1)
_kept = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]])
APART = System(0.8 * _kept * FOUR.hamiltonian.toarray())
RING = copympi.lattice(12, potential={"kind": "harmonic", "omega": 0.3})
KEPT = (0, 2)
"""Beables whose members pass a filter; FOUR couples them."""
DENSITY = np.array([0.3, 0.0, 0.5, 0.2])
"""With a beable that nobody holds."""


def _copying(n_a: Any, n_b: Any, D: Any, R: Any, delta: Any) -> Any:
    return 2 * R * np.sqrt((n_a + 1) / n_b) * np.maximum(0, np.sin(D + delta))


def _turning(n_a: Any, n_b: Any, D: Any, R: Any, delta: Any) -> Any:
    return R * np.sqrt(n_b / (n_a + 1)) * np.cos(D + delta)


RULES = {
    GENERAL: Rule(0.6, -0.4, [Harmonic(), Harmonic(2, 0.7, 0.3, 0.4, -0.2)]),
    FUNCTION: RuleFunction(_copying, _turning),
}
"""One of each class that is wider than quantum mechanics, where some method has it."""


def asked(row: Method, members: int, system: System = FOUR, spectators: int = 0, **accuracy: Any) -> Case:
    """A run that a method supports, on some system; with spectators no beable is empty."""
    P = system.P
    density = np.resize(DENSITY + (0.1 if spectators or (row.infinite and P > 4) else 0.0), P)
    spread = 0.5 if OWN in row.phases else 0.0
    start = prepare(
        P, members, density=density / density.sum(), phase=np.arange(P) * 0.7, spread=spread, spectators=spectators
    )  # fmt: skip
    if row.infinite:
        start = limit(start.state, start.phase)
    model = Model(0.5, "mean", 0.1, "sin2", 0.3) if row.alignment else None
    return Case(
        system, start, Accuracy(members, **accuracy), row.representation, seed=20, phase_classes=5, alignment=model,
        method=row.methods[0], rule=RULES.get(row.rules, QUANTUM), guided=row.guided, mixing=0.3 if row.guided else 0.0,
    )  # fmt: skip


def cases(row: Method) -> dict[str, Case]:
    """Runs that a method says it supports, by name: small ones, each with something to get wrong."""
    some = 3 if row.spectators else 0
    out = {
        "few members": asked(row, 600, spectators=some),
        "many members, an empty beable": asked(row, 2_000 if row.rules == FUNCTION else 20_000),
    }
    if row.fixed_steps:
        out["fixed steps"] = asked(row, 600, step=INTERVAL / 128)
    if row.replicas:
        out = {name: replace(case, replicas=1 if "many" in name else 5) for name, case in out.items()}
    if row.lattices:
        out["a lattice"] = asked(row, 5000, RING, spectators=some)
    if row.most_members > LARGEST:
        out["N beyond integers"] = asked(row, 10**30, RING if row.lattices else FOUR, spectators=some)
    return out


def carried(
    ensemble: Ensemble, records: int = 2, interval: float = INTERVAL, kept: tuple[int, ...] | None = None,
    asked: Callable[[], None] = lambda: None,
) -> Iterator[Snapshot | None]:  # fmt: skip
    """The snapshots of an ensemble at t = 0 and at its records; kept: whose members stay after the first.

    asked : called where some rank has more copies of members that are followed than it should keep.
    """
    yield ensemble.snapshot()
    for stop in clock.records(interval, 1, records):
        ensemble.begin(stop)
        ensemble.ask_for_room()
        while ensemble.advance():
            if ensemble.requested[ROWS]:
                asked()
            ensemble.ask_for_room()
        yield ensemble.snapshot()
        if stop.number == 1 and kept is not None:
            ensemble.keep(kept)


def switching(row: Method) -> tuple[Case, Schedule]:
    """A run whose H changes between records, and back at a record: beable 3, and a pair, lose their coupling."""
    case = replace(asked(row, 600, spectators=3 if row.spectators else 0), later=(APART, FOUR))
    return case, Schedule((Switch(0.4 * INTERVAL, APART), Switch(INTERVAL, FOUR)))


def switched(ensemble: Ensemble, schedule: Schedule, records: int = 2) -> Iterator[Snapshot | None]:
    """The snapshots of an ensemble at t = 0 and at its records, where H changes meanwhile."""
    table = clock.Timetable(INTERVAL, [entry.at for entry in schedule])
    yield ensemble.snapshot()
    for number in range(1, table.number(records) + 1):
        stop = table.stop(number)
        ensemble.begin(stop)
        while ensemble.advance():
            pass
        if stop.kind is clock.StopKind.RECORD:
            yield ensemble.snapshot()
        carry_out(ensemble, schedule, stop)


@dataclass(frozen=True)
class Told:
    """What is known at a record: what is recorded, beables of the members that are followed, their jumps since."""

    snapshot: Snapshot
    beables: NDArray[np.int32]
    jumps: Jumps


def with_room(ensemble: Ensemble, most: int | None, stop: clock.Stop) -> tuple[Jumps, int, bool]:
    """The jumps up to a stop, the most that waited at a time, and whether some were taken before: `most` may wait."""
    ensemble.tracks.most = most or ensemble.tracks.most
    ensemble.begin(stop)
    parts, top, going = [], 0, True
    while going:
        going = ensemble.advance()
        top = max(top, ensemble.tracks.held)
        if going and ensemble.requested[ROWS]:
            parts.append(ensemble.take_final())
    return Jumps.joined([*parts, ensemble.take_jumps()]), top, bool(parts)


def followed(ensemble: Ensemble, ids: NDArray[np.int64], most: int | None = None, **how: Any) -> Iterator[Told | None]:
    """The same as `carried`, with members that are followed; on the root. Collective.

    most : so many jumps may wait on a rank, else they are taken between records, those that are final. One after the
    other all parts are in order.
    """
    ensemble.track(ids)
    ensemble.tracks.most = ensemble.tracks.most if most is None else most
    parts: list[Jumps | None] = []

    def take() -> None:
        parts.append(on_root(ensemble.comm, ensemble.take_final()))

    for snapshot in carried(ensemble, asked=take, **how):
        beables, jumps = ensemble.tracked_beables(), on_root(ensemble.comm, ensemble.take_jumps())
        if snapshot is not None and beables is not None and jumps is not None:
            yield Told(snapshot, beables, Jumps.joined([*(part for part in parts if part is not None), jumps]))
        else:
            yield None
        parts.clear()


def on_root(comm: Any, jumps: Jumps) -> Jumps | None:
    """All ranks' jumps, ordered, on the root; None elsewhere."""
    sizes = np.zeros(comm.size, np.int64)
    sizes[comm.rank] = len(jumps)
    mpi.total(comm, sizes)
    columns = {name: mpi.gather_rows(comm, values, sizes.tolist()) for name, values in jumps.columns.items()}
    return None if columns["time"] is None else Jumps(**columns).ordered()


def retold(before: NDArray[np.int32], ids: NDArray[np.int64], jumps: Jumps) -> NDArray[np.int32]:
    """Beables after jumps, from those before, one jump at a time; every one must start where the one before ended."""
    now = before.copy()
    for r, who, source, target in zip(
        jumps.replica, np.searchsorted(ids, jumps.member), jumps.source, jumps.target, strict=True
    ):
        assert now[r, who] == source != target
        now[r, who] = target
    return now


def everybody(case: Case) -> NDArray[np.int64]:
    """Ids of all members of a case, or of 600 that stand for them."""
    members = named(case.start, case.system.P)
    return spread_out(members, min(members, 600))


def digest(snapshots: list[Snapshot]) -> str:
    """Types, shapes and bytes of all that is recorded."""
    found = blake2b(digest_size=8)
    for one in snapshots:
        arrays = {"n": one.n, "phase": one.phase, "events": one.events, "coherence": one.coherence, **one.more}
        for name, array in sorted(arrays.items()):
            if array is not None:
                found.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
        found.update(f"{one.steps} {one.largest_chance!r}".encode())
    return found.hexdigest()


def digests(comm: Any) -> dict[str, str]:
    """Those of all cases of all rows, on the root; empty elsewhere. Collective."""
    out = {}
    for row in TABLE:
        for name, case in cases(row).items():
            told = [one for one in carried(row.make(comm, case)) if one is not None]
            if told:
                out[f"{row.name}: {name}"] = digest(told)
        name, case = list(cases(row).items())[1]  # in blocks, where a method has blocks
        if row.tracking:
            most = None if comm.size == 1 else 10 * comm.size  # on several ranks, jumps are taken between records too
            made = followed(row.make(comm, case), everybody(case), most, kept=KEPT)
            histories = [one for one in made if one is not None]
            told = [one.snapshot for one in histories]
            if told:
                jumps = Jumps.joined([one.jumps for one in histories]).columns
                parts = [*(one.beables for one in histories), *jumps.values()]
                out[f"{row.name}: {name}, histories"] = blake2b(b"".join(x.tobytes() for x in parts)).hexdigest()
        else:
            told = [one for one in carried(row.make(comm, case), kept=KEPT) if one is not None]
        if told:
            out[f"{row.name}: {name}, a filter"] = digest(told)
        case, schedule = switching(row)
        told = [one for one in switched(row.make(comm, case), schedule) if one is not None]
        if told:
            out[f"{row.name}: a switch"] = digest(told)
    return out


if __name__ == "__main__":
    found = digests(mpi.world())
    if found:
        print(json.dumps(found), flush=True)
