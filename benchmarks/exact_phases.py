"""python benchmarks/exact_phases.py: members with phases of their own, event by event, beside a plain loop in numba.

Times are CPU times of this process, medians of several runs; ratios compare runs made in turn. The loop is what a user
would write: between two proposals a step of Runge-Kutta on all N phases, at a cost of N an event.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.cases import case
from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import record
from copympi.engine.exact_phases import ExactPhases
from copympi.engine.phases import Phases
from copympi.model.preparation import prepare
from copympi.model.system import System

ROUNDS, SPREAD, COPIES, TURNS = 5, 1.0, 40_000, 10_000_000
"""TURNS : of phases of members, one by one, in a run of the loop."""


def start_of(P: int, members: int) -> tuple[System, Any]:
    system, state, _ = case(P)
    return system, replace(prepare(P, members, state), spread=SPREAD)


def timed(made: Any, interval: float) -> tuple[float, float]:
    """CPU seconds of a record of that length, and copies in it."""
    before = made.events.sum()
    made.begin(record(1, interval))
    began = time.process_time()
    while made.advance():
        pass
    return time.process_time() - began, float(made.events.sum() - before)


def methods(P: int, members: int) -> tuple[float, float]:
    """Copies a second, event by event; and how many times as long as the method "phases" at its defaults it takes."""
    system, start = start_of(P, members)
    # replicas where members are few; so long that there are about COPIES
    replicas = max(1, 20_000 // members)
    fastest = float(np.abs(system.frequencies.toarray() - np.diag(system.frequencies.diagonal())).max())
    interval = COPIES / (members * replicas * fastest)
    rates, ratios = [], []
    for seed in range(ROUNDS):
        ours = timed(ExactPhases(mpi.Alone(), system, start, Accuracy(members), replicas, seed), interval)
        steps = timed(Phases(mpi.Alone(), system, start, Accuracy(members), replicas, seed), interval)
        rates.append(ours[1] / ours[0])
        ratios.append(ours[0] / steps[0])
    return statistics.median(rates), statistics.median(ratios)


def numba_loop() -> Callable[..., int]:
    """Proposals one by one, and all phases by the fourth-order Runge-Kutta step up to each. P = 2, one thread."""
    from numba import njit

    @njit
    def rates(a, phi, n, w0, w1, R, delta, out):  # type: ignore[no-untyped-def]
        z = np.zeros(2, np.complex128)
        for i in range(a.size):
            z[a[i]] += np.exp(1j * phi[i])
        over = R / np.sqrt(n[0] * n[1])
        h0, h1 = over * np.exp(1j * delta) * np.conj(z[1]), over * np.exp(-1j * delta) * np.conj(z[0])
        for i in range(a.size):
            u = np.exp(1j * phi[i])
            out[i] = w0 + (h0 * u).real if a[i] == 0 else w1 + (h1 * u).real

    @njit
    def run(a, phi, rng, w0, w1, R, delta, proposals):  # type: ignore[no-untyped-def]
        N = a.size
        k, p = np.empty((4, N)), np.empty(N)
        n = np.array([np.sum(a == 0), np.sum(a == 1)])
        copies = 0
        for _ in range(proposals):
            t = rng.exponential() / (4 * R * np.sqrt(n[0] * n[1]))
            rates(a, phi, n, w0, w1, R, delta, k[0])
            p[:] = phi + t / 2 * k[0]
            rates(a, p, n, w0, w1, R, delta, k[1])
            p[:] = phi + t / 2 * k[1]
            rates(a, p, n, w0, w1, R, delta, k[2])
            p[:] = phi + t * k[2]
            rates(a, p, n, w0, w1, R, delta, k[3])
            phi += t / 6 * (k[0] + 2 * k[1] + 2 * k[2] + k[3])
            b = rng.integers(0, 2)
            i, j = rng.integers(0, N), rng.integers(0, N)
            while a[i] != b:
                i = rng.integers(0, N)
            while a[j] == b:
                j = rng.integers(0, N)
            if rng.random() < np.sin(phi[j] - phi[i] + (delta if b == 1 else -delta)):
                a[i] = a[j]
                phi[i] = phi[j]
                n[b] -= 1
                n[1 - b] += 1
                copies += 1
        return copies

    return run


def loop_rate(run: Callable[..., int], members: int) -> float:
    """Copies a second of the loop, on the P = 2 system."""
    system, start = start_of(2, members)
    H = system.frequencies.toarray()
    a = np.repeat([0, 1], start.counts)
    rng, rates = np.random.default_rng(1), []
    for _ in range(ROUNDS):
        phi = start.phase[a] + rng.uniform(-SPREAD, SPREAD, members)
        arguments = (H[0, 0].real, H[1, 1].real, abs(H[0, 1]), float(np.angle(H[0, 1])))
        run(a.copy(), phi.copy(), rng, *arguments, 1)
        began = time.process_time()
        copies = run(a.copy(), phi, rng, *arguments, TURNS // members)
        rates.append(copies / (time.process_time() - began))
    return statistics.median(rates)


def main() -> None:
    found = {}
    for members in (1000, 100_000):
        for P in (2, 4):
            found[P, members], ratio = methods(P, members)
            print(
                f"N = {members:,}, P = {P}: {found[P, members]:.3g} copies a second; "
                f'{ratio:.1f} times as long as "phases" in steps at its defaults'
            )
    loop = numba_loop()
    for members in (1000, 100_000):
        theirs = loop_rate(loop, members)
        print(f"N = {members:,}, P = 2: the loop in numba {theirs:.3g}: {found[2, members] / theirs:.0f} times slower")


if __name__ == "__main__":
    main()
