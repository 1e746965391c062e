"""simulate(output=...) and load: the same files as `copympi run`, and each goes on where the other stopped."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import copympi
from copympi.errors import InputError, MachineError, StoppedEarly
from copympi.run.plan import from_file, from_keywords
from copympi.run.settings import compare
from copympi.storage import checkpoints, digests, reading
from tests import launch
from tests.faults.test_resume import same_runs

H = [[0.3, 0.5 - 0.1j], [0.5 + 0.1j, -0.3]]
SYSTEM = copympi.System(H, hbar=1.3, labels=["left", "right"])
ASKED: dict[str, Any] = {
    "density": np.array([0.6, 0.4]), "phase": [0.0, 0.5], "members": 3000, "duration": 4.0, "interval": 0.5, "seed": 5,
    "representation": "occupation", "replicas": 3, "phase_spread": 0.3, "phase_kinds": 5, "time_unit": "fs",
}  # fmt: skip
CONFIG = """
[system]
hamiltonian = [[0.3, "0.5-0.1j"], ["0.5+0.1j", -0.3]]
hbar = 1.3
labels = ["left", "right"]
[preparation]
members = 3000
density = [0.6, 0.4]
phase = [0.0, 0.5]
phase_spread = 0.3
phase_kinds = 5
[dynamics]
duration = 4.0
representation = "occupation"
replicas = 3
seed = 5
[output]
interval = 0.5
time_unit = "fs"
"""
OWN = {"config", "started", "ended", "seconds"}
"""Root attributes that differ: the text of the config, and when it was."""


def simulate(output: Path | None = None, **more: Any) -> copympi.Run:
    return copympi.simulate(SYSTEM, output=output, **(ASKED | more))


def command(folder: Path, *more: str, code: int = 0) -> str:
    """`copympi run` with results in folder/out; what it says."""
    (folder / "job.toml").write_text(CONFIG)
    done = launch.copympi("run", "job.toml", "-o", "out", "--no-figure", *more, cwd=folder)
    assert done.returncode == code, done.stderr
    return done.stderr


def ask_to_stop(folder: Path) -> Path:
    """A results folder in which a file STOP waits, so that a run there stops after its first steps."""
    (folder / "out").mkdir()
    (folder / "out/STOP").touch()
    return folder / "out"


@pytest.fixture(scope="module")
def whole() -> copympi.Run:
    """In memory, at once."""
    return simulate()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of a finished run from Python."""
    folder = tmp_path_factory.mktemp("finished") / "out"
    simulate(folder)
    return folder


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder above the results of a run of the command line that was stopped between two records."""
    folder = tmp_path_factory.mktemp("stopped")
    ask_to_stop(folder)
    assert "stopped at t = " in command(folder, code=3)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def described(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Bytes and attributes of every dataset and group; root attributes."""
    found: dict[str, Any] = {}

    def take(name: str, item: Any) -> None:
        said = {key: str(value) for key, value in item.attrs.items()}
        if name == digests.GROUP:  # over attributes of the root, which differ
            said = {"system": said["system"]}
        data: tuple[Any, ...] = ()
        if isinstance(item, h5py.Dataset):
            values = item[()]  # names are pointers in memory
            held = values.tolist() if values.dtype == object else values.tobytes()
            data = (str(item.dtype), item.shape, item.chunks, held)
        found[name] = (data, said)

    with h5py.File(folder / "results.h5", locking=False) as file:
        file.visititems(take)
        return found, {key: str(value) for key, value in file.attrs.items() if key not in OWN}


# --- the same files


def test_the_same_files_as_the_command_line(tmp_path: Path, finished: Path, whole: copympi.Run) -> None:
    command(tmp_path, "--quiet")
    assert described(finished) == described(tmp_path / "out")
    assert sorted(os.listdir(finished)) == sorted(os.listdir(tmp_path / "out"))
    assert sorted(os.listdir(finished / "checkpoints")) == sorted(os.listdir(tmp_path / "out/checkpoints"))
    same_runs(copympi.load(tmp_path / "out"), whole)


LATTICE = copympi.lattice([6, 5], spacing=[0.7, 1.1], mass=1.7, hbar=0.9, potential=lambda x, y: x**2 + 0.1 * y)
DENSE = [[0.1 * (a + 1) * (b + 1) + 0.07j * (a - b) for b in range(5)] for a in range(5)]
HOW: dict[str, tuple[Any, dict[str, Any]]] = {
    "amplitudes of every sign": ([[0, 1, 0], [1, 0, 1], [0, 1, 0]], {"state": [-0.6, complex(-0.64, -0.0), "0.48i"]}),
    "hbar that rounds": (copympi.System(DENSE, hbar=1.0545718), {"density": np.full(5, 0.2), "phase": np.arange(5)}),
    "a lattice": (LATTICE, {"packet": [{"centre": (0, 0), "width": np.array([0.7, 0.9]), "wave_number": [1, 0]}]}),
    "an eigenstate of it": (LATTICE, {"packet": {"eigenstate": 1}, "admixture": {"state": "ground", "weight": 1e-3}}),
    "another basis": (H, {"state": [1, 0], "basis": np.array([[1, 1], [1, -1]]) / np.sqrt(2)}),
    "numpy's numbers": (
        H,
        {"state": np.array([0.6, 0.8j], np.complex64), "members": np.int64(10), "seed": np.uint8(3)},
    ),
    "phases of members": (H, {"state": [0.6, 0.8], "phases": np.linspace(0, 1, 10, dtype=np.float32)}),
    "the model": (H, {"state": [0.6, 0.8], "phase_spread": 0.1, "alignment": {"strength": 0.1, "damping": 2}}),
}


@pytest.mark.parametrize("case", HOW)
def test_the_config_in_the_file_asks_for_the_same_run(tmp_path: Path, case: str) -> None:
    """Null hypothesis: system, ensemble and all settings of the TOML are, bit for bit, those of the keywords."""
    system, keys = HOW[case]
    sections: dict[str, dict[str, Any]] = {"preparation": {"members": 10}, "dynamics": {"duration": 2.0}}
    for key, value in keys.items():
        place = {"seed": "dynamics"}.get(key, "preparation")
        sections |= {key: value} if key == "alignment" else {place: sections[place] | {key: value}}
    mine = from_keywords(system, sections, tmp_path / "out", None, 1.0)
    (tmp_path / "job.toml").write_text(mine.text)
    theirs = from_file(tmp_path / "job.toml", [], None, 1.0)
    assert "digest" not in mine.text
    for one, other in ((mine, theirs), (theirs, mine)):
        compare(one.settings, other.settings, tmp_path)
    np.testing.assert_array_equal(theirs.system.frequencies.toarray(), mine.system.frequencies.toarray())
    for name in ("state", "counts", "phase"):
        np.testing.assert_array_equal(getattr(theirs.start, name), getattr(mine.start, name), strict=True)


def test_what_is_too_large_is_named_by_its_digest(tmp_path: Path) -> None:
    P = 1100
    sections = {"preparation": {"members": 10, "state": np.full(P, P**-0.5)}, "dynamics": {"duration": 1.0}}
    made = from_keywords(np.diag(np.arange(P)), sections, tmp_path, None, 1.0)
    assert 'hamiltonian = "matrix with digest ' in made.text
    assert 'state = "array 1100 with digest ' in made.text
    assert "this alone does not make the run again" in made.text
    assert len(made.text) < 1000
    sections["preparation"]["state"] = np.full(P, -(P**-0.5))
    assert from_keywords(np.diag(np.arange(P)), sections, tmp_path, None, 1.0).text != made.text


# --- crosswise


def test_python_goes_on_where_the_command_line_stopped(stopped: Path, tmp_path: Path, whole: copympi.Run) -> None:
    shutil.copytree(stopped / "out", tmp_path / "out")
    run = simulate(tmp_path / "out", resume=True, density=[0.6, 0.4], phase=np.array([0.0, 0.5]))
    same_runs(run, whole)
    assert (run.complete, run.path) == (True, tmp_path / "out")
    assert checkpoints.attempts(tmp_path / "out") == [2], "it went on, and did not start afresh"


def test_the_command_line_goes_on_where_python_stopped(tmp_path: Path, whole: copympi.Run) -> None:
    with pytest.raises(StoppedEarly, match=r"^stopped at t = \S+: found .*STOP; a checkpoint is written, go on with"):
        simulate(ask_to_stop(tmp_path))
    assert (tmp_path / "out/stopped").exists()
    assert "resuming from checkpoint-00000001.h5" in command(tmp_path, "--resume")
    same_runs(copympi.load(tmp_path / "out"), whole)


ON_TWO = """
import copympi, zlib
system = copympi.System({H}, hbar=1.3, labels=["left", "right"])
asked = dict(density=[0.6, 0.4], phase=[0.0, 0.5], members=3000, duration=4.0, interval=0.5, seed=5, time_unit="fs",
             representation="occupation", replicas=3, phase_spread=0.3, phase_kinds=5)
run = copympi.simulate(system, output="out", resume=True, **asked)
digest = zlib.crc32(run.occupation.tobytes() + run.phase.tobytes())
try:
    copympi.simulate(system, output="out", **asked)
except copympi.InputError as problem:
    print(f"{{digest}}: {{problem}}\\n", end="", flush=True)  # in one piece: ranks share the stream
"""


def test_on_two_ranks_too(stopped: Path, tmp_path: Path, whole: copympi.Run) -> None:
    shutil.copytree(stopped / "out", tmp_path / "out")
    done = launch.mpiexec(2, "-c", ON_TWO.format(H=H), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    refusal = 'output folder = "out": holds a finished run; choose another with -o, or --overwrite'
    digest = zlib.crc32(whole.occupation.tobytes() + whole.phase.tobytes())
    assert done.stdout.splitlines() == 2 * [f"{digest}: {refusal}"]
    same_runs(copympi.load(tmp_path / "out"), whole)


# --- what is refused, and what is replaced


def test_a_finished_run_is_kept(finished: Path, whole: copympi.Run) -> None:
    before = contents(finished)
    with pytest.raises(InputError, match=r"holds a finished run; choose another with -o, or --overwrite$"):
        simulate(finished)
    with pytest.raises(InputError, match=r"^dynamics\.seed = 6: was 5 when .*results\.h5 was written; only duration"):
        simulate(finished, resume=True, seed=6)
    same_runs(simulate(finished, resume=True, duration=4), whole)
    assert contents(finished) == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"preparation.phase": np.array([0.0, 0.25])}, "preparation.phase = [0.0, 0.25]: was [0.0, 0.5] when "),
        ({"dynamics.duration": 3.0}, "dynamics.duration = 3.0: was 4.0 when x was written; may only become longer"),
        ({"output.observe": ["mine"]}, "output.observe = ['mine']: was None when "),
        ({"system.hbar": 1.4}, "system.hbar = 1.4: was 1.3 when "),
        ({"system.hamiltonian": "another"}, 'system.hamiltonian = "another": was matrix with digest '),
        ({"system.lattice": "another"}, 'system.lattice = "another": was none when '),
    ],
)
def test_what_may_not_change(change: dict[str, Any], says: str) -> None:
    sections = {"preparation": {k: ASKED[k] for k in ("density", "phase", "members")}, "dynamics": {"duration": 4.0}}
    old = from_keywords(SYSTEM, sections, None, None, 1.0).settings
    compare(old, old | {"dynamics.duration": 5.0, "preparation.members": 3000.0}, Path("x"))
    # an ensemble that is the same may be asked for in another way
    compare(old, old | {"preparation.state": ["1j", 0], "preparation.density": None}, Path("x"))
    with pytest.raises(InputError) as problem:  # not so where it is another
        compare(old, old | {"preparation.start": "another"} | change, Path("x"))
    assert str(problem.value).startswith(says)


def test_it_is_replaced_only_with_overwrite(finished: Path, tmp_path: Path, whole: copympi.Run) -> None:
    shutil.copytree(finished, tmp_path / "out")
    other = simulate(tmp_path / "out", overwrite=True, seed=6, checkpoint={"final": False})
    assert not np.array_equal(other.occupation, whole.occupation)
    assert checkpoints.numbered(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"output": 3}, "output = 3: must be the path of a folder"),
        ({"time_budget": "soon"}, 'time_budget = "soon": must be a length of wall time'),
        ({"time_budget": -1}, "time_budget = -1: must be a length of wall time"),
        ({"checkpoint": {"every": 3}}, "checkpoint.every = 3: no such key; the nearest is"),
        ({"checkpoint": {"final": 3}}, "checkpoint.final = 3: must be a valid boolean"),
        ({"output": None, "resume": True}, "resume = True: must go with output"),
        ({"observe": 3}, "observe = 3: must be a dictionary"),
        ({"observe": {"time": len}}, 'observe = "time": stands for something else already'),
    ],
)
def test_bad_keywords(tmp_path: Path, keywords: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as problem:
        simulate(**({"output": tmp_path / "out"} | keywords))
    assert str(problem.value).startswith(says)
    assert not (tmp_path / "out").exists()


# --- signals, and runs under way


def stop_at(time: float, number: int | None, seen: list[Any], folder: Path | None = None) -> dict[str, Any]:
    """A quantity that at that time looks around, and sends this process a signal."""

    def look(view: Any) -> Any:
        if view.time == time:
            seen.append(signal.getsignal(signal.SIGTERM))
            if folder is not None:
                seen.append(copympi.load(folder))
            if number is not None:
                signal.raise_signal(number)
        return view.n[:, 0] * 2

    return {"twice": look}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_signals_stop_it_too(tmp_path: Path, number: int) -> None:
    with pytest.raises(StoppedEarly, match=f"{signal.Signals(number).name}; a checkpoint is written"):
        simulate(tmp_path, observe=stop_at(2.0, number, []))
    assert len(checkpoints.numbered(tmp_path)) == 1


def test_an_interrupt_stops_after_a_checkpoint(tmp_path: Path, whole: copympi.Run) -> None:
    """The run is looked at from within: load finds it going on, then stopped, then complete."""
    handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    seen: list[Any] = []
    with pytest.raises(StoppedEarly, match=r"^stopped at t = .*: SIGINT; a checkpoint is written"):
        simulate(tmp_path, observe=stop_at(2.0, signal.SIGINT, seen, tmp_path))
    handler, under_way = seen
    assert handler != handlers[signal.SIGTERM], "in the run it is caught"
    assert {n: signal.getsignal(n) for n in handlers} == handlers
    halted = copympi.load(tmp_path)
    for run in (under_way, halted):
        T = len(run.time)
        assert not run.complete
        assert run.config["dynamics"]["seed"] == 5
        np.testing.assert_array_equal(run.occupation, whole.occupation[:, :T])
        np.testing.assert_array_equal(run.measured["twice"], 2 * run.occupation[..., 0])
    assert 1 <= len(under_way.time) <= 4
    assert len(halted.time) == 5
    complete = simulate(tmp_path, resume=True, observe=stop_at(-1.0, None, []))
    np.testing.assert_array_equal(complete.occupation, whole.occupation)
    np.testing.assert_array_equal(complete.measured["twice"], 2 * complete.occupation[..., 0])
    assert complete.complete


def test_without_output_signals_are_the_users_own(whole: copympi.Run) -> None:
    seen: list[Any] = []
    run = simulate(observe=stop_at(2.0, None, seen))
    assert seen == [signal.getsignal(signal.SIGTERM)]
    np.testing.assert_array_equal(run.occupation, whole.occupation)


def test_the_time_budget(tmp_path: Path) -> None:
    with pytest.raises(StoppedEarly, match="the time budget is used up; a checkpoint is written"):
        simulate(tmp_path, time_budget=1e-3)
    assert len(checkpoints.numbered(tmp_path)) == 1


def test_a_thread_may_write_too(tmp_path: Path, whole: copympi.Run) -> None:
    made: list[copympi.Run] = []
    worker = threading.Thread(target=lambda: made.append(simulate(tmp_path)))
    worker.start()
    worker.join()
    same_runs(made[0], whole)


# --- load


def test_what_load_refuses(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no results\.h5$"):
        copympi.load(tmp_path)
    with pytest.raises(InputError, match="must be a path"):
        copympi.load(3)
    with h5py.File(tmp_path / "results.h5", "w") as file:
        file["x"] = np.zeros(1000)
    with pytest.raises(InputError, match="is not a results file of copympi"):
        copympi.load(tmp_path)
    with h5py.File(finished / "results.h5", locking=False) as file:
        place = file["system/state"].id.get_offset()
    spoilt = bytearray((finished / "results.h5").read_bytes())
    spoilt[place] ^= 1
    (tmp_path / "results.h5").write_bytes(spoilt)
    with pytest.raises(MachineError, match="is damaged: ") as problem:
        copympi.load(tmp_path)
    with pytest.raises(MachineError) as of_info:
        reading.read(tmp_path)
    assert str(problem.value) == str(of_info.value)
