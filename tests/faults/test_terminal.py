"""Standard output and error that are lost, and ranks that leave alone: the run goes on, or the whole job ends."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests import launch
from tests.faults import lives
from tests.faults.lives import Life, gone
from tests.faults.test_resume import prepare

COMMAND = f"{sys.executable} -m copympi run job.toml -o out --progress bar --set checkpoint.interval=30.0"
LOST = {
    "full": f"{COMMAND} >/dev/full 2>/dev/full",
    "closed": f"{COMMAND} <&- >&- 2>&-",
    "broken": f"({COMMAND}; echo $? >code) 2>&1 | true; exit $(cat code)",
    "ascii": f"LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {COMMAND} >said",
}
UNIT = "{x.__class__} {bar} {0}"


@pytest.mark.parametrize("how", LOST)
def test_a_run_whose_words_are_lost_goes_on(tmp_path: Path, how: str) -> None:
    """Under a matplotlib that is set to what is not there, too, and with a unit that looks like a format."""
    job = prepare(tmp_path, duration=60.0) / "job.toml"
    job.write_text(job.read_text().replace("[output]", f'[output]\ntime_unit = "{UNIT}"'))
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n")
    env = {"MPLBACKEND": "nosuch", "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "PATH": "/usr/bin:/bin"}
    done = launch.run(["sh", "-c", LOST[how]], 60, tmp_path, env)
    assert done.returncode == 0, done.stderr
    assert len(lives.bits(tmp_path)["time"][2]) == 3 * 8
    assert len(lives.saved(tmp_path)) == 2  # one on the way, one at the end
    assert (tmp_path / "out/occupation.pdf").exists()
    if how == "ascii":
        assert UNIT in done.stderr
        assert "\\xb1" in (tmp_path / "said").read_text(), "what the encoding lacks is spelt out"


def test_ranks_whose_output_breaks_leave_together(tmp_path: Path) -> None:
    prepare(tmp_path, duration=60.0)
    rank = f"({sys.executable} -m copympi run job.toml -o out --no-figure; echo $? >>codes) | head -1"
    done = launch.run([*launch.launcher("mpich"), "-n", "2", "sh", "-c", rank], 60, tmp_path)
    assert done.stdout.startswith("copympi ")
    assert (tmp_path / "codes").read_text().split() == ["0", "0"], done.stderr
    lives.bits(tmp_path)


@pytest.mark.parametrize(
    ("mpi", "odd", "says"),
    [
        ("mpich", "--swiftly", "error: unrecognized arguments: --swiftly"),
        ("openmpi", "--patience=never", 'error: --patience = "never": must be a length of wall time'),
    ],
)
def test_bad_input_on_one_rank_alone_ends_the_job(tmp_path: Path, mpi: str, odd: str, says: str) -> None:
    prepare(tmp_path)
    rank = "${PMI_RANK:-$OMPI_COMM_WORLD_RANK}"
    command = f"case {rank} in 1) odd={odd};; esac; exec {sys.executable} -m copympi run job.toml -o out $odd"
    done = launch.run([*launch.launcher(mpi), "-n", "2", "sh", "-c", command], 60, tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"copympi: rank 1 leaves alone; the whole job ends: {says}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("where", ["start", "report"])
def test_a_rank_that_hangs_before_or_after_the_run_ends_the_job(tmp_path: Path, where: str) -> None:
    prepare(tmp_path, duration=60.0)
    sleep = {
        "start": "import os, time\nif os.environ['PMI_RANK'] == '1': time.sleep(1000)\n",
        "report": "import copympi.cli.run, time\ncopympi.cli.run._report = lambda *_: time.sleep(1000)\n",
    }
    main = "from copympi.cli.main import main\nmain(['run', 'job.toml', '-o', 'out', '--patience', '4s'])\n"
    done = launch.mpiexec(2, "-c", sleep[where] + main, cwd=tmp_path, timeout=60)
    assert done.returncode == 1, done.stderr
    said = {"start": "Timeout (0:00:04)!\n", "report": ": nothing has gone on for 4 s; the job ends\n"}
    assert said[where] in done.stderr
    assert (tmp_path / "out").exists() == (where == "report")
    if where == "report":
        lives.bits(tmp_path)


def test_a_suspended_job_goes_on(tmp_path: Path) -> None:
    """All of it is stopped for longer than its patience, as by SLURM's suspend. Nor does a lost terminal end it."""
    prepare(tmp_path, members=4_000_000, duration=1e6, interval=1e3)  # minutes: fewer members soon find a node for good
    options = ("--quiet", "--patience", "2s")
    with Life(tmp_path, *options, ranks=2, prefix=("nohup",)) as life:
        life.until_begun()
        time.sleep(0.5)
        everything = life.processes()
        for number, pause in ((signal.SIGSTOP, 4.0), (signal.SIGCONT, 2.5)):
            for pid in everything:
                os.kill(pid, number)
            time.sleep(pause)
        life.signal(signal.SIGHUP)
        time.sleep(0.5)
        assert not gone(everything), life.text
        (life.output / "STOP").touch()
        assert life.wait() == 3, life.text
    assert "nothing has gone on" not in life.text


# --- interrupts


def mapped(life: Life, library: str) -> bool:
    """Whether a process has loaded a library."""
    return library in Path(f"/proc/{life.job.pid}/maps").read_text(errors="replace")


@pytest.mark.parametrize(
    ("library", "says"),
    [
        ("_multiarray_umath", "before it began: nothing has been written"),
        ("ft2font", "while reporting: the run is complete; `copympi plot out` draws its figures"),
    ],
    ids=["importing", "reporting"],
)
def test_an_interrupt_outside_the_loop_is_one_line(tmp_path: Path, library: str, says: str) -> None:
    prepare(tmp_path, duration=30.0)
    with Life(tmp_path, figure=True) as life:
        life.until(lambda: mapped(life, library))
        life.job.send_signal(signal.SIGINT)
        assert life.wait() == 1, life.text
    assert life.text.endswith(f"copympi: interrupted {says}\n"), life.text
    assert "Traceback" not in life.text
    assert (tmp_path / "out").exists() == (library == "ft2font")


def test_memory_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    prepare(tmp_path, members=1_000_000_000)
    command = f"ulimit -v 1200000; exec {sys.executable} -m copympi run job.toml -o out"
    done = launch.run(["sh", "-c", command], 60, tmp_path)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("copympi: error: out of memory"), done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
