"""What experiments would see of N copies: the least N that their coherence allows, in several bases of beables.

Assumed. The ensemble is that of one two-level system in the laboratory's frame, H = h nu sigma_z/2, in an even
superposition of its energies, as Ramsey's method makes it; nothing else has copies that matter. Beables are up and down
along an axis tilted against that of the energies, the same at all times. All of the measured loss of coherence, time T,
is put down to copying, which is given the most that it can have: T <= N pi/(2 omega atanh(sin(tilt))), or

    N >= 4 nu T atanh(sin(tilt)).

At tilt 0 the beables are the eigenstates: no currents, no bound. At pi/2 (left and right of ammonia's nitrogen or of a
flux qubit's current) the state passes through each beable once a period, leaving the other one empty: without
spectators or another remedy (63) it dies at once, for every N. Else N is of the order of the periods in T. A spin echo
turns back what drifts, not this: copying's noise has no memory, so times with echoes count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from copympi.report.tables import Row
from copympi.studies.finite_copies import model
from copympi.theory import dephasing, passes

TILTS = (0.0, 45.0, 89.0, 90.0)
"""Degrees."""
NODE = 1e-12
"""|Psi|^2 below which a state comes to the node itself."""


@dataclass(frozen=True)
class Experiment:
    """nu in Hz, coherence time T in s, and where both stand."""

    system: str
    nu: float
    time: float
    source: str


EXPERIMENTS = (
    Experiment(
        "caesium clock, hyperfine", 9.193e9, 0.57,
        "fountain CSF1, flight of 1/(2 * 0.88 Hz): Weyers et al., Metrologia 38 (2001) 343",
    ),
    Experiment(
        "171Yb+ ion, hyperfine", 12.64e9, 5500.0,
        "with echoes, extrapolated: Wang et al., Nat. Commun. 12 (2021) 233",
    ),
    Experiment(
        "ammonia, inversion (5,3)", 21.3e9, 9e-4,
        "beam maser, line 350 Hz wide, 1/(pi 350 Hz): Ruben and Kukolich, J. Chem. Phys. (1974)",
    ),
    Experiment(
        "flux qubit", 4.7e9, 8.5e-5,
        "with an echo: Yan et al., Nat. Commun. 7 (2016) 12964",
    ),
)  # fmt: skip


def least(tilt: float) -> float:
    """N/(nu T) at `tilt` degrees, by theory/dephasing.py; 0 where nothing bounds N, inf where no N lasts a period."""
    if dies(tilt) > 0:
        return np.inf
    qubit = model.qubit(np.radians(tilt))
    return float(1 / dephasing.coherence_times(qubit.system, qubit.psi, 1.0)[0, 1])


def dies(tilt: float) -> float:
    """P(death) in the first pass of a node, where the state comes to one itself: then the same for every N; else 0."""
    qubit = model.qubit(np.radians(tilt))
    if tilt == 0:
        return 0.0  # nothing moves
    found = [passes.find(qubit.system, qubit.psi, beable, 0.99) for beable in (0, 1)]
    return max(float(each.death(1.0)) if each.rho_min < NODE else 0.0 for each in found)


def rows() -> list[Row]:
    """A row for each experiment; N by tilt, 0 for no bound, inf for no N at all."""
    factor = {tilt: least(tilt) for tilt in TILTS}
    return [
        {
            "system": e.system,
            "nu": e.nu,
            "coherence time": e.time,
            "periods": e.nu * e.time,
            **{f"N at {tilt:g}": factor[tilt] * e.nu * e.time for tilt in TILTS},
            "source": e.source,
        }
        for e in EXPERIMENTS
    ]
