"""copympi run --dry-run, rerun and cite; the end of a batch job by COPYMPI_JOB_END."""

from __future__ import annotations

import os
import shutil
import time as clock
from pathlib import Path

import h5py
import numpy as np
import pytest

import copympi
from copympi.errors import InputError
from copympi.run.stopping import JOB_END, job_deadline
from copympi.storage import digests
from tests import launch

ROOT = Path(__file__).parents[2]
CONFIG = """
[system]
hamiltonian = "H.npy"
[preparation]
members = 1000
density = [0.6, 0.3998, 0.0002]
[dynamics]
duration = 2.0
[output]
interval = 0.5
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A folder with job.toml and the file that it needs."""
    (tmp_path / "job.toml").write_text(CONFIG)
    np.save(tmp_path / "H.npy", np.array([[0, 0.5, 0.2], [0.5, 0, 0.3j], [0.2, -0.3j, 0]]))
    return tmp_path


def test_a_dry_run_says_what_it_takes_and_writes_nothing(job: Path) -> None:
    before = sorted(os.listdir(job))
    done = launch.copympi("run", "job.toml", "--dry-run", cwd=job)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(job)) == before
    assert "no one holds beable 2" in done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert lines["disk"].split()[1:3] == [str((1 + 3 * 3 + 1) * 8 * 5), "bytes"], "five records of eleven numbers"
    assert "MB a rank" in lines["memory"]
    assert "/s), the whole run" in lines["speed"]
    assert lines["empty"] == "  empty     1 of 3 beables, for good: 2"
    refused = launch.copympi("run", "job.toml", "--dry-run", "--set", "dynamics.sed=1", cwd=job)
    assert (refused.returncode, refused.stdout) == (2, "")


def test_rerun(job: Path) -> None:
    """Finished, stopped early, with other bits, and where its files are not to be found."""
    assert launch.copympi("run", "job.toml", "--no-figure", "--quiet", cwd=job).returncode == 0
    (job / "elsewhere").mkdir()
    for arguments, cwd in ((("job",), job), (("../job", "--files", ".."), job / "elsewhere")):
        done = launch.copympi("rerun", *arguments, cwd=cwd)
        assert (done.returncode, done.stderr) == (0, ""), done
        assert done.stdout.endswith("job/results.h5: all 5 records come out again, bit for bit\n")
    assert sorted(os.listdir(job / "job")) == ["checkpoints", "results.h5"], "nothing is left behind"
    assert sorted(os.listdir(job)) == ["H.npy", "elsewhere", "job", "job.toml"]
    lost = launch.copympi("rerun", "../job", cwd=job / "elsewhere")
    assert lost.returncode == 2
    assert "no such file: H.npy" in lost.stderr
    assert "--files" in lost.stderr
    cut = job / "cut"
    shutil.copytree(job / "job", cut)
    with h5py.File(cut / "results.h5", "r+") as file:
        file["occupation"][3, 0] += 1
        file["occupation"][3, 1] -= 1
        for name in ("time", "occupation", "phase", "coherence", "events"):
            file[name].resize(4, axis=0)
        file["digests/records"].resize(4, axis=0)
        whole = {name: file[name][()] for name in ("time", "occupation", "phase", "coherence", "events")}
        file["digests/records"][...] = digests.of_rows(whole, False)
        file.attrs["complete"] = False
    other = launch.copympi("rerun", "cut", cwd=job)
    assert other.returncode == 1
    assert other.stdout.startswith("cut/results.h5: records differ from t = 1.5 on, 1 of 4\n  then copympi ")


def test_rerun_refuses_what_python_functions_recorded(tmp_path: Path) -> None:
    copympi.simulate(
        [[0, 0.5], [0.5, 0]], state=[0.6, 0.8], members=100, duration=0.1, seed=1, output=tmp_path / "out",
        observe={"left": lambda view: view.n[:, 0]},
    )  # fmt: skip
    done = launch.copympi("rerun", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "functions from Python" in done.stderr


def test_cite() -> None:
    said = launch.copympi("cite").stdout
    assert said == copympi.cite() == repr(copympi.cite())
    assert said.index("@software{copympi,") < said.index("@article{Smolin2012,")
    cff = (ROOT / "CITATION.cff").read_text()
    assert "preferred-citation" not in cff, "the software first"
    for part in (copympi.__version__, "10.1007/s10701-012-9661-1", "A Real Ensemble Interpretation"):
        assert part in said
        assert part in cff


def test_the_end_of_a_batch_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SLURM_JOB_ID", "SLURM_JOB_END_TIME"):
        monkeypatch.delenv(name, raising=False)
    assert job_deadline() is None
    monkeypatch.setenv(JOB_END, str(int(clock.time()) + 1000))
    deadline = job_deadline()
    assert deadline is not None
    assert deadline - clock.monotonic() == pytest.approx(980, abs=3)
    common = {"state": [0.6, 0.8], "members": 100, "duration": 0.1, "seed": 1}
    for wrong in ("soon", "-1", "1e9", "9" * 20):
        monkeypatch.setenv(JOB_END, wrong)
        with pytest.raises(InputError, match=r"^COPYMPI_JOB_END = .* must be the job's end in seconds since 1970"):
            copympi.simulate([[0, 0.5], [0.5, 0]], output=tmp_path / "out", **common)
    assert not (tmp_path / "out").exists()
    monkeypatch.setenv(JOB_END, str(int(clock.time()) - 10))
    with pytest.raises(copympi.StoppedEarly, match="the time budget is used up"):
        copympi.simulate([[0, 0.5], [0.5, 0]], output=tmp_path / "out", **common)
