"""What of a run must not change between its attempts, and how it is told that something has.

What a run is made of can be given in many ways: amplitudes, or densities with phases; a matrix, its file, or a builder;
lists in a config, arrays in Python. So the settings hold both how it was given, key by key, and digests of what came of
it: who begins a run one way may go on with it another way, and who is refused is told the key.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from copympi.config.reading import Config
from copympi.config.writing import plain
from copympi.engine.support import EXACT
from copympi.errors import InputError
from copympi.model import rule_tables
from copympi.model.driven import Segment
from copympi.model.preparation import Start, count
from copympi.model.rule_functions import RuleFunction
from copympi.model.schedule import NOTHING, Schedule, Switch
from copympi.model.system import System

HOW = tuple(f"preparation.{key}" for key in ("state", "density", "phase", "packet", "parts", "admixture", "basis"))
"""Keys that say, like those of a builder, how system and ensemble were given, where MADE says what they are."""
MATRIX, LATTICE, START = MADE = "system.hamiltonian", "system.lattice", "preparation.start"
PARTS = "parts of the system"
"""Its composition, however it was given: marginals are recorded by the names of parts."""
SCHEDULE = "schedule"
"""Of each entry its time and a digest of what comes: there where there are any."""
FILTER, DRIVES = "filter", "H0 + drives"
FEW = 64
"""Numbers that are noted one by one; of more there is a digest."""

Settings = dict[str, Any]


def settings(
    config: Config, system: System, start: Start, observed: list[str] | None = None, schedule: Schedule = NOTHING
) -> Settings:
    """All that must stay, flat, in types that JSON has. observed : names of a user's own quantities."""
    noted = given(config)
    noted.pop("dynamics.rule", None)
    rule = _rule(config, system, start)
    return {
        **noted,
        **({} if rule is None else {"dynamics.rule": rule}),
        **({SCHEDULE: happening(schedule)} if schedule else {}),
        MATRIX: system_digest(system),
        LATTICE: _lattice_digest(system),
        START: f"ensemble with digest {_digest(start.state, start.counts, start.phase)}",
        PARTS: None if system.parts is None else repr(system.parts.tables()),
        "output.observe": observed or None,
    }


def given(config: Config) -> Settings:
    """The part of the settings that a config says by itself."""
    flat = {key: plain(value, FEW, spelt=True) for key, value in config.settings().items()}
    return flat | {"preparation.phases": _phases(config.preparation.phases)}


def fingerprint(noted: Settings) -> int:
    """One number for settings, to see whether all ranks have the same."""
    return zlib.crc32(repr(sorted(noted.items())).encode())


def system_digest(system: System) -> str:
    """H/hbar of a system in one word."""
    return _digest_of_rows(lambda: (rows for _, rows in system.pieces()))


def matrix_digest(data: NDArray[Any], indices: NDArray[Any], indptr: NDArray[Any]) -> str:
    """A matrix as CSR in one word; the type of its indices does not count."""
    P = len(indptr) - 1
    return _digest_of_rows(lambda: iter([csr_array((data, indices, indptr), shape=(P, P))]))


def _digest_of_rows(pieces: Callable[[], Iterator[csr_array]]) -> str:
    """The same of its rows, piece after piece: all elements, then all columns, then where rows end."""
    same, count, end = hashlib.blake2b(digest_size=8), 0, 0
    for rows in pieces():
        same.update(np.ascontiguousarray(rows.data).data)
        count += rows.nnz
    whole = np.int32 if count < 2**31 else np.int64
    for rows in pieces():
        same.update(np.ascontiguousarray(rows.indices, whole).data)
    same.update(np.zeros(1, whole).data)
    for rows in pieces():
        same.update((rows.indptr[1:] + end).astype(whole).data)
        end += rows.nnz
    return f"matrix with digest {same.hexdigest()}"


def compare(old: Settings, new: Settings, path: Path) -> None:
    """InputError for the first key that differs where it must not; a longer duration is fine, a shorter one is not.

    old : from `path`, which an earlier version may have written: it had no digest of the ensemble.
    """
    _compare_schedules(old, new, path)
    old, new = _comparable(old), _comparable(new)
    alike = all(key in old and old[key] == new.get(key) for key in MADE)
    for key in sorted((old.keys() | new.keys()) - set(MADE)):
        was, now = old.get(key), new.get(key)
        if key == "dynamics.duration":
            if was is None or now is None or now < was:
                raise InputError(key, now, f"was {was} when {path} was written; may only become longer")
        elif was != now and not (alike and (key in HOW or _of_builder(key))):
            _refuse(key, was, now, path)
    for key in (MATRIX, LATTICE):  # the ensemble follows from keys that are the same: other bits are another machine's
        if key in old and old[key] != new[key]:
            _refuse(key, old[key], new[key], path)


def _compare_schedules(old: Settings, new: Settings, path: Path) -> None:
    """InputError where what happens before the end of the run as it was is not the same.

    Steps depend on the stops ahead of them, the last of which is that end: what was to come then, or later, is free.
    """
    end = old.get("dynamics.duration")
    then, now = old.get(SCHEDULE) or [], new.get(SCHEDULE) or []
    if isinstance(end, (int, float)):
        then, now = ([entry for entry in some if entry[0] < end * (1 - 1e-9)] for some in (then, now))
    _compare_filters(old, new, path)
    for k in range(max(len(then), len(now))):
        was, is_now = (some[k] if k < len(some) else None for some in (then, now))
        if was != is_now:
            said = [f"at = {one[0]:g}, {one[1]}" if one else "(left out)" for one in (is_now, was)]
            why = f"was {said[1]} when {path} was written; what happens before the duration then, {end}, must stay"
            raise InputError(_place(k, old, new), said[0], why)


def _compare_filters(old: Settings, new: Settings, path: Path) -> None:
    """InputError where one has filters and the other none, whenever: N is recorded from the start, or not at all."""
    first = [next((k for k, one in enumerate(some.get(SCHEDULE) or []) if str(one[1]).startswith(FILTER)), None)
             for some in (old, new)]  # fmt: skip
    if (first[0] is None) != (first[1] is None):
        k = first[1] if first[0] is None else first[0]
        was = "no filter" if first[0] is None else "a filter"
        why = f"there was {was} when {path} was written: a run has the number of its members on record from the start"
        raise InputError(_place(k, old, new), "(left out)" if first[1] is None else "a filter", why)


def _place(k: int | None, *both: Settings) -> str:
    """What to call entry k: by its place where that is the one in a user's list, which it is not among drives."""
    driven = any(DRIVES in str(entry[1]) for some in both for entry in some.get(SCHEDULE) or [])
    return SCHEDULE if driven else f"{SCHEDULE}[{k}]"


def happening(schedule: Schedule) -> list[list[Any]]:
    """Of each entry its time and a digest of what comes."""
    digests: dict[int, str] = {}
    out: list[list[Any]] = []
    for entry in schedule:
        if isinstance(entry, Switch) and isinstance(entry.system, Segment):
            driven, values = entry.system.driven, entry.system.coefficients
            if id(driven) not in digests:
                parts = [_arrays(each) for each in (driven.system, *driven.terms)]
                digests[id(driven)] = f"{DRIVES} with digest {_digest(*chain.from_iterable(parts))}"
            out.append([entry.at, f"{list(values)}, {digests[id(driven)]}"])
        elif isinstance(entry, Switch):
            key = id(entry.system)
            if key not in digests:
                digests[key] = system_digest(entry.system)
            out.append([entry.at, digests[key]])
        else:
            out.append([entry.at, f"{FILTER} {list(entry.beables)}"])
    return out


def _arrays(system: System) -> list[NDArray[Any]]:
    W = system.frequencies
    return [W.data, W.indices.astype(np.int64), W.indptr.astype(np.int64)]


def _of_builder(key: str) -> bool:
    return key.startswith("system.") and key != "system.hbar"


def _refuse(key: str, was: Any, now: Any, path: Path) -> None:
    may = "only duration, checkpoints and output.time_unit may change"
    if key == "output.interval":
        may += " (where it is left out it is a hundredth of the duration: give it, to make a run longer)"
    raise InputError(key, now, f"was {was} when {path} was written; {may}")


def _comparable(noted: Settings) -> Settings:
    """Settings in one of several ways to write them."""
    out = {key: plain(value, FEW, spelt=True) for key, value in noted.items() if key != SCHEDULE}
    out["preparation.phases"] = _phases(noted.get("preparation.phases"))
    with suppress(InputError):  # of a file that somebody wrote by hand
        out["preparation.members"] = count(noted.get("preparation.members"))
    return out


def _rule(config: Config, system: System, start: Start) -> Any:
    """A copy rule, matrices as digests, functions as one of what they give; None for that of quantum mechanics, which
    may as well be left out."""
    rule = config.dynamics.rule_read
    if isinstance(rule, RuleFunction) and not start.infinite:
        gives = rule.try_out(system, start.members, config.dynamics.method == EXACT)
        return f"{rule} with digest {gives}"
    if rule is None or rule.quantum:
        return None
    table = rule_tables.as_table(rule)
    for harmonic in table["harmonics"]:
        for key, value in harmonic.items():
            if issparse(value):
                whole = csr_array(value)
                harmonic[key] = matrix_digest(whole.data, whole.indices, whole.indptr)
    return plain(table, FEW)


def _lattice_digest(system: System) -> str:
    if system.lattice is None:
        return "none"
    said = sorted((name, plain(value)) for name, value in system.lattice.attributes().items())
    return f"lattice with digest {_digest(system.lattice.potential, text=repr(said))}"


def _phases(phases: Any) -> Any:
    """Phases of members: a path as it is, of numbers a digest."""
    if phases is None or isinstance(phases, str):
        return phases
    try:
        values = np.asarray(phases, np.float64)
    except (TypeError, ValueError, OverflowError):
        return repr(phases)
    return f"{values.size} phases with digest {_digest(values)}"


def _digest(*arrays: NDArray[Any], text: str = "") -> str:
    hasher = xxhash.xxh3_64(text.encode())
    for array in arrays:
        hasher.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return hasher.hexdigest()
