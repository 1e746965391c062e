"""The scripts of jobs/ on a real SLURM of two hosts that crash, lose their cables and end jobs early.

Whatever happens on the way, results.h5 must end with the same bits as those of a run that was never stopped.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests import launch
from tests.slurm.box import OPENMPI, Box, edited, need, read, until

MPICH = Path(sys.prefix)
CONFIG = """
[system]
hamiltonian = [[0.3, "0.5-0.1j"], ["0.5+0.1j", -0.3]]
[preparation]
members = 20_000_000
density = [0.6, 0.4]
phase = [0.0, 0.5]
[dynamics]
duration = 120.0
representation = "members"
step = 0.01  # seconds of work in few steps, at each of which ranks wait for each other
seed = 5
[output]
interval = 0.5
[checkpoint]
interval = "0.5s"
"""
SHORT = ("--time=10", "--signal=B:USR1@60")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Box]:
    box = Box()
    try:
        yield box
    finally:
        box.cluster.down()


@pytest.fixture
def box(cluster: Box) -> Iterator[Box]:
    yield cluster
    cluster.clear()


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("references")


class Case:
    """A folder with a config in it, and what is to come out."""

    def __init__(self, folder: Path, references: Path) -> None:
        self.folder, self.references = folder, references
        self.config, self.output = folder / "run.toml", folder / "out"
        self.config.write_text(CONFIG)
        self.wanted = {"CONFIG": "run.toml", "OUTPUT": "out"}

    def script(self, name: str, launcher: str, *options: str, environment: Path = MPICH, **block: str) -> Path:
        chosen = {**self.wanted, "LAUNCHER": f"({launcher})", "OPTIONS": f"({' '.join(('--no-figure', *options))})"}
        return edited(name, self.folder, environment, **{**chosen, **block})

    def log(self, job: str) -> Path:
        found = list(self.folder.glob(f"*-{job}.log"))
        return found[0] if found else self.folder / f"no log of {job} yet"

    def checkpoint(self, job: str, lives: int = 1, timeout: float = 600.0) -> None:
        """Wait until life number `lives` of a job has written a checkpoint."""

        def written() -> bool:
            parts = re.split(r"life \d+: node", read(self.log(job)))
            return len(parts) > lives and " written at " in parts[lives]

        until(written, timeout, f"checkpoint in life {lives}", self.log(job))

    def check(self, output: Path | None = None, seed: int = 5, settings: tuple[str, ...] = ()) -> None:
        """The same bits as from a run that never stopped, and nothing half-written."""
        output = output or self.output
        never_stopped = self.references / "-".join((str(seed), *settings[1::2]))
        if not never_stopped.exists():
            chosen = ("--set", f"dynamics.seed={seed}", *settings, "--no-figure", "--quiet")
            done = launch.copympi("run", self.config, "-o", never_stopped, *chosen)
            assert done.returncode == 0, done.stderr
        with h5py.File(output / "results.h5") as one:
            assert one.attrs["complete"]
        one, other = datasets(output / "results.h5"), datasets(never_stopped / "results.h5")
        assert "occupation" in other
        assert one == other, [name for name in other if one.get(name) != other[name]]
        assert not list((output / "checkpoints").glob(".partial-*"))


def datasets(path: Path) -> dict[str, tuple[str, bytes]]:
    """Type and bytes of every dataset of an HDF5 file."""
    found = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = (f"{item.dtype} {item.shape}", np.asarray(item[()]).tobytes())

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


@pytest.fixture
def case(tmp_path: Path, references: Path) -> Case:
    return Case(tmp_path, references)


def at_first(counter: str, first: int) -> str:
    """A time budget in the first life alone: on a busy machine lives of seconds each would hardly get on."""
    return f'$([ "${{{counter}:-{first}}}" = {first} ] && echo --time-budget 2s)'


def lives(log: Path) -> int:
    """How many lives stand in a log."""
    return len(set(re.findall(r"life (\d+): node", read(log))))


def test_one_run_is_requeued_until_done(box: Box, case: Case) -> None:
    script = case.script("run.sbatch", "srun --mpi=pmi2")
    job = box.submit(script, "--ntasks=2", *SHORT)
    for life in (1, 2):
        case.checkpoint(job, life)
        box.call("scancel", "--signal=USR1", "--batch", job)  # as SLURM does before a time limit
    assert box.end(job, 600, case.log(job)) == "COMPLETED", read(case.log(job))
    text = read(case.log(job))
    assert lives(case.log(job)) == 3, text
    assert "no checkpoint in out: starting afresh" in text
    assert text.count("resuming from checkpoint-") == 2
    assert "(root)" in text
    case.check()


def test_array(box: Box, case: Case) -> None:
    seeded = ("--set", 'dynamics.seed="$SEED"', at_first("SLURM_RESTART_COUNT", 0))
    script = case.script("array.sbatch", "srun --mpi=pmi2", *seeded, OUTPUT="out-$SEED")
    job = box.submit(script, "--array=5-6", "--ntasks=1", *SHORT)
    for seed in (5, 6):
        log = case.folder / f"copympi-array-{job}_{seed}.log"
        assert box.end(f"{job}_{seed}", 600, log) == "COMPLETED", read(log)
        assert lives(log) == 2, read(log)
        case.check(case.folder / f"out-{seed}", seed=seed)


def test_chain(box: Box, case: Case) -> None:
    script = case.script("chain.sbatch", "mpiexec", at_first("COPYMPI_LINK", 1))
    head = {"--ntasks=4": "--ntasks=2", "--time=01:00:00": SHORT[0], "--signal=B:USR1@120": SHORT[1]}
    for old, new in head.items():  # in the file: links inherit nothing from sbatch's command line
        assert f"#SBATCH {old}\n" in script.read_text()
        script.write_text(script.read_text().replace(f"#SBATCH {old}\n", f"#SBATCH {new}\n"))
    box.submit(script)
    until(lambda: "done: out" in "".join(map(read, case.folder.glob("*.log"))), 600, "end of the chain")
    until(lambda: not box.call("squeue", "-h").strip(), 600, "end of all links")
    logs = sorted(case.folder.glob("*.log"), key=lambda log: int(log.stem.split("-")[-1]))
    assert len(logs) == 2
    assert all(" 2 ranks" in read(log) for log in logs)
    assert "on to job" in read(logs[0])
    case.check()


@pytest.mark.parametrize(
    ("launcher", "environment", "writer"),
    [("mpirun.openmpi", OPENMPI, "mpio"), ("srun --mpi=pmix", OPENMPI, "mpio"), ("mpiexec", MPICH, "root")],
    ids=["openmpi-mpirun", "openmpi-srun", "mpich-mpiexec"],
)
def test_two_hosts(box: Box, case: Case, launcher: str, environment: Path, writer: str) -> None:
    need((environment / "bin/copympi").exists(), f"{environment} (tests/provide-parallel-hdf5)")
    script = case.script("nodes.sbatch", launcher, "--writer", "auto", environment=environment)
    job = box.submit(script, "--nodes=2", "--ntasks-per-node=1", *SHORT)
    case.checkpoint(job)
    box.call("scancel", "--signal=USR1", "--batch", job)
    assert box.end(job, 600, case.log(job)) == "COMPLETED", read(case.log(job))
    text = read(case.log(job))
    assert lives(case.log(job)) == 2, text
    assert f"({writer})" in text
    case.check()


@pytest.mark.parametrize("launcher", ["srun --mpi=pmi2", "mpiexec"])
def test_scancel_leaves_a_checkpoint(box: Box, case: Case, launcher: str) -> None:
    script = case.script("run.sbatch", launcher, "--set", """'checkpoint.interval="1h"'""")
    job = box.submit(script, "--ntasks=2", *SHORT)
    until(lambda: " 2 ranks" in read(case.log(job)), 600, "start", case.log(job))
    time.sleep(1.5)
    box.call("scancel", job)
    assert box.end(job, 600, case.log(job)) == "CANCELLED"
    until(lambda: not box.call("squeue", "-h").strip(), 600, "end of all ranks", case.log(job))
    assert "a checkpoint is written" in read(case.log(job))
    assert lives(case.log(job)) == 1
    done = launch.copympi("run", case.config, "-o", case.output, "--resume", "--no-figure")
    assert done.returncode == 0, done.stderr
    assert "resuming from checkpoint-00000001.h5" in done.stderr
    case.check()


def test_a_stop_file_ends_the_job(box: Box, case: Case) -> None:
    """And no word from SLURM on when the job ends is no midnight: copympi would stop at once, life after life."""
    script = case.script("run.sbatch", "srun --mpi=pmi2", "--time-budget", "1h")
    mute = "unset SLURM_JOB_END_TIME\nsqueue() { :; }\n"
    script.write_text(script.read_text().replace('. "$COMMON"', f'{mute}. "$COMMON"\necho "end: $SLURM_JOB_END_TIME."'))
    job = box.submit(script, "--ntasks=2", *SHORT)
    case.checkpoint(job)
    (case.output / "STOP").touch()
    log = case.log(job)
    assert box.end(job, 60, log) == "COMPLETED", read(log)
    assert "end: .\n" in read(log)
    assert lives(log) == 1, read(log)
    assert "stopped by out/STOP, which is now out/stopped; submit again to go on" in read(log)
    assert (case.output / "stopped").exists()
    assert not (case.output / "STOP").exists()
    done = launch.copympi("run", case.config, "-o", case.output, "--resume", "--no-figure")
    assert done.returncode == 0, done.stderr
    assert "resuming from checkpoint-" in done.stderr
    assert not (case.output / "stopped").exists()
    case.check()


@pytest.mark.parametrize(
    ("crashing", "launcher", "environment"),
    [(2, "srun --mpi=pmix", OPENMPI), (1, "mpiexec", MPICH)],
    ids=["openmpi-srun-a-host", "mpich-mpiexec-the-script's-host"],
)
def test_a_host_crashes(box: Box, case: Case, crashing: int, launcher: str, environment: Path) -> None:
    need((environment / "bin/copympi").exists(), f"{environment} (tests/provide-parallel-hdf5)")
    script = case.script("nodes.sbatch", launcher, environment=environment)
    job = box.submit(script, "--nodes=2", "--ntasks-per-node=1", *SHORT)
    case.checkpoint(job)
    box.cluster.crash(crashing)
    until(lambda: box.field(job, "Restarts") == "1", 600, "requeue", case.log(job))
    box.cluster.revive(crashing)
    assert box.end(job, 600, case.log(job)) == "COMPLETED", read(case.log(job))
    assert "resuming from checkpoint-" in read(case.log(job))
    case.check()


CANCELLED = "life 2: stopped: "
LONG = ("--set", "dynamics.step=0.00125", "--set", "preparation.members=1e7")
"""Many short steps: SLURM takes a while to see that a host is lost, and the run on it is to go on so long."""


def test_a_cut_cable_makes_no_second_writer(box: Box, case: Case) -> None:
    script = case.script("run.sbatch", "srun --mpi=pmi2", *LONG)
    job = box.submit(script, "--ntasks=4", *SHORT)
    case.checkpoint(job)
    home = box.field(job, "BatchHost")
    number = int(home[-1])
    box.cluster.cut(number)
    log = case.log(job)
    until(lambda: "has superseded this one" in read(log), 600, "end of the first life", log)
    assert lives(log) == 2, read(log)
    assert box.field(job, "BatchHost") != home
    box.cluster.join(number)
    seen = read(log).count(" written at ")
    # SLURM's srun of the first life, which comes back too, may cancel the step of the second, of the same number
    until(lambda: read(log).count(" written at ") > seen or CANCELLED in read(log), 600, "more of the second life", log)
    assert lives(log) == 2, read(log)
    assert box.field(job, "Restarts") == "1"
    if CANCELLED not in read(log):
        box.call("scancel", job)
    until(lambda: not box.call("squeue", "-h").strip(), 600, "end of all ranks", log)
    numbers = [int(n) for n in re.findall(r"checkpoint-(\d+)\.h5 written", read(log))]
    assert len(numbers) == len(set(numbers)), "two lives wrote the same checkpoint"
    done = launch.copympi("run", case.config, "-o", case.output, *LONG, "--no-figure", "--resume")
    assert done.returncode == 0, done.stderr
    case.check(settings=LONG)
