"""What goes wrong on some rank ends the whole job, soon, with one exit code and words that help."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests import launch
from tests.other_build import other_build

ROOT = Path(__file__).parents[2]
SCRIPT = str(Path(__file__).with_name("break_a_rank.py"))
PYTHON = [sys.executable, "-m", "copympi"]

CONFIG = """
[system]
hamiltonian = [[0.0, 1.0], [1.0, 0.0]]
labels = ["left", "right"]
[preparation]
members = 10_000_000
density = [0.5, 0.5]
phase = [0.0, 1.5707963267948966]
[dynamics]
duration = 0.4
representation = "members"
[output]
interval = 0.1
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "job.toml").write_text(CONFIG)
    return tmp_path


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Our own lines among what a launcher adds."""
    start = "copympi: error: "
    return [line.removeprefix(start) for line in done.stderr.splitlines() if line.startswith(start)]


def warned(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Our warnings, but for that of a machine with fewer cores than ranks."""
    start = "copympi: warning: "
    lines = [line.removeprefix(start) for line in done.stderr.splitlines() if line.startswith(start)]
    return [line for line in lines if "ranks share" not in line]


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


# --- bad input, said once


@pytest.mark.parametrize("mpi", launch.FLAVOURS)
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "job.toml", "--set", "preparation.members=0"), "job.toml: preparation.members = 0: must be a whole"),
        (("run", "job.toml", "--set", "dynamics.method=euler"), 'job.toml: dynamics.method = "euler": must be '),
        (("run", "job.toml", "--set", "system.hamiltonian=[[0,1],[2,0]]"), "must be Hermitian"),
        (("run", "job.toml", "--set", "preparation.members=1e15"), "job.toml: preparation.members = 10000"),
        (("run", "absent.toml"), 'CONFIG = "absent.toml": cannot be read: No such file or directory'),
        (("run", "job.toml", "-o", "job.toml/x"), 'output folder = "job.toml/x": cannot be written: Not a directory'),
        (("run", "--swiftly"), "the following arguments are required: CONFIG.toml"),
    ],
    ids=["members", "method", "Hermitian", "memory", "no file", "no folder", "arguments"],
)
def test_bad_input_is_one_line_and_exit_code_2(job: Path, mpi: str, arguments: tuple[str, ...], says: str) -> None:
    done = launch.mpiexec(3, "-m", "copympi", *arguments, mpi=mpi, cwd=job)
    assert done.returncode == 2
    assert len(errors(done)) == 1, done.stderr
    assert says in errors(done)[0]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert listing(job) == ["job.toml"]


@pytest.mark.parametrize("mpi", launch.FLAVOURS)
def test_a_bad_phase_in_a_file_ends_ranks_without_members_too(job: Path, mpi: str) -> None:
    """One block of members on three ranks: one of them reads the file."""
    phases = np.zeros(1000)
    phases[700] = np.nan
    with h5py.File(job / "phases.h5", "w") as file:
        file["phi"] = phases
    settings = ("--set=preparation.members=1000", "--set=preparation.phases=phases.h5:/phi")
    done = launch.mpiexec(3, "-m", "copympi", "run", "job.toml", *settings, mpi=mpi, cwd=job)
    assert done.returncode == 2, done.stderr
    assert len(errors(done)) == 1, done.stderr
    assert "every phase in phases.h5:/phi must be a number below 1e+06 in size" in errors(done)[0]
    assert "Traceback" not in done.stderr


def test_a_fixed_step_in_which_phases_turn_too_far(job: Path) -> None:
    settings = ["system.hamiltonian=[[60, 0.1], [0.1, -60]]", "preparation.phase_spread=0.1", "dynamics.step=0.1"]
    options = [f"--set={item}" for item in [*settings, "preparation.members=1000"]]
    done = launch.mpiexec(2, "-m", "copympi", "run", "job.toml", *options, cwd=job)
    assert done.returncode == 1, done.stderr
    assert len(errors(done)) == 1, done.stderr
    assert errors(done)[0].startswith("a phase turns by more than 1 rad in one step: beable left at t = 0")
    assert "Traceback" not in done.stderr


def test_every_rank_gives_code_2(job: Path) -> None:
    """Not only the first that the launcher hears of."""
    command = f'{" ".join(PYTHON)} run job.toml --set preparation.members=0; echo "code $?" >> codes'
    done = launch.run([*launch.launcher("mpich"), "-n", "3", "sh", "-c", command], cwd=job)
    assert len(errors(done)) == 1
    assert (job / "codes").read_text().splitlines() == ["code 2"] * 3


# --- an exception on one rank


@pytest.mark.parametrize("mpi", launch.FLAVOURS)
@pytest.mark.parametrize(("rank", "how"), [(1, "members"), (2, "members"), (1, "occupation"), (0, "recorder")])
def test_an_exception_on_one_rank_ends_the_job_with_its_traceback(mpi: str, rank: int, how: str) -> None:
    done = launch.mpiexec(3, SCRIPT, str(rank), how, mpi=mpi)
    assert done.returncode != 0
    assert "went on" not in done.stdout
    assert done.stderr.count(f"copympi: rank {rank} failed; the whole job ends") == 1
    assert done.stderr.count("Traceback (most recent call last)") == 1
    assert "ZeroDivisionError: a fault put in by a test" in done.stderr
    assert "break_a_rank.py" in done.stderr


OBSERVER = """
import sys
import numpy as np
from copympi import InputError, mpi
from copympi.records.plan import Plan
from tests.unit.test_quantity import carried_out, given

def mine(view):
    if view.time > 0.15 and sys.argv[1] == "fails":
        raise OSError("the user's own")
    return np.zeros((2, 3 if view.time > 0.15 else 2))

comm = mpi.world()
try:
    carried_out(Plan(*given(dynamics={"replicas": 2}), {"mine": mine}), comm=comm)
except InputError as problem:
    sys.exit(f"rank {comm.rank}: {problem}")
"""


def test_an_observer_that_fails_ends_the_job_with_its_traceback() -> None:
    """It is called on the root alone; the others wait for the root, and must not do so for ever."""
    done = launch.mpiexec(2, "-c", OBSERVER, "fails", env={"PYTHONPATH": str(ROOT)})
    assert done.returncode != 0
    assert done.stderr.count("copympi: rank 0 failed; the whole job ends") == 1
    assert "OSError: the user's own" in done.stderr
    assert "RuntimeError: observe['mine'] failed at t = 0.2" in done.stderr


def test_what_an_observer_may_not_give_is_every_ranks_error() -> None:
    done = launch.mpiexec(2, "-c", OBSERVER, "grows", env={"PYTHONPATH": str(ROOT)})
    assert done.returncode != 0
    for rank in (0, 1):
        assert f"rank {rank}: observe['mine'] = " in done.stderr
    assert done.stderr.count("must have the shape (R, 2) it had at t = 0") == 2


@pytest.mark.parametrize("mpi", launch.FLAVOURS)
def test_a_rank_that_is_killed_ends_the_job(mpi: str) -> None:
    done = launch.mpiexec(3, SCRIPT, "1", "killed", mpi=mpi)
    assert done.returncode != 0
    assert "went on" not in done.stdout


def test_alone_an_exception_is_an_ordinary_one() -> None:
    done = launch.run([sys.executable, SCRIPT, "0", "members"])
    assert done.returncode == 1
    assert "whole job" not in done.stderr
    assert done.stderr.rstrip().endswith("ZeroDivisionError: a fault put in by a test")


# --- the wrong launcher


def refused(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert done.returncode == 2, done.stderr
    assert len(errors(done)) == 1, done.stderr
    line = errors(done)[0]
    assert line.startswith('launcher = "2 processes": each of them sees a job of 1: ')
    assert "use the mpiexec of that library, or under SLURM another srun --mpi=" in line
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert listing(folder) == ["job.toml"]


def test_processes_that_mpichs_launcher_cannot_connect(job: Path) -> None:
    """MPICH's library without the launcher's socket starts as N jobs of one rank each."""
    apart = ["env", "-u", "PMI_FD", "-u", "PMI_PORT"]
    refused(launch.run([*launch.launcher("mpich"), "-n", "2", *apart, *PYTHON, "run", "job.toml"], cwd=job), job)


def test_the_library_of_another_mpi_than_the_launchers(job: Path) -> None:
    """MPICH's mpiexec starts processes that load Open MPI's library: N jobs of one rank each."""
    launch.launcher("openmpi")  # skips where there is none
    env = {"MPI4PY_MPIABI": "openmpi", "MPI4PY_LIBMPI": "libmpi.so.40"}
    refused(launch.mpiexec(2, "-m", "copympi", "run", "job.toml", cwd=job, env=env), job)


def test_mpichs_library_under_open_mpis_launcher(job: Path) -> None:
    """MPICH's library gives up by itself here, in MPI_Init: no run starts, and nothing hangs."""
    library = Path(sys.prefix) / "lib" / "libmpi.so.12"
    assert library.exists()
    env = {"MPI4PY_MPIABI": "mpich", "MPI4PY_LIBMPI": str(library)}
    done = launch.mpiexec(2, "-m", "copympi", "run", "job.toml", mpi="openmpi", cwd=job, env=env)
    assert done.returncode != 0
    assert listing(job) == ["job.toml"]


@pytest.mark.parametrize(
    ("size", "rank"),
    [
        ("PMI_SIZE", "PMI_RANK"),
        ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
    ],
)
def test_tasks_that_were_never_one_job(job: Path, size: str, rank: str) -> None:
    """What srun does without a PMI that the library knows: two processes with the variables of a job of two."""
    first, second = (f"{size}=2 {rank}={k} {' '.join(PYTHON)} run job.toml" for k in range(2))
    both = f"{first} & one=$!; {second}; two=$?; wait $one; test $? = $two && exit $two"
    refused(launch.run(["sh", "-c", both], cwd=job), job)


# --- ranks that do not compute alike


def unlike(mpi: str, first: list[str], *arguments: str) -> list[str]:
    """Two ranks, the first under `first`, the other without."""
    second = [] if first else other_build()
    return [*launch.launcher(mpi), "-n", "1", *first, *PYTHON, *arguments, ":", "-n", "1", *second, *PYTHON, *arguments]


@pytest.mark.parametrize("mpi", launch.FLAVOURS)
def test_check_speaks_of_ranks_that_do_not_compute_alike(tmp_path: Path, mpi: str) -> None:
    done = launch.run(unlike(mpi, [], "check"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    line = next(line for line in done.stdout.splitlines() if "same arithmetic" in line)
    assert "ranks have unlike CPUs; the root's plan" in line


CPU_CONFIG = """
[system]
hamiltonian = [
    [0.5, "0.3+0.4j", 0.0, "-0.2j"],
    ["0.3-0.4j", -0.2, "0.6-0.1j", 0.1],
    [0.0, "0.6+0.1j", 0.3, "0.2+0.5j"],
    ["0.2j", 0.1, "0.2-0.5j", 0.0],
]
[preparation]
members = 100_000
state = [0.5, "0.3+0.4j", "-0.5j", "0.4-0.3j"]
[dynamics]
duration = 2.0
replicas = 6
representation = "members"
[output]
interval = 0.1
"""
RING_CONFIG = """
[system]
builder = "lattice"
sites = 16
[preparation]
members = 40_000
packet = {centre = -2.0, width = 2.0, wave_number = 0.8}
[dynamics]
duration = 2.0
replicas = 2
representation = "members"
[output]
interval = 0.1
track = 50
"""


def bits(folder: Path) -> dict[str, bytes]:
    with h5py.File(folder / "results.h5") as file:
        assert bool(file.attrs["complete"])
        names = ["time", "occupation", "phase", "coherence", "events"]
        names += ["histories/time", "histories/member", "histories/to"] if "histories" in file else []
        return {name: file[name][()].tobytes() for name in names}


@pytest.mark.parametrize(
    ("mpi", "config"),
    [*((mpi, CPU_CONFIG) for mpi in launch.FLAVOURS), ("mpich", RING_CONFIG)],
    ids=[*launch.FLAVOURS, "members on a lattice"],
)
def test_a_run_of_unlike_builds_gives_what_the_roots_gives_alone(tmp_path: Path, mpi: str, config: str) -> None:
    (tmp_path / "job.toml").write_text(config)
    arguments = ("run", "job.toml", "--quiet", "--no-figure", "-o")
    alone = []
    for name, root in (("one", []), ("other", other_build())):
        assert launch.run([*root, *PYTHON, *arguments, f"alone-{name}"], cwd=tmp_path).returncode == 0
        done = launch.run(unlike(mpi, root, *arguments, f"both-{name}"), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        alone.append(bits(tmp_path / f"alone-{name}"))
        assert bits(tmp_path / f"both-{name}") == alone[-1], f"root {name}"
    assert alone[0] != alone[1], "builds that are unlike must show, or this test means nothing"


# --- dynamics that cannot go on


@pytest.mark.parametrize("mpi", launch.FLAVOURS)
@pytest.mark.parametrize("representation", ["members", "occupation"])
@pytest.mark.parametrize("replicas", [1, 3])
def test_a_step_below_what_time_resolves(job: Path, mpi: str, representation: str, replicas: int) -> None:
    """All members run to one beable while a record lies very far ahead: near the node steps are lost in t."""
    settings = ["dynamics.duration=1e11", "output.interval=1e11", "dynamics.tolerance=0.9"]
    settings += [f"dynamics.representation={representation}", f"dynamics.replicas={replicas}"]
    done = launch.mpiexec(
        2, "-m", "copympi", "run", "job.toml", *(f"--set={item}" for item in settings), mpi=mpi, cwd=job
    )
    assert done.returncode == 1, done.stderr
    assert len(errors(done)) == 1, done.stderr
    line = errors(done)[0]
    assert line.startswith("the step falls below what this time can resolve: beable left at t = 0.7")
    assert "n = [" in line
    assert re.search(r"replica [012];", line)
    left, right = (int(x) for x in line.partition("n = [")[2].partition("]")[0].split(", "))
    assert left + right == 10_000_000
    assert 0 < left < 100_000
    assert "Traceback" not in done.stderr
    with h5py.File(job / "job" / "results.h5") as file:
        assert not file.attrs["complete"]
        assert file["occupation"].shape == (*([replicas] if replicas > 1 else []), 1, 2)


@pytest.mark.parametrize("representation", ["members", "occupation"])
def test_a_fixed_step_with_a_chance_above_one(job: Path, representation: str) -> None:
    settings = ["dynamics.duration=6", "output.interval=3", "dynamics.step=3", "preparation.members=1000"]
    settings += [f"dynamics.representation={representation}", "dynamics.replicas=3"]
    done = launch.mpiexec(2, "-m", "copympi", "run", "job.toml", *(f"--set={item}" for item in settings), cwd=job)
    assert done.returncode == 1, done.stderr
    says = "a member's chance to leave in one step is above 1: beable right at t = 0, n = [500, 500], replica 0; "
    assert errors(done) == [says + "use a smaller dynamics.step"]
    assert warned(done) == []
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("representation", ["members", "occupation"])
def test_a_fixed_step_with_large_chances_is_warned_about_once(job: Path, representation: str) -> None:
    settings = ["dynamics.step=0.1", "preparation.members=1000", f"dynamics.representation={representation}"]
    options = [f"--set={item}" for item in settings]
    done = launch.mpiexec(2, "-m", "copympi", "run", "job.toml", "--quiet", "--no-figure", *options, cwd=job)
    assert done.returncode == 0, done.stderr
    assert len(warned(done)) == 1, done.stderr
    assert warned(done)[0].startswith("dynamics.step = 0.1 lets a member leave with chance 0.1")
    assert "above 0.05 results lose accuracy" in warned(done)[0]
    with h5py.File(job / "job" / "results.h5") as file:
        assert file.attrs["largest_chance"] > 0.1
        np.testing.assert_array_equal(file["occupation"][()].sum(axis=1), 1000)


def test_a_fixed_step_with_small_chances_is_not(job: Path) -> None:
    options = ["--set=dynamics.step=0.01", "--set=preparation.members=1000"]
    done = launch.mpiexec(2, "-m", "copympi", "run", "job.toml", "--quiet", "--no-figure", *options, cwd=job)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_beable_without_members_is_warned_about_once(job: Path) -> None:
    options = ["--set=preparation.members=100", "--set=preparation.density=[0.999, 0.001]"]
    done = launch.mpiexec(3, "-m", "copympi", "run", "job.toml", "--quiet", "--no-figure", *options, cwd=job)
    assert done.returncode == 0
    frozen, empty = warned(done)  # each once, not once a rank
    assert "nothing can ever move: all members hold beable left" in frozen
    assert "no one holds beable right (weight 0.001)" in empty
