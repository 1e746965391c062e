"""What a run is compared with: Schroedinger's equation, the mean field, the noise of a finite N, and words where one is
missing. All of it takes seconds, whatever P, T and H: what would take longer is left out, and said to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tomlkit
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model import rule_tables
from copympi.model.rules import Rule
from copympi.model.schedule import Schedule
from copympi.report.numbers import significant
from copympi.storage.reading import Results
from copympi.text import humane
from copympi.theory import guided, lows, mean_field, noise, ordered, pinned, schrodinger

GAUSSIAN_FROM = 20
"""Occupations below which the linear noise approximation means nothing."""
FLOOR = 1e-10
"""Variances of sqrt(N) rho below which there is nothing but rounding: no noise is expected."""
ACCURACY, WORST = 1e-3, 0.03
"""Relative error of a variance that is asked for, and that is still shown."""
WORK = 4e8
"""Multiplications of complex numbers for the noise, about two seconds; so many for |Psi|^2 between records."""
OVERHEAD, PINNED_WORK, RULED_WORK, GUIDED_WORK = 6e4, 2e9, 4e8, 4e9
"""An evaluation of the equations with spectators costs this besides, and all of them so much, in multiplications."""
FEWEST = 50
"""Records that are looked at however many beables there are."""

LEFT_OUT = "nobody can copy a beable that a filter has emptied, which Schrödinger's equation fills again"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Theory:
    """All (K, P). quantum : |Psi|^2, NaN where it was not worked out; mean : rho of the mean field, which is quantum
    without spectators and filters, NaN where not worked out; variance : N Var of rho, N that of the start, NaN where it
    means nothing or was not worked out. words : what to say of what is missing, "-: " before what a dash in the table
    stands for. independent : how many independent numbers deviations come to, NaN where not known."""

    quantum: Floats
    mean: Floats
    variance: Floats
    words: tuple[str, ...] = ()
    independent: float = np.nan


def preparation_of(results: Results) -> dict[str, Any]:
    """The section [preparation] of the run's config; empty where that is not known."""
    config: Any = tomlkit.parse(str(results.attributes.get("config", ""))).unwrap()
    return dict(config.get("preparation", {}))


def spectators_of(results: Results) -> int:
    """Pinned members of each beable, as the run's config has them."""
    return int(preparation_of(results).get("spectators", 0))


def rule_of(results: Results) -> Rule | None:
    """The copy rule of the run's config; None where it is in files that are not known here, or a function."""
    given = results.attributes.get("rule")
    config: Any = tomlkit.parse(str(results.attributes.get("config", ""))).unwrap()
    try:
        found = rule_tables.of(config.get("dynamics", {}).get("rule") if given is None else given)
    except InputError:
        return None
    return found if isinstance(found, Rule) else None


def mixing_of(results: Results) -> float | None:
    """dynamics.guide_mixing where Schroedinger's wavefunction guided the systems; None of copies."""
    given = results.attributes.get("guide")
    if given is None:
        config: Any = tomlkit.parse(str(results.attributes.get("config", ""))).unwrap()
        given = config.get("dynamics", {})
    return float(given.get("guide_mixing", 0.0)) if given.get("guide") == "schroedinger" else None


def kept(results: Results) -> NDArray[np.intp]:
    """Which profiles a report looks at: all of them, if that takes seconds; always the first and the last."""
    T, P = results.profile_time.size, results.system.P
    if noise.SMALL >= P:
        most = WORK / (14 * (P**3 + 2000))
    else:
        most = WORK / (4 * (P**2 if schrodinger.DENSE_TO >= P else 24 * results.system.elements))
    every = -(-max(T - 1, 1) // max(FEWEST, int(most)))
    return np.unique(np.append(np.arange(0, T, every), T - 1))


def still_open(results: Results, which: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which beables no filter has emptied at the profiles `which` (K,): (K, P)."""
    return results.schedule.still_open(results.profile_time[which], results.system.P)


def work_out(results: Results, which: NDArray[np.intp], n: NDArray[Any]) -> Theory:
    """Theory at the profiles `which` (K,). n (R, P): occupations at t = 0."""
    time, P = results.profile_time[which], results.system.P
    unknown = np.full((time.size, P), np.nan)
    quantum, words = unknown, []
    if which.size < results.profile_time.size:
        words.append(f"at {which.size:,} of {results.profile_time.size:,} records: all of them would take minutes")
    schedule, mean = results.schedule.closed(results.system), None
    if schrodinger.affordable(results.system, time, WORK, results.schedule):
        quantum = mean = schrodinger.density(results.system, results.state, time, results.schedule)
        if schedule is not results.schedule:
            mean = schrodinger.density(results.system, results.state, time, schedule)
            words.append(f"differences are from the copies' mean field: {LEFT_OUT}")
    else:
        words.append("-: no comparison with Schrödinger's equation: it would take minutes for such an H and duration")
    theory = Theory(quantum, quantum if mean is None else mean, unknown, tuple(words))
    if "lineages" in results.measured:  # phases of their own: neither that mean field nor that noise is theirs
        return theory
    mixing = mixing_of(results)
    if mixing is not None:
        return _guided(results, theory, time, n[0], mixing)
    rule = rule_of(results)
    if rule is None or not rule.quantum:
        return _ruled(results, theory, time, n[0], rule)
    if results.infinite:
        return replace(theory, variance=np.zeros_like(quantum))
    s = spectators_of(results)
    empty = np.flatnonzero(n[0] == 0)
    if empty.size:
        name = results.system.labels[empty[0]]
        return _said(theory, f"-: no expected noise: beable {name} has no member at t = 0, so it stays empty")
    if s and results.schedule:
        unknown_mean = replace(theory, mean=np.full((time.size, P), np.nan))
        word = "-: no mean field with spectators, nor expected noise, where H is switched or members leave"
        return _said(unknown_mean, word)
    return _pinned(results, theory, time, n[0], s) if s else _free(results, theory, time, schedule)


def _guided(results: Results, theory: Theory, time: Floats, n: NDArray[Any], mixing: float) -> Theory:
    """Of systems that Psi guides, each by itself. n (P,): where they were at t = 0."""
    system, shares = results.system, np.asarray(n, float) / float(n.sum())
    apart = preparation_of(results).get("guided") is not None
    start = results.state
    if not apart:
        start = np.sqrt(shares) * np.exp(-1j * np.nan_to_num(np.asarray(results.phase[0, 0], dtype=float)))
    else:
        theory = replace(theory, mean=np.full_like(theory.quantum, np.nan))
    missing = "-: no expected noise" + (", nor expected numbers" if apart else "")
    if results.schedule.filters:
        return _said(theory, f"{missing}, where systems leave by a filter")
    too_long = _said(theory, f"{missing}: to follow single systems would take minutes for such an H and duration")
    if noise.SMALL < system.P or guided.cost(system, time, results.schedule) > GUIDED_WORK:
        return too_long
    most = guided.panels_for(system, GUIDED_WORK)
    try:
        M = guided.transitions(system, start, time, mixing, results.schedule, shares=shares, most=most)
    except ordered.TooManyPanels:
        return too_long
    word = "differences are from what single systems do that begin so and are guided by Schrödinger's equation"
    theory = _said(replace(theory, mean=M @ shares), word) if apart else theory
    return _with(theory, guided.spread(M, shares))


def _ruled(results: Results, theory: Theory, time: Floats, n: NDArray[Any], rule: Rule | None) -> Theory:
    """Under another copy rule than that of quantum mechanics. n (P,): occupations at t = 0."""
    noise_of = np.zeros_like(theory.variance) if results.infinite else theory.variance
    theory = replace(theory, variance=noise_of, mean=np.full_like(theory.quantum, np.nan))
    start = np.sqrt(n / n.sum()) * np.exp(-1j * np.nan_to_num(np.asarray(results.phase[0, 0], dtype=float)))
    unknown = rule is None or rule.excess != (0.0, 0.0) or spectators_of(results) or bool(results.schedule)
    if rule is None or unknown:
        return _said(theory, "-: the mean field of this copy rule is not known here")
    most = int(RULED_WORK / (OVERHEAD + 400.0 * results.system.elements * len(rule.harmonics)))
    try:
        mean = np.abs(mean_field.evolve(results.system, start, time, rule, 1e-9, most)) ** 2
    except mean_field.TooStiff:
        return _said(theory, "-: to follow the mean field of this copy rule would take minutes")
    word = "differences are from the mean field of the copy rule"
    return _said(replace(theory, mean=mean), word if results.infinite else f"{word}, whose noise is not known")


def _free(results: Results, theory: Theory, time: Floats, schedule: Schedule) -> Theory:
    """Without spectators: the mean field is Schroedinger's, of a `schedule` as copies have it."""
    system, P = results.system, results.system.P
    if noise.SMALL < P:
        return _said(theory, f"-: no expected noise: worked out for up to {noise.SMALL} beables")
    if not lows.affordable(system, time, WORK / 4, schedule):
        word = "-: no expected noise: to follow Schrödinger's equation between records would take minutes"
        return _said(theory, word)
    low = lows.lowest(system, results.state, time, schedule)
    valid, word = _valid(results, theory.mean, low, time)
    most = WORK / (P**3 + 2000)
    if word:
        theory = _said(theory, word)
    if valid and 7 * noise.panels_for(system, time[:valid], schedule) > most:
        return _said(theory, "-: no expected noise: it would take minutes for such an H and duration")
    found, error, numbers = noise.variance(system, results.state, time[:valid], ACCURACY, most, schedule)
    if error > WORST:
        return _said(theory, f"-: no expected noise: to know it better than to {error:.0%} would take minutes")
    return replace(_with(theory, found), independent=numbers)


def _pinned(results: Results, theory: Theory, time: Floats, n: NDArray[Any], s: int) -> Theory:
    """With s spectators of each beable. n (P,): occupations at t = 0, as the run had them."""
    system, P, N = results.system, results.system.P, float(results.members)
    mine = f"{humane(s)} spectator{'s' if s > 1 else ''} a beable"
    unknown = np.full((time.size, P), np.nan)
    start = np.sqrt(n / N) * np.exp(-1j * np.asarray(results.phase[0, 0], dtype=float))
    try:
        most = int(PINNED_WORK / (40 * P**2 + OVERHEAD))
        mean, low = pinned.mean(system, start, time, s / N, most)
    except pinned.TooLong:
        theory = _said(theory, f"-: no mean field with {mine}, nor expected noise: they would take minutes")
        word = f"differences are from Schrödinger's equation, which the mean field leaves by some {s:,}/n of each flow"
        return _said(replace(theory, mean=unknown), word)
    theory = _said(replace(theory, mean=mean), f"differences are from the mean field with {mine}")
    valid, word = _valid(results, mean, low, time)
    if word:
        theory = _said(theory, word)
    try:
        most = int(PINNED_WORK / (16 * P**3 + 40 * P**2 + OVERHEAD))
        found = pinned.variance(system, start, time[:valid], s / N, most)
    except pinned.TooLong:
        return _said(theory, f"-: no expected noise: with {mine} it would take minutes for such an H and duration")
    return _with(theory, found)


def _valid(results: Results, mean: Floats, low: Floats, time: Floats) -> tuple[int, str]:
    """How many records come before some beable runs low, between records too, and what to say of it."""
    N = float(results.members)
    floor = GAUSSIAN_FROM / N
    if np.any(mean[0] < floor):
        valid, least, when, then = 0, mean[0], "at all", "at t = 0"
    else:
        valid = lows.first_below(low, floor)
        if valid > low.shape[0]:
            return time.size, ""
        least, when, then = low[valid - 1], f"after t = {time[valid - 1]:.6g}", f"by t = {time[valid]:.6g}"
    a = int(np.argmin(least))
    few = f"{then} beable {results.system.labels[a]} is down to {significant(N * least[a])} members in the mean"
    return valid, f"-: no expected noise {when}: {few}, and below {GAUSSIAN_FROM} it is not known"


def _said(theory: Theory, word: str) -> Theory:
    return replace(theory, words=(*theory.words, word))


def _with(theory: Theory, found: Floats) -> Theory:
    """With the variances of the first records."""
    variance = theory.variance.copy()
    variance[: len(found)] = np.where(found > FLOOR, found, 0.0)
    return replace(theory, variance=variance)
