"""Does an installed copympi work? Two small jobs, alone and on two ranks of each MPI found here, must give equal bits.

    python packaging/try_install.py [LAUNCHER ...]

Without LAUNCHER: mpiexec beside this Python (the wheel of MPICH) and mpiexec.openmpi, where they are. Needs nothing but
copympi's own dependencies. Exit code 0 where all is well, 1 with a line that says what is not.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

JOBS = {
    "members": """
[system]
hamiltonian = [[0.3, "0.5-0.2j"], ["0.5+0.2j", -0.3]]
[preparation]
members = 20_000
state = [0.8, "0.6j"]
[dynamics]
representation = "members"
duration = 2.0
seed = 7
[output]
interval = 0.5
""",
    "lattice": """
[system]
builder = "lattice"
sites = 64
spacing = 1.0
[preparation]
members = 1e12
spectators = 1
packet = {centre = 0.0, width = 5.0, wave_number = 0.3}
[dynamics]
duration = 2.0
seed = 7
[output]
interval = 0.5
""",
}
RANKS = 2
PATIENCE = 600.0
ENVIRONMENT = {
    **os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
}  # fmt: skip


def launchers() -> dict[str, list[str]]:
    """The launchers to be tried, by name; none is the job alone."""
    named = sys.argv[1:] or [
        path
        for path in (shutil.which("mpiexec", path=os.fspath(Path(sys.prefix) / "bin")), shutil.which("mpiexec.openmpi"))
        if path
    ]
    return {"alone": [], **{name: [name, "-n", str(RANKS)] for name in named}}


def run(launcher: list[str], config: Path, folder: Path) -> None:
    """One job; SystemExit with what it said where it fails."""
    command = [*launcher, sys.executable, "-m", "copympi", "run", str(config), "-o", str(folder), "--no-figure"]
    try:
        done = subprocess.run(
            command, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=folder.parent
        )
    except subprocess.TimeoutExpired:
        sys.exit(f"no end after {PATIENCE:g} s: {' '.join(command)}")
    if done.returncode:
        sys.exit(f"exit code {done.returncode}: {' '.join(command)}\n{done.stdout}{done.stderr}")


def content(folder: Path) -> dict[str, bytes]:
    """Every dataset of a run, as bytes."""
    import h5py

    found: dict[str, bytes] = {}
    with h5py.File(folder / "results.h5") as file:
        file.visititems(lambda name, item: found.update({name: item[()].tobytes()} if hasattr(item, "shape") else {}))
    return found


def digest(found: dict[str, bytes]) -> str:
    """Of all datasets, names and bytes."""
    return hashlib.sha256(b"".join(name.encode() + found[name] for name in sorted(found))).hexdigest()[:16]


def library(folder: Path) -> str:
    """The MPI library that a run notes, and its ranks."""
    import h5py

    with h5py.File(folder / "results.h5") as file:
        return f"MPI library {file.attrs['mpi']}, ranks {file.attrs['ranks']}"


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)  # so that the installed copympi is tried, not a source tree where this is called from
        import copympi

        print(f"copympi {copympi.__version__} in {Path(copympi.__file__).parent}", flush=True)
        for job, text in JOBS.items():
            config = Path(place, f"{job}.toml")
            config.write_text(text)
            first: dict[str, bytes] = {}
            for name, launcher in launchers().items():
                folder = Path(place, f"{job}-{Path(name).name}")
                run(launcher, config, folder)
                found = content(folder)
                wrong = sorted(key for key in first.keys() | found.keys() if first and first.get(key) != found.get(key))
                if wrong or "occupation" not in found:
                    sys.exit(f"{job}, {name}: other bits than alone in {', '.join(wrong) or 'occupation (missing)'}")
                first = first or found
                print(f"  {job:<8} {Path(name).name:<16} {digest(found)}  {library(folder)}", flush=True)
    print("the same bits everywhere; digests can be compared between installations on one machine")


if __name__ == "__main__":
    main()
