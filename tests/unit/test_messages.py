"""Every complaint is one line of printable text, whatever names, keys and paths a user has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from copympi import mpi
from copympi.config import reading as config
from copympi.errors import DynamicsError, InputError, MachineError, StoppedEarly
from copympi.storage import given
from copympi.text import one_line

WILD = "a\nb\r\x1b[31m\x07\u202e\u2028\udcff"


@pytest.mark.parametrize("kind", [DynamicsError, MachineError, StoppedEarly])
def test_failures(kind: type[Exception]) -> None:
    assert str(kind(f"in {WILD}")).isprintable()
    assert str(kind("ψ, 3 µs")) == "ψ, 3 µs"


def test_bad_input() -> None:
    for error in (InputError(WILD, WILD, WILD, Path(WILD)), InputError("key", Path(WILD), "why")):
        assert str(error).isprintable()
    assert str(InputError("system.labels", "ψ", "why")) == 'system.labels = "ψ": why'


def test_what_is_spelt_out() -> None:
    assert one_line("a\nb\x1b[0m\tψ") == "a\\nb\\x1b[0m\\tψ"


@pytest.mark.parametrize("text", ['"a\\nb" = 1\n', '[system]\n"\\u001b[31m" = 1\n', '[system]\nhbar = "\\u001b"\n'])
def test_keys_and_values_of_a_config(tmp_path: Path, text: str) -> None:
    place = tmp_path / "na\nme\x1b"
    place.mkdir()
    (place / "job.toml").write_text(text)
    with pytest.raises(InputError) as problem:
        config.read(place / "job.toml")
    assert str(problem.value).isprintable()


CONFIG = """[system]
hamiltonian = [[0, 1], [1, 0]]
[preparation]
members = 10
state = [1, 0]
[dynamics]
duration = 1.0
"""


def test_a_byte_order_mark(tmp_path: Path) -> None:
    """Some editors begin UTF-8 with one; the text as run has none."""
    (tmp_path / "job.toml").write_bytes(b"\xef\xbb\xbf" + CONFIG.encode())
    checked, text = config.read(tmp_path / "job.toml")
    assert checked.preparation.members == 10
    assert text == CONFIG


def test_a_config_that_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in (
        (tmp_path / "pipe", "a named pipe"),
        (Path("/dev/zero"), "a device"),
        (tmp_path, "Is a directory"),
    ):
        with pytest.raises(InputError, match=why):
            config.read(path)


def test_a_config_from_another_process() -> None:
    ours, theirs = os.pipe()
    os.write(theirs, CONFIG.encode())
    os.close(theirs)
    assert config.read(Path(f"/dev/fd/{ours}"))[0].preparation.members == 10
    os.close(ours)


@pytest.mark.parametrize("value", ["", " ", "x"])
def test_a_launcher_that_says_nothing(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    for size, rank in (("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"), ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID")):
        monkeypatch.delenv(size, raising=False)
        monkeypatch.delenv(rank, raising=False)
    monkeypatch.setenv("PMI_SIZE", value)
    assert mpi.launched() == (1, 0)
    monkeypatch.setenv("PMI_SIZE", "3")
    monkeypatch.setenv("PMI_RANK", "2")
    assert mpi.launched() == (3, 2)


@pytest.mark.parametrize("name", ["p" * 300 + ".h5:/x", "absent.h5:/x", "\0.h5:/x"])
def test_phases_in_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="no such file") as problem:
        given.phases(name, tmp_path)
    assert str(problem.value).isprintable()


def test_no_memory_is_told_in_a_line() -> None:
    def too_much() -> None:
        raise MemoryError("Unable to allocate 9 EiB")

    with pytest.raises(MachineError, match="out of memory: Unable to allocate 9 EiB"):
        mpi.from_root(mpi.Alone(), too_much)
    with pytest.raises(MachineError, match="out of memory"), mpi.together(mpi.Alone()):
        too_much()
