"""A smooth H(t) as constant Hamiltonians, one after the other, that a mean field cannot tell from it.

A step between two records is of one constant Hamiltonian (the mean) or of two (Magnus' expansion to fourth order
without commutators, model/magnus.py), whichever do within the step's share of the tolerance; else it is halved. All of
them are combinations of the H_j, so that nothing is coupled that H(t) does not couple, and a lattice remains one.

Why two, and not an effective Hamiltonian with commutators: copies follow the couplings themselves. What two
Hamiltonians differ from H(t) by on a step has neither a mean nor a first moment; so flows, and with them the noise of N
copies, come out to fourth order in h too wherever no flow turns round. Where one does, copies of about the integral of
|W - W_step| are wrong, in parts of N: that is what `moved` bounds, step by step. Within a step the path is off by
O(h^2), which comes back to O(h^5) at its end, so steps end on records.

Where steps end depends on the pulses, the times of records and the two bounds, of many beables on Psi at the start too;
never on the duration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, frexp, inf, ldexp

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model.carried import Carried
from copympi.model.magnus import LEAN, LOOKS, Norms, Step
from copympi.model.pulses import Pulse

Array = NDArray[np.float64]
PART = 0.2
"""Of the tolerance, for what the constant Hamiltonians are off by; the steps of the dynamics have theirs besides."""
ROUNDED, JUMP = 0.01, 0.02
"""Of that, what pulses may be rounded by, and what a place where a function jumps may take."""
MOVED = 0.25
"""Of the leaving chance: how far members may go wrong in a step in which a flow turns round, in parts of them all."""
SAME = 5e-9
"""Of the interval of records: times nearer than this are one, and no step is shorter (but for FINEST)."""
MOST = 10**6
"""Steps that are tried at most."""
FINEST = 5e-12
"""Shortest step, relative to the time it is at: a schedule wants times that can be told apart."""


@dataclass(frozen=True)
class Bounds:
    """How good the constant Hamiltonians must be.

    interval : time between records. share : which part of the tolerance belongs to the interval up to record 1, 2, ...
    tolerance : error of rho over the whole run. moved : see the module; leaving chance times MOVED.
    """

    interval: float
    share: Callable[[int], float]
    tolerance: float
    moved: float

    def budget(self, record: int) -> float:
        """What rho may be off by due to the interval before a record."""
        return PART * self.tolerance * self.share(record)


@dataclass(frozen=True)
class Piece:
    """From `start` on H is H_0 + sum_j coefficients[j] H_j, (J,), until the next piece."""

    start: float
    coefficients: tuple[float, ...]


def staircase(
    norms: Norms,
    pulses: Sequence[Pulse],
    bounds: Bounds,
    span: tuple[float, float],
    carried: Carried | None = None,
    key: str = "system.drive",
) -> list[Piece]:
    """Constant Hamiltonians in place of H(t) = H_0 + sum_j f_j(t) H_j from span[0] to span[1].

    norms : of H_0/hbar, .. H_J/hbar. carried : Psi at span[0], on which errors are judged, and which is carried on to
    span[1]; None: operators are. Where a function jumps, time is halved until a step is short enough, at last to 1e-8
    of the interval. InputError names `key` where more than MOST steps would be needed.
    """
    made = _Staircase(norms, pulses, bounds, key, carried)
    for begin, end, record in panels(pulses, bounds.interval, span):
        made.cover(begin, end, record)
    return made.pieces


def panels(pulses: Sequence[Pulse], interval: float, span: tuple[float, float]) -> Iterator[tuple[float, float, int]]:
    """(begin, end, number of the record it belongs to) between neighbouring records and marks, one after the other."""
    begin, last = span
    others = sorted({x for pulse in pulses for x in pulse.marks if begin < x < last})
    at, record = 0, floor(begin / interval + SAME) + 1
    while begin < last:
        end = min(record * interval, last) if record * interval < last - SAME * interval else last
        while at < len(others) and others[at] <= begin + SAME * interval:
            at += 1
        inner = at < len(others) and others[at] < end - SAME * interval
        stop = others[at] if inner else end
        yield begin, stop, record
        begin, record = stop, record if inner else record + 1


class _Staircase:
    """The pieces so far, and the steps that were tried for them."""

    def __init__(
        self, norms: Norms, pulses: Sequence[Pulse], bounds: Bounds, key: str, carried: Carried | None
    ) -> None:
        self.norms, self.pulses, self.bounds, self.key, self.carried = norms, pulses, bounds, key, carried
        self.longest = min((pulse.longest for pulse in pulses), default=inf)
        self.tried = 0
        self.pieces: list[Piece] = []

    def cover(self, begin: float, end: float, record: int) -> None:
        """Add the pieces from begin to end, in the interval before a record, where the pulses are smooth."""
        budget = self.bounds.budget(record)
        parts = ceil((end - begin) / self.longest) if self.longest < inf else 1
        self._count(parts, end)
        edges = [begin + (end - begin) * k / parts for k in range(parts)] + [end]
        waiting = list(pairwise(edges))[::-1]
        while waiting:
            a, b = waiting.pop()
            self._count(1, a)
            step, middle = self._look(a, b), 0.5 * (a + b)
            one, two = self._do(step, b - a, budget * (b - a) / self.bounds.interval)
            if one or self._jumps(step, b, b - a, budget):
                self._add(a, b, step.mean, step, budget)
            elif two:
                self._add(a, middle, step.mean - LEAN * step.slope, step, budget)
                self._add(middle, b, step.mean + LEAN * step.slope, step, budget)
            else:
                waiting += [(middle, b), (a, middle)]

    def _do(self, step: Step, h: float, allowed: float) -> tuple[bool, bool]:
        """Whether one constant Hamiltonian does, and whether two do, where rho may be off by so much."""
        errors: tuple[float, ...] = (step.one, step.two)
        if self.carried is not None and allowed < 2 * step.two < inf:
            errors = tuple(step.rough + each for each in self.carried.errors(step.modes, h))
        one, two = (
            2 * error <= allowed and unlike <= self.bounds.moved
            for error, unlike in zip(errors, step.unlike, strict=True)
        )
        return one, two

    def _look(self, a: float, b: float) -> Step:
        t = 0.5 * (a + b) + 0.5 * (b - a) * LOOKS
        return self.norms.step(np.column_stack([pulse(t) for pulse in self.pulses]), b - a)

    def _jumps(self, step: Step, t: float, h: float, budget: float) -> bool:
        """Whether the step is so short that it matters no more how pulses change in it, as where a function jumps."""
        finest = max(2 * SAME * self.bounds.interval, 2 * FINEST * t)
        return 4 * h * float(step.jump @ self.norms.spread[1:]) <= JUMP * budget or h <= finest

    def _add(self, start: float, end: float, values: Array, step: Step, budget: float) -> None:
        """A piece with rounded coefficients, unless the one before has the same.

        They are rounded to binary digits that the error allows, so that tails end, and last bits of the C library's
        functions, which differ from machine to machine, do not show. A pulse that stands still keeps its value.
        """
        digits = ROUNDED * budget / self.bounds.interval / np.maximum(self.norms.spread[1:], 1e-300) / len(values)
        rounded = tuple(
            float(value) if still else _rounded(float(value), float(most))
            for value, still, most in zip(values, step.jump == 0, digits, strict=True)
        )
        if not self.pieces or self.pieces[-1].coefficients != rounded:
            self.pieces.append(Piece(start, rounded))
        if self.carried is not None:
            self.carried.go(rounded, end - start, float(self.norms.spread @ np.abs([1.0, *rounded])))

    def _count(self, steps: int, t: float) -> None:
        self.tried += steps
        if self.tried > MOST:
            why = f"must vary less: more than {MOST:,} constant Hamiltonians would be needed by t = {t:g}"
            raise InputError(self.key, f"{len(self.pulses)} pulses", why)


def _rounded(value: float, most: float) -> float:
    """The value off by at most `most`, with no more binary digits than that takes."""
    unit = ldexp(1.0, max(frexp(most)[1], -1000))  # 1 to 2 times `most`
    return round(value / unit) * unit if abs(value / unit) < 2**53 else value
