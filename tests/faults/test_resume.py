"""Stop and go on: from any number of ranks to any other, through either writer, with the same bits in the end."""

from __future__ import annotations

import json
import os
import signal
import time
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest

import copympi
from copympi.storage import checkpoints, reading, restart
from tests.faults import lives
from tests.faults.lives import ROOT, WAYS, Life, Way
from tests.other_build import other_build

SYSTEM = """
[system]
hamiltonian = {matrix}
hbar = {hbar}
[preparation]
members = {members}
density = {density}
phase = {phase}
phase_spread = {spread}
phase_kinds = 9
spectators = {spectators}
[dynamics]
duration = {duration}
replicas = {replicas}
representation = "{kind}"
seed = 5
{more}
[output]
interval = {interval}
[checkpoint]
interval = {every}
"""
MODEL = '[alignment]\nstrength = 0.003\nscaling = "mean"\nmomenta = 0.02\n'
TWO = {"matrix": '[[0.3, "0.5-0.1j"], ["0.5+0.1j", -0.3]]', "density": [0.6, 0.4], "phase": [0.0, 0.5]}
FILTERED = {
    "matrix": '[[0.3, 0.2, "0.5-0.1j"], [0.2, 0.0, 0.1], ["0.5+0.1j", 0.1, -0.3]]', "density": [0.4, 0.3, 0.3],
    "phase": [0.0, 2.0, 0.5], "more": "[[schedule]]\nat = 6.3\nfilter = [0, 2]",
}  # fmt: skip
"""Blocks that have lost members by a filter before the checkpoint."""
CASES = {
    "one block": {"members": 50, "replicas": 1, "kind": "members"},
    "six blocks": {"members": 40_000, "replicas": 2, "kind": "members"},
    "three replicas": {"members": 10**9, "replicas": 3, "kind": "occupation"},
    "beyond integers": {"members": 1e30, "replicas": 3, "kind": "occupation"},
    "spectators": {"members": 40_000, "replicas": 2, "kind": "members", "spectators": 700},
    "phases": {"members": 20_000, "replicas": 2, "kind": "members", "spread": 0.4, "hbar": 15.0, **FILTERED},
    "momenta": {"members": 500, "replicas": 2, "kind": "members", "spread": 0.4, "more": MODEL, "hbar": 15.0},
    "kinds": {"members": 10**9, "replicas": 5, "kind": "occupation", "spread": 0.4},
}
HALF, WHOLE, EVERY = 12.0, 20.0, 4.7
STOPS = 'checkpoint.interval="1h"'


LONG = {"members": 2_000_000, "duration": 480.0, "interval": 16.0}
"""A second's work in few steps, at each of which ranks that share cores with others wait."""


def prepare(folder: Path, **values: object) -> Path:
    """A folder with a job of a second, if nothing is said of its size."""
    asked = {"members": 40_000, "replicas": 1, "kind": "members", "duration": 900.0, "interval": 30.0, "every": '"1h"'}
    asked |= {"spread": 0.0, "more": "", "hbar": 1.0, "spectators": 0, **TWO}
    asked |= {} if {"members", "duration"} & set(values) else LONG
    folder.mkdir(exist_ok=True)
    (folder / "job.toml").write_text(SYSTEM.format(**{**asked, **values}))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    """The bits of runs that were never stopped."""

    @cache
    def bits(case: str) -> lives.Bits:
        folder = tmp_path_factory.mktemp("whole")
        values = {**CASES[case], "duration": WHOLE, "interval": 1.0} if case else {}
        lives.run(prepare(folder, **values), "--quiet")
        return lives.bits(folder)

    return bits


# --- the matrix


def values(path: Path) -> dict[str, bytes]:
    """Every dataset of a checkpoint but what is said about the run."""
    found: dict[str, bytes] = {}
    with h5py.File(path, "r", locking=False) as file:
        file.visititems(lambda name, item: found.update({name: item[()].tobytes()}) if hasattr(item, "dtype") else None)
    return {name: content for name, content in found.items() if name != "meta"}


@pytest.fixture(scope="module")
def first_written() -> dict[str, dict[str, bytes]]:
    """case -> values in the first checkpoint file that a test wrote."""
    return {}


def write_and_read(folder: Path, case: str, ranks: int, way: Way, readers: list[tuple[int, Way]], whole, first) -> None:
    """Half a run on some ranks, then the rest on others, once for each of `readers`."""
    prepare(folder, **CASES[case], duration=HALF, interval=1.0, every=EVERY)
    written = lives.run(folder, ranks=ranks, way=way)
    assert f"({way.writer})" in written.text
    assert [restart.read_meta(path)["writer"] for path in lives.saved(folder)] == [way.writer] * 2
    midway, end = lives.saved(folder)
    end.unlink()  # so that it goes on from between two records
    now = values(midway)
    assert now == first.setdefault(case, now), "the same datasets with the same values, whoever wrote them"
    for number, (more, other) in enumerate(readers):
        copy = folder.parent / f"{folder.name}-{number}"
        copy.mkdir()
        os.system(f"cp -r {folder}/job.toml {folder}/out {copy}")
        life = lives.run(copy, "--resume", "--set", f"dynamics.duration={WHOLE}", ranks=more, way=other)
        assert life.text.count("resuming from checkpoint-00000002.h5: t = ") == 1, life.text
        lives.same(lives.bits(copy), whole(case))
        assert lives.leftovers(copy) == []


READERS = (1, 2, 4)
PAIRS = [("six blocks", ranks, way) for ranks in (1, 2, 3, 5) for way in WAYS]
PAIRS += [(case, ranks, way) for case, ranks in (("one block", 3), ("three replicas", 5)) for way in WAYS]
PAIRS += [("phases", 3, way) for way in WAYS] + [("momenta", 2, WAYS[1]), ("kinds", 2, WAYS[2])]


@pytest.mark.parametrize(
    ("case", "ranks", "way"), PAIRS, ids=lambda x: lives.named(x) if isinstance(x, Way) else str(x)
)
def test_written_here_read_there(tmp_path, whole, first_written, case: str, ranks: int, way: Way) -> None:
    k = PAIRS.index((case, ranks, way))
    reader = (READERS[k % 3], WAYS[(k // 3 + k) % 4])
    write_and_read(tmp_path / "job", case, ranks, way, [reader], whole, first_written)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
@pytest.mark.parametrize("way", WAYS, ids=lives.named)
def test_the_whole_matrix(tmp_path, whole, first_written, case: str, ranks: int, way: Way) -> None:
    readers = [(more, other) for more in READERS for other in WAYS]
    write_and_read(tmp_path / "job", case, ranks, way, readers, whole, first_written)


# --- stops


def stopped(life: Life, reason: str, ranks: int) -> None:
    """Exit code 3 on every rank, one line, one checkpoint."""
    assert life.wait() == 3, life.text
    assert not ranks or life.all_left_with(3)
    said = [line for line in life.lines if "stopped" in line]
    assert len(said) == 1, life.text
    assert reason in said[0]
    assert said[0].startswith("stopped at t = ")
    assert said[0].endswith("; a checkpoint is written, go on with --resume")
    assert "Traceback" not in life.text
    assert len(lives.saved(life.folder)) == 1
    assert lives.leftovers(life.folder) == []


@pytest.mark.parametrize(
    ("ranks", "way", "how"),
    [
        (0, ROOT, "SIGINT"),
        (0, ROOT, "SIGHUP"),
        (0, ROOT, "SIGXCPU"),
        (2, ROOT, "SIGTERM"),
        (2, ROOT, "SIGUSR1"),
        (2, ROOT, "SIGINT"),
        (2, ROOT, "STOP"),
        (2, ROOT, "budget"),
        (2, Way("openmpi", "mpio"), "SIGTERM"),
        (3, Way("openmpi", "mpio"), "STOP"),
    ],
    ids=lambda x: lives.named(x) if isinstance(x, Way) else str(x),
)
def test_a_clean_stop(tmp_path: Path, whole, ranks: int, way: Way, how: str) -> None:
    prepare(tmp_path)
    budget = ("--time-budget", "0.3s") if how == "budget" else ()
    with Life(tmp_path, *budget, ranks=ranks, way=way, noted=True) as life:
        life.until(lambda: (life.output / reading.NAME).exists())
        time.sleep(0.1)
        if how == "STOP":
            (life.output / "STOP").touch()
        elif how != "budget":
            life.signal(getattr(signal, how), max(0, ranks - 1))
        words = {"STOP": "found out/STOP", "budget": "the time budget is used up"}
        alone = how if ranks < 2 else "a signal"  # which one reached another rank, the root does not know
        stopped(life, words.get(how, alone), max(1, ranks))
    assert not (life.output / "STOP").exists(), "it is heeded once"
    assert (life.output / "stopped").exists() == (how == "STOP"), "job scripts see there that it was a user's wish"
    lives.run(tmp_path, "--resume", "--quiet", ranks=2)
    assert not (life.output / "stopped").exists()
    lives.same(lives.bits(tmp_path), whole(""))


@pytest.mark.parametrize("mpi", ["mpich", "openmpi"])
def test_the_launcher_hands_on_usr1(tmp_path: Path, mpi: str) -> None:
    """What job scripts do: the signal goes to mpiexec, which passes it to all ranks."""
    with Life(prepare(tmp_path), ranks=2, way=Way(mpi, "root")) as life:
        life.until(lambda: (life.output / reading.NAME).exists())
        time.sleep(0.1)
        life.job.send_signal(signal.SIGUSR1)
        stopped(life, "", 0)  # SIGUSR1, or just a signal where another rank heard it first


def test_a_second_interrupt_stops_at_once(tmp_path: Path) -> None:
    """In mid-checkpoint, which is thereby given up."""
    with Life(prepare(tmp_path, members=10**8)) as life:
        life.until_begun()
        life.until(lambda: (life.output / reading.NAME).exists())
        life.signal(signal.SIGINT)
        life.until(lambda: any((life.output / "checkpoints").glob(".partial-*")))
        life.signal(signal.SIGINT)
        assert life.wait() == -signal.SIGINT, life.text
    assert lives.saved(tmp_path) == []


# --- what may change between two lives


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two checkpoints, half way."""
    folder = prepare(tmp_path_factory.mktemp("unfinished"), duration=900.0, every=100.0)
    with Life(folder) as life:
        life.until_saved(3)
        life.signal(signal.SIGTERM)
        assert life.wait() == 3
    return folder


def state_of(folder: Path) -> dict[str, tuple[int, float]]:
    """Sizes and times of change of a run's files."""
    place = folder / "out"
    files = [path for path in place.rglob("*") if path.is_file() and not path.name.startswith("attempt-")]
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("dynamics.seed=6", "dynamics.seed = 6: was 5 when "),
        ("preparation.members=40_001", "preparation.members = 40001: was 40000 when "),
        ("preparation.phase=[0.0, 0.6]", "preparation.phase = [0.0, 0.6]: was [0.0, 0.5] when "),
        ("system.hamiltonian=[[0.3, 0.5], [0.5, -0.3]]", "system.hamiltonian = "),
        ("output.interval=45.0", "output.interval = 45.0: was 30.0 when "),
        ("dynamics.representation=occupation", 'dynamics.representation = "occupation": was members when '),
        ("dynamics.duration=870", "dynamics.duration = 870.0: was 900.0 when "),
    ],
    ids=lambda text: text.partition("=")[0],
)
def test_a_changed_config_is_refused(unfinished: Path, change: str, says: str) -> None:
    before = state_of(unfinished)
    life = lives.run(unfinished, "--resume", "--set", change, code=2)
    wrong = [line for line in life.lines if line.startswith("error: ")]
    assert len(wrong) == 1, life.text
    assert says in wrong[0]
    assert "Traceback" not in life.text
    assert state_of(unfinished) == before


def test_an_unfinished_run_is_not_overwritten(unfinished: Path) -> None:
    before = state_of(unfinished)
    life = lives.run(unfinished, code=2)
    assert "holds checkpoints of an unfinished run; go on with --resume, choose another" in life.text
    assert state_of(unfinished) == before


def test_a_longer_duration_and_other_settings_of_checkpoints(unfinished: Path, tmp_path: Path) -> None:
    os.system(f"cp -r {unfinished}/job.toml {unfinished}/out {tmp_path}")
    longer = ("--set", "dynamics.duration=1200", "--set", "checkpoint.keep=1", "--set", "checkpoint.interval=80.0")
    life = lives.run(tmp_path, "--resume", *longer)
    assert "resuming from checkpoint-" in life.text
    assert len(lives.saved(tmp_path)) == 1
    lives.run(prepare(tmp_path / "long", duration=1200.0), "--quiet")
    lives.same(lives.bits(tmp_path), lives.bits(tmp_path / "long"))


def test_resume_of_a_finished_run_does_nothing(tmp_path: Path) -> None:
    lives.run(prepare(tmp_path, duration=60.0))
    before = state_of(tmp_path)
    life = lives.run(tmp_path, "--resume", ranks=2)
    assert "out holds this run, finished: nothing to do" in life.text
    assert state_of(tmp_path) == before
    life = lives.run(tmp_path, "--resume", "--set", "dynamics.seed=6", ranks=2, code=2)
    assert "dynamics.seed = 6: was 5 when out/results.h5 was written" in life.text
    life = lives.run(tmp_path, "--resume", "--set", "system.hamiltonian=[[0.3, 0.5], [0.5, -0.3]]", code=2)
    assert "system.hamiltonian = " in life.text
    assert state_of(tmp_path) == before


def test_resume_of_a_finished_run_tidies_up(tmp_path: Path) -> None:
    """A kill within the last checkpoint, when the results were complete, leaves a file by halves."""
    lives.run(prepare(tmp_path, duration=60.0))
    before = state_of(tmp_path)
    half = tmp_path / "out" / "checkpoints" / ".partial-1-checkpoint-00000009.h5"
    half.write_bytes(b"half")
    life = lives.run(tmp_path, "--resume")
    assert "out holds this run, finished: nothing to do" in life.text
    assert lives.leftovers(tmp_path) == []
    assert state_of(tmp_path) == before


IN_BOXES = {"packet": {"centre": 0, "width": 2}, "members": 10**6, "kind": "occupation", "spectators": 1}
LONGER = {
    **{case: CASES[case] | {"members": min(CASES[case]["members"], 9_000)} for case in CASES if case != "six blocks"},
    "beyond integers": CASES["beyond integers"],
    "lattice, profiles now and then": IN_BOXES | {"replicas": 2, "profile_interval": 1.0},
    "profiles at the end alone": IN_BOXES | {"sites": 4100},
}


@pytest.mark.parametrize("case", LONGER)
def test_a_finished_run_goes_on_to_a_longer_duration(tmp_path: Path, case: str) -> None:
    """From the checkpoint at its end, to the bits of a run that was so long at once. From Python, as it is quicker."""
    given = {"seed": 5, "interval": 0.5, "phase_kinds": 9, **LONGER[case]}
    given |= {"representation": given.pop("kind"), "phase_spread": given.pop("spread", 0.0)}
    more = given.pop("more", "")
    if more == MODEL:
        given["alignment"] = {"strength": 0.003, "scaling": "mean", "momenta": 0.02}
    elif more:
        given["schedule"] = [{"at": 1.3, "filter": [0, 2]}]
    if "packet" in given:
        system = copympi.lattice(given.pop("sites", 32))
    else:
        given = TWO | given
        matrix = [[complex(x) for x in row] for row in json.loads(str(given.pop("matrix")))]
        system = copympi.System(matrix, hbar=given.pop("hbar", 1.0))
    whole = copympi.simulate(system, duration=3.0, **given)
    copympi.simulate(system, duration=2.0, output=tmp_path, **given)
    (end,) = checkpoints.numbered(tmp_path)
    assert restart.read_meta(end)["record"] == 5
    longer = copympi.simulate(system, duration=3.0, output=tmp_path, resume=True, **given)
    assert checkpoints.numbered(tmp_path)[0] == end, "it did not start afresh"
    same_runs(longer, whole)


def same_runs(one: copympi.Run, other: copympi.Run) -> None:
    for name in (
        "time",
        "profile_time",
        "occupation",
        "phase",
        "coherence",
        "events",
        "coherence2",
        "lineages",
        "energy",
    ):
        mine, theirs = (np.asarray(getattr(run, name)) for run in (one, other))
        assert (mine.dtype, mine.shape, mine.tobytes()) == (theirs.dtype, theirs.shape, theirs.tobytes()), name
    assert set(one.measured) == set(other.measured)
    for name, theirs in other.measured.items():
        np.testing.assert_array_equal(one.measured[name], theirs, err_msg=name, strict=True)
    assert (one.steps, one.largest_chance) == (other.steps, other.largest_chance)


def test_resume_with_nothing_starts_afresh(tmp_path: Path) -> None:
    life = lives.run(prepare(tmp_path, duration=60.0), "--resume", ranks=2)
    assert life.text.count("no checkpoint in out: starting afresh") == 1
    lives.bits(tmp_path)


def test_another_cpu_or_library_is_warned_of(unfinished: Path, tmp_path: Path) -> None:
    os.system(f"cp -r {unfinished}/job.toml {unfinished}/out {tmp_path}")
    life = lives.run(tmp_path, "--resume", prefix=tuple(other_build()))
    said = [line for line in life.lines if line.startswith("warning: the checkpoint was written with ")]
    assert len(said) == 1, life.text
    assert "cpu arithmetic digest " in said[0]
    assert said[0].endswith("last bits may differ")
    os.system(f"rm -rf {tmp_path}/out; cp -r {unfinished}/out {tmp_path}")
    life = lives.run(tmp_path, "--resume")
    assert "warning" not in life.text


# --- while it goes on


@pytest.mark.parametrize("way", [ROOT, Way("openmpi", "mpio")], ids=lives.named)
def test_results_can_be_read_while_the_run_goes_on(tmp_path: Path, whole, way: Way) -> None:
    """Records only come on top; what was read stays true."""
    prepare(tmp_path, interval=0.5, every='"0.1s"')
    seen: list[np.ndarray] = []
    with Life(tmp_path, "--quiet", ranks=2, way=way) as life:
        life.until(lambda: reading.records_held(life.output) > 0)
        while life.job.poll() is None:
            data = reading.read(life.output)
            if not seen or len(data.occupation[0]) > len(seen[-1]):
                seen.append(data.occupation[0])
        assert life.wait() == 0, life.text
    assert len(seen) > 5, "the reader must have seen it grow"
    last = reading.read(life.output).occupation[0]
    for part in seen:
        np.testing.assert_array_equal(part, last[: len(part)])


def test_an_interval_of_simulated_time_and_keep(tmp_path: Path) -> None:
    folder = prepare(tmp_path, duration=120.0, every="15.0\nkeep = 3")
    most = 0
    with Life(folder, "--quiet", ranks=2) as life:
        while life.job.poll() is None:
            most = max(most, len(lives.saved(folder)))
        assert life.wait() == 0, life.text
    assert most <= 4  # a new one is there before an old one goes
    times = [restart.read_meta(path)["time"] for path in lives.saved(folder)]
    np.testing.assert_allclose(times, [90.0, 105.0, 120.0], atol=0.5)  # the last one at the end
    assert lives.saved(folder)[-1].name == "checkpoint-00000008.h5"
