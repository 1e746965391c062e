"""Small runs of every method, each as the digests of what it records: `python -m tests.golden --write` notes them.

tests/unit/test_golden.py compares them with tests/golden.json, so that code can be moved about and every result be seen
to keep its bits. Runs go through `copympi.simulate` and `python -m copympi run` alone.

Kernels give the same bits on every CPU and with every compiler (tools/bits.py). `settled` makes the rest the same on
any x86-64: numpy and OpenBLAS are kept from what newer CPUs offer, and so is glibc's libm, for what Python takes of it.
Digests still depend on numpy (sums) and on scipy (products of sparse matrices); no start here comes from an eigenvector
or a Fourier transform. `libraries` says which these are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy

import copympi
from tests import launch

FILE = Path(__file__).with_name("golden.json")
ARRAYS = ("time", "profile_time", "occupation", "phase", "coherence", "events", "coherence2", "lineages", "energy")
"""What a Run may have, beside what is in `measured`."""
OLDEST = "-AVX2,-FMA,-FMA4,-AVX512F,-AVX2_Usable,-FMA_Usable,-FMA4_Usable,-AVX512F_Usable"
"""What glibc's libm is kept from, by its names of today and of before 2.33."""

Keywords = dict[str, Any]
Digests = dict[str, dict[str, Any]]
"""case -> array -> digest, and the number of steps as "steps"."""


def dense(P: int) -> list[list[complex]]:
    """A Hermitian H (P, P) without zeros, of numbers that doubles hold exactly; its rows grow as the root of P."""
    scale = 2.0 ** -round(1 + np.log2(P) / 2)
    H = [[complex((7 * a + 3 * b) % 11 - 5.5, (5 * a + 2 * b) % 7 - 2.5) * scale for b in range(P)] for a in range(P)]
    return [
        [H[a][b] if a < b else H[b][a].conjugate() if a > b else complex(H[a][a].real) for b in range(P)]
        for a in range(P)
    ]


def sparse(P: int) -> list[list[complex]]:
    """As `dense`, with one entry in nine above the diagonal, and so that every beable has a neighbour."""
    H = dense(P)
    return [
        [H[a][b] if abs(a - b) < 2 or (min(a, b) * 5 + max(a, b) * 3) % 9 == 0 else 0j for b in range(P)]
        for a in range(P)
    ]


def start(P: int) -> Keywords:
    """A density in which all P beables have some weight, and phases, rad."""
    weight = np.array([3 + 5 * a % 7 for a in range(P)])
    return {"density": weight / weight.sum(), "phase": np.array([3 * a % 10 / 4 for a in range(P)])}


def bell(P: int, empty: tuple[int, ...] = (), wave_number: float = 0.25) -> Keywords:
    """A density (P,) that falls off from the middle as a square, without members where `empty`, on a running wave."""
    away = np.abs(np.arange(P) - P // 2)
    weight = (P - 2 * away + 1) ** 2
    weight[list(empty)] = 0
    return {"density": weight / weight.sum(), "phase": -wave_number * np.arange(P)}


def in_members() -> dict[str, Keywords]:
    """Aligned members with identity."""
    one_by_one: Keywords = {"representation": "members"}
    two = {"system": dense(2), **start(2), "duration": 1.0, "interval": 0.25, **one_by_one}
    eight = {"system": dense(8), **start(8), "duration": 0.5, "interval": 0.125, **one_by_one}
    return {
        "members, P = 2": {**two, "members": 1000},
        "members, P = 2, fixed step": {**two, "members": 1000, "step": 0.0625, "seed": 2},
        "members, P = 2, spectators": {**two, "members": 3000, "spectators": 200},
        "members, P = 2, two blocks": {**two, "members": 20_000},
        "members, P = 8": {**eight, "members": 5000},
        "members, P = 8, two blocks, replicas": {**eight, "members": 20_000, "replicas": 3},
        "members, P = 8, spectators, replicas": {**eight, "members": 4000, "spectators": 50, "replicas": 2},
        "members, P = 70": {
            "system": sparse(70), **start(70), "duration": 0.25, "interval": 0.125, "members": 30_000, **one_by_one,
        },
        "members, in another basis": {**two, "members": 1000, "basis": [[0.6, 0.8], [0.8, -0.6]]},
        "members, admixture": {
            **eight, "members": 1000, "density": [1] + [0] * 7, "admixture": {"state": "uniform", "weight": 0.0625},
        },
        "members, loose bounds": {
            **eight, "members": 4000, "leaving_chance": 0.2, "tolerance": 0.01, "seed": 2**64 - 1,
        },
    }  # fmt: skip


def in_counts() -> dict[str, Keywords]:
    """Aligned members as counts of few beables."""
    more: Keywords = {"representation": "occupation", "interval": 0.125}
    out = {}
    for P in (2, 3, 8, 64):
        duration = 0.25 if P == 64 else 1.0
        out[f"counts, P = {P}"] = {"system": dense(P), **start(P), "duration": duration, "members": 10**6, **more}
    eight = {**out["counts, P = 8"], "duration": 0.5}
    return {
        **out,
        "counts, few members, replicas": {**eight, "members": 300, "replicas": 5},
        "leaping counts, few members, replicas": {**eight, "members": 300, "replicas": 5, "method": "leap"},
        "counts, few beside many": {
            **out["counts, P = 3"], "density": [2.0**-17, 0.5, 0.5 - 2.0**-17], "replicas": 2,
        },
        "counts, spectators": {**eight, "members": 2000, "spectators": 100, "replicas": 2},
        "counts, fixed step": {**eight, "members": 10**9, "step": 0.015625},
        "counts, N = 2^63 - 1": {**eight, "members": 2**63 - 1},
        "counts, 0.05 of tolerance": {**eight, "members": 10**12, "tolerance": 0.05, "leaving_chance": 0.3},
        "counts, few records": {**eight, "interval": 0.5},
    }


def one_by_one() -> dict[str, Keywords]:
    """Event by event: counts, and members with identity."""
    counts = {**in_counts()["counts, few members, replicas"], "method": "exact"}
    chain = {"system": copympi.lattice(24, boundary="open", spacing=0.75), **bell(24, empty=(3, 19, 20))}
    return {
        "exact counts, P = 8": {**counts, "members": 3000, "replicas": 2, "duration": 0.25},
        "exact counts, few members, replicas": counts,
        "exact counts, P = 2": {**in_members()["members, P = 2"], "method": "exact", "representation": "occupation"},
        "exact counts, P = 70": {
            "system": sparse(70), **start(70), "duration": 0.125, "members": 2000, "method": "exact",
            "representation": "occupation",
        },
        "exact members, chain, spectators": {
            **chain, "members": 2000, "duration": 0.5, "interval": 0.25, "spectators": 3, "method": "exact",
        },
        "exact members, replicas": {**counts, "representation": "members", "replicas": 3},
    }  # fmt: skip


def on_sites() -> dict[str, Keywords]:
    """Counts of many beables: lattices, many beables that are none, N beyond integers."""
    more: Keywords = {"representation": "occupation", "interval": 0.25, "duration": 1.0}
    well = {"kind": "harmonic", "omega": 0.125}
    ring = copympi.lattice(64, potential=well)
    wave = {"packet": {"centre": -6, "width": 4, "wave_number": 0.5}}
    chain = {"system": copympi.lattice(24, boundary="open", spacing=0.75), **bell(24)}
    nodes = {"system": copympi.lattice(32), **bell(32, empty=(12, 19, 20), wave_number=1.5), **more}
    many = {"system": sparse(70), **start(70), **more, "duration": 0.5}
    return {
        "lattice, packet": {"system": ring, **wave, "members": 10**6, **more},
        "lattice, packet, spectators, replicas": {
            "system": ring, **wave, "members": 10**5, "spectators": 2, "replicas": 3, **more,
        },
        "lattice, open chain": {**chain, "members": 10**5, **more},
        "lattice, open chain, fixed step": {**chain, "members": 10**5, **more, "step": 0.0625},
        "lattice, plane": {
            "system": copympi.lattice([9, 8], potential=well, spacing=[1.0, 1.25]), **bell(72), **more,
            "members": 10**6,
        },
        "lattice, plane, packet": {
            "system": copympi.lattice([24, 18], boundary="open"), "members": 10**7, **more, "duration": 0.5,
            "packet": {"centre": [-3, 0], "width": [2.5, 2], "wave_number": [0.5, 0]},
        },
        "lattice, 4,200 sites": {
            "system": copympi.lattice(4200), **bell(4200), "members": 10**8, **more, "duration": 0.5,
        },
        "lattice, N = 10^12": {"system": ring, **wave, "members": 10**12, "spectators": 1, **more},
        "lattice, N = 10^18": {**chain, "members": 10**18, **more},
        "lattice, N = 1e30": {"system": ring, **wave, "members": 1e30, "spectators": 1, **more},
        "lattice, N = 1e80": {"system": ring, **wave, "members": 1e80, "replicas": 2, **more},
        "lattice, N = 1e30, few members in the tails": {
            "system": ring, "packet": {"centre": 0, "width": 1.75}, "members": 1e30, **more, "duration": 2.0,
        },
        "lattice, N = 1e30, nodes": {**nodes, "members": 1e30},
        "lattice, nodes": {**nodes, "members": 5000, "duration": 2.0},
        "lattice, nodes, spectators": {**nodes, "members": 5000, "spectators": 1, "replicas": 2},
        "lattice, members with identity": {**chain, "members": 10**4, **more, "representation": "members"},
        "no lattice, P = 70, dense": {**many, "system": dense(70), "members": 10**6},
        "no lattice, P = 70, sparse": {**many, "members": 10**5, "replicas": 2},
        "no lattice, P = 70, N = 1e30": {**many, "members": 1e30},
        "two beables, N = 1e30": {"system": dense(2), **start(2), "members": 1e30, **more},
    }  # fmt: skip


def with_phases() -> dict[str, Keywords]:
    """Members with phases of their own, one by one and as phase kinds; the paper's model that aligns them."""
    four = {"system": dense(4), **start(4), "duration": 0.5, "interval": 0.125, "phase_spread": 0.5}
    two = {"system": dense(2), **start(2), "duration": 0.5, "interval": 0.125, "phase_spread": 3.1416}
    kinds = {**four, "representation": "occupation", "phase_kinds": 5}
    given = np.remainder(np.arange(3000) * 0.375, 6.25)
    mean = {"strength": 0.5, "scaling": "mean", "damping": 0.125, "momenta": 0.25}
    polar = {"strength": 0.001, "potential": "polar", "on_copy": "reset"}
    exact: Keywords = {"method": "exact"}
    return {
        "exact phases": {**four, **exact, "members": 1000},
        "exact phases, spectators, replicas": {**two, **exact, "members": 300, "spectators": 20, "replicas": 2},
        "exact phases, given": {**two, **exact, "phase_spread": 0.0, "phases": given[:300], "members": 300},
        "exact phase classes": {**kinds, **exact, "members": 1000},
        "exact phase classes, spectators, replicas": {
            **kinds,
            **exact,
            "members": 300,
            "spectators": 10,
            "replicas": 2,
        },
        "phases, one block": {**four, "members": 3000},
        "phases, one block, random, replicas": {**two, "members": 500, "replicas": 3},
        "phases, one block, spectators": {**four, "members": 2000, "spectators": 30},
        "phases, one block, fixed step": {**two, "members": 500, "step": 0.03125},
        "phases, given": {**four, "phase_spread": 0.0, "phases": given, "members": 3000},
        "phases, blocks": {**four, "members": 20_000},
        "phases, blocks, spectators, replicas": {**two, "members": 20_000, "spectators": 100, "replicas": 2},
        "kinds, few members": {**kinds, "members": 5000},
        "kinds, few members, spectators": {**kinds, "members": 5000, "spectators": 40, "replicas": 2},
        "kinds": {**kinds, "members": 10**6},
        "kinds, random phases": {**two, "representation": "occupation", "phase_kinds": 16, "members": 10**9},
        "kinds, spectators": {**kinds, "members": 10**9, "spectators": 10**4, "replicas": 2},
        "kinds, N = 1e20": {**kinds, "members": 1e20},
        "kinds, N = 1e30, spectators": {**kinds, "members": 1e30, "spectators": 10},
        "alignment, one block": {**four, "members": 2000, "alignment": mean},
        "alignment, one block, polar": {**two, "members": 500, "replicas": 2, "alignment": polar},
        "alignment, blocks": {**four, "members": 17_000, "duration": 0.125, "alignment": mean},
        "alignment, aligned at t = 0": {**four, "phase_spread": 0.0, "members": 2000, "alignment": {"strength": 0.01}},
    }


def recorded_otherwise() -> dict[str, Keywords]:
    """The same dynamics with other records: profiles and summaries at times of their own, or none, or more often."""
    counts = in_counts()["counts, P = 8"]
    lattice = on_sites()["lattice, packet"]
    return {
        "counts, records more often": {**counts, "interval": 0.0625},
        "counts, rare profiles": {**counts, "profile_interval": 0.5},
        "members, rare profiles": {**in_members()["members, P = 2"], "profile_interval": 0.5},
        "members, summaries": {**in_members()["members, P = 8"], "summaries": True},
        "lattice, rare profiles": {**lattice, "profile_interval": 0.5},
        "lattice, no summaries": {**lattice, "summaries": False},
    }


CONFIGS = {
    "copympi run, members": """
[system]
hamiltonian = [[0.5, "0.25+0.5j"], ["0.25-0.5j", -0.5]]
[preparation]
members = 20_000
state = [0.8, "0.6j"]
[dynamics]
duration = 0.5
representation = "members"
replicas = 2
seed = 3
[output]
interval = 0.125
""",
    "copympi run, lattice": """
[system]
builder = "lattice"
sites = [8, 6]
potential = {kind = "harmonic", omega = 0.25}
[preparation]
members = 1e30
spectators = 1
packet = {centre = [-1, 0], width = [1.25, 1.0], wave_number = [0.5, 0.0]}
[dynamics]
duration = 0.5
representation = "occupation"
[output]
interval = 0.125
profile_interval = 0.25
""",
    "copympi run, alignment": """
[system]
hamiltonian = [[0.5, "0.25+0.5j"], ["0.25-0.5j", -0.5]]
[preparation]
members = 2000
density = [0.75, 0.25]
phase = [0.0, 0.5]
phase_spread = 0.5
[dynamics]
duration = 0.25
[output]
interval = 0.125
[alignment]
strength = 0.01
""",
}
"""Runs whose results.h5 is judged, every dataset of it."""


def cases() -> dict[str, Keywords]:
    """Keywords of `copympi.simulate` of each case by its name; "system" is its first argument."""
    return {**in_members(), **in_counts(), **one_by_one(), **on_sites(), **with_phases(), **recorded_otherwise()}


def digest(array: Any) -> str:
    """Type, shape and bytes of an array as 16 hexadecimal digits."""
    values = np.asarray(array)
    if values.dtype.kind == "O":  # texts of HDF5
        values = np.array([bytes(text) for text in values.ravel()]).reshape(values.shape)
    head = f"{values.dtype.str} {values.shape} ".encode()
    return blake2b(head + np.ascontiguousarray(values).tobytes(), digest_size=8).hexdigest()


def of_run(keywords: Keywords) -> dict[str, Any]:
    """What `copympi.simulate` gives, as digests."""
    run = copympi.simulate(**keywords)
    arrays = {name: getattr(run, name, None) for name in ARRAYS} | dict(run.measured)
    return {"steps": run.steps, **{name: digest(array) for name, array in arrays.items() if array is not None}}


def of_results(text: str, folder: Path) -> dict[str, Any]:
    """What `copympi run` writes for a config, as digests of all datasets."""
    (folder / "job.toml").write_text(text)
    command = [sys.executable, "-m", "copympi", "run", "job.toml", "-o", "out", "--quiet", "--no-figure"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"copympi run ended with {done.returncode}: {done.stderr}")
    out: dict[str, Any] = {}

    def take(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            out[name] = digest(item[()])

    with h5py.File(folder / "out" / "results.h5") as file:
        file.visititems(take)
    return out


def computed(chosen: Iterable[str], seed: int | None = None) -> Digests:
    """Digests of the cases of these names, all with another seed where one is given."""
    other = {} if seed is None else {"seed": seed}
    known, out = cases(), {}
    for name in chosen:
        if name in known:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of empty beables, and of long steps
                out[name] = of_run({**known[name], **other})
        else:
            with tempfile.TemporaryDirectory() as folder:
                out[name] = of_results(CONFIGS[name], Path(folder))
    return out


def settled() -> dict[str, str]:
    """An environment in which any x86-64 computes the same bits."""
    newer = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return {
        "GLIBC_TUNABLES": f"glibc.cpu.hwcaps={OLDEST}",
        "NPY_DISABLE_CPU_FEATURES": " ".join([*newer, os.environ.get("NPY_DISABLE_CPU_FEATURES", "")]).strip(),
        "OPENBLAS_CORETYPE": "Nehalem",
        "PYTHONPATH": str(FILE.parents[1]),
    }


def computed_apart(*options: str, env: dict[str, str] | None = None) -> Digests:
    """As `computed`, in a process of its own that is `settled`, or has `env` besides."""
    command = [sys.executable, "-m", "tests.golden", *options]
    done = launch.run(command, cwd=FILE.parents[1], env={**settled(), **(env or {})})
    if done.returncode:
        raise RuntimeError(f"the golden cases ended with exit code {done.returncode}: {done.stderr}")
    found: Digests = json.loads(done.stdout)
    return found


def libraries() -> dict[str, str]:
    """What else last bits depend on."""
    return {
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }


def differences(known: Digests, found: Digests) -> list[str]:
    """What of `known` is not so in `found`, a line each; arrays and cases that are only found are not judged."""
    out = []
    for case, arrays in known.items():
        here = found.get(case, {})
        wrong = [name for name, value in arrays.items() if here.get(name) != value]
        out += [f"{case}: {name} is {here.get(name, 'not there')}, was {arrays[name]}" for name in wrong]
    return out


def write() -> None:
    """Note the digests of today in FILE, and say what differs from those noted there before."""
    found = computed_apart()
    before = json.loads(FILE.read_text())["digests"] if FILE.exists() else {}
    FILE.write_text(json.dumps({"libraries": libraries(), "digests": found}, indent=1) + "\n")
    print("\n".join(differences(before, found)) or "nothing that was noted before differs")
    print(f"{FILE.name} written anew: {len(found)} cases ({len(set(found) - set(before))} new)")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write the digests of all cases into {FILE.name}")
    parser.add_argument("--seed", type=int, help="another seed for cases of copympi.simulate")
    parser.add_argument("--case", action="append", help="print the digests of this case alone (may be repeated)")
    options = parser.parse_args()
    if options.write:
        write()
    else:
        print(json.dumps(computed(options.case or [*cases(), *CONFIGS], options.seed)))


if __name__ == "__main__":
    main()
