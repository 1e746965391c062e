"""Runs with very many beables: profiles in files of their own, the same bits by any writer and after any stop."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from copympi.storage import reading
from tests import launch
from tests.faults import inject, lives
from tests.faults.inject import Fault
from tests.faults.lives import ROOT, WAYS, Life, Way

P = 4200
JOB = """
[system]
hamiltonian = "H.npz"
[preparation]
members = {members}
density = {density}
phase = {phase}
[dynamics]
duration = {duration}
replicas = {replicas}
representation = "{kind}"
[output]
interval = 0.1
summaries = true
[checkpoint]
interval = {every}
"""
CASES = {
    "members": {"members": 40_000, "replicas": 1, "kind": "members"},
    "members in two replicas": {"members": 20_000, "replicas": 2, "kind": "members"},
    "counts": {"members": 10**12, "replicas": 1, "kind": "occupation"},
    "counts in three replicas": {"members": 10**12, "replicas": 3, "kind": "occupation"},
}


def prepare(folder: Path, case: str, duration: float = 0.5, every: object = '"1h"') -> Path:
    """A job of a packet on a ring."""
    folder.mkdir(parents=True, exist_ok=True)
    hop = sp.diags_array(np.full(P, -0.5), format="csr")
    H = sp.eye_array(P, format="csr") + hop[np.roll(np.arange(P), 1)] + hop[np.roll(np.arange(P), -1)]
    sp.save_npz(folder / "H.npz", sp.csr_array(H))
    x = np.arange(P) - P // 2
    rho = np.exp(-0.5 * (x / 400.0) ** 2) + 1e-6
    text = {"density": (rho / rho.sum()).tolist(), "phase": (-0.3 * x).tolist()}
    (folder / "job.toml").write_text(JOB.format(duration=duration, every=every, **text, **CASES[case]))
    return folder


def profiles(folder: Path) -> dict[str, bytes]:
    """Every profile file, whole but for what HDF5 writes about writing."""
    found = {}
    for path in sorted((folder / "out" / "profiles").iterdir()):
        with h5py.File(path) as file:
            assert file.attrs["complete"]
            found[path.name] = b"".join(file[name][()].tobytes() for name in sorted(file))
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    """The bits of runs on one rank that were never stopped."""

    @cache
    def bits(case: str) -> tuple[lives.Bits, dict[str, bytes]]:
        folder = prepare(tmp_path_factory.mktemp("whole"), case)
        lives.run(folder, "--quiet")
        return lives.bits(folder), profiles(folder)

    return bits


@pytest.mark.parametrize(
    ("case", "ranks", "way"),
    [
        ("members", 2, ROOT),
        ("members", 3, WAYS[2]),
        ("members", 2, WAYS[3]),
        ("members in two replicas", 3, WAYS[2]),
        ("counts", 3, WAYS[3]),
        ("counts in three replicas", 2, ROOT),
        ("counts in three replicas", 2, WAYS[2]),
        ("counts in three replicas", 5, WAYS[3]),
    ],
    ids=lambda x: lives.named(x) if isinstance(x, Way) else str(x),
)
def test_the_same_bits_by_any_ranks_and_writer(tmp_path: Path, whole, case: str, ranks: int, way: Way) -> None:
    folder = prepare(tmp_path, case)
    lives.run(folder, "--quiet", ranks=ranks, way=way)
    bits, files = whole(case)
    lives.same(lives.bits(folder), bits)
    assert profiles(folder) == files
    assert list(files) == ["0.h5", "1.h5"]
    assert lives.leftovers(folder) == []
    data = reading.read(folder / "out")
    np.testing.assert_allclose(data.profile_time, [0, 0.5])
    assert data.time.size == 6
    assert data.occupation.shape == data.phase.shape == (CASES[case]["replicas"], 2, P)
    np.testing.assert_array_equal(data.occupation[:, 1].sum(axis=-1), CASES[case]["members"])
    assert set(data.profile(1)) == {"occupation", "phase", "coherence"}
    assert data.system.labels[P - 1] == str(P - 1)
    with reading.opened(data.path) as file:
        assert "labels" not in file["system"], "thousands of numbers are no names"
        assert file["occupation"].is_virtual
    np.testing.assert_array_equal(data.profile(1)["occupation"], np.asarray(data.occupation)[:, 1])


@pytest.mark.parametrize("way", [ROOT, WAYS[2]], ids=lives.named)
def test_a_longer_run_forgets_the_end_of_the_shorter_one(tmp_path: Path, whole, way: Way) -> None:
    folder = prepare(tmp_path, "members", duration=0.3, every=0.17)
    lives.run(folder, "--quiet", ranks=2, way=way)
    assert len(profiles(folder)) == 2
    life = lives.run(folder, "--resume", "--set", "dynamics.duration=0.5", ranks=1, way=way)
    assert "resuming from" in life.text
    bits, files = whole("members")
    lives.same(lives.bits(folder), bits)
    assert profiles(folder) == files


def test_killed_and_resumed(tmp_path: Path, whole) -> None:
    folder = prepare(tmp_path, "members", every=0.07)
    with Life(folder, ranks=2) as life:
        life.until_saved(2)
        life.kill_all()
    (folder / "out/profiles/1.h5").write_bytes(b"of a life that went further")
    lives.run(folder, "--resume", "--quiet", ranks=3)
    bits, files = whole("members")
    lives.same(lives.bits(folder), bits)
    assert profiles(folder) == files


def test_a_profile_that_cannot_be_written_stops_the_run_after_a_checkpoint(tmp_path: Path, whole) -> None:
    folder = prepare(tmp_path, "members")
    (folder / "out/profiles").mkdir(parents=True)
    (folder / "out/profiles/1.h5").mkdir()  # a folder stands where the file must go
    (folder / "out/profiles/1.h5/keep").touch()
    life = lives.run(folder, ranks=2, code=1)
    assert "1.h5 cannot be written: " in life.text
    assert "; a checkpoint is written, go on with --resume" in life.text
    assert "Traceback" not in life.text
    assert reading.records_held(folder / "out") == 5
    (folder / "out/profiles/1.h5/keep").unlink()
    (folder / "out/profiles/1.h5").rmdir()
    lives.run(folder, "--resume", "--quiet", ranks=2)
    bits, files = whole("members")
    lives.same(lives.bits(folder), bits)
    assert profiles(folder) == files


def test_nobody_waits_for_a_rank_that_cannot_open_a_profile(tmp_path: Path, whole) -> None:
    """Where all ranks write together, on the second of two: both hear of it, and stop after a checkpoint."""
    folder, way = prepare(tmp_path, "members"), WAYS[2]
    fault = Fault("open", "EACCES", 1, 1, "profiles/.partial-1-1.h5").env(inject.build(tmp_path), tmp_path / "fault")
    start = way.command(1)
    words = "copympi run job.toml -o out --no-figure --quiet --writer mpio --patience 60s"
    copympi = [*start[-2:], *words.split()]
    second = ["env", *(f"{name}={value}" for name, value in fault.items()), *copympi]
    env = {**way.env(2), "PYTHONPATH": str(lives.REPO)}
    done = launch.run([*start[:-2], *copympi, ":", "-n", "1", *second], 300.0, folder, env)
    assert inject.befell(tmp_path / "fault") == 1
    assert done.returncode == 1, done.stderr
    assert "1.h5 cannot be written: Permission denied; a checkpoint is written, go on with --resume" in done.stderr
    assert "Traceback" not in done.stderr
    assert lives.leftovers(folder) == []
    lives.run(folder, "--resume", "--quiet", ranks=2, way=way)
    bits, files = whole("members")
    lives.same(lives.bits(folder), bits)
    assert profiles(folder) == files


def test_a_lost_profile_is_no_record(tmp_path: Path) -> None:
    """Without its last profile a run holds the records before it."""
    folder = prepare(tmp_path, "counts")
    lives.run(folder, "--quiet")
    (folder / "out/profiles/1.h5").unlink()
    assert reading.records_held(folder / "out") == 5
    data = reading.read(folder / "out")
    assert data.time.size == 5
    np.testing.assert_array_equal(data.profile_time, [0])
    with pytest.raises(OSError, match="fewer than the 6 records"):
        reading.first_records(folder / "out/results.h5", 6)
    assert reading.first_records(folder / "out/results.h5", 5)["profile_time"].tolist() == [0]
