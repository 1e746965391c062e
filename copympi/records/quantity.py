"""The table of what runs record: each quantity once, with all that is said of it anywhere.

Datasets of results.h5 and of profiles/, their attributes and digests, arrays of a Run, what is read back, and the lists
in docs/ come from here. A new quantity is a new row (and `python -m copympi.records.listing`,
which writes the lists anew); tests/unit/test_quantity.py runs over every row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model import joint, observables
from copympi.model.parts import Parts
from copympi.model.preparation import LARGEST
from copympi.records.view import View

TRAITS = {
    "aligned": "aligned phases",
    "unaligned": "members with phases of their own",
    "alignment": "`[alignment]`",
    "composite": "a composite of two parts or more",
    "filters": "a `filter` in `[[schedule]]`",
    "large_n": "N beyond 2^63, of copies",
    "lattice": "a lattice",
    "qubits": "two parts or more with two beables, P up to 4096",
    "spectators": "spectators",
    "summaries": "`output.summaries`",
    "thinned": "profiles with times of their own",
    "tracked": "`output.track`",
}
"""What of a run decides what it records, in words.

Summaries are on by default on lattices with aligned phases, and of composites.
"""
TIMES = ("time", "profile_time")
"""Axes of times, which are quantities too. What has an axis of beables is recorded with profiles, all else always."""


def counts_dtype(members: float) -> type:
    """The type of numbers of members; of shares, where members is inf."""
    return np.int64 if members <= LARGEST else np.float64


def events_dtype(members: float) -> type:
    """Copies since t = 0 fit int64 for a million copies a member up to here; beyond, float64."""
    return np.int64 if members < 2**43 else np.float64


@dataclass(frozen=True)
class Quantity:
    """One recorded quantity.

    axes : in order, of "replica" (left out in files and in a Run where there is one), "time", "beable", and "axis", of
    the axes of a lattice, "pair_of_parts", of the pairs of a composite's parts, "pair_of_qubits", of those of two
    beables each, "beable_NAME", of the beables of a part, or "component", of `components` numbers. units : "time"
    stands for the run's unit of time. runs : the TRAITS that a run must have to record it. dtype : a type, or what
    gives it for N members. function : of a View with R replicas, gives it as an array (R, ...) without the axis of
    times; each replica's numbers must not depend on the other replicas. None where the ensemble holds it. codes : what
    numbers stand for.
    """

    name: str
    units: str
    description: str
    axes: tuple[str, ...]
    function: Callable[[View], NDArray[Any]] | None = None
    runs: tuple[str, ...] = ()
    dtype: Any = np.float64
    codes: str = ""
    components: int = 0

    @property
    def profile(self) -> bool:
        """Whether it is there of each beable: recorded with profiles, whose times may be rare."""
        return "beable" in self.axes

    def of(self, view: View) -> NDArray[Any]:
        """Its values (R, ...) at a record: as they are held, else as its function gives them."""
        if self.function is None or self.name in view.held:
            return view.held[self.name]
        return self.function(view)

    def dtype_for(self, members: float) -> np.dtype[Any]:
        """Its type in a run of N members."""
        function = self.dtype in (counts_dtype, events_dtype)
        return np.dtype(self.dtype(members) if function else self.dtype)

    def width(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """Its shape beside replicas and times. sizes : how long axes are, see sizes_of."""
        whole = {**sizes, "component": self.components}
        return tuple(whole[axis] for axis in self.axes if axis in whole)


RECORD = ("replica", "time")
PROFILE = ("replica", "time", "beable")
ALONG = ("replica", "time", "axis")
PAIRS = ("replica", "time", "pair_of_parts")
SUMMARY = ("summaries",)
WAVE = ("summaries", "aligned")
MOTION = ("summaries", "aligned", "lattice")
LARGE = ("aligned", "large_n")

# Digests of attributes go over the names in this order, in files of earlier versions too: insert, never exchange.
TABLE = (
    Quantity("time", "time", "times of the records", ("time",)),
    Quantity(
        "profile_time", "time", "times of occupation, phase and all else that has an axis of beables", ("time",),
        runs=("thinned",),
    ),
    Quantity("occupation", "1", "n_a, members with each beable", PROFILE, lambda view: view.n, dtype=counts_dtype),
    Quantity(
        "phase", "rad", "circular mean of the phases of a beable's members, in (-pi, pi]; NaN at n = 0", PROFILE,
        lambda view: view.phase,
    ),
    Quantity(
        "coherence", "1", "|sum e^{i phi}|/n of a beable's members; NaN at n = 0", PROFILE,
        lambda view: view.coherence,
    ),
    Quantity("events", "1", "copies since t = 0", RECORD, dtype=events_dtype),
    Quantity(
        "members", "1", "N, the members that filters have left", RECORD, lambda view: view.n.sum(axis=1), ("filters",),
        counts_dtype,
    ),
    Quantity(
        "coherence2", "1", "|sum e^{2 i phi}|/n of a beable's members; NaN at n = 0", PROFILE, runs=("unaligned",)
    ),
    Quantity(
        "lineages", "1", "distinct phases left among the members of a beable", PROFILE, runs=("unaligned",),
        dtype=np.int64,
    ),
    Quantity("fluctuation", "1", "xi of n = N rho + sqrt(N) xi", PROFILE, runs=LARGE),
    Quantity(
        "phase_fluctuation", "rad", "eta of phi = phi_0 + eta/sqrt(N), phi_0 the mean field's phase", PROFILE,
        runs=LARGE,
    ),
    Quantity(
        "regime", "1", "how a beable's number is held: 0 empty, 1 whole number, 2 Gaussian about its mean", PROFILE,
        runs=LARGE, dtype=np.int8, codes="0 empty, 1 whole number, 2 Gaussian",
    ),
    Quantity("energy", "1/time", "H/hbar of the alignment model (42)", RECORD, runs=("alignment",)),
    Quantity(
        "mean_energy", "energy",
        "<H> of Psi_a = sqrt(n_a/N) exp(-i phi_a) (34), H the one up to then; under drives the last constant one",
        RECORD, lambda view: view.energy, WAVE,
    ),
    Quantity(
        "energy_drift", "energy",
        "mean_energy less its value at t = 0, which the mean field of (39), (40) conserves where H stands still",
        RECORD, lambda view: view.energy - view.energy_at_start, WAVE,
    ),
    Quantity(
        "smallest", "1", "smallest n_a of all beables", RECORD, lambda view: view.n.min(axis=1), SUMMARY, counts_dtype
    ),
    Quantity(
        "empty", "1", "beables with n_a = 0", RECORD, lambda view: np.count_nonzero(view.n == 0, axis=1), SUMMARY,
        np.int64,
    ),
    Quantity(
        "position", "length", "<x> along each axis of the lattice", ALONG, lambda view: view.motion["position"], MOTION
    ),
    Quantity(
        "width", "length", "sqrt(<x^2> - <x>^2) along each axis", ALONG, lambda view: view.motion["width"], MOTION
    ),
    Quantity(
        "momentum", "momentum",
        "<p> along each axis: m d<x>/dt of Schroedinger's equation on the lattice, seam left out", ALONG,
        lambda view: view.motion["momentum"], MOTION,
    ),
    Quantity(
        "quantum_potential", "energy", "<V_Q> along each axis (60); their sum is that of the lattice", ALONG,
        lambda view: view.motion["quantum_potential"], MOTION,
    ),
    Quantity(
        "validity_occupation", "1", "share of the members in beables with n_a < 20; n_a >> 1 (62) wants it small",
        RECORD, lambda view: observables.share_of_few(view.n), MOTION,
    ),
    Quantity(
        "validity_phase", "1", "abar |dS/dx|/hbar along each axis, rms over members; (62) wants it small", ALONG,
        lambda view: view.motion["validity_phase"], MOTION,
    ),
    Quantity(
        "correlation", "1", "of two parts' beables, by their numbers 0, 1, ...: Pearson's; NaN where one is certain",
        PAIRS, lambda view: np.stack([joint.correlation(table) for table in view.tables], axis=1),
        ("summaries", "composite"),
    ),
    Quantity(
        "mutual_information", "nat",
        "of two parts' beables, sum p_ab ln(p_ab/p_a p_b) of the members; members drawn independently overstate it by "
        "(d_a - 1)(d_b - 1)/(2N) (Miller, Madow)",
        PAIRS, lambda view: np.stack([joint.mutual_information(table) for table in view.tables], axis=1),
        ("summaries", "composite"),
    ),
    Quantity(
        "concurrence", "1",
        "Wootters' concurrence of two qubits in Psi_a = sqrt(n_a/N) exp(-i phi_a), the other parts traced out",
        ("replica", "time", "pair_of_qubits"),
        lambda view: np.stack(
            [joint.concurrence(view.psi, view.system.parts, i, j) for i, j in view.system.parts.qubit_pairs], axis=1
        ),
        ("summaries", "aligned", "qubits"),
    ),
)  # fmt: skip
NAMES = tuple(row.name for row in TABLE)
TRACKED, RECORD_TIME, ROWS_SO_FAR, ROWS_DIGEST = (
    f"histories/{name}" for name in ("tracked", "record_time", "rows", "digest")
)
HISTORIES = (
    Quantity(
        TRACKED, "1", "beables of the members that are followed; -1 from where one has left by a filter",
        ("replica", "record_time", "tracked_member"), runs=("tracked",), dtype=np.int32,
    ),
    Quantity(RECORD_TIME, "time", "times of the records", ("record_time",), runs=("tracked",)),
    Quantity(
        ROWS_SO_FAR, "1", "copies in the columns beside up to this record", ("record_time",), runs=("tracked",),
        dtype=np.int64,
    ),
    Quantity(
        ROWS_DIGEST, "1", "XXH3 of the columns beside since the record before", ("record_time",), runs=("tracked",),
        dtype=np.uint64,
    ),
)  # fmt: skip
"""What runs with output.track record in the group `histories`, beside columns with a row a copy."""
PROFILES = tuple(row.name for row in TABLE if row.profile)
"""What has an axis of beables: where there is profile_time, those are its times."""
MARGINAL = "marginal_"
"""How names of quantities begin that are there for each part of a composite, whatever its name."""


def marginal(name: str, part: int = 0) -> Quantity:
    """The row of the marginal of the part of that name and number."""
    return Quantity(
        MARGINAL + name, "1", f"members with each beable of part {name}, whatever the other parts have",
        (*RECORD, f"beable_{name}"), lambda view: joint.marginal(view.n, view.system.parts, part), ("composite",),
        counts_dtype,
    )  # fmt: skip


def marginals(parts: Parts | None) -> tuple[Quantity, ...]:
    """The rows of the parts of a composite of two or more; of no other system."""
    return () if parts is None or len(parts) < 2 else tuple(marginal(name, k) for k, name in enumerate(parts.names))


def sizes_of(system: Any) -> dict[str, int]:
    """How long the axes of quantities are, by their names."""
    lattice, parts = observables.lattice_of(system), system.parts
    sizes = {"beable": system.P, "axis": 0 if lattice is None else len(lattice.shape)}
    if parts is not None:
        sizes |= {"pair_of_parts": len(parts.pairs), "pair_of_qubits": len(parts.qubit_pairs)}
        sizes |= {f"beable_{part.name}": part.dimension for part in parts}
    return sizes
