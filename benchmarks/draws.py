"""python benchmarks/draws.py: the draws of cython_src/draws.h beside NumPy's Generator on the same Philox words.

ns a draw, processor time: medians of rounds made in turn, least of all in brackets. NumPy is asked in arrays, so that
no time of Python's is in it; with n and p (or the mean) changing from draw to draw its C sets up each draw anew, as
ours does.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from copympi.kernels import draws

COUNT, ROUNDS = 20_000, 41


def compare(what: str, ours: Callable[[], object], numpys: Callable[[], object]) -> None:
    """One row: both in turn, ROUNDS times."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for call, kept in zip((ours, numpys), times, strict=True):
            start = time.thread_time()
            call()
            kept.append((time.thread_time() - start) / COUNT * 1e9)
    a, b = (statistics.median(kept) for kept in times)
    low, high = (min(kept) for kept in times)
    print(f"  {what:<41} {a:7.1f} ({low:5.1f}) {b:9.1f} ({high:5.1f}) {a / b:8.2f}", flush=True)


def main() -> None:
    rng = np.random.Generator(np.random.Philox(1))
    print(f"  {'ns a draw: median (least)':<41} {'ours':>15} {'NumPy':>17} {'ratio':>8}")
    swing = np.linspace(0.8, 1.2, COUNT)
    n = np.rint(1e6 * swing[::-1]).astype(np.int64)

    def binomial(what: str, n: np.ndarray, p: np.ndarray) -> None:
        compare(what, lambda: draws.binomials(1, n, p, COUNT), lambda: rng.binomial(n, p))

    binomial("binomial, n ~ 1e6, p ~ 0.01", n, 0.01 * swing)
    binomial("binomial, n ~ 1e6, p ~ 0.3", n, 0.3 * swing)
    for mean in (0.01, 0.1, 1, 3, 10, 30, 300):
        binomial(f"binomial, n ~ 1e6, mean ~ {mean}", n, mean * 1e-6 * swing)
    for mean in (0.1, 3, 30, 1e4):
        means = mean * swing
        compare(
            f"Poisson, mean ~ {mean:g}",
            lambda m=means: draws.poissons(1, m, COUNT),
            lambda m=means: rng.poisson(m),
        )
    for sample in (3, 100, 10**5):
        compare(
            f"hypergeometric, 1e8 of 3e8, {sample} drawn",
            lambda k=sample: draws.hypergeometrics(1, 10**8, 2 * 10**8, k, COUNT),
            lambda k=sample: rng.hypergeometric(10**8, 2 * 10**8, k, COUNT),
        )
    compare("normals, one by one", lambda: draws.normals(1, COUNT, True), lambda: rng.standard_normal(COUNT))
    compare("normals, all at once", lambda: draws.normals(1, COUNT), lambda: rng.standard_normal(COUNT))


if __name__ == "__main__":
    main()
