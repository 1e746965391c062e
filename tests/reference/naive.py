"""Naive, slow, obvious simulations of copy dynamics: the oracle for statistical tests of the fast code.

Independent of the package: NumPy only, nothing imported from it. Equation numbers are those of L. Smolin, Found.
Phys. 42 (2012) 1239, with the errata of docs/physics.md. Nothing here is clever; verify it by eye.

Notation. N members; member I has a beable a_I in 0..P-1 and a phase phi_I. n_a members have beable a; n_I = n_{a_I}.
From a Hermitian H come omega_a = H_aa/hbar and, for a != b, H_ab/hbar = R_ab exp(i delta_ab) (38), so R_ab = R_ba and
delta_ba = -delta_ab. sin+(x) = max(0, sin x).

Copying (39, corrected): I copies J, a_I != a_J (so a_I := a_J and phi_I := phi_J), at the rate

    2 R[a_J,a_I] / sqrt(n_I n_J) * sin+(phi_J - phi_I + delta[a_J,a_I])

Phases (40):

    dphi_I/dt = omega_{a_I} + sum_{J: a_J != a_I} R[a_I,a_J] / sqrt(n_I n_J) * cos(phi_I - phi_J + delta[a_I,a_J])

Three simulations of an ensemble whose members of one beable start with one common phase (and therefore keep one):

    members_and_pairs  one ensemble, members and pairs held one by one, short steps  (slowest, most literal)
    many               the same discrete law, vectorised over independent runs       (bias: first order in `step`)
    gillespie_many     the exact jump process in continuous time, by thinning        (no bias but RK4's: best oracle)

An empty beable (n_a = 0) stays empty: there is nothing to copy. Its phase means nothing; it turns at omega_a.

With `spectators` s, s of the members of each beable at the start never copy; all else about them is as of everyone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Rules(NamedTuple):
    """The Hamiltonian as (38) splits it: omega (P,), R (P, P) with zeros on the diagonal, delta (P, P)."""

    omega: Floats
    R: Floats
    delta: Floats


def rules(H: ArrayLike, hbar: float = 1.0) -> Rules:
    """Split a Hermitian H (P, P) into omega, R and delta (38)."""
    G = np.asarray(H, dtype=complex) / hbar
    if not np.allclose(G, G.conj().T):
        raise ValueError("H is not Hermitian")
    R = np.abs(G)
    np.fill_diagonal(R, 0.0)  # so that terms with a_I = a_J vanish from every sum below
    return Rules(np.diag(G).real.copy(), R, np.angle(G))


def sin_plus(x: Floats) -> Floats:
    """sin+(x) = max(0, sin x), any shape."""
    return np.maximum(0.0, np.sin(x))


def substeps(times: ArrayLike, step: float) -> list[tuple[int, float]]:
    """How many equal steps, none over `step`, and of what length, lead to each time (T,) from the one before."""
    gaps = np.diff(np.asarray(times, dtype=float), prepend=0.0)
    if np.any(gaps < 0.0) or step <= 0.0:
        raise ValueError("times must ascend from 0, and step must be positive")
    numbers = [int(np.ceil(gap / step * (1.0 - 1e-12))) for gap in gaps]
    return [(k, gap / max(k, 1)) for k, gap in zip(numbers, gaps, strict=True)]


# 1. Members and pairs ----------------------------------------------------------------------------------------------


def copy_rates_of_member(i: int, a: Ints, phi: Floats, n: Ints, law: Rules) -> Floats:
    """(N,) rates at which member i copies each J: (39, corrected). Zero where a_J = a_i. a (N,), phi (N,), n (P,)."""
    strength = 2.0 * law.R[a, a[i]] / np.sqrt(n[a[i]] * n[a])
    return strength * sin_plus(phi - phi[i] + law.delta[a, a[i]])


def phase_velocity_of_member(i: int, a: Ints, phi: Floats, n: Ints, law: Rules) -> float:
    """dphi_i/dt of (40), the sum over all J written out. a (N,), phi (N,), n (P,)."""
    strength = law.R[a[i], a] / np.sqrt(n[a[i]] * n[a])
    return law.omega[a[i]] + np.sum(strength * np.cos(phi[i] - phi + law.delta[a[i], a]))


def pinned(counts: ArrayLike, spectators: int) -> NDArray[np.bool_]:
    """Which members (N,), in order of beables, are spectators: the first of each beable."""
    return np.concatenate([np.arange(n) < spectators for n in np.asarray(counts)])


def members_step(
    a: Ints, phi: Floats, h: float, law: Rules, rng: np.random.Generator, still: NDArray[np.bool_]
) -> tuple[Ints, Floats]:
    """One short step h of members a (N,), phi (N,), of whom `still` (N,) never copy: returns the new a and phi.

    Copying uses the state at the start. Member I leaves with probability 1 - exp(-h * its total rate), and then
    chooses J in proportion to the pair rates. Phases take a midpoint step of (40) with everyone still in his old
    beable. One who copied J takes J's old beable and the phase J has reached in it, and so agrees bit for bit with
    J's mates.
    """
    members = range(len(a))
    n = np.bincount(a, minlength=len(law.omega))

    copied = np.arange(len(a))  # copied[I] = J, or I itself if I copies nobody
    for i in members:
        cumulative = np.cumsum(copy_rates_of_member(i, a, phi, n, law))
        total = cumulative[-1]
        if rng.random() < -np.expm1(-h * total) and not still[i]:
            copied[i] = np.searchsorted(cumulative, rng.random() * total, side="right")

    middle = phi + 0.5 * h * np.array([phase_velocity_of_member(i, a, phi, n, law) for i in members])
    end = phi + h * np.array([phase_velocity_of_member(i, a, middle, n, law) for i in members])
    return a[copied], end[copied]


def members_and_pairs(
    H: ArrayLike,
    counts: ArrayLike,
    phase: ArrayLike,
    times: ArrayLike,
    step: float,
    rng: np.random.Generator,
    hbar: float = 1.0,
    spectators: int = 0,
) -> Ints:
    """One ensemble, held member by member: occupation numbers (T, P) at the T ascending times (start: t = 0).

    H (P, P) Hermitian; counts (P,) members and phase (P,) their common phase, per beable, at the start.
    The steps are equal within each interval between outputs and never longer than `step`.
    """
    law = rules(H, hbar)
    P = len(law.omega)
    a = np.repeat(np.arange(P), np.asarray(counts))
    still = pinned(counts, spectators)
    phi = np.asarray(phase, dtype=float)[a]
    out = []
    for number, h in substeps(times, step):
        for _ in range(number):
            a, phi = members_step(a, phi, h, law, rng, still)
        out.append(np.bincount(a, minlength=P))
    return np.array(out)


# 2. The same law with one phase per beable, many runs at once ------------------------------------------------------


def root_ratio(n: NDArray) -> Floats:
    """sqrt(n_b/n_a) at [run, a, b], for n (runs, P); zero where n_a or n_b is zero. Result (runs, P, P)."""
    below = np.where(n > 0, n, 1)[:, :, None]
    return np.where(n[:, :, None] > 0, np.sqrt(n[:, None, :] / below), 0.0)


def aligned_copy_rates(n: NDArray, phi: Floats, law: Rules) -> Floats:
    """T[b->a] = 2 R_ab sqrt(n_a/n_b) sin+(phi_a - phi_b + delta_ab) of ONE member in b, at [run, b, a].

    n (runs, P), phi (runs, P); result (runs, P, P): first the beable left, then the beable copied.
    """
    sine = sin_plus(phi[:, None, :] - phi[:, :, None] + law.delta.T)
    return 2.0 * law.R.T * root_ratio(n) * sine


def aligned_phase_velocity(n: NDArray, phi: Floats, law: Rules) -> Floats:
    """dphi_a/dt = omega_a + sum_b R_ab sqrt(n_b/n_a) cos(phi_a - phi_b + delta_ab) (33). All (runs, P)."""
    cosine = np.cos(phi[:, :, None] - phi[:, None, :] + law.delta)
    return law.omega + np.sum(law.R * root_ratio(n) * cosine, axis=2)


def count(a: Ints, P: int) -> Ints:
    """Occupation numbers (runs, P) of the members' beables a (runs, N)."""
    return np.stack([np.sum(a == b, axis=1) for b in range(P)], axis=1)


def many_states(
    H: ArrayLike,
    counts: ArrayLike,
    phase: ArrayLike,
    times: ArrayLike,
    step: float,
    runs: int,
    seed: int,
    hbar: float = 1.0,
    spectators: int = 0,
) -> tuple[Ints, Floats]:
    """As `many`, which see, but returns the phases too: n (runs, T, P) and phi (runs, T, P)."""
    law = rules(H, hbar)
    P = len(law.omega)
    rng = np.random.default_rng(seed)
    a = np.tile(np.repeat(np.arange(P), np.asarray(counts)), (runs, 1))  # (runs, N), every member by himself
    still = pinned(counts, spectators)
    phi = np.tile(np.asarray(phase, dtype=float), (runs, 1))  # (runs, P), one phase per beable
    n = count(a, P)
    out_n, out_phi = [], []
    for number, h in substeps(times, step):
        for _ in range(number):
            # Copying, from the state at the start: the chance of b -> a in this step, at [run, b, a].
            rate = aligned_copy_rates(n, phi, law)
            total = np.sum(rate, axis=2, keepdims=True)
            chance = -np.expm1(-h * total) * rate / np.where(total > 0.0, total, 1.0)
            # One uniform number per member against the cumulative chances of his beable: (runs, N, P).
            bound = np.cumsum(chance, axis=2)[np.arange(runs)[:, None], a]
            target = np.sum(rng.random(a.shape)[:, :, None] >= bound, axis=2)
            a = np.where((target < P) & ~still, target, a)  # target = P: past all the chances, so he stays
            # Phases: midpoint with the occupation numbers of the start.
            middle = phi + 0.5 * h * aligned_phase_velocity(n, phi, law)
            phi = phi + h * aligned_phase_velocity(n, middle, law)
            n = count(a, P)
        out_n.append(n)
        out_phi.append(phi)
    return np.stack(out_n, axis=1), np.stack(out_phi, axis=1)


def many(
    H: ArrayLike,
    counts: ArrayLike,
    phase: ArrayLike,
    times: ArrayLike,
    step: float,
    runs: int,
    seed: int,
    hbar: float = 1.0,
    spectators: int = 0,
) -> Ints:
    """Independent runs of the discrete law of `members_and_pairs`: occupation numbers (runs, T, P).

    Still one random draw per member and step, but with the sums over J done on paper. All members of a share one
    phase phi_a (they start so, and members_step keeps it so). The n_a members J of beable a then offer a member I of
    b equal rates (39), 2 R_ab / sqrt(n_a n_b) sin+(phi_a - phi_b + delta_ab), and together

        n_a * 2 R_ab / sqrt(n_a n_b) sin+(...) = 2 R_ab sqrt(n_a/n_b) sin+(phi_a - phi_b + delta_ab) = T[b->a];

    choosing J among all in proportion to the rates is choosing a in proportion to T[b->a], and which J of a it is
    does not matter. Likewise the sum over J of (40) is

        sum_b n_b * R_ab / sqrt(n_a n_b) cos(...) = sum_b R_ab sqrt(n_b/n_a) cos(phi_a - phi_b + delta_ab),

    the same for all members of a. `check_equivalence` compares both on random states. Arguments as members_and_pairs.
    """
    return many_states(H, counts, phase, times, step, runs, seed, hbar, spectators)[0]


def check_equivalence(states: int = 100, N: int = 40, P: int = 4, seed: int = 0) -> float:
    """Largest difference, over random Hamiltonians and aligned states, between pair sums and aligned forms.

    Compares, for every member, the summed rate of copying into each beable and the phase velocity, some beables
    being empty in some states; relative to 1 + the value. To be 1e-12 or less.
    """
    rng = np.random.default_rng(seed)
    worst = 0.0
    for _ in range(states):
        M = rng.normal(size=(P, P)) + 1j * rng.normal(size=(P, P))
        law = rules(M + M.conj().T)
        present = rng.permutation(P)[: rng.integers(1, P + 1)]
        a = rng.choice(present, size=N)
        phi = rng.uniform(-np.pi, np.pi, size=P)
        n = np.bincount(a, minlength=P)
        rate = aligned_copy_rates(n[None], phi[None], law)[0]
        velocity = aligned_phase_velocity(n[None], phi[None], law)[0]
        for i in range(N):
            pairs = copy_rates_of_member(i, a, phi[a], n, law)
            into = np.bincount(a, weights=pairs, minlength=P)  # summed over the J of each beable
            worst = max(worst, np.max(np.abs(into - rate[a[i]]) / (1.0 + rate[a[i]])))
            difference = abs(phase_velocity_of_member(i, a, phi[a], n, law) - velocity[a[i]])
            worst = max(worst, difference / (1.0 + abs(velocity[a[i]])))
    return float(worst)


# 3. The exact process in continuous time ---------------------------------------------------------------------------


def rk4(n: NDArray, phi: Floats, h: Floats, law: Rules) -> Floats:
    """Phases (runs, P) after a time h (runs, 1) of (33) with n (runs, P) constant: the classical Runge-Kutta step."""
    k1 = aligned_phase_velocity(n, phi, law)
    k2 = aligned_phase_velocity(n, phi + 0.5 * h * k1, law)
    k3 = aligned_phase_velocity(n, phi + 0.5 * h * k2, law)
    k4 = aligned_phase_velocity(n, phi + h * k3, law)
    return phi + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def gillespie_many(
    H: ArrayLike,
    counts: ArrayLike,
    phase: ArrayLike,
    times: ArrayLike,
    step: float,
    runs: int,
    seed: int,
    hbar: float = 1.0,
    spectators: int = 0,
    filters: dict[float, tuple[int, ...]] | None = None,
) -> Ints:
    """The exact aligned process, any P: occupation numbers (runs, T, P). Arguments as members_and_pairs.

    filters: at these of the times, once they are written, all members of other beables leave, spectators too.

    The state of a run is n (P,) and phi (P,). Between jumps n is constant and phi follows (33), an ODE. The jump
    b -> a (n_b falls by 1, n_a rises by 1, phases stay) has the hazard n_b T[b->a] = 2 R_ab sqrt(n_a n_b) sin+(...),
    with spectators (n_b - s) T[b->a]. At any instant one direction of a pair is open at most, so the sum of all
    hazards never exceeds

        bound = sum_{a<b} 2 R_ab sqrt(n_a n_b),

    which is constant between jumps. Thinning (exact): candidate events come at the constant rate `bound`; one that
    comes when the hazards are h_1, h_2, ... is jump k with probability h_k/bound, and else nothing happens.

    Each run has its own clock. In one pass of the loop every run moves to whichever comes first: its candidate event,
    its next output time, or `step` later. So `step` only limits the RK4 step of the phases: an error O(step^4).
    """
    law = rules(H, hbar)
    P = len(law.omega)
    rng = np.random.default_rng(seed)
    times = np.asarray(times, dtype=float)
    substeps(times, step)  # for its checks

    n = np.tile(np.asarray(counts, dtype=np.int64), (runs, 1))
    phi = np.tile(np.asarray(phase, dtype=float), (runs, 1))
    out = np.zeros((runs, len(times), P), dtype=np.int64)
    clock = np.zeros(runs)
    done = np.zeros(runs, dtype=np.int64)  # outputs written so far
    event = waiting_time(n, law, rng)  # (runs,) time of the next candidate event

    while True:
        # Write every output that is due, then keep only the unfinished runs.
        live = np.flatnonzero(done < len(times))
        due = live[clock[live] == times[done[live]]]
        out[due, done[due]] = n[due]
        for time, beables in (filters or {}).items():
            there = due[times[done[due]] == time]
            n[np.ix_(there, np.setdiff1d(np.arange(P), beables))] = 0
            event[there] = clock[there] + waiting_time(n[there], law, rng)
        done[due] += 1
        if len(due) > 0:
            continue  # an output time may be given twice
        if len(live) == 0:
            return out

        # Move each run to its candidate, its output time or the end of the step, whichever is first.
        goal = np.minimum(np.minimum(event[live], times[done[live]]), clock[live] + step)
        phi[live] = rk4(n[live], phi[live], (goal - clock[live])[:, None], law)
        clock[live] = goal

        # Candidates: jump k with probability hazard_k / bound; the last index of `jump` means that nothing happens.
        now = live[goal == event[live]]
        if len(now) > 0:
            hazard = (n[now] - spectators)[:, :, None] * aligned_copy_rates(n[now], phi[now], law)  # [run, b, a]
            cumulative = np.cumsum(hazard.reshape(-1, P * P), axis=1)
            draw = rng.random(len(now)) * hazard_bound(n[now], law)
            jump = np.sum(draw[:, None] >= cumulative, axis=1)
            jumps = jump < P * P
            b, a = np.divmod(jump[jumps], P)
            n[now[jumps], b] -= 1
            n[now[jumps], a] += 1
            event[now] = clock[now] + waiting_time(n[now], law, rng)


def hazard_bound(n: NDArray, law: Rules) -> Floats:
    """sum_{a<b} 2 R_ab sqrt(n_a n_b), (runs,), for n (runs, P)."""
    root = np.sqrt(n)
    return np.einsum("ra,ab,rb->r", root, law.R, root)  # ordered pairs, so each pair counts twice


def waiting_time(n: NDArray, law: Rules, rng: np.random.Generator) -> Floats:
    """Exponential waiting times (runs,) at the rate hazard_bound; infinite where nothing can ever happen."""
    bound = hazard_bound(n, law)
    wait = rng.exponential(size=len(bound)) / np.where(bound > 0.0, bound, 1.0)
    return np.where(bound > 0.0, wait, np.inf)
