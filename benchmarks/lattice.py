"""python benchmarks/lattice.py [--quick]: counts on lattices, beside the memory's own speed and QuTiP's sesolve.

Every time is the median of several runs in turn in this process. --quick: one run of small sizes, to see that it works.
`--memory P` is for itself: the peak memory of one process with P sites.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import copympi
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.lattice import LatticeCounts
from copympi.model import packets
from copympi.model.preparation import Start, share_out
from copympi.model.system import System
from copympi.mpi import Alone
from copympi.theory import schrodinger

REPO = Path(__file__).resolve().parents[1]
PERIOD = 2 * np.pi * 72
RING = {"sites": 128, "potential": {"kind": "harmonic", "omega": 1 / 72}}
PLANE = {"sites": [64, 64], "potential": {"kind": "harmonic", "omega": 1 / 32}}
PACKET = {"centre": -16.0, "width": 6.0}
RECORDS = 100
QUICK = False

TOUCHED = {
    "the path: n, c, omega, weight; alive, five coefficients, a rate": 8 + 16 + 8 + 8 + 8 + 5 * 16 + 8,
    "along it: the same, n; points, end, two rates, calm, role": 80 + 3 * 8 + 3 * 16 + 16 + 8 + 1,
    "noise: rates, calm, alive, omega, weight, points, end; kick, moments, E, c": 6 * 8 + 48 + 8 + 3 * 16 + 32,
    "scale: c": 2 * 16,
}
"""Bytes for each beable of a 1-D lattice and step where all are calm (lattice_passes.pyx, moves.pyx, diagonals.h): each
array once in each go of passes (passes.pyx): what the memory sees as long as some ten tiles fit into the cache."""


def row(what: str, *values: str) -> None:
    print(f"  {what:<46}" + "".join(f"{value:>18}" for value in values), flush=True)


def median(measure: Callable[[], float], rounds: int = 5) -> float:
    return statistics.median(measure() for _ in range(1 if QUICK else rounds))


def whole(members: float) -> int:
    """int(1e80) is a little more than 10^80, the most there can be."""
    return min(int(members), 10**80)


def filled(system: System, members: float, spectators: int = 0, packet: Any = None) -> Start:
    """Members of a packet; without one, of a wave that leaves no site empty."""
    if packet is not None:
        psi, turn = packets.amplitudes(packet, system)
    else:
        assert system.lattice is not None
        x, length = system.lattice.positions[-1], system.lattice.lengths[-1]
        psi = 1 + 0.4 * np.exp(4j * np.pi * x / length)
        psi /= np.linalg.norm(psi)
        turn = -np.angle(psi)
    return share_out(psi, turn, whole(members), 0.0, None, spectators)


def ensemble(system: System, start: Start, seed: int = 1, **accuracy: float) -> LatticeCounts:
    return LatticeCounts(Alone(), system, start, Accuracy(start.members, **accuracy), 1, seed)


def step_time(system: System, start: Start, steps: int) -> float:
    """Seconds a step, the record far ahead."""
    sites = ensemble(system, start)
    sites.pace.steps = steps
    sites.begin(record(1, 1e6))
    sites.advance()
    first, began = int(sites.step[0]), time.perf_counter()
    sites.advance()
    return (time.perf_counter() - began) / (int(sites.step[0]) - first)


def own_time(system: System, start: Start) -> float:
    """Seconds a step, median."""
    steps = max(2, (200_000 if QUICK else 20_000_000) // system.P)
    return median(lambda: step_time(system, start, steps))


def beable_times() -> float:
    """(1); returns ns for each beable and step of the 1-D lattice of 1e6 sites, N = 1e12."""
    sizes: dict[str, Any] = {"1-D, 1e4": 10_000, "1-D, 1e6": 1_000_000, "2-D, 256 x 256": [256, 256]}
    print("(1) ns for each beable and step, occupation, one core; waves without empty sites")
    row("", "N = 1e9, s = 1", "1e12", "1e80")
    kept = np.nan
    for name, sites in sizes.items():
        system = copympi.lattice(sites)
        each = [own_time(system, filled(system, N, s)) / system.P for N, s in ((1e9, 1), (1e12, 0), (1e80, 0))]
        kept = each[1] if sites == 1_000_000 else kept
        row(name, *(f"{1e9 * seconds:.1f}" for seconds in each))
    return 1e9 * kept


def peak(P: int) -> float:
    """MiB that a process of its own takes beyond an idle one, N = 1e12."""
    env = {**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--memory", str(P)]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=600)
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


def memory_of(P: int) -> None:
    base = high_water()
    system = copympi.lattice(P)
    step_time(system, filled(system, 1e12), 2)
    print(json.dumps(high_water() - base))


def high_water() -> float:
    """MiB this process has had at most. Not ru_maxrss: that of a fresh process is its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


def growth() -> None:
    print("(2) growth with P, 1-D, N = 1e12")
    row("", "us/step", "ns/beable", "MiB", "bytes/beable")
    sizes = [10**k for k in range(2, 6 if QUICK else 7)]
    times, room = [], []
    for P in sizes:
        system = copympi.lattice(P)
        times.append(own_time(system, filled(system, 1e12)))
        room.append(peak(P))
        row(f"P = {P:,}", f"{1e6 * times[-1]:.2f}", f"{1e9 * times[-1] / P:.1f}", f"{room[-1]:.1f}",
            f"{room[-1] * 2**20 / P:,.0f}")  # fmt: skip
    slope = (room[-1] - room[-2]) * 2**20 / (sizes[-1] - sizes[-2])
    power = np.log(times[-1] / times[-3]) / np.log(sizes[-1] / sizes[-3])
    row("slope between the two largest", "", "", "", f"{slope:,.0f}")
    row("time grows as P to the power (last two decades)", f"{power:.2f}")


def bandwidth() -> float:
    """Bytes a second of a triad over arrays that no cache holds, reads and writes counted."""
    a, b, c = (np.ones(1_000_000 if QUICK else 20_000_000) for _ in range(3))

    def once() -> float:
        began = time.perf_counter()
        np.multiply(b, 3.0, out=a)
        np.add(a, c, out=a)
        return 5 * a.nbytes / (time.perf_counter() - began)

    return median(once)


def distance_to_memory(ns: float) -> None:
    print("(3) distance to the memory's bandwidth, 1-D, P = 1e6, N = 1e12")
    touched, speed = sum(TOUCHED.values()), bandwidth()
    row("bytes touched for each beable and step", f"{touched}")
    row("bandwidth (triad of NumPy)", f"{speed / 1e9:.1f} GB/s")
    row("at that: ns for each beable and step", f"{1e9 * touched / speed:.1f}")
    row("measured over that", f"{ns * speed / 1e9 / touched:.1f}")


def drive(system: System, start: Start, **accuracy: float) -> LatticeCounts:
    """One period in RECORDS records."""
    sites = ensemble(system, start, **accuracy)
    for number in range(1, RECORDS + 1):
        sites.begin(record(number, PERIOD / RECORDS))
        while sites.advance():
            pass
    return sites


def steps_of_a_period() -> None:
    print("(4) one period of a packet on the ring of 128: steps and substeps; mean field: leaving_chance = 1, N = 1e80")
    row("", "steps", "of mean field's", "substeps", "time [s]")
    system = copympi.lattice(**RING)  # type: ignore[arg-type]
    ensembles = ((1e6, 0), (1e6, 1), (1e9, 0), (1e9, 1), (1e15, 0), (1e80, 0))
    cases: list[tuple[str, float, int, dict[str, float]]] = [
        ("mean field's own need", 1e80, 0, {"leaving_chance": 1.0}),
        *((f"N = {N:.0e}, s = {s}", N, s, {}) for N, s in ensembles),
    ]
    own = 0
    for name, members, s, accuracy in cases:
        began = time.perf_counter()
        sites = drive(system, filled(system, members, s, PACKET), **accuracy)
        steps = int(sites.step[0])
        own = own or steps
        row(
            name,
            f"{steps:,}",
            f"{steps / own:.2f}",
            f"{int(sites.substeps[0]):,}",
            f"{time.perf_counter() - began:.3f}",
        )


def sesolve(system: System, psi: Any, times: Any, x: Any, **options: float) -> Any:
    """<x> by QuTiP, whose H is built before the clock starts."""
    import qutip

    H = qutip.Qobj(system.frequencies, dims=[[system.P], [system.P]]).to("CSR")
    ket = qutip.Qobj(psi)
    X = qutip.qdiags(x, 0, dims=[[system.P], [system.P]])
    began = time.perf_counter()
    out = qutip.sesolve(H, ket, times, e_ops=[X], options={"progress_bar": False, "nsteps": 10**6, **options})
    return np.real(out.expect[0]), time.perf_counter() - began


def ours(system: System, packet: Any, times: Any, x: Any, members: float, s: int) -> Any:
    began = time.perf_counter()
    run = copympi.simulate(
        system, packet=packet, members=whole(members), spectators=s, duration=times[-1], interval=times[1],
        representation="occupation", seed=1, comm=Alone(),
    )  # fmt: skip
    took = time.perf_counter() - began
    return run.occupation @ x / float(members), took


def beside_qutip() -> None:
    import qutip

    print(f"(5) beside QuTiP {qutip.__version__}'s sesolve, <x> against exact propagation, {RECORDS} records")
    planes = [("ring of 128, one period", RING, PACKET, PERIOD)]
    wide = {"centre": [-8.0, 0.0], "width": 4.0}
    planes += [("64 x 64, a quarter of a period", PLANE, wide, np.pi / 2 * 32)]  # type: ignore[list-item]
    for title, made, packet, duration in planes:
        system = copympi.lattice(**made)  # type: ignore[arg-type]
        assert system.lattice is not None
        x = system.lattice.positions[0]
        psi, _ = packets.amplitudes(packet, system)
        times = np.linspace(0, duration, RECORDS + 1)
        exact = schrodinger.density(system, psi, times) @ x
        runs: dict[str, Callable[[], Any]] = {
            "sesolve, as it comes": lambda a=(system, psi, times, x): sesolve(*a),  # type: ignore[misc]
            "sesolve, atol 1e-10, rtol 1e-8": lambda a=(system, psi, times, x): sesolve(*a, atol=1e-10, rtol=1e-8),  # type: ignore[misc]
            **{
                f"copympi, N = {N:.0e}, s = {s}": lambda a=(system, packet, times, x, N, s): ours(*a)  # type: ignore[misc]
                for N, s in ((1e9, 1), (1e15, 1), (1e80, 0))
            },
        }
        print(f"  {title}")
        row("", "time [s]", "of sesolve's", "error of <x>")
        found = {name: [] for name in runs}  # type: dict[str, list[Any]]
        for _ in range(1 if QUICK else 5):
            for name, once in runs.items():
                found[name].append(once())
        first = next(iter(found))
        for name, each in found.items():
            ratio = statistics.median(o[1] / f[1] for o, f in zip(each, found[first], strict=True))
            off = max(float(np.abs(mean - exact).max()) for mean, _ in each)
            row(f"  {name}", f"{statistics.median(t for _, t in each):.3f}", f"{ratio:.2f}", f"{off:.1e}")
    print(
        "  sesolve gives the amplitudes, to its tolerances, and no ensembles. copympi gives one ensemble: counts of N\n"
        "  copies and their phases, with the noise that N copies have (at 1e9 that is the error of <x>)."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    QUICK = given.quick
    if given.memory:
        memory_of(given.memory)
    else:
        each = beable_times()
        growth()
        distance_to_memory(each)
        steps_of_a_period()
        beside_qutip()
