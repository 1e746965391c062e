"""The bytes of every dataset are the same on any number of ranks and under either MPI library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

from copympi.engine.blocks import blocks_for
from tests import launch

TWO = """
[system]
hamiltonian = [[0.4, "0.5+0.3j"], ["0.5-0.3j", -0.4]]
[preparation]
density = [0.7, 0.3]
phase = [0.0, 0.4]
"""
DRIVEN = TWO.replace(
    "[preparation]",
    "[[system.drive]]\nhamiltonian = [[0, 0.5], [0.5, 0]]\n"
    'pulse = {shape = "cosine", amplitude = 1.0, frequency = 2.0}\n[preparation]',
)
FOUR = """
[system]
hamiltonian = [
    [0.5, "0.3+0.4j", 0.0, "-0.2j"],
    ["0.3-0.4j", -0.2, "0.6-0.1j", 0.1],
    [0.0, "0.6+0.1j", 0.3, "0.2+0.5j"],
    ["0.2j", 0.1, "0.2-0.5j", 0.0],
]
[preparation]
state = [0.5, "0.3+0.4j", "-0.5j", "0.4-0.3j"]
"""
EVERY = [[f"{(a * b) % 7 / 8 - 0.4:.3f}{'+' if a < b else '-'}0.125j" for b in range(18)] for a in range(18)]
DENSE = f"""
[system]
hamiltonian = {[[text if a != b else "0.25" for b, text in enumerate(row)] for a, row in enumerate(EVERY)]}
[preparation]
density = {[1 / 18] * 18}
phase = {[a % 5 / 2 for a in range(18)]}
"""
"""Every beable coupled to every other: with more than 16 couplings each who leaves draws a target from a table."""


SPREAD = "phase_spread = 0.5\nphase_kinds = 7\n"
SPECTATORS = "spectators = {}\n"
ALIGNMENT = '[alignment]\nstrength = 0.5\nscaling = "mean"\ndamping = 0.1\nmomenta = 0.3\n'


LATTICE = """
[system]
builder = "lattice"
sites = [12, 9]
potential = {kind = "harmonic", omega = 0.2}
[preparation]
packet = {centre = [-2, 0], width = [1.9, 1.4], wave_number = [0.5, 0.0]}
"""


WIDE = """
[system]
builder = "lattice"
sites = [260, 260]
potential = {kind = "harmonic", omega = 0.02}
[preparation]
packet = {centre = [-20, 0], width = [20, 15], wave_number = [0.6, 0.2]}
"""
"""33 tiles; a packet whose front crosses those of any ranks."""


@dataclass(frozen=True)
class Case:
    text: str
    members: float
    representation: str
    replicas: int
    duration: float
    preparation: str = ""
    more: str = ""
    track: int = 0


CASES = {
    "members in many blocks": Case(FOUR, 300_000, "members", 1, 0.6, track=500),
    "50 members in one block": Case(TWO, 50, "members", 1, 0.6),
    "members in 3 replicas, a dense H": Case(DENSE, 40_000, "members", 3, 0.2, track=60),
    "members in 3 replicas of one block": Case(TWO, 1000, "members", 3, 0.3),
    "counts in 5 replicas": Case(FOUR, 10**6, "occupation", 5, 0.6, track=60),
    "counts in one, driven": Case(DRIVEN, 10**15, "occupation", 1, 0.6),
    "phases in many blocks": Case(FOUR, 100_000, "members", 1, 0.3, SPREAD),
    "phases from a file": Case(TWO, 20_000, "members", 1, 0.2, 'phases = "phases.h5:/phi"'),
    "phases in 3 replicas of one block": Case(TWO, 9_000, "members", 3, 0.2, SPREAD, track=300),
    "momenta": Case(TWO, 30_000, "members", 1, 0.2, SPREAD, ALIGNMENT),
    "members and spectators": Case(FOUR, 100_000, "members", 1, 0.3, SPECTATORS.format(500)),
    "spectators with phases": Case(FOUR, 60_000, "members", 2, 0.2, SPREAD + SPECTATORS.format(40)),
    "few members as kinds": Case(FOUR, 10**4, "occupation", 5, 0.3, SPREAD),
    "lattice, counts in 3 replicas": Case(LATTICE, 10**5, "occupation", 3, 0.6, SPECTATORS.format(1)),
    "lattice, N beyond integers": Case(LATTICE, 1e30, "occupation", 2, 0.6, track=300),
    "lattice, members in 3 replicas": Case(LATTICE, 10**5, "members", 3, 0.2, SPECTATORS.format(2), track=60),
    "lattice in tiles, shared by ranks": Case(WIDE, 3 * 10**7, "occupation", 1, 0.6, SPECTATORS.format(1)),
    "kinds and spectators": Case(FOUR, 10**15, "occupation", 2, 0.2, SPREAD + SPECTATORS.format(2)),
}


def command(folder: Path, case: Case, name: str, *more: str) -> list[str]:
    """What to start on every rank; writes the config too."""
    text = case.text.replace("[preparation]", f"[preparation]\nmembers = {case.members}\n{case.preparation}")
    text += f"[dynamics]\nduration = {case.duration}\nseed = 20\nreplicas = {case.replicas}\n"
    text += f'representation = "{case.representation}"\n{case.more}[output]\ninterval = 0.1\n'
    text += f"track = {case.track}\n" if case.track else ""
    (folder / "job.toml").write_text(text)
    if "phases.h5" in text:
        with h5py.File(folder / "phases.h5", "w") as file:
            file["phi"] = np.random.default_rng(1).uniform(0, 1, case.members)
    return ["-m", "copympi", "run", "job.toml", "-o", name, "--quiet", "--no-figure", *more]


def datasets(folder: Path, ranks: int) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Type, shape and bytes of every dataset, in groups too."""
    out: dict[str, tuple[str, tuple[int, ...], bytes]] = {}

    def take(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            out[name] = (str(item.dtype), item.shape, item[()].tobytes())

    with h5py.File(folder / "results.h5") as file:
        assert bool(file.attrs["complete"])
        assert file.attrs["ranks"] == ranks
        file.visititems(take)
    return out


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def alone(case: Case, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """The datasets that a run without a launcher gives."""
    folder = tmp_path_factory.mktemp("alone")
    done = launch.copympi(*command(folder, case, "out")[2:], cwd=folder)
    assert done.returncode == 0, done.stderr
    found = datasets(folder / "out", 1)
    assert {"time", "occupation", "phase", "coherence", "events", "system/state"} <= set(found)
    assert not case.track or found["histories/time"][1][0] > 0
    return found


def test_there_are_more_and_fewer_blocks_than_ranks() -> None:
    assert blocks_for(300_000) > 7
    assert 3 * blocks_for(40_000) > 7
    assert blocks_for(50) == blocks_for(1000) == 1


@pytest.mark.parametrize(
    ("mpi", "ranks"),
    [("mpich", 1), ("mpich", 2), ("mpich", 3), ("mpich", 4), ("mpich", 7), ("openmpi", 1), ("openmpi", 3)],
)
def test_same_bits(case: Case, alone: dict[str, object], mpi: str, ranks: int, tmp_path: Path) -> None:
    done = launch.mpiexec(ranks, *command(tmp_path, case, "out"), mpi=mpi, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = datasets(tmp_path / "out", ranks)
    assert set(found) == set(alone)
    for name in alone:
        assert found[name] == alone[name], f"{name} differs on {ranks} ranks of {mpi}"


def test_another_seed_gives_other_bits(case: Case, alone: dict[str, object], tmp_path: Path) -> None:
    done = launch.mpiexec(2, *command(tmp_path, case, "out", "--set", "dynamics.seed=21"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = datasets(tmp_path / "out", 2)
    assert found["time"] == alone["time"]
    assert found["system/state"] == alone["system/state"]
    for name in ("occupation", "phase", "events"):
        assert found[name] != alone[name], f"{name} does not depend on the seed"


def test_python_gives_the_same_arrays_on_every_rank(tmp_path: Path) -> None:
    """copympi.simulate under 3 ranks: each prints a digest of what it was given."""
    script = (
        "import copympi, zlib\n"
        "from mpi4py import MPI\n"
        "run = copympi.simulate([[0.4, 0.5], [0.5, -0.4]], density=[0.7, 0.3], phase=[0, 0.4], members=50_000,"
        " duration=0.3, interval=0.1, replicas=2, representation={kind!r}, comm={comm})\n"
        "arrays = (run.time, run.occupation, run.phase, run.coherence, run.events)\n"
        "digest = [zlib.crc32(a.tobytes()) for a in arrays] + [run.steps, run.largest_chance]\n"
        "print(f'{{digest}}\\n', end='', flush=True)\n"
    )
    for kind in ("members", "occupation"):
        said = set()
        for ranks, comm in ((1, "None"), (3, "None"), (3, "MPI.COMM_SELF")):
            done = launch.mpiexec(ranks, "-c", script.format(kind=kind, comm=comm), cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            lines = done.stdout.splitlines()
            assert len(lines) == ranks
            said |= set(lines)
        assert len(said) == 1, said


@pytest.mark.parametrize("case", ["lattice in tiles, shared by ranks"], indirect=True)
@pytest.mark.parametrize(("mpi", "before", "after"), [("mpich", 3, 1), ("mpich", 1, 2), ("openmpi", 2, 3)])
def test_a_shared_lattice_goes_on_with_other_ranks(
    case: Case, alone: dict[str, object], mpi: str, before: int, after: int, tmp_path: Path
) -> None:
    """Half of it, then the rest from its checkpoint: the same bits."""
    half = ("--set", "dynamics.duration=0.3", "--set", "output.profile_interval=0.3")
    done = launch.mpiexec(before, *command(tmp_path, case, "out", *half), mpi=mpi, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "out" / "checkpoints").glob("*.h5"))
    whole = ("--resume", "--set", "output.profile_interval=0.3")
    done = launch.mpiexec(after, *command(tmp_path, case, "out", *whole), mpi=mpi, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = datasets(tmp_path / "out", after)
    for name in ("events", "mean_energy", "position", "momentum", "width"):
        assert found[name] == alone[name], f"{name} differs after {before} and {after} ranks"
    for name in ("occupation", "phase"):
        assert found[name][2].endswith(alone[name][2][-8 * 260**2 :])


@pytest.mark.parametrize("case", ["lattice, members in 3 replicas"], indirect=True)
def test_members_on_a_lattice_go_on_with_other_ranks(case: Case, alone: dict[str, object], tmp_path: Path) -> None:
    """Half of it on three ranks, then the rest on two: the same bits, histories too."""
    for ranks, more in ((3, ("--set", "dynamics.duration=0.1")), (2, ("--resume",))):
        done = launch.mpiexec(ranks, *command(tmp_path, case, "out", *more), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    found = datasets(tmp_path / "out", 2)
    assert found.keys() == alone.keys()
    assert [name for name in alone if found[name] != alone[name]] == []
