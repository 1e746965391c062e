"""Checkpoints with flipped bits and cut ends: found, or provably without effect; and then the one before is used."""

from __future__ import annotations

import random
import shutil
import signal
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest

from copympi.engine.ensemble import State
from copympi.storage import reading, restart
from tests import launch
from tests.faults import lives
from tests.faults.lives import ROOT, Life, Way
from tests.faults.test_resume import prepare

NEWER = f"has schema {{}}; this version of copympi reads up to {restart.SCHEMA}"

JOBS = {
    "members": {"members": 2000, "replicas": 3, "duration": 1e6, "interval": 5.0, "every": 50.0},
    "occupation": {
        "members": 10**9, "replicas": 40, "kind": "occupation", "duration": 1e6, "interval": 1e4, "every": '"0.1s"',
    },
}  # fmt: skip


@pytest.fixture(
    scope="module", params=[(kind, way) for kind in JOBS for way in (ROOT, Way("openmpi", "mpio"))], ids=str
)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped run of two ranks with two checkpoints."""
    kind, way = request.param
    return stopped(tmp_path_factory.mktemp("written"), kind, way)


def stopped(folder: Path, kind: str, way: Way) -> Path:
    with Life(prepare(folder, **JOBS[kind]), "--quiet", ranks=2, way=way) as life:
        life.until_saved(2)
        life.signal(signal.SIGTERM)
        assert life.wait() == 3, life.text
    return folder


def arrays(state: State) -> dict[str, bytes]:
    """All that a run goes on from."""
    found = {f"columns/{name}": rows.tobytes() for name, rows in state.columns.items()}
    found |= {f"common/{name}": values.tobytes() for name, values in state.common.items()}
    for name, (flat, lengths) in state.ragged.items():
        found |= {f"ragged/{name}": flat.tobytes(), f"lengths/{name}": lengths.tobytes()}
    return found | {"shape": repr((state.units, state.first, state.last)).encode()}


def restored(path: Path) -> list[tuple[dict[str, bytes], dict]]:
    """What two ranks get out of a checkpoint. DamagedError where one of them finds damage."""
    both = [restart.read(path, 2, rank) for rank in range(2)]
    return [(arrays(state), meta) for state, meta in both]


def places(path: Path) -> dict[str, list[tuple[int, int]]]:
    """part of the file -> (first, one past last) of its bytes: values of datasets, and the rest."""
    spans: list[tuple[int, int]] = []

    def take(_: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.id.get_offset() is not None:
            spans.append((item.id.get_offset(), item.id.get_offset() + item.nbytes))

    with h5py.File(path, "r", locking=False) as file:
        file.visititems(take)
    spans.sort()
    edges = [0, *(x for span in spans for x in span), path.stat().st_size]
    return {"values": spans, "structure": [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]}


def pick(dice: random.Random, spans: list[tuple[int, int]]) -> int:
    """A byte in one of the spans: each span as likely as any other, so that small ones are not left out."""
    return dice.randrange(*dice.choice(spans))


def verdict(path: Path, whole: list) -> str:
    """ "found" or "harmless"; damage that is neither fails the test."""
    try:
        got = restored(path)
    except restart.DamagedError:
        return "found"
    assert got == whole, "a changed state went unnoticed"
    return "harmless"


def test_flips_and_truncations(written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """50 of each of the four files: 200 in all, a quarter of them in the values of each dataset, ..."""
    path = lives.saved(written)[-1]
    whole, content, parts = restored(path), path.read_bytes(), places(path)
    assert sum(b - a for spans in parts.values() for a, b in spans) == len(content)
    dice, count, bad = random.Random(5), Counter[tuple[str, str]](), tmp_path / "bad.h5"
    for k in range(60):
        what = ("values", "structure", "values", "structure", "anywhere", "cut")[k % 6]
        if what == "cut":
            damaged = bytearray(content[: dice.randrange(len(content))])
        else:
            at = dice.randrange(len(content)) if what == "anywhere" else pick(dice, parts[what])
            damaged = bytearray(content)
            damaged[at] ^= 1 << dice.randrange(8)
            if what == "anywhere":
                what = "values" if any(a <= at < b for a, b in parts["values"]) else "structure"
        bad.write_bytes(damaged)
        count[what, verdict(bad, whole)] += 1
    with capsys.disabled():
        print(f"\ndamage: { ({' '.join(key): n for key, n in sorted(count.items())}) }")
    assert count["values", "harmless"] == 0
    assert count["cut", "harmless"] == 0
    assert count["structure", "found"] > 3


@pytest.mark.long
def test_every_byte(written: Path, tmp_path: Path) -> None:
    """One bit of each byte of a file's structure, and of 3,000 bytes of values."""
    path = lives.saved(written)[-1]
    whole, content, parts = restored(path), path.read_bytes(), places(path)
    dice, bad = random.Random(6), tmp_path / "bad.h5"
    spots = [at for span in parts["structure"] for at in range(*span)]
    values = {pick(dice, parts["values"]) for _ in range(3000)}
    for at in [*spots, *values]:
        damaged = bytearray(content)
        damaged[at] ^= 1 << dice.randrange(8)
        bad.write_bytes(damaged)
        assert verdict(bad, whole) == "found" or at not in values, at


# --- what a user sees


def flip(path: Path, dataset: str) -> None:
    """One bit in the values of a dataset."""
    with h5py.File(path, "r", locking=False) as file:
        at = file[dataset].id.get_offset() + file[dataset].nbytes // 2
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)


@pytest.fixture
def copy(tmp_path: Path, module_run: Path) -> Path:
    shutil.copytree(module_run, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture(scope="module")
def module_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stopped(tmp_path_factory.mktemp("run"), "members", ROOT)


SHORT = ("--set", "dynamics.duration=1e6", "--quiet", "--time-budget", "0.2s")


@pytest.mark.parametrize("ranks", [0, 3])
@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "other"])
def test_the_one_before_is_used_and_said_so(copy: Path, ranks: int, harm: str) -> None:
    before, newest = lives.saved(copy)
    if harm == "flip":
        flip(newest, "units/ids")
    elif harm == "cut":
        newest.write_bytes(newest.read_bytes()[:-1])
    else:
        newest.write_bytes(b"" if harm == "empty" else b"not HDF5 at all\n" * 100)
    time = restart.read_meta(before)["time"]
    life = lives.run(copy, "--resume", "--time-budget", "0.2s", ranks=ranks, code=3)
    assert life.text.count(f"out/checkpoints/{newest.name} is damaged (") == 1
    assert "); trying the one before" in life.text
    assert f"resuming from {before.name}: t = {time:g}" in life.text
    assert "Traceback" not in life.text


@pytest.mark.parametrize("ranks", [0, 2])
def test_all_damaged(copy: Path, ranks: int) -> None:
    for path in lives.saved(copy):
        flip(path, "units/digest")
    before = (copy / "out/results.h5").read_bytes()
    life = lives.run(copy, "--resume", ranks=ranks, noted=True, code=1)
    assert life.all_left_with(1)
    assert life.lines[-1] == "error: all checkpoints of out are damaged; to start afresh, remove them"
    assert "Traceback" not in life.text
    assert (copy / "out/results.h5").read_bytes() == before


def test_ahead_of_the_results(copy: Path) -> None:
    """Results without the records that a checkpoint counts on, as after a network's mishap: that one is of no use."""
    shutil.copytree(copy / "out/checkpoints", copy / "kept")
    shutil.rmtree(copy / "out")
    lives.run(copy, "--time-budget", "0.000001s", "--quiet", code=3)  # over before the first step
    assert reading.records_held(copy / "out") == 1
    assert min(restart.read_meta(path)["record"] for path in (copy / "kept").glob("*.h5")) > 1
    shutil.rmtree(copy / "out/checkpoints")
    shutil.move(copy / "kept", copy / "out/checkpoints")
    life = lives.run(copy, "--resume", ranks=2, code=1)
    assert life.text.count(" records in results.h5; trying the one before") == 2
    assert life.lines[-1].startswith("error: all checkpoints of out are damaged or ahead of its results.h5; ")


@pytest.mark.parametrize("ranks", [0, 2])
def test_a_newer_schema(copy: Path, ranks: int) -> None:
    newest = lives.saved(copy)[-1]
    with h5py.File(newest, "r+", libver="latest", locking=False) as file:
        file.attrs["schema"] = restart.SCHEMA + 1
    life = lives.run(copy, "--resume", ranks=ranks, code=2)
    assert f"{newest.name}" in life.lines[-1]
    assert life.lines[-1].endswith(NEWER.format(restart.SCHEMA + 1))
    assert "Traceback" not in life.text


# --- copympi info


def test_info(written: Path) -> None:
    path = lives.saved(written)[-1]
    meta = restart.read_meta(path)
    done = launch.copympi("info", path)
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert f"{path}: a checkpoint, complete, all digests match" in text
    assert f"on the way to record {meta['record']}" in text
    assert f"t = {meta['time']:g} of 1e+06" in text
    assert f" by {meta['writer']}, attempt 1, after " in text
    assert f"2 ranks, {meta['mpi']}" in text or f"ranks     2, {meta['mpi']}" in text
    assert f"{path.stat().st_size:,} bytes" in text
    assert meta["libraries"] in text
    assert "    hamiltonian = " in text


def test_info_reads_share_by_share(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded memory: what one share is cut into is verified no less."""
    from copympi.report import checkpoint_info

    path = lives.saved(written)[-1]
    read, calls = restart.read, []
    monkeypatch.setattr(checkpoint_info, "SHARE", path.stat().st_size // 3)
    monkeypatch.setattr(restart, "read", lambda *arguments: calls.append(arguments[1:]) or read(*arguments))
    checkpoint_info.describe(path)
    assert len(calls) in (3, 4)
    assert calls == [(len(calls), k) for k in range(len(calls))]


@pytest.mark.parametrize("harm", ["units/counts", "units/ids", "common/n", "meta", "cut", "empty"])
def test_info_on_a_damaged_one(copy: Path, harm: str) -> None:
    path = lives.saved(copy)[-1]
    if "/" in harm or harm == "meta":
        flip(path, harm)
    else:
        path.write_bytes(path.read_bytes()[: 0 if harm == "empty" else 5000])
    done = launch.copympi("info", path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"copympi: error: {path} is damaged: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_info_on_a_newer_one(copy: Path) -> None:
    path = lives.saved(copy)[-1]
    with h5py.File(path, "r+", libver="latest", locking=False) as file:
        file.attrs["schema"] = np.int64(7)
    done = launch.copympi("info", path)
    assert done.returncode == 2
    assert NEWER.format(7) in done.stderr
