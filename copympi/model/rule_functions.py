"""Copy rules that are Python functions: any rates of copying and any turning of phases, pair by pair; slow, but right.

With D = phi_a - phi_b, from -pi to pi, n_a, n_b members and H_ab/hbar = R_ab exp(i delta_ab):

    a member in b moves to a at the rate   copying(n_a, n_b, D, R, delta)
    the phase of a turns at                omega_a + sum_b turning(n_a, n_b, D, R, delta)

Nothing passes between a and b, and neither turns the other, while one of them has no members.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from copympi.errors import DynamicsError, InputError
from copympi.kernels import portable
from copympi.model.rules import CLASSES, FUNCTION, Rule, pattern
from copympi.model.system import System

CALLED = "a Python function "
"""What stands in a config in place of such a rule begins so: the run cannot be made again from it."""
LOOKS = 256
"""Pairs, at least, at which functions are tried before a run."""
FEWEST = 0.1
"""Members at which they are tried: a leap looks ahead to numbers that are not whole, and may come to smaller ones."""
TURN = 2.0 * np.pi

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class RuleFunction:
    """A copy rule given by two functions of NumPy arrays, whose elements are ordered pairs (a, b) that H couples.

    copying : function of (n_a, n_b, D, R, delta), (E,) float each, that gives the rate [1/time] at which one member in
        b moves to a: (E,) float >= 0, or a number. Quantum mechanics: 2 R sqrt(n_a/n_b) max(0, sin(D + delta)).
    turning : function of the same, what b gives to dphi_a/dt [rad/time]: (E,) float, or a number. Quantum mechanics:
        R sqrt(n_b/n_a) cos(D + delta).
    name : str, default "". What files call it; by default the names of the two functions.

    n_a, n_b : members, above 0; whole numbers in method "exact", real ones in a leap's prediction. D : phi_a - phi_b
    [rad], from -pi to pi. R, delta : of H_ab/hbar = R exp(i delta) [1/time, rad]. Arrays cannot be written to.

    Raises InputError where something is no function.
    """

    copying: Callable[..., Any]
    turning: Callable[..., Any]
    name: str = ""

    def __post_init__(self) -> None:
        for key in ("copying", "turning"):
            if not callable(getattr(self, key)):
                raise InputError(f"rule.{key}", getattr(self, key), "must be a function of (n_a, n_b, D, R, delta)")
        if not isinstance(self.name, str) or not self.name.isprintable():
            raise InputError("rule.name", self.name, "must be a line of text")
        if not self.name:
            names = [getattr(f, "__qualname__", type(f).__name__) for f in (self.copying, self.turning)]
            object.__setattr__(self, "name", ", ".join(names))

    kind, quantum, excess, harmonics = FUNCTION, False, (0.0, 0.0), ()
    """What a Rule has; nothing is known of a function's harmonics."""

    def within(self, widest: str) -> bool:
        """Whether it is of a class of rules: of none but that of functions.

        widest : str, one of rules.CLASSES.
        """
        return CLASSES.index(self.kind) <= CLASSES.index(widest)

    def fit(self, P: int) -> None:
        """It fits any number of beables.

        P : int [1].
        """

    def try_out(self, system: System, members: int, whole: bool) -> str:
        """A digest of what the functions give; InputError where that is no rule.

        They are tried at all D and numbers up to N. Values count to nine digits: those of other machines are the same.

        system : System. Its pairs are those they are tried at.
        members : int [1]. N.
        whole : bool. Whether numbers are whole, from 1 on; else from FEWEST on.
        """
        pairs, least = Pairs(self, system), 1.0 if whole else FEWEST
        hasher = xxhash.xxh3_64()
        size = max(pairs.a.size, 1)
        for look in range(max(4, -(-LOOKS // size))):
            at = 1.0 + np.arange(size) + look * size
            u, v, w = (at * step % 1.0 for step in (0.7548776662466927, 0.5698402909980532, 0.2207440846057595))
            n_a, n_b = (least * (max(members, 2) / least) ** np.array([u, v])).astype(float)
            if whole or look % 2:
                n_a, n_b = np.maximum(np.rint([n_a, n_b]), 1.0)
            D = np.asarray(TURN * w - np.pi, np.float64)
            for each in ("copying", "turning") if pairs.a.size else ():
                try:
                    values = pairs.values(each, n_a, n_b, D)
                except Unfit as problem:
                    raise InputError(f"rule.{each}", self.name, str(problem)) from problem.__cause__
                if (said := bad(each, values, n_a, n_b, D)) != "":
                    raise InputError(f"rule.{each}", self.name, said)
                hasher.update("".join(f"{value:.8e} " for value in values + 0.0).encode())
        return hasher.hexdigest()

    def __repr__(self) -> str:
        return CALLED + self.name


class Unfit(Exception):
    """A function did not give what it must; an exception of its own is the cause."""


class Pairs:
    """Its functions at the pairs of a System.

    a, b : (2 pairs,) int. All (a, b) with b < a, in the order of the kernels' pairs, then the same as (b, a).
    """

    def __init__(self, rule: RuleFunction, system: System) -> None:
        rows, columns, coupling = pattern(system)
        upper = rows < columns
        low, high = rows[upper], columns[upper]
        size, angle = portable.sizes(coupling[upper]), portable.angles(coupling[upper])
        self.rule = rule
        self.a, self.b = np.concatenate([high, low]), np.concatenate([low, high])
        self.R, self.delta = np.concatenate([size, size]), np.concatenate([-angle, angle])
        for each in (self.R, self.delta):
            each.flags.writeable = False

    def __call__(self, n: Floats, phase: Floats) -> tuple[Floats, Floats]:
        """Rates of one member of b to move to a, and what b gives to dphi_a/dt, (2 pairs,) each, of n, phase (P,).

        DynamicsError where a function gives no real numbers, or not one a pair, RuntimeError where it fails. Whether
        numbers are what they must be is for `complaint` to say: this is called over and over.
        """
        found, there = self._found(n, phase)
        if there is not None:
            found = [np.where(there, values, 0.0) for values in found]
        return found[0], found[1]

    def complaint(self, n: Floats, phase: Floats) -> DynamicsError:
        """What is wrong with numbers that the functions gave for n, phase (P,)."""
        found, _ = self._found(n, phase)
        n_a, n_b, D, _ = self._arguments(n, phase)
        for which, values in zip(("copying", "turning"), found, strict=True):
            if (said := bad(which, values, n_a, n_b, D)) != "":
                return DynamicsError(f"rule {self.rule.name}: {said}")
        return DynamicsError(f"rule {self.rule.name} does not give the same numbers twice")

    def _arguments(self, n: Floats, phase: Floats) -> tuple[Floats, Floats, Floats, NDArray[np.bool_] | None]:
        """n_a, n_b, D, and where both have members; None: everywhere."""
        n_a, n_b, D = n.take(self.a), n.take(self.b), phase.take(self.a)
        D -= phase.take(self.b)
        D -= TURN * np.rint(D / TURN)
        if n.all():
            return n_a, n_b, D, None
        there = (n_a > 0.0) & (n_b > 0.0)
        return np.where(there, n_a, 1.0), np.where(there, n_b, 1.0), D, there

    def _found(self, n: Floats, phase: Floats) -> tuple[list[Floats], NDArray[np.bool_] | None]:
        n_a, n_b, D, there = self._arguments(n, phase)
        try:
            return [self.values(which, n_a, n_b, D) for which in ("copying", "turning")], there
        except Unfit as problem:
            if problem.__cause__ is not None:
                raise RuntimeError(f"rule {self.rule.name} failed") from problem.__cause__
            raise DynamicsError(f"rule {self.rule.name}: {problem}") from None

    def values(self, which: str, n_a: Floats, n_b: Floats, D: Floats) -> Floats:
        """What one of the functions gives, (2 pairs,) float64; Unfit where it is not real numbers, one a pair."""
        for each in (n_a, n_b, D):
            each.flags.writeable = False
        try:
            values = np.asarray(getattr(self.rule, which)(n_a, n_b, D, self.R, self.delta))
        except Exception as problem:
            said = " ".join(str(problem).split())
            raise Unfit(f"{which} failed: {type(problem).__name__}: {said}") from problem
        if values.dtype == np.float64 and values.shape == D.shape:
            return np.ascontiguousarray(values)
        if values.dtype.kind not in "biuf" or values.shape not in ((), D.shape):
            shape, must = "x".join(map(str, values.shape)) or "one", f"{D.size} real numbers, one a pair, or one"
            raise Unfit(f"{which} gave {values.dtype} of shape {shape}, must give {must}")
        return np.ascontiguousarray(np.broadcast_to(values, D.shape), np.float64)


def bad(which: str, values: Floats, n_a: Floats, n_b: Floats, D: Floats) -> str:
    """What is wrong with the first of a function's values that is not as it must be; empty where none is."""
    good = np.isfinite(values)
    if which == "copying":
        good &= values >= 0.0
    if good.all():
        return ""
    i = int(np.argmin(good))
    where = f"n_a = {n_a[i]:.9g}, n_b = {n_b[i]:.9g}, D = {D[i]:.9g}"
    return f"{which} gave {values[i]:.9g} at {where}, must be finite{', 0 or positive' * (which == 'copying')}"


AnyRule = Rule | RuleFunction
