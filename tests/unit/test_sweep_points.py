"""Points of a sweep: their names are signac's, what is asked for is read, shared out, or refused in one line."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

from copympi.errors import InputError
from copympi.sweep import points, sharing
from copympi.sweep.moments import Moments, Turns
from copympi.sweep.points import Point


def test_names_are_those_of_signac() -> None:
    """signac 2.4.1 said so of this state point; where it is installed, it is asked about others too."""
    values = {"preparation.members": 100, "preparation.x": [1, 2.5, None, True], "dynamics.seed": 1}
    assert Point(values).name == "e8bfd40a622bb2115c0c4c308f772a27"
    job = pytest.importorskip("signac.job")
    for more in ({"system.hbar": 1e-9}, {"preparation.state": [0.6, "0.8j"]}, {"alignment.potential": "pölar"}):
        assert Point(values | more).name == job.calc_id(Point(values | more).state_point)


def test_all_combinations_with_the_seed_last() -> None:
    over = points.checked({"dynamics.seed": range(2), "preparation.members": np.array([10, 20]), "system.hbar": (1.0,)})
    assert list(over) == ["preparation.members", "system.hbar", "dynamics.seed"]
    made = points.Points(over)
    assert [list(point.values.values()) for point in made] == [[10, 1.0, 0], [10, 1.0, 1], [20, 1.0, 0], [20, 1.0, 1]]
    assert made[2].state_point == {"preparation": {"members": 20}, "system": {"hbar": 1.0}, "dynamics": {"seed": 0}}
    assert [point.name for point in made[1:3]] == [made[1].name, made[2].name]
    assert len({point.name for point in made}) == len(made) == 4


def test_values_of_the_command_line() -> None:
    read = points.read(["preparation.members=100, 1e4,1_000_000", "dynamics.method=leap", 'system.labels=["a"],["b"]'])
    assert read == {
        "preparation.members": [100, 1e4, 1_000_000], "dynamics.method": ["leap"], "system.labels": [["a"], ["b"]]
    }  # fmt: skip
    assert points.seeds(5, 3) == [5, 6, 7]


def test_values_go_into_tables_within_tables() -> None:
    before = {"system": {"potential": {"kind": "harmonic", "omega": 1}}, "dynamics": {"duration": 1.0}}
    after = points.placed(before, {"system.potential.omega": 2, "alignment.strength": 0.5})
    assert after["system"]["potential"] == {"kind": "harmonic", "omega": 2}
    assert after["alignment"] == {"strength": 0.5}
    assert before["system"]["potential"]["omega"] == 1  # type: ignore[index]
    with pytest.raises(InputError, match=r"duration is not a section, but 1.0"):
        points.placed(before, {"dynamics.duration.x": 1})


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({}, "with a key at least"),
        ([], "must be a dictionary"),
        ({"members": [1]}, "must read section.key"),
        ({"checkpoint.keep": [1, 2]}, "one of the sections system, preparation"),
        ({"dynamics.": [1]}, "must read section.key"),
        ({"dynamics.seed": []}, "at least one"),
        ({"dynamics.seed": 3}, "must be a list of values"),
        ({"dynamics.method": "leap"}, "must be a list of values"),
        ({"preparation.members": [1000, 1e3]}, "must not stand there twice"),
        ({"system.potential": [{}], "system.potential.omega": [1]}, "and what stands in it"),
        ({"dynamics.seed": range(10**3), "preparation.members": range(1, 10**4)}, "at most 1,000,000"),
        ({"preparation.state": [np.ones(2000)]}, "at most 1024 numbers"),
        ({"dynamics.seed": np.array(5)}, "must be a list of values"),
        ({"dynamics.duration": [datetime.date(2026, 1, 1)]}, "= \"2026-01-01\": must be a number, true or false"),
        ({"preparation.members": [None]}, "must be a number, true or false"),
    ],
)
def test_what_cannot_be_swept_is_refused(over: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        points.checked(over)


@pytest.mark.parametrize("text", ["preparation.members", "=1,2", "preparation.members=", "a.b=\udcff"])
def test_what_does_not_read_as_values(text: str) -> None:
    with pytest.raises(InputError, match="--over"):
        points.read([text])


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_slices_are_runs_of_neighbours_and_even_in_cost(size: int) -> None:
    costs = np.random.default_rng(1).integers(1, 100, 500)
    cuts = sharing.slices(costs, size)
    assert [first for first, _ in cuts] == [0, *(last for _, last in cuts[:-1])]
    assert cuts[-1][1] == 500
    shares = np.array([costs[first:last].sum() for first, last in cuts])
    assert np.ptp(shares) <= 2 * costs.max()
    assert sorted(sharing.slices(costs[:1], size))[-1] == (0, 1) if size == 1 else True
    assert sum(last - first for first, last in sharing.slices(costs[:1], size)) == 1


def test_moments_are_numpys_and_leave_out_what_is_not_finite() -> None:
    values = np.random.default_rng(2).normal(3.0, 2.0, (9, 4))
    values[2, 1] = np.nan
    values[:, 3] = np.nan
    found, turns = Moments((4,)), Turns((4,))
    for row in values:
        found.add(row)
        turns.add(row)
    np.testing.assert_allclose(found.mean[:3], np.nanmean(values[:, :3], axis=0), rtol=1e-13)
    error = np.nanstd(values[:, :3], axis=0, ddof=1) / np.sqrt([9, 8, 9])
    np.testing.assert_allclose(found.error[:3], error, rtol=1e-12)
    assert np.isnan([found.mean[3], found.error[3], turns.mean[3]]).all()
    np.testing.assert_allclose(turns.mean[0], np.angle(np.exp(1j * values[:, 0]).mean()), rtol=1e-12)
    one = Moments(())
    one.add(np.array(1.5))
    assert one.mean == 1.5
    assert np.isnan(one.error)
