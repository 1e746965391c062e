"""What a physicist tries first: states in which nothing can move, states to be normalised, what is said of a run."""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qutip

import copympi
from copympi.config.choices import MOST_OWN
from copympi.config.reading import check
from copympi.report import style, summary
from copympi.theory import noise

X = np.array([[0, 1], [1, 0]])
FLIP = [[0, 0.5], [0.5, 0]]


# --- problems of one's own; each as its user would write it


def test_spin_one_in_a_tilted_field() -> None:
    """m = 1, 0, -1 in a field halfway between z and x, 10^6 copies. H0: within 6 sigma of Schroedinger at all times."""
    H = (qutip.jmat(1, "z") + qutip.jmat(1, "x")) / np.sqrt(2)
    run = copympi.simulate(H, density=[0.5, 0.3, 0.2], phase=[0, 0.5, 1.5], members=10**6, duration=3.0, seed=1)
    off = run.occupation / 10**6 - run.schrodinger
    known = np.isfinite(run.sigma) & (run.sigma > 0)
    assert known[1:20].all()
    assert np.abs(off[known] / run.sigma[known]).max() < 6


def bell(**how: Any) -> copympi.Run:
    """Two spins in (|00> + |11>)/sqrt(2), each turned about x: H takes them to |01> and |10>, where nobody is."""
    H = np.kron(X, np.eye(2)) + 0.7 * np.kron(np.eye(2), X)
    return copympi.simulate(H, state=[1, 0, 0, 1], normalise=True, members=10**5, duration=2.0, seed=2, **how)


def ghz(**how: Any) -> copympi.Run:
    """|000> in a transverse field."""
    H = sum(np.kron(np.kron(np.eye(2**k), X), np.eye(4 // 2**k)) for k in range(3))
    return copympi.simulate(H, state=np.eye(8)[0], members=10**5, duration=0.6, seed=3, **how)


@pytest.mark.parametrize("problem", [bell, ghz])
def test_frozen_and_rescued(problem: Any, capsys: Any) -> None:
    """Frozen it says so, once, with what helps; the weight that it names does help, and so do spectators.

    H0 of the rescued: rms distance from Schroedinger below 0.05 (the admixture, or the spectators, are about 0.01).
    """
    with pytest.warns(copympi.FrozenStartWarning, match="nothing can ever move") as said:
        frozen = problem()
    assert len(said) == 1
    assert not frozen.events.any()
    for remedy in ("preparation.spectators", "preparation.basis", "preparation.admixture"):
        assert remedy in str(said[0].message)
    weight = float(re.search(r"weight = ([\d.e-]+)\}", str(said[0].message))[1])  # type: ignore[index]
    for how in ({"admixture": {"state": "uniform", "weight": weight}}, {"spectators": 50}):
        run = problem(**how)
        assert run.events[-1] > 1000
        assert np.sqrt(np.mean((run.occupation / 10**5 - frozen.schrodinger) ** 2)) < 0.05


def test_frozen_with_few_members() -> None:
    """20 members a beable are more than there are: such a weight would be above 1."""
    with pytest.warns(copympi.FrozenStartWarning, match="in each beable\\) or preparation.basis") as said:
        copympi.simulate([[0, 1], [1, 0]], density=[1, 0], members=10, duration=0.1)
    assert "admixture" not in str(said[0].message)


def test_double_well_with_a_node() -> None:
    """The first excited state of a double well has a node in its middle, where nobody is: 10^6 copies keep it."""
    well = copympi.lattice(64, potential={"kind": "double-well", "height": 0.05, "separation": 24.0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", copympi.EmptyBeableWarning)
        run = copympi.simulate(well, packet={"eigenstate": 1}, members=10**6, duration=20.0, seed=4)
    assert abs(run.measured["position"]).max() < 0.1
    assert run.occupation[-1, 32] < 100 < run.occupation[-1].max()


def test_rms_falls_as_the_root_of_n() -> None:
    """H0: rms distance from Schroedinger times sqrt(N) is one number, from N = 10^3 to 10^9, to 15% (100 replicas)."""
    rms = []
    for N in (10**3, 10**6, 10**9):
        run = copympi.simulate(FLIP, density=[0.7, 0.3], members=N, duration=3.0, interval=0.5, replicas=100, seed=5)
        rms.append(np.sqrt(np.mean((run.occupation / N - run.schrodinger) ** 2) * N))
    assert max(rms) / min(rms) < 1.15


# --- representation


@pytest.mark.parametrize(
    ("preparation", "more", "taken"),
    [
        ({}, {}, "occupation"),
        ({"members": 1e80}, {}, "occupation"),
        ({"phase_spread": 0.1}, {}, "members"),
        ({"phase_spread": 0.1, "members": MOST_OWN + 1}, {}, "occupation"),
        ({"phases": "phases.h5:/x"}, {}, "members"),
        ({}, {"alignment": {"strength": 1.0}}, "members"),
    ],
)
def test_what_auto_stands_for(preparation: dict[str, Any], more: dict[str, Any], taken: str) -> None:
    config = check(
        {"system": {"hamiltonian": FLIP}, "preparation": {"members": 100, "state": [0.6, 0.8], **preparation}}
        | {"dynamics": {"duration": 1.0}, **more}
    )
    assert config.dynamics.representation == taken
    assert config.dynamics.why
    assert config.settings()["dynamics.representation"] == taken, "a resume compares what ran"


# --- states


def test_states_as_physicists_have_them() -> None:
    """H0: a ket of any shape is the same state."""
    ket = 0.6 * qutip.basis(2, 0) + 0.8 * qutip.basis(2, 1)
    same = [[3, 4], [0.6, 0.8], [[0.6], [0.8]], np.array([[0.6], [0.8]]), ket]
    for state in same:
        run = copympi.simulate(FLIP, state=state, normalise=state is same[0], members=100, duration=0.1, seed=1)
        assert run.occupation[0].tolist() == [36, 64]
        np.testing.assert_allclose(run.state, [0.6, 0.8])
    with pytest.raises(copympi.InputError, match="must be a ket"):
        copympi.simulate(FLIP, state=ket.dag(), members=100, duration=0.1, seed=1)
    with pytest.raises(copympi.InputError, match=r"sum of \|Psi\|\^2 is 25 \(preparation\.normalise = true does it\)"):
        copympi.simulate(FLIP, state=[3, 4], members=100, duration=0.1, seed=1)
    with pytest.raises(copympi.InputError, match=r"preparation.density = .both.: must be left out where"):
        copympi.simulate(FLIP, state=[0.6, 0.8], density=[0.5, 0.5], members=100, duration=0.1, seed=1)


def test_a_state_that_was_rounded_is_normalised_with_a_note() -> None:
    with pytest.warns(copympi.StateWarning, match=r"\|Psi\|\^2 is 0\.99998082, off by rounding"):
        run = copympi.simulate(FLIP, state=[0.7071, 0.7071], members=100, duration=0.1, seed=1)
    assert run.occupation[0].tolist() == [50, 50]


def test_a_seed_left_out_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["copympi.simulate"], "_left_out", 0)
    common: dict[str, Any] = {"state": [0.6, 0.8], "members": 100, "duration": 0.1}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        first = copympi.simulate(FLIP, **common)
        copympi.simulate(FLIP, seed=1, **common)
        copympi.simulate(FLIP, **common | {"members": float("inf")})
        assert not said
        again = copympi.simulate(FLIP, **common)
        copympi.simulate(FLIP, **common)
    assert [each.category for each in said] == [copympi.SeedWarning]
    np.testing.assert_array_equal(first.occupation, again.occupation)


# --- what is said


@pytest.mark.parametrize("P", [2, 4])
def test_how_many_independent_numbers_a_run_is_compared_by(P: int) -> None:
    """H0: the mean square of difference / sigma has mean 1 and variance 2/independent, over 2,000 replicas (20%)."""
    H = np.add.outer(np.arange(P), np.arange(P)) * 0.15 + 0.3j * np.sign(np.subtract.outer(np.arange(P), np.arange(P)))
    psi = np.sqrt(np.arange(2, P + 2) / np.arange(2, P + 2).sum()) * np.exp(-1j * np.arange(P))
    run = copympi.simulate(H, state=psi, members=10**6, duration=1.0, interval=0.05, replicas=2000, seed=6)
    variance, _, independent = noise.variance(copympi.System(H), psi, run.time)
    square = np.mean((run.occupation / 1e6 - run.schrodinger)[:, 1:] ** 2 / (variance[1:] / 1e6), axis=(1, 2))
    assert square.mean() == pytest.approx(1.0, abs=0.1)
    assert 2 / square.var() == pytest.approx(independent, rel=0.2)


def test_verdicts() -> None:
    assert summary.verdict(1.0, 3.0).startswith("as it should be (")
    assert summary.verdict(2.3, 3.0).startswith("unlikely, but possible (")
    assert summary.verdict(9.0, 3.0).startswith("NOT as it should be (")
    low, high = map(float, re.findall(r"\d\.\d\d", summary.verdict(1.0, 3.0)))
    drawn = np.sqrt(np.random.default_rng(1).chisquare(3.0, 40_000) / 3.0)
    assert np.mean(drawn < low) == pytest.approx(0.005, abs=0.002)
    assert np.mean(drawn > high) == pytest.approx(0.005, abs=0.002)


def test_the_table_and_the_figure_say_that_nothing_can_move() -> None:
    with pytest.warns(copympi.FrozenStartWarning):
        run = copympi.simulate(FLIP, state=[1, 0], members=100, duration=1.0, seed=1, replicas=2)
    comparison = copympi.report.analysis.compare(run.results())
    assert "  nothing moved, and nothing can: " in "\n".join(summary.lines(run.results(), comparison))
    assert any("nothing can move" in text.get_text() for text in run.plot().axes[0].texts)


# --- Run


def test_a_run_knows_theory_and_shows_itself(tmp_path: Path) -> None:
    system = copympi.System(FLIP, labels=["left", "right"])
    common: dict[str, Any] = {"density": [0.7, 0.3], "members": 1001, "duration": 1.0, "seed": 1, "replicas": 3}
    run = copympi.simulate(system, **common)
    assert repr(run) == "Run(2 beables, 3 x 1,001 members, t = 0 .. 1 in 101 records)"
    np.testing.assert_allclose(run.schrodinger[0], run.occupation[0, 0] / 1001, rtol=1e-12)
    assert run.schrodinger.shape == run.sigma.shape == (101, 2)
    assert run.sigma[0].tolist() == [0, 0]
    spread = run.occupation[:, -1, 0].std(ddof=1) / 1001
    assert 0.2 < spread / run.sigma[-1, 0] < 3
    html = run._repr_html_()
    assert "left, right" in html
    assert html.count("<img") == 1
    figure = run.plot(tmp_path / "run.png")
    assert (tmp_path / "run.png").stat().st_size > 10_000
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert isinstance(figure, type(style.blank((1, 1))))
    again = copympi.simulate(system, output=tmp_path / "out", **common)
    for part in ("schrodinger", "sigma"):
        np.testing.assert_array_equal(getattr(copympi.load(tmp_path / "out"), part), getattr(run, part))
    assert repr(again) == repr(run)


def test_a_packet_and_phases_of_their_own() -> None:
    ring = copympi.lattice(32)
    wave: dict[str, Any] = {"packet": {"centre": 0, "width": 2.5}, "members": 10**6, "duration": 2.0, "seed": 1}
    run = copympi.simulate(ring, spectators=1, profile_interval=1.0, **wave)
    assert run.schrodinger.shape == run.occupation.shape == (3, 32)
    assert len(run.plot().axes) >= 3
    own = copympi.simulate(FLIP, state=[0.6, 0.8j], phase_spread=0.2, members=500, duration=1.0, seed=1)
    np.testing.assert_allclose(own.schrodinger[0], [0.36, 0.64])
    assert np.isnan(own.sigma).all()


def run_of(folder: Path | None = None, **more: Any) -> copympi.Run:
    system = copympi.System(FLIP, labels=["left", "right"])
    return copympi.simulate(
        system, density=[0.7, 0.3], members=1000, duration=1.0, interval=0.5, seed=1, time_unit="ps", output=folder,
        observe={"pair": lambda view: view.n / 1000}, **more,
    )  # fmt: skip


def test_xarray(tmp_path: Path) -> None:
    """In memory, and results.h5 as xarray opens it by itself."""
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    run = run_of(tmp_path / "out", replicas=2)
    made = run.to_xarray()
    assert made.occupation.dims == ("replica", "time", "beable")
    assert made.pair.dims == ("replica", "time", "pair_component")
    assert made.time.attrs["units"] == "ps"
    with xarray.open_dataset(tmp_path / "out/results.h5") as opened:
        for name in made.data_vars:
            assert opened[name].dims == made[name].dims, name
            np.testing.assert_array_equal(opened[name], made[name])
        assert opened.beable.values.tolist() == ["left", "right"]
        np.testing.assert_array_equal(opened.time, run.time)
        assert opened.occupation.sel(beable="left", replica=1).values.tolist() == run.occupation[1, :, 0].tolist()
        np.testing.assert_array_equal(copympi.load(tmp_path / "out").occupation, run.occupation)  # beside it
    wave = copympi.simulate(
        copympi.lattice([66, 64]), packet={"centre": (0, 0), "width": 3}, members=10**6, duration=1.0, interval=0.5,
        spectators=1, output=tmp_path / "plane", seed=1,
    )  # fmt: skip
    with xarray.open_dataset(tmp_path / "plane/results.h5") as opened:
        assert opened.occupation.dims == ("profile_time", "beable")
        assert opened.position.dims == ("time", "axis")
        np.testing.assert_array_equal(opened.occupation, wave.occupation)


def test_pandas() -> None:
    pytest.importorskip("pandas")
    run = run_of(replicas=2)
    table = run.to_pandas()
    assert table.index.names == ["replica", "time", "beable"]
    assert table.loc[(1, 0.5, "left"), "occupation"] == run.occupation[1, 1, 0]
    assert table.loc[(1, 0.5, "right"), "events"] == run.events[1, 1]
    assert list(table.columns) == ["occupation", "phase", "coherence", "events", "pair_0", "pair_1"]
    assert run_of().to_pandas().index.names == ["time", "beable"]


def test_what_is_missing_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match=r"^Run\.to_xarray\(\) needs xarray: pip install xarray$"):
        run_of().to_xarray()


# --- documents


NUMBER = re.compile(r"\b(int|float|complex)\b")


def documented(function: Any) -> None:
    """Each parameter stands in the docstring with its type, its unit in [] where it is a number, and its default."""
    text = inspect.getdoc(function) or ""
    if inspect.isclass(function):
        function = function.__init__
    for name, parameter in inspect.signature(function).parameters.items():
        if name in ("self", "cls") or parameter.kind is parameter.VAR_KEYWORD:
            continue
        line = re.search(rf"^ *{name} : (.+(?:\n .*)*?)(?=\n *\w+ :|\n\n|\n\w|\Z)", text, re.MULTILINE)
        assert line, f"{function.__qualname__}: {name} is not documented"
        if parameter.default is not parameter.empty:
            shown = f'"{parameter.default}"' if isinstance(parameter.default, str) else str(parameter.default)
            told = re.search(r"default (\"[^\"]*\"|[\w.+-]+?)\.?(?=[ ,;]|$)", line[1], re.MULTILINE)
            assert told, f"{function.__qualname__}: {name} has no default in {line[1]!r}"
            assert told[1] == shown or float(told[1]) == parameter.default, f"{function.__qualname__}: {name}"
        if NUMBER.search(line[1].partition("\n")[0]):
            assert re.search(r"\[[^\]]+\]", line[1]), f"{function.__qualname__}: {name} has no unit in {line[1]!r}"


def public() -> list[Any]:
    """Functions, and classes that users make or have, with their public methods; exceptions and warnings aside."""
    found = []
    for name in copympi.__all__:
        item = getattr(copympi, name)
        if inspect.isclass(item) and issubclass(item, BaseException):
            continue
        if inspect.isclass(item):
            methods = [each for key, each in vars(item).items() if inspect.isfunction(each) and key[0] != "_"]
            found += methods + ([item] if item is not copympi.Run else [])
        elif callable(item):
            found.append(item)
    return found


@pytest.mark.parametrize("function", public(), ids=lambda function: function.__qualname__)
def test_every_parameter_is_documented(function: Any) -> None:
    documented(function)


def test_that_test_can_fail() -> None:
    def wrong(duration: float = 1.0) -> None:
        """duration : float [time], default 2.0."""

    with pytest.raises(AssertionError):
        documented(wrong)
