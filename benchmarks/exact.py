"""python benchmarks/exact.py [numba] [gillespy2]: copies a second event by event, beside a loop that a user has.

The loop thins: while n stands still the sum of 2 R_ab sqrt(n_a n_b) bounds all rates, so that a copy is proposed at
that bound, the phases take a step of Runge and Kutta (fourth order) to it, and it is accepted with the sine of its
pair, two proposals in three. Every figure is a median of several runs; ratios compare runs made in turn in this
process. GillesPy2's TauHybridCSolver on the two levels of opponents.py leaps, with a bias; it is timed where it is
installed.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks import opponents
from benchmarks.cases import case
from copympi.engine.exact import paths

ROUNDS, MEMBERS = 5, 10_000


def numba_loop() -> Callable[..., int]:
    """run(R, delta, omega, n, phi, duration, seed) -> copies; n (P,) and phi (P,) change in place."""
    from numba import njit

    @njit(fastmath=True)
    def speeds(R, delta, omega, root, phi, out):  # type: ignore[no-untyped-def]
        for a in range(phi.size):
            out[a] = omega[a]
            for b in range(phi.size):
                if a != b and root[a] > 0.0:
                    out[a] += R[a, b] * root[b] / root[a] * np.cos(phi[a] - phi[b] + delta[a, b])

    @njit(fastmath=True)
    def run(R, delta, omega, n, phi, duration, seed):  # type: ignore[no-untyped-def]
        np.random.seed(seed)  # noqa: NPY002
        P, copies, left = n.size, 0, duration
        root, k1, k2, k3, k4 = np.sqrt(n), np.empty(P), np.empty(P), np.empty(P), np.empty(P)
        while True:
            bound = 0.0
            for a in range(P):
                root[a] = np.sqrt(n[a])
                for b in range(a):
                    bound += 2 * R[a, b] * root[a] * root[b]
            wait = np.random.exponential() / bound if bound > 0.0 else left  # noqa: NPY002
            h = min(wait, left)
            speeds(R, delta, omega, root, phi, k1)
            speeds(R, delta, omega, root, phi + 0.5 * h * k1, k2)
            speeds(R, delta, omega, root, phi + 0.5 * h * k2, k3)
            speeds(R, delta, omega, root, phi + h * k3, k4)
            phi += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            if wait >= left:
                return copies
            left -= wait
            u = np.random.random() * bound  # noqa: NPY002
            for a in range(P):
                for b in range(a):
                    rate = 2 * R[a, b] * root[a] * root[b]
                    if 0.0 <= u < rate:
                        sine = np.sin(phi[a] - phi[b] + delta[a, b])
                        if u < rate * abs(sine):
                            n[a] += 1 if sine > 0 else -1
                            n[b] -= 1 if sine > 0 else -1
                            copies += 1
                    u -= rate

    return run


def against_numba() -> None:
    print(f"copies a second, N = {MEMBERS:,}, one core (processor time)")
    run = numba_loop() if importlib.util.find_spec("numba") else None
    for P in (2, 8):
        system, state, full = case(P)
        H = system.hamiltonian.toarray()
        n = np.round(MEMBERS * np.abs(state) ** 2).astype(np.int64)
        phase = -np.angle(state)
        R, delta, omega = np.abs(H - np.diag(np.diag(H))), np.angle(H), np.diag(H).real.copy()
        replicas = 60 if P == 2 else 30

        def ours(seed: int, made: Any = (system, n, phase, full, replicas)) -> float:
            H, n, phase, full, replicas = made
            begun = time.process_time()
            found = paths(H, np.tile(n, (replicas, 1)), np.tile(phase, (replicas, 1)), full, seed, range(replicas))
            return int(found.events.sum()) / (time.process_time() - begun)

        def theirs(seed: int, made: Any = (R, delta, omega, n, phase, full)) -> float:
            R, delta, omega, n, phase, full = made
            begun = time.process_time()
            return run(R, delta, omega, n.copy(), phase.copy(), full, seed) / (time.process_time() - begun)

        ours(0)
        found = [ours(seed) for seed in range(1, ROUNDS + 1)]
        print(f"  P = {P}, all pairs coupled: {statistics.median(found) / 1e6:.2f} million copies a second")
        if run is not None:
            theirs(0)
            pairs = [(ours(seed), theirs(seed)) for seed in range(1, ROUNDS + 1)]
            loop, ratio = (statistics.median(x) for x in zip(*((b, a / b) for a, b in pairs), strict=True))
            print(f"    numba, thinning with Runge-Kutta: {loop / 1e6:.3f} million; ours is {ratio:.1f} times as fast")


def against_gillespie() -> None:
    if not importlib.util.find_spec("gillespy2"):
        print("GillesPy2 is not installed")
        return
    system, state, _ = case(2)
    n, runs = np.round(MEMBERS * np.abs(state) ** 2).astype(np.int64), 20
    begun = time.process_time()
    paths(system, np.tile(n, (runs, 1)), np.tile(-np.angle(state), (runs, 1)), 42.0, 1, range(runs))
    ours = (time.process_time() - begun) / runs
    print(f"two levels, N = {MEMBERS:,}, t = 0 .. 42: ours, without bias, {ours * 1e3:.2f} ms a run", flush=True)
    for tolerance in (0.03, 0.003, 0.0003):
        _, seconds = opponents.gillespy2_two_level(
            -0.0747259, [0.0, 0.0], n, [0.0, 0.0], np.arange(7.0, 43.0, 7.0), runs, 1, tau_tol=tolerance
        )
        each = seconds / runs
        print(
            f"  GillesPy2, tau_tol {tolerance:g}, -O2: {each * 1e3:.2f} ms a run, {each / ours:.1f} times", flush=True
        )


if __name__ == "__main__":
    wanted = {"numba": against_numba, "gillespy2": against_gillespie}
    for name in sys.argv[1:] or wanted:
        wanted[name]()
