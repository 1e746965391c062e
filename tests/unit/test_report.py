"""Tables and figures of runs that are usual, small, short or odd."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

import copympi
from copympi.errors import InputError
from copympi.report import analysis, plots, style, summary
from copympi.storage.reading import Results
from copympi.theory import noise

H2 = [[0.0, 0.5], [0.5, 0.0]]


def results(
    tmp_path: Path,
    H: Any = H2,
    density: Any = (0.9, 0.1),
    members: int = 10_000,
    replicas: int = 1,
    labels: list[str] | None = None,
    unit: str = "",
    **more: Any,
) -> Results:
    """A run in memory, as if read from a file in tmp_path."""
    system = copympi.System(H, labels=labels)
    settings: dict[str, Any] = {"duration": 4.0, "interval": 0.1, "representation": "occupation"} | more
    run = copympi.simulate(system, density=density, members=members, replicas=replicas, **settings)
    lead = (slice(None),) if replicas > 1 else (None,)
    arrays = {name: getattr(run, name)[lead] for name in ("occupation", "phase", "events")}
    state = np.sqrt(np.asarray(density)).astype(complex)
    return Results(tmp_path / "results.h5", {}, system, state, run.time, unit, **arrays)


def chain(P: int) -> Any:
    return np.diag(np.full(P - 1, 1.0), 1) + np.diag(np.full(P - 1, 1.0), -1) + np.diag(np.arange(P) / P)


def slope(P: int) -> Any:
    return np.arange(P, 2 * P) / np.arange(P, 2 * P).sum()


def reported(data: Results) -> tuple[analysis.Comparison, str]:
    """Everything that a report makes of a run."""
    comparison = analysis.compare(data)
    paths = plots.draw(data, comparison)
    assert [path.name for path in paths] == ["occupation.png", "occupation.pdf"]
    assert all(path.stat().st_size > 1000 for path in paths)
    return comparison, "\n".join(summary.lines(data, comparison))


def test_covariance_at_no_times() -> None:
    assert noise.covariance(copympi.System(H2), np.sqrt([0.9, 0.1]), []).shape == (0, 4, 4)
    assert not noise.covariance(copympi.System([[0.3]]), [1.0], [0.0, 1.0]).any()


@pytest.mark.parametrize("P", [2, 8, 16])
@pytest.mark.parametrize("replicas", [1, 20])
def test_usual_runs(tmp_path: Path, P: int, replicas: int) -> None:
    data = results(tmp_path, chain(P), slope(P), 10**7, replicas, duration=1.0, interval=0.02)
    comparison, table = reported(data)
    assert np.all(comparison.expected[0] == 0)
    assert np.all(comparison.expected[1:] > 0)
    assert np.nanmean(comparison.sigmas**2) < 9
    first = table.splitlines()[2].split()
    assert first[0] == "0"
    assert first[-1] == "0"
    assert table.count("± ") == (10 if replicas == 1 else 22), "and the spread of replicas"
    assert ("± 0 " in table) == (replicas > 1), "which start alike"
    assert "rms difference / expected = " in table


def test_few_from_the_start(tmp_path: Path) -> None:
    """N rho < 20 at t = 0: the expected noise is known at no time."""
    comparison, table = reported(results(tmp_path, members=100, duration=1.0))
    assert np.all(np.isnan(comparison.expected))
    assert "±" not in table
    assert "rms" not in table


def test_few_later(tmp_path: Path) -> None:
    comparison, table = reported(results(tmp_path, density=(0.5, 0.5), H=[[0.5, 0.5], [0.5, -0.5]], members=120))
    known = np.isfinite(comparison.expected[:, 0])
    assert known[0]
    assert not known[-1]
    assert "rms" in table


@pytest.mark.parametrize("members", [1, 10, 10**6])
def test_one_beable(tmp_path: Path, members: int) -> None:
    comparison, table = reported(results(tmp_path, [[0.7]], [1.0], members))
    assert np.all(np.isnan(comparison.sigmas))
    assert "±" not in table
    assert "rms" not in table


@pytest.mark.parametrize("members", [10**6, 10**15])
def test_eigenstate_has_no_noise(tmp_path: Path, members: int) -> None:
    """What is left of its variance is rounding, and must not be divided by."""
    comparison, table = reported(results(tmp_path, density=(0.5, 0.5), members=members, duration=10.0, interval=1.0))
    assert np.all(comparison.expected == 0)
    assert "±" not in table
    assert "rms" not in table


@pytest.mark.parametrize("replicas", [1, 1000])
def test_extinct(tmp_path: Path, replicas: int) -> None:
    data = results(tmp_path, members=30, replicas=replicas, duration=60.0, interval=1.0, labels=["on", "off"])
    comparison, table = reported(data)
    if replicas > 1:
        assert 0.01 < comparison.extinct[-1].min() < 0.5
        assert f"beable on is empty at the end in {comparison.extinct[-1, 0]:.1%} of replicas" in table
    assert table.count("of replicas") == (2 if replicas > 1 else 0)


@pytest.mark.parametrize("records", [1, 2, 3])
def test_a_run_that_has_only_begun(tmp_path: Path, records: int) -> None:
    whole = results(tmp_path)
    cut = {name: getattr(whole, name)[:, :records] for name in ("occupation", "phase", "events")}
    reported(Results(whole.path, {}, whole.system, whole.state, whole.time[:records], "", **cut))


def test_a_run_without_a_record(tmp_path: Path) -> None:
    whole = results(tmp_path)
    cut = {name: getattr(whole, name)[:, :0] for name in ("occupation", "phase", "events")}
    with pytest.raises(InputError, match="must hold a record"):
        analysis.compare(Results(whole.path, {}, whole.system, whole.state, whole.time[:0], "", **cut))


@pytest.fixture
def figure(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are drawn next."""
    drawn: list[Any] = []
    save = style.save
    monkeypatch.setattr(style, "save", lambda figure, *where: (drawn.append(figure), save(figure, *where))[1])
    return drawn


ODD = ["$x", "_hidden", "a$^b$c", "$\\frac{$", "\\alpha", "", "|ψ⟩", "x" * 300]


def test_names_stand_as_they_are(tmp_path: Path, figure: list[Any]) -> None:
    """No mathematics, nothing hidden, nothing that pushes the axes away."""
    reported(results(tmp_path, chain(8), slope(8), labels=ODD, unit="$_\\ps"))
    top, bottom = figure[0].axes
    names = top.artists[0] if top.artists else next(x for x in top.get_children() if getattr(x, "get_title", None))
    assert names.get_title().get_text() == "beable"
    assert [text.get_text() for text in names.get_texts()] == [*ODD[:-1], "x" * 23 + "…"]
    assert not any(text.get_parse_math() for text in names.get_texts())
    assert bottom.get_xlabel() == "time [$_\\ps]"
    assert top.get_window_extent().width > 0.4 * figure[0].bbox.width


@pytest.mark.parametrize(
    ("P", "replicas", "members", "title"),
    [
        (1, 1, 10, "1 beable, $N$ = 10"),
        (2, 1, 10**6, "2 beables, $N$ = $10^{6}$"),
        (16, 1, 10**9, "8 of 16 beables, $N$ = $10^{9}$"),
        (16, 1000, 2**63 - 1, "8 of 16 beables, 1,000 replicas of $N$ = 9,223,372,036,854,775,807"),
    ],
)
def test_titles_fit(tmp_path: Path, figure: list[Any], P: int, replicas: int, members: int, title: str) -> None:
    reported(results(tmp_path, chain(P), slope(P), members, replicas, duration=0.2, interval=0.1))
    top = figure[0].axes[0]
    assert top.get_title(loc="left").removeprefix("(a)  ") == title
    figure[0].canvas.draw()
    texts = [part for axes in figure[0].axes for part in (axes.yaxis.label, axes.xaxis.label, axes._left_title)]
    texts += [text for legend in figure[0].findobj(matplotlib.legend.Legend) for text in legend.get_texts()]
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= 0, text.get_text()
        assert box.x1 <= figure[0].bbox.width, text.get_text()


@pytest.mark.parametrize(("T", "marks"), [(11, 11), (41, 41), (101, 34), (401, 41)])
def test_markers_leave_the_lines_to_be_seen(tmp_path: Path, figure: list[Any], T: int, marks: int) -> None:
    reported(results(tmp_path, duration=(T - 1) * 0.01, interval=0.01))
    top = figure[0].axes[0]
    copies = [line for line in top.lines if line.get_marker() == "o" and len(line.get_xdata())]
    curves = [line for line in top.lines if line.get_marker() != "o" and len(line.get_xdata())]
    assert abs(len(copies[0].get_xdata()) - marks) <= 1
    assert max(line.get_zorder() for line in copies) < min(line.get_zorder() for line in curves)


def test_the_lower_panel_shows_sigmas_where_they_are_known(tmp_path: Path, figure: list[Any]) -> None:
    comparison, _ = reported(results(tmp_path, members=10**6))
    reported(results(tmp_path, members=100))
    known, unknown = (drawn.axes[1] for drawn in figure)
    assert known.get_ylabel() == "difference / σ"
    np.testing.assert_array_equal(known.lines[1].get_ydata(), comparison.sigmas[:, 1])
    assert [text.get_text() for text in known.get_legend().get_texts()] == ["±1σ expected", "±2σ"]
    assert "sqrt" in unknown.get_ylabel()
    assert unknown.get_legend() is None
