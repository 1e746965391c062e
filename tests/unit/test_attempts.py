"""DIR/checkpoints: who may write, what goes, and looks that fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import copympi
from copympi.errors import InputError, Superseded
from copympi.records.plan import Plan
from copympi.storage import checkpoints, folder, profiles, results
from tests.unit.test_recording import H, configured, snapshots, started


def test_a_late_clean_up_spares_what_later_attempts_make(tmp_path: Path) -> None:
    """Three start at once; the first sweeps last."""
    assert [checkpoints.take_attempt(tmp_path) for _ in range(3)] == [1, 2, 3]
    (tmp_path / "profiles").mkdir()
    names = [".new-{}-results.h5", "checkpoints/.partial-{}-checkpoint-00000001.h5", "profiles/.partial-{}-0.h5"]
    names.append("checkpoints/.partial-{}-checkpoint-00000012.h5.locktest.0")  # by Open MPI, where it was killed
    (tmp_path / f"{checkpoints.PROBE}x").touch()  # could not be removed
    for attempt in (1, 2, 3):
        for name in names:
            (tmp_path / name.format(attempt)).touch()
    checkpoints._sweep(tmp_path, 2)
    profiles.forget(tmp_path, 0, 2, lambda: None)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob(".*")}
    kept = {names[k].format(2) for k in (0, 1, 3)}
    assert left == kept | {name.format(3) for name in names}
    assert checkpoints.attempts(tmp_path) == [3]


@pytest.mark.parametrize("last", [1, 4], ids=["the rename at its start", "the rename at its end"])
def test_who_loses_a_file_to_a_later_attempt_says_so(tmp_path: Path, last: int) -> None:
    """Another one starts between a look at the fence and the rename that follows: the rename must find nothing.

    last : the look after which that happens. A run of one record looks before its first rename, before the record,
    before it marks results.h5 complete, and before its last rename.
    """
    attempt, looked = checkpoints.take_attempt(tmp_path), []

    def look() -> None:
        checkpoints.check_fence(tmp_path, attempt)
        looked.append(attempt)
        if len(looked) == last:
            checkpoints.take_attempt(tmp_path)

    system, config = copympi.System(H), configured(1)
    start, shot = started(4, 1000), snapshots(4, 1, 1000)[0]

    def whole_run() -> None:
        plan = Plan(config, system, start)
        output = results.Output(tmp_path, plan, "", 1, "no MPI", attempt=attempt, may_append=look)
        record = plan.measure(0, shot)
        with results.ResultsFile(output) as file:
            file.take(0.0, record)
            file.finish(1.0, record)

    with pytest.raises(Superseded, match="attempt 2 has superseded this one; attempt 1 stops"):
        whole_run()
    assert len(looked) == last
    assert [path.name for path in tmp_path.rglob(".*")] == []
    assert folder.holding(tmp_path) == (folder.NOTHING if last == 1 else folder.UNFINISHED)


def test_what_a_later_attempt_made_comes_back(tmp_path: Path) -> None:
    """An attempt removes what was there before it; under the same name there may be another's by then."""
    place = tmp_path / "checkpoints"
    assert checkpoints.take_attempt(tmp_path) == 1
    for name in ("a", "b"):
        (place / name).write_text("old")
    checkpoints.remove(place / "a", 1, lambda: checkpoints.check_fence(tmp_path, 1))
    checkpoints.remove(place / "a", 1, lambda: checkpoints.check_fence(tmp_path, 1))  # gone is gone
    assert checkpoints.take_attempt(tmp_path) == 2
    with pytest.raises(Superseded, match="attempt 2 has superseded this one"):
        checkpoints.remove(place / "b", 1, lambda: checkpoints.check_fence(tmp_path, 1))
    assert {path.name for path in place.iterdir()} == {"attempt-000002", "b"}
    assert (place / "b").read_text() == "old"

    def write_again() -> None:
        (place / "b").write_text("new")
        checkpoints.check_fence(tmp_path, 1)

    with pytest.raises(Superseded):
        checkpoints.remove(place / "b", 1, write_again)
    assert {path.name for path in place.iterdir()} == {"attempt-000002", "b"}
    assert (place / "b").read_text() == "new"


@pytest.mark.parametrize(("name", "number"), [("attempt-999999", 1_000_000), ("attempt-1000000", 1_000_001)])
def test_numbers_grow_beyond_their_places(tmp_path: Path, name: str, number: int) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / name).touch()
    assert checkpoints.take_attempt(tmp_path) == number
    assert checkpoints.attempts(tmp_path) == [number]


def test_checkpoints_in_order_of_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    for name in ("checkpoint-99999999.h5", "checkpoint-100000000.h5", "checkpoint-00000007.h5", "checkpoint-1.h5"):
        (tmp_path / "checkpoints" / name).touch()
    numbers = [int(path.stem.rpartition("-")[2]) for path in checkpoints.numbered(tmp_path)]
    assert numbers == [7, 99_999_999, 100_000_000]
    assert checkpoints.next_place(tmp_path).name == "checkpoint-100000001.h5"


def test_a_folder_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at again, then given up; a folder that is not there is empty."""
    monkeypatch.setattr(checkpoints, "PAUSES", (0.0, 0.0))
    assert checkpoints.listed(tmp_path / "absent") == []
    (tmp_path / "checkpoints").touch()
    with pytest.raises(checkpoints.Unseen, match="checkpoints cannot be read: Not a directory"):
        checkpoints.attempts(tmp_path)
    with pytest.raises(InputError, match=r"output folder = .*cannot be "):
        checkpoints.take_attempt(tmp_path)


def test_what_a_folder_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "PAUSES", ())
    assert folder.holding(tmp_path) == folder.NOTHING
    path = tmp_path / "results.h5"
    path.symlink_to(tmp_path / "elsewhere.h5")
    with pytest.raises(InputError, match="cannot be read"):
        folder.holding(tmp_path)
    path.unlink()
    path.write_bytes(b"too short for any run")
    assert folder.holding(tmp_path) == folder.NOTHING
    path.unlink()
    for make in (path.mkdir, lambda: os.mkfifo(path), lambda: path.write_bytes(bytes(2000))):
        make()
        with pytest.raises(InputError, match=r"holds a results\.h5 that cannot be read|its results.h5 is a folder"):
            folder.open_folder(tmp_path, overwrite=True)
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
    folder.open_folder(tmp_path, overwrite=False)
    assert list(tmp_path.iterdir()) == []
