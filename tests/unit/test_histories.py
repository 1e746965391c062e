"""Histories of single systems: what is asked for, how rows reach a file and come back, and what follows from them."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

import copympi
from copympi.cli import rerun
from copympi.config.sections import tracked
from copympi.engine import tracking
from copympi.engine.tracking import Jumps
from copympi.errors import InputError, MachineError
from copympi.model.schedule import Filter, Schedule
from copympi.mpi import Alone
from copympi.outcome.histories import Histories
from copympi.records import histories as records
from copympi.records.paths import Paths
from copympi.records.plan import Plan
from copympi.records.quantity import RECORD_TIME, TRACKED
from copympi.report import raster, run_info
from copympi.storage import columns, histories, reading, restart, results
from copympi.storage.checkpoints import numbered
from copympi.storage.results import Output, ResultsFile
from tests.unit.test_recording import configured, snapshots, started

P, R, INTERVAL = 3, 2, 0.25
SYSTEM = copympi.System([[0.0, 0.5, 0.1], [0.5, 0.0, 0.2], [0.1, 0.2, 0.0]], labels=["a", "b", "c"])
IDS = np.array([3, 5, 700, 2**40])


class Walk:
    """A random walk of every member that is followed: rows of each interval, and beables at records."""

    def __init__(self, records: int, rows: int, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        now = rng.integers(0, P, (R, IDS.size)).astype(np.int32)
        self.tracked, self.parts = [now.copy()], [Jumps.none()]
        for k in range(1, records):
            K = int(rng.poisson(rows))
            time = np.sort((k - 1 + rng.random(K)) * INTERVAL)
            replica, place, step = rng.integers(0, R, K), rng.integers(0, IDS.size, K), rng.integers(1, P, K)
            source, target = np.empty(K, np.int32), np.empty(K, np.int32)
            for i, (r, m) in enumerate(zip(replica, place, strict=True)):
                source[i] = now[r, m]
                now[r, m] = target[i] = (now[r, m] + step[i]) % P
            self.parts.append(Jumps(time, replica, IDS[place], source, target))
            self.tracked.append(now.copy())

    @property
    def rows(self) -> Jumps:
        return Jumps.joined(self.parts)

    @property
    def paths(self) -> Histories:
        rows, times = self.rows, np.arange(len(self.parts)) * INTERVAL
        held = {"tracked_member": IDS, RECORD_TIME: times, TRACKED: np.stack(self.tracked, axis=1)}
        return Histories({**rows.columns, **held}, len(rows), R, SYSTEM)


WALK = Walk(9, 60)


def file_of(folder: Path, keep: int = 0, records: int = 9) -> ResultsFile:
    plan = Plan(configured(records=records - 1, replicas=R), SYSTEM, started(P, 1000), track=IDS)
    folder.mkdir(exist_ok=True)
    return ResultsFile(Output(folder, plan, "", 1, "no MPI", keep=keep))


def put(file: ResultsFile, walk: Walk, first: int, last: int, parts: int = 3) -> None:
    """Records `first` .. last - 1 with their rows, these in so many parts."""
    shots = snapshots(P, last, 1000, R)
    for k in range(first, last):
        rows, taken = walk.parts[k], file.plan.measure(k, shots[k], {TRACKED: walk.tracked[k]})
        for part in range(parts):
            file.follow(rows[len(rows) * part // parts : len(rows) * (part + 1) // parts])
        file.take(k * INTERVAL, taken)


def values(folder: Path) -> dict[str, bytes]:
    """The bytes of every dataset of histories, and of the digests."""
    with h5py.File(folder / "results.h5") as file:
        found = {f"histories/{name}": data[()].tobytes() for name, data in file["histories"].items()}
        return found | {"records": file["digests/records"][()].tobytes()}


def same_rows(found: Any, walk: Walk, records: int) -> None:
    rows = Jumps.joined(walk.parts[:records])
    assert len(found) == len(rows)
    for name, column in rows.columns.items():
        assert np.array_equal(getattr(found, name), column), name
    assert np.array_equal(found.tracked, np.stack(walk.tracked[:records], axis=1))
    assert np.array_equal(found.record_time, np.arange(records) * INTERVAL)
    assert np.array_equal(found.ids, IDS)


def complete(folder: Path, **more: Any) -> None:
    with file_of(folder, **more) as file:
        put(file, WALK, 0, 9)
        file.finish(1.0, SimpleNamespace(steps=1, largest_chance=0.1))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows fill many chunks, and what is read at a time ends within records."""
    monkeypatch.setattr(histories, "CHUNK", 16)
    monkeypatch.setattr(histories, "DEEP", 4)
    monkeypatch.setattr("copympi.storage.packing.DEEP", 4)
    monkeypatch.setattr("copympi.storage.columns.PIECE", 37)


@pytest.mark.parametrize("value", [0, -1, 2.5, "x", [], [1, 1], [-1], True, float("nan"), {1: 2}, [[1]], 2**63])
def test_what_cannot_be_followed(value: Any) -> None:
    with pytest.raises(InputError, match=r"output\.track = .*: must be a number of members from 1 on, or a list of"):
        tracked(value)


def test_what_can_be() -> None:
    assert tracked(1e6) == 10**6
    assert tracked(np.array(5)) == 5
    assert tracked([7, 0, np.int64(3)]) == tracked(np.array([3, 7, 0])) == [0, 3, 7]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("keep", [1, 3, 8])
def test_rows_come_back_and_a_run_goes_on_with_the_same_bytes(tmp_path: Path, keep: int) -> None:
    complete(tmp_path / "whole")
    same_rows(reading.read(tmp_path / "whole").histories, WALK, 9)
    with file_of(tmp_path / "cut") as file:
        put(file, WALK, 0, keep, parts=1)
        file.settle()
        put(file, WALK, keep, min(keep + 2, 9))  # beyond the checkpoint: dropped
    assert reading.records_held(tmp_path / "cut") == min(keep + 2, 9)
    with file_of(tmp_path / "cut", keep=keep) as file:
        put(file, WALK, keep, 9)
        file.finish(1.0, SimpleNamespace(steps=1, largest_chance=0.1))
    assert values(tmp_path / "cut") == values(tmp_path / "whole")


@pytest.mark.usefixtures("small_chunks")
def test_beside_a_run_rows_may_lag_behind_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of a chunk waits in memory; what is known is given, and a checkpoint has everything."""
    monkeypatch.setattr(histories, "LEAST", 0)
    monkeypatch.setattr(histories, "SHARE", 10**9)
    with file_of(tmp_path) as file:
        put(file, WALK, 0, 4)
        file.flush()
        found = reading.read(tmp_path)
        assert found.time.size == 4
        assert found.histories is not None
        known = found.histories.record_time.size
        assert 1 < known < 4
        same_rows(found.histories, WALK, known)
        assert reading.records_held(tmp_path) == known
        file.settle()
        same_rows(reading.read(tmp_path).histories, WALK, 4)
        file.failed = True  # as a disk leaves it: all goes into a new file
        put(file, WALK, 4, 9)
        file.settle()
        same_rows(reading.read(tmp_path).histories, WALK, 9)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("name", ["time", "member", "from", "tracked", "rows", "tracked_member"])
def test_damage_is_found(tmp_path: Path, name: str) -> None:
    """One value changed behind the digests' back, in a finished run and in one that is not."""
    complete(tmp_path)
    with h5py.File(tmp_path / "results.h5", "r+") as file:
        data = file["histories"][name]
        place = (1,) * data.ndim if name == "tracked" else 200 if data.shape[0] > 200 else 3
        data[place] = data[place] + 1
    with pytest.raises(MachineError, match=r"do(es)? not match"):
        reading.read(tmp_path, thorough=True)
    with pytest.raises(MachineError, match=r"do(es)? not match"):  # not before the rows are asked for
        pickle.dumps(reading.read(tmp_path).histories)
    if name != "tracked_member":
        assert 1 <= reading.records_held(tmp_path) < 9


def test_slices_of_time_reach_the_recorders_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "TOGETHER", 50)
    taken: list[Jumps] = []
    records.to_root(Alone(), WALK.rows, taken.append)
    assert len(taken) > 5
    assert max(map(len, taken)) <= 100
    whole = Jumps.joined(taken)
    assert all(np.array_equal(whole.columns[name], column) for name, column in WALK.rows.columns.items())
    records.to_root(Alone(), Jumps.none(), taken.clear)  # nothing to take


def test_what_follows_from_rows() -> None:
    """Against a walk through the rows one by one."""
    paths, rows = WALK.paths, WALK.rows
    assert np.array_equal(paths.beables(paths.record_time), paths.tracked)
    counts, stays = np.zeros((P, P), np.int64), []
    for r in range(R):
        for m, member in enumerate(IDS):
            mine = np.flatnonzero((rows.replica == r) & (rows.member == member))
            times, beables = paths.of(int(member), r)
            assert np.array_equal(times, [0.0, *rows.time[mine]])
            assert np.array_equal(beables, [WALK.tracked[0][r, m], *rows.target[mine]])
            np.add.at(counts, (beables[:-1], beables[1:]), 1)
            ends = [*times[1:], paths.end]
            stays += [(r, member, b, t, e - t) for b, t, e in zip(beables, times, ends, strict=True)]
    assert np.array_equal(paths.transitions(), counts)
    found = paths.sojourns()
    columns = (found.replica, found.member, found.beable, found.start, found.length)
    assert list(zip(*columns, strict=True)) == stays
    assert found.complete.sum() == len(rows) - R * IDS.size
    assert found.of(1).size == np.count_nonzero(found.complete & (found.beable == 1))
    assert (found.began.size, (~found.ended).sum()) == (len(rows) + R * IDS.size, R * IDS.size)


def test_who_leaves_by_a_filter_has_no_beable_from_there_on() -> None:
    at = 4 * INTERVAL
    schedule = Schedule((Filter(at, (0, 1)),))
    arrays = WALK.paths.source_of_arrays
    gone = WALK.tracked[4] == 2
    rows = WALK.rows
    stays = (rows.time < at) | ~gone[rows.replica, np.searchsorted(IDS, rows.member)]
    tracks = np.stack(WALK.tracked, axis=1)
    tracks[:, 5:][np.broadcast_to(gone[:, None], tracks[:, 5:].shape)] = -1
    some = {**arrays, **rows[stays].columns, TRACKED: tracks}  # type: ignore[dict-item]
    paths = Paths(some, int(stays.sum()), R, SYSTEM, schedule)
    assert gone.any()
    assert np.array_equal(paths.beables(paths.record_time), tracks)
    r, m = np.argwhere(gone)[0]
    times, beables = paths.of(int(IDS[m]), int(r))
    assert (times[-1], beables[-1]) == (at, -1)
    found = paths.sojourns()
    last = ~found.ended
    left = gone.reshape(-1)
    assert np.allclose((found.start + found.length)[last], np.where(left, at, paths.end))


def test_a_run_shows_its_histories(tmp_path: Path) -> None:
    paths = WALK.paths
    assert repr(paths) == f"Histories(4 members in each of 2 replicas, {len(WALK.rows)} copies, t = 0 .. 2)"
    assert bool(paths)
    assert paths._repr_html_().startswith("<div><b>Histories(4 members")
    assert len(paths.to_pandas()) == len(paths)
    assert np.array_equal(pickle.loads(pickle.dumps(paths)).time, paths.time)
    paths.plot(tmp_path / "one.png", replica=1)
    assert (tmp_path / "one.png").stat().st_size > 1000
    drawn = raster.pixels(paths, 1, np.arange(IDS.size))
    assert np.array_equal(np.sort(drawn[:, 0]), np.sort(WALK.tracked[0][1]))
    complete(tmp_path)
    assert [path.name for path in raster.draw(reading.read(tmp_path))] == ["histories.png", "histories.pdf"]
    with pytest.raises(InputError, match="member = 4: must be one of the 4 ids that are followed"):
        paths.of(4)
    with pytest.raises(InputError, match=r"replica = 2: must be from 0 to 1"):
        paths.of(3, 2)
    for wrong in (2, -1):
        with pytest.raises(InputError, match=rf"replica = {wrong}: must be from 0 to 1"):
            paths.plot(replica=wrong)
    for unknown in ("a", 2.5, None, True, 2**70, [3, "a"]):
        for ask in (paths.of, paths.some):
            with pytest.raises(InputError, match=r"member = .*: must be a whole number below"):
                ask(unknown)
    with pytest.raises(InputError, match=r"replica = 0\.5: must be a whole number below"):
        paths.of(3, 0.5)  # type: ignore[arg-type]
    assert np.array_equal(paths.some([5.0, 3]).ids, [3, 5])
    with pytest.raises(InputError, match=r"times = .*: must ascend, from 0 to 2"):
        paths.beables([1.0, 0.5])


def simulate(**more: Any) -> copympi.Run:
    asked: dict[str, Any] = {
        "members": 5000, "state": [0.7, 0.5, 0.5], "normalise": True, "duration": 2.0, "interval": 0.5, "seed": 3,
        "replicas": 2, "track": 40,
    }  # fmt: skip
    return copympi.simulate(SYSTEM, **(asked | more))


def same_histories(one: Any, other: Any) -> None:
    for name in ("time", "replica", "member", "source", "target", "tracked", "record_time", "ids"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_a_run_in_memory_on_disk_and_made_longer(tmp_path: Path) -> None:
    run, plain = simulate(), simulate(track=None)
    found = run.histories
    assert found is not None
    assert plain.histories is None
    assert np.array_equal(run.occupation, plain.occupation)
    assert (found.ids.size, found.tracked.shape, "histories" in run.measured) == (40, (2, 5, 40), False)
    assert len(found) > 0
    assert np.array_equal(found.beables(run.time), found.tracked)
    same_histories(simulate(output=tmp_path / "out").histories, found)
    said = "\n".join(run_info.describe(reading.read(tmp_path / "out")))
    assert f"  tracked   40 members in each of 2 replicas, {len(found):,} copies of theirs\n" in said
    longer = simulate(output=tmp_path / "out", resume=True, duration=4.0)
    same_histories(longer.histories, simulate(duration=4.0).histories)
    same_histories(copympi.load(tmp_path / "out").histories, longer.histories)
    assert longer.histories is not None
    frame = longer.to_xarray().tracked
    assert (frame.dims, frame.shape) == (("replica", "time", "tracked_member"), (2, 9, 40))
    handle = pickle.loads(pickle.dumps(longer.histories.made_of))  # as other ranks get it
    assert len(pickle.dumps(handle[0])) < 1000
    same_histories(Histories(*handle), longer.histories)
    alone = pickle.loads(pickle.dumps(longer.histories))
    with pytest.raises(InputError, match=r"output\.track = 41: was 40 when .* was written"):
        simulate(output=tmp_path / "out", resume=True, duration=5.0, track=41)
    (tmp_path / "out").rename(tmp_path / "moved")
    same_histories(alone, longer.histories)
    with pytest.raises(InputError, match=r"histories = .*results\.h5.*: cannot be read by this process"):
        len(Histories(*handle).time)


def test_ids_too_many_to_be_noted_come_from_the_file(tmp_path: Path) -> None:
    """More than 1,024 ids have a digest in the config that results hold."""
    ids, out = np.arange(0, 3 * 1025, 3), tmp_path / "out"
    first = simulate(track=ids, output=out, replicas=1)
    same_histories(simulate(track=list(ids), output=out, replicas=1, resume=True).histories, first.histories)
    with pytest.raises(InputError, match=r"output\.track = .*: was "):
        simulate(track=ids[1:], output=out, replicas=1, resume=True)
    longer = simulate(track=ids, output=out, replicas=1, resume=True, duration=3.0)
    same_histories(longer.histories, simulate(track=ids, replicas=1, duration=3.0).histories)
    job = rerun._job(out, tmp_path / "again", None, 1.0)
    assert np.array_equal(job.track, ids)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"track": 5001}, r"output\.track = 5001: must be from 1 to 5000, the number of members that can copy"),
        ({"track": 4000, "spectators": 500}, r"output\.track = 4000: must be from 1 to 3500, "),
        ({"track": [0, 5000]}, r"output\.track = 5000: must be from 0 to 4999, the ids of members that can copy"),
        ({"members": float("inf"), "replicas": 1}, r"output\.track = 40: must be left out"),
    ],
)
def test_what_a_run_refuses(asked: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        simulate(**asked)


def test_a_sweep_keeps_none(tmp_path: Path) -> None:
    common = {"members": 100, "density": [0.5, 0.3, 0.2], "duration": 1.0, "track": 5}
    with pytest.raises(InputError, match=r"output\.track = 5: must be left out in a sweep"):
        copympi.sweep({"system": SYSTEM, **common}, over={"dynamics.seed": [1, 2]}, output=tmp_path / "out")


def test_copies_that_come_between_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same data, whatever may wait in memory; also of a run that broke off after a checkpoint between records."""

    def broken(view: Any) -> Any:
        if broken_off and view.time > 1.0:
            raise RuntimeError("broken off")
        return view.n[:, :1]

    broken_off, whole = False, tmp_path / "whole"
    asked: dict[str, Any] = {"observe": {"own": broken}, "checkpoint": {"interval": 0.2}, "track": 400}
    simulate(**asked, output=whole)
    sent: list[int] = []
    put = histories.Histories.follow

    def follow(self: Any, jumps: Jumps) -> bool:
        sent.append(len(jumps))
        return put(self, jumps)

    monkeypatch.setattr(histories.Histories, "follow", follow)
    monkeypatch.setattr(tracking, "HELD", 20 * tracking.BYTES_WAITING)
    broken_off, out = True, tmp_path / "out"
    with pytest.raises(RuntimeError, match=r"own.*failed at t = 1\.5"):
        simulate(**asked, output=out)
    assert len(sent) > 2 * 3  # records so far
    newest = restart.read_meta(numbered(out)[-1])
    with h5py.File(out / "results.h5") as file:
        marked = file["histories/rows"][newest["record"] - 1]
    assert newest["rows"] > marked  # else nothing is tried here
    broken_off = False
    simulate(**asked, output=out, resume=True)
    with h5py.File(whole / "results.h5") as one, h5py.File(out / "results.h5") as other:
        for name in [f"histories/{column}" for column in one["histories"]]:
            np.testing.assert_array_equal(one[name][()], other[name][()])


def test_a_write_that_fails_once_loses_no_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full for a moment, at each of the first writes, while copies come between records."""
    asked: dict[str, Any] = {"track": 4000, "members": 10**6, "duration": 6.0, "interval": 1.5, "replicas": 1}
    simulate(**asked, output=tmp_path / "whole")
    monkeypatch.setattr(tracking, "HELD", 20 * tracking.BYTES_WAITING)
    monkeypatch.setattr(results, "FLUSH_EVERY", 0.0)
    write, stopped = ResultsFile._write, 0
    for fails in (2, 3, 4):
        count = 0

        def failing(self: Any, values: Any, fails: int = fails) -> None:
            nonlocal count
            count += 1
            if count == fails:
                raise OSError(28, "No space left on device")
            write(self, values)

        monkeypatch.setattr(ResultsFile, "_write", failing)
        out = tmp_path / str(fails)
        try:
            simulate(**asked, output=out)
        except MachineError:
            stopped += 1
        monkeypatch.setattr(ResultsFile, "_write", write)
        simulate(**asked, output=out, resume=True)
        with h5py.File(tmp_path / "whole/results.h5") as one, h5py.File(out / "results.h5") as other:
            for name in [f"histories/{column}" for column in one["histories"]]:
                np.testing.assert_array_equal(one[name][()], other[name][()])
    assert stopped


def settled(folder: Path) -> tuple[dict[str, int], Path]:
    """A results.h5 of four records and rows after them, and what a checkpoint knows of these."""
    with file_of(folder) as file:
        put(file, WALK, 0, 4)
        file.follow(WALK.parts[4])
        file.settle()
        return {**file.told(), "record": 4}, file.path


def test_an_attempt_that_dies_at_once_leaves_what_the_checkpoint_counts_on(tmp_path: Path) -> None:
    """Its new results.h5 has all rows of the one before as soon as it stands there, not only after its next record."""
    told, path = settled(tmp_path / "out")
    with reading.opened(path) as before:
        marked = int(before["histories/rows"][-1])
    plan = Plan(configured(records=8, replicas=R), SYSTEM, started(P, 1000), track=IDS)
    shutil.copytree(path.parent, tmp_path / "copy")
    for folder, rows in ((path.parent, told["rows"]), (tmp_path / "copy", None)):
        killed = ResultsFile(Output(folder, plan, "", 1, "no MPI", keep=4, rows=rows))
        with reading.opened(folder / "results.h5") as left:  # as a kill would leave it: nobody has written more
            assert left["histories/time"].shape[0] == (marked if rows is None else rows)
        assert rows is None or columns.rows_held(folder, told)
        assert reading.records_held(folder) == 4
        killed._give_up()


def test_a_checkpoint_whose_copies_are_damaged_is_not_gone_on_from(tmp_path: Path) -> None:
    """Those that came after the last record are in no record's digest: the checkpoint has theirs."""
    told, path = settled(tmp_path / "out")
    assert columns.rows_held(path.parent, told)
    with h5py.File(path, "r+") as file:
        assert told["rows"] == file["histories/time"].shape[0] > file["histories/rows"][-1]
        file["histories/to"][-1] += 1
    assert not columns.rows_held(path.parent, told)
