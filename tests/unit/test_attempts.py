"""DIR/checkpoints: who may write, what goes, and looks that fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from copympi.errors import InputError
from copympi.storage import checkpoints, folder, profiles


def test_a_late_clean_up_spares_what_later_attempts_make(tmp_path: Path) -> None:
    """Three start at once; the first sweeps last."""
    assert [checkpoints.take_attempt(tmp_path) for _ in range(3)] == [1, 2, 3]
    (tmp_path / "profiles").mkdir()
    names = [".new-{}-results.h5", "checkpoints/.partial-{}-checkpoint-00000001.h5", "profiles/.partial-{}-0.h5"]
    for attempt in (1, 2, 3):
        for name in names:
            (tmp_path / name.format(attempt)).touch()
    checkpoints._sweep(tmp_path, 2)
    profiles.forget(tmp_path, 0, 2)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob(".*")}
    assert left == {names[0].format(2), names[0].format(3), names[1].format(2), *(name.format(3) for name in names)}
    assert checkpoints.attempts(tmp_path) == [3]


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
