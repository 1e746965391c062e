"""The reference of docs/: no key of a config, dataset, command or public name without documentation, and none made up.

What there is, is asked of the code: refusals name the keys that they know, runs write files. Sphinx is not needed.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import copympi
from copympi.errors import InputError
from copympi.model import drives, potential, pulses

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))
import api  # noqa: E402
import commands  # noqa: E402
import datasets  # noqa: E402
import docstrings  # noqa: E402
import inside  # noqa: E402
import keys  # noqa: E402
import outside  # noqa: E402
from words import KEYS, POTENTIALS, PULSES  # noqa: E402

TWO = copympi.System([[0.1, 0.5], [0.5, -0.1]])
RING = copympi.lattice(8, 0.5)
START: dict[str, Any] = {"state": [0.6, 0.8], "members": 200, "duration": 1.0, "interval": 0.25, "seed": 1}
ODD = {"nonsense": 1}
ASKED: dict[str, Callable[[], Any]] = {
    "system.parts": lambda: copympi.composite([ODD], []),
    "system.terms": lambda: copympi.composite({"A": 2}, [ODD]),
    "system.drive": lambda: drives.read([ODD], TWO),
    "preparation.packet": lambda: copympi.simulate(RING, packet=ODD, members=200, duration=1.0, seed=1),
    "preparation.admixture": lambda: copympi.simulate(TWO, admixture=ODD, **START),
    "dynamics.rule": lambda: copympi.simulate(TWO, rule=ODD, **START),
    "dynamics.rule.harmonics": lambda: copympi.simulate(TWO, rule={"harmonics": [ODD]}, **START),
}
"""Keys that hold tables, and a call that gives each a key that nobody knows."""


def known_here(call: Callable[[], Any]) -> set[str]:
    """The keys that a refusal says are known."""
    with pytest.raises(InputError, match="known here: ") as refused:
        call()
    return set(refused.value.why.partition("known here: ")[2].split(", "))


def within(key: str) -> set[str]:
    return {name[len(key) + 1 :] for name in KEYS if name.startswith(f"{key}.") and "." not in name[len(key) + 1 :]}


def test_every_key() -> None:
    """Of sections and builders, of tables in them, and of every named potential and pulse: all are on the page."""
    assert {key for key in KEYS if key.count(".") == 1} == set(keys.known())
    for key, call in ASKED.items():
        assert within(key) == known_here(call), key
    shape = known_here(lambda: pulses.named({"shape": "gaussian", **ODD}, "pulse"))
    assert within("system.drive.pulse") == {"shape", *shape - {"centre", "width", "height"}}
    assert set(ASKED) | {"system.drive.pulse"} == set(keys.WITHIN)
    assert (set(POTENTIALS), set(PULSES)) == (set(potential.KINDS), set(pulses.SHAPES))
    page = keys.page()
    for key, words in KEYS.items():
        assert f"\n`{key.rpartition('.')[2]}`\n: {keys.plain(words)}" in page, key
    rows = [("kind", *row) for row in potential.KINDS.items()] + [("shape", *row) for row in pulses.SHAPES.items()]
    for key, name, (_, needed, optional) in rows:
        said = re.search(rf'^`{key} = "{name}"`\n: (.*)$', page, re.MULTILINE)
        assert said
        assert all(f"`{each}`" in said[1] for each in [*needed, *optional]), name


def test_schema_of_a_config() -> None:
    """Every key has a description; bounds and defaults are those that refusals go by."""
    made = keys.schema()
    for section in keys.SECTIONS:
        assert all(said["description"] for said in keys.of_section(made, section)["properties"].values())
    dynamics = keys.of_section(made, "dynamics")["properties"]
    assert (dynamics["leaving_chance"]["default"], dynamics["leaving_chance"]["maximum"]) == (0.03, 0.3)
    assert keys.allowed(dynamics["leaving_chance"], False) == "a number above 0 up to 0.3; default `0.03`"
    assert keys.allowed(dynamics["seed"], False) == "a whole number from 0 below 2^64; default `1`"


RUNS: dict[str, dict[str, Any]] = {
    "composite": {
        "system": copympi.composite({"A": 2, "B": 2}, [{"on": "A", "operator": "sx"}, {"on": "B", "operator": "sx"}]),
        "state": [0.5, 0.5, 0.5, 0.5], "members": 400, "replicas": 2, "track": 3,
        "schedule": [{"at": 0.3, "filter": {"A": ["0"]}}],
        "observe": {"two": lambda view: view.n[:, :2] / 400},
    },
    "driven lattice": {
        "system": [RING, [np.arange(8.0), {"shape": "cosine", "amplitude": 0.3, "frequency": 1.0}]],
        "density": [0.125] * 8, "members": 4000, "profile_interval": 0.5,
    },
    "switched": {"system": TWO, "state": [0.6, 0.8], "members": 1e30, "schedule": [(0.3, [[0, 0.2], [0.2, 0]])]},
    "event by event": {"system": TWO, "state": [0.6, 0.8], "members": 60, "phase_spread": 0.3, "method": "exact"},
    "momenta": {"system": TWO, "state": [0.6, 0.8], "members": 60, "alignment": {"strength": 0.1}, "track": 2},
}  # fmt: skip
"""Runs that write all sorts of datasets and checkpoints."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of RUNS."""
    folder = tmp_path_factory.mktemp("reference")
    for name, asked in RUNS.items():
        copympi.simulate(duration=1.0, interval=0.25, seed=1, output=folder / name, **asked)
    return [folder / name for name in RUNS]


def test_every_dataset(files: list[Path]) -> None:
    """What results.h5 holds is on the page, and so are its attributes."""
    documented, page, seen = datasets.names(), datasets.page(), set()
    for folder in files:
        with h5py.File(folder / "results.h5") as file:
            names: list[str] = []
            file.visit(names.append)
            assert set(file.attrs) <= set(datasets.ATTRIBUTES)
        for name in names:
            name = re.sub(r"^schedule/\d+", "schedule/K", re.sub(r"(?<=terms/)\d+", "J", name))
            name = re.sub(r"^(marginal|beable)_[AB]$", r"\1_NAME", name)
            seen.add(name.replace("two_component", "NAME_component"))
    assert seen - documented == {"two"}  # which `observe` gave
    for name in documented:
        assert f"`{name}`" in page or datasets.GROUPS.get(name) == "as above", name
    assert not {name for name in datasets.GROUPS if "/" in name} - seen  # none that no file has


def test_every_dataset_of_checkpoints(files: list[Path]) -> None:
    page = re.sub("`(units|common)/", "`", (ROOT / "docs/checkpoints.md").read_text(encoding="utf-8"))
    for folder in files:
        names: list[str] = []
        with h5py.File(next((folder / "checkpoints").glob("*.h5"))) as file:
            file.visit(names.append)
        assert "meta" in names
        for name in set(names) - {"units", "common"}:
            assert f"`{name.rpartition('/')[2].removesuffix('_length')}`" in page, name


def test_every_command() -> None:
    """Each command and each of its arguments says what it is, and is on the page."""
    page, found = commands.page(), commands.commands()
    assert set(found) >= {"run", "plot", "info", "check", "study", "sweep", "collect", "rerun", "cite"}
    for name, command in found.items():
        assert f"## `copympi {name}`" in page
        assert command.description
        for argument in commands.arguments(command):
            assert argument.help, (name, argument.dest)
            assert argument.help != argparse.SUPPRESS
            assert f"`{commands.named(argument)}`\n: " in page
    codes = (ROOT / "docs/exit-codes.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (\d) \|", codes, re.MULTILINE) == ["0", "1", "2", "3"]


def test_every_public_name() -> None:
    """Names of copympi and what they have: each is documented, and on the page."""
    page = api.page()
    for name in copympi.__all__:
        if name == "__version__":
            continue
        made = getattr(copympi, name)
        assert made.__doc__, name
        assert re.search(rf"^\.\. auto(class|function):: copympi\.{name}(\(\))?$", page, re.MULTILINE), name
        if not inspect.isclass(made) or issubclass(made, Exception):
            continue
        for member, value in vars(made).items():
            if callable(value) or isinstance(value, (property, cached_property, classmethod, staticmethod)):
                assert member.startswith("_") or inspect.getdoc(getattr(made, member, value)), (name, member)
    assert all(f"autoclass:: {path}()" in page for path in api.MORE)


def test_docstrings_become_rst() -> None:
    text = [
        "A start.",
        "",
        "x : (P,) float [1]. Psi*, |Psi|.",
        "    More, `code`.",
        "y, z : docs/faq.md",
        "",
        "The end_.",
    ]
    assert docstrings.as_rst(text) == [
        "A start.", "", "**x**", "    (P,) float [1]. Psi\\*, \\|Psi\\|.", "    More, ``code``.", "**y, z**",
        "    :doc:`/faq`", "", "The end\\_.", "",
    ]  # fmt: skip
    assert docstrings.as_rst(["Raises", "------", "InputError : for", "    both"]) == [
        ".. rubric:: Raises", "", "**InputError**", "    for", "    both", "",
    ]  # fmt: skip


def test_links_that_leave_the_docs() -> None:
    """A page of the site in place of a file of the repository, else its name; what is not there is an error."""
    text = "[jobs](../jobs/README.md), [one](../jobs/ammonia.toml), [nodes.md](nodes.md#here), [y](https://there)"
    shown = "[jobs](project/jobs.md), one (`jobs/ammonia.toml`), [](nodes.md#here), [y](https://there)"
    assert outside.relinked(text, ROOT, "docs/faq.md", "faq.md") == shown
    assert outside.relinked("![](docs/house.svg)", ROOT, "CONTRIBUTING.md", "project/c.md") == "![](../house.svg)"
    with pytest.raises(FileNotFoundError, match=r"docs/faq\.md links to jobs/none\.md"):
        outside.relinked("[jobs](../jobs/none.md)", ROOT, "docs/faq.md", "faq.md")


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "a.html").write_text('<h1 id="top">A</h1><a href="more/b.html#here">b</a><img src="none.png">')
    (tmp_path / "more/b.html").write_text('<p id="here"></p><a href="../a.html#top">a</a><a href="https://x.y/z">z</a>')
    assert inside.broken(tmp_path) == ["a.html: none.png"]
    (tmp_path / "more/b.html").write_text('<a href="../a.html#end">a</a>')
    (tmp_path / "none.png").touch()
    assert inside.broken(tmp_path) == ["a.html: more/b.html#here", "more/b.html: ../a.html#end"]
