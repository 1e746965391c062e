"""How the cases of the study of nodes are run: event by event, by splitting, by leaps, and Bell's process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.exact import paths
from copympi.engine.leaps import leap
from copympi.model.system import System
from copympi.studies.frame import Arrays
from copympi.studies.nodes import bell, rare
from copympi.studies.nodes.cases import ADMIXED, BEHIND, CLOSE, EXACT_TO, RARE, SETTINGS, Case, wandering
from copympi.studies.nodes.ensembles import nearest, shared, wavefunction
from copympi.theory import lifetimes, passes
from copympi.theory.schrodinger import evolve

WIDTHS = 6.0
"""So many sqrt((kappa + 2 s^2)/N)/|K| after its middle a pass is over."""
PERIOD = np.sqrt(2.0) * np.pi
"""Of the densities of the part `remedy`: 2 pi over the difference of its energies."""
OTHER = np.array([[1, 1], [1j, -1j]]) / np.sqrt(2.0)
"""Its columns are the beables without nodes: on Bloch's sphere the path keeps away from the y axis."""
LOOKS = 8
"""Records in the second half of that period."""
CLOCK = np.linspace(0.0, 5.0, 11)
"""sqrt(N) |K| t at which the part `paper` is looked at."""
LATER = 17.3
"""Time between the points of a path where ensembles start, beside what they are watched for."""
LIVES = 3.0
"""Expected lifetimes for which ensembles that wander are watched."""
SLOWER = 1.0
"""Time, over N, for which the others are watched."""
RECORDS = 200
"""Looks at ensembles that leap."""
STARTS = 12
"""Unlike starts of ensembles that are guided."""


def curve_start(case: Case, side: int) -> tuple[NDArray[np.complex128], float]:
    """Psi at the start of a case of `curve` on one side of the node, and when the pass comes."""
    setting = SETTINGS[case.what]
    at = passes.at(setting.system, passes.near(setting.system, setting.node, 0, setting.before), 0, setting.before)
    before, s2 = setting.before, at.s2
    if not case.afar:
        before, s2 = np.sqrt(min(CLOSE / case.members, 0.2)) / abs(at.K), 0.0
    rho = case.number * (at.kappa + 2 * s2) / case.members
    return passes.near(setting.system, setting.node, 0, before, rho, side), before


def _curve(case: Case, seed: int, comm: Any) -> Arrays:
    """Half of the replicas on each side; who has died of beable 0 once the pass is over, and from which counts."""
    system, half = SETTINGS[case.what].system, -(-case.replicas // 2)
    died, counts, phase = [], [], []
    for k, side in enumerate((1, -1)):
        psi, before = curve_start(case, side)
        n, phi = nearest(psi, case.members)
        here = passes.at(system, wavefunction(n, phi), 0, before)
        after = WIDTHS * np.sqrt((here.kappa + 2 * here.s2) / case.members) / abs(here.K)
        until = here.time + min(after, SETTINGS[case.what].before)

        def some(who: NDArray[np.int64], n: Any = n, phi: Any = phi, k: int = k, until: float = until) -> Arrays:
            R = len(who)
            floor = [0] + [-1] * (system.P - 1)
            done = paths(system, np.tile(n, (R, 1)), np.tile(phi, (R, 1)), until, seed, who + k * half, floor=floor)
            return {"died": np.isfinite(done.death[:, :1]).astype(np.int8)}

        got = shared(comm, half, some)
        died.append(got["died"][:, 0] if got else None)
        counts.append(n)
        phase.append(phi)
    return {"died": np.array(died), "start": np.array(counts), "start_phase": np.array(phase)} if comm.rank == 0 else {}


def _paper(case: Case, seed: int, comm: Any) -> Arrays:
    """n_0 of replicas that start with so many members just behind the node, at CLOCK."""
    setting = SETTINGS["2 levels, resonant"]
    system, N, behind = setting.system, case.members, BEHIND.index(int(case.number))
    drive = -1j * system.frequencies[[0], :].toarray()[0, 1]  # K/sqrt(N) at the node; c_0 starts along it
    n = np.array([int(case.number), N - int(case.number)])
    phi = np.array([-np.angle(drive), 0.0])
    steps = np.diff(CLOCK) / (np.sqrt(N) * abs(drive))

    def some(who: NDArray[np.int64]) -> Arrays:
        counts, phase = np.tile(n, (len(who), 1)), np.tile(phi, (len(who), 1))
        out = [counts[:, 0]]
        for k, step in enumerate(steps):
            done = paths(system, counts, phase, step, seed, who + ((behind * len(steps) + k) << 32))
            counts, phase = done.n, done.phase
            out.append(counts[:, 0])
        return {"occupation": np.stack(out, axis=1)}

    return {**shared(comm, case.replicas, some), "time": CLOCK.copy()}


def remedy_start(which: str, members: int) -> tuple[System, NDArray[np.int64], NDArray[np.float64], int]:
    """System, counts and phases (2,) at the start, and spectators a beable, of one remedy in the part `remedy`."""
    setting = SETTINGS[RARE]
    H, psi = np.array(setting.H), passes.near(setting.system, setting.node, 0, setting.before)
    if which == "admixture":
        _, vectors = np.linalg.eigh(H)
        ground = vectors[:, 0] * np.exp(1j * np.angle(np.vdot(vectors[:, 0], psi)))  # in phase with its part of Psi
        psi = np.sqrt(1 - ADMIXED) * psi + np.sqrt(ADMIXED) * ground
        psi /= np.linalg.norm(psi)
    if which == "basis":
        psi, H = OTHER.conj().T @ psi, OTHER.conj().T @ H @ OTHER
    n, phi = nearest(psi, members)
    return System(H), n, phi, int(which == "spectator")


def _remedy(case: Case, seed: int, comm: Any) -> Arrays:
    system, n, phi, spectators = remedy_start(case.what, case.members)
    time = np.linspace(0.5, 1.0, LOOKS) * PERIOD

    def some(who: NDArray[np.int64]) -> Arrays:
        counts, phase = np.tile(n, (len(who), 1)), np.tile(phi, (len(who), 1))
        out = []
        for k, step in enumerate(np.diff(time, prepend=0.0)):
            done = paths(system, counts, phase, step, seed, who + (k << 32), spectators=spectators)
            counts, phase = done.n, done.phase
            out.append(counts)
        return {"occupation": np.stack(out, axis=1)}

    return {**shared(comm, case.replicas, some), "time": time}


def _life(case: Case, seed: int, comm: Any) -> Arrays:
    """Times until the first beable dies, or until nobody looks any more; and who has died."""
    system, psi = wandering(case.what)
    until = SLOWER * case.members
    if case.what == "wanders":
        until = LIVES / sum(float(lifetimes.along_path(system, psi, a, case.members, 4000.0)[0]) for a in range(3))
    n, phi = _starts(system, psi, case.members, case.replicas, until + LATER)

    def some(who: NDArray[np.int64]) -> Arrays:
        if case.members > EXACT_TO[case.what]:
            return _leaping(system, n[who], phi[who], until, seed, int(who[0]) if who.size else 0)
        done = paths(system, n[who], phi[who], until, seed, who, floor=[0] * system.P)
        return {"lived": done.time, "died": np.asarray(np.isfinite(done.death).any(axis=1), np.int8)}

    return shared(comm, case.replicas, some)


def _starts(system: System, psi: Any, members: int, many: int, apart: float) -> Any:
    """Counts and phases, (many, P) each, at points along a path so far apart that none sees another's passes.

    Left out are those that round a beable to nobody.
    """
    points = evolve(system, psi, apart * np.arange(4 * many))
    n, phi = nearest(points, members)
    there = np.flatnonzero(n.min(axis=1) > 0)[:many]
    return n[there], phi[there]


def _leaping(system: System, n: Any, phase: Any, until: float, seed: int, first: int) -> Arrays:
    """The same by leaps, to the middle between the records before and after the death."""
    lived, died = np.full(len(n), until), np.zeros(len(n), np.int8)
    each = until / RECORDS
    for k in range(RECORDS):
        n, phase = leap(system, n, phase, each, (seed + (k << 40)) % 2**63, first)
        now = (n == 0).any(axis=1) & (died == 0)
        lived[now], died[now] = (k + 0.5) * each, 1
    return {"lived": lived, "died": died}


def _bell(case: Case, seed: int, comm: Any) -> Arrays:
    """Whether some beable is empty, in each replica at each time: guided by Psi from STARTS points of a path."""
    system, psi = wandering(case.what)
    points = evolve(system, psi, LATER * np.arange(STARTS))
    guides = [bell.Guide.of(system, point) for point in points]

    def some(who: NDArray[np.int64]) -> Arrays:
        rows = [bell.empty(guides[r % STARTS], case.members, seed, int(r)) for r in who]
        return {"empty": np.array(rows, np.int8).reshape(len(who), bell.TIMES.size)}

    expected = np.mean([guide.chance(case.members) for guide in guides], axis=0)
    return {**shared(comm, case.replicas, some), "time": bell.TIMES.copy(), "expected": expected}


RUN: dict[str, Callable[[Case, int, Any], Arrays]] = {
    "curve": _curve, "rare": rare.run, "paper": _paper, "remedy": _remedy, "life": _life, "bell": _bell,
}  # fmt: skip
