"""`copympi study`: its list, its errors, and the study of alignment end to end in small."""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from copympi.studies import STUDIES
from copympi.studies.alignment.cases import cases, told
from copympi.studies.alignment.numbers import apart, at_record, curves_of, mean, neutral
from tests import launch


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    """A finished `--quick` study: its folder, its standard output, the seconds it took."""
    folder = tmp_path_factory.mktemp("study")
    began = time.monotonic()
    done = launch.copympi("study", "alignment", "--quick", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "study-alignment", done.stdout, time.monotonic() - began


def test_list_names_every_study() -> None:
    done = launch.copympi("study", "--list")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(STUDIES)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("alinement",), "NAME = \"alinement\": no such study; the nearest is 'alignment'; see `copympi study --list`"),
        ((), "see `copympi study --list`"),
        (("alignment", "--replicas", "1"), "--replicas = 1: must be at least 2"),
        (("alignment", "-o", "/proc/nowhere"), 'output folder = "/proc/nowhere": cannot be written'),
        (("alignment", "--seed", "-1"), "seed = -1"),
        (("alignment", "--time-budget", "soon"), "--time-budget = "),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = launch.copympi("study", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_quick_leaves_whole_files(quick: tuple[Path, str, float]) -> None:
    folder, *_ = quick
    tables = [f"-{name}.csv" for name in ("ends", "sizes", "steps")]
    names = [f"alignment{end}" for end in (*tables, ".h5", ".pdf", ".png", ".txt")]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / "alignment.png").read_bytes()[:4] == b"\x89PNG"
    assert (folder / "alignment.pdf").read_bytes()[:4] == b"%PDF"


def test_text_and_csv_say_what_the_terminal_shows(quick: tuple[Path, str, float]) -> None:
    folder, out, _ = quick
    assert (folder / "alignment.txt").read_text() == out.rsplit("\n\n", 1)[0] + "\n"
    with (folder / "alignment-ends.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with h5py.File(folder / "alignment.h5") as file:
        for row in rows:
            end = file[f"{row['case']}, N = {row['N']}"].attrs
            assert [float(row[name]) for name in ("order", "order error")] == [end["end order"], end["end order error"]]


def test_figure_is_drawn_again_from_the_file(quick: tuple[Path, str, float]) -> None:
    folder, *_ = quick
    figures = [folder / f"alignment.{kind}" for kind in ("png", "pdf")]
    before = [path.read_bytes() for path in figures]
    for path in figures:
        path.unlink()
    done = launch.copympi("plot", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(path) for path in figures]
    assert [path.read_bytes() for path in figures] == before


def test_info_of_a_finished_study(quick: tuple[Path, str, float]) -> None:
    folder, *_ = quick
    done = launch.copympi("info", folder / "alignment.h5")
    assert (done.returncode, done.stderr) == (0, "")
    for said in ("alignment.h5: complete", STUDIES["alignment"], "cases     14 of 14", "quick, --seed 1", "numpy"):
        assert said in done.stdout


def test_finished_study_is_kept(quick: tuple[Path, str, float]) -> None:
    folder, *_ = quick
    before = (folder / "alignment.h5").read_bytes()
    again = launch.copympi("study", "alignment", "--quick", "-o", folder)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.endswith("holds this study, finished; choose another with -o, or --overwrite\n")
    resumed = launch.copympi("study", "alignment", "--quick", "--resume", "-o", folder)
    assert (resumed.returncode, resumed.stdout) == (0, "")
    assert resumed.stderr.endswith("holds this study, finished: nothing to do\n")
    assert (folder / "alignment.h5").read_bytes() == before


def test_no_time_is_exit_code_three(tmp_path: Path) -> None:
    done = launch.copympi("study", "alignment", "--quick", "--time-budget", "0.000001s", "-o", tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"copympi: the time is used up: 0 of 14 cases of the study are done and stand in {tmp_path}; "
        "go on with --resume\n"
    )


def test_table_fits_a_hundred_columns(quick: tuple[Path, str, float]) -> None:
    table = quick[1].split("\nR replicas;")[0]
    assert max(map(len, table.splitlines())) <= 100


def test_table_says_what_the_file_holds(quick: tuple[Path, str, float]) -> None:
    """Every case's order parameters, lineages and deaths in the first table, worked out anew from the datasets."""
    folder, out, _ = quick
    rows = out.split("Rules alone, all at")[0].splitlines()
    with h5py.File(folder / "alignment.h5") as file:
        for case in cases(True, None):
            n, z, z2, kinds = (
                file[case.name][name][:, -1] for name in ("occupation", "coherence", "coherence2", "lineages")
            )
            assert n.sum(axis=1).tolist() == [case.members] * case.replicas
            if case.refines:
                continue
            row = next(r for r in rows if re.match(rf"{re.escape(told(case.kind))} +{case.members} ", r))
            numbers = re.findall(r"([\d.]+)±([\d.]+)", row)
            for shown, values in zip(
                numbers,
                (np.nansum(n * z, 1) / case.members, np.nansum(n * z2, 1) / case.members, kinds.sum(1)),
                strict=False,
            ):
                error = np.std(values, ddof=1) / np.sqrt(case.replicas)
                digits = len(shown[0].split(".")[1])
                assert float(shown[0]) == pytest.approx(values.mean(), abs=0.51 * 10.0**-digits)
                assert float(shown[1]) == pytest.approx(error, abs=0.51 * 10.0**-digits)
            assert f" {int(np.any(n == 0, axis=1).sum())}/{case.replicas} " in row


def test_datasets_say_what_they_are(quick: tuple[Path, str, float]) -> None:
    with h5py.File(quick[0] / "alignment.h5") as file:
        for group in file.values():
            assert {"members", "replicas", "spread", "seed", "end order", "end order error"} <= set(group.attrs)
            for data in group.values():
                assert data.attrs["units"]
                assert data.attrs["description"]


def test_neutral_model_against_draws() -> None:
    """Moran's model drawn copy by copy: the lineages left of 200 members after E copies."""
    rng = np.random.default_rng(1)
    N, copies, left = 200, 4000, []
    for _ in range(60):
        kind = np.arange(N)
        for i, j in rng.integers(0, N, (copies, 2)):
            kind[i] = kind[j]
        left.append(np.unique(kind).size)
    expected = float(neutral(np.array(copies * (N - 1) / N), N))  # one draw in N copies itself
    assert expected == pytest.approx(np.mean(left), abs=4 * np.std(left) / np.sqrt(60) + 0.5)


def test_curves_weigh_beables_and_count_the_dead() -> None:
    n = np.array([[[3, 1], [4, 0]], [[2, 2], [1, 3]]])
    one = np.array([[[1.0, 0.2], [0.5, np.nan]], [[0.0, 1.0], [1.0, 0.0]]])
    data = {"occupation": n, "coherence": one, "coherence2": one, "lineages": n, "events": np.array([[0, 4], [0, 4]])}
    curves = curves_of(data)
    np.testing.assert_allclose(curves["order"], [[0.8, 0.5], [0.5, 0.25]])
    np.testing.assert_array_equal(curves["dead"], [[0, 1], [0, 0]])
    np.testing.assert_array_equal(curves["copies"], [[0, 1], [0, 1]])
    assert at_record(curves["order"], 0) == pytest.approx((0.65, 0.15))
    assert mean(curves["dead"])[0].tolist() == [0, 0.5]


def test_apart() -> None:
    assert apart((1.0, 0.3), (2.0, 0.4)) == pytest.approx(2.0)
    assert np.isnan(apart((1.0, 0.0), (1.0, 0.0)))
