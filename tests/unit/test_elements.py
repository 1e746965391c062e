"""Elements of lists in a config, as system.terms[0].strength: changed on the command line, and swept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import copympi
from copympi.config import reading
from copympi.errors import InputError
from copympi.sweep import points

TEXT = """
[system]
builder = "composite"
parts = [{name = "A", dimension = 2, labels = ["up", "down"]}, {name = "B", dimension = 2}]
terms = [{on = "A", operator = "sx", strength = 0.5}, {on = ["A", "B"], operator = "sz*sz"}]
[preparation]
members = 1000
parts = {A = [0.6, 0.8], B = [0.8, 0.6]}
[dynamics]
duration = 0.2
seed = 1
[output]
interval = 0.1
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.toml"
    path.write_text(TEXT)
    return path


def test_an_element_is_changed(job: Path) -> None:
    ways = ["system.terms[0].strength=0.3", "system.terms[1].strength=0.2", "preparation.parts.B[1]=-0.6"]
    config, text = reading.read(job, ways)
    assert [term["strength"] for term in config.system.keys_of_builder["terms"]] == [0.3, 0.2]
    assert config.preparation.parts is not None
    assert config.preparation.parts["B"] == [0.8, -0.6]
    again = job.with_name("again.toml")
    again.write_text(text)
    assert reading.read(again)[0] == config


REFUSED = [
    ("system.terms[2].strength=1", "there are 2 elements of system.terms, counted from 0"),
    ("system.term[0].strength=1", "there is no list system.term"),
    ("preparation.parts[0].A=1", "preparation.parts is not a list"),
    ("system.terms.strength=1", "system.terms has several tables: name one of them, as system.terms[0]"),
    ("schedule[0].at=1", "there is no list schedule"),
    ("system[0].terms=1", "system is not a list"),
]


@pytest.mark.parametrize(("item", "said"), REFUSED)
def test_what_is_not_there_is_no_new_key(job: Path, item: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        reading.read(job, [item])
    assert str(refused.value) == f'--set = "{item}": {said}'


def test_an_element_is_swept_and_columns_have_names(job: Path) -> None:
    """Each run is the one with that value in it; what a second start reads of the folder is the same sweep."""
    key, out = "system.terms[0].strength", job.with_name("out")
    over = points.read([f"{key}=0.3,0.5"])
    assert over == {key: [0.3, 0.5]}
    one = copympi.sweep(job, over=over, output=out)
    values, found = next(iter(copympi.sweep(job, over=over, output=out)))
    assert values == {key: 0.3}
    terms = [{"on": "A", "operator": "sx", "strength": 0.3}, {"on": ["A", "B"], "operator": "sz*sz"}]
    alone = copympi.simulate(
        copympi.composite({"A": 2, "B": 2}, terms), parts={"A": [0.6, 0.8], "B": [0.8, 0.6]}, members=1000,
        duration=0.2, interval=0.1, seed=1,
    )  # fmt: skip
    np.testing.assert_array_equal(found.occupation, alone.occupation)
    names = {"marginal_A[up]", "marginal_A[down]", "marginal_B[0]", "correlation[A,B]", "concurrence[A,B]"}
    assert names <= set(one.rows[0]), "columns have the names of parts and beables"
    assert len({run.occupation.tobytes() for _, run in one}) == 2


def test_values_are_put_into_copies() -> None:
    values: dict[str, Any] = {"system": {"terms": [{"on": "A"}, {"on": "B", "strength": 1}]}}
    made = points.placed(values, {"system.terms[1].strength": 2, "system.terms[0].strength": 3, "dynamics.rule.q": 0.5})
    assert made["system"]["terms"] == [{"on": "A", "strength": 3}, {"on": "B", "strength": 2}]
    assert made["dynamics"] == {"rule": {"q": 0.5}}
    assert values == {"system": {"terms": [{"on": "A"}, {"on": "B", "strength": 1}]}}
    assert points.Point({"system.terms[1].strength": 2}).state_point == {"system": {"terms[1]": {"strength": 2}}}
    for key, said in (("system.terms[2].on", "there are 2 elements of terms"), ("system.x[0].on", "x is not a list")):
        with pytest.raises(InputError, match=re.escape(said)):
            points.placed(values, {key: 1})
    with pytest.raises(InputError, match="must not sweep a key and what stands in it too"):
        points.checked({"system.terms": [[]], "system.terms[0].strength": [1.0]})
