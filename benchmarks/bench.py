"""make bench: how fast, side by side with what a user would write, as one table. Takes about ten minutes.

Every figure is the median of several runs in this one process or job; ratios compare runs made in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import copympi
from benchmarks import opponents
from benchmarks.cases import case, plain_leap_error
from copympi.mpi import Alone
from copympi.theory import noise, schrodinger

ROUNDS = 5


def row(what: str, value: str, target: str = "") -> None:
    print(f"  {what:<66} {value:>22}   {target}", flush=True)


def median(measure: Callable[[], float], rounds: int = ROUNDS) -> tuple[float, float]:
    """Median and half the spread of the middle of `rounds` values."""
    values = sorted(measure() for _ in range(rounds))
    return statistics.median(values), (values[-1 - rounds // 4] - values[rounds // 4]) / 2


def per_copy(P: int, members: int, duration: float | None = None) -> tuple[float, float]:
    """(ns for each copy performed through copympi.simulate on one core, share of members that move in a step)."""
    system, state, full = case(P)
    run = copympi.simulate(
        system, state=state, members=members, duration=duration or full, interval=(duration or full) / 5, comm=Alone()
    )
    copies = float(run.events[-1])
    return run.seconds / copies * 1e9, copies / run.steps / members


def members() -> None:
    print("members, one core, leaving chance 0.03")
    for N, target, rounds in ((10**7, "<= 15 ns", ROUNDS), (10**8, "<= 25 ns", 3)):
        for P in (2, 8):
            duration = None if N == 10**7 else case(P)[2] / 2
            share: list[float] = []

            def measure(P: int = P, N: int = N, duration: float | None = duration, share: list = share) -> float:
                ns, moved = per_copy(P, N, duration)
                share.append(moved)
                return ns

            ns, spread = median(measure, rounds)
            row(f"P = {P}, N = 1e{round(np.log10(N))}, {share[0]:.2%} of members move in a step",
                f"{ns:.1f} +- {spread:.1f} ns/copy", target)  # fmt: skip


JOB = """
import json, resource, sys
import copympi, mpi4py.MPI as MPI
from benchmarks.cases import case
P, N, duration = int(sys.argv[1]), int(float(sys.argv[2])), float(sys.argv[3])
system, state, full = case(P)
duration = duration or 8 * full
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run = copympi.simulate(system, state=state, members=N, duration=duration, interval=duration / 2)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base
peak = MPI.COMM_WORLD.reduce(peak)
if N < 1e8:  # once more, with caches and libraries warm
    run = copympi.simulate(system, state=state, members=N, duration=duration, interval=duration / 2)
if MPI.COMM_WORLD.rank == 0:
    print(json.dumps([run.seconds, float(run.events[-1]), peak * 1024 / N, peak / 2**20]))
"""


def job(ranks: int, P: int, members: float, duration: float = 0.0) -> list[float]:
    """[seconds, copies, bytes a member, peak GiB] of a run on `ranks` ranks."""
    mpiexec = Path(sys.prefix) / "bin" / "mpiexec"
    root = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(
        [mpiexec, "-n", str(ranks), sys.executable, "-c", JOB, str(P), str(members), str(duration)],
        check=True, capture_output=True, text=True, timeout=900, env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    return json.loads(done.stdout.strip().splitlines()[-1])


def scaling() -> None:
    print("ranks (MPICH's wheel, two cores)")
    for P in (2, 8):
        one, two = [], []
        for _ in range(ROUNDS):
            one.append(job(1, P, 1e7)[0])
            two.append(job(2, P, 2e7)[0])
        ratio = statistics.median(a / b for a, b in zip(one, two, strict=True))
        row(f"weak scaling, 1e7 members a rank, P = {P}: time on 1 / time on 2", f"{ratio:.2f}", ">= 0.9")
    _, _, each, _ = job(1, 8, 1e8, case(8)[2] / 50)
    row("memory beyond the interpreter's, N = 1e8, P = 8, 1 rank", f"{each:.2f} bytes/member", "<= 6")
    seconds, copies, each, peak = job(2, 2, 1e9, 10.5)
    row("N = 1e9, P = 2, 2 ranks: peak memory of both", f"{peak:.1f} GiB, {each:.2f} B/member", "<= 24 GiB")
    row("N = 1e9, P = 2, 2 ranks: time", f"{seconds / copies * 1e9:.1f} ns/copy", "")


def occupation() -> None:
    print("occupation, one core")
    for P in (2, 4, 8):
        system, state, full = case(P)

        def measure(system=system, state=state, full=full) -> float:
            run = copympi.simulate(
                system, state=state, members=10**12, duration=full, interval=full, replicas=100,
                representation="occupation", comm=Alone(),
            )  # fmt: skip
            return run.seconds / run.steps * 1e6

        us, spread = median(measure)
        row(f"P = {P}, N = 1e12, 100 replicas", f"{us:.2f} +- {spread:.2f} us/step", "<= 10 us" if P == 8 else "")


def against_numba() -> None:
    print("against a loop over members in numba (opponents.numba_members), N = 1e7, one core")
    N = 10**7
    for P in (2, 8):
        system, state, full = case(P)
        H = system.hamiltonian.toarray()
        counts = np.round(N * np.abs(state) ** 2).astype(np.int64)
        counts[0] += N - counts.sum()
        run = copympi.simulate(system, state=state, members=N, duration=full, interval=full, comm=Alone())
        steps, ratios = run.steps, []
        for _ in range(ROUNDS):
            ours = copympi.simulate(system, state=state, members=N, duration=full, interval=full, comm=Alone())
            _, _, theirs = opponents.numba_members(H, counts, -np.angle(state), full, full / steps, 1)
            ratios.append(theirs / ours.seconds)
        same = statistics.median(ratios)
        error = plain_leap_error(system, state, full, steps)
        factor = 1
        while plain_leap_error(system, state, full, steps * factor) > 0.002:
            factor *= 2
        row(f"P = {P}: the same number of steps ({steps}); its covariance is off by {error:.1%}", f"{same:.1f} times")
        row(f"P = {P}: covariance to 0.2% ({factor} times the steps; ours is to 0.03%)",
            f"{same * factor:.0f} times", ">= 10")  # fmt: skip


def against_gillespie() -> None:
    print("against GillesPy2's TauHybridCSolver (opponents.gillespy2_two_level), two levels, N = 1e8, t = 0 .. 42")
    system, state, _ = case(2)
    N, times, runs = 10**8, np.arange(7.0, 43.0, 7.0), 20
    quantum = schrodinger.density(system, state, times)[:, 0]
    ours = copympi.simulate(
        system, state=state, members=N, duration=42.0, interval=7.0, replicas=runs, representation="occupation",
        comm=Alone(),
    )  # fmt: skip
    sigma = np.sqrt(np.array([C[0, 0] for C in noise.covariance(system, state, times)]) / N)
    counts = np.array([int(0.9 * N), N - int(0.9 * N)])

    def line(name: str, n: np.ndarray, each: float) -> None:
        bias = n[:, :, 0].mean(axis=0) / N - quantum
        k = int(np.argmax(np.abs(bias)))
        error = n[:, k, 0].std(ddof=1) / N / np.sqrt(len(n))
        row(f"{name}: worst bias of n_0/N {bias[k]:+.1e} +- {error:.0e} (sigma of a run {sigma[k]:.0e})",
            f"{each * 1e3:.2f} ms/run")  # fmt: skip

    line("copympi, occupation", ours.occupation[:, 1:], ours.seconds / runs)
    for tolerance in (0.03, 0.003, 0.0003):
        n, seconds = opponents.gillespy2_two_level(
            -0.0747259, [0.0, 0.0], counts, [0.0, 0.0], times, runs, 1, tau_tol=tolerance
        )
        line(f"GillesPy2, tau_tol {tolerance:g}, -O2", n, seconds / runs)


SECTIONS = {
    "members": members, "scaling": scaling, "occupation": occupation, "numba": against_numba,
    "gillespy2": against_gillespie,
}  # fmt: skip

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="which (default: all)")
    chosen = parser.parse_args().sections or list(SECTIONS)
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?")
    print(f"copympi {copympi.__version__}, {cpu}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name in chosen:
        SECTIONS[name]()
