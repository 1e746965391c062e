"""results.h5 and files of Hamiltonians with wrong bytes: refused in one line, or without effect; never replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from copympi.errors import InputError, MachineError
from copympi.model import hamiltonian
from copympi.model.system import System
from copympi.report import run_info
from copympi.storage import folder, guard, layout, reading, restart
from copympi.text import one_line
from tests import launch
from tests.faults import damage, lives
from tests.faults.test_resume import prepare

JOB = {"members": 5000, "duration": 40.0, "interval": 1.0, "every": 6.1}
KEPT = 37
"""Records before the newest checkpoint."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = prepare(tmp_path_factory.mktemp("finished"), **JOB)
    lives.run(place, "--quiet", "--set", "checkpoint.final=false")  # as a run has them that is killed near its end
    return place


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


def unfinished(place: Path) -> None:
    """As after a kill: the same records, not marked complete."""
    with h5py.File(place / "out/results.h5", "r+", libver="latest", locking=False) as file:
        for name in ("seconds", "steps", "largest_chance", "ended"):
            del file.attrs[name]
        file.attrs["complete"] = False


def spoil(place: Path, dataset: str, record: int) -> None:
    """Another value in a record."""
    with h5py.File(place / "out/results.h5", "r+", libver="latest", locking=False) as file:
        file[dataset][record] = file[dataset][record] + 1


def arrays(data: reading.Results) -> list[bytes]:
    parts = [data.time, data.occupation, data.phase, data.events, data.state, data.system.frequencies.data]
    return [np.asarray(part).tobytes() for part in [*parts, *data.measured.values()]]


# --- doses


def info(path: Path, whole: list[bytes], lines: list[str]) -> str:
    try:
        data = reading.read(path)
        told = run_info.describe(data)
    except (InputError, MachineError) as problem:
        return "refused" if str(problem).isprintable() else f"exception raw {problem!r}"
    if data.torn:
        return "refused"
    assert all(map(str.isprintable, map(one_line, told)))
    return "harmless" if arrays(data) == whole and told[1:] == lines else "unnoticed"


def going_on(path: Path, whole: dict[str, bytes]) -> str:
    """What a resume makes of its records."""
    if reading.records_held(path.parent) < KEPT:
        return "refused"
    kept = reading.first_records(path, KEPT)
    return "harmless" if {name: rows.tobytes() for name, rows in kept.items()} == whole else "unnoticed"


def results_dose(place: Path, tmp_path: Path, cases: int, seed: int) -> tuple[Counter[str], Counter[str]]:
    good, bad = reading.read(place / "out"), tmp_path / "results.h5"
    content, lines = good.path.read_bytes(), run_info.describe(good)[1:]
    told = damage.dose(content, bad, lambda path: info(path, arrays(good), lines), cases, seed, tmp_path / "kept")
    whole = {name: rows.tobytes() for name, rows in reading.first_records(good.path, KEPT).items()}
    gone = damage.dose(content, bad, lambda path: going_on(path, whole), cases, seed + 1, tmp_path / "kept")
    return told, gone


HAMILTONIANS = ("H.npz", "csc.npz", "bsr.npz", "coo.npz", "dia.npz", "H.npy", "H.mtx", "H.h5")


def hamiltonians(place: Path) -> None:
    H = np.diag(np.arange(12.0)) + np.diag(np.ones(11), 1) + np.diag(np.ones(11), -1)
    np.save(place / "H.npy", H)
    sp.save_npz(place / "H.npz", sp.csr_array(H), compressed=False)
    for kind, make in (("csc", sp.csc_array), ("bsr", sp.bsr_array), ("coo", sp.coo_array), ("dia", sp.dia_array)):
        sp.save_npz(place / f"{kind}.npz", make(H), compressed=False)
    scipy.io.mmwrite(place / "H.mtx", sp.coo_array(H))
    with h5py.File(place / "H.h5", "w") as file:
        for part in ("data", "indices", "indptr"):
            file[f"H/{part}"] = getattr(sp.csr_array(H), part)


def matrix(path: Path) -> str:
    try:
        System(hamiltonian.read(path.name + (":/H" if path.suffix == ".h5" else ""), path.parent))
    except InputError as problem:
        return "refused" if str(problem).isprintable() else "exception raw"
    return "read"


def hamiltonians_dose(tmp_path: Path, cases: int, seed: int) -> Counter[str]:
    hamiltonians(tmp_path)
    count = Counter[str]()
    for name in HAMILTONIANS:
        content = (tmp_path / name).read_bytes()
        bad = tmp_path / f"bad{Path(name).suffix}"
        count += damage.dose(content, bad, matrix, cases, seed, tmp_path / "kept")
    return count


def nothing_bad(count: Counter[str]) -> None:
    """What HDF5 does to a process is met by guard; but nothing may go unnoticed, and no exception is not ours."""
    assert not count["unnoticed"] + count["exception"] + count["nothing"], dict(count)


def met_by_guard(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What crashed or hung was told of by the process that looks first."""
    monkeypatch.setattr(guard, "LEAST_SECONDS", 3)
    for bad in [*place.glob("crash*.h5"), *place.glob("hang*.h5")]:
        with pytest.raises(MachineError, match="is damaged: HDF5 "):
            guard.check(bad)


def test_a_dose(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, gone = results_dose(finished, tmp_path, 120, 11)
    read = hamiltonians_dose(tmp_path, 25, 12)
    with capsys.disabled():
        print(f"\ndamaged: info {dict(told)}, resume {dict(gone)}, hamiltonians {dict(read)}")
    for count in (told, gone, read):
        nothing_bad(count)
    assert not read["crash"] + read["hang"], dict(read)
    met_by_guard(tmp_path / "kept", monkeypatch)


@pytest.mark.long
def test_many(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many of each as COPYMPI_DAMAGED says, or 20,000."""
    cases = int(os.environ.get("COPYMPI_DAMAGED", "20000"))
    told, gone = results_dose(finished, tmp_path, cases, 21)
    read = hamiltonians_dose(tmp_path, cases // len(HAMILTONIANS), 22)
    with capsys.disabled():
        print(f"\ndamaged: info {dict(told)}, resume {dict(gone)}, hamiltonians {dict(read)}")
    for count in (told, gone, read):
        nothing_bad(count)
    assert not read["crash"] + read["hang"], dict(read)
    met_by_guard(tmp_path / "kept", monkeypatch)


# --- what a user sees


def test_a_search_without_end(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that has no length: HDF5 goes through the heap it lies in for ever."""
    path = copy / "out/results.h5"
    content = bytearray(path.read_bytes())
    at = content.find(b"GCOL")
    content[at + 16 : at + 32] = bytes(16)
    path.write_bytes(content)
    monkeypatch.setattr(guard, "LEAST_SECONDS", 3)
    with pytest.raises(MachineError, match=r"results\.h5 is damaged: HDF5 finds no end in 3 s of computing"):
        guard.check(path)


def test_a_wrong_value(copy: Path) -> None:
    """`info` and `--resume` find it; a finished run stays as it is."""
    spoil(copy, "occupation", 17)
    before = (copy / "out/results.h5").read_bytes()
    done = launch.copympi("info", "out", cwd=copy)
    says = "out/results.h5 is damaged: record 17 does not match its digest\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"copympi: error: {says}")
    life = lives.run(copy, "--resume", "--quiet", code=1)
    assert life.text.endswith(says)
    assert (copy / "out/results.h5").read_bytes() == before


@pytest.mark.parametrize(("record", "code"), [(39, 0), (34, 0), (5, 1)])
def test_a_resume_makes_damaged_records_again(copy: Path, finished: Path, record: int, code: int) -> None:
    """From a checkpoint before them, if there is one: the same bits in the end, or none."""
    unfinished(copy)
    spoil(copy, "phase", record)
    life = lives.run(copy, "--resume", code=code)
    if code:
        assert "are damaged or ahead of its results.h5" in life.lines[-1]
    else:
        assert ("trying the one before" in life.text) == (record < KEPT)
        lives.same(lives.bits(copy), lives.bits(finished))


def test_the_tail_of_an_unfinished_run(copy: Path) -> None:
    unfinished(copy)
    spoil(copy, "events", 38)
    data = reading.read(copy / "out")
    assert (len(data.time), data.torn) == (38, 3)
    told = "\n".join(run_info.describe(data))
    assert "all match but those of 3 more records at the end" in told


def test_attributes_of_users_are_no_damage(copy: Path) -> None:
    with h5py.File(copy / "out/results.h5", "r+", libver="latest", locking=False) as file:
        file.attrs["note"] = "the run of Monday"
    assert reading.read(copy / "out").verified


@pytest.mark.parametrize("what", ["system", "attributes", "last attributes"])
def test_all_else_has_digests_too(copy: Path, what: str) -> None:
    with h5py.File(copy / "out/results.h5", "r+", libver="latest", locking=False) as file:
        if what == "system":
            file["system/data"][0] *= 2
        elif what == "attributes":
            file.attrs["seed"] = np.uint64(6)
        else:
            file.attrs["steps"] += 1
    with pytest.raises(MachineError, match=f"its (group )?{what} do(es)? not match (its|their) digest"):
        reading.read(copy / "out")


def test_settings_are_digested(copy: Path) -> None:
    with h5py.File(copy / "out/results.h5", "r+", libver="latest", locking=False) as file:
        assert "dynamics.duration" in file.attrs[layout.SETTINGS]
        file.attrs[layout.SETTINGS] = "{"
    with pytest.raises(MachineError, match="its attributes do not match their digest"):
        reading.read(copy / "out")


@pytest.mark.parametrize("more", [(), ("--overwrite",), ("--resume",)], ids=lambda more: "".join(more))
def test_what_cannot_be_opened_is_never_replaced(copy: Path, more: tuple[str, ...]) -> None:
    path = copy / "out/results.h5"
    content = bytearray(path.read_bytes())
    content[1] ^= 4
    path.write_bytes(content)
    life = lives.run(copy, "--quiet", *more, code=2)
    assert "holds a results.h5 that cannot be read (" in life.lines[-1]
    assert life.lines[-1].endswith("; move it away, or choose another folder with -o")
    assert path.read_bytes() == bytes(content)
    assert len(lives.saved(copy)) == 2


def test_results_of_version_0_1(copy: Path, finished: Path) -> None:
    """Without digests: they are read, `info` says so, and they can be resumed."""
    unfinished(copy)
    with h5py.File(copy / "out/results.h5", "r+", libver="latest", locking=False) as file:
        del file["digests"]
        file.attrs["hostname"] = "\x1b[31mred"
    done = launch.copympi("info", "out", cwd=copy)
    assert done.returncode == 0, done.stderr
    assert "  digests   none: version " in done.stdout
    assert "on \\x1b[31mred" in done.stdout
    lives.run(copy, "--resume", "--quiet")
    lives.same(lives.bits(copy), lives.bits(finished))


def test_pipes_are_not_waited_for(copy: Path) -> None:
    """Named pipes as config, results, profile or checkpoint."""
    pipe = copy / "pipe.toml"
    os.mkfifo(pipe)
    done = launch.copympi("run", pipe, timeout=30)
    assert done.returncode == 2
    assert "cannot be read: a named pipe (FIFO), not a file" in done.stderr
    newest = lives.saved(copy)[-1]
    newest.unlink()
    os.mkfifo(newest)
    with pytest.raises(restart.DamagedError, match="a named pipe"):
        restart.read(newest, 1, 0)
    results = copy / "out" / layout.NAME
    results.unlink()
    os.mkfifo(results)
    with pytest.raises(InputError, match="cannot be read: a named pipe"):
        reading.read(copy / "out")
    with pytest.raises(InputError, match=r"holds a results\.h5 that cannot be read \(a named pipe"):
        folder.holding(copy / "out")


def test_many_starts_at_once(finished: Path, tmp_path: Path) -> None:
    """Whoever is overtaken says so; one run comes to its end, with the right bits."""
    for group in range(2):
        place = tmp_path / str(group)
        place.mkdir()
        shutil.copy(finished / "job.toml", place)
        command = [*lives.ROOT.command(0), "copympi", "run", "job.toml", "-o", "out", "--quiet", "--no-figure"]
        env = {**lives.ROOT.env(1), "PYTHONPATH": str(lives.REPO)}
        jobs = [
            subprocess.Popen(command, cwd=place, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True)
            for _ in range(4)
        ]
        said = [job.communicate(timeout=120)[1] for job in jobs]
        codes = [job.returncode for job in jobs]
        assert codes.count(0) >= 1, said
        for code, text in zip(codes, said, strict=True):
            assert "Traceback" not in text
            assert "cannot be written" not in text
            assert code == 0 or "has superseded this one" in text or "holds " in text, text
        lives.same(lives.bits(place), lives.bits(finished))
        assert lives.leftovers(place) == []
