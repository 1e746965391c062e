"""Draw docs/composites.png: jobs/two_qubits.toml in 300 and in 10^6 copies, beside Schroedinger's equation.

python jobs/two_qubits.py [PNG]. What is drawn is what runs of composites record.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit
from scipy.linalg import expm

import copympi
from copympi.model import joint
from copympi.report import style
from copympi.report.numbers import power

HERE = Path(__file__).parent
FEW, MANY, ENSEMBLES = 300, 10**6, 40


def curves(system: copympi.System, psi: Any, times: Any) -> dict[str, Any]:
    """What quantum mechanics says of the same quantities."""
    H, parts = system.hamiltonian.toarray(), system.parts
    state = np.array([expm(-1j * H * t) @ psi for t in times])
    share = np.abs(state) ** 2
    table = joint.tables(share, parts)[0]
    return {
        "marginal_A": joint.marginal(share, parts, 0)[:, 0],
        "concurrence": joint.concurrence(state, parts, 0, 1),
        "mutual_information": joint.mutual_information(table),
    }


def main(place: Path) -> None:
    config = tomlkit.parse((HERE / "two_qubits.toml").read_text()).unwrap()
    system = copympi.composite(config["system"]["parts"], config["system"]["terms"])
    keys: dict[str, Any] = {"parts": config["preparation"]["parts"], "duration": 4.0, "interval": 0.04}
    few = copympi.simulate(system, members=FEW, replicas=ENSEMBLES, seed=1, **keys)
    many = copympi.simulate(system, members=MANY, seed=2, **keys)
    theory = curves(system, many.state, many.time)
    with style.drawing(style.PLAIN):
        figure, axes = style.panels(1, 3, (10.5, 3.1))
        axes = np.ravel(axes)
        names = {
            "marginal_A": "share of members with A in 0",
            "concurrence": "concurrence",
            "mutual_information": "mutual information (nat)",
        }
        for axis, (name, label) in zip(axes, names.items(), strict=True):
            for run, colour, width in ((few, style.COLOURS[1], 0.5), (many, style.COLOURS[0], 2.0)):
                values = run.measured[name][..., 0] / (run.members if name == "marginal_A" else 1)
                for k, row in enumerate(np.atleast_2d(values)):
                    said = f"$N$ = {power(run.members)}" if k == 0 else None
                    axis.plot(run.time, row, color=colour, lw=width, alpha=0.5 if run is few else 1.0, label=said)
            axis.plot(many.time, theory[name], color="k", ls=style.DOTS, lw=1.3, label="Schrödinger")
            axis.set_xlabel("time")
            axis.set_ylabel(label)
            axis.set_xlim(0, 4)
        legend = axes[0].legend(loc="upper left")
        for line in legend.get_lines():
            line.set(alpha=1.0, lw=1.5)
        style.letter(list(axes))
        figure.savefig(place, dpi=style.DPI)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "docs" / "composites.png")
