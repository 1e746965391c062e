"""What a user would otherwise write for copy dynamics with aligned phases: the opponents of the side-by-side timings.

``numba_members`` is a loop over members in numba, one thread. Each step integrates the mean field (RK4) from the
occupations as drawn so far, which gives the step's flow b -> a of every pair, and every member of b then leaves for a
with the chance flow / n_b, on one 64-bit random number of an inlined xoshiro256+. The mean is fourth order in the
step, the covariance first order in the leaving chance. Things that were measured and kept out: ``np.random`` (seven
times slower a member than xoshiro), blocks of pre-drawn random numbers (slower), 64-bit members (memory traffic).

``gillespy2_two_level`` is the two-level model in GillesPy2's ``TauHybridCSolver`` (C++, compiled at run time): both
occupations discrete species, both phases continuous species with rate rules. Its tau leaping holds the occupations
fixed within a leap, so its bias is first order in the leap (H = [[0, A], [A, 0]], A = 0.0747, N = 1e8, t = 42, from
0.9 at equal phases: rho_0 is 0.0123 too high at tau_tol 0.03, 0.00127 at 0.003, with a standard deviation of a run
of 0.00005; with its own choice of leaps and a record every 7 it is 0.071 too high). What has to be known to write it:

* The leap is chosen from the propensities at its start alone. Where the sine is 0 (equal phases, every turning point)
  no reaction is open and the leap runs to the next record time. A recording grid finer than the caller's
  (``max_step``) bounds it; ``constant_tau_stepsize`` would too, but drifts off the record times.
* Species left in the default mode ``dynamic`` become continuous at large N, which silently removes the noise.
* Expressions are parsed as Python and written as C++: ``max`` and ``fmax`` are unknown, ``a*(b > 0)`` comes out as
  ``a*b0``, ``e`` is Euler's number and ``t`` the time whatever the model calls so, ``a - (-b)`` becomes ``a--b``.
  Hence ``x + fabs(x)`` for ``2 max(0, x)``, and signed numbers only as parameters.
* The C++ program prints six significant digits: at N = 1e8 an occupation is known to 100 members.
* SCons is looked for on the PATH, then with the interpreter *behind* the virtual environment, which lacks it.
* SCons is given no optimisation flag and ODEs a tolerance of 1e-9, far below the noise. -O2 (``optimise``) makes it
  four to seven times faster with the same numbers, a tolerance of 1e-6 1.7 times.

Both functions use hbar = 1 and need their package only when called: ``pip install numba gillespy2``, and g++.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

COMPILE_SECONDS: dict[str, float] = {}
"""Seconds of compilation, never part of the returned ones: "numba" at its first call, "gillespy2" at its latest."""

TAU_TOL = 0.03
"""GillesPy2's own default: the relative change of an occupation that one leap may expect."""


@cache
def _member_loop() -> Callable[..., int]:
    """The loop run(R, delta, omega, members, n, phi, state, steps, h) -> copies, compiled at its first call.

    members, n, phi and state change in place.
    """
    from numba import njit

    s17, s19, s45 = np.uint64(17), np.uint64(19), np.uint64(45)

    @njit(fastmath=True)
    def field(R, delta, omega, n, phi, flow, dn, dphi):  # type: ignore[no-untyped-def]
        """Right side of the aligned mean field: flow[b, a] members a time from b to a, and the derivatives."""
        levels = n.size
        for a in range(levels):
            dn[a] = 0.0
            dphi[a] = omega[a]
        for a in range(levels):
            for b in range(a):
                x = 0.0
                if R[a, b] > 0.0 and n[a] > 0.0 and n[b] > 0.0:
                    angle = phi[a] - phi[b] + delta[a, b]
                    x = 2.0 * R[a, b] * np.sqrt(n[a] * n[b]) * np.sin(angle)
                    c = R[a, b] * np.cos(angle)
                    dphi[a] += c * np.sqrt(n[b] / n[a])
                    dphi[b] += c * np.sqrt(n[a] / n[b])
                flow[b, a] = max(0.0, x)
                flow[a, b] = max(0.0, -x)
                dn[a] += x
                dn[b] -= x

    @njit(fastmath=True)
    def run(R, delta, omega, members, n, phi, state, steps, h):  # type: ignore[no-untyped-def]
        levels = n.size
        weight = np.array([1.0, 2.0, 2.0, 1.0]) * (h / 6.0)
        shift = np.array([0.0, 0.5, 0.5, 1.0]) * h
        flow, total = np.zeros((levels, levels)), np.zeros((levels, levels))
        dn, dphi = np.zeros(levels), np.zeros(levels)
        n_at, phi_at, phi_end = np.empty(levels), np.empty(levels), np.empty(levels)
        threshold = np.zeros((levels, levels), np.uint64)
        leaves = np.zeros(levels, np.uint64)
        s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
        copies = 0
        for _ in range(steps):
            total[:] = 0.0
            phi_end[:] = phi
            for k in range(4):
                for a in range(levels):
                    n_at[a] = max(0.0, n[a] + shift[k] * dn[a])
                    phi_at[a] = phi[a] + shift[k] * dphi[a]
                field(R, delta, omega, n_at, phi_at, flow, dn, dphi)
                total += weight[k] * flow
                phi_end += weight[k] * dphi
            phi[:] = phi_end
            for b in range(levels):
                chance = 0.0
                for a in range(levels):
                    if n[b] > 0:
                        chance = min(chance + total[b, a] / n[b], 1.0 - 2.0**-53)
                    threshold[b, a] = np.uint64(chance * 2.0**64)
                leaves[b] = threshold[b, levels - 1]
            for i in range(members.size):
                r = s0 + s3  # xoshiro256+
                s = s1 << s17
                s2 ^= s0
                s3 ^= s1
                s1 ^= s2
                s0 ^= s3
                s2 ^= s
                s3 = (s3 << s45) | (s3 >> s19)
                b = members[i]
                if r < leaves[b]:
                    a = 0
                    while r >= threshold[b, a]:
                        a += 1
                    members[i] = a
                    n[b] -= 1
                    n[a] += 1
                    copies += 1
        state[0], state[1], state[2], state[3] = s0, s1, s2, s3
        return copies

    return run  # type: ignore[no-any-return]


def numba_members(
    H: npt.ArrayLike, counts: npt.ArrayLike, phase: npt.ArrayLike, duration: float, step: float, seed: int
) -> tuple[npt.NDArray[np.int64], int, float]:
    """Member by member in numba: occupations (P,) at the end, copies made, seconds of the loop without compilation.

    H is Hermitian, P by P, P <= 127; step is shortened to a whole number of steps. Setting up the members is not
    timed.
    """
    h = np.asarray(H, dtype=complex)
    n = np.array(counts, dtype=np.int64)
    phi = np.array(phase, dtype=float)
    if n.size > 127:
        raise ValueError("int8 members: at most 127 beables")
    R, delta, omega = np.abs(h), np.angle(h), np.ascontiguousarray(h.diagonal().real)
    np.fill_diagonal(R, 0.0)
    steps = max(1, int(np.ceil(duration / step - 1e-9)))
    members = np.repeat(np.arange(n.size, dtype=np.int8), n)
    state = np.random.SeedSequence(seed).generate_state(4, np.uint64)
    run = _member_loop()
    start = time.perf_counter()
    run(R, delta, omega, members[:0].copy(), n.copy(), phi.copy(), state.copy(), 1, duration / steps)
    COMPILE_SECONDS.setdefault("numba", time.perf_counter() - start)
    start = time.perf_counter()
    copies = run(R, delta, omega, members, n, phi, state, steps, duration / steps)
    seconds = time.perf_counter() - start
    return n, int(copies), seconds


@contextmanager
def _build_path(optimise: bool) -> Iterator[None]:
    """PATH on which GillesPy2 finds this environment's scons and, if asked, a g++ that is told to optimise."""
    before = os.environ.get("PATH", "")
    with tempfile.TemporaryDirectory() as folder:
        parts = [str(Path(sys.executable).parent), before]  # not resolved: the link inside the environment
        if optimise:
            for name in ("g++", "gcc"):
                compiler = shutil.which(name)
                if compiler is not None:
                    wrapper = Path(folder, name)
                    wrapper.write_text(f'#!/bin/sh\nexec "{compiler}" -O2 "$@"\n')
                    wrapper.chmod(0o755)
            parts.insert(0, folder)
        os.environ["PATH"] = os.pathsep.join(parts)
        try:
            yield
        finally:
            os.environ["PATH"] = before


def _two_level_model(
    A: float, omega: npt.NDArray[np.float64], n: npt.NDArray[np.int64], phi: npt.NDArray[np.float64], grid: Any
) -> Any:
    """GillesPy2 model of H = [[omega0, A], [A, omega1]], recorded on the uniform grid."""
    import gillespy2 as g

    model = g.Model(name="two_level")
    level = [g.Species(name=f"n{a}", initial_value=int(n[a]), mode="discrete") for a in range(2)]
    angle = [
        g.Species(name=f"phi{a}", initial_value=float(phi[a]), mode="continuous", allow_negative_populations=True)
        for a in range(2)
    ]
    model.add_species(level + angle)
    values = {"coupling": A, "omega0": omega[0], "omega1": omega[1]}
    model.add_parameter([g.Parameter(name=k, expression=repr(float(v))) for k, v in values.items()])
    for b, a in ((0, 1), (1, 0)):
        half = f"coupling*sqrt(n0*n1)*sin(phi{a}-phi{b})"  # signed: A < 0 is R = |A|, delta = pi
        model.add_reaction(
            g.Reaction(
                name=f"copy{b}{a}",
                reactants={level[b]: 1},
                products={level[a]: 1},
                propensity_function=f"{half}+fabs({half})",
            )
        )
        formula = f"omega{a}+coupling*sqrt(n{b}/n{a})*cos(phi{a}-phi{b})"
        model.add_rate_rule(g.RateRule(name=f"rate{a}", variable=f"phi{a}", formula=formula))
    model.timespan(g.TimeSpan(grid))
    return model


def gillespy2_two_level(
    A: float,
    omega: npt.ArrayLike,
    counts: npt.ArrayLike,
    phase: npt.ArrayLike,
    times: npt.ArrayLike,
    trajectories: int,
    seed: int,
    tau_tol: float | None = None,
    max_step: float | None = None,
    optimise: bool = True,
) -> tuple[npt.NDArray[np.float64], float]:
    """The two-level model in GillesPy2: occupations (trajectories, T, 2) at ``times``, seconds of the runs.

    times are uniformly spaced, first either 0 or one spacing; seed is positive. No leap is longer than max_step, by
    default tau_tol / (2 |A|); pass max_step=inf for GillesPy2's own choice. optimise compiles with -O2, which
    GillesPy2 by itself does not. Compilation is not in the seconds but in ``COMPILE_SECONDS["gillespy2"]``.
    """
    import gillespy2 as g

    tau_tol = TAU_TOL if tau_tol is None else tau_tol
    if max_step is None:
        max_step = tau_tol / (2.0 * abs(A)) if A else float("inf")
    wanted = np.atleast_1d(np.asarray(times, dtype=float))
    spacing = wanted[0] if wanted.size == 1 or wanted[0] > 0.0 else wanted[1]
    if not spacing > 0.0:
        raise ValueError("times have to reach beyond 0")
    index = np.rint(wanted / spacing).astype(int)
    if not np.allclose(wanted, index * spacing, rtol=1e-9, atol=0.0):
        raise ValueError("times have to be whole multiples of the first positive one: GillesPy2 records uniformly")
    refine = max(1, int(np.ceil(spacing / max_step - 1e-9)))
    grid = np.linspace(0.0, index[-1] * spacing, index[-1] * refine + 1)
    n, phi = np.array(counts, dtype=np.int64), np.array(phase, dtype=float)
    model = _two_level_model(A, np.asarray(omega, dtype=float), n, phi, grid)
    with _build_path(optimise):
        start = time.perf_counter()
        solver = g.TauHybridCSolver(model=model)
        COMPILE_SECONDS["gillespy2"] = time.perf_counter() - start
        start = time.perf_counter()
        result = solver.run(
            number_of_trajectories=trajectories,
            seed=seed,
            tau_tol=tau_tol,
            integrator_options={"rtol": 1e-6, "atol": 1e-6},
        )
        seconds = time.perf_counter() - start
    occupations = np.array([[run["n0"], run["n1"]] for run in result]).transpose(0, 2, 1)
    return occupations[:, index * refine], seconds
