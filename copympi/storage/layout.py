"""What stands in results.h5: names, units, descriptions."""

from __future__ import annotations

from pathlib import Path

SCHEMA = 1
NAME = "results.h5"
FOLDER = "profiles"
DESCRIPTIONS = {
    "time": ("time", "times of the records"),
    "profile_time": ("time", "times of occupation, phase and all else that has an axis of beables"),
    "occupation": ("1", "n_a, members with each beable"),
    "phase": ("rad", "circular mean of the phases of a beable's members, in (-pi, pi]; NaN at n = 0"),
    "coherence": ("1", "|sum e^{i phi}|/n of a beable's members; NaN at n = 0"),
    "events": ("1", "copies since t = 0"),
    "coherence2": ("1", "|sum e^{2 i phi}|/n of a beable's members; NaN at n = 0"),
    "lineages": ("1", "distinct phases left among the members of a beable"),
    "fluctuation": ("1", "xi of n = N rho + sqrt(N) xi"),
    "phase_fluctuation": ("rad", "eta of phi = phi_0 + eta/sqrt(N), phi_0 the mean field's phase"),
    "regime": ("1", "how a beable's number is held: 0 empty, 1 whole number, 2 Gaussian about its mean"),
    "energy": ("1/time", "H/hbar of the alignment model (42)"),
    "mean_energy": ("energy", "<H> of Psi_a = sqrt(n_a/N) exp(-i phi_a) (34)"),
    "smallest": ("1", "smallest n_a of all beables"),
    "empty": ("1", "beables with n_a = 0"),
    "position": ("length", "<x> along each axis of the lattice"),
    "width": ("length", "sqrt(<x^2> - <x>^2) along each axis"),
    "momentum": ("momentum", "<p> along each axis: m d<x>/dt of Schroedinger's equation on the lattice, seam left out"),
    "quantum_potential": ("energy", "<V_Q> along each axis (60); their sum is that of the lattice"),
    "validity_occupation": ("1", "share of the members in beables with n_a < 20; n_a >> 1 (62) wants it small"),
    "validity_phase": ("1", "abar |dS/dx|/hbar along each axis, rms over members; (62) wants it small"),
}
PROFILES = (
    "occupation", "phase", "coherence", "coherence2", "lineages", "fluctuation", "phase_fluctuation", "regime",
)  # fmt: skip
"""Datasets with an axis of beables: where there is profile_time, these are their times."""
CODES = "0 empty, 1 whole number, 2 Gaussian"
"""What the numbers in `regime` mean."""


def place(folder: Path, number: int) -> Path:
    """Where a profile with a file of its own belongs."""
    return folder / FOLDER / f"{number}.h5"
