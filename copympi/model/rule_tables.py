"""Copy rules as users give them: the section [dynamics.rule], dictionaries from Python, matrices in files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from copympi.errors import InputError
from copympi.model import hamiltonian
from copympi.model.rule_functions import CALLED, AnyRule, RuleFunction
from copympi.model.rules import QUANTUM, STRENGTHS, Harmonic, Rule
from copympi.model.tables import real, table

KEY = "dynamics.rule"
KEYS = ("q", "r", "harmonics", "copying_powers", "turning_powers", "anyway")
MOST_STEEP = 12.0
"""Powers of ten in steps that a beable left by all but a member may take, above which that is warned of."""
ROUNDING = 1e-12
"""How far powers that sum to -1 may be off."""


def of(given: Any, folder: Path = Path()) -> AnyRule:
    """The Rule that a table of KEYS stands for, or a rule itself; of None that of quantum mechanics.

    Paths of matrices are relative to `folder`. InputErrors name the key.
    """
    if given is None:
        return QUANTUM
    if isinstance(given, (Rule, RuleFunction)):
        return given
    if isinstance(given, str) and given.startswith(CALLED):
        raise InputError(KEY, given, "can be had from the program in Python alone that made this run: run it again")
    found = table(given, KEY, (), KEYS)
    said = {key: value for key, value in found.items() if value is not None}
    anyway = said.get("anyway", False)
    if not isinstance(anyway, bool):
        raise InputError(f"{KEY}.anyway", anyway, "must be true or false")
    q, excess = _powers(said, "copying_powers", "q", anyway)
    r, more = _powers(said, "turning_powers", "r", anyway)
    harmonics = [Harmonic()] if "harmonics" not in said else _harmonics(said["harmonics"], folder)
    try:
        return Rule(q, r, harmonics, (excess, more))
    except InputError as problem:
        raise InputError(f"{KEY}.{problem.key}", problem.value, problem.why) from None


def as_table(given: Any) -> Any:
    """What Python gives as a rule in the form of a config: a table with Python's own numbers; None for None."""
    if given is None or not isinstance(given, (Rule, Mapping)):
        return given
    if isinstance(given, Rule):
        harmonics = [{"k": one.k, **one.strengths} for one in given.harmonics]
        (first, second), q, r = given.excess, given.q, given.r
        if given.excess == (0.0, 0.0):
            return {"q": q, "r": r, "harmonics": harmonics}
        powers = {"copying_powers": [q - 1 + first, -q], "turning_powers": [r, -r - 1 + second], "anyway": True}
        return {"harmonics": harmonics, **powers}
    out = {key: _own(value) for key, value in given.items()}
    if isinstance(out.get("harmonics"), (list, tuple)):
        out["harmonics"] = [
            {"k": one.k, **one.strengths}
            if isinstance(one, Harmonic)
            else {key: _own(value) for key, value in one.items()}
            if isinstance(one, Mapping)
            else one
            for one in out["harmonics"]
        ]
    return out


def cautions(rule: AnyRule, members: float = 1.0) -> list[str]:
    """What is to be said of a rule before it runs with so many members."""
    out: list[str] = []
    if isinstance(rule, RuleFunction):
        return out
    if not 0.0 <= rule.q <= 1.0:
        out.append(
            f"{KEY}.q = {rule.q:g}: outside 0 to 1 rates grow without bound where a beable holds few members, or all"
        )
    steep = rule.q - rule.r - 1.0
    if rule.q + rule.r <= 0.0 and 1.0 < members < np.inf and steep * math.log10(members) > MOST_STEEP:
        out.append(
            f"{KEY}.q = {rule.q:g}, r = {rule.r:g}: where a beable has x of a neighbour's members, phases turn "
            f"x^{-steep:g} faster than members come: at small x a run can all but stand still; "
            "preparation.spectators or admixture keep beables from it"
        )
    for name, excess in zip(("copying", "turning"), rule.excess, strict=True):
        if excess:
            out.append(
                f"{KEY}.{name}_powers sum to {excess - 1:g}, not -1: what N members do depends on N as N^{excess:g}"
            )
    return out


def _own(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _powers(said: dict[str, Any], key: str, power: str, anyway: bool) -> tuple[float, float]:
    """q or r, and by how much the two powers of a pair of members exceed the sum -1.

    They are those of n_a and n_b, [q - 1, -q] where a member in b copies one in a, and [r, -r - 1] where the phase of
    a member in a is turned by one in b.
    """
    if key not in said:
        return said.get(power, getattr(QUANTUM, power)), 0.0
    where, value = f"{KEY}.{key}", said[key]
    if power in said:
        raise InputError(where, value, f"must be left out where {power} is given, or {power} where it is")
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise InputError(where, value, "must be two numbers, the powers of n_a and of n_b")
    first, second = (real(one, f"{where}[{i}]") for i, one in enumerate(value))
    excess = first + second + 1.0
    if abs(excess) <= ROUNDING:
        excess = 0.0
    elif not anyway:
        why = "must sum to -1, as n_a^(q-1) n_b^(-q) and n_a^r n_b^(-r-1) do, else rates grow or fall with N"
        raise InputError(where, value, f"{why} (anyway = true takes them as they are)")
    return (-second if power == "q" else first), excess


def _harmonics(given: Any, folder: Path) -> list[Harmonic]:
    where = f"{KEY}.harmonics"
    if not isinstance(given, (list, tuple)) or not given:
        raise InputError(where, given, "must be a list of tables, one for each harmonic k")
    out = []
    for i, one in enumerate(given):
        if isinstance(one, Harmonic):
            out.append(one)
            continue
        here = f"{where}[{i}]"
        found = table(one, here, (), ("k", *STRENGTHS))
        values = {key: _matrix(value, folder, f"{here}.{key}") for key, value in found.items()}
        try:
            out.append(Harmonic(**values))
        except InputError as problem:
            raise InputError(f"{here}.{problem.key}", problem.value, problem.why) from None
    return out


def _matrix(value: Any, folder: Path, key: str) -> Any:
    """Numbers as they are, rows of numbers and files as matrices."""
    if not isinstance(value, (str, list)) or key.endswith(".k"):
        return value
    found = hamiltonian.read(value, folder, key)
    if found.dtype.kind == "c":
        if abs(found.imag).max() > 0:
            raise InputError(key, value, "must hold real numbers")
        found = found.real
    return sp.csr_array(found) if sp.issparse(found) else found


IN_WORDS = {
    "quantum": "that of quantum mechanics (left out; or q = 1/2, r = -1/2, k = 1, copying 2, turning 1, no shifts)",
    "linear": "one by which amplitudes move linearly (q = 1/2, r = -1/2, one harmonic, copying = 2 k turning, "
    "equal shifts)",
    "moebius": "one of a single harmonic k > 0",
    "general": "one of powers and harmonics (no Python function) whose powers of n_a and n_b sum to -1",
    "any powers": "one of powers and harmonics (no Python function)",
    "function": "a rule",
}
"""Classes of copy rules, for whoever asked for another."""
