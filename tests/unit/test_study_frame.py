"""What all studies share, on a small one that is put beside them: a folder of its own, found by itself."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from copympi import studies
from copympi.errors import InputError, MachineError, StoppedEarly
from copympi.mpi import Alone
from copympi.report import tables
from copympi.storage import layout, sealed
from copympi.studies import casefiles, looking
from copympi.studies.frame import Request, conduct

COIN = '''
"""Does a small ensemble of two beables keep its mean? One case a size."""

from dataclasses import dataclass

import numpy as np

from copympi.report import style
from copympi.report.tables import Column, Table, measured, number, text
from copympi.simulate import simulate
from copympi.studies.frame import Study

STARTED = []  # the cases that were begun


@dataclass(frozen=True)
class Case:
    members: int
    replicas: int

    @property
    def name(self):
        return f"N = {self.members}"

    place = name

    @property
    def settings(self):
        return {"members": self.members, "replicas": self.replicas}


def cases(quick, replicas):
    return [Case(N, replicas or 3) for N in (10, 20, 30, 40)]


def run(case, seed, comm):
    STARTED.append(case.members)
    interrupt(case)
    done = simulate([[0, 1], [1, 0]], state=[0.8, 0.6], members=case.members, replicas=case.replicas, duration=1.0,
                    interval=0.5, seed=seed, comm=comm)
    return {"occupation": done.occupation, "steps": np.array(done.steps)}


def interrupt(case):
    """For tests to put something else in its place."""


def answers(done):
    shares = [each.arrays["occupation"][:, -1, 0] / each.case.members for each in done]
    return [(each, share.mean(), share.std(ddof=1) / np.sqrt(share.size)) for each, share in zip(done, shares)]


def rows(answers):
    return {"ends": [{"N": each.case.members, "share": (mean, error)} for each, mean, error in answers]}


def told(answers):
    columns = [Column("N", 5, number("N")), Column("share", 20, measured("share", 3), "±")]
    return text(Table("Does it keep its mean?", columns, rows(answers)["ends"]))


def figure(answers):
    out, axes = style.panels(1, 1, (3.0, 2.0))
    axes[0, 0].plot([each.case.members for each, *_ in answers], [mean for _, mean, _ in answers])
    style.letter(axes.flat)
    return out


DATASETS = {"occupation": ("members", "members n_a (replica, record, beable)")}
STUDY = Study("coin", "is it fair?", cases, run, DATASETS, answers, rows, told, figure, {"hbar": 1.0})
'''


@pytest.fixture
def coin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of a study that a folder beside the others registers."""
    folder = tmp_path / "more" / "coin"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('ASKS = "is it fair?"\n')
    (folder / "study.py").write_text(COIN)
    monkeypatch.setattr(studies, "__path__", [*studies.__path__, str(tmp_path / "more")])
    found = studies._asks()
    assert found.pop("coin") == "is it fair?"
    assert found == studies.STUDIES
    monkeypatch.setitem(studies.STUDIES, "coin", "is it fair?")
    assert studies.find("coin").asks == "is it fair?"
    yield sys.modules["copympi.studies.coin.study"]
    for name in ("copympi.studies.coin", "copympi.studies.coin.study"):
        del sys.modules[name]
    del studies.coin


def stop_in_third(coin: Any) -> None:
    """Have a real SIGTERM come while the third case runs, in the next attempt alone."""

    def term(case: Any) -> None:
        if case.members == 30:
            coin.interrupt = lambda case: None
            os.kill(os.getpid(), signal.SIGTERM)
            for _ in range(10**6):  # the handler runs between two steps of Python
                pass

    coin.interrupt = term


def finished(coin: Any, folder: Path, **more: Any) -> Path:
    assert conduct(Alone(), coin.STUDY, folder, Request(**more)) == 0
    return folder / "coin.h5"


def values(path: Path) -> dict[str, bytes]:
    with h5py.File(path) as file:
        return {name: group["occupation"][()].tobytes() for name, group in file.items()}


def test_a_study_from_end_to_end(coin: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out"
    path = finished(coin, folder)
    names = ["coin-ends.csv", "coin.h5", "coin.pdf", "coin.png", "coin.txt"]
    assert sorted(each.name for each in folder.iterdir()) == names
    assert capsys.readouterr().out.startswith((folder / "coin.txt").read_text())
    with h5py.File(path) as file:
        assert {"study", "asks", "version", "libraries", "cpu", "hostname", "seed", "hbar"} <= set(file.attrs)
        group = file["N = 20"]
        assert (group.attrs["members"], group.attrs["seed"]) == (20, 2)
        assert group.attrs["steps"] > 0
        assert json.loads(group.attrs["identity"])["settings"] == {"members": 20, "replicas": 3}
        assert group["occupation"].attrs["units"] == "members"
        share = group["occupation"][:, -1, 0] / 20
    rows = [line.split(",") for line in (folder / "coin-ends.csv").read_text().splitlines()]
    assert rows[0] == ["N", "share", "share error"]
    assert [float(x) for x in rows[2]] == pytest.approx([20, share.mean(), share.std(ddof=1) / np.sqrt(3)])


def test_stopped_in_a_case_it_goes_on_where_it_was(coin: Any, tmp_path: Path) -> None:
    whole, folder = values(finished(coin, tmp_path / "whole")), tmp_path / "out"
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    stop_in_third(coin)
    with pytest.raises(StoppedEarly, match=r"stopped by SIGTERM: 2 of 4 cases .* go on with --resume"):
        finished(coin, folder)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == handlers
    held = looking.study_in(folder)
    said = "\n".join(looking.describe(folder, held))
    for words in ("not complete", "is it fair?", "2 of 4", "missing   N = 30; N = 40", "full size, --seed 1"):
        assert words in said
    with pytest.raises(InputError, match="holds 2 cases of the study coin, not all"):
        looking.plot(folder, held)
    coin.STARTED.clear()
    assert values(finished(coin, folder, resume=True)) == whole
    assert coin.STARTED == [30, 40]
    assert not (folder / "cases").exists()


def test_a_case_that_is_not_what_it_should_be_is_computed_again(
    coin: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Damaged, of another version, of other settings."""
    folder = tmp_path / "out"
    whole = values(finished(coin, tmp_path / "whole"))
    coin.interrupt = lambda case: os.kill(os.getpid(), signal.SIGINT) if case.members == 40 else None
    with pytest.raises(StoppedEarly, match="SIGINT: 3 of 4"):
        finished(coin, folder)
    coin.interrupt = lambda case: None
    first, second, third = sorted((folder / "cases").iterdir())
    damaged = bytearray(first.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    first.write_bytes(damaged)
    for path, key, other in ((second, "version", "0.0.1"), (third, "settings", {"members": 30, "replicas": 7})):
        with sealed.opened(path) as file:
            noted, arrays = dict(file.attrs), {name: data[()] + 1 for name, data in file.items()}
        noted["identity"] = json.dumps({**json.loads(noted["identity"]), key: other})

        def fill(file: Any, noted: dict[str, Any] = noted, arrays: dict[str, Any] = arrays) -> None:
            file.attrs.update(noted)
            for name, data in arrays.items():
                file[name] = data

        sealed.write(path, fill)
    coin.STARTED.clear()
    capsys.readouterr()
    assert values(finished(coin, folder, resume=True)) == whole
    assert coin.STARTED == [10, 20, 30, 40]
    told = capsys.readouterr().err.splitlines()
    for line, words in zip(told, ("is damaged", "another version (0.0.1)", "another settings"), strict=False):
        assert words in line
        assert line.endswith("the case is computed again")


def test_a_case_by_other_libraries_is_taken_with_a_warning(
    coin: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_in_third(coin)
    with monkeypatch.context() as patch:
        patch.setattr(casefiles, "libraries", lambda: "numpy 1.0")
        with pytest.raises(StoppedEarly):
            finished(coin, tmp_path / "out")
    coin.STARTED.clear()
    finished(coin, tmp_path / "out", resume=True)
    assert coin.STARTED == [30, 40]
    assert capsys.readouterr().err.count("was made under numpy 1.0") == 2


def test_what_a_folder_holds_is_not_written_over(coin: Any, tmp_path: Path) -> None:
    """Each refusal leaves every file as it was."""
    done, begun, run, other, foreign = (tmp_path / name for name in ("done", "begun", "run", "other", "foreign"))
    finished(coin, done)
    stop_in_third(coin)
    with pytest.raises(StoppedEarly):
        finished(coin, begun)
    for folder in (run, other, foreign):
        folder.mkdir()
    (run / layout.NAME).write_bytes(b"?")
    with h5py.File(other / "alignment.h5", "w") as file:
        file.attrs["study"] = "alignment"
    with h5py.File(foreign / "coin.h5", "w") as file:
        file["x"] = 1.0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for folder, more, why in (
        (done, {}, "holds this study, finished; choose another with -o, or --overwrite"),
        (begun, {}, "holds 2 cases of this study; go on with --resume, choose another with -o, or --overwrite"),
        (begun, {"resume": True, "replicas": 5}, r"--replicas = 5: the study in .* was begun with another: None"),
        (done, {"resume": True, "seed": 2}, r"--seed = 2: the study in .* was begun with another: 1"),
        (done, {"resume": True, "quick": True}, r"--quick = True: the study in .* was begun with another: False"),
        (run, {"overwrite": True}, "holds a run; choose another with -o"),
        (other, {"overwrite": True}, "holds the study alignment; choose another with -o"),
        (foreign, {"overwrite": True}, "holds a coin.h5 that is not copympi's; choose another with -o"),
    ):
        with pytest.raises(InputError, match=why):
            finished(coin, folder, **more)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    finished(coin, begun, overwrite=True)
    finished(coin, done, overwrite=True, seed=5)
    assert values(done / "coin.h5") != values(begun / "coin.h5")


def test_a_damaged_file_of_a_study_is_refused(coin: Any, tmp_path: Path) -> None:
    path = finished(coin, tmp_path / "out")
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)
    for act in (lambda: looking.study_in(path.parent), lambda: looking.study_in(path)):
        with pytest.raises(MachineError, match=r"coin\.h5 is damaged, or was changed"):
            act()
    for more in ({}, {"resume": True}):
        with pytest.raises(InputError, match=r"coin.h5 is damaged.* choose another with -o, or --overwrite"):
            finished(coin, path.parent, **more)
    finished(coin, path.parent, overwrite=True)


def test_killed_before_the_end_of_its_report_it_reports_again(
    coin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """coin.h5 is there, but the figure is not: the cases' own files are still there too."""

    def fails(answers: Any) -> Any:
        raise OSError("no room for a figure")

    with monkeypatch.context() as patch:
        patch.setitem(coin.STUDY.__dict__, "figure", fails)
        with pytest.raises(MachineError, match="no room for a figure"):
            finished(coin, tmp_path / "out")
    coin.STARTED.clear()
    path = finished(coin, tmp_path / "out", resume=True)
    assert coin.STARTED == []
    assert (path.parent / "coin.png").exists()


def test_tables() -> None:
    column = tables.Column("x", 10, tables.measured("x", 2), "±")
    table = tables.Table("T", [tables.Column("N", 4, tables.number("N")), column], [{"N": 5, "x": (1.0, 0.25)}, None])
    assert table.lines() == ["T", "", "   N    x", tables.RULE, "   5 1.00±0.25", ""]
    assert tables.csv([{"N": 5, "x": (1.0, np.nan)}, {"N": 6, "y": "a,b"}]) == 'N,x,x error,y\n5,1.0,,\n6,,,"a,b"\n'
